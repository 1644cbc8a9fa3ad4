/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of the watch: ejections, their cap and their end, and servers that come and go. */
#include "balance/watching.h"

static void setup(void)
{
	watching_init(3);
}

static void finish(void)
{
	watching_end();
}

TestSuite(watch_ejection, .init = setup, .fini = finish, .timeout = 60);

static unsigned n_ejected(void)
{
	return atomic_load(&x.pool->n_ejected);
}

/* ---- blame -------------------------------------------------------------------------------------- */

Test(watch_ejection, blame_ejects_without_a_probe)
{
	watching_start();
	watching_run(330 * MS);
	size_t n = x.n_orders;
	cr_assert(watching_sign(0, SIGN_BLAMED));
	cr_expect_eq(watching_state(0), SERVER_EJECTED);
	cr_expect_eq(n_ejected(), 1);
	cr_expect_eq(x.n_orders, n);
	const struct watch_event *e = &watching_last_change(0)->event;
	cr_expect_eq(e->from, SERVER_UP);
	cr_expect_eq(e->reason, WATCH_BY_SIGN);
	cr_expect_eq(e->sign, SIGN_BLAMED);
	cr_expect_eq(e->n_recent, 1);
	cr_expect(e->hold_ns >= 4 * S && e->hold_ns <= 6 * S);
	int64_t told_ns = e->hold_ns;
	cr_expect_eq(watching_run_to(0, SERVER_UP, 10 * S), told_ns);
	cr_expect_eq(watching_last_change(0)->event.reason, WATCH_BY_TIME);
	cr_expect_eq(n_ejected(), 0);
}

Test(watch_ejection, good_probes_do_not_end_it)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	uint64_t n_good = watch_good(x.watch, 0);
	watching_run(3900 * MS);
	cr_expect_geq(watch_good(x.watch, 0), n_good + 3, "probes go on");
	cr_expect_eq(watching_state(0), SERVER_EJECTED);
}

Test(watch_ejection, blame_of_two_pairs_is_no_blame)
{
	struct server *s;
	enum sign sign;

	watching_start();
	s = &x.pool->servers[0];
	for (uint32_t i = 0; i < 100; i++) {
		if (signs_bettered(s, (i % 2 + 1) << 28, &sign))
			watch_sign(x.watch, x.now_ns, 0, sign);
		watching_run(100 * MS);
	}
	cr_expect_eq(watching_state(0), SERVER_UP);
}

Test(watch_ejection, blame_of_three_pairs_across_confirming_probes_ejects)
{
	struct server *s;
	enum sign sign;
	unsigned n = 0;

	watching_start();
	s = &x.pool->servers[0];
	for (; watching_state(0) == SERVER_UP; n++) { /* all while it is suspect, then not, ... */
		if (signs_bettered(s, (n % 3 + 1) << 28, &sign))
			watch_sign(x.watch, x.now_ns, 0, sign);
		watching_run(30 * MS);
		cr_assert_lt(n, 100);
	}
	cr_expect_eq(n, 5);
}

Test(watch_ejection, each_time_of_late_lasts_longer)
{
	watching_start();
	for (unsigned n = 1; n <= 80; n++) {
		int64_t want_ns = (n < 60 ? n : 60) * 5 * S;

		cr_assert(watching_sign(0, SIGN_BLAMED), "time %u", n);
		int64_t ns = watching_run_to(0, SERVER_UP, 400 * S);
		cr_expect(ns >= want_ns * 8 / 10 && ns <= want_ns * 12 / 10 && ns <= 300 * S,
			"time %u: %lld ns", n, (long long)ns);
		cr_expect_eq(watching_last_change(0)->event.n_recent, n < 62 ? n : 62);
	}
}

Test(watch_ejection, a_minute_up_forgets_one_time)
{
	watching_start();
	for (int i = 0; i < 3; i++) {
		watching_sign(0, SIGN_BLAMED);
		cr_assert_neq(watching_run_to(0, SERVER_UP, 100 * S), -1);
	}
	watching_run(59 * S);
	watching_sign(0, SIGN_BLAMED);
	cr_expect_eq(watching_last_change(0)->event.n_recent, 4);
	cr_assert_neq(watching_run_to(0, SERVER_UP, 100 * S), -1);
	watching_run(121 * S);
	watching_sign(0, SIGN_BLAMED);
	cr_expect_eq(watching_last_change(0)->event.n_recent, 3, "4 - 2 + 1");
	cr_assert_neq(watching_run_to(0, SERVER_UP, 100 * S), -1);
	watching_run(600 * S);
	watching_sign(0, SIGN_BLAMED);
	cr_expect_eq(watching_last_change(0)->event.n_recent, 1);
}

