/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stage - the simulated world of a story: workers and pool as the configuration wants them, actors
 * for clients and servers, a network with losses and delays, and a clock that moves when it is
 * told to. Nothing here decides what dnsbal should decide.
 *
 * Events that the machines hand out while they are in the middle of one (a send that fails, a probe
 * to be sent) wait in a list until that one has ended: a machine is never entered twice.
 *
 * Clients: cN is 172.16.N.1, each in a prefix of its own. Servers: the n-th is 198.51.100.n. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/pool.h"
#include "balance/watch.h"
#include "base/clock.h"
#include "base/metric.h"
#include "base/rng.h"
#include "config/config.h"
#include "core/worker.h"
#include "services/prober.h"
#include "stories/packet.h"
#include "stories/story.h"

#define STAGE_WORKERS_MAX 4
#define STAGE_START_NS (1000 * CLOCK_NS_PER_S)
#define STAGE_US (-1) /* who answered, when it was us */

/* ---- actors ------------------------------------------------------------------------------------- */

enum temper { TEMPER_WAITS, TEMPER_ANSWERS, TEMPER_SILENT };

/* What a server does with what it hears, without being told each time. */
struct habit {
	enum temper temper;
	int64_t delay_ns;
	struct packet_reply reply;
	int as; /* the server from whose address it answers, -1: its own */
	unsigned copies;
};

/* What all servers do with queries for these names, whatever their habits. */
struct exception {
	char *suffix;
	struct habit habit;
};
enum { EXCEPTIONS_MAX = 8 };

enum road { ROAD_OPEN, ROAD_UNREACHABLE, ROAD_CLOSED, ROAD_NO_ROOM };

struct stage_server {
	const char *name;
	struct habit to_queries, to_probes;
	double loss_percent;
	enum road road;
	uint64_t n_heard, n_heard_before; /* queries; before the last "count anew" */
};

/* A client's query, and what became of it. */
struct ask {
	int client;
	unsigned worker;
	uint16_t id;
	unsigned n_datagrams, n_answers;
	struct packet_query query;
	char *name;
};

/* ---- what happens ------------------------------------------------------------------------------- */

enum happening_kind { HEARD, GOT };

struct happening {
	enum happening_kind kind;
	int64_t at_ns;
	int who; /* the server that heard, the client that got */
	bool must_be_told; /* a story that does not say so is wrong */
	bool is_told;
	bool is_waiting; /* a query for which the server will be told what to say */
	struct packet_view view;
	uint8_t *data;
	size_t len;

	/* HEARD: where the reply goes */
	unsigned worker;
	uint16_t socket;
	uint32_t generation; /* of the socket */
	bool is_probe, by_fresh_socket;
	uint8_t *last_reply; /* for "again" */
	size_t last_reply_len;

	/* GOT */
	int from; /* a server, STAGE_US */
	const char *reason; /* of us */
};

/* ---- crowds ------------------------------------------------------------------------------------- */

enum { CROWD_MANY, CROWD_ONE, CROWDS }; /* of many prefixes, of one */

struct crowd_ask {
	int64_t at_ns;
	bool is_answered;
};
struct crowd {
	struct crowd_ask *asks;
	size_t n_asks, size;
	uint64_t n_rcode[16];
	uint64_t n_from[STORY_SERVERS_MAX];
	uint64_t n_by_us;
	int64_t slowest_ns;
	size_t since; /* asks before this one are not counted any more */
};
struct load { /* asks every so often */
	int which;
	int64_t next_ns, every_ns, until_ns;
	char *name; /* its star is replaced by a number */
	uint16_t type;
	bool is_running;
};
enum { LOADS_MAX = 8 };

/* ---- the stage ---------------------------------------------------------------------------------- */

struct stage_worker {
	struct stage *stage;
	unsigned number;
	struct worker *machine;
	struct pending_shard *shard;
	struct rng rng;
	struct server_metrics *server_metrics;
	struct histogram *latencies; /* one per server */
	uint32_t *generation; /* per socket number: counts who had it */
	bool *is_dead; /* per socket number: what is sent by it is lost */
	bool *is_fresh; /* per socket number: was made for a probe */
};

/* What the watch told, as the log would have it. */
struct log_line {
	int64_t at_ns;
	char *text;
	bool is_told;
};

struct stage {
	const struct story *story;
	struct config config;
	struct worker_params worker_params;
	struct pool *pool;
	struct pending_quota quota;
	struct metric_block *metrics; /* one per worker */
	unsigned n_workers;
	struct stage_worker workers[STAGE_WORKERS_MAX];
	struct watch *watch;
	struct rng watch_rng;
	struct prober_params prober; /* its rules have messages of these */
	struct packet probes[STORY_SERVERS_MAX + 1];
	bool is_over; /* no more probes */
	int64_t now_ns;
	struct rng rng; /* the world's luck */

	unsigned n_servers;
	struct stage_server servers[STORY_SERVERS_MAX];
	struct exception exceptions[EXCEPTIONS_MAX];
	unsigned n_exceptions;
	int it, other; /* the server that "someone" was; -1: nobody yet */

	struct ask *asks;
	size_t n_asks;
	uint16_t next_id;
	uint64_t n_fed, n_answers, n_no_room;
	struct crowd crowds[CROWDS];
	struct load loads[LOADS_MAX];
	uint64_t n_crowd_names;

