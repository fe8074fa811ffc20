// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>
#include "unit.h"
#include "listfile.h"

static struct list_line parsed(const char *text)
{
	struct error err = { "" };
	struct list_line line;

	if (list_line_parse(text, strlen(text), &line, &err))
		fail_msg("\"%s\": %s", text, err.text);
	return line;
}

/* Reads `text` as an entry with this prefix, sign and label. */
static void assert_entry(const char *text, const char *prefix, bool carve, const char *label)
{
	struct list_line line = parsed(text);
	char buf[PREFIX_TEXT_MAX];

	assert_false(line.blank);
	assert_int_equal(line.carve, carve);
	assert_string_equal(prefix_text(&line.prefix, buf), prefix);
	assert_int_equal(line.label_len, strlen(label));
	if (*label)
		assert_memory_equal(line.label, label, line.label_len);
}

static void assert_refused_n(const char *text, size_t n, const char *why)
{
	_cleanup_free_ char *exact = malloc(n ? n : 1); /* for the sanitizer */
	struct error err = { "" };
	struct list_line line;

	assert_non_null(exact);
	memcpy(exact, text, n);
	assert_int_equal(list_line_parse(exact, n, &line, &err), -EINVAL);
	assert_string_equal(err.text, why);
}

static void assert_refused(const char *text, const char *why)
{
	assert_refused_n(text, strlen(text), why);
}

static void line_is_prefix_and_label(void **state)
{
	(void)state;
	assert_entry("10.0.0.0/8", "10.0.0.0/8", false, "");
	assert_entry("10.0.0.0/8 # head office", "10.0.0.0/8", false, "head office");
	assert_entry("2001:db8::/32 #x", "2001:db8::/32", false, "x");
	assert_entry("192.0.2.1#near", "192.0.2.1/32", false, "near");
	assert_entry("::ffff:192.0.2.0/120", "192.0.2.0/24", false, "");
}

static void exclamation_mark_carves(void **state)
{
	(void)state;
	assert_entry("!10.0.0.0/8", "10.0.0.0/8", true, "");
	assert_entry("  ! \t 10.0.0.0/8 # hole", "10.0.0.0/8", true, "hole");
	assert_entry("!::/0", "::/0", true, "");
}

static void blanks_and_line_ends_are_dropped(void **state)
{
	(void)state;
	assert_entry("10.0.0.0/8\r", "10.0.0.0/8", false, "");
	assert_entry("10.0.0.0/8  \t ", "10.0.0.0/8", false, "");
	assert_entry(" \t10.0.0.0/8 \t\r", "10.0.0.0/8", false, "");
	assert_entry("10.0.0.0/8 #  spaced out \t\r", "10.0.0.0/8", false, "spaced out");
	assert_entry("10.0.0.0/8 #", "10.0.0.0/8", false, "");
	assert_entry("10.0.0.0/8 #   ", "10.0.0.0/8", false, "");
}

static void label_may_hold_signs(void **state)
{
	(void)state;
	assert_entry("10.0.0.0/8 # a # b", "10.0.0.0/8", false, "a # b");
	assert_entry("10.0.0.0/8 ## twice", "10.0.0.0/8", false, "# twice");
	assert_entry("10.0.0.0/8 # \"q\" \\ !", "10.0.0.0/8", false, "\"q\" \\ !");
}

static void label_is_utf8(void **state)
{
	(void)state;
	assert_entry("10.0.0.0/8 # Zürich", "10.0.0.0/8", false, "Zürich");
	assert_entry("10.0.0.0/8 # मुंबई", "10.0.0.0/8", false, "मुंबई");
	assert_entry("10.0.0.0/8 # \xf0\x9f\x93\x9e \xf4\x8f\xbf\xbf", "10.0.0.0/8", false,
		     "\xf0\x9f\x93\x9e \xf4\x8f\xbf\xbf");
	assert_entry("10.0.0.0/8 # \xed\x9f\xbf\xee\x80\x80\xc2\xa0", "10.0.0.0/8", false,
		     "\xed\x9f\xbf\xee\x80\x80\xc2\xa0");
}

