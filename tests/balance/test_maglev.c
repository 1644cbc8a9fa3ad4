/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/maglev. The golden digests hold the algorithm itself: nodes of different
 * versions must agree on who caches what, so they may only change on purpose. */
#include "balance/maglev.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define N_MAX 7000

static struct maglev_server servers[N_MAX];
static char names[N_MAX][16];

/* Servers s0, s1, … of weight 1 but for the first n_weights. */
static void set_servers(size_t n, const unsigned *weights, size_t n_weights)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "s%zu", i);
		servers[i] = (struct maglev_server){ .name = names[i],
			.weight = i < n_weights ? weights[i] : 1 };
	}
}

static struct maglev *make(const struct maglev_server *of, size_t n, const char *seed)
{
	struct hash_key key = hash_key_from_text(seed);
	struct maglev *m = NULL;

	cr_assert_eq(maglev_new(of, n, &key, &m), 0);
	return m;
}

static uint64_t digest(const struct maglev *m)
{
	struct hash_key key = hash_key_from_text("digest");
	size_t size;
	const uint16_t *entries = maglev_table(m, &size);
	uint8_t *bytes = malloc(2 * size);
	uint64_t result;

	cr_assert_not_null(bytes);
	for (size_t i = 0; i < size; i++) {
		bytes[2 * i] = (uint8_t)entries[i];
		bytes[2 * i + 1] = (uint8_t)(entries[i] >> 8);
	}
	result = hash64(&key, bytes, 2 * size);
	free(bytes);
	return result;
}

Test(maglev, tables_are_the_same_in_every_version)
{
	static const unsigned weights[] = { 1, 2, 3, 4, 5 };
	static const struct {
		const char *seed;
		size_t n, n_weights;
		uint64_t digest;
	} cases[] = {
		{ "dnsbal", 3, 0, UINT64_C(0xe4152521430b8928) },
		{ "dnsbal", 5, 5, UINT64_C(0xf8212dcf1a2f909d) },
		{ "another", 5, 5, UINT64_C(0xbc7f4225fe109d6e) },
		{ "dnsbal", 656, 5, UINT64_C(0xe63b4e5f44147c16) },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct maglev *m;

		set_servers(cases[i].n, weights, cases[i].n_weights);
		m = make(servers, cases[i].n, cases[i].seed);
		cr_expect_eq(digest(m), cases[i].digest, "row %zu: 0x%016llx", i,
			(unsigned long long)digest(m));
		maglev_free(&m);
	}
}

Test(maglev, size_grows_with_the_servers)
{
	static const struct {
		size_t n, size;
	} cases[] = {
		{ 1, 65537 },
		{ 655, 65537 },
		{ 656, 131071 },
		{ 1310, 131071 },
		{ 1311, 655373 },
		{ 6553, 655373 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct maglev *m;
		size_t size;

		set_servers(cases[i].n, NULL, 0);
		m = make(servers, cases[i].n, "dnsbal");
		maglev_table(m, &size);
		cr_expect_eq(size, cases[i].size, "%zu servers: %zu", cases[i].n, size);
		maglev_free(&m);
	}
}

Test(maglev, sizes_are_prime)
{
	static const unsigned sizes[] = { 65537, 131071, 655373 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (unsigned k = 2; k * k <= sizes[i]; k++)
			cr_assert_neq(sizes[i] % k, 0, "%u is divided by %u", sizes[i], k);
	}
}

Test(maglev, refuses_no_server_and_too_many)
{
	struct hash_key key = hash_key_from_text("dnsbal");
	struct maglev *m = NULL;

	set_servers(6554, NULL, 0);
	cr_expect_eq(maglev_new(servers, 0, &key, &m), ERR_RANGE);
	cr_expect_eq(maglev_new(servers, 6554, &key, &m), ERR_RANGE);
	cr_expect_null(m);
	maglev_free(&m);
}

Test(maglev, one_server_has_it_all)
{
	struct maglev *m;

	set_servers(1, NULL, 0);
	m = make(servers, 1, "dnsbal");
	for (uint64_t h = 0; h < 100000; h++)
		cr_assert_eq(maglev_lookup(m, h * UINT64_C(0x9e3779b97f4a7c15)), 0);
	maglev_free(&m);
}

Test(maglev, lookup_takes_the_remainder)
{
	struct maglev *m;
	const uint16_t *entries;
	size_t size;

	set_servers(7, NULL, 0);
	m = make(servers, 7, "dnsbal");
	entries = maglev_table(m, &size);
	cr_expect_eq(maglev_lookup(m, 0), entries[0]);
	cr_expect_eq(maglev_lookup(m, 65536), entries[65536]);
	cr_expect_eq(maglev_lookup(m, 65537), entries[0]);
	cr_expect_eq(maglev_lookup(m, UINT64_MAX), entries[UINT64_MAX % 65537]);
	maglev_free(&m);
}

Test(maglev, order_in_the_file_does_not_matter)
{
	static const unsigned weights[] = { 5, 1, 3, 1000, 2, 1, 7 };
	static const size_t orders[][7] = {
		{ 6, 5, 4, 3, 2, 1, 0 },
		{ 3, 0, 6, 1, 5, 2, 4 },
		{ 1, 2, 3, 4, 5, 6, 0 },
	};
	struct maglev *m;
	const uint16_t *entries;
	size_t size;

	set_servers(7, weights, 7);
	m = make(servers, 7, "dnsbal");
	entries = maglev_table(m, &size);
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct maglev_server shuffled[7];
		struct maglev *other;
		const uint16_t *other_entries;
		size_t other_size;

		for (size_t k = 0; k < 7; k++)
			shuffled[k] = servers[orders[i][k]];
		other = make(shuffled, 7, "dnsbal");
		other_entries = maglev_table(other, &other_size);
		cr_assert_eq(other_size, size);
		for (size_t k = 0; k < size; k++)
			cr_assert_eq(orders[i][other_entries[k]], entries[k],
				"order %zu, entry %zu", i, k);
		maglev_free(&other);
	}
	maglev_free(&m);
}

