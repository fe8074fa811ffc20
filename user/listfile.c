// SPDX-License-Identifier: GPL-2.0-or-later
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "listfile.h"
#include "readfile.h"
#include "text.h"

#define UNTIL       "until="
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"

enum { LIST_FILE_LIMIT = 1 << 30, TIME_TEXT_MAX = 32 };

static void trim(const char **text, size_t *n)
{
	while (*n && text_is_blank(**text)) {
		(*text)++;
		(*n)--;
	}
	while (*n && text_is_blank((*text)[*n - 1]))
		(*n)--;
}

static size_t find_tab(const char *text, size_t n)
{
	const char *tab = n ? memchr(text, '\t', n) : NULL;

	return tab ? (size_t)(tab - text) : n;
}

int list_label_check(const char *label, size_t n, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];
	size_t at;

	if (n > POLICY_LABEL_MAX)
		return error_set(err, EINVAL,
				 "label is %zu bytes long: shorten it to %d bytes or less", n,
				 POLICY_LABEL_MAX);
	at = text_utf8_valid(label, n);
	if (at < n)
		return error_set(err, EINVAL,
				 "label \"%s\" is not UTF-8 (byte 0x%02x): save the file as UTF-8",
				 text_shown(label, n, shown), (unsigned char)label[at]);
	at = text_find_control(label, n);
	if (at == n)
		at = find_tab(label, n); /* fine between the parts of a line, not in a column */
	if (at < n)
		return error_set(err, EINVAL,
				 "label \"%s\" holds a control character (byte 0x%02x): remove it",
				 text_shown(label, n, shown), (unsigned char)label[at]);
	return 0;
}

static int check_line(const char *line, size_t n, struct error *err)
{
	size_t at;

	if (n > LIST_LINE_MAX)
		return error_set(err, EINVAL,
				 "line is longer than %d bytes: put one entry on each line",
				 LIST_LINE_MAX);
	at = text_find_control(line, n);
	if (at < n)
		return error_set(err, EINVAL,
				 "line holds a control character (byte 0x%02x): save the file as "
				 "plain UTF-8 text",
				 (unsigned char)line[at]);
	return 0;
}

static size_t token_len(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && !text_is_blank(text[i]) && text[i] != '#')
		i++;
	return i;
}

static int junk_after_prefix(const char *junk, size_t n, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	text_shown(junk, n, shown);
	if (junk[0] == '/')
		return error_set(err, EINVAL,
				 "blank before \"%s\": write the prefix without blanks", shown);
	return error_set(err, EINVAL, "\"%s\" after the prefix: put \"#\" before the label", shown);
}

static int until_parse(const char *text, size_t n, uint32_t *until, struct error *err)
{
	char copy[TIME_TEXT_MAX], shown[TEXT_SHOWN_MAX];
	struct tm tm = { 0 }, there = { 0 };
	const char *end = NULL;
	time_t t;

	if (n < sizeof(copy)) {
		memcpy(copy, text, n);
		copy[n] = '\0';
		end = strptime(copy, TIME_FORMAT, &tm);
	}
	there = tm;
	t = end && !*end ? timegm(&tm) : -1;
	/* timegm() makes 2 March of 30 February: only a time that it leaves as it is is one. */
	if (t <= 0 || t > UINT32_MAX || tm.tm_mday != there.tm_mday ||
	    tm.tm_hour != there.tm_hour || tm.tm_min != there.tm_min || tm.tm_sec != there.tm_sec)
		return error_set(err, EINVAL,
				 "\"" UNTIL "%s\" is no time: write it in UTC, like " UNTIL
				 "2026-11-21T07:00:00Z",
				 text_shown(text, n, shown));
	*until = (uint32_t)t;
	return 0;
}

int list_line_parse(const char *line, size_t n, struct list_line *out, struct error *err)
{
	size_t token;
	int ret;

	*out = (struct list_line){ 0 };
	if (n && line[n - 1] == '\r')
		n--;
	ret = check_line(line, n, err);
	if (ret)
		return ret;
	trim(&line, &n);
	if (!n || *line == '#') {
		out->blank = true;
		return 0;
	}
	if (*line == '!') {
		out->carve = true;
		line++;
		n--;
		trim(&line, &n);
		if (!n || *line == '#')
			return error_set(err, EINVAL,
					 "\"!\" without a prefix: write it like !203.0.113.0/24");
	}
	token = token_len(line, n);
	ret = prefix_parse(line, token, &out->prefix, err);
	if (ret)
		return ret;
	line += token;
	n -= token;
	trim(&line, &n);
	token = token_len(line, n);
	if (token > strlen(UNTIL) && !strncmp(line, UNTIL, strlen(UNTIL))) {
		ret = until_parse(line + strlen(UNTIL), token - strlen(UNTIL), &out->until, err);
		if (ret)
			return ret;
		line += token;
		n -= token;
		trim(&line, &n);
	}
	if (!n)
		return 0;
	if (*line != '#')
		return junk_after_prefix(line, n, err);
	line++;
	n--;
	trim(&line, &n);
	out->label = line;
	out->label_len = n;
	return n ? list_label_check(line, n, err) : 0;
}

