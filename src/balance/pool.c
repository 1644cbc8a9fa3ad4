/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pool's making, and what the prober's thread publishes in it. Invariant: n_up and n_ejected are
 * the numbers of servers in these states, draining ones left out; forced servers never change
 * theirs. */
#include "balance/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/memory.h"

static void init_servers(struct pool *p, const struct pool_params *params)
{
	uint32_t n_up = 0;

	for (size_t i = 0; i < params->n_servers; i++) {
		struct server *s = &p->servers[i];

		server_init(s, &params->servers[i]);
		n_up += server_state(s) == SERVER_UP;
		p->n_allowed += s->params.mode != SERVER_FORCED_DOWN;
		p->n_draining += s->params.mode == SERVER_DRAIN;
	}
	p->n_servers = params->n_servers;
	atomic_init(&p->n_up, n_up);
	for (size_t t = 0; t < POOL_TIERS_MAX; t++)
		atomic_init(&p->tier_share[t], SERVER_SHARE_FULL);
}

/* The tier's servers are listed behind those of the tiers before it. */
static int add_tier(struct pool *p, unsigned number, const struct policy_params *policy)
{
	struct tier *last = p->n_tiers > 0 ? &p->tiers[p->n_tiers - 1] : NULL;
	uint16_t *members = p->members + (last != NULL ? last->members + last->n - p->members : 0);
	struct tier *tier = &p->tiers[p->n_tiers];
	size_t n = 0;

	for (size_t i = 0; i < p->n_servers; i++) {
		if (p->servers[i].params.tier == number)
			members[n++] = (uint16_t)i;
	}
	if (n == 0)
		return 0;
	*tier = (struct tier){ .number = number, .members = members, .n = n };
	p->n_tiers++;
	return policy_new(policy, p, tier, &tier->policy);
}

int pool_new(const struct pool_params *params, struct pool **pool_out)
{
	struct pool *p;
	int err = ERR_NOMEM;

	if (params->n_servers == 0 || params->n_servers > UINT16_MAX) /* choice.tried is uint16_t */
		return ERR_RANGE;
	p = aligned_alloc(alignof(struct pool), sizeof *p);
	if (p == NULL)
		return ERR_NOMEM;
	memset(p, 0, sizeof *p);
	p->servers = aligned_alloc(alignof(struct server), params->n_servers * sizeof *p->servers);
	p->members = calloc(params->n_servers, sizeof *p->members);
	if (p->servers == NULL || p->members == NULL)
		goto out;
	memset(p->servers, 0, params->n_servers * sizeof *p->servers);
	init_servers(p, params);
	err = 0;
	for (unsigned number = 0; number <= SERVER_TIER_MAX && err == 0; number++)
		err = add_tier(p, number, &params->policy);
out:
	if (err != 0)
		pool_free(&p);
	else
		*pool_out = p;
	return err;
}

void pool_free(struct pool **p)
{
	if (*p == NULL)
		return;
	for (size_t t = 0; t < (*p)->n_tiers; t++)
		policy_free(&(*p)->tiers[t].policy);
	free((*p)->members);
	free((*p)->servers);
	free(*p);
	*p = NULL;
}

void pool_memory(const struct pool *p, struct memory_use *servers, struct memory_use *policies)
{
	memory_add_fixed(
		servers, sizeof *p + p->n_servers * (sizeof *p->servers + sizeof *p->members));
	for (size_t t = 0; t < p->n_tiers; t++)
		memory_add_fixed(policies, policy_bytes(p->tiers[t].policy));
}

/* A count falls before its server does and rises after it: a worker that reads 0 looks further at
 * once, and one that finds nobody where the count said somebody widens its search all the same. */
void pool_set_state(struct pool *p, size_t server, enum server_state state)
{
	struct server *s = &p->servers[server];
	enum server_state before = server_state(s);
	_Atomic uint32_t *const counts[] = {
		[SERVER_UP] = &p->n_up,
		[SERVER_EJECTED] = &p->n_ejected,
	};
	bool is_counted = s->params.mode == SERVER_AUTO;

	if ((s->params.mode != SERVER_AUTO && s->params.mode != SERVER_DRAIN) || state == before)
		return;
	if (is_counted && counts[before] != NULL)
		atomic_fetch_sub_explicit(counts[before], 1, memory_order_relaxed);
	atomic_store_explicit(&s->state, state, memory_order_relaxed);
	if (is_counted && counts[state] != NULL)
		atomic_fetch_add_explicit(counts[state], 1, memory_order_relaxed);
}

void pool_set_panic(struct pool *p, bool is_panicking)
{
	atomic_store_explicit(&p->is_panicking, is_panicking, memory_order_relaxed);
}

void pool_set_hedge_delay(struct pool *p, uint32_t delay_us)
{
	atomic_store_explicit(&p->hedge_delay_us, delay_us, memory_order_relaxed);
}

void pool_set_tier_shares(struct pool *p, const uint32_t *shares)
{
	uint32_t sum = 0;

	for (size_t t = 0; t < p->n_tiers; t++) {
		sum += shares[t];
		atomic_store_explicit(&p->tier_share[t], sum, memory_order_relaxed);
	}
	assert(sum == SERVER_SHARE_FULL);
}
