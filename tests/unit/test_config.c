// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>
#include "configs.h"

#define SERVICE "services: [{name: s, ports: [tcp/443]}]\n" /* one line that is fine */

/* Refused with an error in `file` of the scratch directory; line 0: the whole file. */
static void assert_refused_in(const struct scratch *s, const char *yaml, const char *file,
			      unsigned int line, const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	char want[1100];

	assert_int_equal(read_config(s, yaml, &p, &err), -EINVAL);
	if (line)
		snprintf(want, sizeof(want), "%s:%u: %s", scratch_path(s, file), line, why);
	else
		snprintf(want, sizeof(want), "%s: %s", scratch_path(s, file), why);
	assert_string_equal(err.text, want);
}

static void assert_refused(const struct scratch *s, const char *yaml, unsigned int line,
			   const char *why)
{
	assert_refused_in(s, yaml, "c.yaml", line, why);
}

static void assert_entry(const struct policy *p, size_t i, const char *prefix, const char *label,
			 const char *list, unsigned int line)
{
	char buf[PREFIX_TEXT_MAX];

	assert_true(i < p->base.n);
	assert_string_equal(prefix_text(&p->base.v[i].prefix, buf), prefix);
	assert_string_equal(policy_string(p, p->base.v[i].label), label);
	assert_string_equal(p->lists[p->base.v[i].list].name, list);
	assert_int_equal(p->base.v[i].line, line);
}

static void assert_port(const struct service *s, size_t i, const char *want)
{
	char buf[24];

	assert_true(i < s->n_ports);
	assert_string_equal(port_range_text(&s->ports[i], buf), want);
}

/* ---- what is right ---- */

static const char example[] =
	"mode: enforce                            # or monitor\n" /* 1 */
	"interfaces: [eth0]\n"
	"services:\n"
	"  - name: https\n"
	"    ports: [tcp/443]\n" /* 5 */
	"    allow: [webhooks, office]\n"
	"  - name: sip\n"
	"    ports: [udp/5060, tcp/5060-5061]\n"
	"    allow: [exotel-sip]\n"
	"  - name: rtp\n" /* 10 */
	"    ports: [udp/10000-60000]\n"
	"    direction: in\n"
	"lists:\n"
	"  - name: webhooks\n"
	"    file: lists/freshchat-in.list        # relative to this file\n" /* 15 */
	"  - name: office\n"
	"    prefixes: [\"203.0.113.0/24 # head office\", \"2001:db8:7::/48\"]\n"
	"  - name: exotel-sip\n"
	"    prefixes:\n"
	"      - 192.0.2.0/24\n" /* 20 */
	"      - \"!192.0.2.128/25 # lab\"\n";

static struct policy read_example(const struct scratch *s)
{
	assert_int_equal(mkdir(scratch_path(s, "lists"), 0700), 0);
	scratch_write(s, "lists/freshchat-in.list", "# in\n198.51.100.0/24 # Freshchat\n");
	return accepted(s, example);
}

static void example_services(void **state)
{
	_cleanup_policy_ struct policy p = read_example(*state);
	const struct service *s = p.services;

	assert_int_equal(p.settings.mode, AXP_MODE_ENFORCE);
	assert_int_equal(p.n_interfaces, 1);
	assert_string_equal(p.interfaces[0], "eth0");
	assert_int_equal(p.n_services, 3);
	assert_string_equal(s[0].name, "https");
	assert_int_equal(s[0].line, 4);
	assert_int_equal(s[0].n_ports, 1);
	assert_port(&s[0], 0, "tcp/443");
	assert_int_equal(s[0].allow[0], 1 << 0 | 1 << 1);
	assert_string_equal(s[1].name, "sip");
	assert_int_equal(s[1].line, 7);
	assert_int_equal(s[1].n_ports, 2);
	assert_port(&s[1], 0, "udp/5060");
	assert_port(&s[1], 1, "tcp/5060-5061");
	assert_int_equal(s[1].allow[0], 1 << 2);
	assert_int_equal(s[2].line, 10);
	assert_port(&s[2], 0, "udp/10000-60000");
	assert_int_equal(s[2].allow[0], 0);
	assert_int_equal(s[2].direction, AXP_IN);
}

static void example_lists_and_entries(void **state)
{
	_cleanup_policy_ struct policy p = read_example(*state);
	const char *file = scratch_path(*state, "lists/freshchat-in.list");
	const char *config = scratch_path(*state, "c.yaml");

	assert_int_equal(p.n_lists, 3);
	assert_string_equal(p.lists[0].name, "webhooks");
	assert_int_equal(p.lists[0].line, 14);
	assert_string_equal(policy_string(&p, p.lists[0].file), file);
	assert_int_equal(p.lists[1].file, 0);
	assert_int_equal(p.lists[2].line, 18);
	assert_int_equal(p.base.n, 5);
	assert_entry(&p, 0, "192.0.2.0/24", "", "exotel-sip", 20);
	assert_entry(&p, 1, "192.0.2.128/25", "lab", "exotel-sip", 21);
	assert_int_equal(p.base.v[0].flags, 0);
	assert_int_equal(p.base.v[1].flags, ENTRY_CARVE);
	assert_entry(&p, 2, "198.51.100.0/24", "Freshchat", "webhooks", 2);
	assert_string_equal(policy_string(&p, p.base.v[2].source), file);
	assert_entry(&p, 3, "203.0.113.0/24", "head office", "office", 17);
	assert_string_equal(policy_string(&p, p.base.v[3].source), config);
	assert_entry(&p, 4, "2001:db8:7::/48", "", "office", 17);
	assert_string_equal(policy_string(&p, p.config), config);
	assert_int_equal(p.added.n, 0);
	assert_false(p.mapped);
}

static void smallest_config(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, SERVICE);

	assert_int_equal(p.settings.mode, AXP_MODE_ENFORCE);
	assert_int_equal(p.n_interfaces, 0);
	assert_int_equal(p.n_services, 1);
	assert_int_equal(p.n_lists, 0);
	assert_int_equal(p.base.n, 0);
}

static void monitor_mode(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, "mode: monitor\n" SERVICE);

	assert_int_equal(p.settings.mode, AXP_MODE_MONITOR);
}

