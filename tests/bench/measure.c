// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What tools/bench cannot do in a script.
 *
 *	measure list 4|6 N SEED        prints a list of N prefixes (see list.h for the mix)
 *	measure take 4|6 N FILE        prints N prefixes of a list file, taken at random
 *	measure time COMMAND...        runs it; then prints to fd 3: status, wall ns, CPU ns, peak
 *memory in KiB measure serve 4|6 CPU SOURCES  on that core, with that many sources; reads commands
 *from stdin: list FILE sources miss|near|hit|exact SEED packet PORT SIZE send NETNS INTERFACE COUNT
 *all answer "ok ..." or "error ..."; run empty|PROGRAM-ID COUNT    these two: packets, wall ns, CPU
 *ns, preemptions attach NETNS INTERFACE drop|pass
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "abi.h"
#include "cleanup.h"
#include "engine.h"

enum { MAX_WORDS = 4, LINE_SIZE = 4096 };

struct server {
	struct engine *engine;
	struct list list;
	uint8_t family;
};

static int complain(const char *what)
{
	printf("error %s\n", what);
	return -1;
}

static int say_took(int rc, const struct took *t)
{
	if (rc)
		return complain(strerror(-rc));
	printf("ok %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", t->packets,
	       t->wall, t->cpu, t->received, t->preemptions);
	return 0;
}

static int serve_list(struct server *s, char **arg)
{
	list_free(&s->list);
	if (!list_read(&s->list, s->family, arg[0]))
		return complain("cannot use that list");
	printf("ok %zu\n", s->list.n);
	return 0;
}

static int serve_sources(struct server *s, char **arg)
{
	static const char *const names[SOURCE_KINDS] = { "miss", "near", "hit", "exact" };

	for (int kind = 0; kind < SOURCE_KINDS; kind++) {
		if (strcmp(names[kind], arg[0]))
			continue;
		if (!s->list.n)
			return complain("no list");
		if (!engine_sources(s->engine, &s->list, (enum source_kind)kind,
				    strtoull(arg[1], NULL, 10)))
			return complain("the list has no such sources");
		puts("ok");
		return 0;
	}
	return complain("no such kind of sources");
}

static int serve_packet(struct server *s, char **arg)
{
	if (!engine_packet(s->engine, (uint16_t)atoi(arg[0]), (uint32_t)atoi(arg[1])))
		return complain("no such size");
	puts("ok");
	return 0;
}

static int serve_send(struct server *s, char **arg)
{
	struct took t;
	int rc = engine_send(s->engine, arg[0], arg[1], (uint32_t)strtoul(arg[2], NULL, 10), &t);

	if (rc == -EINVAL)
		return complain(
			"this kernel cannot send live frames: Linux 5.18 or newer is needed");
	return say_took(rc, &t);
}

static int serve_run(struct server *s, char **arg)
{
	struct took t;
	int rc = engine_run(s->engine, arg[0], (uint32_t)strtoul(arg[1], NULL, 10), &t);

	return say_took(rc, &t);
}

static int serve_attach(struct server *s, char **arg)
{
	int rc = engine_attach(s->engine, arg[0], arg[1], arg[2]);

	if (rc)
		return complain(strerror(-rc));
	puts("ok");
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(struct server *s, char **arg);
} commands[] = {
	{ "list", 1, serve_list }, { "sources", 2, serve_sources }, { "packet", 2, serve_packet },
	{ "send", 3, serve_send }, { "run", 2, serve_run },         { "attach", 3, serve_attach },
};

static int serve_line(struct server *s, char *line)
{
	char *words[MAX_WORDS + 1] = { 0 }, *save;
	int n = 0;

	for (char *w = strtok_r(line, " \n", &save); w && n <= MAX_WORDS;
	     w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	for (size_t i = 0; n && i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, words[0]) && commands[i].words == n - 1)
			return commands[i].run(s, words + 1);
	}
	return complain("no such command");
}

static int serve(uint8_t family, int cpu, uint32_t sources)
{
	struct server s = { .family = family };
	char line[LINE_SIZE];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		perror("sched_setaffinity");
		return 1;
	}
	s.engine = engine_open(family, sources, cpu);
	if (!s.engine) {
		perror("cannot load the programs that send");
		return 1;
	}
	setlinebuf(stdout);
	while (fgets(line, sizeof(line), stdin))
		serve_line(&s, line);
	engine_close(s.engine);
	list_free(&s.list);
	return 0;
}

static int print_list(struct list *l)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < l->n; i++)
		puts(prefix_text(&l->v[i], text));
	list_free(l);
	return fflush(stdout) ? 1 : 0;
}

static int make_list(uint8_t family, size_t n, uint64_t seed)
{
	struct list l;

	return list_make(&l, family, n, seed) ? print_list(&l) : 1;
}

/* Always the same n of them; fewer if there are not as many. */
static int take_list(uint8_t family, size_t n, const char *path)
{
	struct list l;

	if (!list_read(&l, family, path))
		return 1;
	list_thin(&l, n);
	return print_list(&l);
}

/* What the kernel takes for this process is charged to that control group, where there is one. */
static void enter_cgroup(const char *directory)
{
	char path[300];
	FILE *f;

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	f = fopen(path, "we");
	if (f) {
		fputs("0\n", f);
		fclose(f);
	}
}

static int time_command(const char *path, char **argv)
{
	_cleanup_fclose_ FILE *report = fopen(path, "we");
	struct timespec from, to;
	struct rusage u;
	int status;
	pid_t pid;

	if (!report) {
		perror(path);
		return 1;
	}
	/* Not in the child: to enter takes the kernel 10 ms, unless somebody has just done so. */
	enter_cgroup(getenv("BENCH_CGROUP"));
	clock_gettime(CLOCK_MONOTONIC, &from);
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0) {
		perror(argv[0]);
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	fprintf(report, "%d %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 255,
		(to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec,
		(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000LL +
			(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL,
		u.ru_maxrss);
	return 0;
}

static uint8_t family_of(const char *word)
{
	return !strcmp(word, "4") ? AXP_IPV4 : !strcmp(word, "6") ? AXP_IPV6 : 0;
}

static int be_silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, args) : 0;
}

int main(int argc, char **argv)
{
	uint8_t family = argc == 5 ? family_of(argv[2]) : 0;
	size_t n = family ? strtoul(argv[3], NULL, 10) : 0;

	libbpf_set_print(be_silent);
	if (argc > 3 && !strcmp(argv[1], "time"))
		return time_command(argv[2], argv + 3);
	if (family && n && !strcmp(argv[1], "list"))
		return make_list(family, n, strtoull(argv[4], NULL, 10));
	if (family && n && !strcmp(argv[1], "take"))
		return take_list(family, n, argv[4]);
	if (family && !strcmp(argv[1], "serve"))
		return serve(family, (int)n, (uint32_t)strtoul(argv[4], NULL, 10));
	fprintf(stderr, "usage: see the head of tests/bench/measure.c\n");
	return 2;
}
