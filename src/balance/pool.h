/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pool - a set of servers with a policy. Workers are handed a pool and only read it, but for the
 * atomics inside its servers; a later reload builds another pool and hands that over.
 *
 * Eligible is a server that is up (by probe or by force) and was not tried for this query. When no
 * server is up, the pool fails open: every server that is not forced down is eligible, because
 * the probes may be what is wrong. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/policy.h"
#include "balance/server.h"

struct pool_params {
	const struct server_params *servers; /* copied */
	size_t n_servers;
	struct policy_params policy;
};

struct pool {
	/* set at start */
	struct server *servers;
	size_t n_servers;
	struct policy *policy;
	size_t n_allowed; /* servers not forced down */

	/* prober's thread; workers read, relaxed */
	alignas(64) _Atomic uint32_t n_up;
};

/* ERR_NOMEM, or ERR_RANGE without servers. Server names must be unique (the configuration checks). */
int pool_new(const struct pool_params *params, struct pool **pool_out);
void pool_free(struct pool **p); /* *p may be NULL; sets it to NULL */

/* Prober's thread only: sets a server's state and keeps n_up. */
void pool_set_state(struct pool *p, size_t server, enum server_state state);

static inline bool pool_is_failing_open(const struct pool *p)
{
	return atomic_load_explicit(&p->n_up, memory_order_relaxed) == 0;
}

/* One choice: what is known of the query, and what was tried. */
struct choice {
	const struct pool *pool;
	struct rng *rng; /* the worker's */
	const uint8_t *qname; /* wire, uncompressed, any case */
	size_t qname_len;
	const struct addr *client;
	const uint16_t *tried; /* servers asked before for this query */
	size_t n_tried;
	bool fail_open; /* set by pool_choose */
};

enum { POOL_NO_SERVER = -1, POOL_ALL_FULL = -2 };
/* Asks the policy and reserves a place at the server it names: its index; POOL_NO_SERVER when
 * none is eligible, POOL_ALL_FULL when every eligible one is at its limit. Any worker. */
int pool_choose(struct choice *c);

/* For policies: may this server be asked at all, and has it room? */
bool choice_is_eligible(const struct choice *c, size_t server);
bool choice_has_room(const struct choice *c, size_t server); /* eligible, and below its limit */
/* For policies that found nobody: what to return. Scans all servers. */
int choice_nobody(const struct choice *c);
