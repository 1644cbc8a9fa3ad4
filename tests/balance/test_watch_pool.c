/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of the watch: what follows for the pool from who is up. Panic, shares of tiers, slow
 * starts, paces by latency, the delay of hedges. */
#include "balance/watching.h"

#define FULL SERVER_SHARE_FULL

static void setup(void)
{
	watching_init(4);
}

static void finish(void)
{
	watching_end();
}

TestSuite(watch_pool, .init = setup, .fini = finish, .timeout = 60);

static void take_down(size_t server)
{
	x.ways[server] = WAY_UNREACHABLE;
	watching_sign(server, SIGN_UNREACHABLE);
	watching_run(0);
	cr_assert_eq(watching_state(server), SERVER_DOWN);
}

static void take_back(size_t server)
{
	x.ways[server] = WAY_GOOD;
	cr_assert_neq(watching_run_to(server, SERVER_UP, 400 * S), -1);
}

/* ---- panic -------------------------------------------------------------------------------------- */

Test(watch_pool, panic_begins_below_its_part_and_ends_at_it)
{
	watching_start();
	take_down(0);
	watching_sign(1, SIGN_BLAMED);
	cr_expect_not(pool_is_panicking(x.pool), "half is up");
	take_down(2);
	cr_expect(pool_is_panicking(x.pool));
	cr_expect_eq(watching_count(WATCH_PANIC), 1);
	take_back(0);
	cr_expect_not(pool_is_panicking(x.pool));
	cr_expect_eq(watching_count(WATCH_NO_PANIC), 1);
}

Test(watch_pool, panic_without_ejections_is_not_told)
{
	watching_start();
	take_down(0);
	take_down(1);
	take_down(2);
	cr_expect(pool_is_panicking(x.pool));
	cr_expect_eq(watching_count(WATCH_PANIC), 0);
	watching_sign(3, SIGN_BLAMED);
	cr_expect_eq(watching_count(WATCH_PANIC), 1);
	watching_run_to(3, SERVER_UP, 10 * S);
	cr_expect(pool_is_panicking(x.pool));
	cr_expect_eq(watching_count(WATCH_NO_PANIC), 1, "there is nothing to ignore any more");
}

Test(watch_pool, panic_percent_0_never_panics)
{
	x.params.panic_percent = 0;
	watching_start();
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	cr_expect_not(pool_is_panicking(x.pool));
}

Test(watch_pool, weights_decide_about_panic)
{
	x.fixture.servers[0].weight = 4; /* of 7 */
	watching_start();
	take_down(1);
	take_down(2);
	take_down(3);
	cr_expect_not(pool_is_panicking(x.pool));
	take_back(1);
	take_back(2);
	take_back(3);
	take_down(0);
	cr_expect(pool_is_panicking(x.pool));
}

/* ---- tiers -------------------------------------------------------------------------------------- */

/* Of the first tier, in percent; the rest is the second's. */
static unsigned first_share(void)
{
	return (atomic_load(&x.pool->tier_share[0]) * 100 + FULL / 2) / FULL;
}

static void two_tiers(void)
{
	watching_init(6);
	for (size_t i = 4; i < 6; i++)
		x.fixture.servers[i].tier = 1;
}

Test(watch_pool, tiers_spill_at_once_and_come_back_after_half_a_minute, .init = two_tiers)
{
	watching_start();
	cr_expect_eq(first_share(), 100);
	take_down(0);
	cr_expect_eq(first_share(), 100, "three of four carry all");
	take_down(1);
	cr_expect_eq(first_share(), 70);
	cr_expect_eq(watching_count(WATCH_SHARES), 1);
	take_back(0);
	take_back(1);
	int64_t back_ns = watching_last_change(0)->at_ns;
	if (watching_last_change(1)->at_ns < back_ns)
		back_ns = watching_last_change(1)->at_ns;
	watching_run_until(back_ns + 30 * S - 1);
	cr_expect_eq(first_share(), 70);
	watching_run_until(back_ns + 30 * S);
	cr_expect_eq(first_share(), 100);
	cr_expect_eq(watching_count(WATCH_SHARES), 2);
}

