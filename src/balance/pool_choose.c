/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How a pool is searched: level by level, in each level tier by tier. A policy names a server, but
 * only server_reserve takes a place: between the two another worker may have taken the last one,
 * and then the policy is asked again. */
#include "balance/policy.h"
#include "balance/pool.h"
#include "base/rng.h"

/* Lost races in a row before the order of the policy matters less than finding any place. */
#define PICKS_MAX 4

/* Kept apart from the path that nearly every query takes, which is short. */
#define RARE __attribute__((cold, noinline))

/* Why a server is looked for. */
enum purpose { FIRST_ATTEMPT, RETRY };

static bool reserve(const struct choice *c, int server)
{
	return server_reserve(&c->pool->servers[server]);
}

/* From a random start, so that workers that all come here do not all meet at one server. */
RARE static int reserve_any(const struct choice *c)
{
	size_t n = c->tier->n;
	size_t start = rng_below(c->rng, (uint32_t)n);

	for (size_t k = 0; k < n; k++) {
		int i = c->tier->members[(start + k) % n];

		if (choice_has_room(c, (size_t)i) && reserve(c, i))
			return i;
	}
	return choice_nobody(c);
}

/* Whom the tier names; a place there is not certain. */
static int pick(const struct choice *c, enum purpose purpose)
{
	const struct policy *policy = c->tier->policy;

	return purpose == FIRST_ATTEMPT ? policy->ops->pick(policy, c) : choice_least(c, true);
}

static int search_tier(struct choice *c, const struct tier *tier, enum purpose purpose)
{
	c->tier = tier;
	for (int k = 0; k < PICKS_MAX; k++) {
		int i = pick(c, purpose);

		if (i < 0 || reserve(c, i))
			return i;
	}
	return reserve_any(c);
}

/* The tier `first` has said `result`: the others from the lowest. A tier that is full must not be
 * forgotten over one that has nobody. */
static int search_others(struct choice *c, size_t first, enum purpose purpose, int result)
{
	const struct pool *p = c->pool;

	for (size_t t = 0; t < p->n_tiers && result < 0; t++) {
		int other = t == first ? result : search_tier(c, &p->tiers[t], purpose);

		if (other != POOL_NO_SERVER)
			result = other;
	}
	return result;
}

/* What is left to search once the tier `first` has said `result`: the other tiers, and wider levels
 * as far as nobody is eligible. */
RARE static int search_on(
	struct choice *c, size_t first, enum purpose purpose, enum choice_level widest, int result)
{
	const struct tier *tier = &c->pool->tiers[first];

	result = search_others(c, first, purpose, result);
	while (result == POOL_NO_SERVER && c->level < widest) {
		c->level++;
		result = search_others(c, first, purpose, search_tier(c, tier, purpose));
	}
	return result;
}

/* As a rule the first tier has all, and then nothing is drawn. */
RARE static size_t draw_tier(const struct choice *c)
{
	const struct pool *p = c->pool;
	const struct policy *policy = p->tiers[0].policy;
	size_t t = 0;
	uint32_t drawn;

	if (atomic_load_explicit(&p->tier_share[0], memory_order_relaxed) == SERVER_SHARE_FULL)
		return 0;
	drawn = policy->ops->draw_tier != NULL ? policy->ops->draw_tier(policy, c)
					       : rng_below(c->rng, SERVER_SHARE_FULL);
	while (t < p->n_tiers - 1 &&
		drawn >= atomic_load_explicit(&p->tier_share[t], memory_order_relaxed))
		t++;
	return t;
}

/* Levels that cannot have anybody more are not searched. */
static enum choice_level narrowest(const struct pool *p)
{
	if (atomic_load_explicit(&p->n_up, memory_order_relaxed) > 0)
		return CHOICE_UP;
	if (atomic_load_explicit(&p->n_ejected, memory_order_relaxed) > 0)
		return CHOICE_EJECTED;
	return p->n_draining > 0 ? CHOICE_DRAINING : CHOICE_ANY;
}

/* Whoever clears the flag sends the test. One that then finds no place is given up: the next is due
 * in a second. */
RARE static int take_test(struct choice *c)
{
	const struct pool *p = c->pool;

	c->level = CHOICE_EJECTED;
	for (size_t i = 0; i < p->n_servers; i++) {
		struct server *s = &p->servers[i];

		if (server_state(s) != SERVER_EJECTED ||
			!atomic_load_explicit(&s->is_test_due, memory_order_relaxed) ||
			!choice_has_room(c, i) ||
			!atomic_exchange_explicit(&s->is_test_due, false, memory_order_relaxed))
			continue;
		if (server_reserve(s))
			return (int)i;
	}
	return POOL_NO_SERVER;
}

int pool_choose(struct choice *c)
{
	const struct pool *p = c->pool;
	size_t tier;
	int i;

	c->is_test = false;
	if (c->may_test && atomic_load_explicit(&p->n_ejected, memory_order_relaxed) > 0) {
		i = take_test(c);
		c->is_test = i >= 0;
		if (c->is_test)
			return i;
	}
	tier = p->n_tiers == 1 ? 0 : draw_tier(c);
	c->level = narrowest(p);
	c->tier = &p->tiers[tier];
	i = pick(c, FIRST_ATTEMPT);
	if (i >= 0 && reserve(c, i))
		return i;
	if (i >= 0) /* lost a race */
		i = search_tier(c, c->tier, FIRST_ATTEMPT);
	return i >= 0 ? i : search_on(c, tier, FIRST_ATTEMPT, CHOICE_ANY, i);
}

static int search_again(struct choice *c, enum choice_level from, enum choice_level to)
{
	c->level = from;
	return search_on(c, 0, RETRY, to, search_tier(c, &c->pool->tiers[0], RETRY));
}

static int repeat(struct choice *c)
{
	int same = c->tried[0];
	struct server *s = &c->pool->servers[same];

	if (s->params.mode == SERVER_FORCED_DOWN)
		return POOL_NO_SERVER;
	return server_reserve(s) ? same : POOL_ALL_FULL;
}

int pool_choose_again(struct choice *c, enum pool_again again)
{
	size_t n_tried = c->n_tried;
	int i;

	c->is_test = false;
	i = search_again(c, CHOICE_UP, again == AGAIN_HEDGE ? CHOICE_UP : CHOICE_EJECTED);
	if (again == AGAIN_HEDGE)
		return i;
	if (i == POOL_NO_SERVER && again == AGAIN_ANY && n_tried == 1)
		i = repeat(c);
	if (i == POOL_NO_SERVER)
		i = search_again(
			c, CHOICE_DRAINING, again == AGAIN_BETTER ? CHOICE_DRAINING : CHOICE_ANY);
	if (i == POOL_NO_SERVER && again == AGAIN_ANY) {
		c->n_tried = 0; /* all that are eligible now are those that were tried */
		i = search_again(c, CHOICE_UP, CHOICE_ANY);
		c->n_tried = n_tried;
	}
	return i;
}
