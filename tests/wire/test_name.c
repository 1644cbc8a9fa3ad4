/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * name: the limits of RFC 1035 and the traps of RFC 9267, then text both ways. */
#include "wire/name.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "packets.h"

/* A name of n bytes, root included, in labels as long as they can be. */
static size_t long_name(uint8_t *out, size_t n)
{
	size_t pos = 0;

	while (n - pos > 1) {
		size_t label = n - pos - 2 < 63 ? n - pos - 2 : 63;
		if (n - pos - 1 - (label + 1) == 1) /* one byte left over fits no label */
			label--;
		out[pos] = (uint8_t)label;
		memset(out + pos + 1, 'a' + (int)(pos % 26), label);
		pos += label + 1;
	}
	out[pos] = 0;
	return pos + 1;
}

static const struct {
	const char *name;
	const char *data;
	size_t len;
	size_t question; /* what name_walk_question() returns at offset 4 */
	bool skips; /* whether name_skip() does at offset 4 */
} walks[] = {
	{ "root",
		BYTES("\1x\0\0"
		      "\0"),
		1, true },
	{ "two labels", BYTES("\1x\0\0" QNAME), 13, true },
	{ "bytes behind", BYTES("\1x\0\0" QNAME "\xff"), 13, true },
	{ "strange bytes",
		BYTES("\1x\0\0"
		      "\4\0\xff.\\"
		      "\0"),
		6, true },
	{ "pointer",
		BYTES("\1x\0\0"
		      "\xc0\0"),
		0, true },
	{ "pointer behind label",
		BYTES("\1x\0\0"
		      "\1a"
		      "\xc0\2"),
		0, true },
	{ "pointer to just before",
		BYTES("\1x\0\0"
		      "\xc0\3"),
		0, true },
	{ "pointer to itself",
		BYTES("\1x\0\0"
		      "\xc0\4"),
		0, false },
	{ "pointer to own first label",
		BYTES("\1x\0\0"
		      "\1a"
		      "\xc0\4"),
		0, false },
	{ "pointer to itself behind label",
		BYTES("\1x\0\0"
		      "\1a"
		      "\xc0\6"),
		0, false },
	{ "pointer forward",
		BYTES("\1x\0\0"
		      "\xc0\6"
		      "\0"),
		0, false },
	{ "pointer far beyond",
		BYTES("\1x\0\0"
		      "\xff\xff"),
		0, false },
	{ "pointer, low byte small",
		BYTES("\1x\0\0"
		      "\xc1\0"),
		0, false },
	{ "pointer cut",
		BYTES("\1x\0\0"
		      "\xc0"),
		0, false },
	{ "label type 01",
		BYTES("\1x\0\0"
		      "\x41\0"
		      "\0"),
		0, false },
	{ "label type 10",
		BYTES("\1x\0\0"
		      "\x80\0"
		      "\0"),
		0, false },
	{ "label type 01 behind label",
		BYTES("\1x\0\0"
		      "\1a"
		      "\x40\0"),
		0, false },
	{ "label cut",
		BYTES("\1x\0\0"
		      "\3ab"),
		0, false },
	{ "no root",
		BYTES("\1x\0\0"
		      "\3abc"),
		0, false },
	{ "nothing", BYTES("\1x\0\0"), 0, false },
};

Test(name, walks_only_what_is_legal)
{
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		uint8_t *block = exact_copy(walks[i].data, walks[i].len);
		struct cursor c = cursor_read_only(block, walks[i].len);
		cursor_seek(&c, 4);
		cr_expect_eq(name_walk_question(&c), walks[i].question, "%s", walks[i].name);
		cr_expect_eq(cursor_ok(&c), walks[i].question != 0, "%s", walks[i].name);
		if (walks[i].question)
			cr_expect_eq(cursor_pos(&c), 4 + walks[i].question, "%s", walks[i].name);
		free(block);
	}
}

Test(name, skips_only_what_is_legal)
{
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		uint8_t *block = exact_copy(walks[i].data, walks[i].len);
		struct cursor c = cursor_read_only(block, walks[i].len);
		cursor_seek(&c, 4);
		cr_expect_eq(name_skip(&c), walks[i].skips, "%s", walks[i].name);
		cr_expect_eq(cursor_ok(&c), walks[i].skips, "%s", walks[i].name);
		free(block);
	}
}

Test(name, skip_stops_behind_the_pointer)
{
	struct cursor c = cursor_read_only("\0\1a\xc0\0zz", 7);

	cursor_seek(&c, 1);
	cr_assert(name_skip(&c));
	cr_expect_eq(cursor_pos(&c), 5);
}

