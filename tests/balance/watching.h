/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * watching - a watch over a pool in virtual time. Servers answer probes as the test says, the clock
 * jumps from one thing to do to the next, and what was ordered and told is recorded. Servers
 * are named a, b, c, ...; by default they are of weight 1 and tier 0. */
#pragma once
#include <criterion/criterion.h>

#include "balance/fixture.h"
#include "balance/watch.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define WATCHING_START (1000 * S)
#define WATCHING_SERVERS_MAX 8
#define WATCHING_RECORDS_MAX 65536

enum watching_way {
	WAY_GOOD, /* NOERROR after rtt_ns */
	WAY_SILENT,
	WAY_UNREACHABLE, /* at once */
	WAY_SERVFAIL, /* after rtt_ns */
	WAY_REFUSED,
	WAY_NOT_SENT,
	WAY_DEAD_SOCKETS, /* only the fresh one is answered */
	WAY_BY_HAND, /* the test calls watching_report */
};

struct watching_order {
	struct probe_order order;
	unsigned worker;
	int64_t at_ns;
};
struct watching_event {
	struct watch_event event;
	int64_t at_ns;
};

static struct {
	struct fixture_params fixture; /* change before watching_begin */
	struct probe_rules rules[2]; /* the first are for all, unless rules_of says otherwise */
	uint16_t rules_of[WATCHING_SERVERS_MAX];
	struct watch_params params;
	struct pool *pool;
	struct watch *watch;
	struct rng rng;
	int64_t now_ns;
	enum watching_way ways[WATCHING_SERVERS_MAX];
	int64_t rtt_ns;
	uint32_t latencies[WATCHING_SERVERS_MAX][HISTOGRAM_COUNT];
	unsigned n_latency_reads;

	struct watching_order orders[WATCHING_RECORDS_MAX];
	struct watching_event events[WATCHING_RECORDS_MAX];
	size_t n_orders, n_events;
	struct {
		int64_t due_ns;
		struct probe_result result;
	} results[256]; /* on their way */
	size_t n_results;
} x;

static inline void watching_send(
	const struct watching_order *o, enum probe_outcome outcome, unsigned rcode, int64_t due_ns)
{
	cr_assert_lt(x.n_results, sizeof x.results / sizeof x.results[0]);
	x.results[x.n_results].due_ns = due_ns;
	x.results[x.n_results++].result = (struct probe_result){
		.serial = o->order.serial,
		.server = o->order.server,
		.worker = (uint16_t)o->worker,
		.is_fresh = o->order.is_fresh,
		.took_over = o->order.is_fresh && outcome == PROBE_ANSWERED,
		.rcode = (uint8_t)rcode,
		.took_us = (uint32_t)((due_ns - o->at_ns) / 1000),
		.outcome = outcome,
	};
}

static inline bool watching_on_order(void *ctx, unsigned worker, const struct probe_order *order)
{
	struct watching_order *o = &x.orders[x.n_orders++];
	enum watching_way way = x.ways[order->server];

	cr_assert_eq(ctx, &x);
	cr_assert_lt(x.n_orders, WATCHING_RECORDS_MAX);
	cr_expect_gt(order->timeout_ns, 0);
	cr_expect_lt(worker, x.params.n_workers);
	cr_expect_neq(order->serial, 0);
	*o = (struct watching_order){ *order, worker, x.now_ns };
	if (way == WAY_DEAD_SOCKETS)
		way = order->is_fresh ? WAY_GOOD : WAY_SILENT;
	switch (way) {
	case WAY_GOOD:
		watching_send(o, PROBE_ANSWERED, 0, x.now_ns + x.rtt_ns);
		break;
	case WAY_SERVFAIL:
		watching_send(o, PROBE_ANSWERED, 2, x.now_ns + x.rtt_ns);
		break;
	case WAY_REFUSED:
		watching_send(o, PROBE_ANSWERED, 5, x.now_ns + x.rtt_ns);
		break;
	case WAY_SILENT:
		watching_send(o, PROBE_TIMED_OUT, 0, x.now_ns + order->timeout_ns);
		break;
	case WAY_UNREACHABLE:
		watching_send(o, PROBE_UNREACHABLE, 0, x.now_ns);
		break;
	case WAY_NOT_SENT:
		watching_send(o, PROBE_NOT_SENT, 0, x.now_ns);
		break;
	case WAY_DEAD_SOCKETS:
	case WAY_BY_HAND:
		break;
	}
	return true;
}

static inline void watching_on_event(void *ctx, const struct watch_event *event)
{
	cr_assert_eq(ctx, &x);
	cr_assert_lt(x.n_events, WATCHING_RECORDS_MAX);
	x.events[x.n_events++] = (struct watching_event){ *event, x.now_ns };
}

static inline void watching_on_latency(void *ctx, size_t server, uint32_t *counts)
{
	cr_assert_eq(ctx, &x);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		counts[i] += x.latencies[server][i];
	x.n_latency_reads++;
}

static const struct watch_ops watching_ops = {
	.order = watching_on_order,
	.tell = watching_on_event,
	.latency = watching_on_latency,
};

/* The documented defaults, over n servers. */
static inline void watching_init(size_t n)
{
	memset(&x, 0, sizeof x);
	fixture_params_init(&x.fixture, POLICY_P2C, NULL, n, 1000, SERVER_AUTO);
	fixture_rng(&x.rng, 1);
	x.now_ns = WATCHING_START;
	x.rtt_ns = 1 * MS;
	x.rules[0] = x.rules[1] = (struct probe_rules){
		.health = { 1 * S, 200 * MS, 1 * S, 3, 2 },
		.reject = 1u << 2 | 1u << 4 | 1u << 5,
		.qname_len = 1,
		.message = (const uint8_t *)"",
		.message_len = 1,
	};
	x.params = (struct watch_params){
		.n_workers = 2,
		.rules = x.rules,
		.n_rules = 2,
		.rules_of = x.rules_of,
		.attempt_timeout_ns = 750 * MS,
		.eject_base_ns = 5 * S,
		.eject_max_percent = 34,
		.panic_percent = 50,
	};
}