static void optional_keys_may_be_empty(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, "interfaces:\n"
			"services: [{name: s, ports: [tcp/443], allow: }]\n"
			"lists: [{name: a}, {name: b, prefixes: }, {name: c, prefixes: []}]\n");
	_cleanup_policy_ struct policy q =
		accepted(*state, "interfaces: ~\nlists: null\n"
				 "services: [{name: s, ports: [tcp/443], allow: []}]\n");

	assert_int_equal(p.n_lists, 3);
	assert_int_equal(p.base.n, 0);
	assert_int_equal(q.n_lists, 0);
}

static void file_and_prefixes_in_one_list(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };

	scratch_write(*state, "x.list", "10.0.0.0/8\n10.9.0.0/16 # file\n");
	p = accepted(*state, SERVICE "lists:\n- name: l\n  file: x.list\n  prefixes:\n"
				     "    - 10.9.0.0/16 # a comment of YAML\n    - 11.0.0.0/8\n");
	assert_int_equal(p.base.n, 3);
	assert_entry(&p, 0, "10.0.0.0/8", "", "l", 1);
	assert_entry(&p, 1, "10.9.0.0/16", "", "l", 6); /* written first: prefixes, then file */
	assert_entry(&p, 2, "11.0.0.0/8", "", "l", 7);
}

static void list_paths_are_relative_to_the_config(void **state)
{
	const struct scratch *s = *state;
	_cleanup_policy_ struct policy p = { 0 };
	char yaml[512];

	assert_int_equal(mkdir(scratch_path(s, "etc"), 0700), 0);
	assert_int_equal(mkdir(scratch_path(s, "lists"), 0700), 0);
	scratch_write(s, "lists/a.list", "10.0.0.0/8\n");
	scratch_write(s, "b.list", "11.0.0.0/8\n");
	snprintf(yaml, sizeof(yaml),
		 SERVICE "lists: [{name: a, file: ../lists/a.list}, {name: b, file: %s/b.list}]\n",
		 s->dir);
	scratch_write(s, "etc/c.yaml", yaml);
	assert_int_equal(config_read(&p, scratch_path(s, "etc/c.yaml"), &(struct error){ "" }), 0);
	assert_int_equal(p.base.n, 2);
	assert_string_equal(policy_string(&p, p.lists[0].file),
			    scratch_path(s, "etc/../lists/a.list"));
	assert_string_equal(policy_string(&p, p.lists[1].file), scratch_path(s, "b.list"));
}

static void relative_config_path_becomes_absolute(void **state)
{
	const struct scratch *s = *state;
	_cleanup_close_ int back = open(".", O_RDONLY | O_DIRECTORY);
	_cleanup_policy_ struct policy p = { 0 }, q = { 0 };
	struct error err = { "" };
	int ret;

	scratch_write(s, "x.list", "10.0.0.0/8\n");
	scratch_write(s, "c.yaml", SERVICE "lists: [{name: l, file: x.list}]\n");
	scratch_write(s, "bad.yaml", "mode: x\n" SERVICE);
	assert_int_equal(chdir(s->dir), 0);
	ret = config_read(&p, "./c.yaml", &err);
	assert_int_equal(config_read(&q, "bad.yaml", &err), -EINVAL);
	assert_int_equal(fchdir(back), 0);
	assert_int_equal(ret, 0);
	assert_string_equal(policy_string(&p, p.config), scratch_path(s, "c.yaml"));
	assert_string_equal(policy_string(&p, p.lists[0].file), scratch_path(s, "x.list"));
	/* in an error, the path is the one that the reader typed */
	assert_string_equal(err.text, "bad.yaml:1: unknown mode \"x\": write enforce or monitor");
}

static void aliases_are_fine(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "services:\n - name: a\n   ports: &p [tcp/443, udp/443]\n"
				 " - name: b\n   ports: *p\n");

	assert_int_equal(p.n_services, 2);
	assert_int_equal(p.services[1].n_ports, 2);
	assert_port(&p.services[1], 1, "udp/443");
}

static void ports_may_overlap(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, "services:\n"
			" - {name: a, ports: [udp/1000-3000, udp/2000-4000, udp/1000-3000]}\n"
			" - {name: b, ports: [udp/2000]}\n");

	assert_int_equal(p.services[0].n_ports, 3);
}

static void unquoted_ipv6_is_fine(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, SERVICE "lists:\n- name: l\n  prefixes:\n"
				"    - 2001:db8::/32\n    - ::1\n    - ::ffff:10.0.0.0/104\n");

	assert_int_equal(p.base.n, 3);
	assert_entry(&p, 0, "10.0.0.0/8", "", "l", 7); /* IPv4-mapped is IPv4 */
	assert_entry(&p, 1, "::1/128", "", "l", 6);
	assert_entry(&p, 2, "2001:db8::/32", "", "l", 5);
}

static void byte_order_mark_and_crlf_are_fine(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "\xef\xbb\xbfmode: monitor\r\nservices:\r\n- name: s\r\n"
				 "  ports: [tcp/443]\r\nlists:\r\n- name: l\r\n  prefixes:\r\n"
				 "  - \"10.0.0.0/8 # Zürich  \"\r\n");

	assert_entry(&p, 0, "10.0.0.0/8", "Zürich", "l", 8);
}

/* ---- the file itself ---- */

static void assert_unreadable(const char *path, int errnum, const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	char want[600];

	assert_int_equal(config_read(&p, path, &err), -errnum);
	snprintf(want, sizeof(want), "%s: %s", path, why);
	assert_string_equal(err.text, want);
}

static void missing_config(void **state)
{
	assert_unreadable(scratch_path(*state, "nope.yaml"), ENOENT,
			  "no such file: create it or correct the path");
}

static void config_that_is_a_directory_or_fifo(void **state)
{
	const struct scratch *s = *state;

	assert_unreadable(s->dir, EISDIR, "is a directory: name a file in it");
	assert_int_equal(mkfifo(scratch_path(s, "fifo"), 0600), 0);
	assert_unreadable(scratch_path(s, "fifo"), ENODEV,
			  "is not a regular file: copy its content into one");
}

