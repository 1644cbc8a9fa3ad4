/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A receiver between a socket on loopback and a queue: what it takes, what it drops and why, and
 * what becomes of what a full queue pushes out. The test itself is the queue's consumer. */
#include "core/receiver.h"

#include <criterion/criterion.h>
#include <sched.h>

#include "base/metric.h"
#include "core/queue.h"
#include "core/rig.h"
#include "net/batch.h"
#include "net/poller.h"

static struct listeners listeners;
static struct acl *acl;
static struct queue *queue;
static struct metric_block *metrics;
static struct receiver *receiver;
static int client, wakeup;

enum { TARGET_MS = 5 };

static struct intake_params params_of_intake(size_t capacity, enum on_overload on_overload)
{
	static const uint16_t index = 0;

	return (struct intake_params){
		.fds = listeners.listener[0].fds,
		.listeners = &index,
		.n_fds = 1,
		.listen_fds = listeners.listener[0].fds,
		.acl = acl,
		.queue = queue,
		.metrics = metrics,
		.fair = { .target_ns = TARGET_MS * CLOCK_NS_PER_MS,
			.interval_ns = 100 * CLOCK_NS_PER_MS,
			.capacity = capacity,
			.n_receivers = 1 },
		.on_overload = on_overload,
		.udp_reply_max = 1232,
	};
}

static void begin_with(const char *allowed, size_t capacity, enum on_overload on_overload)
{
	const struct listener_params listen = { .address = rig_loopback(), .n_sockets = 1 };
	const struct queue_params q = { .capacity = capacity, .n_producers = 1, .n_consumers = 1 };
	struct prefix prefix;

	cr_assert_eq(prefix_parse(allowed, &prefix), 0);
	cr_assert_eq(acl_new(&prefix, 1, &acl), 0);
	cr_assert_eq(listeners_open(&listen, 1, &listeners), 0);
	cr_assert_eq(queue_new(&q, &queue), 0);
	cr_assert_eq(wakeup_new(&wakeup), 0);
	queue_set_wakeup(queue, 0, wakeup);
	metrics = aligned_alloc(64, sizeof *metrics);
	memset(metrics, 0, sizeof *metrics);
	const struct receiver_params p = { .intake = params_of_intake(capacity, on_overload) };
	cr_assert_eq(receiver_new(&p, &receiver), 0);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&listeners.listener[0].address, &ss);
	client = rig_bind();
	cr_assert_eq(connect(client, (struct sockaddr *)&ss, len), 0);
}

static void begin(void)
{
	begin_with("127.0.0.0/8", 1000, ON_OVERLOAD_DROP);
}

/* What was sent before this is all read when it returns: a stop empties the socket first. */
static void run_and_stop(void)
{
	cr_assert_eq(receiver_start(receiver), 0);
	receiver_stop(receiver);
	receiver_join(receiver);
}

static void end(void)
{
	receiver_free(&receiver);
	cr_expect_null(receiver);
	queue_free(&queue);
	listeners_close(&listeners);
	acl_free(&acl);
	free(metrics);
	close(client);
	close(wakeup);
}

TestSuite(receiver, .timeout = 60);

static uint64_t metric(enum metric_id id)
{
	return metric_sum(metrics, 1, id);
}

static void say(const void *data, size_t len)
{
	cr_assert_eq(send(client, data, len, 0), (ssize_t)len);
}

static void say_query(uint16_t id, size_t len)
{
	uint8_t data[5000] = { 0 };

	rig_query(data, id);
	if (len > RIG_QUERY_BYTES)
		data[len - 1] = 0xee;
	say(data, len);
}

