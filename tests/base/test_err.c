/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Codes are negative, distinct, dense, and each has a text of its own. */
#include "base/err.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

static const struct {
	const char *row;
	int code;
} codes[] = {
#define X(name, text) { #name, ERR_##name },
	ERR_LIST(X)
#undef X
};
#define N_CODES (sizeof codes / sizeof codes[0])

Test(err, success_is_zero)
{
	cr_assert(ERR_OK == 0);
	cr_expect_str_eq(err_text(0), "no error");
}

Test(err, codes_are_negative_and_count_down_from_minus_one)
{
	for (size_t i = 0; i < N_CODES; i++)
		cr_expect_eq(codes[i].code, -(int)i - 1, "%s", codes[i].row);
	cr_expect_eq(ERR_COUNT, N_CODES + 1);
}

Test(err, texts_come_from_the_rows)
{
	cr_expect_str_eq(err_text(ERR_NOMEM), "out of memory");
	cr_expect_str_eq(err_text(ERR_RANGE), "outside the allowed range");
	cr_expect_str_eq(err_text(ERR_CONFIG), "the configuration has errors");
}

Test(err, no_two_codes_share_a_text)
{
	for (size_t i = 0; i < N_CODES; i++) {
		cr_assert_not_null(err_text(codes[i].code), "%s", codes[i].row);
		cr_expect_gt(strlen(err_text(codes[i].code)), 0u, "%s", codes[i].row);
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(err_text(codes[i].code), err_text(codes[j].code),
				"%s and %s", codes[i].row, codes[j].row);
	}
}

Test(err, strange_codes_are_unknown)
{
	static const int strange[] = { 1, 2, INT_MAX, -ERR_COUNT, -ERR_COUNT - 1, INT_MIN };

	for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
		cr_expect_str_eq(err_text(strange[i]), "unknown error", "%d", strange[i]);
}
