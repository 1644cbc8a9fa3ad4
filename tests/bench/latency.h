/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * latency - a log-linear histogram of times in nanoseconds: 128 buckets to an octave, so a
 * percentile is right to 0.8 %. Finer than base/histogram.h, because ratios are made of it. */
#pragma once
#include <stdint.h>

enum { LATENCY_BITS = 7, LATENCY_OCTAVES = 36, LATENCY_BUCKETS = LATENCY_OCTAVES << LATENCY_BITS };

struct latency {
	uint64_t n[LATENCY_BUCKETS];
	uint64_t total, max_ns, sum_ns;
};

static inline unsigned latency_bucket(uint64_t ns)
{
	if (ns < 1 << LATENCY_BITS)
		return (unsigned)ns;
	unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - LATENCY_BITS;
	unsigned bucket = (shift << LATENCY_BITS) + (unsigned)(ns >> shift);
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static inline void latency_add(struct latency *l, int64_t took_ns)
{
	uint64_t ns = took_ns > 0 ? (uint64_t)took_ns : 0;

	l->n[latency_bucket(ns)]++;
	l->total++;
	l->sum_ns += ns;
	l->max_ns = ns > l->max_ns ? ns : l->max_ns;
}

/* The middle of the bucket in which the share lies; 0 if there are none. */
static inline uint64_t latency_at(const struct latency *l, double share)
{
	uint64_t rank = (uint64_t)(share * (double)l->total), below = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		below += l->n[i];
		if (below <= rank)
			continue;
		unsigned shift = i >> LATENCY_BITS ? (i >> LATENCY_BITS) - 1 : 0;
		uint64_t from = (uint64_t)(i - (shift << LATENCY_BITS)) << shift;
		uint64_t middle = from + ((1ull << shift) >> 1);
		return middle < l->max_ns ? middle : l->max_ns;
	}
	return l->max_ns;
}
