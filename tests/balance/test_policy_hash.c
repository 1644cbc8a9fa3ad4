/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of the hash policies: who owns a name or a client, who stands in, and the bound on load.
 * Their shares are in test_policy.c. */
#include "balance/policy.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"
#include "base/err.h"

/* Who would be asked, with nothing out. */
static int owner(struct pool *pool, struct fixture_query *q, uint32_t number)
{
	int i;

	fixture_query_set(q, number);
	i = pool_choose(&q->choice);
	cr_assert_geq(i, 0);
	server_release(&pool->servers[i], 1);
	return i;
}

Test(policy_hash, keeps_names_and_moves_only_those_of_a_server_that_left)
{
	static const enum policy_kind kinds[] = { POLICY_HASH, POLICY_CLIENT_HASH };
	enum { N = 5, NAMES = 5000 };
	int owners[NAMES];

	for (size_t k = 0; k < 2; k++) {
		struct pool *pool = fixture_pool(kinds[k], NULL, N, 100, SERVER_AUTO);
		unsigned taken_over[N] = { 0 };
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 7);
		fixture_query_init(&q, pool, &rng);
		for (size_t i = 0; i < N; i++)
			pool_set_state(pool, i, SERVER_UP);
		for (uint32_t i = 0; i < NAMES; i++)
			owners[i] = owner(pool, &q, i);
		for (uint32_t i = 0; i < NAMES; i++)
			cr_assert_eq(owner(pool, &q, i), owners[i], "asked again: name %u", i);
		pool_set_state(pool, 2, SERVER_DOWN);
		for (uint32_t i = 0; i < NAMES; i++) {
			int now = owner(pool, &q, i);

			if (owners[i] != 2)
				cr_assert_eq(now, owners[i], "one down: name %u", i);
			else
				taken_over[now]++;
		}
		for (int i = 0; i < N; i++) /* a thousand names over four */
			cr_expect(i == 2 ? taken_over[i] == 0
					 : taken_over[i] > 150 && taken_over[i] < 350,
				"server %d took over %u", i, taken_over[i]);
		pool_set_state(pool, 2, SERVER_UP);
		for (uint32_t i = 0; i < NAMES; i++)
			cr_assert_eq(owner(pool, &q, i), owners[i], "up again: name %u", i);
		pool_free(&pool);
	}
}

Test(policy_hash, finds_a_down_servers_name_the_same_stand_in_each_time)
{
	struct pool *pool = fixture_pool(POLICY_HASH, NULL, 5, 100, SERVER_AUTO);
	unsigned n_moved = 0;
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 8);
	fixture_query_init(&q, pool, &rng);
	for (size_t i = 1; i < 5; i++)
		pool_set_state(pool, i, SERVER_UP);
	for (uint32_t i = 0; i < 1000; i++) {
		int first = owner(pool, &q, i);

		for (int k = 0; k < 4; k++)
			n_moved += owner(pool, &q, i) != first;
	}
	/* All five hashes meet the one that is down for 1 name in 3125, which then goes to any. */
	cr_expect_leq(n_moved, 12, "%u of 4000 moved", n_moved);
	pool_free(&pool);
}

Test(policy_hash, does_not_look_at_case_or_client)
{
	struct pool *pool = fixture_pool(POLICY_HASH, NULL, 8, 100, SERVER_FORCED_UP);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 9);
	fixture_query_init(&q, pool, &rng);
	for (uint32_t k = 0; k < 200; k++) {
		int first = owner(pool, &q, k);

		for (size_t i = 0; i < sizeof q.qname; i++) {
			if (q.qname[i] >= 'a' && q.qname[i] <= 'z' && (k + i) % 2 == 0)
				q.qname[i] = (uint8_t)(q.qname[i] - 'a' + 'A');
		}
		q.client.ip[3] ^= 0xff;
		cr_expect_eq(pool_choose(&q.choice), first, "name %u", k);
		server_release(&pool->servers[first], 1);
	}
	pool_free(&pool);
}

Test(policy_hash, follows_server_names_wherever_they_stand_in_the_file)
{
	static const char *const orders[] = { "abcde", "edcba", "cadbe" };
	static const unsigned weight_of[] = { 1, 2, 3, 1, 2 };
	char owners[3][500];

	for (size_t k = 0; k < 3; k++) {
		struct fixture_params f;
		struct pool *pool = NULL;
		struct fixture_query q;
		struct rng rng;

		fixture_params_init(&f, POLICY_HASH, NULL, 5, 100, SERVER_FORCED_UP);
		for (size_t i = 0; i < 5; i++) {
			f.servers[i].name[0] = orders[k][i];
			f.servers[i].weight = weight_of[orders[k][i] - 'a'];
		}
		cr_assert_eq(pool_new(&f.pool, &pool), 0);
		fixture_rng(&rng, 10);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t i = 0; i < 500; i++)
			owners[k][i] = orders[k][owner(pool, &q, i)];
		cr_expect_arr_eq(owners[k], owners[0], 500, "order %s", orders[k]);
		pool_free(&pool);
	}
}

