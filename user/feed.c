// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include "abi.h"
#include "feed.h"

enum { BACKOFF = 60 };

struct feed_limits feed_limits_of(const struct news_source *s)
{
	return (struct feed_limits){
		.max_shrink = (uint8_t)s->numbers[FEED_NUMBER_MAX_SHRINK],
		.shortest = { [AXP_IPV4] = (uint8_t)s->numbers[FEED_NUMBER_MIN_PREFIX4],
			      [AXP_IPV6] = (uint8_t)s->numbers[FEED_NUMBER_MIN_PREFIX6] },
		.allow_private = s->flags & SOURCE_ALLOW_PRIVATE,
	};
}

void feed_job_of(const struct policy *p, const struct news_source *s, struct feed_job *out)
{
	*out = (struct feed_job){
		.url = s->kind == SOURCE_URL ? policy_string(p, s->text) : NULL,
		.command = s->kind == SOURCE_COMMAND ? policy_string(p, s->texts[FEED_TEXT_COMMAND])
						     : NULL,
		.ca_file = policy_string(p, s->texts[FEED_TEXT_CA_FILE]),
		.shape = { .format = (enum feed_format)s->numbers[FEED_NUMBER_FORMAT],
			   .column = policy_string(p, s->texts[FEED_TEXT_COLUMN]),
			   .path = policy_string(p, s->texts[FEED_TEXT_PATH]),
			   .filter = policy_string(p, s->texts[FEED_TEXT_FILTER]) },
		.seconds = (uint32_t)s->numbers[FEED_NUMBER_TIMEOUT],
		.max_size = (uint32_t)s->numbers[FEED_NUMBER_MAX_SIZE],
	};
}

char *feed_shape_text(const struct policy *p, const struct news_source *s)
{
	struct feed_job job;
	char *text;

	feed_job_of(p, s, &job);
	if (asprintf(&text, "%s column=%s path=%s filter=%s", feed_format_name(job.shape.format),
		     job.shape.column, job.shape.path, job.shape.filter) < 0)
		return NULL;
	return text;
}

char *feed_options_text(const struct policy *p, const struct news_source *s)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, "%x", s->flags);
	for (int i = 0; i < SOURCE_TEXTS; i++)
		fprintf(f, " %s", policy_string(p, s->texts[i]));
	for (int i = 0; i < SOURCE_NUMBERS; i++)
		fprintf(f, " %llu", (unsigned long long)s->numbers[i]);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

uint64_t feed_backoff(uint64_t failures, uint64_t refresh)
{
	uint64_t wait = (uint64_t)BACKOFF << (failures > 11 ? 10 : failures ? failures - 1 : 0);

	return wait < refresh ? wait : refresh;
}
