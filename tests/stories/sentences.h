/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sentences - what a story can say.
 *
 * To add one: a row in the table of the file that is about its subject (clients, servers, crowds, what
 * dnsbal thinks): the pattern, which clauses may follow, what it does. A function that expects
 * something changes nothing when it fails, because `within` asks it again. */
#pragma once
#include "stories/stage.h"
#include "stories/words.h"

enum clause_of {
	OF_NOTHING = 0,
	OF_QUERY = 1,
	OF_REPLY = 2,
	OF_HEARD = 4,
	OF_ANSWER = 8,
	OF_HABIT = 16
};

enum clause_id {
	CLAUSE_EDNS,
	CLAUSE_DO,
	CLAUSE_FLAG,
	CLAUSE_NO_FLAG,
	CLAUSE_TSIG,
	CLAUSE_ID,
	CLAUSE_WORKER,
	CLAUSE_WAITED,
	CLAUSE_PADDED,
	CLAUSE_CUT,
	CLAUSE_OPCODE,
	CLAUSE_CLASS,
	CLAUSE_QUESTIONS,
	CLAUSE_RESPONSE,
	CLAUSE_TO,
	CLAUSE_TO_NAME,
	CLAUSE_ANSWERS,
	CLAUSE_EDE,
	CLAUSE_NO_QUESTION,
	CLAUSE_NO_OPT,
	CLAUSE_WRONG,
	CLAUSE_OTHER_CASE,
	CLAUSE_AS,
	CLAUSE_TWICE,
	CLAUSE_GARBAGE,
	CLAUSE_AS_QUERY,
	CLAUSE_TRUNCATED,
	CLAUSE_OTHER_FLAG,
	CLAUSE_AFTER,
	CLAUSE_TO_QUERIES,
	CLAUSE_TO_PROBES,
	CLAUSE_FROM,
	CLAUSE_FROM_US,
	CLAUSE_FOR,
	CLAUSE_FOR_NAME,
	CLAUSE_NO_EDE,
	CLAUSE_OPT,
	CLAUSE_WHOLE,
	CLAUSE_FRESH,
	CLAUSE_OTHER_ID,
	CLAUSE_BYTES,
	CLAUSE_BECAUSE,
};

enum { CLAUSES_MAX = 12 };

struct said {
	struct stage *stage;
	const char *sentence; /* as it stands in the story */
	bool is_exact; /* it must have happened at this very moment */
	struct slot slots[SLOTS_MAX];
	struct clause clauses[CLAUSES_MAX];
	size_t n_clauses;
};

struct sentence {
	const char *pattern;
	unsigned clauses; /* enum clause_of bits */
	bool (*say)(struct said *s);
};

extern const struct sentence sentences_of_clients[], sentences_of_servers[], sentences_of_crowds[],
	sentences_of_state[]; /* each ends with a row without pattern */

/* Finds the sentence and does what it says. False: it is not true, or not understood. */
bool sentence_say(
	struct stage *stage, const struct words *w, size_t from, const char *text, bool is_exact);
const struct clause *said_clause(const struct said *s, enum clause_id id); /* NULL: not said */

/* The sentence is not true: that is what happened instead. Always false. */
bool said_wrong(struct said *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What has happened lately and was not told, of that kind and (unless -1) of that actor: as text
 * for a message. */
void said_list(struct said *s, enum happening_kind kind, int who, char *out, size_t size);
