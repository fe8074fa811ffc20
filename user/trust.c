// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cleanup.h"
#include "trust.h"

enum { LINKS_MAX = 40, DEPTH_MAX = 4, NAME_SHOWN = 40 };

/* A way through the file system: where it has come to, without links, and what is left of it. */
struct way {
	const char *file; /* as it was given, for messages */
	char at[PATH_MAX];
	char rest[PATH_MAX];
	int links;
};

static bool owner_trusted(const struct stat *st)
{
	return !st->st_uid || st->st_uid == geteuid();
}

/* "its group (staff) may write it", "everybody may write it"... "" if neither may. */
static const char *writers(const struct stat *st, bool sticky_ok, char buf[static 96])
{
	bool group = st->st_mode & S_IWGRP && st->st_gid, others = st->st_mode & S_IWOTH;
	const struct group *g;

	buf[0] = '\0';
	if (sticky_ok && S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX)
		return buf;
	if (others) {
		snprintf(buf, 96, "everybody");
	} else if (group) {
		g = getgrgid(st->st_gid);
		if (g)
			snprintf(buf, 96, "its group (%.*s)", NAME_SHOWN, g->gr_name);
		else
			snprintf(buf, 96, "its group (%u)", st->st_gid);
	}
	return buf;
}

static void owner_text(uid_t uid, char buf[static 96])
{
	const struct passwd *p = getpwuid(uid);

	if (p)
		snprintf(buf, 96, "its owner (%.*s)", NAME_SHOWN, p->pw_name);
	else
		snprintf(buf, 96, "its owner (%u)", uid);
}

/* `what` is the file itself, under its real path, or a directory or link on the way to it. */
static int refuse(const char *file, const char *what, bool last, const char *who, const char *how,
		  struct error *err)
{
	if (last)
		return error_set(err, EPERM, "%.400s: %s may change it: run `%s %.400s`", file, who,
				 how, what);
	return error_set(err, EPERM,
			 "%.300s: %s may change %.300s on the way to it: run `%s %.300s`", file,
			 who, what, how, what);
}

static int check(const char *file, const char *what, const struct stat *st, bool last,
		 struct error *err)
{
	bool link = S_ISLNK(st->st_mode), root = !geteuid();
	char who[96], how[64];

	if (!link && !S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
		return 0; /* nothing that is read */
	if (!owner_trusted(st)) {
		owner_text(st->st_uid, who);
		snprintf(how, sizeof(how), root ? "chown %sroot" : "chown %s%u", link ? "-h " : "",
			 geteuid());
		return refuse(file, what, last && !link, who, how, err);
	}
	if (link || !*writers(st, !last, who))
		return 0;
	snprintf(how, sizeof(how), "chmod %s%s-w", st->st_mode & S_IWGRP ? "g" : "",
		 st->st_mode & S_IWOTH ? "o" : "");
	return refuse(file, what, last, who, how, err);
}

/* Takes the first component of what is left; NULL: there is none. */
static const char *next_name(struct way *w, char name[static NAME_MAX + 1])
{
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");

	if (!n || n > NAME_MAX)
		return NULL;
	memcpy(name, w->rest + skip, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
	return name;
}

/* One step down, or up for "..". false: too long. */
static bool step(struct way *w, const char *name)
{
	size_t n = strlen(w->at);

	if (!strcmp(name, "."))
		return true;
	if (strcmp(name, "..") != 0)
		return snprintf(w->at + n, sizeof(w->at) - n, "%s%s", n > 1 ? "/" : "", name) <
		       (int)(sizeof(w->at) - n);
	*strrchr(w->at, '/') = '\0';
	if (!w->at[0])
		strcpy(w->at, "/");
	return true;
}

/* What the link says takes its place in what is left. false: it cannot be followed. */
static bool follow(struct way *w)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(w->at, target, sizeof(target) - 1);

	if (n <= 0 || ++w->links > LINKS_MAX)
		return false;
	target[n] = '\0';
	step(w, "..");
	if (target[0] == '/')
		strcpy(w->at, "/");
	if (snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= (int)sizeof(rest))
		return false;
	strcpy(w->rest, rest);
	return true;
}

static bool begin(struct way *w, const char *path)
{
	const char *parts[2] = { "", path };
	char cwd[PATH_MAX];

	*w = (struct way){ .file = path, .at = "/" };
	if (path[0] != '/') {
		if (!getcwd(cwd, sizeof(cwd)))
			return false;
		parts[0] = cwd;
	}
	return snprintf(w->rest, sizeof(w->rest), "%s/%s", parts[0], parts[1]) <
	       (int)sizeof(w->rest);
}

static int too_far(const struct way *w, struct error *err)
{
	return error_set(err, ELOOP,
			 "%.400s: its path, or symbolic links in it, lead too far: shorten it",
			 w->file);
}

static bool is_last(const struct way *w)
{
	return !w->rest[strspn(w->rest, "/")];
}

/*
 * From the root down: once a directory is known to be safe, nobody else can change what is looked
 * at below it. The last of the way may not be a directory like /tmp.
 */
static int walk(struct way *w, struct error *err)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int rc;

	if (stat("/", &st))
		return too_far(w, err);
	rc = check(w->file, "/", &st, false, err);
	while (!rc && next_name(w, name)) {
		if (!step(w, name))
			return too_far(w, err);
		if (lstat(w->at, &st))
			return 0;
		rc = check(w->file, w->at, &st, is_last(w), err);
		if (!rc && S_ISLNK(st.st_mode) && !follow(w))
			return too_far(w, err);
	}
	return rc;
}

int trust_file(const char *path, struct error *err)
{
	struct way w;

	return begin(&w, path) ? walk(&w, err) : too_far(&w, err);
}

static int check_inside(int dir, const char *path, int depth, struct error *err);

static int check_entry(int dir, const char *path, const char *name, int depth, struct error *err)
{
	_cleanup_close_ int fd = -1;
	char full[PATH_MAX];
	struct stat st;
	int rc;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    snprintf(full, sizeof(full), "%s/%s", path, name) >= (int)sizeof(full))
		return 0;
	rc = check(full, full, &st, true, err);
	if (rc || !S_ISDIR(st.st_mode) || depth >= DEPTH_MAX)
		return rc;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : check_inside(fd, full, depth + 1, err);
}

static int check_inside(int dir, const char *path, int depth, struct error *err)
{
	_cleanup_closedir_ DIR *d = fdopendir(dup(dir));
	const struct dirent *e;
	int rc = 0;

	while (d && !rc && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = check_entry(dir, path, e->d_name, depth, err);
	}
	return rc;
}

int trust_tree(const char *path, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int rc = trust_file(path, err);

	if (rc)
		return rc;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? 0 : check_inside(fd, path, 1, err);
}
