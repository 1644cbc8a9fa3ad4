/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One loop walks every name on the wire. It never follows a pointer, so its work is bounded by 255
 * bytes; after a short read the cursor yields zero, which is the root label and ends the loop. */
#include "wire/name.h"

#include <string.h>

#include "base/err.h"

#define POINTER \
	0xc0u /* the two label type bits; 01 is retired (RFC 6891 5), 10 never had a meaning */

/* Backwards means before this name's first label, not just before the pointer: a pointer into its
 * own labels is a loop. */
static void check_pointer(struct cursor *c, uint8_t first, size_t name_start)
{
	size_t target = (size_t)(first & ~POINTER) << 8 | cursor_u8(c);

	if ((first & POINTER) != POINTER || target >= name_start)
		cursor_fail(c);
}

static void walk(struct cursor *c, bool may_point)
{
	size_t start = cursor_pos(c);
	uint8_t label;

	while ((label = cursor_u8(c)) != 0) {
		if (label > NAME_LABEL_MAX_BYTES) {
			if (may_point)
				check_pointer(c, label, start);
			else
				cursor_fail(c);
			return;
		}
		cursor_skip(c, label);
		/* The root, here or at the pointer's target, needs one byte more. */
		if (cursor_pos(c) - start >= NAME_MAX_BYTES)
			cursor_fail(c);
	}
}

size_t name_walk_question(struct cursor *c)
{
	size_t start = cursor_pos(c);

	walk(c, false);
	return cursor_ok(c) ? cursor_pos(c) - start : 0;
}

bool name_skip(struct cursor *c)
{
	walk(c, true);
	return cursor_ok(c);
}

static uint8_t lower(uint8_t b)
{
	return (uint8_t)(b - 'A') < 26 ? b | 0x20 : b;
}

bool name_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (memcmp(a, b, len) == 0) /* nearly every reply echoes the very bytes */
		return true;
	for (size_t i = 0; i < len; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

#define EACH(b) (UINT64_C(0x0101010101010101) * (b))

/* Eight bytes at once. Seven bits of each are added to, so no carry leaves a byte: its highest bit then
 * says whether it has reached the other bound. */
static uint64_t lower8(uint64_t bytes)
{
	uint64_t low = bytes & EACH(0x7f);
	uint64_t from_a = low + EACH(0x80 - 'A');
	uint64_t behind_z = low + EACH(0x80 - 'Z' - 1);
	uint64_t upper = from_a & ~behind_z & ~bytes & EACH(0x80);

	return bytes | upper >> 2;
}

void name_lower(uint8_t *out, const uint8_t *name, size_t len)
{
	uint64_t bytes;
	size_t i = 0;

	for (; i + sizeof bytes <= len; i += sizeof bytes) {
		memcpy(&bytes, name + i, sizeof bytes);
		bytes = lower8(bytes);
		memcpy(out + i, &bytes, sizeof bytes);
	}
	for (; i < len; i++)
		out[i] = lower(name[i]);
}

static void put_escaped(struct cursor *text, uint8_t b)
{
	if (b == '.' || b == '\\') {
		cursor_put(text, (uint8_t[]){ '\\', b }, 2);
	} else if (b > ' ' && b < 0x7f) {
		cursor_put_u8(text, b);
	} else {
		uint8_t ddd[] = { '\\', '0' + b / 100, '0' + b / 10 % 10, '0' + b % 10 };
		cursor_put(text, ddd, sizeof ddd);
	}
}

char *name_to_text(char *out, size_t out_size, const uint8_t *name, size_t len)
{
	if (out_size == 0)
		return out;
	/* An escape that does not fit is left out whole, and the cursor takes nothing after it. */
	struct cursor text = cursor_writable(out, out_size - 1);
	struct cursor wire = cursor_read_only(name, len);
	uint8_t label;

	if (len == 1 && name[0] == 0)
		cursor_put_u8(&text, '.');
	while ((label = cursor_u8(&wire)) != 0) {
		const uint8_t *bytes = cursor_bytes(&wire, label);
		if (!bytes)
			break;
		for (size_t i = 0; i < label; i++)
			put_escaped(&text, bytes[i]);
		cursor_put_u8(&text, '.');
	}
	out[cursor_pos(&text)] = '\0';
	return out;
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* The byte that an escape stands for, or -1; *text is behind the backslash. */
static int take_escape(const char **text)
{
	const char *t = *text;

	if (t[0] == '\0')
		return -1;
	if (!is_digit(t[0])) {
		*text += 1;
		return (unsigned char)t[0];
	}
	if (!is_digit(t[1]) || !is_digit(t[2]))
		return -1;
	*text += 3;
	int value = (t[0] - '0') * 100 + (t[1] - '0') * 10 + (t[2] - '0');
	return value <= 255 ? value : -1;
}

/* Reads one label and the dot behind it, if any. False when it is empty, too long or broken. */
static bool take_label(const char **text, struct cursor *out)
{
	uint8_t label[NAME_LABEL_MAX_BYTES];
	size_t n = 0;

	while (**text != '\0' && **text != '.') {
		int b = (unsigned char)*(*text)++;
		if (b == '\\')
			b = take_escape(text);
		if (b < 0 || n == sizeof label)
			return false;
		label[n++] = (uint8_t)b;
	}
	if (**text == '.')
		*text += 1;
	cursor_put_u8(out, (uint8_t)n);
	cursor_put(out, label, n);
	return n > 0;
}

int name_from_text(const char *text, uint8_t out[NAME_MAX_BYTES])
{
	struct cursor wire = cursor_writable(out, NAME_MAX_BYTES);

	if (strcmp(text, ".") == 0) {
		cursor_put_u8(&wire, 0);
		return 1;
	}
	do {
		if (!take_label(&text, &wire))
			return ERR_SYNTAX;
	} while (*text != '\0');
	cursor_put_u8(&wire, 0);
	return cursor_ok(&wire) ? (int)cursor_pos(&wire) : ERR_SYNTAX;
}
