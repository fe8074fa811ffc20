// SPDX-License-Identifier: GPL-2.0-or-later
/* The parsers of `allowxdp import`: what they take, what they refuse, and what they survive. */
#include "unit.h"
#include "config.h"
#include "explain.h"
#include "import.h"

enum { NOW = 1800000000 };

struct result {
	struct import im;
	struct error err;
	int rc;
	struct policy config;
};

static void result_free(struct result *r)
{
	import_free(&r->im);
	policy_free(&r->config);
}

#define _cleanup_result_ __attribute__((cleanup(result_free)))

/* Reads text of n bytes, in memory of exactly that size. */
static void read_bytes(struct result *r, enum import_format f, const char *text, size_t n)
{
	_cleanup_free_ char *copy = malloc(n + 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	copy[n] = '\0';
	r->err.text[0] = '\0';
	assert_int_equal(import_init(&r->im, "in", NOW, &r->err), 0);
	r->im.config = r->config.n_services ? &r->config : NULL;
	if (f == IMPORT_AUTO) {
		int detected = import_detect("in", copy, n, &r->err);

		r->rc = detected < 0 ? detected : 0;
		if (r->rc)
			return;
		f = (enum import_format)detected;
	}
	r->rc = import_read(&r->im, f, copy, n, &r->err);
	if (!r->rc)
		r->rc = import_finish(&r->im, &r->err);
	assert_true(!r->rc || *r->err.text);
}

static void read_text(struct result *r, enum import_format f, const char *text)
{
	read_bytes(r, f, text, strlen(text));
}

/* "NAME: PREFIX !PREFIX ...; NAME: ..." */
static const char *lists_of(const struct import *im)
{
	static char out[4096];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < im->policy.n_lists; i++) {
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s:", i ? "; " : "",
					 im->policy.lists[i].name);
		for (size_t j = 0; j < im->policy.base.n; j++) {
			const struct entry *e = &im->policy.base.v[j];
			char text[PREFIX_TEXT_MAX];

			if (e->list == i)
				used += (size_t)snprintf(out + used, sizeof(out) - used, " %s%s",
							 e->flags & ENTRY_CARVE ? "!" : "",
							 prefix_text(&e->prefix, text));
		}
	}
	return out;
}

/* "PORTS=LIST,LIST PORTS=..." */
static const char *services_of(const struct import *im)
{
	static char out[4096];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < im->policy.n_services; i++) {
		const struct service *s = &im->policy.services[i];
		const char *sign = "=";

		for (size_t j = 0; j < s->n_ports; j++) {
			char text[24];

			used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s",
						 j   ? ","
						 : i ? " "
						     : "",
						 port_range_text(&s->ports[j], text));
		}
		for (size_t j = 0; j < im->policy.n_lists; j++) {
			if (!(s->allow[j / 64] >> (j % 64) & 1))
				continue;
			used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s", sign,
						 im->policy.lists[j].name);
			sign = ",";
		}
	}
	return out;
}

/* How many notes of a kind, and whether a text is in one of them. */
static unsigned long noted(const struct import *im, enum import_note_kind kind, const char *text)
{
	for (size_t i = 0; i < im->n_notes; i++) {
		if (im->notes[i].kind == kind && strstr(im->notes[i].text, text))
			return im->notes[i].count;
	}
	return 0;
}

static size_t notes_of(const struct import *im, enum import_note_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < im->n_notes; i++)
		n += im->notes[i].kind == kind;
	return n;
}

static void assert_lists(enum import_format f, const char *text, const char *lists)
{
	struct result r _cleanup_result_ = { 0 };

	read_text(&r, f, text);
	if (r.rc)
		fail_msg("\"%s\": %s", text, r.err.text);
	assert_string_equal(lists_of(&r.im), lists);
}

static void assert_refused(enum import_format f, const char *text, const char *why)
{
	struct result r _cleanup_result_ = { 0 };

	read_text(&r, f, text);
	assert_true(r.rc < 0);
	if (!strstr(r.err.text, why))
		fail_msg("\"%s\": \"%s\" is not in \"%s\"", text, why, r.err.text);
}

/* -- ranges ------------------------------------------------------------------------------------ */

static const char *range_text(const char *text)
{
	static char out[16384];
	struct prefix_range r;
	struct prefix p;
	struct error err;
	size_t used = 0;

	if (prefix_range_parse(text, strlen(text), &r, &err))
		return "refused";
	out[0] = '\0';
	while (prefix_range_next(&r, &p)) {
		char one[PREFIX_TEXT_MAX];

		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s", used ? " " : "",
					 prefix_text(&p, one));
	}
	return out;
}

