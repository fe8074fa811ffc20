// SPDX-License-Identifier: GPL-2.0-or-later
/* The pcapng writer, read back block by block. */
#include <stdlib.h>
#include "pcapng.h"
#include "unit.h"

struct written {
	char *bytes;
	size_t n;
	FILE *f;
};

static void begin(struct written *w)
{
	w->f = open_memstream(&w->bytes, &w->n);
	assert_non_null(w->f);
}

static void end(struct written *w)
{
	assert_int_equal(ferror(w->f), 0);
	assert_int_equal(fclose(w->f), 0);
}

static uint32_t at32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t at16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t at64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A sound block of that type at `at`; returns its length. */
static uint32_t check_block(const struct written *w, size_t at, uint32_t type)
{
	uint32_t length;

	assert_true(at + 12 <= w->n);
	assert_int_equal(at32(w->bytes + at), type);
	length = at32(w->bytes + at + 4);
	assert_int_equal(length % 4, 0);
	assert_true(at + length <= w->n);
	assert_int_equal(at32(w->bytes + at + length - 4), length);
	return length;
}

/* An option among those from `p` to `end`; its length in *size. They must be ended properly. */
static const char *find_option(const char *p, const char *last, uint16_t code, uint16_t *size)
{
	const char *found = NULL;

	while (p < last) {
		uint16_t n = at16(p + 2);

		if (!at16(p)) {
			assert_int_equal(n, 0);
			assert_ptr_equal(p + 4, last);
			return found;
		}
		if (at16(p) == code) {
			found = p + 4;
			*size = n;
		}
		for (uint16_t i = n; i % 4; i++)
			assert_int_equal(p[4 + i], 0);
		p += 4 + (n + 3) / 4 * 4;
	}
	assert_null(found); /* no end of options */
	return NULL;
}

static void test_section(void **state)
{
	struct written w;
	uint16_t n = 0;
	const char *text;

	(void)state;
	begin(&w);
	pcapng_begin(w.f, "allowxdp 1.2.3");
	end(&w);
	assert_int_equal(check_block(&w, 0, 0x0a0d0d0a), w.n);
	assert_int_equal(at32(w.bytes + 8), 0x1a2b3c4d);
	assert_int_equal(at16(w.bytes + 12), 1);
	assert_int_equal(at16(w.bytes + 14), 0);
	assert_int_equal((int64_t)at64(w.bytes + 16), -1);
	text = find_option(w.bytes + 24, w.bytes + w.n - 4, 4, &n);
	assert_int_equal(n, 14);
	assert_memory_equal(text, "allowxdp 1.2.3", 14);
	free(w.bytes);
}

static void test_interface(void **state)
{
	struct written w;
	uint16_t n = 0;
	const char *o;

	(void)state;
	begin(&w);
	pcapng_interface(w.f, "eth0.100", 1500);
	end(&w);
	assert_int_equal(check_block(&w, 0, 1), w.n);
	assert_int_equal(at16(w.bytes + 8), 1); /* Ethernet */
	assert_int_equal(at16(w.bytes + 10), 0);
	assert_int_equal(at32(w.bytes + 12), 1500);
	o = find_option(w.bytes + 16, w.bytes + w.n - 4, 2, &n);
	assert_int_equal(n, 8);
	assert_memory_equal(o, "eth0.100", 8);
	o = find_option(w.bytes + 16, w.bytes + w.n - 4, 9, &n);
	assert_int_equal(n, 1);
	assert_int_equal(o[0], 9);
	free(w.bytes);
}

