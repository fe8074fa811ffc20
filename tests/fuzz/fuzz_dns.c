// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers of resolvers, as c-ares hands them over. */
#include "../../user/dns.c"
#include "target.h"

static void on_answer(const struct dns_answer *answer, void *arg)
{
	struct error err = { "" };

	*(bool *)arg = true;
	fuzz_check(answer->status == DNS_ANSWERED || answer->why);
	for (size_t i = 0; answer->status == DNS_ANSWERED && i < answer->n; i++)
		fuzz_check(!hostname_check(answer->targets[i], false, &err));
}

void fuzz_dns(const uint8_t *data, size_t n)
{
	_cleanup_free_ uint8_t *message = malloc(n ? n : 1);
	bool answered = false;

	fuzz_check(message);
	memcpy(message, data, n);
	if (n > 65535)
		return;
	on_srv(new_query(on_answer, &answered), ARES_SUCCESS, 0, message, (int)n);
	fuzz_check(answered);
}
