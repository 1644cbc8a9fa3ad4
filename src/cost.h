/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cost - what a configuration takes to run: memory at the start and what it may grow to, threads,
 * sockets, open files. Each part says what it takes (X_memory beside X_new); here it is summed up
 * and printed. Main's thread, which serves nobody. */
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "sockets.h"

struct config;

struct cost_params {
	const struct config *config;
	unsigned n_workers; /* as planned (plan.h), and the next two */
	struct sockets_plan sockets;
	uint64_t file_limit;
};

/* ERR_NOMEM, ERR_SYSTEM. */
int cost_print(const struct cost_params *params, FILE *out);
