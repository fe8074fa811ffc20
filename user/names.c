// SPDX-License-Identifier: GPL-2.0-or-later
/* The bringer of `names` and `srv`: asks DNS when it is time, and writes down what follows. */
#include <errno.h>
#include <json-c/json_object_iterator.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "daemon.h"
#include "dns.h"
#include "duration.h"
#include "journal.h"
#include "name_history.h"
#include "news.h"
#include "origin.h"
#include "reserved.h"

enum {
	ASKING_MAX = 64,  /* names at once */
	SAVE_SECONDS = 2, /* what is remembered of sources is written this much later */
	NAMES_ACCURACY_US = 50000,
};

/* A name, or a service's name, of a list. */
struct name {
	struct name *next;
	struct names *all;
	char list[POLICY_NAME_MAX + 1];
	char text[HOSTNAME_MAX + 1];
	enum source_kind kind;
	uint32_t flags;
	struct name_history history;
	struct news_state state;
	uint32_t failed; /* times in a row */
	uint64_t due;    /* CLOCK_BOOTTIME, microseconds */
	bool unwritten;  /* its list's file is behind */
	bool unsaved;    /* what is remembered of it is */
	bool gone;       /* no longer in the policy: freed when its answers have come */
	/* The round that is under way. */
	struct name_round round;
	unsigned int pending;
	uint32_t ttl;
	bool cancelled, asking;
	bool again;        /* once it is over, at once */
	char why[300];     /* why nothing was found */
	char refused[500]; /* an address that may not be taken, and why */
};

struct names {
	struct daemon *daemon;
	struct name *first; /* in the order of the policy */
	struct dns *dns;
	char *servers; /* that it asks */
	sd_event_source *timer, *save;
	unsigned int asking;
};

/* One query of a name's round. */
struct question {
	struct name *name;
	uint8_t family;
	char host[HOSTNAME_MAX + 1];
};

static uint64_t clock_now(const struct names *all)
{
	uint64_t usec = 0;

	sd_event_now(all->daemon->event, CLOCK_BOOTTIME, &usec);
	return usec;
}

static void free_name(struct name *n)
{
	name_history_free(&n->history);
	name_round_free(&n->round);
	free(n);
}

static const char *kind_text(const struct name *n)
{
	return source_kind_name(n->kind);
}

/* ---- files ---- */

static bool same_file(const struct name *a, const struct name *b)
{
	return a->kind == b->kind && !strcmp(a->list, b->list);
}

static int write_news(const struct names *all, const struct name *of, struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	int rc = news_open(&file, all->daemon->paths, of->list, of->kind, err);

	if (rc)
		return rc;
	for (const struct name *n = all->first; n; n = n->next) {
		if (!same_file(n, of))
			continue;
		news_section(&file, n->text);
		for (size_t i = 0; i < n->history.n; i++)
			news_entry(&file, &n->history.v[i].prefix, n->history.v[i].host);
	}
	return new_file_commit(&file, err);
}

static void leaving_key(const struct name_address *a, char *out, size_t n)
{
	char prefix[PREFIX_TEXT_MAX];

	snprintf(out, n, "%s %s", prefix_text(&a->prefix, prefix), a->host);
}

static struct json_object *leaving_json(const struct name *n)
{
	struct json_object *o = json_object_new_object();
	char key[PREFIX_TEXT_MAX + HOSTNAME_MAX + 2];

	for (size_t i = 0; i < n->history.n; i++) {
		const struct name_address *a = &n->history.v[i];

		leaving_key(a, key, sizeof(key));
		if (a->missing_since)
			json_object_object_add(o, key,
					       json_object_new_int64((int64_t)a->missing_since));
	}
	return o;
}

