/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/choice: who may be asked at which level, and what policies and retries are
 * helped with: the least loaded, a draw among those with room, and whose draws count. */
#include "balance/choice.h"

#include <criterion/criterion.h>

#include "balance/fixture.h"

#define FULL SERVER_SHARE_FULL

/* Who may be asked at which level, as letters of the levels: u(p), e(jected), d(raining), a(ny). */
Test(choice, eligible_depends_on_mode_state_level_and_panic)
{
	static const struct {
		const char *name;
		enum server_mode mode;
		enum server_state state;
		bool is_panicking;
		const char *levels;
	} cases[] = {
		{ "up", SERVER_AUTO, SERVER_UP, false, "ueda" },
		{ "ejected", SERVER_AUTO, SERVER_EJECTED, false, "eda" },
		{ "down", SERVER_AUTO, SERVER_DOWN, false, "a" },
		{ "unknown", SERVER_AUTO, SERVER_UNKNOWN, false, "a" },
		{ "forced up", SERVER_FORCED_UP, SERVER_UP, false, "ueda" },
		{ "forced down", SERVER_FORCED_DOWN, SERVER_DOWN, false, "" },
		{ "forced down, though up", SERVER_FORCED_DOWN, SERVER_UP, false, "" },
		{ "draining, up", SERVER_DRAIN, SERVER_UP, false, "da" },
		{ "draining, ejected", SERVER_DRAIN, SERVER_EJECTED, false, "da" },
		{ "draining, down", SERVER_DRAIN, SERVER_DOWN, false, "a" },
		{ "draining, unknown", SERVER_DRAIN, SERVER_UNKNOWN, false, "a" },
		{ "panic, up", SERVER_AUTO, SERVER_UP, true, "ueda" },
		{ "panic, ejected", SERVER_AUTO, SERVER_EJECTED, true, "ueda" },
		{ "panic, down", SERVER_AUTO, SERVER_DOWN, true, "a" },
		{ "panic, draining, up", SERVER_DRAIN, SERVER_UP, true, "da" },
		{ "panic, draining, ejected", SERVER_DRAIN, SERVER_EJECTED, true, "da" },
		{ "panic, forced down", SERVER_FORCED_DOWN, SERVER_DOWN, true, "" },
	};
	static const uint16_t tried[] = { 2, 0 };

	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		struct pool *pool = fixture_pool(POLICY_P2C, NULL, 3, 1, cases[k].mode);

		atomic_store(&pool->servers[0].state, cases[k].state);
		pool_set_panic(pool, cases[k].is_panicking);
		for (int level = CHOICE_UP; level <= CHOICE_ANY; level++) {
			bool want = strchr(cases[k].levels, "ueda"[level]) != NULL;
			struct choice c = { .pool = pool,
				.tried = tried,
				.n_tried = 1,
				.level = (enum choice_level)level };

			cr_expect_eq(choice_is_eligible(&c, 0), want, "%s, level %d", cases[k].name,
				level);
			cr_expect_eq(
				choice_has_room(&c, 0), want, "%s, level %d", cases[k].name, level);
			c.n_tried = 2;
			cr_expect_not(choice_is_eligible(&c, 0), "%s, level %d, tried",
				cases[k].name, level);
			c.n_tried = 1;
			cr_assert(server_reserve(&pool->servers[0]));
			cr_expect_eq(choice_is_eligible(&c, 0), want, "%s, level %d, full",
				cases[k].name, level);
			cr_expect_not(
				choice_has_room(&c, 0), "%s, level %d, full", cases[k].name, level);
			server_release(&pool->servers[0], 1);
		}
		pool_free(&pool);
	}
}

static struct choice choice_of(const struct pool *pool, struct rng *rng, uint8_t seed)
{
	fixture_rng(rng, seed);
	return (struct choice){ .pool = pool, .rng = rng, .tier = &pool->tiers[0] };
}

