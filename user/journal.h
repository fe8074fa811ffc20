/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a process that stays: on stderr, with the priority in front where that is the journal.
 */
#ifndef ALLOWXDP_JOURNAL_H
#define ALLOWXDP_JOURNAL_H

#include <syslog.h>

/* `priority`: LOG_INFO, LOG_WARNING, LOG_ERR... */
void journal_line(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
