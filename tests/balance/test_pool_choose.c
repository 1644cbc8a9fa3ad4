/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of pool_choose: what it promises whatever the policy does. What holds for every policy is
 * looped over all of them. Levels and tiers are in test_pool_tiers.c. */
#include "balance/pool.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"

/* A policy that plays a part: it names `next`, after doing what a test put into `before`. */
static struct script {
	int next;
	unsigned n_picks;
	void (*before)(struct pool *pool);
	struct pool *pool;
} script;

static int scripted_pick(const struct policy *policy, const struct choice *c)
{
	(void)policy;
	(void)c;
	script.n_picks++;
	if (script.before != NULL)
		script.before(script.pool);
	return script.next;
}

static void play(struct pool *pool, int next, void (*before)(struct pool *pool))
{
	static struct policy_ops ops;

	ops = *pool->tiers[0].policy->ops;
	ops.pick = scripted_pick;
	pool->tiers[0].policy->ops = &ops;
	script = (struct script){ .next = next, .before = before, .pool = pool };
}

Test(pool_choose, takes_a_place_at_the_server_it_names)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, NULL, 3, 100, SERVER_FORCED_UP);
		struct fixture_query q;
		struct rng rng;
		uint32_t counts[3] = { 0 };

		fixture_rng(&rng, 1);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t k = 0; k < 90; k++) {
			int i;

			fixture_query_set(&q, k);
			i = pool_choose(&q.choice);
			cr_assert(i >= 0 && i < 3, "%s: %d", fixture_policy_name(kind), i);
			counts[i]++;
		}
		for (int i = 0; i < 3; i++)
			cr_expect_eq(server_outstanding(&pool->servers[i]), counts[i], "%s",
				fixture_policy_name(kind));
		pool_free(&pool);
	}
}

/* Every place is found, none twice, then the pool is full; one place back is found again. */
Test(pool_choose, fills_every_place_and_then_says_full)
{
	static const unsigned weights[] = { 1, 5, 2, 1 };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, weights, 4, 25, SERVER_FORCED_UP);
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 2);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t k = 0; k < 100; k++) {
			fixture_query_set(&q, k);
			cr_assert_geq(pool_choose(&q.choice), 0, "%s, query %u",
				fixture_policy_name(kind), k);
		}
		for (uint32_t k = 0; k < 10; k++) {
			fixture_query_set(&q, k);
			cr_assert_eq(pool_choose(&q.choice), POOL_ALL_FULL, "%s",
				fixture_policy_name(kind));
		}
		for (int i = 0; i < 4; i++) {
			cr_expect_eq(server_outstanding(&pool->servers[i]), 25, "%s",
				fixture_policy_name(kind));
			server_release(&pool->servers[i], 1);
			cr_expect_eq(pool_choose(&q.choice), i, "%s", fixture_policy_name(kind));
		}
		pool_free(&pool);
	}
}

Test(pool_choose, asks_each_server_once_per_query_and_then_nobody)
{
	static const unsigned weights[] = { 100, 1, 1, 10, 1 };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, weights, 5, 1000, SERVER_FORCED_UP);
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 3);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t k = 0; k < 100; k++) {
			uint16_t tried[5];

			fixture_query_set(&q, k);
			q.choice.tried = tried;
			for (q.choice.n_tried = 0; q.choice.n_tried < 5; q.choice.n_tried++) {
				int i = pool_choose(&q.choice);

				cr_assert_geq(i, 0, "%s", fixture_policy_name(kind));
				for (size_t t = 0; t < q.choice.n_tried; t++)
					cr_assert_neq(tried[t], i, "%s asks twice",
						fixture_policy_name(kind));
				tried[q.choice.n_tried] = (uint16_t)i;
			}
			cr_assert_eq(pool_choose(&q.choice), POOL_NO_SERVER, "%s",
				fixture_policy_name(kind));
		}
		pool_free(&pool);
	}
}

Test(pool_choose, fails_open_when_nobody_is_up)
{
	static const enum server_state states[] = { SERVER_UNKNOWN, SERVER_DOWN };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		for (size_t s = 0; s < 2; s++) {
			struct fixture_params f;
			struct pool *pool = NULL;
			struct fixture_query q;
			struct rng rng;
			bool seen[3] = { false };

			fixture_params_init(&f, (enum policy_kind)kind, NULL, 3, 1000, SERVER_AUTO);
			f.servers[1].mode = SERVER_FORCED_DOWN;
			cr_assert_eq(pool_new(&f.pool, &pool), 0);
			pool_set_state(pool, 0, states[s]);
			pool_set_state(pool, 2, states[s]);
			fixture_rng(&rng, 4);
			fixture_query_init(&q, pool, &rng);
			for (uint32_t k = 0; k < 100; k++) {
				int i;

				fixture_query_set(&q, k);
				i = pool_choose(&q.choice);
				cr_assert(i == 0 || i == 2, "%s: %d", fixture_policy_name(kind), i);
				cr_assert_eq(q.choice.level, CHOICE_ANY);
				seen[i] = true;
			}
			cr_expect(seen[0] && (seen[2] || kind == POLICY_FIRST_AVAILABLE), "%s",
				fixture_policy_name(kind));
			pool_set_state(pool, 2, SERVER_UP);
			for (uint32_t k = 0; k < 100; k++) {
				fixture_query_set(&q, k);
				cr_assert_eq(
					pool_choose(&q.choice), 2, "%s", fixture_policy_name(kind));
				cr_assert_eq(
					q.choice.level, CHOICE_UP, "%s", fixture_policy_name(kind));
			}
			pool_free(&pool);
		}
	}
}

