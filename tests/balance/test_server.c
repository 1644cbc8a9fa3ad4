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

Test(server, groups_of_writers_share_no_cache_line)
{
	cr_expect_eq(offsetof(struct server, state) % 64, 0);
	cr_expect_eq(offsetof(struct server, outstanding) % 64, 0);
	cr_expect_geq(offsetof(struct server, outstanding) - offsetof(struct server, state), 64);
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
