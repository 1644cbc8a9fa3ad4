/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Replies. One is believed only if it came by the socket and from the peer of a live attempt, with
 * that attempt's ID, the query's opcode and its question (RFC 5452 section 9.1); everything else
 * is counted and ignored, and the wait goes on. What is believed leaves with the client's ID, RD,
 * CD and spelling of the question (RFC 5625), cut to TC=1 if it is too large. */
#include "core/worker_impl.h"

#include <string.h>

#include "base/histogram.h"
#include "wire/name.h"

/* Payload of an IPv4 packet at most; nothing larger can leave whatever is configured. */
#define UDP_PAYLOAD_MAX 65507

/* Servers that refuse to look at a message may leave its question out (RFC 1035 4.1.1 practice;
 * update replies: RFC 2136 3.8). */
static bool may_omit_question(const struct header *h)
{
	switch (header_rcode(h->flags)) {
	case RCODE_FORMERR:
	case RCODE_SERVFAIL:
	case RCODE_NOTIMP:
	case RCODE_REFUSED:
		return true;
	default:
		return header_opcode(h->flags) == OPCODE_UPDATE;
	}
}

static bool is_question_equal(struct worker *w, struct pending *p, const struct worker_reply *r,
	const struct reply_view *v)
{
	const uint8_t *sent = pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES;
	const uint8_t *echoed = r->data + MESSAGE_HEADER_BYTES;
	size_t len = p->name_len;

	if (v->question.name_len == 0)
		return len == 0 || may_omit_question(&v->header);
	if (v->question.name_len != len || memcmp(sent + len, echoed + len, 4) != 0)
		return false;
	if (p->has_case_mask)
		return memcmp(sent, echoed, len) == 0;
	return name_equal(sent, echoed, len);
}

/* The attempt that this reply answers, or NULL, counted. */
static struct pending *match(
	struct worker *w, const struct worker_reply *r, struct reply_view *v, unsigned *attempt_out)
{
	const struct worker_socket *socket = &w->sockets[r->socket];

	count(w, METRIC_replies);
	if (!addr_equal(&r->from, &w->env.pool->servers[socket->server].params.address)) {
		count(w, METRIC_replies_wrong_peer);
		return NULL;
	}
	if (reply_parse(r->data, r->len, v) < 0) {
		count(w, METRIC_replies_malformed);
		return NULL;
	}
	struct pending *p = pending_attempt_find(
		w->env.shard, r->socket, v->header.id, attempt_out);
	if (!p) {
		count(w, METRIC_replies_unmatched);
		return NULL;
	}
	if (header_opcode(v->header.flags) != header_opcode(p->client_flags) ||
		!is_question_equal(w, p, r, v)) {
		count(w, METRIC_replies_wrong_question);
		return NULL;
	}
	return p;
}

static size_t reply_limit(const struct worker *w, const struct pending *p)
{
	size_t limit = p->client_udp_size > MESSAGE_UDP_MIN ? p->client_udp_size : MESSAGE_UDP_MIN;

	/* Cut, a signed reply would lose its signature, and its client would not believe it. */
	if (limit > w->env.params->udp_reply_max && !p->is_signed)
		limit = w->env.params->udp_reply_max;
	return limit < UDP_PAYLOAD_MAX ? limit : UDP_PAYLOAD_MAX;
}

/* A reply without its question is made anew with it, the client's own: what it says are its rcode and
 * flags, and by having no OPT, that its server knows none (RFC 6891 7). */
static void complete(
	struct worker *w, struct pending *p, struct worker_reply *r, struct reply_view *v)
{
	if (v->question.name_len != 0 || p->name_len == 0 || p->is_signed)
		return;
	uint16_t flags = v->header.flags;
	struct edns edns;