Test(receiver, a_query_arrives_whole_with_its_origin)
{
	uint8_t query[RIG_QUERY_BYTES];
	struct addr us;

	begin();
	rig_query(query, 7);
	int64_t before_ns = clock_mono_ns();
	say(query, sizeof query);
	run_and_stop();
	struct batch *b = queue_pop(queue, 0, NULL, clock_mono_ns());
	cr_assert_not_null(b);
	cr_assert_eq(b->n, 1);
	const struct datagram *d = b->datagrams[0];
	cr_expect_eq(d->len, RIG_QUERY_BYTES);
	cr_expect_arr_eq(d->data, query, RIG_QUERY_BYTES);
	cr_assert_eq(socket_local(client, &us), 0);
	cr_expect(addr_equal(&d->origin.client, &us));
	cr_expect_eq(d->origin.listener, 0);
	cr_expect_eq(d->origin.ifindex, 0, "only link-local clients have one");
	cr_expect_geq(d->arrival_ns, before_ns - 50 * CLOCK_NS_PER_MS);
	cr_expect_leq(d->arrival_ns, clock_mono_ns());
	cr_expect_eq(metric(METRIC_queries), 1);
	queue_give_back(queue, b);
	end();
}

/* The kernel starts to stamp a moment after the first socket of the host has asked for it; until
 * then a datagram gets its stamp when it is read. */
static void wait_for_stamps(void)
{
	uint8_t data[512];
	struct inbox_slot slot = { .data = { data }, .size = { sizeof data } };
	int64_t age_ns = 0;
	struct inbox *inbox;

	cr_assert_eq(inbox_new(true, &inbox), 0);
	for (int i = 0; i < 1000 && age_ns < CLOCK_NS_PER_MS; i++) {
		say_query(1, RIG_QUERY_BYTES);
		clock_pause_ns(CLOCK_NS_PER_MS);
		cr_assert_eq(inbox_read(inbox, listeners.listener[0].fds[0], &slot, 1), 1);
		age_ns = clock_real_ns() - slot.stamp_ns;
	}
	cr_assert_geq(age_ns, CLOCK_NS_PER_MS, "no stamps");
	inbox_free(&inbox);
}

Test(receiver, the_delay_counts_from_the_kernels_stamp)
{
	begin();
	wait_for_stamps();
	say_query(7, RIG_QUERY_BYTES);
	clock_pause_ns(30 * CLOCK_NS_PER_MS); /* it waits in the socket */
	run_and_stop();
	struct batch *b = queue_pop(queue, 0, NULL, clock_mono_ns());
	cr_assert_not_null(b);
	cr_expect_geq(clock_mono_ns() - b->datagrams[0]->arrival_ns, 29 * CLOCK_NS_PER_MS);
	queue_give_back(queue, b);
	end();
}

Test(receiver, lengths_around_the_small_buffer_and_to_the_largest_are_taken)
{
	static const size_t lens[] = { 29, 511, 512, 513, 4095, 4096 };
	enum { N = sizeof lens / sizeof lens[0] };

	begin();
	for (size_t i = 0; i < N; i++)
		say_query((uint16_t)i, lens[i]);
	run_and_stop();
	struct batch *b = NULL;
	size_t n = 0;
	while ((b = queue_pop(queue, 0, b, clock_mono_ns()))) {
		for (unsigned i = 0; i < b->n; i++, n++) {
			const struct datagram *d = b->datagrams[i];
			cr_expect_eq(d->len, lens[n]);
			cr_expect_eq(d->is_large, lens[n] > DATAGRAM_SMALL_BYTES);
			cr_expect_eq(d->data[1], n);
			cr_expect_eq(d->data[d->len - 1], lens[n] == 29 ? 1 : 0xee, "%zu", lens[n]);
		}
	}
	cr_expect_eq(n, N);
	end();
}

Test(receiver, what_is_not_worth_a_workers_time_is_dropped_and_counted)
{
	uint8_t query[RIG_QUERY_BYTES];

	begin();
	rig_query(query, 1);
	say(query, 11);
	say(query, 0);
	query[2] |= 0x80;
	say(query, sizeof query);
	say_query(1, 4097);
	run_and_stop();
	cr_expect_null(queue_pop(queue, 0, NULL, clock_mono_ns()));
	cr_expect_eq(metric(METRIC_queries), 4);
	cr_expect_eq(metric(METRIC_dropped_short), 2);
	cr_expect_eq(metric(METRIC_dropped_response), 1);
	cr_expect_eq(metric(METRIC_dropped_oversize), 1);
	cr_expect_eq(metric(METRIC_batches), 0);
	end();
}

