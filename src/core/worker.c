/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Queries and time. A query that is taken ends in exactly one of these ways, and each counts it
 * once: answered by a server (worker_reply.c), answered by us, dropped, shed, merged. While it is
 * pending it is in the wheel, in the client table, and holds one place of the quota and one of its
 * server. */
#include "core/worker_impl.h"

#include <assert.h>
#include <string.h>

#include "wire/name.h"

void worker_flush(struct worker *w)
{
	w->env.ops->flush(w->env.ctx);
	w->n_self = 0;
}

static void trace(struct worker *w, const struct worker_event *event)
{
	if (w->env.ops->trace)
		w->env.ops->trace(w->env.ctx, event);
}

/* ---- answers of our own ------------------------------------------------------------------- */

static void send_self(struct worker *w, const struct origin *origin, const struct reply_self *reply)
{
	if (w->n_self == WORKER_SELF_REPLIES)
		worker_flush(w);
	uint8_t *out = w->self_replies[w->n_self++];
	size_t len = reply_make(reply, out, REPLY_SELF_MAX);
	w->env.ops->answer(w->env.ctx, origin, out, len);
}

static struct reply_self reply_to(const struct worker *w, const struct datagram *d,
	const struct query_view *q, enum rcode rcode)
{
	return (struct reply_self){
		.id = q->header.id,
		.query_flags = q->header.flags,
		.rcode = rcode,
		.question = d->data + MESSAGE_HEADER_BYTES,
		.question_len = question_len(&q->question),
		.edns = q->edns.offset != 0,
		.dnssec_ok = q->edns.dnssec_ok,
		.udp_size = w->env.params->udp_reply_max,
		.ede = EDE_NONE,
	};
}

static void trace_datagram(struct worker *w, const struct datagram *d, const struct query_view *q,
	enum worker_event_kind kind, int server, unsigned rcode, const char *reason)
{
	trace(w, &(struct worker_event){
			 .kind = kind,
			 .origin = &d->origin,
			 .question = d->data + MESSAGE_HEADER_BYTES,
			 .name_len = q->question.name_len,
			 .server = server,
			 .rcode = rcode,
			 .reason = reason,
		 });
}

/* Refuses a query that never became pending. */
static void answer_now(struct worker *w, const struct datagram *d, const struct query_view *q,
	enum rcode rcode, enum ede ede, const char *reason)
{
	struct reply_self reply = reply_to(w, d, q, rcode);

	reply.ede = ede;
	send_self(w, &d->origin, &reply);
	trace_datagram(w, d, q, WORKER_EVENT_SELF, -1, rcode, reason);
}

/* As core/shed.c does for what never reached a worker. */
static void shed(struct worker *w, const struct datagram *d, const struct query_view *q,
	enum metric_id cause, const char *reason)
{
	enum on_overload action = w->env.params->on_overload;

	count(w, cause);
	if (action == ON_OVERLOAD_DROP) {
		trace_datagram(w, d, q, WORKER_EVENT_SILENCE, -1, 0, reason);
		return;
	}
	count(w, METRIC_shed_answered);
	answer_now(w, d, q, action == ON_OVERLOAD_SERVFAIL ? RCODE_SERVFAIL : RCODE_REFUSED,
		EDE_NONE, reason);
}

/* SERVFAIL or silence, as configured, for a query that never became pending. */
static void fail_now(struct worker *w, const struct datagram *d, const struct query_view *q,
	enum metric_id cause, enum ede ede, const char *reason)
{
	if (w->env.params->on_failure == ON_FAILURE_DROP) {
		count(w, METRIC_dropped_failure);
		trace_datagram(w, d, q, WORKER_EVENT_SILENCE, -1, 0, reason);
		return;
	}
	count(w, cause);
	answer_now(w, d, q, RCODE_SERVFAIL, ede, reason);
}

/* ---- the life of a pending ---------------------------------------------------------------- */