static int write_info(const struct names *all, const struct name *of, struct error *err)
{
	struct json_object *info = json_object_new_object(), *o;
	int rc;

	for (const struct name *n = all->first; n; n = n->next) {
		if (!same_file(n, of))
			continue;
		o = news_info_of(info, n->text);
		news_state_put(o, &n->state);
		json_object_object_add(o, "leaving", leaving_json(n));
	}
	rc = news_info_write(all->daemon->paths, of->list, of->kind, info, err);
	json_object_put(info);
	return rc;
}

/* Writes what is behind, a file at a time; what fails is tried again later. */
static void write_files(struct names *all)
{
	bool again = false;
	struct error why;

	for (struct name *n = all->first; n; n = n->next) {
		bool news = n->unwritten, info = n->unwritten || n->unsaved;

		if (!info)
			continue;
		/* The news first: what is remembered of an address is nothing without it. */
		if ((news && write_news(all, n, &why)) || write_info(all, n, &why)) {
			journal_line(LOG_ERR, "%s", why.text);
			again = true;
			continue;
		}
		if (news)
			daemon_news_changed(all->daemon, n->list);
		for (struct name *other = n; other; other = other->next) {
			if (!same_file(other, n))
				continue;
			other->unwritten &= !news;
			other->unsaved = false;
		}
	}
	if (again) {
		sd_event_source_set_time_relative(all->save, SAVE_SECONDS * 1000000ULL);
		sd_event_source_set_enabled(all->save, SD_EVENT_ONESHOT);
	}
}

static int on_save(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	write_files(arg);
	return 0;
}

static void save_later(struct names *all)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(all->save, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(all->save, SAVE_SECONDS * 1000000ULL);
	sd_event_source_set_enabled(all->save, SD_EVENT_ONESHOT);
}

/* ---- answers ---- */

/* NULL: may be taken. */
static const char *refused_as(const struct name *n, const struct prefix *address)
{
	struct reserved r = reserved_covering(address);

	if (r.kind == RESERVED_NONE)
		return NULL;
	if (r.kind != RESERVED_NEVER && n->flags & SOURCE_ALLOW_PRIVATE)
		return NULL;
	return r.what;
}

static void take_address(struct name *n, const struct question *q, const struct prefix *address)
{
	const char *what = refused_as(n, address);
	char text[PREFIX_TEXT_MAX];

	if (!what) {
		name_round_add(&n->round, address, q->host);
		return;
	}
	prefix_text(address, text);
	*strchrnul(text, '/') = '\0';
	snprintf(n->refused, sizeof(n->refused), "%s has the address %s, which is %s: not taken%s",
		 q->host, text, what,
		 reserved_covering(address).kind == RESERVED_NEVER
			 ? ""
			 : " without `allow-private: true` in the list");
}

static void schedule(struct names *all);
static void end_round(struct name *n);

static void end_question(struct name *n)
{
	if (!--n->pending)
		end_round(n);
}

static void on_addresses(const struct dns_answer *answer, void *arg)
{
	_cleanup_free_ struct question *q = arg;
	struct name *n = q->name;

	switch (answer->status) {
	case DNS_ANSWERED:
		for (size_t i = 0; i < answer->n; i++)
			take_address(n, q, &answer->v[i]);
		if (answer->ttl < n->ttl)
			n->ttl = answer->ttl;
		break;
	case DNS_NOTHING:
		if (!n->why[0])
			snprintf(n->why, sizeof(n->why), "%s", answer->why);
		break;
	case DNS_FAILED:
		name_round_gap(&n->round, q->host, q->family);
		snprintf(n->why, sizeof(n->why), "%s", answer->why);
		break;
	case DNS_CANCELLED:
		n->cancelled = true;
		break;
	}
	end_question(n);
}

static void ask_addresses(struct name *n, const char *host)
{
	for (uint8_t family = AXP_IPV4; family < AXP_FAMILIES; family++) {
		struct question *q = calloc(1, sizeof(*q));

		if (!q) {
			name_round_gap(&n->round, host, family);
			continue;
		}
		*q = (struct question){ .name = n, .family = family };
		snprintf(q->host, sizeof(q->host), "%s", host);
		n->pending++;
		dns_addresses(n->all->dns, host, family, on_addresses, q);
	}
}

