// SPDX-License-Identifier: GPL-2.0-or-later
/*
 *	hitless NET HOST INTERFACE [PINS]
 *
 * Numbered packets on every CPU from the network namespace NET (a path) to HOST over a veth pair
 * whose ends are both called INTERFACE, and the proof that each got the verdict of the policy
 *before or after. It is told by lines on stdin what is about to change, and answers each with a
 *line. VERDICTS is a 0 (drop) or a 1 (pass) for each class, SOURCE a number that its classes share.
 *
 *	class HEADERS SOURCE FENCE	one more class: hexadecimal, number, 0 or 1
 *	start VERDICTS			packets flow
 *	open				a change is about to be made
 *	close VERDICTS together|each	it was made: all classes, or those of each source, switched
 *at one point leave PORT			the service of this UDP port is about to be removed
 *	left				it was: its counters are added up
 *	sent				how many packets so far
 *	finish				ends, and prints what was sent and what arrived
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lanes.h"
#include "rows.h"

enum { LINE = 1024 };

struct hitless {
	const char *net, *host, *interface, *pins;
	struct hl_class classes[HL_CLASSES];
	struct lanes lanes;
	struct check check;
	/* the change of this epoch, if one was made yet */
	struct verdicts before, after;
	bool together;
	int leaving; /* slot of the service that is about to go */
	struct row_sums left;
};

static void __attribute__((noreturn)) wrong(const char *line)
{
	fprintf(stderr, "hitless: cannot make sense of: %s\n", line);
	exit(2);
}

static void add_class(struct hitless *h, const char *line)
{
	struct check *c = &h->check;
	struct hl_class *class = &h->classes[c->n];
	char hex[2 * HL_HEAD + 1];
	size_t n;

	if (c->n == HL_CLASSES ||
	    sscanf(line, "class %160s %u %u", hex, &c->source[c->n], &class->fence) != 3)
		wrong(line);
	n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			wrong(line);
		class->head[i] = (uint8_t)byte;
	}
	if (c->source[c->n] >= HL_CLASSES)
		wrong(line);
	c->n++;
}

static struct verdicts read_verdicts(const struct hitless *h, const char *line, const char *text)
{
	struct verdicts v = { 0 };

	if (strlen(text) != h->check.n)
		wrong(line);
	for (uint32_t class = 0; class < h->check.n; class ++)
		v.pass[class] = text[class] == '1';
	return v;
}

/* A lane ends with a fence, and never waits long for one. */
static void check_fences(const struct hitless *h)
{
	uint32_t since = 0;

	for (uint32_t class = 0; class < h->check.n; class ++)
		since = h->classes[class].fence ? 0 : since + 1;
	for (uint32_t class = 0, n = 0; class < h->check.n; class ++) {
		n = h->classes[class].fence ? 0 : n + 1;
		if (n >= HL_FENCE_EVERY)
			since = n;
	}
	if (since || !h->check.n) {
		fprintf(stderr, "hitless: the last class, and one in %d, must be a fence\n",
			HL_FENCE_EVERY);
		exit(2);
	}
}

static void start(struct hitless *h, const char *line)
{
	char text[HL_CLASSES + 1];

	if (sscanf(line, "start %256s", text) != 1)
		wrong(line);
	check_fences(h);
	h->before = h->after = read_verdicts(h, line, text);
	lanes_open(&h->lanes, h->net, h->host, h->interface, h->classes, h->check.n, &h->check);
	lanes_start(&h->lanes);
}

/* All packets of the epoch have been judged. */
static void check_epoch(struct hitless *h, uint32_t epoch)
{
	for (uint32_t lane = 0; lane < h->lanes.n; lane++) {
		struct span s = lanes_span(&h->lanes, lane, epoch);

		check_change(&h->check, &s, &h->before, &h->after, h->together);
	}
	h->before = h->after;
}

static void answer(const struct hitless *h)
{
	printf("%llu\n", (unsigned long long)h->check.violations);
}

static void open_change(struct hitless *h)
{
	uint32_t epoch = lanes_epoch(&h->lanes);

	lanes_next_epoch(&h->lanes);
	check_epoch(h, epoch);
}

static void close_change(struct hitless *h, const char *line)
{
	char text[HL_CLASSES + 1], how[16];

	if (sscanf(line, "close %256s %15s", text, how) != 2)
		wrong(line);
	h->after = read_verdicts(h, line, text);
	h->together = !strcmp(how, "together");
}

static void leave(struct hitless *h, const char *line)
{
	unsigned int port;

	if (sscanf(line, "leave %u", &port) != 1 || !h->pins)
		wrong(line);
	h->leaving = rows_slot_of_port(h->pins, AXP_UDP, (uint16_t)port);
	if (h->leaving < 0) {
		fprintf(stderr, "hitless: no service guards udp/%u\n", port);
		exit(1);
	}
}

static void left(struct hitless *h)
{
	int rc = rows_add(h->pins, h->interface, (uint32_t)h->leaving, &h->left);

	if (rc) {
		fprintf(stderr, "hitless: counters of a service: %s\n", strerror(-rc));
		exit(1);
	}
}

static void finish(struct hitless *h)
{
	const struct check *c = &h->check;

	lanes_finish(&h->lanes);
	check_epoch(h, lanes_epoch(&h->lanes));
	for (uint32_t i = 0; i < c->texts; i++)
		printf("violation %s\n", c->text[i]);
	for (uint32_t class = 0; class < c->n; class ++)
		printf("class %u %llu %llu\n", class, (unsigned long long)c->sent[class],
		       (unsigned long long)c->arrived[class]);
	for (uint32_t f = 0; f < AXP_FAMILIES; f++)
		printf("left %u %llu %llu\n", f, (unsigned long long)h->left.packets[f][AXP_PASS],
		       (unsigned long long)h->left.packets[f][AXP_DROP]);
	printf("lanes %u\nsent %llu\nforeign %llu\nswitches %llu\ntightest %llu\nviolations "
	       "%llu\nend\n",
	       h->lanes.n, (unsigned long long)lanes_sent(&h->lanes),
	       (unsigned long long)lanes_foreign(&h->lanes), (unsigned long long)c->switches,
	       (unsigned long long)c->tightest, (unsigned long long)c->violations);
}

static void obey(struct hitless *h, const char *line)
{
	if (!strncmp(line, "class ", 6)) {
		add_class(h, line);
	} else if (!strncmp(line, "start ", 6)) {
		start(h, line);
	} else if (!strcmp(line, "open")) {
		open_change(h);
	} else if (!strncmp(line, "close ", 6)) {
		close_change(h, line);
	} else if (!strncmp(line, "leave ", 6)) {
		leave(h, line);
	} else if (!strcmp(line, "left")) {
		left(h);
	} else if (!strcmp(line, "sent")) {
		printf("%llu\n", (unsigned long long)lanes_sent(&h->lanes));
		return;
	} else if (!strcmp(line, "finish")) {
		finish(h);
		exit(0);
	} else {
		wrong(line);
	}
	answer(h);
}

int main(int argc, char **argv)
{
	static struct hitless h;
	char line[LINE];

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: hitless NET HOST INTERFACE [PINS]\n");
		return 2;
	}
	h.net = argv[1];
	h.host = argv[2];
	h.interface = argv[3];
	h.pins = argv[4];
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		obey(&h, line);
	}
	return 1; /* whoever gives the orders has gone */
}