/* ---- tests -------------------------------------------------------------------------------------- */

/* Answers tests as they come, looking every 10 ms. */
static void answer_tests(int64_t ns, bool is_good, unsigned *n_tests)
{
	for (int64_t end_ns = x.now_ns + ns; x.now_ns < end_ns;) {
		watching_run(10 * MS);
		*n_tests += watching_test(0, is_good);
	}
}

Test(watch_ejection, two_good_tests_end_it_early)
{
	unsigned n = 0;

	x.params.eject_base_ns = 100 * S;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	answer_tests(990 * MS, true, &n);
	cr_expect_eq(n, 0, "the first after a second");
	answer_tests(430 * MS, true, &n);
	cr_expect_eq(n, 2);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_last_change(0)->event.reason, WATCH_BY_TESTS);
	cr_expect_eq(watching_last_change(0)->event.from, SERVER_EJECTED);
	cr_expect_not(atomic_load(&x.pool->servers[0].is_test_due));
	cr_expect_eq(atomic_load(&x.pool->servers[0].blame), 0);
	watching_run(200 * S);
	cr_expect_eq(watching_state(0), SERVER_UP, "its old time does nothing");
}

Test(watch_ejection, bad_tests_come_once_a_second_and_change_nothing)
{
	unsigned n = 0;

	x.params.eject_base_ns = 100 * S;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	answer_tests(20 * S + 50 * MS, false, &n);
	cr_expect_eq(n, 20);
	cr_expect_eq(watching_state(0), SERVER_EJECTED);
	cr_expect_eq(watching_count(WATCH_STATE), 4);
}

Test(watch_ejection, the_end_takes_back_a_test_that_nobody_took)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_run(1500 * MS);
	cr_expect(atomic_load(&x.pool->servers[0].is_test_due));
	watching_run_to(0, SERVER_UP, 10 * S);
	cr_expect_not(atomic_load(&x.pool->servers[0].is_test_due));
	watching_sign(0, SIGN_BLAMED);
	watching_run(1500 * MS);
	x.ways[0] = WAY_SILENT;
	watching_run_to(0, SERVER_DOWN, 20 * S);
	cr_expect_not(atomic_load(&x.pool->servers[0].is_test_due));
}

/* ---- the cap ------------------------------------------------------------------------------------ */

Test(watch_ejection, the_cap_is_at_least_one_and_then_a_part_of_the_tier)
{
	static const struct {
		size_t n, most;
	} cases[] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 5, 1 }, { 6, 2 }, { 8, 2 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		watching_init(cases[i].n);
		watching_start();
		for (size_t s = 0; s < cases[i].n; s++)
			cr_assert(watching_sign(s, SIGN_BLAMED));
		cr_expect_eq(
			n_ejected(), cases[i].most, "%zu servers: %u", cases[i].n, n_ejected());
		cr_expect_eq(watching_count(WATCH_NOT_EJECTED), cases[i].n - cases[i].most);
		for (size_t s = 0; s < cases[i].n; s++)
			cr_expect_eq(watching_state(s),
				s < cases[i].most ? SERVER_EJECTED : SERVER_UP, "%zu of %zu", s,
				cases[i].n);
		if (i + 1 < sizeof cases / sizeof cases[0])
			watching_end();
	}
}

Test(watch_ejection, weights_and_tiers_count_in_the_cap)
{
	watching_init(6);
	x.fixture.servers[0].weight = 10; /* 10 of 13, alone */
	for (size_t i = 4; i < 6; i++)
		x.fixture.servers[i].tier = 1;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_sign(1, SIGN_BLAMED);
	watching_sign(4, SIGN_BLAMED);
	watching_sign(5, SIGN_BLAMED);
	cr_expect_eq(watching_state(0), SERVER_EJECTED);
	cr_expect_eq(watching_state(1), SERVER_UP);
	cr_expect_eq(watching_state(4), SERVER_EJECTED);
	cr_expect_eq(watching_state(5), SERVER_UP);
}