static void on_srv(const struct dns_answer *answer, void *arg)
{
	struct name *n = arg;

	if (answer->status == DNS_ANSWERED) {
		n->ttl = answer->ttl < n->ttl ? answer->ttl : n->ttl;
		snprintf(n->why, sizeof(n->why), "its targets have no address");
		for (size_t i = 0; i < answer->n; i++)
			ask_addresses(n, answer->targets[i]);
	} else {
		snprintf(n->why, sizeof(n->why), "%s", answer->why);
		n->cancelled = answer->status == DNS_CANCELLED;
	}
	end_question(n);
}

static void begin_round(struct name *n)
{
	n->asking = true;
	n->cancelled = false;
	n->pending = 1; /* answers may come at once */
	n->ttl = UINT32_MAX;
	n->why[0] = n->refused[0] = '\0';
	n->all->asking++;
	if (n->kind == SOURCE_SRV) {
		n->pending++;
		dns_srv(n->all->dns, n->text, on_srv, n);
	} else {
		ask_addresses(n, n->text);
	}
	end_question(n);
}

static uint32_t succeeded(struct name *n, uint64_t now)
{
	const struct settings *s = &n->all->daemon->policy.settings;
	uint32_t wait = name_refresh_after(n->ttl, s->dns_ttl_min, s->dns_ttl_max);

	if (name_history_merge(&n->history, &n->round, now, s->dns_grace))
		n->unwritten = true;
	if (n->failed)
		journal_line(LOG_NOTICE, "list %s: %s %s: answered again", n->list, kind_text(n),
			     n->text);
	if (n->refused[0] && strcmp(n->refused, n->state.failure) != 0)
		journal_line(LOG_WARNING, "list %s: %s %s: %s", n->list, kind_text(n), n->text,
			     n->refused);
	n->failed = 0;
	n->state.last_success = now;
	snprintf(n->state.failure, sizeof(n->state.failure), "%s", n->refused);
	return wait;
}

static uint32_t failed(struct name *n, uint64_t now)
{
	uint32_t wait = name_retry_after(n->failed, n->all->daemon->policy.settings.dns_ttl_min);
	const char *why = n->refused[0] ? n->refused : n->why;
	char text[DURATION_TEXT_MAX];

	n->state.last_failure = now;
	n->state.failures++;
	if (!n->failed++ || strcmp(n->state.failure, why) != 0)
		journal_line(LOG_WARNING,
			     "list %s: %s %s: %s: %zu addresses of before are kept, next try in "
			     "%s",
			     n->list, kind_text(n), n->text, why, n->history.n,
			     duration_text(wait, text));
	snprintf(n->state.failure, sizeof(n->state.failure), "%s", why);
	return wait;
}

static void end_round(struct name *n)
{
	struct names *all = n->all;
	uint64_t now = daemon_now();
	uint64_t wait;

	n->asking = false;
	all->asking--;
	if (n->gone) {
		free_name(n);
		return;
	}
	if (n->round.found.n)
		wait = succeeded(n, now);
	else if (n->cancelled)
		wait = 1;
	else
		wait = failed(n, now);
	if (n->round.omitted)
		journal_line(LOG_WARNING, "list %s: %s %s: more than %d addresses: %zu left away",
			     n->list, kind_text(n), n->text, NAME_ADDRESSES_MAX, n->round.omitted);
	wait = n->again ? 0 : wait + daemon_jitter(wait);
	n->again = false;
	n->due = clock_now(all) + wait * 1000000;
	n->state.next_try = now + wait;
	n->unsaved = true;
	name_round_free(&n->round);
	if (n->unwritten)
		write_files(all);
	else
		save_later(all);
	schedule(all);
}