static void ranges_are_the_fewest_prefixes(void **state)
{
	size_t n = 0;

	(void)state;
	assert_string_equal(range_text("10.0.0.1"), "10.0.0.1/32");
	assert_string_equal(range_text("10.0.0.9/8"), "10.0.0.0/8");
	assert_string_equal(range_text("10.0.0.0/255.255.128.0"), "10.0.0.0/17");
	assert_string_equal(range_text("10.0.0.0/0.0.0.0"), "0.0.0.0/0");
	assert_string_equal(range_text("10.0.0.1-10.0.0.6"),
			    "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32");
	assert_string_equal(range_text("10.0.0.0 - 10.0.1.255"), "10.0.0.0/23");
	assert_string_equal(range_text("0.0.0.0-255.255.255.255"), "0.0.0.0/0");
	assert_string_equal(range_text("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0");
	assert_string_equal(range_text("255.255.255.254-255.255.255.255"), "255.255.255.254/31");
	assert_string_equal(range_text("2001:db8::ffff-2001:db8::1:0"),
			    "2001:db8::ffff/128 2001:db8::1:0/128");
	assert_string_equal(range_text("::ffff:10.0.0.1/104"), "10.0.0.0/8");
	/* the longest one there is */
	for (const char *c = range_text("0.0.0.1-255.255.255.254"); c; c = strchr(c + 1, ' '))
		n++;
	assert_int_equal(n, 62);
}

static void ranges_that_are_none(void **state)
{
	static const char *const texts[] = { "",
					     "-",
					     "10.0.0.1-",
					     "-10.0.0.1",
					     "10.0.0.2-10.0.0.1",
					     "10.0.0.1-::1",
					     "10.0.0.0/8-10.0.0.1",
					     "10.0.0.1/33",
					     "10.0.0.1/",
					     "10.0.0.1/255.0.255.0",
					     "::/129",
					     "::/ffff::",
					     "1.2.3",
					     "::ffff:1.2.3.4/90" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(range_text(texts[i]), "refused");
}

/* -- ipset ------------------------------------------------------------------------------------- */

static void ipset_entries(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_AUTO,
		  "create t hash:net family inet hashsize 1024 maxelem 65536 timeout 0 comment\n"
		  "add t 10.0.0.0/8 timeout 60 packets 1 bytes 2 comment \"a b\"\n"
		  "add t 10.1.0.0/16 nomatch\n"
		  "add t 10.1.2.3\n"
		  "create six hash:net family inet6\r\nadd six 2001:db8::/32\r\n"
		  "create m bitmap:ip range 10.0.0.0/16 netmask 24\nadd m 10.0.5.0\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im), "t: 10.0.0.0/8 !10.1.0.0/16 10.1.2.3/32; "
					     "six: 2001:db8::/32; m: 10.0.5.0/24");
	for (size_t i = 0; i < r.im.policy.base.n; i++) {
		const struct entry *e = &r.im.policy.base.v[i];

		assert_int_equal(e->until, e->prefix.len == 8 ? NOW + 60 : 0);
		assert_string_equal(policy_string(&r.im.policy, e->label),
				    e->prefix.len == 8 && e->until ? "a b" : "");
	}
	assert_int_equal(r.im.lists[0].carves, 1);
	assert_int_equal(r.im.lists[0].timed, 1);
	assert_int_equal(notes_of(&r.im, IMPORT_LOST), 0);
}

static void ipset_ports_become_services(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_IPSET,
		  "create p hash:ip,port\n"
		  "add p 10.0.0.1,udp:5060\nadd p 10.0.0.1,tcp:5060\nadd p 10.0.0.1,tcp:5061\n"
		  "add p 10.0.0.2,udp:5060\nadd p 10.0.0.2,tcp:5060\n"
		  "add p 10.0.0.3,icmp:8/0\nadd p 10.0.0.4,sctp:5060\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(
		lists_of(&r.im),
		"p-tcp-5060-and-1-more: 10.0.0.1/32 10.0.0.2/32; p-tcp-5061: 10.0.0.1/32");
	assert_string_equal(services_of(&r.im), "tcp/5060,udp/5060=p-tcp-5060-and-1-more "
						"tcp/5061=p-tcp-5061");
	assert_int_equal(noted(&r.im, IMPORT_LOST, "other protocols"), 2);
}

static void ipset_holes_stay_with_their_port(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_IPSET,
		  "create p hash:net,port\n"
		  "add p 10.0.0.0/8,udp:5060-5061\nadd p 10.1.0.0/16,udp:5061 nomatch\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im),
			    "p-udp-5060: 10.0.0.0/8; p-udp-5061: 10.0.0.0/8 !10.1.0.0/16");
	assert_string_equal(services_of(&r.im), "udp/5060=p-udp-5060 udp/5061=p-udp-5061");
}

static void ipset_sets_without_counterpart(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_IPSET,
		  "create a hash:ip\nadd a 10.0.0.1\n"
		  "create n hash:net,iface\nadd n 10.0.0.0/8,eth0\nadd n 10.0.0.0/8,eth1\n"
		  "create b hash:ip bitmask 255.0.0.255\nadd b 10.0.0.1\n"
		  "create l list:set\nadd l a\n"
		  "create m hash:mac\n"); /* empty: nothing is lost */
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im), "a: 10.0.0.1/32");
	assert_int_equal(notes_of(&r.im, IMPORT_LOST), 4);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "hash:net,iface"), 2);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "list of sets"), 1);
}

static void ipset_only_some(void **state)
{
	struct result r _cleanup_result_ = { .rc = 0 };
	char text[] = "create a hash:ip\nadd a 10.0.0.1\ncreate b hash:ip\nadd b 10.0.0.2\n"
		      "create c hash:ip\n";

	(void)state;
	assert_int_equal(import_init(&r.im, "in", NOW, &r.err), 0);
	r.im.only = "c,b";
	assert_int_equal(import_read(&r.im, IMPORT_IPSET, text, strlen(text), &r.err), 0);
	assert_int_equal(import_finish(&r.im, &r.err), 0);
	assert_string_equal(lists_of(&r.im), "b: 10.0.0.2/32; c:");
}

