/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stress_pool - workers choose, choose again and release at a small pool of two tiers with every
 * policy while a prober flips states, ramps, paces, tests, panic and the tiers' shares: no server
 * ever has more places given out than its limit, none is lost, none that is forced down is asked, a
 * draining one not before the others, and no test is sent twice. A plain main for TSan; seeded,
 * about a second; exits 1 on a failure. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "balance/fixture.h"

enum { N_WORKERS = 4, N_SERVERS = 8, LIMIT = 3, HELD_MAX = 24 };
enum { FORCED_DOWN = 2, FORCED_UP = 4, DRAINING = 5 };
/* A worker holds more than the pool has to give, so that one alone reaches the limits. */
enum { N_QUERIES = 15000 };

static _Atomic unsigned n_failures;
static _Atomic int n_given[N_SERVERS]; /* places that workers really have */
static _Atomic unsigned n_working, n_answered, n_full;
static _Atomic unsigned n_due, n_tests; /* made due, and sent, of all runs */

#define CHECK(condition, ...) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "stress_pool: " __VA_ARGS__); \
			fputc('\n', stderr); \
			atomic_fetch_add(&n_failures, 1); \
		} \
	} while (0)

struct worker {
	pthread_t thread;
	struct pool *pool;
	struct rng rng;
	uint16_t held[HELD_MAX];
	size_t n_held;
};

static void give_back(struct worker *w)
{
	size_t k = rng_below(&w->rng, (uint32_t)w->n_held);
	uint16_t i = w->held[k];

	w->held[k] = w->held[--w->n_held];
	atomic_fetch_sub_explicit(
		&n_given[i], 1, memory_order_relaxed); /* before the place is free */
	server_release(&w->pool->servers[i], 1);
}

static void ask(struct worker *w, struct fixture_query *q, uint32_t number)
{
	const char *name = w->pool->tiers[0].policy->ops->name;
	int i, given;

	fixture_query_set(q, number);
	q->choice.tried = w->held; /* any list of servers will do */
	q->choice.n_tried = rng_below(&w->rng, 2) == 0 ? 0 : w->n_held < 2 ? w->n_held : 2;
	q->choice.may_test = number % 2 == 0;
	i = number % 3 == 0 ? pool_choose_again(&q->choice, false) : pool_choose(&q->choice);
	atomic_fetch_add_explicit(&n_tests, q->choice.is_test, memory_order_relaxed);
	if (i < 0) {
		atomic_fetch_add_explicit(&n_full, 1, memory_order_relaxed);
		return;
	}
	given = 1 + atomic_fetch_add_explicit(&n_given[i], 1, memory_order_relaxed);
	CHECK(given <= LIMIT, "%s: server %d has %d places out", name, i, given);
	CHECK(server_outstanding(&w->pool->servers[i]) <= LIMIT + N_WORKERS,
		"%s: server %d counts beyond one more per worker", name, i);
	CHECK(i != FORCED_DOWN, "%s: asked a server that is forced down", name);
	CHECK(i != DRAINING || q->choice.n_tried > 0,
		"%s: asked a draining server while one is up for certain", name);
	for (size_t k = 0; k < q->choice.n_tried; k++)
		CHECK(w->held[k] != i, "%s: asked server %d twice", name, i);
	w->held[w->n_held++] = (uint16_t)i;
	atomic_fetch_add_explicit(&n_answered, 1, memory_order_relaxed);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct fixture_query q;

	fixture_query_init(&q, w->pool, &w->rng);
	for (uint32_t k = 0; k < N_QUERIES; k++) {
		if (w->n_held == HELD_MAX || (w->n_held > 0 && rng_below(&w->rng, 3) == 0))
			give_back(w);
		else
			ask(w, &q, k);
	}
	while (w->n_held > 0)
		give_back(w);
	atomic_fetch_sub(&n_working, 1);
	return NULL;
}

