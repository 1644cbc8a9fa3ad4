/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cursor - the only place that touches the bytes of a packet.
 *
 * A read or write beyond the end sets a sticky error, yields zero and makes everything after it
 * do nothing: a parser reads straight down and asks cursor_ok() once, then believes the values.
 * A cursor for writing and one for reading are the same thing over the same bytes; a cursor made
 * from const bytes refuses to write. Numbers are big-endian on the wire, host order here.
 * No allocation; owner only. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *base;
	uint8_t *writable; /* == base, or NULL when the bytes may only be read */
	size_t pos, len;
	bool failed;
};

/* `data` is not NULL, also when there is nothing in it. */
static inline struct cursor cursor_read_only(const void *data, size_t len)
{
	return (struct cursor){ .base = data, .len = len };
}
static inline struct cursor cursor_writable(void *data, size_t size)
{
	return (struct cursor){ .base = data, .writable = data, .len = size };
}

static inline bool cursor_ok(const struct cursor *c)
{
	return !c->failed;
}
static inline size_t cursor_pos(const struct cursor *c)
{
	return c->pos;
}
static inline size_t cursor_left(const struct cursor *c)
{
	return c->failed ? 0 : c->len - c->pos;
}
/* For bytes that are there but make no sense: the same as a read beyond the end. */
static inline void cursor_fail(struct cursor *c)
{
	c->failed = true;
}

/* The readers are inline: they run some 20 times per packet, and the packet's parser keeps the
 * cursor in registers that way. */

/* Beyond the end: fails. The end itself is a position. */
static inline void cursor_seek(struct cursor *c, size_t pos)
{
	if (c->failed || pos > c->len)
		c->failed = true;
	else
		c->pos = pos;
}
/* The next n bytes in place, NULL on failure. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
	if (c->failed || n > c->len - c->pos) {
		c->failed = true;
		return NULL;
	}
	const uint8_t *bytes = c->base + c->pos;
	c->pos += n;
	return bytes;
}
static inline void cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_bytes(c, n);
}
static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *b = cursor_bytes(c, 1);

	return b ? b[0] : 0;
}
static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *b = cursor_bytes(c, 2);

	return b ? (uint16_t)(b[0] << 8 | b[1]) : 0;
}
static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *b = cursor_bytes(c, 4);

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

/* A write that does not fit writes nothing of itself. */
void cursor_put_u8(struct cursor *c, uint8_t v);
void cursor_put_u16(struct cursor *c, uint16_t v);
void cursor_put_u32(struct cursor *c, uint32_t v);
void cursor_put(struct cursor *c, const void *data, size_t n);
