/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of how pool_choose widens its search level by level and, in each level, tier by tier: who
 * is asked before whom, and what is full. Servers and tiers as fixture_pool_of takes them. */
#include "balance/pool.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"

Test(pool_tiers, widens_while_nobody_is_eligible)
{
	static const struct {
		const char *servers, *tiers;
		bool is_panicking;
		enum choice_level level;
		const char *asked; /* x: gets queries */
	} cases[] = {
		{ "UEDFu", "00000", false, CHOICE_UP, "x    " },
		{ "UEDFu", "00000", true, CHOICE_UP, "xx   " },
		{ "DEDFu", "00000", false, CHOICE_EJECTED, " x   " },
		{ "DEEFu", "00000", true, CHOICE_EJECTED, " xx  " },
		{ "DDDFu", "00000", false, CHOICE_DRAINING, "    x" },
		{ "DDDFe", "00000", false, CHOICE_DRAINING, "    x" },
		{ "DDDFd", "00000", false, CHOICE_ANY, "xxx x" },
		{ "DDDFF", "00000", false, CHOICE_ANY, "xxx  " },
		/* a lower tier first at each level, but a narrower level in any tier before that */
		{ "EDUU", "0011", false, CHOICE_UP, "  xx" },
		{ "EDUU", "0011", true, CHOICE_UP, "x   " },
		{ "uDUU", "0011", false, CHOICE_UP, "  xx" },
		{ "uDEU", "0111", false, CHOICE_UP, "   x" },
		{ "uDED", "0111", false, CHOICE_EJECTED, "  x " },
		{ "uDuD", "0011", false, CHOICE_DRAINING, "x   " },
		{ "dDdD", "0011", false, CHOICE_ANY, "xx  " },
		{ "FFDD", "0011", false, CHOICE_ANY, "  xx" },
		{ "DDUD", "5293", false, CHOICE_UP, "  x " },
		{ "DUUD", "5291", false, CHOICE_UP, " x  " },
	};

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		if (kind == POLICY_FIRST_AVAILABLE)
			continue; /* asks one only */
		for (size_t row = 0; row < sizeof cases / sizeof cases[0]; row++) {
			struct pool *pool = fixture_pool_of(
				(enum policy_kind)kind, 100, cases[row].servers, cases[row].tiers);
			char asked[8] = { 0 };
			struct fixture_query q;
			struct rng rng;

			pool_set_panic(pool, cases[row].is_panicking);
			memset(asked, ' ', strlen(cases[row].servers));
			fixture_rng(&rng, 12);
			fixture_query_init(&q, pool, &rng);
			for (uint32_t k = 0; k < 50; k++) {
				int i;

				fixture_query_set(&q, k);
				i = pool_choose(&q.choice);
				cr_assert_geq(i, 0, "%s, row %zu", fixture_policy_name(kind), row);
				cr_expect_eq(q.choice.level, cases[row].level, "%s, row %zu: %d",
					fixture_policy_name(kind), row, (int)q.choice.level);
				cr_expect_not(q.choice.is_test, "%s, row %zu",
					fixture_policy_name(kind), row);
				asked[i] = 'x';
			}
			cr_expect_str_eq(asked, cases[row].asked, "%s, row %zu: '%s'",
				fixture_policy_name(kind), row, asked);
			pool_free(&pool);
		}
	}
}

/* Draining: not even where the others are full, or where they were all tried. */
Test(pool_tiers, asks_a_draining_server_only_after_all_that_may_be_asked)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool_of((enum policy_kind)kind, 100, "uUE", "000");
		uint16_t tried[3];
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 13);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t k = 0; k < 100; k++) {
			fixture_query_set(&q, k);
			cr_assert_eq(pool_choose(&q.choice), 1, "%s", fixture_policy_name(kind));
		}
		cr_expect_eq(
			pool_choose(&q.choice), POOL_ALL_FULL, "%s", fixture_policy_name(kind));
		q.choice.tried = tried;
		tried[q.choice.n_tried++] = 1;
		cr_expect_eq(pool_choose(&q.choice), 2, "%s: the ejected one",
			fixture_policy_name(kind));
		tried[q.choice.n_tried++] = 2;
		cr_expect_eq(pool_choose(&q.choice), 0, "%s: the draining one",
			fixture_policy_name(kind));
		tried[q.choice.n_tried++] = 0;
		cr_expect_eq(
			pool_choose(&q.choice), POOL_NO_SERVER, "%s", fixture_policy_name(kind));
		pool_free(&pool);
	}
}

