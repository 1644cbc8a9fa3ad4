/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When does a queue stand, and what is then too late? All times are given in ms. */
#include "core/codel.h"

#include <criterion/criterion.h>

#include "base/clock.h"

#define MS CLOCK_NS_PER_MS

static struct codel c;
static int64_t now_ms;

static void setup(void)
{
	codel_init(&c, 5 * MS, 100 * MS);
	now_ms = 1000000;
}

TestSuite(codel, .init = setup);

/* Notes a delay; the verdict then. */
static bool note(int64_t delay_ms)
{
	codel_note(&c, delay_ms * MS, now_ms * MS);
	return c.is_standing;
}

/* A delay each ms for so long; at how many of them the queue stood. */
static int feed(int ms, int64_t delay_ms)
{
	int n = 0;

	for (int i = 0; i < ms; i++, now_ms++)
		n += note(delay_ms);
	return n;
}

Test(codel, nothing_stands_while_delays_are_small)
{
	cr_expect_eq(feed(1000, 0), 0);
	cr_expect_eq(feed(1000, 5), 0, "the target itself is fine");
}

Test(codel, a_little_more_than_the_target_stands)
{
	feed(100, 6);
	cr_expect_eq(feed(100, 6), 100);
}

Test(codel, a_first_interval_is_never_judged)
{
	cr_expect_eq(feed(100, 1000), 0);
	cr_expect_eq(feed(100, 1000), 100);
}

Test(codel, one_short_wait_in_an_interval_acquits_it)
{
	for (int i = 0; i < 10; i++) {
		cr_expect_eq(feed(99, 50), 0, "interval %d", i);
		feed(1, 5);
	}
}

Test(codel, the_verdict_lasts_until_an_interval_is_good)
{
	feed(100, 50);
	cr_expect_eq(feed(300, 50), 300);
	feed(100, 1); /* this interval is still judged by the one before */
	cr_expect_eq(feed(100, 50), 0);
}

Test(codel, an_old_verdict_says_nothing)
{
	feed(100, 50);
	now_ms += 1000; /* nothing came for long */
	cr_expect_eq(feed(100, 50), 0);
	cr_expect_eq(feed(100, 50), 100);
}

Test(codel, a_single_datagram_now_and_then_is_no_queue)
{
	for (int i = 0; i < 20; i++) {
		cr_expect_not(note(3000));
		now_ms += 250;
	}
}

Test(codel, time_zero_is_a_time)
{
	now_ms = 0;
	cr_expect_eq(feed(100, 50), 0);
	cr_expect_eq(feed(100, 50), 100);
}

Test(codel, a_negative_delay_is_a_short_one)
{
	feed(50, 50);
	cr_expect_not(note(-3));
	feed(50, 50);
	cr_expect_eq(feed(50, 50), 0);
}

Test(codel, a_note_that_nothing_waits_acquits_the_interval)
{
	feed(100, 50);
	cr_expect(note(50));
	codel_note(&c, 0, now_ms * MS);
	feed(100, 50);
	cr_expect_eq(feed(99, 50), 0);
}
