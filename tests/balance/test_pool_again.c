/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of pool_choose_again: whom a retry or hedge asks, in which order, and when nobody. The
 * policy plays no part, so there is no loop over policies. */
#include "balance/pool.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"

/* Servers and tiers as fixture_pool_of takes them. Whoever is named is then tried; the order is
 * spelled as indices, '-' is the end: POOL_NO_SERVER. */
Test(pool_again, asks_in_order)
{
	static const struct {
		const char *name;
		const char *servers, *tiers;
		const char *tried; /* before */
		enum pool_again again;
		const char *order;
	} cases[] = {
		{ "hedge: another that is up", "UU", "00", "0", AGAIN_HEDGE, "1-" },
		{ "hedge: of another tier", "UU", "01", "0", AGAIN_HEDGE, "1-" },
		{ "hedge: not the same", "U", "0", "0", AGAIN_HEDGE, "-" },
		{ "hedge: not ejected, nor draining, nor down", "UEuDF", "00000", "0", AGAIN_HEDGE,
			"-" },
		{ "untried", "UU", "00", "0", AGAIN_BETTER, "1-" },
		{ "refused: not the same", "U", "0", "0", AGAIN_BETTER, "-" },
		{ "refused: nor those down", "UDF", "000", "0", AGAIN_BETTER, "-" },
		{ "refused: ejected", "UED", "000", "0", AGAIN_BETTER, "1-" },
		{ "refused: draining", "UuD", "000", "0", AGAIN_BETTER, "1-" },
		{ "refused: lowest tier first", "UUUU", "2103", "3", AGAIN_BETTER, "210-" },
		{ "refused: up before ejected of a lower tier", "UEU", "001", "0", AGAIN_BETTER, "21-" },
		{ "unreachable: not the same", "U", "0", "0", AGAIN_OTHER, "-" },
		{ "unreachable: another that is down", "UDF", "000", "0", AGAIN_OTHER, "1-" },
		{ "unreachable: ejected, draining, down", "UDuE", "0000", "0", AGAIN_OTHER, "321-" },
		{ "silence: the same", "U", "0", "0", AGAIN_ANY, "0000" },
		{ "silence: another first, then any", "UU", "00", "0", AGAIN_ANY, "1" },
		{ "silence: ejected before the same", "UED", "000", "0", AGAIN_ANY, "12" },
		{ "silence: the same before those down", "UD", "00", "0", AGAIN_ANY, "01" },
		{ "silence: the same before draining", "Uu", "00", "0", AGAIN_ANY, "01" },
		{ "silence: draining before down", "UDu", "000", "0", AGAIN_ANY, "021" },
		{ "silence: the same, down meanwhile", "DD", "00", "0", AGAIN_ANY, "01" },
		{ "silence: the same, draining meanwhile", "uD", "00", "0", AGAIN_ANY, "01" },
		{ "silence: the same of another tier", "DU", "01", "1", AGAIN_ANY, "10" },
		{ "silence: never forced down", "FF", "00", "0", AGAIN_ANY, "-" },
		{ "silence: two tried, then down", "UUD", "000", "01", AGAIN_ANY, "2" },
		{ "silence: two tried, one is left up", "UDF", "000", "01", AGAIN_ANY, "0000" },
		{ "silence: two tried, one ejected", "DEF", "000", "01", AGAIN_ANY, "1111" },
		{ "silence: nobody tried", "DDE", "000", "", AGAIN_ANY, "2" },
		{ "nobody tried, refused", "D", "0", "", AGAIN_BETTER, "-" },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pool *pool = fixture_pool_of(
			POLICY_P2C, 10, cases[k].servers, cases[k].tiers);
		uint16_t tried[16];
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 1);
		fixture_query_init(&q, pool, &rng);
		q.choice.tried = tried;
		for (const char *t = cases[k].tried; *t != '\0'; t++)
			tried[q.choice.n_tried++] = (uint16_t)(*t - '0');
		for (const char *want = cases[k].order; *want != '\0'; want++) {
			size_t n_before = q.choice.n_tried;
			int i = pool_choose_again(&q.choice, cases[k].again);

			cr_expect_eq(q.choice.n_tried, n_before, "%s", cases[k].name);
			cr_expect_not(q.choice.is_test, "%s", cases[k].name);
			cr_assert_eq(i, *want == '-' ? POOL_NO_SERVER : *want - '0',
				"%s, place %d: %d", cases[k].name, (int)(want - cases[k].order), i);
			if (i < 0)
				break;
			cr_expect_geq(
				server_outstanding(&pool->servers[i]), 1, "%s", cases[k].name);
			tried[q.choice.n_tried++] = (uint16_t)i;
		}
		pool_free(&pool);
	}
}

