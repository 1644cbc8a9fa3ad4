/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * token - the words of a configuration, as libconfig tells them apart or more strictly:
 * where it would cut "10ms" in two, one strange word is seen here. Pure functions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_NAME, /* of a setting */
	TOKEN_SCALAR, /* a number, true or false */
	TOKEN_STRING, /* quotes included */
	TOKEN_MARK, /* one of = : ; , { } ( ) [ ] */
	TOKEN_STRANGE,
};

struct token {
	enum token_kind kind;
	const char *text; /* in the text; at its final zero for TOKEN_END */
	size_t len;
	size_t line; /* of the text, from 1 */
};

/* The first token of a text without comments, whose strings end. */
struct token token_begin(const char *text);
void token_next(struct token *t);

enum token_integer {
	INTEGER_NONE, /* another kind of token */
	INTEGER_GOOD,
	INTEGER_WIDE, /* beyond 32 bits with a sign, whatever its suffix says */
	INTEGER_ZEROS, /* 010 */
};
enum token_integer token_integer(const struct token *t);

bool token_is_digit(char c);
