/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One turn: take the results, order what is due, sleep until the next is. At most one probe of a
 * server is out at a time; its serial tells a result from that of an older one. A result that never
 * comes (it cannot be lost, but a worker may be busy beyond reason) counts as failed after
 * OVERDUE times its time-out. */
#include "services/prober.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/thread.h"
#include "core/mailbox.h"
#include "net/poller.h"
#include "wire/cursor.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/text.h"

#define OVERDUE 4
#define SHORTAGE_LOG_PERIOD_MS 60000

struct probed {
	struct health health;
	uint32_t serial; /* of the probe that is out, or was last */
	unsigned worker; /* that has it */
	unsigned n_suspect; /* workers whose sockets to it may be dead as another's were */
	int64_t overdue_ns; /* INT64_MAX: none is out */
	/* owner writes, any thread reads; relaxed */
	_Atomic uint64_t n_good, n_failed;
};

struct prober {
	/* set at start */
	struct prober_params params;
	uint8_t message[PROBE_MESSAGE_MAX];
	uint16_t message_len;
	char probe_text[NAME_TEXT_MAX + TEXT_TYPE_MAX]; /* ". NS" */
	pthread_t id;
	bool is_started;
	int wakeup_fd;
	struct poller *poller;
	struct mailbox *results;

	/* owner only */
	struct rng rng;
	struct probed *servers;
	bool has_answered; /* some server answered the probe's name NOERROR or NXDOMAIN */
	struct log_limit shortage;
	bool has_warned; /* that the default name is refused */

	/* atomic, relaxed */
	_Atomic bool is_stopping;
};

static const struct server *server_at(const struct prober *p, size_t s)
{
	return &p->params.pool->servers[s];
}

static bool is_probed(const struct prober *p, size_t s)
{
	return !p->params.is_off && server_at(p, s)->params.mode == SERVER_AUTO;
}

/* ---- orders --------------------------------------------------------------------------------- */

static void order_probe(struct prober *p, size_t s, bool is_fresh, int64_t now_ns)
{
	struct probed *probed = &p->servers[s];

	if (!is_fresh)
		probed->worker = (probed->worker + 1) % p->params.n_workers;
	struct probe_order order = {
		.serial = ++probed->serial,
		.server = (uint16_t)s,
		.is_fresh = is_fresh,
		.timeout_ns = p->params.health.timeout_ns,
		.message = p->message,
		.message_len = p->message_len,
		.name_len = (uint16_t)p->params.qname_len,
	};
	health_probe_sent(&probed->health);
	/* A full box is a worker beyond help: the probe is then overdue, and failed. */
	p->params.order(p->params.ctx, probed->worker, &order);
	probed->overdue_ns = now_ns + OVERDUE * order.timeout_ns;
}

/* ---- results -------------------------------------------------------------------------------- */

/* What a failure or a recovery is called in the log. */
static void describe(const struct prober *p, const struct probe_result *r, char *out, size_t size)
{
	char rcode[TEXT_RCODE_MAX];

	switch (r->outcome) {
	case PROBE_ANSWERED:
		snprintf(out, size, "it answers \"%s\" with %s", p->probe_text,
			text_rcode(r->rcode, rcode));
		break;
	case PROBE_TIMED_OUT:
		snprintf(out, size, "no reply to \"%s\" within %lld ms", p->probe_text,
			(long long)(p->params.health.timeout_ns / CLOCK_NS_PER_MS));
		break;
	case PROBE_UNREACHABLE:
	case PROBE_NOT_SENT:
		snprintf(out, size, "it is unreachable");
		break;
	}
}

/* Authoritative servers refuse "."; that must not take a whole pool down before anybody has named
 * something they serve. */
static bool is_refusal_of_default(struct prober *p, const struct probe_result *r)
{
	if (r->rcode != RCODE_REFUSED || !p->params.qname_is_default || p->has_answered)
		return false;
	if (!p->has_warned)
		log_warning(
			"server %s refuses the probe \"%s\" and counts as up: set health.qname to "
			"a name that the servers answer",
			server_at(p, r->server)->params.name, p->probe_text);
	p->has_warned = true;
	return true;
}

static bool is_good(struct prober *p, const struct probe_result *r)
{
	if (r->outcome != PROBE_ANSWERED)
		return false;
	if (r->rcode == RCODE_NOERROR || r->rcode == RCODE_NXDOMAIN)
		p->has_answered = true;
	if (!(p->params.reject >> (r->rcode & 15) & 1))
		return true;
	return is_refusal_of_default(p, r);
}

