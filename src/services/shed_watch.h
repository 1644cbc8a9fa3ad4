/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * shed_watch - tells that queries are shed, and why: at once when it begins, then once a minute, and when for
 * a minute none was. Whatever sheds them: what is told is the difference of the counters.
 *
 * Pure: counters and time are handed in, and a message comes out. One owner thread: main. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metric.h"

#define SHED_WATCH_LOOK_NS CLOCK_NS_PER_S /* how often to look */
#define SHED_WATCH_PERIOD_NS (60 * CLOCK_NS_PER_S)
#define SHED_WATCH_TEXT_MAX 512

enum shed_news { SHED_NO_NEWS, SHED_BEGINS, SHED_GOES_ON, SHED_ENDS };

/* Only shed_watch.c looks inside. Zero-initialise. */
struct shed_watch {
	bool is_shedding;
	int64_t tell_ns; /* the next line is due */
	int64_t last_ns; /* something was shed */
	uint64_t seen[METRIC_COUNT]; /* by the last look */
	uint64_t told[METRIC_COUNT]; /* by the last line */
	uint64_t began[METRIC_COUNT]; /* before it began */
};

/* All counters as they are now. The message for the log, unless there is no news. */
enum shed_news shed_watch_look(struct shed_watch *w, const uint64_t counts[METRIC_COUNT],
	int64_t now_ns, char *text_out, size_t size);
