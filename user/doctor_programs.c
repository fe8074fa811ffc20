// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that are on the interface already: XDP, TCX, and filters of the old tc. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "cleanup.h"
#include "doctor.h"
#include "egress.h"
#include "interfaces.h"
#include "netlink.h"

enum { TCX_INGRESS = 46, TCX_EGRESS = 47, PROGRAMS_MAX = 64 };

/* All of this project's programs are named so. */
#define OURS "allowxdp"

static const char *program_name(uint32_t id, char buf[static BPF_OBJ_NAME_LEN])
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	/* only CAP_SYS_ADMIN may look at programs by id */
	snprintf(buf, BPF_OBJ_NAME_LEN, fd == -EPERM ? "unreadable" : "unnamed");
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.name[0])
		snprintf(buf, BPF_OBJ_NAME_LEN, "%s", info.name);
	return buf;
}

static bool is_ours(const char *name)
{
	return !strncmp(name, OURS, strlen(OURS));
}

/* The link that holds the program on the interface; 0: it was set by netlink. */
static uint32_t link_of(const struct device *dev, uint32_t program)
{
	uint32_t id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		_cleanup_close_ int fd = bpf_link_get_fd_by_id(id);
		struct bpf_link_info info = { 0 };
		uint32_t size = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    info.type == BPF_LINK_TYPE_XDP && info.prog_id == program &&
		    info.xdp.ifindex == (uint32_t)dev->ifindex)
			return id;
	}
	return 0;
}

static void say_foreign(struct doctor *d, const struct device *dev, uint32_t id, const char *name,
			const char *mode)
{
	uint32_t link = link_of(dev, id);

	finding(d, FINDING_PROBLEM, "xdp", dev->name,
		"runs another XDP program, id %u, name %s%s: `load` leaves it alone and fails", id,
		name, link ? ", held by a link of its owner" : "");
	if (link)
		finding_fix(d, "bpftool link detach id %u", link);
	else
		finding_fix(d, "ip link set dev %s %s off", dev->name, mode);
}

static void say_program(struct doctor *d, const struct device *dev, uint32_t id, const char *mode)
{
	char name[BPF_OBJ_NAME_LEN], owner[INSTANCE_NAME_MAX + 1];
	bool known;

	if (!id)
		return;
	program_name(id, name);
	known = interfaces_owner(d->paths, id, owner);
	if (known && !strcmp(owner, d->paths->instance))
		finding(d, FINDING_OK, "xdp", dev->name, "guarded by instance %s: program %u, %s",
			owner, id, strcmp(mode, "xdpgeneric") ? "native" : "generic");
	else if (known)
		finding(d, FINDING_NOTE, "xdp", dev->name,
			"guarded by another instance, %s: program %u", owner, id);
	else if (is_ours(name))
		finding(d, FINDING_NOTE, "xdp", dev->name,
			"guarded by another instance of allowxdp: program %u", id);
	else
		say_foreign(d, dev, id, name, mode);
}

static void check_xdp(struct doctor *d, const struct device *dev)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int rc = bpf_xdp_query(dev->ifindex, 0, &query);

	if (rc) {
		finding(d, FINDING_WARNING, "xdp", dev->name, "cannot ask for its program: %s",
			strerror(-rc));
		return;
	}
	if (query.attach_mode == XDP_ATTACHED_NONE)
		finding(d, FINDING_OK, "xdp", dev->name, "no other XDP program");
	say_program(d, dev, query.drv_prog_id, "xdpdrv");
	say_program(d, dev, query.skb_prog_id, "xdpgeneric");
	say_program(d, dev, query.hw_prog_id, "xdpoffload");
}

static void say_tc(struct doctor *d, const struct device *dev, const char *how, bool egress,
		   uint32_t id, const char *name)
{
	char pin[INSTANCE_PIN_MAX];

	if (egress &&
	    id == egress_program(dev->name, instance_pin(d->paths, "egress_", dev->name, pin)))
		return;
	if (!is_ours(name))
		finding(d, FINDING_NOTE, "tc", dev->name,
			"runs another %s program at %s, id %u, name %s: both run, that one is left "
			"alone",
			how, egress ? "egress" : "ingress", id, name);
}

