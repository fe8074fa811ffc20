/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a proof is shown. */
#ifndef ALLOWXDP_PROOF_OUTPUT_H
#define ALLOWXDP_PROOF_OUTPUT_H

#include <json-c/json_object.h>
#include "proof.h"

/* What was asked about, as the user wrote it. */
struct proof_about {
	const struct policy *policy;
	const struct explanation *explanation;
	const char *address, *port;
	enum axp_direction direction;
};

/* Lines under the explanation. */
void proof_print(const struct proof *p, const struct proof_about *about);

/* Adds agrees, unproven and programs; p NULL: nothing was asked. */
void proof_json(struct json_object *object, const struct proof *p, const struct proof_about *about);

/* One line on stderr for each program that disagrees. */
void proof_complain(const struct proof *p, const struct proof_about *about);

#endif
