/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * report - all counters as one JSON object, for SIGUSR1 and the end: what metric.h and server.h
 * define, by those names, and what is pending. Any thread; figures may be a moment old. */
#pragma once

struct engine;
struct pool;
struct prober;

/* Writes one line to the log. Does nothing but say so when memory is short. */
void report_log(const struct engine *engine, const struct pool *pool, const struct prober *prober);
