/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One turn: take the results and signs, let the watch do what is due, sleep until more is. A sign is
 * a bit of its server, so that a storm of them takes no room; who sets the first since the thread
 * last looked wakes it. */
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
#include "base/memory.h"
#include "base/rng.h"
#include "base/thread.h"
#include "core/mailbox.h"
#include "net/poller.h"
#include "wire/cursor.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/text.h"

#define LOG_PERIOD_MS 60000
/* Each probe has two results, and one that is given up is followed by another at once. What finds no
 * room all the same is overdue. */
#define RESULTS_PER_SERVER 16

struct prober {
	/* set at start */
	struct prober_params params;
	struct probe_rules *rules; /* of watch.rules */
	uint16_t *rules_of; /* of watch.rules_of */
	uint8_t *messages; /* one behind the other */
	pthread_t id;
	bool is_started;
	int wakeup_fd;
	struct poller *poller;
	struct mailbox *results;

	/* owner only */
	struct rng rng;
	struct watch *watch;
	struct log_limit shortage, not_ejected, dead_sockets, silent;

	/* atomic */
	_Atomic bool is_stopping; /* relaxed */
	_Atomic bool has_signs; /* release where it is set, acquire where it is cleared */
	_Atomic uint8_t *signs; /* of each server, a bit for each enum sign */
};

/* ---- what the watch hands out --------------------------------------------------------------- */

static bool on_order(void *ctx, unsigned worker, const struct probe_order *order)
{
	const struct prober *p = ctx;

	return p->params.order(p->params.ctx, worker, order);
}

static void on_latency(void *ctx, size_t server, uint32_t *counts)
{
	const struct prober *p = ctx;

	if (p->params.latency)
		p->params.latency(p->params.ctx, server, counts);
}

struct probe_text {
	char text[NAME_TEXT_MAX + TEXT_TYPE_MAX];
};

/* What the server is asked: ". NS". */
static struct probe_text probe_text(const struct prober *p, size_t server)
{
	const struct probe_rules *rules = watch_rules(&p->params.watch, server);
	char name[NAME_TEXT_MAX], type[TEXT_TYPE_MAX];
	struct probe_text t;

	snprintf(t.text, sizeof t.text, "%s %s",
		name_to_text(name, sizeof name, rules->qname, rules->qname_len),
		text_rrtype(rules->qtype, type));
	return t;
}

static void log_state(const struct watch_event *e, const char *text)
{
	if (e->to == SERVER_UP)
		log_notice("%s", text);
	else
		log_warning("%s", text);
}

/* The probe speaks for a server whose queries go unanswered. Names that no server answers look like
 * that; so does a server that answers the probe from its cache, and nothing else. */
static void tell_silent(struct prober *p, const struct watch_event *e)
{
	if (e->sign != SIGN_SILENT)
		return;
	log_limited(&p->silent, clock_mono_ns(), LOG_PERIOD_MS, LOG_LEVEL_WARNING,
		"server %s leaves queries in a row without a reply, but answers the probe \"%s\": "
		"if that goes on, set health.qname to a name that it cannot answer while it is ill",
		p->params.watch.pool->servers[e->server].params.name,
		probe_text(p, e->server).text);
}

/* What queries can cause again and again is limited, or for those who look closely. */
static void on_event(void *ctx, const struct watch_event *e)
{
	struct prober *p = ctx;
	char text[WATCH_TEXT_MAX];

	watch_event_text(e, p->params.watch.pool, probe_text(p, e->server).text, text, sizeof text);
	switch (e->kind) {
	case WATCH_STATE:
		log_state(e, text);
		break;
	case WATCH_CLEARED:
		tell_silent(p, e);
		log_debug("%s", text);
		break;
	case WATCH_SUSPECT:
		log_debug("%s", text);
		break;
	case WATCH_NOT_EJECTED:
		log_limited(&p->not_ejected, clock_mono_ns(), LOG_PERIOD_MS, LOG_LEVEL_WARNING,
			"%s", text);
		break;
	case WATCH_SHORTAGE:
		log_limited(&p->shortage, clock_mono_ns(), LOG_PERIOD_MS, LOG_LEVEL_WARNING, "%s",
			text);
		break;
	case WATCH_DEAD_SOCKETS:
		log_limited(&p->dead_sockets, clock_mono_ns(), LOG_PERIOD_MS, LOG_LEVEL_NOTICE,
			"%s", text);
		break;
	case WATCH_PANIC:
	case WATCH_REFUSES_DEFAULT:
		log_warning("%s", text);
		break;
	case WATCH_NOBODY_UP:
		log_error("%s", text);
		break;
	case WATCH_NO_PANIC:
	case WATCH_SHARES:
		log_notice("%s", text);
		break;
	}
}

static const struct watch_ops watch_ops = {
	.order = on_order,
	.tell = on_event,
	.latency = on_latency,
};

/* ---- what the workers hand in --------------------------------------------------------------- */

void prober_result(void *prober, const struct probe_result *result)
{
	struct prober *p = prober;

	mailbox_post(p->results, result);
}

void prober_sign(void *prober, uint16_t server, enum sign sign)
{
	struct prober *p = prober;

	atomic_fetch_or_explicit(&p->signs[server], (uint8_t)(1u << sign), memory_order_relaxed);
	if (!atomic_exchange_explicit(&p->has_signs, true, memory_order_acq_rel))
		wakeup_signal(p->wakeup_fd);
}

