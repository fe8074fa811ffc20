/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration as libcyaml loads it: its keys and types, not yet their meaning. */
#ifndef ALLOWXDP_CONFIG_YAML_H
#define ALLOWXDP_CONFIG_YAML_H

#include <stddef.h>
#include "error.h"
#include "yaml_lines.h"

struct config_service {
	char *name;
	char **ports;
	unsigned int ports_count;
	char **allow;
	unsigned int allow_count;
	char *direction;
	char *replies;
};

struct config_feed {
	char *url;
	char **command;
	unsigned int command_count;
	char *format, *column, *path, *filter, *ca_file;
	char *refresh, *stale_after, *timeout;
	char *max_size, *max_shrink, *min_prefix4, *min_prefix6;
};

struct config_list {
	char *name;
	char *file;
	char **prefixes;
	unsigned int prefixes_count;
	char **names;
	unsigned int names_count;
	char **srv;
	unsigned int srv_count;
	char *allow_private;
	struct config_feed feed;
	char *unpublished;
};

/* Where a profile comes from. */
struct config_profile {
	char *name;
	char *title;
	char *provider;
	char *source;
	char *date;
	char **missing;
	unsigned int missing_count;
};

struct config_dns {
	char **resolvers;
	unsigned int resolvers_count;
	char *ttl_min;
	char *ttl_max;
	char *grace;
};

struct config_flows {
	char *capacity;
	char *udp;
	char *tcp;
	char *tcp_closing;
};

struct config_yaml {
	char *mode;
	char *fragments;
	struct config_flows *flows;
	struct config_dns *dns;
	char **interfaces;
	unsigned int interfaces_count;
	struct config_service *services;
	unsigned int services_count;
	struct config_list *lists;
	unsigned int lists_count;
	char **include;
	unsigned int include_count;
	struct config_profile *profile; /* NULL in a config */
};

/* Which keys a file may have. */
enum config_kind { CONFIG_MAIN, CONFIG_PROFILE };

/*
 * Loads n bytes, which yaml_lines_open found sound and put into *l. What is not in the schema is
 * refused as "path:LINE: ..."; optional values that are not there are NULL. Returns 0, -EINVAL or
 * -ENOMEM.
 */
int config_yaml_load(struct config_yaml **out, enum config_kind kind, struct yaml_lines *l,
		     const char *path, const char *data, size_t n, struct error *err);

/* `"KEY" is missing here: ...`, for keys that are required only where no profile brings them. */
int config_yaml_missing(const char *key, const char *path, unsigned int line, struct error *err);

void config_yaml_free(struct config_yaml **c);

#define _cleanup_config_yaml_ __attribute__((cleanup(config_yaml_free)))

#endif
