/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker_thread - the loop around one worker: its sockets to servers, its poller, its boxes of
 * outgoing datagrams. Thin on purpose: what is decided is decided in core/worker.
 *
 * Made and freed by the engine's thread, run by its own; only the functions marked so may be called
 * by others. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/probe.h"
#include "base/memory.h"
#include "core/worker.h"
#include "net/socket.h"

struct intake_params;
struct listeners;
struct queue;
struct steal;
struct worker_thread;

struct worker_thread_params {
	uint16_t number;
	const struct worker_params *worker;
	uint32_t pending_max; /* of all workers; any one may hold them all */
	struct pending_quota *quota;
	struct queue *queue;
	unsigned consumer; /* as which it takes from the queue */
	/* dispatch = "direct": what it reads itself, pushing to a queue that is its own, and with whom it
	 * shares the work; NULL: receivers read */
	const struct intake_params *intake;
	const struct listeners *listeners;
	struct steal *steal;
	struct pool *pool;
	const int *listen_fds; /* by listener index: answers leave by them */
	const struct port_set *avoid_ports;
	_Atomic int64_t *tell_ns; /* as in upstream_params */
	struct metric_block *metrics;
	struct server_metrics *server_metrics; /* one per server */
	struct histogram *latencies; /* the same; NULL: not measured */
	bool trace; /* log what happens to each query */
	bool udp_gso; /* net/batch.h: outbox_join */
	/* A probe has ended; called on the worker's thread, must not wait. */
	void (*probe_done)(void *ctx, const struct probe_result *result);
	/* The prober should look at this server; the same. */
	void (*sign)(void *ctx, uint16_t server, enum sign sign);
	void *prober; /* their ctx */
};

/* Takes all memory and opens all sockets. A server that cannot be reached now is no error: it is
 * logged, and tried again when it is probed or asked. ERR_NOMEM; ERR_SYSTEM with errno when it is
 * we who lack something: descriptors, memory, ports. */
int worker_thread_new(const struct worker_thread_params *params, struct worker_thread **thread_out);
void worker_thread_free(struct worker_thread **t); /* *t may be NULL; sets it to NULL */

/* What one of `n_threads` takes: what waits for servers, of which each has its part when all is
 * full; buffers of replies; if it reads clients, its intake's buffers and what that knows of clients;
 * the rest. Of the parameters it looks at pending_max, worker, pool and intake (intake_memory). */
struct worker_thread_memory {
	struct memory_use pending, replies, intake, clients, rest;
};
void worker_thread_memory(const struct worker_thread_params *params, unsigned n_threads,
	struct worker_thread_memory *memory_out);

/* Starts the loop. It ends when the queue is closed and drained and no query is pending, or soon
 * after worker_thread_hurry. ERR_SYSTEM. */
int worker_thread_start(struct worker_thread *t);
void worker_thread_join(struct worker_thread *t); /* does nothing if it was not started */

/* Any thread, dispatch = "direct": reads its sockets empty once more and closes its queue. */
void worker_thread_stop(struct worker_thread *t);

/* Any thread. */
void worker_thread_hurry(struct worker_thread *t); /* give up what is pending */
bool worker_thread_probe(
	struct worker_thread *t, const struct probe_order *order); /* false: box full */
bool worker_thread_is_finished(const struct worker_thread *t); /* the loop has ended */
uint32_t worker_thread_queries(
	const struct worker_thread *t); /* pending now; may be a moment old */
