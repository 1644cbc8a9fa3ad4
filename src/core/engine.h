/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * engine - the threads that serve: receivers, the queue, workers; or workers alone. Made, started, stopped and freed by
 * main's thread; a stop takes the same path after SIGTERM, after a failed start and in tests:
 *
 *   engine_stop()   the clients' sockets are read empty, and the queues closed
 *   (workers end when nothing is queued or pending: at the latest after the deadline)
 *   engine_hurry()  they give up what is pending instead
 *   engine_join()   all threads have ended */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/probe.h"
#include "base/memory.h"
#include "base/metric.h"
#include "core/listeners.h"
#include "core/worker.h"

struct acl;
struct engine;
struct pool;
struct server_metrics;

/* Values of the configuration's dispatch: who reads the clients' sockets. */
enum dispatch {
	DISPATCH_QUEUE, /* receivers, for whichever worker is free */
	DISPATCH_DIRECT, /* each worker a socket of its own of every listener */
};

struct engine_params {
	const struct listeners *listeners; /* outlive the engine, as all that is pointed at here */
	const struct acl *acl;
	struct pool *pool;
	struct worker_params worker; /* as planned; the engine fills in what is its own */
	bool measures_latency; /* for engine_latency */
	enum dispatch dispatch; /* direct: every listener has n_workers sockets */
	unsigned n_workers;
	uint32_t pending_max;
	size_t queue_capacity; /* datagrams, of all queues */
	int64_t queue_target_ns, queue_interval_ns; /* core/queue.h */
	bool trace;
	bool udp_gso; /* net/batch.h: outbox_join */
	void (*probe_done)(void *ctx, const struct probe_result *result); /* any worker's thread */
	void (*sign)(void *ctx, uint16_t server, enum sign sign); /* the same */
	void *prober; /* their ctx */
};

/* Takes all memory and opens the sockets to the servers. ERR_NOMEM, ERR_SYSTEM. */
int engine_new(const struct engine_params *params, struct engine **engine_out);
void engine_free(struct engine **e); /* stopped and joined, or never started; sets it to NULL */

/* What such an engine takes. Of the listeners it looks at the numbers of sockets. */
struct engine_memory {
	struct memory_use queues;
	struct memory_use readers, clients; /* buffers of who reads, and what is known of clients */
	struct memory_use workers, pending,
		replies; /* their buffers, queries, buffers of replies */
	struct memory_use counters, histograms;
	unsigned n_receivers; /* threads, as n_workers are */
	size_t n_listening; /* sockets */
	size_t n_upstream, n_upstream_most; /* sockets: now, and while they are replaced */
	size_t n_other_files; /* of the threads */
};
void engine_memory(const struct engine_params *params, struct engine_memory *memory_out);

/* ERR_SYSTEM: no thread to be had; stop and join all the same. */
int engine_start(struct engine *e);
void engine_stop(struct engine *e);
void engine_hurry(struct engine *e);
bool engine_is_finished(const struct engine *e); /* every worker's loop has ended */
void engine_join(struct engine *e);

/* Any thread. False: that worker's box is full. */
bool engine_probe(struct engine *e, unsigned worker, const struct probe_order *order);

/* Any thread; figures may be a moment old. */
uint64_t engine_metric(const struct engine *e, enum metric_id id);
uint64_t engine_server_metric(const struct engine *e, size_t server, unsigned id);
/* Adds what the workers' histograms of the server hold; nothing unless latency is measured. */
void engine_latency(const struct engine *e, size_t server, uint32_t *counts);
uint32_t engine_pending(const struct engine *e);
