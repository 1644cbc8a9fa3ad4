/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the machine hands out is collected in two boxes, by socket and by listener, and leaves with
 * one system call per socket used. A send that the kernel refuses is tried once more, because the
 * error may belong to an older datagram (an ICMP answer to it); then the machine hears of it. */
#include <string.h>
#include <sys/mman.h>

#include "balance/pool.h"
#include "core/pending.h"
#include "core/queue.h"
#include "core/trace.h"
#include "core/worker_thread_impl.h"

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
	if (tries == 1) {
		worker_thread_count(t, METRIC_attempts_resent);
		worker_thread_note_error(t, t->sends.by[item->token], false);
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
	worker_thread_count(t, METRIC_answer_errors);
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

	madvise(t->reply_bytes, REPLIES_BYTES, MADV_DONTNEED);
	queue_trim(t->params.queue);
	return pending_trim(t->shard);
}

struct worker_ops worker_thread_ops(bool is_traced)
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

int worker_thread_make_boxes(struct worker_thread *t)
{
	bool joins = t->params.udp_gso;
	int rc = outgoing_init(&t->sends, joins, send_failed, t);

	return rc < 0 ? rc : outgoing_init(&t->answers, joins, answer_failed, t);
}

/* What the kernel refused during the last event is the next event. What was never sent may be asked
 * elsewhere even if it must not be asked twice. */
void worker_thread_report_failures(struct worker_thread *t)
{
	while (t->n_failed > 0) {
		struct failed_send f = t->failed[--t->n_failed];

		worker_send_failed(t->worker, t->now_ns, f.ref, f.error);
	}
}

void worker_thread_note_error(struct worker_thread *t, uint16_t socket, bool is_read)
{
	/* Beyond the room there is here the attempts' time speaks for them. */
	if (t->n_socket_errors < OUTGOING_MAX)
		t->socket_errors[t->n_socket_errors++] = (struct socket_error){
			.socket = socket,
			.is_read = is_read,
			.event_ns = t->now_ns,
		};
}

/* Those that come of it are of sockets that were not read since. */
void worker_thread_report_errors(struct worker_thread *t)
{
	struct socket_error known[OUTGOING_MAX];
	size_t n_known = t->n_socket_errors;

	memcpy(known, t->socket_errors, n_known * sizeof *known);
	t->n_socket_errors = 0;
	for (size_t i = 0; i < n_known; i++) {
		if (!known[i].is_read)
			t->socket_errors[t->n_socket_errors++] = known[i];
	}
	for (size_t i = 0; i < n_known; i++) {
		if (!known[i].is_read)
			continue;
		worker_socket_failed(t->worker, t->now_ns, known[i].socket, known[i].event_ns);
		worker_thread_report_failures(t);
	}
}
