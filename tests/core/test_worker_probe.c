/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of probes: they go by the traffic's sockets in turn, and a socket that is dead while its
 * server lives is replaced. */
#include <criterion/criterion.h>
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

TestSuite(worker_probe, .init = setup, .fini = finish);

static void probe(uint16_t server, uint32_t serial)
{
	const struct probe_order order = world_probe_order(server, serial);

	worker_probe(w->worker, w->now_ns, &order, WORKER_SOCKET_NONE);
}

/* The repetition of a probe that `silent` did not answer. */
static uint16_t repeat(uint16_t server, uint16_t silent)
{
	struct probe_order order = world_probe_order(server, 2);

	order.is_fresh = true;
	order.replaces = silent;
	return world_probe_fresh(w, &order);
}

static const struct probe_result *last_result(void)
{
	cr_assert_gt(w->n_results, 0, "no result");
	return &w->results[w->n_results - 1];
}

static bool carries_traffic(uint16_t server, uint16_t socket)
{
	const uint16_t *row = &w->worker->row[server * w->params.worker.sockets_per_server];

	for (uint16_t i = 0; i < w->worker->servers[server].n_sockets; i++) {
		if (row[i] == socket)
			return true;
	}
	return false;
}

Test(worker_probe, an_answer_is_reported_with_its_rcode)
{
	probe(1, 77);
	cr_expect_eq(world_sent(w, 0)->server, 1);
	cr_expect_eq(w->n_results, 0);
	world_reply(w, RCODE_REFUSED);
	const struct probe_result *r = last_result();
	cr_expect_eq(r->outcome, PROBE_ANSWERED);
	cr_expect_eq(r->rcode, RCODE_REFUSED);
	cr_expect_eq(r->serial, 77);
	cr_expect_eq(r->server, 1);
	cr_expect_eq(r->worker, 3);
	cr_expect_eq(r->socket, world_sent(w, 0)->socket);
	cr_expect_not(r->is_fresh);
	world_expect_silence(w);
}

Test(worker_probe, a_probe_is_no_query_in_any_count)
{
	probe(0, 1);
	cr_expect_eq(worker_queries(w->worker), 0);
	cr_expect_eq(world_outstanding(w), 0);
	world_reply(w, RCODE_NOERROR);
	world_expect_metric(w, attempts, 0);
	world_expect_metric(w, answered_server, 0);
	cr_expect_eq(world_server_metric(w, 0, SERVER_METRIC_queries), 0);
	cr_expect_eq(world_server_metric(w, 0, SERVER_METRIC_replies), 0);
	cr_expect_eq(w->quota.left + w->worker->credit, (int32_t)w->params.pending_max);
}

Test(worker_probe, probes_take_the_traffics_sockets_in_turn)
{
	unsigned n[64] = { 0 };

	for (uint32_t i = 0; i < 12; i++) {
		probe(0, i);
		n[world_sent(w, 0)->socket]++;
		cr_expect(carries_traffic(0, world_sent(w, 0)->socket));
		world_reply(w, RCODE_NOERROR);
	}
	for (uint16_t i = 0; i < w->worker->n_sockets; i++)
		cr_expect_eq(n[i], carries_traffic(0, i) ? 3 : 0, "socket %u: %u", i, n[i]);
}

Test(worker_probe, silence_times_out)
{
	probe(0, 5);
	world_advance_us(w, 999999);
	cr_expect_eq(w->n_results, 0);
	world_advance_ms(w, 2);
	cr_expect_eq(last_result()->outcome, PROBE_TIMED_OUT);
	cr_expect_eq(last_result()->serial, 5);
	world_reply(w, RCODE_NOERROR); /* too late */
	cr_expect_eq(w->n_results, 1);
	world_expect_metric(w, replies_unmatched, 1);
	world_expect_metric(w, attempt_timeouts, 0);
}

Test(worker_probe, a_send_error_means_unreachable)
{
	probe(0, 5);
	world_send_failed(w, world_sent(w, 0));
	cr_expect_eq(last_result()->outcome, PROBE_UNREACHABLE);
	world_expect_metric(w, attempt_errors, 0);
	world_expect_silence(w);
}

Test(worker_probe, a_forged_reply_does_not_end_a_probe)
{
	probe(0, 5);
	struct message m = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	m.data[13] = 1; /* the type */
	world_deliver(w, world_sent(w, 0), &m);
	m = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	struct addr other = world_server_address(1);
	world_deliver_from(w, world_sent(w, 0)->socket, &other, &m);
	cr_expect_eq(w->n_results, 0);
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(w->n_results, 1);
}

Test(worker_probe, a_server_without_sockets_is_given_some)
{
	struct world_params p = world_defaults();

	world_finish(&w);
	p.without_sockets = true;
	w = world_new(&p);
	probe(0, 5);
	cr_expect_eq(w->n_wanted, 1);
	cr_expect_eq(last_result()->outcome, PROBE_UNREACHABLE);
	cr_expect_eq(last_result()->socket, WORKER_SOCKET_NONE);
	cr_expect_eq(w->n_sent, 0);
	w->can_open = true;
	probe(0, 6);
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0);
}

/* ---- the repetition by a fresh socket --------------------------------------------------------------- */

