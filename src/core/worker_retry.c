/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is done while no acceptable reply is there. A retry is asked of another server; the earlier
 * attempts stay matched, and whichever acceptable reply comes first wins. SERVFAIL and REFUSED are
 * kept as the fallback. A hedge is a second attempt before the first is overdue (Dean and Barroso,
 * The Tail at Scale, 2013). Who pays for all this is in worker_payment.c. */
#include "core/worker_impl.h"

#define HEDGE_TOKEN 100
#define HEDGE_TOKENS_MAX (50 * HEDGE_TOKEN)
#define HEDGES_JUDGED 1000 /* at a time: */
#define HEDGES_WON_MIN 50 /* fewer of them that win are not worth their load, */
#define HEDGES_OFF_NS (60 * CLOCK_NS_PER_S) /* and there are none for a while */

/* ---- asking again ----------------------------------------------------------------------------- */

/* Another server with a place and a socket for the query; WORKER_SOCKET_NONE. */
static uint16_t choose_again(
	struct worker *w, struct pending *p, int64_t now_ns, enum pool_again again)
{
	uint16_t tried[PENDING_ATTEMPTS + WORKER_CHOICES_MAX];
	struct choice choice = {
		.pool = w->env.pool,
		.rng = w->env.rng,
		.qname = pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES,
		.qname_len = p->name_len,
		.client = &p->origin.client,
		.tried = tried,
		.n_tried = p->n_attempts,
	};

	for (unsigned i = 0; i < p->n_attempts; i++)
		tried[i] = p->attempts[i].server;
	while (choice.n_tried < sizeof tried / sizeof tried[0]) {
		int server = pool_choose_again(&choice, again);

		if (server < 0)
			break;
		uint16_t socket = worker_socket_draw(w, (uint16_t)server, now_ns);
		if (socket != WORKER_SOCKET_NONE)
			return socket;
		if (w->servers[server].n_sockets > 0)
			server_release(server_of(w, (uint16_t)server), 1);
		else
			worker_no_socket(w, (uint16_t)server, now_ns);
		tried[choice.n_tried++] = (uint16_t)server;
	}
	return WORKER_SOCKET_NONE;
}

static bool ask_again(struct worker *w, struct pending *p, int64_t now_ns, enum pool_again again,
	uint8_t purpose, const char *reason)
{
	uint16_t socket = choose_again(w, p, now_ns, again);

	if (socket == WORKER_SOCKET_NONE)
		return false;
	uint16_t server = w->sockets[socket].server;
	if (!worker_pay(w, p, purpose)) {
		server_release(server_of(w, server), 1);
		p->is_denied |= !(purpose & ATTEMPT_HEDGE);
		count(w, purpose & ATTEMPT_HEDGE ? METRIC_hedges_denied : METRIC_retries_denied);
		return false;
	}
	if (!worker_attempt_send(w, p, socket, purpose, now_ns)) {
		worker_pay_back(w, p, purpose);
		return false;
	}
	p->is_denied = false;
	worker_trace(w, p, now_ns, WORKER_EVENT_RETRY, server, 0, reason);
	return true;
}

static bool was_ever_sent(const struct pending *p)
{
	for (unsigned i = 0; i < p->n_attempts; i++) {
		if (p->attempts[i].is_live || !(p->attempts[i].flags & ATTEMPT_UNREACHABLE))
			return true;
	}
	return false;
}

static bool may_ask_again(const struct worker *w, const struct pending *p, int64_t now_ns)
{
	return p->n_attempts < w->env.params->attempts && now_ns < p->deadline_ns &&
	       (p->may_retry || !was_ever_sent(p));
}

static bool retry(struct worker *w, struct pending *p, int64_t now_ns, enum retry_cause cause,
	const char *reason)
{
	static const struct how {
		enum pool_again again;
		uint8_t purpose;
	} how[] = {
		[RETRY_ON_TIMEOUT] = { AGAIN_ANY, ATTEMPT_FOR_SILENCE },
		[RETRY_ON_UNREACHABLE] = { AGAIN_OTHER, ATTEMPT_FOR_SILENCE },
		[RETRY_ON_SERVFAIL] = { AGAIN_BETTER, ATTEMPT_FOR_RCODE },
		[RETRY_ON_REFUSED] = { AGAIN_BETTER, ATTEMPT_FOR_RCODE },
	};

	if (!(w->env.params->retry_on & cause) || !may_ask_again(w, p, now_ns))
		return false;
	if (!ask_again(w, p, now_ns, how[cause].again, how[cause].purpose, reason))
		return false;
	count(w, METRIC_retries);
	return true;
}

