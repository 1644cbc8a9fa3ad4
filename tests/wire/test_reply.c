/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * reply: our own messages byte by byte, the cut of large ones, and the small rewrites. */
#include "wire/reply.h"

#include <criterion/criterion.h>
#include <string.h>

#include "packets.h"
#include "wire/name.h"

static const uint8_t question[] = QUESTION;

static const struct {
	const char *name;
	struct reply_self r;
	const char *data;
	size_t len;
} made[] = {
	{ "servfail",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_SERVFAIL,
			.question = question,
			.question_len = 17,
			.ede = EDE_NONE },
		BYTES(HEADER("\x81\x82", "\1", "\0", "\0", "\0") QUESTION) },
	{ "RD clear, so RA clear",
		{ .id = 0x1234,
			.query_flags = 0x0000,
			.rcode = RCODE_REFUSED,
			.question = question,
			.question_len = 17,
			.ede = EDE_NONE },
		BYTES(HEADER("\x80\x05", "\1", "\0", "\0", "\0") QUESTION) },
	{ "opcode, RD, CD echoed, nothing else",
		{ .id = 0x1234,
			.query_flags = 0x7fff,
			.rcode = RCODE_NOTIMP,
			.question = question,
			.question_len = 17,
			.ede = EDE_NONE },
		BYTES(HEADER("\xf9\x94", "\1", "\0", "\0", "\0") QUESTION) },
	{ "header only", { .id = 0x1234, .rcode = RCODE_FORMERR, .ede = EDE_NONE },
		BYTES(HEADER("\x80\x01", "\0", "\0", "\0", "\0")) },
	{ "empty question is none",
		{ .id = 0x1234, .rcode = RCODE_FORMERR, .question = question, .ede = EDE_NONE },
		BYTES(HEADER("\x80\x01", "\0", "\0", "\0", "\0")) },
	{ "edns",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_SERVFAIL,
			.question = question,
			.question_len = 17,
			.edns = true,
			.udp_size = 1232,
			.ede = EDE_NONE },
		BYTES(HEADER("\x81\x82", "\1", "\0", "\0", "\1") QUESTION OPT) },
	{ "DO mirrored",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_SERVFAIL,
			.question = question,
			.question_len = 17,
			.edns = true,
			.dnssec_ok = true,
			.udp_size = 1232,
			.ede = EDE_NONE },
		BYTES(HEADER("\x81\x82", "\1", "\0", "\0", "\1") QUESTION OPT_DO) },
	{ "extended error",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_SERVFAIL,
			.question = question,
			.question_len = 17,
			.edns = true,
			.udp_size = 1232,
			.ede = EDE_NETWORK_ERROR },
		BYTES(HEADER("\x81\x82", "\1", "\0", "\0", "\1") QUESTION OPT_HEAD
			"\0\0\0\0"
			"\0\6"
			"\0\xf\0\2\0\x17") },
	{ "not supported",
		{ .id = 0x1234,
			.query_flags = 0x1000,
			.rcode = RCODE_NOTIMP,
			.question = question,
			.question_len = 17,
			.edns = true,
			.udp_size = 1232,
			.ede = EDE_NOT_SUPPORTED },
		BYTES(HEADER("\x90\x04", "\1", "\0", "\0", "\1") QUESTION OPT_HEAD
			"\0\0\0\0"
			"\0\6"
			"\0\xf\0\2\0\x15") },
	{ "other: malformed, without question",
		{ .id = 0x1234,
			.rcode = RCODE_FORMERR,
			.edns = true,
			.udp_size = 1232,
			.ede = EDE_MALFORMED },
		BYTES(HEADER("\x80\x01", "\0", "\0", "\0", "\1") OPT_HEAD
			"\0\0\0\0"
			"\0\x15"
			"\0\xf\0\x11\0\0malformed query") },
	{ "other: overloaded",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_REFUSED,
			.question = question,
			.question_len = 17,
			.edns = true,
			.dnssec_ok = true,
			.udp_size = 1232,
			.ede = EDE_OVERLOADED },
		BYTES(HEADER("\x81\x85", "\1", "\0", "\0", "\1") QUESTION OPT_HEAD
			"\0\0\x80\0"
			"\0\x10"
			"\0\xf\0\xc\0\0overloaded") },
	{ "no text without edns",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_REFUSED,
			.question = question,
			.question_len = 17,
			.ede = EDE_OVERLOADED },
		BYTES(HEADER("\x81\x85", "\1", "\0", "\0", "\0") QUESTION) },
	{ "no extended error without edns",
		{ .id = 0x1234,
			.query_flags = 0x0100,
			.rcode = RCODE_SERVFAIL,
			.question = question,
			.question_len = 17,
			.dnssec_ok = true,
			.udp_size = 1232,
			.ede = EDE_NO_REACHABLE_AUTHORITY },
		BYTES(HEADER("\x81\x82", "\1", "\0", "\0", "\0") QUESTION) },
	{ "rcode beyond 15 touches no flag", { .id = 0x1234, .rcode = 0xf1, .ede = EDE_NONE },
		BYTES(HEADER("\x80\x01", "\0", "\0", "\0", "\0")) },
	{ "edns without question",
		{ .id = 0x1234,
			.rcode = RCODE_SERVFAIL,
			.edns = true,
			.udp_size = 1232,
			.ede = EDE_NONE },
		BYTES(HEADER("\x80\x02", "\0", "\0", "\0", "\1") OPT) },
};

