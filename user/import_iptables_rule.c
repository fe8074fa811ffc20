// SPDX-License-Identifier: GPL-2.0-or-later
/* One rule of iptables-save, in the terms that matter here: source, port, target. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "import_iptables.h"
#include "text.h"

struct reader {
	struct ipt_table *t;
	struct ipt_rule rule;
	char *rest;
	bool negated; /* "!" stood before the option */
};

static int error(struct reader *r, const char *what, const char *text)
{
	char shown[TEXT_SHOWN_MAX];

	return import_error(r->t->im, r->t->line, r->t->err, "%s: \"%s\"", what,
			    text_shown(text, strlen(text), shown));
}

/* The value of an option; a "!" before it is an old way of negating. */
static char *value_of(struct reader *r)
{
	char *word = import_next_word(&r->rest, true);

	if (!strcmp(word, "!")) {
		r->negated = true;
		word = import_next_word(&r->rest, true);
	}
	return word;
}

static void odd(struct reader *r, const char *why)
{
	if (!r->rule.odd)
		r->rule.odd = why;
}

/* Drops quotes and backslashes, in place. */
static char *unquote(char *word)
{
	char *out = word, *in = word;

	if (*word != '"')
		return word;
	for (in++; *in && *in != '"'; in++) {
		if (*in == '\\' && in[1])
			in++;
		*out++ = *in;
	}
	*out = '\0';
	return word;
}

static bool has_odd_mask(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash && (strchr(slash, '.') || strchr(slash, ':'));
}

static int add_source(struct reader *r, const char *text)
{
	struct ipt_sources *s = &r->rule.sources;
	struct error why;

	if (s->n == IPT_SOURCES_MAX) {
		odd(r, "too many sources in one rule");
		return 0;
	}
	if (prefix_range_parse(text, strlen(text), &s->v[s->n], &why)) {
		if (!has_odd_mask(text) && !import_is_name(text))
			return import_error(r->t->im, r->t->line, r->t->err, "%s", why.text);
		odd(r, has_odd_mask(text) ? "masks with holes" : "hosts by their names");
		return 0;
	}
	r->t->family = s->v[s->n].family;
	s->n++;
	return 0;
}

/* All but these, which are one range. */
static void invert(struct reader *r)
{
	struct ipt_sources *s = &r->rule.sources;
	const struct prefix all = { .family = s->v[0].family };
	struct prefix_range range = s->v[0], whole = prefix_range_of(&all);

	if (s->n != 1) {
		odd(r, "negations of several sources");
		return;
	}
	r->rule.unless = true;
	s->n = 0;
	if (range.low > 0) {
		s->v[s->n] = whole;
		s->v[s->n++].high = range.low - 1;
	}
	if (range.high < whole.high) {
		s->v[s->n] = whole;
		s->v[s->n++].low = range.high + 1;
	}
	s->impossible = !s->n;
}

static int read_sources(struct reader *r)
{
	char *save = NULL, *text = value_of(r), *word;
	int rc = 0;

	if (!*text)
		return error(r, "no address behind the option", text);
	if (r->rule.sources.n)
		odd(r, "two conditions of the source");
	for (word = strtok_r(text, ",", &save); word && !rc; word = strtok_r(NULL, ",", &save))
		rc = add_source(r, word);
	if (r->negated && !rc && !r->rule.odd)
		invert(r);
	return rc;
}

static int parse_number(const char *text, const char *end)
{
	int value = 0;

	if (text == end || end - text > 5)
		return -1;
	for (; text < end; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		value = value * 10 + *text - '0';
	}
	return value <= UINT16_MAX ? value : -1;
}

