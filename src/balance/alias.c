/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Each of the n columns holds 1/n of all chance and belongs to at most two indices: to its own
 * below the threshold, to `other` above it. A draw takes a column and a coin from one 64-bit
 * number. While the table is filled, chances are whole numbers in units of 1/(n * sum of weights),
 * so nothing is lost to rounding until the threshold itself. */
#include "balance/alias.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

struct column {
	uint32_t threshold; /* in 1/2^32 of the column */
	uint32_t other;
};

struct alias {
	size_t n;
	struct column columns[];
};

/* Chances wait in two stacks that share one array: short ones from the left, long ones from the
 * right; there are never more than n in both. */
struct filling {
	uint64_t full; /* what a column holds: the sum of the weights */
	uint64_t *chance; /* of each index, what is not yet in a column */
	size_t *stack;
	size_t n_short, n_long, n;
};

static void push(struct filling *f, size_t i)
{
	if (f->chance[i] < f->full)
		f->stack[f->n_short++] = i;
	else
		f->stack[f->n - ++f->n_long] = i;
}

static void fill(struct alias *a, struct filling *f)
{
	for (size_t i = 0; i < a->n; i++)
		push(f, i);
	/* A short one implies a long one: on average they are exactly full. */
	while (f->n_short > 0) {
		size_t less = f->stack[--f->n_short];
		size_t more = f->stack[f->n - f->n_long--];

		a->columns[less].threshold = (uint32_t)((double)f->chance[less] / (double)f->full *
							0x1p32);
		a->columns[less].other = (uint32_t)more;
		f->chance[more] -= f->full - f->chance[less];
		push(f, more);
	}
	while (f->n_long > 0) {
		size_t i = f->stack[f->n - f->n_long--];

		a->columns[i] = (struct column){ .threshold = UINT32_MAX, .other = (uint32_t)i };
	}
}

static size_t bytes_of(size_t n)
{
	return sizeof(struct alias) + n * sizeof(struct column);
}

int alias_new(const unsigned *weights, size_t n, struct alias **alias_out)
{
	struct alias *a = malloc(bytes_of(n));
	struct filling f = {
		.chance = calloc(n, sizeof *f.chance), .stack = calloc(n, sizeof *f.stack), .n = n
	};
	int err = ERR_NOMEM;

	assert(n > 0 && n <= UINT32_MAX);
	if (a == NULL || f.chance == NULL || f.stack == NULL)
		goto out;
	a->n = n;
	for (size_t i = 0; i < n; i++) {
		assert(weights[i] > 0);
		f.full += weights[i];
		f.chance[i] = (uint64_t)weights[i] * n;
	}
	fill(a, &f);
	*alias_out = a;
	a = NULL;
	err = 0;
out:
	free(f.stack);
	free(f.chance);
	free(a);
	return err;
}

void alias_free(struct alias **a)
{
	free(*a);
	*a = NULL;
}

size_t alias_bytes(const struct alias *a)
{
	return bytes_of(a->n);
}

size_t alias_draw(const struct alias *a, struct rng *rng)
{
	uint64_t random = rng_u64(rng);
	size_t i = (size_t)(((random >> 32) * a->n) >> 32);

	return (uint32_t)random < a->columns[i].threshold ? i : a->columns[i].other;
}
