/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Times below 8 us have a bucket each; from there on, three bits after the highest one choose among
 * the eight of an octave. */
#include "base/histogram.h"

#include <stddef.h>

#define BITS 3
#define PER_OCTAVE (1u << BITS)

unsigned histogram_bucket(uint64_t us)
{
	if (us > HISTOGRAM_MAX_US)
		us = HISTOGRAM_MAX_US;
	if (us < PER_OCTAVE)
		return (unsigned)us;
	unsigned shift = 63u - (unsigned)__builtin_clzll(us) - BITS;
	return shift * PER_OCTAVE + (unsigned)(us >> shift); /* us >> shift is in 8..15 */
}

uint64_t histogram_start_us(unsigned bucket)
{
	if (bucket < 2 * PER_OCTAVE)
		return bucket;
	unsigned shift = bucket / PER_OCTAVE - 1;
	return (uint64_t)(PER_OCTAVE + bucket % PER_OCTAVE) << shift;
}

void histogram_sum(const struct histogram *h, uint32_t *sum)
{
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		sum[i] += atomic_load_explicit(&h->n[i], memory_order_relaxed);
}

uint64_t histogram_total(const uint32_t *counts)
{
	uint64_t total = 0;

	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		total += counts[i];
	return total;
}

uint64_t histogram_quantile_us(const uint32_t *counts, unsigned percent)
{
	uint64_t rank = histogram_total(counts) * percent; /* in hundredths */
	uint64_t below = 0;

	for (unsigned i = 0; i < HISTOGRAM_COUNT; i++) {
		uint64_t n = (uint64_t)counts[i] * 100;
		uint64_t start_us = histogram_start_us(i);

		if (n > 0 && below + n >= rank)
			return start_us +
			       (histogram_start_us(i + 1) - start_us) * (rank - below) / n;
		below += n;
	}
	return 0;
}