static void config_over_64_mebibytes(void **state)
{
	scratch_write(*state, "c.yaml", "");
	assert_int_equal(truncate(scratch_path(*state, "c.yaml"), (64 << 20) + 1), 0);
	assert_unreadable(scratch_path(*state, "c.yaml"), EFBIG,
			  "is larger than 64 MiB: split it or shorten it");
}

static void empty_config(void **state)
{
	static const char *const empty[] = { "", "\n\n", "# only a comment\n", "---\n",
					     "\xef\xbb\xbf" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(empty); i++)
		assert_refused(*state, empty[i], 0,
			       "is empty: write \"services:\", and below it \"- name:\" and "
			       "\"ports:\" of what to guard");
}

/* ---- YAML ---- */

static void syntax_errors_name_the_line(void **state)
{
	assert_refused(*state, "mode: enforce\nservices: [a\nlists: []\n", 3,
		       "YAML syntax: did not find expected ',' or ']' while parsing a flow "
		       "sequence that begins in line 2: close the bracket, and quote text that "
		       "holds \"#\"");
	assert_refused(*state, "services:\n\t- name: a\n", 2,
		       "YAML syntax: found character that cannot start any token while scanning "
		       "for the next token: indent with spaces, not tabs, and quote text that "
		       "begins with a sign");
	assert_refused(*state, "mode: a: b\n", 1,
		       "YAML syntax: mapping values are not allowed in this context: check the "
		       "indentation, and quote text that holds \": \"");
	assert_refused(*state, "mode: *x\n", 1,
		       "YAML syntax: found undefined alias: define its anchor above, and quote "
		       "text that begins with \"*\"");
	assert_refused(*state, "mode: \"enforce\n", 2,
		       "YAML syntax: found unexpected end of stream while scanning a quoted "
		       "scalar that begins in line 1: check brackets, quotes and indentation");
}

static void bytes_that_are_no_text(void **state)
{
	assert_refused(*state, "mode: enforce\n# \x01\n", 2,
		       "not plain UTF-8 text (control characters are not allowed): save the file "
		       "as UTF-8");
	assert_refused(*state, "mode: enforce\n\n# Z\xfcrich\n", 3,
		       "not plain UTF-8 text (invalid leading UTF-8 octet): save the file as "
		       "UTF-8");
}

static void control_characters_in_escapes(void **state)
{
	assert_refused(*state, "mode: enforce\n\"li\\0sts\": 1\n", 2,
		       "\"li?sts\" holds a control character (byte 0x00): remove it");
	assert_refused(*state, SERVICE "lists:\n- name: l\n  prefixes: [\"10.0.0.0/8\\0\"]\n", 4,
		       "\"10.0.0.0/8?\" holds a control character (byte 0x00): remove it");
	assert_refused(*state, SERVICE "lists:\n- name: l\n  file: \"a\\x1b[31m\"\n", 4,
		       "\"a?[31m\" holds a control character (byte 0x1b): remove it");
}

static void carve_without_quotes_is_a_tag(void **state)
{
	assert_refused(*state,
		       SERVICE "lists:\n- name: l\n  prefixes:\n  - 10.0.0.0/8\n  - !10.1.0.0/16\n",
		       6,
		       "YAML takes the unquoted !10.1.0.0/16 for a tag: quote it: "
		       "\"!10.1.0.0/16\"");
	assert_refused(*state, SERVICE "lists:\n- name: l\n  prefixes:\n  - !2001:db8::/32\n", 5,
		       "YAML takes the unquoted !2001:db8::/32 for a tag: quote it: "
		       "\"!2001:db8::/32\"");
	/* this one would even load, as the opposite of what is meant */
	assert_refused(*state, SERVICE "lists:\n- name: l\n  prefixes:\n  - ! 10.1.0.0/16\n", 5,
		       "YAML takes an unquoted \"!\" for a tag: quote the entry, like "
		       "\"!203.0.113.0/24\"");
	assert_refused(*state, SERVICE "lists:\n- name: l\n  prefixes: [!10.1.0.0/16]\n", 4,
		       "YAML syntax: did not find expected whitespace or line break while "
		       "scanning a tag: put quotes around an entry that begins with \"!\"");
}

static void key_given_twice(void **state)
{
	assert_refused(*state, "mode: enforce\n" SERVICE "mode: monitor\n", 3,
		       "key \"mode\" is given twice (first in line 1): remove one");
	assert_refused(*state, "services:\n- name: s\n  ports: [tcp/443]\n  ports: [tcp/80]\n", 4,
		       "key \"ports\" is given twice (first in line 3): remove one");
	assert_refused(*state,
		       SERVICE "lists:\n- name: l\n  prefixes: [10.0.0.1]\n  file: x\n"
			       "  prefixes: [10.0.0.2]\n",
		       6, "key \"prefixes\" is given twice (first in line 4): remove one");
}

static void second_document(void **state)
{
	assert_refused(*state, SERVICE "---\n" SERVICE, 3,
		       "a second YAML document begins here: remove the \"---\" before it");
}

static void alias_that_holds_itself(void **state)
{
	assert_refused(*state, "services: &a [*a]\n", 1,
		       "an item of \"services\" must be keys and values: write it like services: "
		       "[{name: https, ports: [tcp/443], allow: [office]}]");
}

/* ---- keys and types ---- */

static void unknown_keys(void **state)
{
	assert_refused(
		*state, "mode: enforce\nlits: []\n" SERVICE, 2,
		"unknown key \"lits\": the keys here are mode, fragments, flows, dns, interfaces, "
		"include, services, lists");
	assert_refused(
		*state, "services:\n- name: s\n  ports: [tcp/443]\n\n  alow: [x]\n", 5,
		"unknown key \"alow\": the keys here are name, ports, allow, direction, replies");
	assert_refused(
		*state, SERVICE "lists:\n- name: l\n- prefix: [10.0.0.1]\n", 4,
		"unknown key \"prefix\": the keys here are name, file, prefixes, names, srv, "
		"allow-private, url, command, format, column, path, filter, ca-file, refresh, "
		"stale-after, timeout, max-size, max-shrink, min-prefix4, min-prefix6, "
		"unpublished");
	assert_refused(*state, SERVICE "\"\": 1\n", 2,
		       "unknown key \"\": the keys here are mode, fragments, flows, dns, "
		       "interfaces, include, services, lists");
	assert_refused(*state, SERVICE "flows:\n  udp: 1m\n  icmp: 1m\n", 4,
		       "unknown key \"icmp\": the keys here are capacity, udp, tcp, tcp-closing");
}

