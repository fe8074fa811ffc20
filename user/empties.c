// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include "empties.h"

/* Names or feeds may still bring some. */
static bool awaits_news(const struct policy *p, const struct service *s)
{
	for (size_t i = 0; i < p->n_sources; i++) {
		size_t list = p->sources[i].list;

		if (s->allow[list / 64] >> (list % 64) & 1)
			return true;
	}
	return false;
}

int policy_check_empty(const struct policy *p, uint32_t mode, bool force, struct error *err)
{
	struct list_size sizes[POLICY_MAX_LISTS];

	policy_list_samples(p, sizes);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!policy_service_empty(p, s, sizes))
			continue;
		if (mode == AXP_MODE_ENFORCE && !force)
			return error_set(
				err, EPERM,
				"service %s has no entry in any of its lists, so that enforcing "
				"would drop everyone: %s",
				s->name,
				awaits_news(p, s)
					? "load it with --monitor, let `allowxdp run` ask its "
					  "names and feeds, then `allowxdp mode enforce`; or "
					  "--force"
					: "add entries, use monitor mode, or --force");
		warn_line("service %s has no entry in any of its lists: everyone %s dropped",
			  s->name, mode == AXP_MODE_ENFORCE ? "is" : "would be");
	}
	return 0;
}

int policy_check_emptied(const struct policy *p, int list, uint32_t mode, bool force,
			 struct error *err)
{
	struct list_size sizes[POLICY_MAX_LISTS];

	if (mode != AXP_MODE_ENFORCE || force)
		return 0;
	policy_list_samples(p, sizes);
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (s->allow[list / 64] >> (list % 64) & 1 && policy_service_empty(p, s, sizes))
			return error_set(
				err, EPERM,
				"that was the last entry of service %s, and without any it would "
				"drop everyone: add another one first, or use --force",
				s->name);
	}
	return 0;
}
