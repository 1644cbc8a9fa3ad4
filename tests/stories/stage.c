/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Making the world, moving its clock, and what must hold in it whatever the story. */
#include "stories/stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "plan.h"

#define PLACES 1024 /* slots beside those of queries and probes, as a worker thread has */
#define EVENTS_MAX 200000 /* more at one moment is a loop that does not end */

/* ---- saying ------------------------------------------------------------------------------------- */

void *stage_grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		abort();
	return array;
}

double stage_ms(const struct stage *s, int64_t at_ns)
{
	(void)s;
	return (double)(at_ns - STAGE_START_NS) / (double)CLOCK_NS_PER_MS;
}

void stage_note(struct stage *s, const char *format, ...)
{
	char text[1200], *line;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (asprintf(&line, "%9.3f  %s", stage_ms(s, s->now_ns), text) < 0)
		abort();
	s->chronicle = stage_grow(s->chronicle, s->n_chronicle, sizeof *s->chronicle);
	s->chronicle[s->n_chronicle++] = line;
}

bool stage_fail(struct stage *s, const char *expected, const char *format, ...)
{
	va_list args;

	if (s->has_failed)
		return false;
	s->has_failed = true;
	snprintf(s->expected, sizeof s->expected, "%s", expected ? expected : "");
	va_start(args, format);
	vsnprintf(s->happened, sizeof s->happened, format, args);
	va_end(args);
	return false;
}

