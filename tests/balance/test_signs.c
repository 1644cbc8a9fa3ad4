/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/signs. */
#include "balance/signs.h"

#include <criterion/criterion.h>
#include <string.h>

static struct server s;

/* A pair that differs from the others in the bits that are kept. */
#define PAIR(n) ((uint32_t)(n) << 28)

static void setup(void)
{
	const struct server_params p = { .name = "a", .weight = 1, .max_outstanding = 1 };

	server_init(&s, &p);
}

TestSuite(signs, .init = setup);

static bool bettered(uint32_t pair, enum sign *sign)
{
	*sign = SIGN_SILENT;
	return signs_bettered(&s, pair, sign);
}

/* Reads the letters: s silent, r replied, g good, u unreachable. The number of times it was told. */
static unsigned play(const char *events, unsigned limit)
{
	unsigned n = 0;

	for (; *events; events++) {
		if (*events == 's')
			n += signs_silent(&s, limit);
		else if (*events == 'u')
			n += signs_unreachable(&s);
		else if (*events == 'r')
			signs_replied(&s);
		else if (*events == 'g')
			signs_good(&s);
	}
	return n;
}

Test(signs, silence_is_told_at_the_limit_and_once)
{
	static const struct {
		const char *events;
		unsigned limit, told;
	} cases[] = {
		{ "ssss", 5, 0 },
		{ "sssss", 5, 1 },
		{ "ssssssssssssss", 5, 1 },
		{ "s", 1, 1 },
		{ "ssssrssss", 5, 0 },
		{ "ssssrsssss", 5, 1 },
		{ "ssssgs", 5, 1 }, /* a good reply of an older query was told as a reply before */
		{ "ssssssssssssssssssss", 0, 0 },
		{ "u", 5, 1 },
		{ "uuuu", 5, 1 },
		{ "usssss", 5, 1 },
		{ "u", 0, 1 },
		{ "rurr", 5, 1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setup();
		cr_expect_eq(play(cases[i].events, cases[i].limit), cases[i].told, "%s, limit %u",
			cases[i].events, cases[i].limit);
		cr_expect_eq(server_is_suspect(&s), cases[i].told > 0, "%s", cases[i].events);
	}
}

Test(signs, after_clear_all_counts_anew)
{
	cr_expect_eq(play("sssss", 5), 1);
	signs_clear(&s);
	cr_expect_not(server_is_suspect(&s));
	cr_expect_eq(play("ssss", 5), 0);
	cr_expect_eq(play("s", 5), 1);
	signs_clear(&s);
	cr_expect_eq(play("u", 5), 1);
}

Test(signs, an_excuse_forgets_silence_and_tells_nothing_more)
{
	play("sssss", 5);
	signs_excuse(&s);
	cr_expect(server_is_suspect(&s));
	cr_expect_eq(play("sssssu", 5), 0);
	signs_clear(&s);
	cr_expect_eq(atomic_load(&s.n_silent), 0);
}

Test(signs, silence_beyond_count_stays_silence)
{
	atomic_store(&s.n_silent, UINT32_MAX - 1);
	cr_expect_eq(play("s", 5), 1);
}

Test(signs, a_bettered_reply_makes_a_suspect_once)
{
	enum sign sign;

	cr_expect(bettered(PAIR(1), &sign));
	cr_expect_eq(sign, SIGN_BETTERED);
	cr_expect_not(bettered(PAIR(1), &sign));
	cr_expect_eq(sign, SIGN_BETTERED);
}

static const struct {
	const char *name;
	const char *pairs; /* a digit each; g: a good reply between */
	int blamed_at; /* index; -1: never */
} blames[] = {
	{ "five of three pairs", "12312", 4 },
	{ "five of five pairs", "12345", 4 },
	{ "four of four pairs", "1234", -1 },
	{ "two pairs are one client and name too few", "1212121212", -1 },
	{ "one pair for ever", "1111111111111111111111", -1 },
	{ "the third pair comes late", "11112222223", 10 },
	{ "the third pair is the first again", "11221122113", 10 },
	{ "a good reply between", "1234g5", -1 },
	{ "a good reply between, then five", "1234g12345", 9 },
	{ "the zero pair is one too", "01201", 4 },
	{ "three pairs in the last three", "11123", 4 },
};

Test(signs, blame_takes_five_in_a_row_of_three_pairs)
{
	for (size_t i = 0; i < sizeof blames / sizeof blames[0]; i++) {
		int blamed_at = -1;

		setup();
		for (int k = 0; blames[i].pairs[k]; k++) {
			enum sign sign;
			bool is_told;

			if (blames[i].pairs[k] == 'g') {
				signs_good(&s);
				continue;
			}
			is_told = bettered(PAIR(blames[i].pairs[k] - '0'), &sign);
			if (is_told && sign == SIGN_BLAMED && blamed_at == -1)
				blamed_at = k;
		}
		cr_expect_eq(blamed_at, blames[i].blamed_at, "%s: %d", blames[i].name, blamed_at);
	}
}

Test(signs, blame_is_told_of_a_suspect_too_and_once_until_cleared)
{
	enum sign sign;

	play("u", 5);
	for (uint32_t i = 0; i < 4; i++)
		cr_expect_not(bettered(PAIR(i), &sign));
	cr_expect(bettered(PAIR(4), &sign));
	cr_expect_eq(sign, SIGN_BLAMED);
	for (uint32_t i = 0; i < 50; i++)
		cr_expect_not(bettered(PAIR(i % 16), &sign), "%u", i);
	signs_clear(&s);
	for (uint32_t i = 0; i < 4; i++)
		cr_expect_eq(bettered(PAIR(i), &sign), i == 0);
	cr_expect(bettered(PAIR(4), &sign));
	cr_expect_eq(sign, SIGN_BLAMED);
}

Test(signs, a_good_reply_after_the_blame_lets_it_be_told_again)
{
	enum sign sign;

	for (uint32_t i = 0; i < 5; i++)
		bettered(PAIR(i), &sign);
	signs_good(&s);
	for (uint32_t i = 0; i < 4; i++)
		bettered(PAIR(i), &sign);
	cr_expect(bettered(PAIR(4), &sign));
	cr_expect_eq(sign, SIGN_BLAMED);
}

Test(signs, other_signs_leave_the_blame)
{
	enum sign sign;

	for (uint32_t i = 0; i < 4; i++)
		bettered(PAIR(i), &sign);
	play("surr", 5);
	signs_excuse(&s);
	cr_expect(bettered(PAIR(4), &sign));
	cr_expect_eq(sign, SIGN_BLAMED);
}

Test(signs, good_replies_are_tests_only_while_ejected)
{
	static const enum server_state states[] = { SERVER_UNKNOWN, SERVER_UP, SERVER_DOWN,
		SERVER_EJECTED };

	for (size_t i = 0; i < 4; i++) {
		setup();
		atomic_store(&s.state, states[i]);
		play("gg", 5);
		cr_expect_eq(atomic_load(&s.n_tests_good), states[i] == SERVER_EJECTED ? 2 : 0,
			"state %d", states[i]);
	}
}

Test(signs, any_failure_between_spoils_the_tests)
{
	enum sign sign;

	atomic_store(&s.state, SERVER_EJECTED);
	play("gs", 5);
	cr_expect_eq(atomic_load(&s.n_tests_good), 0);
	play("gu", 5);
	cr_expect_eq(atomic_load(&s.n_tests_good), 0);
	play("g", 5);
	bettered(PAIR(1), &sign);
	cr_expect_eq(atomic_load(&s.n_tests_good), 0);
	play("grg", 5);
	cr_expect_eq(atomic_load(&s.n_tests_good), 2, "a reply alone neither spoils nor counts");
}
