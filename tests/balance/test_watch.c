/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of the watch: probes, their two legs, and suspicion. */
#include "balance/watching.h"

static void setup(void)
{
	watching_init(3);
}

static void finish(void)
{
	watching_end();
}

TestSuite(watch, .init = setup, .fini = finish, .timeout = 60);

/* ---- the first probe, and the ones after -------------------------------------------------------- */

Test(watch, every_server_is_probed_at_once_and_the_first_probe_decides)
{
	x.ways[1] = WAY_SILENT;
	x.ways[2] = WAY_SERVFAIL;
	watching_begin();
	cr_expect_eq(watch_next_ns(x.watch), x.now_ns);
	watching_run(0);
	cr_expect_eq(x.n_orders, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(watching_state(i), SERVER_UNKNOWN);
	watching_run(10 * MS);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_state(1), SERVER_UNKNOWN);
	cr_expect_eq(watching_state(2), SERVER_DOWN);
	watching_run(1 * S);
	cr_expect_eq(watching_state(1), SERVER_DOWN);
	for (size_t i = 0; i < 3; i++) {
		const struct watch_event *e = &watching_last_change(i)->event;

		cr_expect_eq(e->from, SERVER_UNKNOWN);
		cr_expect_eq(e->reason, WATCH_BY_FIRST_PROBE);
		cr_expect_eq(e->n_recent, 0, "a start is not a time out");
	}
	cr_expect_eq(watching_last_change(1)->at_ns, WATCHING_START + 1 * S, "T, not 2 T");
}

Test(watch, three_failures_down_and_two_successes_up)
{
	watching_start();
	x.ways[0] = WAY_SILENT;
	int64_t took_ns = watching_run_to(0, SERVER_DOWN, 10 * S);
	/* the next regular one, then two more without a pause: a second each */
	cr_expect(took_ns >= 3 * S + 850 * MS && took_ns <= 3 * S + 1100 * MS, "%lld ns",
		(long long)took_ns);
	const struct watch_event *e = &watching_last_change(0)->event;
	cr_expect_eq(e->reason, WATCH_BY_PROBES);
	cr_expect_eq(e->n, 3);
	cr_expect_eq(e->outcome, PROBE_TIMED_OUT);
	cr_expect_eq(e->timeout_ns, 1 * S);
	cr_expect_eq(watch_failed(x.watch, 0), 3);
	x.ways[0] = WAY_GOOD;
	took_ns = watching_run_to(0, SERVER_UP, 10 * S);
	cr_expect(took_ns > 0 && took_ns <= 1100 * MS + 220 * MS + 10 * MS, "%lld ns",
		(long long)took_ns);
	cr_expect_eq(watching_last_change(0)->event.reason, WATCH_BY_PROBES);
	cr_expect_eq(watching_last_change(0)->event.outcome, PROBE_ANSWERED);
}

Test(watch, one_lost_probe_of_three_changes_nothing)
{
	watching_start();
	for (int i = 0; i < 20; i++) {
		x.ways[0] = WAY_SILENT;
		watching_run(1500 * MS);
		x.ways[0] = WAY_GOOD;
		watching_run(4 * S);
	}
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_last_change(0)->event.from, SERVER_UNKNOWN);
	cr_expect_geq(watch_failed(x.watch, 0), 10);
}

Test(watch, workers_take_turns_and_both_legs_go_by_one)
{
	x.params.n_workers = 3;
	x.ways[0] = WAY_SILENT;
	watching_begin();
	watching_run(30 * S);
	unsigned last = 99;
	for (size_t i = 0; i < x.n_orders; i++) {
		const struct watching_order *o = &x.orders[i];

		if (o->order.server != 0)
			continue;
		if (last != 99)
			cr_expect_eq(o->worker, o->order.is_fresh ? last : (last + 1) % 3);
		last = o->worker;
	}
}

