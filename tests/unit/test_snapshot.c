// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <time.h>
#include "unit.h"
#include "snapshot.h"

enum { GENERATION = 7 };

/* What the header begins with, in bytes: magic, version, sizes, generation, numbers. */
enum { AT_MAGIC = 0, AT_VERSION = 16, AT_SIZES = 20, AT_GENERATION = 40, AT_NUMBERS = 48 };

static struct paths paths_of(const struct scratch *s)
{
	struct paths paths = { 0 };

	snprintf(paths.run, sizeof(paths.run), "%s", s->dir);
	return paths;
}

static const char *file_of(const struct scratch *s, uint64_t generation)
{
	char name[40];

	snprintf(name, sizeof(name), "policy-%llu", (unsigned long long)generation);
	return scratch_path(s, name);
}

static void push(struct policy *p, struct entries *e, const char *text, uint16_t list,
		 uint32_t until, const char *label)
{
	struct entry entry = { .list = list, .until = until, .line = (uint32_t)e->n + 1 };
	struct error err = { "" };

	if (prefix_parse(text, strlen(text), &entry.prefix, &err))
		fail_msg("%s", err.text);
	assert_int_equal(policy_intern(p, label, strlen(label), &entry.label), 0);
	assert_int_equal(policy_intern(p, "lists/office.list", 17, &entry.source), 0);
	assert_int_equal(entries_push(e, &entry), 0);
}

static struct policy sample(void)
{
	struct policy p = { 0 };

	p.services = calloc(2, sizeof(*p.services));
	p.lists = calloc(3, sizeof(*p.lists));
	p.interfaces = calloc(3, sizeof(*p.interfaces));
	assert_non_null(p.services);
	assert_non_null(p.lists);
	assert_non_null(p.interfaces);
	p.n_services = 2;
	p.n_lists = 3;
	p.n_interfaces = 3;
	strcpy(p.services[0].name, "https");
	p.services[0].allow[3] = 1ULL << 63;
	p.services[0].ports[63] = (struct port_range){ 443, 444, AXP_TCP, 0 };
	p.services[0].n_ports = 64;
	strcpy(p.services[1].name, "sip");
	p.services[1].slot = 63;
	p.services[1].replies = 1;
	p.services[1].direction = AXP_OUT;
	strcpy(p.lists[2].name, "office");
	strcpy(p.interfaces[0], "eth0");
	strcpy(p.interfaces[2], "fifteen-bytes-x");
	p.settings = policy_defaults();
	p.settings.mode = AXP_MODE_MONITOR;
	p.settings.fragments_drop = 1;
	p.settings.idle_udp = 77;
	p.now = 5;
	push(&p, &p.base, "10.0.0.0/8", 2, 0, "Zürich");
	push(&p, &p.base, "192.0.2.1", 1, 1795244400, "");
	push(&p, &p.base, "2001:db8::/32", 0, UINT32_MAX, "a label");
	push(&p, &p.added, "11.0.0.0/8", 2, 0, "kept elsewhere");
	assert_int_equal(policy_intern(&p, "/etc/allowxdp/allowxdp.yaml", 27, &p.config), 0);
	return p;
}

static void write_sample(const struct scratch *s, uint64_t generation)
{
	_cleanup_policy_ struct policy p = sample();
	struct paths paths = paths_of(s);
	struct error err = { "" };

	if (snapshot_write(&paths, generation, &p, &err))
		fail_msg("%s", err.text);
}

static int read_back(const struct scratch *s, uint64_t generation, struct policy *p,
		     struct error *err)
{
	struct paths paths = paths_of(s);

	return snapshot_read(&paths, generation, p, err);
}

static void assert_same_entries(const struct policy *a, const struct policy *b)
{
	assert_int_equal(a->base.n, b->base.n);
	for (size_t i = 0; i < a->base.n; i++) {
		const struct entry *x = &a->base.v[i], *y = &b->base.v[i];

		assert_memory_equal(x, y, sizeof(*x));
		assert_string_equal(policy_string(a, x->label), policy_string(b, y->label));
		assert_string_equal(policy_string(a, x->source), policy_string(b, y->source));
	}
}

static void what_is_written_is_read(void **state)
{
	_cleanup_policy_ struct policy wrote = sample(), p = { 0 };
	uint32_t before = (uint32_t)time(NULL);
	struct error err = { "" };

	write_sample(*state, GENERATION);
	if (read_back(*state, GENERATION, &p, &err))
		fail_msg("%s", err.text);
	assert_true(p.mapped);
	assert_int_equal(p.n_services, wrote.n_services);
	assert_memory_equal(p.services, wrote.services, 2 * sizeof(*p.services));
	assert_int_equal(p.n_lists, wrote.n_lists);
	assert_memory_equal(p.lists, wrote.lists, 3 * sizeof(*p.lists));
	assert_int_equal(p.n_interfaces, wrote.n_interfaces);
	assert_memory_equal(p.interfaces, wrote.interfaces, 3 * sizeof(*p.interfaces));
	assert_memory_equal(&p.settings, &wrote.settings, sizeof(p.settings));
	assert_same_entries(&p, &wrote);
	assert_string_equal(policy_string(&p, p.config), "/etc/allowxdp/allowxdp.yaml");
	assert_int_equal(p.added.n, 0);                       /* the state directory has them */
	assert_in_range(p.now, before, (uint32_t)time(NULL)); /* of reading, not of writing */
}

