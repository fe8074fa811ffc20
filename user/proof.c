// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "attach.h"
#include "cleanup.h"
#include "proof.h"

enum { ANY_PORT = 40000 /* where the packet comes from: nothing in the policy depends on it */ };

uint16_t dhcp_partner(uint8_t family, enum axp_protocol protocol, uint16_t port)
{
	uint16_t server = family == AXP_IPV4 ? 67 : 547, client = family == AXP_IPV4 ? 68 : 546;

	if (protocol != AXP_UDP)
		return 0;
	if (port == server)
		return client;
	return port == client ? server : 0;
}

struct testimony testimony_expected(const struct explanation *x, enum axp_direction direction,
				    uint32_t mode)
{
	struct testimony t = { .verdict = AXP_PASS, .service = AXP_NO_SERVICE };

	if (mode == AXP_MODE_OFF) {
		t.counted = direction == AXP_IN;
		t.reason = t.counted ? AXP_REASON_OFF : 0;
		return t;
	}
	/* On egress only what services guard is counted. */
	t.counted = x->service || direction == AXP_IN;
	if (!t.counted)
		return t;
	t.reason = x->reason;
	if (x->service)
		t.service = x->service->slot;
	if (mode == AXP_MODE_ENFORCE)
		t.verdict = x->verdict;
	return t;
}

bool testimony_equal(const struct testimony *a, const struct testimony *b)
{
	if (a->verdict != b->verdict || a->counted != b->counted)
		return false;
	return !a->counted || (a->reason == b->reason && a->service == b->service);
}

static bool as_expected(const struct testimony *said, const struct explanation *x,
			enum axp_direction direction, uint32_t mode)
{
	struct testimony expected = testimony_expected(x, direction, mode);

	return testimony_equal(said, &expected);
}

/* DHCP passes by both of its ports; on egress, and where no service guards the port, uncounted. */
static bool dhcp_as_expected(const struct testimony *said, const struct explanation *x,
			     enum axp_direction direction)
{
	struct testimony expected = { .verdict = AXP_PASS, .service = AXP_NO_SERVICE };

	expected.counted = direction == AXP_IN;
	expected.reason = x->service ? AXP_REASON_DHCP : AXP_REASON_NOT_GUARDED;
	return testimony_equal(said, &expected);
}

/* One question to the twin. */
static int ask(struct twin *t, const struct synthetic *packet, uint16_t sport, uint64_t word,
	       struct testimony *out, struct error *err)
{
	struct synthetic p = *packet;
	uint8_t frame[SYNTHETIC_MAX];
	size_t n;

	p.sport = sport;
	n = synthetic_frame(&p, frame);
	return twin_ask(t, word, frame, n, out, err);
}

static int question(struct twin *t, const struct running *r, const struct explanation *x,
		    const struct synthetic *packet, struct witness *w, struct error *err)
{
	uint16_t partner = dhcp_partner(packet->remote.family, packet->protocol, packet->dport);
	uint64_t enforce = word_with_mode(t->word, AXP_MODE_ENFORCE);
	int rc;

	w->word = t->word;
	rc = ask(t, packet, ANY_PORT, t->word, &w->now, err);
	if (!rc)
		rc = ask(t, packet, ANY_PORT, enforce, &w->enforcing, err);
	if (!rc && partner)
		rc = ask(t, packet, partner, enforce, &w->dhcp, err);
	if (rc)
		return rc;
	w->agrees = t->word == r->active &&
		    as_expected(&w->now, x, packet->direction, AXP_ACTIVE_MODE(t->word)) &&
		    as_expected(&w->enforcing, x, packet->direction, AXP_MODE_ENFORCE) &&
		    (!partner || dhcp_as_expected(&w->dhcp, x, packet->direction));
	return 0;
}

/* The program that packets of that direction meet on the interface. */
static int find_program(const struct paths *paths, const char *interface,
			enum axp_direction direction, uint32_t *program, struct error *err)
{
	struct attachment a;
	char pin[INSTANCE_PIN_MAX];

	*program = 0;
	if (!attach_query(paths, interface, &a) && a.attached)
		*program = direction == AXP_IN
				   ? a.prog_id
				   : egress_program(a.now,
						    instance_pin(paths, "egress_", interface, pin));
	if (*program)
		return 0;
	return error_set(err, ENOENT, "%s: no program of this instance is on its %s here",
			 interface, direction == AXP_OUT ? "egress" : "ingress");
}

static int hear(struct twin *t, const struct running *r, const struct explanation *x,
		const struct synthetic *packet, struct witness *w, struct error *err)
{
	int rc = find_program(r->instance.paths, w->interface, packet->direction, &w->program, err);
	struct error why;

	if (rc)
		return rc;
	if (!twin_is_also_of(t, w->program)) {
		twin_close(t);
		rc = twin_open(t, w->program, packet->direction, &why);
	}
	if (!rc)
		rc = question(t, r, x, packet, w, &why);
	return rc ? error_set(err, -rc, "%s: %s", w->interface, why.text) : 0;
}

void prove(const struct running *r, const struct explanation *x, const struct synthetic *packet,
	   struct proof *out)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(r->instance.paths, names, ARRAY_SIZE(names));
	_cleanup_twin_ struct twin twin = { 0 };
	struct error err = { "the instance is on no interface" };

	memset(out, 0, sizeof(*out));
	out->agrees = n > 0;
	out->proven = n > 0;
	out->asked_dhcp = dhcp_partner(packet->remote.family, packet->protocol, packet->dport) != 0;
	for (size_t i = 0; i < n; i++) {
		struct witness *w = &out->witnesses[out->n];

		memcpy(w->interface, names[i], sizeof(w->interface));
		if (hear(&twin, r, x, packet, w, &err)) {
			out->proven = false;
			continue;
		}
		out->agrees = out->agrees && w->agrees;
		out->n++;
	}
	if (!out->proven)
		snprintf(out->unproven, sizeof(out->unproven), "%s", err.text);
}
