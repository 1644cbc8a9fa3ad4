/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A container with a quota of one CPU on a machine of sixty-four must not start sixty-four workers:
 * the mask does not know of the quota, so both are asked. */
#include "base/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned whole_cpus(long long quota, long long period)
{
	if (quota <= 0 || period <= 0)
		return 0;
	return (unsigned)((quota + period - 1) / period);
}

unsigned cpus_from_cpu_max(const char *text)
{
	long long quota, period;

	if (sscanf(text, "%lld %lld", &quota, &period) != 2)
		return 0; /* "max ..." */
	return whole_cpus(quota, period);
}

static bool read_line(const char *path, char *out, int size)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	bool ok = fgets(out, size, f) != NULL;
	fclose(f);
	return ok;
}

/* The quota of our own group: version 2 names it in the line "0::" of /proc/self/cgroup. */
static unsigned quota_v2(void)
{
	char line[512], path[640], text[64];
	FILE *f = fopen("/proc/self/cgroup", "re");
	unsigned cpus = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", line + 3);
		if (read_line(path, text, sizeof text) ||
			read_line("/sys/fs/cgroup/cpu.max", text, sizeof text))
			cpus = cpus_from_cpu_max(text);
	}
	fclose(f);
	return cpus;
}

static unsigned quota_v1(void)
{
	char quota[64], period[64];
	long long q, p;

	if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota) ||
		!read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period))
		return 0;
	if (sscanf(quota, "%lld", &q) != 1 || sscanf(period, "%lld", &p) != 1)
		return 0;
	return whole_cpus(q, p);
}

unsigned cpus_usable(void)
{
	cpu_set_t mask;
	unsigned n = 1;

	if (sched_getaffinity(0, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) > 0)
		n = (unsigned)CPU_COUNT(&mask);
	unsigned quota = quota_v2();
	if (quota == 0)
		quota = quota_v1();
	return quota != 0 && quota < n ? quota : n;
}
