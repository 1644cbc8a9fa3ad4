/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/health, in virtual time. A script is a row of probe results, + good and - bad,
 * and under it the state after each: U up, D down; lower case where it is in doubt. */
#include "balance/health.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "balance/fixture.h"

#define MS INT64_C(1000000)
#define START (5 * MS)

static const struct {
	const char *name;
	unsigned fall, rise;
	const char *results, *states;
} scripts[] = {
	{ "good at first", 3, 2, "+++", "UUU" },
	{ "bad at first", 3, 2, "---", "DDD" },
	{ "first good, then falls", 3, 2, "+----", "UuuDD" },
	{ "first bad, then rises", 3, 2, "-+++", "DdUU" },
	{ "one short of falling, again and again", 3, 2, "+--+--+--+", "UuuUuuUuuU" },
	{ "one short of rising, again and again", 3, 2, "-+-+-+-", "DdDdDdD" },
	{ "flapping every time stays up", 3, 2, "+-+-+-+", "UuUuUuU" },
	{ "fall 1, rise 1: the last result is the state", 1, 1, "+-+--++", "UDUDDUU" },
	{ "fall 1, rise 3", 1, 3, "+-++-+++", "UDddDddU" },
	{ "falls and rises twice", 2, 2, "+--++--++", "UuDdUuDdU" },
	{ "the first bad one does not count for a fall", 2, 2, "-++-+--", "DdUuUuD" },
	{ "long good time is no credit", 2, 2, "++++++++--", "UUUUUUUUuD" },
	{ "long bad time is no debt", 2, 2, "----------++", "DDDDDDDDDDdU" },
};

static struct health_params params(unsigned fall, unsigned rise)
{
	return (struct health_params){ .interval_ns = 1000 * MS,
		.fast_interval_ns = 200 * MS,
		.timeout_ns = 1000 * MS,
		.fall = fall,
		.rise = rise };
}

Test(health, first_probe_is_due_at_once)
{
	struct health_params p = params(3, 2);
	struct health h;

	health_init(&h, &p, START);
	cr_expect_eq(h.state, SERVER_UNKNOWN);
	cr_expect_eq(h.next_ns, START);
	cr_expect_not(health_is_in_doubt(&h));
}

Test(health, none_is_due_while_one_is_out)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	fixture_rng(&rng, 1);
	health_init(&h, &p, START);
	for (int i = 0; i < 10; i++) {
		health_probe_sent(&h, START);
		cr_expect_eq(h.next_ns, INT64_MAX);
		health_probe_done(&h, i % 3 == 0, START, &rng);
		cr_expect_lt(h.next_ns, INT64_MAX);
	}
}

Test(health, scripts_play_out)
{
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
		struct health_params p = params(scripts[i].fall, scripts[i].rise);
		const char *name = scripts[i].name;
		int64_t now_ns = START;
		struct health h;
		struct rng rng;

		fixture_rng(&rng, (uint8_t)i);
		health_init(&h, &p, now_ns);
		cr_assert_eq(strlen(scripts[i].results), strlen(scripts[i].states), "%s", name);
		for (size_t k = 0; scripts[i].results[k] != '\0'; k++) {
			char shown = scripts[i].states[k];
			enum server_state want = toupper(shown) == 'U' ? SERVER_UP : SERVER_DOWN;
			bool in_doubt = islower(shown);
			int64_t interval_ns = in_doubt ? 200 * MS : 1000 * MS;
			enum server_state before = h.state;
			bool changed;

			cr_assert_geq(h.next_ns, now_ns, "%s, probe %zu", name, k);
			now_ns = h.next_ns;
			health_probe_sent(&h, now_ns);
			const int64_t sent_ns = now_ns;
			now_ns += 3 * MS;
			changed = health_probe_done(&h, scripts[i].results[k] == '+', now_ns, &rng);
			cr_expect_eq(h.state, want, "%s, probe %zu", name, k);
			cr_expect_eq(changed, before != want, "%s, probe %zu", name, k);
			cr_expect_eq(health_is_in_doubt(&h), in_doubt, "%s, probe %zu", name, k);
			const int64_t from_ns = scripts[i].results[k] == '+' ? now_ns : sent_ns;
			cr_expect(h.next_ns >= from_ns + interval_ns * 9 / 10 &&
					  h.next_ns <= from_ns + interval_ns * 11 / 10,
				"%s, probe %zu: next after %lld ns", name, k,
				(long long)(h.next_ns - now_ns));
		}
	}
}

