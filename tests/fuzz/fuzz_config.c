// SPDX-License-Identifier: GPL-2.0-or-later
/* Configs, with profiles and list files (files.h). */
#include "compile.h"
#include "config.h"
#include "files.h"
#include "snapshot.h"

void fuzz_services(const struct policy *p)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		fuzz_check(policy_name_ok(s->name) && s->n_ports <= POLICY_MAX_PORT_RANGES);
		fuzz_check(policy_find_service(p, s->name) == (int)i);
		for (uint32_t port = 0; port < s->n_ports; port++)
			fuzz_check(s->ports[port].low && s->ports[port].low <= s->ports[port].high);
		for (size_t list = p->n_lists; list < POLICY_MAX_LISTS; list++)
			fuzz_check(!(s->allow[list / 64] >> list % 64 & 1));
	}
	for (size_t i = 0; i < p->n_lists; i++)
		fuzz_check(policy_find_list(p, p->lists[i].name) == (int)i);
}

/* It can be made what the kernel has; nodes are in order. */
static void check_compiled(struct policy *p)
{
	_cleanup_free_ struct axp_policy *ports = calloc(1, sizeof(*ports));
	struct nodes nodes _cleanup_nodes_ = { 0 };
	struct error err = { "" };

	fuzz_check(ports && !policy_assign_slots(p, NULL, &err));
	if (compile_ports(p, ports, &err))
		fuzz_one_line(&err);
	fuzz_check(!compile_nodes(p, &nodes));
	for (size_t i = 1; i < nodes.n; i++)
		fuzz_check(prefix_compare(&nodes.v[i - 1].prefix, &nodes.v[i].prefix) < 0);
}

/* A snapshot says the same. */
static void check_snapshot(const struct policy *p)
{
	_cleanup_free_ char *before = fuzz_entries_text(p, &p->base), *after = NULL;
	struct policy copy _cleanup_policy_ = { 0 };
	struct error err = { "" };

	fuzz_check(!snapshot_write(fuzz_paths(), 1, p, &err));
	if (snapshot_read(fuzz_paths(), 1, &copy, &err))
		fuzz_fails(err.text, __LINE__);
	after = fuzz_entries_text(&copy, &copy.base);
	fuzz_check(!strcmp(before, after) && copy.n_services == p->n_services);
	fuzz_check(!p->n_services ||
		   !memcmp(copy.services, p->services, p->n_services * sizeof(*p->services)));
}

static void read_config(void)
{
	struct policy p _cleanup_policy_ = { 0 };
	struct error err = { "" };

	if (config_read(&p, fuzz_path("allowxdp.yaml"), &err)) {
		fuzz_one_line(&err);
		return;
	}
	fuzz_sorted(&p, &p.base);
	fuzz_services(&p);
	check_compiled(&p);
	check_snapshot(&p);
}

void fuzz_config(const uint8_t *data, size_t n)
{
	struct fuzz_files files _cleanup_fuzz_files_ = { .n = 0 };

	fuzz_files_write(&files, "allowxdp.yaml", (const char *)data, n);
	read_config();
}
