/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of what each policy promises by itself. What every policy owes on limits, tried and down
 * servers is in test_pool_choose.c, shares against weights are in test_policy_shares.c, and what
 * the hash policies promise beside in test_policy_hash.c. */
#include "balance/policy.h"

#include <criterion/criterion.h>
#include <stdbool.h>

#include "balance/alias.h"
#include "balance/fixture.h"

Test(policy, table_is_in_the_order_of_the_kinds)
{
	static const char *const names[POLICY_COUNT] = { "p2c", "least-outstanding", "round-robin",
		"random", "first-available", "hash", "client-hash" };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		cr_assert_not_null(policy_table[kind], "kind %d", kind);
		cr_expect_str_eq(policy_table[kind]->name, names[kind]);
		cr_expect_gt(strlen(policy_table[kind]->help), 0, "%s", names[kind]);
	}
}

/* The load of a server is set by hand, and the policy asked without taking places. */
static int pick_at(struct pool *pool, struct fixture_query *q, const uint32_t *outstanding)
{
	for (size_t i = 0; i < pool->n_servers; i++)
		atomic_store(&pool->servers[i].outstanding, outstanding[i]);
	q->choice.tier = &pool->tiers[0];
	return pool->tiers[0].policy->ops->pick(pool->tiers[0].policy, &q->choice);
}

Test(policy, least_outstanding_compares_by_weight_and_draws_ties)
{
	static const struct {
		const char *name;
		unsigned weights[3];
		uint32_t outstanding[3];
		double shares[3];
	} cases[] = {
		{ "idle", { 3, 2, 1 }, { 0, 0, 0 }, { 3 / 6.0, 2 / 6.0, 1 / 6.0 } },
		{ "tie at load", { 3, 2, 1 }, { 30, 20, 10 }, { 3 / 6.0, 2 / 6.0, 1 / 6.0 } },
		{ "two tie", { 3, 2, 1 }, { 31, 20, 10 }, { 0, 2 / 3.0, 1 / 3.0 } },
		{ "one is best", { 3, 2, 1 }, { 29, 20, 10 }, { 1, 0, 0 } },
		{ "last is best", { 3, 2, 1 }, { 30, 20, 9 }, { 0, 0, 1 } },
		{ "exact at the limits", { 1000, 999, 1 }, { 999999, 998998, 1000 }, { 0, 1, 0 } },
		{ "best is full", { 1, 1, 1000 }, { 5, 5, 1000000 }, { 0.5, 0.5, 0 } },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pool *pool = fixture_pool(POLICY_LEAST_OUTSTANDING, cases[k].weights, 3,
			SERVER_OUTSTANDING_MAX, SERVER_FORCED_UP);
		unsigned counts[3] = { 0 };
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 1);
		fixture_query_init(&q, pool, &rng);
		for (int i = 0; i < 10000; i++)
			counts[pick_at(pool, &q, cases[k].outstanding)]++;
		for (int i = 0; i < 3; i++)
			cr_expect_float_eq(counts[i] / 10000.0, cases[k].shares[i], 0.02,
				"%s: server %d: %u", cases[k].name, i, counts[i]);
		pool_free(&pool);
	}
}

/* Two servers of equal weight: the busier wins only when both draws are it, a quarter of pairs. */
Test(policy, p2c_takes_the_less_loaded_of_two_draws)
{
	static const struct {
		const char *name;
		unsigned weights[2];
		uint32_t outstanding[2];
		double share; /* of the first */
	} cases[] = {
		{ "tie", { 1, 1 }, { 5, 5 }, 0.5 },
		{ "first busier", { 1, 1 }, { 6, 5 }, 0.25 },
		{ "second busier", { 1, 1 }, { 5, 6 }, 0.75 },
		{ "tie by weight", { 3, 1 }, { 15, 5 }, 0.75 },
		{ "first busier by weight", { 3, 1 }, { 17, 5 }, 0.5625 },
		{ "by less than the next query", { 3, 1 }, { 16, 5 }, 0.75 },
		{ "second busier by weight", { 3, 1 }, { 14, 5 }, 0.9375 },
		{ "first full", { 1, 1 }, { 1000, 5 }, 0 },
		{ "second full", { 1, 1 }, { 999, 1000 }, 1 },
		{ "first full but best by weight", { 500, 1 }, { 1000, 900 }, 0 },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pool *pool = fixture_pool(
			POLICY_P2C, cases[k].weights, 2, 1000, SERVER_FORCED_UP);
		unsigned count = 0;
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 2);
		fixture_query_init(&q, pool, &rng);
		for (int i = 0; i < 10000; i++)
			count += pick_at(pool, &q, cases[k].outstanding) == 0;
		cr_expect_float_eq(count / 10000.0, cases[k].share,
			cases[k].share == 0 || cases[k].share == 1 ? 0 : 0.02, "%s: %u",
			cases[k].name, count);
		pool_free(&pool);
	}
}

Test(policy, p2c_gives_a_tie_to_the_first_drawn)
{
	static const unsigned weights[] = { 2, 1, 3, 1 };
	static const uint32_t outstanding[] = { 4, 2, 6, 2 };
	struct pool *pool = fixture_pool(POLICY_P2C, weights, 4, 1000, SERVER_FORCED_UP);
	struct alias *same = NULL;
	struct fixture_query q;
	struct rng rng, twin;

	cr_assert_eq(alias_new(weights, 4, &same), 0);
	fixture_rng(&rng, 14);
	fixture_rng(&twin, 14);
	fixture_query_init(&q, pool, &rng);
	for (int k = 0; k < 1000; k++) {
		size_t first = alias_draw(same, &twin);

		alias_draw(same, &twin);
		cr_assert_eq(pick_at(pool, &q, outstanding), (int)first, "query %d", k);
	}
	alias_free(&same);
	pool_free(&pool);
}

