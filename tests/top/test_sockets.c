/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arithmetic of sockets: defaults, what the limit of open files leaves, and the two refusals. */
#include "sockets.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"

#define PLENTY 1000000

static char message[512];

static int plan(size_t servers, size_t workers, unsigned wanted, uint64_t limit, unsigned *per_out)
{
	const struct sockets_need need = {
		.n_servers = servers,
		.n_workers = workers,
		.n_listening = 2,
		.wanted = wanted,
		.file_limit = limit,
	};
	struct sockets_plan p = { 0 };
	int rc = sockets_plan(&need, &p, message, sizeof message);

	*per_out = p.per_server;
	return rc;
}

Test(sockets, the_default_shares_what_there_is)
{
	static const struct {
		size_t servers, workers;
		unsigned per;
	} cases[] = {
		{ 1, 1, 16 },
		{ 3, 2, 16 },
		{ 32, 16, 16 },
		{ 33, 16, 15 },
		{ 64, 16, 8 },
		{ 512, 16, 1 },
		{ 1000, 16, 1 },
	};
	unsigned per;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_expect_eq(plan(cases[i].servers, cases[i].workers, 0, PLENTY, &per), 0);
		cr_expect_eq(per, cases[i].per, "%zu x %zu: %u", cases[i].servers, cases[i].workers,
			per);
		cr_expect_str_eq(message, "");
	}
}

Test(sockets, what_was_asked_for_is_kept)
{
	unsigned per;

	cr_expect_eq(plan(10, 2, 1000, PLENTY, &per), 0);
	cr_expect_eq(per, 1000, "exactly SOCKETS_MOST");
	cr_expect_str_eq(message, "");
}

Test(sockets, too_many_are_an_error_that_says_what_to_lower)
{
	unsigned per;

	cr_expect_eq(plan(10, 2, 1001, PLENTY, &per), ERR_RANGE);
	cr_expect_not_null(strstr(message, "10 servers x 2 workers x 1001 sockets"), "%s", message);
	cr_expect_not_null(strstr(message, "upstream_sockets"), "%s", message);
	cr_expect_eq(plan(20001, 1, 0, PLENTY, &per), ERR_RANGE, "not even one each");
	cr_expect_not_null(strstr(message, "x 1 worker x 1 socket are"), "%s", message);
	cr_expect_eq(plan(1, 1, 20001, PLENTY, &per), ERR_RANGE);
	cr_expect_not_null(strstr(message, "1 server x 1 worker x 20001 sockets"), "%s", message);
}

Test(sockets, a_low_limit_of_files_shrinks_them_with_both_numbers)
{
	const struct sockets_need need = { 3, 2, 2, 16, 0 };
	uint64_t enough = sockets_files_needed(&need);
	unsigned per;

	cr_expect_eq(plan(3, 2, 16, enough, &per), 0);
	cr_expect_eq(per, 16);
	cr_expect_str_eq(message, "");
	cr_expect_eq(plan(3, 2, 16, enough - 1, &per), 0);
	cr_expect_eq(per, 15);
	cr_expect_not_null(
		strstr(message, "15 sockets per server and worker instead of 16"), "%s", message);
	cr_expect_eq(plan(3, 2, 16, enough - 90, &per), 0);
	cr_expect_eq(per, 1);
	cr_expect_not_null(
		strstr(message, "1 socket per server and worker instead of 16"), "%s", message);
	cr_expect_not_null(strstr(message, "or lower upstream_sockets"), "%s", message);
	cr_expect_eq(plan(3, 2, 16, enough - 91, &per), ERR_RANGE);
	cr_expect_not_null(strstr(message, "too low"), "%s", message);
	cr_expect_eq(plan(1, 1, 1, 0, &per), ERR_RANGE);
	cr_expect_not_null(strstr(message, "1 server and 1 worker: "), "%s", message);
}

Test(sockets, the_need_counts_a_fresh_one_for_each_server_and_worker)
{
	const struct sockets_need few = { 3, 2, 2, 4, 0 }, more = { 3, 2, 2, 5, 0 },
				  listening = { 3, 2, 7, 4, 0 };

	cr_expect_eq(sockets_files_needed(&more) - sockets_files_needed(&few), 6);
	cr_expect_eq(sockets_files_needed(&listening) - sockets_files_needed(&few), 15,
		"a receiver for each");
	cr_expect_geq(sockets_files_needed(&few), 3 * 2 * (4 + 1) + 2 + 2 * 3);
}
