/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The callbacks record; the helpers make events. Nothing here decides anything that the machine
 * should decide. */
#include "core/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define START_NS (1000 * CLOCK_NS_PER_S)

/* ---- events out ------------------------------------------------------------------------------- */

static uint8_t *copy_of(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	cr_assert_not_null(copy);
	memcpy(copy, data, len);
	return copy;
}

static void on_send(void *ctx, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref)
{
	struct world *w = ctx;

	cr_assert_lt(w->n_sent, WORLD_RECORDS_MAX);
	cr_assert(w->worker->sockets[socket].is_open, "sent by a closed socket");
	w->sent[w->n_sent++] = (struct world_sent){
		.data = copy_of(data, len),
		.len = len,
		.ref = ref,
		.socket = socket,
		.server = w->worker->sockets[socket].server,
		.id = message_id(data),
	};
}

static void on_answer(void *ctx, const struct origin *origin, const uint8_t *data, size_t len)
{
	struct world *w = ctx;

	cr_assert_lt(w->n_answers, WORLD_RECORDS_MAX);
	w->answers[w->n_answers++] = (struct world_answer){
		.data = copy_of(data, len),
		.len = len,
		.origin = *origin,
	};
}

static void on_flush(void *ctx)
{
	((struct world *)ctx)->n_flushes++;
}

static void on_probe_done(void *ctx, const struct probe_result *result)
{
	struct world *w = ctx;

	cr_assert_lt(w->n_results, sizeof w->results / sizeof w->results[0]);
	w->results[w->n_results++] = *result;
}

static void on_sign(void *ctx, uint16_t server, enum sign sign)
{
	struct world *w = ctx;

	w->n_signs[sign]++;
	w->last_sign_server = server;
}

static void on_sockets_wanted(void *ctx, uint16_t server, int64_t now_ns)
{
	struct world *w = ctx;

	cr_expect_eq(now_ns, w->now_ns);
	w->n_wanted++;
	if (!w->can_open || server == w->unreachable)
		return;
	/* No number may be left: many are retired, and wait for their attempts to end. */
	while (worker_sockets_missing(w->worker, server) > 0 &&
		worker_socket_add(w->worker, server, false) != WORKER_SOCKET_NONE)
		;
}

static void on_socket_unused(void *ctx, uint16_t socket)
{
	struct world *w = ctx;

	cr_assert_lt(w->n_unused, sizeof w->unused / sizeof w->unused[0]);
	cr_expect_eq(w->worker->sockets[socket].in_flight, 0, "closed with attempts out");
	w->unused[w->n_unused++] = socket;
}

static bool on_trim(void *ctx)
{
	struct world *w = ctx;

	w->n_trims++;
	pending_trim(w->shard);
	return w->trim_is_done;
}

static void on_trace(void *ctx, const struct worker_event *e)
{
	struct world *w = ctx;

	cr_assert_lt(w->n_events, WORLD_RECORDS_MAX);
	w->events[w->n_events++] = (struct world_event){
		.kind = e->kind,
		.server = e->server,
		.rcode = e->rcode,
		.reason = e->reason,
		.elapsed_us = e->elapsed_us,
		.is_cut = e->is_cut,
	};
}

#define OPS \
	.send = on_send, .answer = on_answer, .flush = on_flush, .probe_done = on_probe_done, \
	.sign = on_sign, .sockets_wanted = on_sockets_wanted, .socket_unused = on_socket_unused, \
	.trim = on_trim
static const struct worker_ops ops = { OPS };
static const struct worker_ops ops_traced = { OPS, .trace = on_trace };

/* ---- making and ending -------------------------------------------------------------------------- */

struct addr world_server_address(unsigned server)
{
	return (struct addr){
		.ip = { 198, 51, 100, (uint8_t)(server + 1) }, .port = 53, .family = AF_INET
	};
}

struct addr world_client_address(unsigned client)
{
	return (struct addr){ .ip = { 192, 0, 2, (uint8_t)client },
		.port = (uint16_t)(40000 + client),
		.family = AF_INET };
}

