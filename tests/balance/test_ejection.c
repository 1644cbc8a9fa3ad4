/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/ejection, in virtual time. */
#include "balance/ejection.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define START (77 * S)
#define FAST (200 * MS)

static struct ejection e;
static struct server s;
static struct rng rng;

static void setup(void)
{
	const struct server_params p = { .name = "a", .weight = 1, .max_outstanding = 1 };

	server_init(&s, &p);
	fixture_rng(&rng, 1);
	ejection_init(&e, FAST);
}

TestSuite(ejection, .init = setup);

static void take_out(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ejection_taken_out(&e);
}

static bool is_test_ordered(void)
{
	return atomic_exchange(&s.is_test_due, false);
}

static void good_tests(uint32_t n)
{
	atomic_store(&s.n_tests_good, n);
}

/* ---- memory ------------------------------------------------------------------------------------- */

Test(ejection, nothing_is_due_in_the_beginning)
{
	cr_expect_eq(e.n_recent, 0);
	cr_expect_eq(ejection_next_ns(&e), INT64_MAX);
	ejection_forget(&e, INT64_MAX - 1);
	cr_expect_eq(e.n_recent, 0);
}

Test(ejection, a_minute_up_forgets_one_time)
{
	take_out(3);
	cr_expect_eq(e.n_recent, 3);
	ejection_forget(&e, START + 1000 * S);
	cr_expect_eq(e.n_recent, 3, "it is out");
	ejection_taken_back(&e, START);
	cr_expect_eq(ejection_next_ns(&e), START + 60 * S);
	ejection_forget(&e, START + 60 * S - 1);
	cr_expect_eq(e.n_recent, 3);
	ejection_forget(&e, START + 60 * S);
	cr_expect_eq(e.n_recent, 2);
	cr_expect_eq(ejection_next_ns(&e), START + 120 * S);
	ejection_forget(&e, START + 119 * S);
	cr_expect_eq(e.n_recent, 2);
	ejection_taken_out(&e); /* the minute begins anew */
	ejection_taken_back(&e, START + 125 * S);
	ejection_forget(&e, START + 184 * S);
	cr_expect_eq(e.n_recent, 3);
	ejection_forget(&e, START + 1000 * S);
	cr_expect_eq(e.n_recent, 0);
	cr_expect_eq(ejection_next_ns(&e), INT64_MAX);
}

Test(ejection, an_hour_forgets_everything)
{
	take_out(100000);
	cr_expect_eq(e.n_recent, EJECTION_RECENT_MAX);
	ejection_taken_back(&e, START);
	ejection_forget(&e, START + EJECTION_RECENT_MAX * 60 * S);
	cr_expect_eq(e.n_recent, 0);
}

/* ---- times -------------------------------------------------------------------------------------- */

Test(ejection, each_time_lasts_longer_within_the_jitter)
{
	static const struct {
		unsigned n;
		int64_t base_ns, least_ns, most_ns;
	} cases[] = {
		{ 1, 5 * S, 4 * S, 6 * S },
		{ 2, 5 * S, 8 * S, 12 * S },
		{ 10, 5 * S, 40 * S, 60 * S },
		{ 50, 5 * S, 200 * S, 300 * S },
		{ 60, 5 * S, 240 * S, 300 * S },
		{ 1, 300 * S, 240 * S, 300 * S },
		{ 1000, 300 * S, 240 * S, 300 * S },
		{ 1, 100 * MS, 80 * MS, 120 * MS },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t shortest_ns = INT64_MAX, longest_ns = 0;

		setup();
		take_out(cases[i].n);
		for (int k = 0; k < 2000; k++) {
			int64_t ns = ejection_begin(&e, cases[i].base_ns, START, &rng);

			cr_assert(ns >= cases[i].least_ns && ns <= cases[i].most_ns,
				"%u times: %lld ns", cases[i].n, (long long)ns);
			cr_assert_eq(e.end_ns, START + ns);
			shortest_ns = ns < shortest_ns ? ns : shortest_ns;
			longest_ns = ns > longest_ns ? ns : longest_ns;
		}
		int64_t width_ns = cases[i].most_ns - cases[i].least_ns;
		cr_expect_lt(shortest_ns, cases[i].least_ns + width_ns / 10, "%u", cases[i].n);
		cr_expect_gt(longest_ns, cases[i].most_ns - width_ns / 10, "%u", cases[i].n);
	}
}

Test(ejection, the_third_time_down_is_held)
{
	static const struct {
		unsigned n;
		int64_t base_ns, hold_ns;
	} cases[] = {
		{ 0, 5 * S, 0 },
		{ 1, 5 * S, 0 },
		{ 2, 5 * S, 0 },
		{ 3, 5 * S, 5 * S },
		{ 4, 5 * S, 10 * S },
		{ 61, 5 * S, 295 * S },
		{ 62, 5 * S, 300 * S },
		{ 1000, 5 * S, 300 * S },
		{ 4, 200 * S, 300 * S },
		{ 3, 300 * S, 300 * S },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setup();
		take_out(cases[i].n);
		cr_expect_eq(ejection_hold_ns(&e, cases[i].base_ns), cases[i].hold_ns, "%u times",
			cases[i].n);
	}
}

