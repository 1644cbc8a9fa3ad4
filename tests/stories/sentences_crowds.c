/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Crowds: many queries, of which figures are told. */
#include <stdlib.h>
#include <string.h>

#include "stories/sentences.h"
#include "wire/text.h"

static struct crowd *crowd_of(struct said *s, size_t slot)
{
	return &s->stage->crowds[strcmp(s->slots[slot].text, "flood") == 0 ? CROWD_ONE
									   : CROWD_MANY];
}

static bool is_crowd(struct said *s, size_t slot)
{
	const char *name = s->slots[slot].text;

	if (strcmp(name, "crowd") == 0 || strcmp(name, "flood") == 0)
		return true;
	return stage_fail(s->stage, NULL, "\"%s\" is neither the crowd nor the flood", name);
}

static bool every(struct said *s)
{
	struct stage *stage = s->stage;
	int64_t until_ns = STAGE_START_NS + s->slots[1].ns;

	if (!is_crowd(s, 2))
		return false;
	if (s->slots[0].ns <= 0 || until_ns <= stage->now_ns)
		return stage_fail(stage, NULL, "that time is over already");
	stage_note(stage, "%s", s->sentence);
	const struct load load = {
		.which = strcmp(s->slots[2].text, "flood") == 0 ? CROWD_ONE : CROWD_MANY,
		.next_ns = stage->now_ns,
		.every_ns = s->slots[0].ns,
		.until_ns = until_ns,
		.name = strdup(s->slots[3].text),
		.type = (uint16_t)s->slots[4].index,
	};
	return crowd_start(stage, &load) || stage_fail(stage, NULL, "too many crowds at a time");
}

static bool asks_times(struct said *s)
{
	struct stage *stage = s->stage;
	int which = strcmp(s->slots[0].text, "flood") == 0 ? CROWD_ONE : CROWD_MANY;

	if (!is_crowd(s, 0))
		return false;
	stage_note(stage, "%s", s->sentence);
	for (unsigned i = 0; i < (unsigned)s->slots[1].number; i++)
		crowd_ask(stage, which, s->slots[2].text, (uint16_t)s->slots[3].index,
			i % stage->n_workers);
	return !stage->has_failed;
}

static uint64_t n_answered(const struct crowd *c)
{
	uint64_t n = 0;

	for (int i = 0; i < 16; i++)
		n += c->n_rcode[i];
	return n;
}

static uint64_t n_asked(const struct crowd *c)
{
	return c->n_asks - c->since;
}

static bool always_got(struct said *s)
{
	struct crowd *c = crowd_of(s, 0);
	uint64_t n = c->n_rcode[s->slots[1].index], asked = n_asked(c);

	if (!is_crowd(s, 0))
		return false;
	if (asked == 0)
		return stage_fail(s->stage, NULL, "the %s has asked nothing", s->slots[0].text);
	return n == asked || said_wrong(s, "%llu of %llu queries got it, %llu an answer at all",
				     (unsigned long long)n, (unsigned long long)asked,
				     (unsigned long long)n_answered(c));
}

static bool got_share(struct said *s, bool is_least)
{
	struct crowd *c = crowd_of(s, 0);
	uint64_t asked = n_asked(c);
	double n = (double)c->n_rcode[s->slots[1].index];

	if (!is_crowd(s, 0))
		return false;
	if (asked == 0)
		return stage_fail(s->stage, NULL, "the %s has asked nothing", s->slots[0].text);
	double percent = 100 * n / (double)asked;
	return (is_least ? percent >= s->slots[2].number : percent <= s->slots[2].number) ||
	       said_wrong(s, "it got it %.2f %% of the time (%.0f of %llu)", percent, n,
		       (unsigned long long)asked);
}

static bool got_at_least(struct said *s)
{
	return got_share(s, true);
}

static bool got_at_most(struct said *s)
{
	return got_share(s, false);
}

static bool got_times(struct said *s)
{
	struct crowd *c = crowd_of(s, 0);
	uint64_t n = c->n_rcode[s->slots[1].index];

	return is_crowd(s, 0) &&
	       (n == (uint64_t)s->slots[2].number ||
		       said_wrong(s, "it got it %llu times", (unsigned long long)n));
}

