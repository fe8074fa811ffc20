// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include "cleanup.h"
#include "sip_agent.h"

enum {
	TAG_SIZE = 4,
	TAGS_MAX = 3, /* two that are followed, and one that a driver took off and put back */
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	EXTENSIONS_MAX = 8,
	UDP_SIZE = 8,
	TCP_SIZE = 20,
	HEADERS_MAX = 100, /* lines of a message that are looked at */
	AGENT_MAX = 256,   /* bytes of it */
};

/* The rest of something; its beginning moves on, but never past its end. */
struct bytes {
	const uint8_t *at;
	size_t n;
};

static bool skip(struct bytes *b, size_t n)
{
	if (n > b->n)
		return false;
	b->at += n;
	b->n -= n;
	return true;
}

static uint32_t at16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* The EtherType behind all tags; 0: cut short. */
static uint32_t skip_ethernet(struct bytes *b)
{
	uint32_t type;

	if (b->n < ETH_HLEN)
		return 0;
	type = at16(b->at + ETH_HLEN - 2);
	skip(b, ETH_HLEN);
	for (int tag = 0; tag < TAGS_MAX && (type == ETH_P_8021Q || type == ETH_P_8021AD); tag++) {
		if (b->n < TAG_SIZE)
			return 0;
		type = at16(b->at + 2);
		skip(b, TAG_SIZE);
	}
	return type;
}

/* What comes behind the IP header; -1: nothing that has ports. */
static int skip_ipv4(struct bytes *b)
{
	size_t header, total;
	int protocol;

	if (b->n < IPV4_SIZE)
		return -1;
	header = (size_t)(b->at[0] & 0xf) * 4;
	total = at16(b->at + 2);
	protocol = b->at[9];
	if (b->at[0] >> 4 != 4 || header < IPV4_SIZE || total < header)
		return -1;
	if (at16(b->at + 6) & 0x1fff) /* a later fragment */
		return -1;
	if (total < b->n) /* padding of a short frame */
		b->n = total;
	return skip(b, header) ? protocol : -1;
}

static int skip_ipv6(struct bytes *b)
{
	uint8_t next;

	if (b->n < IPV6_SIZE || b->at[0] >> 4 != 6)
		return -1;
	next = b->at[6];
	if (at16(b->at + 4) + (size_t)IPV6_SIZE < b->n)
		b->n = at16(b->at + 4) + (size_t)IPV6_SIZE;
	skip(b, IPV6_SIZE);
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		size_t size;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT)
			return next;
		if (b->n < 8)
			return -1;
		if (next == IPPROTO_FRAGMENT && at16(b->at + 2) & 0xfff8)
			return -1;
		size = next == IPPROTO_FRAGMENT ? 8 : ((size_t)b->at[1] + 1) * 8;
		next = b->at[0];
		if (!skip(b, size))
			return -1;
	}
	return -1;
}

const uint8_t *frame_payload(const uint8_t *frame, size_t n, size_t *size)
{
	struct bytes b = { frame, n };
	uint32_t type = skip_ethernet(&b);
	int protocol = type == ETH_P_IP ? skip_ipv4(&b) : type == ETH_P_IPV6 ? skip_ipv6(&b) : -1;
	size_t header = UDP_SIZE;

	if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP)
		return NULL;
	if (protocol == IPPROTO_TCP) {
		if (b.n < TCP_SIZE)
			return NULL;
		header = (size_t)(b.at[12] >> 4) * 4;
		if (header < TCP_SIZE)
			return NULL;
	}
	if (!skip(&b, header))
		return NULL;
	*size = b.n;
	return b.at;
}

/* A line without its end (CRLF, or LF alone); false: there is none left. */
static bool next_line(struct bytes *b, struct bytes *line)
{
	const uint8_t *end;

	if (!b->n)
		return false;
	end = memchr(b->at, '\n', b->n);
	*line = (struct bytes){ b->at, end ? (size_t)(end - b->at) : b->n };
	skip(b, end ? line->n + 1 : line->n);
	if (line->n && line->at[line->n - 1] == '\r')
		line->n--;
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void trim(struct bytes *b)
{
	while (b->n && is_blank(b->at[0]))
		skip(b, 1);
	while (b->n && is_blank(b->at[b->n - 1]))
		b->n--;
}

static bool ends_with_version(const struct bytes *line)
{
	static const char version[] = " SIP/2.0";
	size_t n = sizeof(version) - 1;

	return line->n > n && !strncasecmp((const char *)line->at + line->n - n, version, n);
}

/* The value of the header, if the line begins with its name (case and blanks do not matter). */
static bool header_value(const struct bytes *line, const char *name, struct bytes *value)
{
	size_t n = strlen(name);

	if (line->n < n || strncasecmp((const char *)line->at, name, n))
		return false;
	*value = *line;
	skip(value, n);
	while (value->n && is_blank(value->at[0]))
		skip(value, 1);
	if (!value->n || value->at[0] != ':')
		return false;
	skip(value, 1);
	trim(value);
	return true;
}

static size_t append(char *text, size_t used, const struct bytes *b)
{
	size_t n = b->n;

	if (used && n && used < AGENT_MAX)
		text[used++] = ' ';
	if (n > AGENT_MAX - used)
		n = AGENT_MAX - used;
	memcpy(text + used, b->at, n);
	return used + n;
}

/* With the lines that go on with it: those that begin with a blank. */
static size_t unfold(struct bytes rest, const struct bytes *value, char text[static AGENT_MAX])
{
	size_t used = append(text, 0, value);
	struct bytes line;

	while (used < AGENT_MAX && next_line(&rest, &line) && line.n && is_blank(line.at[0])) {
		trim(&line);
		used = append(text, used, &line);
	}
	return used;
}

bool sip_agent(const uint8_t *payload, size_t n, char agent[static TEXT_SHOWN_MAX])
{
	struct bytes rest = { payload, n }, line, value;
	char text[AGENT_MAX];
	size_t used;

	if (!next_line(&rest, &line) || !ends_with_version(&line))
		return false;
	for (int i = 0; i < HEADERS_MAX && next_line(&rest, &line) && line.n; i++) {
		if (!header_value(&line, "User-Agent", &value))
			continue;
		used = unfold(rest, &value, text);
		if (!used)
			return false;
		text_shown(text, used, agent);
		return true;
	}
	return false;
}

bool sip_agent_scans(const char *agent)
{
	/* Names that scanners give themselves, anywhere in the text. */
	static const char *const names[] = {
		"friendly-scanner",
		"friendly-request",
		"sipvicious",
		"sundayddr",
		"sipcli",
		"vaxsipuseragent",
		"vaxipuseragent",
		"pplsip",
		"siparmyknife",
		"sip-scan",
		"sipscan",
		"sipsak",
		"sivus",
		"iwar",
		"smap",
		"nmap",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasestr(agent, names[i]))
			return true;
	}
	return false;
}
