/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Events in, probes and suspicion. At most one probe of a server is out at a time, by up to two
 * sockets of one worker; both legs have its serial, which tells a result from that of an older one.
 * A probe fails when both legs have failed, and is answered when either is. A result that never comes
 * (it cannot be lost, but a worker may be busy beyond reason) counts as failed after OVERDUE
 * times its time-out. */
#include "balance/watch_impl.h"

#include <stdlib.h>

#include "balance/latency.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "base/metric.h"
#include "base/rng.h"
#include "wire/message.h"

#define OVERDUE 4
/* The fresh leg leaves after this part of the time-out: one lost datagram is made up for, and a dead
 * socket found, within the time of one probe. A server that is slow, or not known yet, is given more
 * time to answer, so that it is asked once. */
#define FRESH_AFTER(timeout_ns) ((timeout_ns) / 3)
#define FRESH_IF_SLOW_AFTER(timeout_ns) ((timeout_ns) / 5 * 4)
#define PROMPT(timeout_ns) ((timeout_ns) / 4)

static bool is_probed(const struct watch *w, size_t s)
{
	enum server_mode mode = watch_server(w, s)->params.mode;

	return !w->servers[s].rules->is_off && (mode == SERVER_AUTO || mode == SERVER_DRAIN);
}

/* ---- what is due when ----------------------------------------------------------------------- */

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When a tick has something to do for a server, as long as nobody speaks of it before; a pool that fails
 * open waits for less. */
static int64_t server_due_ns(const struct watch *w, size_t s)
{
	const struct watched *x = &w->servers[s];
	int64_t due_ns = ejection_next_ns(&x->ejection);

	if (health_is_held(&x->health))
		due_ns = min_ns(due_ns, x->health.hold_ns);
	if (is_probed(w, s)) {
		due_ns = min_ns(due_ns, x->health.next_ns);
		due_ns = min_ns(due_ns, min_ns(x->fresh_ns, x->overdue_ns));
	}
	return x->health.is_suspect ? due_ns : min_ns(due_ns, x->clear_ns);
}

/* After whatever has changed a server. */
static void note_due(struct watch *w, size_t s)
{
	w->due_ns[s] = server_due_ns(w, s);
	w->is_next_known = false;
}

/* The first of all servers. */
static int64_t first_due_ns(struct watch *w)
{
	if (w->is_next_known)
		return w->next_ns;
	w->next_ns = INT64_MAX;
	for (size_t s = 0; s < w->params.pool->n_servers; s++)
		w->next_ns = min_ns(w->next_ns, w->due_ns[s]);
	w->is_next_known = true;
	return w->next_ns;
}

/* ---- probes out ----------------------------------------------------------------------------- */

static void send_order(struct watch *w, size_t s, bool is_fresh, int64_t timeout_ns)
{
	struct watched *x = &w->servers[s];
	struct probe_order order = {
		.serial = x->serial,
		.server = (uint16_t)s,
		.is_fresh = is_fresh,
		.timeout_ns = timeout_ns,
		.message = x->rules->message,
		.message_len = x->rules->message_len,
		.name_len = x->rules->qname_len,
	};

	x->legs[is_fresh] = LEG_OUT;
	/* A full box is a worker beyond help: the probe is then overdue, and failed. */
	w->ops->order(w->ctx, x->worker, &order);
}

static bool is_known(const struct watched *x)
{
	return atomic_load_explicit(&x->n_good, memory_order_relaxed) > 0;
}

/* What its last good probe took. */
static int64_t usual_ns(const struct watched *x)
{
	return atomic_load_explicit(&x->good_us, memory_order_relaxed) * CLOCK_NS_PER_US;
}

static bool may_be_slow(const struct watched *x)
{
	if (health_is_in_doubt(&x->health) || x->health.state == SERVER_DOWN || x->n_to_check > 0)
		return false; /* it matters to know soon */
	return !is_known(x) || usual_ns(x) > PROMPT(x->timeout_ns);
}

