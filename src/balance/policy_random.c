/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * random - drawn by weight, whatever is out. A server that is not eligible or has no room is drawn
 * over, which leaves the shares of the others as they are; after a few draws one pass over all
 * servers draws, by weight again, among those with room. */
#include "balance/alias.h"
#include "balance/policy.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"

/* With half of the weight down, 1 query in 65536 comes to the pass. */
#define DRAWS_MAX 16

static int init(struct policy *policy, const struct pool *pool, const struct policy_params *params)
{
	struct alias *a = NULL;
	int err = policy_alias_new(pool, &a);

	(void)params;
	policy->state = a;
	return err;
}

static void release(struct policy *policy)
{
	struct alias *a = policy->state;

	alias_free(&a);
	policy->state = NULL;
}

static int draw_from_all(const struct choice *c)
{
	uint32_t seen_weight = 0; /* of those with room so far */
	int drawn = -1;

	for (size_t i = 0; i < c->pool->n_servers; i++) {
		unsigned weight = c->pool->servers[i].params.weight;

		if (!choice_has_room(c, i))
			continue;
		seen_weight += weight;
		if (rng_below(c->rng, seen_weight) < weight)
			drawn = (int)i;
	}
	return drawn == -1 ? choice_nobody(c) : drawn;
}

static int pick(const struct policy *policy, const struct choice *c)
{
	for (int k = 0; k < DRAWS_MAX; k++) {
		size_t i = alias_draw(policy->state, c->rng);

		if (choice_has_room(c, i))
			return (int)i;
	}
	return draw_from_all(c);
}

const struct policy_ops policy_random = {
	.name = "random",
	.help = "Drawn by weight.",
	.init = init,
	.pick = pick,
	.free = release,
};
