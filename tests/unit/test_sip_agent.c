// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"
#include "abi.h"
#include "sip_agents.h"

static const char *agent_of(const char *message, size_t n)
{
	static char agent[TEXT_SHOWN_MAX];
	/* In a block of its own length: what reads past the end is caught. */
	_cleanup_free_ uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, message, n);
	memset(agent, '!', sizeof(agent));
	if (!sip_agent(copy, n, agent))
		return NULL;
	assert_non_null(memchr(agent, '\0', sizeof(agent)));
	return agent;
}

#define agent_in(message) agent_of(message, sizeof(message) - 1)

#define OPTIONS "OPTIONS sip:100@192.0.2.10 SIP/2.0\r\n"

static void finds_the_agent(void **state)
{
	(void)state;
	assert_string_equal(agent_in(OPTIONS "Via: SIP/2.0/UDP 10.0.0.1\r\n"
					     "User-Agent: friendly-scanner\r\n\r\n"),
			    "friendly-scanner");
	assert_string_equal(agent_in("REGISTER sip:a sip/2.0\nuser-agent \t:\t Phone 1.2 \t\n\n"),
			    "Phone 1.2");
	assert_string_equal(agent_in(OPTIONS "User-Agent:x\r\nUser-Agent: y\r\n\r\n"), "x");
	assert_string_equal(agent_in(OPTIONS "User-Agent:\r\n friendly\r\n\t-scanner\r\n\r\n"),
			    "friendly -scanner");
	assert_string_equal(agent_in(OPTIONS "User-Agent: cut off he"), "cut off he");
}

static void takes_nothing_else(void **state)
{
	(void)state;
	assert_null(agent_of("", 0));
	assert_null(agent_in("User-Agent: x\r\n\r\n"));
	assert_null(agent_in("GET / HTTP/1.1\r\nUser-Agent: curl\r\n\r\n"));
	assert_null(agent_in("SIP/2.0 200 OK\r\nUser-Agent: an answer\r\n\r\n"));
	assert_null(agent_in(OPTIONS "\r\nUser-Agent: in the body\r\n"));
	assert_null(agent_in(OPTIONS "X-User-Agent: x\r\nUser-Agents: x\r\nUser-Agent x\r\n\r\n"));
	assert_null(agent_in(OPTIONS "User-Agent:\r\n\r\n"));
	assert_null(agent_in(OPTIONS "User-Agent: \t \r\nVia: x\r\n\r\n"));
	assert_null(agent_in(OPTIONS "User-Agen"));
	assert_null(agent_in(OPTIONS "User-Agent"));
}

static void is_safe_to_print(void **state)
{
	char long_one[2000] = OPTIONS "User-Agent: ";

	(void)state;
	assert_string_equal(agent_in(OPTIONS "User-Agent: \033[2J\0x\177\303\251\r\n\r\n"),
			    "?[2J?x???");
	assert_string_equal(agent_in(OPTIONS "User-Agent: a\rb\r\n\r\n"), "a?b");
	memset(long_one + strlen(long_one), 'A', sizeof(long_one) - strlen(long_one));
	assert_int_equal(strlen(agent_of(long_one, sizeof(long_one))), 60);
}

static void folds_without_end_are_bounded(void **state)
{
	char message[60000] = OPTIONS "User-Agent: ";
	size_t n = strlen(message);

	(void)state;
	for (; n + 3 < sizeof(message); n += 3)
		memcpy(message + n, "\n a", 3);
	assert_int_equal(strlen(agent_of(message, n)), 60);
	/* More lines than are looked at. */
	n = sizeof(OPTIONS) - 1;
	for (; n + 4 < 1000; n += 4)
		memcpy(message + n, "a:b\n", 4);
	memcpy(message + n, "User-Agent: late\n", 17);
	assert_null(agent_of(message, n + 17));
}