static void ipset_refuses(void **state)
{
	(void)state;
	assert_refused(IMPORT_IPSET, "create\n", "in:1: create without");
	assert_refused(IMPORT_IPSET, "create a hash:ip\n\n# x\nadd a\n", "in:4: add without");
	assert_refused(IMPORT_IPSET, "create a hash:ip\ncreate a hash:ip\n", "in:2: the set a");
	assert_refused(IMPORT_IPSET, "create a hash:ip\nadd a x\n", "in:2: x: not an IPv4");
	assert_refused(IMPORT_IPSET, "create a hash:ip netmask x\n", "in:1: not a netmask");
	assert_refused(IMPORT_IPSET, "create a hash:ip\nadd a 10.0.0.1 timeout x\n",
		       "in:2: timeout");
	assert_refused(IMPORT_IPSET, "create a hash:ip\nadd a 10.0.0.1 comment x\n",
		       "in:2: comment");
	assert_refused(IMPORT_IPSET, "create a hash:ip\nadd a 10.0.0.1 comment \"x\n",
		       "in:2: comm");
	assert_refused(IMPORT_IPSET, "create a hash:ip,port\nadd a 10.0.0.1\n", "in:2: an entry");
	assert_refused(IMPORT_IPSET, "create a hash:ip,port\nadd a 10.0.0.1,udp:0\n", "no port");
	assert_refused(IMPORT_IPSET, "create a hash:ip,port\nadd a 10.0.0.1,udp:9-8\n", "no port");
	assert_refused(IMPORT_IPSET, "swap a b\n", "\"swap\" is not a line");
	assert_refused(IMPORT_IPSET, "create a hash:mac\nadd a 00:11:22:33:44:55\n", "no list");
}

/* -- nft --------------------------------------------------------------------------------------- */

#define NFT(content) "{\"nftables\": [{\"metainfo\": {}}, " content "]}"
#define NFT_SET(name, type, elem)                                              \
	"{\"set\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"" name \
	"\", \"type\": " type ", \"elem\": [" elem "]}}"
#define NFT_RULE(expr)                                                                           \
	"{\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"c\", \"expr\": [" expr \
	"]}}"
#define NFT_MATCH(protocol, field, right)                                                 \
	"{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"" protocol \
	"\", \"field\": \"" field "\"}}, \"right\": " right "}}"

static void nft_elements(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(
		&r, IMPORT_AUTO,
		NFT(NFT_SET("s", "\"ipv4_addr\"",
			    "\"10.0.0.1\", {\"prefix\": {\"addr\": \"10.1.0.0\", \"len\": 16}}, "
			    "{\"range\": [\"10.2.0.1\", \"10.2.0.2\"]}, "
			    "{\"elem\": {\"val\": \"10.3.0.1\", \"timeout\": 90, \"expires\": 60, "
			    "\"comment\": \"c\"}}") ", " //
		    NFT_SET("six",
			    "{\"typeof\": {\"payload\": {\"protocol\": \"ip6\", "
			    "\"field\": \"saddr\"}}}",
			    "\"2001:db8::1\"")));
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im), "s: 10.0.0.1/32 10.1.0.0/16 10.2.0.1/32 10.2.0.2/32 "
					     "10.3.0.1/32; six: 2001:db8::1/128");
	assert_int_equal(r.im.policy.base.v[4].until, NOW + 60);
	assert_string_equal(policy_string(&r.im.policy, r.im.policy.base.v[4].label), "c");
	assert_int_equal(notes_of(&r.im, IMPORT_LOST), 0);
}

static void nft_rules(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(
		&r, IMPORT_NFT,
		NFT(
			NFT_SET("s",
				"\"ipv4_addr\"", "\"10.0.0.1\"") ", " NFT_SET("p",
									      "\"inet_service\"", "80, 81") ", " NFT_SET("c", "[\"ipv4_addr\", \"inet_service\"]", "{\"concat\": [\"1.1.1.1\", 5]}") ", " NFT_RULE(NFT_MATCH("ip",
																											     "saddr", "\"@s\"") ", " NFT_MATCH("udp",
																															       "dport", "{\"set\": [5060, {\"range\": [7, 9]}]}") ", {\"counter\": {}}, {\"accept\": null}") ", " NFT_RULE(NFT_MATCH("ip", "saddr", "{\"set\": [\"10.5.0.0\", \"10.6.0.1\"]}") ", " NFT_MATCH("tcp", "dport", "443") ", {\"accept\": null}") ", " NFT_RULE(NFT_MATCH("ip",
																																																																     "saddr", "\"10.7.0.1\"") ", {\"drop\": null}") ", " NFT_RULE("{\"jump\": {\"target\": \"x\"}}") ", " NFT_RULE("{\"match\": {\"op\": \"in\", \"left\": {\"ct\": {\"key\": \"state\"}}, "
																																																																														   "\"right\": [\"established\"]}}, {\"accept\": null}")));
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im), "s: 10.0.0.1/32; tcp-443: 10.5.0.0/32 10.6.0.1/32");
	assert_string_equal(services_of(&r.im), "tcp/443=tcp-443 udp/7-9,udp/5060=s");
	assert_int_equal(noted(&r.im, IMPORT_LOST, "inet_service"), 2);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "ipv4_addr . inet_service"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "a drop of some"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "statements other"), 1);
}

/* Long sets are read element by element; what looks like one in a comment is none. */
static void nft_long_sets(void **state)
{
	static const char a[] =
		"{\"elem\": {\"val\": \"10.0.0.1\", \"comment\": \"\\\"elem\\\": [ ]}, "
		"\\\\\"}} ,\n \"10.0.0.2\",{\"prefix\": {\"addr\": \"10.1.0.0\", "
		"\"len\": 16}}";
	static const char b[] =
		"1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, "
		"20, 21, 22, 23, 24";
	static const char d[] = "\"10.3.0.1\", \"10.3.0.2\", \"10.3.0.3\", \"10.3.0.4\", "
				"\"10.3.0.5\", \"10.3.0.6\"";
	struct result r _cleanup_result_ = { 0 };
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text),
		 "{\"nftables\": [{\"set\": {\"name\": \"a\", \"type\": \"ipv4_addr\", \"elem\": "
		 "[%s]}}, "
		 "{\"set\": {\"name\": \"b\", \"type\": \"inet_service\", \"elem\": [%s]}}, "
		 "{\"set\": {\"name\": \"c\", \"type\": \"ipv4_addr\", \"elem\": [\"10.2.0.1\"]}}, "
		 "{\"set\": {\"name\": \"d\", \"type\": \"ipv4_addr\", \"elem\": [%s]}}]}",
		 a, b, d);
	read_text(&r, IMPORT_NFT, text);
	assert_int_equal(r.rc, 0);
	assert_string_equal(
		lists_of(&r.im),
		"a: 10.0.0.1/32 10.0.0.2/32 10.1.0.0/16; c: 10.2.0.1/32; d: 10.3.0.1/32 "
		"10.3.0.2/32 10.3.0.3/32 10.3.0.4/32 10.3.0.5/32 10.3.0.6/32");
	assert_string_equal(policy_string(&r.im.policy, r.im.policy.base.v[0].label),
			    "\"elem\": [ ]}, \\");
	assert_int_equal(noted(&r.im, IMPORT_LOST, "inet_service"), 24);
}

