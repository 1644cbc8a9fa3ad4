/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sockets - how many sockets to the servers there will be: the more, the harder a port is to guess;
 * but a UDP socket takes a local port and a descriptor of its own. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define SOCKETS_DEFAULT 16 /* per server and worker, when nothing else limits */
#define SOCKETS_DEFAULT_ALL 8192 /* of all servers and workers, when nothing is configured */
#define SOCKETS_MOST CONFIG_SOCKETS_MAX /* of all */

struct sockets_need {
	size_t n_servers, n_workers;
	size_t n_listening;
	unsigned wanted; /* per server and worker; 0: chosen */
	uint64_t file_limit;
};
struct sockets_plan {
	unsigned per_server; /* and worker */
};

/* Open files for all of it: sockets, one fresh socket per server and worker, and what else a
 * process has open. */
uint64_t sockets_files_needed(const struct sockets_need *need);
/* 0 with a message (a warning, giving both numbers) if the count had to shrink, "" if not.
 * ERR_RANGE with a message when not even one per server and worker fits, or more than
 * SOCKETS_MOST are asked for. */
int sockets_plan(
	const struct sockets_need *need, struct sockets_plan *plan_out, char *message, size_t size);
