// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "allowxdp.skel.h"
#include "attach_record.h"
#include "cleanup.h"
#include "writefile.h"

static const char *record_path(const struct paths *paths, const char *interface,
			       char buf[static PATH_MAX])
{
	snprintf(buf, PATH_MAX, "%s/attached-%s", paths->run, interface);
	return buf;
}

/* FNV-1a: told apart are builds, not forgers. */
uint64_t program_identity(void)
{
	uint64_t hash = 0xcbf29ce484222325;
	size_t n;
	const unsigned char *bytes = allowxdp_bpf__elf_bytes(&n);

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

void attach_record_write(const struct paths *paths, const char *interface,
			 const struct attach_record *r)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	char path[PATH_MAX];
	struct error ignored;

	if (new_file_open(&file, record_path(paths, interface, path), &ignored))
		return;
	fprintf(file.f, "mode %d ifindex %d program %" PRIu32 " object %" PRIx64 "\n", (int)r->mode,
		r->ifindex, r->program, r->object);
	new_file_publish(&file, &ignored);
}

bool attach_record_read(const struct paths *paths, const char *interface, struct attach_record *r)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int mode;

	memset(r, 0, sizeof(*r));
	f = fopen(record_path(paths, interface, path), "re");
	if (!f || fscanf(f, "mode %d ifindex %d program %" SCNu32 " object %" SCNx64, &mode,
			 &r->ifindex, &r->program, &r->object) != 4) {
		memset(r, 0, sizeof(*r));
		return false;
	}
	if (mode == ATTACH_NATIVE || mode == ATTACH_GENERIC)
		r->mode = (enum attach_mode)mode;
	return true;
}

void attach_record_rename(const struct paths *paths, const char *from, const char *to)
{
	char old[PATH_MAX], new[PATH_MAX];

	rename(record_path(paths, from, old), record_path(paths, to, new));
}

void attach_record_forget(const struct paths *paths, const char *interface)
{
	char path[PATH_MAX];

	unlink(record_path(paths, interface, path));
}