Test(choice, nobody_is_full_or_missing)
{
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, 2, 1, SERVER_AUTO);
	struct rng rng;
	struct choice c = choice_of(pool, &rng, 1);

	cr_expect_eq(choice_nobody(&c), POOL_NO_SERVER);
	cr_expect_eq(choice_least(&c, false), POOL_NO_SERVER);
	cr_expect_eq(choice_draw(&c), POOL_NO_SERVER);
	pool_set_state(pool, 1, SERVER_UP);
	cr_assert(server_reserve(&pool->servers[1]));
	cr_expect_eq(choice_nobody(&c), POOL_ALL_FULL);
	cr_expect_eq(choice_least(&c, false), POOL_ALL_FULL);
	cr_expect_eq(choice_draw(&c), POOL_ALL_FULL);
	pool_free(&pool);
}

Test(choice, sees_no_server_of_another_tier)
{
	struct fixture_params f;
	struct pool *pool = NULL;
	struct rng rng;
	struct choice c;

	fixture_params_init(&f, POLICY_P2C, NULL, 4, 1, SERVER_FORCED_UP);
	f.servers[0].tier = f.servers[2].tier = 1;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	c = choice_of(pool, &rng, 2);
	for (size_t t = 0; t < 2; t++) {
		c.tier = &pool->tiers[t];
		for (int k = 0; k < 100; k++) {
			cr_expect_eq(choice_least(&c, false) % 2, t == 0 ? 1 : 0, "tier %zu", t);
			cr_expect_eq(choice_draw(&c) % 2, t == 0 ? 1 : 0, "tier %zu", t);
		}
	}
	cr_assert(server_reserve(&pool->servers[0]) && server_reserve(&pool->servers[2]));
	cr_expect_eq(choice_least(&c, false), POOL_ALL_FULL, "others' room does not count");
	pool_free(&pool);
}

/* Shares of 10000 choices among three servers, the loads as set. */
static const struct {
	const char *name;
	unsigned weights[3];
	uint32_t outstanding[3];
	uint32_t ramps[3], paces[3]; /* 0: full */
	bool suspect[3];
	double least[3]; /* with suspects last */
	double draw[3];
} helped[] = {
	{ "by weight", { 3, 2, 1 }, { 0 }, { 0 }, { 0 }, { 0 }, { 3 / 6.0, 2 / 6.0, 1 / 6.0 },
		{ 3 / 6.0, 2 / 6.0, 1 / 6.0 } },
	{ "one less loaded", { 3, 2, 1 }, { 30, 19, 10 }, { 0 }, { 0 }, { 0 }, { 0, 1, 0 },
		{ 3 / 6.0, 2 / 6.0, 1 / 6.0 } },
	{ "less loaded but suspect", { 3, 2, 1 }, { 30, 19, 10 }, { 0 }, { 0 }, { false, true },
		{ 3 / 4.0, 0, 1 / 4.0 }, { 3 / 6.0, 2 / 6.0, 1 / 6.0 } },
	{ "the first is suspect", { 1, 1, 1 }, { 0, 9, 9 }, { 0 }, { 0 }, { true }, { 0, 0.5, 0.5 },
		{ 1 / 3.0, 1 / 3.0, 1 / 3.0 } },
	{ "all suspect", { 1, 1, 2 }, { 5, 4, 8 }, { 0 }, { 0 }, { true, true, true },
		{ 0, 1 / 3.0, 2 / 3.0 }, { 0.25, 0.25, 0.5 } },
	{ "others full", { 1, 1, 1 }, { 5, 1000, 1000 }, { 0 }, { 0 }, { true }, { 1, 0, 0 },
		{ 1, 0, 0 } },
	{ "ramp lessens the limit", { 1, 1, 1 }, { 500, 900, 1000 }, { FULL / 2 }, { 0 }, { 0 },
		{ 0, 1, 0 }, { 0, 1, 0 } },
	{ "ramp counts as weight", { 1, 1, 1 }, { 10, 20, 30 }, { FULL / 2 }, { 0 }, { 0 },
		{ 1 / 3.0, 2 / 3.0, 0 }, { 1 / 5.0, 2 / 5.0, 2 / 5.0 } },
	{ "pace counts in draws alone", { 1, 1, 1 }, { 20, 20, 30 }, { 0 }, { FULL / 4 }, { 0 },
		{ 1 / 5.0, 4 / 5.0, 0 }, { 1 / 9.0, 4 / 9.0, 4 / 9.0 } },
	{ "small parts", { 1, 1, 1 }, { 0, 1000, 1000 }, { 1 }, { 1 }, { 0 }, { 1, 0, 0 },
		{ 1, 0, 0 } },
};

