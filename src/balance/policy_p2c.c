/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * p2c - two draws by weight, with replacement; the one with less outstanding for its weight wins
 * (Mitzenmacher 2001). Shares follow the weights when idle, because the draws do, and under load,
 * because the comparison does; a slow server gets less because its queries stay out longer.
 *
 * With about one query out in all, whole numbers are too coarse for that: a heavy server with one out
 * would lose to every idle light one, and with the query that is chosen for counted in full to none. So
 * the second draw wins if it had less with a third of it, found by simulation: shares are within 2
 * points of the weights (2.2 at 10:1:1:1) with 0.1 to 200 out, from 3:2 to 100:10:1. Among equal
 * weights it changes nothing.
 *
 * Tie: the first drawn. Winner without room, or not eligible: the other. Both: another pair, a few
 * times, which keeps the shares of those that are left; then the least loaded of all. */
#include "balance/policy.h"
#include "balance/policy_alias.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"

/* With half of the weight down, 1 query in 65536 comes to the scan. */
#define PAIRS_MAX 8

/* The second draw. */
static bool is_less_loaded(const struct server *other, const struct server *first)
{
	uint64_t others = 3 * (uint64_t)server_outstanding(other) + 1;

	return server_compare_load(others, server_load_weight(other),
		       3 * (uint64_t)server_outstanding(first), server_load_weight(first)) < 0;
}

static int pick(const struct policy *policy, const struct choice *c)
{
	const struct server *servers = c->pool->servers;

	for (int k = 0; k < PAIRS_MAX; k++) {
		int winner = policy_alias_draw(policy, c);
		int other = policy_alias_draw(policy, c);

		if (winner < 0 || other < 0)
			break;
		if (is_less_loaded(&servers[other], &servers[winner])) {
			int loser = winner;

			winner = other;
			other = loser;
		}
		if (choice_has_room(c, (size_t)winner))
			return winner;
		if (other != winner && choice_has_room(c, (size_t)other))
			return other;
	}
	return choice_least(c, false);
}

const struct policy_ops policy_p2c = {
	.name = "p2c",
	.help = "The less busy of two servers drawn by weight.",
	.init = policy_alias_init,
	.free = policy_alias_free,
	.bytes = policy_alias_bytes,
	.pick = pick,
};