static void log_change(
	const struct prober *p, const struct probe_result *r, enum server_state before)
{
	const struct server *s = server_at(p, r->server);
	char address[ADDR_TEXT_MAX], why[NAME_TEXT_MAX + 128];

	addr_format(&s->params.address, address, sizeof address);
	describe(p, r, why, sizeof why);
	if (p->servers[r->server].health.state == SERVER_UP)
		log_notice("server %s (%s) is up: %s", s->params.name, address, why);
	else if (before == SERVER_UNKNOWN)
		log_warning("server %s (%s) is down at start: %s", s->params.name, address, why);
	else
		log_warning("server %s (%s) is down after %u failed probes: %s", s->params.name,
			address, p->params.health.fall, why);
}

/* Is some server's first probe still out? */
static bool has_unknown(const struct prober *p)
{
	for (size_t s = 0; s < p->params.pool->n_servers; s++) {
		if (server_state(server_at(p, s)) == SERVER_UNKNOWN)
			return true;
	}
	return false;
}

static void conclude(struct prober *p, const struct probe_result *r, int64_t now_ns)
{
	struct probed *probed = &p->servers[r->server];
	enum server_state before = probed->health.state;
	bool good = is_good(p, r);

	probed->overdue_ns = INT64_MAX;
	counter_add(good ? &probed->n_good : &probed->n_failed, 1);
	if (!health_probe_done(&probed->health, good, now_ns, &p->rng))
		return;
	pool_set_state(p->params.pool, r->server, probed->health.state);
	log_change(p, r, before);
	if (probed->health.state == SERVER_DOWN && pool_is_failing_open(p->params.pool) &&
		!has_unknown(p))
		log_error("no server is up: all that are not forced down are asked all the same");
}

/* One worker's sockets were dead while the server was not. What killed them has as a rule killed
 * the other workers' too: their turn comes at once instead of an interval later each. */
static void look_at_other_workers(struct prober *p, const struct probe_result *r, int64_t now_ns)
{
	struct probed *probed = &p->servers[r->server];
	bool was_dead = r->is_fresh && r->outcome == PROBE_ANSWERED;

	if (was_dead) {
		log_notice("server %s: sockets to it were dead and have been replaced",
			server_at(p, r->server)->params.name);
		if (probed->n_suspect == 0)
			probed->n_suspect = p->params.n_workers;
	}
	if (probed->n_suspect > 0 && --probed->n_suspect > 0)
		health_probe_soon(&probed->health, now_ns);
}

/* We could not even ask: that is our trouble, and the server's state stays as it is. */
static void ask_later(struct prober *p, const struct probe_result *r, int64_t now_ns)
{
	struct probed *probed = &p->servers[r->server];

	probed->overdue_ns = INT64_MAX;
	health_probe_soon(&probed->health, now_ns + p->params.health.fast_interval_ns);
	log_limited(&p->shortage, now_ns, SHORTAGE_LOG_PERIOD_MS, LOG_LEVEL_WARNING,
		"server %s cannot be probed for want of sockets or memory",
		server_at(p, r->server)->params.name);
}

static void take_result(struct prober *p, const struct probe_result *r, int64_t now_ns)
{
	if (r->serial != p->servers[r->server].serial)
		return; /* of a probe given up as overdue */
	if (r->outcome == PROBE_NOT_SENT) {
		ask_later(p, r, now_ns);
		return;
	}
	if (r->outcome != PROBE_ANSWERED && !r->is_fresh) {
		order_probe(p, r->server, true, now_ns);
		return;
	}
	conclude(p, r, now_ns);
	look_at_other_workers(p, r, now_ns);
}

void prober_result(void *prober, const struct probe_result *result)
{
	struct prober *p = prober;

	mailbox_post(p->results, result); /* has room: one probe of a server is out at a time */
}