void worker_end(struct worker *w, struct pending *p)
{
	for (unsigned i = 0; i < PENDING_ATTEMPTS; i++)
		worker_attempt_close(w, p, i);
	wheel_remove(&w->wheel, &p->timer);
	if (p->kind == PENDING_QUERY) {
		w->n_queries--;
		pending_quota_give(w->env.quota, &w->credit);
	}
	pending_close(w->env.shard, p);
}

/* The client's own spelling of the question comes back before anybody sees it again. */
static const uint8_t *client_question(struct worker *w, struct pending *p)
{
	uint8_t *question = pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES;

	if (p->has_case_mask) {
		name_flip_case(question, p->name_len, pending_case_mask(w->env.shard, p));
		p->has_case_mask = false;
	}
	return question;
}

static void trace_pending(struct worker *w, struct pending *p, int64_t now_ns,
	enum worker_event_kind kind, unsigned rcode, const char *reason)
{
	if (!w->env.ops->trace)
		return;
	trace(w, &(struct worker_event){
			 .kind = kind,
			 .origin = &p->origin,
			 .question = client_question(w, p),
			 .name_len = p->name_len,
			 .server = p->attempts[0].server,
			 .rcode = rcode,
			 .reason = reason,
			 .elapsed_us = (now_ns - p->arrival_ns) / CLOCK_NS_PER_US,
		 });
}

/* Answers a pending ourselves and ends it. */
static void answer_pending(struct worker *w, struct pending *p, int64_t now_ns, enum rcode rcode,
	enum ede ede, const char *reason)
{
	send_self(w, &p->origin,
		&(struct reply_self){
			.id = p->client_id,
			.query_flags = p->client_flags,
			.rcode = rcode,
			.question = client_question(w, p),
			.question_len = p->name_len ? p->name_len + 4u : 0,
			.edns = p->client_udp_size != 0,
			.dnssec_ok = p->dnssec_ok,
			.udp_size = w->env.params->udp_reply_max,
			.ede = ede,
		});
	trace_pending(w, p, now_ns, WORKER_EVENT_SELF, rcode, reason);
	worker_end(w, p);
}

static void end_silently(struct worker *w, struct pending *p, int64_t now_ns, const char *reason)
{
	trace_pending(w, p, now_ns, WORKER_EVENT_SILENCE, 0, reason);
	worker_end(w, p);
}

void worker_fail(struct worker *w, struct pending *p, int64_t now_ns, enum metric_id cause,
	enum ede ede, const char *reason)
{
	if (w->env.params->on_failure == ON_FAILURE_DROP) {
		count(w, METRIC_dropped_failure);
		end_silently(w, p, now_ns, reason);
		return;
	}
	count(w, cause);
	answer_pending(w, p, now_ns, RCODE_SERVFAIL, ede, reason);
}

static void shed_pending(struct worker *w, struct pending *p, int64_t now_ns, const char *reason)
{
	enum on_overload action = w->env.params->on_overload;

	count(w, METRIC_shed_limit);
	if (action == ON_OVERLOAD_DROP) {
		end_silently(w, p, now_ns, reason);
		return;
	}
	count(w, METRIC_shed_answered);
	answer_pending(w, p, now_ns,
		action == ON_OVERLOAD_SERVFAIL ? RCODE_SERVFAIL : RCODE_REFUSED, EDE_NONE, reason);
}

/* ---- queries in ---------------------------------------------------------------------------- */

/* What the pending must remember of the query beside its bytes. */
static void remember(
	struct worker *w, struct pending *p, const struct datagram *d, const struct query_view *q)
{
	p->kind = PENDING_QUERY;
	p->origin = d->origin;
	p->arrival_ns = d->arrival_ns;
	p->deadline_ns = d->arrival_ns + w->env.params->deadline_ns;
	p->client_id = q->header.id;
	p->client_flags = q->header.flags;
	if (q->edns.offset != 0) {
		p->client_udp_size = q->edns.udp_size > MESSAGE_UDP_MIN ? q->edns.udp_size
									: MESSAGE_UDP_MIN;
		p->dnssec_ok = q->edns.dnssec_ok;
	}
	p->is_signed = q->is_signed;
}

