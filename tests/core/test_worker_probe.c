/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of probes: they go by the traffic's sockets in turn, and sockets that are dead while their
 * server lives are replaced, all of them. */
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

	worker_probe(w->worker, w->now_ns, &order, WORKER_SOCKET_NONE, PROBE_UNREACHABLE);
}

/* The same probe by a fresh socket; returns it. */
static uint16_t repeat_as(uint16_t server, uint32_t serial)
{
	struct probe_order order = world_probe_order(server, serial);

	order.is_fresh = true;
	return world_probe_fresh(w, &order);
}

/* Of a probe of which this world knows nothing else. */
static uint16_t repeat(uint16_t server)
{
	return repeat_as(server, 2);
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
	world_advance_us(w, 12345);
	world_reply(w, RCODE_REFUSED);
	const struct probe_result *r = last_result();
	cr_expect_eq(r->outcome, PROBE_ANSWERED);
	cr_expect_eq(r->rcode, RCODE_REFUSED);
	cr_expect_eq(r->took_us, 12345);
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

Test(worker_probe, no_room_to_send_says_nothing_of_the_server)
{
	probe(0, 5);
	world_send_no_room(w, world_sent(w, 0));
	cr_expect_eq(last_result()->outcome, PROBE_NOT_SENT);
	cr_expect_eq(last_result()->serial, 5);
	cr_expect_not(last_result()->is_fresh);
	world_expect_metric(w, shed_limit, 0);
	world_expect_silence(w);
	uint16_t fresh = repeat(0);
	world_send_no_room(w, world_sent(w, 0));
	cr_expect_eq(last_result()->outcome, PROBE_NOT_SENT);
	cr_expect(last_result()->is_fresh);
	cr_assert_eq(w->n_unused, 1, "the fresh socket stays open");
	cr_expect_eq(w->unused[0], fresh);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0);
}

Test(worker_probe, without_a_slot_it_is_not_sent)
{
	struct world_params p = world_defaults();

	world_finish(&w);
	p.places = 0;
	p.pending_max = 2;
	w = world_new(&p);
	for (uint32_t i = 0; w->n_results == 0; i++)
		probe(0, i);
	cr_expect_eq(last_result()->outcome, PROBE_NOT_SENT);
	size_t n_sent = w->n_sent;
	uint16_t fresh = repeat(0);
	cr_expect_eq(w->n_sent, n_sent);
	cr_expect_eq(last_result()->outcome, PROBE_NOT_SENT);
	cr_assert_eq(w->n_unused, 1, "the fresh socket stays open");
	cr_expect_eq(w->unused[0], fresh);
}

Test(worker_probe, a_server_that_lacks_some_sockets_is_given_them)
{
	worker_socket_drop(w->worker, w->worker->row[1]);
	probe(0, 1);
	cr_expect_eq(w->n_wanted, 1);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0);
	probe(0, 2);
	cr_expect_eq(w->n_wanted, 1);
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

Test(worker_probe, a_fresh_socket_that_is_answered_replaces_all_of_the_servers)
{
	uint16_t old[4], theirs[4];

	memcpy(old, w->worker->row, sizeof old);
	memcpy(theirs, w->worker->row + 4, sizeof theirs);
	probe(0, 1);
	world_advance_ms(w, 1001);
	uint16_t fresh = repeat(0);
	cr_expect_eq(world_sent(w, 0)->socket, fresh);
	cr_expect_not(carries_traffic(0, fresh), "not before it is answered");
	cr_expect_eq(w->n_unused, 0);
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_expect(last_result()->is_fresh);
	cr_expect_eq(last_result()->socket, fresh);
	cr_expect(carries_traffic(0, fresh));
	cr_assert_eq(w->n_unused, 4);
	for (int i = 0; i < 4; i++) {
		bool is_closed = false;
		for (size_t k = 0; k < w->n_unused; k++)
			is_closed |= w->unused[k] == old[i];
		cr_expect(is_closed, "socket %u stays", old[i]);
		cr_expect(carries_traffic(1, theirs[i]), "socket %u of another server", theirs[i]);
	}
	cr_expect_eq(w->n_wanted, 1);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0, "new ones take their place");
}

Test(worker_probe, a_fresh_socket_carries_all_when_no_others_can_be_made)
{
	world_server_state(w, 1, SERVER_DOWN);
	uint16_t fresh = repeat(0);
	w->can_open = false;
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(w->n_wanted, 1);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 3);
	for (uint16_t i = 0; i < 20; i++) {
		world_query(w, "example.org", A, i, 2);
		cr_expect_eq(world_sent(w, 0)->socket, fresh);
	}
	w->can_open = true;
	world_query(w, "example.org", A, 20, 2);
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 0);
}