Test(health, a_probe_may_be_wanted_sooner)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	fixture_rng(&rng, 2);
	health_init(&h, &p, START);
	health_probe_sent(&h, START);
	health_probe_soon(&h, START + 7 * MS); /* it could not be sent */
	cr_expect_eq(h.next_ns, START + 7 * MS);
	cr_expect_eq(h.state, SERVER_UNKNOWN);
	health_probe_sent(&h, START + 7 * MS);
	health_probe_done(&h, true, START + 10 * MS, &rng);
	health_probe_soon(&h, START + 10 * MS);
	cr_expect_eq(h.next_ns, START + 10 * MS, "whatever was planned");
	cr_expect_eq(h.state, SERVER_UP);
	cr_expect_not(health_is_in_doubt(&h));
	health_probe_sent(&h, START + 15 * MS);
	cr_expect_eq(h.next_ns, INT64_MAX);
	health_probe_done(&h, true, START + 20 * MS, &rng);
	cr_expect_geq(h.next_ns, START + 920 * MS, "once");
}

/* A server that comes back while a probe waits in vain must not wait for an interval more. */
Test(health, the_time_that_a_probe_took_is_part_of_the_interval)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	fixture_rng(&rng, 2);
	health_init(&h, &p, START);
	for (int64_t took_ms = 100; took_ms <= 4000; took_ms += 100) {
		health_probe_sent(&h, START);
		health_probe_done(&h, false, START + took_ms * MS, &rng);
		cr_expect(h.next_ns >= START + took_ms * MS, "%lld", (long long)took_ms);
		cr_expect(h.next_ns <= START + 1100 * MS || h.next_ns == START + took_ms * MS,
			"%lld", (long long)took_ms);
	}
}

Test(health, jitter_covers_ten_percent_either_way_evenly)
{
	enum { N = 20000, BUCKETS = 10 };
	struct health_params p = params(3, 2);
	unsigned buckets[BUCKETS] = { 0 };
	struct health h;
	struct rng rng;

	fixture_rng(&rng, 3);
	health_init(&h, &p, START);
	for (int i = 0; i < N; i++) {
		int64_t above_ns;

		health_probe_done(&h, true, START, &rng);
		above_ns = h.next_ns - START - 900 * MS;
		cr_assert(above_ns >= 0 && above_ns <= 200 * MS);
		buckets[above_ns / (20 * MS) < BUCKETS ? above_ns / (20 * MS) : BUCKETS - 1]++;
	}
	for (int i = 0; i < BUCKETS; i++) /* 2000 each, deviation 42 */
		cr_expect(buckets[i] > 1800 && buckets[i] < 2200, "bucket %d: %u", i, buckets[i]);
}

Test(health, jitter_of_extreme_intervals_stays_in_bounds)
{
	static const int64_t intervals_ns[] = { 1, 9, 10, 11, 86400000 * MS };

	for (size_t i = 0; i < sizeof intervals_ns / sizeof intervals_ns[0]; i++) {
		int64_t interval_ns = intervals_ns[i];
		struct health_params p = params(3, 2);
		struct health h;
		struct rng rng;

		fixture_rng(&rng, 4);
		p.interval_ns = interval_ns;
		health_init(&h, &p, 0);
		for (int k = 0; k < 1000; k++) {
			health_probe_done(&h, true, 0, &rng);
			cr_assert(h.next_ns >= interval_ns - interval_ns / 10 &&
					  h.next_ns <= interval_ns + interval_ns / 10,
				"interval %lld ns: %lld ns", (long long)interval_ns,
				(long long)h.next_ns);
		}
	}
}

Test(health, counts_do_not_wrap)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	fixture_rng(&rng, 5);
	health_init(&h, &p, 0);
	health_probe_done(&h, false, 0, &rng);
	h.n_failed = UINT32_MAX;
	cr_expect_not(health_probe_done(&h, false, 0, &rng));
	cr_expect_eq(h.n_failed, UINT32_MAX);
	cr_expect_eq(h.state, SERVER_DOWN);
}