static void take_signs(struct prober *p, int64_t now_ns)
{
	if (!atomic_exchange_explicit(&p->has_signs, false, memory_order_acq_rel))
		return;
	for (size_t s = 0; s < p->params.watch.pool->n_servers; s++) {
		unsigned signs = atomic_exchange_explicit(&p->signs[s], 0, memory_order_relaxed);

		for (unsigned sign = 0; signs >> sign != 0; sign++) {
			if (signs >> sign & 1)
				watch_sign(p->watch, now_ns, (uint16_t)s, (enum sign)sign);
		}
	}
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct prober *p = arg;
	struct poller_event events[POLLER_EVENTS_MAX];

	while (!atomic_load_explicit(&p->is_stopping, memory_order_relaxed)) {
		struct probe_result result;
		int64_t now_ns = clock_mono_ns();

		while (mailbox_take(p->results, &result))
			watch_result(p->watch, now_ns, &result);
		take_signs(p, now_ns);
		watch_tick(p->watch, now_ns);
		int64_t next_ns = watch_next_ns(p->watch);
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

static size_t message_bytes(const struct probe_rules *rules)
{
	return MESSAGE_HEADER_BYTES + rules->qname_len + 4u;
}

/* The first that ask the same: they share their message. */
static const struct probe_rules *first_alike(const struct watch_params *w, size_t i)
{
	size_t first = 0;

	while (!probe_is_same_question(&w->rules[first], &w->rules[i]))
		first++;
	return &w->rules[first];
}

static size_t messages_bytes(const struct watch_params *w)
{
	size_t bytes = 0;

	for (size_t i = 0; i < w->n_rules; i++) {
		if (first_alike(w, i) == &w->rules[i])
			bytes += message_bytes(&w->rules[i]);
	}
	return bytes;
}

static void make_message(const struct probe_rules *rules, uint8_t *message)
{
	struct cursor c = cursor_writable(message, message_bytes(rules));

	cursor_put_u16(&c, 0); /* the worker draws the ID */
	cursor_put_u16(&c, MESSAGE_RD);
	cursor_put_u16(&c, 1);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, 0);
	cursor_put(&c, rules->qname, rules->qname_len);
	cursor_put_u16(&c, rules->qtype);
	cursor_put_u16(&c, CLASS_IN);
}

static void make_messages(struct prober *p)
{
	uint8_t *next = p->messages;

	for (size_t i = 0; i < p->params.watch.n_rules; i++) {
		struct probe_rules *rules = &p->rules[i];
		const struct probe_rules *first = first_alike(&p->params.watch, i);

		rules->message_len = (uint16_t)message_bytes(rules);
		rules->message = first->message;
		if (first == rules) {
			make_message(rules, next);
			rules->message = next;
			next += rules->message_len;
		}
		rules->qname = rules->message + MESSAGE_HEADER_BYTES;
	}
}

/* Copies the rules, and makes what they send. */
static int make_rules(struct prober *p)
{
	struct watch_params *w = &p->params.watch;
	size_t n_servers = w->pool->n_servers;

	p->rules = malloc(w->n_rules * sizeof *p->rules);
	p->messages = malloc(messages_bytes(w));
	p->rules_of = w->rules_of ? malloc(n_servers * sizeof *p->rules_of) : NULL;
	if (!p->rules || !p->messages || (w->rules_of && !p->rules_of))
		return ERR_NOMEM;
	memcpy(p->rules, w->rules, w->n_rules * sizeof *p->rules);
	w->rules = p->rules;
	if (w->rules_of)
		memcpy(p->rules_of, w->rules_of, n_servers * sizeof *p->rules_of);
	w->rules_of = p->rules_of;
	make_messages(p);
	return 0;
}

int prober_new(const struct prober_params *params, struct prober **prober_out)
{
	struct prober *p = calloc(1, sizeof *p);
	size_t n_servers = params->watch.pool->n_servers;
	int rc;

	if (!p)
		return ERR_NOMEM;
	p->params = *params;
	p->wakeup_fd = -1;
	rng_init(&p->rng);
	p->signs = calloc(n_servers, sizeof *p->signs);
	rc = p->signs ? make_rules(p) : ERR_NOMEM;
	if (rc < 0 || (rc = wakeup_new(&p->wakeup_fd)) < 0 || (rc = poller_new(&p->poller)) < 0 ||
		(rc = poller_add_edge(p->poller, p->wakeup_fd, 0)) < 0 ||
		(rc = mailbox_new(sizeof(struct probe_result), RESULTS_PER_SERVER * n_servers,
			 p->wakeup_fd, &p->results)) < 0 ||
		(rc = watch_new(&p->params.watch, &watch_ops, p, &p->rng, clock_mono_ns(),
			 &p->watch)) < 0) {
		prober_free(&p);
		return rc;
	}
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
	watch_free(&p->watch);
	free(p->signs);
	free(p->messages);
	free(p->rules);
	free(p->rules_of);
	free(p);
	*pp = NULL;
}

void prober_memory(
	const struct prober_params *params, struct memory_use *prober, struct memory_use *windows)
{
	const struct prober *p = NULL; /* for its members' sizes */
	size_t n_servers = params->watch.pool->n_servers;

	memory_add_fixed(prober,
		sizeof *p + n_servers * sizeof *p->signs +
			params->watch.n_rules * sizeof *p->rules + messages_bytes(&params->watch) +
			(params->watch.rules_of ? n_servers * sizeof *p->rules_of : 0) +
			poller_bytes() +
			mailbox_bytes(sizeof(struct probe_result), RESULTS_PER_SERVER * n_servers));
	watch_memory(&params->watch, prober, windows);
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

uint64_t prober_changes(const struct prober *p, size_t server)
{
	return watch_changes(p->watch, server);
}

uint64_t prober_good(const struct prober *p, size_t server)
{
	return watch_good(p->watch, server);
}

uint64_t prober_failed(const struct prober *p, size_t server)
{
	return watch_failed(p->watch, server);
}

uint32_t prober_good_us(const struct prober *p, size_t server)
{
	return watch_good_us(p->watch, server);
}
