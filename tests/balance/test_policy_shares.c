/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of the policies' shares against weights, ramps, paces and tiers, idle and loaded, by a small
 * simulation. Shares are over N_QUERIES seeded draws, whose own deviation is at most 0.25 points. */
#include "balance/policy.h"

#include <criterion/criterion.h>
#include <stdbool.h>

#include "balance/fixture.h"

#define N_QUERIES 40000
#define SATURATED 200 /* queries in flight */
#define FULL SERVER_SHARE_FULL

static const enum policy_kind weighted[] = { POLICY_P2C, POLICY_LEAST_OUTSTANDING,
	POLICY_ROUND_ROBIN, POLICY_RANDOM, POLICY_HASH, POLICY_CLIENT_HASH };
#define N_WEIGHTED (sizeof weighted / sizeof weighted[0])

static bool is_hash(enum policy_kind kind)
{
	return kind == POLICY_HASH || kind == POLICY_CLIENT_HASH;
}

struct traffic {
	size_t in_flight; /* kept out all the time; 0: each comes back before the next */
	double mean; /* if not 0: in flight on average, coming and going as they please (Poisson) */
	double speeds[8]; /* of answers, up to 1; 0 is 1 */
	double shares[FIXTURE_SERVERS_MAX];
};

struct flight {
	uint16_t servers[1000];
	size_t n;
};

/* One comes back, any with equal chance but for those of slow servers. */
static void answer_one(
	const struct traffic *t, struct flight *out, struct pool *pool, struct rng *rng)
{
	double speed;
	size_t k;

	do {
		k = rng_below(rng, (uint32_t)out->n);
		speed = out->servers[k] < 8 ? t->speeds[out->servers[k]] : 0;
	} while (speed != 0 && speed != 1 && rng_u32(rng) * 0x1p-32 >= speed);
	server_release(&pool->servers[out->servers[k]], 1);
	out->servers[k] = out->servers[--out->n];
}

/* Is the next event a reply, not a query? */
static bool is_reply_next(const struct traffic *t, const struct flight *out, struct rng *rng)
{
	if (out->n == 0)
		return false;
	if (t->mean > 0)
		return rng_u32(rng) * 0x1p-32 < (double)out->n / ((double)out->n + t->mean);
	return out->n >= t->in_flight;
}

static void run(struct traffic *t, struct pool *pool)
{
	struct flight out = { .n = 0 };
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 42);
	fixture_query_init(&q, pool, &rng);
	for (uint32_t k = 0; k < N_QUERIES; k++) {
		int i;

		fixture_query_set(&q, k);
		while (is_reply_next(t, &out, &rng))
			answer_one(t, &out, pool, &rng);
		i = pool_choose(&q.choice);
		cr_assert_geq(i, 0, "%s", pool->tiers[0].policy->ops->name);
		t->shares[i] += 1.0 / N_QUERIES;
		out.servers[out.n++] = (uint16_t)i;
	}
	while (out.n > 0)
		answer_one(t, &out, pool, &rng);
}

static const struct {
	size_t n;
	unsigned weights[4];
} pools[] = {
	{ 2, { 1, 1 } },
	{ 2, { 3, 1 } },
	{ 2, { 1, 4 } },
	{ 2, { 4, 1 } },
	{ 3, { 1, 1, 1 } },
	{ 4, { 10, 1, 1, 1 } },
};

static void expect_shares(enum policy_kind kind, size_t row, size_t in_flight, size_t down)
{
	struct pool *pool = fixture_pool(kind, pools[row].weights, pools[row].n, 1000, SERVER_AUTO);
	struct traffic t = { .in_flight = in_flight };
	double sum = 0;

	for (size_t i = 0; i < pools[row].n; i++) {
		pool_set_state(pool, i, i == down ? SERVER_DOWN : SERVER_UP);
		sum += i == down ? 0 : pools[row].weights[i];
	}
	run(&t, pool);
	for (size_t i = 0; i < pools[row].n; i++) {
		double want = i == down ? 0 : pools[row].weights[i] / sum;

		cr_expect_float_eq(t.shares[i], want, 0.02,
			"%s, pool %zu, %zu in flight, %d down: server %zu has %.3f of %.3f",
			policy_table[kind]->name, row, in_flight, (int)down, i, t.shares[i], want);
	}
	pool_free(&pool);
}

Test(policy_shares, follow_the_weights_when_idle)
{
	for (size_t k = 0; k < N_WEIGHTED; k++) {
		for (size_t row = 0; row < sizeof pools / sizeof pools[0]; row++)
			expect_shares(weighted[k], row, 0, SIZE_MAX);
	}
}