#define LONG "\"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\", \"10.0.0.4\", \"10.0.0.5\", \"10.0.0.6\""

static void nft_refuses(void **state)
{
	(void)state;
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", LONG " \"x\"")), "no comma");
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", LONG ", x")),
		       "set s: not JSON");
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", LONG ", {}")),
		       "set s, element");
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", LONG ", {\"a\": [}")),
		       "not JSON");
	assert_refused(IMPORT_NFT, "{\"nftables\": [{\"set\": {\"elem\": [" LONG, "too early");
	assert_refused(IMPORT_NFT, "", "ends too early");
	assert_refused(IMPORT_NFT, "{\"nftables\":\n[\n", "in:3: the JSON ends too early");
	assert_refused(IMPORT_NFT, "{\"nftables\":\n[}", "in:2: not JSON");
	assert_refused(IMPORT_NFT, "[]", "not of nft");
	assert_refused(IMPORT_NFT, "null", "");
	assert_refused(IMPORT_NFT, "{\"nftables\": {}}", "not of nft");
	assert_refused(IMPORT_NFT, NFT("{\"set\": {}}"), "without a name");
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", "5")), "set s, element 5");
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", "null")), "set s");
	assert_refused(IMPORT_NFT, NFT(NFT_SET("s", "\"ipv4_addr\"", "{\"range\": [1]}")), "set s");
	assert_refused(IMPORT_NFT,
		       NFT(NFT_SET("s", "\"ipv4_addr\"", "{\"prefix\": {\"addr\": \"1.1.1.1\"}}")),
		       "set s");
	assert_refused(IMPORT_AUTO, "table ip x { }\n", "nft -j list ruleset");
}

/* -- iptables ---------------------------------------------------------------------------------- */

#define FILTER ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"

static void iptables_rules(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(
		&r, IMPORT_AUTO,
		"# Generated by iptables-save v1\n*filter\n" FILTER
		"[3:4] -A INPUT -s 10.0.0.0/8 -p udp -m udp --dport 5060 -m comment --comment "
		"\"a \\\"b\\\"\" -j ACCEPT\n"
		"-A INPUT -s 10.9.0.0/255.255.0.0,10.8.0.1 -p udp -m multiport --dports "
		"5060,7000:7002 -j ACCEPT\n"
		"-A INPUT -p tcp -m iprange --src-range 11.0.0.1-11.0.0.2 -m tcp --dport 1000: -j "
		"ACCEPT\n-A INPUT -i eth0 -p tcp -m state --state NEW -s 12.0.0.1 --dport 443 -j "
		"ACCEPT\n-A FORWARD -s 13.0.0.1 -j ACCEPT\nCOMMIT\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(services_of(&r.im),
			    "tcp/443=tcp-443 tcp/1000-65535=tcp-1000-65535 udp/5060=udp-5060 "
			    "udp/7000-7002=udp-7000-7002");
	assert_string_equal(lists_of(&r.im),
			    "tcp-443: 12.0.0.1/32; tcp-1000-65535: 11.0.0.1/32 11.0.0.2/32; "
			    "udp-5060: 10.0.0.0/8; udp-7000-7002: 10.8.0.1/32 10.9.0.0/16");
	assert_int_equal(noted(&r.im, IMPORT_LOST, "other chains"), 1);
	assert_int_equal(noted(&r.im, IMPORT_CHANGED, "-i is left away"), 1);
	assert_int_equal(noted(&r.im, IMPORT_KNOW, "of IPv4 alone"), 1);
	for (size_t i = 0; i < r.im.policy.base.n; i++) {
		if (r.im.policy.base.v[i].prefix.len == 8)
			assert_string_equal(
				policy_string(&r.im.policy, r.im.policy.base.v[i].label),
				"a \"b\"");
	}
}

static void iptables_first_match_decides(void **state)
{
	(void)state;
	/* a hole before; a drop too late; a drop of all; what comes behind it */
	assert_lists(IMPORT_IPTABLES,
		     "*filter\n-A INPUT -s 10.1.0.0/16 -p udp --dport 5060 -j DROP\n"
		     "-A INPUT -s 10.0.0.0/8 -p udp --dport 5060 -j ACCEPT\n"
		     "-A INPUT -s 10.2.0.0/16 -p udp --dport 5060 -j DROP\n"
		     "-A INPUT -s 99.0.0.0/8 -p udp --dport 5060 -j REJECT --reject-with x\n"
		     "-A INPUT -j DROP\n-A INPUT -s 77.0.0.0/8 -p udp --dport 5060 -j ACCEPT\n",
		     "udp-5060: 10.0.0.0/8 !10.1.0.0/16");
	/* an accept within a hole, before it */
	assert_lists(IMPORT_IPTABLES,
		     "-A INPUT -s 10.1.1.0/24 -p udp --dport 5060 -j ACCEPT\n"
		     "-A INPUT -s 10.1.0.0/16 -j DROP\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\n",
		     "udp-5060: 10.0.0.0/8 !10.1.0.0/16 10.1.1.0/24");
}

