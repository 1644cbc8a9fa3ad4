/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * server - one upstream DNS server: who it is, whether it may be asked, how much is out with it.
 *
 * What is set at start never changes. `state` is written by the prober's thread alone and read by
 * the workers; `outstanding` is written by all workers. Each group has cache lines of its own. */
#pragma once
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"
#include "net/addr.h"

#define SERVER_NAME_MAX 63
#define SERVER_WEIGHT_MAX 1000
#define SERVER_OUTSTANDING_MAX 1000000

#define SERVER_TIER_MAX 15
#define SERVER_SHARE_FULL 65536u /* the whole, where a share is a fraction */
#define SERVER_PART_FULL (UINT64_C(1) << 32) /* the product of two whole shares */

/* What the operator said (the configuration's state). A draining server is probed and answers what
 * it has, but gets no new query while another server may be asked. */
enum server_mode { SERVER_AUTO, SERVER_FORCED_UP, SERVER_FORCED_DOWN, SERVER_DRAIN };

/* What is known of it. */
enum server_state {
	SERVER_UNKNOWN, /* auto, and no probe has come back yet: not asked unless nobody is up */
	SERVER_UP,
	SERVER_DOWN, /* its probes fail */
	SERVER_EJECTED, /* by what its queries showed; no failed probe has confirmed it */
};

struct server_params {
	char name[SERVER_NAME_MAX + 1]; /* "" in a parsed file becomes address:port */
	struct addr address;
	struct addr source; /* family 0: any */
	unsigned weight; /* 1..SERVER_WEIGHT_MAX */
	unsigned max_outstanding; /* 1..SERVER_OUTSTANDING_MAX */
	unsigned tier; /* 0..SERVER_TIER_MAX, lower first */
	enum server_mode mode;
};

struct server {
	/* set at start */
	struct server_params params;

	/* prober's thread; workers read. Relaxed: nothing else is published by it. */
	alignas(64) _Atomic int state; /* enum server_state */
	_Atomic uint32_t ramp; /* slow start: how much of its weight counts, of SERVER_SHARE_FULL */
	_Atomic uint32_t pace; /* latency: how many of its draws count, of SERVER_SHARE_FULL */
	_Atomic bool
		is_test_due; /* an ejected server wants one query; whoever clears it sends it */

	/* What the workers saw of its queries (balance/signs.h); relaxed. */
	alignas(64) _Atomic uint32_t n_silent; /* attempts without a reply, in a row */
	_Atomic uint32_t n_tests_good; /* good replies while ejected, in a row */
	_Atomic uint64_t blame; /* bad replies that another server bettered, in a row */
	_Atomic bool is_suspect; /* the prober has been told, and has not decided yet */

	/* all workers, relaxed: it is a count, and publishes nothing. */
	alignas(64) _Atomic uint32_t outstanding;
};

void server_init(struct server *s, const struct server_params *params);

static inline uint32_t server_outstanding(const struct server *s)
{
	return atomic_load_explicit(&s->outstanding, memory_order_relaxed);
}
static inline enum server_state server_state(const struct server *s)
{
	return (enum server_state)atomic_load_explicit(&s->state, memory_order_relaxed);
}
static inline uint32_t server_ramp(const struct server *s)
{
	return atomic_load_explicit(&s->ramp, memory_order_relaxed);
}
static inline uint32_t server_pace(const struct server *s)
{
	return atomic_load_explicit(&s->pace, memory_order_relaxed);
}
static inline bool server_is_suspect(const struct server *s)
{
	return atomic_load_explicit(&s->is_suspect, memory_order_relaxed);
}
/* Prober's thread only: 1..SERVER_SHARE_FULL. */
void server_set_ramp(struct server *s, uint32_t share);
void server_set_pace(struct server *s, uint32_t share);

/* What part of the draws that fall on it count: ramp and pace, of SERVER_PART_FULL. */
static inline uint64_t server_part(const struct server *s)
{
	return (uint64_t)server_ramp(s) * server_pace(s);
}
/* What its load is compared by: weight and ramp, < 2^26. Not the pace: a slow server's queries stay
 * out longer, and that counts already. */
static inline uint32_t server_load_weight(const struct server *s)
{
	return s->params.weight * server_ramp(s);
}
/* How much may be out with it now: max_outstanding and ramp, at least 1. */
static inline uint32_t server_limit(const struct server *s)
{
	uint32_t ramp = server_ramp(s);
	uint32_t limit = s->params.max_outstanding;

	if (ramp != SERVER_SHARE_FULL)
		limit = (uint32_t)((uint64_t)limit * ramp / SERVER_SHARE_FULL);
	return limit > 0 ? limit : 1;
}

/* Outstanding per weight of a and b: negative, 0 or positive as a's is less, equal or more; exact.
 * No "+ 1": with it, an idle pool would send everything to the heaviest server instead of sharing
 * by weight. */
static inline int server_compare_load(
	uint64_t a_outstanding, uint64_t a_weight, uint64_t b_outstanding, uint64_t b_weight)
{
	uint64_t a = a_outstanding * b_weight;
	uint64_t b = b_outstanding * a_weight;

	return (a > b) - (a < b);
}

/* Takes one place of server_limit, or says false and takes none. Any worker. */
bool server_reserve(struct server *s);
/* Gives n places back. Any worker. */
void server_release(struct server *s, uint32_t n);
/* The word for a message: "up", "down", "ejected", "unknown", "draining", "draining, down", "forced
 * up", "forced down". Static. */
const char *server_state_text(const struct server *s);

/* Counters per server, a block per worker and server; the same rules as base/metric. */
#define SERVER_METRIC_LIST(X) \
	X(queries, "Queries sent to the server.") \
	X(replies, "Replies of the server that matched, late ones too.") \
	X(timeouts, "Queries without a reply in attempt_timeout_ms.") \
	X(errors, "Queries that could not be sent, or met an ICMP error.") \
	X(servfail, "Matching replies with rcode SERVFAIL.") \
	X(refused, "Matching replies with rcode REFUSED.") \
	X(latency_us, "Time to matching replies, all together, in microseconds.")

enum server_metric_id {
#define X(name, help) SERVER_METRIC_##name,
	SERVER_METRIC_LIST(X)
#undef X
		SERVER_METRIC_COUNT
};
struct server_metrics {
	alignas(64) _Atomic uint64_t value[SERVER_METRIC_COUNT]; /* owning thread only */
};
extern const char *const server_metric_names[SERVER_METRIC_COUNT];
/* Owner only. */
__attribute__((always_inline)) static inline void server_metric_add(
	struct server_metrics *m, enum server_metric_id id, uint64_t n)
{
	counter_add(&m->value[id], n);
}