static void random_bytes_do_no_harm(void **state)
{
	static const char *const pieces[] = { OPTIONS, "User-Agent:", "user-agent ", "\r\n",
					      "\n",    " ",           "\t",          "sipcli",
					      "\0",    ":",           " SIP/2.0" };
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char message[256];
		size_t n = 0, size;

		while (n < 200 && unit_random(&seed) % 12) {
			const char *piece = pieces[unit_random(&seed) % ARRAY_SIZE(pieces)];

			size = strlen(piece) ? strlen(piece) : 1;
			memcpy(message + n, piece, size);
			n += size;
			if (unit_random(&seed) % 3 == 0)
				message[n++] = (char)unit_random(&seed);
		}
		agent_of(message, n);
	}
}

struct frame {
	uint8_t bytes[256];
	size_t n;
};

static void put(struct frame *f, const void *bytes, size_t n)
{
	memcpy(f->bytes + f->n, bytes, n);
	f->n += n;
}

#define put_bytes(f, ...)                            \
	do {                                         \
		const uint8_t b[] = { __VA_ARGS__ }; \
		put(f, b, sizeof(b));                \
	} while (0)

static void put_ethernet(struct frame *f, int tags, int v6)
{
	f->n = 12;
	memset(f->bytes, 2, 12);
	for (int i = 0; i < tags; i++)
		put_bytes(f, i ? 0x81 : 0x88, i ? 0x00 : 0xa8, 0, 7);
	put_bytes(f, v6 ? 0x86 : 0x08, v6 ? 0xdd : 0x00);
}

static const char *payload_of(const struct frame *f, size_t n, size_t *size)
{
	static uint8_t *copy;
	const uint8_t *p;

	free(copy);
	copy = malloc(n ? n : 1);
	assert_non_null(copy);
	memcpy(copy, f->bytes, n);
	p = frame_payload(copy, n, size);
	if (p) {
		assert_true(p >= copy && *size <= n && p + *size <= copy + n);
	}
	return (const char *)p;
}

static struct frame frame4(int tags, uint8_t protocol, uint8_t ihl)
{
	struct frame f = { .n = 0 };
	uint8_t transport = protocol == 6 ? 24 : 8;

	put_ethernet(&f, tags, 0);
	put_bytes(&f, 0x40 | ihl, 0, 0, ihl * 4 + transport + 5, 0, 0, 0, 0, 64, protocol, 0, 0);
	for (int i = 12; i < ihl * 4; i++)
		put_bytes(&f, 1);
	for (int i = 0; i < transport; i++)
		put_bytes(&f, i == 12 ? 0x60 : 0);
	put(&f, "hello", 5);
	put(&f, "padding", 7);
	return f;
}

static void assert_hello(const struct frame *f)
{
	size_t size = 0;
	const char *p = payload_of(f, f->n, &size);

	assert_non_null(p);
	assert_int_equal(size, 5);
	assert_memory_equal(p, "hello", 5);
	/* Cut short anywhere: less of it, or nothing. */
	for (size_t n = 0; n < f->n; n++) {
		p = payload_of(f, n, &size);
		if (p)
			assert_memory_equal(p, "hello", size);
	}
}

static void finds_the_payload(void **state)
{
	struct frame f;

	(void)state;
	for (int tags = 0; tags <= 3; tags++) {
		f = frame4(tags, 17, 5);
		assert_hello(&f);
	}
	f = frame4(1, 6, 5);
	assert_hello(&f);
	f = frame4(0, 17, 15);
	assert_hello(&f);
	f = (struct frame){ .n = 0 };
	put_ethernet(&f, 0, 1);
	put_bytes(&f, 0x60, 0, 0, 0, 0, 8 + 8 + 16 + 8 + 5, 0, 64);
	for (int i = 0; i < 32; i++)
		put_bytes(&f, 0);
	put_bytes(&f, 44, 0, 0, 0, 0, 0, 0, 0); /* hop by hop */
	put_bytes(&f, 60, 0, 0, 1, 0, 0, 0, 0); /* first fragment */
	put_bytes(&f, 17, 1, 0, 0, 0, 0, 0, 0); /* destination options, 16 bytes */
	put_bytes(&f, 0, 0, 0, 0, 0, 0, 0, 0);
	put_bytes(&f, 0, 0, 0, 0, 0, 0, 0, 0);
	put(&f, "hello", 5);
	put(&f, "padding", 7);
	assert_hello(&f);
}

