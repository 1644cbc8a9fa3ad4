/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which row of the tables a sentence belongs to, and the clauses behind it. */
#include "stories/sentences.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned of;
	const char *pattern;
	enum clause_id id;
} clauses[] = {
	/* a client's query */
	{ OF_QUERY, "with EDNS NUMBER", CLAUSE_EDNS },
	{ OF_QUERY, "with DO", CLAUSE_DO },
	{ OF_QUERY, "with TSIG", CLAUSE_TSIG },
	{ OF_QUERY, "with ID NUMBER", CLAUSE_ID },
	{ OF_QUERY, "having waited TIME", CLAUSE_WAITED },
	{ OF_QUERY, "padded to NUMBER", CLAUSE_PADDED },
	{ OF_QUERY, "cut to NUMBER", CLAUSE_CUT },
	{ OF_QUERY, "with opcode NUMBER", CLAUSE_OPCODE },
	{ OF_QUERY, "of class NUMBER", CLAUSE_CLASS },
	{ OF_QUERY, "with NUMBER questions", CLAUSE_QUESTIONS },
	{ OF_QUERY, "as a response", CLAUSE_RESPONSE },
	{ OF_QUERY | OF_HEARD | OF_ANSWER, "at worker NUMBER", CLAUSE_WORKER },
	/* flags: set by a client, expected of an answer */
	{ OF_QUERY | OF_HEARD | OF_ANSWER, "with FLAG", CLAUSE_FLAG },
	{ OF_QUERY | OF_HEARD | OF_ANSWER, "without FLAG", CLAUSE_NO_FLAG },
	/* a server's reply */
	{ OF_REPLY, "to NAME TYPE", CLAUSE_TO },
	{ OF_REPLY, "to NAME", CLAUSE_TO_NAME },
	{ OF_REPLY | OF_HABIT | OF_ANSWER, "with NUMBER answers", CLAUSE_ANSWERS },
	{ OF_REPLY | OF_HABIT | OF_ANSWER, "with EDE NUMBER", CLAUSE_EDE },
	{ OF_REPLY | OF_HABIT, "without question", CLAUSE_NO_QUESTION },
	{ OF_REPLY | OF_HABIT, "with TSIG", CLAUSE_TSIG },
	{ OF_REPLY | OF_HABIT | OF_ANSWER, "without OPT", CLAUSE_NO_OPT },
	{ OF_REPLY | OF_HABIT, "with wrong WORD", CLAUSE_WRONG },
	{ OF_REPLY | OF_HABIT, "in other case", CLAUSE_OTHER_CASE },
	{ OF_REPLY | OF_HABIT, "from the address of SERVER", CLAUSE_AS },
	{ OF_REPLY | OF_HABIT, "twice", CLAUSE_TWICE },
	{ OF_REPLY | OF_HABIT, "with garbage", CLAUSE_GARBAGE },
	{ OF_REPLY | OF_HABIT, "as a query", CLAUSE_AS_QUERY },
	{ OF_REPLY | OF_HABIT | OF_ANSWER, "truncated", CLAUSE_TRUNCATED },
	{ OF_REPLY | OF_HABIT, "with other FLAG", CLAUSE_OTHER_FLAG },
	{ OF_REPLY | OF_HABIT, "padded to NUMBER", CLAUSE_PADDED },
	{ OF_REPLY | OF_HABIT, "after TIME", CLAUSE_AFTER },
	{ OF_HABIT, "to queries", CLAUSE_TO_QUERIES },
	{ OF_HABIT, "to probes", CLAUSE_TO_PROBES },
	/* what a client got */
	{ OF_ANSWER, "from us", CLAUSE_FROM_US },
	{ OF_ANSWER, "from SERVER", CLAUSE_FROM },
	{ OF_ANSWER, "for NAME TYPE", CLAUSE_FOR },
	{ OF_ANSWER, "for NAME", CLAUSE_FOR_NAME },
	{ OF_ANSWER, "without EDE", CLAUSE_NO_EDE },
	{ OF_ANSWER, "without question", CLAUSE_NO_QUESTION },
	{ OF_ANSWER | OF_HEARD, "with OPT", CLAUSE_OPT },
	{ OF_ANSWER | OF_HEARD, "with TSIG", CLAUSE_TSIG },
	{ OF_ANSWER, "whole", CLAUSE_WHOLE },
	/* what a server heard */
	{ OF_HEARD, "without OPT", CLAUSE_NO_OPT },
	{ OF_HEARD, "by a fresh socket", CLAUSE_FRESH },
	{ OF_HEARD, "with another ID", CLAUSE_OTHER_ID },
	{ OF_HEARD | OF_ANSWER, "of NUMBER bytes", CLAUSE_BYTES },
};

const struct clause *said_clause(const struct said *s, enum clause_id id)
{
	for (size_t i = 0; i < s->n_clauses; i++) {
		if (s->clauses[i].id == (int)id)
			return &s->clauses[i];
	}
	return NULL;
}

static size_t match_clause(struct said *s, unsigned of, const struct words *w, size_t at,
	const struct words_context *names)
{
	if (s->n_clauses == CLAUSES_MAX)
		return 0;
	struct clause *c = &s->clauses[s->n_clauses];
	for (size_t i = 0; i < sizeof clauses / sizeof clauses[0]; i++) {
		size_t end = clauses[i].of & of
				     ? words_match(clauses[i].pattern, w, at, names, c->slots)
				     : 0;

		if (end > 0) {
			c->id = clauses[i].id;
			s->n_clauses++;
			return end;
		}
	}
	return 0;
}

/* The word up to which the sentence is understood as this row says. */
static size_t match_row(
	struct said *s, const struct sentence *row, const struct words *w, size_t from)
{
	const struct words_context names = { .server = stage_server, .ctx = s->stage };
	size_t at = words_match(row->pattern, w, from, &names, s->slots);

	s->n_clauses = 0;
	while (at > 0 && at < w->n) {
		size_t end = match_clause(s, row->clauses, w, at, &names);

		if (end == 0)
			break;
		at = end;
	}
	return at;
}

bool sentence_say(
	struct stage *stage, const struct words *w, size_t from, const char *text, bool is_exact)
{
	static const struct sentence *const tables[] = { sentences_of_clients, sentences_of_servers,
		sentences_of_crowds, sentences_of_state };
	size_t furthest = 0;

	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
		for (const struct sentence *row = tables[t]; row->pattern; row++) {
			struct said said = {
				.stage = stage, .sentence = text, .is_exact = is_exact
			};
			size_t at = match_row(&said, row, w, from);

			if (at == w->n)
				return row->say(&said);
			if (at > furthest)
				furthest = at;
		}
	}
	if (furthest > 0)
		return stage_fail(
			stage, NULL, "this is not understood from \"%s\" on", w->word[furthest]);
	return stage_fail(stage, NULL, "no sentence begins like this");
}

bool said_wrong(struct said *s, const char *format, ...)
{
	char text[1500];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return stage_fail(s->stage, s->sentence, "%s", text);
}

void said_list(struct said *s, enum happening_kind kind, int who, char *out, size_t size)
{
	struct happening *h;
	size_t len = 0;

	snprintf(out, size, "nothing of that kind");
	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
		char text[900];

		if (h->kind != kind || (who != -1 && h->who != who) || len >= size)
			continue;
		stage_describe(s->stage, h, text, sizeof text);
		len += (size_t)snprintf(out + len, size - len, "%sat %g ms %s", len ? "; " : "",
			stage_ms(s->stage, h->at_ns), text);
	}
}
