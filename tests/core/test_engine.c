/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The threads together, over real sockets on loopback: the path of a query, and the ways to stop. */
#include "core/engine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/heap.h"
#include "core/mailbox.h"
#include "core/queue.h"
#include "core/rig.h"
#include "net/poller.h"

static struct rig r;

TestSuite(engine, .timeout = 60);

/* With one receiver, and with none: the workers read. */
#define IN_BOTH_SHAPES(name) \
	static void name(unsigned receivers); \
	Test(engine, name##_from_the_queue) \
	{ \
		name(1); \
	} \
	Test(engine, name##_directly) \
	{ \
		name(0); \
	} \
	static void name(unsigned receivers)

static void begin(unsigned n_servers, unsigned n_workers, unsigned receivers)
{
	rig_init(&r, n_servers, n_workers, receivers);
	rig_start(&r);
}

static void end(void)
{
	rig_stop(&r);
	cr_expect(rig_is_balanced(&r));
	cr_expect_eq(engine_pending(r.engine), 0);
	for (unsigned i = 0; i < r.n_servers; i++)
		cr_expect_eq(server_outstanding(&r.pool->servers[i]), 0);
	rig_free(&r);
}

/* The next datagram at the client must answer that query. */
static void expect_answer(int client, uint16_t id, unsigned rcode)
{
	uint8_t out[512];
	size_t n = rig_receive(client, out, sizeof out, NULL);

	cr_assert_geq(n, RIG_QUERY_BYTES);
	cr_expect_eq(out[0] << 8 | out[1], id);
	cr_expect_eq(out[2] & 0x80, 0x80);
	cr_expect_eq(out[3] & 15, rcode);
}

IN_BOTH_SHAPES(a_query_is_answered)
{
	begin(1, 2, receivers);
	int client = rig_client(&r);
	for (uint16_t id = 1; id <= 50; id++) {
		rig_ask(client, id);
		rig_serve(r.servers[0]);
		expect_answer(client, id, 0);
	}
	close(client);
	rig_stop(&r);
	cr_expect_eq(rig_metric(&r, METRIC_queries), 50);
	cr_expect_eq(rig_metric(&r, METRIC_answered_server), 50);
	cr_expect_eq(engine_server_metric(r.engine, 0, SERVER_METRIC_replies), 50);
	end();
}

/* All of it comes to the socket of one worker. */
Test(engine, who_has_nothing_to_do_helps_who_is_behind)
{
	enum { N = 512, TURNS = 200 };
	static uint8_t query[512];
	struct addr from;

	begin(1, 2, 0);
	int client = rig_client(&r);
	for (int turn = 0; turn < TURNS && rig_metric(&r, METRIC_stolen) == 0; turn++) {
		for (uint16_t i = 0; i < N; i++)
			rig_ask(client, i);
		for (uint16_t i = 0; i < N; i++) {
			size_t len = rig_receive(r.servers[0], query, sizeof query, &from);
			rig_answer(r.servers[0], query, len, &from);
		}
		for (uint16_t i = 0; i < N; i++)
			rig_receive(client, query, sizeof query, NULL);
	}
	cr_expect_gt(rig_metric(&r, METRIC_stolen), 0);
	close(client);
	end();
}

Test(engine, several_receivers_share_an_address)
{
	int clients[20];

	begin(1, 1, 3);
	for (uint16_t i = 0; i < 20; i++) {
		clients[i] = rig_client(&r);
		rig_ask(clients[i], i);
		rig_serve(r.servers[0]);
		expect_answer(clients[i], i, 0);
		close(clients[i]);
	}
	end();
}

IN_BOTH_SHAPES(a_stop_waits_for_what_is_pending)
{
	uint8_t query[512];
	struct addr from;

	begin(1, 2, receivers);
	int client = rig_client(&r);
	rig_ask(client, 7);
	size_t len = rig_receive(r.servers[0], query, sizeof query, &from);
	engine_stop(r.engine);
	cr_expect_not(engine_is_finished(r.engine));
	rig_answer(r.servers[0], query, len, &from);
	expect_answer(client, 7, 0);
	engine_join(r.engine);
	cr_expect(engine_is_finished(r.engine));
	close(client);
	end();
}

IN_BOTH_SHAPES(a_stop_serves_what_the_sockets_hold)
{
	rig_init(&r, 1, 1, receivers);
	int client = rig_client(&r);
	for (uint16_t i = 0; i < 100; i++)
		rig_ask(client, i); /* before anybody reads */
	rig_start(&r);
	engine_stop(r.engine);
	for (uint16_t i = 0; i < 100; i++)
		rig_serve(r.servers[0]);
	for (uint16_t i = 0; i < 100; i++)
		rig_receive(client, (uint8_t[512]){ 0 }, 512, NULL);
	close(client);
	cr_expect_eq(rig_metric(&r, METRIC_queries), 100);
	end();
}

/* However many sockets a worker has: what it reads is served before more is read. */
Test(engine, a_stop_serves_what_many_sockets_hold_with_a_short_queue)
{
	enum { LISTENERS = 3, EACH = 150 };
	int clients[LISTENERS];

	rig_init(&r, 1, 1, 0);
	rig_listen(&r, LISTENERS);
	r.params.queue_capacity = QUEUE_LEAST;
	RIG_CHECK(engine_new(&r.params, &r.engine) == 0);
	for (size_t i = 0; i < LISTENERS; i++) {
		clients[i] = rig_client_of(&r, i);
		for (uint16_t k = 0; k < EACH; k++)
			rig_ask(clients[i], k);
	}
	engine_stop(r.engine);
	RIG_CHECK(engine_start(r.engine) == 0);
	for (unsigned i = 0; i < LISTENERS * EACH; i++)
		rig_serve(r.servers[0]);
	for (size_t i = 0; i < LISTENERS; i++) {
		for (unsigned k = 0; k < EACH; k++)
			rig_receive(clients[i], (uint8_t[512]){ 0 }, 512, NULL);
		close(clients[i]);
	}
	cr_expect_eq(rig_metric(&r, METRIC_answered_server), LISTENERS * EACH);
	end();
}

/* A client of that listener whose queries come to the first worker's socket. */
static int client_of_first_worker(size_t listener)
{
	for (;;) {
		int client = rig_client_of(&r, listener);
		uint8_t byte;

		rig_ask(client, 0);
		for (size_t k = 0; k < 2; k++) {
			if (recv(r.listeners.listener[listener].fds[k], &byte, 1, MSG_DONTWAIT) >
					0 &&
				k == 0)
				return client;
		}
		close(client);
	}
}

static uint64_t n_shed(void)
{
	return rig_metric(&r, METRIC_shed_queue) + rig_metric(&r, METRIC_shed_fair);
}

/* Of `each` queries that wait at each of two sockets of one worker, while the other has nothing to do. */
static uint64_t shed_of_two_sockets(unsigned each)
{
	int clients[2];

	rig_init(&r, 1, 2, 0);
	rig_listen(&r, 2);
	r.params.queue_capacity = 2 * QUEUE_LEAST;
	for (size_t i = 0; i < 2; i++) {
		clients[i] = client_of_first_worker(i);
		for (uint16_t k = 0; k < each; k++)
			rig_ask(clients[i], k);
	}
	rig_start(&r);
	while (rig_metric(&r, METRIC_attempts) + n_shed() < 2 * each)
		sched_yield();
	uint64_t found = n_shed();
	engine_stop(r.engine);
	engine_hurry(r.engine);
	close(clients[0]);
	close(clients[1]);
	end();
	return found;
}

/* Where nobody can help it reads on, so the other worker must have had a core in one of the turns. */
Test(engine, who_is_helped_reads_no_more_than_it_serves_from_all_its_sockets)
{
	enum { TURNS = 20, EACH = 2048 };
	unsigned turn = 0;

	while (turn < TURNS && shed_of_two_sockets(EACH) > 0)
		turn++;
	cr_expect_lt(turn, TURNS);
}

IN_BOTH_SHAPES(hurry_gives_up_what_is_pending)
{
	begin(1, 2, receivers);
	int client = rig_client(&r);
	rig_ask(client, 7);
	rig_receive(r.servers[0], (uint8_t[512]){ 0 }, 512, NULL);
	int64_t before_ns = clock_mono_ns();
	engine_stop(r.engine);
	engine_hurry(r.engine);
	expect_answer(client, 7, RCODE_SERVFAIL);
	engine_join(r.engine);
	cr_expect_lt(clock_mono_ns() - before_ns, 2 * CLOCK_NS_PER_S, "it waited for the deadline");
	close(client);
	end();
}

IN_BOTH_SHAPES(silence_ends_at_the_deadline)
{
	rig_init(&r, 1, 1, receivers);
	r.params.worker.deadline_ns = 50 * CLOCK_NS_PER_MS;
	rig_start(&r);
	int client = rig_client(&r);
	int64_t before_ns = clock_mono_ns();
	rig_ask(client, 7);
	expect_answer(client, 7, RCODE_SERVFAIL);
	cr_expect_geq(clock_mono_ns() - before_ns, 50 * CLOCK_NS_PER_MS);
	close(client);
	end();
}

IN_BOTH_SHAPES(a_closed_server_means_servfail)
{
	rig_init(&r, 1, 1, receivers);
	r.params.worker.deadline_ns = 200 * CLOCK_NS_PER_MS;
	rig_start(&r);
	int client = rig_client(&r);
	close(r.servers[0]);
	for (uint16_t i = 0; i < 10; i++) { /* by ICMP at the next send, else by the deadline */
		rig_ask(client, i);
		expect_answer(client, i, RCODE_SERVFAIL);
	}
	close(client);
	r.n_servers = 0; /* its socket is closed */
	rig_stop(&r);
	cr_expect(rig_is_balanced(&r));
	cr_expect_eq(server_outstanding(&r.pool->servers[0]), 0);
	rig_free(&r);
}

IN_BOTH_SHAPES(stopping_what_was_never_started_is_fine)
{
	rig_init(&r, 2, 2, receivers);
	cr_assert_eq(engine_new(&r.params, &r.engine), 0);
	cr_expect(engine_is_finished(r.engine));
	rig_stop(&r);
	rig_free(&r);
}

/* ---- probes --------------------------------------------------------------------------------------- */

static void on_probe_done(void *ctx, const struct probe_result *result)
{
	cr_expect(mailbox_post(ctx, result));
}

static struct probe_result wait_for_result(struct mailbox *box, int fd)
{
	struct probe_result result = { 0 };
	uint64_t n;

	while (!mailbox_take(box, &result)) {
		RIG_CHECK(rig_has(fd, RIG_WAIT_MS));
		RIG_CHECK(read(fd, &n, sizeof n) == sizeof n);
	}
	return result;
}

IN_BOTH_SHAPES(probes_reach_the_server_and_their_results_come_back)
{
	uint8_t message[RIG_QUERY_BYTES];
	struct mailbox *box = NULL;
	int fd;

	RIG_CHECK(wakeup_new(&fd) == 0 &&
		  mailbox_new(sizeof(struct probe_result), 16, fd, &box) == 0);
	rig_query(message, 0);
	rig_init(&r, 1, 2, receivers);
	r.params.probe_done = on_probe_done;
	r.params.prober = box;
	rig_start(&r);
	for (uint32_t i = 0; i < 8; i++) {
		const struct probe_order order = {
			.serial = i,
			.is_fresh = i % 4 == 3,
			.timeout_ns = (i == 5 ? 20 : 5000) * CLOCK_NS_PER_MS,
			.message = message,
			.message_len = RIG_QUERY_BYTES,
			.name_len = 13,
		};
		cr_expect(engine_probe(r.engine, i % 2, &order));
		if (i == 5)
			rig_receive(r.servers[0], (uint8_t[512]){ 0 }, 512, NULL);
		else
			rig_serve(r.servers[0]);
		struct probe_result result = wait_for_result(box, fd);
		cr_expect_eq(result.serial, i);
		cr_expect_eq(result.worker, i % 2);
		cr_expect_eq(
			result.outcome, i == 5 ? PROBE_TIMED_OUT : PROBE_ANSWERED, "probe %u", i);
	}
	end();
	mailbox_free(&box);
	close(fd);
}

/* ---- short of files ------------------------------------------------------------------------------- */

static int next_fd(void)
{
	int fd = dup(0);

	RIG_CHECK(fd != -1);
	close(fd);
	return fd;
}

/* From now on n more can be opened. Returns the limit of before. */
static rlim_t allow_files(rlim_t n)
{
	struct rlimit limit;

	RIG_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)next_fd() + n;
	RIG_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	return before;
}

static void allow_files_again(rlim_t limit_before)
{
	struct rlimit limit;

	RIG_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit_before;
	RIG_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

IN_BOTH_SHAPES(without_files_for_everything_the_start_fails_whole)
{
	enum { N_UPSTREAM = 2 * 2 * 4 };
	rlim_t n = 0;
	int rc;

	rig_init(&r, 2, 2, receivers);
	int before = next_fd();
	do {
		rlim_t limit = allow_files(n++);
		errno = 0;
		rc = engine_new(&r.params, &r.engine);
		int error = errno;
		allow_files_again(limit);
		if (rc < 0) {
			cr_expect_eq(rc, ERR_SYSTEM, "%d with %zu", rc, (size_t)n - 1);
			cr_expect_eq(error, EMFILE, "%s with %zu", strerror(error), (size_t)n - 1);
			cr_expect_eq(next_fd(), before, "%zu: something stays open", (size_t)n - 1);
		}
	} while (rc < 0 && n < 1000);
	cr_expect_eq(rc, 0);
	cr_expect_gt(n, N_UPSTREAM, "it started without its sockets");
	rig_free(&r);
}

Test(engine, a_probe_that_wants_a_file_too_many_is_not_sent)
{
	uint8_t message[RIG_QUERY_BYTES];
	struct mailbox *box = NULL;
	int fd;

	RIG_CHECK(wakeup_new(&fd) == 0 &&
		  mailbox_new(sizeof(struct probe_result), 16, fd, &box) == 0);
	rig_query(message, 0);
	rig_init(&r, 1, 1, 1);
	r.params.probe_done = on_probe_done;
	r.params.prober = box;
	rig_start(&r);
	const struct probe_order order = {
		.is_fresh = true,
		.timeout_ns = 5000 * CLOCK_NS_PER_MS,
		.message = message,
		.message_len = RIG_QUERY_BYTES,
		.name_len = 13,
	};
	rlim_t limit = allow_files(0);
	cr_expect(engine_probe(r.engine, 0, &order));
	cr_expect_eq(wait_for_result(box, fd).outcome, PROBE_NOT_SENT);
	allow_files_again(limit);
	cr_expect(engine_probe(r.engine, 0, &order));
	rig_serve(r.servers[0]);
	cr_expect_eq(wait_for_result(box, fd).outcome, PROBE_ANSWERED);
	end();
	mailbox_free(&box);
	close(fd);
}

static void add_all(const struct engine_memory *m, struct memory_use *sum)
{
	const struct memory_use *parts[] = { &m->queues, &m->readers, &m->clients, &m->workers,
		&m->pending, &m->replies, &m->counters, &m->histograms };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		memory_add(sum, parts[i], 1);
}

Test(engine, takes_what_it_says)
{
	static const struct {
		unsigned n_servers, n_workers, n_receivers; /* without receivers: directly */
		bool measures_latency;
	} cases[] = { { 1, 1, 1, false }, { 3, 2, 1, true }, { 4, 8, 3, false }, { 1, 1, 0, false },
		{ 3, 8, 0, true } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned n_receivers = cases[i].n_receivers, n_workers = cases[i].n_workers;
		struct engine_memory memory;
		struct memory_use sum = { 0 };

		rig_init(&r, cases[i].n_servers, n_workers, n_receivers);
		r.params.measures_latency = cases[i].measures_latency;
		engine_memory(&r.params, &memory);
		add_all(&memory, &sum);
		size_t before = heap_bytes();
		cr_assert_eq(engine_new(&r.params, &r.engine), 0);
		heap_expect("start", sum.start, heap_bytes() - before, 8192);
		cr_expect_leq(sum.start, sum.full);
		cr_expect_leq(sum.full, sum.most);
		cr_expect_eq(memory.n_receivers, n_receivers);
		cr_expect_eq(memory.n_listening, n_receivers > 0 ? n_receivers : n_workers);
		cr_expect_eq(memory.n_upstream, cases[i].n_servers * n_workers * 4);
		cr_expect_eq(memory.n_other_files, 2 * (n_receivers + n_workers));
		rig_free(&r);
	}
}

static struct engine_memory memory_with(unsigned n_workers, unsigned receivers)
{
	struct engine_memory memory;

	rig_init(&r, 1, n_workers, receivers);
	r.params.pending_max = r.params.queue_capacity = 1000000;
	engine_memory(&r.params, &memory);
	rig_free(&r);
	return memory;
}

/* pending_max is one for all workers: what they hold at the same time does not grow with them. */
Test(engine, full_is_shared_by_the_workers)
{
	struct engine_memory one = memory_with(1, 1), many = memory_with(16, 1);

	cr_expect_lt(many.pending.full, one.pending.full * 3 / 2);
	cr_expect_eq(many.pending.most, one.pending.most * 16);
}

/* What waits in the socket is a burst, which is served, and no overload because it could be read. */
Test(engine, a_burst_is_served_whole_by_workers_with_short_queues)
{
	enum { N = 1000 };

	for (unsigned n_workers = 1; n_workers <= 16; n_workers *= 16) {
		rig_init(&r, 1, n_workers, 0);
		r.params.queue_capacity = QUEUE_LEAST;
		cr_assert_eq(engine_new(&r.params, &r.engine), 0);
		int client = rig_client(&r);
		for (uint16_t i = 0; i < N; i++)
			rig_ask(client, i);
		cr_assert_eq(engine_start(r.engine), 0);
		for (uint16_t i = 0; i < N; i++)
			rig_serve(r.servers[0]);
		for (uint16_t i = 0; i < N; i++)
			rig_receive(client, (uint8_t[512]){ 0 }, 512, NULL);
		close(client);
		end();
	}
}

/* Each has room for two batches, however many share it. */
Test(engine, a_short_queue_is_not_divided)
{
	struct engine_memory memory[2];

	for (size_t i = 0; i < 2; i++) {
		rig_init(&r, 1, 16, 0);
		r.params.queue_capacity = i == 0 ? QUEUE_LEAST : 16 * QUEUE_LEAST;
		engine_memory(&r.params, &memory[i]);
		rig_free(&r);
	}
	cr_expect_eq(memory[0].queues.full, memory[1].queues.full);
}

/* Nor does queue_capacity: of what waits in all queues. */
Test(engine, queues_share_the_capacity)
{
	struct engine_memory one = memory_with(1, 1), many = memory_with(16, 0);

	cr_expect_lt(many.queues.full, one.queues.full * 11 / 10);
	cr_expect_gt(many.queues.full, one.queues.full);
}