/* Kernels before 6.6 do not know the question: then there is none. */
static void check_tcx(struct doctor *d, const struct device *dev, bool egress)
{
	uint32_t ids[PROGRAMS_MAX], n = ARRAY_SIZE(ids), flags;
	char name[BPF_OBJ_NAME_LEN];

	if (bpf_prog_query(dev->ifindex, (enum bpf_attach_type)(egress ? TCX_EGRESS : TCX_INGRESS),
			   0, &flags, ids, &n))
		return;
	for (uint32_t i = 0; i < n && i < ARRAY_SIZE(ids); i++)
		say_tc(d, dev, "TCX", egress, ids[i], program_name(ids[i], name));
}

struct tc_check {
	struct doctor *doctor;
	const struct device *dev;
	bool egress;
	bool clsact; /* there is such a qdisc, or an ingress one */
};

static int take_qdisc(const struct nlmsghdr *m, void *arg)
{
	const struct tcmsg *tc = NLMSG_DATA(m);
	struct tc_check *c = arg;
	size_t len;
	const struct rtattr *first = netlink_attrs(m, sizeof(*tc), &len);
	char kind[16];

	if (m->nlmsg_type != RTM_NEWQDISC || tc->tcm_ifindex != c->dev->ifindex)
		return 0;
	netlink_text(netlink_find(first, len, TCA_KIND), kind, sizeof(kind));
	if (!strcmp(kind, "clsact") || !strcmp(kind, "ingress"))
		c->clsact = true;
	return 0;
}

static int take_filter(const struct nlmsghdr *m, void *arg)
{
	const struct tcmsg *tc = NLMSG_DATA(m);
	const struct tc_check *c = arg;
	size_t len;
	const struct rtattr *first = netlink_attrs(m, sizeof(*tc), &len), *options;
	char kind[16], name[BPF_OBJ_NAME_LEN], shown[64];
	uint32_t id;

	if (m->nlmsg_type != RTM_NEWTFILTER || tc->tcm_ifindex != c->dev->ifindex)
		return 0;
	options = netlink_find(first, len, TCA_OPTIONS);
	if (!tc->tcm_handle || !options)
		return 0; /* the head of a chain, not a filter */
	netlink_text(netlink_find(first, len, TCA_KIND), kind, sizeof(kind));
	if (strcmp(kind, "bpf") != 0) {
		finding(c->doctor, FINDING_NOTE, "tc", c->dev->name,
			"has a tc filter of kind %s at %s: it is left alone", kind,
			c->egress ? "egress" : "ingress");
		return 0;
	}
	id = netlink_u32(netlink_find_in(options, TCA_BPF_ID));
	program_name(id, name);
	netlink_text(netlink_find_in(options, TCA_BPF_NAME), shown, sizeof(shown));
	say_tc(c->doctor, c->dev, "clsact", c->egress, id,
	       is_ours(name) || !shown[0] ? name : shown);
	return 0;
}

static void check_clsact(struct doctor *d, const struct device *dev)
{
	struct tc_check c = { .doctor = d, .dev = dev };
	struct tcmsg head = { .tcm_family = AF_UNSPEC, .tcm_ifindex = dev->ifindex };
	_cleanup_netlink_ struct netlink nl = NETLINK_EMPTY;
	struct netlink_request r;

	if (netlink_open(&nl, NETLINK_ROUTE))
		return;
	netlink_begin(&r, RTM_GETQDISC, NLM_F_DUMP, &head, sizeof(head));
	netlink_ask(&nl, &r, take_qdisc, &c);
	for (int egress = 0; c.clsact && egress <= 1; egress++) {
		c.egress = egress;
		head.tcm_parent =
			TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
		netlink_begin(&r, RTM_GETTFILTER, NLM_F_DUMP, &head, sizeof(head));
		netlink_ask(&nl, &r, take_filter, &c);
	}
}

void doctor_programs(struct doctor *d, const struct device *dev)
{
	check_xdp(d, dev);
	check_tcx(d, dev, false);
	check_tcx(d, dev, true);
	check_clsact(d, dev);
}