static void keys_that_are_no_words(void **state)
{
	assert_refused(*state, "? [a]\n: b\n", 1,
		       "a key must be a word, not a list or mapping: quote text that begins with "
		       "\"[\" or \"{\"");
}

static void missing_keys(void **state)
{
	assert_refused(*state, "# x\nmode: enforce\n", 2,
		       "\"services\" is missing here: add it like services: [{name: https, ports: "
		       "[tcp/443], allow: [office]}]");
	assert_refused(*state, "services:\n- name: a\n  ports: [tcp/1]\n- name: b\n", 4,
		       "\"ports\" is missing here: add it like ports: [tcp/443]");
	assert_refused(*state, "services:\n- ports: [tcp/1]\n", 2,
		       "\"name\" is missing here: add it like name: office");
	assert_refused(*state, SERVICE "lists:\n- file: x.list\n", 3,
		       "\"name\" is missing here: add it like name: office");
}

static void wrong_types(void **state)
{
	assert_refused(*state, "mode: enforce\nservices: 5\n", 2,
		       "\"services\" must be a list: write it like services: [{name: https, "
		       "ports: [tcp/443], allow: [office]}]");
	assert_refused(*state, "services:\n- name: s\n  ports: tcp/443\n", 3,
		       "\"ports\" must be a list: write it like ports: [tcp/443]");
	assert_refused(*state, "services:\n- name: s\n  ports: [tcp/443]\n  allow: {a: b}\n", 4,
		       "\"allow\" must be a list: write it like allow: [office]");
	assert_refused(*state, "services:\n- name: [s]\n  ports: [tcp/443]\n", 2,
		       "\"name\" must be plain text, in quotes if it ends with \":\": write it "
		       "like name: office");
	assert_refused(*state, "services:\n- s\n", 2,
		       "an item of \"services\" must be keys and values: write it like services: "
		       "[{name: https, ports: [tcp/443], allow: [office]}]");
	assert_refused(*state, "mode: {enforce: 1}\n" SERVICE, 1,
		       "\"mode\" must be plain text, in quotes if it ends with \":\": write it "
		       "like mode: enforce");
	assert_refused(*state, "interfaces: eth0\n" SERVICE, 1,
		       "\"interfaces\" must be a list: write it like interfaces: [eth0]");
	assert_refused(*state,
		       SERVICE "lists:\n- name: l\n  prefixes:\n  - 10.0.0.1\n  - 2001:db8::\n", 6,
		       "an item of \"prefixes\" must be plain text, in quotes if it ends with "
		       "\":\": write it like prefixes: [\"203.0.113.0/24\"]");
	assert_refused(*state, SERVICE "lists: {name: l}\n", 2,
		       "\"lists\" must be a list: write it like lists: [{name: office, file: "
		       "lists/office.list}]");
}

static void whole_file_of_the_wrong_type(void **state)
{
	static const char why[] = "the file must consist of keys and values: write it like "
				  "services: [{name: https, ports: [tcp/443], allow: [office]}]";

	assert_refused(*state, "- a\n- b\n", 1, why);
	assert_refused(*state, "\n10.0.0.0/8\n", 2, why);
}

static void no_service(void **state)
{
	static const char why[] = "no service is defined: write at least one, with \"name\" and "
				  "\"ports\" of what to guard";

	assert_refused(*state, "mode: enforce\nservices: []\n", 2, why);
	assert_refused(*state, "services:\nmode: enforce\n", 1, why);
	assert_refused(*state, "services: ~\n", 1, why);
}

/* ---- values ---- */

static void bad_mode(void **state)
{
	assert_refused(*state, SERVICE "mode: off\n", 2,
		       "unknown mode \"off\": write enforce or monitor");
	assert_refused(*state, "mode:\n" SERVICE, 1, "unknown mode \"\": write enforce or monitor");
	assert_refused(*state, "mode: Enforce\n" SERVICE, 1,
		       "unknown mode \"Enforce\": write enforce or monitor");
}

static void bad_direction(void **state)
{
	assert_refused(*state, "services:\n- name: s\n  direction: both\n  ports: [tcp/443]\n", 3,
		       "unknown direction \"both\": use in or out");
	assert_refused(*state, "services:\n- name: s\n  ports: [tcp/443]\n  direction:\n", 4,
		       "unknown direction \"\": use in or out");
	assert_refused(*state, "services:\n- name: s\n  ports: [tcp/443]\n  direction: Out\n", 4,
		       "unknown direction \"Out\": use in or out");
}

static void directions_and_replies(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "services:\n"
				 "- {name: a, ports: [tcp/443]}\n"
				 "- {name: b, ports: [tcp/443], direction: in, replies: true}\n"
				 "- {name: c, ports: [tcp/443], replies: false}\n"
				 "- {name: d, ports: [tcp/443], direction: out}\n");
	static const struct {
		uint8_t direction, replies;
	} want[] = { { AXP_IN, 1 }, { AXP_IN, 1 }, { AXP_IN, 0 }, { AXP_OUT, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(p.services[i].direction, want[i].direction);
		assert_int_equal(p.services[i].replies, want[i].replies);
	}
}

static void bad_replies(void **state)
{
	static const char *const bad[] = { "yes", "no", "True", "FALSE", "1", "" };
	char yaml[128], why[128];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(yaml, sizeof(yaml),
			 "services:\n- name: s\n  ports: [tcp/443]\n  allow: []\n  replies: %s\n",
			 bad[i]);
		snprintf(why, sizeof(why),
			 "replies: \"%s\" is neither true nor false: write one of them", bad[i]);
		assert_refused(*state, yaml, 5, why);
	}
	for (size_t i = 0; i < 2; i++) {
		snprintf(yaml, sizeof(yaml),
			 "services:\n- name: s\n  direction: out\n  replies: %s\n"
			 "  ports: [tcp/443]\n",
			 i ? "true" : "false");
		assert_refused(
			*state, yaml, 4,
			"replies are a matter of services with direction in: remove this line");
	}
	assert_refused(*state, "services:\n- name: s\n  ports: [tcp/443]\n  replies: [true]\n", 4,
		       "\"replies\" must be plain text, in quotes if it ends with \":\": write it "
		       "like replies: true");
}