/* "5060", "10000:20000", ":1023", "1024:" */
static int add_ports(struct reader *r, const char *text)
{
	const char *end = text + strlen(text), *colon = strchr(text, ':');
	struct ipt_ports *p = &r->rule.ports;
	int low, high;

	low = colon == text ? 0 : parse_number(text, colon ? colon : end);
	high = !colon ? low : colon + 1 == end ? UINT16_MAX : parse_number(colon + 1, end);
	if (low < 0 || high < 0) {
		odd(r, "ports by their names"); /* iptables-save prints numbers */
		return 0;
	}
	if (low > high || !high)
		return error(r, "a range of ports that is upside down, or port 0", text);
	if (p->n == IPT_PORTS_MAX) {
		odd(r, "too many ports in one rule");
		return 0;
	}
	p->v[p->n++] = (struct port_range){
		.low = (uint16_t)(low ? low : 1),
		.high = (uint16_t)high,
		.protocol = (uint8_t)(r->rule.protocol >= 0 ? r->rule.protocol : AXP_TCP),
	};
	return 0;
}

static int read_ports(struct reader *r)
{
	char *save = NULL, *text = value_of(r), *word;
	int rc = 0;

	if (!*text)
		return error(r, "no port behind the option", text);
	if (r->rule.ports.n)
		odd(r, "two conditions of the port");
	for (word = strtok_r(text, ",", &save); word && !rc; word = strtok_r(NULL, ",", &save))
		rc = add_ports(r, word);
	if (r->negated)
		odd(r, "negations");
	if (r->rule.protocol < 0)
		odd(r, "ports without -p tcp or -p udp");
	return rc;
}

static void read_protocol(struct reader *r)
{
	const char *text = value_of(r);

	if (!strcmp(text, "tcp") || !strcmp(text, "6"))
		r->rule.protocol = AXP_TCP;
	else if (!strcmp(text, "udp") || !strcmp(text, "17"))
		r->rule.protocol = AXP_UDP;
	else if (strcmp(text, "all") && strcmp(text, "0"))
		r->rule.protocol = -2;
	if (r->negated)
		odd(r, "negations");
}

static void read_interface(struct reader *r)
{
	const char *text = value_of(r);

	if (r->negated)
		odd(r, "negations");
	else if (!strcmp(text, "lo"))
		r->rule.ignored = true;
	else
		import_note(r->t->im, IMPORT_CHANGED, r->t->line, text,
			    "-i is left away: allowxdp guards the interfaces that it is loaded on");
}

static void read_state(struct reader *r)
{
	const char *text = value_of(r);

	if (r->negated)
		odd(r, "negations");
	else if (strstr(text, "NEW"))
		return;
	else if (strstr(text, "ESTABLISHED") || strstr(text, "RELATED"))
		r->rule.ignored = true; /* answers pass by themselves */
	else
		odd(r, "states of connections");
}

static int list_of_set(struct ipt_table *t, const char *name)
{
	struct import *im = t->im;
	char origin[IMPORT_ORIGIN_MAX], shown[TEXT_SHOWN_MAX];
	int list;

	snprintf(origin, sizeof(origin), "ipset %s, which the rules refer to",
		 text_shown(name, strlen(name), shown));
	for (size_t i = 0; i < im->policy.n_lists; i++) {
		if (im->lists[i].elsewhere && !strcmp(im->lists[i].origin, origin))
			return (int)i;
	}
	list = import_new_list(im, name, origin, t->line, t->err);
	if (list >= 0) {
		im->lists[list].elsewhere = true;
		import_note(im, IMPORT_KNOW, t->line, shown,
			    "sets that rules refer to are to be imported beside: ipset save | "
			    "allowxdp import --into DIR -");
	}
	return list;
}

static int read_set(struct reader *r)
{
	const char *name = value_of(r);
	const char *direction = import_next_word(&r->rest, true);
	int list;

	if (!*name || !*direction)
		return error(r, "--match-set without a name and a direction", name);
	r->rule.unless |= r->negated;
	if (!strcmp(direction, "src,dst")) {
		odd(r, "sets of addresses with ports (ipset save of the set brings both)");
		return 0;
	}
	if (strcmp(direction, "src") || r->rule.sources.n || r->rule.sources.set >= 0) {
		odd(r, "sets that are not compared with the source alone");
		return 0;
	}
	list = list_of_set(r->t, name);
	if (list < 0)
		return list;
	r->rule.sources.set = list;
	return 0;
}

