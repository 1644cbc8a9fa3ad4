/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * alloc - memory that one thread writes must not share a cache line with what others use: each write
 * would take the line away from them. */
#pragma once
#include <stddef.h>

#define ALLOC_LINE 64 /* bytes of a cache line */

/* n zeroed pieces of `size` bytes, one after the other, at the begin of a cache line and with nothing
 * else on the last one. NULL: no memory. Free with free(). */
void *alloc_lines(size_t n, size_t size);
