// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "policy.h"

/* Strings on their way from one policy to the other: what each one's offset has become. */
struct mover {
	const struct policy *from;
	struct policy *to;
	uint32_t *became; /* by the old offset; 0: not moved yet */
};

static int move(struct mover *m, uint32_t *offset)
{
	const char *text = policy_string(m->from, *offset);
	uint32_t was = *offset;

	*offset = 0;
	if (!*text)
		return 0;
	if (!m->became[was] && policy_intern(m->to, text, strlen(text), &m->became[was]))
		return -ENOMEM;
	*offset = m->became[was];
	return 0;
}

static void *copy(const void *data, size_t n, size_t size)
{
	void *v = calloc(n ? n : 1, size);

	if (v && n)
		memcpy(v, data, n * size);
	return v;
}

static int clone_entries(struct mover *m, const struct entries *from, struct entries *to,
			 bool (*keep)(const struct policy *p, const struct entry *e,
				      const void *arg),
			 const void *arg)
{
	int rc = entries_reserve(to, from->n);

	for (size_t i = 0; i < from->n && !rc; i++) {
		struct entry e = from->v[i];

		if (keep && !keep(m->from, &e, arg))
			continue;
		rc = move(m, &e.label);
		if (!rc)
			rc = move(m, &e.source);
		if (!rc)
			rc = entries_push(to, &e);
	}
	return rc;
}

static int clone_sources(struct mover *m)
{
	struct policy *to = m->to;
	int rc = 0;

	for (size_t i = 0; i < to->n_sources && !rc; i++) {
		struct news_source *s = &to->sources[i];

		rc = move(m, &s->text);
		if (!rc)
			rc = move(m, &s->origin);
		for (size_t k = 0; k < SOURCE_TEXTS && !rc; k++)
			rc = move(m, &s->texts[k]);
	}
	return rc;
}

static int clone(struct mover *m,
		 bool (*keep)(const struct policy *p, const struct entry *e, const void *arg),
		 const void *arg)
{
	const struct policy *from = m->from;
	struct policy *to = m->to;
	int rc;

	to->services = copy(from->services, from->n_services, sizeof(*to->services));
	to->lists = copy(from->lists, from->n_lists, sizeof(*to->lists));
	to->sources = copy(from->sources, from->n_sources, sizeof(*to->sources));
	to->interfaces = copy(from->interfaces, from->n_interfaces, sizeof(*to->interfaces));
	if (!to->services || !to->lists || !to->sources || !to->interfaces)
		return -ENOMEM;
	to->n_services = from->n_services;
	to->n_lists = from->n_lists;
	to->n_sources = from->n_sources;
	to->n_interfaces = from->n_interfaces;
	to->settings = from->settings;
	to->config = from->config;
	to->now = from->now;
	rc = move(m, &to->config);
	if (!rc)
		rc = move(m, &to->settings.resolvers);
	for (size_t i = 0; i < to->n_lists && !rc; i++)
		rc = move(m, &to->lists[i].file);
	if (!rc)
		rc = clone_sources(m);
	if (!rc)
		rc = clone_entries(m, &from->base, &to->base, keep, arg);
	return rc ? rc : clone_entries(m, &from->added, &to->added, keep, arg);
}

int policy_clone(const struct policy *p,
		 bool (*keep)(const struct policy *p, const struct entry *e, const void *arg),
		 const void *arg, struct policy *out)
{
	_cleanup_free_ uint32_t *became = calloc(p->strings.n + 1, sizeof(*became));
	struct mover m = { .from = p, .to = out, .became = became };
	int rc = became ? clone(&m, keep, arg) : -ENOMEM;

	if (rc)
		policy_free(out);
	return rc;
}
