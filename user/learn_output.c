// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "learn_output.h"
#include "output.h"

enum { TIME_TEXT_MAX = 32, LABEL_TEXT_MAX = 128 };

#define NANOSECONDS 1000000000LL

static const char *const protocol_names[] = { [AXP_TCP] = "tcp", [AXP_UDP] = "udp" };

static const struct {
	uint32_t why;
	const char *name, *text;
} reasons[] = {
	{ LEARN_MANY_PORTS, "many-ports", "few packets to each of many ports" },
	{ LEARN_MANY_SERVICES, "many-services", "few packets to each of many services" },
	{ LEARN_AGENT, "agent", "a scanner's SIP agent" },
};

static const char *const fate_names[] = {
	[LEARN_PROPOSED] = "proposed", [LEARN_FEW] = "few_packets",   [LEARN_OLD] = "old",
	[LEARN_LISTED] = "listed",     [LEARN_CARVED] = "carved_out",
};

static const char *const fate_texts[] = {
	[LEARN_FEW] = "with fewer packets than --min-packets",
	[LEARN_OLD] = "not seen since",
	[LEARN_LISTED] = "let in by now",
	[LEARN_CARVED] = "carved out of a list",
};

static const char *time_text(int64_t time, const char *format, char buf[static TIME_TEXT_MAX])
{
	time_t seconds = time / NANOSECONDS;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(buf, TIME_TEXT_MAX, format, &tm);
	return buf;
}

static const char *utc_text(int64_t time, char buf[static TIME_TEXT_MAX])
{
	return time_text(time, "%Y-%m-%dT%H:%M:%SZ", buf);
}

/* "203.0.113.7", or with its length where it is a network. */
static const char *source_text(const struct prefix *p, char buf[static PREFIX_TEXT_MAX])
{
	prefix_text(p, buf);
	if (p->len == prefix_max_len(p->family))
		*strchrnul(buf, '/') = '\0';
	return buf;
}

static int list_of(const struct learn_about *about, size_t service)
{
	return about->list >= 0 ? about->list : learn_list(about->policy, service);
}

/* Letters, digits and blanks alone: it needs no care in any shell. */
static const char *label_text(const struct learn_about *about, const struct learn_proposal *p,
			      char buf[static LABEL_TEXT_MAX])
{
	char day[TIME_TEXT_MAX];

	snprintf(buf, LABEL_TEXT_MAX, "learned %s: %s%" PRIu64 " packets from %u address%s",
		 time_text(about->now, "%Y-%m-%d", day), p->tally.variance > 0 ? "about " : "",
		 p->tally.packets, p->addresses, p->addresses == 1 ? "" : "es");
	return buf;
}

static void print_ports(const struct learn_tally *t)
{
	for (uint32_t i = 0; i < t->n_ports; i++)
		printf("%s%s/%u", i ? " " : ", ", protocol_names[t->ports[i].protocol],
		       t->ports[i].port);
	if (t->port_count > t->n_ports)
		printf(" and %u%s more", t->port_count - t->n_ports, t->many_ports ? " or" : "");
}

static void print_tally(const struct learn_tally *t)
{
	char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
	uint64_t error = learn_error(t);

	printf("%s%" PRIu64 " packets", error ? "about " : "", t->packets);
	if (error)
		printf(" (give or take %" PRIu64 ")", error);
	if (t->missed)
		printf(", perhaps %" PRIu64 " more before", t->missed);
	printf(", %" PRIu64 " dropped", t->dropped);
	print_ports(t);
	printf(", %s to %s", utc_text(t->first, first), utc_text(t->last, last));
}

/* Other people's words: in a comment, where they can do nothing. */
static void print_agent(const struct sip_agent_of *agent)
{
	if (agent)
		printf(", says it is %s", agent->text);
}