Test(watch_ejection, those_that_are_down_do_not_count_in_the_cap)
{
	x.ways[0] = x.ways[1] = WAY_SERVFAIL;
	watching_start();
	watching_sign(2, SIGN_BLAMED);
	cr_expect_eq(watching_state(2), SERVER_EJECTED);
}

Test(watch_ejection, who_is_not_ejected_for_the_cap_is_probed_as_a_suspect)
{
	watching_start();
	watching_run(330 * MS);
	watching_sign(0, SIGN_BLAMED);
	size_t n = x.n_orders;
	cr_assert(watching_sign(1, SIGN_BLAMED));
	cr_expect_eq(x.n_orders, n + 1);
	cr_expect_not(watching_sign(1, SIGN_BLAMED), "not again so soon");
	watching_run(200 * MS);
	cr_expect(watching_sign(1, SIGN_BLAMED));
	cr_expect_eq(watching_state(1), SERVER_UP);
	watching_run_to(0, SERVER_UP, 10 * S);
	watching_run(200 * MS);
	cr_expect(watching_sign(1, SIGN_BLAMED));
	cr_expect_eq(watching_state(1), SERVER_EJECTED, "there is room now");
}

Test(watch_ejection, a_full_cap_keeps_nobody_from_going_down)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	x.ways[1] = x.ways[2] = WAY_UNREACHABLE;
	watching_sign(1, SIGN_UNREACHABLE);
	watching_sign(2, SIGN_BLAMED);
	watching_run(0);
	cr_expect_eq(watching_state(1), SERVER_DOWN);
	cr_expect_eq(watching_state(2), SERVER_DOWN);
}

/* ---- ejected and down --------------------------------------------------------------------------- */

Test(watch_ejection, probes_may_take_an_ejected_server_down)
{
	x.params.eject_base_ns = 100 * S;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	x.ways[0] = WAY_SILENT;
	cr_assert_neq(watching_run_to(0, SERVER_DOWN, 10 * S), -1);
	const struct watch_event *e = &watching_last_change(0)->event;
	cr_expect_eq(e->from, SERVER_EJECTED);
	cr_expect_eq(e->reason, WATCH_BY_PROBES);
	cr_expect_eq(e->n_recent, 1, "the same time out");
	cr_expect_eq(n_ejected(), 0);
	x.ways[0] = WAY_GOOD;
	int64_t ns = watching_run_to(0, SERVER_UP, 10 * S);
	cr_expect(ns > 0 && ns < 1500 * MS, "the ejection's rest does not count: %lld ns",
		(long long)ns);
	watching_run(300 * S);
	cr_expect_eq(watching_count(WATCH_STATE), 6, "its old time does nothing");
}

Test(watch_ejection, the_end_of_an_ejection_brings_nobody_back_who_is_down)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	x.ways[0] = WAY_SILENT;
	cr_assert_neq(watching_run_to(0, SERVER_DOWN, 10 * S), -1);
	cr_expect_eq(watching_run_to(0, SERVER_UP, 60 * S), -1);
}

Test(watch_ejection, a_sign_may_take_an_ejected_server_down)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_run(500 * MS);
	x.ways[0] = WAY_UNREACHABLE;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(0);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	cr_expect_eq(watching_last_change(0)->event.from, SERVER_EJECTED);
}

/* Its probe is out when its ejection ends; what is told of it then must not be the last. */
Test(watch_ejection, who_comes_back_under_suspicion_can_be_suspected_again)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_run_to(0, SERVER_UP, 10 * S);
	watching_sign(0, SIGN_BLAMED);
	int64_t end_ns = x.now_ns + watching_last_change(0)->event.hold_ns;
	watching_run(end_ns - x.now_ns - 1 * MS);
	x.rtt_ns = 100 * MS;
	cr_assert(watching_sign(0, SIGN_UNREACHABLE));
	watching_run(2 * MS);
	cr_assert_eq(watching_state(0), SERVER_UP);
	cr_assert(watching_sign(0, SIGN_UNREACHABLE), "before its probe is answered");
	watching_run(1 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect(watching_sign(0, SIGN_UNREACHABLE), "nobody would ever tell of it again");
}

Test(watch_ejection, a_suspect_blamed_meanwhile_is_ejected_and_then_judged)
{
	watching_start();
	x.ways[0] = WAY_SILENT;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(100 * MS);
	cr_assert(watching_sign(0, SIGN_BLAMED));
	cr_expect_eq(watching_state(0), SERVER_EJECTED);
	cr_expect_eq(watching_run_to(0, SERVER_DOWN, 10 * S), 650 * MS);
	cr_expect_eq(watching_last_change(0)->event.reason, WATCH_BY_SIGN);
}