/* As long as there is one that was not tried, whatever is out and whatever the weights. */
Test(pool_again, never_the_same_while_another_is_eligible)
{
	static const unsigned weights[] = { 1000, 1, 1, 20, 1 };
	struct pool *pool = fixture_pool(POLICY_P2C, weights, 5, 100, SERVER_FORCED_UP);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 2);
	fixture_query_init(&q, pool, &rng);
	for (int k = 0; k < 500; k++) {
		uint16_t tried[5];

		for (int i = 0; i < 5; i++)
			atomic_store(&pool->servers[i].outstanding, rng_below(&rng, 100));
		q.choice.tried = tried;
		for (q.choice.n_tried = 0; q.choice.n_tried < 5; q.choice.n_tried++) {
			int i = pool_choose_again(&q.choice, AGAIN_ANY);

			cr_assert_geq(i, 0);
			for (size_t t = 0; t < q.choice.n_tried; t++)
				cr_assert_neq(
					tried[t], i, "query %d, attempt %zu", k, q.choice.n_tried);
			tried[q.choice.n_tried] = (uint16_t)i;
		}
	}
	pool_free(&pool);
}

Test(pool_again, asks_the_least_loaded_and_suspects_last)
{
	static const unsigned weights[] = { 4, 2, 1, 1 };
	static const struct {
		uint32_t outstanding[4];
		bool suspect[4];
		uint16_t tried;
		int want;
	} cases[] = {
		{ { 0, 3, 9, 9 }, { 0 }, 0, 1 },
		{ { 0, 8, 9, 3 }, { 0 }, 0, 3 },
		{ { 39, 20, 10, 10 }, { 0 }, 3, 0 },
		{ { 0, 8, 9, 0 }, { false, false, false, true }, 0, 1 },
		{ { 1, 2, 1, 0 }, { true, true, true, true }, 1, 3 },
		{ { 0, 100, 100, 0 }, { false, false, false, true }, 0, 3 },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pool *pool = fixture_pool(POLICY_RANDOM, weights, 4, 100, SERVER_FORCED_UP);
		struct fixture_query q;
		struct rng rng;
		int i;

		fixture_rng(&rng, 3);
		fixture_query_init(&q, pool, &rng);
		for (int s = 0; s < 4; s++) {
			atomic_store(&pool->servers[s].outstanding, cases[k].outstanding[s]);
			atomic_store(&pool->servers[s].is_suspect, cases[k].suspect[s]);
		}
		q.choice.tried = &cases[k].tried;
		q.choice.n_tried = 1;
		i = pool_choose_again(&q.choice, AGAIN_ANY);
		cr_expect_eq(i, cases[k].want, "case %zu: %d", k, i);
		cr_expect_eq(server_outstanding(&pool->servers[i]), cases[k].outstanding[i] + 1,
			"case %zu", k);
		pool_free(&pool);
	}
}

