/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * prober - the thread around the watch (balance/watch.h), which decides when each server is probed
 * and who is up. It sleeps until the watch has something to do, and for ever when it has not.
 *
 * Results and signs come in from the workers' threads, orders of probes go out to the workers, and
 * what the watch tells is logged. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/watch.h"

struct memory_use;
struct prober;

struct prober_params {
	/* The rules and the pool. The rules are copied, and their messages made here. */
	struct watch_params watch;
	/* Hands an order to a worker; false: its box is full. Called on the prober's thread. */
	bool (*order)(void *ctx, unsigned worker, const struct probe_order *order);
	/* Adds to counts what all workers' histograms of the server hold (histogram_sum). NULL: nothing
	 * is measured. Called on the prober's thread. */
	void (*latency)(void *ctx, size_t server, uint32_t *counts);
	void *ctx;
};

int prober_new(const struct prober_params *params, struct prober **prober_out); /* ERR_NOMEM, ERR_SYSTEM */
void prober_free(struct prober **p); /* *p may be NULL; sets it to NULL */
/* Adds what it takes, the windows of latency apart. Of the parameters it looks at the watch's. */
void prober_memory(
	const struct prober_params *params, struct memory_use *prober, struct memory_use *windows);
/* Some parts need each other: set before the start. */
void prober_set_ctx(struct prober *p, void *ctx);
int prober_start(struct prober *p); /* ERR_SYSTEM */
void prober_stop(struct prober *p); /* and joins; does nothing if it was not started */

/* Any worker's thread: a probe has ended. Takes the lock of the results' mailbox. */
void prober_result(void *prober, const struct probe_result *result);
/* Any worker's thread: what signs_* told. Takes no lock, cannot overflow: it is a bit. */
void prober_sign(void *prober, uint16_t server, enum sign sign);

/* Any thread: how often a server changed its state. */
uint64_t prober_changes(const struct prober *p, size_t server);
/* Any thread: probes of a server that ended well, and that failed. */
uint64_t prober_good(const struct prober *p, size_t server);
uint64_t prober_failed(const struct prober *p, size_t server);
uint32_t prober_good_us(const struct prober *p, size_t server); /* what the last good one took */
