/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a packet when it is settled, in one word that a function can return: reason
 * (enum axp_reason), service slot, family, bytes of the frame.
 */
#ifndef ALLOWXDP_OUTCOME_H
#define ALLOWXDP_OUTCOME_H

#define OUTCOME(reason, service, family, bytes) \
	((__u64)(bytes) << 32 | (family) << 16 | (service) << 8 | (__u32)(reason))
#define OUTCOME_REASON(outcome)  ((__u32)(outcome)&0xff)
#define OUTCOME_SERVICE(outcome) ((__u32)(outcome) >> 8 & 0xff)
#define OUTCOME_FAMILY(outcome)  ((__u32)(outcome) >> 16 & 0xff)
#define OUTCOME_BYTES(outcome)   ((outcome) >> 32)

#endif