static void randomize_case(struct worker *w, struct pending *p)
{
	uint8_t *mask = pending_case_mask(w->env.shard, p);

	if (!w->env.params->case_randomize || p->is_signed ||
		header_opcode(p->client_flags) != OPCODE_QUERY)
		return;
	rng_bytes(w->env.rng, mask, (p->name_len + 7u) / 8u);
	name_flip_case(pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES, p->name_len, mask);
	p->has_case_mask = true;
}

/* Sends attempt i by a socket of a server whose place is reserved already. False: no ID was free,
 * and the place has been given back. */
static bool attempt(
	struct worker *w, struct pending *p, unsigned i, uint16_t socket, int64_t now_ns)
{
	uint16_t server = w->sockets[socket].server;

	if (!worker_attempt_open(w, p, i, socket, now_ns)) {
		server_release(&w->env.pool->servers[server], 1);
		return false;
	}
	count(w, METRIC_attempts);
	count_server(w, server, SERVER_METRIC_queries);
	w->env.ops->send(w->env.ctx, socket, pending_bytes(w->env.shard, p), p->len,
		pending_ref(w->env.shard, p, i));
	return true;
}

/* ---- choosing and sending ------------------------------------------------------------------ */

/* A server that fails fast must not look idle: the place of an attempt that could not be sent stays
 * taken until the attempt's deadline. Without a slot to remember it by, it is free at once. */
static void hold_place(struct worker *w, uint16_t server, int64_t until_ns)
{
	static const uint8_t nothing[MESSAGE_HEADER_BYTES];
	struct pending *p = pending_open(w->env.shard, nothing, sizeof nothing, 0);

	if (!p) {
		server_release(&w->env.pool->servers[server], 1);
		return;
	}
	p->kind = PENDING_PLACE;
	p->attempts[0].server = server;
	wheel_add(&w->wheel, &p->timer, until_ns);
}

/* The server was chosen, but none of its sockets could be made. */
static void no_socket(struct worker *w, uint16_t server, int64_t now_ns)
{
	count(w, METRIC_attempt_errors);
	count_server(w, server, SERVER_METRIC_errors);
	hold_place(w, server, now_ns + w->env.params->deadline_ns);
}

static void start(struct worker *w, int64_t now_ns, const struct datagram *d,
	const struct query_view *q, uint32_t client_hash, uint16_t socket)
{
	uint16_t server = w->sockets[socket].server;

	if (!pending_quota_take(w->env.quota, &w->credit)) {
		server_release(&w->env.pool->servers[server], 1);
		shed(w, d, q, METRIC_shed_limit, "pending_max is reached");
		return;
	}
	struct pending *p = pending_open(w->env.shard, d->data, d->len, q->question.name_len);
	if (!p) {
		server_release(&w->env.pool->servers[server], 1);
		pending_quota_give(w->env.quota, &w->credit);
		shed(w, d, q, METRIC_shed_limit, "no slot is left for it");
		return;
	}
	remember(w, p, d, q);
	pending_client_add(w->env.shard, p, client_hash);
	w->n_queries++;
	if (w->n_queries > WORKER_TRIM_OVER && w->trim_ns == INT64_MAX)
		w->trim_ns = now_ns + WORKER_TRIM_AFTER_MS * CLOCK_NS_PER_MS;
	wheel_add(&w->wheel, &p->timer, p->deadline_ns);
	trace_datagram(w, d, q, WORKER_EVENT_QUERY, server, 0, NULL);
	randomize_case(w, p);
	if (!attempt(w, p, 0, socket, now_ns))
		worker_fail(w, p, now_ns, METRIC_answered_unreachable, EDE_NETWORK_ERROR,
			"no free query ID");
}

/* The client asks again what is pending. That opens no new attempt; but if the last was sent some time
 * ago, it may be lost, and is sent again as it was. */