Test(policy_shares, follow_the_weights_when_loaded)
{
	for (size_t k = 0; k < N_WEIGHTED; k++) {
		for (size_t row = 0; row < sizeof pools / sizeof pools[0]; row++)
			expect_shares(weighted[k], row, SATURATED, SIZE_MAX);
	}
}

static void expect_shares_of_p2c(const unsigned *weights, size_t n, double mean)
{
	struct pool *pool = fixture_pool(POLICY_P2C, weights, n, 1000, SERVER_FORCED_UP);
	struct traffic t = { .mean = mean };
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += weights[i];
	run(&t, pool);
	for (size_t i = 0; i < n; i++)
		cr_expect_float_eq(t.shares[i], weights[i] / sum, 0.0225,
			"%u of %.0f, %.1f in flight: %.3f", weights[i], sum, mean, t.shares[i]);
	pool_free(&pool);
}

/* Where queries come and go as they please, also with about one out, where whole numbers are coarse. */
Test(policy_shares, of_p2c_follow_the_weights_idle_busy_and_saturated)
{
	static const double means[] = { 0.1, 0.5, 1, 2, 5, 10, 20, 200 };
	static const struct {
		size_t n;
		unsigned weights[4];
	} uneven[] = { { 2, { 2, 1 } }, { 2, { 1, 3 } }, { 2, { 4, 1 } }, { 2, { 3, 2 } },
		{ 3, { 5, 3, 2 } }, { 3, { 2, 1, 1 } }, { 3, { 100, 10, 1 } },
		{ 4, { 10, 1, 1, 1 } }, { 4, { 8, 4, 2, 1 } } };

	for (size_t k = 0; k < sizeof means / sizeof means[0]; k++) {
		for (size_t row = 0; row < sizeof uneven / sizeof uneven[0]; row++)
			expect_shares_of_p2c(uneven[row].weights, uneven[row].n, means[k]);
	}
}

Test(policy_shares, of_the_others_stay_when_a_server_is_down)
{
	for (size_t k = 0; k < N_WEIGHTED; k++) {
		for (size_t row = 4; row < sizeof pools / sizeof pools[0]; row++) {
			for (size_t down = 0; down < pools[row].n; down++) {
				expect_shares(weighted[k], row, 0, down);
				expect_shares(weighted[k], row, SATURATED, down);
			}
		}
	}
}

Test(policy_shares, of_a_slow_server_are_less_where_load_counts)
{
	static const struct {
		enum policy_kind kind;
		double least, most;
	} cases[] = {
		{ POLICY_P2C, 0.03, 0.08 },
		{ POLICY_LEAST_OUTSTANDING, 0.03, 0.08 },
		{ POLICY_RANDOM, 0.18, 0.22 },
		{ POLICY_ROUND_ROBIN, 0.19, 0.21 },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pool *pool = fixture_pool(cases[k].kind, NULL, 5, 1000, SERVER_FORCED_UP);
		struct traffic t = { .in_flight = SATURATED, .speeds = { [2] = 0.2 } };

		run(&t, pool);
		cr_expect(t.shares[2] >= cases[k].least && t.shares[2] <= cases[k].most, "%s: %.3f",
			policy_table[cases[k].kind]->name, t.shares[2]);
		pool_free(&pool);
	}
}

/* Fractions of SERVER_SHARE_FULL; 0 is 1. */
static const struct {
	const char *name;
	size_t n;
	unsigned weights[4];
	double ramps[4], paces[4];
	bool down[4];
} slowed[] = {
	{ "one starts", 3, { 1, 1, 1 }, { 0.1 }, { 0 }, { 0 } },
	{ "the heavy one starts", 3, { 4, 1, 1 }, { 0.25 }, { 0 }, { 0 } },
	{ "two start", 4, { 1, 2, 1, 2 }, { 0.5, 0.25 }, { 0 }, { 0 } },
	{ "one starts, one is down", 3, { 1, 2, 1 }, { 0.3 }, { 0 }, { false, false, true } },
	{ "one is slow", 3, { 1, 1, 1 }, { 0 }, { 0.25 }, { 0 } },
	{ "the heavy one is slow", 3, { 4, 1, 1 }, { 0 }, { 0.5 }, { 0 } },
	{ "two are slow", 3, { 1, 2, 1 }, { 0 }, { 0.5, 0.25 }, { 0 } },
	{ "one slow one starts", 3, { 2, 1, 1 }, { 0.5 }, { 0.5 }, { 0 } },
	{ "one is slow, one starts", 4, { 3, 1, 1, 1 }, { 0, 0.2 }, { 0.4 }, { 0 } },
	{ "nobody is whole", 2, { 1, 3 }, { 0.5, 0.5 }, { 0.5, 0.25 }, { 0 } },
};

static double or_1(double fraction)
{
	return fraction == 0 ? 1 : fraction;
}

