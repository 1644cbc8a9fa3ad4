/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * message: what is forwarded, what is answered FORMERR or NOTIMP, what is met with silence, and
 * that the view tells the truth in every case. Packets are read in blocks of their exact size. */
#include "wire/message.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "packets.h"

Test(message, header_is_read_in_host_order)
{
	struct header h;

	cr_assert(header_read((const uint8_t *)"\1\2\3\4\5\6\7\10\11\12\13\14", 12, &h));
	cr_expect_eq(h.id, 0x0102);
	cr_expect_eq(h.flags, 0x0304);
	cr_expect_eq(h.n_question, 0x0506);
	cr_expect_eq(h.n_answer, 0x0708);
	cr_expect_eq(h.n_authority, 0x090a);
	cr_expect_eq(h.n_additional, 0x0b0c);
}

Test(message, header_needs_12_bytes)
{
	struct header h;

	for (size_t len = 0; len < 12; len++) {
		uint8_t *block = exact_copy("\1\2\3\4\5\6\7\10\11\12\13", len);
		cr_expect_not(header_read(block, len, &h), "%zu bytes", len);
		free(block);
	}
}

Test(message, flags_are_taken_apart)
{
	cr_expect_eq(header_opcode(0x2800), OPCODE_UPDATE);
	cr_expect_eq(header_opcode(0xffff), 15u);
	cr_expect_eq(header_rcode(0xfff5), RCODE_REFUSED);
}

#define TWO_RECORDS A_RECORD A_RECORD
#define SIG_RECORD(covered, len) RECORD("\1k\0", "\x18", len) covered