static inline void watching_begin(void)
{
	cr_assert_eq(pool_new(&x.fixture.pool, &x.pool), 0);
	x.params.pool = x.pool;
	cr_assert_eq(watch_new(&x.params, &watching_ops, &x, &x.rng, x.now_ns, &x.watch), 0);
}

static inline void watching_end(void)
{
	watch_free(&x.watch);
	cr_expect_null(x.watch);
	pool_free(&x.pool);
}

static inline int watching_first_result(void)
{
	int first = -1;

	for (size_t i = 0; i < x.n_results; i++) {
		if (first == -1 || x.results[i].due_ns < x.results[first].due_ns)
			first = (int)i;
	}
	return first;
}

static inline void watching_deliver(int i)
{
	struct probe_result r = x.results[i].result;

	x.n_results--;
	memmove(&x.results[i], &x.results[i + 1], (x.n_results - (size_t)i) * sizeof x.results[0]);
	watch_result(x.watch, x.now_ns, &r);
}

/* All that happens until then, that moment included. */
static inline void watching_run_until(int64_t until_ns)
{
	for (unsigned n_still = 0; n_still < 1000; n_still++) {
		int first = watching_first_result();
		int64_t result_ns = first == -1 ? INT64_MAX : x.results[first].due_ns;
		int64_t tick_ns = watch_next_ns(x.watch);
		int64_t next_ns = result_ns <= tick_ns ? result_ns : tick_ns;

		if (next_ns > until_ns) {
			if (until_ns > x.now_ns)
				x.now_ns = until_ns;
			return;
		}
		if (next_ns > x.now_ns) {
			x.now_ns = next_ns;
			n_still = 0;
		}
		if (result_ns <= tick_ns)
			watching_deliver(first);
		else
			watch_tick(x.watch, x.now_ns);
	}
	cr_assert_fail("the watch spins");
}

static inline void watching_run(int64_t ns)
{
	watching_run_until(x.now_ns + ns);
}

/* Begins, and lets the first probes come back. */
static inline void watching_start(void)
{
	watching_begin();
	watching_run(50 * MS);
}

/* By hand: the answer to the last order of the server. */
static inline const struct watching_order *watching_last_order(size_t server)
{
	for (size_t i = x.n_orders; i > 0; i--) {
		if (x.orders[i - 1].order.server == server)
			return &x.orders[i - 1];
	}
	cr_assert_fail("no order for server %zu", server);
	return NULL;
}
static inline void watching_report(
	const struct watching_order *o, enum probe_outcome outcome, unsigned rcode)
{
	watching_send(o, outcome, rcode, x.now_ns);
	watching_run(0);
}

static inline enum server_state watching_state(size_t server)
{
	return server_state(&x.pool->servers[server]);
}

/* As a worker does it. True: the watch was told. */
static inline bool watching_sign(size_t server, enum sign sign)
{
	struct server *s = &x.pool->servers[server];
	enum sign told = sign;
	bool is_told = false;

	switch (sign) {
	case SIGN_SILENT:
		for (int i = 0; i < 5; i++)
			is_told |= signs_silent(s, 5);
		break;
	case SIGN_UNREACHABLE:
		is_told = signs_unreachable(s);
		break;
	case SIGN_BETTERED:
		is_told = signs_bettered(s, 1u << 31, &told);
		break;
	case SIGN_BLAMED:
		for (uint32_t i = 0; i < BLAME_COUNT; i++)
			is_told = signs_bettered(s, (i % BLAME_PAIRS + 1) << 28, &told);
		is_told = is_told && told == SIGN_BLAMED;
		break;
	}
	if (is_told)
		watch_sign(x.watch, x.now_ns, (uint16_t)server, sign);
	return is_told;
}

static inline unsigned watching_count(enum watch_event_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < x.n_events; i++)
		n += x.events[i].event.kind == kind;
	return n;
}

/* The last change of the server's state. */
static inline const struct watching_event *watching_last_change(size_t server)
{
	for (size_t i = x.n_events; i > 0; i--) {
		const struct watch_event *e = &x.events[i - 1].event;

		if (e->kind == WATCH_STATE && e->server == server)
			return &x.events[i - 1];
	}
	cr_assert_fail("server %zu never changed", server);
	return NULL;
}

/* Runs until the server has that state, at most that long; how long it took, or -1. In steps of
 * the watch, so exact. */
static inline int64_t watching_run_to(size_t server, enum server_state state, int64_t most_ns)
{
	int64_t start_ns = x.now_ns;

	while (watching_state(server) != state) {
		int first = watching_first_result();
		int64_t next_ns = watch_next_ns(x.watch);

		if (first != -1 && x.results[first].due_ns < next_ns)
			next_ns = x.results[first].due_ns;
		if (next_ns > start_ns + most_ns)
			return -1;
		watching_run_until(next_ns > x.now_ns ? next_ns : x.now_ns);
	}
	return x.now_ns - start_ns;
}

/* A worker would send this query as the test: takes it, and says how it ends. */
static inline bool watching_test(size_t server, bool is_good)
{
	struct server *s = &x.pool->servers[server];
	enum sign told;

	if (!atomic_exchange(&s->is_test_due, false))
		return false;
	if (is_good)
		signs_good(s);
	else
		signs_bettered(s, 7u << 28, &told);
	return true;
}