static void print_proposal(const struct learn_proposal *p, const struct learn_about *about,
			   bool shell)
{
	char source[PREFIX_TEXT_MAX], prefix[PREFIX_TEXT_MAX], label[LABEL_TEXT_MAX];
	int list = list_of(about, p->service);
	bool other = strcmp(about->instance, "default") != 0;

	printf("# %s: ", source_text(&p->prefix, source));
	if (p->addresses > 1)
		printf("%u addresses, ", p->addresses);
	print_tally(&p->tally);
	print_agent(p->agent);
	putchar('\n');
	prefix_text(&p->prefix, prefix);
	label_text(about, p, label);
	if (!shell)
		printf("%s # %s\n", prefix, label);
	else if (list >= 0)
		printf("allowxdp %s%s%sadd %s %s --label '%s'\n", other ? "--instance " : "",
		       other ? about->instance : "", other ? " " : "",
		       about->policy->lists[list].name, prefix, label);
}

static void print_also_opened(const struct learn_about *about, int list, size_t service)
{
	uint64_t opens = policy_list_services(about->policy, (size_t)list);
	const char *between = ", which opens too: ";

	for (size_t i = 0; i < about->policy->n_services; i++) {
		const struct service *s = &about->policy->services[i];

		if (i == service || !(opens >> s->slot & 1))
			continue;
		printf("%s%s", between, s->name);
		between = ", ";
	}
}

static void print_service(const struct learn_about *about, size_t service)
{
	const struct policy *p = about->policy;
	int list = list_of(about, service);

	printf("#\n# service %s: ", p->services[service].name);
	if (list < 0) {
		puts("it allows no list: give it one in the config");
		return;
	}
	printf("for list %s", p->lists[list].name);
	print_also_opened(about, list, service);
	putchar('\n');
}

static void print_services(const struct learn_about *about, uint64_t services)
{
	const char *between = " at ";

	for (size_t i = 0; i < about->policy->n_services; i++) {
		if (!(services >> i & 1))
			continue;
		printf("%s%s", between, about->policy->services[i].name);
		between = ", ";
	}
}

static void print_scanner(const struct learn_scanner *s, const struct learn_about *about)
{
	char source[PREFIX_TEXT_MAX];
	const char *between = ": ";

	printf("# %s", source_text(&s->address, source));
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!(s->why & reasons[i].why))
			continue;
		printf("%s%s", between, reasons[i].text);
		between = ", ";
	}
	print_services(about, s->services);
	fputs(": ", stdout);
	print_tally(&s->tally);
	print_agent(s->agent);
	putchar('\n');
}

static void print_left_out(const struct learn *l)
{
	for (size_t i = 0; i < LEARN_FATES; i++) {
		if (fate_texts[i] && l->fates[i])
			printf("# left out: %" PRIu64 " address%s %s\n", l->fates[i],
			       l->fates[i] == 1 ? "" : "es", fate_texts[i]);
	}
}

static void print_watched(const struct learn_about *about)
{
	const struct watch_counts *c = &about->counts;

	if (!about->watched) {
		puts("# SIP agents were not looked at: --watch DUR does");
		return;
	}
	printf("# SIP agents: %" PRIu64 " packets looked at in %u s", c->sent, about->watched);
	if (c->left_out || c->lost)
		printf(", %" PRIu64 " not", c->left_out + c->lost);
	if (about->not_noted)
		printf("; too many sources, %" PRIu64 " messages were not noted", about->not_noted);
	putchar('\n');
}

void learn_print(const struct learn *l, const struct learn_about *about, bool shell)
{
	printf("# Proposed from what was refused as unlisted. Nothing is added before you %s.\n",
	       shell ? "run this" : "put these lines into a list");
	if (about->mode == AXP_MODE_OFF)
		puts("# The mode is off: nothing is refused now, and nothing is learned.");
	print_watched(about);
	for (size_t i = 0; i < l->n_proposals; i++) {
		if (!i || l->proposals[i].service != l->proposals[i - 1].service)
			print_service(about, l->proposals[i].service);
		print_proposal(&l->proposals[i], about, shell);
	}
	if (!l->n_proposals)
		puts("#\n# nothing to propose");
	if (l->n_scanners)
		puts("#\n# not proposed, for they look like scanners:");
	for (size_t i = 0; i < l->n_scanners; i++)
		print_scanner(&l->scanners[i], about);
	print_left_out(l);
}