static const struct {
	const char *name;
	const char *data;
	size_t len;
	enum query_verdict verdict;
	uint16_t name_len, opt_offset, opt_end;
	bool is_signed;
} queries[] = {
	/* Good ones. */
	{ "plain", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") QUESTION), QUERY_FORWARD, 13 },
	{ "root", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") "\0\0\2\0\1"), QUERY_FORWARD, 1 },
	{ "opt", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION OPT), QUERY_FORWARD, 13, 29,
		40 },
	{ "opt first of two", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\2") QUESTION OPT A_RECORD),
		QUERY_FORWARD, 13, 29, 40 },
	{ "opt last of two", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\2") QUESTION A_RECORD OPT),
		QUERY_FORWARD, 13, 45, 56 },
	{ "opt behind all sections",
		BYTES(HEADER(F_QUERY, "\1", "\1", "\2", "\1") QUESTION A_RECORD TWO_RECORDS OPT),
		QUERY_FORWARD, 13, 77, 88 },
	{ "unknown options",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_HEAD "\0\0\0\0\0\6"
										"\xfd\xe9\0\2hi"),
		QUERY_FORWARD, 13, 29, 46 },
	{ "options of nonsense",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_HEAD "\0\0\0\0\0\4"
										"\0\10\xff\xff"),
		QUERY_FORWARD, 13, 29, 44 },
	{ "cookie only", BYTES(HEADER(F_QUERY, "\0", "\0", "\0", "\1") OPT), QUERY_FORWARD, 0, 12,
		23 },
	{ "trailing bytes", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") QUESTION "junk"),
		QUERY_FORWARD, 13 },
	{ "notify", BYTES(HEADER("\x24\0", "\1", "\1", "\0", "\0") QUESTION A_RECORD),
		QUERY_FORWARD, 13 },
	{ "update", BYTES(HEADER("\x28\0", "\1", "\1", "\1", "\0") QUESTION TWO_RECORDS),
		QUERY_FORWARD, 13 },
	{ "all flags but QR and opcode", BYTES(HEADER("\x07\xff", "\1", "\0", "\0", "\0") QUESTION),
		QUERY_FORWARD, 13 },
	/* Signed or not. */
	{ "tsig last", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\2") QUESTION OPT TSIG_RECORD),
		QUERY_FORWARD, 13, 29, 40, true },
	{ "tsig not last", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\2") QUESTION TSIG_RECORD OPT),
		QUERY_FORWARD, 13, 44, 55, false },
	{ "tsig as answer", BYTES(HEADER(F_QUERY, "\1", "\1", "\0", "\0") QUESTION TSIG_RECORD),
		QUERY_FORWARD, 13 },
	{ "tsig as authority", BYTES(HEADER(F_QUERY, "\1", "\0", "\1", "\0") QUESTION TSIG_RECORD),
		QUERY_FORWARD, 13 },
	{ "sig(0)",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION SIG_RECORD("\0\0", "\2")),
		QUERY_FORWARD, 13, 0, 0, true },
	{ "sig of A",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION SIG_RECORD("\0\1", "\2")),
		QUERY_FORWARD, 13 },
	{ "sig too short",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION SIG_RECORD("\0", "\1")),
		QUERY_FORWARD, 13 },
	/* Silence. */
	{ "nothing", BYTES(""), QUERY_IGNORE },
	{ "11 bytes", BYTES("\x12\x34\1\0\0\1\0\0\0\0\0"), QUERY_IGNORE },
	{ "QR", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\0") QUESTION), QUERY_IGNORE },
	{ "QR and strange opcode", BYTES(HEADER("\x90\0", "\1", "\0", "\0", "\0") QUESTION),
		QUERY_IGNORE },
	/* Questions. */
	{ "no question", BYTES(HEADER(F_QUERY, "\0", "\0", "\0", "\0")), QUERY_FORMERR },
	{ "no question, no OPT",
		BYTES(HEADER(F_QUERY, "\0", "\0", "\0", "\1") RECORD("\0", "\1", "\0")),
		QUERY_FORMERR },
	{ "question missing", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0")), QUERY_FORMERR },
	{ "question cut in name", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") "\7exam"),
		QUERY_FORMERR },
	{ "question cut in type", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") QNAME "\0"),
		QUERY_FORMERR },
	{ "question cut in class", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") QNAME "\0\1\0"),
		QUERY_FORMERR },
	{ "question with pointer",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") "\1a\xc0\4\0\1\0\1"), QUERY_FORMERR },
	{ "two questions", BYTES(HEADER(F_QUERY, "\2", "\0", "\0", "\1") QUESTION QUESTION OPT),
		QUERY_FORMERR, 13, 46, 57 },
	{ "two questions, one cut",
		BYTES(HEADER(F_QUERY, "\2", "\0", "\0", "\1") QUESTION "\7exam"), QUERY_FORMERR,
		13 },
	{ "two questions, one there", BYTES(HEADER(F_QUERY, "\2", "\0", "\0", "\0") QUESTION),
		QUERY_FORMERR, 13 },
	{ "two questions, first broken",
		BYTES(HEADER(F_QUERY, "\2", "\0", "\0", "\0") "\x40" QUESTION), QUERY_FORMERR },
	{ "notify of nothing", BYTES(HEADER("\x20\0", "\0", "\0", "\0", "\1") OPT), QUERY_FORMERR,
		0, 12, 23 },
	{ "update of nothing", BYTES(HEADER("\x28\0", "\0", "\0", "\0", "\1") OPT), QUERY_FORMERR,
		0, 12, 23 },
	{ "notify of two", BYTES(HEADER("\x20\0", "\2", "\0", "\0", "\0") QUESTION QUESTION),
		QUERY_FORMERR, 13 },
	/* Records. */
	{ "answer missing", BYTES(HEADER(F_QUERY, "\1", "\1", "\0", "\0") QUESTION), QUERY_FORMERR,
		13 },
	{ "authority missing", BYTES(HEADER(F_QUERY, "\1", "\0", "\1", "\0") QUESTION),
		QUERY_FORMERR, 13 },
	{ "opt missing", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION), QUERY_FORMERR,
		13 },
	{ "second record missing", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\2") QUESTION OPT),
		QUERY_FORMERR, 13, 29, 40 },
	{ "record data cut",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1")
				QUESTION RECORD("\0", "\1", "\5") "1234"),
		QUERY_FORMERR, 13 },
	{ "opt data cut",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_HEAD "\0\0\0\0\xff\xff"
										"1234"),
		QUERY_FORMERR, 13 },
	{ "owner points at itself",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1")
				QUESTION RECORD("\xc0\x1d", "\1", "\0")),
		QUERY_FORMERR, 13 },
	{ "owner points forward",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1")
				QUESTION RECORD("\xc0\x30", "\1", "\0")),
		QUERY_FORMERR, 13 },
	{ "owner label type 10",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1")
				QUESTION RECORD("\x80\0", "\1", "\0")),
		QUERY_FORMERR, 13 },
	/* OPT out of place. */
	{ "two OPTs", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\2") QUESTION OPT OPT),
		QUERY_FORMERR, 13, 29, 40 },
	{ "opt as answer", BYTES(HEADER(F_QUERY, "\1", "\1", "\0", "\0") QUESTION OPT),
		QUERY_FORMERR, 13 },
	{ "opt as authority", BYTES(HEADER(F_QUERY, "\1", "\0", "\1", "\1") QUESTION OPT OPT),
		QUERY_FORMERR, 13 },
	{ "opt with a name", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION "\1a" OPT),
		QUERY_FORMERR, 13 },
	{ "opt named by pointer to a root",
		BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION
			"\xc0\x18\0\x29\x04\xd0\0\0\0\0\0\0"),
		QUERY_FORMERR, 13 },
	/* Opcodes. */
	{ "status", BYTES(HEADER("\x10\0", "\1", "\0", "\0", "\1") QUESTION OPT), QUERY_NOTIMP, 13,
		29, 40 },
	{ "inverse query without question",
		BYTES(HEADER("\x08\0", "\0", "\1", "\0", "\0") A_RECORD), QUERY_NOTIMP },
	{ "stateful operations", BYTES(HEADER("\x30\0", "\0", "\0", "\0", "\0")), QUERY_NOTIMP },
	{ "opcode 15, broken", BYTES(HEADER("\x78\0", "\1", "\0", "\0", "\1") QUESTION "\xff"),
		QUERY_NOTIMP, 13 },
	{ "opcode 3, two questions",
		BYTES(HEADER("\x18\0", "\2", "\0", "\0", "\0") QUESTION QUESTION), QUERY_NOTIMP,
		13 },
};

