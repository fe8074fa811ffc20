// SPDX-License-Identifier: GPL-2.0-or-later
/* Names and their options in the config, and the news that sources bring, up to a whole policy. */
#include "configs.h"
#include "hostname.h"
#include "news.h"
#include "origin.h"
#include "reserved.h"
#include "snapshot.h"
#include "state.h"

#define SERVICE "services: [{name: s, ports: [tcp/443], allow: [l]}]\n" /* one line */

static void assert_refused(const struct scratch *s, const char *yaml, unsigned int line,
			   const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	char want[1100];

	assert_int_equal(read_config(s, yaml, &p, &err), -EINVAL);
	snprintf(want, sizeof(want), "%s:%u: %s", scratch_path(s, "c.yaml"), line, why);
	assert_string_equal(err.text, want);
}

static void assert_source(const struct policy *p, size_t i, enum source_kind kind, const char *text,
			  const char *origin, unsigned int line)
{
	assert_true(i < p->n_sources);
	assert_int_equal(p->sources[i].kind, kind);
	assert_string_equal(policy_string(p, p->sources[i].text), text);
	assert_string_equal(policy_string(p, p->sources[i].origin), origin);
	assert_int_equal(p->sources[i].line, line);
}

/* ---- config ---- */

static void names_of_lists(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, SERVICE "lists:\n"
					 "  - name: k\n"
					 "    prefixes: [\"192.0.2.1\"]\n"
					 "  - name: l\n"
					 "    names:\n"
					 "      - Sip.Example.COM.\n"
					 "      - b_1.example.org\n"
					 "    srv: [_sip._udp.example.com]\n"
					 "    allow-private: true\n");

	assert_int_equal(p.n_sources, 3);
	assert_source(&p, 0, SOURCE_NAME, "sip.example.com", "name sip.example.com", 7);
	assert_source(&p, 1, SOURCE_NAME, "b_1.example.org", "name b_1.example.org", 8);
	assert_source(&p, 2, SOURCE_SRV, "_sip._udp.example.com", "srv _sip._udp.example.com", 9);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(p.sources[i].list, 1);
		assert_int_equal(p.sources[i].flags, SOURCE_ALLOW_PRIVATE);
	}
	assert_int_equal(p.base.n, 1); /* nothing is resolved by reading */
	assert_int_equal(p.settings.dns_ttl_min, 30);
	assert_int_equal(p.settings.dns_ttl_max, 3600);
	assert_int_equal(p.settings.dns_grace, 600);
	assert_int_equal(p.settings.resolvers, 0);
}

static void dns_settings(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, SERVICE "lists: [{name: l, names: []}]\n"
					 "dns:\n"
					 "  resolvers: [192.0.2.53, \"192.0.2.54:5353\", "
					 "\"2001:db8::53\", \"[2001:db8::54]:54\"]\n"
					 "  ttl-min: 1s\n"
					 "  ttl-max: 2m\n"
					 "  grace: 90s\n");

	assert_string_equal(policy_string(&p, p.settings.resolvers),
			    "192.0.2.53:53,192.0.2.54:5353,[2001:db8::53]:53,[2001:db8::54]:54");
	assert_int_equal(p.settings.dns_ttl_min, 1);
	assert_int_equal(p.settings.dns_ttl_max, 120);
	assert_int_equal(p.settings.dns_grace, 90);
	assert_int_equal(p.n_sources, 0);
}

