/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Receiver k reads socket k of every listener that has so many. Answers leave by the first socket
 * of the listener that was asked: all of them have the same address. */
#include "core/engine.h"

#include <stdlib.h>
#include <string.h>

#include "balance/pool.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/rng.h"
#include "core/queue.h"
#include "core/receiver.h"
#include "core/worker_thread.h"
#include "net/socket.h"

struct engine {
	/* set at start */
	struct engine_params params;
	struct queue *queue;
	struct pending_quota quota;
	struct port_set avoid_ports;
	int *listen_fds; /* by listener index */
	struct receiver **receivers;
	unsigned n_receivers;
	int **receiver_fds; /* per receiver: the sockets it reads, and their listener indices */
	uint16_t **receiver_listeners;
	struct worker_thread **workers;
	struct metric_block *metrics; /* receivers, then workers */
	struct server_metrics *server_metrics; /* n_servers for each worker */
	struct histogram *latencies; /* the same, or NULL */
};

static unsigned most_sockets(const struct listeners *l)
{
	unsigned most = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->listener[i].n_sockets > most)
			most = l->listener[i].n_sockets;
	}
	return most;
}

static size_t metric_blocks(const struct engine *e)
{
	return e->n_receivers + e->params.n_workers;
}

static int take_memory(struct engine *e)
{
	const struct engine_params *p = &e->params;

	e->n_receivers = most_sockets(p->listeners);
	e->listen_fds = calloc(p->listeners->n, sizeof *e->listen_fds);
	e->receivers = calloc(e->n_receivers, sizeof *e->receivers);
	e->receiver_fds = calloc(e->n_receivers, sizeof *e->receiver_fds);
	e->receiver_listeners = calloc(e->n_receivers, sizeof *e->receiver_listeners);
	e->workers = calloc(p->n_workers, sizeof *e->workers);
	e->metrics = alloc_lines(metric_blocks(e), sizeof *e->metrics);
	e->server_metrics = alloc_lines(
		p->n_workers * p->pool->n_servers, sizeof *e->server_metrics);
	if (!e->listen_fds || !e->receivers || !e->receiver_fds || !e->receiver_listeners ||
		!e->workers || !e->metrics || !e->server_metrics)
		return ERR_NOMEM;
	if (p->measures_latency) {
		e->latencies = alloc_lines(
			p->n_workers * p->pool->n_servers, sizeof *e->latencies);
		if (!e->latencies)
			return ERR_NOMEM;
	}
	return queue_new(
		&(struct queue_params){
			.capacity = p->queue_capacity,
			.n_producers = e->n_receivers,
			.n_consumers = p->n_workers,
			.target_ns = p->queue_target_ns,
			.interval_ns = p->queue_interval_ns,
		},
		&e->queue);
}

static int make_receiver(struct engine *e, unsigned k)
{
	const struct listeners *l = e->params.listeners;
	int *fds = e->receiver_fds[k] = calloc(l->n, sizeof *fds);
	uint16_t *indices = e->receiver_listeners[k] = calloc(l->n, sizeof *indices);
	size_t n = 0;

	if (!fds || !indices)
		return ERR_NOMEM;
	for (size_t i = 0; i < l->n; i++) {
		if (l->listener[i].n_sockets > k) {
			fds[n] = l->listener[i].fds[k];
			indices[n++] = (uint16_t)i;
		}
	}
	return receiver_new(
		&(struct receiver_params){
			.number = k,
			.intake = {
				.fds = fds,
				.listeners = indices,
				.n_fds = n,
				.listen_fds = e->listen_fds,
				.acl = e->params.acl,
				.queue = e->queue,
				.metrics = &e->metrics[k],
				.fair = { .target_ns = e->params.queue_target_ns,
					.interval_ns = e->params.queue_interval_ns,
					.capacity = e->params.queue_capacity,
					.n_receivers = e->n_receivers },
				.on_overload = e->params.worker.on_overload,
				.udp_reply_max = e->params.worker.udp_reply_max,
			},
		},
		&e->receivers[k]);
}

static int make_worker(struct engine *e, unsigned k)
{
	const struct engine_params *p = &e->params;

	return worker_thread_new(
		&(struct worker_thread_params){
			.number = (uint16_t)k,
			.worker = &p->worker,
			.pending_max = p->pending_max,
			.quota = &e->quota,
			.queue = e->queue,
			.pool = p->pool,
			.listen_fds = e->listen_fds,
			.n_listen_fds = p->listeners->n,
			.avoid_ports = &e->avoid_ports,
			.metrics = &e->metrics[e->n_receivers + k],
			.server_metrics = &e->server_metrics[k * p->pool->n_servers],
			.latencies = e->latencies ? &e->latencies[k * p->pool->n_servers] : NULL,
			.trace = p->trace,
			.probe_done = p->probe_done,
			.sign = p->sign,
			.prober = p->prober,
		},
		&e->workers[k]);
}

