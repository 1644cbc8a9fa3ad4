/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * policy_alias - the state of the policies that draw by weight: an alias table over the servers of
 * the tier. Those forced down are in it too: a policy that draws one draws again, which leaves the
 * shares of the others as they are. */
#pragma once
#include "balance/alias.h"
#include "balance/policy.h"
#include "balance/pool.h"

/* init, free and bytes of struct policy_ops. */
int policy_alias_init(struct policy *policy, const struct pool *pool, const struct tier *tier,
	const struct policy_params *params);
void policy_alias_free(struct policy *policy);
size_t policy_alias_bytes(const struct policy *policy);

/* After a draw that was declined; or -1 after so many that were. */
int policy_alias_draw_again(const struct policy *policy, const struct choice *c);

/* A server of the tier by weight, ramp and pace; or -1 when it is not worth while to draw on. */
static inline int policy_alias_draw(const struct policy *policy, const struct choice *c)
{
	int i = c->tier->members[alias_draw(policy->state, c->rng)];

	return choice_accepts(c, &c->pool->servers[i]) ? i : policy_alias_draw_again(policy, c);
}