static void bad_names_are_refused(void **state)
{
	static const struct {
		const char *value, *why;
	} bad[] = {
		{ "\"*.example.com\"",
		  "\"*.example.com\" is a wildcard, and DNS does not tell which names it stands "
		  "for: write the names that the provider uses, or ask for prefixes" },
		{ "192.0.2.1",
		  "\"192.0.2.1\" is an address, not a name: put it under \"prefixes\"" },
		{ "192.0.2.1.",
		  "\"192.0.2.1.\" is an address, not a name: put it under \"prefixes\"" },
		{ "\"2001:db8::/32\"",
		  "\"2001:db8::/32\" is an address, not a name: put it under \"prefixes\"" },
		{ "\"https://example.com/\"",
		  "\"https://example.com/\" is no host name: write the name alone, like "
		  "sip.example.com" },
		{ "pbx", "\"pbx\" is not a whole name, and search domains are not used: write it "
			 "with its domain, like sip.example.com" },
		{ "\"a..example.com\"",
		  "\"a..example.com\" is no host name: write one like sip.example.com" },
		{ "-a.example.com",
		  "\"-a.example.com\" is no host name: write one like sip.example.com" },
		{ "\"\"", "\"\" is no host name: write one like sip.example.com" },
		{ "_sip._udp.example.com",
		  "\"_sip._udp.example.com\" names a service, not a host: put it under \"srv\"" },
		{ "bücher.example",
		  "\"b??cher.example\" is not ASCII: write the name in its xn-- form, as `idn2 "
		  "NAME` prints it" },
	};
	char yaml[400];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(yaml, sizeof(yaml),
			 SERVICE "lists:\n  - name: l\n    names:\n      - ok.example.com\n"
				 "      - %s\n",
			 bad[i].value);
		assert_refused(*state, yaml, 6, bad[i].why);
	}
	assert_refused(*state, SERVICE "lists:\n  - name: l\n    srv: [sip.example.com]\n", 4,
		       "\"sip.example.com\" names no service: write it like "
		       "_sip._udp.example.com, or put a host's name under \"names\"");
}

static void twice_in_a_list(void **state)
{
	assert_refused(*state,
		       SERVICE "lists:\n"
			       "  - name: k\n"
			       "    names: [a.example.com]\n"
			       "  - name: l\n"
			       "    names:\n"
			       "      - a.example.com\n"
			       "      - A.example.com.\n",
		       8,
		       "\"a.example.com\" stands in list \"l\" twice (first in line 7): remove "
		       "one");
}

static void bad_dns_settings(void **state)
{
	assert_refused(*state, SERVICE "dns: {resolvers: [dns.example.com]}\nlists: [{name: l}]\n",
		       2,
		       "\"dns.example.com\" is no resolver's address: write one like 192.0.2.53, "
		       "192.0.2.53:5353 or \"[2001:db8::53]:53\"");
	assert_refused(*state, SERVICE "dns:\n  ttl-max: 5s\nlists: [{name: l}]\n", 3,
		       "ttl-min is more than ttl-max (5 s): write a smaller one");
	assert_refused(
		*state, SERVICE "dns:\n  grace: 5\nlists: [{name: l}]\n", 3,
		"'5' is no duration (a number without a unit): write it like 90s, 2m, 1h30m or "
		"7d");
	assert_refused(*state, SERVICE "lists:\n  - name: l\n    allow-private: yes\n", 4,
		       "allow-private: \"yes\" is neither true nor false: write one of them");
}

/* ---- news ---- */

static struct paths paths_of(const struct scratch *s)
{
	struct paths paths = { 0 };

	snprintf(paths.run, sizeof(paths.run), "%s", s->dir);
	snprintf(paths.state, sizeof(paths.state), "%s", s->dir);
	return paths;
}

/* "PREFIX LABEL ORIGIN" of every base entry, in order. */
static const char *base_text(const struct policy *p, char *out, size_t size)
{
	char prefix[PREFIX_TEXT_MAX], origin[200];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < p->base.n; i++) {
		const struct entry *e = &p->base.v[i];

		origin_text(p, e, origin, sizeof(origin));
		n += (size_t)snprintf(out + n, size - n, "%s%s|%s|%s\n",
				      e->flags & ENTRY_CARVE ? "!" : "",
				      prefix_text(&e->prefix, prefix), policy_string(p, e->label),
				      strrchr(origin, '/') ? strrchr(origin, '/') + 1 : origin);
	}
	return out;
}

#define CONFIG                                      \
	SERVICE "lists:\n"                          \
		"  - name: l\n"                     \
		"    prefixes:\n"                   \
		"      - \"192.0.2.9 # by hand\"\n" \
		"      - \"!192.0.2.66\"\n"         \
		"    names: [a.example.com, b.example.com]\n"

