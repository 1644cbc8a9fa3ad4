/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an operator may mistype, each with the verdict; a refused text leaves the value alone. */
#include "base/parse.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "base/err.h"

#define UNTOUCHED 4711

static const struct {
	const char *text;
	int64_t min, max;
	int rc;
	int64_t value;
} cases[] = {
	{ "0", 0, 0, 0, 0 }, { "1", 1, 256, 0, 1 }, { "256", 1, 256, 0, 256 },
	{ "0", 1, 256, ERR_RANGE, UNTOUCHED }, { "257", 1, 256, ERR_RANGE, UNTOUCHED },
	{ "-1", 0, 10, ERR_RANGE, UNTOUCHED }, { "-1", -5, 5, 0, -1 }, { "-5", -5, 5, 0, -5 },
	{ "-6", -5, 5, ERR_RANGE, UNTOUCHED }, { "-0", 0, 5, 0, 0 },
	{ "007", 0, 10, 0, 7 }, /* decimal, never octal */
	{ "010", 0, 10, 0, 10 }, { "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
	{ "9223372036854775808", 0, INT64_MAX, ERR_RANGE, UNTOUCHED },
	{ "-9223372036854775808", INT64_MIN, 0, 0, INT64_MIN },
	{ "-9223372036854775809", INT64_MIN, 0, ERR_RANGE, UNTOUCHED },
	{ "4294967296", 0, UINT32_MAX, ERR_RANGE, UNTOUCHED },
	{ "99999999999999999999999999999999", INT64_MIN, INT64_MAX, ERR_RANGE, UNTOUCHED },
	{ "", 0, 10, ERR_SYNTAX, UNTOUCHED }, { "-", -10, 10, ERR_SYNTAX, UNTOUCHED },
	{ "--1", -10, 10, ERR_SYNTAX, UNTOUCHED }, { "+1", 0, 10, ERR_SYNTAX, UNTOUCHED },
	{ " 1", 0, 10, ERR_SYNTAX, UNTOUCHED }, { "1 ", 0, 10, ERR_SYNTAX, UNTOUCHED },
	{ "1\n", 0, 10, ERR_SYNTAX, UNTOUCHED }, { "1.0", 0, 10, ERR_SYNTAX, UNTOUCHED },
	{ "1e3", 0, 10000, ERR_SYNTAX, UNTOUCHED }, { "0x10", 0, 100, ERR_SYNTAX, UNTOUCHED },
	{ "10ms", 0, 100, ERR_SYNTAX, UNTOUCHED }, { "1,000", 0, 10000, ERR_SYNTAX, UNTOUCHED },
	{ "- 1", -10, 10, ERR_SYNTAX, UNTOUCHED }, { "1-", 0, 10, ERR_SYNTAX, UNTOUCHED },
	{ "\xd9\xa1", 0, 10, ERR_SYNTAX, UNTOUCHED }, /* a digit, in Arabic */
};

Test(parse, numbers_whole_and_in_range_or_not_at_all)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t value = UNTOUCHED;
		int rc = parse_i64(cases[i].text, cases[i].min, cases[i].max, &value);

		cr_expect_eq(rc, cases[i].rc, "\"%s\" in %ld..%ld: %s", cases[i].text,
			(long)cases[i].min, (long)cases[i].max, err_text(rc));
		cr_expect_eq(value, cases[i].value, "\"%s\": %ld", cases[i].text, (long)value);
	}
}

Test(parse, errno_of_the_past_does_not_matter)
{
	int64_t value = UNTOUCHED;

	errno = ERANGE;
	cr_expect_eq(parse_i64("5", 0, 10, &value), 0);
	cr_expect_eq(value, 5);
}
