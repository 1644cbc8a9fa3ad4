/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * watch - everything slow that is decided about servers: when each is probed, who is up, down,
 * suspect or ejected and for how long, whether the pool panics, how traffic is shared among tiers, who
 * starts slowly, whose answers are slow, when a hedge is sent. A pure machine: time, randomness
 * and the sending of probes are handed in, and what happened is told (services/prober logs it).
 * Its results are the atomics of the pool and its servers, of which it is the only writer.
 *
 * One owner thread. Events in are watch_result, watch_sign and watch_tick; each may be called at
 * any time, and watch_next_ns says when the next tick has something to do.
 *
 * The rules, in short. The first probe decides alone; then `fall` failures and `rise` successes. A
 * sign makes a suspect: it is probed at once, and down if that fails. Queries alone (SIGN_BLAMED, or
 * any sign without probes) eject: for a time that grows, never more of a tier than the cap, and
 * ended early by two good test queries in a row. Who was down or ejected often of late is taken back
 * later each time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/health.h"
#include "balance/probe.h"
#include "balance/signs.h"
#include "base/histogram.h"

#define WATCH_TEXT_MAX 512

struct pool;
struct rng;
struct watch;

enum latency_mode { LATENCY_OFF, LATENCY_ON };

struct watch_params {
	struct pool *pool;
	unsigned n_workers;
	const struct probe_rules *rules; /* at least one; outlive the watch */
	size_t n_rules;
	const uint16_t *rules_of; /* by server; NULL: the first are those of all */
	int64_t attempt_timeout_ns; /* bounds that of a confirming probe */

	int64_t eject_base_ns;
	unsigned eject_max_percent; /* of a tier's weight, but always one server */
	int64_t slow_start_ns; /* 0: none */
	unsigned panic_percent; /* 0: never */
	enum latency_mode latency;
	unsigned hedge_percent; /* 0: no hedging */
};

enum watch_event_kind {
	WATCH_STATE, /* of a server: from, to, reason */
	WATCH_SUSPECT, /* a server is, for its `sign`. Its confirming probe is out */
	WATCH_CLEARED, /* it answered the confirming probe */
	WATCH_NOT_EJECTED, /* it is to blame, but too many of its tier are ejected */
	WATCH_PANIC, /* too few are up: ejections are ignored */
	WATCH_NO_PANIC,
	WATCH_NOBODY_UP, /* the pool fails open */
	WATCH_DEAD_SOCKETS, /* sockets of a worker to a server were dead and have been replaced */
	WATCH_SHORTAGE, /* a probe could not be sent, which is our trouble */
	WATCH_REFUSES_DEFAULT, /* it refuses the default qname, and counts as up. Told once */
	WATCH_SHARES, /* of the tiers have changed */
};

/* Why a state changed. */
enum watch_reason {
	WATCH_BY_PROBES, /* `n` of them in a row */
	WATCH_BY_FIRST_PROBE,
	WATCH_BY_SIGN, /* `sign`; and the confirming probe failed, unless it is an ejection */
	WATCH_BY_TESTS, /* an ejected server answered two test queries in a row */
	WATCH_BY_TIME, /* the ejection's */
};

struct watch_event {
	enum watch_event_kind kind;
	size_t server; /* where one is meant */
	enum server_state from, to;
	enum watch_reason reason;
	enum sign sign;
	unsigned n; /* WATCH_BY_PROBES: how many; SIGN_SILENT: queries without a reply in a row */
	unsigned n_recent; /* times it was taken out of late, this one counted */
	int64_t hold_ns; /* how long an ejection lasts, or a server stays down at least (0: no rule) */
	enum probe_outcome outcome; /* of the probe that decided */
	uint8_t rcode;
	int64_t timeout_ns; /* of that probe */
};

struct memory_use;

struct watch_ops {
	/* Hands an order to a worker; false: its box is full. */
	bool (*order)(void *ctx, unsigned worker, const struct probe_order *order);
	void (*tell)(void *ctx, const struct watch_event *event);
	/* Adds the counts of all workers' histograms of the server (histogram_sum). Called only while
	 * latency or hedging is on. */
	void (*latency)(void *ctx, size_t server, uint32_t *counts);
};

/* ERR_NOMEM. `params` is copied; `ops`, `ctx` and `rng` are kept. The pool's servers must be new. */
int watch_new(const struct watch_params *params, const struct watch_ops *ops, void *ctx,
	struct rng *rng, int64_t now_ns, struct watch **watch_out);
void watch_free(struct watch **w); /* *w may be NULL; sets it to NULL */
/* Adds what it takes, the windows of latency apart. */
void watch_memory(
	const struct watch_params *params, struct memory_use *watch, struct memory_use *windows);

/* Events in. Owner only. */
void watch_result(struct watch *w, int64_t now_ns, const struct probe_result *result);
void watch_sign(struct watch *w, int64_t now_ns, uint16_t server, enum sign sign);
void watch_tick(struct watch *w, int64_t now_ns);
/* When watch_tick has something to do, INT64_MAX: never. */
int64_t watch_next_ns(struct watch *w);

/* Any thread: how often a server changed its state. */
uint64_t watch_changes(const struct watch *w, size_t server);
/* Any thread: probes of a server that ended well, and that failed. */
uint64_t watch_good(const struct watch *w, size_t server);
uint64_t watch_failed(const struct watch *w, size_t server);
uint32_t watch_good_us(const struct watch *w, size_t server); /* what the last good one took */

static inline const struct probe_rules *watch_rules(
	const struct watch_params *params, size_t server)
{
	return &params->rules[params->rules_of ? params->rules_of[server] : 0];
}

/* balance/watch_text: an event as a sentence for a person, with the servers' names and addresses of
 * the pool; `probe` says what the server is asked (". NS"). Returns out. */
const char *watch_event_text(const struct watch_event *event, const struct pool *pool,
	const char *probe, char *out, size_t size);
