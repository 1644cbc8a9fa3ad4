/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * heap - what memory a process takes, to hold against what a part says of itself (X_memory). Nothing
 * is compared under sanitizers that bring a heap of their own. */
#pragma once
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_IS_COUNTED false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_IS_COUNTED false
#endif
#endif
#ifndef HEAP_IS_COUNTED
#define HEAP_IS_COUNTED true
#endif

/* Allocated and not freed, with the heads of blocks. */
static inline size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Anonymous memory that is there, a page at a time. */
static inline size_t heap_resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	size_t kb = 0;

	cr_assert_not_null(file);
	while (fgets(line, sizeof line, file) && sscanf(line, "Anonymous: %zu kB", &kb) != 1)
		;
	fclose(file);
	return kb * 1024;
}

/* `found` bytes are what was told, but for `slack` and a hundredth. */
static inline void heap_expect(const char *what, size_t told, size_t found, size_t slack)
{
	if (!HEAP_IS_COUNTED)
		return;
	cr_expect_leq(
		told, found + slack + found / 100, "%s: told %zu, found %zu", what, told, found);
	cr_expect_leq(
		found, told + slack + told / 100, "%s: told %zu, found %zu", what, told, found);
}