static void empty_policy(void **state)
{
	_cleanup_policy_ struct policy none = { 0 }, p = { 0 };
	struct paths paths = paths_of(*state);
	struct error err = { "" };

	assert_int_equal(snapshot_write(&paths, GENERATION, &none, &err), 0);
	if (read_back(*state, GENERATION, &p, &err))
		fail_msg("%s", err.text);
	assert_int_equal(p.n_services + p.n_lists + p.n_interfaces + p.base.n + p.strings.n, 0);
	assert_null(p.services);
	assert_string_equal(policy_string(&p, p.config), "");
}

/* Strings go to the heap before they grow; the mapping stays as it is. */
static void read_policy_can_be_added_to(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };

	write_sample(*state, GENERATION);
	assert_int_equal(read_back(*state, GENERATION, &p, &err), 0);
	push(&p, &p.added, "12.0.0.0/8", 0, 0, "new");
	assert_string_equal(policy_string(&p, p.added.v[0].label), "new");
	assert_string_equal(policy_string(&p, p.base.v[0].label), "Zürich");
	assert_string_equal(policy_string(&p, p.config), "/etc/allowxdp/allowxdp.yaml");
}

static void newer_snapshot_replaces_the_file(void **state)
{
	_cleanup_policy_ struct policy p = { 0 }, second = sample();
	struct paths paths = paths_of(*state);
	struct error err = { "" };
	struct stat st;

	write_sample(*state, GENERATION);
	second.settings.idle_udp = 99;
	assert_int_equal(snapshot_write(&paths, GENERATION, &second, &err), 0);
	assert_int_equal(read_back(*state, GENERATION, &p, &err), 0);
	assert_int_equal(p.settings.idle_udp, 99);
	assert_int_equal(stat(file_of(*state, GENERATION), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void missing_snapshot(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };

	write_sample(*state, GENERATION);
	assert_int_equal(read_back(*state, GENERATION + 1, &p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "policy-8"));
	assert_null(p.mapping);
}

/* Refused, and nothing is left mapped. */
static void assert_refused(const struct scratch *s, const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };

	assert_true(read_back(s, GENERATION, &p, &err) < 0);
	assert_non_null(strstr(err.text, why));
	assert_non_null(strstr(err.text, "policy-7"));
	assert_null(p.mapping);
	assert_false(p.mapped);
	assert_int_equal(p.n_services + p.base.n, 0);
}

#define FOREIGN "was not written by this version: reload it"

static char *sample_bytes(const struct scratch *s, size_t *n)
{
	FILE *f;
	char *bytes;

	write_sample(s, GENERATION);
	f = fopen(file_of(s, GENERATION), "r");
	assert_non_null(f);
	bytes = malloc(1 << 16);
	assert_non_null(bytes);
	*n = fread(bytes, 1, 1 << 16, f);
	assert_int_equal(fclose(f), 0);
	assert_in_range(*n, 100, (1 << 16) - 1);
	return bytes;
}

static void truncated_files_are_refused(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	bytes = sample_bytes(*state, &n);
	scratch_write_bytes(*state, "policy-7", bytes, 0);
	assert_refused(*state, "policy-7");
	for (size_t left = 1; left < n; left += left < 300 || left > n - 64 ? 1 : 37) {
		scratch_write_bytes(*state, "policy-7", bytes, left);
		assert_refused(*state, FOREIGN);
	}
	scratch_write_bytes(*state, "policy-7", bytes, n);
	bytes = realloc(bytes, n + 8);
	assert_non_null(bytes);
	memset(bytes + n, 0, 8);
	scratch_write_bytes(*state, "policy-7", bytes, n + 8);
	assert_refused(*state, FOREIGN);
}

/* One word of the header is another. */
static void assert_refused_with(const struct scratch *s, const char *bytes, size_t n, size_t at,
				uint64_t word)
{
	_cleanup_free_ char *copy = malloc(n);

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	memcpy(copy + at, &word, sizeof(word));
	if (!memcmp(copy, bytes, n))
		return;
	scratch_write_bytes(s, "policy-7", copy, n);
	assert_refused(s, FOREIGN);
}

static void foreign_headers_are_refused(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	bytes = sample_bytes(*state, &n);
	for (size_t at = AT_MAGIC; at < AT_NUMBERS; at++) {
		bytes[at] ^= 1;
		scratch_write_bytes(*state, "policy-7", bytes, n);
		assert_refused(*state, FOREIGN);
		bytes[at] ^= 1;
	}
	for (int i = 0; i < 64; i++)
		assert_refused_with(*state, bytes, n, AT_GENERATION, 1ULL << i);
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
	static const uint64_t wrong[] = { 1000,       65536,          UINT32_MAX,
					  1ULL << 32, 1ULL << 59,     1ULL << 60,
					  1ULL << 63, UINT64_MAX - 7, UINT64_MAX };
	_cleanup_free_ char *bytes = NULL;
	size_t n;

	bytes = sample_bytes(*state, &n);
	for (size_t section = 0; section < 5; section++)
		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
			assert_refused_with(*state, bytes, n, AT_NUMBERS + 8 * section, wrong[i]);
	for (size_t section = 0; section < 5; section++) {
		uint64_t number;

		memcpy(&number, bytes + AT_NUMBERS + 8 * section, sizeof(number));
		for (int bit = 40; bit < 64; bit++) /* products that wrap around */
			assert_refused_with(*state, bytes, n, AT_NUMBERS + 8 * section,
					    number + (1ULL << bit));
		/* one service, list, interface or entry more or less; strings are padded */
		assert_refused_with(*state, bytes, n, AT_NUMBERS + 8 * section,
				    number + (section == 4 ? 8 : 1));
		assert_refused_with(*state, bytes, n, AT_NUMBERS + 8 * section,
				    number - (section == 4 ? 8 : 1));
	}
}

static void files_that_are_something_else(void **state)
{
	const struct scratch *s = *state;

	assert_int_equal(mkdir(scratch_path(s, "policy-7"), 0700), 0);
	assert_refused(s, "policy-7");
	assert_int_equal(rmdir(scratch_path(s, "policy-7")), 0);
	write_sample(s, GENERATION);
	assert_int_equal(rename(scratch_path(s, "policy-7"), scratch_path(s, "mine")), 0);
	assert_int_equal(symlink("mine", scratch_path(s, "policy-7")), 0);
	assert_refused(s, "policy-7"); /* nobody's link is followed */
	assert_int_equal(remove(scratch_path(s, "policy-7")), 0);
	scratch_write(s, "policy-7", "mode: enforce\n");
	assert_refused(s, FOREIGN);
}

static bool there(const struct scratch *s, const char *name)
{
	return !access(scratch_path(s, name), F_OK);
}

static void prune_keeps_two(void **state)
{
	const struct scratch *s = *state;
	struct paths paths = paths_of(s);

	for (uint64_t generation = 5; generation < 11; generation++)
		write_sample(s, generation);
	scratch_write(s, "policy-", "");
	scratch_write(s, "policy-0", "");
	scratch_write(s, "policy-x", "");
	scratch_write(s, "lock", "");
	scratch_write(s, "xpolicy-5", "");
	snapshot_prune(&paths, 10, 7);
	assert_true(there(s, "policy-10"));
	assert_true(there(s, "policy-7"));
	assert_false(there(s, "policy-5"));
	assert_false(there(s, "policy-6"));
	assert_false(there(s, "policy-8"));
	assert_false(there(s, "policy-9"));
	assert_false(there(s, "policy-"));
	assert_false(there(s, "policy-0"));
	assert_false(there(s, "policy-x"));
	assert_true(there(s, "lock"));
	assert_true(there(s, "xpolicy-5"));
	scratch_write(s, "policy-0", "");
	scratch_write(s, "policy-x", "");
	snapshot_prune(&paths, 10, 0);
	assert_false(there(s, "policy-0"));
	assert_false(there(s, "policy-x"));
	assert_true(there(s, "policy-10"));
	assert_false(there(s, "policy-7"));
	snapshot_prune(&paths, 0, 0);
	assert_false(there(s, "policy-10"));
	assert_true(there(s, "lock"));
}

static void nothing_to_prune(void **state)
{
	struct paths paths = paths_of(*state);

	snapshot_prune(&paths, 1, 2);
	strcat(paths.run, "/nowhere");
	snapshot_prune(&paths, 1, 2);
}

static void cannot_be_written(void **state)
{
	_cleanup_policy_ struct policy p = sample();
	struct paths paths = paths_of(*state);
	struct error err = { "" };

	strcat(paths.run, "/nowhere");
	assert_int_equal(snapshot_write(&paths, GENERATION, &p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "nowhere/policy-7"));
}

/* Killed while writing, a command leaves the old file, and nothing that is taken for one. */
static void no_temporary_file_is_left(void **state)
{
	const struct scratch *s = *state;
	DIR *dir;
	size_t n = 0;

	write_sample(s, GENERATION);
	dir = opendir(s->dir);
	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir));)
		n += d->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(what_is_written_is_read),
		scratch_test(empty_policy),
		scratch_test(read_policy_can_be_added_to),
		scratch_test(newer_snapshot_replaces_the_file),
		scratch_test(missing_snapshot),
		scratch_test(truncated_files_are_refused),
		scratch_test(foreign_headers_are_refused),
		scratch_test(numbers_that_do_not_fit_are_refused),
		scratch_test(files_that_are_something_else),
		scratch_test(prune_keeps_two),
		scratch_test(nothing_to_prune),
		scratch_test(cannot_be_written),
		scratch_test(no_temporary_file_is_left),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
