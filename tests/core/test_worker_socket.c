/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of sockets and limits: how queries spread over the sockets to a server, that IDs stay
 * apart and unpredictable, and what happens when there is no room. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/worker.h"
#include "core/world.h"

static struct world *w;

static void setup(void)
{
	const struct world_params p = world_defaults();

	w = world_new(&p);
}

static void finish(void)
{
	world_finish(&w);
}

TestSuite(worker_socket, .init = setup, .fini = finish);

static void begin(const struct world_params *p)
{
	world_finish(&w);
	w = world_new(p);
}

/* ---- sockets ---------------------------------------------------------------------------------------- */

Test(worker_socket, a_batch_uses_one_socket_per_server)
{
	uint16_t used[2] = { 0, 0 };
	bool has[2] = { false, false };

	world_query_batch(w, WORLD_BATCH_MAX, 0, 1);
	cr_assert_eq(w->n_sent, WORLD_BATCH_MAX);
	for (size_t i = 0; i < w->n_sent; i++) {
		const struct world_sent *s = &w->sent[i];
		cr_expect(!has[s->server] || used[s->server] == s->socket);
		used[s->server] = s->socket;
		has[s->server] = true;
	}
	cr_expect(has[0] && has[1]);
}

Test(worker_socket, batches_use_all_sockets)
{
	unsigned n[64] = { 0 };

	for (uint16_t i = 0; i < 400; i++) {
		world_query(w, "example.com", A, i, 1);
		n[world_sent(w, 0)->socket]++;
	}
	for (int i = 0; i < 8; i++)
		cr_expect_gt(n[i], 25, "socket %d: %u of 400", i, n[i]);
}

Test(worker_socket, live_ids_of_a_socket_never_collide)
{
	static bool is_used[65536];
	struct world_params p = world_defaults();

	p.n_servers = 1;
	p.worker.sockets_per_server = 1;
	p.max_outstanding = p.pending_max = 8000;
	begin(&p);
	for (uint16_t i = 0; i < 250; i++)
		world_query_batch(w, WORLD_BATCH_MAX, (uint16_t)(i * WORLD_BATCH_MAX), 1);
	cr_assert_eq(w->n_sent, 8000);
	for (size_t i = 0; i < w->n_sent; i++) {
		cr_expect_not(is_used[w->sent[i].id], "ID %u twice", w->sent[i].id);
		is_used[w->sent[i].id] = true;
	}
}

Test(worker_socket, a_server_without_sockets_costs_servfail_and_is_given_some)
{
	struct world_params p = world_defaults();
	struct message m = message_query("example.com", A, 5);

	p.without_sockets = true;
	begin(&p);
	message_opt(&m, 1232, 0, NULL, 0);
	world_take(w, &m, 1);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_SERVFAIL);
	cr_expect_eq(message_ede_of(a->data, a->len), EDE_NETWORK_ERROR);
	world_expect_metric(w, answered_unreachable, 1);
	world_expect_metric(w, attempt_errors, 2);
	world_expect_metric(w, attempts, 0);
	cr_expect_eq(w->n_wanted, 2, "both servers are tried");
	w->can_open = true;
	world_take(w, &m, 1);
	cr_expect_eq(w->n_sent, 1);
}

Test(worker_socket, full_sockets_mean_overload)
{
	struct world_params p = world_defaults();

	p.worker.on_overload = ON_OVERLOAD_REFUSED;
	begin(&p);
	for (uint16_t i = 0; i < w->worker->n_sockets; i++)
		w->worker->sockets[i].in_flight += WORKER_SOCKET_IN_FLIGHT_MAX;
	struct message m = message_query("example.com", A, 5);
	world_take(w, message_opt(&m, 1232, 0, NULL, 0), 1);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_REFUSED);
	cr_expect(message_ede_is(a->data, a->len, 0, "overloaded"));
	world_expect_metric(w, shed_limit, 1);
	cr_expect_eq(world_outstanding(w), 0);
	w->worker->sockets[w->worker->row[2]].in_flight = 0; /* one of a's has room */
	world_server_state(w, 1, SERVER_DOWN);
	world_query(w, "example.com", A, 5, 1);
	cr_expect_eq(world_sent(w, 0)->socket, w->worker->row[2]);
	world_reply(w, RCODE_NOERROR);
	for (uint16_t i = 0; i < w->worker->n_sockets; i++)
		w->worker->sockets[i].in_flight = 0;
}

Test(worker_socket, numbers_come_back)
{
	uint16_t n = w->worker->n_sockets, last = 0;

	cr_expect_eq(worker_socket_add(w->worker, 0, false), WORKER_SOCKET_NONE, "the row is full");
	for (unsigned i = 8; i < n; i++) {
		last = worker_socket_add(w->worker, 0, true);
		cr_assert_neq(last, WORKER_SOCKET_NONE, "%u of %u", i, n);
	}
	cr_expect_eq(worker_socket_add(w->worker, 0, true), WORKER_SOCKET_NONE);
	worker_socket_drop(w->worker, last);
	cr_expect_eq(worker_socket_add(w->worker, 1, true), last);
}

