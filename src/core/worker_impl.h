/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker_impl - what the files of the worker share: worker.c (queries and time), worker_reply.c
 * (replies), worker_socket.c (sockets), worker_probe.c (probes). Nobody else includes it. */
#pragma once
#include "core/worker.h"

#include "balance/pool.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rng.h"

static inline void count(struct worker *w, enum metric_id id)
{
	metric_add(w->env.metrics, id, 1);
}
static inline void count_server(struct worker *w, unsigned server, enum server_metric_id id)
{
	server_metric_add(&w->env.server_metrics[server], id, 1);
}

/* worker.c */
void worker_flush(struct worker *w);
/* Out of the wheel, the tables and the slab; a query gives its place back. */
void worker_end(struct worker *w, struct pending *p);
/* No answer will come: SERVFAIL or silence, as configured. Ends the pending. */
void worker_fail(struct worker *w, struct pending *p, int64_t now_ns, enum metric_id cause,
	enum ede ede, const char *reason);

/* worker_socket.c */
/* The socket of this batch for the server; WORKER_SOCKET_NONE if there is none that can carry more. */
uint16_t worker_socket_draw(struct worker *w, uint16_t server, int64_t now_ns);
/* Fills attempts[i] with server, socket and a free random ID, and puts it into the table. */
bool worker_attempt_open(
	struct worker *w, struct pending *p, unsigned i, uint16_t socket, int64_t now_ns);
/* Takes the attempt out of the table and its socket's count; closes a retired socket. */
void worker_attempt_close(struct worker *w, struct pending *p, unsigned i);
/* The same, but the place at the server stays taken. */
void worker_attempt_drop(struct worker *w, struct pending *p, unsigned i);
void worker_socket_retire(struct worker *w, uint16_t socket);
/* A fresh socket that was answered while another stayed silent takes over: all the others of the
 * server are retired, because what killed one (a firewall's flush, an address that went) has as a
 * rule killed them all. */
void worker_socket_take_over(struct worker *w, uint16_t socket);

/* worker_probe.c */
void worker_probe_end(struct worker *w, struct pending *p, int64_t now_ns,
	enum probe_outcome outcome, unsigned rcode);
