/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pool - a set of servers in tiers, and how one is chosen. Workers are handed a pool and only read
 * it, but for the atomics inside its servers; a later reload builds another pool and hands that over.
 *
 * A tier has a policy of its own, built over its servers when the pool is made and never again:
 * a server that may not be asked is stepped over, so that the others keep their shares and names.
 * Which tier a query goes to is drawn by the published shares; a pool of one tier draws nothing.
 * When no server is up, the pool fails open (balance/choice.h). */
#pragma once
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/choice.h"
#include "balance/policy.h"
#include "balance/server.h"

#define POOL_TIERS_MAX (SERVER_TIER_MAX + 1)

struct memory_use;

struct pool_params {
	const struct server_params *servers; /* copied */
	size_t n_servers;
	struct policy_params policy; /* of every tier */
};

struct tier {
	unsigned number; /* the configuration's */
	const uint16_t *members; /* servers, in the order of the file */
	size_t n;
	struct policy *policy;
};

struct pool {
	/* set at start */
	struct server *servers;
	size_t n_servers;
	size_t n_allowed; /* servers not forced down */
	size_t n_draining;
	struct tier tiers[POOL_TIERS_MAX]; /* those that have servers, by number */
	size_t n_tiers;
	uint16_t *members; /* of all tiers, one after the other */

	/* prober's thread; workers read, relaxed */
	alignas(64) _Atomic uint32_t n_up; /* without those that drain */
	_Atomic uint32_t n_ejected; /* without those that drain */
	_Atomic bool is_panicking; /* ejections are ignored */
	_Atomic uint32_t hedge_delay_us; /* 0: no hedging now */
	_Atomic uint32_t tier_share[POOL_TIERS_MAX]; /* this tier's and all lower ones' */
};

/* ERR_NOMEM, or ERR_RANGE without servers. Server names must be unique (the configuration checks).
 * All queries go to the lowest tier until pool_set_tier_shares says otherwise. */
int pool_new(const struct pool_params *params, struct pool **pool_out);
void pool_free(struct pool **p); /* *p may be NULL; sets it to NULL */
/* Adds what it takes, the tables of its policies apart. */
void pool_memory(const struct pool *p, struct memory_use *servers, struct memory_use *policies);

/* Prober's thread only. */
void pool_set_state(struct pool *p, size_t server, enum server_state state); /* keeps the counts */
void pool_set_panic(struct pool *p, bool is_panicking);
void pool_set_hedge_delay(struct pool *p, uint32_t delay_us);
/* n_tiers shares in the order of p->tiers, not cumulative; their sum is SERVER_SHARE_FULL. */
void pool_set_tier_shares(struct pool *p, const uint32_t *shares);

/* Any worker. */
static inline bool pool_is_failing_open(const struct pool *p)
{
	return atomic_load_explicit(&p->n_up, memory_order_relaxed) == 0;
}
static inline bool pool_is_panicking(const struct pool *p)
{
	return atomic_load_explicit(&p->is_panicking, memory_order_relaxed);
}
static inline uint32_t pool_hedge_delay_us(const struct pool *p)
{
	return atomic_load_explicit(&p->hedge_delay_us, memory_order_relaxed);
}

/* A server for the first attempt of a query: the test of an ejected one if one is due, else the
 * policy's. Reserves a place there; its index, POOL_NO_SERVER when none is eligible at any level,
 * POOL_ALL_FULL when some are and all of them are at their limit. Any worker. */
int pool_choose(struct choice *c);

/* Whom a query may be asked of again. */
enum pool_again {
	AGAIN_HEDGE, /* another one that is up: nothing is lost yet that would be worth more */
	AGAIN_BETTER, /* another one that no failed probe speaks against: the first did answer */
	AGAIN_OTHER, /* another one, before nobody is asked even one that is down */
	AGAIN_ANY, /* or the same again; if only one was tried, before those that are down or drain:
		      the query was lost rather than the server */
};
/* For a retry or hedge. The point is an answer now, not shares: the least loaded of the lowest tier
 * that has room, suspects last. Draining servers are asked before nobody is. Reserves and returns as
 * pool_choose does. Any worker. */
int pool_choose_again(struct choice *c, enum pool_again again);
