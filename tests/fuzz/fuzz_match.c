/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reply matcher: any bytes as a client's query, and if it is forwarded, any bytes as what comes
 * back for it, through the whole machine. Input: a byte of switches, two of the query's length, the
 * query, the reply. Whatever they are, at most one answer leaves, within the client's size, with the
 * client's ID, and nothing stays behind. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "balance/pool.h"
#include "base/metric.h"
#include "base/rng.h"
#include "core/worker.h"

#define NOW_NS 1000000000LL
#define SWITCH_ID 1 /* give the reply the ID that was sent */
#define SWITCH_QUESTION 2 /* and the question */
#define SWITCH_CASE 4 /* case_randomize */
#define SWITCH_PEER 8 /* from another address than the server's */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	struct worker *worker;
	struct pending_shard *shard;
	struct pool *pool;
	uint16_t socket;
	bool is_sent;
	uint8_t sent[DATAGRAM_LARGE_BYTES];
	size_t sent_len;
	unsigned n_answers;
	uint16_t client_id;
};

static void on_send(void *ctx, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref)
{
	struct scene *s = ctx;

	(void)ref;
	assert(socket == s->socket && len <= sizeof s->sent);
	memcpy(s->sent, data, len);
	s->sent_len = len;
	s->is_sent = true;
}

static void on_answer(void *ctx, const struct origin *origin, const uint8_t *data, size_t len)
{
	struct scene *s = ctx;

	(void)origin;
	assert(len >= MESSAGE_HEADER_BYTES && len <= MESSAGE_MAX_BYTES);
	assert((data[0] << 8 | data[1]) == s->client_id);
	assert(data[2] & MESSAGE_QR >> 8);
	s->n_answers++;
}

static void on_flush(void *ctx)
{
	(void)ctx;
}

static void on_sockets_wanted(void *ctx, uint16_t server, int64_t now_ns)
{
	struct scene *s = ctx;

	(void)now_ns;
	if (s->worker)
		s->socket = worker_socket_add(s->worker, server, false);
}

static void on_socket_unused(void *ctx, uint16_t socket)
{
	(void)ctx;
	(void)socket;
}

static bool on_trim(void *ctx)
{
	(void)ctx;
	return true;
}

static const struct worker_ops ops = {
	.send = on_send,
	.answer = on_answer,
	.flush = on_flush,
	.sockets_wanted = on_sockets_wanted,
	.socket_unused = on_socket_unused,
	.trim = on_trim,
};

static struct server_params server(void)
{
	struct server_params p = {
		.name = "s", .weight = 1, .max_outstanding = 10, .mode = SERVER_FORCED_UP
	};

	p.address.family = AF_INET;
	p.address.ip[0] = 127;
	p.address.port = 53;
	return p;
}

static void take(struct scene *s, const uint8_t *query, size_t len)
{
	struct datagram *d = calloc(1, sizeof *d + len);

	assert(d);
	d->origin.client.family = AF_INET;
	d->arrival_ns = NOW_NS;
	d->len = (uint16_t)len;
	memcpy(d->data, query, len);
	s->client_id = len >= 2 ? (uint16_t)(query[0] << 8 | query[1]) : 0;
	worker_take(s->worker, NOW_NS, &d, 1);
	free(d);
}

static void reply(struct scene *s, uint8_t switches, const uint8_t *bytes, size_t len)
{
	size_t room = len > REPLY_SELF_MAX ? len : REPLY_SELF_MAX;
	uint8_t *copy = malloc(room);
	struct worker_reply r = {
		.data = copy, .len = len, .from = server().address, .socket = s->socket
	};

	assert(copy);
	if (len > 0)
		memcpy(copy, bytes, len);
	if (switches & SWITCH_QUESTION && len >= s->sent_len)
		memcpy(copy + MESSAGE_HEADER_BYTES, s->sent + MESSAGE_HEADER_BYTES,
			s->sent_len - MESSAGE_HEADER_BYTES);
	if (switches & SWITCH_ID && len >= 2)
		memcpy(copy, s->sent, 2);
	if (switches & SWITCH_PEER)
		r.from.port = 54;
	worker_replies(s->worker, NOW_NS, &r, 1);
	free(copy);
}

static void play(struct scene *s, const uint8_t *data, size_t size)
{
	size_t query_len = (size_t)(data[1] << 8 | data[2]) % (DATAGRAM_LARGE_BYTES + 1);

	data += 3;
	size -= 3;
	if (query_len > size)
		query_len = size;
	take(s, data, query_len);
	if (s->is_sent) {
		assert(s->n_answers == 0);
		reply(s, (data - 3)[0], data + query_len, size - query_len);
		assert(s->n_answers <= 1);
	}
	worker_give_up(s->worker, NOW_NS);
	assert(s->n_answers == (s->is_sent ? 1 : s->n_answers));
	assert(pending_count(s->shard) == 0);
	assert(server_outstanding(&s->pool->servers[0]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[RNG_SEED_BYTES];
	struct scene s = { 0 };
	struct server_params one = server();
	struct pending_quota quota;
	struct rng rng;
	struct metric_block metrics = { 0 };
	struct server_metrics server_metrics = { 0 };

	if (size < 3 || size > 65538)
		return 0;
	struct worker_params params = {
		.deadline_ns = NOW_NS,
		.attempt_timeout_ns = NOW_NS,
		.attempts = 1,
		.n_workers = 1,
		.udp_reply_max = 1232,
		.case_randomize = data[0] & SWITCH_CASE,
		.sockets_per_server = 1,
	};
	rng_init_seed(&rng, seed);
	pending_quota_init(&quota, 64, 1);
	assert(pool_new(&(struct pool_params){ .servers = &one, .n_servers = 1 }, &s.pool) == 0);
	assert(pending_new(&(struct pending_params){ .capacity = 64, .case_masks = true },
		       &s.shard) == 0);
	struct worker_env env = {
		.params = &params,
		.ops = &ops,
		.ctx = &s,
		.pool = s.pool,
		.shard = s.shard,
		.quota = &quota,
		.rng = &rng,
		.metrics = &metrics,
		.server_metrics = &server_metrics,
	};
	assert(worker_new(&env, NOW_NS, &s.worker) == 0);
	play(&s, data, size);
	worker_free(&s.worker);
	pending_free(&s.shard);
	pool_free(&s.pool);
	return 0;
}
