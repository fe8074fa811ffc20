// SPDX-License-Identifier: GPL-2.0-or-later
/* Who may change a file: owners, modes, directories above it, links on the way. */
#include <limits.h>
#include "error.h"
#include "trust.h"
#include "unit.h"

enum { STRANGER = 4242 };

static void assert_refused(const char *path, const char *expected)
{
	struct error err = { "" };

	assert_int_equal(trust_file(path, &err), -EPERM);
	assert_string_equal(err.text, expected);
}

static void assert_trusted(const char *path)
{
	struct error err = { "" };

	if (trust_file(path, &err))
		fail_msg("%s", err.text);
}

/* "DIR" becomes the scratch directory. */
static void refused(const struct scratch *s, const char *name, const char *pattern)
{
	char expected[1024] = "", *to = expected;

	for (const char *c = pattern; *c; c++) {
		if (!strncmp(c, "DIR", 3)) {
			to = stpcpy(to, s->dir);
			c += 2;
		} else {
			*to++ = *c;
			*to = '\0';
		}
	}
	assert_refused(scratch_path(s, name), expected);
}

static void tree(const struct scratch *s)
{
	assert_int_equal(mkdir(scratch_path(s, "a"), 0755), 0);
	assert_int_equal(mkdir(scratch_path(s, "a/b"), 0755), 0);
	scratch_write(s, "a/b/file", "x");
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0644), 0);
	assert_trusted(scratch_path(s, "a/b/file"));
}

static void owners(void **state)
{
	const struct scratch *s = *state;

	if (geteuid())
		skip();
	tree(s);
	assert_int_equal(chown(scratch_path(s, "a/b/file"), STRANGER, 0), 0);
	refused(s, "a/b/file",
		"DIR/a/b/file: its owner (4242) may change it: run `chown root DIR/a/b/file`");
	assert_int_equal(chown(scratch_path(s, "a/b/file"), 0, STRANGER), 0);
	assert_trusted(scratch_path(s, "a/b/file"));
	assert_int_equal(chown(scratch_path(s, "a"), STRANGER, 0), 0);
	refused(s, "a/b/file",
		"DIR/a/b/file: its owner (4242) may change DIR/a on the way to it: run `chown root "
		"DIR/a`");
}

static void modes(void **state)
{
	const struct scratch *s = *state;

	if (geteuid())
		skip();
	tree(s);
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0666), 0);
	refused(s, "a/b/file",
		"DIR/a/b/file: everybody may change it: run `chmod go-w DIR/a/b/file`");
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0602), 0);
	refused(s, "a/b/file",
		"DIR/a/b/file: everybody may change it: run `chmod o-w DIR/a/b/file`");
	/* root's group is root */
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0664), 0);
	assert_trusted(scratch_path(s, "a/b/file"));
	assert_int_equal(chown(scratch_path(s, "a/b/file"), 0, STRANGER), 0);
	refused(s, "a/b/file",
		"DIR/a/b/file: its group (4242) may change it: run `chmod g-w DIR/a/b/file`");
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0644), 0);
	assert_int_equal(chmod(scratch_path(s, "a"), 0757), 0);
	refused(s, "a/b/file",
		"DIR/a/b/file: everybody may change DIR/a on the way to it: run `chmod o-w DIR/a`");
	/* as /tmp is, where what is ours stays */
	assert_int_equal(chmod(scratch_path(s, "a"), 01777), 0);
	assert_trusted(scratch_path(s, "a/b/file"));
}