int stage_server(void *stage, const char *name)
{
	const struct stage *s = stage;

	if (strcmp(name, "it") == 0)
		return s->it;
	if (strcmp(name, "other") == 0)
		return s->other;
	for (unsigned i = 0; i < s->n_servers; i++) {
		if (strcmp(s->servers[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- events out --------------------------------------------------------------------------------- */

static void on_send(void *ctx, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref)
{
	stage_sent(ctx, socket, data, len, ref);
}

static void on_answer(void *ctx, const struct origin *origin, const uint8_t *data, size_t len)
{
	stage_answered(ctx, origin, data, len);
}

static void on_flush(void *ctx)
{
	(void)ctx; /* copies were made at once */
}

static void on_probe_done(void *ctx, const struct probe_result *result)
{
	stage_errand(((struct stage_worker *)ctx)->stage,
		&(struct errand){ .kind = ERRAND_RESULT, .result = *result });
}

static void on_sign(void *ctx, uint16_t server, enum sign sign)
{
	stage_errand(((struct stage_worker *)ctx)->stage,
		&(struct errand){ .kind = ERRAND_SIGN, .server = server, .sign = sign });
}

void stage_open_socket(struct stage_worker *w, uint16_t socket, bool is_fresh)
{
	w->generation[socket]++;
	w->is_dead[socket] = false;
	w->is_fresh[socket] = is_fresh;
}

static void on_sockets_wanted(void *ctx, uint16_t server, int64_t now_ns)
{
	struct stage_worker *w = ctx;

	(void)now_ns;
	while (worker_sockets_missing(w->machine, server) > 0) {
		uint16_t socket = worker_socket_add(w->machine, server, false);

		if (socket == WORKER_SOCKET_NONE)
			break; /* many are retired, and wait for their attempts to end */
		stage_open_socket(w, socket, false);
	}
}

static void on_socket_unused(void *ctx, uint16_t socket)
{
	struct stage_worker *w = ctx;

	w->generation[socket]++; /* what comes to it now comes to nobody */
}

static bool on_trim(void *ctx)
{
	return pending_trim(((struct stage_worker *)ctx)->shard);
}

static void on_trace(void *ctx, const struct worker_event *event)
{
	stage_traced(ctx, event);
}

static const struct worker_ops ops = {
	.send = on_send,
	.answer = on_answer,
	.flush = on_flush,
	.probe_done = on_probe_done,
	.sign = on_sign,
	.sockets_wanted = on_sockets_wanted,
	.socket_unused = on_socket_unused,
	.trim = on_trim,
	.trace = on_trace,
};

/* ---- making and ending -------------------------------------------------------------------------- */

static void *zeroed(size_t n, size_t size)
{
	size_t bytes = (n * size + 63) / 64 * 64;
	void *p = aligned_alloc(64, bytes);

	if (!p)
		abort();
	return memset(p, 0, bytes);
}

void stage_seed(struct rng *rng, uint64_t seed, unsigned who)
{
	uint8_t bytes[RNG_SEED_BYTES] = { (uint8_t)who };

	memcpy(bytes + 1, &seed, sizeof seed);
	rng_init_seed(rng, bytes);
}

static void make_worker(struct stage *s, unsigned i, uint64_t seed)
{
	struct stage_worker *w = &s->workers[i];
	const struct pending_params pending = {
		.capacity = (uint32_t)s->config.pending_max + PLACES + 2 * s->n_servers,
		.case_masks = s->config.case_randomize,
	};

	w->stage = s;
	w->number = i;
	stage_seed(&w->rng, seed, i + 1);
	w->server_metrics = zeroed(s->n_servers, sizeof *w->server_metrics);
	w->latencies = zeroed(s->n_servers, sizeof *w->latencies);
	const struct worker_env env = {
		.params = &s->worker_params,
		.ops = &ops,
		.ctx = w,
		.pool = s->pool,
		.quota = &s->quota,
		.rng = &w->rng,
		.metrics = &s->metrics[i],
		.server_metrics = w->server_metrics,
		.latencies = w->latencies,
		.number = (uint16_t)i,
	};
	struct worker_env full = env;
	if (pending_new(&pending, &w->shard) < 0)
		abort();
	full.shard = w->shard;
	if (worker_new(&full, s->now_ns, &w->machine) < 0)
		abort();
	w->generation = zeroed(WORKER_SOCKETS_MAX, sizeof *w->generation);
	w->is_dead = zeroed(WORKER_SOCKETS_MAX, sizeof *w->is_dead);
	w->is_fresh = zeroed(WORKER_SOCKETS_MAX, sizeof *w->is_fresh);
	for (unsigned server = 0; server < s->n_servers; server++)
		on_sockets_wanted(w, (uint16_t)server, s->now_ns);
}

static void make_servers(struct stage *s)
{
	for (unsigned i = 0; i < s->n_servers; i++) {
		struct stage_server *a = &s->servers[i];

		a->name = s->pool->servers[i].params.name;
		a->to_queries = (struct habit){ .reply = { .n_answers = -1, .ede = -1 },
			.temper = TEMPER_WAITS,
			.as = -1,
			.copies = 1 };
		a->to_probes = a->to_queries;
		a->to_probes.temper = TEMPER_ANSWERS;
	}
}

bool stage_open(struct stage *s, const struct story *story, uint64_t seed)
{
	memset(s, 0, sizeof *s);
	if (!story_config(story, &s->config))
		return false;
	s->story = story;
	s->now_ns = STAGE_START_NS;
	s->n_servers = (unsigned)s->config.n_servers;
	s->n_workers = (unsigned)s->config.workers;
	s->next_id = 1000;
	s->it = s->other = -1;
	stage_seed(&s->rng, seed, 0);
	const struct pool_params pool = plan_pool(&s->config);
	if (s->n_workers > STAGE_WORKERS_MAX || pool_new(&pool, &s->pool) < 0) {
		fprintf(stderr, "%s: too many workers, or no memory\n", story->path);
		config_free(&s->config);
		return false;
	}
	s->worker_params = plan_worker(&s->config, (unsigned)s->config.upstream_sockets);
	s->worker_params.n_workers = s->n_workers;
	s->worker_params.pair_key = hash_key_from_text("stories");
	s->metrics = zeroed(s->n_workers, sizeof *s->metrics);
	pending_quota_init(&s->quota, (uint32_t)s->config.pending_max, s->n_workers);
	for (unsigned i = 0; i < s->n_workers; i++)
		make_worker(s, i, seed);
	make_servers(s);
	return stage_watch_open(s, seed);
}

static void close_worker(struct stage_worker *w)
{
	worker_free(&w->machine);
	pending_free(&w->shard);
	free(w->server_metrics);
	free(w->latencies);
	free(w->generation);
	free(w->is_dead);
	free(w->is_fresh);
}

void stage_close(struct stage *s)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		close_worker(&s->workers[i]);
	for (size_t i = 0; i < s->n_happenings; i++) {
		free(s->happenings[i].data);
		free(s->happenings[i].last_reply);
	}
	for (size_t i = 0; i < s->n_asks; i++)
		free(s->asks[i].name);
	for (size_t i = 0; i < s->n_chronicle; i++)
		free(s->chronicle[i]);
	free(s->happenings);
	free(s->asks);
	free(s->chronicle);
	free(s->errands);
	for (unsigned i = 0; i < s->n_exceptions; i++)
		free(s->exceptions[i].suffix);
	free(s->metrics);
	stage_network_close(s);
	stage_watch_close(s);
	crowd_close(s);
	pool_free(&s->pool);
	config_free(&s->config);
}

/* ---- time --------------------------------------------------------------------------------------- */

int64_t stage_next_ns(const struct stage *s)
{
	int64_t next_ns = stage_delivery_ns(s), crowd_ns = crowd_next_ns(s);

	if (crowd_ns < next_ns)
		next_ns = crowd_ns;
	if (watch_next_ns(s->watch) < next_ns)
		next_ns = watch_next_ns(s->watch);
	for (unsigned i = 0; i < s->n_workers; i++) {
		int64_t tick_ns = worker_next_ns(s->workers[i].machine);

		if (tick_ns < next_ns)
			next_ns = tick_ns;
	}
	return next_ns;
}

static void tick(struct stage *s)
{
	if (watch_next_ns(s->watch) <= s->now_ns) {
		watch_tick(s->watch, s->now_ns);
		stage_settle(s);
	}
	for (unsigned i = 0; i < s->n_workers; i++) {
		if (worker_next_ns(s->workers[i].machine) > s->now_ns)
			continue;
		worker_tick(s->workers[i].machine, s->now_ns);
		stage_settle(s);
	}
}

void stage_run(struct stage *s, int64_t until_ns)
{
	unsigned n_at_once = 0;

	for (int64_t next_ns; !s->has_failed && (next_ns = stage_next_ns(s)) <= until_ns;) {
		n_at_once = next_ns > s->now_ns ? 0 : n_at_once + 1;
		if (n_at_once > EVENTS_MAX) {
			stage_fail(s, NULL, "time stands still: something is due, and stays due");
			return;
		}
		if (next_ns > s->now_ns)
			s->now_ns = next_ns;
		if (stage_delivery_ns(s) <= s->now_ns)
			stage_deliver(s);
		else if (crowd_next_ns(s) <= s->now_ns)
			crowd_run(s);
		else
			tick(s);
	}
	if (s->now_ns < until_ns)
		s->now_ns = until_ns;
}

/* ---- events in ---------------------------------------------------------------------------------- */

struct addr stage_client_address(int client)
{
	return (struct addr){
		.ip = { 172, 16, (uint8_t)client, 1 }, .port = 40000, .family = AF_INET
	};
}

struct addr stage_server_address(int server)
{
	return (struct addr){
		.ip = { 198, 51, 100, (uint8_t)(server + 1) }, .port = 53, .family = AF_INET
	};
}

void stage_feed(struct stage *s, unsigned worker, const struct addr *client, const uint8_t *data,
	size_t len, int64_t waited_ns)
{
	/* As long as the message: a read beyond it is one beyond the block. */
	size_t size = offsetof(struct datagram, data) + len;
	struct datagram *d = calloc(1, size > sizeof *d ? size : sizeof *d);

	if (!d)
		abort();
	d->origin.client = *client;
	d->arrival_ns = s->now_ns - waited_ns;
	d->len = (uint16_t)len;
	memcpy(d->data, data, len);
	s->n_fed++;
	worker_take(s->workers[worker].machine, s->now_ns, &d, 1);
	free(d);
	stage_settle(s);
}

void stage_kill_sockets(struct stage *s, int server)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		struct stage_worker *w = &s->workers[i];

		for (uint16_t k = 0; k < w->machine->n_sockets; k++) {
			if (w->machine->sockets[k].is_open &&
				w->machine->sockets[k].server == server)
				w->is_dead[k] = true;
		}
	}
}

void stage_give_up(struct stage *s)
{
	for (unsigned i = 0; i < s->n_workers; i++)
		worker_give_up(s->workers[i].machine, s->now_ns);
	stage_settle(s);
}

/* ---- what must hold ----------------------------------------------------------------------------- */

uint64_t stage_metric(const struct stage *s, enum metric_id id)
{
	return metric_sum(s->metrics, s->n_workers, id);
}

uint64_t stage_server_metric(const struct stage *s, int server, enum server_metric_id id)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->n_workers; i++)
		sum += atomic_load(&s->workers[i].server_metrics[server].value[id]);
	return sum;
}

