/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Attempts. Each holds a place at its server from the send until it is answered well or its time is
 * over, even if its query is over before: a server that fails fast must not look idle, or the
 * policies would send it everything. So a query that is over stays behind as PENDING_AFTER while it has
 * attempts whose time is not over; there are at most WORKER_AFTER_MAX of these, beyond which
 * places are given back early. */
#include "core/worker_impl.h"

#include <string.h>

int64_t worker_attempt_end_ns(const struct worker *w, const struct pending *p, unsigned i)
{
	int64_t end_ns = p->arrival_ns + p->attempts[i].sent_us * CLOCK_NS_PER_US +
			 w->env.params->attempt_timeout_ns;

	return end_ns < p->deadline_ns ? end_ns : p->deadline_ns;
}

bool worker_attempt_send(
	struct worker *w, struct pending *p, uint16_t socket, uint8_t flags, int64_t now_ns)
{
	unsigned i = p->n_attempts;
	uint16_t server = w->sockets[socket].server;

	/* The bytes carry one ID at a time: what was handed out in this event must be gone. All that
	 * was handed out in earlier ones is. */
	if (i > 0 && p->attempts[i - 1].sent_us == worker_age_us(p, now_ns))
		worker_flush(w);
	if (!worker_attempt_open(w, p, i, socket, now_ns)) {
		server_release(server_of(w, server), 1);
		return false;
	}
	p->n_attempts++;
	p->attempts[i].flags = flags | ATTEMPT_PLACE;
	count(w, METRIC_attempts);
	count_server(w, server, SERVER_METRIC_queries);
	w->env.ops->send(w->env.ctx, socket, pending_bytes(w->env.shard, p), p->len,
		pending_ref(w->env.shard, p, i));
	return true;
}

void worker_attempt_leave(struct worker *w, struct pending *p, unsigned i)
{
	struct attempt *a = &p->attempts[i];

	if (!a->is_live)
		return;
	pending_attempt_remove(w->env.shard, p, i);
	if (!(a->flags & ATTEMPT_UNREACHABLE))
		pending_list_remove(w->env.shard, p, i, &w->sockets[a->socket].list);
	w->sockets[a->socket].in_flight--;
	worker_socket_rest(w, a->socket);
}

static void give_place_back(struct worker *w, struct attempt *a)
{
	if (a->flags & ATTEMPT_PLACE)
		server_release(server_of(w, a->server), 1);
	a->flags &= (uint8_t)~ATTEMPT_PLACE;
}

void worker_attempt_close(struct worker *w, struct pending *p, unsigned i)
{
	worker_attempt_leave(w, p, i);
	give_place_back(w, &p->attempts[i]);
}

void worker_attempt_overdue(struct worker *w, struct pending *p, unsigned i)
{
	struct attempt *a = &p->attempts[i];

	a->flags |= ATTEMPT_OVERDUE;
	give_place_back(w, a);
	count(w, METRIC_attempt_timeouts);
	count_server(w, a->server, SERVER_METRIC_timeouts);
	/* The silence that such a query meets is its name's. */
	if (!worker_is_debtor(w, p) &&
		signs_silent(server_of(w, a->server), w->env.params->silent_limit))
		w->env.ops->sign(w->env.ctx, a->server, SIGN_SILENT);
}

/* ---- the end, and after --------------------------------------------------------------------- */

void worker_end(struct worker *w, struct pending *p)
{
	for (unsigned i = 0; i < PENDING_ATTEMPTS; i++) {
		const struct attempt *a = &p->attempts[i];

		if (a->is_live || (a->flags & ATTEMPT_PLACE)) /* few are: the others cost a look */
			worker_attempt_close(w, p, i);
	}
	wheel_remove(&w->wheel, &p->timer);
	if (p->kind == PENDING_QUERY) {
		w->n_queries--;
		pending_quota_give(w->env.quota, &w->credit);
	} else if (p->kind == PENDING_AFTER) {
		w->n_after--;
	}
	pending_close(w->env.shard, p);
}

/* Closes the attempts whose time is over; when that of the next is, INT64_MAX: none is left. */
static int64_t close_old(struct worker *w, struct pending *p, int64_t now_ns)
{
	int64_t next_ns = INT64_MAX;

	for (unsigned i = 0; i < p->n_attempts; i++) {
		int64_t end_ns = worker_attempt_end_ns(w, p, i);

		if (now_ns >= end_ns)
			worker_attempt_close(w, p, i);
		else if ((p->attempts[i].flags & ATTEMPT_PLACE) && end_ns < next_ns)
			next_ns = end_ns;
	}
	return next_ns;
}

void worker_finish(struct worker *w, struct pending *p, int64_t now_ns)
{
	int64_t next_ns = w->n_after < WORKER_AFTER_MAX ? close_old(w, p, now_ns) : INT64_MAX;

	if (next_ns == INT64_MAX) {
		worker_end(w, p);
		return;
	}
	pending_client_remove(w->env.shard, p);
	p->kind = PENDING_AFTER;
	w->n_after++;
	w->n_queries--;
	pending_quota_give(w->env.quota, &w->credit);
	wheel_remove(&w->wheel, &p->timer);
	wheel_add(&w->wheel, &p->timer, next_ns);
}

void worker_no_socket(struct worker *w, uint16_t server, int64_t now_ns)
{
	static const uint8_t nothing[MESSAGE_HEADER_BYTES];
	struct pending *p = NULL;

	count(w, METRIC_attempt_errors);
	count_server(w, server, SERVER_METRIC_errors);
	if (signs_unreachable(server_of(w, server)))
		w->env.ops->sign(w->env.ctx, server, SIGN_UNREACHABLE);
	if (w->n_after < WORKER_AFTER_MAX)
		p = pending_open(w->env.shard, nothing, sizeof nothing, 0);
	if (!p) {
		server_release(server_of(w, server), 1);
		return;
	}
	p->kind = PENDING_AFTER;
	p->arrival_ns = now_ns;
	p->deadline_ns = INT64_MAX;
	p->n_attempts = 1;
	p->attempts[0].server = server;
	p->attempts[0].flags = ATTEMPT_PLACE;
	w->n_after++;
	wheel_add(&w->wheel, &p->timer, worker_attempt_end_ns(w, p, 0));
}

void worker_after_due(struct worker *w, struct pending *p, int64_t now_ns)
{
	for (unsigned i = 0; i < p->n_attempts; i++) {
		const struct attempt *a = &p->attempts[i];

		if (a->is_live && !(a->flags & (ATTEMPT_UNREACHABLE | ATTEMPT_OVERDUE)) &&
			now_ns >= worker_attempt_end_ns(w, p, i))
			worker_attempt_overdue(w, p, i);
	}
	int64_t next_ns = close_old(w, p, now_ns);
	if (next_ns == INT64_MAX)
		worker_end(w, p);
	else
		wheel_add(&w->wheel, &p->timer, next_ns);
}

void worker_after_reply(struct worker *w, struct pending *p, unsigned i, int64_t now_ns)
{
	count(w, METRIC_replies_late);
	worker_attempt_close(w, p, i);
	if (close_old(w, p, now_ns) == INT64_MAX)
		worker_end(w, p);
}
