// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <time.h>
#include "unit.h"
#include "feed_child.h"
#include "feed_fetch.h"

static const struct account nobody = { 65534, 65534 };

static struct feed_job job_of(const char *url, const char *command)
{
	return (struct feed_job){
		.url = url, .command = command, .seconds = 20, .max_size = 65536
	};
}

static void assert_answer(const struct feed_job *job, enum feed_outcome outcome, const char *text)
{
	struct feed_answer a _cleanup_feed_answer_ = { 0 };
	char all[1024] = "", buf[PREFIX_TEXT_MAX];
	size_t n = 0;

	feed_fetch(job, &nobody, &a);
	for (size_t i = 0; i < a.items.n; i++)
		n += (size_t)snprintf(
			all + n, sizeof(all) - n, "%s%s%.*s\n",
			prefix_text(&a.items.v[i].prefix, buf), a.items.v[i].label_len ? " # " : "",
			(int)a.items.v[i].label_len, a.items.v[i].label ? a.items.v[i].label : "");
	assert_string_equal(outcome == FEED_NEW ? all : a.reason, text);
	assert_int_equal(a.outcome, outcome);
}

static void assert_file(const struct scratch *s, const char *name, enum feed_outcome outcome,
			const char *text)
{
	char url[300];
	struct feed_job job = job_of(url, NULL);

	snprintf(url, sizeof(url), "file://%s", scratch_path(s, name));
	assert_answer(&job, outcome, text);
}

static void files_are_read(void **state)
{
	const struct scratch *s = *state;
	char reason[400];

	assert_int_equal(chmod(s->dir, 0755), 0);
	scratch_write(s, "feed", "198.51.100.7\r\n192.0.2.0/24 # Pune\n192.0.2.0/24 # again\n");
	assert_file(s, "feed", FEED_NEW, "192.0.2.0/24 # Pune\n198.51.100.7/32\n");
	scratch_write(s, "feed", "192.0.2.0/24\nx\n");
	assert_file(s, "feed", FEED_FAILED,
		    "line 2: x: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
		    "2001:db8::/32");
	scratch_write(s, "feed", "");
	assert_file(s, "feed", FEED_NEW, "");
	/* a sparse one of 2 GB */
	assert_int_equal(truncate(scratch_path(s, "feed"), 2L << 30), 0);
	assert_file(s, "feed", FEED_FAILED, "it is larger than 65536 bytes (\"max-size\")");
	/* not as root */
	scratch_write(s, "feed", "192.0.2.0/24\n");
	assert_int_equal(chmod(scratch_path(s, "feed"), 0600), 0);
	snprintf(reason, sizeof(reason), "Couldn't open file %s", scratch_path(s, "feed"));
	assert_file(s, "feed", FEED_FAILED, reason);
}

static void assert_command(const char *command, enum feed_outcome outcome, const char *text)
{
	struct feed_job job = job_of(NULL, command);

	job.seconds = 20;
	assert_answer(&job, outcome, text);
}

static void commands_are_run(void **state)
{
	(void)state;
	assert_command("/bin/echo\t192.0.2.7", FEED_NEW, "192.0.2.7/32\n");
	assert_command("/bin/echo\t192.0.2.7 # two  blanks; $HOME", FEED_NEW,
		       "192.0.2.7/32 # two  blanks; $HOME\n");
	assert_command("/bin/true", FEED_NEW, "");
	/* without root, other groups, capabilities, descriptors or our environment */
	assert_command(
		"/bin/sh\t-c\techo $(id -u) $(id -G) $(grep -h -E 'Cap(Prm|Eff|Bnd)|NoNew' "
		"/proc/self/status) $(ls /proc/self/fd | wc -l) $ALLOWXDP_X >&2; exit 3",
		FEED_FAILED,
		"the command failed with status 3: 65534 65534 CapPrm: 0000000000000000 CapEff: "
		"0000000000000000 CapBnd: 0000000000000000 NoNewPrivs: 1 4");
	assert_command("/bin/sh\t-c\techo 192.0.2.7; printf 'first\\033[2J\\nsecond' >&2; exit 1",
		       FEED_FAILED, "the command failed with status 1: first?[2J");
	assert_command("/bin/sh\t-c\tkill -9 $$", FEED_FAILED,
		       "the command was ended by signal 9 (Killed)");
	assert_command("/nonexistent", FEED_FAILED,
		       "the command failed with status 127: cannot be run: No such file or "
		       "directory");
	assert_command("/usr/bin/yes\t192.0.2.7", FEED_FAILED,
		       "it is larger than 65536 bytes (\"max-size\")");
}

