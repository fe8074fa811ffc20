// SPDX-License-Identifier: GPL-2.0-or-later
/* Profiles: how they are found, and how what they bring joins what the config says. */
#define CONFIG_FILE "etc/c.yaml"
#include "configs.h"
#include "profiles.h"
#include "snapshot.h"

#define HEAD(name) "profile: {name: " name ", title: t, provider: p, source: s, date: 2026-11-21}\n"

/* The one that most tests include. Its lines: 2 service sip, 5 service rtp, 8 list proxy, 10 list
 * media. */
static const char voip[] = HEAD("voip")                            /* 1 */
	"services:\n"                                              /* 2 */
	"- name: sip\n"                                            /* 3 */
	"  ports: [udp/5060, tcp/5061]\n"                          /* 4 */
	"  allow: [proxy]\n"                                       /* 5 */
	"- name: rtp\n"                                            /* 6 */
	"  ports: [udp/10000-20000]\n"                             /* 7 */
	"  allow: [media]\n"                                       /* 8 */
	"  replies: false\n"                                       /* 9 */
	"lists:\n"                                                 /* 10 */
	"- name: proxy\n"                                          /* 11 */
	"  unpublished: ask them\n"                                /* 12 */
	"- name: media\n"                                          /* 13 */
	"  prefixes: [\"192.0.2.1 # one\", \"192.0.2.2 # two\"]\n" /* 14 */
	"  file: media.list\n";                                    /* 15 */

/* A scratch directory: etc/ for the config, etc/profiles, and share/ for installed ones. */
static int setup(void **state)
{
	if (scratch_setup(state))
		return -1;
	setenv("ALLOWXDP_PROFILE_DIR", scratch_path(*state, "share"), 1);
	mkdir(scratch_path(*state, "share"), 0755);
	mkdir(scratch_path(*state, "etc"), 0755);
	mkdir(scratch_path(*state, "etc/profiles"), 0755);
	scratch_write(*state, "share/voip.yaml", voip);
	scratch_write(*state, "share/media.list", "198.51.100.0/24 # from the file\n");
	return 0;
}

/* Refused with "FILE:LINE: " and `why`, in which every @ is the scratch directory. */
static void refused(const struct scratch *s, const char *yaml, const char *file, unsigned int line,
		    const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	char want[1100];
	size_t n;

	assert_int_equal(read_config(s, yaml, &p, &err), -EINVAL);
	n = (size_t)snprintf(want, sizeof(want), "%s:%u: ", scratch_path(s, file), line);
	for (; *why; why++) {
		if (*why == '@')
			n += (size_t)snprintf(want + n, sizeof(want) - n, "%s", s->dir);
		else
			n += (size_t)snprintf(want + n, sizeof(want) - n, "%c", *why);
	}
	assert_string_equal(err.text, want);
}

static const struct service *service(const struct policy *p, const char *name)
{
	int i = policy_find_service(p, name);

	assert_true(i >= 0);
	return &p->services[i];
}

static void assert_ports(const struct service *s, const char *want)
{
	char all[256] = "", one[24];

	for (size_t i = 0; i < s->n_ports; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " " : "",
			 port_range_text(&s->ports[i], one));
	assert_string_equal(all, want);
}

static void assert_allows(const struct policy *p, const struct service *s, const char *want)
{
	char all[256] = "";

	for (size_t i = 0; i < p->n_lists; i++)
		if (s->allow[i / 64] >> (i % 64) & 1)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
				 *all ? " " : "", p->lists[i].name);
	assert_string_equal(all, want);
}