static void flip_one(struct pool *pool, struct rng *rng)
{
	static const enum server_state states[] = { SERVER_UP, SERVER_DOWN, SERVER_EJECTED,
		SERVER_UP };
	size_t i = rng_below(rng, N_SERVERS);
	struct server *s = &pool->servers[i];
	uint32_t share = rng_below(rng, SERVER_SHARE_FULL + 1);

	switch (rng_below(rng, 6)) {
	case 0:
		server_set_ramp(s, share > 0 ? share : 1);
		break;
	case 1:
		server_set_pace(s, 1 + share / 2);
		break;
	case 2:
		pool_set_panic(pool, share % 4 == 0);
		break;
	case 3:
		pool_set_tier_shares(pool, (const uint32_t[]){ share, SERVER_SHARE_FULL - share });
		break;
	case 4:
		atomic_fetch_add(&n_due, 1); /* before anyone can send it */
		atomic_store_explicit(&s->is_test_due, true, memory_order_relaxed);
		break;
	default:
		pool_set_state(pool, i, states[share % 4]);
		break;
	}
}

/* The prober: until the last worker is done. */
static void flip(struct pool *pool)
{
	struct rng rng;

	fixture_rng(&rng, 200);
	while (atomic_load(&n_working) > 0)
		flip_one(pool, &rng);
}

static void check_end(const struct pool *pool)
{
	const char *name = pool->tiers[0].policy->ops->name;
	unsigned n_up = 0, n_ejected = 0;

	for (int i = 0; i < N_SERVERS; i++) {
		const struct server *s = &pool->servers[i];

		CHECK(server_outstanding(s) == 0, "%s: server %d ends with %u outstanding", name, i,
			server_outstanding(s));
		n_up += i != DRAINING && server_state(s) == SERVER_UP;
		n_ejected += i != DRAINING && server_state(s) == SERVER_EJECTED;
	}
	CHECK(atomic_load(&pool->n_up) == n_up, "%s: n_up is %u, %u are up", name,
		atomic_load(&pool->n_up), n_up);
	CHECK(atomic_load(&pool->n_ejected) == n_ejected, "%s: n_ejected is %u, %u are ejected",
		name, atomic_load(&pool->n_ejected), n_ejected);
	CHECK(atomic_load(&n_tests) <= atomic_load(&n_due), "%s: %u tests were due, %u sent", name,
		atomic_load(&n_due), atomic_load(&n_tests));
	CHECK(atomic_load(&n_answered) > N_QUERIES / 4, "%s: only %u queries found a server", name,
		atomic_load(&n_answered));
	CHECK(atomic_load(&n_full) > 0, "%s: the limits were never reached", name);
}

static void run(enum policy_kind kind)
{
	static const unsigned weights[N_SERVERS] = { 1, 3, 1, 2, 1, 5, 1, 2 };
	struct worker workers[N_WORKERS];
	struct fixture_params f;
	struct pool *pool;

	fixture_params_init(&f, kind, weights, N_SERVERS, LIMIT, SERVER_AUTO);
	f.servers[FORCED_DOWN].mode = SERVER_FORCED_DOWN;
	f.servers[FORCED_UP].mode = SERVER_FORCED_UP;
	f.servers[DRAINING].mode = SERVER_DRAIN;
	f.servers[1].tier = f.servers[FORCED_UP].tier = f.servers[7].tier = 1;
	if (pool_new(&f.pool, &pool) != 0)
		abort();
	atomic_store(&n_working, N_WORKERS);
	atomic_store(&n_answered, 0);
	atomic_store(&n_full, 0);
	pool_set_state(pool, 0, SERVER_EJECTED);
	atomic_store(&pool->servers[0].is_test_due, true); /* one is due whatever the timing */
	atomic_fetch_add(&n_due, 1);
	for (int i = 0; i < N_WORKERS; i++) {
		workers[i] = (struct worker){ .pool = pool };
		fixture_rng(&workers[i].rng, (uint8_t)(100 + i));
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			abort();
	}
	flip(pool);
	for (int i = 0; i < N_WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	check_end(pool);
	pool_free(&pool);
}

int main(void)
{
	for (int kind = 0; kind < POLICY_COUNT; kind++)
		run((enum policy_kind)kind);
	CHECK(atomic_load(&n_tests) > 0, "no test was sent");
	return atomic_load(&n_failures) == 0 ? 0 : 1;
}