struct world_params world_defaults(void)
{
	return (struct world_params){
		.n_servers = 2,
		.max_outstanding = 1000,
		.pending_max = 4096,
		.places = 1024,
		.policy = POLICY_ROUND_ROBIN,
		.worker = {
			.deadline_ns = 3000 * CLOCK_NS_PER_MS,
			.attempt_timeout_ns = 750 * CLOCK_NS_PER_MS,
			.attempts = 1,
			.retry_on = RETRY_ON_TIMEOUT | RETRY_ON_UNREACHABLE |
				    RETRY_ON_SERVFAIL | RETRY_ON_REFUSED,
			.retry_budget_percent = 20,
			.silent_limit = 5,
			.n_workers = 1,
			.on_failure = ON_FAILURE_SERVFAIL,
			.on_overload = ON_OVERLOAD_DROP,
			.udp_reply_max = 1232,
			.sockets_per_server = 4,
		},
	};
}

static void make_pool(struct world *w)
{
	struct server_params servers[WORLD_SERVERS_MAX] = { 0 };

	cr_assert_leq(w->params.n_servers, WORLD_SERVERS_MAX);
	for (unsigned i = 0; i < w->params.n_servers; i++) {
		servers[i].name[0] = (char)('a' + i);
		servers[i].address = world_server_address(i);
		servers[i].weight = 1;
		servers[i].max_outstanding = w->params.max_outstanding;
	}
	const struct pool_params p = {
		.servers = servers,
		.n_servers = w->params.n_servers,
		.policy = { .kind = w->params.policy, .hash_seed = "dnsbal", .load_factor = 1.25 },
	};
	cr_assert_eq(pool_new(&p, &w->pool), 0);
	for (unsigned i = 0; i < w->params.n_servers; i++)
		pool_set_state(w->pool, i, SERVER_UP);
}

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);

	cr_assert_not_null(p);
	memset(p, 0, size);
	return p;
}

struct world *world_new(const struct world_params *params)
{
	struct world *w = zeroed(sizeof *w);
	const uint8_t seed[RNG_SEED_BYTES] = "world";

	w->params = *params;
	w->now_ns = START_NS;
	w->can_open = !params->without_sockets;
	w->unreachable = -1;
	w->trim_is_done = true;
	rng_init_seed(&w->rng, seed);
	make_pool(w);
	w->metrics = zeroed(sizeof *w->metrics);
	w->server_metrics = zeroed(params->n_servers * sizeof *w->server_metrics);
	pending_quota_init(&w->quota, params->pending_max, 1);
	const struct pending_params p = {
		.capacity = params->pending_max + params->places + 2 * params->n_servers,
		.case_masks = params->worker.case_randomize,
	};
	cr_assert_eq(pending_new(&p, &w->shard), 0);
	const struct worker_env env = {
		.params = &w->params.worker,
		.ops = params->trace ? &ops_traced : &ops,
		.ctx = w,
		.pool = w->pool,
		.shard = w->shard,
		.quota = &w->quota,
		.rng = &w->rng,
		.metrics = w->metrics,
		.server_metrics = w->server_metrics,
		.number = 3,
	};
	cr_assert_eq(worker_new(&env, w->now_ns, &w->worker), 0);
	for (uint16_t s = 0; w->can_open && s < params->n_servers; s++)
		on_sockets_wanted(w, s, w->now_ns);
	w->n_wanted = 0;
	return w;
}

void world_forget(struct world *w)
{
	for (size_t i = 0; i < w->n_sent; i++)
		free(w->sent[i].data);
	for (size_t i = 0; i < w->n_answers; i++)
		free(w->answers[i].data);
	w->n_sent = w->n_answers = w->n_answers_read = 0;
	w->n_results = w->n_unused = w->n_events = 0;
}

static void expect_nothing_held(const struct world *w)
{
	cr_expect_eq(worker_queries(w->worker), 0);
	cr_expect_eq(pending_count(w->shard), 0, "%u slots leaked", pending_count(w->shard));
	cr_expect_eq(
		world_outstanding(w), 0, "servers end with %u outstanding", world_outstanding(w));
	cr_expect_eq(w->quota.left + w->worker->credit, (int32_t)w->params.pending_max,
		"places of the quota are lost");
	for (unsigned i = 0; i < w->worker->n_sockets; i++) {
		cr_expect_eq(w->worker->sockets[i].in_flight, 0, "socket %u", i);
		cr_expect_not(w->worker->sockets[i].is_open && w->worker->sockets[i].is_retired);
	}
}

