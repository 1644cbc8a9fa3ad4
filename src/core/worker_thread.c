/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One turn of the loop: sleep in the poller; read replies, up to a batch at a time over all sockets;
 * take orders; with dispatch = "direct", read clients; take a batch from the queue; let time pass.
 * Each hands the machine one event, and what comes out of it is sent before the next.
 *
 * What the machine hands out is collected in two boxes, by socket and by listener, and leaves with
 * one system call per socket used. A send that the kernel refuses is tried once more, because the
 * error may belong to an older datagram (an ICMP answer to it); then the machine hears of it. */
#include "core/worker_thread.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/thread.h"
#include "core/intake.h"
#include "core/listeners.h"
#include "core/mailbox.h"
#include "core/outgoing.h"
#include "core/queue.h"
#include "core/steal.h"
#include "core/trace.h"
#include "core/upstream.h"
#include "net/batch.h"
#include "net/poller.h"

#define REPLY_SLOT_BYTES 65536 /* any UDP payload fits; only the pages touched cost memory */
#define REPLY_USUAL_BYTES 4096 /* few are larger; nor is a page, of most machines */
#define READS_PER_SOCKET 4
#define WAKE_TAG UINT64_MAX
#define CLIENT_TAG (UINT64_C(1) << 32) /* and the number of a listening socket */
/* Of one listening socket in a turn: no more than is served in it, for who is idle may serve the rest.
 * While nobody may, or most of it is to be shed at once, enough to see how much there is. */
#define CLIENT_BATCHES 1
#define CLIENT_BATCHES_ALONE 16

/* A send the kernel refused, twice or for want of room. */
struct failed_send {
	uint64_t ref;
	enum worker_send_error error;
};

/* A send that gave an older datagram's error back: one of before this event. */
struct old_error {
	uint16_t socket;
	int64_t event_ns;
};

struct worker_thread {
	/* set at start */
	struct worker_thread_params params;
	struct worker_ops ops;
	struct worker *worker;
	struct pending_shard *shard;
	struct mailbox *orders;
	int wakeup_fd;
	struct poller *poller;
	struct inbox *inbox;
	struct intake *intake; /* dispatch = "direct", else NULL */
	uint8_t *reply_bytes; /* BATCH_MAX slots of REPLY_SLOT_BYTES */
	pthread_t id;
	bool is_started;

	/* owner only */
	struct rng rng;
	int64_t now_ns;
	struct upstream upstream;
	struct outgoing sends, answers;
	struct failed_send failed[OUTGOING_MAX]; /* for the machine */
	size_t n_failed;
	struct old_error icmp[OUTGOING_MAX];
	size_t n_icmp;
	struct inbox_slot slots[BATCH_MAX];
	struct worker_reply replies[BATCH_MAX];
	struct batch *done; /* given back with the next pop */
	unsigned n_last_reads; /* turns since the end of reading clients was asked for */
	bool has_left_clients;
	bool is_alone; /* behind, and all others are too */

	/* atomic, relaxed: a flag, and a figure to look at */
	alignas(64) _Atomic bool hurry;
	_Atomic bool is_stopping;
	_Atomic bool is_finished;
	_Atomic uint32_t n_queries;
};

static void count(struct worker_thread *t, enum metric_id id)
{
	metric_add(t->params.metrics, id, 1);
}

/* ---- out ------------------------------------------------------------------------------------ */

static void flush_sends(struct worker_thread *t)
{
	outgoing_flush(&t->sends, t->upstream.fds);
}

static void flush_answers(struct worker_thread *t)
{
	outgoing_flush(&t->answers, t->params.listen_fds);
}