/* Each tier takes what is left over, lowest number first, to the last place of all. */
Test(pool_tiers, spills_from_full_tiers_and_then_says_full)
{
	static const int tier_of[] = { 2, 0, 1, 0 };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct fixture_params f;
		struct pool *pool = NULL;
		struct fixture_query q;
		struct rng rng;

		fixture_params_init(&f, (enum policy_kind)kind, NULL, 5, 10, SERVER_FORCED_UP);
		for (size_t i = 0; i < 4; i++)
			f.servers[i].tier = (unsigned)tier_of[i];
		f.servers[4].mode = SERVER_AUTO; /* down: full is no reason to ask it */
		cr_assert_eq(pool_new(&f.pool, &pool), 0);
		pool_set_state(pool, 4, SERVER_DOWN);
		fixture_rng(&rng, 14);
		fixture_query_init(&q, pool, &rng);
		for (int k = 0; k < 40; k++) {
			int i = pool_choose(&q.choice);

			cr_assert(i >= 0 && i < 4, "%s: %d", fixture_policy_name(kind), i);
			cr_expect_eq(tier_of[i], k < 20 ? 0 : k / 10 - 1, "%s, query %d: %d",
				fixture_policy_name(kind), k, i);
			cr_expect_eq(q.choice.level, CHOICE_UP);
		}
		cr_expect_eq(
			pool_choose(&q.choice), POOL_ALL_FULL, "%s", fixture_policy_name(kind));
		server_release(&pool->servers[0], 1);
		cr_expect_eq(pool_choose(&q.choice), 0, "%s", fixture_policy_name(kind));
		pool_free(&pool);
	}
}

/* Where the drawn tier is full, the others are asked from the lowest, below it and above. */
Test(pool_tiers, a_drawn_tier_that_is_full_gives_to_the_lowest_with_room)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool_of((enum policy_kind)kind, 100, "UUU", "012");
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 15);
		fixture_query_init(&q, pool, &rng);
		pool_set_tier_shares(pool, (const uint32_t[]){ 0, SERVER_SHARE_FULL, 0 });
		for (int k = 0; k < 300; k++) {
			int i = pool_choose(&q.choice);

			cr_expect_eq(i,
				k < 100   ? 1
				: k < 200 ? 0
					  : 2,
				"%s, query %d: %d", fixture_policy_name(kind), k, i);
		}
		cr_expect_eq(
			pool_choose(&q.choice), POOL_ALL_FULL, "%s", fixture_policy_name(kind));
		pool_free(&pool);
	}
}

/* A full tier and one that has nobody make a full pool, in either order. */
Test(pool_tiers, is_full_when_one_tier_is_full_and_others_have_nobody)
{
	static const char *const servers[] = { "UDD", "DUD", "DDU" };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		for (size_t row = 0; row < 3; row++) {
			struct pool *pool = fixture_pool_of(
				(enum policy_kind)kind, 100, servers[row], "012");
			struct fixture_query q;
			struct rng rng;

			fixture_rng(&rng, 16);
			fixture_query_init(&q, pool, &rng);
			for (int k = 0; k < 100; k++)
				cr_assert_eq(pool_choose(&q.choice), (int)row, "%s",
					fixture_policy_name(kind));
			cr_expect_eq(pool_choose(&q.choice), POOL_ALL_FULL, "%s, row %zu",
				fixture_policy_name(kind), row);
			pool_free(&pool);
		}
	}
}