/* All entries of a list, as "PREFIX LABEL FILE:LINE" with the file below the scratch directory. */
static void assert_entries(const struct scratch *s, const struct policy *p, const char *list,
			   const char *want)
{
	char all[1024] = "", prefix[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < p->base.n; i++) {
		const struct entry *e = &p->base.v[i];
		const char *file = policy_string(p, e->source);

		if (strcmp(p->lists[e->list].name, list))
			continue;
		assert_int_equal(strncmp(file, s->dir, strlen(s->dir)), 0);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s %s %s:%u\n",
			 prefix_text(&e->prefix, prefix), policy_string(p, e->label),
			 file + strlen(s->dir) + 1, e->line);
	}
	assert_string_equal(all, want);
}

/* ---- what a profile brings ---- */

static void brings_services_and_lists(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, "include: [voip]\n");
	const char *from = scratch_path(*state, "share/voip.yaml");

	assert_int_equal(p.n_services, 2);
	assert_int_equal(p.n_lists, 2);
	assert_ports(service(&p, "sip"), "udp/5060 tcp/5061");
	assert_allows(&p, service(&p, "sip"), "proxy");
	assert_int_equal(service(&p, "sip")->replies, 1);
	assert_int_equal(service(&p, "rtp")->replies, 0);
	assert_int_equal(service(&p, "sip")->line, 3);
	assert_string_equal(policy_string(&p, service(&p, "sip")->source), from);
	assert_string_equal(policy_string(&p, p.lists[1].source), from);
	assert_int_equal(p.lists[1].line, 13);
	assert_string_equal(policy_string(&p, p.lists[0].unpublished), "ask them");
	assert_int_equal(p.lists[1].unpublished, 0);
	assert_entries(*state, &p, "proxy", "");
	assert_entries(*state, &p, "media",
		       "192.0.2.1/32 one share/voip.yaml:14\n"
		       "192.0.2.2/32 two share/voip.yaml:14\n"
		       "198.51.100.0/24 from the file share/media.list:1\n");
	assert_string_equal(policy_string(&p, p.config), scratch_path(*state, "etc/c.yaml"));
}

/* The config's own first, so that what is dropped is counted under them. */
static void stands_after_the_configs_own(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, "include: [voip]\n"
			"services: [{name: https, ports: [tcp/443], allow: [media, own]}]\n"
			"lists: [{name: own, prefixes: [203.0.113.0/24]}]\n");

	assert_int_equal(p.n_services, 3);
	assert_string_equal(p.services[0].name, "https");
	assert_string_equal(p.services[1].name, "sip");
	assert_allows(&p, &p.services[0], "own media");
	assert_string_equal(p.lists[0].name, "own");
}

static void names_and_paths(void **state)
{
	static const char *const items[] = { "voip", "profiles/voip.yaml", "../share/voip.yaml" };
	char absolute[128];

	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		char yaml[64];
		_cleanup_policy_ struct policy p = { 0 };

		snprintf(yaml, sizeof(yaml), "include: [%s]\n", items[i]);
		p = accepted(*state, yaml);
		assert_int_equal(p.n_services, 2);
	}
	snprintf(absolute, sizeof(absolute), "include: [%s]\n",
		 scratch_path(*state, "share/voip.yaml"));
	_cleanup_policy_ struct policy p = accepted(*state, absolute);
	assert_int_equal(p.n_services, 2);
}

static void a_copy_beside_the_config_goes_before_the_installed_one(void **state)
{
	static const char *const yaml[] = { "include: [voip]\n",
					    "include: [profiles/voip.yaml]\n" };

	scratch_write(*state, "etc/profiles/voip.yaml",
		      HEAD("voip") "services: [{name: sip, ports: [tcp/1]}]\n");
	for (size_t i = 0; i < ARRAY_SIZE(yaml); i++) {
		_cleanup_policy_ struct policy p = accepted(*state, yaml[i]);

		assert_int_equal(p.n_services, 1);
		assert_string_equal(policy_string(&p, p.services[0].source),
				    scratch_path(*state, "etc/profiles/voip.yaml"));
	}
}

static void empty_include(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "include:\nservices: [{name: s, ports: [tcp/1]}]\n");

	assert_int_equal(p.n_services, 1);
}