/* A number of at most three digits; moves *at behind it. Negative if there is none. */
static inline int short_number(const char **at)
{
	const char *text = *at;
	unsigned int first = (unsigned char)text[0] - (unsigned int)'0', second, third;

	if (first > 9)
		return -1;
	second = (unsigned char)text[1] - (unsigned int)'0';
	if (second > 9) {
		*at = text + 1;
		return (int)first;
	}
	third = (unsigned char)text[2] - (unsigned int)'0';
	if (!first)
		return -1;
	*at = text + (third > 9 ? 2 : 3);
	return (int)(third > 9 ? first * 10 + second : first * 100 + second * 10 + third);
}

/*
 * Most lines of long lists are "192.0.2.0/24" and nothing more: read here in one go, up to the end
 * of the line, which is returned. What is not exactly that, or wrong, is left to list_line_parse():
 * NULL. A NUL follows the text.
 */
static const char *plain_ipv4(const char *line, struct prefix *out)
{
	uint32_t address = 0, network;
	int len = 32;

	for (int i = 0; i < 4; i++) {
		int byte = short_number(&line);

		if (byte < 0 || byte > 255 || (i < 3 && *line++ != '.'))
			return NULL;
		address = address << 8 | (uint32_t)byte;
	}
	if (*line == '/') {
		line++;
		len = short_number(&line);
	}
	if (*line != '\n' || len < 0 || len > 32 || (len < 32 && address << len))
		return NULL;
	network = htobe32(address);
	*out = (struct prefix){ .family = AXP_IPV4, .len = (uint8_t)len };
	memcpy(out->addr, &network, sizeof(network));
	return line;
}

static int push_plain(struct entries *out, struct entry *e, struct error *err)
{
	int rc;

	e->until = 0;
	e->label = 0;
	rc = entries_push(out, e);
	return rc ? error_set(err, -rc, "not enough memory for the entries") : 0;
}

static int read_line(struct policy *p, struct entries *out, const char *line, size_t n,
		     struct entry *e, struct error *err)
{
	struct list_line parsed;
	uint16_t flags = e->flags;
	int ret;

	ret = list_line_parse(line, n, &parsed, err);
	if (ret || parsed.blank)
		return ret;
	e->prefix = parsed.prefix;
	e->until = parsed.until;
	ret = policy_intern(p, parsed.label, parsed.label_len, &e->label);
	if (ret)
		return error_set(err, -ret, "not enough memory for the entries");
	if (parsed.carve)
		e->flags |= ENTRY_CARVE;
	ret = entries_push(out, e);
	e->flags = flags;
	if (ret)
		return error_set(err, -ret, "not enough memory for the entries");
	return 0;
}

/* How many lines there may be, to judge by the first ones. */
static size_t guess_lines(const char *text, size_t n)
{
	enum { LOOK_AT = 65536 };
	size_t look = n < LOOK_AT ? n : LOOK_AT, lines = 1;

	for (size_t i = 0; i < look; i++)
		lines += text[i] == '\n';
	return look == n ? lines : (size_t)((double)lines * 1.1 * (double)n / LOOK_AT);
}

int list_file_read(struct policy *p, struct entries *out, const char *path, uint16_t list,
		   uint16_t flags, struct error *err)
{
	static const char bom[] = { '\xef', '\xbb', '\xbf' };
	_cleanup_free_ char *data = NULL;
	struct entry e = { .list = list, .flags = flags };
	const char *line, *next, *end;
	struct error why;
	size_t n;
	int ret;

	ret = file_read_all(path, LIST_FILE_LIMIT, &data, &n, err);
	if (ret)
		return ret;
	ret = policy_intern(p, path, strlen(path), &e.source);
	if (ret)
		return error_set(err, -ret, "%s: not enough memory to read it", path);

	line = data;
	end = data + n;
	ret = entries_reserve(out, guess_lines(data, n));
	if (ret)
		return error_set(err, -ret, "%s: not enough memory to read it", path);
	if (n >= sizeof(bom) && memcmp(line, bom, sizeof(bom)) == 0)
		line += sizeof(bom);
	for (; line < end; line = next + 1) {
		e.line++;
		next = plain_ipv4(line, &e.prefix);
		if (next) {
			ret = push_plain(out, &e, &why);
		} else {
			next = memchr(line, '\n', (size_t)(end - line));
			if (!next)
				next = end;
			ret = read_line(p, out, line, (size_t)(next - line), &e, &why);
		}
		if (ret) {
			error_at(err, path, e.line, "%s", why.text);
			return ret;
		}
	}
	return 0;
}

int list_line_write(FILE *f, const struct policy *p, const struct entry *e)
{
	const char *label = policy_string(p, e->label);
	char text[PREFIX_TEXT_MAX], until[TIME_TEXT_MAX + sizeof(UNTIL)] = "";
	time_t t = e->until;
	struct tm tm;

	if (e->until && gmtime_r(&t, &tm))
		strftime(until, sizeof(until), " " UNTIL TIME_FORMAT, &tm);
	if (fprintf(f, "%s%s%s%s%s\n", e->flags & ENTRY_CARVE ? "!" : "",
		    prefix_text(&e->prefix, text), until, *label ? " # " : "", label) < 0)
		return errno ? -errno : -EIO;
	return 0;
}