static void assert_until(const char *text, const char *prefix, bool carve, const char *label,
			 uint32_t until)
{
	assert_entry(text, prefix, carve, label);
	assert_int_equal(parsed(text).until, until);
}

static void entry_until_a_time(void **state)
{
	(void)state;
	assert_until("10.0.0.0/8", "10.0.0.0/8", false, "", 0);
	assert_until("10.0.0.0/8 until=2026-11-21T07:00:00Z", "10.0.0.0/8", false, "", 1795244400);
	assert_until("!2001:db8::/32 \t until=2026-11-21T07:00:01Z  # office", "2001:db8::/32",
		     true, "office", 1795244401);
	assert_until("10.0.0.0/8 until=2026-11-21T07:00:00Z# near", "10.0.0.0/8", false, "near",
		     1795244400);
	assert_until("10.0.0.0/8 until=1970-01-01T00:00:01Z\r", "10.0.0.0/8", false, "", 1);
	assert_until("10.0.0.0/8 until=2024-02-29T23:59:59Z", "10.0.0.0/8", false, "", 1709251199);
	assert_until("10.0.0.0/8 until=2106-02-07T06:28:15Z", "10.0.0.0/8", false, "", UINT32_MAX);
	/* in a label it is text */
	assert_until("10.0.0.0/8 # until=2026-11-21T07:00:00Z", "10.0.0.0/8", false,
		     "until=2026-11-21T07:00:00Z", 0);
}

static void time_is_utc_wherever_we_are(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	assert_until("10.0.0.0/8 until=2026-11-21T07:00:00Z", "10.0.0.0/8", false, "", 1795244400);
	unsetenv("TZ");
	tzset();
}

static void refuses_bad_times(void **state)
{
	static const char *const bad[] = {
		"noon",
		"2026-11-21",
		"2026-11-21T07:00:00",
		"2026-11-21T07:00Z",
		"2026-11-21T07:00:00+01:00",
		"2026-11-21T07:00:00Zx",
		"2026-11-21T07:00:00.5Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-11-32T00:00:00Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T07:60:00Z",
		"1970-01-01T00:00:00Z", /* 0 is for good */
		"1969-12-31T23:59:59Z",
		"2106-02-07T06:28:16Z", /* over 32 bits */
		"9999-12-31T23:59:59Z",
		"1795244400",
		"2026-02-30T00:00:00Z",
		"2026-11-31T00:00:00Z",
		"2025-02-29T00:00:00Z",
		"2026-11-21T07:00:60Z",
		"2026-11-21T07:00:00Z2026-11-21T07:00:00Z",
	};
	char text[128], why[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "10.0.0.0/8 until=%s # x", bad[i]);
		snprintf(why, sizeof(why),
			 "\"until=%s\" is no time: write it in UTC, like "
			 "until=2026-11-21T07:00:00Z",
			 bad[i]);
		assert_refused(text, why);
	}
}

static void refuses_time_in_the_wrong_place(void **state)
{
	(void)state;
	assert_refused("until=2026-11-21T07:00:00Z 10.0.0.0/8",
		       "until=2026-11-21T07:00:00Z: not an IPv4 or IPv6 prefix: write it like "
		       "203.0.113.0/24 or 2001:db8::/32");
	assert_refused("10.0.0.0/8 until=2026-11-21T07:00:00Z x",
		       "\"x\" after the prefix: put \"#\" before the label");
	assert_refused("10.0.0.0/8 until=2026-11-21T07:00:00Z until=2026-11-21T07:00:00Z",
		       "\"until=2026-11-21T07:00:00Z\" after the prefix: put \"#\" before the "
		       "label");
	assert_refused("10.0.0.0/8 until=",
		       "\"until=\" after the prefix: put \"#\" before the label");
	assert_refused("10.0.0.0/8 until 2026", "\"until 2026\" after the prefix: put \"#\" before "
						"the label");
	assert_refused("10.0.0.0/8 UNTIL=2026-11-21T07:00:00Z",
		       "\"UNTIL=2026-11-21T07:00:00Z\" after the prefix: put \"#\" before the "
		       "label");
	assert_refused("10.0.0.0/8until=2026-11-21T07:00:00Z",
		       "10.0.0.0/8until=2026-11-21T07:00:00Z: length is not a plain number: use "
		       "/0 to /32");
}

