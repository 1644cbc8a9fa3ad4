/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Queries and time. A query that is taken ends in exactly one of these ways, and each counts it
 * once: answered by a server (worker_reply.c), answered by us, dropped, shed, merged. While it is
 * pending it is in the wheel, in the client table, and holds a place of the quota; each of its
 * attempts (worker_attempt.c) holds one of its server. What happens when the first attempt is not
 * answered well is in worker_retry.c. */
#include "core/worker_impl.h"

#include <assert.h>
#include <string.h>

#include "wire/name.h"

void worker_flush(struct worker *w)
{
	w->env.ops->flush(w->env.ctx);
	w->n_self = 0;
}

static bool is_worth_trimming(const struct worker *w)
{
	return w->n_queries > WORKER_TRIM_OVER || w->n_taken > WORKER_TRIM_OVER;
}

void worker_taken(struct worker *w, size_t n, int64_t now_ns)
{
	w->n_taken += n;
	if (w->trim_ns == INT64_MAX && is_worth_trimming(w))
		w->trim_ns = now_ns + WORKER_TRIM_AFTER_MS * CLOCK_NS_PER_MS;
}

static void trim(struct worker *w, int64_t now_ns)
{
	bool is_done = w->env.ops->trim(w->env.ctx) && !is_worth_trimming(w);

	w->n_taken = 0;
	w->trim_ns = is_done ? INT64_MAX : now_ns + WORKER_TRIM_AFTER_MS * CLOCK_NS_PER_MS;
}

static void trace(struct worker *w, const struct worker_event *event)
{
	if (w->env.ops->trace)
		w->env.ops->trace(w->env.ctx, event);
}

void worker_event(struct worker *w, int64_t now_ns)
{
	w->batch++;
	w->load.tier = NULL;
	budget_advance(&w->silence, now_ns);
	budget_advance(&w->rcodes, now_ns);
	debtors_advance(&w->debtors, now_ns);
	known_advance(&w->known, now_ns);
}

/* ---- answers of our own ------------------------------------------------------------------- */

uint8_t *worker_self_buffer(struct worker *w)
{
	if (w->n_self == WORKER_SELF_REPLIES)
		worker_flush(w);
	return w->self_replies[w->n_self++];
}

static void send_self(struct worker *w, const struct origin *origin, const struct reply_self *reply)
{
	uint8_t *out = worker_self_buffer(w);
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
	if (!w->env.ops->trace)
		return;
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
		EDE_OVERLOADED, reason);
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

const uint8_t *worker_client_question(struct worker *w, struct pending *p)
{
	uint8_t *question = pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES;

	if (p->has_case_mask) {
		name_flip_case(question, p->name_len, pending_case_mask(w->env.shard, p));
		p->has_case_mask = false;
	}
	return question;
}

void worker_trace(struct worker *w, struct pending *p, int64_t now_ns, enum worker_event_kind kind,
	int server, unsigned rcode, const char *reason)
{
	if (!w->env.ops->trace)
		return;
	trace(w, &(struct worker_event){
			 .kind = kind,
			 .origin = &p->origin,
			 .question = pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES,
			 .name_len = p->name_len,
			 .server = server,
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
			.question = worker_client_question(w, p),
			.question_len = p->name_len ? p->name_len + 4u : 0,
			.edns = p->client_udp_size != 0,
			.dnssec_ok = p->dnssec_ok,
			.udp_size = w->env.params->udp_reply_max,
			.ede = ede,
		});
	worker_trace(w, p, now_ns, WORKER_EVENT_SELF, p->attempts[0].server, rcode, reason);
	worker_finish(w, p, now_ns);
}