/* ---- what the config writes goes before ---- */

static void ports_alone(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, "include: [voip]\n\nservices:\n- name: sip\n  ports: [tcp/5080]\n");
	const struct service *s = service(&p, "sip");

	assert_int_equal(p.n_services, 2);
	assert_ports(s, "tcp/5080");
	assert_allows(&p, s, "proxy");
	assert_string_equal(policy_string(&p, s->source), scratch_path(*state, "etc/c.yaml"));
	assert_int_equal(s->line, 4);
	assert_ports(service(&p, "rtp"), "udp/10000-20000");
}

static void each_key_of_a_service(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "include: [voip]\nservices:\n- {name: sip, allow: [media, own]}\n"
				 "- {name: rtp, replies: true}\nlists: [{name: own}]\n");
	_cleanup_policy_ struct policy none =
		accepted(*state, "include: [voip]\nservices:\n- {name: sip, allow: []}\n");
	_cleanup_policy_ struct policy out =
		accepted(*state, "include: [voip]\nservices:\n- {name: sip, direction: out}\n");

	assert_allows(&p, service(&p, "sip"), "own media");
	assert_ports(service(&p, "sip"), "udp/5060 tcp/5061");
	assert_int_equal(service(&p, "rtp")->replies, 1);
	assert_allows(&none, service(&none, "sip"), "");
	assert_int_equal(service(&out, "sip")->direction, AXP_OUT);
}

static void prefixes_take_the_place_of_prefixes(void **state)
{
	_cleanup_policy_ struct policy p =
		accepted(*state, "include: [voip]\nlists:\n- name: media\n"
				 "  prefixes: [203.0.113.9]\n");

	assert_int_equal(p.n_lists, 2);
	assert_entries(*state, &p, "media",
		       "198.51.100.0/24 from the file share/media.list:1\n"
		       "203.0.113.9/32  etc/c.yaml:4\n");
}

static void a_file_takes_the_place_of_the_file(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };

	scratch_write(*state, "etc/mine.list", "203.0.113.9 # mine\n");
	p = accepted(*state, "include: [voip]\nlists:\n- {name: media, file: mine.list}\n");
	assert_entries(*state, &p, "media",
		       "192.0.2.1/32 one share/voip.yaml:14\n"
		       "192.0.2.2/32 two share/voip.yaml:14\n"
		       "203.0.113.9/32 mine etc/mine.list:1\n");
}

static void what_is_unpublished_can_be_filled_in(void **state)
{
	_cleanup_policy_ struct policy p = accepted(
		*state, "include: [voip]\nlists:\n- {name: proxy, prefixes: [203.0.113.9]}\n");

	assert_entries(*state, &p, "proxy", "203.0.113.9/32  etc/c.yaml:3\n");
	assert_string_equal(policy_string(&p, p.lists[0].unpublished), "ask them");
}

/* All sources of a list, as "ORIGIN FILE:LINE", with the file below the scratch directory. */
static void assert_sources(const struct scratch *s, const struct policy *p, const char *list,
			   const char *want)
{
	char all[1024] = "";

	for (size_t i = 0; i < p->n_sources; i++) {
		const struct news_source *x = &p->sources[i];
		const char *file = policy_string(p, x->file);

		if (strcmp(p->lists[x->list].name, list))
			continue;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s %s:%u\n",
			 policy_string(p, x->origin), x->flags & SOURCE_ALLOW_PRIVATE ? "!" : "",
			 file + strlen(s->dir) + 1, x->line);
	}
	assert_string_equal(all, want);
}

static const char named[] =
	HEAD("named") "lists:\n"
		      "- name: l\n"
		      "  names: [a.example.com, b.example.com]\n"
		      "  srv: [_sip._udp.example.com]\n"
		      "- name: feed\n"
		      "  url: https://example.com/list\n"
		      "  refresh: 2h\n"
		      "services: [{name: s, ports: [tcp/1], allow: [l, feed]}]\n";