/* ---- when ---- */

static int reopen(struct names *all)
{
	struct error why;

	dns_close(TAKE_PTR(all->dns));
	if (dns_open(&all->dns, all->daemon->event, all->servers ? all->servers : "", &why)) {
		journal_line(LOG_ERR, "%s", why.text);
		return -EIO;
	}
	return 0;
}

static int on_due(sd_event_source *s, uint64_t usec, void *arg)
{
	struct names *all = arg;
	uint64_t now = clock_now(all);

	(void)s;
	(void)usec;
	if ((!all->dns || dns_outdated(all->dns)) && !all->asking && reopen(all)) {
		sd_event_source_set_time_relative(all->timer, 5000000);
		return sd_event_source_set_enabled(all->timer, SD_EVENT_ONESHOT);
	}
	for (struct name *n = all->first; n && all->asking < ASKING_MAX; n = n->next) {
		if (!n->asking && n->due <= now)
			begin_round(n);
	}
	schedule(all);
	return 0;
}

/* Wakes up for the name that is due first; where too many are asked already, one of them will. */
static void schedule(struct names *all)
{
	uint64_t first = UINT64_MAX;

	for (const struct name *n = all->first; n; n = n->next) {
		if (!n->asking && n->due < first)
			first = n->due;
	}
	if (first == UINT64_MAX || all->asking >= ASKING_MAX) {
		sd_event_source_set_enabled(all->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(all->timer, first);
	sd_event_source_set_enabled(all->timer, SD_EVENT_ONESHOT);
}

/* ---- what runs ---- */

static struct name *take_out(struct name **list, const struct policy *p,
			     const struct news_source *s)
{
	for (struct name **at = list; *at; at = &(*at)->next) {
		struct name *n = *at;

		if (n->kind != (enum source_kind)s->kind ||
		    strcmp(n->list, p->lists[s->list].name) != 0 ||
		    strcmp(n->text, policy_string(p, s->text)) != 0)
			continue;
		*at = n->next;
		n->next = NULL;
		return n;
	}
	return NULL;
}

static uint64_t leaving_since(struct json_object *of, const struct name_address *a)
{
	char key[PREFIX_TEXT_MAX + HOSTNAME_MAX + 2];
	int64_t since;

	leaving_key(a, key, sizeof(key));
	since = json_object_get_int64(
		json_object_object_get(json_object_object_get(of, "leaving"), key));
	return since > 0 ? (uint64_t)since : 0;
}

/* What the files know of it: the news file says which addresses, the other one since when not. */
static void remember(struct name *n, const struct policy *news, const struct news_source *s)
{
	struct json_object *info = news_info_read(n->all->daemon->paths, n->list, n->kind);
	struct json_object *of = news_info_of(info, n->text);

	news_state_get(of, &n->state);
	for (size_t i = 0; i < news->base.n; i++) {
		const struct entry *e = &news->base.v[i];
		const char *label = policy_string(news, e->label);

		if (origin_source(news, e) == s && !(e->flags & ENTRY_CARVE) &&
		    !refused_as(n, &e->prefix))
			name_history_add(&n->history, &e->prefix, *label ? label : n->text, 0);
	}
	for (size_t i = 0; i < n->history.n; i++)
		n->history.v[i].missing_since = leaving_since(of, &n->history.v[i]);
	json_object_put(info);
}

static struct name *new_name(struct names *all, const struct policy *news,
			     const struct news_source *s)
{
	struct name *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->all = all;
	n->kind = s->kind;
	n->flags = s->flags;
	snprintf(n->list, sizeof(n->list), "%s", news->lists[s->list].name);
	snprintf(n->text, sizeof(n->text), "%s", policy_string(news, s->text));
	remember(n, news, s);
	return n;
}

/* Addresses that were private all along, and no longer may be. */
static void drop_refused(struct name *n)
{
	struct name_history *h = &n->history;
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (!refused_as(n, &h->v[i].prefix))
			h->v[kept++] = h->v[i];
	}
	n->unwritten |= kept != h->n;
	h->n = kept;
}

static void forget(struct name *n)
{
	while (n) {
		struct name *next = n->next;

		n->gone = true;
		if (!n->asking)
			free_name(n);
		n = next;
	}
}

/* The names of one list, in order, behind *end; kept ones come out of *before. */
static struct name **follow_list(struct names *all, struct name **before, size_t list,
				 struct name **end)
{
	const struct policy *p = &all->daemon->policy;
	_cleanup_policy_ struct policy news = { 0 };
	struct error why;

	if (policy_clone(p, NULL, NULL, &news) ||
	    news_read_list(all->daemon->paths, &news, list, &why))
		return end;
	for (size_t i = 0; i < p->n_sources; i++) {
		const struct news_source *s = &p->sources[i];
		struct name *n;

		if (s->list != list || (s->kind != SOURCE_NAME && s->kind != SOURCE_SRV))
			continue;
		n = take_out(before, p, s);
		if (n && n->flags != s->flags) {
			n->flags = s->flags;
			n->due = 0;
			drop_refused(n);
		}
		if (!n)
			n = new_name(all, &news, &news.sources[i]);
		if (!n)
			continue;
		*end = n;
		end = &n->next;
	}
	return end;
}

static bool has_names(const struct policy *p, size_t list)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		if (p->sources[i].list == list && p->sources[i].kind <= SOURCE_SRV)
			return true;
	}
	return false;
}

