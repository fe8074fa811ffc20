/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who serves metrics of this instance, and where: RUN/exporter holds the address, and a lock for as
 * long as the server lives. So `load` and `doctor` can say that its port is guarded.
 */
#ifndef ALLOWXDP_ANNOUNCE_H
#define ALLOWXDP_ANNOUNCE_H

#include <stdbool.h>
#include "endpoint.h"
#include "paths.h"
#include "policy.h"

/* Returns an fd to be held open. */
int announce(const struct paths *paths, const struct endpoint *at, struct error *err);

/* false: none is running. */
bool announced(const struct paths *paths, struct endpoint *at);

/* The service that guards its port where it listens, or NULL. */
const struct service *endpoint_guarded(const struct endpoint *at, const struct policy *p);

/* Warns if a running exporter's port is guarded by this policy. */
void warn_guarded_exporter(const struct paths *paths, const struct policy *p);

#endif