static void frames_without_payload(void **state)
{
	struct frame f;
	size_t size;

	(void)state;
	f = frame4(4, 17, 5); /* too many tags */
	assert_null(payload_of(&f, f.n, &size));
	f = frame4(0, 1, 5); /* ICMP */
	assert_null(payload_of(&f, f.n, &size));
	f = frame4(0, 17, 4); /* IHL */
	assert_null(payload_of(&f, f.n, &size));
	f = frame4(0, 17, 5);
	f.bytes[14 + 7] = 1; /* a later fragment */
	assert_null(payload_of(&f, f.n, &size));
	f = frame4(0, 6, 5);
	f.bytes[14 + 20 + 12] = 0x40; /* TCP's header is too short */
	assert_null(payload_of(&f, f.n, &size));
	f = frame4(0, 17, 5);
	f.bytes[14 + 2] = 0;
	f.bytes[14 + 3] = 19; /* total length */
	assert_null(payload_of(&f, f.n, &size));
}

static void random_frames_do_no_harm(void **state)
{
	uint64_t seed = 6;
	size_t size;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct frame f =
			frame4((int)(unit_random(&seed) % 4), unit_random(&seed) % 2 ? 6 : 17,
			       (uint8_t)(5 + unit_random(&seed) % 11));

		if (unit_random(&seed) % 2)
			put_ethernet(&f, 0, 1);
		f.n = 20 + unit_random(&seed) % 230;
		for (int n = 0; n < 6; n++)
			f.bytes[12 + unit_random(&seed) % 60] = (uint8_t)unit_random(&seed);
		payload_of(&f, f.n, &size);
	}
}

static void knows_scanners(void **state)
{
	(void)state;
	assert_true(sip_agent_scans("friendly-scanner"));
	assert_true(sip_agent_scans("sipcli/v1.8"));
	assert_true(sip_agent_scans("VaxSIPUserAgent/3.1"));
	assert_true(sip_agent_scans("PPLSIP"));
	assert_true(sip_agent_scans("x SIPVicious x"));
	assert_false(sip_agent_scans("Asterisk PBX 20.1"));
	assert_false(sip_agent_scans("FreeSWITCH"));
	assert_false(sip_agent_scans(""));
}

static struct prefix source(uint32_t n)
{
	return (struct prefix){ .family = AXP_IPV4,
				.len = 32,
				.addr = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
					  (uint8_t)n } };
}

static void keeps_what_scanners_say(void **state)
{
	struct sip_agents a _cleanup_sip_agents_ = { 0 };
	struct prefix p = source(7), other = source(8);

	(void)state;
	assert_int_equal(sip_agents_note(&a, &p, "phone"), 0);
	assert_int_equal(sip_agents_note(&a, &p, "sipcli"), 0);
	assert_int_equal(sip_agents_note(&a, &p, "phone again"), 0);
	assert_string_equal(sip_agents_find(&a, &p)->text, "sipcli");
	assert_true(sip_agents_find(&a, &p)->scans);
	assert_null(sip_agents_find(&a, &other));
}

static void the_table_is_bounded(void **state)
{
	struct sip_agents a _cleanup_sip_agents_ = { 0 };
	struct prefix p;

	(void)state;
	for (uint32_t n = 0; n < SIP_AGENTS_MAX + 10; n++) {
		p = source(n * 2654435761u);
		assert_int_equal(sip_agents_note(&a, &p, "phone"), 0);
	}
	assert_int_equal(a.n, SIP_AGENTS_MAX);
	assert_int_equal(a.not_noted, 10);
	for (uint32_t n = 0; n < SIP_AGENTS_MAX; n++) {
		p = source(n * 2654435761u);
		assert_non_null(sip_agents_find(&a, &p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_agent),
		cmocka_unit_test(takes_nothing_else),
		cmocka_unit_test(is_safe_to_print),
		cmocka_unit_test(folds_without_end_are_bounded),
		cmocka_unit_test(random_bytes_do_no_harm),
		cmocka_unit_test(finds_the_payload),
		cmocka_unit_test(frames_without_payload),
		cmocka_unit_test(random_frames_do_no_harm),
		cmocka_unit_test(knows_scanners),
		cmocka_unit_test(keeps_what_scanners_say),
		cmocka_unit_test(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
