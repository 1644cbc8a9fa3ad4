/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plan - what a configuration means for each part: plain structs, filled from it and pointing into
 * it. The daemon starts its parts with them, and so do the tests that tell stories in the
 * configuration's words. Pure functions. */
#pragma once
#include "balance/pool.h"
#include "core/worker.h"
#include "services/prober.h"

struct config;

struct worker_params plan_worker(const struct config *c, unsigned sockets_per_server);
struct pool_params plan_pool(const struct config *c);
/* The pool, the number of workers and how to order a probe are the caller's to add. */
struct prober_params plan_prober(const struct config *c);
