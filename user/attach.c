// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "allowxdp.skel.h"
#include "attach.h"
#include "attach_record.h"
#include "cleanup.h"
#include "extack.h"
#include "interfaces.h"
#include "kept_counters.h"
#include "kernel.h"

static const char *const attach_mode_names[] = {
	[ATTACH_AUTO] = "auto",
	[ATTACH_NATIVE] = "native",
	[ATTACH_GENERIC] = "generic",
};

int attach_mode_parse(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach_mode_names); i++) {
		if (!strcmp(text, attach_mode_names[i]))
			return (int)i;
	}
	return -1;
}

static int interface_ioctl(const char *interface, unsigned long request, struct ifreq *ifr)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", interface);
	return ioctl(fd, request, ifr) ? -errno : 0;
}

static const char *driver_name(const char *interface, char buf[static 32])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { .ifr_data = (void *)&info };

	snprintf(buf, 32, "%s", "unknown");
	if (!interface_ioctl(interface, SIOCETHTOOL, &ifr) && info.driver[0])
		snprintf(buf, 32, "%s", info.driver);
	return buf;
}

/* XDP reads frames from their Ethernet header; tun, ppp and wireguard devices have none. */
static bool carries_ethernet(const char *interface)
{
	struct ifreq ifr = { 0 };

	if (interface_ioctl(interface, SIOCGIFHWADDR, &ifr))
		return true; /* cannot tell */
	return ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
	       ifr.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
}

static int link_pin_open(const struct paths *paths, const char *interface)
{
	char path[INSTANCE_PIN_MAX];

	return bpf_obj_get(instance_pin(paths, "link_", interface, path));
}

static int link_info(int link, struct bpf_link_info *info)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(link, info, &size);
}

/* The program on the interface, native or generic; id 0: none. */
static int query_program(int ifindex, uint32_t *id, bool *native)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int rc = bpf_xdp_query(ifindex, 0, &query);

	if (rc)
		return rc;
	*native = query.attach_mode != XDP_ATTACHED_SKB;
	*id = query.prog_id;
	if (!*id)
		*id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
	return 0;
}

bool attach_renamed(const struct attachment *a)
{
	return a->attached && strcmp(a->interface, a->now) != 0;
}

/* An index means nothing in another namespace: only the program that it runs tells. */
static enum attach_place find_place(const struct bpf_link_info *link, bool *native)
{
	uint32_t id = 0;

	if (!link->xdp.ifindex)
		return ATTACH_GONE;
	if (!query_program((int)link->xdp.ifindex, &id, native) && id == link->prog_id)
		return ATTACH_HERE;
	return ATTACH_ELSEWHERE;
}

int attach_query(const struct paths *paths, const char *interface, struct attachment *out)
{
	_cleanup_close_ int link = link_pin_open(paths, interface);
	char pin[INSTANCE_PIN_MAX], now[IF_NAMESIZE];
	struct bpf_link_info info;

	memset(out, 0, sizeof(*out));
	snprintf(out->interface, sizeof(out->interface), "%s", interface);
	snprintf(out->now, sizeof(out->now), "%s", interface);
	if (link < 0)
		return link;
	if (link_info(link, &info))
		return -EIO;
	out->prog_id = info.prog_id;
	out->place = find_place(&info, &out->native);
	out->attached = out->place == ATTACH_HERE;
	out->another = !out->attached && if_nametoindex(interface);
	if (!out->attached)
		return 0;
	if (if_indextoname(info.xdp.ifindex, now))
		snprintf(out->now, sizeof(out->now), "%s", now);
	out->egress = egress_query(out->now, instance_pin(paths, "egress_", interface, pin));
	return 0;
}

static const char *program_name(uint32_t id, char buf[static BPF_OBJ_NAME_LEN])
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	snprintf(buf, BPF_OBJ_NAME_LEN, "unnamed");
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size) && info.name[0])
		snprintf(buf, BPF_OBJ_NAME_LEN, "%s", info.name);
	return buf;
}

