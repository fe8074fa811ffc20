// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "hostname.h"
#include "prefix.h"
#include "text.h"

enum { LABEL_MAX = 63, LABELS_MAX = 128 };

static bool label_ok(const char *label, size_t n)
{
	if (!n || n > LABEL_MAX || label[0] == '-' || label[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isascii(label[i]) ||
		    (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_'))
			return false;
	}
	return true;
}

/* Number of its labels; 0 if one of them is none. A dot at the end is no matter. */
static size_t count_labels(const char *name)
{
	size_t labels = 0;

	while (*name) {
		size_t n = strcspn(name, ".");

		if (!label_ok(name, n))
			return 0;
		labels++;
		name += n;
		if (*name == '.')
			name++;
	}
	return labels;
}

static bool is_address(const char *name)
{
	size_t n = strlen(name);
	struct error ignored;
	struct prefix prefix;

	if (n && name[n - 1] == '.') /* which hostname_normal() takes away */
		n--;
	return !prefix_parse(name, n, &prefix, &ignored);
}

static bool is_ascii(const char *name)
{
	for (; *name; name++) {
		if (!isascii(*name))
			return false;
	}
	return true;
}

/* "_sip._udp.": the service and its protocol stand in front. */
static bool names_service(const char *name)
{
	const char *dot = strchr(name, '.');

	return name[0] == '_' && dot && dot[1] == '_';
}

int hostname_check(const char *name, bool srv, struct error *err)
{
	char shown[TEXT_SHOWN_MAX];
	size_t labels;

	text_shown(name, strlen(name), shown);
	if (strchr(name, '*'))
		return error_set(
			err, EINVAL,
			"\"%s\" is a wildcard, and DNS does not tell which names it stands "
			"for: write the names that the provider uses, or ask for prefixes",
			shown);
	if (is_address(name))
		return error_set(err, EINVAL,
				 "\"%s\" is an address, not a name: put it under "
				 "\"prefixes\"",
				 shown);
	if (strstr(name, "://") || strchr(name, '/'))
		return error_set(err, EINVAL,
				 "\"%s\" is no host name: write the name alone, like "
				 "sip.example.com",
				 shown);
	if (!is_ascii(name))
		return error_set(err, EINVAL,
				 "\"%s\" is not ASCII: write the name in its xn-- form, as `idn2 "
				 "NAME` prints it",
				 shown);
	labels = count_labels(name);
	if (!labels || labels > LABELS_MAX || strlen(name) > HOSTNAME_MAX)
		return error_set(err, EINVAL,
				 "\"%s\" is no host name: write one like sip.example.com", shown);
	if (labels < 2)
		return error_set(err, EINVAL,
				 "\"%s\" is not a whole name, and search domains are not used: "
				 "write it with its domain, like sip.example.com",
				 shown);
	if (srv && !names_service(name))
		return error_set(err, EINVAL,
				 "\"%s\" names no service: write it like _sip._udp.example.com, or "
				 "put a host's name under \"names\"",
				 shown);
	if (!srv && names_service(name))
		return error_set(err, EINVAL,
				 "\"%s\" names a service, not a host: put it under \"srv\"", shown);
	return 0;
}

void hostname_normal(const char *name, char *out)
{
	size_t n = strnlen(name, HOSTNAME_MAX);

	if (n && name[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	out[n] = '\0';
}