	struct happening *happenings;
	size_t n_happenings, first_open; /* those before it are past */
	struct delivery *deliveries; /* a heap by time */
	size_t n_deliveries, deliveries_size;
	uint64_t n_sequence;
	struct errand *errands;
	size_t n_errands, first_errand, errands_size;

	struct log_line *log;
	size_t n_log;
	/* The chronicle, as text. */
	char **chronicle;
	size_t n_chronicle;

	/* Who wants to hear of answers and traces, and of queries that reached a server, besides; NULL:
	 * nobody. `reply_ns`: when the server says something to it, INT64_MAX: never by itself. */
	void (*answered)(struct stage *s, size_t ask);
	void (*traced)(struct stage *s, const struct worker_event *event);
	void (*heard)(struct stage *s, const struct happening *query, int64_t reply_ns);

	/* The first thing that was not as told; "" while all is well. */
	bool has_failed;
	char expected[400], happened[1600];
};

bool stage_open(struct stage *s, const struct story *story, uint64_t seed);
void stage_close(struct stage *s);

/* Room for one more behind n elements of that size: doubled whenever it is used up. */
void *stage_grow(void *array, size_t n, size_t size);
/* Milliseconds since the story began. */
double stage_ms(const struct stage *s, int64_t at_ns);
void stage_note(struct stage *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something is not as it was told. Always false; the first one is kept. `expected` may be NULL. */
bool stage_fail(struct stage *s, const char *expected, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int stage_server(void *stage, const char *name); /* -1: no such one */

/* Lets all happen that is due until then. */
void stage_run(struct stage *s, int64_t until_ns);
/* When the next thing happens by itself, INT64_MAX: never. */
int64_t stage_next_ns(const struct stage *s);

/* Events in, by actors. A datagram that waited so long in queues before. */
void stage_feed(struct stage *s, unsigned worker, const struct addr *client, const uint8_t *data,
	size_t len, int64_t waited_ns);
/* The server that heard it says this, after that time. */
void stage_send_reply(struct stage *s, struct happening *heard, int as, const uint8_t *data,
	size_t len, int64_t delay_ns);
struct addr stage_client_address(int client);
struct addr stage_server_address(int server);
void stage_kill_sockets(struct stage *s, int server);
void stage_give_up(struct stage *s);
void stage_open_socket(struct stage_worker *w, uint16_t socket, bool is_fresh);
void stage_seed(struct rng *rng, uint64_t seed, unsigned who);

/* The n-th thing that can still be told, in order of time; NULL behind the last. */
struct happening *stage_open_happening(struct stage *s, size_t n);
void stage_describe(const struct stage *s, const struct happening *h, char *out, size_t size);
/* All so far is past. False if a story should have told some of it. */
bool stage_pass(struct stage *s);

uint64_t stage_metric(const struct stage *s, enum metric_id id);
uint64_t stage_server_metric(const struct stage *s, int server, enum server_metric_id id);
uint32_t stage_queries(const struct stage *s);
uint32_t stage_slots(const struct stage *s);

/* What must hold at any moment; and at the end, when nothing is pending any more. */
bool stage_check(struct stage *s);
bool stage_check_end(struct stage *s);

/* stage_actors.c: what the servers and the network do with what was sent, the clients with answers. */
void stage_sent(
	struct stage_worker *w, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref);
void stage_answered(
	struct stage_worker *w, const struct origin *o, const uint8_t *data, size_t len);
void stage_traced(struct stage_worker *w, const struct worker_event *e);

/* stage_network.c: what travels. */
void stage_later(struct stage *s, int64_t at_ns, unsigned worker, uint16_t socket,
	uint32_t generation, const struct addr *from, const uint8_t *data, size_t len);
int64_t stage_delivery_ns(const struct stage *s);
void stage_deliver(struct stage *s);
void stage_network_close(struct stage *s);

/* stage_errands.c: what waits for the end of the event that is being handled. */
enum errand_kind {
	ERRAND_SEND_FAILED,
	ERRAND_NO_ROOM,
	ERRAND_SOCKET_FAILED,
	ERRAND_PROBE, /* by the watch's order */
	ERRAND_RESULT, /* of a probe, for the watch */
	ERRAND_SIGN, /* for the watch */
};
struct errand {
	enum errand_kind kind;
	unsigned worker;
	union {
		struct {
			uint16_t socket;
			uint64_t ref;
		};
		struct probe_order order;
		struct probe_result result;
		struct {
			uint16_t server;
			enum sign sign;
		};
	};
};
void stage_errand(struct stage *s, const struct errand *e);
void stage_settle(struct stage *s);

/* stage_watch.c: the watch, and what it tells. */
bool stage_watch_open(struct stage *s, uint64_t seed);
void stage_watch_close(struct stage *s);

/* crowd.c */
bool crowd_start(struct stage *s, const struct load *load);
int64_t crowd_next_ns(const struct stage *s);
void crowd_run(struct stage *s);
void crowd_ask(struct stage *s, int which, const char *name, uint16_t type, unsigned worker);
/* Is that address one of a crowd's? Then the answer is noted. */
bool crowd_answered(struct stage *s, const struct addr *client, const uint8_t *data, size_t len);
bool crowd_is(const struct addr *client);
void crowd_stop(struct stage *s);
void crowd_close(struct stage *s);
