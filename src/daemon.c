/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The order of the start matters and is that of daemon_run: file limit (as root), user, can the
 * file be read again, listening sockets, sockets to the servers, the rest of the privileges, the
 * threads. Nothing is half-started: a failure takes the same way back as the end does, once all that
 * can be found wrong until then is told. */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "balance/pool.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "config/config.h"
#include "core/engine.h"
#include "net/acl.h"
#include "notify.h"
#include "plan.h"
#include "privilege.h"
#include "services/prober.h"
#include "services/report.h"
#include "services/shed_watch.h"

#define DRAIN_LOOK_NS (10 * CLOCK_NS_PER_MS)

struct daemon {
	const struct daemon_params *params;
	const struct config *config;
	unsigned n_workers;
	unsigned sockets_per_server;
	struct listeners listeners;
	struct acl *acl;
	struct pool *pool;
	struct engine *engine;
	struct prober *prober;
};

/* ---- start ---------------------------------------------------------------------------------- */

static bool needs_low_port(const struct config *c)
{
	for (size_t i = 0; i < c->n_listeners; i++) {
		if (c->listeners[i].address.port < privilege_low_port_start())
			return true;
	}
	return false;
}

static bool become_user(struct daemon *d)
{
	struct privilege_message message;
	const char *user = d->params->user, *where = d->config->user_where;

	if (privilege_become(user, needs_low_port(d->config), &message) < 0) {
		log_error("%s%s", where ? where : "", message.text);
		return false;
	}
	if (message.text[0])
		log_warning("%s", message.text);
	if (d->params->config_path &&
		privilege_can_read(d->params->config_path, user, &message) < 0) {
		log_error("%s", message.text);
		return false;
	}
	return true;
}

static bool drop_rest(const struct daemon *d)
{
	struct privilege_message message;

	if (privilege_drop_rest(needs_low_port(d->config), &message) < 0) {
		log_error("%s", message.text);
		return false;
	}
	if (message.text[0])
		log_warning("%s", message.text);
	return true;
}

/* As many as there can be. */
static bool choose_sockets(struct daemon *d)
{
	struct sockets_plan plan;
	uint64_t file_limit;
	char message[256];
	int rc = plan_sockets(d->config, d->n_workers, &plan, &file_limit, message, sizeof message);

	if (rc < 0) {
		log_error("%s", message);
		return false;
	}
	if (message[0])
		log_warning("%s", message);
	d->sockets_per_server = plan.per_server;
	return true;
}

static void warn_of_public_listeners(const struct daemon *d)
{
	char message[256];

	for (size_t i = 0; i < d->listeners.n; i++) {
		if (plan_is_public(d->config, &d->listeners.listener[i].address, message,
			    sizeof message))
			log_warning("%s", message);
	}
}

static bool open_listeners(struct daemon *d)
{
	const struct config *c = d->config;
	struct listener_params *params = calloc(c->n_listeners, sizeof *params);
	int rc = ERR_NOMEM;

	if (params) {
		for (size_t i = 0; i < c->n_listeners; i++)
			params[i] = plan_listener(c, i, d->n_workers);
		rc = listeners_open(params, c->n_listeners, &d->listeners);
	}
	free(params);
	if (rc == 0)
		warn_of_public_listeners(d);
	return rc == 0;
}

static bool order_probe(void *ctx, unsigned worker, const struct probe_order *order)
{
	return engine_probe(ctx, worker, order);
}

static void read_latency(void *ctx, size_t server, uint32_t *counts)
{
	engine_latency(ctx, server, counts);
}

static int make_pool(struct daemon *d)
{
	const struct pool_params params = plan_pool(d->config);
	int rc = acl_new(d->config->acl, d->config->n_acl, &d->acl);

	return rc < 0 ? rc : pool_new(&params, &d->pool);
}

static int make_prober(struct daemon *d)
{
	struct prober_params params;
	int rc = plan_prober(d->config, &params);

	if (rc < 0)
		return rc;
	params.watch.pool = d->pool;
	params.watch.n_workers = d->n_workers;
	params.order = order_probe;
	params.latency = read_latency;
	rc = prober_new(&params, &d->prober);
	plan_prober_free(&params);
	return rc;
}

static int make_engine(struct daemon *d)
{
	struct engine_params params = plan_engine(d->config, d->n_workers, d->sockets_per_server);

	params.listeners = &d->listeners;
	params.acl = d->acl;
	params.pool = d->pool;
	params.trace = d->params->trace;
	params.probe_done = prober_result;
	params.sign = prober_sign;
	params.prober = d->prober;
	int rc = engine_new(&params, &d->engine);

	if (rc == 0)
		prober_set_ctx(d->prober, d->engine);
	return rc;
}

static bool make_parts(struct daemon *d)
{
	int rc;

	if ((rc = make_pool(d)) < 0 || (rc = make_prober(d)) < 0 || (rc = make_engine(d)) < 0) {
		log_error("cannot start: %s%s%s%s", err_text(rc), rc == ERR_SYSTEM ? ": " : "",
			rc == ERR_SYSTEM ? strerror(errno) : "",
			rc == ERR_NOMEM ? ": dnsbal -t -v shows what takes how much, by which key"
					: "");
		return false;
	}
	return true;
}