static void names_take_the_place_of_names(void **state)
{
	_cleanup_policy_ struct policy p = { 0 }, q = { 0 }, none = { 0 }, private = { 0 };

	scratch_write(*state, "share/named.yaml", named);
	p = accepted(*state, "include: [named]\n");
	assert_sources(*state, &p, "l",
		       "name a.example.com share/named.yaml:4\n"
		       "name b.example.com share/named.yaml:4\n"
		       "srv _sip._udp.example.com share/named.yaml:5\n");
	q = accepted(*state, "include: [named]\nlists:\n- name: l\n  names: [c.example.com]\n");
	assert_sources(*state, &q, "l",
		       "name c.example.com etc/c.yaml:4\n"
		       "srv _sip._udp.example.com share/named.yaml:5\n");
	none = accepted(*state, "include: [named]\nlists:\n- {name: l, names: [], srv: []}\n");
	assert_sources(*state, &none, "l", "");
	private = accepted(*state, "include: [named]\nlists:\n"
				   "- {name: l, srv: [], allow-private: true}\n");
	assert_sources(*state, &private, "l",
		       "name a.example.com! share/named.yaml:4\n"
		       "name b.example.com! share/named.yaml:4\n");
}

static void a_feed_takes_the_place_of_the_feed(void **state)
{
	_cleanup_policy_ struct policy p = { 0 }, q = { 0 };

	scratch_write(*state, "share/named.yaml", named);
	p = accepted(*state, "include: [named]\n");
	assert_sources(*state, &p, "feed", "feed https://example.com/list share/named.yaml:7\n");
	q = accepted(*state, "include: [named]\nlists:\n"
			     "- {name: feed, url: \"https://example.org/x\", refresh: 3h}\n");
	assert_sources(*state, &q, "feed", "feed https://example.org/x etc/c.yaml:3\n");
}

/* What the daemon makes of it keeps where it came from. */
static void a_clone_keeps_the_places(void **state)
{
	_cleanup_policy_ struct policy p = accepted(*state, "include: [voip]\n"), q = { 0 };

	assert_int_equal(policy_clone(&p, NULL, NULL, &q), 0);
	assert_string_equal(policy_string(&q, q.services[1].source),
			    scratch_path(*state, "share/voip.yaml"));
	assert_string_equal(policy_string(&q, q.lists[0].source),
			    scratch_path(*state, "share/voip.yaml"));
	assert_string_equal(policy_string(&q, q.lists[0].unpublished), "ask them");
}

/* ---- what is refused, and where ---- */

static void there_is_no_such_profile(void **state)
{
	refused(*state, "mode: monitor\ninclude:\n- voip\n- viop\n", "etc/c.yaml", 4,
		"there is no profile viop, neither in @/etc/profiles nor in @/share: see `allowxdp "
		"profile list`");
	refused(*state, "include: [profiles/viop.yaml]\n", "etc/c.yaml", 1,
		"there is no profile profiles/viop.yaml, neither in @/etc nor in @/share: see "
		"`allowxdp profile list`");
	refused(*state, "include: [other/voip.yaml]\n", "etc/c.yaml", 1,
		"there is no profile @/etc/other/voip.yaml: correct the path, or write the name of "
		"one that `allowxdp profile list` shows");
	refused(*state, "include: [\"\"]\n", "etc/c.yaml", 1,
		"\"\" cannot name a profile: see `allowxdp profile list`");
}

static void a_profile_that_cannot_be_read(void **state)
{
	mkdir(scratch_path(*state, "share/dir.yaml"), 0755);
	refused(*state, "include:\n- dir\n", "etc/c.yaml", 2,
		"@/share/dir.yaml: is a directory: name a file in it");
}

