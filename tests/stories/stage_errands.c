/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the machines asked for, or brought upon themselves, while they handled an event: done in
 * order when that event has ended. */
#include <stdlib.h>
#include <string.h>

#include "stories/stage.h"

void stage_errand(struct stage *s, const struct errand *e)
{
	if (s->n_errands == s->errands_size) {
		s->errands_size = s->errands_size ? 2 * s->errands_size : 16;
		s->errands = realloc(s->errands, s->errands_size * sizeof *s->errands);
	}
	s->errands[s->n_errands++] = *e;
}

static void probe(struct stage *s, unsigned worker, const struct probe_order *order)
{
	struct stage_worker *w = &s->workers[worker];
	uint16_t socket = WORKER_SOCKET_NONE;

	if (s->is_over)
		return;
	if (order->is_fresh) {
		socket = worker_socket_add(w->machine, order->server, true);
		if (socket != WORKER_SOCKET_NONE)
			stage_open_socket(w, socket, true);
	}
	worker_probe(w->machine, s->now_ns, order, socket, PROBE_NOT_SENT);
}

static void run(struct stage *s, const struct errand *e)
{
	struct worker *w = s->workers[e->worker].machine;

	switch (e->kind) {
	case ERRAND_SEND_FAILED:
		worker_send_failed(w, s->now_ns, e->ref, WORKER_SEND_UNREACHABLE);
		break;
	case ERRAND_NO_ROOM:
		s->n_no_room++;
		worker_send_failed(w, s->now_ns, e->ref, WORKER_SEND_NO_ROOM);
		break;
	case ERRAND_SOCKET_FAILED:
		if (w->sockets[e->socket].is_open)
			worker_socket_failed(w, s->now_ns, e->socket, INT64_MAX);
		break;
	case ERRAND_PROBE:
		probe(s, e->worker, &e->order);
		break;
	case ERRAND_RESULT:
		watch_result(s->watch, s->now_ns, &e->result);
		break;
	case ERRAND_SIGN:
		watch_sign(s->watch, s->now_ns, e->server, e->sign);
		break;
	}
}

void stage_settle(struct stage *s)
{
	while (s->first_errand < s->n_errands) {
		struct errand e = s->errands[s->first_errand++];

		run(s, &e);
	}
	s->n_errands = s->first_errand = 0;
}