/* Frames and comments of every length modulo four. */
static void test_packet(void **state)
{
	static const uint8_t frame[70] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	static const char comment[] = "drop: unlisted (service sip)";

	(void)state;
	for (uint32_t captured = 0; captured <= sizeof(frame); captured++) {
		const struct pcapng_packet p = {
			.interface = 3,
			.time = 0x123456789abcdef0,
			.data = frame,
			.captured = captured,
			.length = 1500,
			.outbound = captured & 1,
			.verdict_type = PCAPNG_VERDICT_XDP,
			.verdict = captured & 1 ? 1 : (uint64_t)-1,
			.comment = comment + captured % 8,
		};
		size_t options = 28 + (captured + 3) / 4 * 4;
		struct written w;
		uint16_t n = 0;
		const char *o;

		begin(&w);
		pcapng_packet(w.f, &p);
		end(&w);
		assert_int_equal(check_block(&w, 0, 6), w.n);
		assert_int_equal(at32(w.bytes + 8), 3);
		assert_int_equal(at32(w.bytes + 12), 0x12345678);
		assert_int_equal(at32(w.bytes + 16), 0x9abcdef0);
		assert_int_equal(at32(w.bytes + 20), captured);
		assert_int_equal(at32(w.bytes + 24), 1500);
		assert_memory_equal(w.bytes + 28, frame, captured);
		o = find_option(w.bytes + options, w.bytes + w.n - 4, 1, &n);
		assert_int_equal(n, strlen(p.comment));
		assert_memory_equal(o, p.comment, n);
		o = find_option(w.bytes + options, w.bytes + w.n - 4, 2, &n);
		assert_int_equal(n, 4);
		assert_int_equal(at32(o), captured & 1 ? 2 : 1);
		o = find_option(w.bytes + options, w.bytes + w.n - 4, 7, &n);
		assert_int_equal(n, 9);
		assert_int_equal(o[0], 2);
		assert_true(at64(o + 1) == p.verdict);
		free(w.bytes);
	}
}

/* However long a comment is, the block is sound and the comment is cut. */
static void test_long_comment(void **state)
{
	struct pcapng_packet p = { .data = (const uint8_t *)"", .verdict_type = 1 };
	char comment[5000];
	struct written w;
	uint16_t n = 0;

	(void)state;
	memset(comment, 'x', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	p.comment = comment;
	begin(&w);
	pcapng_packet(w.f, &p);
	end(&w);
	assert_int_equal(check_block(&w, 0, 6), w.n);
	assert_non_null(find_option(w.bytes + 28, w.bytes + w.n - 4, 1, &n));
	assert_int_equal(n, 400);
	assert_non_null(find_option(w.bytes + 28, w.bytes + w.n - 4, 7, &n));
	free(w.bytes);
}

static void test_no_comment(void **state)
{
	const struct pcapng_packet p = { .data = (const uint8_t *)"", .verdict_type = 1 };
	struct written w;
	uint16_t n = 0;

	(void)state;
	begin(&w);
	pcapng_packet(w.f, &p);
	end(&w);
	check_block(&w, 0, 6);
	assert_null(find_option(w.bytes + 28, w.bytes + w.n - 4, 1, &n));
	free(w.bytes);
}

static void test_statistics(void **state)
{
	struct written w;
	uint16_t n = 0;
	const char *o;

	(void)state;
	begin(&w);
	pcapng_statistics(w.f, 0, 0x100000002, 12, 34, "of all interfaces");
	end(&w);
	assert_int_equal(check_block(&w, 0, 5), w.n);
	assert_int_equal(at32(w.bytes + 8), 0);
	assert_int_equal(at32(w.bytes + 12), 1);
	assert_int_equal(at32(w.bytes + 16), 2);
	o = find_option(w.bytes + 20, w.bytes + w.n - 4, 8, &n);
	assert_int_equal(n, 8);
	assert_int_equal(at64(o), 12);
	o = find_option(w.bytes + 20, w.bytes + w.n - 4, 7, &n);
	assert_int_equal(at64(o), 34);
	free(w.bytes);
}

/* One behind the other they are a file; what a full disk refuses is found in the stream. */
static void test_blocks(void **state)
{
	const struct pcapng_packet p = { .data = (const uint8_t *)"abc",
					 .captured = 3,
					 .length = 3,
					 .comment = "c",
					 .verdict_type = 1 };
	struct written w;
	size_t at = 0;
	FILE *full;

	(void)state;
	begin(&w);
	pcapng_begin(w.f, "a");
	pcapng_interface(w.f, "b", 64);
	pcapng_packet(w.f, &p);
	pcapng_packet(w.f, &p);
	end(&w);
	at += check_block(&w, at, 0x0a0d0d0a);
	at += check_block(&w, at, 1);
	at += check_block(&w, at, 6);
	at += check_block(&w, at, 6);
	assert_int_equal(at, w.n);
	free(w.bytes);
	full = fopen("/dev/full", "w");
	assert_non_null(full);
	pcapng_begin(full, "a");
	assert_int_not_equal(fflush(full), 0);
	assert_true(ferror(full));
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),    cmocka_unit_test(test_interface),
		cmocka_unit_test(test_packet),     cmocka_unit_test(test_long_comment),
		cmocka_unit_test(test_no_comment), cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_blocks),
	};

	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
