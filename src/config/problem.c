/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Everything shown has passed log_escape(), because a file may hold anything. */
#include "config/problem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"

#define TEXT_MAX 1024 /* bytes of the text of one message */
#define PREFIX_MIN 3 /* letters that a longer word may be meant by */

void config_messages_free(struct config_messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->text[i]);
	free(m->text);
	*m = (struct config_messages){ 0 };
}

void config_message_add(struct config_messages *m, const char *format, ...)
{
	char **grown = realloc(m->text, (m->n + 1) * sizeof *grown);
	va_list arguments;

	if (!grown)
		return; /* a message less; the caller's code still tells of failure */
	m->text = grown;
	va_start(arguments, format);
	if (vasprintf(&m->text[m->n], format, arguments) != -1)
		m->n++;
	va_end(arguments);
}

/* `kind` stands before the key: "" or "warning: ". */
LOG_PRINTF(5, 0)
static void add_message(struct config_messages *messages, struct config_place place,
	const char *kind, const char *key, const char *format, va_list arguments)
{
	char text[TEXT_MAX], line[16] = "";

	vsnprintf(text, sizeof text, format, arguments);
	if (place.line > 0)
		snprintf(line, sizeof line, ":%d", place.line);
	config_message_add(messages, "%s%s: %s%s%s%s",
		config_show(place.file, strlen(place.file)).text, line, kind, key ? key : "",
		key ? ": " : "", text);
}

void config_problem(struct config_problems *problems, struct config_place place, const char *key,
	const char *format, ...)
{
	va_list arguments;

	if (++problems->n > CONFIG_PROBLEMS_MAX)
		return;
	va_start(arguments, format);
	add_message(problems->messages, place, "", key, format, arguments);
	va_end(arguments);
}

void config_warning(struct config_problems *problems, struct config_place place, const char *key,
	const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_message(problems->messages, place, "warning: ", key, format, arguments);
	va_end(arguments);
}

void config_problems_end(struct config_problems *problems)
{
	if (problems->n > CONFIG_PROBLEMS_MAX)
		config_message_add(problems->messages, "and %zu more",
			problems->n - (size_t)CONFIG_PROBLEMS_MAX);
}

struct config_shown config_show(const char *text, size_t len)
{
	struct config_shown shown;

	log_escape(shown.text, sizeof shown.text, text, len);
	return shown;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

static bool is_same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, replacements and exchanges of neighbours between a and b, both at most
 * CONFIG_WORD_MAX long, whatever their case (optimal string alignment; three rows of the table are
 * enough). */
static size_t edit_distance(const char *a, const char *b)
{
	const size_t n = strlen(b);
	size_t rows[3][CONFIG_WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= n; j++)
		last[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			const bool is_same = is_same_letter(a[i - 1], b[j - 1]);

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + !is_same);
			if (i > 1 && j > 1 && is_same_letter(a[i - 1], b[j - 2]) &&
				is_same_letter(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		size_t *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[n];
}

void config_guess_offer(struct config_guess *guess, const char *candidate)
{
	const size_t len = strlen(guess->word);

	if (len == 0 || len > CONFIG_WORD_MAX || strlen(candidate) > CONFIG_WORD_MAX)
		return;
	/* A third of the letters may be wrong; beyond that any word looks like any other. */
	const size_t allowed = len < 3 ? 1 : len / 3;
	size_t distance = edit_distance(guess->word, candidate);
	if (distance > allowed && len >= PREFIX_MIN &&
		strncasecmp(guess->word, candidate, len) == 0)
		distance = allowed;
	if (distance <= allowed && (guess->best[0] == '\0' || distance < guess->distance)) {
		strcpy(guess->best, candidate);
		guess->distance = distance;
	}
}

char *config_guess_text(const struct config_guess *guess, char *out, size_t out_size)
{
	out[0] = '\0';
	if (guess->best[0])
		snprintf(out, out_size, "; did you mean \"%s\"?", guess->best);
	return out;
}
