// SPDX-License-Identifier: GPL-2.0-or-later
/* What becomes of the exporter's child when its parent lets go of it. */
#include <signal.h>
#include <sys/socket.h>
#include "exporter.h"
#include "unit.h"

static struct exporter start(void (*child)(int fd))
{
	struct exporter e = { .fd = -1 };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	e.child = fork();
	assert_true(e.child >= 0);
	if (!e.child) {
		close(ends[0]);
		child(ends[1]);
	}
	close(ends[1]);
	e.fd = ends[0];
	return e;
}

static void well_behaved(int fd)
{
	char byte;

	_exit(read(fd, &byte, 1) == 0 ? 3 : 4);
}

static void stuck(int fd)
{
	(void)fd;
	for (;;)
		pause();
}

static void killed(int fd)
{
	(void)fd;
	raise(SIGKILL);
	_exit(0);
}

static void ends_with(void (*child)(int fd), int rc, const char *text)
{
	struct exporter e = start(child);
	struct error err = { "" };

	assert_int_equal(exporter_end(&e, &err), rc);
	assert_string_equal(err.text, text);
	assert_int_equal(e.fd, -1);
	assert_int_equal(kill(e.child, 0), -1); /* gone, and reaped */
}

static void test_end(void **state)
{
	(void)state;
	ends_with(well_behaved, -ECHILD, "the HTTP process ended with status 3");
	ends_with(killed, -ECHILD, "the HTTP process was ended by signal 9 (Killed)");
	ends_with(stuck, -ETIMEDOUT, "the HTTP process did not take what it asked for");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