static void fragments_pass_or_drop(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, SERVICE);
	_cleanup_policy_ struct policy q = accepted(*state, "fragments: pass\n" SERVICE);
	_cleanup_policy_ struct policy r = accepted(*state, "fragments: drop\n" SERVICE);

	assert_int_equal(p.settings.fragments_drop, 0);
	assert_int_equal(q.settings.fragments_drop, 0);
	assert_int_equal(r.settings.fragments_drop, 1);
	assert_refused(*state, SERVICE "fragments: reject\n", 2,
		       "unknown word \"reject\" for fragments: write pass or drop");
	assert_refused(*state, "mode: enforce\nfragments:\n" SERVICE, 2,
		       "unknown word \"\" for fragments: write pass or drop");
	assert_refused(*state, "fragments: {drop: 1}\n" SERVICE, 1,
		       "\"fragments\" must be plain text, in quotes if it ends with \":\": write "
		       "it like fragments: pass");
}

static void assert_flows(const struct policy *p, uint32_t capacity, uint32_t udp, uint32_t tcp,
			 uint32_t tcp_closing)
{
	assert_int_equal(p->settings.flow_capacity, capacity);
	assert_int_equal(p->settings.idle_udp, udp);
	assert_int_equal(p->settings.idle_tcp, tcp);
	assert_int_equal(p->settings.idle_tcp_closing, tcp_closing);
}

static void flows_have_defaults(void **state)
{
	_cleanup_policy_ struct policy none = accepted(*state, SERVICE);
	_cleanup_policy_ struct policy empty = accepted(*state, SERVICE "flows: {}\n");
	_cleanup_policy_ struct policy some = accepted(*state, SERVICE "flows: {tcp: 1h}\n");

	assert_flows(&none, 131072, 180, 7200, 60);
	assert_flows(&empty, 131072, 180, 7200, 60);
	assert_flows(&some, 131072, 180, 3600, 60);
}

static void flows_as_told(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, SERVICE "flows:\n  tcp-closing: 9s\n  tcp: 1d12h\n  udp: 90s\n"
					 "  capacity: 1024\n");
	_cleanup_policy_ struct policy q =
		accepted(*state, "flows: {capacity: 4194304, udp: \"1s\"}\n" SERVICE);

	assert_flows(&p, 1024, 90, 129600, 9);
	assert_flows(&q, 4194304, 1, 7200, 60);
}

static void bad_flow_capacity(void **state)
{
	static const char *const bad[] = { "1023",
					   "4194305",
					   "0",
					   "-1",
					   "131072x",
					   "x",
					   "1e6",
					   "1.5",
					   "128k",
					   "0x1000",
					   "99999999999999999999999",
					   "-18446744073709420544" };
	char yaml[128], why[200];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(yaml, sizeof(yaml), "flows:\n  udp: 1m\n  capacity: %s\n" SERVICE, bad[i]);
		snprintf(why, sizeof(why),
			 "capacity \"%s\" is not a number from 1024 to 4194304: write one, like "
			 "capacity: 131072",
			 bad[i]);
		assert_refused(*state, yaml, 3, why);
	}
	assert_refused(*state, SERVICE "flows: {capacity: }\n", 2,
		       "capacity \"\" is not a number from 1024 to 4194304: write one, like "
		       "capacity: 131072");
}

static void bad_flow_limits(void **state)
{
	static const char *const keys[] = { "udp", "tcp", "tcp-closing" };
	char yaml[128];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(yaml, sizeof(yaml), SERVICE "flows:\n  capacity: 2048\n\n  %s: 180\n",
			 keys[i]);
		assert_refused(*state, yaml, 5,
			       "'180' is no duration (a number without a unit): write it like 90s, "
			       "2m, 1h30m or 7d");
	}
	assert_refused(*state, SERVICE "flows:\n  udp: 0s\n  tcp: x\n", 3,
		       "'0s' is no duration (it is zero): write it like 90s, 2m, 1h30m or 7d");
	assert_refused(*state, SERVICE "flows: {tcp: 3651d}\n", 2,
		       "'3651d' is no duration (longer than ten years): write it like 90s, 2m, "
		       "1h30m or 7d");
	assert_refused(*state, SERVICE "flows: 180s\n", 2,
		       "\"flows\" must be keys and values: write it like flows: {capacity: 131072, "
		       "udp: 180s, tcp: 2h}");
	assert_refused(*state, SERVICE "flows:\n  udp: [1m]\n", 3,
		       "\"udp\" must be plain text, in quotes if it ends with \":\": write it like "
		       "udp: 180s");
}

static void flows_without_a_value(void **state)
{
	static const char why[] = "\"flows\" must be keys and values: write it like flows: "
				  "{capacity: 131072, udp: 180s, tcp: 2h}";

	assert_refused(*state, "mode: enforce\nflows:\n" SERVICE, 2, why);
	assert_refused(*state, SERVICE "flows: ~\n", 2, why);
}

static void prefixes_until_a_time(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, SERVICE "lists:\n- name: l\n  prefixes:\n"
					 "  - 10.0.0.0/8 until=2026-11-21T07:00:00Z\n"
					 "  - \"!10.1.0.0/16 until=2100-01-01T00:00:00Z # hole\"\n"
					 "  - 10.2.0.0/16\n");

	assert_entry(&p, 0, "10.0.0.0/8", "", "l", 5);
	assert_int_equal(p.base.v[0].until, 1795244400);
	assert_entry(&p, 1, "10.1.0.0/16", "hole", "l", 6);
	assert_int_equal(p.base.v[1].until, 4102444800);
	assert_int_equal(p.base.v[1].flags, ENTRY_CARVE);
	assert_int_equal(p.base.v[2].until, 0);
	assert_refused(*state,
		       SERVICE "lists:\n- name: l\n  prefixes:\n  - 10.0.0.0/8 until=noon\n", 5,
		       "\"until=noon\" is no time: write it in UTC, like "
		       "until=2026-11-21T07:00:00Z");
}