static void errors_name_the_profiles_line(void **state)
{
	scratch_write(*state, "share/bad.yaml",
		      HEAD("bad") "services:\n- name: s\n  ports: [tcp/0]\n");
	refused(*state, "include: [bad]\n", "share/bad.yaml", 4,
		"port 0 in \"tcp/0\": use 1 to 65535");
	scratch_write(*state, "share/bad.yaml",
		      HEAD("bad") "lists:\n- name: l\n  prefixes: [192.0.2.1/24]\n");
	refused(*state, "include: [bad]\n", "share/bad.yaml", 4,
		"192.0.2.1/24 has host bits set: write 192.0.2.0/24 or 192.0.2.1/32");
	scratch_write(*state, "share/bad.yaml",
		      HEAD("bad") "services:\n- {name: s, ports: [tcp/1], allow: [voip]}\n");
	refused(*state, "include: [bad]\n", "share/bad.yaml", 3,
		"service \"s\" allows list \"voip\", which does not exist: define it under "
		"\"lists\" "
		"or correct the name");
	scratch_write(*state, "share/bad.yaml", HEAD("bad") "lists: [\n");
	{
		_cleanup_policy_ struct policy p = { 0 };
		struct error err;

		assert_int_equal(read_config(*state, "include: [bad]\n", &p, &err), -EINVAL);
		assert_non_null(strstr(err.text, "/share/bad.yaml:"));
	}
}

/* A wrong override is the config's fault, and a wrong base the profile's. */
static void errors_of_overrides(void **state)
{
	refused(*state, "include: [voip]\nservices:\n- name: sip\n  ports: []\n", "etc/c.yaml", 4,
		"service \"sip\" has no port: write at least one, like ports: [tcp/443]");
	refused(*state, "include: [voip]\nservices:\n- {name: spi, allow: [proxy]}\n", "etc/c.yaml",
		3, "\"ports\" is missing here: add it like ports: [tcp/443]");
	refused(*state, "include: [voip]\nservices:\n- {name: rtp, direction: out}\n",
		"share/voip.yaml", 9,
		"replies are a matter of services with direction in: remove this line");
	refused(*state,
		"include: [voip]\nservices:\n- {name: sip, ports: [tcp/1]}\n- {name: sip, allow: "
		"[]}\n",
		"etc/c.yaml", 4,
		"service \"sip\" is defined twice (first in line 3): rename or remove one");
	unlink(scratch_path(*state, "share/media.list"));
	{
		_cleanup_policy_ struct policy p = { 0 };
		struct error err;

		assert_int_equal(read_config(*state, "include: [voip]\n", &p, &err), -EINVAL);
		assert_non_null(strstr(err.text, "/share/voip.yaml:15: list \"media\": "));
	}
}

static void twice(void **state)
{
	char yaml[256];

	refused(*state, "include:\n- voip\n- profiles/voip.yaml\n", "etc/c.yaml", 3,
		"@/share/voip.yaml is included twice: remove one of the two");
	assert_int_equal(symlink("voip.yaml", scratch_path(*state, "share/other.yaml")), 0);
	refused(*state, "include:\n- voip\n- other\n", "etc/c.yaml", 3,
		"@/share/other.yaml is included twice: remove one of the two");
	snprintf(yaml, sizeof(yaml), "mode: monitor\ninclude: [%s]\n",
		 scratch_path(*state, "etc/c.yaml"));
	refused(*state, yaml, "etc/c.yaml", 2,
		"the config includes itself: name a profile instead");
}

