/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance in the kernel: its pinned maps, and the control word that says what packets see.
 *
 * Pins, all in paths->pins: the shared maps by their names (INSTANCE_MAPS); lpm4_SLOT and
 * lpm6_SLOT, the tries inside tries4 and tries6; dir4_SLOT_N and dir6_SLOT_N, pages of directories;
 * for each interface counters_IFACE, link_IFACE (ingress) and egress_IFACE. `control` is pinned
 * last and removed first: where it is missing, there is no instance, and what else lies there is
 * left over from a crash.
 */
#ifndef ALLOWXDP_INSTANCE_H
#define ALLOWXDP_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include "abi.h"
#include "paths.h"

enum { INSTANCE_PIN_MAX = PATH_MAX };

/* X(SYMBOL, name): the maps that all programs of an instance share. */
#define INSTANCE_MAPS(X)              \
	X(CONTROL, control)           \
	X(POLICIES, policies)         \
	X(TRIES4, tries4)             \
	X(TRIES6, tries6)             \
	X(DIRECTORIES4, directories4) \
	X(DIRECTORIES6, directories6) \
	X(TIMED, timed)               \
	X(FLOWS, flows)               \
	X(FLOW_PORTS, flow_ports)     \
	X(FLOW_COUNTS, flow_counts)   \
	X(ELSEWHERE, elsewhere)       \
	X(STRANGERS, strangers)       \
	X(ANSWERS, answers)           \
	X(FRAGMENTS, fragments)       \
	X(SOURCES, sources)           \
	X(HITS, hits)                 \
	X(WATCHERS, watchers)         \
	X(WATCH_RATES, watch_rates)   \
	X(WATCH_COUNTS, watch_counts) \
	X(WATCH_BUFFERS, watch_buffers)

#define INSTANCE_MAP_ENUM(symbol, name) MAP_##symbol,
enum instance_map { INSTANCE_MAPS(INSTANCE_MAP_ENUM) INSTANCE_MAP_COUNT };
#undef INSTANCE_MAP_ENUM

struct instance {
	const struct paths *paths;
	int maps[INSTANCE_MAP_COUNT];
	struct axp_control *shared;  /* `control`, mapped */
	struct axp_policy *policies; /* `policies`, mapped: AXP_SLOTS of them */
};

/* An instance that is closed: every fd is -1. */
#define INSTANCE_EMPTY                                          \
	{                                                       \
		.maps = { [0 ... INSTANCE_MAP_COUNT - 1] = -1 } \
	}
#define _cleanup_instance_ __attribute__((cleanup(instance_close)))

/* Name of a shared map: in the BPF object, and of its pin. */
const char *instance_map_name(enum instance_map map);

/* What the BPF object calls it; the kernel too. */
const char *instance_object_name(enum instance_map map);

/*
 * Opens and maps the control word alone, of whatever version: what i->shared says up to its `abi`
 * is the same in all of them.
 */
int instance_open_control(struct instance *i, const struct paths *paths, struct error *err);

/* Closes this process's side; the instance stays. */
void instance_close(struct instance *i);

/*
 * -ENOENT (err set: says how to load) when it is not loaded, -EPROTO when its maps are those of
 * another version. `paths` must outlive *i.
 */
int instance_open(struct instance *i, const struct paths *paths, struct error *err);

/* -ENOENT; err says how to load. Also where the first policy is not in force yet (generation 0). */
int instance_not_loaded(const struct paths *paths, struct error *err);

/*
 * Makes the maps, control word 0 (mode off), and pins them; what a crash left over is removed
 * first. flow_capacity: entries of map `flows`. keep: where the pins of an instance are whose maps
 * are used where they can be (instance_keep.c); may be NULL.
 */
int instance_create(struct instance *i, const struct paths *paths, uint32_t flow_capacity,
		    const struct paths *keep, struct error *err);

/*
 * Has the object (a struct bpf_object, not loaded yet) use maps of the instance that is pinned
 * there, whatever its version: those that know what packets leave behind and that look as this
 * version's do.
 */
struct bpf_object;
int instance_keep_maps(struct bpf_object *object, const struct paths *from);

/* Unpins everything. The kernel frees it once no program uses it. */
void instance_destroy(const struct paths *paths);

/* Reads and atomically sets the control word (AXP_ACTIVE). */
uint64_t instance_active(const struct instance *i);
void instance_set_active(struct instance *i, uint64_t word);

/*
 * What packets go by at this moment: instance_active(), or past an unconfirmed deadline the word to
 * fall back to.
 */
uint64_t instance_effective(const struct instance *i);

/* The same generation and slot in another mode. */
uint64_t word_with_mode(uint64_t word, uint32_t mode);

/* Nanoseconds of CLOCK_BOOTTIME, the clock of deadlines and expiries. */
uint64_t boot_time(void);

/*
 * Confirm or roll back: sets `word`, and from `deadline` on (boot_time()) what is active now,
 * unless instance_confirm() comes first. Every order in which it can be killed is safe
 * (include/abi.h).
 */
void instance_set_pending(struct instance *i, uint64_t word, uint64_t fallback, uint64_t deadline);
void instance_set_fallback_mode(struct instance *i, uint32_t mode);
bool instance_pending(const struct instance *i);
void instance_confirm(struct instance *i);
void instance_rollback(struct instance *i);

const char *mode_name(uint32_t mode);
/* -1 if there is no such mode. */
int mode_parse(const char *text);

/* Path of a pin; `interface` (may be NULL) is escaped: bpffs takes no dots. Returns buf. */
const char *instance_pin(const struct paths *paths, const char *name, const char *interface,
			 char buf[static INSTANCE_PIN_MAX]);

/* Undoes the escaping of the interface in a pin's file name; false if the name does not begin so.
 */
bool instance_pin_interface(const char *file, const char *name, char interface[static 16]);

/* Names of the interfaces that have a link pin; returns their number, at most `max`. */
size_t instance_interfaces(const struct paths *paths, char (*names)[16], size_t max);

/* Those with any pin: a command that was killed may have left one that is attached in part. */
size_t instance_traces(const struct paths *paths, char (*names)[16], size_t max);

/* Is there anything to be unpinned, if only the directory? */
bool instance_left_over(const struct paths *paths);

#endif
