/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a client hears of a shed query. */
#include "core/shed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/datagram.h"
#include "wire/packets.h"

static size_t shed(
	const void *data, size_t len, enum on_overload action, uint8_t out[REPLY_SELF_MAX])
{
	struct datagram *d = calloc(1, sizeof *d + len);

	d->len = (uint16_t)len;
	memcpy(d->data, data, len);
	size_t n = shed_reply(d, action, 1232, out, REPLY_SELF_MAX);
	free(d);
	return n;
}

#define QUERY HEADER(F_QUERY, "\1", "\0", "\0", "\0") QUESTION
#define QUERY_EDNS HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_DO

Test(shed, drop_is_silence)
{
	uint8_t out[REPLY_SELF_MAX];

	cr_expect_eq(shed(QUERY, sizeof(QUERY) - 1, ON_OVERLOAD_DROP, out), 0);
}

Test(shed, servfail_and_refused_carry_id_question_and_flags)
{
	static const struct {
		enum on_overload action;
		uint8_t rcode;
	} cases[] = {
		{ ON_OVERLOAD_SERVFAIL, RCODE_SERVFAIL },
		{ ON_OVERLOAD_REFUSED, RCODE_REFUSED },
	};
	uint8_t out[REPLY_SELF_MAX];

	for (size_t i = 0; i < 2; i++) {
		size_t n = shed(QUERY, sizeof(QUERY) - 1, cases[i].action, out);
		cr_assert_eq(n, 29);
		cr_expect_eq(out[0] << 8 | out[1], 0x1234);
		cr_expect_eq(out[2], 0x81);
		cr_expect_eq(out[3] & 15, cases[i].rcode);
		cr_expect_arr_eq(out + 12, QUESTION, 17);
	}
}

Test(shed, a_client_with_edns_gets_an_opt_that_says_overloaded)
{
	uint8_t out[REPLY_SELF_MAX];
	static const char opt[] = "\0\0\x29\x04\xd0\0\0\x80\0\0\x10"
				  "\0\xf\0\xc\0\0overloaded";

	for (size_t i = 0; i < 2; i++) {
		size_t n = shed(QUERY_EDNS, sizeof(QUERY_EDNS) - 1,
			i ? ON_OVERLOAD_REFUSED : ON_OVERLOAD_SERVFAIL, out);
		cr_assert_eq(n, 29 + 11 + 6 + 10);
		cr_expect_arr_eq(out + 29, opt, 11 + 6 + 10);
	}
}

Test(shed, what_is_no_query_gets_silence)
{
	static const struct {
		const char *name;
		const char *data;
		size_t len;
	} cases[] = {
		{ "empty", BYTES("") },
		{ "short", BYTES("\x12\x34\1\0\0\1\0\0\0\0\0") },
		{ "response", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\0") QUESTION) },
		{ "cut question", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") "\7exa") },
		{ "other opcode", BYTES(HEADER("\x10\0", "\1", "\0", "\0", "\0") QUESTION) },
	};
	uint8_t out[REPLY_SELF_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(shed(cases[i].data, cases[i].len, ON_OVERLOAD_REFUSED, out), 0, "%s",
			cases[i].name);
}
