/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/server: limits are exact at their boundary, states follow the mode. Races over
 * the same count are tests/stress/stress_pool.c. */
#include "balance/server.h"

#include <criterion/criterion.h>
#include <string.h>

static struct server make(unsigned limit, enum server_mode mode)
{
	struct server_params params = {
		.name = "a", .weight = 3, .max_outstanding = limit, .mode = mode
	};
	struct server s;

	server_init(&s, &params);
	return s;
}

Test(server, init_copies_the_parameters_and_starts_idle)
{
	struct server s = make(7, SERVER_AUTO);

	cr_expect_str_eq(s.params.name, "a");
	cr_expect_eq(s.params.weight, 3);
	cr_expect_eq(s.params.max_outstanding, 7);
	cr_expect_eq(server_outstanding(&s), 0);
}

Test(server, first_state_and_text_follow_the_mode)
{
	static const struct {
		enum server_mode mode;
		enum server_state state;
		const char *text;
	} cases[] = {
		{ SERVER_AUTO, SERVER_UNKNOWN, "unknown" },
		{ SERVER_FORCED_UP, SERVER_UP, "forced up" },
		{ SERVER_FORCED_DOWN, SERVER_DOWN, "forced down" },
		{ SERVER_DRAIN, SERVER_UNKNOWN, "draining" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct server s = make(1, cases[i].mode);

		cr_expect_eq(server_state(&s), cases[i].state, "%s", cases[i].text);
		cr_expect_str_eq(server_state_text(&s), cases[i].text);
	}
}

Test(server, text_of_an_auto_server_is_its_state)
{
	static const struct {
		enum server_state state;
		const char *text;
	} cases[] = {
		{ SERVER_UP, "up" },
		{ SERVER_DOWN, "down" },
		{ SERVER_EJECTED, "ejected" },
		{ SERVER_UNKNOWN, "unknown" },
	};
	struct server s = make(1, SERVER_AUTO);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		atomic_store(&s.state, cases[i].state);
		cr_expect_str_eq(server_state_text(&s), cases[i].text);
	}
}

Test(server, reserve_stops_exactly_at_the_limit)
{
	static const unsigned limits[] = { 1, 2, 100, SERVER_OUTSTANDING_MAX };

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct server s = make(limits[i], SERVER_AUTO);

		for (unsigned k = 0; k < limits[i]; k++)
			cr_assert(server_reserve(&s), "limit %u, place %u", limits[i], k);
		cr_expect_not(server_reserve(&s), "limit %u", limits[i]);
		cr_expect_not(server_reserve(&s), "limit %u, again", limits[i]);
		cr_expect_eq(server_outstanding(&s), limits[i], "refusals take nothing");
	}
}

Test(server, release_gives_places_back)
{
	struct server s = make(4, SERVER_AUTO);

	for (int k = 0; k < 4; k++)
		cr_assert(server_reserve(&s));
	server_release(&s, 0);
	cr_expect_not(server_reserve(&s), "0 places back are none");
	server_release(&s, 1);
	cr_expect(server_reserve(&s));
	cr_expect_not(server_reserve(&s));
	server_release(&s, 4);
	cr_expect_eq(server_outstanding(&s), 0);
}

Test(server, limit_and_load_weight_follow_the_ramp)
{
	static const struct {
		unsigned limit;
		uint32_t ramp;
		uint32_t want;
	} cases[] = {
		{ 100, SERVER_SHARE_FULL, 100 },
		{ 100, SERVER_SHARE_FULL - 1, 99 },
		{ 100, SERVER_SHARE_FULL / 2, 50 },
		{ 100, 6554, 10 },
		{ 100, 1, 1 },
		{ 1, SERVER_SHARE_FULL / 2, 1 },
		{ SERVER_OUTSTANDING_MAX, SERVER_SHARE_FULL, SERVER_OUTSTANDING_MAX },
		{ SERVER_OUTSTANDING_MAX, SERVER_SHARE_FULL / 4, SERVER_OUTSTANDING_MAX / 4 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct server s = make(cases[i].limit, SERVER_AUTO);

		server_set_ramp(&s, cases[i].ramp);
		server_set_pace(&s, 1); /* counts in draws alone */
		cr_expect_eq(server_limit(&s), cases[i].want, "case %zu", i);
		cr_expect_eq(server_load_weight(&s), 3 * cases[i].ramp, "case %zu", i);
		cr_expect_eq(server_part(&s), cases[i].ramp, "case %zu", i);
		for (uint32_t k = 0; k < cases[i].want; k++)
			cr_assert(server_reserve(&s), "case %zu, place %u", i, k);
		cr_expect_not(server_reserve(&s), "case %zu", i);
	}
}

/* A limit that falls below what is out takes no place away, and gives none. */
Test(server, a_falling_ramp_leaves_what_is_out)
{
	struct server s = make(4, SERVER_AUTO);

	for (int k = 0; k < 4; k++)
		cr_assert(server_reserve(&s));
	server_set_ramp(&s, SERVER_SHARE_FULL / 2);
	cr_expect_not(server_reserve(&s));
	server_release(&s, 2);
	cr_expect_not(server_reserve(&s));
	server_release(&s, 1);
	cr_expect(server_reserve(&s));
	cr_expect_eq(server_outstanding(&s), 2);
}

Test(server, groups_of_writers_share_no_cache_line)
{
	cr_expect_eq(offsetof(struct server, state) % 64, 0);
	cr_expect_eq(offsetof(struct server, outstanding) % 64, 0);
	cr_expect_geq(offsetof(struct server, outstanding) - offsetof(struct server, state), 64);
	cr_expect_eq(offsetof(struct server, n_silent) % 64, 0);
	cr_expect_eq(sizeof(struct server) % 64, 0);
}

Test(server, every_metric_has_a_name_of_its_own)
{
	for (int i = 0; i < SERVER_METRIC_COUNT; i++) {
		cr_assert_not_null(server_metric_names[i], "metric %d", i);
		for (int k = 0; k < i; k++)
			cr_expect_str_neq(server_metric_names[i], server_metric_names[k]);
	}
	cr_expect_str_eq(server_metric_names[SERVER_METRIC_queries], "queries");
	cr_expect_str_eq(server_metric_names[SERVER_METRIC_latency_us], "latency_us");
}

Test(server, metric_add_counts_one_metric)
{
	struct server_metrics m;

	memset(&m, 0, sizeof m);
	server_metric_add(&m, SERVER_METRIC_replies, 2);
	server_metric_add(&m, SERVER_METRIC_replies, 3);
	for (int i = 0; i < SERVER_METRIC_COUNT; i++)
		cr_expect_eq(atomic_load(&m.value[i]), i == SERVER_METRIC_replies ? 5 : 0);
}
