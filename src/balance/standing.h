/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * standing - how a pool stands, tier by tier, and what follows: whether one more server may be
 * ejected, whether too few are left to be choosy, and which share of the queries each tier gets.
 * Pure; balance/watch drives it. Owner only.
 *
 * A tier weighs what its servers weigh that are neither draining nor forced down. One of which the
 * part h is up takes 1.4 h of what the lower tiers left, so a tier bears the loss of two servers in
 * seven before anything spills. Traffic spills at once, and comes back to a lower tier only after
 * that could have had more for half a minute, so that one unsteady server does not move a warm
 * working set to and fro. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/pool.h"

#define STANDING_RETURN_NS INT64_C(30000000000)

struct tier_weight {
	uint64_t all, up, ejected;
	unsigned n_ejected;
};

/* One for each tier of the pool. */
void standing_weigh(const struct pool *pool, struct tier_weight *weights_out);
/* Does the cap leave room for another of that weight? Always for the first. */
bool standing_may_eject(const struct tier_weight *tier, unsigned weight, unsigned max_percent);
/* Is less up, in all tiers, than that part of the last tier? */
bool standing_is_short(const struct tier_weight *weights, size_t n, unsigned percent);

struct shares {
	size_t n;
	uint32_t end[POOL_TIERS_MAX]; /* this tier's and all lower ones' */
	int64_t since_ns[POOL_TIERS_MAX]; /* `end` could be larger since; INT64_MAX: it could not */
};
/* All of it to the lowest of n tiers, as in a new pool. */
void shares_init(struct shares *s, size_t n);
/* `at_once`: nothing waits. True if something changed. */
bool shares_update(struct shares *s, const struct tier_weight *weights, bool with_ejected,
	bool at_once, int64_t now_ns);
/* When an update may change something though the weights have not; INT64_MAX: never. */
int64_t shares_next_ns(const struct shares *s);
uint32_t shares_of(const struct shares *s, size_t tier);
