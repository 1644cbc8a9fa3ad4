/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stress_prober - workers hand results, signs and latencies to a prober, all at once and in any order,
 * while it flips the states they look at. When they then answer everything well, every server must
 * be up and nobody suspect: no sign and no result is lost for good. A plain main for TSan; seeded,
 * about a second; exits 1 on a failure. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "balance/fixture.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/log.h"
#include "core/mailbox.h"
#include "services/prober.h"

#define MS CLOCK_NS_PER_MS

enum { N_WORKERS = 3, N_SERVERS = 5, N_TURNS = 20000, ORDERS_MAX = 64, WAIT_MS = 30000 };

struct worker {
	pthread_t thread;
	unsigned number;
	struct rng rng;
	struct histogram latencies[N_SERVERS];
};

static struct pool *pool;
static struct prober *prober;
static struct mailbox *orders[N_WORKERS];
static struct worker workers[N_WORKERS];
static _Atomic unsigned n_wild = N_WORKERS; /* workers that still cause trouble */
static _Atomic bool is_over;
static _Atomic unsigned n_told, n_orders, n_up_seen, n_out_seen;

static bool on_order(void *ctx, unsigned worker, const struct probe_order *order)
{
	(void)ctx;
	atomic_fetch_add_explicit(&n_orders, 1, memory_order_relaxed);
	return mailbox_post(orders[worker], order);
}

static void on_latency(void *ctx, size_t server, uint32_t *counts)
{
	(void)ctx;
	for (unsigned i = 0; i < N_WORKERS; i++)
		histogram_sum(&workers[i].latencies[server], counts);
}

static void answer_orders(struct worker *w, bool is_wild)
{
	struct probe_order order;

	while (mailbox_take(orders[w->number], &order)) {
		struct probe_result r = {
			.serial = order.serial,
			.server = order.server,
			.worker = (uint16_t)w->number,
			.is_fresh = order.is_fresh,
			.outcome = PROBE_ANSWERED,
		};

		if (is_wild)
			r.outcome = (enum probe_outcome)rng_below(&w->rng, PROBE_NOT_SENT + 1);
		prober_result(prober, &r);
	}
}

/* One thing that happens to a query. */
static void cause_something(struct worker *w)
{
	uint16_t i = (uint16_t)rng_below(&w->rng, N_SERVERS);
	struct server *s = &pool->servers[i];
	enum sign sign = SIGN_SILENT;
	bool is_told = false;

	switch (rng_below(&w->rng, 8)) {
	case 0:
		is_told = signs_silent(s, 5);
		break;
	case 1:
		sign = SIGN_UNREACHABLE;
		is_told = signs_unreachable(s);
		break;
	case 2:
	case 3:
	case 4:
		is_told = signs_bettered(s, rng_u32(&w->rng), &sign);
		break;
	case 5:
		signs_good(s);
		break;
	default:
		signs_replied(s);
		histogram_add(&w->latencies[i], rng_below(&w->rng, 100000));
		break;
	}
	if (atomic_exchange_explicit(&s->is_test_due, false, memory_order_relaxed))
		signs_good(s);
	atomic_fetch_add_explicit(
		server_state(s) == SERVER_UP ? &n_up_seen : &n_out_seen, 1, memory_order_relaxed);
	if (is_told) {
		atomic_fetch_add_explicit(&n_told, 1, memory_order_relaxed);
		prober_sign(prober, i, sign);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < N_TURNS; i++) {
		cause_something(w);
		answer_orders(w, true);
		if (i % 64 == 0)
			clock_pause_ns(MS); /* the others' turn, on few cores */
	}
	atomic_fetch_sub(&n_wild, 1);
	while (!atomic_load(&is_over)) {
		answer_orders(w, false);
		clock_pause_ns(MS);
	}
	return NULL;
}

static bool is_calm(void)
{
	for (unsigned i = 0; i < N_SERVERS; i++) {
		if (server_state(&pool->servers[i]) != SERVER_UP ||
			server_is_suspect(&pool->servers[i]))
			return false;
	}
	return atomic_load(&n_wild) == 0;
}

static int start(void)
{
	static const struct probe_rules rules = {
		.health = { 5 * MS, 1 * MS, 50 * MS, 3, 2 },
		.qname = (const uint8_t *)"",
		.qname_len = 1,
		.qtype = 2,
	};
	const struct prober_params params = {
		.watch = {
			.pool = pool,
			.n_workers = N_WORKERS,
			.rules = &rules,
			.n_rules = 1,
			.attempt_timeout_ns = 20 * MS,
			.eject_base_ns = MS / 10,
			.eject_max_percent = 50,
			.slow_start_ns = 10 * MS,
			.panic_percent = 50,
			.latency = LATENCY_ON,
			.hedge_percent = 5,
		},
		.order = on_order,
		.latency = on_latency,
	};

	return prober_new(&params, &prober) < 0 ? -1 : prober_start(prober);
}

int main(void)
{
	static struct fixture_params f;
	int waited_ms = 0;

	log_open(&(struct log_params){ .level = LOG_LEVEL_ERROR });
	fixture_params_init(&f, POLICY_P2C, NULL, N_SERVERS, 10, SERVER_AUTO);
	for (unsigned i = 3; i < N_SERVERS; i++)
		f.servers[i].tier = 1;
	if (pool_new(&f.pool, &pool) < 0)
		return 1;
	for (unsigned i = 0; i < N_WORKERS; i++) {
		if (mailbox_new(sizeof(struct probe_order), ORDERS_MAX, -1, &orders[i]) < 0)
			return 1;
		workers[i].number = i;
		fixture_rng(&workers[i].rng, (uint8_t)i);
	}
	if (start() < 0)
		return 1;
	for (unsigned i = 0; i < N_WORKERS; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	for (; !is_calm() && waited_ms < WAIT_MS; waited_ms++)
		clock_pause_ns(MS);
	bool is_good = is_calm();
	atomic_store(&is_over, true);
	for (unsigned i = 0; i < N_WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	prober_stop(prober);
	printf("stress_prober: %u signs, %u orders, up %u times, not up %u times, calm: %d\n",
		atomic_load(&n_told), atomic_load(&n_orders), atomic_load(&n_up_seen),
		atomic_load(&n_out_seen), is_good);
	prober_free(&prober);
	pool_free(&pool);
	for (unsigned i = 0; i < N_WORKERS; i++)
		mailbox_free(&orders[i]);
	return is_good && atomic_load(&n_told) > 0 && atomic_load(&n_up_seen) > 0 &&
			       atomic_load(&n_out_seen) > 0
		       ? 0
		       : 1;
}
