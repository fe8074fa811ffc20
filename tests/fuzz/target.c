// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer's entry points: ALLOWXDP_FUZZ_TARGET says which target it is that runs. */
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "target.h"
#include "text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct {
	const char *name;
	fuzz_target run;
} targets[] = {
	{ "answer", fuzz_answer }, { "config", fuzz_config },     { "dns", fuzz_dns },
	{ "feed", fuzz_feed },     { "hits", fuzz_hits },         { "import", fuzz_import },
	{ "kept", fuzz_kept },     { "list", fuzz_list },         { "names", fuzz_names },
	{ "news", fuzz_news },     { "profile", fuzz_profile },   { "self", fuzz_self },
	{ "sip", fuzz_sip },       { "snapshot", fuzz_snapshot }, { "store", fuzz_store },
	{ "words", fuzz_words },
};

static fuzz_target chosen;
static struct paths paths;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void sweep(void)
{
	nftw(paths.run, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_scratch(void)
{
	const char *top = getenv("TMPDIR");

	snprintf(paths.instance, sizeof(paths.instance), "default");
	snprintf(paths.run, sizeof(paths.run), "%s/allowxdp-fuzz-XXXXXX", top ? top : "/tmp");
	fuzz_check(mkdtemp(paths.run));
	memcpy(paths.state, paths.run, sizeof(paths.state));
	atexit(sweep);
	for (const char *const *d = (const char *const[]){ "lists", "news", "profiles", "installed",
							   "copied", NULL };
	     *d; d++)
		fuzz_check(!mkdir(fuzz_path(*d), 0700));
	setenv("ALLOWXDP_PROFILE_DIR", fuzz_path("installed"), 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("ALLOWXDP_FUZZ_TARGET");

	(void)argc;
	(void)argv;
	for (size_t i = 0; name && i < ARRAY_SIZE(targets); i++) {
		if (!strcmp(name, targets[i].name))
			chosen = targets[i].run;
	}
	if (!chosen) {
		fprintf(stderr, "ALLOWXDP_FUZZ_TARGET is none of:");
		for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
			fprintf(stderr, " %s", targets[i].name);
		fprintf(stderr, "\n");
		exit(2);
	}
	make_scratch();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	chosen(data, n);
	return 0;
}

void fuzz_fails(const char *what, int line)
{
	fprintf(stderr, "does not hold (line %d): %s\n", line, what);
	abort();
}

void fuzz_one_line(const struct error *err)
{
	size_t n = strnlen(err->text, sizeof(err->text));

	fuzz_check(n > 0 && n < sizeof(err->text));
	if (text_find_control(err->text, n) < n || memchr(err->text, '\t', n)) {
		fprintf(stderr, "%s\n", err->text);
		fuzz_fails("an error is one line", __LINE__);
	}
}

/* In place of the command's own (user/error.c, by another name): warnings are one line, too. */
void warn_line(const char *fmt, ...)
{
	struct error line = { "" };
	va_list args;

	va_start(args, fmt);
	vsnprintf(line.text, sizeof(line.text), fmt, args);
	va_end(args);
	line.text[sizeof(line.text) - 2] = '\0'; /* however long */
	fuzz_one_line(&line);
}

void fuzz_sorted(const struct policy *p, const struct entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct entry *one = &e->v[i], *last = one - 1;
		int order;

		fuzz_check(one->list < p->n_lists);
		fuzz_check(one->prefix.len <= prefix_max_len(one->prefix.family));
		if (!i)
			continue;
		order = prefix_compare(&last->prefix, &one->prefix);
		fuzz_check(order < 0 || (order == 0 && last->list < one->list));
	}
}

/* Prints an entry and reads that again. */
static void print_entry(FILE *f, const struct policy *p, const struct entry *e)
{
	_cleanup_free_ char *line = NULL;
	struct list_line parsed;
	struct error err = { "" };
	size_t n;
	FILE *one = open_memstream(&line, &n);

	fuzz_check(one && !list_line_write(one, p, e) && !fclose(one));
	fuzz_check(n > 0 && line[n - 1] == '\n');
	if (list_line_parse(line, n - 1, &parsed, &err))
		fuzz_fails(err.text, __LINE__);
	fuzz_check(!parsed.blank && parsed.carve == !!(e->flags & ENTRY_CARVE));
	fuzz_check(!prefix_compare(&parsed.prefix, &e->prefix) && parsed.until == e->until);
	fuzz_check(strlen(policy_string(p, e->label)) == parsed.label_len);
	fuzz_check(!parsed.label_len ||
		   !memcmp(policy_string(p, e->label), parsed.label, parsed.label_len));
	fprintf(f, "%s: %s", p->lists[e->list].name, line);
}

char *fuzz_entries_text(const struct policy *p, const struct entries *e)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fuzz_check(f);
	for (size_t i = 0; i < e->n; i++)
		print_entry(f, p, &e->v[i]);
	fuzz_check(!fclose(f) && text);
	return text;
}

char *fuzz_text(const uint8_t *data, size_t n)
{
	char *copy = malloc(n + 1);

	fuzz_check(copy);
	memcpy(copy, data, n);
	copy[n] = '\0';
	return copy;
}

const char *fuzz_path(const char *name)
{
	static char buffers[4][PATH_MAX];
	static unsigned int next;
	char *path = buffers[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", paths.run, name);
	return path;
}

void fuzz_write(const char *name, const void *data, size_t n)
{
	FILE *f = fopen(fuzz_path(name), "we");

	fuzz_check(f && fwrite(data, 1, n, f) == n && !fclose(f));
}

const struct paths *fuzz_paths(void)
{
	return &paths;
}

size_t fuzz_first_line(const char **text, size_t *n)
{
	const char *end = memchr(*text, '\n', *n);
	size_t line = end ? (size_t)(end - *text) : *n;

	*text += line + !!end;
	*n -= line + !!end;
	return line;
}

void fuzz_policy(struct policy *p)
{
	static const char *const lists[] = { "office", "carrier", "door" };

	*p = (struct policy){ .now = 1700000000, .n_lists = 3, .n_services = 1 };
	p->lists = calloc(3, sizeof(*p->lists));
	p->services = calloc(1, sizeof(*p->services));
	fuzz_check(p->lists && p->services);
	for (size_t i = 0; i < 3; i++)
		snprintf(p->lists[i].name, sizeof(p->lists[i].name), "%s", lists[i]);
	snprintf(p->services[0].name, sizeof(p->services[0].name), "sip");
	p->services[0].allow[0] = 7;
	p->services[0].slot = 5;
	p->services[0].n_ports = 1;
	p->services[0].ports[0] = (struct port_range){ 5060, 5061, AXP_UDP, 0 };
	p->settings = policy_defaults();
}
