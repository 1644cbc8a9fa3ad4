/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * problem - saying what is wrong with a configuration: one line a problem, its place
 * first, a bounded number of them; and guessing what an unknown word was meant to be.
 * Single thread (main). */
#pragma once
#include <stddef.h>

#include "base/log.h"

struct config_messages;

#define CONFIG_PROBLEMS_MAX 100 /* more are counted, not told: nobody reads them */
#define CONFIG_WORD_MAX 40 /* bytes; longer words are nobody's typing error */
#define CONFIG_SHOWN_MAX 128 /* bytes of a value or line shown in a message, escapes included */

struct config_place {
	const char *file; /* as shown; not owned */
	int line; /* 0: no line of it */
};

struct config_problems {
	struct config_messages *messages;
	size_t n; /* all, told or not */
};

/* "FILE:LINE: KEY: text"; key may be NULL. */
void config_problem(struct config_problems *problems, struct config_place place, const char *key,
	const char *format, ...) LOG_PRINTF(4, 5);
/* "FILE:LINE: warning: KEY: text": no problem, and not counted as one. */
void config_warning(struct config_problems *problems, struct config_place place, const char *key,
	const char *format, ...) LOG_PRINTF(4, 5);
/* The last message, if some were left out: how many. */
void config_problems_end(struct config_problems *problems);

/* A file's text made safe for a message. */
struct config_shown {
	char text[CONFIG_SHOWN_MAX];
};
struct config_shown config_show(const char *text, size_t len);

/* Which of the words offered comes closest to `word`, if any is close enough to be meant. */
struct config_guess {
	const char *word;
	char best[CONFIG_WORD_MAX + 1]; /* "": none */
	size_t distance;
};
void config_guess_offer(struct config_guess *guess, const char *candidate);
/* "; did you mean "x"?" or "", in out. */
char *config_guess_text(const struct config_guess *guess, char *out, size_t out_size);