Test(watch_ejection, a_sign_after_the_end_while_the_probe_is_still_out_is_taken_back_too)
{
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	x.rtt_ns = 300 * MS;
	watching_run_until(x.now_ns + watching_last_change(0)->event.hold_ns - 100 * MS);
	cr_assert(watching_sign(0, SIGN_UNREACHABLE));
	watching_run(150 * MS);
	cr_assert_eq(watching_state(0), SERVER_UP);
	cr_assert(watching_sign(0, SIGN_UNREACHABLE));
	watching_run(5 * S);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_not(server_is_suspect(&x.pool->servers[0]));
	cr_expect(watching_sign(0, SIGN_UNREACHABLE), "the next one is told");
}

Test(watch_ejection, blame_of_one_that_is_out_changes_nothing)
{
	x.ways[1] = WAY_SERVFAIL;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	int64_t hold_ns = watching_last_change(0)->event.hold_ns, start_ns = x.now_ns;
	watching_run(1 * S);
	watch_sign(x.watch, x.now_ns, 0, SIGN_BLAMED);
	watch_sign(x.watch, x.now_ns, 1, SIGN_BLAMED);
	cr_expect_eq(watching_state(1), SERVER_DOWN);
	watching_run_until(start_ns + hold_ns);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect_eq(watching_count(WATCH_NOT_EJECTED), 0);
}

Test(watch_ejection, who_comes_back_from_down_has_no_blame)
{
	struct server *s;
	enum sign sign;

	watching_start();
	s = &x.pool->servers[0];
	for (uint32_t i = 0; i < 4; i++)
		signs_bettered(s, i << 28, &sign);
	x.ways[0] = WAY_UNREACHABLE;
	watch_sign(x.watch, x.now_ns, 0, SIGN_BETTERED);
	watching_run(0);
	cr_assert_eq(watching_state(0), SERVER_DOWN);
	x.ways[0] = WAY_GOOD;
	watching_run_to(0, SERVER_UP, 10 * S);
	cr_expect_eq(atomic_load(&s->blame), 0);
}

/* ---- flapping ----------------------------------------------------------------------------------- */

/* Down by a sign, and good at once. How long until it is up. */
static int64_t flap(size_t server)
{
	x.ways[server] = WAY_UNREACHABLE;
	cr_assert(watching_sign(server, SIGN_UNREACHABLE));
	watching_run(0);
	cr_assert_eq(watching_state(server), SERVER_DOWN);
	x.ways[server] = WAY_GOOD;
	return watching_run_to(server, SERVER_UP, 400 * S);
}

Test(watch_ejection, who_flaps_is_taken_back_later_each_time)
{
	watching_start();
	for (unsigned n = 1; n <= 70; n++) {
		int64_t hold_ns = n < 3 ? 0 : n < 62 ? (n - 2) * 5 * S : 300 * S;
		int64_t ns = flap(0);

		cr_expect_eq(watching_last_change(0)->event.n_recent, n < 62 ? n : 62);
		if (n < 3)
			cr_expect(ns > 0 && ns < 1500 * MS, "time %u: %lld ns", n, (long long)ns);
		else
			cr_expect_eq(ns, hold_ns, "time %u: %lld ns", n, (long long)ns);
	}
}

Test(watch_ejection, the_hold_is_told)
{
	watching_start();
	for (int i = 0; i < 3; i++)
		flap(0);
	const struct watch_event *down = NULL;
	for (size_t i = 0; i < x.n_events; i++) {
		if (x.events[i].event.kind == WATCH_STATE && x.events[i].event.to == SERVER_DOWN)
			down = &x.events[i].event;
	}
	cr_expect_eq(down->hold_ns, 5 * S);
	cr_expect_eq(down->n_recent, 3);
}

Test(watch_ejection, a_held_server_is_probed_at_the_usual_pace)
{
	watching_start();
	for (int i = 0; i < 20; i++)
		flap(0);
	x.ways[0] = WAY_UNREACHABLE;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(0);
	x.ways[0] = WAY_GOOD;
	uint64_t n = watch_good(x.watch, 0);
	watching_run(50 * S);
	n = watch_good(x.watch, 0) - n;
	cr_expect(n >= 45 && n <= 57, "%d probes in 50 s", (int)n);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
}