	message_find_edns(r->data, r->len, &v->header, &v->question, &edns);
	struct reply_self reply = {
		.id = v->header.id,
		.query_flags = p->client_flags,
		.rcode = (uint8_t)header_rcode(v->header.flags),
		.question = pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES,
		.question_len = p->name_len + 4u,
		.edns = edns.offset != 0 && p->client_udp_size != 0,
		.dnssec_ok = p->dnssec_ok,
		.udp_size = w->env.params->udp_reply_max,
		.ede = EDE_NONE,
	};
	r->len = reply_make(&reply, r->data, REPLY_SELF_MAX); /* replies have room for 64 KiB */
	message_set_flags(r->data, MESSAGE_AA | MESSAGE_TC | MESSAGE_RA | MESSAGE_AD, flags);
	reply_parse(r->data, r->len, v);
}

/* Gives the client what is its own; in place. */
static void restore_client(
	struct worker *w, struct pending *p, struct worker_reply *r, const struct reply_view *v)
{
	message_set_id(r->data, p->client_id);
	if (p->is_signed)
		return; /* the signature covers the rest */
	message_set_flags(r->data, MESSAGE_RD | MESSAGE_CD, p->client_flags);
	if (v->question.name_len == 0)
		return;
	uint8_t *question = r->data + MESSAGE_HEADER_BYTES;
	memcpy(question, pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES, p->name_len);
	if (p->has_case_mask)
		name_flip_case(question, p->name_len, pending_case_mask(w->env.shard, p));
}

static void count_reply(
	struct worker *w, const struct pending *p, unsigned i, unsigned rcode, int64_t now_ns)
{
	const struct attempt *a = &p->attempts[i];
	int64_t us = (now_ns - p->arrival_ns) / CLOCK_NS_PER_US - a->sent_us;

	count_server(w, a->server, SERVER_METRIC_replies);
	if (rcode == RCODE_SERVFAIL)
		count_server(w, a->server, SERVER_METRIC_servfail);
	if (rcode == RCODE_REFUSED)
		count_server(w, a->server, SERVER_METRIC_refused);
	if (us < 0)
		us = 0;
	server_metric_add(
		&w->env.server_metrics[a->server], SERVER_METRIC_latency_us, (uint64_t)us);
	if (w->env.latencies)
		histogram_add(&w->env.latencies[a->server], (uint64_t)us);
	signs_replied(server_of(w, a->server));
}

/* Hands the client a server's reply, made its own. The pending goes on. */
static void deliver(struct worker *w, struct pending *p, uint16_t server, struct worker_reply *r,
	struct reply_view *v, bool is_cut, int64_t now_ns)
{
	unsigned rcode = header_rcode(v->header.flags);
	complete(w, p, r, v);
	bool is_too_large = r->len > reply_limit(w, p);

	restore_client(w, p, r, v);
	if (is_too_large)
		r->len = reply_truncate(r->data, r->len, v, p->client_udp_size != 0);
	is_cut |= is_too_large;
	if (is_cut)
		count(w, METRIC_truncated);
	count(w, METRIC_answered_server);
	w->env.ops->answer(w->env.ctx, &p->origin, r->data, r->len);
	if (w->env.ops->trace) {
		struct worker_event event = {
			.kind = WORKER_EVENT_ANSWERED,
			.origin = &p->origin,
			.question = r->data + MESSAGE_HEADER_BYTES,
			.name_len = v->question.name_len,
			.server = server,
			.rcode = rcode,
			.elapsed_us = (now_ns - p->arrival_ns) / CLOCK_NS_PER_US,
			.is_cut = is_cut,
		};
		w->env.ops->trace(w->env.ctx, &event);
	}
}

static void answer(struct worker *w, struct pending *p, unsigned i, struct worker_reply *r,
	struct reply_view *v, int64_t now_ns)
{
	unsigned rcode = header_rcode(v->header.flags);

	deliver(w, p, p->attempts[i].server, r, v, false, now_ns);
	worker_answered_well(w, p, i, rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN, now_ns);
	worker_attempt_close(w, p, i);
	worker_finish(w, p, now_ns);
}

/* ---- replies that may not be the last word ---------------------------------------------------- */

/* Does it say that the data itself is bogus? Then no other server has better. */
static bool is_bogus(const struct worker_reply *r, const struct reply_view *v)
{
	struct edns edns;

	message_find_edns(r->data, r->len, &v->header, &v->question, &edns);
	if (edns.offset == 0)
		return false;
	return message_ede(r->data, r->len, &edns, EDE_BOGUS_FIRST, EDE_BOGUS_LAST) >= 0;
}

