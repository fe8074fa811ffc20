/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For programs of one file that run until a signal stops them: signal(SIGTERM, stop). */
#ifndef ALLOWXDP_TEST_STOPPED_H
#define ALLOWXDP_TEST_STOPPED_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

#endif