static void iptables_chains(void **state)
{
	(void)state;
	assert_lists(IMPORT_IPTABLES,
		     "*filter\n:SIP - [0:0]\n-A INPUT -p udp --dport 5060:5061 -j SIP\n"
		     "-A INPUT -p udp --dport 9 -s 10.9.0.0/16 -j ACCEPT\n"
		     "-A INPUT -s 10.0.0.0/8 -j OFFICE\n"
		     "-A SIP -s 11.0.0.0/8 -j ACCEPT\n-A SIP -p tcp -s 12.0.0.0/8 -j ACCEPT\n"
		     "-A SIP -j RETURN\n-A SIP -s 13.0.0.0/8 -j ACCEPT\n"
		     "-A OFFICE -s 10.1.0.0/16 -p udp --dport 5061 -j ACCEPT\n"
		     "-A OFFICE -s 14.0.0.0/8 -p udp --dport 5061 -j ACCEPT\n",
		     "udp-9: 10.9.0.0/16; udp-5060: 11.0.0.0/8; udp-5061: 10.1.0.0/16 11.0.0.0/8");
}

static void iptables_guarded_by_config(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	r.config.services = calloc(1, sizeof(*r.config.services));
	assert_non_null(r.config.services);
	r.config.n_services = 1;
	r.config.services[0].n_ports = 1;
	r.config.services[0].ports[0] =
		(struct port_range){ .low = 5060, .high = 5061, .protocol = AXP_UDP };
	read_text(&r, IMPORT_IPTABLES,
		  "-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -s 11.0.0.0/8 -p udp --dport 5061 -j "
		  "ACCEPT\n-A INPUT -s 12.0.0.0/8 -p tcp --dport 443 -j ACCEPT\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(services_of(&r.im), "udp/5060=udp-5060 udp/5061=udp-5061");
	assert_string_equal(lists_of(&r.im),
			    "udp-5060: 10.0.0.0/8; udp-5061: 10.0.0.0/8 11.0.0.0/8");
	assert_int_equal(noted(&r.im, IMPORT_LOST, "no service of the config"), 1);
}

static void iptables_reports(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_IPTABLES,
		  "*raw\n-A PREROUTING -s 10.0.0.0/8 -j DROP\nCOMMIT\n*filter\n"
		  ":INPUT ACCEPT [0:0]\n"
		  "-A INPUT ! -s 10.0.0.0/8 -p udp --dport 5060 -j DROP\n"
		  "-A INPUT -s ! 10.0.0.0/8 -p udp --dport 5060 -j DROP\n"
		  "-A INPUT -s 10.0.0.0/255.0.255.0 -j ACCEPT\n"
		  "-A INPUT -m set --match-set bad src -j DROP\n"
		  "-A INPUT -m set ! --match-set good src -j DROP\n"
		  "-A INPUT -m set --match-set pairs src,dst -j ACCEPT\n"
		  "-A INPUT -m set --match-set good src -p udp --dport 5060 -j ACCEPT\n"
		  "-A INPUT -m limit --limit 1/s -s 10.0.0.1 -j ACCEPT\n"
		  "-A INPUT -d 10.0.0.2 -s 10.0.0.1 -j ACCEPT\n"
		  "-A INPUT -s pbx.example.org -j ACCEPT\n"
		  "-A INPUT -p udp --dport sip -s 10.0.0.9 -j ACCEPT\n"
		  "-A INPUT -p icmp -j ACCEPT\n-A INPUT -s 1.1.1.1 -j LOG --log-prefix \"x: \"\n"
		  "-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(services_of(&r.im), "udp/5060=good,udp-5060");
	assert_true(r.im.lists[policy_find_list(&r.im.policy, "good")].elsewhere);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "table raw"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "negations of sets"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "masks with holes"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "members are dropped"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "with ports (ipset save"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "no counterpart"), 2);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "hosts by their names"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "ports by their names"), 1);
	assert_int_equal(noted(&r.im, IMPORT_KNOW, "other than TCP and UDP"), 1);
	assert_int_equal(noted(&r.im, IMPORT_KNOW, "open to everybody"), 1);
	assert_int_equal(noted(&r.im, IMPORT_KNOW, "policy ACCEPT"), 1);
}

/* Rules that drop all but some, where the policy lets in the rest. */
static void iptables_drop_unless(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	assert_lists(IMPORT_IPTABLES,
		     "-P INPUT ACCEPT\n-A INPUT ! -s 10.0.0.0/8 -p udp --dport 5060 -j DROP\n"
		     "-A INPUT -s 10.1.0.0/16 -p udp --dport 5060 -j DROP\n",
		     "udp-5060: 10.0.0.0/16 10.2.0.0/15 10.4.0.0/14 10.8.0.0/13 10.16.0.0/12 "
		     "10.32.0.0/11 10.64.0.0/10 10.128.0.0/9");
	assert_lists(IMPORT_IPTABLES,
		     "-P INPUT DROP\n-A INPUT ! -s 10.0.0.0/8 -p udp --dport 5060 -j DROP\n"
		     "-A INPUT -s 10.1.0.0/16 -j ACCEPT\n-A INPUT -s 11.0.0.0/8 -j ACCEPT\n",
		     "udp-5060: 10.1.0.0/16");
	assert_lists(IMPORT_IPTABLES,
		     "-P INPUT DROP\n-A INPUT ! -s 128.0.0.0/1 -p udp --dport 5060 -j ACCEPT\n",
		     "udp-5060: 0.0.0.0/1");
	assert_refused(IMPORT_IPTABLES,
		       "-P INPUT DROP\n-A INPUT ! -s 0.0.0.0/0 -p udp --dport 9 -j ACCEPT\n",
		       "no list");
	read_text(&r, IMPORT_IPTABLES,
		  "-P INPUT ACCEPT\n-A INPUT -p udp --dport 5060 -m set ! --match-set good src -j "
		  "DROP\n"
		  "-A INPUT -m set ! --match-set geo src -j DROP\n"
		  "-A INPUT -m set ! --match-set geo src -j X\n-A X -s 1.1.1.1 -p udp --dport 9 -j "
		  "ACCEPT\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(services_of(&r.im), "udp/5060=good");
	assert_int_equal(noted(&r.im, IMPORT_CHANGED, "not in a set"), 1);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "negations of sets"), 2);
}