/* Why another server should be asked instead; 0: this is the answer. */
static unsigned cause_of(const struct worker *w, const struct pending *p,
	const struct worker_reply *r, const struct reply_view *v)
{
	unsigned retry_on = w->env.params->retry_on;

	if (!p->may_retry || w->env.params->attempts == 1)
		return 0;
	switch (header_rcode(v->header.flags)) {
	case RCODE_SERVFAIL:
		return is_bogus(r, v) ? 0 : retry_on & RETRY_ON_SERVFAIL;
	case RCODE_REFUSED:
		return retry_on & RETRY_ON_REFUSED;
	default: /* without its question it is worth no more than these */
		return v->question.name_len == 0 && p->name_len != 0 ? retry_on & RETRY_ON_SERVFAIL
								     : 0;
	}
}

/* The first such reply is kept; of a large one what a truncated answer has. */
static void keep(struct worker *w, struct pending *p, uint16_t server, struct worker_reply *r,
	struct reply_view *v)
{
	if (p->fallback != PENDING_NONE)
		return;
	complete(w, p, r, v);
	p->is_fallback_cut = r->len > PENDING_FALLBACK_MAX;
	if (p->is_fallback_cut)
		r->len = reply_truncate(r->data, r->len, v, true);
	/* Without room to keep it, the client hears of it as of any failure. */
	if (r->len <= PENDING_FALLBACK_MAX)
		pending_fallback_keep(w->env.shard, p, r->data, r->len);
	p->fallback_server = server;
}

void worker_send_fallback(struct worker *w, struct pending *p, int64_t now_ns)
{
	struct reply_view v;
	struct worker_reply r = { .data = worker_self_buffer(w), .len = p->fallback_len };

	memcpy(r.data, pending_fallback(w->env.shard, p), r.len);
	reply_parse(r.data, r.len, &v);
	count(w, METRIC_fallbacks);
	deliver(w, p, p->fallback_server, &r, &v, p->is_fallback_cut, now_ns);
	worker_finish(w, p, now_ns);
}

/* The attempt is over; its place stays taken until its time is, unless there is nobody else to ask. */
static void bad_reply(struct worker *w, struct pending *p, unsigned i, struct worker_reply *r,
	struct reply_view *v, unsigned cause, int64_t now_ns)
{
	worker_attempt_leave(w, p, i);
	p->attempts[i].flags |= ATTEMPT_BAD;
	keep(w, p, p->attempts[i].server, r, v);
	if (!worker_retry(w, p, now_ns, cause) && !p->is_denied)
		worker_attempt_close(w, p, i);
	worker_settle(w, p, now_ns);
}

static void take_reply(struct worker *w, struct pending *p, unsigned i, struct worker_reply *r,
	struct reply_view *v, int64_t now_ns)
{
	unsigned rcode = header_rcode(v->header.flags);

	if (p->kind == PENDING_PROBE) {
		worker_probe_end(w, p, now_ns, PROBE_ANSWERED, rcode);
		return;
	}
	w->servers[p->attempts[i].server].replied_ns = now_ns;
	count_reply(w, p, i, rcode, now_ns);
	if (p->kind == PENDING_AFTER) {
		worker_after_reply(w, p, i, now_ns);
		return;
	}
	unsigned cause = cause_of(w, p, r, v);
	if (cause != 0)
		bad_reply(w, p, i, r, v, cause, now_ns);
	else
		answer(w, p, i, r, v, now_ns);
}

void worker_replies(struct worker *w, int64_t now_ns, struct worker_reply *replies, size_t n)
{
	worker_event(w, now_ns);
	for (size_t k = 0; k < n; k++) {
		struct reply_view v;
		unsigned i;
		struct pending *p = match(w, &replies[k], &v, &i);

		if (p)
			take_reply(w, p, i, &replies[k], &v, now_ns);
	}
	worker_taken(w, n, now_ns);
	worker_flush(w);
}