static int refuse_foreign(const struct paths *paths, const char *interface, uint32_t id,
			  bool native, struct error *err)
{
	char name[BPF_OBJ_NAME_LEN], instance[INSTANCE_NAME_MAX + 1];

	if (interfaces_owner(paths, id, instance))
		return error_set(err, EBUSY,
				 "%s is guarded by another instance, %s: unload it there first: "
				 "`allowxdp --instance %s unload %s`",
				 interface, instance, instance, interface);
	return error_set(
		err, EBUSY,
		"%s already runs another XDP program, id %u, name %s: left alone; if it is not "
		"wanted, detach it with `ip link set dev %s %s off`, or unload the allowxdp "
		"instance that it belongs to",
		interface, id, program_name(id, name), interface, native ? "xdpdrv" : "xdpgeneric");
}

int attach_check(const struct paths *paths, const char *interface, bool *ours, struct error *err)
{
	_cleanup_close_ int link = link_pin_open(paths, interface);
	int ifindex = (int)if_nametoindex(interface);
	struct bpf_link_info info = { 0 };
	bool native = false;
	uint32_t id = 0;
	int rc;

	*ours = false;
	if (!ifindex)
		return error_set(err, ENODEV, "there is no interface %s: see `ip link`", interface);
	if (!carries_ethernet(interface))
		return error_set(
			err, EOPNOTSUPP,
			"%s carries no Ethernet frames (tun, ppp, wireguard...): load on the "
			"interface below it",
			interface);
	rc = query_program(ifindex, &id, &native);
	if (rc)
		return error_set(err, -rc, "cannot ask for the XDP program of %s: %s", interface,
				 strerror(-rc));
	if (link >= 0 && link_info(link, &info))
		return error_set(err, errno, "cannot read the link of %s: %s", interface,
				 strerror(errno));
	*ours = id && id == info.prog_id;
	if (id && !*ours)
		return refuse_foreign(paths, interface, id, native, err);
	/* A link whose interface was deleted has index 0; it is replaced. */
	if (!id && info.xdp.ifindex)
		return error_set(
			err, EBUSY,
			"instance %s guards a %s of another network namespace, or one that was "
			"moved there: give it up with `allowxdp unload %s`, or choose another name "
			"with --instance",
			paths->instance, interface, interface);
	return 0;
}

static int reuse_pin(struct bpf_map *map, const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);

	return fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
}

/* The instance's maps, and the interface's own counters if it was attached before. */
static int reuse_maps(const struct instance *i, struct allowxdp_bpf *skel, const char *counters,
		      bool *have_counters)
{
	int rc = 0;

	for (size_t n = 0; !rc && n < INSTANCE_MAP_COUNT; n++)
		rc = bpf_map__reuse_fd(
			bpf_object__find_map_by_name(skel->obj, instance_object_name(n)),
			i->maps[n]);
	if (rc)
		return rc;
	rc = reuse_pin(skel->maps.counters, counters);
	*have_counters = !rc;
	return rc == -ENOENT ? 0 : rc;
}