static void config_knows_when_it_was_read(void **state)
{
	uint32_t before = (uint32_t)time(NULL);
	_cleanup_policy_ struct policy p = accepted(*state, SERVICE);

	assert_in_range(p.now, before, (uint32_t)time(NULL));
}

static void bad_interfaces(void **state)
{
	static const char *const bad[] = { "a/b", "a b", "a:b", "sixteen-bytes-xx", ".", "..", "" };
	char yaml[128], why[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(yaml, sizeof(yaml), "interfaces:\n- eth0\n- \"%s\"\n" SERVICE, bad[i]);
		snprintf(why, sizeof(why),
			 "\"%s\" is no interface name: use 1 to 15 bytes without blanks, \"/\" and "
			 "\":\"",
			 bad[i]);
		assert_refused(*state, yaml, 3, why);
	}
	assert_refused(*state, "interfaces: [eth0,\n eth1,\n eth0]\n" SERVICE, 3,
		       "interface \"eth0\" is named twice: remove one");
}

static void fifteen_bytes_of_interface(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "interfaces: [fifteen-bytes-x, eth0.100]\n" SERVICE);

	assert_int_equal(p.n_interfaces, 2);
	assert_string_equal(p.interfaces[0], "fifteen-bytes-x");
	assert_string_equal(p.interfaces[1], "eth0.100");
}

static void bad_names(void **state)
{
	char yaml[256], why[256], name[POLICY_NAME_MAX + 2];

	assert_refused(*state, "services:\n- ports: [tcp/443]\n  name: a b\n", 3,
		       "\"a b\" cannot name a service: use letters, digits, \"_\", \"-\" and "
		       "\".\", and begin with a letter or digit");
	assert_refused(*state, SERVICE "lists:\n- name: -x\n", 3,
		       "\"-x\" cannot name a list: use letters, digits, \"_\", \"-\" and \".\", "
		       "and begin with a letter or digit");
	assert_refused(*state, SERVICE "lists:\n- name:\n", 3,
		       "\"\" cannot name a list: use letters, digits, \"_\", \"-\" and \".\", and "
		       "begin with a letter or digit");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(yaml, sizeof(yaml), "services:\n- {name: %s, ports: [tcp/443]}\n", name);
	snprintf(why, sizeof(why),
		 "name of the service is 64 bytes long: shorten it to 63 bytes or less");
	assert_refused(*state, yaml, 2, why);
	snprintf(yaml, sizeof(yaml), SERVICE "lists:\n- name: %s\n", name);
	assert_refused(*state, yaml, 3,
		       "name of the list is 64 bytes long: shorten it to 63 bytes or less");
}

static void name_of_63_bytes(void **state)
{
	char yaml[256], name[POLICY_NAME_MAX + 1];
	_cleanup_policy_ struct policy p = { 0 };

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(yaml, sizeof(yaml), "services: [{name: %s, ports: [tcp/443]}]\n", name);
	p = accepted(*state, yaml);
	assert_string_equal(p.services[0].name, name);
}

static void names_given_twice(void **state)
{
	assert_refused(*state,
		       "services:\n- name: s\n  ports: [tcp/443]\n- name: t\n"
		       "  ports: [tcp/80]\n- ports: [tcp/81]\n  name: s\n",
		       7, "service \"s\" is defined twice (first in line 2): rename or remove one");
	assert_refused(*state, SERVICE "lists:\n- name: l\n- name: m\n- name: l\n", 5,
		       "list \"l\" is defined twice (first in line 3): rename or remove one");
}

static void list_and_service_may_share_a_name(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "services: [{name: x, ports: [tcp/443], allow: [x]}]\n"
				 "lists: [{name: x}]\n");

	assert_int_equal(p.services[0].allow[0], 1);
}

static void unknown_list(void **state)
{
	assert_refused(*state,
		       "services:\n- name: s\n  ports: [tcp/443]\n  allow:\n  - l\n  - office\n"
		       "lists: [{name: l}]\n",
		       6,
		       "service \"s\" allows list \"office\", which does not exist: define it "
		       "under \"lists\" or correct the name");
}

static void bad_ports_name_their_line(void **state)
{
	assert_refused(*state, "services:\n- name: s\n  ports:\n  - tcp/443\n  - tcp/0\n", 5,
		       "port 0 in \"tcp/0\": use 1 to 65535");
	assert_refused(*state, "services:\n- name: s\n  ports: [tcp/443,\n    udp/70000]\n", 4,
		       "port 70000 in \"udp/70000\" is over 65535: use 1 to 65535");
	assert_refused(*state, "services:\n- name: s\n  ports: [5060]\n", 3,
		       "port \"5060\" lacks its protocol: write tcp/5060 or udp/5060");
	assert_refused(*state, "services:\n- name: s\n  ports: []\n", 3,
		       "service \"s\" has no port: write at least one, like ports: [tcp/443]");
	assert_refused(*state, "services:\n- name: s\n  ports:\n", 3,
		       "service \"s\" has no port: write at least one, like ports: [tcp/443]");
}

static void bad_prefixes_name_their_line(void **state)
{
	static const char head[] = SERVICE "lists:\n- name: l\n  prefixes:\n  - 192.0.2.1\n";
	static const struct {
		const char *item, *why;
	} bad[] = {
		{ "10.0.0.1/8", "10.0.0.1/8 has host bits set: write 10.0.0.0/8 or 10.0.0.1/32" },
		{ "10.0.0.0/33", "10.0.0.0/33: length is over 32: use /0 to /32" },
		{ "example.org", "example.org: not an IPv4 or IPv6 prefix: write it like "
				 "203.0.113.0/24 or 2001:db8::/32" },
		{ "10.0.0.0/8 office", "\"office\" after the prefix: put \"#\" before the label" },
		{ "\"!\"", "\"!\" without a prefix: write it like !203.0.113.0/24" },
		{ "\"\"", "an item of \"prefixes\" holds no prefix: write one or remove it" },
		{ "# only a comment",
		  "an item of \"prefixes\" holds no prefix: write one or remove it" },
		{ "\"# label\"",
		  "an item of \"prefixes\" holds no prefix: write one or remove it" },
	};
	char yaml[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(yaml, sizeof(yaml), "%s  - %s\n", head, bad[i].item);
		assert_refused(*state, yaml, 6, bad[i].why);
	}
}

