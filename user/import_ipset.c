// SPDX-License-Identifier: GPL-2.0-or-later
/* What `ipset save` prints: `create NAME TYPE [options]` and `add NAME ENTRY [options]`. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "import_ports.h"
#include "text.h"

enum { SETS_MAX = 4096 };

enum set_kind { SET_SOURCES, SET_SOURCES_PORTS, SET_OF_SETS, SET_OTHER, SET_UNWANTED };

struct set {
	char *name;
	char type[40];
	enum set_kind kind;
	unsigned int line;
	uint8_t family;
	uint8_t netmask; /* entries are networks of this length; 0: as they stand there */
	int list;        /* -1: none yet */
	unsigned long entries;
	struct import_rules rules; /* SET_SOURCES_PORTS */
};

struct ipset {
	struct import *im;
	struct error *err;
	unsigned int line;
	struct set *sets;
	size_t n, cap;
	size_t last; /* the set of the line before */
};

static void ipset_free(struct ipset *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->sets[i].name);
		free(s->sets[i].rules.v);
	}
	free(s->sets);
}

static struct set *find_set(struct ipset *s, const char *name)
{
	if (s->last < s->n && !strcmp(s->sets[s->last].name, name))
		return &s->sets[s->last];
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->sets[i].name, name)) {
			s->last = i;
			return &s->sets[i];
		}
	}
	return NULL;
}

static enum set_kind kind_of(const char *type)
{
	static const struct {
		const char *type;
		enum set_kind kind;
	} kinds[] = {
		{ "hash:ip", SET_SOURCES },
		{ "hash:net", SET_SOURCES },
		{ "bitmap:ip", SET_SOURCES },
		{ "hash:ip,port", SET_SOURCES_PORTS },
		{ "hash:net,port", SET_SOURCES_PORTS },
		{ "list:set", SET_OF_SETS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kinds[i].type, type))
			return kinds[i].kind;
	}
	return SET_OTHER;
}

static int no_memory(struct error *err)
{
	return error_set(err, ENOMEM, "not enough memory for the sets");
}

static int set_option(struct ipset *s, struct set *set, const char *word, char **rest)
{
	const char *value;

	if (!strcmp(word, "family")) {
		value = import_next_word(rest, false);
		set->family = !strcmp(value, "inet6") ? AXP_IPV6 : AXP_IPV4;
	} else if (!strcmp(word, "netmask")) {
		value = import_next_word(rest, false);
		if (!isdigit((unsigned char)*value) || atoi(value) > prefix_max_len(set->family))
			return import_error(s->im, s->line, s->err,
					    "not a netmask: write its length, as in netmask 24");
		set->netmask = (uint8_t)atoi(value);
	} else if (!strcmp(word, "bitmask")) {
		import_next_word(rest, false);
		import_note(s->im, IMPORT_LOST, s->line, set->name, "sets with a bitmask");
		set->kind = SET_OTHER;
	}
	return 0;
}

static int create(struct ipset *s, char *rest)
{
	const char *name = import_next_word(&rest, false), *type = import_next_word(&rest, false);
	const char *word;
	char shown[TEXT_SHOWN_MAX];
	struct set *set, *v;

	if (!*type)
		return import_error(s->im, s->line, s->err,
				    "create without a name and a type: is this ipset save?");
	if (find_set(s, name))
		return import_error(s->im, s->line, s->err, "the set %s is there twice",
				    text_shown(name, strlen(name), shown));
	if (s->n == SETS_MAX)
		return import_error(s->im, s->line, s->err,
				    "more than %d sets: save only some of them", SETS_MAX);
	if (s->n == s->cap) {
		v = reallocarray(s->sets, s->cap * 2 + 16, sizeof(*v));
		if (!v)
			return no_memory(s->err);
		s->sets = v;
		s->cap = s->cap * 2 + 16;
	}
	set = &s->sets[s->n];
	*set = (struct set){ .line = s->line, .family = AXP_IPV4, .list = -1 };
	set->name = strdup(name);
	if (!set->name)
		return no_memory(s->err);
	s->n++;
	text_shown(type, strlen(type), shown);
	memcpy(set->type, shown, sizeof(set->type) - 1);
	set->kind = kind_of(type);
	while (*(word = import_next_word(&rest, false))) {
		if (set_option(s, set, word, &rest))
			return -EINVAL;
	}
	if (!import_wanted(s->im, name))
		set->kind = SET_UNWANTED;
	return 0;
}