Test(watch, a_worker_that_never_reports_fails_the_probe)
{
	x.ways[0] = WAY_BY_HAND;
	watching_begin();
	cr_expect_eq(watching_run_to(0, SERVER_DOWN, 10 * S), 4 * S);
	cr_expect_eq(watch_failed(x.watch, 0), 1);
}

/* ---- two legs ----------------------------------------------------------------------------------- */

/* Server 0 is up, answers by hand, and its next probe is just out. */
static const struct watching_order *by_hand(void)
{
	watching_start();
	x.ways[0] = WAY_BY_HAND;
	size_t n = x.n_orders;
	while (x.n_orders == n || watching_last_order(0)->at_ns != x.now_ns)
		watching_run_until(watch_next_ns(x.watch));
	return watching_last_order(0);
}

/* The same once a probe has failed. */
static const struct watching_order *by_hand_in_doubt(void)
{
	const struct watching_order *first = by_hand();

	watching_report(first, PROBE_UNREACHABLE, 0);
	const struct watching_order *last = watching_last_order(0);
	watching_report(last, PROBE_UNREACHABLE, 0);
	while (watching_last_order(0) == last)
		watching_run_until(watch_next_ns(x.watch));
	return watching_last_order(0);
}

static void expect_fresh_after(
	const struct watching_order *first, int64_t after_ns, int64_t timeout_ns)
{
	int64_t start_ns = x.now_ns;

	watching_run_until(start_ns + after_ns - 1);
	cr_expect_eq(watching_last_order(0), first);
	watching_run_until(start_ns + after_ns + 1);
	const struct watching_order *fresh = watching_last_order(0);
	cr_expect(fresh->order.is_fresh);
	cr_expect_eq(fresh->order.serial, first->order.serial);
	cr_expect_eq(fresh->worker, first->worker);
	cr_expect_eq(fresh->at_ns, start_ns + after_ns);
	cr_expect_eq(fresh->order.timeout_ns, timeout_ns);
	cr_expect_eq(first->order.timeout_ns, 1 * S);
}

Test(watch, the_fresh_leg_leaves_after_a_third_of_the_time)
{
	expect_fresh_after(by_hand(), 1 * S / 3, 1 * S - 1 * S / 3);
}

Test(watch, the_fresh_leg_to_a_slow_server_leaves_after_four_fifths)
{
	x.rtt_ns = 252 * MS;
	expect_fresh_after(by_hand(), 800 * MS, 315 * MS);
}

Test(watch, the_fresh_leg_to_a_slow_server_in_doubt_leaves_after_a_third)
{
	x.rtt_ns = 252 * MS;
	expect_fresh_after(by_hand_in_doubt(), 1 * S / 3, 1 * S - 1 * S / 3);
}

Test(watch, the_fresh_leg_to_an_unknown_server_leaves_after_four_fifths)
{
	x.ways[0] = WAY_BY_HAND;
	watching_begin();
	watching_run(0);
	expect_fresh_after(watching_last_order(0), 800 * MS, 200 * MS);
}

Test(watch, no_fresh_leg_for_a_prompt_server)
{
	x.rtt_ns = 330 * MS;
	watching_begin();
	watching_run(20 * S);
	for (size_t i = 0; i < x.n_orders; i++)
		cr_expect_not(x.orders[i].order.is_fresh);
}

Test(watch, a_slow_server_is_up_and_asked_once)
{
	x.rtt_ns = 600 * MS;
	watching_begin();
	watching_run(20 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watch_failed(x.watch, 0), 0);
	cr_expect_eq(watching_count(WATCH_DEAD_SOCKETS), 0);
	for (size_t i = 0; i < x.n_orders; i++)
		cr_expect_not(x.orders[i].order.is_fresh, "it has nothing to answer twice");
}

