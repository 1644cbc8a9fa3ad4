/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: `sum` is the sum of the windows. Workers' counts wrap around, differences do not. */
#include "balance/latency.h"

#include <stdlib.h>
#include <string.h>

#include "balance/server.h"
#include "base/err.h"
#include "base/histogram.h"

struct latency_server {
	uint32_t last[HISTOGRAM_COUNT]; /* as read */
	uint32_t sum[HISTOGRAM_COUNT];
	uint32_t windows[LATENCY_WINDOWS][HISTOGRAM_COUNT];
};

struct latency {
	size_t n_servers;
	size_t now; /* the window of this second */
	struct latency_server servers[];
};

size_t latency_bytes(size_t n_servers)
{
	return sizeof(struct latency) + n_servers * sizeof(struct latency_server);
}

int latency_new(size_t n_servers, struct latency **latency_out)
{
	struct latency *l = calloc(1, latency_bytes(n_servers));

	if (l == NULL)
		return ERR_NOMEM;
	l->n_servers = n_servers;
	*latency_out = l;
	return 0;
}

void latency_free(struct latency **l)
{
	free(*l);
	*l = NULL;
}

void latency_turn(struct latency *l)
{
	l->now = (l->now + 1) % LATENCY_WINDOWS;
}

void latency_read(struct latency *l, size_t server, const uint32_t *counts)
{
	struct latency_server *s = &l->servers[server];
	uint32_t *window = s->windows[l->now];

	for (size_t i = 0; i < HISTOGRAM_COUNT; i++) {
		uint32_t n = counts[i] - s->last[i];

		s->sum[i] += n - window[i];
		window[i] = n;
	}
	memcpy(s->last, counts, sizeof s->last);
}

uint64_t latency_median_us(const struct latency *l, size_t server)
{
	const uint32_t *sum = l->servers[server].sum;

	if (histogram_total(sum) < LATENCY_SAMPLES_LEAST)
		return 0;
	uint64_t median_us = histogram_quantile_us(sum, 50);
	return median_us > 0 ? median_us : 1;
}

uint32_t latency_share(uint64_t median_us, uint64_t least_us)
{
	if (median_us <= least_us + LATENCY_CLOSE_US || median_us * 4 <= least_us * 5)
		return SERVER_SHARE_FULL;
	if (median_us >= least_us * LATENCY_RATIO_MOST)
		return SERVER_SHARE_FULL / LATENCY_RATIO_MOST;
	return (uint32_t)(least_us * SERVER_SHARE_FULL / median_us);
}

uint32_t latency_hedge_delay_us(const struct latency *l, unsigned percent)
{
	uint32_t sum[HISTOGRAM_COUNT] = { 0 };

	for (size_t s = 0; s < l->n_servers; s++) {
		for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
			sum[i] += l->servers[s].sum[i];
	}
	if (histogram_total(sum) < LATENCY_HEDGE_SAMPLES_LEAST)
		return 0;
	uint64_t delay_us = histogram_quantile_us(sum, 100 - percent);
	if (delay_us < LATENCY_HEDGE_LEAST_US)
		return LATENCY_HEDGE_LEAST_US;
	return delay_us < LATENCY_HEDGE_MOST_US ? (uint32_t)delay_us : LATENCY_HEDGE_MOST_US;
}
