/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * world - a small simulated world around the worker's pure machine, so that a test reads like a
 * story: clients ask, servers answer or stay silent, time passes. The clock is virtual, sockets are
 * numbers, everything that the machine hands out is recorded as a copy, and world_finish() checks
 * what must hold after every story: each query ended exactly once, and nothing is still held.
 *
 * Clients are numbers (192.0.2.N, port 40000 + N), servers are indices (198.51.100.I + 1). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/pool.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rng.h"
#include "core/worker.h"

#define WORLD_SERVERS_MAX 8
#define WORLD_RECORDS_MAX 8192
#define WORLD_BATCH_MAX 32

enum { A = 1, NS = 2, TXT = 16, AAAA = 28 };

/* ---- messages --------------------------------------------------------------------------------- */

struct message {
	uint8_t data[5000];
	size_t len;
};

/* A query with RD set. */
struct message message_query(const char *name, uint16_t type, uint16_t id);
/* Changes flags: those in `mask` become those of `flags`. Returns m. */
struct message *message_flags(struct message *m, uint16_t mask, uint16_t flags);
struct message *message_opcode(struct message *m, unsigned opcode);
/* Adds an OPT; options are raw bytes. */
struct message *message_opt(
	struct message *m, uint16_t udp_size, uint32_t ttl, const void *options, size_t len);
/* Adds a TSIG record of an owner "k." with meaningless content. */
struct message *message_tsig(struct message *m);
/* Adds an A record that points at the question's name, with `n` of them. */
struct message *message_answers(struct message *m, unsigned n);
/* Bytes behind the last record: they are let pass, so they make a query as long as wanted. */
struct message *message_pad(struct message *m, size_t len);

uint16_t message_id(const uint8_t *data);
uint16_t message_flags_of(const uint8_t *data);
unsigned message_rcode(const uint8_t *data);
unsigned message_count(const uint8_t *data, unsigned section); /* 0: questions ... 3: additional */
/* The INFO-CODE of the message's EDE, -1: none; -2: the message has no OPT. */
int message_ede_of(const uint8_t *data, size_t len);
/* Its one option is this EDE with this EXTRA-TEXT, and it ends with it. */
bool message_ede_is(const uint8_t *data, size_t len, int code, const char *text);

/* ---- the world -------------------------------------------------------------------------------- */

struct world_params {
	unsigned n_servers;
	unsigned max_outstanding;
	uint32_t pending_max;
	uint32_t places; /* slots beside those of queries and probes */
	enum policy_kind policy;
	struct worker_params worker;
	bool without_sockets; /* none at start */
	bool trace;
};
/* Two servers that are up, round-robin, four sockets each, deadline 3000 ms. */
struct world_params world_defaults(void);

/* A datagram that the machine handed out: to a server, or to a client. */
struct world_sent {
	uint8_t *data; /* a copy */
	size_t len;
	uint64_t ref;
	uint16_t socket, server, id;
};
struct world_answer {
	uint8_t *data; /* a copy */
	size_t len;
	struct origin origin;
};
struct world_event {
	enum worker_event_kind kind;
	int server;
	unsigned rcode;
	const char *reason;
	int64_t elapsed_us;
	bool is_cut;
};

struct world {
	struct world_params params;
	int64_t now_ns;
	struct pool *pool;
	struct pending_shard *shard;
	struct pending_quota quota;
	struct rng rng;
	struct metric_block *metrics;
	struct server_metrics *server_metrics;
	struct worker *worker;

	uint64_t n_fed; /* datagrams taken */
	bool can_open; /* sockets_wanted is granted */
	int unreachable; /* but not to this server; -1: to all */
	bool trim_is_done; /* what the trim callback says */
	unsigned n_signs[SIGN_BLAMED + 1];
	uint16_t last_sign_server;
	unsigned n_flushes, n_trims, n_wanted;

	size_t n_sent, n_answers, n_answers_read, n_results, n_unused, n_events;
	struct world_sent sent[WORLD_RECORDS_MAX];
	struct world_answer answers[WORLD_RECORDS_MAX];
	struct world_event events[WORLD_RECORDS_MAX];
	struct probe_result results[256];
	uint16_t unused[256];
};

struct world *world_new(const struct world_params *params);
/* Gives up what is pending, checks the balance and that nothing is held, frees. */
void world_finish(struct world **w);
/* Throws away what was recorded. */
void world_forget(struct world *w);

void world_advance_us(struct world *w, int64_t us);
void world_advance_ms(struct world *w, int64_t ms);
void world_server_state(struct world *w, size_t server, enum server_state state);

/* A client's datagram arrives, and waited so long in queues before. */
void world_take(struct world *w, const struct message *m, unsigned client);
void world_take_delayed(
	struct world *w, const struct message *m, unsigned client, int64_t delay_us);
void world_query(struct world *w, const char *name, uint16_t type, uint16_t id, unsigned client);
/* n queries "n<i>.example." with IDs first_id + i in one batch. */
void world_query_batch(struct world *w, unsigned n, uint16_t first_id, unsigned client);

/* The k-th datagram sent to a server, counted from the last one (0); fails if there is none. The
 * copy is valid until world_forget. */
const struct world_sent *world_sent(const struct world *w, unsigned k);
/* A proper reply to what was sent. */
struct message world_make_reply(const struct world_sent *sent, unsigned rcode);
void world_deliver(struct world *w, const struct world_sent *sent, const struct message *m);
void world_deliver_from(
	struct world *w, uint16_t socket, const struct addr *from, const struct message *m);
/* The server answers the last query sent. */
void world_reply(struct world *w, unsigned rcode);
/* The server cannot be reached; or it is we who have no room to send. */
void world_send_failed(struct world *w, const struct world_sent *sent);
void world_send_no_room(struct world *w, const struct world_sent *sent);
struct addr world_server_address(unsigned server);
struct addr world_client_address(unsigned client);

struct probe_order world_probe_order(uint16_t server, uint32_t serial);
/* A repetition by a socket made for it; returns the socket. */
uint16_t world_probe_fresh(struct world *w, const struct probe_order *order);

uint64_t world_metric(const struct world *w, enum metric_id id);
uint64_t world_server_metric(const struct world *w, size_t server, enum server_metric_id id);
uint32_t world_outstanding(const struct world *w); /* all servers */

/* The next answer must be this client's, with that ID and rcode. */
#define world_expect_answer(w, client, id, rcode) \
	world_expect_answer_at(w, client, id, rcode, __FILE__, __LINE__)
const struct world_answer *world_expect_answer_at(
	struct world *w, unsigned client, uint16_t id, unsigned rcode, const char *file, int line);
/* No answer is there that was not read. */
#define world_expect_silence(w) world_expect_silence_at(w, __FILE__, __LINE__)
void world_expect_silence_at(struct world *w, const char *file, int line);
/* Every datagram fed has ended in one way, or is pending. */
#define world_expect_balance(w) world_expect_balance_at(w, __FILE__, __LINE__)
void world_expect_balance_at(const struct world *w, const char *file, int line);
#define world_expect_metric(w, name, n) \
	cr_expect_eq(world_metric(w, METRIC_##name), (uint64_t)(n), #name " is %llu, not %llu", \
		(unsigned long long)world_metric(w, METRIC_##name), (unsigned long long)(n))