Test(watch, unreachable_sends_the_fresh_leg_at_once_with_all_the_time)
{
	const struct watching_order *first = by_hand();

	watching_run(10 * MS);
	watching_report(first, PROBE_UNREACHABLE, 0);
	const struct watching_order *fresh = watching_last_order(0);
	cr_expect(fresh->order.is_fresh);
	cr_expect_eq(fresh->at_ns, x.now_ns);
	cr_expect_eq(fresh->order.timeout_ns, 990 * MS);
	watching_run(400 * MS);
	cr_expect_eq(watching_last_order(0), fresh, "once");
	watching_report(fresh, PROBE_UNREACHABLE, 0);
	cr_expect_eq(watch_failed(x.watch, 0), 1);
}

static const struct {
	const char *name;
	enum probe_outcome first, second; /* how the legs end, in this order */
	bool fresh_ends_first;
	int failed; /* 1: counts as a failure; 0: does not count; -1: counts as a success */
} endings[] = {
	{ "both silent", PROBE_TIMED_OUT, PROBE_TIMED_OUT, false, 1 },
	{ "both silent, the fresh one first", PROBE_TIMED_OUT, PROBE_TIMED_OUT, true, 1 },
	{ "fresh unreachable, then silence", PROBE_TIMED_OUT, PROBE_UNREACHABLE, true, 1 },
	{ "both unreachable", PROBE_UNREACHABLE, PROBE_UNREACHABLE, false, 1 },
	{ "fresh unreachable, then an answer", PROBE_ANSWERED, PROBE_UNREACHABLE, true, -1 },
	{ "silence, then an answer", PROBE_TIMED_OUT, PROBE_ANSWERED, false, -1 },
	{ "fresh not sent, then silence", PROBE_TIMED_OUT, PROBE_NOT_SENT, true, 0 },
	{ "silence, then fresh not sent", PROBE_TIMED_OUT, PROBE_NOT_SENT, false, 0 },
	{ "fresh not sent, then an answer", PROBE_ANSWERED, PROBE_NOT_SENT, true, -1 },
	{ "not sent late, then fresh silent", PROBE_NOT_SENT, PROBE_TIMED_OUT, false, 0 },
	{ "not sent late, then an answer", PROBE_NOT_SENT, PROBE_ANSWERED, false, -1 },
};

Test(watch, a_probe_fails_when_both_legs_have)
{
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		watching_init(1);
		const struct watching_order *first = by_hand();
		uint64_t good = watch_good(x.watch, 0), failed = watch_failed(x.watch, 0);

		watching_run(400 * MS);
		const struct watching_order *fresh = watching_last_order(0);
		cr_assert(fresh->order.is_fresh);
		if (endings[i].fresh_ends_first) {
			watching_report(fresh, endings[i].second, 0);
			cr_expect_eq(
				watch_failed(x.watch, 0), failed, "%s: too early", endings[i].name);
		}
		watching_report(first, endings[i].first, 0);
		if (!endings[i].fresh_ends_first)
			watching_report(fresh, endings[i].second, 0);
		cr_expect_eq(watch_failed(x.watch, 0) - failed, endings[i].failed == 1, "%s",
			endings[i].name);
		cr_expect_eq(watch_good(x.watch, 0) - good, endings[i].failed == -1, "%s",
			endings[i].name);
		cr_expect_eq(watching_count(WATCH_SHORTAGE), endings[i].failed == 0, "%s",
			endings[i].name);
		cr_expect_lt(watch_next_ns(x.watch), x.now_ns + 1101 * MS, "%s: probing ends",
			endings[i].name);
		if (i + 1 < sizeof endings / sizeof endings[0])
			watching_end();
	}
}

Test(watch, what_the_last_good_probe_took_is_known)
{
	x.rtt_ns = 7 * MS;
	watching_begin();
	cr_expect_eq(watch_good_us(x.watch, 0), 0);
	watching_run(100 * MS);
	cr_expect_eq(watch_good_us(x.watch, 0), 7000);
	x.rtt_ns = 9 * MS;
	watching_run(3 * S);
	cr_expect_eq(watch_good_us(x.watch, 0), 9000);
	x.ways[0] = WAY_SERVFAIL;
	watching_run(3 * S);
	cr_expect_eq(watch_good_us(x.watch, 0), 9000, "a failed one leaves it");
}

