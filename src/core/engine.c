/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Reader k, a receiver or with direct dispatch worker k, reads socket k of every listener that has so
 * many. A receiver's queries are answered by the first socket of the listener that was asked, a
 * worker's own by its own: all of them have the same address. */
#include "core/engine.h"

#include <stdlib.h>
#include <string.h>

#include "balance/pool.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/histogram.h"
#include "base/rng.h"
#include "core/intake.h"
#include "core/queue.h"
#include "core/receiver.h"
#include "core/steal.h"
#include "core/worker_thread.h"
#include "net/socket.h"

struct engine {
	/* set at start */
	struct engine_params params;
	struct queue **queues; /* one; with direct dispatch one for each worker */
	unsigned n_queues;
	struct steal *steal; /* direct dispatch only */
	struct pending_quota quota;
	struct port_set avoid_ports;
	_Atomic int64_t *tell_ns; /* by server: the workers' */
	int *listen_fds; /* by listener index: the first of each */
	struct receiver **receivers;
	unsigned n_receivers; /* direct dispatch: 0 */
	struct intake_params *intakes; /* of each reader */
	unsigned n_intakes;
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

static bool is_direct(const struct engine_params *p)
{
	return p->dispatch == DISPATCH_DIRECT;
}

static unsigned receivers_for(const struct engine_params *p)
{
	return is_direct(p) ? 0 : most_sockets(p->listeners);
}

static unsigned intakes_for(const struct engine_params *p)
{
	return is_direct(p) ? p->n_workers : receivers_for(p);
}

static unsigned queues_for(const struct engine_params *p)
{
	return is_direct(p) ? p->n_workers : 1;
}

/* Of each of them: its part, and no less than two batches, of which one may be of clients who ask little. */
static size_t capacity_for(const struct engine_params *p)
{
	unsigned n_queues = queues_for(p);
	size_t part = (p->queue_capacity + n_queues - 1) / n_queues;

	return part > QUEUE_LEAST ? part : QUEUE_LEAST;
}

static struct queue_params plan_queue(const struct engine_params *p)
{
	return (struct queue_params){
		.capacity = capacity_for(p),
		.n_producers = is_direct(p) ? 1 : receivers_for(p),
		.n_consumers = is_direct(p) ? 1 : p->n_workers,
		.target_ns = p->queue_target_ns,
		.interval_ns = p->queue_interval_ns,
	};
}

static size_t metric_blocks(const struct engine *e)
{
	return e->n_receivers + e->params.n_workers;
}

static int make_queues(struct engine *e)
{
	const struct engine_params *p = &e->params;
	const struct queue_params queue = plan_queue(p);

	e->queues = calloc(e->n_queues, sizeof(struct queue *));
	if (!e->queues)
		return ERR_NOMEM;
	for (unsigned k = 0; k < e->n_queues; k++) {
		int rc = queue_new(&queue, &e->queues[k]);

		if (rc < 0)
			return rc;
	}
	return is_direct(p) ? steal_new(p->n_workers, &e->steal) : 0;
}

static int take_memory(struct engine *e)
{
	const struct engine_params *p = &e->params;

	e->n_receivers = receivers_for(p);
	e->n_intakes = intakes_for(p);
	e->n_queues = queues_for(p);
	e->listen_fds = calloc(p->listeners->n, sizeof *e->listen_fds);
	e->receivers = calloc(e->n_receivers + 1, sizeof(struct receiver *));
	e->intakes = calloc(e->n_intakes, sizeof *e->intakes);
	e->workers = calloc(p->n_workers, sizeof(struct worker_thread *));
	e->tell_ns = calloc(p->pool->n_servers, sizeof *e->tell_ns);
	e->metrics = alloc_lines(metric_blocks(e), sizeof *e->metrics);
	e->server_metrics = alloc_lines(
		p->n_workers * p->pool->n_servers, sizeof *e->server_metrics);
	if (!e->listen_fds || !e->receivers || !e->intakes || !e->workers || !e->tell_ns ||
		!e->metrics || !e->server_metrics)
		return ERR_NOMEM;
	if (p->measures_latency) {
		e->latencies = alloc_lines(p->n_workers * p->pool->n_servers, sizeof *e->latencies);
		if (!e->latencies)
			return ERR_NOMEM;
	}
	return make_queues(e);
}

static int plan_intake(struct engine *e, unsigned k)
{
	const struct listeners *l = e->params.listeners;
	int *fds = calloc(l->n, sizeof *fds);
	uint16_t *indices = calloc(l->n, sizeof *indices);
	struct intake_params *p = &e->intakes[k];

	*p = (struct intake_params){
		.fds = fds,
		.listeners = indices,
		.listen_fds = is_direct(&e->params) ? fds : e->listen_fds,
		.acl = e->params.acl,
		.queue = e->queues[is_direct(&e->params) ? k : 0],
		.metrics = &e->metrics[k],
		.fair = { .target_ns = e->params.queue_target_ns,
			.interval_ns = e->params.queue_interval_ns,
			.capacity = capacity_for(&e->params),
			.n_receivers = is_direct(&e->params) ? 1 : e->n_receivers },
		.on_overload = e->params.worker.on_overload,
		.udp_reply_max = e->params.worker.udp_reply_max,
		.steals = is_direct(&e->params),
	};
	if (!fds || !indices)
		return ERR_NOMEM;
	for (size_t i = 0; i < l->n; i++) {
		if (l->listener[i].n_sockets > k) {
			fds[p->n_fds] = l->listener[i].fds[k];
			indices[p->n_fds++] = (uint16_t)i;
		}
	}
	return 0;
}

static int make_receiver(struct engine *e, unsigned k)
{
	return receiver_new(&(struct receiver_params){ .number = k, .intake = e->intakes[k] },
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
			.queue = e->queues[is_direct(p) ? k : 0],
			.consumer = is_direct(p) ? 0 : k,
			.intake = is_direct(p) ? &e->intakes[k] : NULL,
			.listeners = p->listeners,
			.steal = e->steal,
			.pool = p->pool,
			.listen_fds = is_direct(p) ? e->intakes[k].fds : e->listen_fds,
			.avoid_ports = &e->avoid_ports,
			.tell_ns = e->tell_ns,
			.metrics = &e->metrics[e->n_receivers + k],
			.server_metrics = &e->server_metrics[k * p->pool->n_servers],
			.latencies = e->latencies ? &e->latencies[k * p->pool->n_servers] : NULL,
			.trace = p->trace,
			.udp_gso = p->udp_gso,
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
	for (unsigned k = 0; k < e->n_intakes; k++) {
		if ((rc = plan_intake(e, k)) < 0)
			goto fail;
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
	for (unsigned k = 0; e->receivers && k < e->n_receivers; k++)
		receiver_free(&e->receivers[k]);
	for (unsigned k = 0; e->workers && k < e->params.n_workers; k++)
		worker_thread_free(&e->workers[k]);
	for (unsigned k = 0; e->intakes && k < e->n_intakes; k++) {
		free((void *)e->intakes[k].fds);
		free((void *)e->intakes[k].listeners);
	}
	for (unsigned k = 0; e->queues && k < e->n_queues; k++)
		queue_free(&e->queues[k]);
	steal_free(&e->steal);
	free(e->listen_fds);
	free(e->receivers);
	free(e->intakes);
	free(e->queues);
	free(e->workers);
	free((void *)e->tell_ns);
	free(e->metrics);
	free(e->server_metrics);
	free(e->latencies);
	free(e);
	*ep = NULL;
}

/* Of reader k, what says how large its intake is. */
static struct intake_params intake_size(const struct engine_params *p, unsigned k)
{
	struct intake_params size = { .steals = is_direct(p) };

	for (size_t i = 0; i < p->listeners->n; i++)
		size.n_fds += p->listeners->listener[i].n_sockets > k;
	return size;
}

static void readers_memory(const struct engine_params *p, struct engine_memory *m)
{
	const struct engine *e = NULL; /* for its members' sizes */
	unsigned n_intakes = intakes_for(p);

	m->n_receivers = receivers_for(p);
	memory_add_fixed(&m->readers,
		n_intakes *
			(sizeof *e->intakes + p->listeners->n * (sizeof(int) + sizeof(uint16_t))));
	for (unsigned k = 0; k < n_intakes; k++) {
		const struct receiver_params receiver = { .intake = intake_size(p, k) };

		m->n_listening += receiver.intake.n_fds;
		if (k < m->n_receivers)
			receiver_memory(&receiver, &m->readers, &m->clients);
	}
}

static void workers_memory(const struct engine_params *p, struct engine_memory *m)
{
	const struct intake_params intake = intake_size(p, 0); /* direct: of each */
	const struct worker_thread_params params = {
		.worker = &p->worker,
		.pending_max = p->pending_max,
		.pool = p->pool,
		.intake = is_direct(p) ? &intake : NULL,
	};
	size_t n_servers = p->pool->n_servers, per_server = p->worker.sockets_per_server;
	struct worker_thread_memory one;

	worker_thread_memory(&params, p->n_workers, &one);
	memory_add(&m->pending, &one.pending, p->n_workers);
	memory_add(&m->replies, &one.replies, p->n_workers);
	memory_add(&m->readers, &one.intake, p->n_workers);
	memory_add(&m->clients, &one.clients, p->n_workers);
	memory_add(&m->workers, &one.rest, p->n_workers);
	memory_add_fixed(&m->workers, n_servers * sizeof(_Atomic int64_t)); /* tell_ns */
	if (is_direct(p))
		memory_add_fixed(&m->workers, steal_bytes(p->n_workers));
	m->n_upstream = p->n_workers * n_servers * per_server;
	m->n_upstream_most = p->n_workers * worker_socket_numbers(n_servers, per_server);
}

void engine_memory(const struct engine_params *p, struct engine_memory *memory_out)
{
	const struct queue_params queue = plan_queue(p);
	const struct engine *e = NULL; /* for its members' sizes */
	size_t n_pairs = p->n_workers * p->pool->n_servers;
	struct engine_memory *m = memory_out;
	struct memory_use one = { 0 };

	*m = (struct engine_memory){ 0 };
	queue_memory(&queue, &one);
	memory_add(&m->queues, &one, queues_for(p));
	readers_memory(p, m);
	workers_memory(p, m);
	memory_add_fixed(
		&m->counters, sizeof *e + (m->n_receivers + p->n_workers) * sizeof *e->metrics +
				      n_pairs * sizeof *e->server_metrics);
	if (p->measures_latency)
		memory_add_fixed(&m->histograms, n_pairs * sizeof *e->latencies);
	m->n_other_files = 2 * (m->n_receivers + p->n_workers); /* poller and wake-up */
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
	if (!is_direct(&e->params)) {
		queue_close(e->queues[0]);
		return;
	}
	for (unsigned k = 0; k < e->params.n_workers; k++)
		worker_thread_stop(e->workers[k]);
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
