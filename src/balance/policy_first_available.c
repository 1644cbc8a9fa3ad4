/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * first-available - the first server in the order of the file that is eligible and has room; the
 * later ones are spares. Weights and pace mean nothing here, and there are no ties. While a server
 * starts slowly, the part of the queries that it declines goes to its spares; when they all decline,
 * to the first again. */
#include "balance/policy.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"
#include "base/rng.h"

static bool accepts(const struct choice *c, const struct server *s)
{
	uint32_t ramp = server_ramp(s);

	return ramp == SERVER_SHARE_FULL || rng_below(c->rng, SERVER_SHARE_FULL) < ramp;
}

static int pick(const struct policy *policy, const struct choice *c)
{
	int first = -1;

	(void)policy;
	for (size_t k = 0; k < c->tier->n; k++) {
		size_t i = c->tier->members[k];

		if (!choice_has_room(c, i))
			continue;
		if (accepts(c, &c->pool->servers[i]))
			return (int)i;
		if (first == -1)
			first = (int)i;
	}
	return first == -1 ? choice_nobody(c) : first;
}

const struct policy_ops policy_first_available = {
	.name = "first-available",
	.help = "The first server, in the order of the file, that is up and has room.",
	.pick = pick,
};
