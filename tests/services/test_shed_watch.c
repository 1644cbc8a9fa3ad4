/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "services/shed_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct shed_watch w;
static uint64_t counts[METRIC_COUNT];
static char text[SHED_WATCH_TEXT_MAX];
static int64_t now_s;

static void setup(void)
{
	memset(&w, 0, sizeof w);
	memset(counts, 0, sizeof counts);
	now_s = 1000;
}

TestSuite(shed_watch, .init = setup);

/* A second later. */
static enum shed_news look(void)
{
	now_s++;
	return shed_watch_look(&w, counts, now_s * CLOCK_NS_PER_S, text, sizeof text);
}

static void expect_quiet(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++)
		cr_expect_eq(look(), SHED_NO_NEWS, "second %u: %s", i, text);
}

Test(shed_watch, nothing_is_told_of_other_counters)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		if (metric_rows[i].kind != METRIC_KIND_SHED)
			counts[i] = 100;
	}
	expect_quiet(200);
}

Test(shed_watch, every_cause_is_told_within_a_second)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		char cause[64];

		if (metric_rows[i].kind != METRIC_KIND_SHED)
			continue;
		setup();
		expect_quiet(1);
		counts[i] = 7;
		cr_expect_eq(look(), SHED_BEGINS);
		snprintf(cause, sizeof cause, "overloaded; queries shed: 7 (%s 7)",
			metric_rows[i].name);
		cr_expect_str_eq(text, cause);
	}
}

Test(shed_watch, causes_are_told_together)
{
	counts[METRIC_shed_queue] = 3;
	counts[METRIC_shed_fair] = 4;
	cr_expect_eq(look(), SHED_BEGINS);
	cr_expect_str_eq(text, "overloaded; queries shed: 7 (shed_queue 3, shed_fair 4)");
}

Test(shed_watch, while_it_goes_on_a_line_a_minute)
{
	counts[METRIC_shed_limit] = 5;
	cr_expect_eq(look(), SHED_BEGINS);
	for (int i = 1; i < 60; i++) {
		counts[METRIC_shed_limit]++;
		expect_quiet(1);
	}
	counts[METRIC_shed_limit]++;
	cr_expect_eq(look(), SHED_GOES_ON);
	cr_expect_str_eq(text, "still overloaded; queries shed of late: 60 (shed_limit 60)");
}

Test(shed_watch, a_minute_without_ends_it)
{
	counts[METRIC_shed_limit] = 5;
	cr_expect_eq(look(), SHED_BEGINS);
	expect_quiet(30);
	counts[METRIC_shed_fair] = 2;
	expect_quiet(29); /* then the minute's line is due */
	cr_expect_eq(look(), SHED_GOES_ON);
	cr_expect_str_eq(text, "still overloaded; queries shed of late: 2 (shed_fair 2)");
	expect_quiet(30);
	cr_expect_eq(look(), SHED_ENDS);
	cr_expect_str_eq(text, "no longer overloaded, for a minute; queries shed in all: 7 "
			       "(shed_limit 5, shed_fair 2)");
	expect_quiet(100);
	counts[METRIC_shed_fair]++;
	cr_expect_eq(look(), SHED_BEGINS);
	cr_expect_str_eq(text, "overloaded; queries shed: 1 (shed_fair 1)");
}

Test(shed_watch, a_text_without_room_is_cut)
{
	char small[16];

	counts[METRIC_shed_queue] = 3;
	cr_expect_eq(shed_watch_look(&w, counts, CLOCK_NS_PER_S, small, sizeof small), SHED_BEGINS);
	cr_expect_eq(strncmp(small, "overloaded; quer", 15), 0);
	cr_expect_lt(strlen(small), sizeof small);
}
