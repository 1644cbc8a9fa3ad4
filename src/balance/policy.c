/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of all policies, and what several of them share. The table is explicit: the linker
 * drops objects of a static library that only register themselves. */
#include "balance/policy.h"

#include <assert.h>
#include <stdlib.h>

#include "balance/alias.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"
#include "base/err.h"

const struct policy_ops *const policy_table[POLICY_COUNT] = {
	[POLICY_P2C] = &policy_p2c,
	[POLICY_LEAST_OUTSTANDING] = &policy_least_outstanding,
	[POLICY_ROUND_ROBIN] = &policy_round_robin,
	[POLICY_RANDOM] = &policy_random,
	[POLICY_FIRST_AVAILABLE] = &policy_first_available,
	[POLICY_HASH] = &policy_hash,
	[POLICY_CLIENT_HASH] = &policy_client_hash,
};

int policy_new(
	const struct policy_params *params, const struct pool *pool, struct policy **policy_out)
{
	struct policy *p = calloc(1, sizeof *p);
	int err;

	if (p == NULL)
		return ERR_NOMEM;
	assert((unsigned)params->kind < POLICY_COUNT);
	p->ops = policy_table[params->kind];
	err = p->ops->init(p, pool, params);
	if (err != 0) {
		free(p);
		return err;
	}
	*policy_out = p;
	return 0;
}

void policy_free(struct policy **p)
{
	if (*p == NULL)
		return;
	(*p)->ops->free(*p);
	free(*p);
	*p = NULL;
}

int policy_alias_new(const struct pool *pool, struct alias **alias_out)
{
	unsigned *weights = calloc(pool->n_servers, sizeof *weights);
	int err;

	if (weights == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < pool->n_servers; i++)
		weights[i] = pool->servers[i].params.weight;
	err = alias_new(weights, pool->n_servers, alias_out);
	free(weights);
	return err;
}

int policy_pick_least(const struct choice *c)
{
	uint32_t best_outstanding = 0;
	uint32_t tied_weight = 0; /* of all that are as good as the best so far */
	unsigned best_weight = 0;
	int best = -1;

	for (size_t i = 0; i < c->pool->n_servers; i++) {
		const struct server *s = &c->pool->servers[i];
		uint32_t outstanding = server_outstanding(s);
		unsigned weight = s->params.weight;
		int order = -1;

		if (outstanding >= s->params.max_outstanding || !choice_is_eligible(c, i))
			continue;
		if (best != -1)
			order = policy_compare_load(
				outstanding, weight, best_outstanding, best_weight);
		if (order > 0)
			continue;
		tied_weight = order < 0 ? weight : tied_weight + weight;
		if (order == 0 && rng_below(c->rng, tied_weight) >= weight)
			continue;
		best = (int)i;
		best_outstanding = outstanding;
		best_weight = weight;
	}
	return best == -1 ? choice_nobody(c) : best;
}