static void blank_and_comment_lines(void **state)
{
	static const char *const blank[] = { "",   " ",          "\t \t",
					     "\r", "# comment",  "   # comment",
					     "#",  "#\tcolumn\r" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(blank); i++)
		assert_true(parsed(blank[i]).blank);
}

static void refuses_bad_prefix(void **state)
{
	(void)state;
	assert_refused("10.0.0.1/8 # x",
		       "10.0.0.1/8 has host bits set: write 10.0.0.0/8 or 10.0.0.1/32");
	assert_refused("10.0.0.0/33", "10.0.0.0/33: length is over 32: use /0 to /32");
	assert_refused("foo bar", "foo: not an IPv4 or IPv6 prefix: write it like 203.0.113.0/24 "
				  "or 2001:db8::/32");
	assert_refused("!!10.0.0.0/8", "!10.0.0.0/8: not an IPv4 or IPv6 prefix: write it like "
				       "203.0.113.0/24 or 2001:db8::/32");
}

static void refuses_carve_of_nothing(void **state)
{
	static const char why[] = "\"!\" without a prefix: write it like !203.0.113.0/24";

	(void)state;
	assert_refused("!", why);
	assert_refused(" !  \r", why);
	assert_refused("! # hole", why);
}

static void refuses_junk_after_prefix(void **state)
{
	(void)state;
	assert_refused("10.0.0.0/8 foo", "\"foo\" after the prefix: put \"#\" before the label");
	assert_refused("10.0.0.0/8 foo # bar",
		       "\"foo # bar\" after the prefix: put \"#\" before the label");
	assert_refused("10.0.0.0/8\t;x", "\";x\" after the prefix: put \"#\" before the label");
	assert_refused("10.0.0.0 /8", "blank before \"/8\": write the prefix without blanks");
}

static void refuses_control_characters(void **state)
{
	(void)state;
	assert_refused_n("10.0.0.0/8\0", 11,
			 "line holds a control character (byte 0x00): save the file as plain UTF-8 "
			 "text");
	assert_refused_n("# comment\0", 10,
			 "line holds a control character (byte 0x00): save the file as plain UTF-8 "
			 "text");
	assert_refused("10.0.0.0/8 # a\x1b[31m", "line holds a control character (byte 0x1b): save "
						 "the file as plain UTF-8 text");
	assert_refused("10.0.0.0/8 # abcdefgh\x7f", "line holds a control character (byte 0x7f): "
						    "save the file as plain UTF-8 text");
	assert_refused("10.0.0.0/8\r\r", "line holds a control character (byte 0x0d): save the "
					 "file as plain UTF-8 text");
	assert_refused("10.0.0.0/8 # x\xc2\x9bm", "line holds a control character (byte 0xc2): "
						  "save the file as plain UTF-8 text");
	assert_refused("10.0.0.0/8 # a\tb",
		       "label \"a?b\" holds a control character (byte 0x09): remove it");
}

static void finds_a_control_character_at_any_place(void **state)
{
	char line[40], why[128];
	size_t at;
	int c;

	(void)state;
	for (c = 0; c < 0x80; c++) {
		if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\r')
			continue;
		snprintf(why, sizeof(why),
			 "line holds a control character (byte 0x%02x): save the file as plain "
			 "UTF-8 text",
			 c);
		for (at = 1; at < sizeof(line); at++) {
			memset(line, '#', sizeof(line));
			line[at] = (char)c;
			assert_refused_n(line, sizeof(line), why);
		}
	}
}

