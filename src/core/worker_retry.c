/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is done while no acceptable reply is there. A retry is asked of another server; the earlier
 * attempts stay matched, and whichever acceptable reply comes first wins. SERVFAIL and REFUSED are
 * kept as the fallback. A hedge is a second attempt before the first is overdue (Dean and Barroso,
 * The Tail at Scale, 2013).
 *
 * Who pays: a retry for silence (a timeout, an unreachable server) and a hedge from one budget, one
 * for a bad rcode from another, so that names that fail everywhere leave a dead server its
 * retries. And because names may be met with silence everywhere too, the budget for silence is
 * not open to the bottom for all: a server in doubt may use all of it, any other a first retry the
 * upper three quarters, a second retry or a hedge the upper half. Of either budget a client prefix
 * and domain whose retries bring nothing may use the upper quarter: without a token left no
 * server's bad replies are compared with another's, and one that is sick would not be noticed. */
#include "core/worker_impl.h"

#include <string.h>
#include <sys/socket.h>

#include "wire/name.h"

#define KEEP_FIRST 25 /* hundredths of the budget that a first retry leaves */
#define KEEP_FURTHER 50
#define KEEP_DEBTOR 75
#define HEDGE_TOKEN 100
#define HEDGE_TOKENS_MAX (50 * HEDGE_TOKEN)
#define HEDGES_JUDGED 1000 /* at a time: */
#define HEDGES_WON_MIN 50 /* fewer of them that win are not worth their load, */
#define HEDGES_OFF_NS (60 * CLOCK_NS_PER_S) /* and there are none for a while */

/* ---- who asks about what ---------------------------------------------------------------------- */

/* What one customer has: an IPv4 /24, an IPv6 /56. */
static uint32_t hash_of(
	const struct worker *w, const struct pending *p, const uint8_t *name, size_t len)
{
	uint8_t key[7 + NAME_MAX_BYTES] = { 0 };

	memcpy(key, p->origin.client.ip, p->origin.client.family == AF_INET ? 3 : 7);
	name_lower(key + 7, name, len);
	return (uint32_t)hash64(&w->env.params->pair_key, key, 7 + len);
}

static const uint8_t *question_of(const struct worker *w, struct pending *p)
{
	return pending_bytes(w->env.shard, p) + MESSAGE_HEADER_BYTES;
}

/* The client prefix and the name. */
static uint32_t pair_of(const struct worker *w, struct pending *p)
{
	return hash_of(w, p, question_of(w, p), p->name_len);
}

/* The client prefix and the domain: the name without its first label. */
static uint32_t debtor_of(const struct worker *w, struct pending *p)
{
	const uint8_t *name = question_of(w, p);
	size_t first = p->name_len > 1 ? name[0] + 1u : 0;

	return hash_of(w, p, name + first, p->name_len - first);
}

/* ---- paying ----------------------------------------------------------------------------------- */

static bool is_in_doubt(const struct server *s)
{
	return atomic_load_explicit(&s->is_suspect, memory_order_relaxed) ||
	       server_state(s) != SERVER_UP;
}

/* What a retry after silence leaves, if it is not a debtor's. */
static unsigned keep_of_silence(const struct worker *w, const struct pending *p, bool is_hedge)
{
	const struct server *last = server_of(w, p->attempts[p->n_attempts - 1].server);

	if (!is_hedge && is_in_doubt(last))
		return 0;
	return p->n_attempts > 1 || is_hedge ? KEEP_FURTHER : KEEP_FIRST;
}

static bool pay(struct worker *w, struct pending *p, uint8_t purpose)
{
	bool is_for_rcode = purpose & ATTEMPT_FOR_RCODE;
	struct budget *budget = is_for_rcode ? &w->rcodes : &w->silence;
	unsigned keep = is_for_rcode ? 0 : keep_of_silence(w, p, purpose & ATTEMPT_HEDGE);
	uint32_t debtor = debtor_of(w, p);

	if (debtors_owes(&w->debtors, budget, debtor))
		keep = KEEP_DEBTOR;
	if (!budget_take(budget, keep))
		return false;
	debtors_add(&w->debtors, debtor);
	return true;
}

static void pay_back(struct worker *w, struct pending *p, uint8_t purpose)
{
	if (purpose & ATTEMPT_FOR_RCODE)
		budget_give_back(&w->rcodes);
	if (purpose & ATTEMPT_FOR_SILENCE)
		budget_give_back(&w->silence);
	if (purpose & (ATTEMPT_FOR_RCODE | ATTEMPT_FOR_SILENCE))
		debtors_forgive(&w->debtors, debtor_of(w, p));
}