static void write_news(const struct paths *paths)
{
	static const char *const a[] = { "192.0.2.9", "192.0.2.66", "192.0.2.1", "2001:db8::1" };
	struct new_file file _cleanup_new_file_ = { 0 };
	struct error err = { "" };
	struct prefix prefix;

	if (news_open(&file, paths, "l", SOURCE_NAME, &err))
		fail_msg("%s", err.text);
	news_section(&file, "a.example.com");
	for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
		assert_int_equal(prefix_parse(a[i], strlen(a[i]), &prefix, &err), 0);
		news_entry(&file, &prefix, "from a");
	}
	news_section(&file, "gone.example.com");
	news_entry(&file, &(struct prefix){ .family = AXP_IPV4, .len = 32 }, "nobody's");
	news_section(&file, "b.example.com");
	assert_int_equal(prefix_parse("192.0.2.1", 9, &prefix, &err), 0);
	news_entry(&file, &prefix, "from b");
	assert_int_equal(prefix_parse("192.0.2.2", 9, &prefix, &err), 0);
	news_entry(&file, &prefix, "not a\nlabel");
	assert_int_equal(new_file_commit(&file, &err), 0);
}

/* What the administrator wrote stays as it is, also where news say otherwise. */
static void news_are_read_into_the_policy(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, CONFIG);
	struct paths paths = paths_of(*state);
	struct error err = { "" };
	char text[1000];

	write_news(&paths);
	if (news_read(&paths, &p, &err))
		fail_msg("%s", err.text);
	assert_string_equal(base_text(&p, text, sizeof(text)),
			    "192.0.2.1/32|from a|name a.example.com\n"
			    "192.0.2.2/32||name b.example.com\n"
			    "192.0.2.9/32|by hand|c.yaml:5\n"
			    "!192.0.2.66/32||c.yaml:6\n"
			    "2001:db8::1/128|from a|name a.example.com\n");
	assert_ptr_equal(origin_source(&p, &p.base.v[1]), &p.sources[1]);
	assert_null(origin_source(&p, &p.base.v[2]));
}

/* However long the prefixes of the news are; another list's holes are no concern of theirs. */
static void holes_are_not_filled(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, SERVICE "lists:\n"
				"  - name: l\n"
				"    prefixes: [\"!192.0.2.0/29\", \"192.0.2.1\"]\n"
				"    names: [a.example.com, b.example.com]\n"
				"  - name: m\n"
				"    prefixes: [\"!192.0.2.0/24\", \"!2001:db8::/127\"]\n");
	struct paths paths = paths_of(*state);
	struct error err = { "" };
	char text[1000];

	write_news(&paths);
	assert_int_equal(mkdir(scratch_path(*state, "lists"), 0700), 0);
	scratch_write(*state, "lists/l.list", "!192.0.2.64/26\n");
	assert_int_equal(news_read(&paths, &p, &err), 0);
	assert_int_equal(state_read(&paths, &p, false, &err), 0);
	assert_int_equal(news_within(&p, &(struct prefix){ { 192, 0, 2 }, AXP_IPV4, 24 }, 0), 3);
	assert_int_equal(news_give_way(&p, &err), 0);
	assert_string_equal(base_text(&p, text, sizeof(text)),
			    "!192.0.2.0/24||c.yaml:7\n"
			    "!192.0.2.0/29||c.yaml:4\n"
			    "192.0.2.1/32||c.yaml:4\n"
			    "192.0.2.9/32|from a|name a.example.com\n"
			    "!2001:db8::/127||c.yaml:7\n"
			    "2001:db8::1/128|from a|name a.example.com\n");
	assert_int_equal(news_within(&p, &(struct prefix){ { 192, 0, 2 }, AXP_IPV4, 24 }, 0), 1);
	assert_int_equal(news_within(&p, &(struct prefix){ { 192, 0, 2 }, AXP_IPV4, 24 }, 1), 0);
}