static void two_profiles_with_the_same_name_in_them(void **state)
{
	scratch_write(*state, "share/x.yaml",
		      HEAD("x") "\nservices:\n- {name: rtp, ports: [udp/1]}\n");
	refused(*state, "include: [voip, x]\n", "share/x.yaml", 4,
		"service \"rtp\" is defined by another profile too (@/share/voip.yaml:6): include "
		"one of them, or copy one and rename it there");
	/* That the config overrides it does not say which of the two is meant. */
	refused(*state, "include: [voip, x]\nservices: [{name: rtp, ports: [udp/2]}]\n",
		"share/x.yaml", 4,
		"service \"rtp\" is defined by another profile too (@/share/voip.yaml:6): include "
		"one of them, or copy one and rename it there");
	scratch_write(*state, "share/x.yaml", HEAD("x") "lists:\n- name: a\n- name: media\n");
	refused(*state, "include: [voip, x]\n", "share/x.yaml", 4,
		"list \"media\" is defined by another profile too (@/share/voip.yaml:13): include "
		"one of them, or copy one and rename it there");
	scratch_write(*state, "share/x.yaml", HEAD("x") "lists:\n- name: a\n- name: a\n");
	refused(*state, "include: [voip, x]\n", "share/x.yaml", 4,
		"list \"a\" is defined twice (first in line 3): rename or remove one");
}

/* Services and lists alone: a profile decides neither over the mode nor over other profiles. */
static void keys_that_are_the_configs(void **state)
{
	static const char why[] = "unknown key \"%s\": the keys here are profile, services, lists";
	static const char *const keys[] = { "include", "mode", "interfaces", "flows", "fragments" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char text[256], want[128];

		snprintf(text, sizeof(text), HEAD("x") "%s: x\n", keys[i]);
		snprintf(want, sizeof(want), why, keys[i]);
		scratch_write(*state, "share/x.yaml", text);
		refused(*state, "include: [x]\n", "share/x.yaml", 2, want);
	}
	refused(*state, HEAD("c"), "etc/c.yaml", 1,
		"unknown key \"profile\": the keys here are mode, fragments, flows, dns, "
		"interfaces, include, services, lists");
}

static void provenance(void **state)
{
	scratch_write(*state, "share/x.yaml", "services: []\n");
	refused(*state, "include: [x]\n", "share/x.yaml", 1,
		"\"profile\" is missing here: add it like profile: {name: NAME, title: T, "
		"provider: "
		"P, source: S, date: 2026-11-21}");
	scratch_write(*state, "share/x.yaml",
		      "\nprofile: {name: x, title: t, provider: p, date: d}\n");
	refused(*state, "include: [x]\n", "share/x.yaml", 2,
		"\"source\" is missing here: add it like source: the document that it was taken "
		"from");
	scratch_write(
		*state, "share/x.yaml",
		"profile:\n  {name: x, title: t, provider: p, source: s,\n   date: 21.11.26}\n");
	refused(*state, "include: [x]\n", "share/x.yaml", 3,
		"\"21.11.26\" is no date: write when the source was read, like date: 2026-11-21");
	scratch_write(*state, "share/x.yaml", HEAD("y"));
	refused(*state, "include: [x]\n", "share/x.yaml", 1,
		"the profile is named \"y\", but its file x.yaml: rename one of them");
}

/* Who reads a profile's texts are people, to whom nothing must not look like something. */
static void prose_is_not_empty(void **state)
{
	scratch_write(
		*state, "share/x.yaml",
		"profile:\n  {name: x, title: t,\n   provider: , source: s, date: 2026-11-21}\n");
	refused(*state, "include: [x]\n", "share/x.yaml", 3,
		"\"provider\" is empty: write it like provider: Exotel");
	scratch_write(*state, "share/x.yaml",
		      "profile:\n  name: x\n  title: t\n  provider: p\n  source: s\n"
		      "  date: 2026-11-21\n  missing:\n  - one\n  - \"\"\n");
	refused(*state, "include: [x]\n", "share/x.yaml", 9,
		"an item of \"missing\" is empty: write it like missing: [\"what the provider does "
		"not publish\"]");
	scratch_write(*state, "share/x.yaml", HEAD("x") "lists:\n- name: l\n  unpublished: ''\n");
	refused(*state, "include: [x]\n", "share/x.yaml", 4,
		"\"unpublished\" is empty: write it like unpublished: \"ask the provider's "
		"support for the addresses\"");
}