static void iptables_refuses(void **state)
{
	(void)state;
	assert_refused(IMPORT_IPTABLES, "*filter\nx\n", "in:2: \"x\" is not a line");
	assert_refused(IMPORT_IPTABLES, "-A INPUT -s 1.2.3 -j ACCEPT\n",
		       "in:1: 1.2.3: not an IPv4");
	assert_refused(IMPORT_IPTABLES, "-A INPUT -s\n", "in:1: no address");
	assert_refused(IMPORT_IPTABLES, "-A INPUT -p udp --dport\n", "in:1: no port");
	assert_refused(IMPORT_IPTABLES, "-A INPUT -p udp --dport 9:8 -s 1.1.1.1 -j ACCEPT\n",
		       "upside down");
	assert_refused(IMPORT_IPTABLES, "-A\n", "name of a chain");
	assert_refused(IMPORT_IPTABLES, "-A INPUT -j A\n-A A -j A\n", "in a circle");
	assert_refused(IMPORT_IPTABLES, "-A INPUT -p tcp --dport 22 -j ACCEPT\n", "no list");
}

/* A warning is one line, whatever a table is called. */
static void iptables_table_with_control_characters(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_IPTABLES,
		  "*na\rt\xff\n-A X -j ACCEPT\n*filter\n"
		  "-A INPUT -s 192.0.2.9 -p tcp --dport 22 -j ACCEPT\n");
	assert_int_equal(r.rc, 0);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "rules of table na?t?: only"), 1);
}

/* -- fail2ban, plain --------------------------------------------------------------------------- */

static void fail2ban_ignoreip(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_AUTO,
		  "# c\n[DEFAULT]\nbantime: 1h\nignoreip = 127.0.0.1/8 ::1 localhost, 10.0.0.0/8\n"
		  "           192.0.2.9 ; mine\n\t# no\n\nfindtime = 3\n  10.9.9.9\n[a b]\n"
		  "ignoreip =\n  2001:db8::/32 pbx.example.org %(other)s\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im),
			    "ignoreip: 10.0.0.0/8 192.0.2.9/32; ignoreip-a-b: 2001:db8::/32");
	assert_int_equal(r.im.lists[1].names.n, 1);
	assert_string_equal(r.im.lists[1].names.v[0], "pbx.example.org");
	assert_int_equal(noted(&r.im, IMPORT_LOST, "loopback"), 3);
	assert_int_equal(noted(&r.im, IMPORT_LOST, "stands for other text"), 1);
	assert_refused(IMPORT_FAIL2BAN, "[DEFAULT\n", "in:1: a section");
	assert_refused(IMPORT_FAIL2BAN, "[D]\nnonsense\n", "in:2: neither");
	assert_refused(IMPORT_FAIL2BAN, "[D]\nignoreip = 1.2.3.4.5\n", "in:2: 1.2.3.4.5");
	/* Names that the config would refuse. */
	assert_refused(IMPORT_FAIL2BAN, "[D]\nignoreip = host.example.co-\n",
		       "in:2: host.example.co");
	assert_refused(IMPORT_FAIL2BAN, "[D]\nignoreip = 192.0.2.1.\n", "in:2: 192.0.2.1.");
}

/* It becomes a comment of the list file, which holds no control characters. */
static void fail2ban_section_with_control_characters(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_FAIL2BAN, "[Ss\x1eh\xff]\nignoreip = 192.0.2.9\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im), "ignoreip-Ss-h-: 192.0.2.9/32");
	assert_string_equal(r.im.lists[0].origin, "fail2ban's ignoreip of Ss?h?");
}

static void plain_lines(void **state)
{
	(void)state;
	assert_lists(
		IMPORT_AUTO,
		"# all\n10.0.0.1\n 10.0.1.0/24 # a\n10.2.0.1-10.2.0.2;b\n10.3.0.0 255.255.0.0\n"
		"allow 10.4.0.1;\n10.5.0.1,label\n\"10.6.0.1\",\"label\"\n!10.0.1.7 # not\n"
		"10.7.0.1 - 10.7.0.1 x\n2001:db8::1 // six\n",
		"in: 10.0.0.1/32 10.0.1.0/24 !10.0.1.7/32 10.2.0.1/32 10.2.0.2/32 10.3.0.0/16 "
		"10.4.0.1/32 10.5.0.1/32 10.6.0.1/32 10.7.0.1/32 2001:db8::1/128");
	assert_refused(IMPORT_PLAIN, "10.0.0.1\n10.0.0.256\n", "in:2: 10.0.0.256");
	assert_refused(IMPORT_PLAIN, "1.2.3.4.5\n", "in:1: 1.2.3.4.5");
	assert_refused(IMPORT_PLAIN, "# x\n,\n", "in:2: no address");
	assert_refused(IMPORT_PLAIN, "10.0.0.1\n!10.0.0.1\n", "in:2: 10.0.0.1/32 is both");
}