static int read_target(struct reader *r)
{
	static const char *const asides[] = { "LOG",      "NFLOG",   "ULOG",  "CONNMARK", "MARK",
					      "CT",       "TRACE",   "AUDIT", "TOS",      "DSCP",
					      "CLASSIFY", "NOTRACK", "SET",   "TCPMSS" };
	const char *name = value_of(r);
	int chain;

	if (!strcmp(name, "ACCEPT")) {
		r->rule.target = IPT_ACCEPT;
	} else if (!strcmp(name, "DROP") || !strcmp(name, "REJECT")) {
		r->rule.target = IPT_DROP;
	} else if (!strcmp(name, "RETURN")) {
		r->rule.target = IPT_RETURN;
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(asides); i++)
			r->rule.ignored |= !strcmp(name, asides[i]);
		if (r->rule.ignored)
			return 0;
		chain = ipt_chain(r->t, name);
		if (chain < 0)
			return chain;
		r->rule.target = IPT_JUMP;
		r->rule.to = (uint16_t)chain;
	}
	return 0;
}

/* What stands behind -j: options of the target, which say nothing here. */
static bool is_target_option(const struct reader *r, const char *word)
{
	return !strncmp(word, "--reject-with", 13) || r->rule.ignored;
}

static int read_option(struct reader *r, char *word)
{
	if (!strcmp(word, "-s") || !strcmp(word, "--source") || !strcmp(word, "--src-range"))
		return read_sources(r);
	if (!strcmp(word, "--dport") || !strcmp(word, "--dports") ||
	    !strcmp(word, "--destination-port") || !strcmp(word, "--destination-ports"))
		return read_ports(r);
	if (!strcmp(word, "--match-set"))
		return read_set(r);
	if (!strcmp(word, "-j") || !strcmp(word, "--jump"))
		return read_target(r);
	if (!strcmp(word, "-p") || !strcmp(word, "--protocol")) {
		read_protocol(r);
	} else if (!strcmp(word, "-i") || !strcmp(word, "--in-interface")) {
		read_interface(r);
	} else if (!strcmp(word, "--ctstate") || !strcmp(word, "--state")) {
		read_state(r);
	} else if (!strcmp(word, "--comment")) {
		word = unquote(value_of(r));
		r->rule.label = import_label(r->t->im, r->t->line, word, strlen(word));
	} else if (!strcmp(word, "-m") || !strcmp(word, "--match")) {
		value_of(r);
	} else if (!strcmp(word, "--return-nomatch")) {
		return 0;
	} else if (!strcmp(word, "-g")) {
		value_of(r);
		odd(r, "a jump that does not come back (-g)");
	} else if (*word == '-' && !is_target_option(r, word)) {
		odd(r, "conditions that have no counterpart");
	}
	return 0;
}

static int push(struct ipt_table *t, const struct ipt_rule *rule)
{
	size_t cap = t->cap_rules ? t->cap_rules * 2 : 256;
	struct ipt_rule *v;

	if (t->n_rules == t->cap_rules) {
		v = reallocarray(t->rules, cap, sizeof(*v));
		if (!v)
			return error_set(t->err, ENOMEM, "not enough memory for the rules");
		t->rules = v;
		t->cap_rules = cap;
	}
	t->rules[t->n_rules++] = *rule;
	return 0;
}

int ipt_rule(struct ipt_table *t, char *rest)
{
	struct reader r = { .t = t, .rest = rest };
	const char *name = import_next_word(&r.rest, true);
	int chain = ipt_chain(t, name), rc = 0;
	char *word;

	if (chain < 0)
		return chain;
	r.rule = (struct ipt_rule){
		.line = t->line, .chain = (uint16_t)chain, .protocol = -1, .sources.set = -1
	};
	while (!rc && *(word = import_next_word(&r.rest, true))) {
		if (!strcmp(word, "!")) {
			r.negated = true;
			continue;
		}
		rc = read_option(&r, word);
		r.negated = false;
	}
	t->chains[chain].rules++;
	return rc ? rc : push(t, &r.rule);
}