/* Whatever was out is given up. */
static void begin_probe(struct watch *w, size_t s, int64_t now_ns)
{
	struct watched *x = &w->servers[s];
	int64_t timeout_ns = x->rules->health.timeout_ns;

	if (x->health.is_suspect && w->params.attempt_timeout_ns < timeout_ns)
		timeout_ns = w->params.attempt_timeout_ns;
	x->worker = (x->worker + 1) % w->params.n_workers;
	x->serial++;
	x->legs[false] = x->legs[true] = LEG_NONE;
	x->start_ns = now_ns;
	x->timeout_ns = timeout_ns;
	x->fresh_ns = now_ns +
		      (may_be_slow(x) ? FRESH_IF_SLOW_AFTER(timeout_ns) : FRESH_AFTER(timeout_ns));
	x->overdue_ns = now_ns + OVERDUE * timeout_ns;
	health_probe_sent(&x->health, now_ns);
	send_order(w, s, false, timeout_ns);
}

/* With what is left of the time; if that is little, with as much as a prompt reply needs, or a slow one
 * of this server. */
static void order_fresh(struct watch *w, size_t s, int64_t now_ns)
{
	struct watched *x = &w->servers[s];
	int64_t left_ns = x->start_ns + x->timeout_ns - now_ns;
	int64_t least_ns = FRESH_AFTER(x->timeout_ns);

	if (!is_known(x))
		least_ns = x->timeout_ns - FRESH_IF_SLOW_AFTER(x->timeout_ns);
	else if (may_be_slow(x))
		least_ns = min_ns(usual_ns(x) * 5 / 4, x->timeout_ns);
	x->fresh_ns = INT64_MAX;
	send_order(w, s, true, left_ns > least_ns ? left_ns : least_ns);
}

static void end_probe(struct watched *x)
{
	x->legs[false] = x->legs[true] = LEG_NONE;
	x->fresh_ns = x->overdue_ns = INT64_MAX;
}

/* ---- results -------------------------------------------------------------------------------- */

/* Authoritative servers refuse "."; that must not take a whole pool down before anybody has named
 * something they serve. */
static bool is_refusal_of_default(struct watch *w, const struct probe_result *r)
{
	bool is_default = w->servers[r->server].rules->qname_is_default;

	if (r->rcode != RCODE_REFUSED || !is_default || w->has_answered)
		return false;
	if (!w->has_warned)
		watch_tell(w, &(struct watch_event){
				      .kind = WATCH_REFUSES_DEFAULT, .server = r->server });
	w->has_warned = true;
	return true;
}

/* The default name, whoever wrote it. */
static bool is_root(const struct probe_rules *rules)
{
	return rules->qname_len == 1;
}

static bool is_good(struct watch *w, const struct probe_result *r)
{
	const struct probe_rules *rules = w->servers[r->server].rules;

	if (r->outcome != PROBE_ANSWERED)
		return false;
	if (is_root(rules) && (r->rcode == RCODE_NOERROR || r->rcode == RCODE_NXDOMAIN))
		w->has_answered = true;
	if (!(rules->reject >> (r->rcode & 15) & 1))
		return true;
	return is_refusal_of_default(w, r);
}

/* Its probes say that a suspect is well. */
static void acquit(struct watch *w, size_t s)
{
	signs_excuse(watch_server(w, s));
	watch_tell(w, &(struct watch_event){
			      .kind = WATCH_CLEARED,
			      .server = s,
			      .sign = w->servers[s].sign,
		      });
}

static void change_by_probe(struct watch *w, size_t s, bool was_suspect, int64_t now_ns)
{
	struct watched *x = &w->servers[s];
	struct watch_event e = {
		.server = s,
		.to = x->health.state,
		.reason = WATCH_BY_PROBES,
		.sign = x->sign,
		.n = x->health.n_good + x->health.n_failed, /* one of them is 0 */
	};

	if (server_state(watch_server(w, s)) == SERVER_UNKNOWN) {
		e.reason = WATCH_BY_FIRST_PROBE;
	} else if (was_suspect) {
		e.reason = WATCH_BY_SIGN;
		e.n = x->n_silent;
	}
	watch_set_state(w, e, now_ns);
}