bool worker_retry(struct worker *w, struct pending *p, int64_t now_ns, enum retry_cause cause)
{
	static const char *const reasons[] = {
		[RETRY_ON_TIMEOUT] = "no reply in time",
		[RETRY_ON_UNREACHABLE] = "unreachable",
		[RETRY_ON_SERVFAIL] = "SERVFAIL",
		[RETRY_ON_REFUSED] = "REFUSED",
	};

	return retry(w, p, now_ns, cause, reasons[cause]);
}

/* Half of its time is over, so that a datagram doubled on its way makes no retry. */
void worker_hurry(struct worker *w, struct pending *p, int64_t now_ns)
{
	int64_t left_ns = worker_attempt_end_ns(w, p, p->n_attempts - 1u) - now_ns;

	if (p->is_hurried || (left_ns > w->env.params->attempt_timeout_ns / 2 && !p->is_denied))
		return;
	if (retry(w, p, now_ns, RETRY_ON_TIMEOUT, "asked again by the client")) {
		p->is_hurried = true;
		worker_schedule(w, p);
	}
}

/* ---- hedging ---------------------------------------------------------------------------------- */

static int64_t hedge_due_ns(const struct worker *w, const struct pending *p)
{
	if (!p->may_hedge || p->n_attempts != 1)
		return INT64_MAX;
	int64_t delay_us = pool_hedge_delay_us(w->env.pool);
	if (delay_us == 0)
		return INT64_MAX;
	return p->arrival_ns + (p->attempts[0].sent_us + delay_us) * CLOCK_NS_PER_US;
}

void worker_hedge_gain(struct worker *w)
{
	if (w->hedging.tokens < HEDGE_TOKENS_MAX)
		w->hedging.tokens += w->env.params->hedge_percent;
}

static void hedge(struct worker *w, struct pending *p, int64_t now_ns)
{
	struct hedging *h = &w->hedging;

	p->may_hedge = false;
	if (!may_ask_again(w, p, now_ns))
		return;
	if (now_ns < h->off_until_ns) {
		count(w, METRIC_hedges_off);
		return;
	}
	if (h->tokens < HEDGE_TOKEN) {
		count(w, METRIC_hedges_denied);
		return;
	}
	if (!ask_again(w, p, now_ns, AGAIN_HEDGE, ATTEMPT_FOR_SILENCE | ATTEMPT_HEDGE, "hedge"))
		return;
	h->tokens -= HEDGE_TOKEN;
	count(w, METRIC_hedges);
	if (++h->n < HEDGES_JUDGED)
		return;
	if (h->n_won < HEDGES_WON_MIN)
		h->off_until_ns = now_ns + HEDGES_OFF_NS;
	h->n = h->n_won = 0;
}

/* ---- time ------------------------------------------------------------------------------------- */

/* Could a reply to it still come in its time? */
static bool is_in_time(const struct attempt *a)
{
	return a->is_live && !(a->flags & (ATTEMPT_OVERDUE | ATTEMPT_UNREACHABLE));
}

static bool has_any_in_time(const struct pending *p)
{
	for (unsigned i = 0; i < p->n_attempts; i++) {
		if (is_in_time(&p->attempts[i]))
			return true;
	}
	return false;
}

/* An overdue one may be answered late. What ICMP spoke of is matched, but not waited for. */
static bool is_worth_waiting(const struct pending *p)
{
	for (unsigned i = 0; i < p->n_attempts; i++) {
		if (p->attempts[i].is_live && !(p->attempts[i].flags & ATTEMPT_UNREACHABLE))
			return true;
	}
	return false;
}