static void merge(struct worker *w, int64_t now_ns, const struct datagram *d,
	const struct query_view *q, struct pending *p)
{
	struct attempt *a = &p->attempts[0];
	int64_t us = (now_ns - p->arrival_ns) / CLOCK_NS_PER_US;

	count(w, METRIC_merged);
	trace_datagram(w, d, q, WORKER_EVENT_MERGED, -1, 0, NULL);
	if (p->is_signed || header_opcode(p->client_flags) != OPCODE_QUERY ||
		us - a->sent_us < WORKER_REPEAT_AFTER_MS * 1000)
		return;
	a->sent_us = (uint32_t)us;
	a->is_resent = true;
	count(w, METRIC_attempts_resent);
	w->env.ops->send(w->env.ctx, a->socket, pending_bytes(w->env.shard, p), p->len,
		pending_ref(w->env.shard, p, 0));
}

/* A server with a place for the query and a socket to send it by. WORKER_SOCKET_NONE: there is
 * none, and the query has been answered. */
static uint16_t choose(
	struct worker *w, int64_t now_ns, const struct datagram *d, const struct query_view *q)
{
	uint16_t tried[WORKER_CHOICES_MAX];
	struct choice choice = {
		.pool = w->env.pool,
		.rng = w->env.rng,
		.qname = d->data + MESSAGE_HEADER_BYTES,
		.qname_len = q->question.name_len,
		.client = &d->origin.client,
		.tried = tried,
	};

	while (choice.n_tried < WORKER_CHOICES_MAX) {
		int server = pool_choose(&choice);

		if (server == POOL_ALL_FULL && choice.n_tried == 0) {
			shed(w, d, q, METRIC_shed_limit, "every server is at max_outstanding");
			return WORKER_SOCKET_NONE;
		}
		if (server < 0)
			break;
		uint16_t socket = worker_socket_draw(w, (uint16_t)server, now_ns);
		if (socket != WORKER_SOCKET_NONE)
			return socket;
		if (w->servers[server].n_sockets > 0) {
			server_release(&w->env.pool->servers[server], 1);
			shed(w, d, q, METRIC_shed_limit, "the server's sockets are full");
			return WORKER_SOCKET_NONE;
		}
		no_socket(w, (uint16_t)server, now_ns);
		tried[choice.n_tried++] = (uint16_t)server;
	}
	if (choice.n_tried > 0)
		fail_now(w, d, q, METRIC_answered_unreachable, EDE_NETWORK_ERROR,
			"no socket to any server");
	else
		fail_now(w, d, q, METRIC_answered_no_server, EDE_NO_REACHABLE_AUTHORITY,
			"no server may be asked");
	return WORKER_SOCKET_NONE;
}

static void forward(
	struct worker *w, int64_t now_ns, const struct datagram *d, const struct query_view *q)
{
	const uint8_t *question = d->data + MESSAGE_HEADER_BYTES;
	uint32_t hash = pending_client_hash(
		w->env.shard, &d->origin, q->header.id, question, question_len(&q->question));
	struct pending *p = pending_client_find(
		w->env.shard, hash, &d->origin, &q->header, question, q->question.name_len);

	if (p) {
		merge(w, now_ns, d, q, p);
		return;
	}
	uint16_t socket = choose(w, now_ns, d, q);
	if (socket != WORKER_SOCKET_NONE)
		start(w, now_ns, d, q, hash, socket);
}

static void refuse(struct worker *w, const struct datagram *d, const struct query_view *q,
	enum metric_id cause, enum rcode rcode, const char *reason)
{
	count(w, cause);
	answer_now(w, d, q, rcode, EDE_NONE, reason);
}

static void take_one(struct worker *w, int64_t now_ns, const struct datagram *d)
{
	struct query_view q;
	int64_t delay_ns = now_ns - d->arrival_ns;
	bool is_late = codel_is_too_late(&w->codel, delay_ns, now_ns) ||
		       delay_ns >= w->env.params->deadline_ns;

	switch (query_parse(d->data, d->len, &q)) {
	case QUERY_IGNORE:
		count(w, d->len < MESSAGE_HEADER_BYTES ? METRIC_dropped_short
						       : METRIC_dropped_response);
		break;
	case QUERY_FORMERR:
		refuse(w, d, &q, METRIC_answered_formerr, RCODE_FORMERR, "malformed");
		break;
	case QUERY_NOTIMP:
		refuse(w, d, &q, METRIC_answered_notimp, RCODE_NOTIMP, "opcode not forwarded");
		break;
	case QUERY_FORWARD:
		if (is_late)
			shed(w, d, &q, METRIC_shed_delay, "waited too long for a worker");
		else
			forward(w, now_ns, d, &q);
		break;
	}
}

