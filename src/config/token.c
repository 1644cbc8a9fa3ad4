/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A word runs to the next blank, mark or quote; its kind is decided once it is whole. */
#include "config/token.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MARKS "=:;,{}()[]"
#define BLANKS " \t\n"
#define DIGITS "0123456789"
#define HEX_DIGITS "0123456789abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool token_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How much of the text is of `set`, from `at` on; the new `at`. */
static size_t skip(const struct token *t, size_t at, const char *set)
{
	while (at < t->len && strchr(set, t->text[at]))
		at++;
	return at;
}

static size_t skip_sign(const struct token *t)
{
	return t->text[0] == '-' || t->text[0] == '+';
}

static bool is_hex(const struct token *t)
{
	return t->len > 2 && t->text[0] == '0' && (t->text[1] == 'x' || t->text[1] == 'X');
}

/* [-+]digits or 0xdigits, and up to two L. */
static bool is_integer(const struct token *t)
{
	const size_t begin = is_hex(t) ? 2 : skip_sign(t);
	const size_t end = skip(t, begin, is_hex(t) ? HEX_DIGITS : DIGITS);

	return end > begin && t->len - end <= 2 && skip(t, end, "L") == t->len;
}

/* Digits with a dot, an exponent or both. */
static bool is_float(const struct token *t)
{
	const size_t begin = skip_sign(t);
	size_t end = skip(t, begin, DIGITS);
	size_t n_digits = end - begin;

	if (end < t->len && t->text[end] == '.') {
		const size_t fraction = end + 1;

		end = skip(t, fraction, DIGITS);
		n_digits += end - fraction;
	}
	if (end < t->len && (t->text[end] == 'e' || t->text[end] == 'E')) {
		size_t exponent = end + 1;

		if (exponent < t->len && (t->text[exponent] == '-' || t->text[exponent] == '+'))
			exponent++;
		end = skip(t, exponent, DIGITS);
		if (end == exponent)
			return false;
	}
	return n_digits > 0 && end == t->len;
}

static bool is_word(const struct token *t, const char *word)
{
	return t->len == strlen(word) && strncasecmp(t->text, word, t->len) == 0;
}

static bool is_name(const struct token *t)
{
	const size_t begin = skip(t, 0, LETTERS "*");

	return begin > 0 && skip(t, begin, LETTERS DIGITS "-_*") == t->len;
}

static enum token_kind kind_of_word(const struct token *t)
{
	if (is_integer(t) || is_float(t) || is_word(t, "true") || is_word(t, "false"))
		return TOKEN_SCALAR;
	return is_name(t) ? TOKEN_NAME : TOKEN_STRANGE;
}

static size_t string_len(const char *text)
{
	size_t len = 1;

	while (text[len] != '\0' && text[len] != '"')
		len += text[len] == '\\' && text[len + 1] != '\0' ? 2 : 1;
	return text[len] == '"' ? len + 1 : len;
}

/* The token that begins at t->text or behind the blanks there. */
static void read_token(struct token *t)
{
	for (; *t->text && strchr(BLANKS, *t->text); t->text++)
		t->line += *t->text == '\n';
	if (*t->text == '\0') {
		t->kind = TOKEN_END;
		t->len = 0;
	} else if (strchr(MARKS, *t->text)) {
		t->kind = TOKEN_MARK;
		t->len = 1;
	} else if (*t->text == '"') {
		t->kind = TOKEN_STRING;
		t->len = string_len(t->text);
	} else {
		t->len = strcspn(t->text, BLANKS MARKS "\"");
		t->kind = kind_of_word(t);
	}
}

struct token token_begin(const char *text)
{
	struct token t = { .text = text, .line = 1 };

	read_token(&t);
	return t;
}

void token_next(struct token *t)
{
	t->text += t->len;
	read_token(t);
}

enum token_integer token_integer(const struct token *t)
{
	if (t->kind != TOKEN_SCALAR || !is_integer(t))
		return INTEGER_NONE;
	const size_t sign = skip_sign(t);
	if (!is_hex(t) && t->text[sign] == '0' && sign + 1 < t->len &&
		token_is_digit(t->text[sign + 1]))
		return INTEGER_ZEROS;
	errno = 0;
	const long long n = strtoll(t->text, NULL, is_hex(t) ? 16 : 10);
	return errno == ERANGE || n < INT32_MIN || n > INT32_MAX ? INTEGER_WIDE : INTEGER_GOOD;
}