static void conclude(struct watch *w, const struct probe_result *r, int64_t now_ns)
{
	struct watched *x = &w->servers[r->server];
	bool was_suspect = x->health.is_suspect;
	bool good = is_good(w, r);

	end_probe(x);
	x->last = *r;
	x->last_timeout_ns = x->timeout_ns;
	counter_add(good ? &x->n_good : &x->n_failed, 1);
	if (good)
		atomic_store_explicit(&x->good_us, r->took_us, memory_order_relaxed);
	if (health_probe_done(&x->health, good, now_ns, w->rng))
		change_by_probe(w, r->server, was_suspect, now_ns);
	else if (was_suspect)
		acquit(w, r->server);
}

/* One worker's sockets were dead while the server was not. What killed them has as a rule killed
 * the other workers' too: their turn comes at once instead of an interval later each. */
static void look_at_other_workers(
	struct watch *w, const struct probe_result *r, bool was_down, int64_t now_ns)
{
	struct watched *x = &w->servers[r->server];
	bool was_dead = r->took_over && !was_down; /* else the server has just come back */

	if (was_dead) {
		watch_tell(w,
			&(struct watch_event){ .kind = WATCH_DEAD_SOCKETS, .server = r->server });
		if (x->n_to_check == 0)
			x->n_to_check = w->params.n_workers;
	}
	if (x->n_to_check > 0 && --x->n_to_check > 0)
		health_probe_soon(&x->health, now_ns);
}

/* We could not even ask: that is our trouble, and the server's state stays as it is. */
static void ask_later(struct watch *w, size_t s, int64_t now_ns)
{
	struct watched *x = &w->servers[s];

	end_probe(x);
	health_probe_soon(&x->health, now_ns + x->rules->health.fast_interval_ns);
	watch_tell(w, &(struct watch_event){ .kind = WATCH_SHORTAGE, .server = s });
}

/* A leg has ended without an answer. */
static void lose_leg(struct watch *w, const struct probe_result *r, int64_t now_ns)
{
	struct watched *x = &w->servers[r->server];

	if (r->outcome == PROBE_NOT_SENT) {
		x->legs[r->is_fresh] = LEG_NOT_SENT;
		x->fresh_ns = INT64_MAX;
	} else {
		x->legs[r->is_fresh] = LEG_FAILED;
		if (x->legs[true] == LEG_NONE)
			order_fresh(w, r->server, now_ns);
	}
	if (x->legs[false] == LEG_OUT || x->legs[true] == LEG_OUT)
		return;
	if (x->legs[false] == LEG_FAILED && x->legs[true] == LEG_FAILED) {
		bool was_down = x->health.state == SERVER_DOWN;

		conclude(w, r, now_ns);
		look_at_other_workers(w, r, was_down, now_ns);
	} else {
		ask_later(w, r->server, now_ns);
	}
}

void watch_result(struct watch *w, int64_t now_ns, const struct probe_result *r)
{
	struct watched *x = &w->servers[r->server];
	bool was_down = x->health.state == SERVER_DOWN;

	if (r->serial != x->serial || x->legs[r->is_fresh] != LEG_OUT)
		return; /* of a probe given up, or decided by the other leg */
	if (r->outcome == PROBE_ANSWERED) {
		conclude(w, r, now_ns);
		look_at_other_workers(w, r, was_down, now_ns);
	} else {
		lose_leg(w, r, now_ns);
	}
	note_due(w, r->server);
	watch_publish(w, now_ns);
}

/* ---- signs ---------------------------------------------------------------------------------- */

/* The server is believed, or nothing can be done; the next sign is told after a while. */
static void let_pass(struct watch *w, size_t s, int64_t now_ns)
{
	struct watched *x = &w->servers[s];

	x->clear_ns = now_ns + x->rules->health.fast_interval_ns;
}

static void suspect(struct watch *w, size_t s, enum sign sign, int64_t now_ns)
{
	struct watched *x = &w->servers[s];

	let_pass(w, s, now_ns);
	if (x->health.is_suspect)
		return;
	x->sign = sign;
	health_suspect(&x->health);
	begin_probe(w, s, now_ns);
	watch_tell(w, &(struct watch_event){
			      .kind = WATCH_SUSPECT,
			      .server = s,
			      .sign = sign,
			      .n = x->n_silent,
		      });
}

