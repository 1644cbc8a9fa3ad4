/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/standing. Weights of a tier are written as all, up, ejected. */
#include "balance/standing.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"

#define S INT64_C(1000000000)
#define START (1000 * S)
#define FULL SERVER_SHARE_FULL

/* ---- weights ------------------------------------------------------------------------------------ */

Test(standing, a_tier_weighs_what_may_carry_traffic)
{
	static const struct {
		enum server_mode mode;
		enum server_state state; /* of those that can have one */
		unsigned weight, tier;
	} servers[] = {
		{ SERVER_AUTO, SERVER_UP, 1, 0 },
		{ SERVER_AUTO, SERVER_DOWN, 2, 0 },
		{ SERVER_AUTO, SERVER_EJECTED, 4, 0 },
		{ SERVER_AUTO, SERVER_EJECTED, 8, 0 },
		{ SERVER_AUTO, SERVER_UNKNOWN, 16, 0 },
		{ SERVER_FORCED_UP, SERVER_UP, 32, 0 },
		{ SERVER_FORCED_DOWN, SERVER_DOWN, 64, 0 },
		{ SERVER_DRAIN, SERVER_UP, 128, 0 },
		{ SERVER_DRAIN, SERVER_DOWN, 256, 3 },
		{ SERVER_AUTO, SERVER_UP, 5, 7 },
	};
	enum { N = sizeof servers / sizeof servers[0] };
	static struct fixture_params f;
	struct tier_weight w[POOL_TIERS_MAX];
	struct pool *pool;

	fixture_params_init(&f, POLICY_P2C, NULL, N, 10, SERVER_AUTO);
	for (size_t i = 0; i < N; i++) {
		f.servers[i].mode = servers[i].mode;
		f.servers[i].weight = servers[i].weight;
		f.servers[i].tier = servers[i].tier;
	}
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	for (size_t i = 0; i < N; i++)
		pool_set_state(pool, i, servers[i].state);
	standing_weigh(pool, w);
	cr_assert_eq(pool->n_tiers, 3);
	cr_expect_eq(w[0].all, 1 + 2 + 4 + 8 + 16 + 32);
	cr_expect_eq(w[0].up, 1 + 32);
	cr_expect_eq(w[0].ejected, 4 + 8);
	cr_expect_eq(w[0].n_ejected, 2);
	cr_expect_eq(w[1].all, 0);
	cr_expect_eq(w[1].up, 0);
	cr_expect_eq(w[2].all, 5);
	cr_expect_eq(w[2].up, 5);
	pool_free(&pool);
}

/* ---- the cap ------------------------------------------------------------------------------------ */