Test(pool_choose, never_asks_servers_forced_down)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, NULL, 3, 1000, SERVER_FORCED_DOWN);
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 5);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t k = 0; k < 20; k++) {
			fixture_query_set(&q, k);
			cr_assert_eq(pool_choose(&q.choice), POOL_NO_SERVER, "%s",
				fixture_policy_name(kind));
		}
		pool_free(&pool);
	}
}

/* Beyond the bounds of every policy's redraws: the one server that is up, among many, is found. */
Test(pool_choose, finds_the_only_one_up_among_many)
{
	enum { N = 200 };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, NULL, N, 1000, SERVER_AUTO);
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 6);
		fixture_query_init(&q, pool, &rng);
		pool_set_state(pool, N - 1, SERVER_UP);
		for (uint32_t k = 0; k < 200; k++) {
			fixture_query_set(&q, k);
			cr_assert_eq(
				pool_choose(&q.choice), N - 1, "%s", fixture_policy_name(kind));
		}
		pool_free(&pool);
	}
}

Test(pool_choose, full_servers_that_were_tried_do_not_count_as_full)
{
	static const uint16_t tried[] = { 0 };

	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, NULL, 1, 1, SERVER_FORCED_UP);
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 7);
		fixture_query_init(&q, pool, &rng);
		cr_assert_eq(pool_choose(&q.choice), 0, "%s", fixture_policy_name(kind));
		cr_expect_eq(
			pool_choose(&q.choice), POOL_ALL_FULL, "%s", fixture_policy_name(kind));
		q.choice.tried = tried;
		q.choice.n_tried = 1;
		cr_expect_eq(
			pool_choose(&q.choice), POOL_NO_SERVER, "%s", fixture_policy_name(kind));
		pool_free(&pool);
	}
}

Test(pool_choose, a_query_without_a_name_finds_a_server)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, NULL, 3, 10, SERVER_FORCED_UP);
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 8);
		fixture_query_init(&q, pool, &rng);
		q.choice.qname = NULL;
		q.choice.qname_len = 0;
		cr_expect_geq(pool_choose(&q.choice), 0, "%s", fixture_policy_name(kind));
		pool_free(&pool);
	}
}

Test(pool_choose, lost_races_end_with_any_place_left)
{
	struct pool *pool = fixture_pool(POLICY_RANDOM, NULL, 3, 1, SERVER_FORCED_UP);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 9);
	fixture_query_init(&q, pool, &rng);
	cr_assert(server_reserve(&pool->servers[0]));
	play(pool, 0, NULL); /* insists on a full server */
	cr_expect_gt(pool_choose(&q.choice), 0);
	cr_expect(script.n_picks > 1 && script.n_picks < 20, "%u picks", script.n_picks);
	cr_expect_gt(pool_choose(&q.choice), 0);
	cr_expect_eq(pool_choose(&q.choice), POOL_ALL_FULL);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(server_outstanding(&pool->servers[i]), 1, "server %d", i);
	pool_free(&pool);
}

Test(pool_choose, what_the_policy_says_of_nobody_is_passed_on)
{
	struct pool *pool = fixture_pool(POLICY_RANDOM, NULL, 3, 1, SERVER_FORCED_UP);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 10);
	fixture_query_init(&q, pool, &rng);
	play(pool, POOL_ALL_FULL, NULL);
	cr_expect_eq(pool_choose(&q.choice), POOL_ALL_FULL);
	play(pool, POOL_NO_SERVER, NULL);
	cr_expect_eq(pool_choose(&q.choice), POOL_NO_SERVER);
	cr_expect_eq(script.n_picks, 1 + CHOICE_ANY, "asked once at each level");
	pool_free(&pool);
}

static void last_server_goes_down(struct pool *pool)
{
	pool_set_state(pool, 0, SERVER_DOWN);
	script.next = script.n_picks <= CHOICE_ANY ? POOL_NO_SERVER : 1; /* at the widest level */
}

Test(pool_choose, the_last_server_going_down_meanwhile_is_noticed)
{
	struct pool *pool = fixture_pool(POLICY_RANDOM, NULL, 2, 1, SERVER_AUTO);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 11);
	fixture_query_init(&q, pool, &rng);
	pool_set_state(pool, 0, SERVER_UP);
	play(pool, 0, last_server_goes_down);
	cr_expect_eq(pool_choose(&q.choice), 1);
	cr_expect_eq(q.choice.level, CHOICE_ANY);
	pool_free(&pool);
}

Test(pool_choose, ramp_lessens_the_places)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool_of((enum policy_kind)kind, 100, "UU", "00");
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 17);
		fixture_query_init(&q, pool, &rng);
		server_set_ramp(&pool->servers[1], SERVER_SHARE_FULL / 4);
		for (uint32_t k = 0; k < 125; k++) {
			fixture_query_set(&q, k);
			cr_assert_geq(pool_choose(&q.choice), 0, "%s", fixture_policy_name(kind));
		}
		cr_expect_eq(
			pool_choose(&q.choice), POOL_ALL_FULL, "%s", fixture_policy_name(kind));
		cr_expect_eq(
			server_outstanding(&pool->servers[1]), 25, "%s", fixture_policy_name(kind));
		pool_free(&pool);
	}
}