/* Of one server that is up and in automatic state. True: it is ejected. */
static bool is_to_eject(struct watch *w, size_t s, enum sign sign, int64_t now_ns)
{
	bool cannot_confirm = !is_probed(w, s) && sign != SIGN_BETTERED;

	return (sign == SIGN_BLAMED || cannot_confirm) &&
	       watch_eject(w, s, sign, w->servers[s].n_silent, now_ns);
}

static void weigh_sign(struct watch *w, size_t s, enum sign sign, int64_t now_ns)
{
	struct server *server = watch_server(w, s);
	enum server_state state = server_state(server);

	if (state != SERVER_UP && state != SERVER_EJECTED)
		return; /* its probes decide, and clear it when it is up */
	atomic_store_explicit(&server->is_suspect, true, memory_order_relaxed);
	w->servers[s].n_silent = atomic_load_explicit(&server->n_silent, memory_order_relaxed);
	bool is_ejected = state == SERVER_EJECTED ||
			  (server->params.mode == SERVER_AUTO && is_to_eject(w, s, sign, now_ns));
	if (is_probed(w, s) && !(is_ejected && sign == SIGN_BLAMED))
		suspect(w, s, sign, now_ns);
	else if (is_probed(w, s) || !is_ejected)
		let_pass(w, s, now_ns);
	/* Else its tests or its time decide, and clear it when it is up. */
}