static bool send_failed(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	struct worker_thread *t = ctx;

	(void)error;
	/* Beyond the room there is here the attempts' time speaks for them. */
	if (tries == 1) {
		count(t, METRIC_attempts_resent);
		if (t->n_icmp < OUTGOING_MAX)
			t->icmp[t->n_icmp++] = (struct old_error){
				.socket = t->sends.by[item->token],
				.event_ns = t->now_ns,
			};
		return true;
	}
	if (t->n_failed < OUTGOING_MAX)
		t->failed[t->n_failed++] = (struct failed_send){
			.ref = t->sends.refs[item->token],
			.error = tries == 0 ? WORKER_SEND_NO_ROOM : WORKER_SEND_UNREACHABLE,
		};
	return false;
}

static bool answer_failed(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	struct worker_thread *t = ctx;

	(void)item;
	(void)error;
	if (tries == 1)
		return true;
	count(t, METRIC_answer_errors);
	return false;
}

static void on_send(void *ctx, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref)
{
	struct worker_thread *t = ctx;

	if (outgoing_is_full(&t->sends))
		flush_sends(t);
	struct outbox_item *item = outgoing_add(&t->sends, socket, ref);
	item->data = data;
	item->len = len;
}

static void on_answer(void *ctx, const struct origin *origin, const uint8_t *data, size_t len)
{
	struct worker_thread *t = ctx;

	if (outgoing_is_full(&t->answers))
		flush_answers(t);
	struct outbox_item *item = outgoing_add(&t->answers, origin->listener, 0);
	item->data = data;
	item->len = len;
	item->to = origin->client;
	item->ifindex = origin->ifindex;
	item->has_local = origin->has_local;
	if (origin->has_local)
		memcpy(item->local_ip, origin->local_ip, sizeof item->local_ip);
}

static void on_flush(void *ctx)
{
	flush_sends(ctx);
	flush_answers(ctx);
}

static void on_probe_done(void *ctx, const struct probe_result *result)
{
	struct worker_thread *t = ctx;

	t->params.probe_done(t->params.prober, result);
}

static void on_sign(void *ctx, uint16_t server, enum sign sign)
{
	struct worker_thread *t = ctx;

	t->params.sign(t->params.prober, server, sign);
}

static void on_trace(void *ctx, const struct worker_event *event)
{
	struct worker_thread *t = ctx;
	const struct pool *pool = t->params.pool;

	trace_log(event, event->server == -1 ? NULL : pool->servers[event->server].params.name);
}

static void on_sockets_wanted(void *ctx, uint16_t server, int64_t now_ns)
{
	struct worker_thread *t = ctx;

	upstream_open_missing(&t->upstream, server, now_ns);
}

static void on_socket_unused(void *ctx, uint16_t socket)
{
	struct worker_thread *t = ctx;

	upstream_close(&t->upstream, socket);
}

static bool on_trim(void *ctx)
{
	struct worker_thread *t = ctx;

	madvise(t->reply_bytes, (size_t)BATCH_MAX * REPLY_SLOT_BYTES, MADV_DONTNEED);
	queue_trim(t->params.queue);
	return pending_trim(t->shard);
}

/* With on_trace, or with NULL, which spares the machine the telling. */
static struct worker_ops make_ops(bool is_traced)
{
	return (struct worker_ops){
		.send = on_send,
		.answer = on_answer,
		.flush = on_flush,
		.probe_done = on_probe_done,
		.sign = on_sign,
		.sockets_wanted = on_sockets_wanted,
		.socket_unused = on_socket_unused,
		.trim = on_trim,
		.trace = is_traced ? on_trace : NULL,
	};
}

/* ---- in ------------------------------------------------------------------------------------- */

/* What the kernel refused during the last event is the next event. What was never sent goes first:
 * it may be asked elsewhere even if it must not be asked twice. */
static void report_failures(struct worker_thread *t)
{
	while (t->n_failed > 0 || t->n_icmp > 0) {
		if (t->n_failed > 0) {
			struct failed_send f = t->failed[--t->n_failed];

			worker_send_failed(t->worker, t->now_ns, f.ref, f.error);
		} else {
			struct old_error e = t->icmp[--t->n_icmp];

			worker_socket_failed(t->worker, t->now_ns, e.socket, e.event_ns);
		}
	}
}