static bool got_no_answer(struct said *s)
{
	struct crowd *c = crowd_of(s, 0);
	uint64_t n = n_asked(c) - n_answered(c);

	return is_crowd(s, 0) &&
	       (n == (uint64_t)s->slots[1].number ||
		       said_wrong(s, "%llu queries got no answer", (unsigned long long)n));
}

static bool waited(struct said *s)
{
	struct crowd *c = crowd_of(s, 0);

	return is_crowd(s, 0) && (c->slowest_ns <= s->slots[1].ns ||
					 said_wrong(s, "the slowest answer took %g ms",
						 (double)c->slowest_ns / (double)CLOCK_NS_PER_MS));
}

static bool got_from(struct said *s)
{
	struct crowd *c = crowd_of(s, 0);
	uint64_t n = c->n_from[s->slots[2].index];

	return is_crowd(s, 0) && (n == (uint64_t)s->slots[1].number ||
					 said_wrong(s, "%llu answers came from %s",
						 (unsigned long long)n, s->slots[2].text));
}

static uint64_t heard_since(const struct stage_server *a)
{
	return a->n_heard - a->n_heard_before;
}

static bool share_is(struct said *s)
{
	struct stage *stage = s->stage;
	uint64_t all = 0, its = heard_since(&stage->servers[s->slots[0].index]);

	for (unsigned i = 0; i < stage->n_servers; i++)
		all += heard_since(&stage->servers[i]);
	if (all == 0)
		return said_wrong(s, "nobody has heard anything");
	double percent = 100 * (double)its / (double)all;
	double off = percent - s->slots[1].number;
	return (off <= s->slots[2].number && -off <= s->slots[2].number) ||
	       said_wrong(s, "%s has %.2f %% (%llu of %llu)", s->slots[0].text, percent,
		       (unsigned long long)its, (unsigned long long)all);
}

static bool count_anew(struct said *s)
{
	struct stage *stage = s->stage;

	for (unsigned i = 0; i < stage->n_servers; i++)
		stage->servers[i].n_heard_before = stage->servers[i].n_heard;
	for (int i = 0; i < CROWDS; i++) {
		struct crowd *c = &stage->crowds[i];

		*c = (struct crowd){
			.asks = c->asks, .n_asks = c->n_asks, .size = c->size, .since = c->n_asks
		};
	}
	return true;
}

static bool heard_times(struct said *s)
{
	uint64_t n = heard_since(&s->stage->servers[s->slots[0].index]);

	return n == (uint64_t)s->slots[1].number ||
	       said_wrong(s, "%s heard %llu", s->slots[0].text, (unsigned long long)n);
}

static bool heard_at_most(struct said *s)
{
	uint64_t n = heard_since(&s->stage->servers[s->slots[0].index]);

	return n <= (uint64_t)s->slots[1].number ||
	       said_wrong(s, "%s heard %llu", s->slots[0].text, (unsigned long long)n);
}

static bool heard_at_least(struct said *s)
{
	uint64_t n = heard_since(&s->stage->servers[s->slots[0].index]);

	return n >= (uint64_t)s->slots[1].number ||
	       said_wrong(s, "%s heard %llu", s->slots[0].text, (unsigned long long)n);
}

const struct sentence sentences_of_crowds[] = {
	{ "every TIME until TIME the WORD asks NAME TYPE", OF_NOTHING, every },
	{ "the WORD asks NUMBER times NAME TYPE", OF_NOTHING, asks_times },
	{ "the WORD always got RCODE", OF_NOTHING, always_got },
	{ "the WORD got RCODE NUMBER times", OF_NOTHING, got_times },
	{ "the WORD got RCODE at least PERCENT", OF_NOTHING, got_at_least },
	{ "the WORD got RCODE at most PERCENT", OF_NOTHING, got_at_most },
	{ "the WORD got no answer NUMBER times", OF_NOTHING, got_no_answer },
	{ "the WORD got NUMBER answers from SERVER", OF_NOTHING, got_from },
	{ "the WORD waited at most TIME", OF_NOTHING, waited },
	{ "the share of SERVER is PERCENT +- NUMBER", OF_NOTHING, share_is },
	{ "SERVER has heard NUMBER queries", OF_NOTHING, heard_times },
	{ "SERVER has heard at most NUMBER queries", OF_NOTHING, heard_at_most },
	{ "SERVER has heard at least NUMBER queries", OF_NOTHING, heard_at_least },
	{ "count anew", OF_NOTHING, count_anew },
	{ NULL, 0, NULL },
};
