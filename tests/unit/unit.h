/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the unit tests share: cmocka, a scratch directory, a reproducible source of random numbers.
 */
#ifndef ALLOWXDP_UNIT_H
#define ALLOWXDP_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "cleanup.h"

struct scratch {
	char dir[64];
};

static inline int scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	strcpy(s->dir, "/tmp/allowxdp-unit-XXXXXX");
	*state = s;
	return mkdtemp(s->dir) ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
				     struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int scratch_teardown(void **state)
{
	struct scratch *s = *state;
	int ret = nftw(s->dir, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(s);
	return ret;
}

/* A path in the scratch directory; static storage is enough for two of them in one expression. */
static inline const char *scratch_path(const struct scratch *s, const char *name)
{
	static char paths[2][256];
	static unsigned int next;
	char *path = paths[next++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", s->dir, name);
	return path;
}

static inline void scratch_write_bytes(const struct scratch *s, const char *name, const void *data,
				       size_t n)
{
	FILE *f = fopen(scratch_path(s, name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static inline void scratch_write(const struct scratch *s, const char *name, const char *text)
{
	scratch_write_bytes(s, name, text, strlen(text));
}

/* The same numbers at every run (splitmix64), so that a failure can be repeated. */
static inline uint64_t unit_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
