/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Probes: attempts without a client. One goes by a socket of the traffic, in turn; while it waits, or
 * when it has failed, the prober orders another with the same serial by a socket made for it. If
 * only that is answered, it was the old socket that is dead, not the server, and new ones take the
 * place of all. If both are, the server is slow, and nothing is replaced. */
#include "core/worker_impl.h"

static void report(struct worker *w, const struct probe_order *order, uint16_t socket,
	enum probe_outcome outcome)
{
	w->env.ops->probe_done(w->env.ctx, &(struct probe_result){
						   .serial = order->serial,
						   .server = order->server,
						   .socket = socket,
						   .worker = w->env.number,
						   .is_fresh = order->is_fresh,
						   .outcome = outcome,
					   });
}

/* The next of the server's sockets in turn. */
static uint16_t next_in_turn(struct worker *w, uint16_t server, int64_t now_ns)
{
	struct worker_server *s = &w->servers[server];

	if (worker_sockets_missing(w, server) > 0)
		w->env.ops->sockets_wanted(w->env.ctx, server, now_ns);
	if (s->n_sockets == 0)
		return WORKER_SOCKET_NONE;
	s->probe_turn = (uint16_t)((s->probe_turn + 1) % s->n_sockets);
	return w->row[(size_t)server * w->env.params->sockets_per_server + s->probe_turn];
}

void worker_probe(struct worker *w, int64_t now_ns, const struct probe_order *order,
	uint16_t socket, enum probe_outcome failure)
{
	w->batch++;
	if (!order->is_fresh)
		socket = next_in_turn(w, order->server, now_ns);
	if (socket == WORKER_SOCKET_NONE) {
		report(w, order, socket, failure);
		return;
	}
	struct pending *p = pending_open(
		w->env.shard, order->message, order->message_len, order->name_len);
	if (!p) {
		if (order->is_fresh)
			worker_socket_retire(w, socket);
		report(w, order, socket, PROBE_NOT_SENT);
		return;
	}
	p->kind = PENDING_PROBE;
	p->probe = (struct pending_probe){
		.serial = order->serial,
		.is_fresh = order->is_fresh,
	};
	p->arrival_ns = now_ns;
	p->client_flags = MESSAGE_RD;
	p->deadline_ns = now_ns + order->timeout_ns;
	wheel_add(&w->wheel, &p->timer, p->deadline_ns);
	if (!worker_attempt_open(w, p, 0, socket, now_ns)) {
		p->attempts[0].socket = socket;
		worker_probe_end(w, p, now_ns, PROBE_NOT_SENT, 0);
		return;
	}
	if (!order->is_fresh) {
		w->servers[order->server].probe_socket = socket;
		w->servers[order->server].probe_sent_ns = now_ns;
	}
	w->env.ops->send(w->env.ctx, socket, pending_bytes(w->env.shard, p), p->len,
		pending_ref(w->env.shard, p, 0));
	worker_flush(w);
}

/* The fresh socket was answered. True: it took over, for all others were silent meanwhile. */
static bool answered_afresh(struct worker *w, uint16_t socket, uint32_t serial, int64_t now_ns)
{
	uint16_t server = w->sockets[socket].server;
	const struct worker_server *s = &w->servers[server];

	if (s->probe_answered == serial) {
		worker_socket_retire(w, socket);
		return false;
	}
	if (s->replied_ns > s->probe_sent_ns) {
		worker_socket_replace(w, s->probe_socket, socket);
		return false;
	}
	worker_socket_take_over(w, socket);
	w->env.ops->sockets_wanted(w->env.ctx, server, now_ns);
	return true;
}

void worker_probe_end(struct worker *w, struct pending *p, int64_t now_ns,
	enum probe_outcome outcome, unsigned rcode)
{
	struct pending_probe probe = p->probe;
	uint16_t socket = p->attempts[0].socket;
	struct probe_result result = {
		.serial = probe.serial,
		.server = w->sockets[socket].server,
		.socket = socket,
		.worker = w->env.number,
		.is_fresh = probe.is_fresh,
		.rcode = (uint8_t)rcode,
		.took_us = (uint32_t)((now_ns - p->arrival_ns) / CLOCK_NS_PER_US),
		.outcome = outcome,
	};

	worker_end(w, p);
	if (!probe.is_fresh && outcome == PROBE_ANSWERED)
		w->servers[result.server].probe_answered = probe.serial;
	if (probe.is_fresh && outcome == PROBE_ANSWERED)
		result.took_over = answered_afresh(w, socket, probe.serial, now_ns);
	else if (probe.is_fresh)
		worker_socket_retire(w, socket);
	w->env.ops->probe_done(w->env.ctx, &result);
}
