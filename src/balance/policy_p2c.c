/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * p2c - two draws by weight, with replacement; the one with less outstanding for its weight wins
 * (Mitzenmacher 2001). Shares follow the weights when idle, because the draws do, and under load,
 * because the comparison does; a slow server gets less because its queries stay out longer. With
 * about one query out in all, light servers get a few points more (3 at 4:1, 7 at 10:1:1:1).
 *
 * Tie: the first drawn. Winner without room, or not eligible: the other. Both: another pair, a few
 * times, which keeps the shares of those that are left; then the least loaded of all. */
#include "balance/alias.h"
#include "balance/policy.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"

/* With half of the weight down, 1 query in 65536 comes to the scan. */
#define PAIRS_MAX 8

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

static bool is_less_loaded(const struct server *a, const struct server *b)
{
	return policy_compare_load(server_outstanding(a), a->params.weight, server_outstanding(b),
		       b->params.weight) < 0;
}

static int pick(const struct policy *policy, const struct choice *c)
{
	const struct server *servers = c->pool->servers;

	for (int k = 0; k < PAIRS_MAX; k++) {
		size_t winner = alias_draw(policy->state, c->rng);
		size_t other = alias_draw(policy->state, c->rng);

		if (is_less_loaded(&servers[other], &servers[winner])) {
			size_t loser = winner;

			winner = other;
			other = loser;
		}
		if (choice_has_room(c, winner))
			return (int)winner;
		if (other != winner && choice_has_room(c, other))
			return (int)other;
	}
	return policy_pick_least(c);
}

const struct policy_ops policy_p2c = {
	.name = "p2c",
	.help = "The less busy of two servers drawn by weight.",
	.init = init,
	.pick = pick,
	.free = release,
};