Test(name, may_have_255_bytes_and_not_256)
{
	uint8_t wire[300];

	for (size_t n = 250; n <= 258; n++) {
		cr_assert_eq(long_name(wire, n), n);
		uint8_t *block = exact_copy(wire, n);
		struct cursor c = cursor_read_only(block, n);
		cr_expect_eq(name_walk_question(&c), n <= NAME_MAX_BYTES ? n : 0, "%zu bytes", n);
		c = cursor_read_only(block, n);
		cr_expect_eq(name_skip(&c), n <= NAME_MAX_BYTES, "%zu bytes", n);
		free(block);
	}
}

Test(name, with_a_pointer_keeps_the_limit_too)
{
	uint8_t wire[300] = { 0 };

	for (size_t n = 254; n <= 257; n++) { /* as if the pointer's target were the root */
		size_t len = 1 + long_name(wire + 1, n) + 1;
		memcpy(wire + len - 2, "\xc0\0", 2); /* in place of the root */
		struct cursor c = cursor_read_only(wire, len);
		cursor_skip(&c, 1);
		cr_expect_eq(name_skip(&c), n <= NAME_MAX_BYTES, "%zu bytes", n);
	}
}

Test(name, endless_labels_end)
{
	uint8_t wire[4096];
	struct cursor c = cursor_read_only(wire, sizeof wire);

	memset(wire, 1, sizeof wire);
	cr_expect_eq(name_walk_question(&c), 0);
	cr_expect_leq(cursor_pos(&c), 257, "no work is done beyond the limit");
}

Test(name, walking_a_failed_cursor_fails)
{
	struct cursor c = cursor_read_only("\0\0", 2);

	cursor_fail(&c);
	cr_expect_eq(name_walk_question(&c), 0);
	cr_expect_not(name_skip(&c));
}