static void added_entries_outrank_news(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, CONFIG);
	struct paths paths = paths_of(*state);
	struct error err = { "" };
	char text[1000];

	write_news(&paths);
	assert_int_equal(mkdir(scratch_path(*state, "lists"), 0700), 0);
	scratch_write(*state, "lists/l.list", "!192.0.2.1\n192.0.2.2 # by hand\n");
	assert_int_equal(news_read(&paths, &p, &err), 0);
	if (state_read(&paths, &p, false, &err))
		fail_msg("%s", err.text);
	assert_int_equal(news_give_way(&p, &err), 0);
	assert_string_equal(base_text(&p, text, sizeof(text)),
			    "192.0.2.2/32||name b.example.com\n"
			    "192.0.2.9/32|by hand|c.yaml:5\n"
			    "!192.0.2.66/32||c.yaml:6\n"
			    "2001:db8::1/128|from a|name a.example.com\n");
}

/* A spoilt line is left away: it must not keep the filter from being loaded. */
static void bad_lines_are_left_away(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, CONFIG);
	struct paths paths = paths_of(*state);
	struct error err = { "" };
	char text[1000];

	assert_int_equal(mkdir(scratch_path(*state, "news"), 0700), 0);
	scratch_write(*state, "news/l.name",
		      "192.0.2.77\n# from b.example.com\n192.0.2.300\n\n192.0.2.3 # c\n192.0.2.4");
	assert_int_equal(news_read(&paths, &p, &err), 0);
	assert_string_equal(base_text(&p, text, sizeof(text)), "192.0.2.3/32|c|name b.example.com\n"
							       "192.0.2.4/32||name b.example.com\n"
							       "192.0.2.9/32|by hand|c.yaml:5\n"
							       "!192.0.2.66/32||c.yaml:6\n");
}

static bool not_news(const struct policy *p, const struct entry *e, const void *arg)
{
	(void)p;
	(void)arg;
	return !(e->flags & ENTRY_NEWS);
}

/* Written, mapped, cloned without its news, and the news read again: the same policy. */
static void snapshot_and_clone(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, CONFIG "    srv: [_s._tcp.example.com]\n"
					"dns: {resolvers: [192.0.2.53]}\n");
	_cleanup_policy_ struct policy mapped = { 0 }, copy = { 0 };
	struct paths paths = paths_of(*state);
	struct error err = { "" };
	char want[1000], text[1000];
	size_t strings;

	write_news(&paths);
	assert_int_equal(news_read(&paths, &p, &err), 0);
	base_text(&p, want, sizeof(want));
	assert_int_equal(snapshot_write(&paths, 7, &p, &err), 0);
	if (snapshot_read(&paths, 7, &mapped, &err))
		fail_msg("%s", err.text);
	assert_string_equal(base_text(&mapped, text, sizeof(text)), want);
	assert_source(&mapped, 2, SOURCE_SRV, "_s._tcp.example.com", "srv _s._tcp.example.com", 8);
	assert_int_equal(policy_clone(&mapped, not_news, NULL, &copy), 0);
	assert_int_equal(copy.base.n, 2);
	strings = copy.strings.n;
	assert_true(strings < mapped.strings.n); /* labels of news are left behind */
	assert_source(&copy, 2, SOURCE_SRV, "_s._tcp.example.com", "srv _s._tcp.example.com", 8);
	assert_string_equal(policy_string(&copy, copy.settings.resolvers), "192.0.2.53:53");
	assert_string_equal(policy_string(&copy, copy.config),
			    policy_string(&mapped, mapped.config));
	assert_memory_equal(copy.services, mapped.services, sizeof(*copy.services));
	assert_int_equal(news_read(&paths, &copy, &err), 0);
	assert_string_equal(base_text(&copy, text, sizeof(text)), want);
}