void world_finish(struct world **wp)
{
	struct world *w = *wp;

	world_expect_balance(w);
	worker_give_up(w->worker, w->now_ns);
	world_expect_balance(w);
	expect_nothing_held(w);
	world_forget(w);
	worker_free(&w->worker);
	pending_free(&w->shard);
	pool_free(&w->pool);
	free(w->metrics);
	free(w->server_metrics);
	free(w);
	*wp = NULL;
}

/* ---- events in ---------------------------------------------------------------------------------- */

void world_advance_us(struct world *w, int64_t us)
{
	int64_t end_ns = w->now_ns + us * CLOCK_NS_PER_US;

	for (int64_t next_ns; (next_ns = worker_next_ns(w->worker)) <= end_ns;) {
		if (next_ns > w->now_ns)
			w->now_ns = next_ns;
		worker_tick(w->worker, w->now_ns);
		cr_assert_gt(worker_next_ns(w->worker), next_ns, "a tick that changes nothing");
	}
	w->now_ns = end_ns;
}

void world_advance_ms(struct world *w, int64_t ms)
{
	world_advance_us(w, ms * 1000);
}

void world_server_state(struct world *w, size_t server, enum server_state state)
{
	pool_set_state(w->pool, server, state);
}

static struct datagram *datagram_of(
	const struct world *w, const struct message *m, unsigned client, int64_t delay_us)
{
	/* As long as the message: a read beyond it is one beyond the block. */
	size_t size = offsetof(struct datagram, data) + m->len;
	struct datagram *d = calloc(1, size > sizeof *d ? size : sizeof *d);

	cr_assert_not_null(d);
	d->origin.client = world_client_address(client);
	d->origin.listener = 1;
	d->arrival_ns = w->now_ns - delay_us * CLOCK_NS_PER_US;
	d->len = (uint16_t)m->len;
	memcpy(d->data, m->data, m->len);
	return d;
}

void world_take_delayed(struct world *w, const struct message *m, unsigned client, int64_t delay_us)
{
	struct datagram *d = datagram_of(w, m, client, delay_us);

	w->n_fed++;
	worker_take(w->worker, w->now_ns, &d, 1);
	free(d);
}

void world_take(struct world *w, const struct message *m, unsigned client)
{
	world_take_delayed(w, m, client, 0);
}

void world_query(struct world *w, const char *name, uint16_t type, uint16_t id, unsigned client)
{
	struct message m = message_query(name, type, id);

	world_take(w, &m, client);
}

void world_query_batch(struct world *w, unsigned n, uint16_t first_id, unsigned client)
{
	struct datagram *batch[WORLD_BATCH_MAX];

	cr_assert_leq(n, WORLD_BATCH_MAX);
	for (unsigned i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof name, "n%u.example", i);
		struct message m = message_query(name, A, (uint16_t)(first_id + i));
		batch[i] = datagram_of(w, &m, client, 0);
	}
	w->n_fed += n;
	worker_take(w->worker, w->now_ns, batch, n);
	for (unsigned i = 0; i < n; i++)
		free(batch[i]);
}

const struct world_sent *world_sent(const struct world *w, unsigned k)
{
	cr_assert_gt(w->n_sent, k, "nothing was sent");
	return &w->sent[w->n_sent - 1 - k];
}

struct message world_make_reply(const struct world_sent *sent, unsigned rcode)
{
	struct query_view q;
	struct message m = { .len = 0 };

	cr_assert_eq(query_parse(sent->data, sent->len, &q), QUERY_FORWARD);
	m.len = MESSAGE_HEADER_BYTES + question_len(&q.question);
	memcpy(m.data, sent->data, m.len);
	memset(m.data + 6, 0, 6); /* no records */
	message_flags(&m, MESSAGE_QR | MESSAGE_RA | MESSAGE_RCODE,
		(uint16_t)(MESSAGE_QR | MESSAGE_RA | rcode));
	if (rcode == RCODE_NOERROR && q.question.name_len != 0)
		message_answers(&m, 1);
	return m;
}

void world_deliver_from(
	struct world *w, uint16_t socket, const struct addr *from, const struct message *m)
{
	/* As long as the message: a read beyond it is one beyond the block. Only where the worker
	 * makes a reply anew there is the room that it may count on. */
	bool has_question = m->len >= MESSAGE_HEADER_BYTES && message_count(m->data, 0) > 0;
	uint8_t *data = malloc(has_question || m->len > REPLY_SELF_MAX ? m->len : REPLY_SELF_MAX);

