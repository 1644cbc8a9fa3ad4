/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One turn of the loop: sleep in the poller; read replies; take orders; serve clients; let time pass.
 * Each hands the machine one event, and what comes out of it is sent before the next. */
#include "core/worker_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "base/thread.h"
#include "core/intake.h"
#include "core/mailbox.h"
#include "core/queue.h"
#include "core/steal.h"
#include "core/worker_thread_impl.h"

#define REPLY_USUAL_BYTES 4096 /* few are larger; nor is a page, of most machines */

static bool is_finished(struct worker_thread *t)
{
	if (!queue_is_drained(t->params.queue))
		return false;
	if (atomic_load_explicit(&t->hurry, memory_order_relaxed))
		worker_give_up(t->worker, clock_mono_ns());
	return worker_queries(t->worker) == 0;
}

static int64_t time_to_sleep(const struct worker_thread *t)
{
	int64_t next_ns = worker_next_ns(t->worker);

	if (t->n_socket_errors > 0)
		return 0;
	if (next_ns == INT64_MAX)
		return -1;
	int64_t left_ns = next_ns - clock_mono_ns();
	return left_ns > 0 ? left_ns : 0;
}

static void publish_queries(struct worker_thread *t)
{
	atomic_store_explicit(&t->n_queries, worker_queries(t->worker), memory_order_relaxed);
}

static size_t wait_for_events(struct worker_thread *t, bool has_more, struct poller_event *events)
{
	const struct worker_thread_params *p = &t->params;

	if (p->steal && !has_more)
		steal_asleep(p->steal, p->number);
	size_t n = poller_wait(t->poller, has_more ? 0 : time_to_sleep(t), events);

	worker_thread_count(t, METRIC_wakeups);
	t->now_ns = clock_mono_ns();
	if (p->steal)
		steal_awake(p->steal, p->number, t->now_ns);
	return n;
}

static void *run(void *arg)
{
	struct worker_thread *t = arg;
	struct poller_event events[POLLER_EVENTS_MAX];
	bool is_closing = false;
	bool has_more = worker_thread_take_batch(
		t, false); /* notes this worker as idle: from now on it is woken */

	publish_queries(t);
	while (!is_closing || !is_finished(t)) {
		size_t n = wait_for_events(t, has_more, events);

		worker_thread_read_replies(t, events, n);
		worker_thread_take_orders(t);
		has_more = worker_thread_serve_clients(t, events, n);
		if (!has_more)
			is_closing = queue_is_closed(t->params.queue);
		t->now_ns = clock_mono_ns();
		worker_tick(t->worker, t->now_ns);
		worker_thread_report_failures(t);
		publish_queries(t);
	}
	worker_give_up(t->worker, clock_mono_ns()); /* of what is over: places at servers */
	atomic_store_explicit(&t->n_queries, 0, memory_order_relaxed);
	atomic_store_explicit(&t->is_finished, true, memory_order_relaxed);
	return NULL;
}

/* ---- making and ending ---------------------------------------------------------------------- */

static int take_memory(struct worker_thread *t)
{
	t->reply_bytes = mmap(NULL, REPLIES_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->reply_bytes == MAP_FAILED) {
		t->reply_bytes = NULL;
		return ERR_NOMEM;
	}
	madvise(t->reply_bytes, REPLIES_BYTES, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < BATCH_MAX; i++) {
		t->slots[i].data[0] = t->replies[i].data = t->reply_bytes + i * REPLY_SLOT_BYTES;
		t->slots[i].size[0] = REPLY_SLOT_BYTES;
	}
	inbox_keep(t->inbox, t->slots);
	return 0;
}

/* a probe and its repetition for each server, twice over */
static size_t orders_for(const struct pool *pool)
{
	return 4 * pool->n_servers;
}

static struct pending_params plan_shard(const struct worker_thread_params *p)
{
	return (struct pending_params){
		.capacity = p->pending_max + WORKER_AFTER_MAX + 2 * (uint32_t)p->pool->n_servers,
		.case_masks = p->worker->case_randomize,
	};
}

static int make_parts(struct worker_thread *t)
{
	const struct worker_thread_params *p = &t->params;
	const struct pending_params shard = plan_shard(p);
	int rc;

	if ((rc = wakeup_new(&t->wakeup_fd)) < 0 || (rc = poller_new(&t->poller)) < 0 ||
		(rc = poller_add_edge(t->poller, t->wakeup_fd, WAKE_TAG)) < 0 ||
		(rc = inbox_new(false, &t->inbox)) < 0 || (rc = worker_thread_make_boxes(t)) < 0)
		return rc;
	rc = mailbox_new(sizeof(struct probe_order), orders_for(p->pool), t->wakeup_fd, &t->orders);
	return rc < 0 ? rc : pending_new(&shard, &t->shard);
}

static int make_intake(struct worker_thread *t)
{
	const struct intake_params *p = t->params.intake;
	int rc;

	if (!p)
		return 0;
	if ((rc = intake_new(p, &t->intake)) < 0)
		return rc;
	for (size_t i = 0; i < p->n_fds; i++) {
		if ((rc = poller_add(t->poller, p->fds[i], CLIENT_TAG + i)) < 0)
			return rc;
	}
	steal_set_wakeup(t->params.steal, t->params.number, t->wakeup_fd);
	return 0;
}