Test(message, query_gets_its_verdict_and_a_true_view)
{
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		const char *name = queries[i].name;
		uint8_t *block = exact_copy(queries[i].data, queries[i].len);
		struct query_view view;
		memset(&view, 0xaa, sizeof view);
		cr_expect_eq(
			query_parse(block, queries[i].len, &view), queries[i].verdict, "%s", name);
		cr_expect_eq(view.question.name_len, queries[i].name_len, "%s: name %u", name,
			view.question.name_len);
		cr_expect_eq(view.edns.offset, queries[i].opt_offset, "%s: OPT at %u", name,
			view.edns.offset);
		cr_expect_eq(view.edns.end, queries[i].opt_end, "%s: OPT ends at %u", name,
			view.edns.end);
		cr_expect_eq(view.is_signed, queries[i].is_signed, "%s: signed", name);
		if (queries[i].len >= MESSAGE_HEADER_BYTES)
			cr_expect_eq(view.header.id, 0x1234, "%s: header", name);
		free(block);
	}
}

Test(message, query_cut_short_is_never_forwarded)
{
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		bool has_junk = strcmp(queries[i].name, "trailing bytes") == 0;
		size_t whole = queries[i].len - (has_junk ? 4 : 0);
		for (size_t len = 0; len < whole; len++) {
			uint8_t *block = exact_copy(queries[i].data, len);
			struct query_view view;
			cr_expect_neq(query_parse(block, len, &view), QUERY_FORWARD,
				"%s, %zu bytes", queries[i].name, len);
			cr_expect_leq(view.edns.end, len, "%s, %zu bytes", queries[i].name, len);
			free(block);
		}
	}
}