Test(receiver, a_client_outside_the_acl_gets_silence)
{
	begin_with("192.0.2.0/24", 1000, ON_OVERLOAD_REFUSED);
	say_query(1, RIG_QUERY_BYTES);
	run_and_stop();
	cr_expect_null(queue_pop(queue, 0, NULL, clock_mono_ns()));
	cr_expect_eq(metric(METRIC_dropped_acl), 1);
	cr_expect_not(rig_has(client, 0));
	end();
}

Test(receiver, a_burst_travels_in_batches)
{
	begin();
	for (uint16_t i = 0; i < 3 * BATCH_MAX; i++)
		say_query(i, RIG_QUERY_BYTES);
	run_and_stop();
	cr_expect_eq(metric(METRIC_batches), 3);
	struct batch *b = NULL;
	uint16_t id = 0;
	while ((b = queue_pop(queue, 0, b, clock_mono_ns()))) {
		for (unsigned i = 0; i < b->n; i++, id++)
			cr_expect_eq(b->datagrams[i]->data[1], id & 0xff);
	}
	cr_expect_eq(id, 3 * BATCH_MAX);
	end();
}

Test(receiver, what_is_dropped_leaves_room_for_others_in_the_same_batch)
{
	begin();
	for (uint16_t i = 0; i < 4 * BATCH_MAX; i++) {
		if (i % 2)
			say("short", 5);
		else
			say_query(i, RIG_QUERY_BYTES);
	}
	run_and_stop();
	struct batch *b = NULL;
	unsigned n = 0;
	while ((b = queue_pop(queue, 0, b, clock_mono_ns()))) {
		for (unsigned i = 0; i < b->n; i++, n++)
			cr_expect_eq(b->datagrams[i]->data[1], 2 * n);
	}
	cr_expect_eq(n, 2 * BATCH_MAX);
	end();
}

Test(receiver, what_a_full_queue_pushes_out_is_answered_as_configured)
{
	static const struct {
		enum on_overload action;
		int rcode; /* -1: silence */
	} cases[] = {
		{ ON_OVERLOAD_DROP, -1 },
		{ ON_OVERLOAD_SERVFAIL, RCODE_SERVFAIL },
		{ ON_OVERLOAD_REFUSED, RCODE_REFUSED },
	};

	for (size_t i = 0; i < 3; i++) {
		begin_with("127.0.0.0/8", BATCH_MAX, cases[i].action);
		for (uint16_t k = 0; k < 2 * BATCH_MAX; k++)
			say_query(k, RIG_QUERY_BYTES);
		run_and_stop();
		cr_expect_eq(metric(METRIC_shed_queue), BATCH_MAX);
		cr_expect_eq(metric(METRIC_shed_answered), cases[i].rcode == -1 ? 0 : BATCH_MAX);
		for (unsigned k = 0; cases[i].rcode != -1 && k < BATCH_MAX; k++) {
			uint8_t out[512];
			cr_expect_eq(rig_receive(client, out, sizeof out, NULL), RIG_QUERY_BYTES);
			cr_expect_eq(out[1], k, "the oldest are shed");
			cr_expect_eq(out[3] & 15, cases[i].rcode);
		}
		cr_expect_not(rig_has(client, 0));
		end();
	}
}

/* More than a small buffer holds, and a proper query: a padding option (RFC 7830) fills it. */
static void say_long_query(uint16_t id)
{
	enum { PADDING = 600 };
	static const uint8_t opt[15] = { 0, 0, 41, 0x10, 0, 0, 0, 0, 0, (PADDING + 4) >> 8,
		(PADDING + 4) & 0xff, 0, 12, PADDING >> 8, PADDING & 0xff };
	uint8_t data[RIG_QUERY_BYTES + sizeof opt + PADDING] = { 0 };

	rig_query(data, id);
	data[11] = 1;
	memcpy(data + RIG_QUERY_BYTES, opt, sizeof opt);
	say(data, sizeof data);
}

