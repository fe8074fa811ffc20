// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../user/pcapng.h"
#include "trail.h"

enum { COMMENT_MAX = 400, SNAPLEN = 1 << 17, MS_IN_NS = 1000000 };

void trail_forget(struct trail *t)
{
	t->n = t->n_bytes = 0;
}

static void *grown(void *v, size_t *cap, size_t wanted, size_t size)
{
	while (*cap < wanted)
		*cap = *cap ? 2 * *cap : 1024;
	v = reallocarray(v, *cap, size);
	if (!v)
		abort();
	return v;
}

void trail_add(struct trail *t, __u64 ms, const struct expect *e, const __u8 *frame, size_t len)
{
	if (t->n == t->cap)
		t->packets = grown(t->packets, &t->cap, t->n + 1, sizeof(*t->packets));
	if (len > t->cap_bytes - t->n_bytes)
		t->bytes = grown(t->bytes, &t->cap_bytes, t->n_bytes + len, 1);
	memcpy(t->bytes + t->n_bytes, frame, len);
	t->packets[t->n++] = (struct trail_packet){ t->n_bytes, len, ms, *e };
	t->n_bytes += len;
}

const char *expect_text(const struct expect *e, char buf[EXPECT_TEXT_MAX])
{
	static const char *const families[] = { "none", "IPv4", "IPv6" };
	char service[16] = "none";

	if (e->service != AXP_NO_SERVICE)
		snprintf(service, sizeof(service), "%u", e->service);
	snprintf(buf, EXPECT_TEXT_MAX, "%s %s%s%s, service %s, family %s",
		 e->verdict == AXP_DROP ? "drop" : "pass", reason_name(e->reason),
		 e->monitored ? " (monitored)" : "", e->uncounted ? " (uncounted)" : "", service,
		 e->family < AXP_FAMILIES ? families[e->family] : "?");
	return buf;
}

static void put(FILE *f, const struct trail *t, const struct trail_packet *p, const char *comment)
{
	const struct expect *e = &p->expect;
	bool out = e->direction == AXP_OUT;

	pcapng_packet(f, &(struct pcapng_packet){
				 .time = p->ms * MS_IN_NS,
				 .data = t->bytes + p->at,
				 .captured = (uint32_t)p->len,
				 .length = (uint32_t)p->len,
				 .outbound = out,
				 .verdict_type = out ? PCAPNG_VERDICT_TC : PCAPNG_VERDICT_XDP,
				 .verdict = e->verdict == AXP_DROP ? (out ? 2 : 1) : (out ? 0 : 2),
				 .comment = comment,
			 });
}

bool trail_write(const struct trail *t, const char *path, const char *program)
{
	char comment[COMMENT_MAX], model[EXPECT_TEXT_MAX];
	FILE *f = fopen(path, "we");
	bool failed;

	if (!f) {
		perror(path);
		return false;
	}
	pcapng_begin(f, "allowxdp, program and model");
	pcapng_interface(f, "model", SNAPLEN);
	for (size_t i = 0; i < t->n; i++) {
		snprintf(comment, sizeof(comment), "the model: %s",
			 expect_text(&t->packets[i].expect, model));
		if (i + 1 == t->n)
			snprintf(comment, sizeof(comment), "the model: %s; the program: %s", model,
				 program);
		put(f, t, &t->packets[i], comment);
	}
	failed = ferror(f);
	if (!fclose(f) && !failed)
		return true;
	perror(path);
	return false;
}