/* A slow server is as slow as its pace says, because that is where its pace comes from. */
static void expect_slowed_shares(enum policy_kind kind, size_t row, size_t in_flight)
{
	struct pool *pool = fixture_pool(
		kind, slowed[row].weights, slowed[row].n, 1000, SERVER_AUTO);
	struct traffic t = { .in_flight = in_flight };
	double wants[4], sum = 0;

	for (size_t i = 0; i < slowed[row].n; i++) {
		double ramp = or_1(slowed[row].ramps[i]), pace = or_1(slowed[row].paces[i]);

		pool_set_state(pool, i, slowed[row].down[i] ? SERVER_DOWN : SERVER_UP);
		server_set_ramp(&pool->servers[i], (uint32_t)(ramp * FULL));
		server_set_pace(&pool->servers[i], (uint32_t)(pace * FULL));
		if (is_hash(kind)) /* which look at no pace, so nobody may be slow either */
			pace = 1;
		t.speeds[i] = pace;
		wants[i] = slowed[row].down[i] ? 0 : slowed[row].weights[i] * ramp * pace;
		sum += wants[i];
	}
	run(&t, pool);
	for (size_t i = 0; i < slowed[row].n; i++)
		cr_expect_float_eq(t.shares[i], wants[i] / sum, 0.02,
			"%s, %s, %zu in flight: server %zu has %.3f of %.3f",
			policy_table[kind]->name, slowed[row].name, in_flight, i, t.shares[i],
			wants[i] / sum);
	pool_free(&pool);
}

Test(policy_shares, follow_weight_ramp_and_pace_when_idle)
{
	for (size_t k = 0; k < N_WEIGHTED; k++) {
		for (size_t row = 0; row < sizeof slowed / sizeof slowed[0]; row++)
			expect_slowed_shares(weighted[k], row, 0);
	}
}

Test(policy_shares, follow_weight_ramp_and_pace_when_loaded)
{
	for (size_t k = 0; k < N_WEIGHTED; k++) {
		for (size_t row = 0; row < sizeof slowed / sizeof slowed[0]; row++)
			expect_slowed_shares(weighted[k], row, SATURATED);
	}
}

Test(policy_shares, of_first_available_spill_what_a_starting_server_declines)
{
	struct pool *pool = fixture_pool(POLICY_FIRST_AVAILABLE, NULL, 3, 1000, SERVER_FORCED_UP);
	struct traffic t = { .in_flight = 0 };

	server_set_ramp(&pool->servers[0], FULL / 4);
	server_set_pace(&pool->servers[0], FULL / 2); /* is not looked at */
	run(&t, pool);
	cr_expect_float_eq(t.shares[0], 0.25, 0.01, "%.3f", t.shares[0]);
	cr_expect_float_eq(t.shares[1], 0.75, 0.01, "%.3f", t.shares[1]);
	pool_free(&pool);
}

/* Tiers 0 (a, c) and 2 (b, d, e), so that tiers and the order of the file do not agree. */
static struct pool *pool_of_two_tiers(enum policy_kind kind)
{
	static const unsigned weights[] = { 3, 2, 1, 1, 1 };
	struct fixture_params f;
	struct pool *pool = NULL;

	fixture_params_init(&f, kind, weights, 5, 1000, SERVER_FORCED_UP);
	f.servers[1].tier = f.servers[3].tier = f.servers[4].tier = 2;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	return pool;
}

Test(policy_shares, follow_the_tiers_shares_and_the_weights_within)
{
	static const uint32_t shares[][2] = {
		{ FULL, 0 },
		{ 0, FULL },
		{ FULL / 2, FULL / 2 },
		{ FULL / 10, FULL - FULL / 10 },
		{ FULL - FULL / 4, FULL / 4 },
	};
	static const double within[] = { 3 / 4.0, 2 / 4.0, 1 / 4.0, 1 / 4.0, 1 / 4.0 };

	for (size_t k = 0; k < N_WEIGHTED; k++) {
		for (size_t row = 0; row < sizeof shares / sizeof shares[0]; row++) {
			for (size_t in_flight = 0; in_flight <= SATURATED; in_flight += SATURATED) {
				struct pool *pool = pool_of_two_tiers(weighted[k]);
				struct traffic t = { .in_flight = in_flight };

				pool_set_tier_shares(pool, shares[row]);
				run(&t, pool);
				for (size_t i = 0; i < 5; i++) {
					bool is_low = i == 0 || i == 2;
					double want = within[i] * shares[row][is_low ? 0 : 1] /
						      FULL;

					cr_expect_float_eq(t.shares[i], want, 0.02,
						"%s, shares %zu, %zu in flight: server %zu has "
						"%.3f of %.3f",
						policy_table[weighted[k]]->name, row, in_flight, i,
						t.shares[i], want);
				}
				pool_free(&pool);
			}
		}
	}
}
