/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays of millions of entries: most of what they cost is the kernel's work of giving 4 KB pages.
 */
#ifndef ALLOWXDP_LARGE_PAGES_H
#define ALLOWXDP_LARGE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

/* Asks for large pages for memory that was just allocated; only a hint. */
static inline void large_pages(void *start, size_t n)
{
	enum { SMALL_PAGE = 4096, LARGE_PAGE = 2 << 20 };
	uintptr_t from = ((uintptr_t)start + SMALL_PAGE - 1) & ~(uintptr_t)(SMALL_PAGE - 1);

	if (start && n >= 2 * LARGE_PAGE)
		madvise((void *)from, n - (from - (uintptr_t)start), MADV_HUGEPAGE);
}

#endif