static void state_of_sources(void **state)
{
	const struct news_state wrote = { 1000, 900, 1060, 3, "SERVFAIL from 192.0.2.53" };
	_cleanup_policy_ struct policy p = accepted(*state, CONFIG);
	struct paths paths = paths_of(*state);
	struct json_object *info = news_info_read(&paths, "l", SOURCE_NAME);
	struct news_state read;
	struct error err = { "" };

	news_state_put(news_info_of(info, "b.example.com"), &wrote);
	if (news_info_write(&paths, "l", SOURCE_NAME, info, &err))
		fail_msg("%s", err.text);
	json_object_put(info);
	news_state_read(&paths, &p, &p.sources[1], &read);
	assert_int_equal(read.last_success, 1000);
	assert_int_equal(read.last_failure, 900);
	assert_int_equal(read.next_try, 1060);
	assert_int_equal(read.failures, 3);
	assert_string_equal(read.failure, "SERVFAIL from 192.0.2.53");
	news_state_read(&paths, &p, &p.sources[0], &read);
	assert_int_equal(read.last_success + read.last_failure + read.next_try + read.failures, 0);
	/* a spoilt file is as good as none */
	scratch_write(*state, "news/l.name.json", "{\"sources\": [1, {");
	news_state_read(&paths, &p, &p.sources[1], &read);
	assert_int_equal(read.last_success, 0);
	scratch_write(*state, "news/l.name.new", "");
	news_sweep(&paths);
	assert_int_equal(access(scratch_path(*state, "news/l.name.new"), F_OK), -1);
	assert_int_equal(access(scratch_path(*state, "news/l.name.json"), F_OK), 0);
}

static enum reserved_kind covering(const char *text)
{
	struct prefix prefix;
	struct error err;

	assert_int_equal(prefix_parse(text, strlen(text), &prefix, &err), 0);
	return reserved_covering(&prefix).kind;
}

static void reserved_ranges(void **state)
{
	struct prefix all = { .family = AXP_IPV4 };

	(void)state;
	assert_int_equal(covering("10.1.2.3"), RESERVED_PRIVATE);
	assert_int_equal(covering("11.1.2.3"), RESERVED_NONE);
	assert_int_equal(covering("172.31.255.255"), RESERVED_PRIVATE);
	assert_int_equal(covering("172.32.0.0"), RESERVED_NONE);
	assert_int_equal(covering("100.127.255.255"), RESERVED_PRIVATE);
	assert_int_equal(covering("192.0.2.0/24"), RESERVED_EXAMPLES);
	assert_int_equal(covering("192.0.2.0/23"), RESERVED_NONE);
	assert_int_equal(covering("0.0.0.0"), RESERVED_NEVER);
	assert_int_equal(covering("127.0.0.1"), RESERVED_NEVER);
	assert_int_equal(covering("239.1.2.3"), RESERVED_NEVER);
	assert_int_equal(covering("255.255.255.255"), RESERVED_NEVER);
	assert_int_equal(covering("8.8.8.8"), RESERVED_NONE);
	assert_int_equal(covering("::1"), RESERVED_NEVER);
	assert_int_equal(covering("::2"), RESERVED_NONE);
	assert_int_equal(covering("2001:db8:1::1"), RESERVED_EXAMPLES);
	assert_int_equal(covering("3fff:fff::"), RESERVED_EXAMPLES);
	assert_int_equal(covering("64:ff9b::192.0.2.1"), RESERVED_TRANSLATED);
	assert_int_equal(covering("fd00::1"), RESERVED_PRIVATE);
	assert_int_equal(covering("fe80::1"), RESERVED_PRIVATE);
	assert_int_equal(covering("ff02::1"), RESERVED_NEVER);
	assert_int_equal(covering("2a00::1"), RESERVED_NONE);
	assert_int_equal(reserved_covering(&all).kind, RESERVED_NONE);
	assert_int_equal(reserved_touched(&all).kind, RESERVED_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(names_of_lists),          scratch_test(dns_settings),
		scratch_test(bad_names_are_refused),   scratch_test(twice_in_a_list),
		scratch_test(bad_dns_settings),        scratch_test(news_are_read_into_the_policy),
		scratch_test(holes_are_not_filled),    scratch_test(added_entries_outrank_news),
		scratch_test(bad_lines_are_left_away), scratch_test(snapshot_and_clone),
		scratch_test(state_of_sources),        cmocka_unit_test(reserved_ranges),
	};

	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