static void links(void **state)
{
	const struct scratch *s = *state;

	if (geteuid())
		skip();
	tree(s);
	assert_int_equal(symlink("a/../a/./b//file", scratch_path(s, "link")), 0);
	assert_int_equal(symlink(s->dir, scratch_path(s, "round")), 0);
	assert_trusted(scratch_path(s, "link"));
	assert_trusted(scratch_path(s, "round/round/link"));
	/* what it leads to counts */
	assert_int_equal(chmod(scratch_path(s, "a/b"), 0777), 0);
	refused(s, "round/link",
		"DIR/round/link: everybody may change DIR/a/b on the way to it: run `chmod go-w "
		"DIR/a/b`");
	assert_int_equal(chmod(scratch_path(s, "a/b"), 0755), 0);
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0646), 0);
	refused(s, "link", "DIR/link: everybody may change it: run `chmod o-w DIR/a/b/file`");
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0644), 0);
	/* and so does whose it is */
	assert_int_equal(lchown(scratch_path(s, "link"), STRANGER, 0), 0);
	refused(s, "link",
		"DIR/link: its owner (4242) may change DIR/link on the way to it: run `chown -h "
		"root DIR/link`");
	/* one that leads nowhere is refused by who opens it */
	assert_int_equal(symlink("loop", scratch_path(s, "loop")), 0);
	assert_int_equal(symlink("nowhere", scratch_path(s, "dangling")), 0);
	assert_int_equal(trust_file(scratch_path(s, "loop"), &(struct error){ "" }), -ELOOP);
	assert_trusted(scratch_path(s, "dangling"));
	assert_trusted(scratch_path(s, "a/b/file/more"));
	assert_trusted("/dev/null");
	assert_trusted("/");
}

static void relative_paths(void **state)
{
	const struct scratch *s = *state;
	char *before = getcwd(NULL, 0);

	assert_non_null(before);
	tree(s);
	assert_int_equal(chdir(scratch_path(s, "a")), 0);
	assert_int_equal(chmod("b", 0777), 0);
	assert_int_equal(trust_file("b/file", &(struct error){ "" }), -EPERM);
	assert_int_equal(trust_file("./b/../b/file", &(struct error){ "" }), -EPERM);
	assert_trusted("../a");
	assert_int_equal(chdir(before), 0);
	free(before);
}

/* What cannot be looked at to its end is not trusted, even where the kernel could open it. */
static void long_ways(void **state)
{
	const struct scratch *s = *state;
	char path[PATH_MAX + 64], name[101];
	struct error err = { "" };

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	strcpy(path, s->dir);
	while (strlen(path) + sizeof(name) < PATH_MAX) {
		strcat(strcat(path, "/"), name);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_trusted(path);
	assert_int_equal(symlink(path, scratch_path(s, "short")), 0);
	snprintf(path, sizeof(path), "%s/%s/x", scratch_path(s, "short"), name);
	assert_int_equal(trust_file(path, &err), -ELOOP);
	memset(path, '/', sizeof(path));
	strcpy(path + sizeof(path) - 2, "x");
	assert_int_equal(trust_file(path, &err), -ELOOP);
}

static void trees(void **state)
{
	const struct scratch *s = *state;
	struct error err = { "" };
	char expected[256];

	tree(s);
	assert_int_equal(trust_tree(scratch_path(s, "a"), &err), 0);
	assert_int_equal(trust_tree(scratch_path(s, "nothing"), &err), 0);
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0666), 0);
	snprintf(expected, sizeof(expected),
		 "%s/a/b/file: everybody may change it: run `chmod go-w %s/a/b/file`", s->dir,
		 s->dir);
	assert_int_equal(trust_tree(scratch_path(s, "a"), &err), -EPERM);
	assert_string_equal(err.text, expected);
	assert_int_equal(chmod(scratch_path(s, "a/b/file"), 0600), 0);
	/* here a directory like /tmp is not enough */
	assert_int_equal(chmod(scratch_path(s, "a/b"), 01777), 0);
	assert_int_equal(trust_tree(scratch_path(s, "a"), &err), -EPERM);
	assert_int_equal(chmod(scratch_path(s, "a/b"), 0755), 0);
	assert_int_equal(chmod(scratch_path(s, "a"), 01777), 0);
	assert_int_equal(trust_tree(scratch_path(s, "a"), &err), -EPERM);
	assert_int_equal(chmod(scratch_path(s, "a"), 0755), 0);
	assert_int_equal(trust_tree(scratch_path(s, "a"), &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owners, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(modes, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(links, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(relative_paths, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(long_ways, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(trees, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