/* The turns of the next queries, as letters. */
static void take_turns(struct pool *pool, struct fixture_query *q, char *turns_out, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		int i = pool_choose(&q->choice);

		turns_out[k] = '-';
		if (i < 0)
			continue;
		turns_out[k] = (char)('a' + i);
		server_release(&pool->servers[i], 1);
	}
	turns_out[n] = '\0';
}

Test(policy, round_robin_takes_turns_smoothly)
{
	static const struct {
		size_t n;
		unsigned weights[4];
		const char *down; /* or full */
		const char *turns;
	} cases[] = {
		{ 1, { 7 }, "", "aaa" },
		{ 2, { 1, 1 }, "", "ababababab" },
		{ 2, { 100, 100 }, "", "abababab" },
		{ 2, { 2, 1 }, "", "abaaba" },
		{ 3, { 5, 1, 1 }, "", "aabacaaaabacaa" },
		{ 3, { 1, 1, 1 }, "", "abcabcabc" },
		{ 3, { 1, 1, 1 }, "b", "acacacac" },
		{ 3, { 1, 1, 1 }, "ac", "bbbb" },
		{ 3, { 2, 1, 1 }, "c", "abaabaaba" },
		{ 4, { 1, 1, 1, 1 }, "bc", "adadad" },
		{ 3, { 1, 1, 1 }, "abc", "---" },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		for (int full = 0; full < 2; full++) {
			struct pool *pool = fixture_pool(
				POLICY_ROUND_ROBIN, cases[k].weights, cases[k].n, 1, SERVER_AUTO);
			struct fixture_query q;
			struct rng rng;
			char turns[32];

			fixture_rng(&rng, 3);
			fixture_query_init(&q, pool, &rng);
			for (size_t i = 0; i < cases[k].n; i++)
				pool_set_state(pool, i, SERVER_UP);
			for (const char *d = cases[k].down; *d != '\0'; d++) {
				if (full || strlen(cases[k].down) == cases[k].n)
					cr_assert(server_reserve(&pool->servers[*d - 'a']));
				else
					pool_set_state(pool, (size_t)(*d - 'a'), SERVER_DOWN);
			}
			take_turns(pool, &q, turns, strlen(cases[k].turns));
			cr_expect_str_eq(turns, cases[k].turns, "row %zu: %s, not %s", k, turns,
				cases[k].turns);
			pool_free(&pool);
		}
	}
}

Test(policy, round_robin_shares_hold_where_the_order_is_scaled)
{
	enum { N = 200, TURNS = 65536 };
	unsigned weights[N], counts[N] = { 0 };
	double sum = 0;
	struct pool *pool;
	struct fixture_query q;
	struct rng rng;

	for (unsigned i = 0; i < N; i++) {
		weights[i] = i < N / 2 ? 1000 - i : 1 + i % 3;
		sum += weights[i];
	}
	pool = fixture_pool(POLICY_ROUND_ROBIN, weights, N, 1, SERVER_FORCED_UP);
	fixture_rng(&rng, 4);
	fixture_query_init(&q, pool, &rng);
	for (int k = 0; k < TURNS; k++) {
		int i = pool_choose(&q.choice);

		cr_assert_geq(i, 0);
		counts[i]++;
		server_release(&pool->servers[i], 1);
	}
	for (int i = 0; i < N; i++) {
		cr_expect_geq(counts[i], 1, "server %d", i);
		cr_expect_float_eq(counts[i] / (double)TURNS, weights[i] / sum, 0.0001,
			"server %d of weight %u: %u turns", i, weights[i], counts[i]);
	}
	pool_free(&pool);
}

Test(policy, round_robin_finds_the_light_one_behind_a_long_run_of_others)
{
	static const unsigned weights[] = { 1000, 1 };
	struct pool *pool = fixture_pool(POLICY_ROUND_ROBIN, weights, 2, 10, SERVER_AUTO);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 5);
	fixture_query_init(&q, pool, &rng);
	pool_set_state(pool, 1, SERVER_UP);
	for (int k = 0; k < 10; k++)
		cr_expect_eq(pool_choose(&q.choice), 1, "query %d", k);
	cr_expect_eq(pool_choose(&q.choice), POOL_ALL_FULL);
	pool_free(&pool);
}

Test(policy, first_available_is_the_first_with_room)
{
	static const unsigned weights[] = { 1, 1000, 1000 };
	struct pool *pool = fixture_pool(POLICY_FIRST_AVAILABLE, weights, 3, 2, SERVER_AUTO);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 6);
	fixture_query_init(&q, pool, &rng);
	for (size_t i = 0; i < 3; i++)
		pool_set_state(pool, i, SERVER_UP);
	for (int k = 0; k < 6; k++)
		cr_expect_eq(pool_choose(&q.choice), k / 2, "spills over in the order of the file");
	cr_expect_eq(pool_choose(&q.choice), POOL_ALL_FULL);
	for (int i = 0; i < 3; i++)
		server_release(&pool->servers[i], 2);
	pool_set_state(pool, 0, SERVER_DOWN);
	cr_expect_eq(pool_choose(&q.choice), 1);
	pool_set_state(pool, 0, SERVER_UP);
	cr_expect_eq(pool_choose(&q.choice), 0, "and comes back");
	pool_free(&pool);
}

Test(policy, free_takes_null)
{
	struct policy *p = NULL;

	policy_free(&p);
	cr_expect_null(p);
}