static void names_follow(struct daemon *d, void *state)
{
	const char *servers = policy_string(&d->policy, d->policy.settings.resolvers);
	struct names *all = state;
	struct name *before = all->first, **end = &all->first;

	all->first = NULL;
	for (size_t i = 0; i < d->policy.n_lists; i++) {
		if (has_names(&d->policy, i))
			end = follow_list(all, &before, i, end);
	}
	forget(before);
	if (!all->servers || strcmp(all->servers, servers) != 0) {
		free(all->servers);
		all->servers = strdup(servers);
		dns_close(TAKE_PTR(all->dns)); /* made anew when it is needed */
	}
	write_files(all);
	schedule(all);
}

static void names_refresh(struct daemon *d, void *state)
{
	struct names *all = state;

	(void)d;
	for (struct name *n = all->first; n; n = n->next) {
		n->due = 0;
		n->again = n->asking;
	}
	schedule(all);
}

static int names_start(struct daemon *d, void **state, struct error *err)
{
	struct names *all = calloc(1, sizeof(*all));
	int rc;

	if (!all)
		return error_set(err, ENOMEM, "out of memory");
	all->daemon = d;
	*state = all;
	rc = sd_event_add_time_relative(d->event, &all->timer, CLOCK_BOOTTIME, 0, NAMES_ACCURACY_US,
					on_due, all);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(all->timer, SD_EVENT_OFF);
	if (rc >= 0)
		rc = sd_event_add_time_relative(d->event, &all->save, CLOCK_MONOTONIC, 0,
						NAMES_ACCURACY_US, on_save, all);
	if (rc >= 0)
		rc = sd_event_source_set_enabled(all->save, SD_EVENT_OFF);
	return rc < 0 ? error_set(err, -rc, "cannot set a timer: %s", strerror(-rc)) : 0;
}

static void names_stop(struct daemon *d, void *state)
{
	struct names *all = state;

	(void)d;
	write_files(all);
	forget(TAKE_PTR(all->first));
	dns_close(all->dns);
	sd_event_source_disable_unref(all->timer);
	sd_event_source_disable_unref(all->save);
	free(all->servers);
	free(all);
}

const struct bringer names_bringer = {
	.start = names_start,
	.follow = names_follow,
	.refresh = names_refresh,
	.stop = names_stop,
};
