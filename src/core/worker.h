/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * worker - what happens to a query: a pure machine, events in, events out.
 *
 * Events in: client datagrams, replies, time, errors of sends, orders to probe. Events out: the
 * calls of struct worker_ops. Sockets are numbers here; clock, randomness, memory and the keeping
 * of sockets are handed in, so that every rule is tested in virtual time (tests/core). The loop that
 * feeds it from real sockets is core/worker_thread.
 *
 * One owner thread. Nothing here allocates, locks, waits, logs or reads a clock. Every event
 * function ends with a flush, so what it handed out is on its way when it returns. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/choice.h"
#include "balance/probe.h"
#include "balance/signs.h"
#include "base/hash.h"
#include "core/budget.h"
#include "core/datagram.h"
#include "core/known.h"
#include "core/pending.h"
#include "core/wheel.h"
#include "wire/message.h"
#include "wire/reply.h"

/* Values of the configuration's on_failure and on_overload. */
enum on_failure { ON_FAILURE_SERVFAIL, ON_FAILURE_DROP };
enum on_overload { ON_OVERLOAD_DROP, ON_OVERLOAD_SERVFAIL, ON_OVERLOAD_REFUSED };
/* Why another server may be asked; bits of the configuration's retry.on. */
enum retry_cause {
	RETRY_ON_TIMEOUT = 1,
	RETRY_ON_UNREACHABLE = 2,
	RETRY_ON_SERVFAIL = 4,
	RETRY_ON_REFUSED = 8,
};

#define WORKER_SOCKET_NONE UINT16_MAX
#define WORKER_SOCKETS_MAX 65000 /* a number must fit 16 bits */
#define WORKER_SOCKET_IN_FLIGHT_MAX 32768 /* half of the IDs: a free one is found in two draws */
#define WORKER_SELF_REPLIES 32 /* answers of our own between two flushes */
#define WORKER_SELF_BYTES 512 /* each: our own, or a kept reply */
#define WORKER_AFTER_MAX 8192 /* answered queries with attempts whose time is not over */
#define WORKER_CHOICES_MAX 4 /* servers tried for a query until one has a socket */
#define WORKER_TRIM_AFTER_MS 250 /* memory goes back so often under load, and so long after it */
#define WORKER_TRIM_OVER 512 /* pendings, or datagrams: fewer leave nothing worth giving back */

struct metric_block;
struct pool;
struct rng;
struct server_metrics;

struct worker_params {
	int64_t deadline_ns, attempt_timeout_ns;
	unsigned attempts; /* 1..PENDING_ATTEMPTS */
	unsigned retry_on; /* enum retry_cause, a bit each */
	unsigned retry_budget_percent; /* retries that every hundred queries allow */
	unsigned hedge_percent; /* hedges per hundred queries; 0: none */
	unsigned
		silent_limit; /* attempts without a reply, in a row, that make a suspect; 0: never */
	enum on_failure on_failure;
	enum on_overload on_overload;
	uint16_t udp_reply_max;
	bool case_randomize;
	uint16_t sockets_per_server;

	/* What follows is the engine's to fill in. */
	unsigned n_workers; /* they share what the budgets gain by time */
	struct hash_key pair_key; /* random; the same for all workers: they count pairs together */
};

/* What happened to a query, for -v. */
enum worker_event_kind {
	WORKER_EVENT_QUERY, /* taken; server says who is asked */
	WORKER_EVENT_RETRY, /* asked again, of server; reason says why */
	WORKER_EVENT_MERGED,
	WORKER_EVENT_ANSWERED, /* by server, with rcode, after elapsed_us */
	WORKER_EVENT_SELF, /* answered by us with rcode; reason says why */
	WORKER_EVENT_SILENCE, /* not answered; reason says why */
};
struct worker_event {
	enum worker_event_kind kind;
	const struct origin *origin;
	const uint8_t *question; /* name, type, class; name_len 0: none */
	uint16_t name_len;
	int server; /* -1: none */
	unsigned rcode;
	const char *reason; /* NULL, or static text */
	int64_t elapsed_us;
	bool is_cut; /* sent with TC=1 */
};

/* Events out. `data` stays valid until the next flush. */
struct worker_ops {
	/* To a server by one of its sockets. If it cannot be sent: worker_send_failed(ref). */
	void (*send)(void *ctx, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref);
	/* To a client. */
	void (*answer)(void *ctx, const struct origin *origin, const uint8_t *data, size_t len);
	void (*flush)(void *ctx);
	void (*probe_done)(void *ctx, const struct probe_result *result);
	/* The prober should look at this server. */
	void (*sign)(void *ctx, uint16_t server, enum sign sign);
	/* A server lacks sockets: make some with worker_socket_add if it may be tried now. */
	void (*sockets_wanted)(void *ctx, uint16_t server, int64_t now_ns);
	/* No attempt uses this retired socket any more: close it; the number is free again. */
	void (*socket_unused)(void *ctx, uint16_t socket);
	/* A good moment to give memory back: pending_trim and what else there is. True: all done;
	 * false: ask again later. */
	bool (*trim)(void *ctx);
	/* NULL unless somebody watches. */
	void (*trace)(void *ctx, const struct worker_event *event);
};

/* A reply as it came. The bytes are changed in place and handed to answer(). */
struct worker_reply {
	uint8_t *data; /* room for at least REPLY_SELF_MAX bytes */
	size_t len;
	struct addr from;
	uint16_t socket;
};

