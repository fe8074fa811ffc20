// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "snapshot.h"
#include "writefile.h"

#define SNAPSHOT_MAGIC  "allowxdp policy"
#define SNAPSHOT_PREFIX "policy-"

/*
 * Sections follow in this order, each padded to eight bytes. Only the build that wrote a file reads
 * it: the sizes of its records say so.
 */
struct header {
	char magic[16];
	uint32_t version;
	uint32_t service_size, list_size, source_size, entry_size, settings_size;
	uint64_t generation;
	uint64_t n_services, n_lists, n_sources, n_interfaces, n_entries, n_strings;
	struct settings settings;
	uint32_t config;
	uint32_t expire;
};

enum { SNAPSHOT_VERSION = 4 };

static void snapshot_path(const struct paths *paths, uint64_t generation, char *out, size_t n)
{
	snprintf(out, n, "%s/" SNAPSHOT_PREFIX "%" PRIu64, paths->run, generation);
}

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static void write_section(FILE *f, const void *data, size_t n)
{
	static const char zeros[8];

	if (n)
		fwrite(data, 1, n, f);
	fwrite(zeros, 1, padded(n) - n, f);
}

int snapshot_write(const struct paths *paths, uint64_t generation, const struct policy *p,
		   struct error *err)
{
	struct new_file file _cleanup_new_file_ = { 0 };
	struct header h = {
		.magic = SNAPSHOT_MAGIC,
		.version = SNAPSHOT_VERSION,
		.service_size = sizeof(struct service),
		.list_size = sizeof(struct list),
		.source_size = sizeof(struct news_source),
		.entry_size = sizeof(struct entry),
		.settings_size = sizeof(struct settings),
		.generation = generation,
		.n_services = p->n_services,
		.n_lists = p->n_lists,
		.n_sources = p->n_sources,
		.n_interfaces = p->n_interfaces,
		.n_entries = p->base.n,
		.n_strings = p->strings.n,
		.settings = p->settings,
		.config = p->config,
		.expire = p->base.expire,
	};
	char path[PATH_MAX];
	int rc;

	snapshot_path(paths, generation, path, sizeof(path));
	rc = new_file_open(&file, path, err);
	if (rc)
		return rc;
	write_section(file.f, &h, sizeof(h));
	write_section(file.f, p->services, p->n_services * sizeof(*p->services));
	write_section(file.f, p->lists, p->n_lists * sizeof(*p->lists));
	write_section(file.f, p->sources, p->n_sources * sizeof(*p->sources));
	write_section(file.f, p->interfaces, p->n_interfaces * sizeof(*p->interfaces));
	write_section(file.f, p->base.v, p->base.n * sizeof(*p->base.v));
	write_section(file.f, p->strings.blob, p->strings.n);
	return new_file_publish(&file, err);
}

/* The next section of the mapping, or NULL (for one of no bytes too). */
static void *section(const struct policy *p, size_t *offset, size_t count, size_t size)
{
	size_t start = *offset;

	if (count > p->mapping_size / (size ? size : 1))
		count = p->mapping_size; /* makes the sum of all sections too large: refused */
	*offset += padded(count * size);
	return count ? (char *)p->mapping + start : NULL;
}

static int snapshot_use(struct policy *p, uint64_t generation)
{
	const struct header *h = p->mapping;
	size_t offset = padded(sizeof(*h));

	if (p->mapping_size < sizeof(*h) || memcmp(h->magic, SNAPSHOT_MAGIC, sizeof(h->magic)) ||
	    h->version != SNAPSHOT_VERSION || h->service_size != sizeof(struct service) ||
	    h->list_size != sizeof(struct list) || h->source_size != sizeof(struct news_source) ||
	    h->entry_size != sizeof(struct entry) || h->settings_size != sizeof(struct settings) ||
	    h->generation != generation)
		return -EINVAL;
	p->n_services = h->n_services;
	p->n_lists = h->n_lists;
	p->n_sources = h->n_sources;
	p->n_interfaces = h->n_interfaces;
	p->base.n = h->n_entries;
	p->strings.n = h->n_strings;
	p->settings = h->settings;
	p->config = h->config;
	p->base.expire = h->expire;
	p->services = section(p, &offset, p->n_services, sizeof(*p->services));
	p->lists = section(p, &offset, p->n_lists, sizeof(*p->lists));
	p->sources = section(p, &offset, p->n_sources, sizeof(*p->sources));
	p->interfaces = section(p, &offset, p->n_interfaces, sizeof(*p->interfaces));
	p->base.v = section(p, &offset, p->base.n, sizeof(*p->base.v));
	p->strings.blob = section(p, &offset, p->strings.n, 1);
	p->now = (uint32_t)time(NULL);
	return offset == p->mapping_size ? 0 : -EINVAL;
}

int snapshot_read(const struct paths *paths, uint64_t generation, struct policy *p,
		  struct error *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	snapshot_path(paths, generation, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st))
		return error_set(err, errno, "cannot read the running policy in %s: %s: reload it",
				 path, strerror(errno));
	p->mapping = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p->mapping == MAP_FAILED) {
		p->mapping = NULL;
		return error_set(err, errno, "cannot map %s: %s", path, strerror(errno));
	}
	p->mapped = true;
	p->mapping_size = (size_t)st.st_size;
	if (!snapshot_use(p, generation))
		return 0;
	policy_free(p);
	return error_set(err, EINVAL,
			 "the running policy in %s was not written by this version: reload it",
			 path);
}

uint64_t snapshot_time(const struct paths *paths, uint64_t generation)
{
	char path[PATH_MAX];
	struct stat st;

	snapshot_path(paths, generation, path, sizeof(path));
	return stat(path, &st) ? 0 : (uint64_t)st.st_mtime;
}

uint64_t snapshot_identity(const struct paths *paths, uint64_t generation)
{
	char path[PATH_MAX];
	struct stat st;

	snapshot_path(paths, generation, path, sizeof(path));
	if (stat(path, &st))
		return 0;
	return ((uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec) ^
	       (uint64_t)st.st_ino << 40;
}

void snapshot_prune(const struct paths *paths, uint64_t keep, uint64_t and_keep)
{
	_cleanup_closedir_ DIR *dir = opendir(paths->run);
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		uint64_t generation;

		if (strncmp(d->d_name, SNAPSHOT_PREFIX, strlen(SNAPSHOT_PREFIX)))
			continue;
		generation = strtoull(d->d_name + strlen(SNAPSHOT_PREFIX), NULL, 10);
		if (!generation || (generation != keep && generation != and_keep))
			unlinkat(dirfd(dir), d->d_name, 0);
	}
}