Test(watch_pool, at_start_nothing_waits, .init = two_tiers)
{
	for (size_t i = 0; i < 4; i++)
		x.ways[i] = WAY_BY_HAND;
	watching_begin();
	watching_run(20 * MS);
	cr_expect_eq(first_share(), 0, "only the second tier is known");
	for (size_t i = 0; i < 4; i++) {
		watching_report(watching_last_order(i), PROBE_ANSWERED, 0);
		x.ways[i] = WAY_GOOD;
	}
	cr_expect_eq(first_share(), 100);
}

Test(watch_pool, a_tier_down_at_start_is_settled_too, .init = two_tiers)
{
	for (size_t i = 0; i < 4; i++)
		x.ways[i] = WAY_SERVFAIL;
	watching_start();
	cr_expect_eq(first_share(), 0);
	take_back(0);
	take_back(1);
	cr_expect_eq(first_share(), 0, "from now on they wait");
	watching_run(31 * S);
	cr_expect_eq(first_share(), 70);
}

Test(watch_pool, from_a_tier_that_fails_traffic_comes_back_at_once, .init = two_tiers)
{
	watching_start();
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	cr_expect_eq(first_share(), 0);
	take_back(0);
	take_back(1);
	cr_expect_eq(first_share(), 0);
	take_down(4);
	cr_expect_eq(first_share(), 0);
	take_down(5);
	cr_expect_eq(first_share(), 100);
}

Test(watch_pool, traffic_that_waits_to_come_back_while_all_go_down_keeps_nobody_awake,
	.init = two_tiers)
{
	watching_start();
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	take_back(0);
	watching_run(10 * S); /* of the half minute */
	take_down(0);
	take_down(4);
	take_down(5);
	watching_run(60 * S);
	cr_expect_gt(watch_next_ns(x.watch), x.now_ns);
	take_back(0);
	cr_expect_eq(first_share(), 100);
}

Test(watch_pool, ejections_spill_like_downs, .init = two_tiers)
{
	x.params.eject_max_percent = 50;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_sign(1, SIGN_BLAMED);
	cr_expect_eq(first_share(), 70);
}

Test(watch_pool, in_a_panic_the_ejected_count_as_usable, .init = two_tiers)
{
	x.params.eject_max_percent = 100;
	x.params.panic_percent = 100;
	watching_start();
	take_down(5);
	watching_sign(4, SIGN_BLAMED);
	for (size_t i = 0; i < 4; i++)
		watching_sign(i, SIGN_BLAMED);
	cr_expect(pool_is_panicking(x.pool));
	cr_expect_eq(first_share(), 100);
}

Test(watch_pool, draining_and_forced_servers_in_tiers, .init = two_tiers)
{
	x.fixture.servers[0].mode = SERVER_DRAIN;
	x.fixture.servers[1].mode = SERVER_FORCED_DOWN;
	x.fixture.servers[2].mode = SERVER_FORCED_UP;
	watching_start();
	cr_expect_eq(first_share(), 100);
	take_down(3); /* the forced one is half */
	cr_expect_eq(first_share(), 70);
	take_down(0);
	cr_expect_eq(first_share(), 70, "it drains");
}

/* ---- slow start --------------------------------------------------------------------------------- */

static uint32_t ramp(size_t server)
{
	return server_ramp(&x.pool->servers[server]);
}

static void slow(void)
{
	watching_init(4);
	x.params.slow_start_ns = 30 * S;
}

/* Down for that long. The rest is how the watch wants to have it. */
static void be_down(size_t server, int64_t ns)
{
	take_down(server);
	int64_t start_ns = x.now_ns;
	watching_run(ns);
	cr_assert_eq(watching_state(server), SERVER_DOWN);
	take_back(server);
	cr_assert_lt(x.now_ns - start_ns, ns + 1500 * MS);
}

Test(watch_pool, nobody_starts_slowly_at_process_start, .init = slow)
{
	x.ways[1] = WAY_BY_HAND;
	watching_begin();
	watching_run(100 * MS);
	cr_expect_eq(ramp(0), FULL);
	x.ways[1] = WAY_GOOD;
	watching_run(5 * S);
	cr_expect_eq(ramp(1), FULL);
}