Test(standing, the_cap_allows_one_and_then_its_part)
{
	static const struct {
		uint64_t all, ejected;
		unsigned n_ejected, weight, max_percent;
		bool may;
	} cases[] = {
		{ 1, 0, 0, 1, 34, true }, /* 1 of 1 */
		{ 2, 0, 0, 1, 34, true }, /* 1 of 2 */
		{ 2, 1, 1, 1, 34, false },
		{ 3, 0, 0, 1, 34, true },
		{ 3, 1, 1, 1, 34, false },
		{ 5, 1, 1, 1, 34, false }, /* 40 % */
		{ 6, 1, 1, 1, 34, true }, /* 2 of 6 */
		{ 6, 2, 2, 1, 34, false },
		{ 100, 33, 33, 1, 34, true },
		{ 100, 34, 34, 1, 34, false },
		{ 100, 0, 0, 90, 34, true }, /* a heavy one alone */
		{ 100, 10, 1, 24, 34, true },
		{ 100, 10, 1, 25, 34, false },
		{ 10, 0, 0, 1, 0, true }, /* always one */
		{ 10, 1, 1, 1, 0, false },
		{ 10, 9, 9, 1, 100, true },
		{ 10, 5, 5, 1, 50, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct tier_weight tier = { .all = cases[i].all,
			.ejected = cases[i].ejected,
			.n_ejected = cases[i].n_ejected };

		cr_expect_eq(standing_may_eject(&tier, cases[i].weight, cases[i].max_percent),
			cases[i].may, "%u more than %u of %u at %u %%", cases[i].weight,
			(unsigned)cases[i].ejected, (unsigned)cases[i].all, cases[i].max_percent);
	}
}

/* ---- panic -------------------------------------------------------------------------------------- */

Test(standing, short_is_less_than_a_part_of_the_last_tier)
{
	static const struct {
		const char *name;
		struct tier_weight tiers[3];
		size_t n;
		unsigned percent;
		bool is_short;
	} cases[] = {
		{ "all up", { { 4, 4, 0, 0 } }, 1, 50, false },
		{ "half is not less than half", { { 4, 2, 2, 2 } }, 1, 50, false },
		{ "a quarter", { { 4, 1, 3, 3 } }, 1, 50, true },
		{ "a hair under half", { { 1000, 499, 501, 9 } }, 1, 50, true },
		{ "nobody", { { 4, 0, 0, 0 } }, 1, 50, true },
		{ "never", { { 4, 0, 4, 4 } }, 1, 0, false },
		{ "always unless all are up", { { 4, 3, 1, 1 } }, 1, 100, true },
		{ "all are up", { { 4, 4, 0, 0 } }, 1, 100, false },
		{ "a spare tier carries it", { { 4, 0, 2, 2 }, { 4, 4, 0, 0 } }, 2, 50, false },
		{ "a spare tier of a quarter", { { 8, 0, 8, 8 }, { 2, 2, 0, 0 } }, 2, 50, false },
		{ "both together reach the part of the last", { { 4, 1, 3, 3 }, { 4, 1, 3, 3 } }, 2,
			50, false },
		{ "both together do not", { { 4, 1, 3, 3 }, { 4, 0, 4, 4 } }, 2, 50, true },
		{ "the last tier is drained: the first is the last", { { 4, 1, 3, 3 }, { 0 } }, 2,
			50, true },
		{ "nothing there at all", { { 0 } }, 1, 50, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(standing_is_short(cases[i].tiers, cases[i].n, cases[i].percent),
			cases[i].is_short, "%s", cases[i].name);
}

/* ---- shares ------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct tier_weight tiers[3];
	size_t n;
	bool with_ejected;
	double share[3];
} targets[] = {
	{ "one tier, all up", { { 4, 4, 0, 0 } }, 1, false, { 1 } },
	{ "one tier, one up", { { 4, 1, 0, 0 } }, 1, false, { 1 } },
	{ "two tiers, all up", { { 4, 4, 0, 0 }, { 2, 2, 0, 0 } }, 2, false, { 1, 0 } },
	{ "three of four up still carry all", { { 4, 3, 0, 0 }, { 2, 2, 0, 0 } }, 2, false,
		{ 1, 0 } },
	{ "five of seven carry all", { { 7, 5, 0, 0 }, { 2, 2, 0, 0 } }, 2, false, { 1, 0 } },
	{ "half of the first", { { 4, 2, 0, 0 }, { 2, 2, 0, 0 } }, 2, false, { 0.7, 0.3 } },
	{ "a quarter of the first", { { 4, 1, 0, 0 }, { 2, 2, 0, 0 } }, 2, false, { 0.35, 0.65 } },
	{ "none of the first", { { 4, 0, 0, 0 }, { 2, 2, 0, 0 } }, 2, false, { 0, 1 } },
	{ "none of the first, one of two", { { 4, 0, 0, 0 }, { 2, 1, 0, 0 } }, 2, false, { 0, 1 } },
	{ "a quarter of each", { { 4, 1, 0, 0 }, { 4, 1, 0, 0 } }, 2, false, { 0.5, 0.5 } },
	{ "three tiers, half of each", { { 2, 1, 0, 0 }, { 2, 1, 0, 0 }, { 2, 1, 0, 0 } }, 3, false,
		{ 0.7, 0.3, 0 } },
	{ "three tiers, a tenth of each", { { 10, 1, 0, 0 }, { 10, 1, 0, 0 }, { 10, 1, 0, 0 } }, 3,
		false, { 1 / 3.0, 1 / 3.0, 1 / 3.0 } },
	{ "the middle one is drained", { { 4, 2, 0, 0 }, { 0 }, { 2, 2, 0, 0 } }, 3, false,
		{ 0.7, 0, 0.3 } },
	{ "ejected ones do not carry", { { 4, 2, 2, 2 }, { 2, 2, 0, 0 } }, 2, false, { 0.7, 0.3 } },
	{ "unless the pool panics", { { 4, 2, 2, 2 }, { 2, 2, 0, 0 } }, 2, true, { 1, 0 } },
};

Test(standing, a_tier_takes_what_its_servers_carry_and_the_rest_spills)
{
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		struct shares s;
		uint32_t sum = 0;

		shares_init(&s, targets[i].n);
		shares_update(&s, targets[i].tiers, targets[i].with_ejected, true, START);
		for (size_t t = 0; t < targets[i].n; t++) {
			double share = shares_of(&s, t) / (double)FULL;

			sum += shares_of(&s, t);
			cr_expect(share > targets[i].share[t] - 0.0001 &&
					  share < targets[i].share[t] + 0.0001,
				"%s: tier %zu has %f", targets[i].name, t, share);
		}
		cr_expect_eq(sum, FULL, "%s", targets[i].name);
		cr_expect_eq(shares_next_ns(&s), INT64_MAX, "%s", targets[i].name);
	}
}

Test(standing, heavy_tiers_do_not_overflow)
{
	const struct tier_weight tiers[2] = { { 65535000, 32767500, 0, 0 },
		{ 65535000, 65535000, 0, 0 } };
	struct shares s;

	shares_init(&s, 2);
	shares_update(&s, tiers, false, true, START);
	cr_expect_eq(shares_of(&s, 0), FULL * 7 / 10);
}

Test(standing, with_nobody_usable_nothing_is_waited_for)
{
	const struct tier_weight all_down[2] = { { .all = 4 }, { .all = 2 } };
	const struct tier_weight one_up[2] = { { .all = 4, .up = 1 }, { .all = 2, .up = 2 } };
	struct shares s;

	shares_init(&s, 2);
	s.end[0] = 0; /* all of it spilt */
	shares_update(&s, one_up, false, false, START);
	cr_expect_eq(shares_next_ns(&s), START + 30 * S);
	shares_update(&s, all_down, false, false, START + 10 * S);
	cr_expect_eq(shares_next_ns(&s), INT64_MAX, "or the prober would not sleep after that");
}

static struct shares s2; /* of two tiers with four servers in the first and two in the second */

static bool update(uint64_t first_up, uint64_t second_up, int64_t now_ns)
{
	const struct tier_weight tiers[2] = { { 4, first_up, 0, 0 }, { 2, second_up, 0, 0 } };

	return shares_update(&s2, tiers, false, false, now_ns);
}

static unsigned percent(const struct shares *s, size_t t)
{
	return (shares_of(s, t) * 100 + FULL / 2) / FULL;
}

static void init_two(void)
{
	shares_init(&s2, 2);
	update(4, 2, START);
}

Test(standing, traffic_spills_at_once_and_comes_back_after_half_a_minute, .init = init_two)
{
	cr_expect(update(2, 2, START + S));
	cr_expect_eq(percent(&s2, 0), 70);
	cr_expect_not(update(4, 2, START + 2 * S));
	cr_expect_eq(percent(&s2, 0), 70);
	cr_expect_eq(shares_next_ns(&s2), START + 32 * S);
	cr_expect_not(update(4, 2, START + 32 * S - 1));
	cr_expect(update(4, 2, START + 32 * S));
	cr_expect_eq(percent(&s2, 0), 100);
	cr_expect_eq(shares_next_ns(&s2), INT64_MAX);
}

Test(standing, a_relapse_starts_the_half_minute_anew, .init = init_two)
{
	update(2, 2, START);
	update(4, 2, START + S);
	cr_expect_not(update(2, 2, START + 20 * S));
	cr_expect_eq(shares_next_ns(&s2), INT64_MAX);
	update(4, 2, START + 21 * S);
	cr_expect_not(update(4, 2, START + 50 * S));
	cr_expect(update(4, 2, START + 51 * S));
}

Test(standing, it_gets_worse_while_traffic_waits_to_come_back, .init = init_two)
{
	update(2, 2, START);
	update(3, 2, START + S);
	cr_expect(update(1, 2, START + 10 * S));
	cr_expect_eq(percent(&s2, 0), 35);
	update(2, 2, START + 11 * S);
	cr_expect_not(update(2, 2, START + 40 * S));
	cr_expect(update(2, 2, START + 41 * S));
	cr_expect_eq(percent(&s2, 0), 70);
}

Test(standing, traffic_comes_back_at_once_from_a_tier_with_nobody_up, .init = init_two)
{
	update(0, 2, START);
	cr_expect_eq(percent(&s2, 0), 0);
	cr_expect_not(update(2, 2, START + S));
	cr_expect(update(2, 0, START + 2 * S));
	cr_expect_eq(percent(&s2, 0), 100);
}

Test(standing, when_nobody_is_up_nothing_moves, .init = init_two)
{
	update(0, 2, START);
	cr_expect_not(update(0, 0, START + S));
	cr_expect_eq(percent(&s2, 0), 0);
	cr_expect(update(1, 0, START + 2 * S), "whoever comes back first gets all at once");
	cr_expect_eq(percent(&s2, 0), 100);
	cr_expect(update(1, 2, START + 3 * S), "a spill waits for nothing");
	cr_expect_eq(percent(&s2, 0), 35);
}

Test(standing, of_three_tiers_each_border_waits_for_itself)
{
	struct tier_weight tiers[3] = { { 4, 4, 0, 0 }, { 4, 4, 0, 0 }, { 4, 4, 0, 0 } };
	struct shares s;

	shares_init(&s, 3);
	tiers[0].up = tiers[1].up = 1;
	shares_update(&s, tiers, false, false, START);
	cr_expect_eq(percent(&s, 0), 35);
	cr_expect_eq(percent(&s, 1), 35);
	cr_expect_eq(percent(&s, 2), 30);
	tiers[1].up = 4;
	shares_update(&s, tiers, false, false, START + S);
	tiers[0].up = 4;
	shares_update(&s, tiers, false, false, START + 10 * S);
	cr_expect_eq(shares_next_ns(&s), START + 31 * S);
	shares_update(&s, tiers, false, false, START + 31 * S);
	cr_expect_eq(percent(&s, 0), 35);
	cr_expect_eq(percent(&s, 1), 65);
	cr_expect_eq(percent(&s, 2), 0);
	shares_update(&s, tiers, false, false, START + 40 * S);
	cr_expect_eq(percent(&s, 0), 100);
	cr_expect_eq(percent(&s, 1), 0);
}

Test(standing, a_middle_tier_that_fails_gives_to_the_first_at_once)
{
	struct tier_weight tiers[3] = { { 4, 1, 0, 0 }, { 4, 4, 0, 0 }, { 4, 4, 0, 0 } };
	struct shares s;

	shares_init(&s, 3);
	shares_update(&s, tiers, false, true, START);
	cr_expect_eq(percent(&s, 0), 35);
	tiers[0].up = 2;
	tiers[1].up = 0;
	shares_update(&s, tiers, false, false, START + S);
	cr_expect_eq(percent(&s, 0), 70, "%u", percent(&s, 0));
	cr_expect_eq(percent(&s, 1), 0);
	cr_expect_eq(percent(&s, 2), 30);
}

Test(standing, borders_never_cross)
{
	struct rng rng;
	struct shares s;

	fixture_rng(&rng, 1);
	shares_init(&s, 4);
	for (int64_t i = 0; i < 20000; i++) {
		struct tier_weight tiers[4];
		uint32_t sum = 0;

		for (size_t t = 0; t < 4; t++) {
			uint64_t all = rng_below(&rng, 5);
			uint64_t up = rng_below(&rng, (uint32_t)all + 1);

			tiers[t] = (struct tier_weight){ all, up, all - up, 0 };
		}
		shares_update(
			&s, tiers, rng_below(&rng, 2), rng_below(&rng, 10) == 0, START + i * 5 * S);
		for (size_t t = 0; t < 4; t++) {
			cr_assert_leq(shares_of(&s, t), FULL, "step %d", (int)i);
			sum += shares_of(&s, t);
		}
		cr_assert_eq(sum, FULL, "step %d", (int)i);
	}
}