/* What the machine may not make itself; outlives it. */
struct worker_env {
	const struct worker_params *params;
	const struct worker_ops *ops;
	void *ctx; /* for ops */
	struct pool *pool;
	struct pending_shard *shard;
	struct pending_quota *quota; /* shared by all workers */
	struct rng *rng;
	struct metric_block *metrics;
	struct server_metrics *server_metrics; /* one per server of the pool */
	struct histogram *latencies; /* of replies, the same; NULL: nobody wants to know */
	uint16_t number; /* of this worker */
};

/* One of the worker's sockets to servers. */
struct worker_socket {
	uint32_t in_flight; /* live attempts */
	uint32_t list; /* of them, those that no ICMP error has spoken of (pending_list) */
	uint16_t server;
	bool is_open;
	bool is_retired; /* no new attempts; goes when in_flight is 0 */
};

/* What a worker keeps per server. */
struct worker_server {
	uint64_t drawn_at; /* the batch in which `drawn` was drawn */
	uint16_t drawn; /* socket of this batch */
	uint16_t n_sockets; /* open and not retired, first in its row of worker.row */
	uint16_t probe_turn; /* which of them the next probe takes */
	uint16_t probe_socket; /* which of them the last one took */
	uint32_t probe_answered; /* serial of the last probe by one of them that was answered */
	int64_t probe_sent_ns; /* when the last one left */
	int64_t replied_ns; /* when a reply came by one of them last */
};

/* Owner only, all of it; only worker*.c look inside. The arrays are the maker's (worker_new). */
struct worker {
	struct worker_env env;
	struct wheel wheel;
	struct budget silence, rcodes; /* for retries, by what they are for */
	struct debtors debtors; /* of both budgets */
	struct known known; /* and who may use the last of them */
	bool is_short; /* a budget may be: who is answered is remembered */
	int64_t answered_ns; /* when an acceptable reply came last */
	int64_t recovered_ns; /* until then all servers are just back: no token comes back */
	struct hedging {
		int64_t tokens; /* in hundredths */
		int64_t off_until_ns;
		unsigned n, n_won; /* since it was judged last */
	} hedging;
	struct worker_server *servers; /* one per server of the pool */
	uint16_t *row; /* sockets of server s: row[s * sockets_per_server ...] */
	struct worker_socket *sockets;
	uint16_t n_sockets; /* size of sockets */
	uint64_t batch; /* counts events in: a socket is drawn per server and batch */
	struct choice_load load; /* of this event */
	uint32_t n_queries; /* pendings of kind query */
	uint32_t n_after; /* and of kind after */
	int32_t credit; /* of env.quota */
	int64_t trim_ns; /* INT64_MAX: nothing to give back */
	size_t n_taken; /* queries and replies since memory went back last */
	unsigned n_self; /* self_replies in use since the last flush */
	uint8_t self_replies[WORKER_SELF_REPLIES][WORKER_SELF_BYTES];
};

/* Memory for a worker over that environment. ERR_NOMEM. In worker_new.c, for the machine itself
 * does not allocate. */
int worker_new(const struct worker_env *env, int64_t now_ns, struct worker **worker_out);
void worker_free(struct worker **w); /* *w may be NULL; sets it to NULL */
size_t worker_bytes(size_t n_servers, size_t sockets_per_server); /* what it takes */
/* Size of worker.sockets. */
size_t worker_socket_numbers(size_t n_servers, size_t sockets_per_server);

/* Events in. */
void worker_take(struct worker *w, int64_t now_ns, struct datagram *const *datagrams, size_t n);
void worker_replies(struct worker *w, int64_t now_ns, struct worker_reply *replies, size_t n);
void worker_tick(struct worker *w, int64_t now_ns);
/* Why a send did not happen: the server's side said so, twice over, or we have no room to send. */
enum worker_send_error { WORKER_SEND_UNREACHABLE, WORKER_SEND_NO_ROOM };
/* The send named by `ref` was not accepted by the kernel. */
void worker_send_failed(
	struct worker *w, int64_t now_ns, uint64_t ref, enum worker_send_error error);
/* An ICMP answer to something sent by this socket before sent_before_ns (INT64_MAX: ever): its server
 * is suspect, a probe that is out by it has failed, and every query that waits at it is asked elsewhere
 * now, within the budget. The attempts stay matched, because such a message can be forged and names no
 * query. */
void worker_socket_failed(
	struct worker *w, int64_t now_ns, uint16_t socket, int64_t sent_before_ns);
/* `socket` is the fresh one if the order is for a fresh one, else ignored. If it could not be made
 * (WORKER_SOCKET_NONE), `failure` says what that means for the probe. */
void worker_probe(struct worker *w, int64_t now_ns, const struct probe_order *order,
	uint16_t socket, enum probe_outcome failure);
/* Ends every query now as at its deadline: for a stop that cannot wait. */
void worker_give_up(struct worker *w, int64_t now_ns);

/* When worker_tick has something to do, INT64_MAX: never. */
int64_t worker_next_ns(const struct worker *w);
/* Queries without an answer yet; probes are not counted. */
uint32_t worker_queries(const struct worker *w);

/* Live attempts on a socket: as many replies may come by it. */
uint32_t worker_socket_in_flight(const struct worker *w, uint16_t socket);
/* Sockets. A number for a new socket of a server, WORKER_SOCKET_NONE if the server has all its
 * sockets. A fresh one (for a probe) carries no traffic until its probe is answered. */
uint16_t worker_socket_add(struct worker *w, uint16_t server, bool is_fresh);
/* Takes back a number that could not be given a socket after all; nothing may have used it. */
void worker_socket_drop(struct worker *w, uint16_t socket);
/* How many sockets the server lacks. */
unsigned worker_sockets_missing(const struct worker *w, uint16_t server);