Test(receiver, without_large_buffers_a_long_query_is_shed)
{
	/* an eighth of the queue and of what is in hands: 8 + 2 x 4 x 32 */
	enum { N_LARGE = (8 + 2 * 4 * BATCH_MAX) / 8 };
	struct datagram *large[N_LARGE];

	begin_with("127.0.0.0/8", 8, ON_OVERLOAD_REFUSED);
	for (int i = 0; i < N_LARGE; i++)
		cr_assert_not_null(large[i] = queue_take_large(queue));
	say_long_query(1);
	say_query(2, RIG_QUERY_BYTES);
	run_and_stop();
	cr_expect_eq(metric(METRIC_shed_queue), 1);
	cr_expect_eq(metric(METRIC_shed_answered), 1);
	uint8_t out[5000];
	cr_expect_eq(rig_receive(client, out, sizeof out, NULL), RIG_QUERY_BYTES + 11 + 6 + 10,
		"with OPT and EDE");
	cr_expect_eq(out[1], 1);
	cr_expect_eq(out[3] & 15, RCODE_REFUSED);
	cr_expect_not(rig_has(client, 0));
	struct batch *b = queue_pop(queue, 0, NULL, clock_mono_ns());
	cr_assert_not_null(b);
	cr_expect_eq(b->n, 1);
	cr_expect_eq(b->datagrams[0]->data[1], 2);
	queue_give_back(queue, b);
	for (int i = 0; i < N_LARGE; i++)
		queue_give_datagram(queue, large[i]);
	end();
}

/* A worker that takes a little. Was it rationed? */
static bool take_batch(void)
{
	struct batch *b = queue_pop(queue, 0, NULL, clock_mono_ns());
	bool is_rationed = b && b->is_rationed;

	if (b)
		queue_give_back(queue, b);
	return is_rationed;
}

/* A queue that a worker lets stand, and a flood into it. */
Test(receiver, a_flood_is_shed_before_the_queue_and_answered_as_configured)
{
	enum { N = 2048 };
	unsigned n_answered = 0;
	bool is_rationed = false; /* any */
	uint8_t out[512];

	begin_with("127.0.0.0/8", 64, ON_OVERLOAD_REFUSED);
	cr_assert_eq(receiver_start(receiver), 0);
	for (int64_t end_ns = clock_mono_ns() + RIG_WAIT_MS * CLOCK_NS_PER_MS, i = 0;
		(metric(METRIC_shed_fair) < N || !is_rationed) && clock_mono_ns() < end_ns; i++) {
		say_query(1, RIG_QUERY_BYTES);
		if (i % (4 * BATCH_MAX) == 0)
			is_rationed |= take_batch();
		while (rig_has(client, 0)) {
			cr_assert_eq(rig_receive(client, out, sizeof out, NULL), RIG_QUERY_BYTES);
			cr_expect_eq(out[3] & 15, RCODE_REFUSED);
			n_answered++;
		}
	}
	receiver_stop(receiver);
	receiver_join(receiver);
	cr_expect_geq(metric(METRIC_shed_fair), N);
	cr_expect_eq(metric(METRIC_shed_answered),
		metric(METRIC_shed_fair) + metric(METRIC_shed_queue) + metric(METRIC_shed_delay));
	cr_expect_gt(n_answered, 0);
	cr_expect(is_rationed);
	end();
}

Test(receiver, a_running_one_wakes_the_consumer)
{
	begin();
	cr_expect_null(queue_pop(queue, 0, NULL, clock_mono_ns())); /* idle from now on */
	cr_assert_eq(receiver_start(receiver), 0);
	say_query(9, RIG_QUERY_BYTES);
	cr_assert(rig_has(wakeup, RIG_WAIT_MS), "not woken");
	struct batch *b = queue_pop(queue, 0, NULL, clock_mono_ns());
	cr_assert_not_null(b);
	cr_expect_eq(b->datagrams[0]->data[1], 9);
	queue_give_back(queue, b);
	receiver_stop(receiver);
	receiver_join(receiver);
	end();
}

/* ---- the intake of a worker that reads itself ---------------------------------------------------- */

