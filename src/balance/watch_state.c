/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A server's state goes to the pool here and nowhere else, and what follows from all states is
 * published behind it. Nothing here looks at a probe. */
#include "balance/watch_impl.h"

#include "balance/latency.h"

#define RAMP_LEAST (SERVER_SHARE_FULL / 10)
#define RAMP_STEPS 64
#define RAMP_STEP_LEAST_NS INT64_C(20000000)
#define RAMP_STEP_MOST_NS INT64_C(1000000000)

void watch_tell(struct watch *w, const struct watch_event *event)
{
	w->ops->tell(w->ctx, event);
}

/* ---- states --------------------------------------------------------------------------------- */

static bool is_any_unknown(const struct watch *w)
{
	for (size_t s = 0; s < w->params.pool->n_servers; s++) {
		const struct server *server = watch_server(w, s);

		if (server->params.mode == SERVER_AUTO && server_state(server) == SERVER_UNKNOWN)
			return true;
	}
	return false;
}

static void tell_nobody(struct watch *w)
{
	if (!pool_is_failing_open(w->params.pool)) {
		w->is_nobody_told = false;
	} else if (!w->is_nobody_told && !is_any_unknown(w)) {
		w->is_nobody_told = true;
		watch_tell(w, &(struct watch_event){ .kind = WATCH_NOBODY_UP });
	}
}

/* Before the pool knows. */
static void come_back(struct watch *w, struct watched *x, struct server *server,
	enum server_state from, int64_t now_ns)
{
	ejection_taken_back(&x->ejection, now_ns);
	signs_clear(server);
	x->clear_ns = INT64_MAX;
	atomic_store_explicit(&server->is_test_due, false, memory_order_relaxed);
	if (from == SERVER_UNKNOWN || now_ns - x->left_ns < WATCH_RAMP_AFTER_NS)
		return;
	x->ramp_ns = w->params.slow_start_ns > 0 ? now_ns : INT64_MAX;
}

static void go_away(struct watch *w, struct watched *x, struct watch_event *e, int64_t now_ns)
{
	if (e->from == SERVER_UP)
		ejection_taken_out(&x->ejection);
	if (e->from != SERVER_EJECTED)
		x->left_ns = now_ns;
	if (e->to == SERVER_EJECTED) {
		e->hold_ns = ejection_begin(&x->ejection, w->params.eject_base_ns, now_ns, w->rng);
		return;
	}
	ejection_cancel(&x->ejection);
	x->clear_ns = INT64_MAX;
	e->hold_ns = ejection_hold_ns(&x->ejection, w->params.eject_base_ns);
	health_hold(&x->health, now_ns + e->hold_ns);
}

void watch_set_state(struct watch *w, struct watch_event e, int64_t now_ns)
{
	struct watched *x = &w->servers[e.server];
	struct server *server = watch_server(w, e.server);

	e.kind = WATCH_STATE;
	e.from = server_state(server);
	if (e.to == SERVER_UP)
		come_back(w, x, server, e.from, now_ns);
	else
		go_away(w, x, &e, now_ns);
	if (e.from == SERVER_EJECTED)
		atomic_store_explicit(&server->is_test_due, false, memory_order_relaxed);
	pool_set_state(w->params.pool, e.server, e.to);
	counter_add(&x->n_changes, 1);
	e.n_recent = x->ejection.n_recent;
	e.outcome = x->last.outcome;
	e.rcode = x->last.rcode;
	e.timeout_ns = x->last_timeout_ns;
	w->is_changed = true;
	watch_tell(w, &e);
	tell_nobody(w);
}

static const struct tier_weight *tier_of(
	const struct watch *w, size_t s, const struct tier_weight *weights)
{
	const struct pool *pool = w->params.pool;
	size_t t = 0;

	while (pool->tiers[t].number != pool->servers[s].params.tier)
		t++;
	return &weights[t];
}

bool watch_eject(struct watch *w, size_t s, enum sign sign, unsigned n, int64_t now_ns)
{
	struct tier_weight weights[POOL_TIERS_MAX];
	struct watch_event e = {
		.kind = WATCH_NOT_EJECTED,
		.server = s,
		.to = SERVER_EJECTED,
		.reason = WATCH_BY_SIGN,
		.sign = sign,
		.n = n,
	};

	standing_weigh(w->params.pool, weights);
	if (!standing_may_eject(tier_of(w, s, weights), watch_server(w, s)->params.weight,
		    w->params.eject_max_percent)) {
		watch_tell(w, &e);
		return false;
	}
	watch_set_state(w, e, now_ns);
	return true;
}

