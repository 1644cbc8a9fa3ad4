/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * name - domain names as they stand on the wire (RFC 1035 3.1, 4.1.4; RFC 9267 for the traps).
 *
 * Limits, everywhere: 255 bytes a name, 63 a label; label types 01 and 10 are errors; a
 * compression pointer must point strictly backwards, and none is legitimate in a question.
 * Pure functions, any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/cursor.h"

#define NAME_MAX_BYTES 255
#define NAME_LABEL_MAX_BYTES 63
#define NAME_TEXT_MAX 1024 /* 255 bytes all escaped as \ddd, dots and the final zero */

/* Steps over an uncompressed name; its length in bytes including the root, 0 on failure (the
 * cursor then has failed). A pointer is a failure: for questions. */
size_t name_walk_question(struct cursor *c);
/* Steps over a name that may end in a pointer, checking that the pointer goes backwards; does
 * not follow it. False on failure. */
bool name_skip(struct cursor *c);

/* Equal as RFC 4343 says: ASCII case does not matter. Both are uncompressed, of that length. */
bool name_equal(const uint8_t *a, const uint8_t *b, size_t len);
/* Lower-case copy of an uncompressed name (label lengths are below 'A', so bytes may be mapped). */
void name_lower(uint8_t *out, const uint8_t *name, size_t len);

/* Text from wire: "example.com.", the root ".", strange bytes as \ddd, dots in labels as \.
 * `out` should have NAME_TEXT_MAX bytes; always terminated. For messages to people. */
char *name_to_text(char *out, size_t out_size, const uint8_t *name, size_t len);
/* Wire from text, trailing dot optional, \ddd and \c understood; "." is the root. The length, or
 * ERR_SYNTAX (empty label, label over 63, name over 255, bad escape). `out`: NAME_MAX_BYTES. */
int name_from_text(const char *text, uint8_t out[NAME_MAX_BYTES]);
