/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * clock - the two clocks of the program, in nanoseconds. Any thread; no locks; never fails.
 *
 * Everything that waits or measures uses clock_mono_ns(); it is read once per batch and handed
 * down. clock_real_ns() exists for the kernel's receive stamps and for log lines. */
#pragma once
#include <stdint.h>

#define CLOCK_NS_PER_US 1000LL
#define CLOCK_NS_PER_MS 1000000LL
#define CLOCK_NS_PER_S 1000000000LL

int64_t clock_mono_ns(void);
int64_t clock_real_ns(void);
/* Both at one moment, for turning a stamp of one clock into one of the other: a thread that loses the
 * processor between two reads would be wrong by that long, so the pair is read again when it lies
 * too far apart (some times, then the last is taken). */
void clock_both_ns(int64_t *mono_ns_out, int64_t *real_ns_out);
/* Sleeps: only for backing off when the system is out of something. */
void clock_pause_ns(int64_t ns);