Test(watch_pool, after_ten_seconds_down_a_server_starts_slowly, .init = slow)
{
	watching_start();
	be_down(0, 11 * S);
	int64_t start_ns = x.now_ns;
	cr_expect_eq(ramp(0), FULL / 10);
	watching_run_until(start_ns + 3 * S);
	cr_expect_eq(ramp(0), FULL / 10, "a tenth is the least");
	for (int64_t s = 4; s < 30; s++) {
		double want = (double)s / 30, is;

		watching_run_until(start_ns + s * S);
		is = ramp(0) / (double)FULL;
		cr_expect(is <= want && is > want - 0.05, "after %d s: %f", (int)s, is);
	}
	watching_run_until(start_ns + 31 * S);
	cr_expect_eq(ramp(0), FULL);
	cr_expect_eq(ramp(1), FULL);
}

Test(watch_pool, a_short_absence_is_no_reason_to_start_slowly, .init = slow)
{
	watching_start();
	be_down(0, 8 * S);
	cr_expect_eq(ramp(0), FULL);
}

Test(watch_pool, a_short_absence_in_a_slow_start_goes_on_with_it, .init = slow)
{
	watching_start();
	be_down(0, 11 * S);
	int64_t start_ns = x.now_ns;
	watching_run(10 * S);
	take_down(0);
	cr_expect_eq(ramp(0), FULL, "who fails open needs all");
	take_back(0);
	uint32_t share = ramp(0);
	uint32_t want = (uint32_t)((x.now_ns - start_ns) * FULL / (30 * S));
	cr_expect(share >= want - FULL / 50 && share <= want, "%u, not %u", share, want);
}

Test(watch_pool, an_ejection_of_ten_seconds_ends_in_a_slow_start_too, .init = slow)
{
	x.params.eject_base_ns = 20 * S;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_run_to(0, SERVER_UP, 30 * S);
	cr_expect_eq(ramp(0), FULL / 10);
}

Test(watch_pool, ejected_and_then_down_is_one_absence, .init = slow)
{
	x.params.eject_base_ns = 100 * S;
	watching_start();
	watching_sign(0, SIGN_BLAMED);
	watching_run(7 * S);
	take_down(0);
	watching_run(3 * S);
	cr_expect_eq(watching_state(0), SERVER_DOWN);
	take_back(0);
	cr_expect_eq(ramp(0), FULL / 10);
}

Test(watch_pool, known_late_is_not_cold, .init = slow)
{
	x.ways[0] = WAY_NOT_SENT;
	watching_start();
	watching_run(20 * S);
	cr_expect_eq(watching_state(0), SERVER_UNKNOWN);
	take_back(0);
	cr_expect_eq(ramp(0), FULL, "it is we who were late");
}

Test(watch_pool, down_at_start_and_late_is_cold, .init = slow)
{
	x.ways[0] = WAY_SERVFAIL;
	watching_start();
	watching_run(12 * S);
	take_back(0);
	cr_expect_eq(ramp(0), FULL / 10);
}

Test(watch_pool, a_slow_start_of_long_ago_is_over, .init = slow)
{
	watching_start();
	be_down(3, 15 * S); /* behind servers that have their full share */
	watching_run(31 * S);
	cr_expect_eq(ramp(3), FULL);
	x.now_ns += 40 * 3600 * S;
	watching_run(1 * S);
	take_down(0);
	cr_expect_eq(ramp(3), FULL);
}

Test(watch_pool, slow_start_0_is_none)
{
	watching_start();
	be_down(0, 20 * S);
	cr_expect_eq(ramp(0), FULL);
}

Test(watch_pool, when_all_of_a_tier_recover_together_none_is_slow, .init = slow)
{
	watching_start();
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	watching_run(20 * S);
	for (size_t i = 0; i < 4; i++)
		take_back(i);
	watching_run(1 * S);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(ramp(i), FULL, "server %zu", i);
}

/* The first of them has had the whole meanwhile, and is warm. */
Test(watch_pool, who_comes_back_long_after_the_first_is_slow, .init = slow)
{
	watching_start();
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	watching_run(20 * S);
	take_back(0);
	watching_run(x.params.slow_start_ns - 2 * S);
	take_back(1);
	cr_expect_eq(ramp(1), FULL, "as cold as the first");
	watching_run(3 * S);
	take_back(2);
	cr_expect_eq(ramp(2), FULL / 10);
	be_down(1, 11 * S);
	cr_expect_eq(ramp(1), FULL / 10, "another trouble");
}

