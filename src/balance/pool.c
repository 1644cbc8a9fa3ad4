/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: n_up is the number of servers whose state is SERVER_UP; forced servers never change
 * theirs. A policy names a server, but only server_reserve takes a place: between the two another
 * worker may have taken the last one, and then the policy is asked again. */
#include "balance/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"

/* Lost races in a row before the order of the policy matters less than finding any place. */
#define PICKS_MAX 4

static void init_servers(struct pool *p, const struct pool_params *params)
{
	uint32_t n_up = 0;

	for (size_t i = 0; i < params->n_servers; i++) {
		struct server *s = &p->servers[i];

		server_init(s, &params->servers[i]);
		n_up += server_state(s) == SERVER_UP;
		p->n_allowed += s->params.mode != SERVER_FORCED_DOWN;
	}
	p->n_servers = params->n_servers;
	atomic_init(&p->n_up, n_up);
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
	if (p->servers == NULL)
		goto out;
	memset(p->servers, 0, params->n_servers * sizeof *p->servers);
	init_servers(p, params);
	err = policy_new(&params->policy, p, &p->policy);
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
	policy_free(&(*p)->policy);
	free((*p)->servers);
	free(*p);
	*p = NULL;
}

/* n_up falls before its server does and rises after it, so that a worker that finds nobody because
 * the last one just went has a chance to see it: pool_choose looks at n_up again. */
void pool_set_state(struct pool *p, size_t server, enum server_state state)
{
	struct server *s = &p->servers[server];
	bool was_up = server_state(s) == SERVER_UP;
	bool is_up = state == SERVER_UP;

	if (s->params.mode != SERVER_AUTO)
		return;
	if (was_up && !is_up)
		atomic_fetch_sub_explicit(&p->n_up, 1, memory_order_relaxed);
	atomic_store_explicit(&s->state, state, memory_order_relaxed);
	if (!was_up && is_up)
		atomic_fetch_add_explicit(&p->n_up, 1, memory_order_relaxed);
}

bool choice_is_eligible(const struct choice *c, size_t server)
{
	const struct server *s = &c->pool->servers[server];

	if (s->params.mode == SERVER_FORCED_DOWN)
		return false;
	if (!c->fail_open && server_state(s) != SERVER_UP)
		return false;
	for (size_t i = 0; i < c->n_tried; i++) {
		if (c->tried[i] == server)
			return false;
	}
	return true;
}

bool choice_has_room(const struct choice *c, size_t server)
{
	const struct server *s = &c->pool->servers[server];

	return server_outstanding(s) < s->params.max_outstanding && choice_is_eligible(c, server);
}

int choice_nobody(const struct choice *c)
{
	for (size_t i = 0; i < c->pool->n_servers; i++) {
		if (choice_is_eligible(c, i))
			return POOL_ALL_FULL;
	}
	return POOL_NO_SERVER;
}

/* From a random start, so that workers that all come here do not all meet at one server. */
static int reserve_any(const struct choice *c)
{
	size_t n = c->pool->n_servers;
	size_t start = rng_below(c->rng, (uint32_t)n);

	for (size_t k = 0; k < n; k++) {
		size_t i = (start + k) % n;

		if (choice_has_room(c, i) && server_reserve(&c->pool->servers[i]))
			return (int)i;
	}
	return choice_nobody(c);
}

static int pick_and_reserve(const struct choice *c)
{
	const struct policy *policy = c->pool->policy;

	for (int k = 0; k < PICKS_MAX; k++) {
		int i = policy->ops->pick(policy, c);

		if (i < 0 || server_reserve(&c->pool->servers[i]))
			return i;
	}
	return reserve_any(c);
}

int pool_choose(struct choice *c)
{
	int i;

	c->fail_open = pool_is_failing_open(c->pool);
	i = pick_and_reserve(c);
	if (i == POOL_NO_SERVER && !c->fail_open && pool_is_failing_open(c->pool)) {
		/* The last server that was up went down while we looked. */
		c->fail_open = true;
		i = pick_and_reserve(c);
	}
	return i;
}
