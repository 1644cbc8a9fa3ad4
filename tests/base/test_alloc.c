/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/alloc.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

Test(alloc, pieces_are_zeroed_and_have_their_lines_for_themselves)
{
	for (size_t size = 1; size < 200; size += 7) {
		for (size_t n = 1; n < 5; n++) {
			uint8_t *p = alloc_lines(n, size);

			cr_assert_not_null(p);
			cr_expect_eq((uintptr_t)p % ALLOC_LINE, 0);
			cr_expect_geq(malloc_usable_size(p), n * size);
			for (size_t i = 0; i < n * size; i++)
				cr_assert_eq(p[i], 0);
			free(p);
		}
	}
}

Test(alloc, what_no_memory_can_hold_is_refused)
{
	volatile size_t most = SIZE_MAX; /* not for the compiler to see */

	cr_expect_null(alloc_lines(2, most / 2 + 1));
	cr_expect_null(alloc_lines(1, most));
}