Test(watch_ejection, ejections_and_downs_are_one_memory)
{
	watching_start();
	for (int i = 0; i < 2; i++) {
		watching_sign(0, SIGN_BLAMED);
		cr_assert_neq(watching_run_to(0, SERVER_UP, 100 * S), -1);
	}
	cr_expect_eq(flap(0), 5 * S, "the third time");
	watching_sign(0, SIGN_BLAMED);
	int64_t ns = watching_last_change(0)->event.hold_ns;
	cr_expect(ns >= 16 * S && ns <= 24 * S, "the fourth: %lld ns", (long long)ns);
}

Test(watch_ejection, nobody_is_held_while_nobody_is_up)
{
	watching_start();
	for (int i = 0; i < 10; i++)
		flap(0);
	x.ways[0] = WAY_UNREACHABLE;
	watching_sign(0, SIGN_UNREACHABLE);
	watching_run(0);
	x.ways[0] = WAY_GOOD;
	watching_run(5 * S);
	cr_expect_eq(watching_state(0), SERVER_DOWN, "held for 45 s");
	x.ways[1] = x.ways[2] = WAY_UNREACHABLE;
	watching_sign(1, SIGN_UNREACHABLE);
	watching_run(0);
	cr_expect_eq(watching_state(0), SERVER_DOWN, "one is left");
	watching_sign(2, SIGN_UNREACHABLE);
	watching_run(0);
	cr_expect_eq(watching_state(2), SERVER_DOWN);
	cr_expect_eq(watching_state(0), SERVER_UP, "at once: its probes are good");
}

Test(watch_ejection, while_nobody_is_up_two_good_probes_are_enough)
{
	watching_init(1);
	watching_start();
	for (int i = 0; i < 10; i++) {
		int64_t ns = flap(0);

		cr_expect(ns > 0 && ns < 1500 * MS, "time %d: %lld ns", i, (long long)ns);
	}
}

/* ---- without probes ----------------------------------------------------------------------------- */

Test(watch_ejection, without_probes_silence_and_icmp_eject_within_the_cap)
{
	static const enum sign signs[] = { SIGN_SILENT, SIGN_UNREACHABLE, SIGN_BLAMED };

	for (size_t i = 0; i < 3; i++) {
		watching_init(3);
		x.rules[0].is_off = true;
		watching_start();
		cr_assert(watching_sign(0, signs[i]));
		cr_expect_eq(watching_state(0), SERVER_EJECTED, "sign %d", signs[i]);
		cr_expect_eq(watching_last_change(0)->event.n, signs[i] == SIGN_SILENT ? 5 : 0);
		cr_assert(watching_sign(1, signs[i]));
		cr_expect_eq(watching_state(1), SERVER_UP, "the cap");
		int64_t ns = watching_run_to(0, SERVER_UP, 10 * S);
		cr_expect(ns >= 4 * S && ns <= 6 * S);
		cr_expect(watching_sign(1, signs[i]));
		cr_expect_eq(watching_state(1), SERVER_EJECTED);
		cr_expect_eq(x.n_orders, 0);
		if (i < 2)
			watching_end();
	}
}

Test(watch_ejection, without_probes_a_bettered_reply_alone_ejects_nobody)
{
	x.rules[0].is_off = true;
	watching_start();
	cr_expect(watching_sign(0, SIGN_BETTERED));
	cr_expect_eq(watching_state(0), SERVER_UP);
	watching_run(200 * MS);
	cr_expect(watching_sign(0, SIGN_BETTERED), "cleared after a while");
}

Test(watch_ejection, without_probes_tests_end_an_ejection)
{
	unsigned n = 0;

	x.rules[0].is_off = true;
	x.params.eject_base_ns = 100 * S;
	watching_start();
	watching_sign(0, SIGN_SILENT);
	answer_tests(2 * S, true, &n);
	cr_expect_eq(n, 2);
	cr_expect_eq(watching_state(0), SERVER_UP);
	cr_expect(watching_sign(0, SIGN_SILENT), "the next sign is told");
}

Test(watch_ejection, an_only_server_may_be_ejected_and_nobody_is_up)
{
	watching_init(1);
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	cr_expect_eq(watching_state(0), SERVER_EJECTED);
	cr_expect(pool_is_failing_open(x.pool), "so it is asked all the same");
	cr_expect_eq(watching_count(WATCH_NOBODY_UP), 1);
}