static int list_of(struct ipset *s, struct set *set)
{
	char origin[IMPORT_ORIGIN_MAX], shown[TEXT_SHOWN_MAX];

	if (set->list < 0) {
		snprintf(origin, sizeof(origin), "ipset %s (%s)",
			 text_shown(set->name, strlen(set->name), shown), set->type);
		set->list = import_new_list(s->im, set->name, origin, set->line, s->err);
	}
	return set->list;
}

static int number(struct ipset *s, const char *word, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(word, &end, 10);
	if (!isdigit((unsigned char)*word) || *end || errno)
		return import_error(s->im, s->line, s->err,
				    "timeout without a number of seconds: is this ipset save?");
	return 0;
}

/* What follows the entry itself. */
static int entry_options(struct ipset *s, char *rest, struct import_item *item)
{
	const char *word;
	uint64_t seconds;
	size_t n;

	item->line = s->line;
	while (*(word = import_next_word(&rest, false))) {
		if (!strcmp(word, "nomatch")) {
			item->carve = true;
		} else if (!strcmp(word, "timeout")) {
			if (number(s, import_next_word(&rest, false), &seconds))
				return -EINVAL;
			item->until = import_until(s->im, seconds);
		} else if (!strcmp(word, "comment")) {
			word = import_next_word(&rest, false);
			n = strlen(word);
			if (n < 2 || *word != '"' || word[n - 1] != '"')
				return import_error(s->im, s->line, s->err,
						    "comment without quotes: is this ipset save?");
			item->label = import_label(s->im, s->line, word + 1, n - 2);
		}
	}
	return 0;
}

static int add_source(struct ipset *s, struct set *set, const char *text,
		      const struct import_item *item)
{
	int list = list_of(s, set);
	char wide[128];

	if (list < 0)
		return list;
	if (set->netmask && !strpbrk(text, "/-")) {
		snprintf(wide, sizeof(wide), "%.64s/%u", text, set->netmask);
		text = wide;
	}
	return import_push_text(s->im, list, text, item, s->err);
}

static int bad_ports(struct ipset *s, const char *text)
{
	char shown[TEXT_SHOWN_MAX];

	return import_error(s->im, s->line, s->err,
			    "\"%s\" is no port: it is written like udp:5060 or tcp:5060-5061",
			    text_shown(text, strlen(text), shown));
}

/* "udp:5060", "tcp:5060-5061", "5060" (TCP). 1: of a protocol that has no ports here. */
static int parse_ports(struct ipset *s, char *text, struct port_range *out)
{
	const char *colon = strchr(text, ':'), *ports = colon ? colon + 1 : text;
	unsigned int low, high;
	char end;
	int got;

	*out = (struct port_range){ .protocol = AXP_TCP };
	if (colon && !strncasecmp(text, "udp:", 4))
		out->protocol = AXP_UDP;
	else if (colon && strncasecmp(text, "tcp:", 4))
		return 1;
	if (!isdigit((unsigned char)*ports) || strlen(ports) > 11)
		return bad_ports(s, text);
	got = sscanf(ports, "%5u-%5u%c", &low, &high, &end);
	if (got == 1 && strspn(ports, "0123456789") == strlen(ports))
		high = low;
	else if (got != 2)
		return bad_ports(s, text);
	if (!low || low > high || high > UINT16_MAX)
		return bad_ports(s, text);
	out->low = (uint16_t)low;
	out->high = (uint16_t)high;
	return 0;
}

