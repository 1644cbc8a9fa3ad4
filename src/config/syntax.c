/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Recursive descent with one token of look-ahead. Invariants: the text has no comments, and its
 * strings end (config_scan); a function that returns false has reported why, and the walk is
 * over; recursion is bounded by CONFIG_NESTING_MAX, the search for twins by CONFIG_NAMES_MAX. */
#include "config/syntax.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "config/token.h"

struct parser {
	const struct config_scan *scan;
	struct config_problems *problems;
	struct token token; /* the one to be looked at */
	char before; /* the first character of the one before it, and its line */
	size_t line_before;
	char key[CONFIG_SHOWN_MAX]; /* of the value being read: "servers[2].weight" */
	size_t depth; /* of brackets */
	struct token names[CONFIG_NAMES_MAX]; /* of the open groups, outermost first */
	size_t n_names;
	struct config_lines *lines;
	bool is_out_of_memory; /* sticky: lines are missing */
};

static bool is_value(const struct parser *p)
{
	return p->token.kind == TOKEN_STRING || p->token.kind == TOKEN_SCALAR;
}

static bool is_mark(const struct parser *p, char mark)
{
	return p->token.kind == TOKEN_MARK && *p->token.text == mark;
}

static void advance(struct parser *p)
{
	p->before = *p->token.text;
	p->line_before = p->token.line;
	token_next(&p->token);
}

static struct config_place here(const struct parser *p)
{
	const bool is_end = p->token.kind == TOKEN_END;

	return config_scan_place(p->scan, is_end ? p->line_before : p->token.line);
}

/* Reports, with the source line the token stands on. */
LOG_PRINTF(2, 3) static bool fail(struct parser *p, const char *format, ...)
{
	char text[512];
	const char *begin = p->token.text, *end;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	while (begin > p->scan->text && begin[-1] != '\n')
		begin--;
	begin += strspn(begin, " \t");
	end = begin + strcspn(begin, "\n");
	while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	config_problem(p->problems, here(p), "syntax error", "%s%s%s", text,
		end > begin ? ", in: " : "", config_show(begin, (size_t)(end - begin)).text);
	return false;
}

static struct config_shown shown(const struct token *t)
{
	return config_show(t->text, t->len);
}

/* Such a word may be meant as a string, or as a switch. */
static const char *switch_advice(const struct token *t)
{
	static const struct {
		const char *word, *advice;
	} switches[] = {
		{ "yes", ", or true without" },
		{ "on", ", or true without" },
		{ "no", ", or false without" },
		{ "off", ", or false without" },
	};

	for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
		if (strlen(switches[i].word) == t->len &&
			strncasecmp(t->text, switches[i].word, t->len) == 0)
			return switches[i].advice;
	}
	return "";
}

/* An address without quotes falls apart into words, numbers, dots and colons. */
static bool fail_unquoted(struct parser *p)
{
	const struct token *t = &p->token;
	size_t n_dots = 0;

	for (size_t i = 0; i < t->len; i++)
		n_dots += t->text[i] == '.';
	if (t->text[t->len] == ':' || *t->text == ':' || (n_dots > 1 && token_is_digit(*t->text)))
		return fail(p, "addresses stand in quotes, as in \"192.0.2.1\"");
	if (*t->text == '\'')
		return fail(p, "strings stand in double quotes");
	if (token_is_digit(*t->text))
		return fail(p, "%s is not a number (units are not written)", shown(t).text);
	return fail(p, "words stand in quotes: \"%s\"%s", shown(t).text, switch_advice(t));
}

/* The token is the key of another setting. */
static bool is_key(const struct parser *p)
{
	struct token next = p->token;

	if (next.kind != TOKEN_NAME)
		return false;
	token_next(&next);
	return next.kind == TOKEN_MARK && *next.text == '=';
}

static bool fail_at_value(struct parser *p)
{
	if (is_key(p))
		return fail(p, "the value of %s is missing before the key %s", p->key,
			shown(&p->token).text);
	switch (p->token.kind) {
	case TOKEN_NAME:
	case TOKEN_STRANGE:
		return fail_unquoted(p);
	case TOKEN_MARK:
		if (is_mark(p, ':'))
			return fail_unquoted(p);
		if (is_mark(p, '='))
			return fail(p, "one = too many");
		break;
	default:
		break;
	}
	return fail(p, "the value of %s is missing", p->key);
}

