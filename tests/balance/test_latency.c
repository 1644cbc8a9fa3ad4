/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/latency: a second is a call. */
#include "balance/latency.h"

#include <criterion/criterion.h>

#include "balance/server.h"
#include "base/histogram.h"

static struct latency *l;
static uint32_t counts[3][HISTOGRAM_COUNT];

static void setup(void)
{
	cr_assert_eq(latency_new(3, &l), 0);
}

static void finish(void)
{
	latency_free(&l);
	cr_expect_null(l);
	latency_free(&l);
}

TestSuite(latency, .init = setup, .fini = finish);

static void replies(size_t server, uint32_t n, uint64_t us)
{
	counts[server][histogram_bucket(us)] += n;
}

static void second(void)
{
	latency_turn(l);
	for (size_t s = 0; s < 3; s++)
		latency_read(l, s, counts[s]);
}

Test(latency, a_median_takes_twenty_samples)
{
	second();
	cr_expect_eq(latency_median_us(l, 0), 0);
	replies(0, 19, 1000);
	second();
	cr_expect_eq(latency_median_us(l, 0), 0);
	replies(0, 1, 1000);
	second();
	uint64_t us = latency_median_us(l, 0);
	cr_expect(us >= 960 && us <= 1024, "%llu us", (unsigned long long)us);
	cr_expect_eq(latency_median_us(l, 1), 0);
}

Test(latency, samples_count_for_ten_seconds)
{
	replies(0, 30, 1000);
	second();
	for (int i = 0; i < 9; i++) {
		cr_expect_neq(latency_median_us(l, 0), 0, "second %d", i);
		second();
	}
	cr_expect_neq(latency_median_us(l, 0), 0);
	second();
	cr_expect_eq(latency_median_us(l, 0), 0);
	replies(0, 30, 9000);
	second();
	cr_expect_gt(latency_median_us(l, 0), 8000, "nothing is left of the old ones");
}

Test(latency, counts_may_wrap_around)
{
	counts[0][63] = UINT32_MAX - 5;
	second();
	for (int i = 0; i < 20; i++)
		second();
	counts[0][63] += 25;
	second();
	cr_expect_neq(latency_median_us(l, 0), 0);
	cr_expect_eq(latency_hedge_delay_us(l, 5), 0, "25 are too few for that");
}

Test(latency, the_median_of_the_fastest_is_never_0)
{
	replies(0, 30, 0);
	second();
	cr_expect_eq(latency_median_us(l, 0), 1);
}

Test(latency, shares_are_by_the_ratio_within_limits)
{
	static const struct {
		const char *name;
		uint64_t median_us, least_us;
		uint32_t share;
	} cases[] = {
		{ "the fastest", 10000, 10000, SERVER_SHARE_FULL },
		{ "2 ms more", 3000, 1000, SERVER_SHARE_FULL },
		{ "a little over 2 ms more, four times", 4004, 1001, SERVER_SHARE_FULL / 4 },
		{ "over 2 ms more, but less than four times", 3001, 1000, 21838 },
		{ "a quarter more", 12500, 10000, SERVER_SHARE_FULL },
		{ "just over a quarter more", 12501, 10000, 52424 },
		{ "a quarter more of much", 125000, 100000, SERVER_SHARE_FULL },
		{ "twice", 20000, 10000, SERVER_SHARE_FULL / 2 },
		{ "four times", 40000, 10000, SERVER_SHARE_FULL / 4 },
		{ "forty times", 400000, 10000, SERVER_SHARE_FULL / 4 },
		{ "the ends", HISTOGRAM_MAX_US, 1, SERVER_SHARE_FULL / 4 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(latency_share(cases[i].median_us, cases[i].least_us), cases[i].share,
			"%s: %u", cases[i].name,
			latency_share(cases[i].median_us, cases[i].least_us));
}

Test(latency, a_hedge_waits_as_long_as_all_but_few_replies)
{
	replies(0, 100, 20000);
	second();
	replies(1, 99, 20000);
	second();
	cr_expect_eq(latency_hedge_delay_us(l, 5), 0, "199 samples of the pool");
	replies(2, 1, 20000);
	second();
	uint32_t us = latency_hedge_delay_us(l, 5);
	cr_expect(us >= 18432 && us <= 20480, "%u us", us);
	replies(2, 20, 100000); /* 20 of 220 are slow: 9 % */
	second();
	cr_expect_leq(latency_hedge_delay_us(l, 10), 20480);
	cr_expect_geq(latency_hedge_delay_us(l, 8), 90000);
}

Test(latency, the_delay_of_a_hedge_is_exact_to_a_percent)
{
	static const unsigned slow[] = { 55, 45 }; /* of a thousand */

	for (size_t i = 0; i < 2; i++) {
		finish();
		setup();
		replies(0, 1000 - slow[i], 20000);
		replies(0, slow[i], 100000);
		second();
		uint32_t us = latency_hedge_delay_us(l, 5);
		cr_expect_eq(us > 90000, slow[i] > 50, "%u slow: %u us", slow[i], us);
	}
}

Test(latency, the_delay_of_a_hedge_has_limits)
{
	replies(0, 1000, 100);
	second();
	cr_expect_eq(latency_hedge_delay_us(l, 5), LATENCY_HEDGE_LEAST_US);
	replies(0, 100000, 3000000);
	second();
	cr_expect_eq(latency_hedge_delay_us(l, 5), LATENCY_HEDGE_MOST_US);
	cr_expect_eq(latency_hedge_delay_us(l, 50), LATENCY_HEDGE_MOST_US);
}