Test(worker_probe, retired_sockets_close_as_their_attempts_end)
{
	struct world_sent old[40];
	size_t n_used = 0;

	world_server_state(w, 1, SERVER_DOWN);
	for (uint16_t i = 0; i < 40; i++) {
		world_query(w, "example.com", A, i, 1);
		old[i] = *world_sent(w, 0);
	}
	for (int k = 0; k < 4; k++)
		n_used += w->worker->sockets[w->worker->row[k]].in_flight > 0;
	cr_assert_geq(n_used, 2);
	uint16_t fresh = repeat(0);
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(w->n_unused, 4 - n_used, "closed under a query");
	for (uint16_t i = 0; i < 40; i++) { /* no new attempt goes by them */
		world_query(w, "example.org", A, i, 2);
		for (int k = 0; k < 40; k++)
			cr_expect_neq(world_sent(w, 0)->socket, old[k].socket);
	}
	for (uint16_t i = 0; i < 40; i++) { /* they still deliver */
		struct message m = world_make_reply(&old[i], RCODE_NOERROR);
		world_deliver(w, &old[i], &m);
		world_expect_answer(w, 1, i, RCODE_NOERROR);
	}
	cr_expect_eq(w->n_unused, 4);
	cr_expect(carries_traffic(0, fresh));
}

Test(worker_probe, a_retired_socket_closes_at_its_queries_deadline)
{
	world_server_state(w, 1, SERVER_DOWN);
	world_query(w, "example.com", A, 5, 1);
	uint16_t silent = world_sent(w, 0)->socket;
	repeat(0);
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(w->n_unused, 3);
	world_advance_ms(w, 3001);
	world_expect_answer(w, 1, 5, RCODE_SERVFAIL);
	cr_assert_eq(w->n_unused, 4);
	cr_expect_eq(w->unused[3], silent);
}

Test(worker_probe, a_fresh_socket_that_fails_is_closed)
{
	uint16_t old[4];

	memcpy(old, w->worker->row, sizeof old);
	for (int i = 0; i < 2; i++) {
		uint16_t fresh = repeat(0);
		if (i == 0)
			world_advance_ms(w, 1001);
		else
			world_send_failed(w, world_sent(w, 0));
		cr_expect_eq(last_result()->outcome, i == 0 ? PROBE_TIMED_OUT : PROBE_UNREACHABLE);
		cr_expect(last_result()->is_fresh);
		cr_assert_eq(w->n_unused, (size_t)i + 1);
		cr_expect_eq(w->unused[i], fresh);
		cr_expect_arr_eq(w->worker->row, old, sizeof old, "the old ones stay");
	}
	cr_expect_eq(w->n_wanted, 0);
}

Test(worker_probe, a_fresh_socket_that_could_not_be_opened_is_told_as_what_it_was)
{
	static const enum probe_outcome failures[] = { PROBE_UNREACHABLE, PROBE_NOT_SENT };
	struct probe_order order = world_probe_order(0, 2);

	order.is_fresh = true;
	for (size_t i = 0; i < 2; i++) {
		worker_probe(w->worker, w->now_ns, &order, WORKER_SOCKET_NONE, failures[i]);
		cr_assert_eq(w->n_results, i + 1);
		cr_expect_eq(last_result()->outcome, failures[i]);
		cr_expect(last_result()->is_fresh);
	}
	cr_expect_eq(w->n_unused, 0);
	cr_expect_eq(w->n_sent, 0);
}

Test(worker_probe, a_fresh_socket_fills_the_row_of_a_server_that_had_none)
{
	struct world_params p = world_defaults();

	world_finish(&w);
	p.without_sockets = true;
	w = world_new(&p);
	uint16_t fresh = repeat(0);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(0, fresh));
	cr_expect_eq(worker_sockets_missing(w->worker, 0), 3);
	cr_expect_eq(w->n_unused, 0);
}

Test(worker_probe, of_two_fresh_sockets_the_last_that_is_answered_stays)
{
	w->can_open = false;
	uint16_t first = repeat(0);
	struct world_sent probe_of_first = *world_sent(w, 0);

	uint16_t second = repeat(0);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(0, second));
	struct message m = world_make_reply(&probe_of_first, RCODE_NOERROR);
	world_deliver(w, &probe_of_first, &m);
	cr_expect_eq(w->n_results, 2);
	cr_expect(carries_traffic(0, first));
	cr_expect_not(carries_traffic(0, second));
	for (uint16_t i = 0; i < w->worker->n_sockets; i++)
		cr_expect(w->worker->sockets[i].is_open || !carries_traffic(0, i), "socket %u", i);
}

Test(worker_probe, a_late_answer_by_an_old_socket_replaces_nothing)
{
	probe(0, 1);
	struct world_sent slow = *world_sent(w, 0);
	world_advance_ms(w, 900);
	struct message m = world_make_reply(&slow, RCODE_NOERROR);
	world_deliver(w, &slow, &m);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_expect_eq(w->n_unused, 0);
	cr_expect_eq(w->n_wanted, 0);
}

/* ---- both out at once ------------------------------------------------------------------------------- */

static void answer(const struct world_sent *sent, unsigned rcode)
{
	struct message m = world_make_reply(sent, rcode);

	world_deliver(w, sent, &m);
}

