/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table is complete and fit for every output; blocks add up. */
#include "base/metric.h"

#include <criterion/criterion.h>
#include <string.h>

Test(metric, every_row_has_a_name_and_a_help)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct metric_row *row = &metric_rows[i];

		cr_assert_not_null(row->name, "row %zu", i);
		cr_assert_not_null(row->help, "%s", row->name);
		/* Part of a Prometheus name and a JSON key. */
		cr_expect_eq(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name),
			"%s", row->name);
		cr_expect_gt(strlen(row->help), 0u, "%s", row->name);
		cr_expect_eq(row->help[strlen(row->help) - 1], '.', "%s", row->name);
		/* Would need escaping in the Prometheus text. */
		cr_expect_null(strpbrk(row->help, "\\\n\""), "%s", row->name);
	}
}

Test(metric, names_are_unique)
{
	for (size_t i = 0; i < METRIC_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(metric_rows[i].name, metric_rows[j].name);
}

Test(metric, rows_stand_at_their_ids)
{
	cr_expect_str_eq(metric_rows[METRIC_queries].name, "queries");
	cr_expect_str_eq(metric_rows[METRIC_merged].name, "merged");
	cr_expect_str_eq(metric_rows[METRIC_receive_errors].name, "receive_errors");
	cr_expect_eq(metric_rows[METRIC_shed_delay].kind, METRIC_KIND_SHED);
}

Test(metric, one_row_is_the_left_side_of_the_balance)
{
	size_t n_in = 0;

	for (size_t i = 0; i < METRIC_COUNT; i++)
		n_in += metric_rows[i].kind == METRIC_KIND_IN;
	cr_expect_eq(n_in, 1u);
	cr_expect_eq(metric_rows[METRIC_queries].kind, METRIC_KIND_IN);
}

/* A row of the wrong kind would make the sum lie: the name says where it belongs. */
Test(metric, kinds_follow_the_names)
{
	static const struct {
		const char *prefix;
		enum metric_kind kind;
		const char *except;
	} rules[] = {
		{ "answered_", METRIC_KIND_ANSWERED, "" },
		{ "dropped_", METRIC_KIND_DROPPED, "" },
		{ "shed_", METRIC_KIND_SHED,
			"shed_answered" }, /* shed and answered: counted twice */
		{ "replies", METRIC_KIND_NOTE, "" },
		{ "attempt", METRIC_KIND_NOTE, "" },
	};

	for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
		size_t n = 0;

		for (size_t i = 0; i < METRIC_COUNT; i++) {
			const struct metric_row *row = &metric_rows[i];

			if (strncmp(row->name, rules[r].prefix, strlen(rules[r].prefix)) != 0 ||
				strcmp(row->name, rules[r].except) == 0)
				continue;
			n++;
			cr_expect_eq(row->kind, rules[r].kind, "%s", row->name);
		}
		cr_expect_gt(n, 0u, "no row begins with %s", rules[r].prefix);
	}
}

Test(metric, add_counts_in_its_own_row_and_block)
{
	struct metric_block blocks[3] = { 0 };

	metric_add(&blocks[0], METRIC_queries, 1);
	metric_add(&blocks[0], METRIC_queries, 2);
	metric_add(&blocks[2], METRIC_queries, 40);
	metric_add(&blocks[1], METRIC_merged, 7);
	metric_add(&blocks[1], METRIC_merged, 0);
	cr_expect_eq(metric_sum(blocks, 3, METRIC_queries), 43u);
	cr_expect_eq(metric_sum(blocks, 2, METRIC_queries), 3u);
	cr_expect_eq(metric_sum(blocks, 0, METRIC_queries), 0u);
	for (int i = 0; i < METRIC_COUNT; i++) {
		uint64_t expected = i == METRIC_queries ? 43 : i == METRIC_merged ? 7 : 0;

		cr_expect_eq(metric_sum(blocks, 3, (enum metric_id)i), expected, "%s",
			metric_rows[i].name);
	}
}

Test(metric, counters_have_64_bits_and_wrap)
{
	struct metric_block block = { 0 };

	metric_add(&block, METRIC_queries, UINT32_MAX);
	metric_add(&block, METRIC_queries, 2);
	cr_expect_eq(metric_sum(&block, 1, METRIC_queries), (uint64_t)UINT32_MAX + 2);
	metric_add(&block, METRIC_attempts, UINT64_MAX);
	metric_add(&block, METRIC_attempts, 1);
	cr_expect_eq(metric_sum(&block, 1, METRIC_attempts), 0u);
}

Test(metric, blocks_share_no_cache_line)
{
	cr_expect_eq(sizeof(struct metric_block) % 64, 0u);
	cr_expect_eq(alignof(struct metric_block), 64u);
}