Test(watch, results_told_twice_or_late_are_ignored)
{
	const struct watching_order *first = by_hand();
	struct watching_order old = *first;

	watching_report(first, PROBE_UNREACHABLE, 0);
	watching_report(first, PROBE_UNREACHABLE, 0);
	watching_report(first, PROBE_ANSWERED, 0);
	cr_expect_eq(watch_good(x.watch, 0), 1);
	const struct watching_order *fresh = watching_last_order(0);
	watching_report(fresh, PROBE_ANSWERED, 0);
	cr_expect_eq(watch_good(x.watch, 0), 2);
	watching_report(fresh, PROBE_ANSWERED, 0);
	watching_report(&old, PROBE_ANSWERED, 2);
	cr_expect_eq(watch_good(x.watch, 0), 2);
	cr_expect_eq(watch_failed(x.watch, 0), 0);
}

Test(watch, a_fresh_leg_that_leaves_late_still_has_time)
{
	by_hand();
	x.now_ns += 950 * MS; /* the thread was asleep */
	watching_run(0);
	const struct watching_order *fresh = watching_last_order(0);
	cr_expect(fresh->order.is_fresh);
	cr_expect_eq(fresh->order.timeout_ns, 1 * S / 3);
}

/* ---- what could not be sent --------------------------------------------------------------------- */

Test(watch, our_own_shortage_is_no_failure)
{
	watching_start();
	x.ways[0] = WAY_NOT_SENT;
	watching_run(30 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watch_failed(x.watch, 0), 0);
	cr_expect(watching_count(WATCH_SHORTAGE) >= 140 && watching_count(WATCH_SHORTAGE) <= 150,
		"%u", watching_count(WATCH_SHORTAGE));
}

/* ---- rcodes ------------------------------------------------------------------------------------- */

Test(watch, refusing_the_default_name_is_healthy_until_somebody_answers_it)
{
	x.rules[0].qname_is_default = true;
	for (size_t i = 0; i < 3; i++)
		x.ways[i] = WAY_REFUSED;
	watching_begin();
	watching_run(10 * S);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(watching_state(i), SERVER_UP);
	cr_expect_eq(watching_count(WATCH_REFUSES_DEFAULT), 1);
	x.ways[1] = WAY_GOOD;
	watching_run(10 * S);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	cr_expect_eq(watching_state(1), SERVER_UP);
	cr_expect_eq(watching_count(WATCH_REFUSES_DEFAULT), 1);
}

Test(watch, refusing_a_chosen_name_fails)
{
	x.ways[0] = WAY_REFUSED;
	watching_start();
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	cr_expect_eq(watching_last_change(0)->event.rcode, 5);
}

/* ---- dead sockets ------------------------------------------------------------------------------- */

Test(watch, dead_sockets_cost_no_server_and_all_workers_look_at_once)
{
	unsigned workers = 0, n = 0;
	int64_t first_ns = 0, last_ns = 0;

	x.params.n_workers = 4;
	watching_start();
	x.ways[0] = WAY_DEAD_SOCKETS;
	while (watching_count(WATCH_DEAD_SOCKETS) < 4) {
		watching_run(1 * MS);
		cr_assert_lt(x.now_ns, WATCHING_START + 10 * S);
	}
	x.ways[0] = WAY_GOOD;
	size_t n_orders = x.n_orders;
	watching_run(800 * MS);
	cr_expect_eq(watching_count(WATCH_DEAD_SOCKETS), 4);
	for (size_t i = n_orders; i < x.n_orders; i++)
		cr_expect_neq(x.orders[i].order.server, 0, "all workers have been looked at");
	for (size_t i = 0; i < n_orders; i++) {
		const struct watching_order *o = &x.orders[i];

		if (o->order.server != 0 || !o->order.is_fresh)
			continue;
		workers |= 1u << o->worker;
		n++;
		first_ns = n == 1 ? o->at_ns : first_ns;
		last_ns = o->at_ns;
	}
	cr_expect_eq(n, 4);
	cr_expect_eq(workers, 15u);
	cr_expect_leq(last_ns - first_ns, 1 * S + 10 * MS, "a third of a second each");
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watch_failed(x.watch, 0), 0);
}

