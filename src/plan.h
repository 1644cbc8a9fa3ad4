/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan - what a configuration means for each part: plain structs, filled from it and pointing into
 * it. The daemon starts its parts with them, and so do the tests that tell stories in the
 * configuration's words. Pure, but for the three that ask what the system has, and the prober's rules
 * on the heap. */
#pragma once
#include "balance/pool.h"
#include "core/engine.h"
#include "core/listeners.h"
#include "core/worker.h"
#include "services/prober.h"
#include "sockets.h"

struct config;

struct worker_params plan_worker(const struct config *c, unsigned sockets_per_server);
struct pool_params plan_pool(const struct config *c);
/* The listener of that index, with its number of sockets. */
struct listener_params plan_listener(const struct config *c, size_t i, unsigned n_workers);
/* The listeners, the acl, the pool, the prober and `trace` are the caller's to add. */
struct engine_params plan_engine(
	const struct config *c, unsigned n_workers, unsigned sockets_per_server);
/* The pool, the number of workers and how to order a probe are the caller's to add. ERR_NOMEM. The
 * rules are on the heap, once each, until plan_prober_free. */
int plan_prober(const struct config *c, struct prober_params *params_out);
void plan_prober_free(struct prober_params *params);

/* As configured, or by the CPUs there are. */
unsigned plan_workers(const struct config *c);
/* How many sockets there can be, with the limit of open files raised to the need: as root, if ever.
 * Tells and returns what sockets_plan does; *file_limit_out is the limit then. */
int plan_sockets(const struct config *c, unsigned n_workers, struct sockets_plan *plan_out,
	uint64_t *file_limit_out, char *message, size_t size);
/* Whether the Internet reaches a listener of that address and nobody wrote whom to serve: clients out
 * there get silence. If so, `message` tells. */
bool plan_is_public(
	const struct config *c, const struct addr *listener, char *message, size_t size);