void prober_sign(void *prober, uint16_t server, enum sign sign)
{
	(void)prober;
	(void)server;
	(void)sign;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void look_at(struct prober *p, size_t s, int64_t now_ns)
{
	struct probed *probed = &p->servers[s];

	if (now_ns >= probed->overdue_ns) {
		struct probe_result r = {
			.server = (uint16_t)s,
			.outcome = PROBE_TIMED_OUT,
		};

		probed->serial++;
		conclude(p, &r, now_ns);
	}
	if (now_ns >= probed->health.next_ns)
		order_probe(p, s, false, now_ns);
}

/* Orders what is due; when to come back. */
static int64_t look_at_all(struct prober *p, int64_t now_ns)
{
	int64_t next_ns = INT64_MAX;

	for (size_t s = 0; s < p->params.pool->n_servers; s++) {
		const struct probed *probed = &p->servers[s];

		if (!is_probed(p, s))
			continue;
		look_at(p, s, now_ns);
		if (probed->health.next_ns < next_ns)
			next_ns = probed->health.next_ns;
		if (probed->overdue_ns < next_ns)
			next_ns = probed->overdue_ns;
	}
	return next_ns;
}

static void *run(void *arg)
{
	struct prober *p = arg;
	struct poller_event events[POLLER_EVENTS_MAX];

	while (!atomic_load_explicit(&p->is_stopping, memory_order_relaxed)) {
		struct probe_result result;
		int64_t now_ns = clock_mono_ns();

		while (mailbox_take(p->results, &result))
			take_result(p, &result, now_ns);
		int64_t next_ns = look_at_all(p, now_ns);
		int64_t left_ns = next_ns - now_ns;
		poller_wait(p->poller,
			next_ns == INT64_MAX ? -1
			: left_ns > 0        ? left_ns
					     : 0,
			events);
	}
	return NULL;
}

/* ---- making and ending ---------------------------------------------------------------------- */

static void make_message(struct prober *p)
{
	const struct prober_params *q = &p->params;
	struct cursor c = cursor_writable(p->message, sizeof p->message);
	char name[NAME_TEXT_MAX], type[TEXT_TYPE_MAX];

	cursor_put_u16(&c, 0); /* the worker draws the ID */
	cursor_put_u16(&c, MESSAGE_RD);
	cursor_put_u16(&c, 1);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, 0);
	cursor_put(&c, q->qname, q->qname_len);
	cursor_put_u16(&c, q->qtype);
	cursor_put_u16(&c, CLASS_IN);
	p->message_len = (uint16_t)cursor_pos(&c);
	snprintf(p->probe_text, sizeof p->probe_text, "%s %s",
		name_to_text(name, sizeof name, q->qname, q->qname_len),
		text_rrtype(q->qtype, type));
}

static void start_states(struct prober *p)
{
	int64_t now_ns = clock_mono_ns();

	for (size_t s = 0; s < p->params.pool->n_servers; s++) {
		struct probed *probed = &p->servers[s];

		probed->worker = rng_below(&p->rng, p->params.n_workers);
		probed->overdue_ns = INT64_MAX;
		health_init(&probed->health, &p->params.health, now_ns);
		if (p->params.is_off && server_at(p, s)->params.mode == SERVER_AUTO)
			pool_set_state(p->params.pool, s, SERVER_UP);
	}
}

int prober_new(const struct prober_params *params, struct prober **prober_out)
{
	struct prober *p = calloc(1, sizeof *p);
	int rc;

	if (!p)
		return ERR_NOMEM;
	p->params = *params;
	p->wakeup_fd = -1;
	rng_init(&p->rng);
	p->servers = calloc(params->pool->n_servers, sizeof *p->servers);
	rc = p->servers ? 0 : ERR_NOMEM;
	if (rc < 0 || (rc = wakeup_new(&p->wakeup_fd)) < 0 || (rc = poller_new(&p->poller)) < 0 ||
		(rc = poller_add_edge(p->poller, p->wakeup_fd, 0)) < 0 ||
		(rc = mailbox_new(sizeof(struct probe_result), 4 * params->pool->n_servers,
			 p->wakeup_fd, &p->results)) < 0) {
		prober_free(&p);
		return rc;
	}
	make_message(p);
	start_states(p);
	*prober_out = p;
	return 0;
}

void prober_free(struct prober **pp)
{
	struct prober *p = *pp;

	if (!p)
		return;
	if (p->wakeup_fd != -1)
		close(p->wakeup_fd);
	poller_free(&p->poller);
	mailbox_free(&p->results);
	free(p->servers);
	free(p);
	*pp = NULL;
}

void prober_set_ctx(struct prober *p, void *ctx)
{
	p->params.ctx = ctx;
}

int prober_start(struct prober *p)
{
	int rc = thread_start(&p->id, "prober", run, p);

	p->is_started = rc == 0;
	return rc;
}

void prober_stop(struct prober *p)
{
	if (!p->is_started)
		return;
	atomic_store_explicit(&p->is_stopping, true, memory_order_relaxed);
	wakeup_signal(p->wakeup_fd);
	pthread_join(p->id, NULL);
	p->is_started = false;
}

uint64_t prober_good(const struct prober *p, size_t server)
{
	return atomic_load_explicit(&p->servers[server].n_good, memory_order_relaxed);
}

uint64_t prober_failed(const struct prober *p, size_t server)
{
	return atomic_load_explicit(&p->servers[server].n_failed, memory_order_relaxed);
}