static void a_profile_alone_guards_nothing(void **state)
{
	scratch_write(*state, "share/x.yaml", HEAD("x"));
	refused(*state, "mode: monitor\ninclude: [x]\n", "etc/c.yaml", 1,
		"no service is defined: write at least one, with \"name\" and \"ports\" of what to "
		"guard");
}

static void too_many(void **state)
{
	char text[16384] = HEAD("x") "lists:\n", config[4096] = "include:\n";
	_cleanup_policy_ struct policy p = { 0 };

	for (int i = 0; i < 254; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "- name: l%d\n", i);
	scratch_write(*state, "share/x.yaml", text);
	p = accepted(*state, "include: [voip, x]\n");
	assert_int_equal(p.n_lists, 256);
	refused(*state, "include: [voip, x]\nlists:\n- name: own\n", "share/x.yaml", 2 + 254,
		"with this one the config and its profiles have more than 256 lists: include fewer "
		"profiles");
	for (int i = 0; i < 65; i++)
		snprintf(config + strlen(config), sizeof(config) - strlen(config), "- p%d\n", i);
	refused(*state, config, "etc/c.yaml", 66, "65 profiles are more than 64: remove some");
}

/* ---- one alone, and all there are ---- */

static void read_alone(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct provenance of = { 0 };
	struct error err;

	scratch_write(*state, "share/x.yaml",
		      "profile: {name: x, title: a title, provider: them, source: a book, date: "
		      "2026-11-21, missing: [one, two]}\n"
		      "services: [{name: s, ports: [tcp/1], allow: [l]}]\nlists: [{name: l}]\n");
	assert_int_equal(config_read_profile(&p, scratch_path(*state, "share/x.yaml"), &of, &err),
			 0);
	assert_string_equal(policy_string(&p, of.title), "a title");
	assert_string_equal(policy_string(&p, of.source), "a book");
	assert_int_equal(of.n_missing, 2);
	assert_string_equal(policy_string(&p, of.missing[1]), "two");
	assert_int_equal(p.n_services, 1);
}

static void all_there_are(void **state)
{
	struct profile_files files _cleanup_profile_files_ = { 0 };
	struct profile_dirs dirs;
	struct error err;

	scratch_write(*state, "share/a.yaml", "");
	scratch_write(*state, "share/.hidden.yaml", "");
	scratch_write(*state, "etc/profiles/voip.yaml", "");
	scratch_write(*state, "etc/profiles/zz.yaml", "");
	assert_int_equal(profile_dirs_init(&dirs, scratch_path(*state, "etc/c.yaml"), &err), 0);
	assert_int_equal(profile_files_find(&dirs, &files, &err), 0);
	assert_int_equal(files.n, 3);
	assert_string_equal(files.v[0].name, "a");
	assert_false(files.v[0].local);
	assert_string_equal(files.v[1].name, "voip");
	assert_true(files.v[1].local);
	assert_string_equal(files.v[2].name, "zz");
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(brings_services_and_lists),
		test(stands_after_the_configs_own),
		test(names_and_paths),
		test(a_copy_beside_the_config_goes_before_the_installed_one),
		test(empty_include),
		test(ports_alone),
		test(each_key_of_a_service),
		test(prefixes_take_the_place_of_prefixes),
		test(a_file_takes_the_place_of_the_file),
		test(what_is_unpublished_can_be_filled_in),
		test(names_take_the_place_of_names),
		test(a_feed_takes_the_place_of_the_feed),
		test(a_clone_keeps_the_places),
		test(there_is_no_such_profile),
		test(a_profile_that_cannot_be_read),
		test(errors_name_the_profiles_line),
		test(errors_of_overrides),
		test(twice),
		test(two_profiles_with_the_same_name_in_them),
		test(keys_that_are_the_configs),
		test(provenance),
		test(prose_is_not_empty),
		test(a_profile_alone_guards_nothing),
		test(too_many),
		test(read_alone),
		test(all_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