void worker_schedule(struct worker *w, struct pending *p)
{
	int64_t next_ns = p->deadline_ns;
	int64_t hedge_ns = hedge_due_ns(w, p);

	for (unsigned i = 0; i < p->n_attempts; i++) {
		const struct attempt *a = &p->attempts[i];
		bool holds_place = !a->is_live && (a->flags & ATTEMPT_PLACE);
		int64_t end_ns = worker_attempt_end_ns(w, p, i);

		if ((is_in_time(a) || holds_place) && end_ns < next_ns)
			next_ns = end_ns;
	}
	if (hedge_ns < next_ns)
		next_ns = hedge_ns;
	wheel_remove(&w->wheel, &p->timer);
	wheel_add(&w->wheel, &p->timer, next_ns);
}

void worker_settle(struct worker *w, struct pending *p, int64_t now_ns)
{
	if (has_any_in_time(p))
		worker_schedule(w, p);
	else if (p->fallback != PENDING_NONE)
		worker_send_fallback(w, p, now_ns);
	else if (is_worth_waiting(p))
		worker_schedule(w, p);
	else
		worker_fail(w, p, now_ns, METRIC_answered_unreachable, EDE_NETWORK_ERROR,
			"no server can be reached");
}

/* Attempts whose time is over: those without a reply become overdue (true if there were any), and
 * those that failed give their places back. */
static bool look_at_attempts(struct worker *w, struct pending *p, int64_t now_ns)
{
	bool is_late = false;

	for (unsigned i = 0; i < p->n_attempts; i++) {
		struct attempt *a = &p->attempts[i];

		if (now_ns < worker_attempt_end_ns(w, p, i))
			continue;
		if (is_in_time(a)) {
			worker_attempt_overdue(w, p, i);
			is_late = true;
		} else if (!a->is_live) {
			worker_attempt_close(w, p, i);
		}
	}
	return is_late;
}

void worker_deadline(struct worker *w, struct pending *p, int64_t now_ns)
{
	for (unsigned i = 0; i < p->n_attempts; i++) {
		if (is_in_time(&p->attempts[i])) {
			count(w, METRIC_attempt_timeouts);
			count_server(w, p->attempts[i].server, SERVER_METRIC_timeouts);
		}
	}
	if (p->fallback != PENDING_NONE)
		worker_send_fallback(w, p, now_ns);
	else
		worker_fail(w, p, now_ns, METRIC_answered_deadline, EDE_NO_REACHABLE_AUTHORITY,
			"no reply in time");
}

void worker_query_due(struct worker *w, struct pending *p, int64_t now_ns)
{
	bool is_late = look_at_attempts(w, p, now_ns);

	if (now_ns >= p->deadline_ns) {
		worker_deadline(w, p, now_ns);
		return;
	}
	if (now_ns >= hedge_due_ns(w, p))
		hedge(w, p, now_ns);
	if (is_late && !has_any_in_time(p))
		worker_retry(w, p, now_ns, RETRY_ON_TIMEOUT);
	worker_settle(w, p, now_ns);
}

/* ---- errors ----------------------------------------------------------------------------------- */

static void suspect_unreachable(struct worker *w, uint16_t server)
{
	if (signs_unreachable(server_of(w, server)))
		w->env.ops->sign(w->env.ctx, server, SIGN_UNREACHABLE);
}

static void tell_unreachable(struct worker *w, uint16_t server)
{
	count(w, METRIC_attempt_errors);
	count_server(w, server, SERVER_METRIC_errors);
	suspect_unreachable(w, server);
}

static void no_room(struct worker *w, struct pending *p, unsigned i, int64_t now_ns)
{
	worker_pay_back(w, p, p->attempts[i].flags);
	worker_attempt_close(w, p, i);
	if (p->n_attempts == 1)
		worker_shed(w, p, now_ns, "no room to send");
	else
		worker_settle(w, p, now_ns);
}

/* A query whose attempt could not go out. */
static void not_sent(struct worker *w, struct pending *p, unsigned i, int64_t now_ns,
	enum worker_send_error error)
{
	if (error == WORKER_SEND_NO_ROOM) {
		no_room(w, p, i, now_ns);
		return;
	}
	bool is_known = p->attempts[i].flags & ATTEMPT_UNREACHABLE; /* by an ICMP error */
	worker_attempt_leave(w, p, i);
	if (!is_known) {
		tell_unreachable(w, p->attempts[i].server);
		p->attempts[i].flags |= ATTEMPT_UNREACHABLE;
		worker_retry(w, p, now_ns, RETRY_ON_UNREACHABLE);
	}
	worker_settle(w, p, now_ns);
}