Test(policy_hash, seed_decides_who_owns_what)
{
	static const char *const seeds[] = { "dnsbal", "dnsbal", "secret" };
	int owners[3][1000];
	unsigned n_equal = 0;

	for (size_t k = 0; k < 3; k++) {
		struct fixture_params f;
		struct pool *pool = NULL;
		struct fixture_query q;
		struct rng rng;

		fixture_params_init(&f, POLICY_HASH, NULL, 4, 100, SERVER_FORCED_UP);
		f.pool.policy.hash_seed = seeds[k];
		cr_assert_eq(pool_new(&f.pool, &pool), 0);
		fixture_rng(&rng, 11);
		fixture_query_init(&q, pool, &rng);
		for (uint32_t i = 0; i < 1000; i++)
			owners[k][i] = owner(pool, &q, i);
		pool_free(&pool);
	}
	cr_expect_arr_eq(owners[0], owners[1], sizeof owners[0]);
	for (size_t i = 0; i < 1000; i++)
		n_equal += owners[0][i] == owners[2][i];
	cr_expect(n_equal > 180 && n_equal < 320, "%u names stay with another seed", n_equal);
}

/* From a tenth to all: names come, none goes, and nobody else's move but to where they belong. */
Test(policy_hash, a_starting_server_gets_the_same_names_first)
{
	static const uint32_t ramps[] = { 6554, 16384, 32768, 60000, SERVER_SHARE_FULL };
	enum { N = 4, NAMES = 5000 };
	struct pool *pool = fixture_pool(POLICY_HASH, NULL, N, 1000, SERVER_FORCED_UP);
	int home[NAMES], before[NAMES];
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 15);
	fixture_query_init(&q, pool, &rng);
	for (uint32_t i = 0; i < NAMES; i++)
		home[i] = owner(pool, &q, i);
	for (size_t k = 0; k < sizeof ramps / sizeof ramps[0]; k++) {
		double ramp = (double)ramps[k] / SERVER_SHARE_FULL;
		unsigned n = 0, n_again = 0;

		server_set_ramp(&pool->servers[1], ramps[k]);
		for (uint32_t i = 0; i < NAMES; i++) {
			int now = owner(pool, &q, i);

			n += now == 1;
			n_again += owner(pool, &q, i) != now;
			if (k > 0 && before[i] == 1)
				cr_expect_eq(now, 1, "ramp %.2f: name %u went again", ramp, i);
			if (home[i] != 1)
				cr_expect_eq(now, home[i], "ramp %.2f: name %u", ramp, i);
			before[i] = now;
		}
		cr_expect_float_eq(n / (double)NAMES, ramp / (N - 1 + ramp), 0.05,
			"ramp %.2f: %u names", ramp, n);
		cr_expect_leq(n_again, 15, "ramp %.2f: %u moved when asked again", ramp, n_again);
	}
	pool_free(&pool);
}

Test(policy_hash, pace_moves_no_name)
{
	struct pool *pool = fixture_pool(POLICY_HASH, NULL, 3, 1000, SERVER_FORCED_UP);
	int owners[1000];
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 16);
	fixture_query_init(&q, pool, &rng);
	for (uint32_t i = 0; i < 1000; i++)
		owners[i] = owner(pool, &q, i);
	server_set_pace(&pool->servers[1], SERVER_SHARE_FULL / 4);
	for (uint32_t i = 0; i < 1000; i++)
		cr_expect_eq(owner(pool, &q, i), owners[i], "name %u", i);
	pool_free(&pool);
}

