/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Replies are read up to a batch at a time over all sockets. Clients come by the queue, from receivers
 * or, with dispatch = "direct", from the intake that is run here, and from those of others. */
#include <errno.h>

#include "base/clock.h"
#include "core/intake.h"
#include "core/listeners.h"
#include "core/mailbox.h"
#include "core/queue.h"
#include "core/steal.h"
#include "core/worker_thread_impl.h"

#define READS_PER_SOCKET 4
/* Of one listening socket at a time: no more than is served before the next is read, for who is idle may
 * serve the rest. While nobody may, or most of it is to be shed at once, enough to see how much there is; but
 * what waits here because it was read ahead is not what an overload is known by. */
#define CLIENT_BATCHES 1
#define CLIENT_BATCHES_ALONE 16
#define HURRIED_BATCHES 64 /* of each socket, at a stop in a hurry */

static void hand_over_replies(struct worker_thread *t, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		t->replies[i].len = t->slots[i].len;
		t->replies[i].from = t->slots[i].from;
	}
	worker_replies(t->worker, t->now_ns, t->replies, n);
	worker_thread_report_failures(t);
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
			worker_thread_count(t, METRIC_socket_errors);
			worker_thread_note_error(t, socket, true);
			continue; /* datagrams may follow it that came before it */
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

void worker_thread_read_replies(
	struct worker_thread *t, const struct poller_event *events, size_t n_events)
{
	size_t n = 0, n_old = t->n_socket_errors;

	for (size_t i = 0; i < n_old; i++) {
		n = read_socket(t, t->socket_errors[i].socket, n);
		t->socket_errors[i].is_read = true;
	}
	for (size_t i = 0; i < n_events; i++) {
		if (events[i].tag < CLIENT_TAG)
			n = read_socket(t, (uint16_t)events[i].tag, n);
	}
	hand_over_replies(t, n);
	if (t->n_socket_errors > 0)
		worker_thread_report_errors(t);
}

void worker_thread_take_orders(struct worker_thread *t)
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
		worker_thread_report_failures(t);
	}
}

static unsigned batches_wanted(const struct worker_thread *t)
{
	if (intake_is_rationing(t->intake))
		return CLIENT_BATCHES_ALONE;
	size_t ahead = t->is_alone ? queue_room(t->params.queue) / BATCH_MAX : 0;

	return ahead < CLIENT_BATCHES	    ? CLIENT_BATCHES
	       : ahead < CLIENT_BATCHES_ALONE ? (unsigned)ahead
					      : CLIENT_BATCHES_ALONE;
}

/* Of one of our sockets; true: there is more. */
static bool read_clients_of(struct worker_thread *t, size_t socket)
{
	return intake_read(t->intake, socket, batches_wanted(t));
}

static bool is_client_event(const struct poller_event *event)
{
	return event->tag >= CLIENT_TAG && event->tag != WAKE_TAG;
}

/* True if there may be more at our sockets. What was read last is still to be served. */
static bool read_clients(
	struct worker_thread *t, const struct poller_event *events, size_t n_events)
{
	bool has_more = false, is_behind = false, has_read = false;

	for (size_t i = 0; i < n_events; i++) {
		if (!is_client_event(&events[i]))
			continue;
		if (has_read)
			worker_thread_take_batch(t, true);
		has_read = true;
		if (!read_clients_of(t, (size_t)(events[i].tag - CLIENT_TAG)))
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

/* What the kernel has taken in by now is still served, as it is read. Bounded, and more so in a hurry: a
 * flood must not hold us. */
static void read_last_clients(struct worker_thread *t)
{
	bool has_more = false;

	for (size_t i = 0; i < t->params.intake->n_fds; i++) {
		has_more |= intake_read(t->intake, i, 1);
		worker_thread_take_batch(t, true);
	}
	unsigned most = atomic_load_explicit(&t->hurry, memory_order_relaxed)
				? HURRIED_BATCHES
				: INTAKE_DRAIN_BATCHES;
	if (!has_more || ++t->n_last_reads >= most)
		leave_clients(t);
}

bool worker_thread_take_batch(struct worker_thread *t, bool has_more)
{
	struct queue *q = t->params.queue;

	t->now_ns = clock_mono_ns();
	t->done = has_more ? queue_take(q, t->done, t->now_ns)
			   : queue_pop(q, t->params.consumer, t->done, t->now_ns);
	if (!t->done)
		return has_more;
	worker_take(t->worker, t->now_ns, t->done->datagrams, t->done->n);
	worker_thread_report_failures(t);
	if (has_more)
		return true;
	bool is_idle = queue_rest(q, t->params.consumer, t->done, t->now_ns);
	t->done = NULL;
	return !is_idle;
}

bool worker_thread_serve_clients(
	struct worker_thread *t, const struct poller_event *events, size_t n_events)
{
	if (!t->intake || t->has_left_clients)
		return worker_thread_take_batch(t, false);
	if (atomic_load_explicit(&t->is_stopping, memory_order_relaxed)) {
		read_last_clients(t);
		return worker_thread_take_batch(t, true);
	}
	return worker_thread_take_batch(t, read_clients(t, events, n_events)) || steal_batch(t);
}
