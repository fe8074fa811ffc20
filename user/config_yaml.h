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
};

/*
 * Loads n bytes, which yaml_lines_open found sound and put into *l. What is not in the schema is
 * refused as "path:LINE: ..."; optional values that are not there are NULL. Returns 0, -EINVAL or
 * -ENOMEM.
 */
int config_yaml_load(struct config_yaml **out, struct yaml_lines *l, const char *path,
		     const char *data, size_t n, struct error *err);
void config_yaml_free(struct config_yaml **c);

#define _cleanup_config_yaml_ __attribute__((cleanup(config_yaml_free)))

#endif