static bool fail_at_key(struct parser *p, char open, struct config_place opened)
{
	const struct token *t = &p->token;

	if (t->kind == TOKEN_END || is_mark(p, ')') || is_mark(p, ']') || is_mark(p, '}')) {
		if (open == '\0')
			return fail(p, "%s closes nothing", shown(t).text);
		return fail(p, "the %c of line %d is %s", open, opened.line,
			t->kind == TOKEN_END ? "never closed" : "not closed with its like");
	}
	if (p->before == ',' && (is_value(p) || t->kind == TOKEN_STRANGE || is_mark(p, '{')))
		return fail(p, "several values need ( ) around them");
	if (is_mark(p, ';') || is_mark(p, ','))
		return fail(p, "one %s too many", shown(t).text);
	if (t->kind == TOKEN_STRING)
		return fail(p, "keys stand without quotes");
	if (t->kind == TOKEN_STRANGE && memchr(t->text, '.', t->len))
		return fail(p, "a key in a group is written GROUP = { KEY = VALUE; }");
	return fail(p, "expected a key before %s", shown(t).text);
}

static bool begins_value(const struct token *t)
{
	if (t->kind == TOKEN_MARK)
		return strchr("{([", *t->text) != NULL;
	return t->kind == TOKEN_STRING || t->kind == TOKEN_SCALAR;
}

/* Does the list go on, or end, behind the token? */
static bool is_list_behind(const struct parser *p, char open)
{
	struct token next = p->token;

	token_next(&next);
	return begins_value(&next) ||
	       (next.kind == TOKEN_MARK && *next.text == (open == '(' ? ')' : ']'));
}

static bool fail_in_list(struct parser *p, char open, struct config_place opened)
{
	const struct token *t = &p->token;

	if (is_mark(p, ':') || t->kind == TOKEN_STRANGE)
		return fail_unquoted(p);
	if (begins_value(t))
		return fail(p, "a comma is missing before %s", shown(t).text);
	if (is_mark(p, ';') && is_list_behind(p, open))
		return fail(p, "elements are separated by commas, not ;");
	return fail(p, "the %c of line %d is %s", open, opened.line,
		is_mark(p, ')') || is_mark(p, ']') || is_mark(p, '}') ? "not closed with its like"
								      : "not closed");
}

static bool value(struct parser *p);

enum kind { KIND_NONE, KIND_STRING, KIND_BOOLEAN, KIND_INTEGER, KIND_LONG, KIND_FRACTION };

/* What libconfig takes a value for: it refuses a [ ] of several kinds. */
static enum kind kind_of_value(const struct token *t)
{
	if (t->kind == TOKEN_STRING)
		return KIND_STRING;
	if (strchr("tTfF", *t->text))
		return KIND_BOOLEAN;
	if (token_integer(t) == INTEGER_NONE)
		return KIND_FRACTION;
	return t->text[t->len - 1] == 'L' ? KIND_LONG : KIND_INTEGER;
}

/* For an element of [ ]: *kind is that of those before it. Told once: a mixture begins anew. */
static void check_kind(struct parser *p, enum kind *kind, bool *is_mixed)
{
	const enum kind own = kind_of_value(&p->token);

	if (*kind != KIND_NONE && *kind != own && !*is_mixed) {
		*is_mixed = true;
		config_problem(p->problems, here(p), p->key,
			"all elements of [ ] must be of one kind: strings in quotes");
	}
	*kind = own;
}

/* The token begins a setting or an element. */
static void note_line(struct parser *p)
{
	struct config_lines *lines = p->lines;

	if (lines->n == lines->size) {
		const size_t size = lines->size ? 2 * lines->size : 64;
		unsigned *grown = realloc(lines->line, size * sizeof *grown);

		if (!grown) {
			p->is_out_of_memory = true;
			return;
		}
		lines->line = grown;
		lines->size = size;
	}
	lines->line[lines->n++] = (unsigned)p->token.line;
}

/* The value of key "[i]" below the present one. */
static bool element(struct parser *p, size_t i)
{
	const size_t len = strlen(p->key);

	snprintf(p->key + len, sizeof p->key - len, "[%zu]", i);
	note_line(p);
	const bool is_good = value(p);
	p->key[len] = '\0';
	return is_good;
}

