/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void *alloc_lines(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) ||
		__builtin_add_overflow(bytes, ALLOC_LINE - 1, &bytes))
		return NULL;
	bytes -= bytes % ALLOC_LINE;
	void *p = aligned_alloc(ALLOC_LINE, bytes);
	if (p)
		memset(p, 0, bytes);
	return p;
}
