// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include "cleanup.h"
#include "counters.h"
#include "duration.h"
#include "policy.h"
#include "text.h"
#include "watch_options.h"

enum { NAME_MAX_LENGTH = 64 };

#define DROP_REASONS ((1u << AXP_DROP_REASONS) - 1)
#define ALL_REASONS  ((1u << AXP_REASONS) - 1)

bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) || n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*out = n;
	return n >= min && n <= max;
}

static int find_reason(const char *name, size_t n)
{
	for (uint32_t reason = 0; reason < AXP_REASONS; reason++) {
		const char *known = reason_name(reason);

		if (strlen(known) == n && !memcmp(known, name, n))
			return (int)reason;
	}
	return -1;
}

static int read_reasons(const struct app *app, const char *text, uint32_t *reasons)
{
	char shown[TEXT_SHOWN_MAX];

	for (;;) {
		size_t n = strcspn(text, ",");
		int reason = find_reason(text, n);

		if (reason < 0)
			return usage(app,
				     "--reason: there is no reason '%s', `allowxdp stats` shows "
				     "them",
				     text_shown(text, n, shown));
		*reasons |= 1u << reason;
		if (!text[n])
			return -1;
		text += n + 1;
	}
}

static uint32_t reasons_of(uint32_t kinds)
{
	return (kinds & AXP_WATCH_DROPS ? DROP_REASONS : 0) |
	       (kinds & AXP_WATCH_PASSES ? ALL_REASONS & ~DROP_REASONS : 0);
}

static int read_kinds(const struct app *app, const struct watch_options *o, struct watch_filter *f)
{
	uint32_t reasons = 0;

	if (o->drops + o->passes + o->both > 1)
		return usage(app, "--drops, --passes, --both: one of them");
	if (o->reason) {
		int status = read_reasons(app, o->reason, &reasons);

		if (status >= 0)
			return status;
	}
	if (o->both)
		f->kinds = AXP_WATCH_DROPS | AXP_WATCH_PASSES;
	else if (o->passes)
		f->kinds = AXP_WATCH_PASSES;
	else if (o->drops || !reasons)
		f->kinds = AXP_WATCH_DROPS;
	else /* as the reasons say */
		f->kinds = (reasons & DROP_REASONS ? AXP_WATCH_DROPS : 0) |
			   (reasons & ~DROP_REASONS ? AXP_WATCH_PASSES : 0);
	f->reasons = reasons_of(f->kinds);
	if (!reasons)
		return -1;
	if (reasons & ~f->reasons)
		return usage(app, "--reason: one of them is no reason to %s",
			     o->passes ? "pass" : "drop");
	f->reasons = reasons;
	return -1;
}

static int read_limits(const struct app *app, const struct watch_options *o, uint32_t rate,
		       struct watch_run *run)
{
	uint64_t number = rate;
	struct error err;

	if (o->rate && !number_parse(o->rate, 1, WATCH_RATE_MAX, &number))
		return usage(app, "--rate: a number from 1 to %d is wanted", WATCH_RATE_MAX);
	run->filter.rate = (uint32_t)number;
	if (o->count && !number_parse(o->count, 1, UINT64_MAX / 2, &run->count))
		return usage(app, "--count: a number from 1 on is wanted");
	if (o->duration && duration_parse(o->duration, &run->seconds, &err))
		return usage(app, "--duration: %s", err.text);
	return -1;
}

static int read_source(const struct app *app, const char *text, struct prefix *source)
{
	struct error err;

	if (prefix_parse(text, strlen(text), source, &err))
		return usage(app, "--source: %s", err.text);
	return -1;
}

int watch_options_read(const struct app *app, const struct watch_options *o, uint32_t rate,
		       struct watch_run *run)
{
	int status = read_kinds(app, o, &run->filter);

	if (status < 0 && o->source)
		status = read_source(app, o->source, &run->filter.source);
	if (status < 0)
		status = read_limits(app, o, rate, run);
	if (status < 0 && o->service && !*o->service)
		status = usage(app, "--service needs a name");
	run->services = o->service;
	if (o->interface)
		run->filter.ifindex = if_nametoindex(o->interface);
	return status;
}

int watch_options_check(const struct app *app, const struct watch_options *o, struct error *err)
{
	char names[POLICY_MAX_INTERFACES][16], shown[TEXT_SHOWN_MAX];
	size_t n = instance_interfaces(&app->paths, names, ARRAY_SIZE(names));

	for (size_t i = 0; o->interface && i < n; i++) {
		if (!strcmp(names[i], o->interface) && if_nametoindex(o->interface))
			return 0;
	}
	if (!o->interface || !n) /* nothing loaded: said by whoever opens the instance */
		return 0;
	return error_set(err, ENODEV, "instance %s is not loaded on %s: see `allowxdp status`",
			 app->paths.instance,
			 text_shown(o->interface, strlen(o->interface), shown));
}