static void refuses_label_that_is_not_utf8(void **state)
{
	static const struct {
		const char *label;
		unsigned int byte;
	} bad[] = {
		{ "Z\xfcrich", 0xfc },        /* Latin-1 */
		{ "\x80", 0x80 },             /* continuation without start */
		{ "\xc3", 0xc3 },             /* cut off */
		{ "\xe2\x82", 0xe2 },         /* cut off */
		{ "\xf0\x9f\x93", 0xf0 },     /* cut off */
		{ "\xc0\xaf", 0xc0 },         /* overlong */
		{ "\xc1\xbf", 0xc1 },         /* overlong */
		{ "\xe0\x9f\xbf", 0xe0 },     /* overlong */
		{ "\xf0\x8f\xbf\xbf", 0xf0 }, /* overlong */
		{ "\xed\xa0\x80", 0xed },     /* surrogate */
		{ "\xed\xbf\xbf", 0xed },     /* surrogate */
		{ "\xf4\x90\x80\x80", 0xf4 }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", 0xf5 },
		{ "\xff\xfe", 0xff },
		{ "a\xe2\x28\xa1", 0xe2 }, /* bad second byte */
		{ "\xe2\x82\x28", 0xe2 },  /* bad third byte */
	};
	char line[64], needle[64];
	struct list_line out;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "10.0.0.0/8 # %s", bad[i].label);
		assert_int_equal(list_line_parse(line, strlen(line), &out, &err), -EINVAL);
		snprintf(needle, sizeof(needle),
			 "is not UTF-8 (byte 0x%02x): save the file as UTF-8", bad[i].byte);
		assert_non_null(strstr(err.text, needle));
	}
	assert_refused("10.0.0.0/8 # Z\xfcrich",
		       "label \"Z?rich\" is not UTF-8 (byte 0xfc): save the file as UTF-8");
}

static void line_of_1024_bytes_is_the_longest(void **state)
{
	char line[LIST_LINE_MAX + 2];

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, "10.0.0.0/8", 10);
	line[LIST_LINE_MAX] = '\r';
	line[LIST_LINE_MAX + 1] = '\0';
	assert_entry(line, "10.0.0.0/8", false, "");
	line[LIST_LINE_MAX] = ' ';
	assert_refused(line, "line is longer than 1024 bytes: put one entry on each line");
}

static void label_of_255_bytes_is_the_longest(void **state)
{
	char line[400] = "10.0.0.0/8 # ", label[POLICY_LABEL_MAX + 2];

	(void)state;
	memset(label, 'x', sizeof(label));
	label[POLICY_LABEL_MAX] = '\0';
	strcat(line, label);
	assert_entry(line, "10.0.0.0/8", false, label);
	strcat(line, "x");
	assert_refused(line, "label is 256 bytes long: shorten it to 255 bytes or less");
}

static void label_check_is_the_same_for_commands(void **state)
{
	struct error err = { "" };

	(void)state;
	assert_int_equal(list_label_check("", 0, &err), 0);
	assert_int_equal(list_label_check("Zürich # 1", 11, &err), 0);
	assert_int_equal(list_label_check("a\nb", 3, &err), -EINVAL);
	assert_string_equal(err.text,
			    "label \"a?b\" holds a control character (byte 0x0a): remove it");
	assert_int_equal(list_label_check("\xc2\x85", 2, &err), -EINVAL);
	assert_string_equal(err.text,
			    "label \"??\" holds a control character (byte 0xc2): remove it");
	assert_int_equal(list_label_check("\xfc", 1, &err), -EINVAL);
}

/* A file with this content, read as list 3. */
static int read_bytes(const struct scratch *s, struct policy *p, const void *data, size_t n,
		      struct error *err)
{
	scratch_write_bytes(s, "x.list", data, n);
	return list_file_read(p, &p->base, scratch_path(s, "x.list"), 3, 0, err);
}

/* An address or prefix, as people write it or nearly so. */
static size_t write_nearly(char *out, uint32_t *dice)
{
	static const char noise[] = "0123456789./ #!\r:a";
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		*dice = *dice * 1664525 + 1013904223;
		n += (size_t)sprintf(out + n, "%s%u", i ? "." : "", (*dice >> 16) % 260);
	}
	*dice = *dice * 1664525 + 1013904223;
	if (*dice >> 31)
		n += (size_t)sprintf(out + n, "/%u", (*dice >> 16) % 34);
	*dice = *dice * 1664525 + 1013904223;
	if (*dice >> 31)
		out[(*dice >> 8) % n] = noise[(*dice >> 16) % (sizeof(noise) - 1)];
	return n;
}