/* ---- suspicion ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum sign sign;
} signs[] = {
	{ "silent", SIGN_SILENT },
	{ "unreachable", SIGN_UNREACHABLE },
	{ "bettered", SIGN_BETTERED },
};

Test(watch, a_suspect_that_fails_its_probe_is_down_at_once)
{
	for (size_t i = 0; i < 3; i++) {
		watching_init(3);
		watching_start();
		watching_run(330 * MS); /* no probe is due now */
		x.ways[0] = WAY_SILENT;
		size_t n = x.n_orders;
		cr_assert(watching_sign(0, signs[i].sign), "%s", signs[i].name);
		cr_assert_eq(x.n_orders, n + 1, "%s: not at once", signs[i].name);
		cr_expect_eq(x.orders[n].order.timeout_ns, 750 * MS);
		cr_expect_eq(
			watching_run_to(0, SERVER_DOWN, 10 * S), 750 * MS, "%s", signs[i].name);
		const struct watch_event *e = &watching_last_change(0)->event;
		cr_expect_eq(e->from, SERVER_UP);
		cr_expect_eq(e->reason, WATCH_BY_SIGN);
		cr_expect_eq(e->sign, signs[i].sign);
		cr_expect_eq(e->n, signs[i].sign == SIGN_SILENT ? 5 : 0);
		cr_expect_eq(e->outcome, PROBE_TIMED_OUT);
		cr_expect_eq(e->timeout_ns, 750 * MS);
		cr_expect_eq(watch_failed(x.watch, 0), 1);
		if (i < 2)
			watching_end();
	}
}

Test(watch, an_unreachable_suspect_is_down_within_a_round_trip)
{
	watching_start();
	x.ways[0] = WAY_UNREACHABLE;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(0);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
}

Test(watch, a_suspect_that_answers_stays_up_and_is_cleared_later)
{
	struct server *s;

	watching_start();
	watching_run(330 * MS);
	s = &x.pool->servers[0];
	watching_sign(0, SIGN_SILENT);
	int64_t sign_ns = x.now_ns;
	cr_expect_eq(watching_count(WATCH_SUSPECT), 1);
	watching_run(1 * MS);
	cr_expect_eq(watching_count(WATCH_CLEARED), 1);
	cr_expect_eq(atomic_load(&s->n_silent), 0);
	cr_expect(server_is_suspect(s));
	cr_expect_not(watching_sign(0, SIGN_SILENT), "no sign is told again so soon");
	watching_run_until(sign_ns + 200 * MS - 1);
	cr_expect(server_is_suspect(s));
	watching_run_until(sign_ns + 200 * MS);
	cr_expect_not(server_is_suspect(s));
	cr_expect_eq(atomic_load(&s->n_silent), 0);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect(watching_sign(0, SIGN_SILENT));
}

Test(watch, a_suspect_stays_one_until_its_probe_has_ended)
{
	watching_start();
	watching_run(330 * MS);
	x.ways[0] = WAY_BY_HAND;
	watching_sign(0, SIGN_SILENT);
	const struct watching_order *confirming = watching_last_order(0);
	size_t n = x.n_orders;
	watch_sign(x.watch, x.now_ns, 0, SIGN_UNREACHABLE);
	cr_expect_eq(x.n_orders, n, "one confirming probe is enough");
	cr_expect_eq(watching_count(WATCH_SUSPECT), 1);
	watching_run(240 * MS);
	watch_tick(x.watch, x.now_ns); /* for another reason */
	cr_expect(server_is_suspect(&x.pool->servers[0]));
	watching_report(confirming, PROBE_ANSWERED, 0);
	cr_expect_not(server_is_suspect(&x.pool->servers[0]), "the 200 ms are long over");
}

