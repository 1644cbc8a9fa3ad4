/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * probe - what the prober asks of a worker and what it hears back. A probe is an attempt without a
 * client: it travels on the sockets that the traffic uses, because a probe on a socket of its
 * own stays green while the traffic's socket is dead. Plain values, handed over by copy. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "balance/health.h"

/* How a server is probed, and what its replies are worth. Many servers may share it. */
struct probe_rules {
	struct health_params health;
	bool is_off; /* no probes: servers with state "auto" count as up, and can only be ejected */
	bool qname_is_default; /* may be refused until some server has answered it */
	uint32_t reject; /* rcodes that fail a probe, a bit each */
	const uint8_t *qname; /* wire */
	uint16_t qname_len, qtype;
	const uint8_t *message; /* the query, made of these by the prober; outlives the watch */
	uint16_t message_len;
};

struct probe_order {
	uint32_t serial; /* the prober's own, not 0; returned with the result */
	uint16_t server;
	/* Make a socket for it; if that is answered and the probe of this serial by an old one was not,
	 * new ones take over. */
	bool is_fresh;
	int64_t timeout_ns;
	const uint8_t *message; /* the query; the prober's, unchanged for its lifetime */
	uint16_t message_len, name_len;
};

static inline bool probe_is_same_question(const struct probe_rules *a, const struct probe_rules *b)
{
	return a->qtype == b->qtype && a->qname_len == b->qname_len &&
	       memcmp(a->qname, b->qname, a->qname_len) == 0;
}

enum probe_outcome {
	PROBE_ANSWERED,
	PROBE_TIMED_OUT,
	PROBE_UNREACHABLE,
	PROBE_NOT_SENT, /* for want of something of ours: says nothing about the server */
};

struct probe_result {
	uint32_t serial;
	uint16_t server;
	uint16_t socket; /* the worker's socket it went by */
	uint16_t worker;
	bool is_fresh;
	bool took_over; /* fresh, and answered while all the others were silent: they were dead */
	uint8_t rcode; /* when answered */
	uint32_t took_us; /* from its send to its end */
	enum probe_outcome outcome;
};