Test(worker_probe, a_slow_server_keeps_its_sockets)
{
	uint16_t old[4];

	memcpy(old, w->worker->row, sizeof old);
	probe(0, 7);
	struct world_sent first = *world_sent(w, 0);
	world_advance_ms(w, 333);
	uint16_t fresh = repeat_as(0, 7);
	struct world_sent second = *world_sent(w, 0);
	world_advance_ms(w, 200);
	answer(&first, RCODE_NOERROR);
	world_advance_ms(w, 333);
	answer(&second, RCODE_NOERROR);
	cr_assert_eq(w->n_results, 2);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_expect(last_result()->is_fresh);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], fresh);
	cr_expect_arr_eq(w->worker->row, old, sizeof old);
	cr_expect_eq(w->n_wanted, 0);
}

Test(worker_probe, while_other_sockets_are_answered_only_the_one_that_was_not_is_replaced)
{
	probe(0, 7);
	struct world_sent first = *world_sent(w, 0);
	world_advance_ms(w, 100);
	for (uint16_t i = 0; i < 2; i++) { /* one at each server */
		world_query(w, "example.com", A, i, 1);
		world_reply(w, RCODE_NOERROR);
	}
	world_advance_ms(w, 233);
	uint16_t fresh = repeat_as(0, 7);
	world_reply(w, RCODE_NOERROR);
	cr_expect_eq(last_result()->outcome, PROBE_ANSWERED);
	cr_expect_not(last_result()->took_over);
	cr_assert_eq(w->n_unused, 0, "its probe is still waited for");
	cr_expect(carries_traffic(0, fresh));
	cr_expect_not(carries_traffic(0, first.socket));
	cr_expect_eq(w->worker->servers[0].n_sockets, 4);
	world_advance_ms(w, 1000);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], first.socket);
}

Test(worker_probe, an_answer_with_any_rcode_shows_that_the_socket_lives)
{
	probe(0, 7);
	struct world_sent first = *world_sent(w, 0);
	uint16_t fresh = repeat_as(0, 7);
	struct world_sent second = *world_sent(w, 0);

	answer(&first, RCODE_SERVFAIL);
	answer(&second, RCODE_NOERROR);
	cr_assert_eq(w->n_unused, 1);
	cr_expect_eq(w->unused[0], fresh);
}

Test(worker_probe, a_fresh_socket_takes_over_while_the_old_one_is_still_waited_for)
{
	probe(0, 7);
	struct world_sent first = *world_sent(w, 0);
	world_advance_ms(w, 333);
	uint16_t fresh = repeat_as(0, 7);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(0, fresh));
	cr_expect_not(carries_traffic(0, first.socket));
	cr_expect_eq(w->n_unused, 3, "the one with the probe waits for it");
	cr_expect_eq(w->n_results, 1);
	answer(&first, RCODE_NOERROR);
	cr_expect_eq(w->n_results, 2);
	cr_expect_not(last_result()->is_fresh);
	cr_expect_eq(w->n_unused, 4);
	cr_expect(carries_traffic(0, fresh));
}

Test(worker_probe, a_fresh_socket_takes_over_after_the_old_one_has_failed)
{
	static const char *const ways[] = { "timed out", "unreachable" };

	for (uint32_t i = 0; i < 2; i++) {
		probe(0, 7 + i);
		if (i == 0)
			world_advance_ms(w, 1001);
		else
			world_send_failed(w, world_sent(w, 0));
		uint16_t fresh = repeat_as(0, 7 + i);
		world_reply(w, RCODE_NOERROR);
		cr_expect(carries_traffic(0, fresh), "%s", ways[i]);
	}
}

Test(worker_probe, an_answer_counts_for_its_own_probe_and_server_only)
{
	probe(0, 7);
	world_reply(w, RCODE_NOERROR);
	probe(1, 8);
	world_reply(w, RCODE_NOERROR);
	probe(0, 8);
	uint16_t fresh = repeat_as(0, 8);
	world_reply(w, RCODE_NOERROR);
	cr_expect(carries_traffic(0, fresh));
}

Test(worker_probe, a_fresh_socket_may_have_the_number_of_the_one_that_was_probed)
{
	world_server_state(w, 1, SERVER_DOWN);
	probe(0, 7);
	uint16_t old = world_sent(w, 0)->socket;
	repeat_as(0, 7);
	w->can_open = false;
	world_reply(w, RCODE_NOERROR);
	world_advance_ms(w, 1001); /* the old one's probe is over, and so is its socket */
	world_query(w, "example.org", A, 1, 2);
	world_reply(w, RCODE_NOERROR);
	uint16_t fresh = 0;
	for (uint32_t serial = 8; fresh != old; serial++)
		fresh = repeat_as(0, serial);
	answer(world_sent(w, 0), RCODE_NOERROR);
	cr_expect(carries_traffic(0, fresh));
	cr_expect(w->worker->sockets[fresh].is_open);
}

Test(worker_probe, give_up_ends_probes_too)
{
	probe(0, 1);
	repeat(1);
	worker_give_up(w->worker, w->now_ns);
	cr_expect_eq(w->n_results, 2);
	cr_expect_eq(pending_count(w->shard), 0);
}
