/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/known.h"

#include <criterion/criterion.h>

#include "base/clock.h"

#define START (1000 * CLOCK_NS_PER_S)
#define PERIOD (KNOWN_PERIOD_S * CLOCK_NS_PER_S)
/* Domains of one set. */
#define HASH(n) (((uint32_t)(n) << 16) + 5)

static struct known k;

static void setup(void)
{
	k = (struct known){ 0 };
	known_advance(&k, START);
}

TestSuite(known, .init = setup);

Test(known, nobody_is_at_first)
{
	cr_expect_not(known_any(&k));
	for (uint32_t i = 0; i < 1000; i++)
		cr_expect_not(known_has(&k, HASH(i)));
	cr_expect_not(known_has(&k, 0));
}

Test(known, an_answer_is_worth_one_retry)
{
	known_note(&k, HASH(1));
	known_note(&k, HASH(1));
	known_note(&k, HASH(2));
	cr_expect(known_any(&k));
	cr_expect_not(known_has(&k, HASH(3)));
	for (int i = 0; i < 2; i++) {
		cr_expect(known_has(&k, HASH(1)), "%d", i);
		known_spend(&k, HASH(1));
	}
	cr_expect_not(known_has(&k, HASH(1)));
	cr_expect(known_has(&k, HASH(2)));
	cr_expect(known_any(&k));
}

Test(known, what_is_not_there_cannot_be_spent)
{
	known_note(&k, HASH(1));
	known_spend(&k, HASH(2));
	known_spend(&k, HASH(1));
	known_spend(&k, HASH(1));
	cr_expect_not(known_has(&k, HASH(1)));
}

Test(known, credit_has_an_end)
{
	int n = 0;

	for (int i = 0; i < 1000; i++)
		known_note(&k, HASH(1));
	for (; known_has(&k, HASH(1)); n++)
		known_spend(&k, HASH(1));
	cr_expect_eq(n, UINT8_MAX);
}

Test(known, an_answer_counts_for_two_periods_at_most_and_one_at_least)
{
	static const struct {
		int64_t at_ns;
		int64_t last_ns;
	} cases[] = { { 0, 2 * PERIOD - 1 }, { PERIOD - CLOCK_NS_PER_S, 2 * PERIOD - 1 },
		{ PERIOD, 3 * PERIOD - 1 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setup();
		for (int64_t at_ns = 0; at_ns <= cases[i].last_ns; at_ns += CLOCK_NS_PER_S / 2) {
			known_advance(&k, START + at_ns);
			if (at_ns == cases[i].at_ns)
				known_note(&k, HASH(1));
		}
		known_advance(&k, START + cases[i].last_ns);
		cr_expect(known_has(&k, HASH(1)), "row %zu", i);
		cr_expect(known_any(&k), "row %zu", i);
		known_advance(&k, START + cases[i].last_ns + 1);
		cr_expect_not(known_has(&k, HASH(1)), "row %zu", i);
		cr_expect_not(known_any(&k), "row %zu", i);
	}
}

Test(known, old_credit_is_forgotten_by_a_new_answer)
{
	for (int i = 0; i < 10; i++)
		known_note(&k, HASH(1));
	known_advance(&k, START + 2 * PERIOD);
	known_note(&k, HASH(1));
	known_spend(&k, HASH(1));
	cr_expect_not(known_has(&k, HASH(1)));
}

Test(known, a_long_sleep_forgets_all)
{
	for (int64_t n = 2; n < 600; n++) {
		setup();
		known_note(&k, HASH(1));
		known_advance(&k, START + n * PERIOD);
		cr_expect_not(known_has(&k, HASH(1)), "%lld periods", (long long)n);
		cr_expect_not(known_any(&k), "%lld periods", (long long)n);
	}
}

Test(known, the_least_answered_gives_way)
{
	for (uint32_t n = 1; n <= KNOWN_WAYS; n++) {
		for (uint32_t i = 0; i < n + 1; i++)
			known_note(&k, HASH(n));
	}
	for (uint32_t n = 100; n < 200; n++) {
		known_note(&k, HASH(n));
		cr_expect(known_has(&k, HASH(n)));
	}
	cr_expect_not(known_has(&k, HASH(1)));
	for (uint32_t n = 2; n <= KNOWN_WAYS; n++)
		cr_expect(known_has(&k, HASH(n)), "%u", n);
}

Test(known, the_old_give_way_first)
{
	for (uint32_t n = 1; n <= KNOWN_WAYS; n++) {
		for (int i = 0; i < 100; i++)
			known_note(&k, HASH(n));
	}
	known_advance(&k, START + PERIOD);
	known_note(&k, HASH(2));
	known_advance(&k, START + 2 * PERIOD);
	for (uint32_t n = 10; n < 9 + KNOWN_WAYS; n++)
		known_note(&k, HASH(n));
	cr_expect(known_has(&k, HASH(2)));
	for (uint32_t n = 10; n < 9 + KNOWN_WAYS; n++)
		cr_expect(known_has(&k, HASH(n)), "%u", n);
}

Test(known, thousands_have_a_place)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < 4000; i++)
		known_note(&k, i * 2654435761u);
	for (uint32_t i = 0; i < 4000; i++)
		n += known_has(&k, i * 2654435761u);
	cr_expect_geq(n, 3900, "%u", n);
}
