/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Timers fire never early, at most a tick late, each once; whatever the distance. Compared with a
 * plain array at the end. */
#include "core/wheel.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"

#define MS CLOCK_NS_PER_MS
#define START (123456789 * MS + 777)

static struct wheel *w;

static void setup(void)
{
	w = malloc(sizeof *w);
	wheel_init(w, START);
}

static void finish(void)
{
	free(w);
}

TestSuite(wheel, .init = setup, .fini = finish);

static unsigned expire_all(int64_t now_ns)
{
	unsigned n = 0;

	while (wheel_expire(w, now_ns))
		n++;
	return n;
}

Test(wheel, empty_wants_nothing)
{
	cr_expect_eq(wheel_next_ns(w), INT64_MAX);
	cr_expect_null(wheel_expire(w, START + 1000 * MS));
	cr_expect_null(wheel_take_any(w));
}

Test(wheel, a_timer_fires_once_never_early_and_within_a_tick)
{
	static const int64_t distances[] = { 1, MS - 1, MS, MS + 1, 5 * MS, 4094 * MS, 4095 * MS,
		4096 * MS, 4097 * MS, 8192 * MS, 3600000 * MS };

	for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
		struct wheel_node node = { 0 };
		int64_t due = START + distances[i];

		wheel_init(w, START);
		wheel_add(w, &node, due);
		cr_expect_leq(wheel_next_ns(w), due + MS, "%zu", i);
		cr_expect_null(wheel_expire(w, due - 1), "%zu: early", i);
		cr_expect_eq(wheel_expire(w, due + MS), &node, "%zu: late", i);
		cr_expect_null(wheel_expire(w, due + MS), "%zu: twice", i);
		cr_expect_null(node.link);
		cr_expect_eq(w->n, 0);
	}
}

Test(wheel, next_is_when_something_fires)
{
	struct wheel_node node = { 0 };

	wheel_add(w, &node, START + 100 * MS);
	int64_t next = wheel_next_ns(w);
	cr_expect_geq(next, START + 100 * MS);
	cr_expect_lt(next, START + 101 * MS);
	cr_expect_null(wheel_expire(w, next - 1));
	cr_expect_eq(wheel_expire(w, next), &node);
}

Test(wheel, following_next_reaches_a_timer_many_turns_ahead)
{
	struct wheel_node node = { 0 };
	int64_t due = START + 5 * WHEEL_SLOTS * MS + 3 * MS;
	struct wheel_node *fired = NULL;
	int64_t now = START;
	int wakes = 0;

	wheel_add(w, &node, due);
	for (; !fired && wakes < 100; wakes++) {
		cr_assert_gt(wheel_next_ns(w), now, "no progress");
		now = wheel_next_ns(w);
		fired = wheel_expire(w, now);
	}
	cr_expect_eq(fired, &node);
	cr_expect_geq(now, due);
	cr_expect_lt(now, due + MS);
	cr_expect_leq(wakes, 7, "one look a turn");
}

Test(wheel, what_is_due_already_fires_at_the_next_look)
{
	struct wheel_node past = { 0 }, now = { 0 };

	wheel_add(w, &past, START - 5000 * MS);
	wheel_add(w, &now, START);
	cr_expect_leq(wheel_next_ns(w), START + MS);
	cr_expect_eq(expire_all(START + MS), 2);
}

Test(wheel, neighbours_in_a_slot_of_different_turns_fire_apart)
{
	struct wheel_node nodes[3] = { 0 };

	for (int i = 0; i < 3; i++)
		wheel_add(w, &nodes[i], START + (10 + i * WHEEL_SLOTS) * MS);
	for (int i = 0; i < 3; i++) {
		cr_expect_null(wheel_expire(w, START + (9 + i * WHEEL_SLOTS) * MS));
		cr_expect_eq(wheel_expire(w, START + (11 + i * WHEEL_SLOTS) * MS), &nodes[i]);
	}
}

Test(wheel, a_long_sleep_fires_everything_due_and_nothing_else)
{
	struct wheel_node nodes[100] = { 0 }, later = { 0 };

	for (int i = 0; i < 100; i++)
		wheel_add(w, &nodes[i], START + i * 313 * MS);
	wheel_add(w, &later, START + 1000001 * MS);
	cr_expect_eq(expire_all(START + 1000000 * MS), 100);
	cr_expect_eq(expire_all(START + 1000002 * MS), 1);
}

Test(wheel, a_removed_timer_does_not_fire)
{
	struct wheel_node nodes[3] = { 0 };

	for (int i = 0; i < 3; i++)
		wheel_add(w, &nodes[i], START + 10 * MS); /* first, middle, last of a chain */
	wheel_remove(w, &nodes[1]);
	wheel_remove(w, &nodes[1]); /* in none: nothing happens */
	cr_expect_eq(expire_all(START + 20 * MS), 2);
	wheel_add(w, &nodes[0], START + 30 * MS);
	wheel_remove(w, &nodes[0]);
	cr_expect_eq(wheel_next_ns(w), INT64_MAX);
}

Test(wheel, a_timer_may_be_added_while_others_fire)
{
	struct wheel_node nodes[4] = { 0 };
	int64_t now = START + 10 * MS;

	wheel_add(w, &nodes[0], START + 5 * MS);
	cr_expect_eq(wheel_expire(w, now), &nodes[0]);
	wheel_add(w, &nodes[1], now + 5 * MS);
	cr_expect_null(wheel_expire(w, now));
	cr_expect_eq(wheel_expire(w, now + 6 * MS), &nodes[1]);
}

Test(wheel, take_any_takes_all)
{
	struct wheel_node nodes[50] = { 0 };
	unsigned n = 0;

	for (int i = 0; i < 50; i++)
		wheel_add(w, &nodes[i], START + i * 997 * MS);
	while (wheel_take_any(w))
		n++;
	cr_expect_eq(n, 50);
	cr_expect_eq(wheel_next_ns(w), INT64_MAX);
}

Test(wheel, behaves_like_a_list_under_random_use)
{
	enum { N = 200 };
	struct wheel_node nodes[N] = { 0 };
	int64_t due[N]; /* 0: not set */
	uint8_t seed[RNG_SEED_BYTES] = { 7 };
	int64_t now = START;
	struct rng rng;

	rng_init_seed(&rng, seed);
	for (int i = 0; i < N; i++)
		due[i] = 0;
	for (int step = 0; step < 100000; step++) {
		uint32_t i = rng_below(&rng, N);
		struct wheel_node *node;

		if (due[i] != 0) {
			wheel_remove(w, &nodes[i]);
			due[i] = 0;
		} else {
			due[i] = now + 1 + rng_below(&rng, 1u << rng_below(&rng, 14)) * MS;
			wheel_add(w, &nodes[i], due[i]);
		}
		now += rng_below(&rng, 1u << rng_below(&rng, 26));
		while ((node = wheel_expire(w, now))) {
			size_t k = (size_t)(node - nodes);
			cr_assert(due[k] != 0 && due[k] <= now, "step %d: early", step);
			due[k] = 0;
		}
		for (int k = 0; k < N; k++)
			cr_assert(due[k] == 0 || due[k] > now - MS, "step %d: forgotten", step);
	}
}
