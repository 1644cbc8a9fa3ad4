/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Quotas as cgroups write them, and that the mask is respected. */
#include "base/cpus.h"

#include <criterion/criterion.h>
#include <sched.h>

Test(cpus, a_quota_is_rounded_up_to_whole_cpus)
{
	static const struct {
		const char *text;
		unsigned cpus;
	} cases[] = {
		{ "max 100000", 0 },
		{ "max", 0 },
		{ "", 0 },
		{ "garbage", 0 },
		{ "100000", 0 },
		{ "100000 100000", 1 },
		{ "100000 100000\n", 1 },
		{ "150000 100000", 2 },
		{ "1000 100000", 1 },
		{ "200001 100000", 3 },
		{ "6400000 100000", 64 },
		{ "0 100000", 0 },
		{ "-1 100000", 0 },
		{ "100000 0", 0 },
		{ "100000 -5", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(cpus_from_cpu_max(cases[i].text), cases[i].cpus, "\"%s\": %u",
			cases[i].text, cpus_from_cpu_max(cases[i].text));
}

Test(cpus, usable_is_within_the_mask)
{
	cpu_set_t mask, one;
	unsigned n = cpus_usable();

	cr_assert_eq(sched_getaffinity(0, sizeof mask, &mask), 0);
	cr_expect_geq(n, 1);
	cr_expect_leq(n, (unsigned)CPU_COUNT(&mask));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &mask)) {
			CPU_SET(i, &one);
			break;
		}
	}
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
	cr_expect_eq(cpus_usable(), 1);
}