void watch_sign(struct watch *w, int64_t now_ns, uint16_t server, enum sign sign)
{
	weigh_sign(w, server, sign, now_ns);
	note_due(w, server);
	watch_publish(w, now_ns);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void look_at_probe(struct watch *w, size_t s, int64_t now_ns)
{
	struct watched *x = &w->servers[s];

	if (now_ns >= x->overdue_ns) {
		struct probe_result r = {
			.server = (uint16_t)s,
			.outcome = PROBE_TIMED_OUT,
		};

		conclude(w, &r, now_ns);
	}
	if (now_ns >= x->fresh_ns)
		order_fresh(w, s, now_ns);
	if (now_ns >= x->health.next_ns)
		begin_probe(w, s, now_ns);
}

static void look_at_ejection(struct watch *w, size_t s, int64_t now_ns)
{
	struct ejection *e = &w->servers[s].ejection;
	struct watch_event event = { .server = s, .to = SERVER_UP };

	ejection_forget(e, now_ns);
	if (e->end_ns == INT64_MAX)
		return;
	switch (ejection_look(e, watch_server(w, s), now_ns)) {
	case EJECTION_GOES_ON:
		return;
	case EJECTION_PASSED_TESTS:
		event.reason = WATCH_BY_TESTS;
		break;
	case EJECTION_TIME_IS_OVER:
		event.reason = WATCH_BY_TIME;
		break;
	}
	watch_set_state(w, event, now_ns);
}

/* Nobody better is there to wait for when the pool fails open. */
static void look_at_hold(struct watch *w, size_t s, bool is_failing_open, int64_t now_ns)
{
	struct health *h = &w->servers[s].health;

	if (!health_is_held(h) || (now_ns < h->hold_ns && !is_failing_open))
		return;
	health_release(h);
	watch_set_state(w,
		(struct watch_event){
			.server = s,
			.to = SERVER_UP,
			.reason = WATCH_BY_PROBES,
			.n = h->n_good,
		},
		now_ns);
}

static bool is_clear_due(const struct watched *x, int64_t now_ns)
{
	return now_ns >= x->clear_ns && !x->health.is_suspect;
}

static void look_at_server(struct watch *w, size_t s, bool is_failing_open, int64_t now_ns)
{
	struct watched *x = &w->servers[s];

	look_at_ejection(w, s, now_ns);
	look_at_hold(w, s, is_failing_open, now_ns);
	if (is_probed(w, s))
		look_at_probe(w, s, now_ns);
	if (is_clear_due(x, now_ns)) {
		x->clear_ns = INT64_MAX;
		signs_listen(watch_server(w, s));
	}
	note_due(w, s);
}

void watch_tick(struct watch *w, int64_t now_ns)
{
	bool is_failing_open = pool_is_failing_open(w->params.pool);

	if (is_failing_open || now_ns >= first_due_ns(w)) {
		for (size_t s = 0; s < w->params.pool->n_servers; s++) {
			if (is_failing_open || now_ns >= w->due_ns[s])
				look_at_server(w, s, is_failing_open, now_ns);
		}
	}
	watch_publish(w, now_ns);
}

static bool is_any_held(const struct watch *w)
{
	for (size_t s = 0; s < w->params.pool->n_servers; s++) {
		if (health_is_held(&w->servers[s].health))
			return true;
	}
	return false;
}

int64_t watch_next_ns(struct watch *w)
{
	if (pool_is_failing_open(w->params.pool) && is_any_held(w))
		return 0; /* it waits no longer */
	return min_ns(watch_publish_next_ns(w), first_due_ns(w));
}

/* ---- making and ending ---------------------------------------------------------------------- */

static void start_server(struct watch *w, size_t s, int64_t now_ns)
{
	struct watched *x = &w->servers[s];

	x->rules = watch_rules(&w->params, s);
	health_init(&x->health, &x->rules->health, now_ns);
	ejection_init(&x->ejection, x->rules->health.fast_interval_ns);
	end_probe(x);
	x->worker = rng_below(w->rng, w->params.n_workers);
	x->clear_ns = x->ramp_ns = INT64_MAX;
	x->left_ns = now_ns;
	if (x->rules->is_off)
		pool_set_state(w->params.pool, s, SERVER_UP); /* not of those that are forced */
	note_due(w, s);
}

static bool measures_latency(const struct watch_params *params)
{
	return params->latency == LATENCY_ON || params->hedge_percent > 0;
}

int watch_new(const struct watch_params *params, const struct watch_ops *ops, void *ctx,
	struct rng *rng, int64_t now_ns, struct watch **watch_out)
{
	struct watch *w = calloc(1, sizeof *w);
	int rc = ERR_NOMEM;

	if (w == NULL)
		return rc;
	w->params = *params;
	w->ops = ops;
	w->ctx = ctx;
	w->rng = rng;
	w->ramp_ns = w->second_ns = INT64_MAX;
	w->is_changed = true;
	for (size_t t = 0; t < POOL_TIERS_MAX; t++)
		w->outages[t] = (struct outage){ .begin_ns = NEVER_NS, .end_ns = NEVER_NS };
	shares_init(&w->shares, params->pool->n_tiers);
	w->servers = calloc(params->pool->n_servers, sizeof *w->servers);
	w->due_ns = calloc(params->pool->n_servers, sizeof *w->due_ns);
	if (w->servers == NULL || w->due_ns == NULL)
		goto out;
	rc = 0;
	if (measures_latency(params)) {
		w->second_ns = now_ns + LATENCY_WINDOW_NS;
		rc = latency_new(params->pool->n_servers, &w->latency);
	}
	for (size_t s = 0; rc == 0 && s < params->pool->n_servers; s++)
		start_server(w, s, now_ns);
out:
	if (rc != 0)
		watch_free(&w);
	else
		*watch_out = w;
	return rc;
}

void watch_free(struct watch **w)
{
	if (*w == NULL)
		return;
	latency_free(&(*w)->latency);
	free((*w)->servers);
	free((*w)->due_ns);
	free(*w);
	*w = NULL;
}

void watch_memory(
	const struct watch_params *params, struct memory_use *watch, struct memory_use *windows)
{
	size_t n_servers = params->pool->n_servers;

	memory_add_fixed(watch,
		sizeof(struct watch) + n_servers * (sizeof(struct watched) + sizeof(int64_t)));
	if (measures_latency(params))
		memory_add_fixed(windows, latency_bytes(n_servers));
}

uint64_t watch_changes(const struct watch *w, size_t server)
{
	return atomic_load_explicit(&w->servers[server].n_changes, memory_order_relaxed);
}

uint64_t watch_good(const struct watch *w, size_t server)
{
	return atomic_load_explicit(&w->servers[server].n_good, memory_order_relaxed);
}

uint64_t watch_failed(const struct watch *w, size_t server)
{
	return atomic_load_explicit(&w->servers[server].n_failed, memory_order_relaxed);
}

uint32_t watch_good_us(const struct watch *w, size_t server)
{
	return atomic_load_explicit(&w->servers[server].good_us, memory_order_relaxed);
}