/* ---- suspicion ---------------------------------------------------------------------------------- */

static void become(
	struct health *h, const struct health_params *p, const char *results, struct rng *rng)
{
	fixture_rng(rng, 6);
	health_init(h, p, START);
	for (; *results; results++)
		health_probe_done(h, *results == '+', START, rng);
}

Test(health, one_failure_is_enough_for_a_suspect)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	become(&h, &p, "+", &rng);
	health_suspect(&h);
	cr_expect(health_is_in_doubt(&h));
	cr_expect(health_probe_done(&h, false, START, &rng));
	cr_expect_eq(h.state, SERVER_DOWN);
	cr_expect_not(h.is_suspect);
	cr_expect_not(health_is_in_doubt(&h));
}

Test(health, one_success_ends_suspicion)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	become(&h, &p, "+", &rng);
	health_suspect(&h);
	cr_expect_not(health_probe_done(&h, true, START, &rng));
	cr_expect_eq(h.state, SERVER_UP);
	cr_expect_not(health_is_in_doubt(&h));
	cr_expect_geq(h.next_ns, START + 900 * MS);
	cr_expect_not(health_probe_done(&h, false, START, &rng), "it takes three again");
}

Test(health, only_an_up_server_can_be_suspect)
{
	static const char *const before[] = { "", "-", "-+" };
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	for (size_t i = 0; i < 3; i++) {
		become(&h, &p, before[i], &rng);
		health_suspect(&h);
		cr_expect_not(h.is_suspect, "after \"%s\"", before[i]);
	}
}

/* ---- hold --------------------------------------------------------------------------------------- */

Test(health, a_held_server_waits_for_its_time)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	become(&h, &p, "-", &rng);
	health_hold(&h, START + 1000 * MS);
	cr_expect_not(health_probe_done(&h, true, START + 100 * MS, &rng));
	cr_expect_not(health_is_held(&h), "its probes do not speak for it yet");
	cr_expect(health_is_in_doubt(&h));
	cr_expect_not(health_probe_done(&h, true, START + 300 * MS, &rng));
	cr_expect(health_is_held(&h));
	cr_expect_not(health_is_in_doubt(&h));
	cr_expect_geq(h.next_ns, START + 1200 * MS, "nothing to hurry for");
	cr_expect_not(health_probe_done(&h, true, START + 1000 * MS - 1, &rng));
	cr_expect(health_probe_done(&h, true, START + 1000 * MS, &rng));
	cr_expect_eq(h.state, SERVER_UP);
}

Test(health, a_failure_ends_what_the_hold_had_gathered)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	become(&h, &p, "-", &rng);
	health_hold(&h, START + 1000 * MS);
	health_probe_done(&h, true, START, &rng);
	health_probe_done(&h, true, START, &rng);
	health_probe_done(&h, false, START, &rng);
	cr_expect_not(health_is_held(&h));
	cr_expect_not(health_probe_done(&h, true, START + 2000 * MS, &rng), "two again");
	cr_expect(health_probe_done(&h, true, START + 2000 * MS, &rng));
}

Test(health, a_held_server_can_be_released)
{
	struct health_params p = params(3, 2);
	struct health h;
	struct rng rng;

	become(&h, &p, "-", &rng);
	health_hold(&h, INT64_MAX);
	health_probe_done(&h, true, START, &rng);
	health_probe_done(&h, true, START, &rng);
	health_release(&h);
	cr_expect_eq(h.state, SERVER_UP);
	cr_expect_not(health_is_held(&h));
	cr_expect_not(health_is_in_doubt(&h));
}

Test(health, jitter_of_any_percentage_stays_in_bounds)
{
	static const unsigned percents[] = { 0, 1, 10, 20, 100 };
	struct rng rng;

	fixture_rng(&rng, 7);
	for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
		int64_t part_ns = 10 * MS * percents[i];

		for (int k = 0; k < 1000; k++) {
			int64_t ns = health_jittered(1000 * MS, percents[i], &rng);

			cr_assert(ns >= 1000 * MS - part_ns && ns <= 1000 * MS + part_ns,
				"%u %%: %lld ns", percents[i], (long long)ns);
		}
	}
}
