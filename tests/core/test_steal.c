/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/steal.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>

#include "net/poller.h"

enum { N = 3 };
static const int64_t NOW_NS = 1000 * STEAL_AGE_NS;

static struct steal *s;
static int fds[N];

static void begin(void)
{
	cr_assert_eq(steal_new(N, &s), 0);
	for (unsigned i = 0; i < N; i++) {
		cr_assert_eq(wakeup_new(&fds[i]), 0);
		steal_set_wakeup(s, i, fds[i]);
	}
}

static void end(void)
{
	steal_free(&s);
	cr_expect_null(s);
	for (unsigned i = 0; i < N; i++)
		close(fds[i]);
}

TestSuite(steal, .init = begin, .fini = end);

/* Was it woken since the last look? */
static bool is_woken(unsigned i)
{
	struct pollfd p = { .fd = fds[i], .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, 0) == 1 && read(fds[i], &n, sizeof n) == sizeof n;
}

Test(steal, who_is_behind_wakes_one_that_sleeps)
{
	for (unsigned i = 0; i < N; i++)
		steal_awake(s, i, NOW_NS);
	steal_behind(s, 0, true);
	cr_expect_not(is_woken(1), "it does not sleep");
	steal_asleep(s, 1);
	steal_asleep(s, 2);
	steal_behind(s, 0, true);
	cr_expect(is_woken(1));
	cr_expect_not(is_woken(2), "one is enough");
	steal_behind(s, 0, true);
	cr_expect_not(is_woken(1), "it was called already");
	cr_expect(is_woken(2), "still behind: another one");
	steal_awake(s, 1, NOW_NS);
	steal_asleep(s, 1);
	steal_behind(s, 0, true);
	cr_expect(is_woken(1), "it slept again");
}

Test(steal, help_may_come_while_not_all_are_behind)
{
	cr_expect_not(steal_behind(s, 0, false), "it wants none");
	cr_expect(steal_behind(s, 0, true));
	cr_expect(steal_behind(s, 1, true));
	cr_expect_not(steal_behind(s, 2, true));
	cr_expect_not(steal_behind(s, 0, true));
	steal_behind(s, 1, false);
	cr_expect(steal_behind(s, 0, true));
}

Test(steal, nobody_wakes_before_the_first_sleep_nor_oneself)
{
	steal_behind(s, 0, true);
	steal_asleep(s, 0);
	steal_behind(s, 0, true);
	for (unsigned i = 0; i < N; i++)
		cr_expect_not(is_woken(i), "%u", i);
}

Test(steal, who_is_behind_is_found_by_the_others)
{
	for (unsigned i = 0; i < N; i++)
		steal_awake(s, i, NOW_NS);
	cr_expect_eq(steal_next(s, 0, -1, NOW_NS), -1);
	steal_behind(s, 0, true);
	steal_behind(s, 2, true);
	cr_expect_eq(steal_next(s, 1, -1, NOW_NS), 0);
	cr_expect_eq(steal_next(s, 1, 0, NOW_NS), 2);
	cr_expect_eq(steal_next(s, 1, 2, NOW_NS), -1);
	cr_expect_eq(steal_next(s, 0, -1, NOW_NS), 2, "not oneself");
	steal_behind(s, 2, false);
	cr_expect_eq(steal_next(s, 0, -1, NOW_NS), -1);
}

Test(steal, a_turn_that_does_not_end_is_behind_and_sleep_is_not)
{
	steal_awake(s, 0, NOW_NS);
	steal_awake(s, 1, NOW_NS);
	steal_asleep(s, 1);
	steal_awake(s, 2, NOW_NS);
	cr_expect_eq(steal_next(s, 2, -1, NOW_NS + STEAL_AGE_NS), -1);
	cr_expect_eq(steal_next(s, 2, -1, NOW_NS + STEAL_AGE_NS + 1), 0);
	cr_expect_eq(steal_next(s, 2, 0, NOW_NS + STEAL_AGE_NS + 1), -1);
}