static void fill_in(struct worker_params *worker, unsigned n_workers)
{
	struct rng rng;

	worker->n_workers = n_workers;
	rng_init(&rng);
	rng_bytes(&rng, worker->pair_key.bytes, sizeof worker->pair_key.bytes);
}

int engine_new(const struct engine_params *params, struct engine **engine_out)
{
	struct engine *e = calloc(1, sizeof *e);
	int rc;

	if (!e)
		return ERR_NOMEM;
	e->params = *params;
	fill_in(&e->params.worker, params->n_workers);
	if ((rc = take_memory(e)) < 0)
		goto fail;
	pending_quota_init(&e->quota, params->pending_max, params->n_workers);
	port_set_add_reserved(&e->avoid_ports);
	/* A server on this host must find its port free when it restarts. */
	for (size_t i = 0; i < params->pool->n_servers; i++)
		port_set_add(&e->avoid_ports, params->pool->servers[i].params.address.port);
	for (size_t i = 0; i < params->listeners->n; i++) {
		e->listen_fds[i] = params->listeners->listener[i].fds[0];
		port_set_add(&e->avoid_ports, params->listeners->listener[i].address.port);
	}
	for (unsigned k = 0; k < e->n_receivers; k++) {
		if ((rc = make_receiver(e, k)) < 0)
			goto fail;
	}
	for (unsigned k = 0; k < params->n_workers; k++) {
		if ((rc = make_worker(e, k)) < 0)
			goto fail;
	}
	*engine_out = e;
	return 0;
fail:
	engine_free(&e);
	return rc;
}

void engine_free(struct engine **ep)
{
	struct engine *e = *ep;

	if (!e)
		return;
	for (unsigned k = 0; e->receivers && k < e->n_receivers; k++) {
		receiver_free(&e->receivers[k]);
		if (e->receiver_fds)
			free(e->receiver_fds[k]);
		if (e->receiver_listeners)
			free(e->receiver_listeners[k]);
	}
	for (unsigned k = 0; e->workers && k < e->params.n_workers; k++)
		worker_thread_free(&e->workers[k]);
	queue_free(&e->queue);
	free(e->listen_fds);
	free(e->receivers);
	free(e->receiver_fds);
	free(e->receiver_listeners);
	free(e->workers);
	free(e->metrics);
	free(e->server_metrics);
	free(e->latencies);
	free(e);
	*ep = NULL;
}

int engine_start(struct engine *e)
{
	int rc;

	for (unsigned k = 0; k < e->params.n_workers; k++) {
		if ((rc = worker_thread_start(e->workers[k])) < 0)
			return rc;
	}
	for (unsigned k = 0; k < e->n_receivers; k++) {
		if ((rc = receiver_start(e->receivers[k])) < 0)
			return rc;
	}
	return 0;
}

void engine_stop(struct engine *e)
{
	for (unsigned k = 0; k < e->n_receivers; k++)
		receiver_stop(e->receivers[k]);
	for (unsigned k = 0; k < e->n_receivers; k++)
		receiver_join(e->receivers[k]);
	queue_close(e->queue);
}

void engine_hurry(struct engine *e)
{
	for (unsigned k = 0; k < e->params.n_workers; k++)
		worker_thread_hurry(e->workers[k]);
}

bool engine_is_finished(const struct engine *e)
{
	for (unsigned k = 0; k < e->params.n_workers; k++) {
		if (!worker_thread_is_finished(e->workers[k]))
			return false;
	}
	return true;
}

void engine_join(struct engine *e)
{
	for (unsigned k = 0; k < e->params.n_workers; k++)
		worker_thread_join(e->workers[k]);
}

bool engine_probe(struct engine *e, unsigned worker, const struct probe_order *order)
{
	return worker_thread_probe(e->workers[worker], order);
}

uint64_t engine_metric(const struct engine *e, enum metric_id id)
{
	return metric_sum(e->metrics, metric_blocks(e), id);
}

uint64_t engine_server_metric(const struct engine *e, size_t server, unsigned id)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < e->params.n_workers; k++) {
		const struct server_metrics
			*m = &e->server_metrics[k * e->params.pool->n_servers + server];

		sum += atomic_load_explicit(&m->value[id], memory_order_relaxed);
	}
	return sum;
}

void engine_latency(const struct engine *e, size_t server, uint32_t *counts)
{
	for (unsigned k = 0; e->latencies && k < e->params.n_workers; k++)
		histogram_sum(&e->latencies[k * e->params.pool->n_servers + server], counts);
}

uint32_t engine_pending(const struct engine *e)
{
	uint32_t n = 0;

	for (unsigned k = 0; k < e->params.n_workers; k++)
		n += worker_thread_queries(e->workers[k]);
	return n;
}

unsigned engine_n_workers(const struct engine *e)
{
	return e->params.n_workers;
}
