// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include "cleanup.h"
#include "egress.h"

enum {
	/* enum bpf_attach_type of newer kernels' <linux/bpf.h>; an older kernel says EINVAL to it.
	 */
	ATTACH_TCX_EGRESS = 47,
	TCX_BEFORE = 1 << 3, /* BPF_F_BEFORE */
	/* Ours in clsact: high enough to come after what administrators usually number by hand. */
	CLSACT_HANDLE = 0xa110,
	CLSACT_PRIORITY = 0xa110,
};

static int attach_clsact(int program, int ifindex, const char *interface, struct error *err)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
			    .prog_fd = program, .flags = BPF_TC_F_REPLACE);
	int rc = bpf_tc_hook_create(&hook);

	if (rc && rc != -EEXIST)
		return error_set(err, -rc,
				 "cannot make a clsact qdisc on %s: %s: this kernel has no TCX "
				 "(Linux 6.6), and clsact needs CONFIG_NET_SCH_INGRESS and "
				 "CONFIG_NET_CLS_BPF",
				 interface, strerror(-rc));
	rc = bpf_tc_attach(&hook, &opts);
	return rc ? error_set(err, -rc, "cannot attach to the egress of %s: %s", interface,
			      strerror(-rc))
		  : 0;
}

int egress_attach(int program, const char *interface, const char *pin, struct error *err)
{
	/* Before others' programs: one of them may end the chain, and ours always lets them go on.
	 */
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = TCX_BEFORE);
	int ifindex = (int)if_nametoindex(interface);
	_cleanup_close_ int link = -1;
	int rc;

	link = bpf_link_create(program, ifindex, (enum bpf_attach_type)ATTACH_TCX_EGRESS, &opts);
	if (link == -EINVAL || link == -EOPNOTSUPP)
		return attach_clsact(program, ifindex, interface, err);
	if (link < 0)
		return error_set(err, -link, "cannot attach to the egress of %s: %s", interface,
				 strerror(-link));
	unlink(pin); /* of an interface that was deleted meanwhile */
	rc = bpf_obj_pin(link, pin);
	return rc ? error_set(err, -rc, "cannot pin %s: %s", pin, strerror(-rc)) : 0;
}

static bool is_ours(const char *interface, uint32_t *program)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface),
			    .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE,
			    .priority = CLSACT_PRIORITY);

	if (!hook.ifindex || bpf_tc_query(&hook, &opts))
		return false;
	*program = opts.prog_id;
	return true;
}

void egress_detach(const char *interface, const char *pin)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(interface),
			    .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE,
			    .priority = CLSACT_PRIORITY);
	_cleanup_close_ int link = bpf_obj_get(pin);
	uint32_t program;

	if (link >= 0) {
		bpf_link_detach(link); /* at once, whoever else holds it */
		unlink(pin);
		return;
	}
	/* The qdisc stays: it may carry others' filters, and is nothing without any. */
	if (is_ours(interface, &program))
		bpf_tc_detach(&hook, &opts);
}

/* A link that was detached by force, or whose interface was deleted, says ifindex 0. */
static bool link_alive(int link, const char *interface, uint32_t *program)
{
	/* struct bpf_link_info of newer kernels: TCX's ifindex comes first behind the common part
	 */
	struct {
		uint32_t type, id, prog_id, pad, ifindex, attach_type;
		char rest[128];
	} info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &size))
		return false;
	*program = info.prog_id;
	return info.ifindex && info.ifindex == if_nametoindex(interface);
}

static enum egress_kind query(const char *interface, const char *pin, uint32_t *program)
{
	_cleanup_close_ int link = bpf_obj_get(pin);

	if (link >= 0 && link_alive(link, interface, program))
		return EGRESS_TCX;
	return is_ours(interface, program) ? EGRESS_CLSACT : EGRESS_NONE;
}

enum egress_kind egress_query(const char *interface, const char *pin)
{
	uint32_t program;

	return query(interface, pin, &program);
}

uint32_t egress_program(const char *interface, const char *pin)
{
	uint32_t program = 0;

	return query(interface, pin, &program) == EGRESS_NONE ? 0 : program;
}

int egress_replace(int program, const char *interface, const char *pin, struct error *err)
{
	_cleanup_close_ int link = bpf_obj_get(pin);
	uint32_t ignored;
	int rc;

	if (link >= 0) {
		rc = bpf_link_update(link, program, NULL);
		if (!rc)
			return 0;
		if (link_alive(link, interface, &ignored))
			return error_set(err, -rc, "cannot replace the egress program of %s: %s",
					 interface, strerror(-rc));
	}
	if (is_ours(interface, &ignored))
		return attach_clsact(program, (int)if_nametoindex(interface), interface, err);
	return egress_attach(program, interface, pin, err);
}

const char *egress_name(enum egress_kind kind)
{
	static const char *const names[] = {
		[EGRESS_NONE] = "none",
		[EGRESS_TCX] = "tcx",
		[EGRESS_CLSACT] = "clsact",
	};

	return names[kind];
}
