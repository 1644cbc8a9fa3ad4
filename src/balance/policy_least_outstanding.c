/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * least-outstanding - of all servers the one with the fewest queries out for its weight.
 *
 * Tie: drawn by weight among those that tie, so that an idle pool is shared by weight. Looks at
 * every server for every query. */
#include "balance/policy.h"
#include "balance/policy_ops.h"

static int init(struct policy *policy, const struct pool *pool, const struct policy_params *params)
{
	(void)policy;
	(void)pool;
	(void)params;
	return 0;
}

static void release(struct policy *policy)
{
	(void)policy;
}

static int pick(const struct policy *policy, const struct choice *c)
{
	(void)policy;
	return policy_pick_least(c);
}

const struct policy_ops policy_least_outstanding = {
	.name = "least-outstanding",
	.help = "The server with the fewest queries out for its weight.",
	.init = init,
	.pick = pick,
	.free = release,
};
