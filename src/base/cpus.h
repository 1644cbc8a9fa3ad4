/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cpus - how many processors this process may really use. Any thread; no locks. */
#pragma once

/* CPUs in the affinity mask, at most the cgroup's quota (version 2 or 1) rounded up; at least 1. */
unsigned cpus_usable(void);
/* For tests: the whole CPUs a quota allows, from the text of cgroup v2's cpu.max ("max 100000",
 * "150000 100000"); 0: no limit. */
unsigned cpus_from_cpu_max(const char *text);