static void listed_and_carved(void **state)
{
	const struct scratch *s = *state;
	char why[400];

	scratch_write(s, "x.list", "\n!10.0.0.0/8\n");
	snprintf(why, sizeof(why),
		 "10.0.0.0/8 is both listed and carved out in list \"l\" (the other is %s:5): "
		 "remove one",
		 scratch_path(s, "c.yaml"));
	assert_refused_in(
		s, SERVICE "lists:\n- name: l\n  prefixes:\n  - 10.0.0.0/8\n  file: x.list\n",
		"x.list", 2, why);
}

/* ---- list files ---- */

static void missing_list_file(void **state)
{
	char why[400];

	snprintf(why, sizeof(why), "list \"l\": %s: no such file: create it or correct the path",
		 scratch_path(*state, "lists/x.list"));
	assert_refused(*state, SERVICE "lists:\n- name: l\n  file: lists/x.list\n", 4, why);
}

static void list_file_that_is_a_directory(void **state)
{
	char why[400];

	assert_int_equal(mkdir(scratch_path(*state, "lists"), 0700), 0);
	snprintf(why, sizeof(why), "list \"l\": %s: is a directory: name a file in it",
		 scratch_path(*state, "lists"));
	assert_refused(*state, SERVICE "lists:\n- name: l\n\n  file: lists\n", 5, why);
}

static void list_file_without_a_name(void **state)
{
	assert_refused(*state, SERVICE "lists:\n- name: l\n  file:\n", 4,
		       "\"file\" names no file: write it like file: lists/office.list, or remove "
		       "it");
}

static void list_file_with_a_tab_in_its_name(void **state)
{
	assert_refused(*state, SERVICE "lists:\n- name: l\n  file: a\tb\n", 4,
		       "\"file\" holds a tab: remove it, or rename the file");
}

static void bad_line_in_a_list_file(void **state)
{
	scratch_write(*state, "x.list", "# x\r\n10.0.0.0/8  \r\n10.0.0.0/33 # y\r\n");
	assert_refused_in(*state, SERVICE "lists: [{name: l, file: x.list}]\n", "x.list", 3,
			  "10.0.0.0/33: length is over 32: use /0 to /32");
	scratch_write(*state, "x.list", "10.0.0.0/8 # Z\xfcrich\n");
	assert_refused_in(*state, SERVICE "lists: [{name: l, file: x.list}]\n", "x.list", 1,
			  "label \"Z?rich\" is not UTF-8 (byte 0xfc): save the file as UTF-8");
}

/* ---- limits ---- */

/* Appends `count` items to a buffer that is large enough; %u is the number of the item. */
static void append(char *yaml, unsigned int count, const char *format_head, const char *format_tail)
{
	size_t n = strlen(yaml);
	unsigned int i;

	for (i = 0; i < count; i++)
		n += (size_t)sprintf(yaml + n, "%s%u%s", format_head, i + 1, format_tail);
}

static void more_interfaces_than_16(void **state)
{
	char yaml[1024] = "interfaces:\n";
	_cleanup_policy_ struct policy p = { 0 };

	append(yaml, 17, "- eth", "\n");
	assert_refused(*state, strcat(yaml, SERVICE), 18,
		       "17 interfaces are more than 16: remove some");
	strcpy(yaml, "interfaces:\n");
	append(yaml, 16, "- eth", "\n");
	p = accepted(*state, strcat(yaml, SERVICE));
	assert_int_equal(p.n_interfaces, 16);
}

static void more_services_than_64(void **state)
{
	char yaml[8192] = "services:\n";
	_cleanup_policy_ struct policy p = { 0 };

	append(yaml, 64, "- name: s", "\n  ports: [tcp/443]\n");
	p = accepted(*state, yaml);
	assert_int_equal(p.n_services, 64);
	strcat(yaml, "- name: last\n  ports: [tcp/443]\n");
	assert_refused(*state, yaml, 130, "65 services are more than 64: merge some of them");
}

static void more_lists_than_256(void **state)
{
	char yaml[8192] = SERVICE "lists:\n";
	_cleanup_policy_ struct policy p = { 0 };

	append(yaml, 256, "- name: l", "\n");
	p = accepted(*state, yaml);
	assert_int_equal(p.n_lists, 256);
	strcat(yaml, "- name: last\n");
	assert_refused(*state, yaml, 259, "257 lists are more than 256: merge some of them");
}

static void more_port_ranges_than_64(void **state)
{
	char yaml[4096] = "services:\n- name: s\n  ports:\n";
	_cleanup_policy_ struct policy p = { 0 };

	append(yaml, 64, "  - udp/", "\n");
	p = accepted(*state, yaml);
	assert_int_equal(p.services[0].n_ports, 64);
	strcat(yaml, "  - udp/65\n");
	assert_refused(*state, yaml, 68,
		       "65 port ranges in service \"s\" are more than 64: merge them into wider "
		       "ones or split the service");
}

/* Addresses from `first`, each of them on a line. */
static void write_addresses(const struct scratch *s, const char *name, unsigned int first,
			    unsigned int count, const char *format)
{
	FILE *f = fopen(scratch_path(s, name), "w");
	unsigned int a;

	assert_non_null(f);
	for (a = first; a < first + count; a++)
		fprintf(f, format, a >> 24, a >> 16 & 0xff, a >> 8 & 0xff, a & 0xff);
	assert_int_equal(fclose(f), 0);
}