/* ---- what follows --------------------------------------------------------------------------- */

static void publish_panic(struct watch *w, const struct tier_weight *weights)
{
	struct pool *pool = w->params.pool;
	bool is_panicking = standing_is_short(weights, pool->n_tiers, w->params.panic_percent);
	unsigned n_ejected = 0;

	for (size_t t = 0; t < pool->n_tiers; t++)
		n_ejected += weights[t].n_ejected;
	pool_set_panic(pool, is_panicking);
	/* Without an ejection there is nothing to ignore, and nothing to tell. */
	if (w->is_panic_told != (is_panicking && n_ejected > 0)) {
		w->is_panic_told = !w->is_panic_told;
		watch_tell(w, &(struct watch_event){
				      .kind = w->is_panic_told ? WATCH_PANIC : WATCH_NO_PANIC });
	}
}

static void publish_shares(struct watch *w, const struct tier_weight *weights, int64_t now_ns)
{
	struct pool *pool = w->params.pool;
	uint32_t shares[POOL_TIERS_MAX];

	if (pool->n_tiers == 1)
		return;
	bool has_changed = shares_update(
		&w->shares, weights, pool_is_panicking(pool), !w->is_settled, now_ns);
	if (!w->is_settled)
		w->is_settled = !is_any_unknown(w);
	if (!has_changed)
		return;
	for (size_t t = 0; t < pool->n_tiers; t++)
		shares[t] = shares_of(&w->shares, t);
	pool_set_tier_shares(pool, shares);
	watch_tell(w, &(struct watch_event){ .kind = WATCH_SHARES });
}

static bool is_in_use(const struct server *s)
{
	return s->params.mode != SERVER_DRAIN && server_state(s) == SERVER_UP;
}

/* Is it over; or did it leave with those after whom nobody of its tier was left, and come back soon after
 * the first of them? That one had to take all at once, and they are as cold as it was. */
static bool has_ramped(
	const struct watch *w, const struct watched *x, const struct outage *outage, int64_t now_ns)
{
	int64_t slow_start_ns = w->params.slow_start_ns;

	return x->ramp_ns == INT64_MAX || now_ns - x->ramp_ns >= slow_start_ns ||
	       (x->left_ns >= outage->begin_ns - slow_start_ns && x->left_ns <= outage->end_ns &&
		       x->ramp_ns - outage->end_ns < slow_start_ns);
}

static bool is_anybody_in_use(const struct watch *w, const struct tier *tier)
{
	for (size_t i = 0; i < tier->n; i++) {
		if (is_in_use(watch_server(w, tier->members[i])))
			return true;
	}
	return false;
}

/* That nobody is known yet is none. */
static void note_outage(struct outage *outage, bool has_servers, int64_t now_ns)
{
	if (!has_servers && outage->had_servers)
		outage->begin_ns = now_ns;
	if (has_servers && !outage->had_servers && outage->begin_ns != NEVER_NS)
		outage->end_ns = now_ns;
	outage->had_servers = has_servers;
}

/* A server that starts slowly leaves its share to the others; when there is no other, it has had the
 * whole, and starts slowly no more. */
static void end_ramps_without_others(struct watch *w, size_t t, int64_t now_ns)
{
	const struct tier *tier = &w->params.pool->tiers[t];
	struct outage *outage = &w->outages[t];
	bool is_anybody_warm = false;

	note_outage(outage, is_anybody_in_use(w, tier), now_ns);
	for (size_t i = 0; i < tier->n; i++) {
		struct watched *x = &w->servers[tier->members[i]];

		if (has_ramped(w, x, outage, now_ns))
			x->ramp_ns = INT64_MAX;
		is_anybody_warm |= x->ramp_ns == INT64_MAX &&
				   is_in_use(watch_server(w, tier->members[i]));
	}
	for (size_t i = 0; !is_anybody_warm && i < tier->n; i++) {
		if (is_in_use(watch_server(w, tier->members[i])))
			w->servers[tier->members[i]].ramp_ns = INT64_MAX;
	}
}

