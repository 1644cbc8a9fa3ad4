/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of how an ejected server gets the one query that tests it: by the flag, once, from one
 * worker, and only from a query that may be retried. */
#include "balance/pool.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "balance/fixture.h"

static void set_due(struct pool *pool, size_t server)
{
	atomic_store(&pool->servers[server].is_test_due, true);
}

static bool is_due(const struct pool *pool, size_t server)
{
	return atomic_load(&pool->servers[server].is_test_due);
}

Test(pool_ejected, gets_one_query_when_its_test_is_due)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++) {
		struct pool *pool = fixture_pool(
			(enum policy_kind)kind, NULL, 3, 1000, SERVER_AUTO);
		unsigned n_tests = 0;
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 1);
		fixture_query_init(&q, pool, &rng);
		q.choice.may_test = true;
		for (size_t i = 0; i < 3; i++)
			pool_set_state(pool, i, i == 1 ? SERVER_EJECTED : SERVER_UP);
		for (uint32_t k = 0; k < 100; k++) {
			int i;

			fixture_query_set(&q, k);
			if (k == 50)
				set_due(pool, 1);
			i = pool_choose(&q.choice);
			cr_expect_eq(i == 1, k == 50, "query %u", k);
			cr_expect_eq(q.choice.is_test, k == 50, "query %u", k);
			n_tests += q.choice.is_test;
		}
		cr_expect_eq(n_tests, 1);
		cr_expect_eq(server_outstanding(&pool->servers[1]), 1, "a place was taken");
		cr_expect_not(is_due(pool, 1));
		pool_free(&pool);
	}
}

Test(pool_ejected, is_not_tested_where_it_may_not_be)
{
	static const struct {
		const char *name;
		enum server_mode mode;
		enum server_state state;
		bool may_test, is_tried, is_full, is_tested;
	} cases[] = {
		{ "ejected", SERVER_AUTO, SERVER_EJECTED, true, false, false, true },
		{ "may not be retried", SERVER_AUTO, SERVER_EJECTED, false, false, false, false },
		{ "tried", SERVER_AUTO, SERVER_EJECTED, true, true, false, false },
		{ "full", SERVER_AUTO, SERVER_EJECTED, true, false, true, false },
		{ "up meanwhile", SERVER_AUTO, SERVER_UP, true, false, false, false },
		{ "down meanwhile", SERVER_AUTO, SERVER_DOWN, true, false, false, false },
		{ "draining", SERVER_DRAIN, SERVER_EJECTED, true, false, false, false },
		{ "forced down", SERVER_FORCED_DOWN, SERVER_DOWN, true, false, false, false },
	};
	static const uint16_t tried[] = { 0 };

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct fixture_params f;
		struct pool *pool = NULL;
		struct fixture_query q;
		struct rng rng;

		fixture_params_init(&f, POLICY_LEAST_OUTSTANDING, NULL, 3, 10, SERVER_AUTO);
		f.servers[0].mode = cases[k].mode;
		cr_assert_eq(pool_new(&f.pool, &pool), 0);
		pool_set_state(pool, 0, cases[k].state);
		pool_set_state(pool, 1, SERVER_EJECTED); /* its own is not due */
		pool_set_state(pool, 2, SERVER_UP);
		atomic_store(&pool->servers[0].outstanding, cases[k].is_full ? 10 : 1);
		set_due(pool, 0);
		fixture_rng(&rng, 2);
		fixture_query_init(&q, pool, &rng);
		q.choice.may_test = cases[k].may_test;
		q.choice.tried = tried;
		q.choice.n_tried = cases[k].is_tried ? 1 : 0;
		cr_expect_eq(
			pool_choose(&q.choice), cases[k].is_tested ? 0 : 2, "%s", cases[k].name);
		cr_expect_eq(q.choice.is_test, cases[k].is_tested, "%s", cases[k].name);
		cr_expect_eq(is_due(pool, 0), !cases[k].is_tested, "%s", cases[k].name);
		pool_free(&pool);
	}
}

Test(pool_ejected, is_test_does_not_outlive_its_choice)
{
	static const uint16_t tried[] = { 0 };
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, 2, 10, SERVER_AUTO);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 3);
	fixture_query_init(&q, pool, &rng);
	pool_set_state(pool, 0, SERVER_EJECTED);
	pool_set_state(pool, 1, SERVER_UP);
	q.choice.may_test = true;
	set_due(pool, 0);
	cr_assert_eq(pool_choose(&q.choice), 0);
	cr_assert(q.choice.is_test);
	q.choice.tried = tried;
	q.choice.n_tried = 1;
	cr_expect_eq(pool_choose_again(&q.choice, true), 1);
	cr_expect_not(q.choice.is_test, "the retry of a test is none");
	pool_free(&pool);
}

Test(pool_ejected, several_that_are_due_get_one_each)
{
	enum { N = 20 };
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, N, 10, SERVER_AUTO);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 4);
	fixture_query_init(&q, pool, &rng);
	q.choice.may_test = true;
	for (size_t i = 0; i < N; i++)
		pool_set_state(pool, i, i % 2 == 0 ? SERVER_EJECTED : SERVER_UP);
	for (size_t i = 0; i < N; i++)
		set_due(pool, i);
	for (int k = 0; k < N; k++) {
		int i = pool_choose(&q.choice);

		cr_expect_eq(q.choice.is_test, k < N / 2, "query %d", k);
		cr_expect_eq(i % 2 == 0, k < N / 2, "query %d", k);
	}
	for (int i = 0; i < N; i += 2)
		cr_expect_eq(server_outstanding(&pool->servers[i]), 1, "server %d", i);
	pool_free(&pool);
}

enum { N_WORKERS = 4, ROUNDS = 300 };

static struct pool *raced;
static pthread_barrier_t barrier;
static _Atomic unsigned n_tested;

static void *race(void *arg)
{
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, *(uint8_t *)arg);
	fixture_query_init(&q, raced, &rng);
	q.choice.may_test = true;
	for (int k = 0; k < ROUNDS; k++) {
		int i;

		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			set_due(raced, 0);
		pthread_barrier_wait(&barrier);
		i = pool_choose(&q.choice);
		if (q.choice.is_test)
			atomic_fetch_add(&n_tested, 1);
		if (i >= 0)
			server_release(&raced->servers[i], 1);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

Test(pool_ejected, its_test_goes_to_exactly_one_worker, .timeout = 60)
{
	static uint8_t seeds[N_WORKERS] = { 1, 2, 3, 4 };
	pthread_t threads[N_WORKERS];

	raced = fixture_pool(POLICY_P2C, NULL, 3, 100, SERVER_AUTO);
	pool_set_state(raced, 0, SERVER_EJECTED);
	pool_set_state(raced, 1, SERVER_UP);
	pool_set_state(raced, 2, SERVER_UP);
	cr_assert_eq(pthread_barrier_init(&barrier, NULL, N_WORKERS), 0);
	for (int i = 0; i < N_WORKERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, race, &seeds[i]), 0);
	for (int i = 0; i < N_WORKERS; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	cr_expect_eq(atomic_load(&n_tested), ROUNDS, "%u tests in %d rounds",
		atomic_load(&n_tested), ROUNDS);
	pthread_barrier_destroy(&barrier);
	pool_free(&raced);
}
