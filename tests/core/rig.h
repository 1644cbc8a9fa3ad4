/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rig - a whole engine on loopback for tests: sockets of ours play the servers and the clients. All
 * waits have a deadline and abort when it passes. Used by Criterion tests and by plain programs,
 * so it depends on neither. */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/clock.h"
#include "core/engine.h"
#include "net/acl.h"
#include "net/addr.h"
#include "net/socket.h"

#define RIG_SERVERS_MAX 4
#define RIG_LISTENERS_MAX 4
#define RIG_WAIT_MS 10000
#define RIG_QUERY_BYTES 29 /* header, "example.com", A, IN */

#define RIG_CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, \
				#condition); \
			abort(); \
		} \
	} while (0)

struct rig {
	struct engine_params params;
	struct listeners listeners;
	struct acl *acl;
	struct pool *pool;
	struct engine *engine;
	unsigned n_servers;
	int servers[RIG_SERVERS_MAX]; /* their sockets */
};

static inline struct addr rig_loopback(void)
{
	return (struct addr){ .ip = { 127, 0, 0, 1 }, .family = AF_INET };
}

static inline int rig_bind(void)
{
	const struct addr a = rig_loopback();
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 4 << 20;

	RIG_CHECK(fd != -1 && bind(fd, (struct sockaddr *)&ss, len) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

/* A client's socket, connected to that listener. */
static inline int rig_client_of(const struct rig *r, size_t listener)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&r->listeners.listener[listener].address, &ss);
	int fd = rig_bind();

	RIG_CHECK(connect(fd, (struct sockaddr *)&ss, len) == 0);
	return fd;
}

static inline int rig_client(const struct rig *r)
{
	return rig_client_of(r, 0);
}

/* Everything but the engine: the caller may change r->params, then engine_new. */
static inline void rig_on_sign(void *ctx, uint16_t server, enum sign sign)
{
	(void)ctx;
	(void)server;
	(void)sign;
}

/* Without receivers the workers read themselves. */
static inline void rig_init(
	struct rig *r, unsigned n_servers, unsigned n_workers, unsigned receivers)
{
	const struct listener_params listen = {
		.address = rig_loopback(),
		.n_sockets = receivers > 0 ? receivers : n_workers,
		.is_shared = receivers != 1,
	};
	struct server_params servers[RIG_SERVERS_MAX] = { 0 };
	const struct prefix everybody = { .family = AF_INET };

	*r = (struct rig){ .n_servers = n_servers };
	for (unsigned i = 0; i < n_servers; i++) {
		r->servers[i] = rig_bind();
		servers[i].name[0] = (char)('a' + i);
		servers[i].weight = 1;
		servers[i].max_outstanding = 8192;
		servers[i].mode = SERVER_FORCED_UP;
		RIG_CHECK(socket_local(r->servers[i], &servers[i].address) == 0);
	}
	const struct pool_params pool = {
		.servers = servers,
		.n_servers = n_servers,
		.policy = { .kind = POLICY_P2C, .hash_seed = "dnsbal", .load_factor = 1.25 },
	};
	RIG_CHECK(pool_new(&pool, &r->pool) == 0);
	RIG_CHECK(acl_new(&everybody, 1, &r->acl) == 0);
	RIG_CHECK(listeners_open(&listen, 1, &r->listeners) == 0);
	r->params = (struct engine_params){
		.dispatch = receivers > 0 ? DISPATCH_QUEUE : DISPATCH_DIRECT,
		.listeners = &r->listeners,
		.acl = r->acl,
		.pool = r->pool,
		.worker = {
			.deadline_ns = 3 * CLOCK_NS_PER_S,
			.attempt_timeout_ns = 750 * CLOCK_NS_PER_MS,
			.attempts = 1,
			.n_workers = n_workers,
			.udp_reply_max = 1232,
			.sockets_per_server = 4,
		},
		.n_workers = n_workers,
		.sign = rig_on_sign,
		.pending_max = 16384,
		.queue_capacity = 8192,
		.queue_target_ns = CLOCK_NS_PER_S, /* a busy machine must not shed here */
		.queue_interval_ns = 10 * CLOCK_NS_PER_S,
	};
}

/* Before the engine is made: that many listeners, each on a port of its own, instead of one. */
static inline void rig_listen(struct rig *r, size_t n)
{
	struct listener_params listen[RIG_LISTENERS_MAX];
	size_t n_sockets = r->listeners.listener[0].n_sockets;

	RIG_CHECK(n <= RIG_LISTENERS_MAX);
	for (size_t i = 0; i < n; i++)
		listen[i] = (struct listener_params){ .address = rig_loopback(),
			.n_sockets = (unsigned)n_sockets,
			.is_shared = n_sockets > 1 };
	listeners_close(&r->listeners);
	RIG_CHECK(listeners_open(listen, n, &r->listeners) == 0);
}

static inline void rig_start(struct rig *r)
{
	RIG_CHECK(engine_new(&r->params, &r->engine) == 0);
	RIG_CHECK(engine_start(r->engine) == 0);
}

static inline void rig_stop(struct rig *r)
{
	engine_stop(r->engine);
	engine_join(r->engine);
	RIG_CHECK(engine_is_finished(r->engine));
}

static inline void rig_free(struct rig *r)
{
	engine_free(&r->engine);
	listeners_close(&r->listeners);
	pool_free(&r->pool);
	acl_free(&r->acl);
	for (unsigned i = 0; i < r->n_servers; i++)
		close(r->servers[i]);
}

/* ---- messages --------------------------------------------------------------------------------- */

static inline void rig_query(uint8_t out[RIG_QUERY_BYTES], uint16_t id)
{
	memcpy(out, "\0\0\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1", RIG_QUERY_BYTES);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
}

static inline void rig_ask(int client, uint16_t id)
{
	uint8_t query[RIG_QUERY_BYTES];

	rig_query(query, id);
	RIG_CHECK(send(client, query, sizeof query, 0) == (ssize_t)sizeof query);
}

static inline bool rig_has(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* The next datagram; where it came from, if that is asked. */
static inline size_t rig_receive(int fd, uint8_t *out, size_t size, struct addr *from_out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;

	RIG_CHECK(rig_has(fd, RIG_WAIT_MS));
	ssize_t n = recvfrom(fd, out, size, 0, (struct sockaddr *)&ss, &len);
	RIG_CHECK(n >= 0);
	if (from_out)
		RIG_CHECK(addr_from_sockaddr(&ss, from_out));
	return (size_t)n;
}

/* The server's socket answers what it received: the query itself with QR=1. */
static inline void rig_answer(int server, uint8_t *query, size_t len, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = addr_to_sockaddr(to, &ss);

	query[2] |= 0x80;
	RIG_CHECK(sendto(server, query, len, 0, (struct sockaddr *)&ss, ss_len) == (ssize_t)len);
}

/* The server's socket answers one query. */
static inline void rig_serve(int server)
{
	uint8_t data[4096];
	struct addr from;
	size_t len = rig_receive(server, data, sizeof data, &from);

	rig_answer(server, data, len, &from);
}

static inline uint64_t rig_metric(const struct rig *r, enum metric_id id)
{
	return engine_metric(r->engine, id);
}

/* queries = answered + dropped + shed + merged, when nothing is pending. */
static inline bool rig_is_balanced(const struct rig *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		if (metric_rows[i].kind != METRIC_KIND_IN &&
			metric_rows[i].kind != METRIC_KIND_NOTE)
			sum += rig_metric(r, (enum metric_id)i);
	}
	return sum == rig_metric(r, METRIC_queries);
}