Test(watch, unanswerable_names_eject_nobody)
{
	watching_start();
	for (int i = 0; i < 3000; i++) { /* a minute of them, at every server */
		for (size_t s = 0; s < 3; s++)
			watching_sign(s, SIGN_SILENT);
		watching_run(20 * MS);
	}
	for (size_t s = 0; s < 3; s++) {
		cr_expect_eq(watching_state(s), SERVER_UP);
		cr_expect_eq(watching_last_change(s)->event.from, SERVER_UNKNOWN);
	}
	unsigned n = watching_count(WATCH_SUSPECT);
	cr_expect(n > 600 && n <= 900, "%u confirming probes in a minute of 3 servers", n);
}

Test(watch, a_sign_overtakes_the_probe_that_is_out)
{
	const struct watching_order *first = by_hand();

	watching_run(100 * MS);
	watching_sign(0, SIGN_UNREACHABLE);
	const struct watching_order *confirming = watching_last_order(0);
	cr_expect_neq(confirming, first);
	cr_expect_neq(confirming->order.serial, first->order.serial);
	cr_expect_not(confirming->order.is_fresh);
	watching_report(first, PROBE_ANSWERED, 0);
	cr_expect_eq(watching_count(WATCH_CLEARED), 0, "the older answer is no proof");
	watching_run(250 * MS);
	const struct watching_order *fresh = watching_last_order(0);
	cr_expect(fresh->order.is_fresh);
	cr_expect_eq(fresh->at_ns, confirming->at_ns + 250 * MS);
	watching_report(fresh, PROBE_TIMED_OUT, 0);
	watching_report(confirming, PROBE_TIMED_OUT, 0);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
}

Test(watch, a_short_probe_timeout_bounds_the_confirming_one_too)
{
	x.rules[0].health.timeout_ns = 300 * MS;
	watching_start();
	watching_sign(0, SIGN_UNREACHABLE);
	cr_expect_eq(watching_last_order(0)->order.timeout_ns, 300 * MS);
}

Test(watch, a_confirming_probe_that_could_not_be_sent_is_sent_soon)
{
	watching_start();
	x.ways[0] = WAY_NOT_SENT;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(50 * MS);
	cr_expect_eq(watching_state(0), SERVER_UP);
	x.ways[0] = WAY_SILENT;
	cr_expect_eq(watching_run_to(0, SERVER_DOWN, 10 * S), 150 * MS + 750 * MS);
	cr_expect_eq(watching_last_change(0)->event.reason, WATCH_BY_SIGN);
}

Test(watch, signs_of_servers_that_are_not_up_wait_until_they_are)
{
	x.ways[0] = WAY_BY_HAND;
	x.ways[1] = WAY_SILENT;
	watching_begin();
	watching_run(2 * S);
	size_t n = x.n_orders;
	cr_expect(watching_sign(0, SIGN_UNREACHABLE));
	cr_expect(watching_sign(1, SIGN_SILENT));
	cr_expect_eq(x.n_orders, n, "their probes go on as they are");
	cr_expect_eq(watching_count(WATCH_SUSPECT), 0);
	watching_run(1 * S);
	cr_expect_not(watching_sign(1, SIGN_SILENT), "a dead pool would drown us in signs");
	x.ways[1] = WAY_GOOD;
	watching_run_to(1, SERVER_UP, 10 * S);
	cr_expect_not(server_is_suspect(&x.pool->servers[1]));
	cr_expect_eq(atomic_load(&x.pool->servers[1].n_silent), 0);
	cr_expect(watching_sign(1, SIGN_SILENT));
}

