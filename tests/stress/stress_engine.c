/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stress_engine - a whole engine under load from a client thread, with stub servers in another and
 * probes and readers of counters from a third, for about two seconds; then it is stopped twice:
 * once patiently, once in a hurry. Every query is answered, and the counters balance. A plain main
 * for TSan; exits 1 on a failure. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/rig.h"

enum { N_SERVERS = 2, WINDOW = 64, RUN_MS = 3000 };

static struct rig r;
static _Atomic bool is_over, is_serving;
static _Atomic unsigned n_probed, n_ordered;
static unsigned n_failures;

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "stress_engine: %s\n", what);
	n_failures++;
}

static void *serve(void *arg)
{
	struct pollfd p[N_SERVERS];
	uint8_t data[512];

	(void)arg;
	for (int i = 0; i < N_SERVERS; i++)
		p[i] = (struct pollfd){ .fd = r.servers[i], .events = POLLIN };
	while (atomic_load(&is_serving)) {
		if (poll(p, N_SERVERS, 50) <= 0)
			continue;
		for (int i = 0; i < N_SERVERS; i++) {
			struct addr from;

			if (p[i].revents & POLLIN) {
				size_t len = rig_receive(p[i].fd, data, sizeof data, &from);
				rig_answer(p[i].fd, data, len, &from);
			}
		}
	}
	return NULL;
}

/* Looks from outside, and has probes sent. */
static void *watch(void *arg)
{
	static uint8_t message[RIG_QUERY_BYTES];
	struct probe_order order = {
		.timeout_ns = CLOCK_NS_PER_S,
		.message = message,
		.message_len = RIG_QUERY_BYTES,
		.name_len = 13,
	};
	uint64_t last = 0;

	(void)arg;
	rig_query(message, 0);
	while (!atomic_load(&is_over)) {
		uint64_t now = rig_metric(&r, METRIC_queries);

		check(now >= last, "a counter goes back");
		last = now;
		engine_pending(r.engine);
		order.serial++;
		order.server = (uint16_t)(order.serial % N_SERVERS);
		order.is_fresh = order.serial % 8 == 0;
		if (engine_probe(r.engine, order.serial % r.params.n_workers, &order))
			atomic_fetch_add(&n_ordered, 1);
		clock_pause_ns(5 * CLOCK_NS_PER_MS);
	}
	return NULL;
}

static void on_probe_done(void *ctx, const struct probe_result *result)
{
	(void)ctx;
	(void)result;
	atomic_fetch_add(&n_probed, 1);
}

/* Asks with a window of queries out until the time is over; the number asked. Every ID is out once
 * at most, so each answer can be told. */
static unsigned ask_for(int client, int64_t ms)
{
	int64_t end_ns = clock_mono_ns() + ms * CLOCK_NS_PER_MS;
	static bool is_out[65536];
	unsigned n_asked = 0, n_out = 0;
	uint8_t data[512];

	memset(is_out, 0, sizeof is_out);
	while (clock_mono_ns() < end_ns || n_out > 0) {
		while (n_out < WINDOW && clock_mono_ns() < end_ns) {
			is_out[(uint16_t)n_asked] = true;
			rig_ask(client, (uint16_t)n_asked);
			n_asked++;
			n_out++;
		}
		if (!rig_has(client, RIG_WAIT_MS)) {
			check(false, "answers are lost");
			return n_asked;
		}
		rig_receive(client, data, sizeof data, NULL);
		unsigned id = (unsigned)data[0] << 8 | data[1];
		check(is_out[id], "an answer that nobody asked for, or a second one");
		check((data[3] & 15) == 0, "an answer is not the server's");
		is_out[id] = false;
		n_out--;
	}
	return n_asked;
}

/* Stops with queries out that nobody will answer. */
static void stop_in_a_hurry(int client)
{
	uint8_t data[512];

	atomic_store(&is_serving, false);
	for (uint16_t i = 0; i < WINDOW; i++)
		rig_ask(client, i);
	engine_stop(r.engine);
	engine_hurry(r.engine);
	engine_join(r.engine);
	for (uint16_t i = 0; i < WINDOW; i++) {
		if (!rig_has(client, RIG_WAIT_MS)) {
			check(false, "a hurried stop left queries without an answer");
			return;
		}
		rig_receive(client, data, sizeof data, NULL);
	}
}

static void run(unsigned receivers, bool in_a_hurry, int64_t ms)
{
	pthread_t server, watcher;

	rig_init(&r, N_SERVERS, 2, receivers);
	r.params.probe_done = on_probe_done;
	atomic_store(&is_over, false);
	atomic_store(&is_serving, true);
	atomic_store(&n_probed, 0);
	atomic_store(&n_ordered, 0);
	rig_start(&r);
	int client = rig_client(&r);
	pthread_create(&server, NULL, serve, NULL);
	pthread_create(&watcher, NULL, watch, NULL);
	unsigned n_asked = ask_for(client, ms);
	atomic_store(&is_over, true);
	pthread_join(watcher, NULL);
	if (in_a_hurry) {
		atomic_store(&is_serving, false);
		pthread_join(server, NULL);
		stop_in_a_hurry(client);
		n_asked += WINDOW;
	} else {
		rig_stop(&r);
		atomic_store(&is_serving, false);
		pthread_join(server, NULL);
	}
	check(engine_is_finished(r.engine), "a worker has not ended");
	check(rig_metric(&r, METRIC_queries) == n_asked, "not all queries arrived");
	check(rig_is_balanced(&r), "the counters do not balance");
	for (int i = 0; i < N_SERVERS; i++)
		check(server_outstanding(&r.pool->servers[i]) == 0, "places at a server are lost");
	check(atomic_load(&n_ordered) > 0 && atomic_load(&n_probed) > 0, "no probe came back");
	printf("%u queries, %u of %u probes came back\n", n_asked, atomic_load(&n_probed),
		atomic_load(&n_ordered));
	close(client);
	rig_free(&r);
}

int main(void)
{
	for (unsigned receivers = 0; receivers <= 2; receivers += 2) { /* 0: the workers read */
		run(receivers, false, RUN_MS / 2);
		run(receivers, true, RUN_MS / 6);
	}
	return n_failures == 0 ? 0 : 1;
}
