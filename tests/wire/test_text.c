/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names of types and response codes, there and back. */
#include "wire/text.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"

Test(text, types_have_their_names)
{
	static const struct {
		uint16_t type;
		const char *text;
	} cases[] = {
		{ 1, "A" },
		{ 2, "NS" },
		{ 28, "AAAA" },
		{ 65, "HTTPS" },
		{ 255, "ANY" },
		{ 257, "CAA" },
		{ 0, "TYPE0" },
		{ 65280, "TYPE65280" },
		{ 65535, "TYPE65535" },
	};
	char out[TEXT_TYPE_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_str_eq(text_rrtype(cases[i].type, out), cases[i].text);
}

Test(text, every_type_and_rcode_comes_back)
{
	char out[TEXT_TYPE_MAX], rcode_out[TEXT_RCODE_MAX];

	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		uint16_t back = 0;
		cr_assert_eq(
			text_parse_rrtype(text_rrtype((uint16_t)type, out), &back), 0, "%s", out);
		cr_assert_eq(back, type, "%s", out);
	}
	for (unsigned rcode = 0; rcode < 16; rcode++) {
		unsigned back = 99;
		cr_assert_eq(
			text_parse_rcode(text_rcode(rcode, rcode_out), &back), 0, "%s", rcode_out);
		cr_assert_eq(back, rcode);
	}
}

Test(text, case_does_not_matter)
{
	uint16_t type = 0;
	unsigned rcode = 0;

	cr_expect(text_parse_rrtype("aaaa", &type) == 0 && type == 28);
	cr_expect(text_parse_rrtype("type65280", &type) == 0 && type == 65280);
	cr_expect(text_parse_rcode("ServFail", &rcode) == 0 && rcode == 2);
	cr_expect(text_parse_rcode("rcode15", &rcode) == 0 && rcode == 15);
}

Test(text, what_is_no_name_is_refused_and_nothing_written)
{
	static const char *const types[] = { "", "B", "A ", " A", "AAAAA", "TYPE", "TYPE65536",
		"TYPE-1", "TYPE1x", "TYPE 1", "1", "TYPE99999999999999999999" };
	static const char *const rcodes[] = { "", "NOPE", "RCODE", "RCODE16", "RCODE-1", "2" };
	uint16_t type = 7;
	unsigned rcode = 7;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		cr_expect_eq(text_parse_rrtype(types[i], &type), ERR_SYNTAX, "\"%s\"", types[i]);
	for (size_t i = 0; i < sizeof rcodes / sizeof rcodes[0]; i++)
		cr_expect_eq(text_parse_rcode(rcodes[i], &rcode), ERR_SYNTAX, "\"%s\"", rcodes[i]);
	cr_expect(type == 7 && rcode == 7);
}

Test(text, rcodes_beyond_the_list_have_numbers)
{
	char out[TEXT_RCODE_MAX];

	cr_expect_str_eq(text_rcode(11, out), "RCODE11");
	cr_expect_str_eq(text_rcode(4095, out), "RCODE4095");
	cr_expect_lt(strlen(text_rcode(4294967295u, out)), TEXT_RCODE_MAX);
}
