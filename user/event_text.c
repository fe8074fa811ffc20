// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "counters.h"
#include "event_text.h"
#include "output.h"

#define NANOSECONDS 1000000000LL

enum { ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN, PEER_TEXT_MAX = ADDRESS_TEXT_MAX + 10 };
enum { TAG_AT = 12, TAG_SIZE = 4, VLAN_MASK = 0x0fff };

#define COLUMNS "%-15s %-10s %-14s %-14s %-10s %-3s %-5s %-22s   %-22s %6s %-6s %s"

static const char *const protocol_names[] = {
	[AXP_TCP] = "tcp",
	[AXP_UDP] = "udp",
	[AXP_NO_PROTOCOL] = "-",
};

static const char *protocol_text(uint32_t protocol)
{
	return protocol_names[protocol < AXP_NO_PROTOCOL ? protocol : AXP_NO_PROTOCOL];
}

static uint16_t at16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

size_t event_vlans(const struct axp_event *e, const uint8_t *frame,
		   uint16_t vlans[static EVENT_VLANS_MAX])
{
	size_t n = 0, at = TAG_AT;

	if (e->vlan_proto)
		vlans[n++] = e->vlan_tci & VLAN_MASK;
	for (; n < EVENT_VLANS_MAX && at + TAG_SIZE <= e->captured; at += TAG_SIZE) {
		uint16_t type = at16(frame + at);

		if (type != ETH_P_8021Q && type != ETH_P_8021AD)
			break;
		vlans[n++] = at16(frame + at + 2) & VLAN_MASK;
	}
	return n;
}

const char *event_verdict(const struct axp_event *e)
{
	if (e->verdict == AXP_DROP)
		return "drop";
	return e->reason < AXP_DROP_REASONS ? "would-drop" : "pass";
}

static const char *address_text(const struct axp_event *e, const __be32 *address,
				char buf[static ADDRESS_TEXT_MAX])
{
	if (e->family == AXP_FAMILY_NONE)
		return "-";
	inet_ntop(e->family == AXP_IPV4 ? AF_INET : AF_INET6, address, buf, ADDRESS_TEXT_MAX);
	return buf;
}

static const char *peer_text(const struct axp_event *e, const __be32 *address, uint16_t port,
			     char buf[static PEER_TEXT_MAX])
{
	char text[ADDRESS_TEXT_MAX];
	const char *shown = address_text(e, address, text);

	if (e->protocol == AXP_NO_PROTOCOL)
		snprintf(buf, PEER_TEXT_MAX, "%s", shown);
	else if (e->family == AXP_IPV6)
		snprintf(buf, PEER_TEXT_MAX, "[%s]:%u", shown, port);
	else
		snprintf(buf, PEER_TEXT_MAX, "%s:%u", shown, port);
	return buf;
}

/* In the order of the header's bits, from FIN on: as in "SA" of a SYN-ACK. */
static const char *flags_text(const struct axp_event *e, char buf[static 9])
{
	static const char names[] = "FSRPAUEC";
	size_t n = 0;

	if (e->protocol == AXP_TCP) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			if (e->tcp_flags >> bit & 1)
				buf[n++] = names[bit];
		}
	}
	buf[n] = '\0';
	return buf;
}

static void split_time(int64_t time, bool local, struct tm *tm, unsigned int *ns)
{
	time_t seconds = time / NANOSECONDS;

	*ns = (unsigned int)(time % NANOSECONDS);
	if (local)
		localtime_r(&seconds, tm);
	else
		gmtime_r(&seconds, tm);
}

static const char *vlans_text(const struct seen_packet *p, char *buf, size_t size)
{
	uint16_t vlans[EVENT_VLANS_MAX];
	size_t count = event_vlans(p->e, p->frame, vlans), n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < count && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%u", i ? "," : "vlan ", vlans[i]);
	return buf;
}

const char *event_heading(char buf[static EVENT_LINE_MAX])
{
	snprintf(buf, EVENT_LINE_MAX, COLUMNS, "time", "verdict", "reason", "service", "interface",
		 "dir", "proto", "source", "destination", "length", "flags", "");
	return buf;
}