Test(choice, least_and_draw_are_fair)
{
	for (size_t k = 0; k < sizeof helped / sizeof helped[0]; k++) {
		struct pool *pool = fixture_pool(
			POLICY_P2C, helped[k].weights, 3, 1000, SERVER_FORCED_UP);
		unsigned least[3] = { 0 }, drawn[3] = { 0 };
		struct rng rng;
		struct choice c = choice_of(pool, &rng, 3);

		for (size_t i = 0; i < 3; i++) {
			struct server *s = &pool->servers[i];

			atomic_store(&s->outstanding, helped[k].outstanding[i]);
			atomic_store(&s->is_suspect, helped[k].suspect[i]);
			server_set_ramp(s, helped[k].ramps[i] == 0 ? FULL : helped[k].ramps[i]);
			server_set_pace(s, helped[k].paces[i] == 0 ? FULL : helped[k].paces[i]);
		}
		for (int n = 0; n < 10000; n++) {
			least[choice_least(&c, true)]++;
			drawn[choice_draw(&c)]++;
		}
		for (int i = 0; i < 3; i++) {
			cr_expect_float_eq(least[i] / 10000.0, helped[k].least[i], 0.015,
				"%s: server %d is the least %u times", helped[k].name, i, least[i]);
			cr_expect_float_eq(drawn[i] / 10000.0, helped[k].draw[i], 0.015,
				"%s: server %d is drawn %u times", helped[k].name, i, drawn[i]);
		}
		pool_free(&pool);
	}
}

Test(choice, least_does_not_look_at_suspicion_unless_told)
{
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, 2, 10, SERVER_FORCED_UP);
	struct rng rng;
	struct choice c = choice_of(pool, &rng, 4);

	atomic_store(&pool->servers[0].is_suspect, true);
	cr_assert(server_reserve(&pool->servers[1]));
	cr_expect_eq(choice_least(&c, false), 0);
	cr_expect_eq(choice_least(&c, true), 1);
	pool_free(&pool);
}

Test(choice, accepts_ramp_times_pace_and_draws_nothing_for_all)
{
	static const struct {
		uint32_t ramp, pace;
		double part;
	} cases[] = {
		{ FULL, FULL, 1 },
		{ FULL / 2, FULL, 0.5 },
		{ FULL, FULL / 4, 0.25 },
		{ FULL / 2, FULL / 4, 0.125 },
		{ FULL - 1, FULL, 1 },
		{ 1, 1, 0 },
	};
	struct pool *pool = fixture_pool(POLICY_P2C, NULL, 1, 10, SERVER_FORCED_UP);
	struct server *s = &pool->servers[0];
	struct rng rng, twin;
	struct choice c = choice_of(pool, &rng, 5);

	fixture_rng(&twin, 5);
	for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
		unsigned n = 0;

		server_set_ramp(s, cases[k].ramp);
		server_set_pace(s, cases[k].pace);
		for (int i = 0; i < 10000; i++)
			n += choice_accepts(&c, s);
		cr_expect_float_eq(n / 10000.0, cases[k].part, 0.015, "case %zu: %u", k, n);
		if (k == 0)
			cr_expect_eq(rng_u64(&rng), rng_u64(&twin), "nothing was drawn");
	}
	pool_free(&pool);
}