/* Names, or clients, of tier 0 that spill are always the same, more of them with less share. */
Test(policy_hash, the_same_names_spill_to_the_next_tier)
{
	static const enum policy_kind kinds[] = { POLICY_HASH, POLICY_CLIENT_HASH };
	static const unsigned percents[] = { 100, 90, 50, 10, 0 };
	enum { NAMES = 5000 };

	for (size_t kind = 0; kind < 2; kind++) {
		struct pool *pool = fixture_pool_of(kinds[kind], 1000, "UUUUU", "00011");
		int home[NAMES];
		bool has_spilled[NAMES] = { false };
		struct fixture_query q;
		struct rng rng;

		fixture_rng(&rng, 17);
		fixture_query_init(&q, pool, &rng);
		for (size_t k = 0; k < sizeof percents / sizeof percents[0]; k++) {
			uint32_t low = SERVER_SHARE_FULL * percents[k] / 100;
			unsigned n_spilled = 0;

			pool_set_tier_shares(
				pool, (const uint32_t[]){ low, SERVER_SHARE_FULL - low });
			for (uint32_t i = 0; i < NAMES; i++) {
				int now = owner(pool, &q, i);
				bool is_spilled = now >= 3;

				home[i] = k == 0 ? now : home[i];
				cr_expect_eq(owner(pool, &q, i), now, "name %u", i);
				cr_expect(is_spilled || now == home[i], "name %u", i);
				cr_expect(is_spilled || !has_spilled[i], "name %u is back", i);
				has_spilled[i] = is_spilled;
				n_spilled += is_spilled;
			}
			cr_expect_float_eq(n_spilled / (double)NAMES, 1 - percents[k] / 100.0, 0.02,
				"%u percent: %u spill", percents[k], n_spilled);
		}
		pool_free(&pool);
	}
}

/* The claim of one server removed from the file, in names; in entries it is in test_maglev.c. */
Test(policy_hash, few_names_move_when_a_server_is_removed)
{
	enum { N = 5, NAMES = 5000, GONE = 2 };
	struct fixture_params f;
	struct pool *with = NULL, *without = NULL;
	unsigned n_moved = 0;
	struct fixture_query q, r;
	struct rng rng;

	fixture_params_init(&f, POLICY_HASH, NULL, N, 1000, SERVER_FORCED_UP);
	cr_assert_eq(pool_new(&f.pool, &with), 0);
	memmove(&f.servers[GONE], &f.servers[GONE + 1], (N - 1 - GONE) * sizeof f.servers[0]);
	f.pool.n_servers = N - 1;
	cr_assert_eq(pool_new(&f.pool, &without), 0);
	fixture_rng(&rng, 18);
	fixture_query_init(&q, with, &rng);
	fixture_query_init(&r, without, &rng);
	for (uint32_t i = 0; i < NAMES; i++)
		n_moved += strcmp(with->servers[owner(with, &q, i)].params.name,
				   without->servers[owner(without, &r, i)].params.name) != 0;
	cr_expect_leq(n_moved / (double)NAMES, 1.0 / N + 0.02, "%u names", n_moved);
	pool_free(&without);
	pool_free(&with);
}

/* One name alone: nobody beyond load_factor of its share, and nobody moved below the floor of 8; the
 * same with a sum that is kept. */
Test(policy_hash, bounds_the_load_of_a_hot_name)
{
	static const struct {
		double load_factor;
		unsigned weights[4];
	} cases[] = {
		{ 1.25, { 1, 1, 1, 1 } },
		{ 1.25, { 4, 1, 2, 1 } },
		{ 1.0, { 1, 1, 1, 1 } },
		{ 2.0, { 1, 3, 1, 1 } },
		{ 10.0, { 1, 1, 1, 1 } },
	};

	for (size_t row = 0; row < 2 * sizeof cases / sizeof cases[0]; row++) {
		size_t k = row / 2;
		struct choice_load load = { .tier = NULL };
		struct fixture_params f;
		struct pool *pool = NULL;
		struct fixture_query q;
		struct rng rng;
		double sum = 0;
		int first = -1;

		fixture_params_init(&f, POLICY_HASH, cases[k].weights, 4, 10000, SERVER_FORCED_UP);
		f.pool.policy.load_factor = cases[k].load_factor;
		cr_assert_eq(pool_new(&f.pool, &pool), 0);
		fixture_rng(&rng, 12);
		fixture_query_init(&q, pool, &rng);
		q.choice.load = row % 2 ? &load : NULL;
		for (int i = 0; i < 4; i++)
			sum += cases[k].weights[i];
		for (uint32_t total = 1; total <= 2000; total++) {
			int i = pool_choose(&q.choice);
			double bound;

			cr_assert_geq(i, 0);
			first = total == 1 ? i : first;
			cr_assert(total > 8 || i == first, "row %zu: query %u moved", k, total);
			bound = cases[k].load_factor * total * cases[k].weights[i] / sum + 1;
			cr_assert_leq(server_outstanding(&pool->servers[i]), bound > 8 ? bound : 8,
				"row %zu: server %d of %u", k, i, total);
		}
		if (cases[k].load_factor == 10.0)
			cr_expect_eq(server_outstanding(&pool->servers[first]), 2000,
				"a bound above everything moves nothing");
		pool_free(&pool);
	}
}