/* Files have a short way for plain lines: it must say what the long one says. */
static void plain_lines_are_lines_like_others(void **state)
{
	uint32_t dice = 1, good = 0;

	for (int i = 0; i < 4000; i++) {
		_cleanup_policy_ struct policy p = { 0 };
		struct error wanted, err;
		struct list_line parsed;
		char line[64];
		size_t n = write_nearly(line, &dice);
		int rc = list_line_parse(line, n, &parsed, &wanted), got;

		line[n] = '\n';
		got = read_bytes(*state, &p, line, n + (size_t)(i & 1), &err);
		assert_int_equal(got, rc);
		if (rc) {
			assert_non_null(strstr(err.text, wanted.text));
			continue;
		}
		assert_int_equal(p.base.n, !parsed.blank);
		if (parsed.blank)
			continue;
		good++;
		assert_memory_equal(&p.base.v[0].prefix, &parsed.prefix, sizeof(parsed.prefix));
		assert_int_equal(p.base.v[0].flags, parsed.carve ? ENTRY_CARVE : 0);
	}
	assert_true(good > 500);
}

static void assert_file_refused_n(const struct scratch *s, const void *data, size_t n,
				  unsigned int line, const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	char want[600];

	assert_int_equal(read_bytes(s, &p, data, n, &err), -EINVAL);
	snprintf(want, sizeof(want), "%s:%u: %s", scratch_path(s, "x.list"), line, why);
	assert_string_equal(err.text, want);
}

static void assert_file_refused(const struct scratch *s, const char *text, unsigned int line,
				const char *why)
{
	assert_file_refused_n(s, text, strlen(text), line, why);
}

static void file_becomes_entries_in_its_order(void **state)
{
	static const char text[] = "# providers\n\n10.0.0.0/8 # a\r\n!10.1.0.0/16 # hole\n"
				   "  192.0.2.1\n2001:db8::/32 # b";
	_cleanup_policy_ struct policy p = { 0 };
	const struct entry *e;
	struct error err = { "" };
	char buf[PREFIX_TEXT_MAX];

	assert_int_equal(read_bytes(*state, &p, text, strlen(text), &err), 0);
	assert_int_equal(p.base.n, 4);
	e = p.base.v;
	assert_string_equal(prefix_text(&e[0].prefix, buf), "10.0.0.0/8");
	assert_string_equal(policy_string(&p, e[0].label), "a");
	assert_string_equal(policy_string(&p, e[0].source), scratch_path(*state, "x.list"));
	assert_int_equal(e[0].line, 3);
	assert_int_equal(e[0].list, 3);
	assert_int_equal(e[0].flags, 0);
	assert_string_equal(prefix_text(&e[1].prefix, buf), "10.1.0.0/16");
	assert_int_equal(e[1].flags, ENTRY_CARVE);
	assert_int_equal(e[1].line, 4);
	assert_string_equal(prefix_text(&e[2].prefix, buf), "192.0.2.1/32");
	assert_int_equal(e[2].label, 0);
	assert_int_equal(e[2].flags, 0);
	assert_int_equal(e[2].line, 5);
	assert_string_equal(prefix_text(&e[3].prefix, buf), "2001:db8::/32");
	assert_string_equal(policy_string(&p, e[3].label), "b");
	assert_int_equal(e[3].line, 6);
	assert_int_equal(e[3].source, e[0].source);
}

static void flags_go_into_every_entry(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };

	scratch_write(*state, "x.list", "!10.0.0.0/8\n10.0.0.0/9\n");
	assert_int_equal(list_file_read(&p, &p.added, scratch_path(*state, "x.list"), 0,
					ENTRY_COMMAND, &err),
			 0);
	assert_int_equal(p.added.n, 2);
	assert_int_equal(p.added.v[0].flags, ENTRY_COMMAND | ENTRY_CARVE);
	assert_int_equal(p.added.v[1].flags, ENTRY_COMMAND);
}