Test(watch_pool, who_was_away_long_before_the_others_is_slow, .init = slow)
{
	watching_start();
	take_down(3);
	watching_run(2 * x.params.slow_start_ns);
	for (size_t i = 0; i < 3; i++)
		take_down(i);
	watching_run(20 * S);
	for (size_t i = 0; i < 3; i++)
		take_back(i);
	cr_expect_eq(ramp(1), FULL, "the others left together");
	take_back(3);
	cr_expect_eq(ramp(3), FULL / 10);
}

/* Nobody was warm for a moment, but somebody was in use: that is no outage. */
Test(watch_pool, who_comes_back_beside_one_left_alone_in_a_slow_start_is_slow, .init = slow)
{
	watching_init(3);
	x.params.slow_start_ns = 30 * S;
	watching_start();
	be_down(0, 11 * S);
	cr_expect_eq(ramp(0), FULL / 10);
	take_down(1);
	take_down(2);
	cr_expect_eq(ramp(0), FULL, "it has the whole");
	watching_run(11 * S);
	take_back(1);
	cr_expect_eq(ramp(1), FULL / 10);
	cr_expect_eq(ramp(0), FULL);
}

Test(watch_pool, who_is_left_alone_in_a_slow_start_gets_all_and_keeps_it, .init = slow)
{
	watching_init(2);
	x.params.slow_start_ns = 30 * S;
	watching_start();
	be_down(0, 11 * S);
	cr_expect_eq(ramp(0), FULL / 10);
	take_down(1);
	cr_expect_eq(ramp(0), FULL);
	take_back(1);
	watching_run(1 * S);
	cr_expect_eq(ramp(0), FULL, "it has had the whole");
	cr_expect_eq(ramp(1), FULL);
}

Test(watch_pool, another_tier_is_no_help_in_a_slow_start)
{
	two_tiers();
	x.params.slow_start_ns = 30 * S;
	watching_start();
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	watching_run(11 * S);
	take_back(0);
	cr_expect_eq(ramp(0), FULL, "alone in its tier");
}

/* ---- latency ------------------------------------------------------------------------------------ */

static uint32_t pace(size_t server)
{
	return server_pace(&x.pool->servers[server]);
}

/* That many replies after so long, as of now. */
static void replies(size_t server, uint32_t n, uint64_t us)
{
	x.latencies[server][histogram_bucket(us)] += n;
}

static void latent(void)
{
	watching_init(4);
	x.params.latency = LATENCY_ON;
}

Test(watch_pool, slow_servers_get_fewer_draws, .init = latent)
{
	watching_start();
	replies(0, 100, 10000);
	replies(1, 100, 20000);
	replies(2, 100, 900000);
	replies(3, 19, 900000);
	cr_expect_eq(pace(1), FULL, "not before the second ends");
	watching_run(1 * S);
	cr_expect_eq(pace(0), FULL);
	cr_expect(pace(1) > FULL * 45 / 100 && pace(1) < FULL * 55 / 100, "%u", pace(1));
	cr_expect_eq(pace(2), FULL / 4);
	cr_expect_eq(pace(3), FULL, "too few samples");
	watching_run(10 * S);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(pace(i), FULL, "server %zu: all that is long ago", i);
}

Test(watch_pool, a_server_that_is_not_up_is_no_measure, .init = latent)
{
	watching_start();
	for (int i = 0; i < 3; i++) {
		replies(0, 100, 1000); /* it refuses fast */
		replies(1, 100, 20000);
		replies(2, 100, 40000);
		if (i == 0)
			watching_sign(0, SIGN_BLAMED);
		watching_run(1 * S);
		cr_expect_eq(pace(0), FULL);
		cr_expect_eq(pace(1), FULL);
		cr_expect(pace(2) > FULL * 45 / 100 && pace(2) < FULL * 55 / 100);
	}
	watching_run_to(0, SERVER_UP, 10 * S);
	replies(0, 100, 1000);
	watching_run(1 * S);
	cr_expect_eq(pace(2), FULL / 4);
}