static void end_silently(struct worker *w, struct pending *p, int64_t now_ns, const char *reason)
{
	worker_client_question(w, p);
	worker_trace(w, p, now_ns, WORKER_EVENT_SILENCE, p->attempts[0].server, 0, reason);
	worker_finish(w, p, now_ns);
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

void worker_shed(struct worker *w, struct pending *p, int64_t now_ns, const char *reason)
{
	enum on_overload action = w->env.params->on_overload;

	count(w, METRIC_shed_limit);
	if (action == ON_OVERLOAD_DROP) {
		end_silently(w, p, now_ns, reason);
		return;
	}
	count(w, METRIC_shed_answered);
	answer_pending(w, p, now_ns,
		action == ON_OVERLOAD_SERVFAIL ? RCODE_SERVFAIL : RCODE_REFUSED, EDE_OVERLOADED,
		reason);
}

/* ---- queries in ---------------------------------------------------------------------------- */

/* Asked twice, an update may be done twice; a signature is worth one answer; and a zone transfer is
 * no small thing. */
static bool may_ask_twice(const struct query_view *q)
{
	return header_opcode(q->header.flags) == OPCODE_QUERY && !q->is_signed &&
	       q->question.qtype != RRTYPE_AXFR && q->question.qtype != RRTYPE_IXFR;
}

/* Whatever an ejected server makes of it, its client must get an answer: so silence and errors must be
 * retried. An rcode that is not is an answer, by whichever server, and ejects nobody. */
static bool may_test(const struct worker *w, const struct query_view *q)
{
	const unsigned no_answer = RETRY_ON_TIMEOUT | RETRY_ON_UNREACHABLE;

	return w->env.params->attempts > 1 && (w->env.params->retry_on & no_answer) == no_answer &&
	       may_ask_twice(q);
}

/* What the pending must remember of the query beside its bytes. */
static void remember(struct worker *w, struct pending *p, const struct datagram *d,
	const struct query_view *q, int64_t now_ns)
{
	p->kind = PENDING_QUERY;
	p->origin = d->origin;
	/* A receiver may have read it after our turn began; attempts count from the arrival. */
	p->arrival_ns = d->arrival_ns < now_ns ? d->arrival_ns : now_ns;
	p->deadline_ns = p->arrival_ns + w->env.params->deadline_ns;
	p->client_id = q->header.id;
	p->client_flags = q->header.flags;
	if (q->edns.offset != 0) {
		p->client_udp_size = q->edns.udp_size > MESSAGE_UDP_MIN ? q->edns.udp_size
									: MESSAGE_UDP_MIN;
		p->dnssec_ok = q->edns.dnssec_ok;
	}
	p->is_signed = q->is_signed;
	p->may_retry = may_ask_twice(q);
	p->may_hedge = p->may_retry && w->env.params->hedge_percent > 0;
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

/* ---- choosing and sending ------------------------------------------------------------------ */

static void start(struct worker *w, int64_t now_ns, const struct datagram *d,
	const struct query_view *q, uint32_t client_hash, uint16_t socket)
{
	uint16_t server = w->sockets[socket].server;

	if (!pending_quota_take(w->env.quota, &w->credit)) {
		server_release(server_of(w, server), 1);
		shed(w, d, q, METRIC_shed_limit, "pending_max is reached");
		return;
	}
	struct pending *p = pending_open(w->env.shard, d->data, d->len, q->question.name_len);
	if (!p) {
		server_release(server_of(w, server), 1);
		pending_quota_give(w->env.quota, &w->credit);
		shed(w, d, q, METRIC_shed_limit, "no slot is left for it");
		return;
	}
	remember(w, p, d, q, now_ns);
	pending_client_add(w->env.shard, p, client_hash);
	w->n_queries++;
	budget_gain(&w->silence);
	budget_gain(&w->rcodes);
	worker_hedge_gain(w);
	trace_datagram(w, d, q, WORKER_EVENT_QUERY, server, 0, NULL);
	randomize_case(w, p);
	if (worker_attempt_send(w, p, socket, 0, now_ns))
		worker_schedule(w, p);
	else
		worker_fail(w, p, now_ns, METRIC_answered_unreachable, EDE_NETWORK_ERROR,
			"no free query ID");
}

/* The client asks again what is pending. That opens no new attempt by itself; but it hurries a retry
 * that is due. */
static void merge(struct worker *w, int64_t now_ns, const struct datagram *d,
	const struct query_view *q, struct pending *p)
{
	count(w, METRIC_merged);
	trace_datagram(w, d, q, WORKER_EVENT_MERGED, -1, 0, NULL);
	worker_hurry(w, p, now_ns);
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
		.load = &w->load,
		.may_test = may_test(w, q),
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
		if (socket != WORKER_SOCKET_NONE) {
			if (choice.is_test)
				count(w, METRIC_tests);
			return socket;
		}
		if (w->servers[server].n_sockets > 0) {
			server_release(server_of(w, (uint16_t)server), 1);
			shed(w, d, q, METRIC_shed_limit, "the server's sockets are full");
			return WORKER_SOCKET_NONE;
		}
		worker_no_socket(w, (uint16_t)server, now_ns);
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
	enum metric_id cause, enum rcode rcode, enum ede ede, const char *reason)
{
	count(w, cause);
	answer_now(w, d, q, rcode, ede, reason);
}

static void take_one(struct worker *w, int64_t now_ns, const struct datagram *d)
{
	struct query_view q;
	int64_t delay_ns = now_ns - d->arrival_ns;
	bool is_late = delay_ns >= w->env.params->deadline_ns;

	switch (query_parse(d->data, d->len, &q)) {
	case QUERY_IGNORE:
		count(w, d->len < MESSAGE_HEADER_BYTES ? METRIC_dropped_short
						       : METRIC_dropped_response);
		break;
	case QUERY_FORMERR:
		refuse(w, d, &q, METRIC_answered_formerr, RCODE_FORMERR, EDE_MALFORMED,
			"malformed");
		break;
	case QUERY_NOTIMP:
		refuse(w, d, &q, METRIC_answered_notimp, RCODE_NOTIMP, EDE_NOT_SUPPORTED,
			"opcode not forwarded");
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
	worker_event(w, now_ns);
	for (size_t i = 0; i < n; i++)
		take_one(w, now_ns, datagrams[i]);
	worker_taken(w, n, now_ns);
	worker_flush(w);
}

/* ---- time and errors ------------------------------------------------------------------------ */

static void time_is_up(struct worker *w, struct pending *p, int64_t now_ns)
{
	switch ((enum pending_kind)p->kind) {
	case PENDING_QUERY:
		worker_query_due(w, p, now_ns);
		break;
	case PENDING_PROBE:
		worker_probe_end(w, p, now_ns, PROBE_TIMED_OUT, 0);
		break;
	case PENDING_AFTER:
		worker_after_due(w, p, now_ns);
		break;
	}
}

void worker_tick(struct worker *w, int64_t now_ns)
{
	struct wheel_node *node;

	worker_event(w, now_ns);
	while ((node = wheel_expire(&w->wheel, now_ns)))
		time_is_up(w, (struct pending *)node, now_ns);
	worker_flush(w);
	if (now_ns >= w->trim_ns)
		trim(w, now_ns);
}

void worker_give_up(struct worker *w, int64_t now_ns)
{
	struct wheel_node *node;

	worker_event(w, now_ns);
	while ((node = wheel_take_any(&w->wheel))) {
		struct pending *p = (struct pending *)node;

		if (p->kind == PENDING_QUERY)
			worker_deadline(w, p, now_ns);
		else if (p->kind == PENDING_PROBE)
			worker_probe_end(w, p, now_ns, PROBE_TIMED_OUT, 0);
		else
			worker_end(w, p);
	}
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