Test(worker_probe, a_fresh_socket_that_is_answered_replaces_the_silent_one)
{
	probe(0, 1);
	uint16_t silent = world_sent(w, 0)->socket;
	world_advance_ms(w, 1001);
	uint16_t fresh = repeat(0, silent);
	cr_expect_eq(world_sent(w, 0)->socket, fresh);
	cr_expect_not(carries_traffic(0, fresh), "not before it is answered");
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_expect(last_result()->is_fresh);
	cr_expect(carries_traffic(0, fresh));
	cr_expect_not(carries_traffic(0, silent));
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], silent);
}

Test(worker_probe, the_silent_socket_closes_only_when_its_attempts_end)
{
	world_server_state(w, 1, SERVER_DOWN);
	world_query(w, "example.com", A, 5, 1);
	struct world_sent query = *world_sent(w, 0);
	uint16_t fresh = repeat(0, query.socket);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(0, fresh));
	cr_expect_eq(w->n_unused, 0, "closed under a query");
	for (uint16_t i = 0; i < 20; i++) { /* no new attempt goes by it */
		world_query(w, "example.org", A, i, 2);
		cr_expect_neq(world_sent(w, 0)->socket, query.socket);
	}
	struct message m = world_make_reply(&query, RCODE_NOERROR);
	world_deliver(w, &query, &m);
	world_expect_answer(w, 1, 5, RCODE_NOERROR);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], query.socket);
}

Test(worker_probe, a_retired_socket_closes_at_its_queries_deadline)
{
	world_server_state(w, 1, SERVER_DOWN);
	world_query(w, "example.com", A, 5, 1);
	uint16_t silent = world_sent(w, 0)->socket;
	repeat(0, silent);
	world_reply(w, RCODE_NOERROR);
	world_advance_ms(w, 3001);
	world_expect_answer(w, 1, 5, RCODE_SERVFAIL);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], silent);
}

Test(worker_probe, a_fresh_socket_that_fails_is_closed)
{
	probe(0, 1);
	uint16_t silent = world_sent(w, 0)->socket;
	world_advance_ms(w, 1001);
	for (int i = 0; i < 2; i++) {
		uint16_t fresh = repeat(0, silent);
		if (i == 0)
			world_advance_ms(w, 1001);
		else
			world_send_failed(w, world_sent(w, 0));
		cr_expect_eq(last_result()->outcome, i == 0 ? PROBE_TIMED_OUT : PROBE_UNREACHABLE);
		cr_expect(last_result()->is_fresh);
		cr_assert_eq(w->n_unused, (size_t)i + 1);
		cr_expect_eq(w->unused[i], fresh);
		cr_expect(carries_traffic(0, silent), "the old socket stays: the server is dead");
	}
}

Test(worker_probe, a_fresh_socket_that_could_not_be_opened_is_unreachable)
{
	struct probe_order order = world_probe_order(0, 2);

	order.is_fresh = true;
	worker_probe(w->worker, w->now_ns, &order, WORKER_SOCKET_NONE);
	cr_expect_eq(last_result()->outcome, PROBE_UNREACHABLE);
	cr_expect(last_result()->is_fresh);
	cr_expect_eq(w->n_unused, 0);
}

Test(worker_probe, a_fresh_socket_fills_the_row_of_a_server_that_had_none)
{
	struct world_params p = world_defaults();

	world_finish(&w);
	p.without_sockets = true;
	w = world_new(&p);
	uint16_t fresh = repeat(0, WORKER_SOCKET_NONE);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(0, fresh));
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 3);
	cr_expect_eq(w->n_unused, 0);
}

Test(worker_probe, a_fresh_socket_too_many_is_closed)
{
	uint16_t fresh = repeat(0, 60); /* the silent one is gone, and the row is full again */

	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], fresh);
}

Test(worker_probe, another_servers_socket_is_never_retired)
{
	uint16_t theirs = w->worker->row[4];

	cr_assert(carries_traffic(1, theirs));
	repeat(0, theirs);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(1, theirs));
}

Test(worker_probe, a_fresh_socket_on_trial_is_never_taken_for_the_silent_one)
{
	worker_socket_drop(w->worker, w->worker->row[1]); /* there is room for both */
	worker_socket_drop(w->worker, w->worker->row[1]);
	w->can_open = false;
	uint16_t first = repeat(0, WORKER_SOCKET_NONE);
	struct world_sent probe_of_first = *world_sent(w, 0);

	repeat(0, first); /* an order that came late: the number has a new tenant */
	world_reply(w, RCODE_NOERROR);
	struct message m = world_make_reply(&probe_of_first, RCODE_NOERROR);
	world_deliver(w, &probe_of_first, &m);
	cr_expect_eq(w->n_results, 2);
	for (uint16_t i = 0; i < w->worker->n_sockets; i++)
		cr_expect(w->worker->sockets[i].is_open || !carries_traffic(0, i), "socket %u", i);
}

Test(worker_probe, give_up_ends_probes_too)
{
	probe(0, 1);
	repeat(1, 0);
	worker_give_up(w->worker, w->now_ns);
	cr_expect_eq(w->n_results, 2);
	cr_expect_eq(pending_count(w->shard), 0);
}
