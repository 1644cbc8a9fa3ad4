/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Everything here only looks; the place is taken by pool_choose. Loads move meanwhile, so what is
 * found is good advice and no promise. */
#include "balance/choice.h"

#include "balance/pool.h"

/* Whoever is not simply up. */
static bool is_allowed(const struct choice *c, enum server_mode mode, enum server_state state)
{
	if (mode == SERVER_FORCED_DOWN)
		return false;
	switch (c->level) {
	case CHOICE_UP:
		return mode != SERVER_DRAIN && state == SERVER_EJECTED &&
		       pool_is_panicking(c->pool);
	case CHOICE_EJECTED:
		return mode != SERVER_DRAIN && state == SERVER_EJECTED;
	case CHOICE_DRAINING:
		return state == SERVER_UP || state == SERVER_EJECTED;
	case CHOICE_ANY:
		break;
	}
	return true;
}

static inline bool is_eligible(const struct choice *c, const struct server *s, size_t server)
{
	enum server_mode mode = s->params.mode;
	enum server_state state = server_state(s);
	bool is_simply_up = state == SERVER_UP && (mode == SERVER_AUTO || mode == SERVER_FORCED_UP);

	if (!is_simply_up && !is_allowed(c, mode, state))
		return false;
	for (size_t i = 0; i < c->n_tried; i++) {
		if (c->tried[i] == server)
			return false;
	}
	return true;
}

bool choice_is_eligible(const struct choice *c, size_t server)
{
	return is_eligible(c, &c->pool->servers[server], server);
}

bool choice_has_room(const struct choice *c, size_t server)
{
	const struct server *s = &c->pool->servers[server];

	return server_outstanding(s) < server_limit(s) && is_eligible(c, s, server);
}

int choice_nobody(const struct choice *c)
{
	for (size_t i = 0; i < c->tier->n; i++) {
		if (choice_is_eligible(c, c->tier->members[i]))
			return POOL_ALL_FULL;
	}
	return POOL_NO_SERVER;
}

/* What of the draws a server gets among others: weight, ramp and pace. < 2^42, so that the sum over
 * all servers of a pool fits. */
static uint64_t draw_weight(const struct server *s)
{
	return s->params.weight * server_part(s);
}

/* Does a draw among `all` fall on its last `weight`? Off by less than 1/2^32. */
static bool is_drawn(struct rng *rng, uint64_t weight, uint64_t all)
{
	return rng_u32(rng) * 0x1p-32 * (double)all < (double)weight;
}

int choice_draw(const struct choice *c)
{
	uint64_t seen_weight = 0; /* of those with room so far */
	int drawn = -1;

	for (size_t k = 0; k < c->tier->n; k++) {
		size_t i = c->tier->members[k];
		uint64_t weight = draw_weight(&c->pool->servers[i]);

		if (!choice_has_room(c, i))
			continue;
		seen_weight += weight;
		if (is_drawn(c->rng, weight, seen_weight))
			drawn = (int)i;
	}
	return drawn == -1 ? choice_nobody(c) : drawn;
}

struct candidate {
	int server;
	bool is_last; /* a suspect, where they come last */
	uint32_t outstanding, weight;
};

/* Negative, 0 or positive, as a is better, as good, or worse. */
static int compare(const struct candidate *a, const struct candidate *b)
{
	if (a->is_last != b->is_last)
		return a->is_last ? 1 : -1;
	return server_compare_load(a->outstanding, a->weight, b->outstanding, b->weight);
}

int choice_least(const struct choice *c, bool suspects_last)
{
	struct candidate best = { .server = -1 };
	uint64_t tied_weight = 0; /* of all that are as good as the best so far */

	for (size_t k = 0; k < c->tier->n; k++) {
		size_t i = c->tier->members[k];
		const struct server *s = &c->pool->servers[i];
		struct candidate it = {
			.server = (int)i,
			.is_last = suspects_last && server_is_suspect(s),
			.outstanding = server_outstanding(s),
			.weight = server_load_weight(s),
		};
		int order = best.server == -1 ? -1 : compare(&it, &best);

		if (order > 0 || it.outstanding >= server_limit(s) || !is_eligible(c, s, i))
			continue;
		tied_weight = draw_weight(s) + (order < 0 ? 0 : tied_weight);
		if (order < 0 || is_drawn(c->rng, draw_weight(s), tied_weight))
			best = it;
	}
	return best.server == -1 ? choice_nobody(c) : best.server;
}