static int make_worker(struct worker_thread *t)
{
	const struct worker_thread_params *p = &t->params;

	t->ops = worker_thread_ops(p->trace);
	struct worker_env env = {
		.params = p->worker,
		.ops = &t->ops,
		.ctx = t,
		.pool = p->pool,
		.shard = t->shard,
		.quota = p->quota,
		.rng = &t->rng,
		.metrics = p->metrics,
		.server_metrics = p->server_metrics,
		.latencies = p->latencies,
		.number = p->number,
	};
	int rc = worker_new(&env, clock_mono_ns(), &t->worker);

	if (rc < 0)
		return rc;
	struct upstream_params upstream = {
		.worker = t->worker,
		.pool = p->pool,
		.poller = t->poller,
		.rng = &t->rng,
		.avoid_ports = p->avoid_ports,
		.tell_ns = p->tell_ns,
	};
	return upstream_init(&t->upstream, &upstream);
}

int worker_thread_new(const struct worker_thread_params *params, struct worker_thread **thread_out)
{
	struct worker_thread *t = alloc_lines(1, sizeof *t);
	int rc;

	if (!t)
		return ERR_NOMEM;
	t->params = *params;
	t->wakeup_fd = -1;
	rng_init(&t->rng);
	if ((rc = make_parts(t)) < 0 || (rc = take_memory(t)) < 0 || (rc = make_intake(t)) < 0 ||
		(rc = make_worker(t)) < 0) {
		worker_thread_free(&t);
		return rc;
	}
	if (!t->intake)
		queue_set_wakeup(params->queue, params->consumer, t->wakeup_fd);
	if ((rc = upstream_open_all(&t->upstream, clock_mono_ns())) < 0) {
		worker_thread_free(&t);
		return rc;
	}
	*thread_out = t;
	return 0;
}

void worker_thread_free(struct worker_thread **tp)
{
	struct worker_thread *t = *tp;

	if (!t)
		return;
	upstream_fini(&t->upstream);
	if (t->wakeup_fd != -1)
		close(t->wakeup_fd);
	if (t->reply_bytes)
		munmap(t->reply_bytes, REPLIES_BYTES);
	worker_free(&t->worker);
	pending_free(&t->shard);
	mailbox_free(&t->orders);
	poller_free(&t->poller);
	inbox_free(&t->inbox);
	intake_free(&t->intake);
	outgoing_fini(&t->sends);
	outgoing_fini(&t->answers);
	free(t);
	*tp = NULL;
}

void worker_thread_memory(const struct worker_thread_params *p, unsigned n_threads,
	struct worker_thread_memory *memory_out)
{
	const struct pending_params shard = plan_shard(p);
	size_t n_servers = p->pool->n_servers, per_server = p->worker->sockets_per_server;
	/* Those that wait are pending_max for all workers; the others are each one's own. */
	uint32_t in_full = shard.capacity - p->pending_max +
			   (p->pending_max + n_threads - 1) / n_threads;

	*memory_out = (struct worker_thread_memory){ 0 };
	pending_memory(&shard, in_full, &memory_out->pending);
	memory_add_growing(
		&memory_out->replies, (size_t)BATCH_MAX * REPLY_USUAL_BYTES, REPLIES_BYTES);
	if (p->intake)
		intake_memory(p->intake, &memory_out->intake, &memory_out->clients);
	memory_add_fixed(&memory_out->rest,
		sizeof(struct worker_thread) + poller_bytes() + inbox_bytes(false) +
			2 * outbox_bytes() +
			mailbox_bytes(sizeof(struct probe_order), orders_for(p->pool)) +
			worker_bytes(n_servers, per_server) +
			upstream_bytes(n_servers, worker_socket_numbers(n_servers, per_server)));
}

int worker_thread_start(struct worker_thread *t)
{
	char name[16];

	snprintf(name, sizeof name, "worker-%u", t->params.number);
	int rc = thread_start(&t->id, name, run, t);
	t->is_started = rc == 0;
	return rc;
}

void worker_thread_join(struct worker_thread *t)
{
	if (t->is_started)
		pthread_join(t->id, NULL);
	t->is_started = false;
}

void worker_thread_stop(struct worker_thread *t)
{
	atomic_store_explicit(&t->is_stopping, true, memory_order_relaxed);
	wakeup_signal(t->wakeup_fd);
}

void worker_thread_hurry(struct worker_thread *t)
{
	atomic_store_explicit(&t->hurry, true, memory_order_relaxed);
	wakeup_signal(t->wakeup_fd);
}

bool worker_thread_probe(struct worker_thread *t, const struct probe_order *order)
{
	return mailbox_post(t->orders, order);
}

uint32_t worker_thread_queries(const struct worker_thread *t)
{
	return atomic_load_explicit(&t->n_queries, memory_order_relaxed);
}

bool worker_thread_is_finished(const struct worker_thread *t)
{
	return !t->is_started || atomic_load_explicit(&t->is_finished, memory_order_relaxed);
}