static void entries_are_appended(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };

	assert_int_equal(read_bytes(*state, &p, "10.0.0.0/8\n", 11, &err), 0);
	assert_int_equal(read_bytes(*state, &p, "9.0.0.0/8\n", 10, &err), 0);
	assert_int_equal(p.base.n, 2);
	assert_int_equal(p.base.v[0].prefix.addr[0], 10);
	assert_int_equal(p.base.v[1].prefix.addr[0], 9);
}

static void empty_files_are_empty_lists(void **state)
{
	static const char *const empty[] = {
		"", "\n", "\n\n\n", "# only\n# comments", "\xef\xbb\xbf", "\r\n"
	};
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(empty); i++)
		assert_int_equal(read_bytes(*state, &p, empty[i], strlen(empty[i]), &err), 0);
	assert_int_equal(p.base.n, 0);
}

static void byte_order_mark_only_at_the_start(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };

	assert_int_equal(read_bytes(*state, &p,
				    "\xef\xbb\xbf"
				    "10.0.0.0/8\n",
				    14, &err),
			 0);
	assert_int_equal(p.base.n, 1);
	assert_int_equal(p.base.v[0].line, 1);
	assert_file_refused(*state,
			    "10.0.0.0/8\n\xef\xbb\xbf"
			    "10.0.0.0/8\n",
			    2,
			    "???10.0.0.0/8: not an IPv4 or IPv6 prefix: write it like "
			    "203.0.113.0/24 or 2001:db8::/32");
}

static void bad_lines_are_named(void **state)
{
	_cleanup_free_ char *text = malloc(4200);

	assert_non_null(text);
	assert_file_refused(*state, "\n# x\n10.0.0.1/8\n", 3,
			    "10.0.0.1/8 has host bits set: write 10.0.0.0/8 or 10.0.0.1/32");
	assert_file_refused(*state, "10.0.0.0/33", 1,
			    "10.0.0.0/33: length is over 32: use /0 to /32");
	assert_file_refused(*state, "10.0.0.0/8\r\n10.0.0.0/8 x\r\n", 2,
			    "\"x\" after the prefix: put \"#\" before the label");
	assert_file_refused(*state, "10.0.0.0/8 # \xff\n", 1,
			    "label \"?\" is not UTF-8 (byte 0xff): save the file as UTF-8");
	assert_file_refused_n(*state, "1.1.1.1\n1.1.1.2\0\n", 17, 2,
			      "line holds a control character (byte 0x00): save the file as plain "
			      "UTF-8 text");
	memset(text, 'x', 4199);
	memcpy(text, "\n\n# ", 4);
	text[4100] = '\n';
	text[4199] = '\0';
	assert_file_refused(*state, text, 3,
			    "line is longer than 1024 bytes: put one entry on each line");
}

static void assert_unreadable(const char *path, int errnum, const char *why)
{
	_cleanup_policy_ struct policy p = { 0 };
	struct error err = { "" };
	char want[600];

	assert_int_equal(list_file_read(&p, &p.base, path, 0, 0, &err), -errnum);
	snprintf(want, sizeof(want), "%s: %s", path, why);
	assert_string_equal(err.text, want);
	assert_int_equal(p.base.n, 0);
}

static void missing_file(void **state)
{
	assert_unreadable(scratch_path(*state, "nope.list"), ENOENT,
			  "no such file: create it or correct the path");
	scratch_write(*state, "file", "");
	assert_unreadable(scratch_path(*state, "file/x.list"), ENOTDIR,
			  "a part of the path is not a directory: correct the path");
}

static void directory_instead_of_file(void **state)
{
	const struct scratch *s = *state;

	assert_unreadable(s->dir, EISDIR, "is a directory: name a file in it");
}

static void special_files_do_not_block(void **state)
{
	const char *fifo = scratch_path(*state, "fifo");

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_unreadable(fifo, ENODEV, "is not a regular file: copy its content into one");
	assert_unreadable("/dev/zero", ENODEV, "is not a regular file: copy its content into one");
}

