/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What dnsbal knows, counts and holds. */
#include <string.h>

#include "stories/sentences.h"

static const char *state_name(enum server_state state)
{
	static const char *const names[] = {
		[SERVER_UNKNOWN] = "unknown",
		[SERVER_UP] = "up",
		[SERVER_DOWN] = "down",
		[SERVER_EJECTED] = "ejected",
	};

	return names[state];
}

static const struct server *server_of(struct said *s, size_t slot)
{
	return &s->stage->pool->servers[s->slots[slot].index];
}

static bool server_is(struct said *s)
{
	enum server_state state = server_state(server_of(s, 0));

	return (int)state == s->slots[1].index ||
	       said_wrong(s, "%s is %s", s->slots[0].text, state_name(state));
}

static bool is_suspect(struct said *s)
{
	return atomic_load(&server_of(s, 0)->is_suspect) ||
	       said_wrong(s, "nobody suspects %s", s->slots[0].text);
}

static bool is_no_suspect(struct said *s)
{
	return !atomic_load(&server_of(s, 0)->is_suspect) ||
	       said_wrong(s, "%s is suspect", s->slots[0].text);
}

/* By decree, for stories that are not about how it came to be so. */
static bool mark(struct said *s)
{
	pool_set_state(
		s->stage->pool, (size_t)s->slots[0].index, (enum server_state)s->slots[1].index);
	stage_note(s->stage, "%s", s->sentence);
	return true;
}

static bool has_outstanding(struct said *s)
{
	uint32_t n = server_outstanding(server_of(s, 0));

	return n == (uint32_t)s->slots[1].number ||
	       said_wrong(s, "%s has %u outstanding", s->slots[0].text, n);
}

static bool are_pending(struct said *s)
{
	uint32_t n = stage_queries(s->stage);

	return n == (uint32_t)s->slots[0].number || said_wrong(s, "%u are pending", n);
}

/* ---- counters ----------------------------------------------------------------------------------- */

static uint64_t counter(struct said *s)
{
	return stage_metric(s->stage, (enum metric_id)s->slots[0].index);
}

static bool compare(struct said *s, uint64_t n, bool is_true)
{
	return is_true || said_wrong(s, "%s is %llu", s->slots[0].text, (unsigned long long)n);
}

static bool counter_is(struct said *s)
{
	return compare(s, counter(s), counter(s) == (uint64_t)s->slots[1].number);
}

static bool counter_at_least(struct said *s)
{
	return compare(s, counter(s), counter(s) >= (uint64_t)s->slots[1].number);
}

static bool counter_at_most(struct said *s)
{
	return compare(s, counter(s), counter(s) <= (uint64_t)s->slots[1].number);
}

static bool counter_share(struct said *s)
{
	double part = (double)counter(s);
	double whole = (double)stage_metric(s->stage, (enum metric_id)s->slots[2].index);

	return part <= whole * s->slots[1].number / 100 ||
	       said_wrong(s, "%s is %.0f, %s is %.0f", s->slots[0].text, part, s->slots[2].text,
		       whole);
}

static bool server_counter_is(struct said *s)
{
	uint64_t n = stage_server_metric(
		s->stage, s->slots[1].index, (enum server_metric_id)s->slots[0].index);

	return n == (uint64_t)s->slots[2].number ||
	       said_wrong(s, "%s of %s is %llu", s->slots[0].text, s->slots[1].text,
		       (unsigned long long)n);
}

static bool give_up(struct said *s)
{
	stage_note(s->stage, "%s", s->sentence);
	stage_give_up(s->stage);
	return true;
}

const struct sentence sentences_of_state[] = {
	{ "server SERVER is STATE", OF_NOTHING, server_is },
	{ "server SERVER is suspect", OF_NOTHING, is_suspect },
	{ "server SERVER is not suspect", OF_NOTHING, is_no_suspect },
	{ "mark SERVER STATE", OF_NOTHING, mark },
	{ "SERVER has NUMBER outstanding", OF_NOTHING, has_outstanding },
	{ "NUMBER queries are pending", OF_NOTHING, are_pending },
	{ "counter COUNTER is NUMBER", OF_NOTHING, counter_is },
	{ "counter COUNTER is at least NUMBER", OF_NOTHING, counter_at_least },
	{ "counter COUNTER is at most NUMBER", OF_NOTHING, counter_at_most },
	{ "counter COUNTER is at most PERCENT of COUNTER", OF_NOTHING, counter_share },
	{ "counter SERVERCOUNTER of SERVER is NUMBER", OF_NOTHING, server_counter_is },
	{ "everything is given up", OF_NOTHING, give_up },
	{ NULL, 0, NULL },
};
