// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "pcapng.h"

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
	PACKET_VERDICT = 7,
	STATISTICS_OS_LOST = 7,
	STATISTICS_DELIVERED = 8,
};

enum { BYTE_ORDER_MAGIC = 0x1a2b3c4d, LINK_ETHERNET = 1, NANOSECONDS_EXPONENT = 9 };
enum { FLAG_INBOUND = 1, FLAG_OUTBOUND = 2 };
enum { FRAME_OF_BLOCK = 12, OPTIONS_MAX = 1024, OPTION_TEXT_MAX = 400 };

/* Options are built before their block, whose length comes first. */
struct options {
	uint8_t bytes[OPTIONS_MAX];
	uint32_t n;
};

static uint32_t padded(uint32_t n)
{
	return (n + 3) & ~3u;
}

static void add_option(struct options *o, uint16_t code, const void *value, size_t size)
{
	uint16_t head[2] = { code, (uint16_t)size };
	uint32_t whole = (uint32_t)sizeof(head) + padded((uint32_t)size);

	if (o->n + whole + sizeof(head) > sizeof(o->bytes))
		return;
	memset(o->bytes + o->n, 0, whole);
	memcpy(o->bytes + o->n, head, sizeof(head));
	if (size)
		memcpy(o->bytes + o->n + sizeof(head), value, size);
	o->n += whole;
}

static void add_text(struct options *o, uint16_t code, const char *text)
{
	if (text && *text)
		add_option(o, code, text, strnlen(text, OPTION_TEXT_MAX));
}

static void end_options(struct options *o)
{
	if (o->n)
		add_option(o, OPTION_END, NULL, 0);
}

static void put(FILE *f, const void *bytes, size_t n)
{
	if (n)
		fwrite(bytes, 1, n, f);
}

/* A block of a fixed part, padded data (may be none), and options. */
static void put_block(FILE *f, uint32_t type, const void *fixed, uint32_t fixed_size,
		      const void *data, uint32_t size, const struct options *o)
{
	static const uint8_t zeros[4];
	uint32_t whole = FRAME_OF_BLOCK + fixed_size + padded(size) + o->n;
	uint32_t head[2] = { type, whole };

	put(f, head, sizeof(head));
	put(f, fixed, fixed_size);
	put(f, data, size);
	put(f, zeros, padded(size) - size);
	put(f, o->bytes, o->n);
	put(f, &whole, sizeof(whole));
}

void pcapng_begin(FILE *f, const char *application)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t length; /* of the section: not known beforehand */
	} section = { BYTE_ORDER_MAGIC, 1, 0, -1 };
	struct options o = { .n = 0 };

	add_text(&o, SECTION_APPLICATION, application);
	end_options(&o);
	put_block(f, BLOCK_SECTION, &section, sizeof(section), NULL, 0, &o);
}

void pcapng_interface(FILE *f, const char *name, uint32_t snaplen)
{
	struct {
		uint16_t link, reserved;
		uint32_t snaplen;
	} interface = { LINK_ETHERNET, 0, snaplen };
	uint8_t resolution = NANOSECONDS_EXPONENT;
	struct options o = { .n = 0 };

	add_text(&o, INTERFACE_NAME, name);
	add_option(&o, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	end_options(&o);
	put_block(f, BLOCK_INTERFACE, &interface, sizeof(interface), NULL, 0, &o);
}

static void add_verdict(struct options *o, const struct pcapng_packet *p)
{
	uint8_t verdict[1 + sizeof(p->verdict)] = { (uint8_t)p->verdict_type };

	memcpy(verdict + 1, &p->verdict, sizeof(p->verdict));
	add_option(o, PACKET_VERDICT, verdict, sizeof(verdict));
}

void pcapng_packet(FILE *f, const struct pcapng_packet *p)
{
	struct {
		uint32_t interface, time_high, time_low, captured, length;
	} packet = { p->interface, (uint32_t)(p->time >> 32), (uint32_t)p->time, p->captured,
		     p->length };
	uint32_t flags = p->outbound ? FLAG_OUTBOUND : FLAG_INBOUND;
	struct options o = { .n = 0 };

	add_text(&o, OPTION_COMMENT, p->comment);
	add_option(&o, PACKET_FLAGS, &flags, sizeof(flags));
	add_verdict(&o, p);
	end_options(&o);
	put_block(f, BLOCK_PACKET, &packet, sizeof(packet), p->data, p->captured, &o);
}

void pcapng_statistics(FILE *f, uint32_t interface, uint64_t time, uint64_t delivered,
		       uint64_t lost, const char *comment)
{
	struct {
		uint32_t interface, time_high, time_low;
	} statistics = { interface, (uint32_t)(time >> 32), (uint32_t)time };
	struct options o = { .n = 0 };

	add_text(&o, OPTION_COMMENT, comment);
	add_option(&o, STATISTICS_OS_LOST, &lost, sizeof(lost));
	add_option(&o, STATISTICS_DELIVERED, &delivered, sizeof(delivered));
	end_options(&o);
	put_block(f, BLOCK_STATISTICS, &statistics, sizeof(statistics), NULL, 0, &o);
}
