// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a feed may be: for the config, without what it takes to fetch it. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "feed_fetch.h"
#include "text.h"

#define EXAMPLE "url: https://ip-ranges.amazonaws.com/ip-ranges.json"

static bool begins(const char *text, const char *with)
{
	return !strncasecmp(text, with, strlen(with));
}

/* With credentials in it, it would be seen in logs and in what status prints. */
static bool has_credentials(const char *url)
{
	const char *host = strstr(url, "://") + 3;

	return memchr(host, '@', strcspn(host, "/?#")) != NULL;
}

int feed_url_check(const char *url, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];

	text_shown(url, strlen(url), shown);
	if (!begins(url, "https://") && !begins(url, "http://") && !begins(url, "file:///"))
		return error_set(err, EINVAL,
				 "\"url\" %s begins with none of https://, http:// and file:///: "
				 "write it like " EXAMPLE,
				 shown);
	if (has_credentials(url))
		return error_set(
			err, EINVAL,
			"\"url\" holds a user or password, which logs would show: fetch it "
			"by a \"command\" that keeps them");
	if (text_find_control(url, strlen(url)) < strlen(url) || strpbrk(url, " \t"))
		return error_set(err, EINVAL, "\"url\" %s holds a blank: write %%20", shown);
	return 0;
}

int feed_command_check(const char *command, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];
	size_t arguments = 1;

	if (command[0] != '/')
		return error_set(err, EINVAL,
				 "\"command\" begins with \"%s\", which is no absolute path: write "
				 "it like command: [/usr/local/bin/feed, --all]",
				 text_shown(command, strcspn(command, "\t"), shown));
	for (const char *c = command; *c; c++)
		arguments += *c == '\t';
	if (arguments > FEED_ARGUMENTS)
		return error_set(err, EINVAL,
				 "\"command\" has more than %d parts: put it into a "
				 "script",
				 FEED_ARGUMENTS);
	return 0;
}