Test(reply, is_made_byte_by_byte)
{
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		uint8_t out[REPLY_SELF_MAX];
		size_t len = reply_make(&made[i].r, out, sizeof out);
		cr_assert_eq(len, made[i].len, "%s: %zu bytes", made[i].name, len);
		cr_expect_arr_eq(out, made[i].data, len, "%s", made[i].name);
	}
}

Test(reply, that_does_not_fit_is_not_made)
{
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		for (size_t size = 0; size <= made[i].len; size++) {
			uint8_t *out = malloc(size ? size : 1);
			cr_assert(out);
			cr_expect_eq(reply_make(&made[i].r, out, size),
				size < made[i].len ? 0 : made[i].len, "%s in %zu bytes",
				made[i].name, size);
			free(out);
		}
	}
}

Test(reply, the_largest_fits_and_none_is_larger)
{
	uint8_t big[REPLY_SELF_MAX] = { 0 }, out[2 * REPLY_SELF_MAX];
	struct reply_self r = { .question = big,
		.question_len = NAME_MAX_BYTES + 4,
		.edns = true,
		.udp_size = 1232,
		.ede = EDE_NETWORK_ERROR };

	cr_expect_eq(reply_make(&r, out, REPLY_SELF_MAX), 12u + 259 + 11 + 6);
	r.ede = EDE_MALFORMED;
	cr_expect_eq(reply_make(&r, out, REPLY_SELF_MAX), 12u + 259 + 11 + 6 + 15);
	r.ede = EDE_OVERLOADED;
	cr_expect_eq(reply_make(&r, out, REPLY_SELF_MAX), 12u + 259 + 11 + 6 + 10);
	r.question_len = REPLY_SELF_MAX;
	cr_expect_eq(reply_make(&r, out, sizeof out), 0);
}

#define LONG_OPT(ttl, len, options) OPT_HEAD ttl "\0" len options
#define R_HEADER(an, ns, ar) HEADER("\x85\xb7", "\1", an, ns, ar) /* AA, RD, RA, AD, CD, rcode 7 */
#define CUT_HEADER(ar) HEADER("\x87\xb7", "\1", "\0", "\0", ar)

static const struct {
	const char *name;
	const char *data;
	size_t len;
	bool keep_edns;
	const char *cut;
	size_t cut_len;
} cuts[] = {
	{ "no OPT to keep", BYTES(R_HEADER("\1", "\0", "\0") QUESTION A_RECORD), true,
		CUT_HEADER("\0") QUESTION, 29 },
	{ "OPT not kept", BYTES(R_HEADER("\1", "\0", "\1") QUESTION A_RECORD OPT), false,
		CUT_HEADER("\0") QUESTION, 29 },
	{ "OPT behind answers", BYTES(R_HEADER("\1", "\1", "\1") QUESTION A_RECORD A_RECORD OPT),
		true, CUT_HEADER("\1") QUESTION OPT, 40 },
	{ "OPT right behind the question",
		BYTES(R_HEADER("\0", "\0", "\1") QUESTION LONG_OPT("\0\0\0\0", "\4", "\0\3\0\0")),
		true, CUT_HEADER("\1") QUESTION OPT, 40 },
	{ "OPT before the last", BYTES(R_HEADER("\0", "\0", "\2") QUESTION OPT A_RECORD), true,
		CUT_HEADER("\1") QUESTION OPT, 40 },
	{ "extended rcode, version, DO and unknown flags",
		BYTES(R_HEADER("\1", "\0", "\1")
				QUESTION A_RECORD LONG_OPT("\1\2\xff\xfe", "\5", "\0\3\0\1x")),
		true, CUT_HEADER("\1") QUESTION OPT_HEAD "\1\2\xff\xfe\0\0", 40 },
	{ "records cannot be walked",
		BYTES(R_HEADER("\1", "\0", "\1") QUESTION RECORD("\0", "\1", "\xff") OPT), true,
		CUT_HEADER("\0") QUESTION, 29 },
	{ "signature goes", BYTES(R_HEADER("\1", "\0", "\2") QUESTION A_RECORD OPT TSIG_RECORD),
		true, CUT_HEADER("\1") QUESTION OPT, 40 },
	{ "no question", BYTES(HEADER("\x81\x85", "\0", "\0", "\0", "\1") OPT), true,
		HEADER("\x83\x85", "\0", "\0", "\0", "\1") OPT, 23 },
	{ "header only", BYTES(HEADER("\x81\x85", "\0", "\0", "\0", "\0")), true,
		HEADER("\x83\x85", "\0", "\0", "\0", "\0"), 12 },
	{ "cut already", BYTES(CUT_HEADER("\1") QUESTION OPT), true, CUT_HEADER("\1") QUESTION OPT,
		40 },
};