	cr_assert_not_null(data);
	memcpy(data, m->data, m->len);
	struct worker_reply r = { .data = data, .len = m->len, .from = *from, .socket = socket };

	worker_replies(w->worker, w->now_ns, &r, 1);
	free(data);
}

void world_deliver(struct world *w, const struct world_sent *sent, const struct message *m)
{
	const struct addr from = world_server_address(sent->server);

	world_deliver_from(w, sent->socket, &from, m);
}

void world_reply(struct world *w, unsigned rcode)
{
	const struct world_sent *sent = world_sent(w, 0);
	struct message m = world_make_reply(sent, rcode);

	world_deliver(w, sent, &m);
}

void world_send_failed(struct world *w, const struct world_sent *sent)
{
	worker_send_failed(w->worker, w->now_ns, sent->ref, WORKER_SEND_UNREACHABLE);
}

void world_send_no_room(struct world *w, const struct world_sent *sent)
{
	worker_send_failed(w->worker, w->now_ns, sent->ref, WORKER_SEND_NO_ROOM);
}

/* ---- probes ------------------------------------------------------------------------------------- */

struct probe_order world_probe_order(uint16_t server, uint32_t serial)
{
	static struct message m; /* lives as long as a prober's would */

	m = message_query(".", NS, 0);
	return (struct probe_order){
		.serial = serial,
		.server = server,
		.timeout_ns = 1000 * CLOCK_NS_PER_MS,
		.message = m.data,
		.message_len = (uint16_t)m.len,
		.name_len = 1,
	};
}

uint16_t world_probe_fresh(struct world *w, const struct probe_order *order)
{
	uint16_t socket = worker_socket_add(w->worker, order->server, true);

	cr_assert_neq(socket, WORKER_SOCKET_NONE);
	worker_probe(w->worker, w->now_ns, order, socket, PROBE_UNREACHABLE);
	return socket;
}

/* ---- what must hold ----------------------------------------------------------------------------- */

uint64_t world_metric(const struct world *w, enum metric_id id)
{
	return atomic_load(&w->metrics->value[id]);
}

uint64_t world_server_metric(const struct world *w, size_t server, enum server_metric_id id)
{
	return atomic_load(&w->server_metrics[server].value[id]);
}

uint32_t world_outstanding(const struct world *w)
{
	uint32_t n = 0;

	for (size_t i = 0; i < w->pool->n_servers; i++)
		n += server_outstanding(&w->pool->servers[i]);
	return n;
}

const struct world_answer *world_expect_answer_at(
	struct world *w, unsigned client, uint16_t id, unsigned rcode, const char *file, int line)
{
	const struct addr to = world_client_address(client);

	cr_assert_lt(w->n_answers_read, w->n_answers, "%s:%d: no answer", file, line);
	const struct world_answer *a = &w->answers[w->n_answers_read++];
	cr_assert_geq(a->len, MESSAGE_HEADER_BYTES, "%s:%d", file, line);
	cr_expect(addr_equal(&a->origin.client, &to), "%s:%d: to another client", file, line);
	cr_expect_eq(a->origin.listener, 1, "%s:%d: by another listener", file, line);
	cr_expect_eq(message_id(a->data), id, "%s:%d: ID %u", file, line, message_id(a->data));
	cr_expect(message_flags_of(a->data) & MESSAGE_QR, "%s:%d: QR=0", file, line);
	cr_expect_eq(message_rcode(a->data), rcode, "%s:%d: rcode %u", file, line,
		message_rcode(a->data));
	return a;
}

void world_expect_silence_at(struct world *w, const char *file, int line)
{
	cr_expect_eq(w->n_answers_read, w->n_answers, "%s:%d: %zu answers", file, line,
		w->n_answers - w->n_answers_read);
}

void world_expect_balance_at(const struct world *w, const char *file, int line)
{
	uint64_t sum = worker_queries(w->worker);

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		if (metric_rows[i].kind != METRIC_KIND_IN &&
			metric_rows[i].kind != METRIC_KIND_NOTE)
			sum += world_metric(w, (enum metric_id)i);
	}
	cr_expect_eq(sum, w->n_fed, "%s:%d: %llu of %llu queries accounted for", file, line,
		(unsigned long long)sum, (unsigned long long)w->n_fed);
}