Test(watch, a_sign_whose_mark_was_cleared_on_the_way_still_counts)
{
	watching_start();
	x.ways[0] = WAY_SILENT;
	watch_sign(x.watch, x.now_ns, 0, SIGN_SILENT); /* is_suspect is not set */
	cr_expect(server_is_suspect(&x.pool->servers[0]));
	cr_expect_eq(watching_run_to(0, SERVER_DOWN, 10 * S), 750 * MS);
}

/* ---- what the operator said --------------------------------------------------------------------- */

Test(watch, forced_servers_are_not_probed_and_not_judged)
{
	x.fixture.servers[0].mode = SERVER_FORCED_UP;
	x.fixture.servers[1].mode = SERVER_FORCED_DOWN;
	watching_start();
	for (int i = 0; i < 10; i++) {
		cr_expect(watching_sign(0, SIGN_SILENT), "it is cleared in between");
		watching_run(1 * S);
		watching_sign(0, SIGN_BLAMED);
		watching_sign(0, SIGN_UNREACHABLE);
		watching_run(1 * S);
	}
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_state(1), SERVER_DOWN);
	for (size_t i = 0; i < x.n_orders; i++)
		cr_expect_eq(x.orders[i].order.server, 2);
}

Test(watch, a_draining_server_is_probed_but_never_ejected)
{
	x.fixture.servers[0].mode = SERVER_DRAIN;
	watching_start();
	cr_expect_eq(watching_state(0), SERVER_UP);
	watching_sign(0, SIGN_BLAMED);
	watching_run(1 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	x.ways[0] = WAY_SILENT;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(1 * S);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	x.ways[0] = WAY_GOOD;
	watching_run(5 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_count(WATCH_NOBODY_UP), 0);
}

Test(watch, without_probes_all_are_up_and_nothing_is_due)
{
	x.rules[0].is_off = true;
	x.fixture.servers[1].mode = SERVER_FORCED_DOWN;
	x.fixture.servers[2].mode = SERVER_DRAIN;
	watching_begin();
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_state(1), SERVER_DOWN);
	cr_expect_eq(watching_state(2), SERVER_UP);
	watching_run(100 * S);
	cr_expect_eq(x.n_orders, 0);
	cr_expect_eq(x.n_events, 0);
	cr_expect_eq(watch_next_ns(x.watch), INT64_MAX);
}

/* ---- nobody is up ------------------------------------------------------------------------------- */

Test(watch, that_nobody_is_up_is_told_once_when_all_are_known)
{
	x.ways[0] = x.ways[2] = WAY_SILENT;
	x.ways[1] = WAY_BY_HAND;
	watching_begin();
	watching_run(1500 * MS);
	cr_expect_eq(watching_count(WATCH_NOBODY_UP), 0, "one may be");
	watching_run(10 * S);
	cr_expect_eq(watching_count(WATCH_NOBODY_UP), 1);
	x.ways[0] = WAY_GOOD;
	cr_assert_neq(watching_run_to(0, SERVER_UP, 10 * S), -1);
	x.ways[0] = WAY_SILENT;
	cr_assert_neq(watching_run_to(0, SERVER_DOWN, 10 * S), -1);
	cr_expect_eq(watching_count(WATCH_NOBODY_UP), 2);
}

/* ---- rules of a server's own -------------------------------------------------------------------- */

static unsigned count_orders(size_t server)
{
	unsigned n = 0;

	for (size_t i = 0; i < x.n_orders; i++)
		n += x.orders[i].order.server == server;
	return n;
}