Test(maglev, another_seed_gives_another_table)
{
	struct maglev *one, *two;
	const uint16_t *a, *b;
	size_t size, n_equal = 0;

	set_servers(4, NULL, 0);
	one = make(servers, 4, "one");
	two = make(servers, 4, "two");
	a = maglev_table(one, &size);
	b = maglev_table(two, &size);
	for (size_t i = 0; i < size; i++)
		n_equal += a[i] == b[i];
	cr_expect_float_eq((double)n_equal / (double)size, 0.25, 0.02);
	maglev_free(&one);
	maglev_free(&two);
}

Test(maglev, shares_are_the_weights)
{
	static const struct {
		const char *name;
		size_t n;
		unsigned weights[5];
	} cases[] = {
		{ "1 to 5", 5, { 1, 2, 3, 4, 5 } },
		{ "5 to 1", 5, { 5, 4, 3, 2, 1 } },
		{ "equal", 3, { 9, 9, 9 } },
		{ "10 1 1 1", 4, { 10, 1, 1, 1 } },
		{ "1000 to 999", 2, { 1000, 999 } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct maglev *m;
		const uint16_t *entries;
		size_t size, counts[5] = { 0 };
		unsigned sum = 0;

		set_servers(cases[i].n, cases[i].weights, cases[i].n);
		m = make(servers, cases[i].n, "dnsbal");
		entries = maglev_table(m, &size);
		for (size_t k = 0; k < size; k++)
			counts[entries[k]]++;
		for (size_t k = 0; k < cases[i].n; k++)
			sum += cases[i].weights[k];
		for (size_t k = 0; k < cases[i].n; k++) {
			double want = (double)size * cases[i].weights[k] / sum;

			cr_expect_float_eq((double)counts[k], want, want * 0.01,
				"%s: server %zu has %zu entries, its share is %f", cases[i].name, k,
				counts[k], want);
		}
		maglev_free(&m);
	}
}

/* The fraction of entries that name somebody else when server `gone` of n leaves. */
static double moved_without(size_t n, size_t gone)
{
	struct maglev_server left[64];
	struct maglev *with, *without;
	const uint16_t *a, *b;
	size_t size, n_moved = 0;

	set_servers(n, NULL, 0);
	for (size_t i = 0, k = 0; i < n; i++) {
		if (i != gone)
			left[k++] = servers[i];
	}
	with = make(servers, n, "dnsbal");
	without = make(left, n - 1, "dnsbal");
	a = maglev_table(with, &size);
	b = maglev_table(without, &size);
	for (size_t i = 0; i < size; i++)
		n_moved += strcmp(servers[a[i]].name, left[b[i]].name) != 0;
	maglev_free(&with);
	maglev_free(&without);
	return (double)n_moved / (double)size;
}

Test(maglev, few_entries_move_when_one_server_leaves)
{
	static const size_t sizes[] = { 2, 3, 5, 10, 50 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		size_t n = sizes[i];

		for (size_t gone = 0; gone < n; gone += n / 2) {
			double moved = moved_without(n, gone);

			cr_expect(moved >= 0.99 / (double)n && moved <= 1.0 / (double)n + 0.02,
				"%zu servers, %zu leaves: %.4f move", n, gone, moved);
		}
	}
}