static struct allowxdp_bpf *load_program_with(const struct instance *i, const char *counters,
					      bool frags, bool carry, bool *have_counters, int *rc)
{
	struct allowxdp_bpf *skel = allowxdp_bpf__open();

	if (!skel) {
		*rc = -errno;
		return NULL;
	}
	skel->rodata->have_frags = frags;
	bpf_program__set_flags(skel->progs.allowxdp_in, frags ? BPF_F_XDP_HAS_FRAGS : 0);
	bpf_program__set_autoload(skel->progs.allowxdp_carry, carry);
	*rc = reuse_maps(i, skel, counters, have_counters);
	if (!*rc)
		*rc = allowxdp_bpf__load(skel);
	if (*rc) {
		allowxdp_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

/* With multi-buffer frames where the kernel knows them (5.18), else without. */
struct allowxdp_bpf *attach_load(const struct instance *i, const char *counters, bool carry,
				 bool *have_counters, struct error *err)
{
	struct allowxdp_bpf *skel;
	int rc;

	skel = load_program_with(i, counters, true, carry, have_counters, &rc);
	if (!skel)
		skel = load_program_with(i, counters, false, carry, have_counters, &rc);
	if (!skel)
		kernel_blame(error_set(err, -rc,
				       "the kernel refused the XDP program: %s: see why with -v",
				       strerror(-rc)),
			     err);
	return skel;
}

static int create_link(int program, int ifindex, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);

	return bpf_link_create(program, ifindex, BPF_XDP, &opts);
}

/* The kernel's own words for the refusal, in quotes, or those of its errno. */
static const char *why_refused(int program, const char *interface, int rc, bool native,
			       char buf[static 256])
{
	char said[200] = "";

	xdp_extack((int)if_nametoindex(interface), program,
		   native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE, said, sizeof(said));
	if (said[0])
		snprintf(buf, 256, "the kernel says: \"%s\"", said);
	else
		snprintf(buf, 256, "%s", strerror(-rc));
	return buf;
}

static int refuse_link(int program, const char *interface, int rc, bool native, struct error *err)
{
	char driver[32], why[256];

	why_refused(program, interface, rc, native, why);
	if (rc == -EBUSY || rc == -EEXIST)
		return error_set(err, -rc,
				 "%s, or what it is a member of, has another XDP program (%s): see "
				 "`ip -d link`",
				 interface, why);
	if (!native)
		return error_set(err, -rc, "cannot attach to %s in generic mode: %s", interface,
				 why);
	if (rc == -EOPNOTSUPP)
		return error_set(
			err, -rc,
			"%s: its driver (%s) has no native XDP (%s): use --mode auto or generic",
			interface, driver_name(interface, driver), why);
	return error_set(
		err, -rc,
		"%s: its driver (%s) refuses native XDP as it is set up now (%s): see `allowxdp "
		"doctor %s`, or use --mode generic",
		interface, driver_name(interface, driver), why, interface);
}

/* Returns a link's fd. */
static int attach_program(int program, const char *interface, enum attach_mode mode, char *note,
			  size_t note_size, struct error *err)
{
	int ifindex = (int)if_nametoindex(interface);
	char driver[32];
	int link;

	if (mode != ATTACH_GENERIC) {
		link = create_link(program, ifindex, XDP_FLAGS_DRV_MODE);
		if (link >= 0)
			return link;
		if (mode == ATTACH_NATIVE || link != -EOPNOTSUPP)
			return kernel_blame(refuse_link(program, interface, link, true, err), err);
		snprintf(note, note_size, "driver %s has no native XDP",
			 driver_name(interface, driver));
	}
	link = create_link(program, ifindex, XDP_FLAGS_SKB_MODE);
	if (link >= 0)
		return link;
	return kernel_blame(refuse_link(program, interface, link, false, err), err);
}

/* Ingress; returns 0 with the link pinned. */
static int attach_ingress(const struct instance *i, int program, const char *interface,
			  enum attach_mode mode, char *note, size_t note_size, struct error *err)
{
	_cleanup_close_ int link = attach_program(program, interface, mode, note, note_size, err);
	char pin[INSTANCE_PIN_MAX];
	int rc;

	if (link < 0)
		return link;
	instance_pin(i->paths, "link_", interface, pin);
	unlink(pin); /* of an interface that was deleted meanwhile */
	rc = bpf_obj_pin(link, pin);
	return rc ? error_set(err, -rc, "cannot pin %s: %s", pin, strerror(-rc)) : 0;
}

uint32_t program_id(int program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.id;
}

static void keep_record(const struct paths *paths, const char *interface, enum attach_mode mode,
			int program)
{
	const struct attach_record record = {
		.mode = mode,
		.ifindex = (int)if_nametoindex(interface),
		.program = program_id(program),
		.object = program_identity(),
	};

	attach_record_write(paths, interface, &record);
}

int attach(const struct instance *i, const struct policy *p, const char *interface,
	   enum attach_mode mode, char *note, size_t note_size, struct error *err)
{
	char counters[INSTANCE_PIN_MAX], egress[INSTANCE_PIN_MAX];
	struct allowxdp_bpf *skel;
	bool have_counters = false;
	struct error ignored;
	int rc = 0;

	note[0] = '\0';
	instance_pin(i->paths, "counters_", interface, counters);
	instance_pin(i->paths, "egress_", interface, egress);
	skel = attach_load(i, counters, false, &have_counters, err);
	if (!skel)
		return -EIO;
	if (!have_counters)
		counters_restore(i->paths, interface, bpf_map__fd(skel->maps.counters), p,
				 &ignored);
	if (!have_counters)
		rc = bpf_obj_pin(bpf_map__fd(skel->maps.counters), counters);
	if (rc)
		error_set(err, -rc, "cannot pin %s: %s", counters, strerror(-rc));
	/* Egress first: where the policy is in force already, flows are known before replies come.
	 */
	if (!rc)
		rc = egress_attach(bpf_program__fd(skel->progs.allowxdp_out), interface, egress,
				   err);
	if (!rc)
		rc = attach_ingress(i, bpf_program__fd(skel->progs.allowxdp_in), interface, mode,
				    note, note_size, err);
	if (!rc)
		keep_record(i->paths, interface, mode, bpf_program__fd(skel->progs.allowxdp_in));
	allowxdp_bpf__destroy(skel);
	if (!rc)
		return 0;
	egress_detach(interface, egress);
	if (!have_counters)
		unlink(counters);
	return rc;
}

int attach_again(const struct instance *i, const struct policy *p, const char *interface,
		 char *note, size_t note_size, struct error *err)
{
	struct attach_record record;
	bool ours;
	int rc = attach_check(i->paths, interface, &ours, err);

	attach_record_read(i->paths, interface, &record);
	return rc || ours ? rc : attach(i, p, interface, record.mode, note, note_size, err);
}

int attach_egress(const struct instance *i, const char *interface, struct error *err)
{
	char counters[INSTANCE_PIN_MAX], egress[INSTANCE_PIN_MAX];
	struct allowxdp_bpf *skel;
	bool have_counters;
	int rc;

	instance_pin(i->paths, "counters_", interface, counters);
	instance_pin(i->paths, "egress_", interface, egress);
	skel = attach_load(i, counters, false, &have_counters, err);
	if (!skel)
		return -EIO;
	rc = egress_attach(bpf_program__fd(skel->progs.allowxdp_out), interface, egress, err);
	allowxdp_bpf__destroy(skel);
	return rc;
}

static int take_off(const struct paths *paths, const char *interface, struct error *err)
{
	_cleanup_close_ int link = link_pin_open(paths, interface);
	char path[INSTANCE_PIN_MAX];

	if (link < 0 && link != -ENOENT) /* none: a command was killed half way */
		return error_set(err, -link, "cannot open the link of %s: %s", interface,
				 strerror(-link));
	/* The pin first: should that fail, nothing has changed. */
	if (unlink(instance_pin(paths, "link_", interface, path)) && errno != ENOENT)
		return error_set(err, errno, "cannot remove %s: %s", path, strerror(errno));
	if (link >= 0) /* at once, whoever else holds it; fails if the interface is gone */
		bpf_link_detach(link);
	egress_detach(interface, instance_pin(paths, "egress_", interface, path));
	attach_record_forget(paths, interface);
	return 0;
}

int detach(const struct paths *paths, const char *interface, struct error *err)
{
	char path[INSTANCE_PIN_MAX];
	int rc = take_off(paths, interface, err);

	if (!rc)
		unlink(instance_pin(paths, "counters_", interface, path));
	return rc;
}

/* Unpinned last: killed before, the next command can still keep them. */
int detach_keeping(const struct paths *paths, const char *interface, struct error *err)
{
	char path[INSTANCE_PIN_MAX];
	_cleanup_close_ int map = bpf_obj_get(instance_pin(paths, "counters_", interface, path));
	int rc = take_off(paths, interface, err);
	struct error why;

	if (rc)
		return rc;
	if (map >= 0 && counters_keep(paths, interface, map, &why))
		warn_line("the counters of %s begin anew when it is loaded again: %s", interface,
			  why.text);
	unlink(path);
	return 0;
}
