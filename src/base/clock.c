/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Both clocks are served by the vDSO: a read costs some 25 ns and no system call. */
#include "base/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts); /* cannot fail for the two ids used here */
	return ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_real_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

void clock_pause_ns(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / CLOCK_NS_PER_S, .tv_nsec = ns % CLOCK_NS_PER_S };

	nanosleep(&ts, NULL);
}