static void hand_over_replies(struct worker_thread *t, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		t->replies[i].len = t->slots[i].len;
		t->replies[i].from = t->slots[i].from;
	}
	worker_replies(t->worker, t->now_ns, t->replies, n);
	report_failures(t);
}

/* How many to read from a socket at a time. Where one reply is out one is read, which costs less; what
 * else may have come there shows in the next turn. */
static unsigned replies_wanted(const struct worker_thread *t, uint16_t socket, size_t room)
{
	return worker_socket_in_flight(t->worker, socket) == 1 ? 1 : (unsigned)room;
}

/* Reads one socket behind the n replies already there; the new n. */
static size_t read_socket(struct worker_thread *t, uint16_t socket, size_t n)
{
	const int *fd = &t->upstream.fds[socket]; /* -1 once the machine is done with it */

	for (int reads = 0; reads < READS_PER_SOCKET && *fd != -1; reads++) {
		size_t room = BATCH_MAX - n;
		unsigned wanted = replies_wanted(t, socket, room);
		int got = inbox_read_kept(t->inbox, *fd, (unsigned)n, wanted);

		if (got < 0) {
			count(t, METRIC_socket_errors);
			worker_socket_failed(t->worker, t->now_ns, socket, INT64_MAX);
			continue; /* data may follow it */
		}
		for (int i = 0; i < got; i++)
			t->replies[n + (size_t)i].socket = socket;
		n += (size_t)got;
		if (n == BATCH_MAX) {
			hand_over_replies(t, n);
			n = 0;
		}
		if ((size_t)got < room)
			break; /* it was emptied, or has brought what was out */
	}
	return n;
}

static void read_replies(
	struct worker_thread *t, const struct poller_event *events, size_t n_events)
{
	size_t n = 0;

	for (size_t i = 0; i < n_events; i++) {
		if (events[i].tag < CLIENT_TAG)
			n = read_socket(t, (uint16_t)events[i].tag, n);
	}
	hand_over_replies(t, n);
}

static void take_orders(struct worker_thread *t)
{
	struct probe_order order;

	while (mailbox_take(t->orders, &order)) {
		uint16_t socket = WORKER_SOCKET_NONE;
		enum probe_outcome failure = PROBE_UNREACHABLE;

		if (order.is_fresh)
			socket = upstream_open(&t->upstream, order.server, true);
		if (order.is_fresh && socket == WORKER_SOCKET_NONE &&
			upstream_is_our_shortage(errno))
			failure = PROBE_NOT_SENT;
		worker_probe(t->worker, t->now_ns, &order, socket, failure);
		report_failures(t);
	}
}

/* Of one of our sockets; true: there is more. */
static bool read_clients_of(struct worker_thread *t, size_t socket)
{
	bool reads_on = t->is_alone || intake_is_rationing(t->intake);

	return intake_read(t->intake, socket, reads_on ? CLIENT_BATCHES_ALONE : CLIENT_BATCHES);
}

/* True if there may be more at our sockets. */
static bool read_clients(
	struct worker_thread *t, const struct poller_event *events, size_t n_events)
{
	bool has_more = false, is_behind = false;

	for (size_t i = 0; i < n_events; i++) {
		if (events[i].tag < CLIENT_TAG || events[i].tag == WAKE_TAG ||
			!read_clients_of(t, (size_t)(events[i].tag - CLIENT_TAG)))
			continue;
		has_more = true;
		is_behind |= intake_waited_ns(t->intake) > STEAL_AGE_NS;
	}
	t->is_alone = !steal_behind(t->params.steal, t->params.number, is_behind) && is_behind;
	return has_more || n_events == POLLER_EVENTS_MAX;
}

static bool steal_from(struct worker_thread *t, unsigned other)
{
	const struct listeners *l = t->params.listeners;

	for (size_t i = 0; i < l->n; i++) {
		if (intake_steal(t->intake, l->listener[i].fds[other], (uint16_t)i, STEAL_AGE_NS))
			return true;
	}
	return false;
}

