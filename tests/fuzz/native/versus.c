// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "leaves.h"
#include "trail.h"
#include "versus.h"

#define MS 1000000ULL

enum {
	XDP_DROPS = 1,
	XDP_PASSES = 2,
	EGRESS_PASSES = -1,
	EGRESS_DROPS = 2,
	CLASSES_FROM = 1,
	LEAVES = 64,
	PROGRAM_MAX = 128,
};

static struct {
	struct memory memory;
	const struct rules *rules;
	enum axp_mode mode;
	__u32 next_timed;
	__u64 counted;
	struct expect expected;
	struct trail trail;
	char program[PROGRAM_MAX]; /* what the last packet met with */
} state;

void versus_open(void)
{
	native_open();
}

/* ---- rules ---- */

static void set_ports(struct axp_policy *policy, const struct guard *g)
{
	for (__u32 class = CLASSES_FROM; g->services; g++, class ++) {
		memset(&policy->port_class[g->direction][g->protocol][g->from], class,
		       g->to - g->from + 1);
		policy->classes[class].services = g->services;
		policy->classes[class].first = g->first;
		policy->classes[class].replies = g->direction == AXP_IN && !g->no_replies;
	}
}

static __u32 set_expiry(const struct expiry *e)
{
	struct axp_timed timed = { { 0 } };

	state.next_timed = state.next_timed % (AXP_MAX_TIMED / 2) + 1;
	if (e->lost)
		return AXP_MAX_TIMED;
	for (__u32 i = 0; i < e->steps; i++) {
		timed.at[i] = i < e->passed ? i + 1 : ~0ULL - AXP_TIMED_STEPS + i;
		timed.services[i] = e->services[i];
	}
	native_timed(state.next_timed, &timed);
	return state.next_timed;
}

static void set_family(__u32 slot, enum axp_family family, const struct node *nodes)
{
	struct axp_lpm_value values[LEAVES];
	struct leaf leaves[LEAVES];
	struct axp_dir4_head head;
	void *units = NULL;
	size_t n = 0, bytes = 0;

	for (; nodes->prefix; nodes++) {
		struct prefix_bits prefix = prefix_bits(nodes->prefix);

		if (prefix.family != family)
			continue;
		if (n == LEAVES)
			abort();
		values[n] = (struct axp_lpm_value){ .services = nodes->services };
		if (nodes->expiry)
			values[n].timed = set_expiry(nodes->expiry);
		leaves[n] = (struct leaf){ prefix, nodes->services, values[n].timed };
		n++;
	}
	if (n || family == AXP_IPV4)
		units = directory_bytes(family, leaves, n, &bytes, &head);
	native_directory(slot, family, &head, units, bytes);
	for (size_t i = 0; i < n; i++)
		native_node(slot, family, leaves[i].prefix.len, leaves[i].prefix.addr, &values[i]);
	free(units);
}

void versus_fill(const struct rules *rules, __u32 slot)
{
	struct axp_policy *policy = native_policy(slot);

	memset(policy, 0, sizeof(*policy));
	set_ports(policy, rules->guards);
	rules_settings(policy, rules);
	set_family(slot, AXP_IPV4, rules->nodes);
	set_family(slot, AXP_IPV6, rules->nodes);
}

void versus_use(const struct rules *rules, enum axp_mode mode, __u32 slot)
{
	state.rules = rules;
	state.mode = mode;
	native_active(AXP_ACTIVE(1, mode, slot));
}

void versus_forget(__u32 seed)
{
	trail_forget(&state.trail);
	model_forget(&state.memory);
	native_forget(state.memory.now * MS, seed);
}

void versus_age(__u32 ms)
{
	model_age(&state.memory, ms);
	native_clock(state.memory.now * MS);
}

/* ---- packets ---- */

static const struct axp_count *counter(const struct axp_counts *row, const struct expect *e)
{
	return e->monitored ? &row->monitored[e->reason] : &row->by_reason[e->reason];
}

static const char *action_name(int action, bool out)
{
	if (out)
		return action == EGRESS_DROPS ? "drop" : action == EGRESS_PASSES ? "pass" : "?";
	return action == XDP_DROPS ? "drop" : action == XDP_PASSES ? "pass" : "?";
}

/* Says both, and keeps what the program did for the capture. */
static void tell(const struct expect *want, int action, const struct axp_counts *before,
		 const struct axp_counts *after)
{
	const char *counted = "nothing in that row";
	char model[EXPECT_TEXT_MAX];

	for (__u32 reason = 0; reason < AXP_REASONS; reason++) {
		if (before->by_reason[reason].packets != after->by_reason[reason].packets)
			counted = reason_name(reason);
		if (reason < AXP_DROP_REASONS &&
		    before->monitored[reason].packets != after->monitored[reason].packets)
			counted = reason_name(reason);
	}
	snprintf(state.program, sizeof(state.program), "%s, counted as %s",
		 action_name(action, want->direction == AXP_OUT), counted);
	fprintf(stderr, "the model:   %s\nthe program: %s\n", expect_text(want, model),
		state.program);
}

/* Of one that is counted: by one, its bytes too. */
static bool moved(const struct expect *want, const struct axp_counts *before,
		  const struct axp_counts *after, size_t len)
{
	const struct axp_count *a = counter(before, want), *b = counter(after, want);

	return b->packets == a->packets + 1 && b->bytes == a->bytes + len;
}

bool versus_packet(const __u8 *frame, size_t len, bool out, int linear, bool frags)
{
	__u32 drops = out ? (__u32)EGRESS_DROPS : XDP_DROPS;
	struct axp_counts before;
	const struct axp_counts *row;
	struct expect want;
	int action;

	want = out ? model_out(&state.memory, state.rules, state.mode, frame, len)
		   : model_in(&state.memory, state.rules, state.mode, frame, len);
	state.expected = want;
	trail_add(&state.trail, state.memory.now, &want, frame, len);
	strcpy(state.program, "did not come to its end");
	row = native_counts(want.direction, want.service, want.family);
	memcpy(&before, row, sizeof(before));
	action = out ? native_out(frame, len, linear) : native_in(frame, len, linear, frags);
	state.counted += !want.uncounted;
	if ((want.verdict == AXP_DROP) == (action == (int)drops) &&
	    *action_name(action, out) != '?' && (want.uncounted || moved(&want, &before, row, len)))
		return true;
	tell(&want, action, &before, row);
	return false;
}

bool versus_counted(void)
{
	__u64 counted = native_counted();

	if (counted == state.counted)
		return true;
	fprintf(stderr, "%llu packets were counted, %llu should have been\n", counted,
		state.counted);
	return false;
}

struct expect versus_expected(void)
{
	return state.expected;
}

bool versus_write(const char *path)
{
	return trail_write(&state.trail, path, state.program);
}