Test(name, equal_ignores_ascii_case_only)
{
	static const struct {
		const char *name, *a, *b;
		size_t len;
		bool equal;
	} cases[] = {
		{ "same", "\1a\0", "\1a\0", 3, true },
		{ "case", "\4aZzA\0", "\4AzZa\0", 6, true },
		{ "other letter", "\2ab\0", "\2aB\0", 4, true },
		{ "differs", "\2ab\0", "\2ac\0", 4, false },
		{ "differs first", "\2ab\0", "\2bb\0", 4, false },
		{ "@ is not `", "\1@\0", "\1`\0", 3, false },
		{ "[ is not {", "\1[\0", "\1{\0", 3, false },
		{ "0xc1 is not 0xe1", "\1\xc1\0", "\1\xe1\0", 3, false },
		{ "other labels", "\1a\1b\0", "\3a\1b\0", 5, false },
		{ "beyond len", "\1a\0x", "\1a\0y", 3, true },
		{ "nothing", "a", "b", 0, true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *a = exact_copy(cases[i].a, cases[i].len);
		uint8_t *b = exact_copy(cases[i].b, cases[i].len);
		cr_expect_eq(name_equal(a, b, cases[i].len), cases[i].equal, "%s", cases[i].name);
		cr_expect_eq(name_equal(b, a, cases[i].len), cases[i].equal, "%s", cases[i].name);
		free(a);
		free(b);
	}
}

Test(name, lower_is_the_same_at_any_place_and_length)
{
	uint8_t mixed[NAME_MAX_BYTES], low[NAME_MAX_BYTES + 1];

	for (size_t i = 0; i < sizeof mixed; i++)
		mixed[i] = i % 3 == 0 ? 'Q' : i % 3 == 1 ? 0xd1 : 'z'; /* 0xd1: 'Q' and a bit */
	for (size_t len = 0; len <= sizeof mixed; len++) {
		memset(low, 1, sizeof low);
		name_lower(low, mixed, len);
		for (size_t i = 0; i < len; i++)
			cr_expect_eq(
				low[i], mixed[i] == 'Q' ? 'q' : mixed[i], "%zu of %zu", i, len);
		cr_expect_eq(low[len], 1, "behind %zu", len);
	}
}

Test(name, lower_touches_upper_case_letters_only)
{
	uint8_t all[256], low[256];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	name_lower(low, all, sizeof all);
	for (int i = 0; i < 256; i++)
		cr_expect_eq(low[i], i >= 'A' && i <= 'Z' ? i + 32 : i, "byte %d", i);
}

Test(name, to_text_escapes_what_is_strange)
{
	static const struct {
		const char *data;
		size_t len;
		const char *text;
	} cases[] = {
		{ BYTES("\0"), "." }, { BYTES(QNAME), "example.com." },
		{ BYTES("\3a.b\1\\\0"), "a\\.b.\\\\." },
		{ BYTES("\6\0\n \x7f\xff~\0"), "\\000\\010\\032\\127\\255~." },
		{ BYTES("\3WwW\0"), "WwW." }, { BYTES(""), "" },
		{ BYTES("\3ab"), "" }, /* cannot come from a parser; must not read beyond */
	};
	char text[NAME_TEXT_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *block = exact_copy(cases[i].data, cases[i].len);
		cr_expect_eq(name_to_text(text, sizeof text, block, cases[i].len), text);
		cr_expect_str_eq(text, cases[i].text);
		free(block);
	}
}

Test(name, to_text_never_writes_beyond_and_never_cuts_an_escape)
{
	static const char wire[] = "\3a\1.\1b\0";

	for (size_t size = 0; size <= 12; size++) {
		char *out = malloc(size ? size : 1);
		cr_assert(out);
		name_to_text(out, size, (const uint8_t *)wire, sizeof wire - 1);
		if (size > 0) {
			cr_expect_lt(strlen(out), size, "size %zu", size);
			cr_expect(strncmp(out, "a\\001\\..b.", strlen(out)) == 0, "size %zu: %s",
				size, out);
			cr_expect(strlen(out) < 2 || strlen(out) > 4, "size %zu: %s", size, out);
			cr_expect_neq(strlen(out), 6, "size %zu: %s", size, out);
		}
		free(out);
	}
}

Test(name, the_longest_text_fits)
{
	uint8_t wire[NAME_MAX_BYTES], back[NAME_MAX_BYTES];
	char text[NAME_TEXT_MAX];

	long_name(wire, sizeof wire);
	for (size_t i = 0; i < sizeof wire; i += wire[i] + 1u)
		memset(wire + i + 1, 0xff, wire[i]);
	name_to_text(text, sizeof text, wire, sizeof wire);
	cr_expect_eq(strlen(text), 4u * 250 + 4);
	cr_expect_eq(name_from_text(text, back), NAME_MAX_BYTES);
	cr_expect_arr_eq(back, wire, sizeof wire);
}

Test(name, from_text_understands_names)
{
	static const struct {
		const char *text;
		const char *data;
		size_t len;
	} cases[] = {
		{ ".", BYTES("\0") },
		{ "example.com.", BYTES(QNAME) },
		{ "example.com", BYTES(QNAME) },
		{ "a\\.b.c", BYTES("\3a.b\1c\0") },
		{ "\\\\", BYTES("\1\\\0") },
		{ "\\000\\255\\065x", BYTES("\4\0\xff"
					    "Ax\0") },
		{ "\\x", BYTES("\1x\0") },
		{ "\xc3\xa4", BYTES("\2\xc3\xa4\0") },
	};
	uint8_t out[NAME_MAX_BYTES];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int len = name_from_text(cases[i].text, out);
		cr_assert_eq(len, (int)cases[i].len, "%s: %d", cases[i].text, len);
		cr_expect_arr_eq(out, cases[i].data, cases[i].len, "%s", cases[i].text);
	}
}

Test(name, from_text_refuses_what_is_no_name)
{
	static const char *const cases[] = {
		"",
		"..",
		".a",
		"a..b",
		"a..",
		"\\",
		"a\\",
		"\\0",
		"\\00",
		"\\256",
		"\\999",
		"\\0a0",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"0123456789012345678901234567890123456789012345678901234567890123.a",
	};
	uint8_t out[NAME_MAX_BYTES];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_eq(name_from_text(cases[i], out), ERR_SYNTAX, "%s", cases[i]);
}

Test(name, from_text_keeps_the_limits)
{
	char text[400];
	uint8_t wire[300], out[NAME_MAX_BYTES];

	for (size_t n = 250; n <= 258; n++) {
		long_name(wire, n);
		name_to_text(text, sizeof text, wire, n);
		int expected = n <= NAME_MAX_BYTES ? (int)n : ERR_SYNTAX;
		cr_expect_eq(name_from_text(text, out), expected, "%zu bytes", n);
		text[strlen(text) - 1] = '\0';
		cr_expect_eq(name_from_text(text, out), expected, "%zu bytes, no final dot", n);
	}
}
