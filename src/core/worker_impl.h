/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker_impl - what the files of the worker share: worker.c (queries and time), worker_attempt.c
 * (attempts), worker_retry.c (retries and hedges), worker_reply.c (replies), worker_socket.c
 * (sockets), worker_probe.c (probes). Nobody else includes it. */
#pragma once
#include "core/worker.h"

#include "balance/pool.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rng.h"

static inline void count(struct worker *w, enum metric_id id)
{
	metric_add(w->env.metrics, id, 1);
}
static inline void count_server(struct worker *w, unsigned server, enum server_metric_id id)
{
	server_metric_add(&w->env.server_metrics[server], id, 1);
}

static inline struct server *server_of(const struct worker *w, uint16_t server)
{
	return &w->env.pool->servers[server];
}

/* Since it arrived; what attempt.sent_us is in. */
static inline uint32_t worker_age_us(const struct pending *p, int64_t now_ns)
{
	return (uint32_t)((now_ns - p->arrival_ns) / CLOCK_NS_PER_US);
}

/* worker.c */
/* An event begins: sockets are drawn anew, and the budgets hear what time it is. */
void worker_event(struct worker *w, int64_t now_ns);
void worker_flush(struct worker *w);
/* So many datagrams were read, and took memory on their way here. */
void worker_taken(struct worker *w, size_t n, int64_t now_ns);
/* A buffer of WORKER_SELF_BYTES that stays as it is until the next flush. */
uint8_t *worker_self_buffer(struct worker *w);
/* The client's own spelling of the question comes back before anybody sees it again. */
const uint8_t *worker_client_question(struct worker *w, struct pending *p);
/* No reply will come: SERVFAIL or silence, as configured. Ends the query. */
void worker_fail(struct worker *w, struct pending *p, int64_t now_ns, enum metric_id cause,
	enum ede ede, const char *reason);
/* Shed after all. Ends the query. */
void worker_shed(struct worker *w, struct pending *p, int64_t now_ns, const char *reason);
void worker_trace(struct worker *w, struct pending *p, int64_t now_ns, enum worker_event_kind kind,
	int server, unsigned rcode, const char *reason);

/* worker_attempt.c: the life of an attempt. */
/* Sends the next attempt by a socket of a server whose place is reserved. False: no ID was free, and
 * the place has been given back. */
bool worker_attempt_send(
	struct worker *w, struct pending *p, uint16_t socket, uint8_t flags, int64_t now_ns);
/* When its time is over. */
int64_t worker_attempt_end_ns(const struct worker *w, const struct pending *p, unsigned i);
/* Takes the attempt out of the table and its socket's count; closes a retired socket. The place at
 * the server stays taken. */
void worker_attempt_leave(struct worker *w, struct pending *p, unsigned i);
/* The same, and gives the place back. */
void worker_attempt_close(struct worker *w, struct pending *p, unsigned i);
/* Its time has passed without a reply. It stays matched, but gives its place back. */
void worker_attempt_overdue(struct worker *w, struct pending *p, unsigned i);
/* The server was chosen, but none of its sockets could be made: its place stays taken for a while,
 * because a server that fails fast must not look idle. */
void worker_no_socket(struct worker *w, uint16_t server, int64_t now_ns);
/* Everything goes at once: out of the wheel, the tables and the slab. */
void worker_end(struct worker *w, struct pending *p);
/* The query is over; attempts whose time is not over keep their places. */
void worker_finish(struct worker *w, struct pending *p, int64_t now_ns);
/* A PENDING_AFTER's time. */
void worker_after_due(struct worker *w, struct pending *p, int64_t now_ns);
/* And a reply that came after all. */
void worker_after_reply(struct worker *w, struct pending *p, unsigned i, int64_t now_ns);

/* worker_retry.c: what is done while no acceptable reply is there. */
/* Asks another server, if the rules and the budget allow. */
bool worker_retry(struct worker *w, struct pending *p, int64_t now_ns, enum retry_cause cause);
/* An attempt has ended without an acceptable reply, or a turn of the wheel has come: waits for what
 * can still come, else sends the fallback, else fails. */
void worker_settle(struct worker *w, struct pending *p, int64_t now_ns);
/* The wheel's turn for a query. */
void worker_query_due(struct worker *w, struct pending *p, int64_t now_ns);
/* Sets the wheel for the next thing to do. */
void worker_schedule(struct worker *w, struct pending *p);
/* No more time: the fallback, or a failure. Ends the query. */
void worker_deadline(struct worker *w, struct pending *p, int64_t now_ns);
/* Attempt i brought an acceptable reply, and a good one if it says that a name is or is not:
 * tokens come back, and who did worse is blamed. */
void worker_answered_well(
	struct worker *w, struct pending *p, unsigned i, bool is_good, int64_t now_ns);
/* A query came: what it allows of hedging. */
void worker_hedge_gain(struct worker *w);
/* The client asks again. */
void worker_hurry(struct worker *w, struct pending *p, int64_t now_ns);

/* worker_payment.c: `purpose` is the attempt's flags. */
/* Takes a token for one more attempt, if this query may. */
bool worker_pay(struct worker *w, struct pending *p, uint8_t purpose);
/* Gives it back: nothing was sent. */
void worker_pay_back(struct worker *w, struct pending *p, uint8_t purpose);
/* An attempt brought an acceptable reply: what was paid for it comes back, as a rule. */
void worker_paid_off(struct worker *w, struct pending *p, uint8_t purpose, int64_t now_ns);
/* Have queries of this client prefix and domain cost retries that brought nothing? */
bool worker_is_debtor(const struct worker *w, struct pending *p);
/* A hash of the client prefix and the name. */
uint32_t worker_pair_of(const struct worker *w, struct pending *p);

/* worker_reply.c */
/* Answers with the kept reply and ends the query. */
void worker_send_fallback(struct worker *w, struct pending *p, int64_t now_ns);

/* worker_socket.c */
/* The socket of this batch for the server; WORKER_SOCKET_NONE if there is none that can carry more. */
uint16_t worker_socket_draw(struct worker *w, uint16_t server, int64_t now_ns);
void worker_socket_retire(struct worker *w, uint16_t socket);
/* Closes a retired one that no attempt uses. */
void worker_socket_rest(struct worker *w, uint16_t socket);
/* A fresh socket that was answered while another stayed silent takes over: all the others of the
 * server are retired, because what killed one (a firewall's flush, an address that went) has as a
 * rule killed them all. */
void worker_socket_take_over(struct worker *w, uint16_t socket);
/* The same for one socket, while others are answered: it alone may be dead, or a datagram was lost. */
void worker_socket_replace(struct worker *w, uint16_t old, uint16_t socket);
/* Gives attempt i a free random ID on the socket, and puts it into the table. */
bool worker_attempt_open(
	struct worker *w, struct pending *p, unsigned i, uint16_t socket, int64_t now_ns);

/* worker_probe.c */
void worker_probe_end(struct worker *w, struct pending *p, int64_t now_ns,
	enum probe_outcome outcome, unsigned rcode);
