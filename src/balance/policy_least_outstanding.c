/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * least-outstanding - of all servers the one with the fewest queries out for its weight.
 *
 * Tie: drawn by weight among those that tie, so that an idle pool is shared by weight. Looks at
 * every server for every query. */
#include "balance/choice.h"
#include "balance/policy.h"
#include "balance/policy_ops.h"

static int pick(const struct policy *policy, const struct choice *c)
{
	(void)policy;
	return choice_least(c, false);
}

const struct policy_ops policy_least_outstanding = {
	.name = "least-outstanding",
	.help = "The server with the fewest queries out for its weight.",
	.pick = pick,
};
