/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One look for scripts and logs: exact figures, as text or as JSON. */
#ifndef ALLOWXDP_TOP_PLAIN_H
#define ALLOWXDP_TOP_PLAIN_H

#include <json-c/json_object.h>
#include "top_view.h"

void top_print(const struct top_view *v, const struct top_model *m);
struct json_object *top_json(const struct top_view *v, const struct top_model *m);

#endif