Test(message, question_fields_are_read)
{
	static const char data[] = HEADER(F_QUERY, "\1", "\0", "\0", "\0") QNAME "\xff\x01\xfe\x02";
	struct query_view view;

	cr_assert_eq(query_parse((const uint8_t *)data, sizeof data - 1, &view), QUERY_FORWARD);
	cr_expect_eq(view.question.qtype, 0xff01);
	cr_expect_eq(view.question.qclass, 0xfe02);
	cr_expect_eq(question_len(&view.question), 17);
	cr_expect_eq(view.header.flags, MESSAGE_RD);
	view.question.name_len = 0;
	cr_expect_eq(question_len(&view.question), 0, "no name, no question");
}

Test(message, edns_fields_are_read)
{
	static const struct {
		const char *name;
		const char *data;
		size_t len;
		struct edns edns;
	} cases[] = {
		{ "plain", BYTES(OPT), { 29, 40, 1232, 0, 0, false } },
		{ "DO", BYTES(OPT_DO), { 29, 40, 1232, 0, 0, true } },
		{ "all but DO", BYTES("\0\0\x29\xff\xff\x01\x02\x7f\xff\0\0"),
			{ 29, 40, 65535, 1, 2, false } },
		{ "size 0", BYTES("\0\0\x29\0\0\xff\xff\xff\xff\0\0"),
			{ 29, 40, 0, 255, 255, true } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t data[64];
		static const char head[] = HEADER(F_QUERY, "\1", "\0", "\0", "\1") QUESTION;
		struct query_view view;
		memcpy(data, head, sizeof head - 1);
		memcpy(data + sizeof head - 1, cases[i].data, cases[i].len);
		cr_expect_eq(query_parse(data, sizeof head - 1 + cases[i].len, &view),
			QUERY_FORWARD, "%s", cases[i].name);
		cr_expect_eq(view.edns.offset, cases[i].edns.offset, "%s", cases[i].name);
		cr_expect_eq(view.edns.end, cases[i].edns.end, "%s", cases[i].name);
		cr_expect_eq(view.edns.udp_size, cases[i].edns.udp_size, "%s", cases[i].name);
		cr_expect_eq(view.edns.extended_rcode, cases[i].edns.extended_rcode, "%s",
			cases[i].name);
		cr_expect_eq(view.edns.version, cases[i].edns.version, "%s", cases[i].name);
		cr_expect_eq(view.edns.dnssec_ok, cases[i].edns.dnssec_ok, "%s", cases[i].name);
	}
}

/* The counts may promise 196605 records; only what is there is walked, in a message of any size. */
Test(message, offsets_stay_within_the_largest_message)
{
	static const char head[] = HEADER(F_QUERY, "\1", "\0", "\0", "\0") QUESTION;
	size_t len = 70000, at = sizeof head - 1;
	uint8_t *data = calloc(1, len); /* records of 11 zeros, type 0, behind the question */
	struct query_view view;

	cr_assert(data);
	memcpy(data, head, at);
	memset(data + 6, 0xff, 6);
	cr_expect_eq(query_parse(data, len, &view), QUERY_FORMERR);
	size_t fit = (MESSAGE_MAX_BYTES - at) / 11, beyond = at + fit * 11;
	data[6] = (uint8_t)((fit + 1) >> 8);
	data[7] = (uint8_t)(fit + 1);
	memset(data + 8, 0, 4);
	cr_expect_eq(query_parse(data, len, &view), QUERY_FORMERR, "ends at %zu", beyond + 11);
	cr_expect_eq(query_parse(data, beyond, &view), QUERY_FORMERR);
	data[6] = (uint8_t)(fit >> 8);
	data[7] = (uint8_t)fit;
	cr_expect_eq(query_parse(data, len, &view), QUERY_FORWARD);
	cr_expect_eq(query_parse(data, beyond, &view), QUERY_FORWARD);
	free(data);
}

Test(message, reply_is_read_as_far_as_matching_needs)
{
	static const struct {
		const char *name;
		const char *data;
		size_t len;
		int result;
		uint16_t name_len;
	} cases[] = {
		{ "plain", BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\0") QUESTION A_RECORD), 0,
			13 },
		{ "records missing", BYTES(HEADER(F_REPLY, "\1", "\7", "\0", "\0") QUESTION), 0,
			13 },
		{ "no question", BYTES(HEADER("\x81\x85", "\0", "\0", "\0", "\0")), 0, 0 },
		{ "nothing", BYTES(""), ERR_SHORT, 0 },
		{ "11 bytes", BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0"), ERR_SHORT, 0 },
		{ "QR=0", BYTES(HEADER(F_QUERY, "\1", "\0", "\0", "\0") QUESTION), ERR_MALFORMED,
			0 },
		{ "two questions", BYTES(HEADER(F_REPLY, "\2", "\0", "\0", "\0") QUESTION QUESTION),
			ERR_MALFORMED, 0 },
		{ "256 questions", BYTES("\x12\x34\x81\x80\1\0\0\0\0\0\0\0" QUESTION),
			ERR_MALFORMED, 0 },
		{ "question missing", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\0")), ERR_MALFORMED,
			0 },
		{ "question cut", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\0") QNAME "\0\1\0"),
			ERR_MALFORMED, 0 },
		{ "question compressed",
			BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\0") "\xc0\0\0\1\0\1"),
			ERR_MALFORMED, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *block = exact_copy(cases[i].data, cases[i].len);
		struct reply_view view;
		memset(&view, 0xaa, sizeof view);
		cr_expect_eq(reply_parse(block, cases[i].len, &view), cases[i].result, "%s",
			cases[i].name);
		cr_expect_eq(view.question.name_len, cases[i].name_len, "%s", cases[i].name);
		if (cases[i].result == 0)
			cr_expect_eq(view.header.id, 0x1234, "%s", cases[i].name);
		if (cases[i].name_len) {
			cr_expect_eq(view.question.qtype, 1, "%s", cases[i].name);
			cr_expect_eq(view.question.qclass, CLASS_IN, "%s", cases[i].name);
		}
		free(block);
	}
}

static const struct {
	const char *name;
	const char *data;
	size_t len;
	uint16_t offset, end;
} opts[] = {
	{ "none", BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\0") QUESTION A_RECORD), 0, 0 },
	{ "alone", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\1") QUESTION OPT), 29, 40 },
	{ "behind answers", BYTES(HEADER(F_REPLY, "\1", "\1", "\1", "\1") QUESTION TWO_RECORDS OPT),
		61, 72 },
	{ "not last", BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\2") QUESTION A_RECORD OPT A_RECORD),
		45, 56 },
	{ "no question", BYTES(HEADER(F_REPLY, "\0", "\0", "\0", "\1") OPT), 12, 23 },
	{ "in the answer section", BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\0") QUESTION OPT), 0,
		0 },
	{ "in two sections", BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\1") QUESTION OPT OPT), 40,
		51 },
	{ "with a name", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\1") QUESTION "\1a" OPT), 0, 0 },
	{ "behind a record cut",
		BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\1") QUESTION RECORD("\0", "\1", "\x40")
				OPT),
		0, 0 },
	{ "behind a loop",
		BYTES(HEADER(F_REPLY, "\1", "\1", "\0", "\1")
				QUESTION RECORD("\xc0\x1d", "\1", "\0") OPT),
		0, 0 },
	{ "cut",
		BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\1") QUESTION OPT_HEAD "\0\0\0\0\0\5"
										"1234"),
		0, 0 },
	{ "before what is cut", BYTES(HEADER(F_REPLY, "\1", "\0", "\0", "\2") QUESTION OPT "\xff"),
		29, 40 },
};

Test(message, finds_the_opt_of_a_reply)
{
	for (size_t i = 0; i < sizeof opts / sizeof *opts; i++) {
		uint8_t *block = exact_copy(opts[i].data, opts[i].len);
		struct reply_view view;
		struct edns edns;
		memset(&edns, 0xaa, sizeof edns);
		cr_assert_eq(reply_parse(block, opts[i].len, &view), 0, "%s", opts[i].name);
		message_find_edns(block, opts[i].len, &view.header, &view.question, &edns);
		cr_expect_eq(edns.offset, opts[i].offset, "%s: at %u", opts[i].name, edns.offset);
		cr_expect_eq(edns.end, opts[i].end, "%s: ends at %u", opts[i].name, edns.end);
		cr_expect_eq(edns.udp_size, opts[i].offset ? 1232 : 0, "%s", opts[i].name);
		free(block);
	}
}

Test(message, finds_no_opt_where_the_question_is_unknown)
{
	static const char data[] = HEADER(F_REPLY, "\1", "\0", "\0", "\1") QUESTION OPT;
	const struct question none = { 0 }, some = { .name_len = 13 };
	struct header h;
	struct edns edns;

	cr_assert(header_read((const uint8_t *)data, sizeof data - 1, &h));
	message_find_edns((const uint8_t *)data, sizeof data - 1, &h, &none, &edns);
	cr_expect_eq(edns.offset, 0);
	h.n_question = 2;
	message_find_edns((const uint8_t *)data, sizeof data - 1, &h, &some, &edns);
	cr_expect_eq(edns.offset, 0);
}

Test(message, reads_the_extended_errors)
{
	static const struct {
		const char *name;
		const char *data;
		size_t len;
		int ede, second; /* 0: there is none */
	} cases[] = {
		{ "none", BYTES("\0\0"), -1 },
		{ "alone",
			BYTES("\0\6"
			      "\0\xf\0\2\0\x16"),
			22 },
		{ "with text",
			BYTES("\0\xb"
			      "\0\xf\0\7\0\6bogus"),
			6 },
		{ "largest",
			BYTES("\0\6"
			      "\0\xf\0\2\xff\xff"),
			65535 },
		{ "zero",
			BYTES("\0\6"
			      "\0\xf\0\2\0\0"),
			0 },
		{ "behind another",
			BYTES("\0\xc"
			      "\0\3\0\2hi"
			      "\0\xf\0\2\0\7"),
			7 },
		{ "first of two",
			BYTES("\0\xc"
			      "\0\xf\0\2\0\7"
			      "\0\xf\0\2\0\10"),
			7, 8 },
		{ "too short",
			BYTES("\0\5"
			      "\0\xf\0\1\0"),
			-1 },
		{ "too short, then good",
			BYTES("\0\xa"
			      "\0\xf\0\0"
			      "\0\xf\0\2\0\7"),
			7 },
		{ "longer than the OPT",
			BYTES("\0\6"
			      "\0\xf\0\3\0\7"),
			-1 },
		{ "another longer than the OPT",
			BYTES("\0\xa"
			      "\0\3\0\7"
			      "\0\xf\0\2\0\7"),
			-1 },
		{ "ends in an option's head",
			BYTES("\0\7"
			      "\0\3\0\0"
			      "\0\xf\0"),
			-1 },
		{ "other options only",
			BYTES("\0\4"
			      "\0\3\0\0"),
			-1 },
	};
	static const char head[] = HEADER(F_REPLY, "\1", "\0", "\0", "\1") QUESTION OPT_HEAD
		"\0\0\0\0";

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = sizeof head - 1 + cases[i].len;
		uint8_t *block = malloc(len);
		struct reply_view view;
		struct edns edns;
		cr_assert(block);
		memcpy(block, head, sizeof head - 1);
		memcpy(block + sizeof head - 1, cases[i].data, cases[i].len);
		cr_assert_eq(reply_parse(block, len, &view), 0, "%s", cases[i].name);
		message_find_edns(block, len, &view.header, &view.question, &edns);
		cr_assert_eq(edns.end, len, "%s", cases[i].name);
		cr_expect_eq(message_ede(block, len, &edns, 0, UINT16_MAX), cases[i].ede, "%s",
			cases[i].name);
		for (int code = 0; code < 30; code++) {
			bool is_in = code == cases[i].ede || (code != 0 && code == cases[i].second);

			cr_expect_eq(message_ede(block, len, &edns, (uint16_t)code, (uint16_t)code),
				is_in ? code : -1, "%s: %d", cases[i].name, code);
		}
		cr_expect_eq(message_ede(block, len - 1, &edns, 0, UINT16_MAX), -1,
			"%s: an OPT beyond the end", cases[i].name);
		edns.offset = 0;
		cr_expect_eq(message_ede(block, len, &edns, 0, UINT16_MAX), -1, "%s: no OPT",
			cases[i].name);
		free(block);
	}
}
