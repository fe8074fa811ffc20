// SPDX-License-Identifier: GPL-2.0-or-later
#include <cap-ng.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "cleanup.h"
#include "drop.h"
#include "privileges.h"

int account_find(const char *name, struct account *out, struct error *err)
{
	const struct passwd *p = getpwnam(name);

	if (!p)
		return error_set(err, ENOENT,
				 "there is no user '%.64s': name another one with --user", name);
	if (!p->pw_uid || !p->pw_gid)
		return error_set(err, EINVAL, "--user %.64s is root: name an unprivileged one",
				 name);
	*out = (struct account){ p->pw_uid, p->pw_gid };
	return 0;
}

/* All that this version of Landlock knows to deny; headers may be older than the kernel. */
static __u64 known_accesses(long version)
{
	static const unsigned int bits[] = { 0, 13, 14, 15, 15, 16 };
	size_t last = ARRAY_SIZE(bits) - 1;

	return (1ULL << bits[(size_t)version > last ? last : (size_t)version]) - 1;
}

/* Not every kernel has it: false. */
static bool deny_files(bool reads)
{
	struct landlock_ruleset_attr attr = { 0 };
	_cleanup_close_ int rules = -1;
	long version;

	version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version <= 0)
		return false;
	attr.handled_access_fs = known_accesses(version);
	if (reads)
		attr.handled_access_fs &=
			~(__u64)(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	return rules >= 0 && !syscall(SYS_landlock_restrict_self, rules, 0);
}

/* Of those that it has: what is missing shows where it is used. */
static int select_capabilities(const unsigned int *capabilities, size_t n)
{
	int rc = 0;

	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; !rc && i < n; i++) {
		if (privileges_have(capabilities[i]))
			rc = capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
					  capabilities[i]);
	}
	return rc;
}

static int become(const struct account *a, const unsigned int *capabilities, size_t n,
		  struct error *err)
{
	int rc = select_capabilities(capabilities, n);

	if (!rc)
		rc = capng_change_id((int)a->uid, (int)a->gid,
				     CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (rc)
		return error_set(err, EPERM, "cannot give up root (libcap-ng says %d)", rc);
	if (getuid() != a->uid || geteuid() != a->uid || !setuid(0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_set(err, EPERM, "root was not given up");
	return 0;
}

/* A service that was given CAP_BPF and the like alone cannot become another user. */
static bool may_become(void)
{
	return privileges_have(CAP_SETUID) && privileges_have(CAP_SETGID);
}

int keep_capabilities(const unsigned int *capabilities, size_t n, struct error *err)
{
	bool bounding = privileges_have(CAP_SETPCAP);
	int rc = select_capabilities(capabilities, n);

	if (!rc)
		rc = capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
	if (rc || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_set(err, EPERM, "cannot give up capabilities (libcap-ng says %d)", rc);
	return 0;
}

/* The files of the user that it stays are closed to it all the same. */
static int stay(const unsigned int *capabilities, size_t n, bool reads, struct error *err)
{
	int rc = keep_capabilities(capabilities, n, err);

	if (rc || deny_files(reads))
		return rc;
	return error_set(err, EPERM,
			 "what faces the network must not be able to write this user's files: give "
			 "this process CAP_SETUID and CAP_SETGID, or use a kernel with Landlock");
}

int drop_root(const struct account *a, const unsigned int *capabilities, size_t n, bool reads,
	      struct error *err)
{
	int rc;

	if (!may_become())
		return stay(capabilities, n, reads, err);
	rc = become(a, capabilities, n, err);
	if (!rc)
		deny_files(reads); /* else the missing capabilities have to do */
	return rc;
}

int drop_root_only(const struct account *a, struct error *err)
{
	if (!may_become())
		return error_set(err, EPERM,
				 "a command must not run as the user who may write the lists: give "
				 "this process CAP_SETUID and CAP_SETGID");
	return become(a, NULL, 0, err);
}