void worker_send_failed(
	struct worker *w, int64_t now_ns, uint64_t ref, enum worker_send_error error)
{
	unsigned i;
	struct pending *p = pending_from_ref(w->env.shard, ref, &i);

	if (!p || !p->attempts[i].is_live || p->kind == PENDING_AFTER)
		return;
	worker_event(w, now_ns);
	if (p->kind == PENDING_PROBE)
		worker_probe_end(w, p, now_ns,
			error == WORKER_SEND_NO_ROOM ? PROBE_NOT_SENT : PROBE_UNREACHABLE, 0);
	else
		not_sent(w, p, i, now_ns, error);
	worker_flush(w);
}

/* Of one attempt that was sent. */
static void unreachable(struct worker *w, struct pending *p, unsigned i, int64_t now_ns)
{
	bool was_in_time = is_in_time(&p->attempts[i]);

	pending_list_remove(w->env.shard, p, i, &w->sockets[p->attempts[i].socket].list);
	p->attempts[i].flags |= ATTEMPT_UNREACHABLE;
	if (p->kind != PENDING_QUERY || !was_in_time)
		return; /* nobody waits for it */
	tell_unreachable(w, p->attempts[i].server);
	worker_retry(w, p, now_ns, RETRY_ON_UNREACHABLE);
	worker_settle(w, p, now_ns);
}

/* Times of attempts are whole microseconds, rounded down. */
static bool is_sent_before(const struct pending *p, const struct attempt *a, int64_t before_ns)
{
	return p->arrival_ns + (a->sent_us + INT64_C(1)) * CLOCK_NS_PER_US <= before_ns;
}

/* The link to the youngest attempt by the socket that was sent before then: the list begins with the
 * youngest. */
static const uint32_t *link_before(
	const struct worker *w, const struct worker_socket *s, int64_t before_ns)
{
	const uint32_t *link = &s->list;

	while (*link != 0) {
		unsigned i;
		const struct pending *p = pending_list_at(w->env.shard, *link, &i);

		if (is_sent_before(p, &p->attempts[i], before_ns))
			break;
		link = &p->attempts[i].list_next;
	}
	return link;
}

void worker_socket_failed(struct worker *w, int64_t now_ns, uint16_t socket, int64_t sent_before_ns)
{
	struct worker_socket *s = &w->sockets[socket];
	const uint32_t *link;

	if (!s->is_open)
		return;
	worker_event(w, now_ns);
	link = link_before(w, s, sent_before_ns);
	if (link != &s->list)
		suspect_unreachable(w, s->server);
	/* Each is taken off the list. What is not meant stays: it is waited for, so its query does not
	 * end. */
	for (uint32_t n = s->in_flight; n > 0 && *link != 0; n--) {
		unsigned i;
		struct pending *p = pending_list_at(w->env.shard, *link, &i);

		if (p->kind == PENDING_PROBE)
			worker_probe_end(w, p, now_ns, PROBE_UNREACHABLE, 0);
		else
			unreachable(w, p, i, now_ns);
	}
	worker_flush(w);
}

/* ---- answered --------------------------------------------------------------------------------- */

static void blame(struct worker *w, struct pending *p, unsigned bettered)
{
	uint16_t server = p->attempts[bettered].server;
	enum sign sign;

	count(w, METRIC_replies_bettered);
	if (signs_bettered(server_of(w, server), worker_pair_of(w, p), &sign))
		w->env.ops->sign(w->env.ctx, server, sign);
}

void worker_answered_well(
	struct worker *w, struct pending *p, unsigned i, bool is_good, int64_t now_ns)
{
	const struct attempt *a = &p->attempts[i];

	worker_paid_off(w, p, a->flags, now_ns);
	if ((a->flags & ATTEMPT_HEDGE)) {
		count(w, METRIC_hedges_won);
		w->hedging.n_won++;
	}
	if (!is_good)
		return;
	signs_good(server_of(w, a->server));
	for (unsigned j = 0; j < p->n_attempts; j++) {
		if ((p->attempts[j].flags & ATTEMPT_BAD) && p->attempts[j].server != a->server)
			blame(w, p, j);
	}
}
