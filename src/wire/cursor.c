/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Writing. Every write goes through room(), the one place that decides whether bytes may be
 * touched, as every read goes through cursor_bytes(). */
#include "wire/cursor.h"

#include <string.h>

/* Where the next n bytes go, NULL (and failed) if they do not fit or may not be written. */
static uint8_t *room(struct cursor *c, size_t n)
{
	size_t at = c->pos;

	if (!c->writable)
		cursor_fail(c);
	return cursor_bytes(c, n) ? c->writable + at : NULL;
}

void cursor_put_u8(struct cursor *c, uint8_t v)
{
	uint8_t *b = room(c, 1);

	if (b)
		b[0] = v;
}

void cursor_put_u16(struct cursor *c, uint16_t v)
{
	uint8_t *b = room(c, 2);

	if (!b)
		return;
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

void cursor_put_u32(struct cursor *c, uint32_t v)
{
	uint8_t *b = room(c, 4);

	if (!b)
		return;
	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}

void cursor_put(struct cursor *c, const void *data, size_t n)
{
	uint8_t *b = room(c, n);

	if (b && n > 0) /* memcpy from NULL is undefined even for nothing */
		memcpy(b, data, n);
}
