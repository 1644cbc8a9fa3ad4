/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cpu - what the scheduler accounts to processes: /proc/PID/task/TID/schedstat of every thread,
 * "time on a CPU, time waiting for one, times it was put on one", the first two in nanoseconds.
 * A thread that is running may lack what it did since the last tick. */
#pragma once
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CPU_PIDS_MAX = 64 };

struct cpu {
	uint64_t run_ns, wait_ns, runs;
};

static inline void cpu_add_thread(struct cpu *sum, int pid, const char *tid)
{
	unsigned long long run_ns, wait_ns, runs;
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, tid);
	FILE *f = fopen(path, "r");
	if (!f)
		return;
	if (fscanf(f, "%llu %llu %llu", &run_ns, &wait_ns, &runs) == 3) {
		sum->run_ns += run_ns;
		sum->wait_ns += wait_ns;
		sum->runs += runs;
	}
	fclose(f);
}

static inline struct cpu cpu_of(const int *pids, int n)
{
	struct cpu sum = { 0 };

	for (int i = 0; i < n; i++) {
		char path[32];

		snprintf(path, sizeof path, "/proc/%d/task", pids[i]);
		DIR *dir = opendir(path);
		if (!dir)
			continue;
		for (struct dirent *e; (e = readdir(dir));) {
			if (e->d_name[0] != '.')
				cpu_add_thread(&sum, pids[i], e->d_name);
		}
		closedir(dir);
	}
	return sum;
}