static void unreadable_file(void **state)
{
	const char *path = scratch_path(*state, "x.list");
	uid_t me = geteuid();

	scratch_write(*state, "x.list", "10.0.0.0/8\n");
	assert_int_equal(chmod(path, 0), 0);
	if (me == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_unreadable(path, EACCES, "permission denied: make it readable for this user");
	assert_int_equal(seteuid(me), 0);
}

static void file_over_a_gibibyte(void **state)
{
	const char *path = scratch_path(*state, "x.list");

	scratch_write(*state, "x.list", "");
	assert_int_equal(truncate(path, (1LL << 30) + 1), 0); /* sparse */
	assert_unreadable(path, EFBIG, "is larger than 1024 MiB: split it or shorten it");
}

static void written_lines_are_read_back(void **state)
{
	static const char text[] = "!10.1.0.0/16 # hole\n10.0.0.0/8\n2001:db8::/32 # Zürich # 2\n"
				   "192.0.2.0/24 until=2026-11-21T07:00:00Z\n"
				   "!192.0.2.1/32 until=2106-02-07T06:28:15Z # last\n"
				   "2001:db8::/33 until=1970-01-01T00:00:01Z # 1st\n";
	_cleanup_policy_ struct policy p = { 0 };
	_cleanup_free_ char *written = NULL;
	struct error err = { "" };
	size_t i, n;
	FILE *f;

	assert_int_equal(read_bytes(*state, &p, text, strlen(text), &err), 0);
	f = open_memstream(&written, &n);
	assert_non_null(f);
	for (i = 0; i < p.base.n; i++)
		assert_int_equal(list_line_write(f, &p, &p.base.v[i]), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(written, text);
}

static void write_errors_are_reported(void **state)
{
	_cleanup_policy_ struct policy p = { 0 };
	_cleanup_fclose_ FILE *f = fopen("/dev/full", "w");
	struct error err = { "" };

	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(read_bytes(*state, &p, "10.0.0.0/8\n", 11, &err), 0);
	assert_int_equal(list_line_write(f, &p, &p.base.v[0]), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_is_prefix_and_label),
		cmocka_unit_test(exclamation_mark_carves),
		cmocka_unit_test(blanks_and_line_ends_are_dropped),
		cmocka_unit_test(label_may_hold_signs),
		cmocka_unit_test(label_is_utf8),
		cmocka_unit_test(entry_until_a_time),
		cmocka_unit_test(time_is_utc_wherever_we_are),
		cmocka_unit_test(refuses_bad_times),
		cmocka_unit_test(refuses_time_in_the_wrong_place),
		cmocka_unit_test(blank_and_comment_lines),
		cmocka_unit_test(refuses_bad_prefix),
		cmocka_unit_test(refuses_carve_of_nothing),
		cmocka_unit_test(refuses_junk_after_prefix),
		cmocka_unit_test(refuses_control_characters),
		cmocka_unit_test(finds_a_control_character_at_any_place),
		cmocka_unit_test(refuses_label_that_is_not_utf8),
		cmocka_unit_test(line_of_1024_bytes_is_the_longest),
		cmocka_unit_test(label_of_255_bytes_is_the_longest),
		cmocka_unit_test(label_check_is_the_same_for_commands),
		scratch_test(plain_lines_are_lines_like_others),
		scratch_test(file_becomes_entries_in_its_order),
		scratch_test(flags_go_into_every_entry),
		scratch_test(entries_are_appended),
		scratch_test(empty_files_are_empty_lists),
		scratch_test(byte_order_mark_only_at_the_start),
		scratch_test(bad_lines_are_named),
		scratch_test(missing_file),
		scratch_test(directory_instead_of_file),
		scratch_test(special_files_do_not_block),
		scratch_test(unreadable_file),
		scratch_test(file_over_a_gibibyte),
		scratch_test(written_lines_are_read_back),
		scratch_test(write_errors_are_reported),
	};

	return cmocka_run_group_tests_name("listfile", tests, NULL, NULL);
}