Test(worker_socket, a_dropped_number_leaves_the_row)
{
	uint16_t socket = w->worker->row[1];

	w->can_open = false;
	worker_socket_drop(w->worker, socket);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 1);
	world_server_state(w, 1, SERVER_DOWN);
	for (uint16_t i = 0; i < 50; i++) {
		world_query(w, "example.com", A, i, 1);
		cr_expect_neq(world_sent(w, 0)->socket, socket);
	}
}

Test(worker_socket, one_that_is_missing_is_wanted_once_per_batch)
{
	worker_socket_drop(w->worker, w->worker->row[1]);
	world_server_state(w, 1, SERVER_DOWN);
	w->can_open = false;
	world_query_batch(w, WORLD_BATCH_MAX, 0, 1);
	cr_expect_eq(w->n_sent, WORLD_BATCH_MAX, "the others still serve");
	cr_expect_eq(w->n_wanted, 1);
	w->can_open = true;
	world_query(w, "example.com", A, 999, 1);
	cr_expect_eq(w->n_wanted, 2);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0);
	world_query(w, "example.com", A, 1000, 1);
	cr_expect_eq(w->n_wanted, 2, "a full row wants nothing");
}

/* ---- limits ------------------------------------------------------------------------------------------- */

Test(worker_socket, what_is_out_with_all_is_summed_anew_for_each_batch)
{
	struct world_params p = world_defaults();

	p.policy = POLICY_HASH;
	begin(&p);
	for (unsigned i = 1; i <= 3; i++) {
		for (unsigned k = 0; k < 100; k++) /* asked by another worker */
			cr_assert(server_reserve(&w->pool->servers[0]) &&
				  server_reserve(&w->pool->servers[1]));
		world_query_batch(w, 10, (uint16_t)(100 * i), 1);
		cr_expect_eq(w->worker->load.outstanding, i * 210);
	}
	for (size_t s = 0; s < 2; s++)
		server_release(&w->pool->servers[s], 300);
}

Test(worker_socket, max_outstanding_is_exact_and_comes_back)
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
		struct world_params p = world_defaults();
		p.max_outstanding = 5;
		p.worker.on_overload = cases[i].action;
		begin(&p);
		world_query_batch(w, 11, 100, 1);
		cr_expect_eq(w->n_sent, 10, "two servers with five places each");
		world_expect_metric(w, shed_limit, 1);
		world_expect_metric(w, shed_answered, cases[i].rcode != -1);
		if (cases[i].rcode != -1)
			world_expect_answer(w, 1, 110, (unsigned)cases[i].rcode);
		world_expect_silence(w);
		world_expect_balance(w);
		world_reply(w, RCODE_NOERROR);
		world_query(w, "example.com", A, 5, 2);
		cr_expect_eq(w->n_sent, 11, "the place came back");
		world_query(w, "example.com", A, 6, 2);
		cr_expect_eq(w->n_sent, 11);
	}
}

Test(worker_socket, pending_max_is_exact_and_comes_back)
{
	static const uint32_t limits[] = { 1, 2, 17, 100 };

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct world_params p = world_defaults();
		p.pending_max = limits[i];
		begin(&p);
		for (int round = 0; round < 3; round++) {
			world_forget(w);
			for (uint16_t k = 0; k < 128 / WORLD_BATCH_MAX; k++)
				world_query_batch(
					w, WORLD_BATCH_MAX, (uint16_t)(k * WORLD_BATCH_MAX), 1);
			cr_expect_eq(w->n_sent, limits[i], "limit %u, round %d", limits[i], round);
			cr_expect_eq(world_outstanding(w), limits[i]);
			world_advance_ms(w, 3001);
		}
		world_expect_metric(w, shed_limit, 3 * (128 - limits[i]));
		world_expect_balance(w);
	}
}

Test(worker_socket, no_room_for_another_long_query_is_overload)
{
	struct world_params p = world_defaults();
	struct message m = message_query("example.com", A, 5);

	p.places = 0;
	p.pending_max = 200; /* of them 64 may be over 512 bytes */
	p.worker.on_overload = ON_OVERLOAD_SERVFAIL;
	begin(&p);
	message_pad(&m, 600);
	for (unsigned client = 1; client <= 65; client++)
		world_take(w, &m, client);
	cr_expect_eq(w->n_sent, 64);
	world_expect_answer(w, 65, 5, RCODE_SERVFAIL);
	world_expect_metric(w, shed_limit, 1);
	cr_expect_eq(world_outstanding(w), 64);
	world_query(w, "example.com", A, 5, 66);
	cr_expect_eq(w->n_sent, 65, "short ones still have room");
}

