/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of base/histogram. */
#include "base/histogram.h"

#include <criterion/criterion.h>
#include <string.h>

static struct histogram h;
static uint32_t sum[HISTOGRAM_COUNT];

static const struct {
	uint64_t us;
	unsigned bucket;
} edges[] = {
	{ 0, 0 },
	{ 1, 1 },
	{ 7, 7 },
	{ 8, 8 },
	{ 15, 15 },
	{ 16, 16 },
	{ 17, 16 },
	{ 18, 17 },
	{ 31, 23 },
	{ 32, 24 },
	{ 1000, 63 },
	{ 1024, 64 },
	{ HISTOGRAM_MAX_US - 1, HISTOGRAM_COUNT - 1 },
	{ HISTOGRAM_MAX_US, HISTOGRAM_COUNT - 1 },
	{ HISTOGRAM_MAX_US + 1, HISTOGRAM_COUNT - 1 },
	{ UINT32_MAX, HISTOGRAM_COUNT - 1 },
	{ UINT64_MAX, HISTOGRAM_COUNT - 1 },
};

Test(histogram, times_have_their_buckets)
{
	for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
		cr_expect_eq(histogram_bucket(edges[i].us), edges[i].bucket, "%llu us: %u",
			(unsigned long long)edges[i].us, histogram_bucket(edges[i].us));
}

Test(histogram, buckets_follow_each_other_without_a_gap)
{
	for (unsigned i = 0; i < HISTOGRAM_COUNT; i++) {
		uint64_t start_us = histogram_start_us(i), end_us = histogram_start_us(i + 1);

		cr_expect_lt(start_us, end_us, "bucket %u", i);
		cr_expect_eq(histogram_bucket(start_us), i, "bucket %u", i);
		if (end_us <= HISTOGRAM_MAX_US) {
			cr_expect_eq(histogram_bucket(end_us - 1), i, "bucket %u", i);
			cr_expect_eq(histogram_bucket(end_us), i + 1, "bucket %u", i);
		}
	}
}

Test(histogram, a_bucket_is_at_most_an_eighth_as_wide_as_its_time)
{
	for (unsigned i = 8; i < HISTOGRAM_COUNT; i++)
		cr_expect_leq((histogram_start_us(i + 1) - histogram_start_us(i)) * 8,
			histogram_start_us(i), "bucket %u", i);
}

Test(histogram, every_time_is_in_its_bucket)
{
	for (uint64_t us = 0; us < 100000; us++) {
		unsigned i = histogram_bucket(us);

		cr_assert(histogram_start_us(i) <= us && us < histogram_start_us(i + 1), "%llu us",
			(unsigned long long)us);
	}
}

Test(histogram, sums_add_to_what_is_there)
{
	histogram_add(&h, 0);
	histogram_add(&h, 17);
	histogram_add(&h, 16);
	sum[16] = 5;
	histogram_sum(&h, sum);
	histogram_sum(&h, sum);
	cr_expect_eq(sum[0], 2);
	cr_expect_eq(sum[16], 9);
	cr_expect_eq(histogram_total(sum), 11);
}

Test(histogram, counts_wrap_and_differences_do_not)
{
	atomic_store(&h.n[3], UINT32_MAX);
	histogram_add(&h, 3);
	histogram_add(&h, 3);
	histogram_sum(&h, sum);
	cr_expect_eq(sum[3], 1);
	cr_expect_eq(sum[3] - UINT32_MAX, 2);
}

Test(histogram, nothing_has_no_quantile)
{
	cr_expect_eq(histogram_total(sum), 0);
	cr_expect_eq(histogram_quantile_us(sum, 0), 0);
	cr_expect_eq(histogram_quantile_us(sum, 50), 0);
	cr_expect_eq(histogram_quantile_us(sum, 100), 0);
}

Test(histogram, quantiles_are_within_a_bucket_of_the_truth)
{
	static const unsigned percents[] = { 1, 10, 25, 50, 75, 90, 99, 100 };

	for (uint64_t us = 1; us <= 10000; us++)
		sum[histogram_bucket(us)]++;
	for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
		int64_t want_us = percents[i] * 100;
		int64_t got_us = (int64_t)histogram_quantile_us(sum, percents[i]);

		cr_expect(got_us >= want_us * 85 / 100 && got_us <= want_us * 115 / 100,
			"%u %%: %lld us", percents[i], (long long)got_us);
	}
}

Test(histogram, quantiles_divide_groups_of_times)
{
	sum[histogram_bucket(1000)] = 90;
	sum[histogram_bucket(40000)] = 10;
	cr_expect_leq(histogram_quantile_us(sum, 90), 1024);
	cr_expect_geq(histogram_quantile_us(sum, 91), 36864);
	cr_expect_geq(histogram_quantile_us(sum, 50), 960);
	sum[histogram_bucket(1000)] = UINT32_MAX; /* no overflow on the way */
	cr_expect_leq(histogram_quantile_us(sum, 99), 1024);
}

Test(histogram, one_sample_is_every_quantile)
{
	sum[histogram_bucket(5000)] = 1;
	for (unsigned percent = 0; percent <= 100; percent++) {
		uint64_t us = histogram_quantile_us(sum, percent);

		cr_expect(us >= 4608 && us <= 5120, "%u %%: %llu us", percent,
			(unsigned long long)us);
	}
}
