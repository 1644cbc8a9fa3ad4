/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rows, in the order of the ids because both come from METRIC_LIST. */
#include "base/metric.h"

const struct metric_row metric_rows[METRIC_COUNT] = {
#define X(n, k, h) [METRIC_##n] = { .name = #n, .help = (h), .kind = METRIC_KIND_##k },
	METRIC_LIST(X)
#undef X
};

uint64_t metric_sum(const struct metric_block *blocks, size_t n_blocks, enum metric_id id)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n_blocks; i++)
		sum += atomic_load_explicit(&blocks[i].value[id], memory_order_relaxed);
	return sum;
}
