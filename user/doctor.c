// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "cleanup.h"
#include "doctor.h"

void findings_free(struct findings *f)
{
	free(f->v);
	*f = (struct findings){ 0 };
}

enum finding_level findings_worst(const struct findings *f)
{
	enum finding_level worst = FINDING_OK;

	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].level > worst)
			worst = f->v[i].level;
	}
	return worst;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",
		[FINDING_NOTE] = "note",
		[FINDING_WARNING] = "warning",
		[FINDING_PROBLEM] = "problem",
	};

	return names[level];
}

static struct finding *push(struct findings *f)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 32;
		struct finding *v = realloc(f->v, cap * sizeof(*v));

		if (!v) {
			f->lost = true;
			return NULL;
		}
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n] = (struct finding){ 0 };
	return &f->v[f->n++];
}

void finding(struct doctor *d, enum finding_level level, const char *topic, const char *interface,
	     const char *fmt, ...)
{
	struct finding *f = push(&d->findings);
	va_list args;

	if (!f)
		return;
	f->level = level;
	f->topic = topic;
	snprintf(f->interface, sizeof(f->interface), "%s", interface ? interface : "");
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
}

void finding_fix(struct doctor *d, const char *fmt, ...)
{
	struct finding *f;
	va_list args;

	if (d->findings.lost || !d->findings.n)
		return;
	f = &d->findings.v[d->findings.n - 1];
	va_start(args, fmt);
	vsnprintf(f->fix, sizeof(f->fix), fmt, args);
	va_end(args);
}

void doctor_host(struct doctor *d)
{
	static void (*const checks[])(struct doctor *) = {
		doctor_kernel, doctor_tuning,   doctor_bpffs,    doctor_ports,
		doctor_lists,  doctor_exporter, doctor_attached,
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](d);
}

void doctor_interface(struct doctor *d, const char *interface)
{
	static void (*const checks[])(struct doctor *, const struct device *) = {
		doctor_mtu, doctor_offload, doctor_queues, doctor_driver, doctor_programs,
	};
	struct device dev;
	struct error err;

	d->refused = false;
	if (device_read(interface, &dev, &err)) {
		finding(d, FINDING_PROBLEM, "link", interface, "%s", err.text);
		return;
	}
	doctor_link(d, &dev);
	for (size_t i = 0; device_is_ethernet(&dev) && i < ARRAY_SIZE(checks); i++)
		checks[i](d, &dev);
}

long doctor_read_number(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	long value;

	return f && fscanf(f, "%ld", &value) == 1 ? value : -1;
}
