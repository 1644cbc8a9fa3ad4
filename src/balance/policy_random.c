/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * random - drawn by weight, whatever is out. A server that is not eligible or has no room is drawn
 * over, which leaves the shares of the others as they are; after a few draws one pass over all
 * servers draws, by weight again, among those with room. */
#include "balance/policy.h"
#include "balance/policy_alias.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"

/* With half of the weight down, 1 query in 65536 comes to the pass. */
#define DRAWS_MAX 16

static int pick(const struct policy *policy, const struct choice *c)
{
	for (int k = 0; k < DRAWS_MAX; k++) {
		int i = policy_alias_draw(policy, c);

		if (i < 0)
			break;
		if (choice_has_room(c, (size_t)i))
			return i;
	}
	return choice_draw(c);
}

const struct policy_ops policy_random = {
	.name = "random",
	.help = "Drawn by weight.",
	.init = policy_alias_init,
	.free = policy_alias_free,
	.bytes = policy_alias_bytes,
	.pick = pick,
};