void worker_take(struct worker *w, int64_t now_ns, struct datagram *const *datagrams, size_t n)
{
	w->batch++;
	for (size_t i = 0; i < n; i++)
		take_one(w, now_ns, datagrams[i]);
	worker_flush(w);
}

/* ---- time and errors ------------------------------------------------------------------------ */

static void time_is_up(struct worker *w, struct pending *p, int64_t now_ns)
{
	if (p->kind == PENDING_PROBE) {
		worker_probe_end(w, p, now_ns, PROBE_TIMED_OUT, 0);
		return;
	}
	if (p->kind == PENDING_PLACE) {
		server_release(&w->env.pool->servers[p->attempts[0].server], 1);
		worker_end(w, p);
		return;
	}
	for (unsigned i = 0; i < PENDING_ATTEMPTS; i++) {
		if (p->attempts[i].is_live) {
			count(w, METRIC_attempt_timeouts);
			count_server(w, p->attempts[i].server, SERVER_METRIC_timeouts);
		}
	}
	worker_fail(w, p, now_ns, METRIC_answered_deadline, EDE_NO_REACHABLE_AUTHORITY,
		"no reply in time");
}

void worker_tick(struct worker *w, int64_t now_ns)
{
	struct wheel_node *node;

	w->batch++;
	while ((node = wheel_expire(&w->wheel, now_ns)))
		time_is_up(w, (struct pending *)node, now_ns);
	if (now_ns >= w->trim_ns) {
		bool done = w->env.ops->trim(w->env.ctx) && w->n_queries <= WORKER_TRIM_OVER;

		w->trim_ns = done ? INT64_MAX : now_ns + WORKER_TRIM_AFTER_MS * CLOCK_NS_PER_MS;
	}
	worker_flush(w);
}

/* A query whose attempt could not go out. */
static void not_sent(struct worker *w, struct pending *p, unsigned i, int64_t now_ns,
	enum worker_send_error error)
{
	uint16_t server = p->attempts[i].server;
	int64_t until_ns = p->deadline_ns;

	if (error == WORKER_SEND_NO_ROOM) {
		if (p->attempts[i].is_resent)
			return; /* the first time it went out, and may still be answered */
		shed_pending(w, p, now_ns, "no room to send");
		return;
	}
	count(w, METRIC_attempt_errors);
	count_server(w, server, SERVER_METRIC_errors);
	worker_attempt_drop(w, p, i);
	worker_fail(w, p, now_ns, METRIC_answered_unreachable, EDE_NETWORK_ERROR,
		"the server is unreachable");
	hold_place(w, server, until_ns);
}

void worker_send_failed(
	struct worker *w, int64_t now_ns, uint64_t ref, enum worker_send_error error)
{
	unsigned i;
	struct pending *p = pending_from_ref(w->env.shard, ref, &i);

	if (!p || !p->attempts[i].is_live)
		return;
	w->batch++;
	if (p->kind == PENDING_PROBE)
		worker_probe_end(w, p, now_ns,
			error == WORKER_SEND_NO_ROOM ? PROBE_NOT_SENT : PROBE_UNREACHABLE, 0);
	else
		not_sent(w, p, i, now_ns, error);
	worker_flush(w);
}

void worker_give_up(struct worker *w, int64_t now_ns)
{
	struct wheel_node *node;

	while ((node = wheel_take_any(&w->wheel)))
		time_is_up(w, (struct pending *)node, now_ns);
	worker_flush(w);
}

int64_t worker_next_ns(const struct worker *w)
{
	int64_t next_ns = wheel_next_ns(&w->wheel);

	return next_ns < w->trim_ns ? next_ns : w->trim_ns;
}

uint32_t worker_queries(const struct worker *w)
{
	return w->n_queries;
}
