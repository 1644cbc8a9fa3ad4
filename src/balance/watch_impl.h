/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * watch_impl - what the files of the watch share: watch.c (events in, probes, suspicion) and
 * watch_state.c (states, and what follows for the pool). Nobody else includes it. */
#pragma once
#include <stdatomic.h>

#include "balance/ejection.h"
#include "balance/pool.h"
#include "balance/standing.h"
#include "balance/watch.h"

struct latency;

#define WATCH_RAMP_AFTER_NS INT64_C(10000000000) /* not up for so long: its caches are cold */

/* A probe goes out by a socket of the traffic and, some time later, by a fresh one. */
enum leg { LEG_NONE, LEG_OUT, LEG_FAILED, LEG_NOT_SENT };

struct watched {
	const struct probe_rules *rules; /* set at start */
	struct health health;
	struct ejection ejection;

	/* the probe that is out, or was last */
	uint32_t serial;
	unsigned worker; /* that has it */
	unsigned n_to_check; /* workers whose sockets to it may be dead as another's were */
	enum leg legs[2]; /* by is_fresh */
	int64_t start_ns, timeout_ns;
	int64_t fresh_ns; /* when the fresh one is due; INT64_MAX: it is not, or is out */
	int64_t overdue_ns; /* INT64_MAX: none is out */
	struct probe_result last; /* what decided the last one */
	int64_t last_timeout_ns;

	/* suspicion: health.is_suspect until the confirming probe has ended */
	enum sign sign;
	unsigned n_silent;
	int64_t clear_ns; /* when the next sign may be told; INT64_MAX: when it is up again */

	/* slow start */
	int64_t left_ns; /* when it was up last */
	int64_t ramp_ns; /* when it began; INT64_MAX: it has its full share */

	/* owner writes, any thread reads; relaxed */
	_Atomic uint64_t n_good, n_failed, n_changes;
	_Atomic uint32_t good_us; /* what the last good one took */
};

#define NEVER_NS (INT64_MIN / 2)

/* When nobody of a tier was in use. */
struct outage {
	int64_t begin_ns, end_ns; /* NEVER_NS: there was none */
	bool had_servers; /* when last looked at */
};

struct watch {
	struct watch_params params;
	const struct watch_ops *ops;
	void *ctx;
	struct rng *rng;
	struct watched *servers;
	/* When each server is due, beside one another: of many servers a tick looks at few. */
	int64_t *due_ns;
	int64_t next_ns; /* the first of these, while it is known */
	bool is_next_known;
	bool has_answered; /* some server answered the default name NOERROR or NXDOMAIN */
	bool has_warned; /* that the default name is refused */

	/* watch_state.c */
	struct shares shares;
	struct latency *latency; /* NULL: neither latency nor hedging is on */
	bool is_settled; /* the first probes of all servers have come back */
	bool is_panic_told, is_nobody_told;
	bool is_changed; /* a state has, since the last watch_publish */
	uint32_t hedge_delay_us; /* by latency alone */
	int64_t ramp_ns; /* when ramps are to be looked at; INT64_MAX: there is none */
	struct outage outages[POOL_TIERS_MAX]; /* the last of each tier */
	int64_t second_ns; /* when the next latency window ends */
};

static inline struct server *watch_server(const struct watch *w, size_t s)
{
	return &w->params.pool->servers[s];
}

/* watch_state.c */
void watch_tell(struct watch *w, const struct watch_event *event);
/* To event->to; fills in `kind`, `from`, `n_recent` and `hold_ns`. */
void watch_set_state(struct watch *w, struct watch_event event, int64_t now_ns);
/* False: the cap does not allow it, which has been told. */
bool watch_eject(struct watch *w, size_t s, enum sign sign, unsigned n, int64_t now_ns);
/* What follows from states and time: panic, shares, ramps, paces, the hedge delay. */
void watch_publish(struct watch *w, int64_t now_ns);
int64_t watch_publish_next_ns(const struct watch *w);
