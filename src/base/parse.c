/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * strtoll skips spaces, takes '+' and stops at the first stranger; an operator's typing error
 * must not pass that quietly, so the shape is checked first. */
#include "base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int parse_i64(const char *text, int64_t min, int64_t max, int64_t *value_out)
{
	const char *digits = text[0] == '-' ? text + 1 : text;

	if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return ERR_SYNTAX;
	errno = 0;
	long long value = strtoll(text, NULL, 10);
	if (errno == ERANGE || value < min || value > max)
		return ERR_RANGE;
	*value_out = value;
	return 0;
}
