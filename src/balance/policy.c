/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of all policies. It is explicit: the linker drops objects of a static library that only
 * register themselves. */
#include "balance/policy.h"

#include <assert.h>
#include <stdlib.h>

#include "balance/policy_ops.h"
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

int policy_new(const struct policy_params *params, const struct pool *pool, const struct tier *tier,
	struct policy **policy_out)
{
	struct policy *p = calloc(1, sizeof *p);
	int err = 0;

	if (p == NULL)
		return ERR_NOMEM;
	assert((unsigned)params->kind < POLICY_COUNT);
	p->ops = policy_table[params->kind];
	if (p->ops->init != NULL)
		err = p->ops->init(p, pool, tier, params);
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
	if ((*p)->ops->free != NULL)
		(*p)->ops->free(*p);
	free(*p);
	*p = NULL;
}

size_t policy_bytes(const struct policy *p)
{
	return sizeof *p + (p->ops->bytes != NULL ? p->ops->bytes(p) : 0);
}
