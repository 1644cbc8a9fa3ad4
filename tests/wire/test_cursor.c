/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cursor: what is read and written, and that nothing happens after the first failure. */
#include "wire/cursor.h"

#include <criterion/criterion.h>
#include <string.h>

#include "packets.h"

static const uint8_t eight[] = { 0x01, 0x82, 0x03, 0x84, 0x85, 0x06, 0x07, 0x88 };

Test(cursor, reads_big_endian_in_order)
{
	struct cursor c = cursor_read_only(eight, sizeof eight);

	cr_expect_eq(cursor_u8(&c), 0x01);
	cr_expect_eq(cursor_u16(&c), 0x8203);
	cr_expect_eq(cursor_u32(&c), 0x84850607u);
	cr_expect_eq(cursor_pos(&c), 7);
	cr_expect_eq(cursor_left(&c), 1);
	cr_expect_eq(cursor_bytes(&c, 1), eight + 7);
	cr_expect_eq(cursor_left(&c), 0);
	cr_expect(cursor_ok(&c), "reading to the very end is no failure");
}

Test(cursor, read_past_end_is_sticky)
{
	uint8_t *block = exact_copy(eight, 3);

	for (unsigned width = 1; width <= 4; width *= 2) {
		struct cursor c = cursor_read_only(block, 3);
		cursor_skip(&c, 4 - width);
		uint32_t v = width == 1   ? cursor_u8(&c)
			     : width == 2 ? cursor_u16(&c)
					  : cursor_u32(&c);
		cr_expect_eq(v, 0, "width %u: yields zero", width);
		cr_expect_not(cursor_ok(&c), "width %u: has failed", width);
		cr_expect_eq(cursor_left(&c), 0, "width %u: nothing left", width);
		cursor_seek(&c, 0);
		cr_expect_eq(cursor_pos(&c), 4 - width, "width %u: stays where it failed", width);
		cr_expect_eq(cursor_u8(&c), 0, "width %u: no read works after it", width);
		cr_expect_null(cursor_bytes(&c, 0), "width %u: not even of nothing", width);
		cr_expect_not(cursor_ok(&c), "width %u: seeking back does not heal", width);
	}
	free(block);
}

Test(cursor, a_failed_read_does_not_move)
{
	struct cursor c = cursor_read_only(eight, 3);

	cursor_skip(&c, 2);
	cursor_u32(&c);
	cr_expect_eq(cursor_pos(&c), 2);
}

Test(cursor, seeks_to_the_end_but_not_beyond)
{
	struct cursor c = cursor_read_only(eight, sizeof eight);

	cursor_seek(&c, sizeof eight);
	cr_expect(cursor_ok(&c));
	cr_expect_eq(cursor_left(&c), 0);
	cursor_seek(&c, 1);
	cr_expect_eq(cursor_u8(&c), 0x82, "and back again");
	cursor_seek(&c, sizeof eight + 1);
	cr_expect_not(cursor_ok(&c));
}

Test(cursor, huge_lengths_do_not_wrap)
{
	static const size_t lens[] = { 8, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 };

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct cursor c = cursor_read_only(eight, sizeof eight);
		cursor_u8(&c);
		cr_expect_null(cursor_bytes(&c, lens[i]), "%zu bytes", lens[i]);
		cr_expect_not(cursor_ok(&c), "%zu bytes", lens[i]);
		cr_expect_eq(cursor_pos(&c), 1, "%zu bytes", lens[i]);
	}
}

Test(cursor, nothing_can_be_taken_from_nothing)
{
	struct cursor c = cursor_read_only(eight, 0);

	cr_expect_not_null(cursor_bytes(&c, 0));
	cr_expect(cursor_ok(&c));
	cr_expect_eq(cursor_u8(&c), 0);
	cr_expect_not(cursor_ok(&c));
}

Test(cursor, fails_when_told_to)
{
	struct cursor c = cursor_read_only(eight, sizeof eight);

	cursor_fail(&c);
	cr_expect_not(cursor_ok(&c));
	cr_expect_eq(cursor_u8(&c), 0);
}

Test(cursor, writes_what_it_reads)
{
	uint8_t out[8] = { 0 };
	struct cursor c = cursor_writable(out, sizeof out);

	cursor_put_u8(&c, 0x01);
	cursor_put_u16(&c, 0x8203);
	cursor_put_u32(&c, 0x84850607u);
	cursor_put(&c, "\x88", 1);
	cr_expect(cursor_ok(&c));
	cr_expect_eq(cursor_pos(&c), sizeof out);
	cr_expect_arr_eq(out, eight, sizeof out);
	cursor_seek(&c, 3);
	cr_expect_eq(cursor_u32(&c), 0x84850607u, "one cursor reads and writes");
}

Test(cursor, write_that_does_not_fit_writes_nothing)
{
	for (unsigned width = 1; width <= 4; width++) {
		uint8_t *block = exact_copy("\x55\x55\x55", 3);
		struct cursor c = cursor_writable(block, 3);
		cursor_skip(&c, 4 - width);
		if (width == 1)
			cursor_put_u8(&c, 0xff);
		else if (width == 2)
			cursor_put_u16(&c, 0xffff);
		else if (width == 3)
			cursor_put(&c, eight, 3);
		else
			cursor_put_u32(&c, 0xffffffff);
		cr_expect_not(cursor_ok(&c), "width %u", width);
		cursor_seek(&c, 0);
		cursor_put_u8(&c, 0xff);
		cr_expect_arr_eq(block, "\x55\x55\x55", 3, "width %u: and nothing after it", width);
		free(block);
	}
}

Test(cursor, refuses_to_write_const_bytes)
{
	uint8_t bytes[4] = { 1, 2, 3, 4 };
	static const char *const names[] = { "u8", "u16", "u32", "bytes" };

	for (unsigned i = 0; i < 4; i++) {
		struct cursor c = cursor_read_only(bytes, sizeof bytes);
		if (i == 0)
			cursor_put_u8(&c, 9);
		else if (i == 1)
			cursor_put_u16(&c, 9);
		else if (i == 2)
			cursor_put_u32(&c, 9);
		else
			cursor_put(&c, eight, 1);
		cr_expect_not(cursor_ok(&c), "%s", names[i]);
		cr_expect_arr_eq(bytes, "\1\2\3\4", 4, "%s", names[i]);
	}
}

Test(cursor, putting_nothing_is_allowed)
{
	uint8_t out[1] = { 7 };
	struct cursor c = cursor_writable(out, sizeof out);

	cursor_put(&c, NULL, 0);
	cr_expect(cursor_ok(&c));
	cr_expect_eq(cursor_pos(&c), 0);
	cr_expect_eq(out[0], 7);
}