Test(receiver, an_intake_steals_what_waits_long_enough)
{
	struct intake *intake = NULL;

	begin();
	struct intake_params p = {
		.listen_fds = listeners.listener[0].fds,
		.acl = acl,
		.queue = queue,
		.metrics = metrics,
		.fair = { .n_receivers = 1 },
		.steals = true,
	};
	cr_assert_eq(intake_new(&p, &intake), 0);
	int fd = listeners.listener[0].fds[0];
	cr_expect_not(intake_steal(intake, fd, 0, 0), "there is nothing");
	say_query(1, RIG_QUERY_BYTES);
	say_query(2, 600);
	cr_expect_not(intake_steal(intake, fd, 0, 100 * CLOCK_NS_PER_S), "it is too young");
	while (!intake_steal(intake, fd, 0, CLOCK_NS_PER_MS)) /* until it is old enough */
		sched_yield();
	cr_expect_gt(intake_waited_ns(intake), CLOCK_NS_PER_MS);
	cr_expect_eq(metric(METRIC_stolen), 2);
	cr_expect_eq(metric(METRIC_queries), 2);
	struct batch *b = queue_pop(queue, 0, NULL, clock_mono_ns());
	cr_assert_not_null(b);
	cr_expect_eq(b->n, 2);
	cr_expect_eq(b->datagrams[1]->len, 600);
	cr_expect_eq(b->datagrams[1]->origin.listener, 0);
	queue_give_back(queue, b);
	cr_expect_not(intake_steal(intake, fd, 0, 0), "it is empty again");
	intake_free(&intake);
	cr_expect_null(intake);
	end();
}

static void say_many(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		say_query((uint16_t)i, RIG_QUERY_BYTES);
}

/* The kernel begins to stamp a moment after the first socket asks for it; until then a datagram is
 * stamped when it is looked at, and is never old. */
static void await_stamps(void)
{
	int fd = listeners.listener[0].fds[0];
	int64_t end_ns = clock_mono_ns() + RIG_WAIT_MS * CLOCK_NS_PER_MS, waited_ns;
	struct inbox *in = NULL;
	uint8_t byte;

	cr_assert_eq(inbox_new(true, &in), 0);
	do {
		say("x", 1);
		clock_pause_ns(CLOCK_NS_PER_MS);
		waited_ns = inbox_waiting_ns(in, fd, clock_real_ns());
		cr_assert_eq(recv(fd, &byte, 1, 0), 1);
	} while (waited_ns < CLOCK_NS_PER_MS && clock_mono_ns() < end_ns);
	cr_assert_geq(waited_ns, CLOCK_NS_PER_MS);
	inbox_free(&in);
}

Test(receiver, while_clients_are_held_back_what_is_late_is_shed_before_it_is_judged)
{
	enum { FULL = 3 * BATCH_MAX };
	struct intake *intake = NULL;

	begin_with("127.0.0.0/8", 64, ON_OVERLOAD_DROP);
	struct intake_params p = params_of_intake(64, ON_OVERLOAD_DROP);
	p.fair.interval_ns = 3600 * CLOCK_NS_PER_S; /* nothing changes meanwhile */
	await_stamps();
	cr_assert_eq(intake_new(&p, &intake), 0);
	for (int64_t end_ns = clock_mono_ns() + RIG_WAIT_MS * CLOCK_NS_PER_MS;
		!intake_is_rationing(intake) && clock_mono_ns() < end_ns;) {
		/* in a tick a batch of one is taken */
		say_many(1);
		intake_read(intake, 0, 2);
		say_many(BATCH_MAX);
		intake_read(intake, 0, 2);
		take_batch();
		clock_pause_ns(FAIR_TICK_NS);
	}
	cr_assert(intake_is_rationing(intake));
	for (int turn = 0; turn < 2; turn++) {
		bool is_in_turns = turn == 1;
		uint64_t before = metric(METRIC_shed_delay), fair_before = metric(METRIC_shed_fair);

		say_many(FULL + 1);
		int64_t said_ns = clock_mono_ns();
		while (clock_mono_ns() < said_ns + 3 * TARGET_MS * CLOCK_NS_PER_MS)
			sched_yield(); /* until all of it is late */
		while (intake_read(intake, 0, is_in_turns ? 1 : 2 * FULL))
			;
		uint64_t n_late = metric(METRIC_shed_delay) - before;
		uint64_t n_judged = metric(METRIC_shed_fair) - fair_before;
		/* of the last batch of a turn, and of the last there is, nothing is late */
		cr_expect_eq(n_late, is_in_turns ? 0 : FULL, "turn %d: %d", turn, (int)n_late);
		cr_expect_geq(n_judged, is_in_turns ? FULL / 2 : 0);
	}
	intake_free(&intake);
	end();
}
