/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * upstream - a worker thread's sockets to servers: the descriptors behind the machine's socket
 * numbers, opened, polled and closed as the machine asks, and what is told of those that cannot be
 * had.
 *
 * Made and freed by the engine's thread, used by the worker's own. Owner only; no locks; no
 * allocation after creation. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/worker.h"
#include "net/poller.h"
#include "net/socket.h"

struct upstream_params {
	struct worker *worker; /* whose numbers they are */
	const struct pool *pool;
	struct poller *poller; /* the tag of a socket is its number */
	struct rng *rng;
	const struct port_set *avoid_ports;
	_Atomic int64_t *tell_ns; /* by server, of all workers; relaxed: not told before, what fails for all */
};

struct upstream {
	/* set at start; all of it outlives this */
	struct upstream_params params;

	/* owner only */
	int *fds; /* by socket number, -1: none */
	int64_t *reopen_ns; /* by server: not before */
};

/* No socket is open yet. ERR_NOMEM. */
int upstream_init(struct upstream *u, const struct upstream_params *params);
size_t upstream_bytes(size_t n_servers, size_t n_sockets); /* what it takes beside itself */
/* Closes all, while the worker still exists. An all-zero one is allowed. */
void upstream_fini(struct upstream *u);

/* Opens the sockets of every server that is not forced down. One that cannot be reached is no error:
 * it is logged, and may come back. ERR_SYSTEM with errno for a shortage of ours: at the start that
 * will not go away. */
int upstream_open_all(struct upstream *u, int64_t now_ns);
/* Opens what the server lacks; if that fails, logs it and lets a second pass before the next try. */
void upstream_open_missing(struct upstream *u, uint16_t server, int64_t now_ns);
/* A connected socket under a number of the machine's; WORKER_SOCKET_NONE with errno. */
uint16_t upstream_open(struct upstream *u, uint16_t server, bool is_fresh);
void upstream_close(struct upstream *u, uint16_t socket); /* it may be closed already */

/* Is it we who lack something, not the server that cannot be reached? */
bool upstream_is_our_shortage(int error);
