/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * words - sentences compared with patterns. A pattern's lower-case words stand for themselves, its
 * capitals for something of that kind:
 *
 *   CLIENT c1, c2 ...      SERVER a server's name, or "it"     NAME www.example.
 *   TYPE AAAA, TYPE65280   RCODE SERVFAIL                      NUMBER 3, 0.5
 *   TIME 750, 750 ms, 30 s PERCENT 20 %                        COUNTER a row of base/metric.h
 *   STATE up, down ...     FLAG RD, CD, AD                     WORD anything
 *
 * Commas behind words are for the reader. Pure functions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 64
#define SLOTS_MAX 8

struct words {
	char *text; /* the sentence, cut into words */
	char *word[WORDS_MAX];
	size_t n;
};
/* `w` owns a copy. False: too many words. */
bool words_cut(const char *sentence, struct words *w);
void words_free(struct words *w);

/* What a capital word of a pattern stood for, in order. */
struct slot {
	const char *text; /* the word itself */
	double number; /* NUMBER, PERCENT */
	int64_t ns; /* TIME */
	int index; /* CLIENT, SERVER, COUNTER, STATE, TYPE, RCODE, FLAG */
};

struct words_context {
	int (*server)(void *ctx, const char *name); /* -1: no such server */
	void *ctx;
};

/* Does the sentence begin, at word `from`, like the pattern? The word behind what fits, 0: no. */
size_t words_match(const char *pattern, const struct words *w, size_t from,
	const struct words_context *context, struct slot slots[SLOTS_MAX]);
/* For tables of what may follow a sentence. */
struct clause {
	int id;
	struct slot slots[SLOTS_MAX];
};
