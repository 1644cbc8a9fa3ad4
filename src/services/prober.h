/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * prober - decides when each server is probed, hears the results, and says who is up. One thread of
 * its own; it sleeps until the next probe is due, and for ever when there is nothing to probe.
 *
 * It orders a probe from one worker after the other, which sends it by one of its traffic's
 * sockets. A probe without an answer is repeated once by a fresh socket before it counts as failed.
 * The only writer of server states. Every change is logged once, with its reason. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/health.h"
#include "balance/signs.h"
#include "balance/probe.h"

struct pool;
struct prober;

struct prober_params {
	struct pool *pool;
	unsigned n_workers;
	struct health_params health;
	bool is_off; /* no probes: servers with state "auto" count as up */
	const uint8_t *qname; /* wire */
	size_t qname_len;
	bool qname_is_default;
	uint16_t qtype;
	uint32_t reject; /* rcodes that fail a probe, a bit each */
	/* Hands an order to a worker; false: its box is full. Called on the prober's thread. */
	bool (*order)(void *ctx, unsigned worker, const struct probe_order *order);
	void *ctx;
};

int prober_new(const struct prober_params *params, struct prober **prober_out); /* ERR_NOMEM, ERR_SYSTEM */
void prober_free(struct prober **p); /* *p may be NULL; sets it to NULL */
/* Some parts need each other: set before the start. */
void prober_set_ctx(struct prober *p, void *ctx);
int prober_start(struct prober *p); /* ERR_SYSTEM */
void prober_stop(struct prober *p); /* and joins; does nothing if it was not started */

/* Any worker's thread: a probe has ended. Takes the lock of the results' mailbox. */
void prober_result(void *prober, const struct probe_result *result);

/* The same: what a worker saw of a server's queries is reason to look at it. */
void prober_sign(void *prober, uint16_t server, enum sign sign);

/* Any thread: probes of a server that ended well, and that failed. */
uint64_t prober_good(const struct prober *p, size_t server);
uint64_t prober_failed(const struct prober *p, size_t server);