static bool start_threads(struct daemon *d)
{
	if (engine_start(d->engine) == 0 && prober_start(d->prober) == 0)
		return true;
	log_error(
		"cannot start a thread: %s (TasksMax of the service, ulimit -u)", strerror(errno));
	return false;
}

static void announce(const struct daemon *d)
{
	char status[128];

	snprintf(status, sizeof status, "servers: %zu, policy: %s, workers: %u",
		d->config->n_servers, policy_table[d->config->policy]->name, d->n_workers);
	for (size_t i = 0; i < d->listeners.n; i++) {
		char text[ADDR_TEXT_MAX];

		log_info("listening on %s",
			addr_format(&d->listeners.listener[i].address, text, sizeof text));
	}
	log_notice("ready: %s", status);
	notify_ready(status);
	if (d->params->greeting) {
		puts(d->params->greeting);
		fflush(stdout);
	}
}

/* ---- run and end ---------------------------------------------------------------------------- */

/* Those that mean something to us; the others keep their meaning (a core at SIGABRT, say). */
static sigset_t our_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	return set;
}

void daemon_block_signals(void)
{
	sigset_t set = our_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a log's reader that went away is no reason to end */
}

static bool is_end(int signal)
{
	return signal == SIGTERM || signal == SIGINT;
}

/* A signal that does not end us. */
static void serve_signal(const struct daemon *d, int signal)
{
	if (signal == SIGUSR1)
		report_log(d->engine, d->pool, d->prober);
	else if (signal == SIGHUP)
		log_notice("SIGHUP: reload is not supported yet; restart to apply a new "
			   "configuration");
}

static void look_at_what_is_shed(const struct daemon *d, struct shed_watch *watch)
{
	uint64_t counts[METRIC_COUNT];
	char text[SHED_WATCH_TEXT_MAX];

	for (unsigned i = 0; i < METRIC_COUNT; i++)
		counts[i] = engine_metric(d->engine, (enum metric_id)i);
	enum shed_news news = shed_watch_look(watch, counts, clock_mono_ns(), text, sizeof text);
	if (news == SHED_ENDS)
		log_notice("%s", text);
	else if (news != SHED_NO_NEWS)
		log_warning("%s", text);
}

static void wait_for_end(const struct daemon *d)
{
	const struct timespec look = { .tv_sec = SHED_WATCH_LOOK_NS / CLOCK_NS_PER_S };
	sigset_t set = our_signals();
	struct shed_watch shed = { 0 };
	int64_t look_ns = 0;
	int signal;

	while (!is_end(signal = sigtimedwait(&set, NULL, &look))) {
		if (signal != -1)
			serve_signal(d, signal);
		int64_t now_ns = clock_mono_ns();
		if (now_ns < look_ns)
			continue; /* signals may come more often */
		look_at_what_is_shed(d, &shed);
		look_ns = now_ns + SHED_WATCH_LOOK_NS;
	}
	log_notice("%s: draining; a second one hurries", signal == SIGTERM ? "SIGTERM" : "SIGINT");
}

/* Waits until the workers have ended; a second signal makes them give up. */
static void drain(struct daemon *d)
{
	sigset_t set = our_signals();
	struct timespec look = { .tv_nsec = DRAIN_LOOK_NS };

	notify_stopping("draining");
	engine_stop(d->engine);
	while (!engine_is_finished(d->engine)) {
		int signal = sigtimedwait(&set, NULL, &look);

		if (signal == -1)
			continue;
		if (is_end(signal)) {
			log_notice("hurrying: queries in flight are given up");
			engine_hurry(d->engine);
		} else {
			serve_signal(d, signal);
		}
	}
}

static void free_parts(struct daemon *d)
{
	engine_free(&d->engine);
	prober_free(&d->prober);
	pool_free(&d->pool);
	acl_free(&d->acl);
	listeners_close(&d->listeners);
}

/* With the threads made: serve, drain, report. The exit code. */
static int serve(struct daemon *d)
{
	if (log_start() < 0)
		log_warning("no thread for the log (%s): whoever reads it slowly slows everything",
			strerror(errno));
	bool is_running = start_threads(d);

	if (is_running) {
		announce(d);
		wait_for_end(d);
	}
	prober_stop(d->prober);
	drain(d);
	engine_join(d->engine);
	if (is_running)
		report_log(d->engine, d->pool, d->prober);
	log_stop();
	return is_running ? 0 : 1;
}

int daemon_run(const struct daemon_params *params)
{
	struct daemon d = {
		.params = params,
		.config = params->config,
		.n_workers = plan_workers(params->config),
	};
	int code = 1;

	/* None of these builds on another: each tells its problems before we give up. */
	bool is_good = choose_sockets(&d);
	is_good &= become_user(&d);
	is_good &= open_listeners(&d);
	if (is_good && make_parts(&d) && drop_rest(&d))
		code = serve(&d);
	free_parts(&d);
	return code;
}
