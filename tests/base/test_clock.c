/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Against the system's own clocks, read before and after. */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <time.h>

static int64_t system_ns(clockid_t id)
{
	struct timespec ts;

	cr_assert_eq(clock_gettime(id, &ts), 0);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

Test(clock, mono_is_the_monotonic_clock_in_nanoseconds)
{
	int64_t before = system_ns(CLOCK_MONOTONIC);
	int64_t ours = clock_mono_ns();
	int64_t after = system_ns(CLOCK_MONOTONIC);

	cr_expect_leq(before, ours);
	cr_expect_leq(ours, after);
}

Test(clock, real_is_the_wall_clock_in_nanoseconds)
{
	/* A step of the wall clock between two reads would fail this: try again. */
	for (int i = 0; i < 5; i++) {
		int64_t before = system_ns(CLOCK_REALTIME);
		int64_t ours = clock_real_ns();
		int64_t after = system_ns(CLOCK_REALTIME);

		if (before <= ours && ours <= after)
			return;
	}
	cr_expect_fail("five reads, none between its neighbours");
}

Test(clock, mono_never_goes_back)
{
	int64_t last = clock_mono_ns();

	for (int i = 0; i < 100000; i++) {
		int64_t now = clock_mono_ns();

		cr_assert_geq(now, last);
		last = now;
	}
}

Test(clock, units_fit_each_other)
{
	cr_expect_eq(CLOCK_NS_PER_S, 1000 * CLOCK_NS_PER_MS);
	cr_expect_eq(CLOCK_NS_PER_MS, 1000 * CLOCK_NS_PER_US);
	cr_expect_eq(CLOCK_NS_PER_US, 1000);
}

Test(clock, both_are_of_one_moment)
{
	int64_t least_ns = INT64_MAX, most_ns = INT64_MIN;

	/* However often the processor is lost between reads, the two clocks keep their distance; a
	 * pair that was torn apart would show. Four times in a row is not to be expected. */
	for (int i = 0; i < 200000; i++) {
		int64_t mono_ns, real_ns;

		clock_both_ns(&mono_ns, &real_ns);
		int64_t apart_ns = real_ns - mono_ns;
		least_ns = apart_ns < least_ns ? apart_ns : least_ns;
		most_ns = apart_ns > most_ns ? apart_ns : most_ns;
	}
	cr_expect_lt(most_ns - least_ns, CLOCK_NS_PER_MS);
}