static void more_prefixes_than_two_million(void **state)
{
	static const char yaml[] =
		SERVICE "lists: [{name: a, file: a}, {name: b, file: b}, {name: c, file: c}]\n";
	_cleanup_policy_ struct policy p = { 0 };

	/* a and b share half a million, which count once; IPv6 has a limit of its own */
	write_addresses(*state, "a", 0, 1500000, "%u.%u.%u.%u\n");
	write_addresses(*state, "b", 1000000, 1000000, "%u.%u.%u.%u\n");
	scratch_write(*state, "c", "2001:db8::/32\n");
	p = accepted(*state, yaml);
	assert_int_equal(p.base.n, 2500001);
	scratch_write(*state, "c", "255.255.255.255\n");
	assert_refused(*state, yaml, 0,
		       "2000001 distinct IPv4 prefixes in all lists are more than 2000000: "
		       "shorten the lists");
}

/* ---- port ranges ---- */

static void port_ranges_survive_text(void **state)
{
	static const char *const good[] = { "tcp/1",       "tcp/443",   "udp/10000-60000",
					    "udp/1-65535", "tcp/65535", "tcp/5060-5061" };
	struct port_range r;
	struct error err = { "" };
	char buf[24];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(port_range_parse(good[i], &r, &err), 0);
		assert_string_equal(port_range_text(&r, buf), good[i]);
	}
	assert_int_equal(port_range_parse("udp/7-7", &r, &err), 0);
	assert_string_equal(port_range_text(&r, buf), "udp/7");
	assert_int_equal(r.protocol, AXP_UDP);
	assert_int_equal(r.low, 7);
	assert_int_equal(r.high, 7);
}

static void bad_port_ranges(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "tcp/0", "port 0 in \"tcp/0\": use 1 to 65535" },
		{ "udp/0-10", "port 0 in \"udp/0-10\": use 1 to 65535" },
		{ "udp/70000", "port 70000 in \"udp/70000\" is over 65535: use 1 to 65535" },
		{ "udp/1-65536", "port 65536 in \"udp/1-65536\" is over 65535: use 1 to 65535" },
		{ "udp/60000-10000",
		  "range \"udp/60000-10000\" is upside down: write udp/10000-60000" },
		{ "sctp/5060", "unknown protocol \"sctp\" in \"sctp/5060\": use tcp or udp" },
		{ "TCP/443", "unknown protocol \"TCP\" in \"TCP/443\": use tcp or udp" },
		{ "/443", "unknown protocol \"\" in \"/443\": use tcp or udp" },
		{ "5060", "port \"5060\" lacks its protocol: write tcp/5060 or udp/5060" },
		{ "5060-5070",
		  "port \"5060-5070\" lacks its protocol: write tcp/5060-5070 or udp/5060-5070" },
	};
	struct port_range r;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(port_range_parse(bad[i].text, &r, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].why);
	}
}

static void junk_is_no_port(void **state)
{
	static const char *const junk[] = { "",         "https",     "tcp",
					    "tcp/",     "tcp/https", "tcp/443x",
					    "tcp/ 443", "tcp/443 ",  "tcp/+443",
					    "tcp/-443", "tcp/443-",  "tcp/1-2-3",
					    "tcp/0443", "tcp/00",    "tcp/4294967739",
					    "tcp/0x50", "tcp/443/8", "tcp/443,80" };
	struct port_range r;
	struct error err;
	char why[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(junk); i++) {
		assert_int_equal(port_range_parse(junk[i], &r, &err), -EINVAL);
		snprintf(why, sizeof(why),
			 "\"%s\" is not a port: write it like tcp/443 or udp/10000-60000", junk[i]);
		assert_string_equal(err.text, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(example_services),
		scratch_test(example_lists_and_entries),
		scratch_test(smallest_config),
		scratch_test(monitor_mode),
		scratch_test(optional_keys_may_be_empty),
		scratch_test(file_and_prefixes_in_one_list),
		scratch_test(list_paths_are_relative_to_the_config),
		scratch_test(relative_config_path_becomes_absolute),
		scratch_test(aliases_are_fine),
		scratch_test(ports_may_overlap),
		scratch_test(unquoted_ipv6_is_fine),
		scratch_test(byte_order_mark_and_crlf_are_fine),
		scratch_test(missing_config),
		scratch_test(config_that_is_a_directory_or_fifo),
		scratch_test(config_over_64_mebibytes),
		scratch_test(empty_config),
		scratch_test(syntax_errors_name_the_line),
		scratch_test(bytes_that_are_no_text),
		scratch_test(control_characters_in_escapes),
		scratch_test(carve_without_quotes_is_a_tag),
		scratch_test(key_given_twice),
		scratch_test(second_document),
		scratch_test(alias_that_holds_itself),
		scratch_test(unknown_keys),
		scratch_test(keys_that_are_no_words),
		scratch_test(missing_keys),
		scratch_test(wrong_types),
		scratch_test(whole_file_of_the_wrong_type),
		scratch_test(no_service),
		scratch_test(bad_mode),
		scratch_test(bad_direction),
		scratch_test(directions_and_replies),
		scratch_test(bad_replies),
		scratch_test(fragments_pass_or_drop),
		scratch_test(flows_have_defaults),
		scratch_test(flows_as_told),
		scratch_test(bad_flow_capacity),
		scratch_test(bad_flow_limits),
		scratch_test(flows_without_a_value),
		scratch_test(prefixes_until_a_time),
		scratch_test(config_knows_when_it_was_read),
		scratch_test(bad_interfaces),
		scratch_test(fifteen_bytes_of_interface),
		scratch_test(bad_names),
		scratch_test(name_of_63_bytes),
		scratch_test(names_given_twice),
		scratch_test(list_and_service_may_share_a_name),
		scratch_test(unknown_list),
		scratch_test(bad_ports_name_their_line),
		scratch_test(bad_prefixes_name_their_line),
		scratch_test(listed_and_carved),
		scratch_test(missing_list_file),
		scratch_test(list_file_that_is_a_directory),
		scratch_test(list_file_without_a_name),
		scratch_test(list_file_with_a_tab_in_its_name),
		scratch_test(bad_line_in_a_list_file),
		scratch_test(more_interfaces_than_16),
		scratch_test(more_services_than_64),
		scratch_test(more_lists_than_256),
		scratch_test(more_port_ranges_than_64),
		scratch_test(more_prefixes_than_two_million),
		cmocka_unit_test(port_ranges_survive_text),
		cmocka_unit_test(bad_port_ranges),
		cmocka_unit_test(junk_is_no_port),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