Test(ejection, its_time_ends_it)
{
	take_out(1);
	int64_t ns = ejection_begin(&e, 5 * S, START, &rng);
	for (int64_t at_ns = 0; at_ns < ns; at_ns += 50 * MS)
		cr_assert_eq(ejection_look(&e, &s, START + at_ns), EJECTION_GOES_ON);
	cr_expect_eq(ejection_look(&e, &s, START + ns - 1), EJECTION_GOES_ON);
	cr_expect_eq(ejection_look(&e, &s, START + ns), EJECTION_TIME_IS_OVER);
}

Test(ejection, back_or_down_it_is_over)
{
	take_out(1);
	ejection_begin(&e, 5 * S, START, &rng);
	ejection_cancel(&e);
	cr_expect_eq(ejection_next_ns(&e), INT64_MAX);
	ejection_begin(&e, 5 * S, START, &rng);
	ejection_taken_back(&e, START + S);
	cr_expect_eq(ejection_next_ns(&e), START + 61 * S);
}

/* ---- tests -------------------------------------------------------------------------------------- */

/* Looks whenever it wants until then. */
static enum ejection_verdict look_until(int64_t until_ns)
{
	while (ejection_next_ns(&e) <= until_ns) {
		enum ejection_verdict verdict = ejection_look(&e, &s, ejection_next_ns(&e));

		if (verdict != EJECTION_GOES_ON)
			return verdict;
	}
	return EJECTION_GOES_ON;
}

static void eject(void)
{
	setup();
	take_out(20);
	ejection_begin(&e, 5 * S, START, &rng); /* some 100 s */
}

Test(ejection, a_test_is_ordered_every_second)
{
	eject();
	cr_expect_eq(look_until(START + 999 * MS), EJECTION_GOES_ON);
	cr_expect_not(is_test_ordered());
	for (int i = 1; i <= 10; i++) {
		look_until(START + i * S);
		cr_expect(is_test_ordered(), "second %d", i);
		look_until(START + i * S + 999 * MS);
		cr_expect_not(is_test_ordered(), "second %d", i);
	}
}

Test(ejection, after_a_good_test_the_next_comes_fast_and_two_end_it)
{
	eject();
	look_until(START + S);
	cr_expect(is_test_ordered());
	good_tests(1);
	cr_expect_eq(look_until(START + S + FAST - 1), EJECTION_GOES_ON);
	cr_expect_not(is_test_ordered());
	cr_expect_eq(look_until(START + S + FAST), EJECTION_GOES_ON);
	cr_expect(is_test_ordered());
	good_tests(2);
	cr_expect_eq(look_until(START + S + 2 * FAST - 1), EJECTION_GOES_ON);
	cr_expect_eq(look_until(START + S + 2 * FAST), EJECTION_PASSED_TESTS);
	cr_expect_eq(e.end_ns - START > 70 * S, true, "long before its time");
}

Test(ejection, one_good_test_alone_orders_one_fast_test)
{
	eject();
	look_until(START + S);
	is_test_ordered();
	good_tests(1);
	look_until(START + S + FAST);
	cr_expect(is_test_ordered());
	look_until(START + S + FAST + 999 * MS);
	cr_expect_not(is_test_ordered());
	look_until(START + S + FAST + S);
	cr_expect(is_test_ordered());
}

Test(ejection, a_bad_test_starts_the_row_anew)
{
	eject();
	look_until(START + S);
	good_tests(1);
	look_until(START + S + FAST);
	good_tests(0); /* the second was bad */
	look_until(START + S + 2 * FAST);
	is_test_ordered();
	good_tests(1);
	look_until(START + S + 3 * FAST);
	cr_expect(is_test_ordered(), "good once more, so the next comes fast");
}

Test(ejection, replies_to_queries_sent_before_are_no_tests)
{
	eject();
	good_tests(500);
	cr_expect_eq(look_until(START + S), EJECTION_GOES_ON);
	cr_expect_eq(atomic_load(&s.n_tests_good), 0);
	cr_expect_eq(look_until(START + 5 * S), EJECTION_GOES_ON);
}

Test(ejection, more_than_two_good_ones_at_once_are_two)
{
	eject();
	look_until(START + S);
	good_tests(17);
	cr_expect_eq(look_until(START + S + FAST), EJECTION_PASSED_TESTS);
}

Test(ejection, a_second_ejection_tests_from_the_start)
{
	eject();
	look_until(START + S);
	good_tests(2);
	look_until(START + 2 * S);
	ejection_taken_back(&e, START + 2 * S);
	ejection_taken_out(&e);
	is_test_ordered();
	ejection_begin(&e, 5 * S, START + 3 * S, &rng);
	cr_expect_eq(look_until(START + 4 * S - 1), EJECTION_GOES_ON);
	cr_expect_not(is_test_ordered());
	cr_expect_eq(look_until(START + 4 * S), EJECTION_GOES_ON);
	cr_expect(is_test_ordered());
}

Test(ejection, a_slow_fast_interval_does_not_slow_the_tests)
{
	ejection_init(&e, 3600 * S);
	take_out(20);
	ejection_begin(&e, 5 * S, START, &rng);
	for (int i = 1; i <= 5; i++) {
		look_until(START + i * S);
		cr_expect(is_test_ordered(), "second %d", i);
	}
}
