// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "text.h"

enum { PORT_MAX = 65535 };

static int not_a_port(const char *shown, struct error *err)
{
	return error_set(err, EINVAL,
			 "\"%s\" is not a port: write it like tcp/443 or udp/10000-60000", shown);
}

/* Reads a plain decimal number of at most six digits and moves *text behind it; -1: there is none.
 */
static int read_number(const char **text)
{
	int value = 0, digits = 0;

	for (; isdigit((unsigned char)**text); (*text)++) {
		value = value * 10 + (**text - '0');
		if (++digits > 6 || (digits > 1 && value < 10))
			return -1;
	}
	return digits ? value : -1;
}

static int no_protocol(const char *text, const char *shown, struct error *err)
{
	const char *rest = text;

	if (read_number(&rest) >= 0 && (!*rest || *rest == '-'))
		return error_set(err, EINVAL,
				 "port \"%s\" lacks its protocol: write tcp/%s or udp/%s", shown,
				 shown, shown);
	return not_a_port(shown, err);
}

static int check_ports(int low, int high, const char *protocol, const char *shown,
		       struct error *err)
{
	int worst = low > high ? low : high;

	if (!low || !high)
		return error_set(err, EINVAL, "port 0 in \"%s\": use 1 to %d", shown, PORT_MAX);
	if (worst > PORT_MAX)
		return error_set(err, EINVAL, "port %d in \"%s\" is over %d: use 1 to %d", worst,
				 shown, PORT_MAX, PORT_MAX);
	if (low > high)
		return error_set(err, EINVAL, "range \"%s\" is upside down: write %s/%d-%d", shown,
				 protocol, high, low);
	return 0;
}

int port_range_parse(const char *text, struct port_range *out, struct error *err)
{
	const char *rest = strchr(text, '/'), *protocol;
	char shown[TEXT_SHOWN_MAX], shown_protocol[TEXT_SHOWN_MAX];
	struct port_range r = { 0 };
	int low, high, ret;

	text_shown(text, strlen(text), shown);
	if (!rest)
		return no_protocol(text, shown, err);
	if (strncmp(text, "tcp/", 4) == 0)
		r.protocol = AXP_TCP;
	else if (strncmp(text, "udp/", 4) == 0)
		r.protocol = AXP_UDP;
	else
		return error_set(err, EINVAL, "unknown protocol \"%s\" in \"%s\": use tcp or udp",
				 text_shown(text, (size_t)(rest - text), shown_protocol), shown);
	protocol = r.protocol == AXP_TCP ? "tcp" : "udp";

	rest++;
	low = read_number(&rest);
	high = low;
	if (*rest == '-') {
		rest++;
		high = read_number(&rest);
	}
	if (low < 0 || high < 0 || *rest)
		return not_a_port(shown, err);
	ret = check_ports(low, high, protocol, shown, err);
	if (ret)
		return ret;
	r.low = (uint16_t)low;
	r.high = (uint16_t)high;
	*out = r;
	return 0;
}

const char *port_range_text(const struct port_range *r, char buf[static 24])
{
	const char *protocol = r->protocol == AXP_TCP ? "tcp" : "udp";

	if (r->low == r->high)
		snprintf(buf, 24, "%s/%u", protocol, r->low);
	else
		snprintf(buf, 24, "%s/%u-%u", protocol, r->low, r->high);
	return buf;
}
