// SPDX-License-Identifier: GPL-2.0-or-later
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "cleanup.h"
#include "feed_child.h"
#include "text.h"

enum { REDIRECTS = 5, CONNECT_SECONDS = 15, SLOW_SECONDS = 20, SLOW_BYTES = 100 };

static bool begins(const char *text, const char *with)
{
	return !strncasecmp(text, with, strlen(with));
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	return feed_body_add(arg, data, size * n) ? size * n : 0;
}

/* What it may turn into on the way; nothing encrypted becomes plain. */
static const char *protocols(const char *url)
{
	if (begins(url, "https:"))
		return "https";
	return begins(url, "http:") ? "http,https" : "file";
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[FEED_ETAG_MAX + 32];
	struct curl_slist *longer;

	if (!value || !*value)
		return 0;
	snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(*list, line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static void set_up(CURL *c, const struct feed_job *job, struct curl_slist *headers,
		   struct feed_body *body, char *why)
{
	curl_easy_setopt(c, CURLOPT_URL, job->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, protocols(job->url));
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, protocols(job->url));
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* Debian's curl trusts what is in a directory too, whatever file is given. */
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	if (job->ca_file && *job->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, job->ca_file);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)job->seconds);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)job->max_size);
	curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, ""); /* the limit is of what is unpacked */
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "allowxdp/" ALLOWXDP_VERSION);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
}

/* request: the first one is 0, the last one -1. */
static const char *header(CURL *c, const char *name, long request)
{
	struct curl_header *h;

	if (request < -1 ||
	    curl_easy_header(c, name, 0, CURLH_HEADER, (int)request, &h) != CURLHE_OK)
		return "";
	return h->value;
}

/* Where the last redirection that was not followed, or failed, led to. */
static const char *redirection(CURL *c)
{
	long redirections = 0;

	curl_easy_getinfo(c, CURLINFO_REDIRECT_COUNT, &redirections);
	return redirections ? header(c, "Location", redirections - 1) : "";
}

/* One that is too long is none: better no condition than a wrong one. */
static void keep(char *to, size_t size, const char *value)
{
	size_t n = strlen(value);

	if (n < size && text_find_control(value, n) == n)
		memcpy(to, value, n + 1);
}

static int failed(CURL *c, CURLcode rc, const struct feed_job *job, const struct feed_body *body,
		  const char *why, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];
	const char *location;
	long status = 0;

	if (body->over || rc == CURLE_FILESIZE_EXCEEDED)
		return error_set(err, EFBIG, "it is larger than %u bytes (\"max-size\")",
				 job->max_size);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_HTTP_RETURNED_ERROR)
		return error_set(err, EIO, "the server answered with status %ld", status);
	if (rc == CURLE_SSL_CACERT_BADFILE && job->ca_file && *job->ca_file)
		return error_set(err, EIO,
				 "%.300s is no PEM file of certificates that user %u may read",
				 job->ca_file, (unsigned int)getuid());
	location = redirection(c);
	if (rc == CURLE_UNSUPPORTED_PROTOCOL && *location)
		return error_set(err, EPERM,
				 "it is redirected to %s, which is not followed: only "
				 "to https from https",
				 text_shown(location, strlen(location), shown));
	return error_set(err, EIO, "%s", *why ? why : curl_easy_strerror(rc));
}

static int perform(CURL *c, const struct feed_job *job, struct feed_body *body,
		   struct feed_head *head, const char *why, struct error *err)
{
	CURLcode rc = curl_easy_perform(c);
	long status = 0;

	if (rc != CURLE_OK)
		return failed(c, rc, job, body, why, err);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status == 304)
		return 1;
	if (status && status != 200)
		return error_set(err, EIO, "the server answered with status %ld", status);
	keep(head->etag, sizeof(head->etag), header(c, "ETag", -1));
	keep(head->modified, sizeof(head->modified), header(c, "Last-Modified", -1));
	return 0;
}

int feed_curl(const struct feed_job *job, struct feed_body *body, struct feed_head *head,
	      struct error *err)
{
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURL *c = NULL;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		c = curl_easy_init();
	if (!c || add_header(&headers, "If-None-Match", job->etag) ||
	    add_header(&headers, "If-Modified-Since", job->modified))
		return error_set(err, ENOMEM, "not enough memory to fetch it");
	set_up(c, job, headers, body, why);
	return perform(c, job, body, head, why, err); /* the process ends: nothing is given back */
}
