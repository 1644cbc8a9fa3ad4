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

struct cursor cursor_read_only(const void *data, size_t len);
struct cursor cursor_writable(void *data, size_t size);

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
void cursor_seek(struct cursor *c, size_t pos); /* beyond the end: fails */
void cursor_skip(struct cursor *c, size_t n);

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
/* The next n bytes in place, NULL on failure. */
const uint8_t *cursor_bytes(struct cursor *c, size_t n);

void cursor_put_u8(struct cursor *c, uint8_t v);
void cursor_put_u16(struct cursor *c, uint16_t v);
void cursor_put_u32(struct cursor *c, uint32_t v);
void cursor_put(struct cursor *c, const void *data, size_t n);