uint32_t stage_queries(const struct stage *s)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < s->n_workers; i++)
		n += worker_queries(s->workers[i].machine);
	return n;
}

uint32_t stage_slots(const struct stage *s)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < s->n_workers; i++)
		n += pending_count(s->workers[i].shard);
	return n;
}

static bool check_limits(struct stage *s)
{
	for (unsigned i = 0; i < s->n_servers; i++) {
		const struct server *server = &s->pool->servers[i];

		if (server_outstanding(server) > server->params.max_outstanding)
			return stage_fail(s, NULL, "%s has %u outstanding, its limit is %u",
				s->servers[i].name, server_outstanding(server),
				server->params.max_outstanding);
	}
	return true;
}

bool stage_check(struct stage *s)
{
	uint64_t ended = stage_queries(s), answered = stage_metric(s, METRIC_shed_answered);

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		enum metric_kind kind = metric_rows[i].kind;

		if (kind != METRIC_KIND_IN && kind != METRIC_KIND_NOTE)
			ended += stage_metric(s, (enum metric_id)i);
		if (kind == METRIC_KIND_ANSWERED)
			answered += stage_metric(s, (enum metric_id)i);
	}
	if (ended != s->n_fed)
		return stage_fail(s, NULL,
			"of %llu datagrams of clients the counters and what is pending tell of "
			"%llu",
			(unsigned long long)s->n_fed, (unsigned long long)ended);
	if (answered != s->n_answers)
		return stage_fail(s, NULL, "clients got %llu answers, the counters tell of %llu",
			(unsigned long long)s->n_answers, (unsigned long long)answered);
	return check_limits(s);
}