static int add_source_and_ports(struct ipset *s, struct set *set, char *text,
				const struct import_item *item)
{
	struct import_rule rule = { .set = -1, .item = *item };
	struct prefix_range range;
	char *comma = strchr(text, ',');
	int rc;

	if (!comma)
		return import_error(s->im, s->line, s->err,
				    "an entry of %s without a port: is this ipset save?",
				    set->type);
	*comma = '\0';
	rc = parse_ports(s, comma + 1, &rule.ports);
	if (rc == 1) {
		import_note(s->im, IMPORT_LOST, s->line, comma + 1,
			    "entries for other protocols than TCP and UDP, which always pass");
		return 0;
	}
	if (!rc)
		rc = import_range(s->im, text, s->line, &range, s->err);
	while (!rc && prefix_range_next(&range, &rule.prefix))
		rc = import_rule_push(&set->rules, &rule, s->err);
	return rc;
}

static int add(struct ipset *s, char *rest)
{
	const char *name = import_next_word(&rest, false);
	char *text = import_next_word(&rest, false), shown[TEXT_SHOWN_MAX];
	struct import_item item = { 0 };
	struct set *set = find_set(s, name);

	if (!*text)
		return import_error(s->im, s->line, s->err,
				    "add without a set and an entry: is this ipset save?");
	if (!set)
		return import_error(s->im, s->line, s->err,
				    "there is no set %s above: give all that ipset save prints",
				    text_shown(name, strlen(name), shown));
	set->entries++;
	if (set->kind >= SET_OF_SETS) {
		if (set->kind == SET_OF_SETS)
			import_note(s->im, IMPORT_LOST, s->line, text,
				    "%s is a list of sets: name its members under allow:",
				    text_shown(set->name, strlen(set->name), shown));
		return 0;
	}
	if (entry_options(s, rest, &item))
		return -EINVAL;
	if (set->kind == SET_SOURCES)
		return add_source(s, set, text, &item);
	return add_source_and_ports(s, set, text, &item);
}

static int read_line(struct ipset *s, char *line)
{
	char *rest = line, shown[TEXT_SHOWN_MAX];
	const char *word = import_next_word(&rest, false);

	if (!*word || *word == '#')
		return 0;
	if (!strcmp(word, "create") || !strcmp(word, "-N"))
		return create(s, rest);
	if (!strcmp(word, "add") || !strcmp(word, "-A"))
		return add(s, rest);
	/* What scripts for `ipset restore` hold beside. */
	if (!strcmp(word, "COMMIT") || !strcmp(word, "flush"))
		return 0;
	return import_error(s->im, s->line, s->err,
			    "\"%s\" is not a line of ipset save: create or add",
			    text_shown(word, strlen(word), shown));
}

static int finish_set(struct ipset *s, struct set *set)
{
	char origin[IMPORT_ORIGIN_MAX], shown[TEXT_SHOWN_MAX];
	const struct import_port_groups how = { .name = set->name, .origin = origin };

	text_shown(set->name, strlen(set->name), shown);
	if (set->kind == SET_OTHER && set->entries)
		import_note_more(s->im, IMPORT_LOST, set->line, set->entries, shown,
				 "entries of sets of type %s, which have no counterpart",
				 set->type);
	if (set->kind == SET_SOURCES && list_of(s, set) < 0)
		return -EINVAL;
	snprintf(origin, sizeof(origin), "ipset %s (%s)", shown, set->type);
	return import_port_groups(s->im, &set->rules, &how, s->err);
}

int import_ipset(struct import *im, char *text, struct error *err)
{
	struct ipset s _cleanup_(ipset_free) = { .im = im, .err = err };
	char *line;
	int rc = 0;

	while (!rc && (line = import_next_line(&text))) {
		s.line++;
		rc = read_line(&s, line);
	}
	for (size_t i = 0; !rc && i < s.n; i++)
		rc = finish_set(&s, &s.sets[i]);
	return rc;
}