Test(pool_again, draws_ties_by_weight)
{
	static const unsigned weights[] = { 7, 3, 2, 1 };
	static const uint16_t tried = 0;
	struct pool *pool = fixture_pool(POLICY_P2C, weights, 4, 100, SERVER_FORCED_UP);
	unsigned counts[4] = { 0 };
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 4);
	fixture_query_init(&q, pool, &rng);
	q.choice.tried = &tried;
	q.choice.n_tried = 1;
	for (int k = 0; k < 12000; k++) {
		int i = pool_choose_again(&q.choice, AGAIN_BETTER);

		cr_assert_geq(i, 1);
		counts[i]++;
		server_release(&pool->servers[i], 1);
	}
	for (int i = 1; i < 4; i++)
		cr_expect_float_eq(counts[i] / 12000.0, weights[i] / 6.0, 0.015, "server %d: %u", i,
			counts[i]);
	pool_free(&pool);
}

/* Those that might answer have no room: overload, which more attempts do not mend. */
Test(pool_again, full_servers_are_no_reason_to_repeat_or_to_ask_those_down)
{
	static const uint16_t tried[] = { 0 };
	struct pool *pool = fixture_pool_of(POLICY_P2C, 10, "UUDE", "0000");
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 5);
	fixture_query_init(&q, pool, &rng);
	q.choice.tried = tried;
	q.choice.n_tried = 1;
	for (int k = 0; k < 10; k++)
		cr_assert_eq(pool_choose_again(&q.choice, AGAIN_ANY), 1);
	cr_expect_eq(pool_choose_again(&q.choice, AGAIN_ANY), POOL_ALL_FULL);
	cr_expect_eq(pool_choose_again(&q.choice, AGAIN_BETTER), POOL_ALL_FULL);
	for (int k = 0; k < 4; k++)
		cr_expect_eq(
			server_outstanding(&pool->servers[k]), k == 1 ? 10 : 0, "server %d", k);
	pool_free(&pool);
}

Test(pool_again, full_tiers_spill_over)
{
	static const uint16_t tried[] = { 0 };
	struct pool *pool = fixture_pool_of(POLICY_P2C, 10, "UUUU", "0021");
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 6);
	fixture_query_init(&q, pool, &rng);
	pool_set_tier_shares(
		pool, (const uint32_t[]){ 0, 0, SERVER_SHARE_FULL }); /* not looked at */
	q.choice.tried = tried;
	q.choice.n_tried = 1;
	for (int k = 0; k < 30; k++)
		cr_expect_eq(pool_choose_again(&q.choice, AGAIN_ANY),
			k < 10   ? 1
			: k < 20 ? 3
				 : 2,
			"retry %d", k);
	cr_expect_eq(pool_choose_again(&q.choice, AGAIN_ANY), POOL_ALL_FULL);
	pool_free(&pool);
}

Test(pool_again, the_same_again_may_be_full)
{
	static const uint16_t tried[] = { 0 };
	struct pool *pool = fixture_pool_of(POLICY_P2C, 10, "UD", "00");
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 7);
	fixture_query_init(&q, pool, &rng);
	q.choice.tried = tried;
	q.choice.n_tried = 1;
	atomic_store(&pool->servers[0].outstanding, 10);
	cr_expect_eq(pool_choose_again(&q.choice, AGAIN_ANY), POOL_ALL_FULL);
	cr_expect_eq(server_outstanding(&pool->servers[0]), 10);
	pool_free(&pool);
}

Test(pool_again, ejected_servers_are_up_under_panic)
{
	static const uint16_t tried[] = { 0 };
	struct pool *pool = fixture_pool_of(POLICY_P2C, 10, "UEU", "001");
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 8);
	fixture_query_init(&q, pool, &rng);
	q.choice.tried = tried;
	q.choice.n_tried = 1;
	cr_expect_eq(pool_choose_again(&q.choice, AGAIN_BETTER), 2);
	pool_set_panic(pool, true);
	cr_expect_eq(pool_choose_again(&q.choice, AGAIN_BETTER), 1);
	pool_free(&pool);
}
