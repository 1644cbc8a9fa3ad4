/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The worker's sockets, as numbers. Invariants: row[s * sockets_per_server ..][0 .. n_sockets) are
 * the sockets that carry the server's traffic; a retired socket is in no row and waits for its
 * attempts to end; in_flight is the number of live attempts on the socket. */
#include "core/worker_impl.h"

#include <assert.h>

/* A free ID is found in two draws at worst half full; this many failures do not happen. */
#define ID_TRIES 64

static uint16_t *row_of(const struct worker *w, uint16_t server)
{
	return &w->row[(size_t)server * w->env.params->sockets_per_server];
}

static uint16_t free_number(const struct worker *w)
{
	for (uint16_t i = 0; i < w->n_sockets; i++) {
		if (!w->sockets[i].is_open)
			return i;
	}
	return WORKER_SOCKET_NONE;
}

uint32_t worker_socket_in_flight(const struct worker *w, uint16_t socket)
{
	return w->sockets[socket].in_flight;
}

unsigned worker_sockets_missing(const struct worker *w, uint16_t server)
{
	return w->env.params->sockets_per_server - w->servers[server].n_sockets;
}

uint16_t worker_socket_add(struct worker *w, uint16_t server, bool is_fresh)
{
	if (!is_fresh && worker_sockets_missing(w, server) == 0)
		return WORKER_SOCKET_NONE;
	uint16_t socket = free_number(w);
	if (socket == WORKER_SOCKET_NONE)
		return socket;
	w->sockets[socket] = (struct worker_socket){ .server = server, .is_open = true };
	if (!is_fresh)
		row_of(w, server)[w->servers[server].n_sockets++] = socket;
	return socket;
}

void worker_socket_rest(struct worker *w, uint16_t socket)
{
	struct worker_socket *s = &w->sockets[socket];

	if (s->is_open && s->is_retired && s->in_flight == 0) {
		s->is_open = false;
		w->env.ops->socket_unused(w->env.ctx, socket);
	}
}

void worker_socket_retire(struct worker *w, uint16_t socket)
{
	struct worker_server *server = &w->servers[w->sockets[socket].server];
	uint16_t *row = row_of(w, w->sockets[socket].server);

	for (uint16_t i = 0; i < server->n_sockets; i++) {
		if (row[i] == socket) {
			row[i] = row[--server->n_sockets];
			break;
		}
	}
	if (server->drawn == socket)
		server->drawn_at = 0; /* batches count from 1 */
	if (server->probe_socket == socket)
		server->probe_socket = WORKER_SOCKET_NONE; /* its number will be another's */
	w->sockets[socket].is_retired = true;
	worker_socket_rest(w, socket);
}

static void join_row(struct worker *w, uint16_t socket)
{
	uint16_t server = w->sockets[socket].server;

	row_of(w, server)[w->servers[server].n_sockets++] = socket;
}

void worker_socket_take_over(struct worker *w, uint16_t socket)
{
	uint16_t server = w->sockets[socket].server;

	while (w->servers[server].n_sockets > 0)
		worker_socket_retire(w, row_of(w, server)[0]);
	join_row(w, socket);
}

void worker_socket_replace(struct worker *w, uint16_t old, uint16_t socket)
{
	if (old != WORKER_SOCKET_NONE)
		worker_socket_retire(w, old);
	if (worker_sockets_missing(w, w->sockets[socket].server) > 0)
		join_row(w, socket);
	else
		worker_socket_retire(w, socket);
}

uint16_t worker_socket_draw(struct worker *w, uint16_t server, int64_t now_ns)
{
	struct worker_server *s = &w->servers[server];

	if (s->drawn_at == w->batch && w->sockets[s->drawn].in_flight < WORKER_SOCKET_IN_FLIGHT_MAX)
		return s->drawn;
	if (worker_sockets_missing(w, server) > 0)
		w->env.ops->sockets_wanted(w->env.ctx, server, now_ns);
	if (s->n_sockets == 0)
		return WORKER_SOCKET_NONE;
	const uint16_t *row = row_of(w, server);
	uint32_t start = rng_below(w->env.rng, s->n_sockets);
	for (uint32_t i = 0; i < s->n_sockets; i++) {
		uint16_t socket = row[(start + i) % s->n_sockets];

		if (w->sockets[socket].in_flight < WORKER_SOCKET_IN_FLIGHT_MAX) {
			s->drawn = socket;
			s->drawn_at = w->batch;
			return socket;
		}
	}
	return WORKER_SOCKET_NONE;
}

bool worker_attempt_open(
	struct worker *w, struct pending *p, unsigned i, uint16_t socket, int64_t now_ns)
{
	struct attempt *a = &p->attempts[i];

	assert(!a->is_live);
	a->socket = socket;
	a->server = w->sockets[socket].server;
	a->flags = 0;
	a->sent_us = worker_age_us(p, now_ns);
	for (int tries = 0; tries < ID_TRIES; tries++) {
		a->id = rng_u16(w->env.rng);
		if (pending_attempt_add(w->env.shard, p, i)) {
			w->sockets[socket].in_flight++;
			pending_list_add(w->env.shard, p, i, &w->sockets[socket].list);
			message_set_id(pending_bytes(w->env.shard, p), a->id);
			return true;
		}
	}
	return false;
}

void worker_socket_drop(struct worker *w, uint16_t socket)
{
	assert(w->sockets[socket].in_flight == 0);
	worker_socket_retire(w, socket);
}