/* A batch of who is behind, when there is nothing of our own to do. */
static bool steal_batch(struct worker_thread *t)
{
	const struct worker_thread_params *p = &t->params;

	for (int other = -1; (other = steal_next(p->steal, p->number, other, t->now_ns)) != -1;) {
		if (steal_from(t, (unsigned)other))
			return true;
	}
	return false;
}

static void leave_clients(struct worker_thread *t)
{
	const struct intake_params *p = t->params.intake;

	for (size_t i = 0; i < p->n_fds; i++)
		poller_remove(t->poller, p->fds[i]);
	steal_behind(t->params.steal, t->params.number, false);
	queue_close(t->params.queue);
	t->has_left_clients = true;
}

/* What the kernel has taken in by now is still served. Bounded: a flood must not hold us. */
static void read_last_clients(struct worker_thread *t)
{
	bool has_more = false;

	for (size_t i = 0; i < t->params.intake->n_fds; i++)
		has_more |= read_clients_of(t, i);
	if (!has_more || ++t->n_last_reads == INTAKE_DRAIN_BATCHES)
		leave_clients(t);
}

/* Serves a batch. True if there is more, or has_more: then it does not ask. */
static bool take_batch(struct worker_thread *t, bool has_more)
{
	struct queue *q = t->params.queue;

	t->now_ns = clock_mono_ns();
	t->done = queue_pop(q, t->params.consumer, t->done, t->now_ns);
	if (!t->done)
		return has_more;
	worker_take(t->worker, t->now_ns, t->done->datagrams, t->done->n);
	report_failures(t);
	if (has_more)
		return true;
	bool is_idle = queue_rest(q, t->params.consumer, t->done, t->now_ns);
	t->done = NULL;
	return !is_idle;
}

/* Clients' queries; true if there is more to do at once. */
static bool serve_clients(
	struct worker_thread *t, const struct poller_event *events, size_t n_events)
{
	if (!t->intake || t->has_left_clients)
		return take_batch(t, false);
	if (atomic_load_explicit(&t->is_stopping, memory_order_relaxed)) {
		read_last_clients(t);
		return take_batch(t, true);
	}
	return take_batch(t, read_clients(t, events, n_events)) || steal_batch(t);
}

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

	count(t, METRIC_wakeups);
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
	bool has_more = take_batch(
		t, false); /* notes this worker as idle: from now on it is woken */

	publish_queries(t);
	while (!is_closing || !is_finished(t)) {
		size_t n = wait_for_events(t, has_more, events);

		read_replies(t, events, n);
		take_orders(t);
		has_more = serve_clients(t, events, n);
		if (!has_more)
			is_closing = queue_is_closed(t->params.queue);
		t->now_ns = clock_mono_ns();
		worker_tick(t->worker, t->now_ns);
		report_failures(t);
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
	t->reply_bytes = mmap(NULL, (size_t)BATCH_MAX * REPLY_SLOT_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->reply_bytes == MAP_FAILED) {
		t->reply_bytes = NULL;
		return ERR_NOMEM;
	}
	madvise(t->reply_bytes, (size_t)BATCH_MAX * REPLY_SLOT_BYTES, MADV_NOHUGEPAGE);
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
		(rc = inbox_new(false, &t->inbox)) < 0 ||
		(rc = outgoing_init(&t->sends, p->udp_gso, send_failed, t)) < 0 ||
		(rc = outgoing_init(&t->answers, p->udp_gso, answer_failed, t)) < 0)
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

	t->ops = make_ops(p->trace);
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
		munmap(t->reply_bytes, (size_t)BATCH_MAX * REPLY_SLOT_BYTES);
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
	memory_add_growing(&memory_out->replies, (size_t)BATCH_MAX * REPLY_USUAL_BYTES,
		(size_t)BATCH_MAX * REPLY_SLOT_BYTES);
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