static uint32_t ramp_of(const struct watch *w, size_t s, int64_t now_ns)
{
	const struct watched *x = &w->servers[s];

	if (x->ramp_ns == INT64_MAX || !is_in_use(watch_server(w, s)))
		return SERVER_SHARE_FULL;
	int64_t since_ns = now_ns - x->ramp_ns;
	if (since_ns >= w->params.slow_start_ns) /* days ago, it may be */
		return SERVER_SHARE_FULL;
	int64_t share = since_ns * SERVER_SHARE_FULL / w->params.slow_start_ns;
	return share > RAMP_LEAST ? (uint32_t)share : RAMP_LEAST;
}

static int64_t ramp_step_ns(const struct watch *w)
{
	int64_t step_ns = w->params.slow_start_ns / RAMP_STEPS;

	if (step_ns < RAMP_STEP_LEAST_NS)
		return RAMP_STEP_LEAST_NS;
	return step_ns < RAMP_STEP_MOST_NS ? step_ns : RAMP_STEP_MOST_NS;
}

static void publish_ramps(struct watch *w, int64_t now_ns)
{
	struct pool *pool = w->params.pool;

	w->ramp_ns = INT64_MAX;
	if (w->params.slow_start_ns == 0)
		return;
	for (size_t t = 0; t < pool->n_tiers; t++)
		end_ramps_without_others(w, t, now_ns);
	for (size_t s = 0; s < pool->n_servers; s++) {
		uint32_t ramp = ramp_of(w, s, now_ns);

		server_set_ramp(&pool->servers[s], ramp);
		if (ramp != SERVER_SHARE_FULL)
			w->ramp_ns = now_ns + ramp_step_ns(w);
	}
}

static bool is_hash(const struct tier *tier)
{
	return tier->policy->ops == policy_table[POLICY_HASH] ||
	       tier->policy->ops == policy_table[POLICY_CLIENT_HASH];
}

/* Servers are compared with those of their tier that are in use; one that is not, or has told too
 * little, is not slow. Which names a hash policy gives to whom decides latency: not compared. */
static void publish_paces(struct watch *w, const struct tier *tier)
{
	uint64_t least_us = UINT64_MAX;

	for (size_t i = 0; i < tier->n; i++) {
		uint64_t median_us = latency_median_us(w->latency, tier->members[i]);

		if (median_us > 0 && median_us < least_us &&
			is_in_use(watch_server(w, tier->members[i])))
			least_us = median_us;
	}
	for (size_t i = 0; i < tier->n; i++) {
		struct server *s = watch_server(w, tier->members[i]);
		uint64_t median_us = latency_median_us(w->latency, tier->members[i]);
		bool is_compared = median_us > 0 && is_in_use(s) && !is_hash(tier);

		server_set_pace(
			s, is_compared ? latency_share(median_us, least_us) : SERVER_SHARE_FULL);
	}
}

static void end_second(struct watch *w, int64_t now_ns)
{
	struct pool *pool = w->params.pool;

	w->second_ns += LATENCY_WINDOW_NS;
	if (w->second_ns <= now_ns) /* we have slept: no two windows at one moment */
		w->second_ns = now_ns + LATENCY_WINDOW_NS;
	latency_turn(w->latency);
	for (size_t s = 0; s < pool->n_servers; s++) {
		uint32_t counts[HISTOGRAM_COUNT] = { 0 };

		w->ops->latency(w->ctx, s, counts);
		latency_read(w->latency, s, counts);
	}
	for (size_t t = 0; w->params.latency == LATENCY_ON && t < pool->n_tiers; t++)
		publish_paces(w, &pool->tiers[t]);
	if (w->params.hedge_percent > 0)
		w->hedge_delay_us = latency_hedge_delay_us(w->latency, w->params.hedge_percent);
}

void watch_publish(struct watch *w, int64_t now_ns)
{
	struct pool *pool = w->params.pool;

	if (!w->is_changed && now_ns < watch_publish_next_ns(w))
		return;
	w->is_changed = false;
	struct tier_weight weights[POOL_TIERS_MAX];
	standing_weigh(pool, weights);
	publish_panic(w, weights);
	publish_shares(w, weights, now_ns);
	publish_ramps(w, now_ns);
	if (now_ns >= w->second_ns)
		end_second(w, now_ns);
	pool_set_hedge_delay(pool,
		pool_is_panicking(pool) || pool_is_failing_open(pool) ? 0 : w->hedge_delay_us);
}

int64_t watch_publish_next_ns(const struct watch *w)
{
	int64_t next_ns = shares_next_ns(&w->shares);

	if (w->ramp_ns < next_ns)
		next_ns = w->ramp_ns;
	return w->second_ns < next_ns ? w->second_ns : next_ns;
}
