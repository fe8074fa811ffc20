/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The config that `allowxdp init` writes: what goes into it, and its text. Pure. */
#ifndef ALLOWXDP_STARTER_H
#define ALLOWXDP_STARTER_H

#include <stdio.h>
#include "config_yaml.h"
#include "service_kinds.h"

enum { STARTER_SERVICES = 32, STARTER_LISTS = 8, STARTER_INTERFACES = POLICY_MAX_INTERFACES };

/* A service that was asked for, or found. */
struct starter_wish {
	char name[POLICY_NAME_MAX + 1];
	enum service_kind kind; /* SERVICE_KINDS: one that only its name and ports are known of */
	struct ports ports;
};

/* A profile that is included. */
struct starter_profile {
	const char *name; /* as it is included */
	const struct config_yaml *yaml;
};

/* A service as it is written. */
struct starter_service {
	char name[POLICY_NAME_MAX + 1];
	const struct starter_profile *profile; /* that brings it, and is overridden; or NULL */
	enum service_kind kind;
	struct ports ports; /* none: as the profile says */
	char allow[STARTER_LISTS][POLICY_NAME_MAX + 1];
	size_t n_allow;
};

struct starter {
	/* what it is made of */
	const char *config; /* where it is going to be; NULL: the default */
	const char *date;
	char interfaces[STARTER_INTERFACES][16];
	size_t n_interfaces;
	const struct listeners *listeners;
	struct starter_wish wishes[STARTER_SERVICES];
	size_t n_wishes;
	const struct starter_profile *profiles;
	size_t n_profiles;
	char *const *office; /* lines of a list: "PREFIX # label" */
	size_t n_office;
	/* what comes of that */
	struct starter_service services[STARTER_SERVICES];
	size_t n_services;
	char lists[STARTER_SERVICES][POLICY_NAME_MAX + 1]; /* empty ones, beside "office" */
	size_t n_lists;
};

/*
 * "https,sip,api=tcp/8443+tcp/9443": known kinds, and others with their ports. Appends to
 * s->wishes. -EINVAL.
 */
int starter_wish(struct starter *s, const char *text, struct error *err);

/* Wishes for all that is usual and was found. */
void starter_wish_found(struct starter *s);

/* Makes services and lists of wishes and profiles. -E2BIG. */
int starter_make(struct starter *s, struct error *err);

/* Which service guards what listens there; NULL: none. */
const char *starter_guards(const struct starter *s, const struct listener *l);

/* Of the services: ports, comma-separated. Returns buf. */
const char *ports_text(const struct ports *p, char *buf, size_t n);

void starter_write(FILE *f, const struct starter *s);

#endif
