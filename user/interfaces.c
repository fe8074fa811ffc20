// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "attach_record.h"
#include "cleanup.h"
#include "interfaces.h"
#include "policy.h"

bool interface_is_back(const struct attachment *a)
{
	return a->place == ATTACH_GONE && a->another;
}

const char *interface_state(const struct attachment *a, char buf[static INTERFACE_STATE_MAX])
{
	buf[0] = '\0';
	if (attach_renamed(a))
		snprintf(buf, INTERFACE_STATE_MAX, "is called %s now, and guarded as before",
			 a->now);
	else if (interface_is_back(a))
		snprintf(buf, INTERFACE_STATE_MAX,
			 "is NOT GUARDED: it was made anew, or the program taken off: run "
			 "`allowxdp load %s`",
			 a->interface);
	else if (a->place == ATTACH_GONE)
		snprintf(buf, INTERFACE_STATE_MAX,
			 "is gone: it was deleted: once it is back, run `allowxdp load %s`; if it "
			 "never is, `allowxdp unload %s`",
			 a->interface, a->interface);
	else if (a->place == ATTACH_ELSEWHERE)
		snprintf(buf, INTERFACE_STATE_MAX,
			 "was moved to another network namespace, where it is guarded as before%s",
			 a->another ? "; what is called so here is NOT GUARDED" : "");
	return buf;
}

static void rename_pin(const struct paths *paths, const char *kind, const char *from,
		       const char *to)
{
	char old[INSTANCE_PIN_MAX], new[INSTANCE_PIN_MAX];

	rename(instance_pin(paths, kind, from, old), instance_pin(paths, kind, to, new));
}

/* The link last: as long as it has the old name, all this is done again. */
static void rename_all(const struct paths *paths, const char *from, const char *to)
{
	rename_pin(paths, "counters_", from, to);
	rename_pin(paths, "egress_", from, to);
	attach_record_rename(paths, from, to);
	rename_pin(paths, "link_", from, to);
}

static bool is_free(const struct paths *paths, const char *interface)
{
	char pin[INSTANCE_PIN_MAX];

	return access(instance_pin(paths, "link_", interface, pin), F_OK) != 0;
}

/* Under a name that no interface can have. */
static void put_aside(const struct paths *paths, const char *interface)
{
	char name[16];

	for (int n = 0; n < POLICY_MAX_INTERFACES; n++) {
		snprintf(name, sizeof(name), "%d:", n);
		if (!is_free(paths, name))
			continue;
		rename_all(paths, interface, name);
		return;
	}
}

/* The name is wanted for another: its holder was renamed too, or is gone. */
static void make_way(const struct paths *paths, const char *interface)
{
	struct attachment holder;
	struct error ignored;

	if (attach_query(paths, interface, &holder))
		return;
	if (attach_renamed(&holder))
		put_aside(paths, interface);
	else if (holder.place == ATTACH_GONE)
		detach(paths, interface, &ignored);
}

/* Returns whether there is one whose new name was not free. */
static bool follow_names(const struct paths *paths)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(paths, names, ARRAY_SIZE(names));
	bool waits = false;

	for (size_t i = 0; i < n; i++) {
		struct attachment a;

		if (attach_query(paths, names[i], &a) || !attach_renamed(&a))
			continue;
		if (is_free(paths, a.now)) {
			rename_all(paths, a.interface, a.now);
			continue;
		}
		make_way(paths, a.now);
		waits = true;
	}
	return waits;
}

void interfaces_follow_names(const struct paths *paths)
{
	for (int n = 0; n < POLICY_MAX_INTERFACES && follow_names(paths); n++)
		;
}

void interfaces_warn(const struct paths *paths)
{
	char names[POLICY_MAX_INTERFACES][16], state[INTERFACE_STATE_MAX];
	size_t n = instance_interfaces(paths, names, ARRAY_SIZE(names));
	struct attachment a;

	for (size_t i = 0; i < n; i++) {
		if (!attach_query(paths, names[i], &a) && !a.attached)
			warn_line("%s %s", names[i], interface_state(&a, state));
	}
}

static bool owns(const struct paths *paths, uint32_t program)
{
	char names[POLICY_MAX_INTERFACES][16];
	size_t n = instance_interfaces(paths, names, ARRAY_SIZE(names));
	struct attachment a;

	for (size_t i = 0; i < n; i++) {
		if (!attach_query(paths, names[i], &a) && a.prog_id == program)
			return true;
	}
	return false;
}

bool interfaces_owner(const struct paths *paths, uint32_t program,
		      char instance[static INSTANCE_NAME_MAX + 1])
{
	_cleanup_closedir_ DIR *dir = opendir(paths->bpffs);
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		struct paths other = *paths;
		struct error ignored;

		if (d->d_type != DT_DIR || paths_init(&other, d->d_name, &ignored) ||
		    !owns(&other, program))
			continue;
		strcpy(instance, other.instance);
		return true;
	}
	return false;
}