static void plain_labels_and_notes(void **state)
{
	struct result r _cleanup_result_ = { 0 };
	char line[700];

	(void)state;
	snprintf(line, sizeof(line),
		 "10.0.0.1 # %0*d\n10.0.0.2 # a\x01\xff z\x02\xd3\x8f\n10.0.0.3/24 #  b \n", 300,
		 1);
	read_text(&r, IMPORT_PLAIN, line);
	assert_int_equal(r.rc, 0);
	assert_int_equal(noted(&r.im, IMPORT_CHANGED, "cut or cleaned"), 2);
	assert_int_equal(noted(&r.im, IMPORT_CHANGED, "host bits"), 1);
	assert_string_equal(policy_string(&r.im.policy, r.im.policy.base.v[0].label), "b");
	assert_int_equal(strlen(policy_string(&r.im.policy, r.im.policy.base.v[1].label)),
			 POLICY_LABEL_MAX);
	assert_string_equal(policy_string(&r.im.policy, r.im.policy.base.v[2].label),
			    "a?? z?\xd3\x8f");
}

/* -- all of them ------------------------------------------------------------------------------- */

static void formats_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum import_format format;
	} cases[] = {
		{ "create a hash:ip\n", IMPORT_IPSET },
		{ "\n# x\nadd a 10.0.0.1\n", IMPORT_IPSET },
		{ " {\"nftables\": []}", IMPORT_NFT },
		{ "# Generated by iptables-save v1.8.9\n*filter\n", IMPORT_IPTABLES },
		{ "-P INPUT ACCEPT\n", IMPORT_IPTABLES },
		{ "[DEFAULT]\nignoreip = x", IMPORT_FAIL2BAN },
		{ "[sshd]\nignoreip=1.1.1.1\n", IMPORT_FAIL2BAN },
		{ "10.0.0.1\n", IMPORT_PLAIN },
		{ "", IMPORT_PLAIN },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(import_detect("in", cases[i].text, strlen(cases[i].text), &err),
				 cases[i].format);
	for (int f = 0; f < IMPORT_FORMATS; f++)
		assert_int_equal(import_format_parse(import_format_name((enum import_format)f)), f);
	assert_int_equal(import_format_parse("pf"), -1);
}

static void names_are_made_fit(void **state)
{
	struct result r _cleanup_result_ = { 0 };

	(void)state;
	read_text(&r, IMPORT_IPSET,
		  "create ../../etc/x hash:ip\ncreate A hash:ip\ncreate a hash:ip\n"
		  "create \xc3\xa4 hash:ip\ncreate a-2 hash:ip\n");
	assert_int_equal(r.rc, 0);
	assert_string_equal(lists_of(&r.im), "etc-x:; A:; a-2:; list:; a-2-2:");
	for (size_t i = 0; i < r.im.policy.n_lists; i++)
		assert_true(policy_name_ok(r.im.policy.lists[i].name));
	assert_int_equal(notes_of(&r.im, IMPORT_CHANGED), 4);
}

static void limits_hold(void **state)
{
	_cleanup_free_ char *text = calloc(1, 1 << 20);
	size_t used = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 300; i++)
		used += (size_t)sprintf(text + used, "create s%d hash:ip\n", i);
	assert_refused(IMPORT_IPSET, text, "more than 256 lists");
	for (int i = 300; i < 5000; i++)
		used += (size_t)sprintf(text + used, "create s%d hash:ip\n", i);
	assert_refused(IMPORT_IPSET, text, "in:4097: more than 4096 sets");
	used = (size_t)sprintf(text, "create s hash:ip,port\n");
	for (int i = 0; i < 100; i++)
		used += (size_t)sprintf(text + used, "add s 10.0.0.%d,udp:%d\n", i, i * 7 + 1);
	assert_refused(IMPORT_IPSET, text, "more than 64 services");
	used = 0;
	for (int i = 1; i < 1200; i++)
		used += (size_t)sprintf(text + used, "-A INPUT -j c%d\n", i);
	assert_refused(IMPORT_IPTABLES, text, "more than 1024 chains");
}

static const char *const seeds[IMPORT_FORMATS] = {
	[IMPORT_IPSET] =
		"create t hash:net family inet timeout 0\nadd t 10.0.0.0/8 timeout 60 comment "
		"\"a b\" nomatch\ncreate p hash:ip,port\nadd p 10.0.0.1,udp:5060-5070\n"
		"add p 10.0.0.1-10.0.0.9,tcp:80\n",
	[IMPORT_NFT] = NFT(NFT_SET(
		"s", "\"ipv4_addr\"",
		"{\"range\": [\"10.0.0.1\", \"10.0.0.9\"]}, {\"elem\": {\"val\": "
		"\"10.1.1.1\", \"expires\": 5}}") ", " NFT_RULE(NFT_MATCH("ip", "saddr",
									  "\"@s\"") ", " NFT_MATCH("udp",
												   "dport",
												   "{\"range\": [5, 9]}") ", {\"accept\": null}")),
	[IMPORT_IPTABLES] =
		"*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.0/8 -p udp -m multiport --dports "
		"5060,7:9 -m comment --comment \"x \\\"\" -j C\n-A C ! -s 10.1.0.0/16 -j DROP\n"
		"-A C -m set --match-set good src -j ACCEPT\n-A C -s 10.2.0.0/16 -j DROP\n"
		"-A C -m iprange --src-range 10.0.0.1-10.9.0.9 -j ACCEPT\nCOMMIT\n",
	[IMPORT_FAIL2BAN] = "[DEFAULT]\nignoreip = 10.0.0.1/8 a.example.org,\n  ::2 ; "
			    "c\n[x]\nignoreip: 1.1.1.1\n",
	[IMPORT_PLAIN] = "10.0.0.1 # a\n10.0.0.5-10.0.0.77 ; b\n!10.0.0.6\n10.3.0.0 "
			 "255.255.0.0\nallow ::1;\n"
			 "\"x.example.org\",y\n",
};