Test(watch, each_server_has_its_own_interval_and_message)
{
	static const uint8_t message[] = "another";

	x.rules[1].health.interval_ns = 200 * MS;
	x.rules[1].message = message;
	x.rules[1].message_len = sizeof message;
	x.rules[1].qname_len = 8;
	x.rules_of[1] = 1;
	watching_begin();
	watching_run(20 * S);
	/* An order each, an interval of theirs and 1 ms apart. */
	cr_expect(count_orders(0) >= 19 && count_orders(0) <= 22, "%u", count_orders(0));
	cr_expect(count_orders(1) >= 95 && count_orders(1) <= 106, "%u", count_orders(1));
	for (size_t i = 0; i < x.n_orders; i++) {
		const struct probe_order *o = &x.orders[i].order;

		cr_expect_eq(o->message, x.rules[o->server == 1].message);
		cr_expect_eq(o->message_len, o->server == 1 ? sizeof message : 1);
		cr_expect_eq(o->name_len, o->server == 1 ? 8 : 1);
	}
}

Test(watch, each_server_falls_and_rises_by_its_own_rules)
{
	x.rules[1].health.timeout_ns = 300 * MS;
	x.rules[1].health.fall = 1;
	x.rules[1].health.rise = 4;
	x.rules_of[1] = 1;
	watching_start();
	x.ways[0] = x.ways[1] = WAY_SILENT;
	int64_t took_ns = watching_run_to(1, SERVER_DOWN, 2 * S);
	cr_expect(took_ns > 0 && took_ns <= 1100 * MS + 300 * MS, "%lld ns", (long long)took_ns);
	cr_expect_eq(watching_last_change(1)->event.n, 1);
	cr_expect_eq(watching_last_change(1)->event.timeout_ns, 300 * MS);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_neq(watching_run_to(0, SERVER_DOWN, 4 * S), -1);
	cr_expect_eq(watching_last_change(0)->event.n, 3);
	cr_expect_eq(watching_last_change(0)->event.timeout_ns, 1 * S);
	x.ways[0] = x.ways[1] = WAY_GOOD;
	cr_expect_neq(watching_run_to(0, SERVER_UP, 3 * S), -1);
	cr_expect_neq(watching_run_to(1, SERVER_UP, 3 * S), -1);
	cr_expect_eq(watching_last_change(0)->event.n, 2);
	cr_expect_eq(watching_last_change(1)->event.n, 4);
}

Test(watch, each_server_is_judged_by_its_own_rcodes)
{
	x.rules[1].reject = 0;
	x.rules_of[1] = 1;
	x.ways[0] = x.ways[1] = WAY_SERVFAIL;
	watching_start();
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	cr_expect_eq(watching_state(1), SERVER_UP);
}

Test(watch, one_server_may_be_without_probes)
{
	x.rules[1].is_off = true;
	x.rules_of[1] = 1;
	x.ways[0] = x.ways[1] = WAY_SILENT;
	watching_begin();
	watching_run(10 * S);
	cr_expect_eq(count_orders(1), 0);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	cr_expect_eq(watching_state(1), SERVER_UP);
	cr_expect(watching_sign(1, SIGN_SILENT));
	cr_expect_eq(watching_state(1), SERVER_EJECTED, "nothing else can confirm it");
}

/* b asks the default name, a one of its own: what a answers says nothing of b's. */
Test(watch, who_answers_its_own_name_has_not_answered_the_default)
{
	x.rules[0].qname_len = 8;
	x.rules[1].qname_is_default = true;
	x.rules_of[1] = 1;
	x.ways[1] = WAY_REFUSED;
	watching_begin();
	watching_run(10 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_state(1), SERVER_UP);
	cr_expect_eq(watching_count(WATCH_REFUSES_DEFAULT), 1);
}

Test(watch, refusing_ones_own_name_is_a_failure_beside_the_default)
{
	x.rules[0].qname_is_default = true;
	x.rules[1].qname_len = 8;
	x.rules_of[1] = 1;
	x.ways[0] = x.ways[1] = WAY_REFUSED;
	watching_start();
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_state(1), SERVER_DOWN);
	cr_expect_eq(watching_count(WATCH_REFUSES_DEFAULT), 1);
}
