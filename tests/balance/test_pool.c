/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/pool: how it is made, and what the prober's thread publishes in it. How it is
 * searched is in test_pool_choose.c and test_pool_again.c. */
#include "balance/pool.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"
#include "base/err.h"
#include "base/heap.h"

Test(pool, refuses_no_servers_and_more_than_an_index_holds)
{
	struct fixture_params f;
	struct pool *pool = NULL;

	fixture_params_init(&f, POLICY_P2C, NULL, 1, 10, SERVER_AUTO);
	f.pool.n_servers = 0;
	cr_expect_eq(pool_new(&f.pool, &pool), ERR_RANGE);
	f.pool.n_servers = UINT16_MAX + 1;
	cr_expect_eq(pool_new(&f.pool, &pool), ERR_RANGE);
	cr_expect_null(pool);
	pool_free(&pool);
}

Test(pool, new_copies_the_servers_and_counts_them)
{
	struct fixture_params f;
	struct pool *pool = NULL;

	fixture_params_init(&f, POLICY_P2C, NULL, 4, 10, SERVER_AUTO);
	f.servers[1].mode = SERVER_FORCED_UP;
	f.servers[2].mode = SERVER_FORCED_DOWN;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	memset(f.servers, 0, sizeof f.servers);
	cr_expect_eq(pool->n_servers, 4);
	cr_expect_eq(pool->n_allowed, 3);
	cr_expect_eq(atomic_load(&pool->n_up), 1);
	cr_expect_str_eq(pool->servers[3].params.name, "d");
	cr_expect_not(pool_is_failing_open(pool));
	pool_free(&pool);
	cr_expect_null(pool);
}

Test(pool, set_state_keeps_the_counts)
{
	static const struct {
		size_t server;
		enum server_state state;
		uint32_t n_up, n_ejected;
	} steps[] = {
		{ 0, SERVER_UP, 1, 0 },
		{ 0, SERVER_UP, 1, 0 },
		{ 1, SERVER_DOWN, 1, 0 },
		{ 1, SERVER_UP, 2, 0 },
		{ 1, SERVER_EJECTED, 1, 1 },
		{ 1, SERVER_EJECTED, 1, 1 },
		{ 0, SERVER_EJECTED, 0, 2 },
		{ 0, SERVER_UP, 1, 1 },
		{ 1, SERVER_DOWN, 1, 0 },
		{ 1, SERVER_UP, 2, 0 },
		{ 0, SERVER_DOWN, 1, 0 },
		{ 0, SERVER_DOWN, 1, 0 },
		{ 0, SERVER_UNKNOWN, 1, 0 },
		{ 1, SERVER_UNKNOWN, 0, 0 },
		{ 1, SERVER_DOWN, 0, 0 },
		{ 1, SERVER_EJECTED, 0, 1 },
	};
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, 2, 10, SERVER_AUTO);

	cr_expect(pool_is_failing_open(pool));
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		pool_set_state(pool, steps[i].server, steps[i].state);
		cr_expect_eq(server_state(&pool->servers[steps[i].server]), steps[i].state,
			"step %zu", i);
		cr_expect_eq(atomic_load(&pool->n_up), steps[i].n_up, "step %zu", i);
		cr_expect_eq(atomic_load(&pool->n_ejected), steps[i].n_ejected, "step %zu", i);
		cr_expect_eq(pool_is_failing_open(pool), steps[i].n_up == 0, "step %zu", i);
	}
	pool_free(&pool);
}

Test(pool, forced_servers_keep_their_state)
{
	struct fixture_params f;
	struct pool *pool = NULL;

	fixture_params_init(&f, POLICY_P2C, NULL, 2, 10, SERVER_FORCED_UP);
	f.servers[1].mode = SERVER_FORCED_DOWN;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	pool_set_state(pool, 0, SERVER_DOWN);
	pool_set_state(pool, 1, SERVER_UP);
	cr_expect_eq(server_state(&pool->servers[0]), SERVER_UP);
	cr_expect_eq(server_state(&pool->servers[1]), SERVER_DOWN);
	cr_expect_eq(atomic_load(&pool->n_up), 1);
	pool_free(&pool);
}