/* ( ... ) with any values, or [ ... ] with plain ones. */
static bool list(struct parser *p, char close)
{
	const struct config_place opened = here(p);
	const char open = *p->token.text;
	enum kind kind = KIND_NONE;
	bool is_mixed = false;

	advance(p);
	if (is_mark(p, close)) {
		advance(p);
		return true;
	}
	for (size_t i = 0;; i++) {
		if (open == '[' && (is_mark(p, '{') || is_mark(p, '(') || is_mark(p, '[')))
			return fail(p, "[ ] holds strings only: write ( ) around groups");
		if (open == '[' && is_value(p))
			check_kind(p, &kind, &is_mixed);
		if (!element(p, i))
			return false;
		if (!is_mark(p, ',')) {
			if (!is_mark(p, close))
				return fail_in_list(p, open, opened);
			advance(p);
			return true;
		}
		advance(p);
		if (is_mark(p, close))
			return fail(p, "a trailing comma: nothing follows it before %c", close);
	}
}

/* Puts the token, a key, among those of its group, which begin at `first`. */
static bool note_name(struct parser *p, size_t first)
{
	const struct token *t = &p->token;

	for (size_t i = first; i < p->n_names; i++) {
		const struct token *twin = &p->names[i];

		if (twin->len != t->len || memcmp(twin->text, t->text, t->len) != 0)
			continue;
		const struct config_place place = config_scan_place(p->scan, twin->line);
		config_problem(p->problems, here(p), p->key, "given twice, first in line %d of %s",
			place.line, config_show(place.file, strlen(place.file)).text);
		return true;
	}
	if (p->n_names == CONFIG_NAMES_MAX)
		return fail(p, "too many settings in one group");
	p->names[p->n_names++] = *t;
	return true;
}

/* KEY = VALUE, and ; or , behind it. */
static bool setting(struct parser *p, size_t first)
{
	const size_t len = strlen(p->key);

	snprintf(p->key + len, sizeof p->key - len, "%s%s", len ? "." : "",
		config_show(p->token.text, p->token.len).text);
	if (!note_name(p, first))
		return false;
	note_line(p);
	advance(p);
	if (!is_mark(p, '=') && !is_mark(p, ':'))
		return fail(p, "expected = behind %s", p->key);
	advance(p);
	if (!value(p))
		return false;
	if (is_mark(p, ';') || is_mark(p, ','))
		advance(p);
	p->key[len] = '\0';
	return true;
}

/* Settings up to `close`, or up to the end for the outermost ('\0'). */
static bool group(struct parser *p, char close)
{
	const struct config_place opened = here(p);
	const size_t first = p->n_names;

	if (close)
		advance(p);
	while (close ? !is_mark(p, close) : p->token.kind != TOKEN_END) {
		if (p->token.kind != TOKEN_NAME)
			return fail_at_key(p, close ? '{' : '\0', opened);
		if (!setting(p, first))
			return false;
	}
	p->n_names = first;
	if (close)
		advance(p);
	return true;
}

static void check_integer(struct parser *p)
{
	switch (token_integer(&p->token)) {
	case INTEGER_WIDE:
		config_problem(p->problems, here(p), p->key, "%s does not fit into 32 bits",
			shown(&p->token).text);
		break;
	case INTEGER_ZEROS:
		config_problem(p->problems, here(p), p->key,
			"%s begins with a zero: is it decimal or octal?", shown(&p->token).text);
		break;
	case INTEGER_GOOD:
	case INTEGER_NONE:
		break;
	}
}

static bool bracket(struct parser *p)
{
	bool is_good;

	if (p->depth == CONFIG_NESTING_MAX)
		return fail(p, "brackets are nested more than %d deep", CONFIG_NESTING_MAX);
	p->depth++;
	if (is_mark(p, '{'))
		is_good = group(p, '}');
	else
		is_good = list(p, is_mark(p, '(') ? ')' : ']');
	p->depth--;
	return is_good;
}

static bool value(struct parser *p)
{
	const bool is_string = p->token.kind == TOKEN_STRING;

	if (is_mark(p, '{') || is_mark(p, '(') || is_mark(p, '['))
		return bracket(p);
	if (!is_value(p))
		return fail_at_value(p);
	check_integer(p);
	advance(p);
	/* libconfig would make one string of the two. */
	if (is_string && p->token.kind == TOKEN_STRING)
		return fail(p, "two strings side by side: is a comma missing?");
	return true;
}

int config_syntax(const struct config_scan *scan, struct config_problems *problems,
	struct config_lines *lines_out)
{
	struct parser p = { .scan = scan, .problems = problems, .lines = lines_out };

	*lines_out = (struct config_lines){ 0 };
	p.token = token_begin(scan->text);
	group(&p, '\0');
	return p.is_out_of_memory ? ERR_NOMEM : 0;
}