/* Is anybody there in this process group? */
static bool group_lives(pid_t group)
{
	for (int n = 0; n < 250; n++) {
		const struct timespec moment = { .tv_nsec = 20000000 };

		if (kill(-group, 0) && errno == ESRCH)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

static void late_commands_are_killed(void **state)
{
	struct feed_job job = job_of(NULL, "/bin/sh\t-c\tsleep 1000 & echo 192.0.2.7; sleep 1000");
	struct feed_answer a _cleanup_feed_answer_ = { 0 };
	struct feed_fetch f;
	struct error err;
	pid_t group;

	(void)state;
	job.seconds = 1;
	assert_int_equal(feed_fetch_start(&f, &job, &nobody, &err), 0);
	group = f.child;
	while (feed_fetch_read(&f))
		usleep(10000);
	feed_fetch_finish(&f, &a);
	assert_int_equal(a.outcome, FEED_FAILED);
	assert_string_equal(a.reason, "the command has not ended after 1 s (\"timeout\")");
	assert_int_equal(f.fd, -1);
	assert_false(group_lives(group));
}

static void a_fetch_can_be_stopped(void **state)
{
	struct feed_job job = job_of(NULL, "/bin/sh\t-c\tsleep 1000 & sleep 1000");
	struct feed_fetch f;
	struct error err;
	pid_t group;

	(void)state;
	assert_int_equal(feed_fetch_start(&f, &job, &nobody, &err), 0);
	group = f.child;
	usleep(100000);
	assert_true(feed_fetch_read(&f));
	feed_fetch_stop(&f);
	assert_int_equal(f.fd, -1);
	assert_false(group_lives(group));
}

/* What a process in a stranger's hands might send. */
static void assert_forged(struct feed_head head, const char *lines, size_t n, const char *reason)
{
	struct feed_fetch f = { .fd = -1, .limit = 1 << 20 };
	struct feed_answer a _cleanup_feed_answer_ = { 0 };

	f.n = sizeof(head) + n;
	f.data = malloc(f.n);
	assert_non_null(f.data);
	memcpy(f.data, &head, sizeof(head));
	memcpy(f.data + sizeof(head), lines, n);
	feed_fetch_finish(&f, &a);
	assert_int_equal(a.outcome, FEED_FAILED);
	assert_string_equal(a.reason, reason);
	assert_int_equal(a.items.n, 0);
}

static void forged_answers_are_refused(void **state)
{
	static const char early[] = "the process that fetches ended early";
	struct feed_fetch f = { .fd = -1, .limit = 1 << 20 };
	struct feed_answer a = { 0 };
	struct feed_head head;

	(void)state;
	feed_fetch_finish(&f, &a);
	assert_int_equal(a.outcome, FEED_FAILED);
	assert_string_equal(a.reason, early);
	assert_forged((struct feed_head){ .outcome = FEED_NEW, .size = 4 }, "", 0, early);
	assert_forged((struct feed_head){ .outcome = FEED_NEW, .size = UINT32_MAX }, "", 0, early);
	assert_forged((struct feed_head){ .outcome = 9 }, "", 0, early);
	assert_forged((struct feed_head){ .outcome = FEED_NEW, .size = 4 }, "foo\n", 4,
		      "foo: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 or "
		      "2001:db8::/32");
	assert_forged((struct feed_head){ .outcome = FEED_NEW, .size = 11 }, "!192.0.2.1\n", 11,
		      "what came is no plain list");
	memset(&head, 'x', sizeof(head));
	head.outcome = FEED_FAILED;
	head.size = 0;
	memset(head.reason, '\x1b', sizeof(head.reason));
	f = (struct feed_fetch){ .fd = -1, .limit = 1 << 20, .data = malloc(sizeof(head)) };
	assert_non_null(f.data);
	memcpy(f.data, &head, sizeof(head));
	f.n = sizeof(head);
	feed_fetch_finish(&f, &a);
	assert_int_equal(strlen(a.reason), sizeof(a.reason) - 1);
	assert_int_equal(strspn(a.reason, "?"), sizeof(a.reason) - 1);
	assert_int_equal(strlen(a.etag), sizeof(a.etag) - 1);
	feed_answer_free(&a);
}

static void urls_and_commands_are_checked(void **state)
{
	static const char *const good[] = { "https://a.example/b?c=d@e", "http://192.0.2.1:80/",
					    "HTTPS://a/", "file:///etc/x" };
	static const char *const bad[] = { "",
					   "ftp://a/",
					   "a.example/b",
					   "file://host/x",
					   "https://u:p@a/",
					   "https://u@a",
					   "https://a/b c" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(feed_url_check(good[i], &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(feed_url_check(bad[i], &err), -EINVAL);
	assert_int_equal(feed_command_check("/bin/true\ta", &err), 0);
	assert_int_equal(feed_command_check("true", &err), -EINVAL);
	assert_int_equal(feed_command_check("", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(files_are_read),
		cmocka_unit_test(commands_are_run),
		cmocka_unit_test(late_commands_are_killed),
		cmocka_unit_test(a_fetch_can_be_stopped),
		cmocka_unit_test(forged_answers_are_refused),
		cmocka_unit_test(urls_and_commands_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