static bool check_asks(struct stage *s)
{
	for (size_t i = 0; i < s->n_asks; i++) {
		if (s->asks[i].n_answers > s->asks[i].n_datagrams)
			return stage_fail(s, NULL, "c%d asked %u times and got %u answers",
				s->asks[i].client, s->asks[i].n_datagrams, s->asks[i].n_answers);
	}
	return true;
}

bool stage_check_end(struct stage *s)
{
	int32_t places = s->quota.left;

	if (!stage_check(s) || !check_asks(s))
		return false;
	if (stage_queries(s) > 0)
		return stage_fail(
			s, NULL, "%u queries are pending after their deadline", stage_queries(s));
	for (unsigned i = 0; i < s->n_servers; i++) {
		if (server_outstanding(&s->pool->servers[i]) > 0)
			return stage_fail(s, NULL, "%u places at %s stay taken",
				server_outstanding(&s->pool->servers[i]), s->servers[i].name);
	}
	s->is_over = true;
	stage_give_up(s); /* probes that are out */
	if (stage_slots(s) > 0)
		return stage_fail(s, NULL, "%u slots are never given back", stage_slots(s));
	for (unsigned i = 0; i < s->n_workers; i++)
		places += s->workers[i].machine->credit;
	if (places != s->config.pending_max)
		return stage_fail(s, NULL, "places of pending_max are lost: %d of %d are left",
			places, s->config.pending_max);
	return true;
}
