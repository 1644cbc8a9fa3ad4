/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * histogram - how long things took, in microseconds, in buckets whose width grows with the time:
 * eight to an octave, so a bucket is at most an eighth as wide as the time it stands for. What took
 * longer than HISTOGRAM_MAX_US is in the last one.
 *
 * One thread adds, any thread reads (relaxed; a reader may see some of the last additions and not
 * others). Counts only grow and wrap around at 32 bits: what happened between two readings is the
 * difference, bucket by bucket. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_MAX_US 60000000
#define HISTOGRAM_COUNT 191 /* of buckets: that of HISTOGRAM_MAX_US is the last */

struct histogram {
	_Atomic uint32_t n[HISTOGRAM_COUNT]; /* owner writes */
};

/* The bucket of a time, and the first time of a bucket (of HISTOGRAM_COUNT too: where the last ends). */
unsigned histogram_bucket(uint64_t us);
uint64_t histogram_start_us(unsigned bucket);

/* Owner only. */
static inline void histogram_add(struct histogram *h, uint64_t us)
{
	_Atomic uint32_t *n = &h->n[histogram_bucket(us)];
	uint32_t old = atomic_load_explicit(n, memory_order_relaxed);

	atomic_store_explicit(n, old + 1, memory_order_relaxed);
}

/* Any thread: adds its counts to those of `sum`, HISTOGRAM_COUNT numbers. */
void histogram_sum(const struct histogram *h, uint32_t *sum);

/* Of HISTOGRAM_COUNT counts: how many, and the time that `percent` of them did not exceed, evenly
 * spread within a bucket; 0 if there are none. */
uint64_t histogram_total(const uint32_t *counts);
uint64_t histogram_quantile_us(const uint32_t *counts, unsigned percent);