Test(watch_pool, a_slow_server_that_is_not_in_use_keeps_its_pace, .init = latent)
{
	x.fixture.servers[1].mode = SERVER_DRAIN;
	watching_start();
	watching_sign(2, SIGN_BLAMED);
	replies(0, 100, 1000);
	replies(1, 100, 500000);
	replies(2, 100, 500000);
	replies(3, 100, 500000);
	watching_run(1 * S);
	cr_expect_eq(pace(1), FULL, "it drains");
	cr_expect_eq(pace(2), FULL, "when it is asked, it is as its test");
	cr_expect_eq(pace(3), FULL / 4);
}

Test(watch_pool, servers_are_compared_within_their_tier, .init = latent)
{
	x.fixture.servers[2].tier = x.fixture.servers[3].tier = 1;
	watching_start();
	replies(0, 100, 1000);
	replies(1, 100, 1000);
	replies(2, 100, 50000);
	replies(3, 100, 50000);
	watching_run(1 * S);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(pace(i), FULL, "server %zu", i);
}

Test(watch_pool, hash_policies_are_not_paced)
{
	static const enum policy_kind kinds[] = { POLICY_HASH, POLICY_CLIENT_HASH };

	for (size_t i = 0; i < 2; i++) {
		watching_init(4);
		x.params.latency = LATENCY_ON;
		x.fixture.pool.policy.kind = kinds[i];
		watching_start();
		replies(0, 100, 1000);
		replies(1, 100, 500000);
		watching_run(1 * S);
		cr_expect_eq(pace(1), FULL);
		if (i == 0)
			watching_end();
	}
}

Test(watch_pool, off_means_nothing_is_read)
{
	watching_start();
	replies(0, 100, 1000);
	replies(1, 100, 500000);
	watching_run(20 * S);
	cr_expect_eq(x.n_latency_reads, 0);
	cr_expect_eq(pace(1), FULL);
	cr_expect_eq(pool_hedge_delay_us(x.pool), 0);
}

/* ---- hedging ------------------------------------------------------------------------------------ */

static void hedging(void)
{
	watching_init(4);
	x.params.hedge_percent = 5;
}

Test(watch_pool, the_delay_of_hedges_follows_the_pools_replies, .init = hedging)
{
	watching_start();
	replies(0, 199, 30000);
	watching_run(1 * S);
	cr_expect_eq(pool_hedge_delay_us(x.pool), 0);
	replies(1, 1, 30000);
	watching_run(1 * S);
	uint32_t us = pool_hedge_delay_us(x.pool);
	cr_expect(us >= 28672 && us <= 32768, "%u us", us);
	cr_expect_eq(pace(1), FULL, "latency is off");
	watching_run(10 * S);
	cr_expect_eq(pool_hedge_delay_us(x.pool), 0, "nothing in ten seconds");
}

Test(watch_pool, no_hedges_in_a_panic_or_when_nobody_is_up, .init = hedging)
{
	x.params.panic_percent = 50;
	watching_start();
	replies(0, 100000, 30000);
	watching_run(1 * S);
	uint32_t us = pool_hedge_delay_us(x.pool);
	cr_expect_gt(us, 0);
	take_down(0);
	take_down(1);
	cr_expect_eq(pool_hedge_delay_us(x.pool), us);
	take_down(2);
	cr_expect_eq(pool_hedge_delay_us(x.pool), 0, "panic, at once");
	take_back(0);
	cr_expect_eq(pool_hedge_delay_us(x.pool), us);
	watching_end();

	hedging();
	x.params.panic_percent = 0;
	watching_start();
	replies(0, 100000, 30000);
	watching_run(1 * S);
	for (size_t i = 0; i < 4; i++)
		take_down(i);
	cr_expect_eq(pool_hedge_delay_us(x.pool), 0, "failing open");
}

Test(watch_pool, a_thread_that_slept_makes_no_windows_up, .init = hedging)
{
	watching_start();
	replies(0, 1000, 30000);
	watching_run(1 * S);
	x.now_ns += 100 * S;
	watching_run(0);
	cr_expect_eq(x.n_latency_reads, 8, "two seconds of four servers");
	cr_expect_gt(watch_next_ns(x.watch), x.now_ns);
}
