/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/budget.h"

#include <criterion/criterion.h>

#include "base/clock.h"

#define START (1000 * CLOCK_NS_PER_S)
#define SECOND CLOCK_NS_PER_S
#define MS CLOCK_NS_PER_MS

static struct budget b;

static void setup(void)
{
	budget_init(&b, 20, 10000, START);
}

TestSuite(budget, .init = setup);

static unsigned take_all(unsigned keep)
{
	unsigned n = 0;

	while (budget_take(&b, keep))
		n++;
	return n;
}

/* Queries at a steady rate for so many seconds, a tick each millisecond. */
static void queries(int per_ms, int seconds, int64_t *now_ns)
{
	for (int i = 0; i < seconds * 1000; i++) {
		*now_ns += MS;
		budget_advance(&b, *now_ns);
		for (int k = 0; k < per_ms; k++)
			budget_gain(&b);
	}
}

Test(budget, starts_full_with_the_least)
{
	cr_expect_eq(take_all(0), BUDGET_LEAST);
	cr_expect_not(budget_take(&b, 0));
}

Test(budget, five_queries_pay_for_a_retry)
{
	take_all(0);
	for (int i = 0; i < 4; i++)
		budget_gain(&b);
	cr_expect_not(budget_take(&b, 0));
	budget_gain(&b);
	cr_expect(budget_take(&b, 0));
	cr_expect_not(budget_take(&b, 0));
}

Test(budget, time_pays_ten_a_second_however_often_it_is_looked_at)
{
	static const int64_t steps[] = { MS, 7 * MS, 333333, 250 * MS, SECOND };

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int64_t now_ns = START;

		setup();
		take_all(0);
		while (now_ns < START + 5 * SECOND) {
			now_ns += steps[i];
			budget_advance(&b, now_ns);
		}
		unsigned n = take_all(0);
		cr_expect(n >= 49 && n <= 50, "steps of %lld ns: %u", (long long)steps[i], n);
	}
}

Test(budget, holds_what_ten_seconds_brought)
{
	int64_t now_ns = START;

	queries(10, 30, &now_ns); /* 10 000 a second: 2 010 tokens each */
	unsigned n = take_all(0);
	cr_expect(n >= 18000 && n <= 20100, "%u", n);
}

Test(budget, forgets_what_it_gained_in_better_times)
{
	int64_t now_ns = START;

	queries(10, 10, &now_ns);
	now_ns += 10 * SECOND;
	budget_advance(&b, now_ns);
	cr_expect_leq(take_all(0), BUDGET_LEAST);
}

Test(budget, a_long_sleep_is_worth_ten_seconds)
{
	take_all(0);
	budget_advance(&b, START + 86400 * SECOND);
	cr_expect_eq(take_all(0), BUDGET_LEAST);
}

Test(budget, what_comes_back_never_overflows)
{
	budget_give_back(&b);
	cr_expect_eq(take_all(0), BUDGET_LEAST);
	budget_give_back(&b);
	cr_expect_eq(take_all(0), 1);
}

Test(budget, some_leave_a_part_for_others)
{
	static const struct {
		unsigned keep, taken;
	} cases[] = { { 75, 25 }, { 50, 50 }, { 25, 75 }, { 0, 100 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setup();
		cr_expect_eq(take_all(cases[i].keep), cases[i].taken, "keep %u", cases[i].keep);
		cr_expect_eq(take_all(0), BUDGET_LEAST - cases[i].taken, "keep %u", cases[i].keep);
	}
}

Test(budget, nothing_per_query_and_nothing_by_time_is_allowed)
{
	budget_init(&b, 0, 0, START);
	take_all(0);
	budget_gain(&b);
	budget_advance(&b, START + 3600 * SECOND);
	cr_expect_eq(take_all(0), 0);
}

Test(budget, whatever_happens_no_more_is_taken_than_was_gained)
{
	int64_t now_ns = START;
	uint64_t x = 88172645463325252u;
	int64_t n_queries = 0, n_taken = 0;

	for (int i = 0; i < 1000000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		switch (x % 5) {
		case 0:
			now_ns += (int64_t)(x >> 32) % (5 * MS);
			budget_advance(&b, now_ns);
			break;
		case 1:
		case 2:
			budget_gain(&b);
			n_queries++;
			break;
		default:
			n_taken += budget_take(&b, 0);
		}
		int64_t gained = BUDGET_LEAST * 1000 + n_queries * 200 + (now_ns - START) / 100000;
		cr_assert_leq(n_taken * 1000, gained, "step %d", i);
		cr_assert_geq(b.tokens, 0);
	}
	cr_expect_gt(n_taken, 50000);
}

/* ---- debtors -------------------------------------------------------------------------------------- */

static struct debtors d;

static void no_debts(void)
{
	setup();
	d = (struct debtors){ .halved_ns = START };
}

TestSuite(debtors, .init = no_debts);

Test(debtors, sixteen_tokens_that_did_not_come_back_make_one)
{
	for (int i = 0; i < 15; i++)
		debtors_add(&d, 7);
	cr_expect_not(debtors_owes(&d, &b, 7, 8, 16));
	debtors_add(&d, 7);
	cr_expect(debtors_owes(&d, &b, 7, 8, 16));
	cr_expect_not(debtors_owes(&d, &b, 8, 8, 16));
	debtors_forgive(&d, 7);
	cr_expect_not(debtors_owes(&d, &b, 7, 8, 16));
}

Test(debtors, a_larger_budget_allows_larger_debts)
{
	int64_t now_ns = START;

	queries(10, 10, &now_ns); /* about 20 000 tokens */
	for (int i = 0; i < 2200; i++)
		debtors_add(&d, 7);
	cr_expect_not(debtors_owes(&d, &b, 7, 8, 16));
	for (int i = 0; i < 400; i++)
		debtors_add(&d, 7);
	cr_expect(debtors_owes(&d, &b, 7, 8, 16));
}

Test(debtors, debts_fade)
{
	for (int i = 0; i < 31; i++)
		debtors_add(&d, 7);
	debtors_advance(&d, START + 2 * SECOND - 1);
	cr_expect(debtors_owes(&d, &b, 7, 8, 16));
	debtors_advance(&d, START + 2 * SECOND);
	cr_expect_not(debtors_owes(&d, &b, 7, 8, 16));
}

Test(debtors, nothing_is_forgiven_that_is_not_owed)
{
	debtors_forgive(&d, 7);
	for (int i = 0; i < 15; i++)
		debtors_add(&d, 7);
	cr_expect_not(debtors_owes(&d, &b, 7, 8, 16));
	for (int i = 0; i < 100000; i++)
		debtors_add(&d, 7);
	cr_expect(debtors_owes(&d, &b, 7, 8, 16));
}
