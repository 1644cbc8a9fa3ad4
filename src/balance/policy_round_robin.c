/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * round-robin - in turn, by weight, spread smoothly: 2:1 is a b a, not a a b. The order is worked
 * out once (nginx's smooth weighted round robin) and all workers walk it with one counter.
 *
 * A server that is not eligible, has no room or declines (slow start, latency) loses its turn to
 * nobody in particular: the next value of the counter decides, so the shares of the others stay as
 * their weights say (with b of a b c down: a c a c). No ties: the order has none. */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "balance/policy.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"
#include "base/err.h"

#define TURNS_MAX 65536 /* of the order; more would need weights finer than one in 65536 */
#define STEPS_MAX 4096 /* turns lost by one query */
#define STEPS_PATIENCE 16 /* turns lost before we look whether anybody has room at all */

struct round_robin {
	/* set at start */
	size_t n_turns;
	uint16_t *turns; /* servers */

	/* all workers, relaxed: only its value matters. 64 bits do not come round. */
	alignas(64) _Atomic uint64_t counter;
};

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Turns per server in one walk of the order: the weights in lowest terms, scaled down if that is
 * longer than TURNS_MAX, at least 1 each. Their sum. */
static size_t count_turns(const struct pool *pool, const struct tier *tier, int64_t *turns_out)
{
	uint64_t divisor = 0, sum = 0;
	size_t n_turns = 0;

	for (size_t k = 0; k < tier->n; k++) {
		unsigned weight = pool->servers[tier->members[k]].params.weight;

		divisor = common_divisor(weight, divisor);
		sum += weight;
	}
	for (size_t k = 0; k < tier->n; k++) {
		uint64_t weight = pool->servers[tier->members[k]].params.weight;
		uint64_t turns = weight / divisor;

		if (sum / divisor > TURNS_MAX) /* room for each that is rounded up to 1 */
			turns = weight * (TURNS_MAX - tier->n) / sum;
		turns_out[k] = turns > 0 ? (int64_t)turns : 1;
		n_turns += (size_t)turns_out[k];
	}
	assert(n_turns <= TURNS_MAX);
	return n_turns;
}

/* Each turn every server gains its weight, and the richest, the first of equals, pays the sum. */
static void spread(
	struct round_robin *r, const int64_t *weights, int64_t *credits, const struct tier *tier)
{
	for (size_t t = 0; t < r->n_turns; t++) {
		size_t richest = 0;

		for (size_t k = 0; k < tier->n; k++) {
			credits[k] += weights[k];
			if (credits[k] > credits[richest])
				richest = k;
		}
		credits[richest] -= (int64_t)r->n_turns;
		r->turns[t] = tier->members[richest];
	}
}

static void release(struct policy *policy)
{
	struct round_robin *r = policy->state;

	if (r != NULL)
		free(r->turns);
	free(r);
	policy->state = NULL;
}

static int init(struct policy *policy, const struct pool *pool, const struct tier *tier,
	const struct policy_params *params)
{
	int64_t *weights = calloc(tier->n, sizeof *weights);
	int64_t *credits = calloc(tier->n, sizeof *credits);
	struct round_robin *r = aligned_alloc(alignof(struct round_robin), sizeof *r);
	int err = ERR_NOMEM;

	(void)params;
	if (weights == NULL || credits == NULL || r == NULL)
		goto out;
	r->n_turns = count_turns(pool, tier, weights);
	r->turns = calloc(r->n_turns, sizeof *r->turns);
	atomic_init(&r->counter, 0);
	if (r->turns == NULL)
		goto out;
	spread(r, weights, credits, tier);
	policy->state = r;
	r = NULL;
	err = 0;
out:
	free(r);
	free(credits);
	free(weights);
	return err;
}

static size_t bytes(const struct policy *policy)
{
	const struct round_robin *r = policy->state;

	return sizeof *r + r->n_turns * sizeof *r->turns;
}

static bool has_anybody_room(const struct choice *c)
{
	for (size_t k = 0; k < c->tier->n; k++) {
		if (choice_has_room(c, c->tier->members[k]))
			return true;
	}
	return false;
}

static int pick(const struct policy *policy, const struct choice *c)
{
	struct round_robin *r = policy->state;
	size_t n_steps = r->n_turns < STEPS_MAX ? r->n_turns : STEPS_MAX;

	for (size_t k = 0; k < n_steps; k++) {
		uint64_t turn = atomic_fetch_add_explicit(&r->counter, 1, memory_order_relaxed);
		size_t i = r->turns[turn % r->n_turns];

		if (choice_has_room(c, i) && choice_accepts(c, &c->pool->servers[i]))
			return (int)i;
		if (k == STEPS_PATIENCE && !has_anybody_room(c))
			return choice_nobody(c);
	}
	return choice_draw(c);
}

const struct policy_ops policy_round_robin = {
	.name = "round-robin",
	.help = "In turn, by weight, spread smoothly.",
	.init = init,
	.free = release,
	.bytes = bytes,
	.pick = pick,
};