/* ---- memory and traces ---------------------------------------------------------------------------------- */

static void load_of_many(void)
{
	for (unsigned i = 0; i < WORKER_TRIM_OVER / WORLD_BATCH_MAX + 1; i++)
		world_query_batch(w, WORLD_BATCH_MAX, (uint16_t)(i * WORLD_BATCH_MAX), 1);
}

Test(worker_socket, memory_goes_back_after_load)
{
	for (uint16_t i = 0; i < WORKER_TRIM_OVER; i++)
		world_query(w, "example.com", A, i, 1);
	cr_expect_eq(w->worker->trim_ns, INT64_MAX, "not for a small load");
	world_advance_ms(w, 3001);
	cr_expect_eq(w->n_trims, 0);
	load_of_many();
	world_advance_ms(w, WORKER_TRIM_AFTER_MS - 1);
	cr_expect_eq(w->n_trims, 0);
	world_advance_ms(w, 1); /* under load still: once more later */
	cr_expect_eq(w->n_trims, 1);
	w->trim_is_done = false;
	world_advance_ms(w, 2 * WORKER_TRIM_AFTER_MS);
	cr_expect_eq(w->n_trims, 3);
	w->trim_is_done = true;
	world_advance_ms(w, 10000); /* until they have waited for 3000 */
	cr_expect_eq(w->n_trims, 3000 / WORKER_TRIM_AFTER_MS);
	cr_expect_eq(worker_next_ns(w->worker), INT64_MAX);
}

/* What was queued, and the replies, took memory as well. */
Test(worker_socket, memory_goes_back_after_a_burst_that_left_little_pending)
{
	for (uint16_t i = 0; i <= WORKER_TRIM_OVER / 2; i++) {
		cr_expect_eq(w->worker->trim_ns, INT64_MAX, "not for a small load");
		world_query(w, "example.com", A, i, 1);
		world_reply(w, RCODE_NOERROR);
	}
	world_advance_ms(w, WORKER_TRIM_AFTER_MS - 1);
	cr_expect_eq(w->n_trims, 0);
	world_advance_ms(w, 1);
	cr_expect_eq(w->n_trims, 1);
	world_advance_ms(w, WORKER_TRIM_AFTER_MS); /* once more, for it might have gone on */
	cr_expect_eq(w->n_trims, 2);
	cr_expect_eq(worker_next_ns(w->worker), INT64_MAX, "nothing came since");
	for (uint16_t i = 0; i < 3 * WORKER_TRIM_OVER; i++) { /* it goes on */
		world_query(w, "example.com", A, i, 1);
		world_reply(w, RCODE_NOERROR);
		world_advance_us(w, WORKER_TRIM_AFTER_MS);
	}
	world_advance_ms(w, 10000);
	cr_expect_geq(w->n_trims, 4);
	cr_expect_leq(w->n_trims, 5);
	cr_expect_eq(worker_next_ns(w->worker), INT64_MAX);
}

Test(worker_socket, a_trace_tells_what_happened)
{
	static const struct {
		enum worker_event_kind kind;
		unsigned rcode;
		bool has_reason;
	} expected[] = {
		{ WORKER_EVENT_QUERY, 0, false },
		{ WORKER_EVENT_MERGED, 0, false },
		{ WORKER_EVENT_ANSWERED, RCODE_NXDOMAIN, false },
		{ WORKER_EVENT_QUERY, 0, false },
		{ WORKER_EVENT_SELF, RCODE_SERVFAIL, true },
		{ WORKER_EVENT_SELF, RCODE_NOTIMP, true },
	};
	struct world_params p = world_defaults();
	struct message m = message_query("example.com", A, 7);

	p.trace = true;
	p.worker.case_randomize = true;
	begin(&p);
	world_query(w, "example.com", A, 5, 1);
	world_query(w, "example.com", A, 5, 1);
	world_advance_ms(w, 3);
	world_reply(w, RCODE_NXDOMAIN);
	world_query(w, "example.com", A, 6, 1);
	world_advance_ms(w, 3001);
	world_take(w, message_opcode(&m, 2), 1);
	cr_assert_eq(w->n_events, sizeof expected / sizeof expected[0]);
	for (size_t i = 0; i < w->n_events; i++) {
		cr_expect_eq(w->events[i].kind, expected[i].kind, "event %zu", i);
		cr_expect_eq(w->events[i].rcode, expected[i].rcode, "event %zu", i);
		cr_expect_eq(w->events[i].reason != NULL, expected[i].has_reason, "event %zu", i);
	}
	cr_expect_eq(w->events[2].elapsed_us, 3000);
	cr_expect_eq(w->events[0].server, (int)w->sent[0].server);
}
