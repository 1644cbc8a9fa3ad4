/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table knows the configured weights only and never changes: ramp and pace decline draws. */
#include "balance/policy_alias.h"

#include <stdlib.h>

#include "base/err.h"

/* With half of the draws declined, 1 in 65536 gives up. */
#define DRAWS_MAX 16

int policy_alias_init(struct policy *policy, const struct pool *pool, const struct tier *tier,
	const struct policy_params *params)
{
	unsigned *weights = calloc(tier->n, sizeof *weights);
	struct alias *a = NULL;
	int err;

	(void)params;
	if (weights == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < tier->n; k++)
		weights[k] = pool->servers[tier->members[k]].params.weight;
	err = alias_new(weights, tier->n, &a);
	policy->state = a;
	free(weights);
	return err;
}

void policy_alias_free(struct policy *policy)
{
	struct alias *a = policy->state;

	alias_free(&a);
	policy->state = NULL;
}

size_t policy_alias_bytes(const struct policy *policy)
{
	return alias_bytes(policy->state);
}

int policy_alias_draw_again(const struct policy *policy, const struct choice *c)
{
	for (int k = 1; k < DRAWS_MAX; k++) {
		int i = c->tier->members[alias_draw(policy->state, c->rng)];

		if (choice_accepts(c, &c->pool->servers[i]))
			return i;
	}
	return -1;
}