/* ---- asking again ----------------------------------------------------------------------------- */

/* Another server with a place and a socket for the query; WORKER_SOCKET_NONE. */
static uint16_t choose_again(
	struct worker *w, struct pending *p, int64_t now_ns, enum pool_again again)
{
	uint16_t tried[PENDING_ATTEMPTS + WORKER_CHOICES_MAX];
	struct choice choice = {
		.pool = w->env.pool,
		.rng = w->env.rng,
		.qname = question_of(w, p),
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
	if (!pay(w, p, purpose)) {
		server_release(server_of(w, server), 1);
		p->is_denied = true;
		count(w, purpose & ATTEMPT_HEDGE ? METRIC_hedges_denied : METRIC_retries_denied);
		return false;
	}
	if (!worker_attempt_send(w, p, socket, purpose, now_ns)) {
		pay_back(w, p, purpose);
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

bool worker_retry(struct worker *w, struct pending *p, int64_t now_ns, enum retry_cause cause)
{
	static const struct how {
		enum pool_again again;
		uint8_t purpose;
		const char *reason;
	} how[] = {
		[RETRY_ON_TIMEOUT] = { AGAIN_ANY, ATTEMPT_FOR_SILENCE, "no reply in time" },
		[RETRY_ON_UNREACHABLE] = { AGAIN_OTHER, ATTEMPT_FOR_SILENCE, "unreachable" },
		[RETRY_ON_SERVFAIL] = { AGAIN_BETTER, ATTEMPT_FOR_RCODE, "SERVFAIL" },
		[RETRY_ON_REFUSED] = { AGAIN_BETTER, ATTEMPT_FOR_RCODE, "REFUSED" },
	};

	if (!(w->env.params->retry_on & cause) || !may_ask_again(w, p, now_ns))
		return false;
	if (!ask_again(w, p, now_ns, how[cause].again, how[cause].purpose, how[cause].reason))
		return false;
	count(w, METRIC_retries);
	return true;
}

/* Half of its time is over, so that a datagram doubled on its way makes no retry. */
void worker_hurry(struct worker *w, struct pending *p, int64_t now_ns)
{
	int64_t left_ns = worker_attempt_end_ns(w, p, p->n_attempts - 1u) - now_ns;

	if (p->is_hurried || (left_ns > w->env.params->attempt_timeout_ns / 2 && !p->is_denied))
		return;
	if (worker_retry(w, p, now_ns, RETRY_ON_TIMEOUT)) {
		p->is_hurried = true;
		worker_schedule(w, p);
	}
}

/* ---- hedging ---------------------------------------------------------------------------------- */

static int64_t hedge_due_ns(const struct worker *w, const struct pending *p)
{
	int64_t delay_us = pool_hedge_delay_us(w->env.pool);

	if (!p->may_hedge || p->n_attempts != 1 || delay_us == 0)
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
	if (now_ns < h->off_until_ns || !may_ask_again(w, p, now_ns))
		return;
	if (h->tokens < HEDGE_TOKEN) {
		count(w, METRIC_hedges_denied);
		return;
	}
	if (!ask_again(w, p, now_ns, AGAIN_BETTER, ATTEMPT_FOR_SILENCE | ATTEMPT_HEDGE, "hedge"))
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

static void tell_unreachable(struct worker *w, uint16_t server)
{
	count(w, METRIC_attempt_errors);
	count_server(w, server, SERVER_METRIC_errors);
	if (signs_unreachable(server_of(w, server)))
		w->env.ops->sign(w->env.ctx, server, SIGN_UNREACHABLE);
}

static void no_room(struct worker *w, struct pending *p, unsigned i, int64_t now_ns)
{
	pay_back(w, p, p->attempts[i].flags);
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

void worker_socket_failed(struct worker *w, int64_t now_ns, uint16_t socket)
{
	struct worker_socket *s = &w->sockets[socket];

	if (!s->is_open)
		return;
	worker_event(w, now_ns);
	/* Each is taken off the list; what is sent meanwhile comes before those, and is not meant. */
	for (uint32_t n = s->in_flight; n > 0 && s->list != 0; n--) {
		unsigned i;
		struct pending *p = pending_list_at(w->env.shard, s->list, &i);

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
	if (signs_bettered(server_of(w, server), pair_of(w, p), &sign))
		w->env.ops->sign(w->env.ctx, server, sign);
}

void worker_answered_well(struct worker *w, struct pending *p, unsigned i, bool is_good)
{
	const struct attempt *a = &p->attempts[i];

	pay_back(w, p, a->flags);
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