/* Bytes changed, cut out, doubled: never more than an error (the sanitizers watch). */
static void hostile_input(void **state)
{
	static const char alphabet[] =
		"0123456789abcdef:./-,!*#;\"\\'{}[]() \t\n\r%@\x01\x80\xff\xc2";
	uint64_t seed = 42;

	(void)state;
	for (int round = 0; round < 6000; round++) {
		enum import_format f = (enum import_format)(1 + round % (IMPORT_FORMATS - 1));
		struct result r _cleanup_result_ = { 0 };
		char text[2048];
		size_t n = strlen(seeds[f]);

		memcpy(text, seeds[f], n);
		for (uint64_t i = unit_random(&seed) % 6; i + 1; i--) {
			size_t at = unit_random(&seed) % n, len = unit_random(&seed) % 20;

			switch (unit_random(&seed) % 4) {
			case 0:
				text[at] = alphabet[unit_random(&seed) % (sizeof(alphabet) - 1)];
				break;
			case 1:
				len = len < n - at ? len : n - at - 1;
				memmove(text + at, text + at + len, n - at - len);
				n -= len;
				break;
			case 2:
				if (n + len < sizeof(text) && at + len <= n) {
					memmove(text + at + len, text + at, n - at);
					n += len;
				}
				break;
			default:
				n = at ? at : 1;
			}
		}
		/* now and then read as something that it is not */
		read_bytes(&r, unit_random(&seed) % 8 ? f : IMPORT_AUTO, text, n);
		for (size_t i = 0; !r.rc && i < r.im.policy.n_lists; i++)
			assert_true(policy_name_ok(r.im.policy.lists[i].name));
	}
}

/* The first rule that fits, asked directly, beside the lists that were made of the rules. */
static void first_match_is_kept_by_lists(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct result r _cleanup_result_ = { 0 };
		struct {
			unsigned int low, high, port_low, port_high;
			bool accept;
		} rules[24];
		char text[8192];
		size_t used = 0, n = 1 + unit_random(&seed) % ARRAY_SIZE(rules);

		for (size_t i = 0; i < n; i++) {
			unsigned int len = 24 + (unsigned int)(unit_random(&seed) % 9);
			unsigned int low = (unsigned int)(unit_random(&seed) & 255) &
					   ~((1U << (32 - len)) - 1);

			rules[i].low = low;
			rules[i].high = low + (1U << (32 - len)) - 1;
			rules[i].port_low = 1 + (unsigned int)(unit_random(&seed) % 6);
			rules[i].port_high =
				rules[i].port_low + (unsigned int)(unit_random(&seed) % 4);
			rules[i].accept = unit_random(&seed) % 2;
			used += (size_t)snprintf(
				text + used, sizeof(text) - used,
				"-A INPUT -s 10.0.0.%u/%u -p udp --dport %u:%u -j %s\n", low, len,
				rules[i].port_low, rules[i].port_high,
				rules[i].accept ? "ACCEPT" : "DROP");
		}
		read_text(&r, IMPORT_IPTABLES, text);
		for (unsigned int address = 0; address < 256 && !r.rc; address++) {
			for (unsigned int port = 1; port < 11; port++) {
				struct prefix a = { .addr = { 10, 0, 0, (uint8_t)address },
						    .family = AXP_IPV4,
						    .len = 32 };
				struct explanation x;
				bool passes = false;

				for (size_t i = 0; i < n; i++) {
					if (address < rules[i].low || address > rules[i].high ||
					    port < rules[i].port_low || port > rules[i].port_high)
						continue;
					passes = rules[i].accept;
					break;
				}
				explain(&r.im.policy, &a, AXP_IN, AXP_UDP, (uint16_t)port, &x);
				if (passes != (x.reason == AXP_REASON_LISTED))
					fail_msg("10.0.0.%u udp/%u:\n%s", address, port, text);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_the_fewest_prefixes),
		cmocka_unit_test(ranges_that_are_none),
		cmocka_unit_test(ipset_entries),
		cmocka_unit_test(ipset_ports_become_services),
		cmocka_unit_test(ipset_holes_stay_with_their_port),
		cmocka_unit_test(ipset_sets_without_counterpart),
		cmocka_unit_test(ipset_only_some),
		cmocka_unit_test(ipset_refuses),
		cmocka_unit_test(nft_elements),
		cmocka_unit_test(nft_rules),
		cmocka_unit_test(nft_long_sets),
		cmocka_unit_test(nft_refuses),
		cmocka_unit_test(iptables_rules),
		cmocka_unit_test(iptables_first_match_decides),
		cmocka_unit_test(iptables_chains),
		cmocka_unit_test(iptables_guarded_by_config),
		cmocka_unit_test(iptables_reports),
		cmocka_unit_test(iptables_drop_unless),
		cmocka_unit_test(iptables_refuses),
		cmocka_unit_test(iptables_table_with_control_characters),
		cmocka_unit_test(fail2ban_ignoreip),
		cmocka_unit_test(fail2ban_section_with_control_characters),
		cmocka_unit_test(plain_lines),
		cmocka_unit_test(plain_labels_and_notes),
		cmocka_unit_test(formats_are_told_apart),
		cmocka_unit_test(names_are_made_fit),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(hostile_input),
		cmocka_unit_test(first_match_is_kept_by_lists),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