static void add_int(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static struct json_object *add_array(struct json_object *o, const char *key)
{
	struct json_object *array = json_object_new_array();

	json_object_object_add(o, key, array);
	return array;
}

static void add_string(struct json_object *array, const char *text)
{
	json_object_array_add(array, json_object_new_string(text));
}

static void add_tally(struct json_object *o, const struct learn_tally *t)
{
	struct json_object *ports;
	char text[TIME_TEXT_MAX];

	add_int(o, "packets", t->packets);
	add_int(o, "error", learn_error(t));
	add_int(o, "missed", t->missed);
	add_int(o, "bytes", t->bytes);
	add_int(o, "dropped", t->dropped);
	json_add_text(o, "first", utc_text(t->first, text));
	json_add_text(o, "last", utc_text(t->last, text));
	ports = add_array(o, "ports");
	for (uint32_t i = 0; i < t->n_ports; i++) {
		struct json_object *port = json_object_new_object();

		json_add_text(port, "protocol", protocol_names[t->ports[i].protocol]);
		add_int(port, "port", t->ports[i].port);
		add_int(port, "packets", t->ports[i].packets);
		json_object_array_add(ports, port);
	}
	add_int(o, "port_count", t->port_count);
	json_object_object_add(o, "many_ports", json_object_new_boolean(t->many_ports));
}

static struct json_object *proposal_json(const struct learn_proposal *p,
					 const struct learn_about *about)
{
	struct json_object *o = json_object_new_object();
	int list = list_of(about, p->service);
	char text[PREFIX_TEXT_MAX], label[LABEL_TEXT_MAX];

	json_add_text(o, "service", about->policy->services[p->service].name);
	json_add_text(o, "list", list >= 0 ? about->policy->lists[list].name : NULL);
	json_add_text(o, "prefix", prefix_text(&p->prefix, text));
	json_add_text(o, "label", label_text(about, p, label));
	add_int(o, "addresses", p->addresses);
	add_tally(o, &p->tally);
	json_add_text(o, "agent", p->agent ? p->agent->text : NULL);
	return o;
}

static struct json_object *scanner_json(const struct learn_scanner *s,
					const struct learn_about *about)
{
	struct json_object *o = json_object_new_object(), *array;
	char text[PREFIX_TEXT_MAX];

	json_add_text(o, "address", source_text(&s->address, text));
	array = add_array(o, "why");
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (s->why & reasons[i].why)
			add_string(array, reasons[i].name);
	}
	array = add_array(o, "services");
	for (size_t i = 0; i < about->policy->n_services; i++) {
		if (s->services >> i & 1)
			add_string(array, about->policy->services[i].name);
	}
	add_tally(o, &s->tally);
	json_add_text(o, "agent", s->agent ? s->agent->text : NULL);
	return o;
}

static struct json_object *watched_json(const struct learn_about *about)
{
	struct json_object *o;

	if (!about->watched)
		return NULL;
	o = json_object_new_object();
	add_int(o, "seconds", about->watched);
	add_int(o, "packets", about->counts.sent);
	add_int(o, "left_out", about->counts.left_out);
	add_int(o, "lost", about->counts.lost);
	add_int(o, "not_noted", about->not_noted);
	return o;
}

struct json_object *learn_json(const struct learn *l, const struct learn_about *about,
			       const struct learn_options *o)
{
	struct json_object *out = json_object_new_object(), *array;
	char text[TIME_TEXT_MAX];

	json_add_text(out, "instance", about->instance);
	json_add_text(out, "mode", mode_name(about->mode));
	json_add_text(out, "since", o->since ? utc_text(o->since, text) : NULL);
	json_object_object_add(out, "watched", watched_json(about));
	array = add_array(out, "proposals");
	for (size_t i = 0; i < l->n_proposals; i++)
		json_object_array_add(array, proposal_json(&l->proposals[i], about));
	array = add_array(out, "scanners");
	for (size_t i = 0; i < l->n_scanners; i++)
		json_object_array_add(array, scanner_json(&l->scanners[i], about));
	array = json_object_new_object();
	json_object_object_add(out, "left_out", array);
	for (size_t i = LEARN_PROPOSED + 1; i < LEARN_FATES; i++)
		add_int(array, fate_names[i], l->fates[i]);
	return out;
}