const char *event_line(const struct seen_packet *p, const char *interface,
		       char buf[static EVENT_LINE_MAX])
{
	char source[PEER_TEXT_MAX], destination[PEER_TEXT_MAX], time[40], length[16], vlans[40],
		flags[9];
	const struct axp_event *e = p->e;
	unsigned int ns;
	struct tm tm;
	size_t n;

	split_time(p->time, true, &tm, &ns);
	snprintf(time, sizeof(time), "%02d:%02d:%02d.%06u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 ns / 1000);
	snprintf(length, sizeof(length), "%u", e->length);
	snprintf(buf, EVENT_LINE_MAX, COLUMNS, time, event_verdict(e), reason_name(e->reason),
		 p->service, interface, direction_name(e->direction), protocol_text(e->protocol),
		 peer_text(e, e->src, e->sport, source),
		 peer_text(e, e->dst, e->dport, destination), length, flags_text(e, flags),
		 vlans_text(p, vlans, sizeof(vlans)));
	for (n = strlen(buf); n && buf[n - 1] == ' '; n--)
		buf[n - 1] = '\0';
	return buf;
}

const char *event_words(const struct seen_packet *p, char buf[static EVENT_WORDS_MAX])
{
	size_t n = (size_t)snprintf(buf, EVENT_WORDS_MAX, "%s: %s", event_verdict(p->e),
				    reason_name(p->e->reason));

	if (p->e->service != AXP_NO_SERVICE && n < EVENT_WORDS_MAX)
		snprintf(buf + n, EVENT_WORDS_MAX - n, " (service %s)", p->service);
	return buf;
}

static void add_int(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static void add_peer(struct json_object *o, const struct axp_event *e, const char *address_key,
		     const __be32 *address, const char *port_key, uint16_t port)
{
	bool known = e->protocol != AXP_NO_PROTOCOL;
	char text[ADDRESS_TEXT_MAX];

	json_add_text(o, address_key,
		      e->family == AXP_FAMILY_NONE ? NULL : address_text(e, address, text));
	json_object_object_add(o, port_key, known ? json_object_new_int(port) : NULL);
}

static const char *utc_text(int64_t time, char *buf, size_t size)
{
	char date[32];
	unsigned int ns;
	struct tm tm;

	split_time(time, false, &tm, &ns);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%09uZ", date, ns);
	return buf;
}

static struct json_object *vlans_json(const struct seen_packet *p)
{
	struct json_object *array = json_object_new_array();
	uint16_t vlans[EVENT_VLANS_MAX];
	size_t n = event_vlans(p->e, p->frame, vlans);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_object_new_int(vlans[i]));
	return array;
}

struct json_object *event_json(const struct seen_packet *p, const char *interface)
{
	static const char *const families[] = { "-", "ipv4", "ipv6" };
	struct json_object *o = json_object_new_object();
	const struct axp_event *e = p->e;
	char time[64], flags[9];

	json_add_text(o, "event", "packet");
	json_add_text(o, "time", utc_text(p->time, time, sizeof(time)));
	json_add_text(o, "interface", interface);
	json_add_text(o, "direction", direction_name(e->direction));
	json_add_text(o, "service", p->service);
	json_add_text(o, "family", families[e->family < AXP_FAMILIES ? e->family : 0]);
	json_add_text(o, "verdict", verdict_name(e->verdict));
	json_add_text(o, "reason", reason_name(e->reason));
	json_add_text(o, "mode", mode_name(e->mode));
	add_int(o, "generation", (int64_t)e->generation);
	json_add_text(o, "protocol",
		      e->protocol == AXP_NO_PROTOCOL ? NULL : protocol_text(e->protocol));
	add_peer(o, e, "source", e->src, "source_port", e->sport);
	add_peer(o, e, "destination", e->dst, "destination_port", e->dport);
	json_object_object_add(o, "vlan", vlans_json(p));
	add_int(o, "length", e->length);
	json_add_text(o, "tcp_flags", flags_text(e, flags));
	return o;
}