Test(pool, tiers_are_in_the_order_of_their_numbers)
{
	static const unsigned tier_of[] = { 7, 0, SERVER_TIER_MAX, 7, 0, 7 };
	static const struct {
		unsigned number;
		size_t n;
		uint16_t members[3];
	} want[] = {
		{ 0, 2, { 1, 4 } },
		{ 7, 3, { 0, 3, 5 } },
		{ SERVER_TIER_MAX, 1, { 2 } },
	};

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct fixture_params f;
		struct pool *pool = NULL;

		fixture_params_init(&f, (enum policy_kind)kind, NULL, 6, 10, SERVER_AUTO);
		for (size_t i = 0; i < 6; i++)
			f.servers[i].tier = tier_of[i];
		cr_assert_eq(pool_new(&f.pool, &pool), 0);
		cr_assert_eq(pool->n_tiers, 3);
		for (size_t t = 0; t < 3; t++) {
			const struct tier *tier = &pool->tiers[t];

			cr_expect_eq(tier->number, want[t].number, "tier %zu", t);
			cr_assert_eq(tier->n, want[t].n, "tier %zu", t);
			cr_expect_arr_eq(tier->members, want[t].members,
				tier->n * sizeof tier->members[0], "tier %zu", t);
			cr_expect_eq(tier->policy->ops, policy_table[kind], "tier %zu", t);
		}
		pool_free(&pool);
	}
}

Test(pool, one_tier_is_all_servers_in_the_order_of_the_file)
{
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, 200, 10, SERVER_AUTO);

	cr_assert_eq(pool->n_tiers, 1);
	cr_assert_eq(pool->tiers[0].n, 200);
	for (uint16_t i = 0; i < 200; i++)
		cr_expect_eq(pool->tiers[0].members[i], i);
	pool_free(&pool);
}

Test(pool, draining_servers_have_a_state_but_do_not_count)
{
	struct fixture_params f;
	struct pool *pool = NULL;

	fixture_params_init(&f, POLICY_P2C, NULL, 2, 10, SERVER_AUTO);
	f.servers[0].mode = SERVER_DRAIN;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	cr_expect_eq(pool->n_draining, 1);
	cr_expect_eq(pool->n_allowed, 2);
	pool_set_state(pool, 0, SERVER_UP);
	cr_expect_eq(server_state(&pool->servers[0]), SERVER_UP);
	cr_expect(pool_is_failing_open(pool));
	pool_set_state(pool, 0, SERVER_EJECTED);
	cr_expect_eq(atomic_load(&pool->n_ejected), 0);
	pool_free(&pool);
}

Test(pool, publishes_panic_hedge_delay_and_shares)
{
	struct fixture_params f;
	struct pool *pool = NULL;

	fixture_params_init(&f, POLICY_P2C, NULL, 3, 10, SERVER_AUTO);
	f.servers[1].tier = 1;
	f.servers[2].tier = 2;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	cr_expect_not(pool_is_panicking(pool));
	cr_expect_eq(pool_hedge_delay_us(pool), 0);
	for (size_t t = 0; t < 3; t++)
		cr_expect_eq(atomic_load(&pool->tier_share[t]), SERVER_SHARE_FULL, "tier %zu", t);

	pool_set_panic(pool, true);
	pool_set_hedge_delay(pool, 5000);
	pool_set_tier_shares(pool, (const uint32_t[]){ 6536, 9000, 50000 });
	cr_expect(pool_is_panicking(pool));
	cr_expect_eq(pool_hedge_delay_us(pool), 5000);
	cr_expect_eq(atomic_load(&pool->tier_share[0]), 6536);
	cr_expect_eq(atomic_load(&pool->tier_share[1]), 15536);
	cr_expect_eq(atomic_load(&pool->tier_share[2]), SERVER_SHARE_FULL);

	pool_set_panic(pool, false);
	pool_set_hedge_delay(pool, 0);
	cr_expect_not(pool_is_panicking(pool));
	cr_expect_eq(pool_hedge_delay_us(pool), 0);
	pool_free(&pool);
}

Test(pool, takes_what_it_says_with_every_policy)
{
	static const size_t sizes[] = { 1, 3, 200 };

	for (unsigned kind = 0; kind < POLICY_COUNT; kind++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			const unsigned weights[200] = { 999, 998, 997 };
			struct memory_use use = { 0 };
			size_t before = heap_bytes();
			struct pool *pool = fixture_pool(
				(enum policy_kind)kind, weights, sizes[i], 10, SERVER_AUTO);

			pool_memory(pool, &use, &use);
			/* Small blocks that were freed count as taken until they are used again. */
			heap_expect(
				policy_table[kind]->name, use.start, heap_bytes() - before, 6144);
			pool_free(&pool);
		}
	}
}
