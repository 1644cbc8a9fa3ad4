/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * first-available - the first server in the order of the file that is eligible and has room; the
 * later ones are spares. Weights mean nothing here, and there are no ties. */
#include "balance/policy.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"

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
	for (size_t i = 0; i < c->pool->n_servers; i++) {
		if (choice_has_room(c, i))
			return (int)i;
	}
	return choice_nobody(c);
}

const struct policy_ops policy_first_available = {
	.name = "first-available",
	.help = "The first server, in the order of the file, that is up and has room.",
	.init = init,
	.pick = pick,
	.free = release,
};
