/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/alias: draws follow the weights, whatever their number and size. */
#include "balance/alias.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "balance/fixture.h"

#define N_DRAWS 200000

static struct alias *make(const unsigned *weights, size_t n)
{
	struct alias *a = NULL;

	cr_assert_eq(alias_new(weights, n, &a), 0);
	return a;
}

Test(alias, draws_follow_the_weights)
{
	static const struct {
		const char *name;
		size_t n;
		unsigned weights[5];
	} cases[] = {
		{ "one", 1, { 7 } },
		{ "two equal", 2, { 1, 1 } },
		{ "4 to 1", 2, { 4, 1 } },
		{ "1 to 4", 2, { 1, 4 } },
		{ "10 1 1 1", 4, { 10, 1, 1, 1 } },
		{ "1 to 5", 5, { 1, 2, 3, 4, 5 } },
		{ "1000 to 1", 2, { 1000, 1 } },
		{ "five equal and large", 5, { 1000, 1000, 1000, 1000, 1000 } },
		{ "beyond 32 bits in sum", 3, { 4000000000U, 2000000000U, 2000000000U } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct alias *a = make(cases[i].weights, cases[i].n);
		unsigned counts[5] = { 0 };
		double sum = 0;
		struct rng rng;

		fixture_rng(&rng, (uint8_t)i);
		for (size_t k = 0; k < cases[i].n; k++)
			sum += cases[i].weights[k];
		for (int k = 0; k < N_DRAWS; k++) {
			size_t drawn = alias_draw(a, &rng);

			cr_assert_lt(drawn, cases[i].n, "%s", cases[i].name);
			counts[drawn]++;
		}
		for (size_t k = 0; k < cases[i].n; k++) /* four deviations of a fair half: 0.45 % */
			cr_expect_float_eq(counts[k] / (double)N_DRAWS, cases[i].weights[k] / sum,
				0.0045, "%s: %zu has %u", cases[i].name, k, counts[k]);
		alias_free(&a);
	}
}

Test(alias, large_tables_reach_every_index)
{
	enum { N = 5000 };
	unsigned *weights = calloc(N, sizeof *weights);
	unsigned *counts = calloc(N, sizeof *counts);
	struct alias *a;
	struct rng rng;
	double chi2 = 0;

	cr_assert(weights != NULL && counts != NULL);
	for (int i = 0; i < N; i++)
		weights[i] = (unsigned)(1 + i % 3);
	a = make(weights, N);
	fixture_rng(&rng, 9);
	for (int k = 0; k < 100 * N; k++)
		counts[alias_draw(a, &rng)]++;
	for (int i = 0; i < N; i++) {
		double expected = 100.0 * N * weights[i] / 9999.0;

		cr_assert_gt(counts[i], 0, "index %d", i);
		chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
	}
	/* mean N - 1, deviation sqrt(2 N) = 100 */
	cr_expect(chi2 > N - 500 && chi2 < N + 500, "chi-square is %f", chi2);
	alias_free(&a);
	free(weights);
	free(counts);
}

Test(alias, the_same_seed_draws_the_same)
{
	static const unsigned weights[] = { 3, 1, 2 };
	struct alias *a = make(weights, 3);
	struct rng one, two;

	fixture_rng(&one, 1);
	fixture_rng(&two, 1);
	for (int k = 0; k < 1000; k++)
		cr_assert_eq(alias_draw(a, &one), alias_draw(a, &two));
	alias_free(&a);
}

Test(alias, free_takes_null)
{
	struct alias *a = NULL;

	alias_free(&a);
	cr_expect_null(a);
}