Test(reply, is_cut_to_header_question_and_opt)
{
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		uint8_t *block = exact_copy(cuts[i].data, cuts[i].len);
		struct reply_view view;
		cr_assert_eq(reply_parse(block, cuts[i].len, &view), 0, "%s", cuts[i].name);
		size_t len = reply_truncate(block, cuts[i].len, &view, cuts[i].keep_edns);
		cr_assert_eq(len, cuts[i].cut_len, "%s: %zu bytes", cuts[i].name, len);
		cr_expect_arr_eq(block, cuts[i].cut, len, "%s", cuts[i].name);
		free(block);
	}
}

Test(reply, message_id_is_set)
{
	uint8_t *two = exact_copy("\0\0", 2);

	message_set_id(two, 0xbeef);
	cr_expect_arr_eq(two, "\xbe\xef", 2);
	free(two);
}

Test(reply, message_flags_change_only_under_the_mask)
{
	static const struct {
		uint16_t before, mask, flags, after;
	} cases[] = {
		{ 0x8180, MESSAGE_RD | MESSAGE_CD, 0x0000, 0x8080 },
		{ 0x8180, MESSAGE_RD | MESSAGE_CD, 0x0010, 0x8090 },
		{ 0x0000, MESSAGE_RD | MESSAGE_CD, 0xffff, 0x0110 },
		{ 0xffff, MESSAGE_TC, 0x0000, 0xfdff },
		{ 0x1234, 0, 0xffff, 0x1234 },
		{ 0x1234, 0xffff, 0xabcd, 0xabcd },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *block = exact_copy("\1\2\3\4\5\6\7\10\11\12\13\14", 12);
		struct header h;
		message_set_flags(block, 0xffff, cases[i].before);
		message_set_flags(block, cases[i].mask, cases[i].flags);
		cr_assert(header_read(block, 12, &h));
		cr_expect_eq(h.flags, cases[i].after, "row %zu: %04x", i, h.flags);
		cr_expect_eq(h.id, 0x0102, "row %zu", i);
		cr_expect_arr_eq(block + 4, "\5\6\7\10\11\12\13\14", 8, "row %zu", i);
		free(block);
	}
}

Test(reply, case_flips_letters_under_the_mask_and_back)
{
	static const uint8_t before[] = "\7eXample\3c0-\0";
	static const struct {
		uint8_t mask[2];
		const char *after;
	} cases[] = {
		{ { 0x00, 0x00 }, "\7eXample\3c0-\0" }, { { 0xff, 0xff }, "\7ExAMPLE\3C0-\0" },
		{ { 0x02, 0x00 }, "\7EXample\3c0-\0" }, { { 0x80, 0x02 }, "\7eXamplE\3C0-\0" },
		{ { 0x01, 0x1d }, "\7eXample\3c0-\0" }, /* only lengths, digit, hyphen, root */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *name = exact_copy(before, 13), *mask = exact_copy(cases[i].mask, 2);
		name_flip_case(name, 13, mask);
		cr_expect_arr_eq(name, cases[i].after, 13, "mask %zu", i);
		cr_expect(name_equal(name, before, 13), "mask %zu: still the same name", i);
		name_flip_case(name, 13, mask);
		cr_expect_arr_eq(name, before, 13, "mask %zu: flipping twice restores", i);
		free(mask);
		free(name);
	}
}

Test(reply, case_of_bytes_that_are_no_letters_stays)
{
	uint8_t all[256], mask[32];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	memset(mask, 0xff, sizeof mask);
	name_flip_case(all, sizeof all, mask);
	for (int i = 0; i < 256; i++) {
		bool is_letter = (i >= 'A' && i <= 'Z') || (i >= 'a' && i <= 'z');
		cr_expect_eq(all[i], is_letter ? i ^ 0x20 : i, "byte %d", i);
	}
}
