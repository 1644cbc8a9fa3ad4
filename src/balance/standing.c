/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shares are kept as the ends of the tiers' parts on one line from 0 to the whole: traffic that comes
 * back to a lower tier is an end that grows, traffic that spills is one that shrinks. Invariant: ends
 * do not fall from tier to tier, and the last is SERVER_SHARE_FULL. */
#include "balance/standing.h"

/* A tier takes this much more than the part of it that is up. */
#define OVERPROVISION 14 / 10

void standing_weigh(const struct pool *pool, struct tier_weight *weights_out)
{
	for (size_t t = 0; t < pool->n_tiers; t++) {
		struct tier_weight *tier = &weights_out[t];

		*tier = (struct tier_weight){ 0 };
		for (size_t i = 0; i < pool->tiers[t].n; i++) {
			const struct server *s = &pool->servers[pool->tiers[t].members[i]];
			enum server_state state = server_state(s);

			if (s->params.mode != SERVER_AUTO && s->params.mode != SERVER_FORCED_UP)
				continue;
			tier->all += s->params.weight;
			if (state == SERVER_UP)
				tier->up += s->params.weight;
			if (state == SERVER_EJECTED) {
				tier->ejected += s->params.weight;
				tier->n_ejected++;
			}
		}
	}
}

bool standing_may_eject(const struct tier_weight *tier, unsigned weight, unsigned max_percent)
{
	return tier->n_ejected == 0 || (tier->ejected + weight) * 100 <= tier->all * max_percent;
}

bool standing_is_short(const struct tier_weight *weights, size_t n, unsigned percent)
{
	uint64_t up = 0, last = 0;

	for (size_t t = 0; t < n; t++) {
		up += weights[t].up;
		if (weights[t].all > 0)
			last = weights[t].all;
	}
	return up * 100 < last * percent;
}

static uint64_t usable(const struct tier_weight *tier, bool with_ejected)
{
	return tier->up + (with_ejected ? tier->ejected : 0);
}

/* The ends as they should be. False: nobody is usable anywhere. */
static bool make_target(
	const struct tier_weight *weights, size_t n, bool with_ejected, uint32_t *target_out)
{
	uint64_t sum = 0;

	for (size_t t = 0; t < n; t++) {
		uint64_t part = weights[t].all == 0
					? 0
					: usable(&weights[t], with_ejected) * SERVER_SHARE_FULL *
						  OVERPROVISION / weights[t].all;

		if (part > SERVER_SHARE_FULL - sum)
			part = SERVER_SHARE_FULL - sum;
		sum += part;
		target_out[t] = (uint32_t)sum;
	}
	if (sum == 0)
		return false;
	for (size_t t = 0; t < n;
		t++) /* all of them together have too little: share what there is */
		target_out[t] = (uint32_t)(target_out[t] * (uint64_t)SERVER_SHARE_FULL / sum);
	return true;
}

void shares_init(struct shares *s, size_t n)
{
	s->n = n;
	for (size_t t = 0; t < n; t++) {
		s->end[t] = SERVER_SHARE_FULL;
		s->since_ns[t] = INT64_MAX;
	}
}

uint32_t shares_of(const struct shares *s, size_t tier)
{
	return s->end[tier] - (tier > 0 ? s->end[tier - 1] : 0);
}

/* What tiers above t have, of which nobody is usable: it may come back without waiting. */
static uint32_t stranded_above(
	const struct shares *s, const struct tier_weight *weights, bool with_ejected, size_t t)
{
	uint32_t sum = 0;

	while (++t < s->n) {
		if (usable(&weights[t], with_ejected) == 0)
			sum += shares_of(s, t);
	}
	return sum;
}

/* Where the end of tier t goes now, below its target for as long as traffic must wait. */
static uint32_t move_end(
	struct shares *s, size_t t, uint32_t target, uint32_t stranded, int64_t now_ns)
{
	uint32_t end = s->end[t] + stranded;

	if (target <= end) {
		s->since_ns[t] = INT64_MAX;
		return target;
	}
	if (s->since_ns[t] == INT64_MAX)
		s->since_ns[t] = now_ns;
	if (now_ns - s->since_ns[t] < STANDING_RETURN_NS)
		return end;
	s->since_ns[t] = INT64_MAX;
	return target;
}

bool shares_update(struct shares *s, const struct tier_weight *weights, bool with_ejected,
	bool at_once, int64_t now_ns)
{
	uint32_t target[POOL_TIERS_MAX], end[POOL_TIERS_MAX];
	bool has_changed = false;

	if (!make_target(weights, s->n, with_ejected, target)) {
		/* The pool fails open, and whoever comes back first gets all at once. */
		for (size_t t = 0; t < s->n; t++)
			s->since_ns[t] = INT64_MAX;
		return false;
	}
	for (size_t t = 0; t < s->n; t++) {
		uint32_t stranded = at_once ? SERVER_SHARE_FULL
					    : stranded_above(s, weights, with_ejected, t);

		end[t] = move_end(s, t, target[t], stranded, now_ns);
		if (t > 0 && end[t] < end[t - 1])
			end[t] = end[t - 1];
		has_changed |= end[t] != s->end[t];
	}
	for (size_t t = 0; t < s->n; t++)
		s->end[t] = end[t];
	return has_changed;
}

int64_t shares_next_ns(const struct shares *s)
{
	int64_t next_ns = INT64_MAX;

	for (size_t t = 0; t < s->n; t++) {
		if (s->since_ns[t] != INT64_MAX && s->since_ns[t] + STANDING_RETURN_NS < next_ns)
			next_ns = s->since_ns[t] + STANDING_RETURN_NS;
	}
	return next_ns;
}