/* Its servers are looked at once in a batch, however many there are. */
Test(policy_hash, sums_the_load_once_for_choices_that_share_it)
{
	struct pool *pool = fixture_pool(POLICY_HASH, NULL, 2, 10000, SERVER_FORCED_UP);
	struct choice_load load = { .tier = NULL };
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 12);
	fixture_query_init(&q, pool, &rng);
	q.choice.load = &load;
	int first = pool_choose(&q.choice);
	atomic_store(&pool->servers[first].outstanding, 100);
	atomic_store(&pool->servers[!first].outstanding, 100);
	cr_expect_eq(pool_choose(&q.choice), first);
	cr_expect_eq(load.outstanding, 201);
	cr_expect_eq(load.weight, UINT64_C(2) * SERVER_SHARE_FULL);
	atomic_store(&pool->servers[!first].outstanding, 1000);
	cr_expect_eq(pool_choose(&q.choice), first, "within the bound by the old sum, too");
	cr_expect_eq(load.outstanding, 202, "nobody was looked at");
	uint16_t tried[1] = { (uint16_t)!first };
	q.choice.tried = tried;
	q.choice.n_tried = 1;
	cr_expect_eq(pool_choose(&q.choice), first);
	cr_expect_eq(load.outstanding, 202, "the sum of a query that tried somebody is its own");
	q.choice.n_tried = 0;
	atomic_store(&pool->servers[first].outstanding, 0);
	load.level = CHOICE_EJECTED; /* as after another choice */
	pool_choose(&q.choice);
	cr_expect_eq(load.outstanding, 202, "nothing is added to the sum of others");
	pool_free(&pool);
}

Test(policy_hash, refuses_load_factors_without_sense)
{
	static const struct {
		double load_factor;
		int err;
	} cases[] = {
		{ 1.0, 0 },
		{ 10.0, 0 },
		{ 0.999, ERR_RANGE },
		{ 10.001, ERR_RANGE },
		{ 0.0, ERR_RANGE },
		{ -1.0, ERR_RANGE },
		{ __builtin_nan(""), ERR_RANGE },
	};

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct fixture_params f;
		struct pool *pool = NULL;

		fixture_params_init(&f, POLICY_HASH, NULL, 2, 10, SERVER_AUTO);
		f.pool.policy.load_factor = cases[k].load_factor;
		cr_expect_eq(pool_new(&f.pool, &pool), cases[k].err, "%f", cases[k].load_factor);
		pool_free(&pool);
	}
}

Test(policy_hash, client_takes_ipv4_whole_and_ipv6_by_64)
{
	static const struct {
		const char *name;
		struct addr one, two;
		bool is_one_client;
	} cases[] = {
		{ "other port", { .family = AF_INET, .port = 1, .ip = { 192, 0, 2, 1 } },
			{ .family = AF_INET, .port = 2, .ip = { 192, 0, 2, 1 } }, true },
		{ "other IPv4 host", { .family = AF_INET, .ip = { 192, 0, 2, 1 } },
			{ .family = AF_INET, .ip = { 192, 0, 2, 2 } }, false },
		{ "same /64", { .family = AF_INET6, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
			{ .family = AF_INET6,
				.port = 5,
				.scope = 3,
				.ip = { 0x20, 1, 0xd, 0xb8, [8] = 0xff, [15] = 2 } },
			true },
		{ "other /64", { .family = AF_INET6, .ip = { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
			{ .family = AF_INET6, .ip = { 0x20, 1, 0xd, 0xb8, [7] = 1, [15] = 1 } },
			false },
		{ "mapped IPv4", { .family = AF_INET, .ip = { 192, 0, 2, 1 } },
			{ .family = AF_INET6,
				.ip = { [10] = 0xff, [11] = 0xff, [12] = 192, 0, 2, 1 } },
			true },
		{ "two mapped IPv4",
			{ .family = AF_INET6,
				.ip = { [10] = 0xff, [11] = 0xff, [12] = 192, 0, 2, 2 } },
			{ .family = AF_INET6,
				.ip = { [10] = 0xff, [11] = 0xff, [12] = 192, 0, 2, 1 } },
			false },
	};
	enum { N = 200 }; /* so many that two clients hardly meet by chance */
	struct pool *pool = fixture_pool(POLICY_CLIENT_HASH, NULL, N, 100, SERVER_FORCED_UP);
	struct fixture_query q;
	struct rng rng;

	fixture_rng(&rng, 13);
	fixture_query_init(&q, pool, &rng);
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		int one, two;

		q.client = cases[k].one;
		one = pool_choose(&q.choice);
		q.qname[1] ^= 1; /* the name is not looked at */
		q.client = cases[k].two;
		two = pool_choose(&q.choice);
		cr_assert(one >= 0 && two >= 0);
		cr_expect_eq(one == two, cases[k].is_one_client, "%s: %d and %d", cases[k].name,
			one, two);
	}
	pool_free(&pool);
}
