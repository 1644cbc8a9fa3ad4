/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * pending - one worker's shard of queries with at least one attempt out. Found by (socket, ID) for
 * replies and by (client, ID, question) for retransmissions.
 *
 * A pending keeps the client's bytes, because they are what is sent, compared with the reply's
 * question and given back to the client. Slots are sized by pendings, not by the 65 536 IDs of a
 * socket; a slot with a query of up to PENDING_INLINE_BYTES costs 288 bytes and nothing else, and
 * longer queries take a second slot of 512 or 4352 bytes, a kept reply one of 512. Owner only; no locks; nothing allocates
 * after creation. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "core/datagram.h"
#include "core/wheel.h"
#include "wire/message.h"

#define PENDING_ATTEMPTS 3 /* of one query; all of them can be matched at the same time */
#define PENDING_INLINE_BYTES 88
#define PENDING_FALLBACK_MAX 512 /* bytes of a reply that is kept */
#define PENDING_NONE UINT32_MAX

enum pending_kind {
	PENDING_QUERY,
	PENDING_PROBE,
	/* No query any more: attempts of an answered one whose time is not over. They keep their
	 * places at their servers until then, and a late reply to them is known for one. */
	PENDING_AFTER,
};

/* What has become of an attempt, and what it was. */
enum attempt_flags {
	ATTEMPT_PLACE = 1, /* holds a place at its server */
	ATTEMPT_OVERDUE = 2, /* its time passed without a reply */
	ATTEMPT_UNREACHABLE = 4, /* the network said so */
	ATTEMPT_BAD = 8, /* answered SERVFAIL or REFUSED */
	ATTEMPT_HEDGE = 16, /* sent before the first was overdue */
	ATTEMPT_FOR_SILENCE = 32, /* paid from the budget for silence */
	ATTEMPT_FOR_RCODE = 64, /* paid from the budget for rcodes */
};

/* One send of the query to one server. */
struct attempt {
	uint32_t next; /* the table's chain */
	uint32_t list_next, list_prev; /* attempts by the same socket, as entries; 0: none */
	uint32_t sent_us; /* after the pending's arrival */
	uint16_t socket; /* the worker's socket number */
	uint16_t id; /* host order */
	uint16_t server;
	uint8_t flags; /* enum attempt_flags */
	bool is_live; /* in the table: a reply would match */
};

/* The part of a probe that a query has its origin for. */
struct pending_probe {
	uint32_t serial; /* the prober's, to know its answer by */
	bool is_fresh; /* sent on a socket made for it */
};

struct pending {
	struct wheel_node timer; /* must be first: expired nodes are pendings */
	union {
		struct origin origin; /* PENDING_QUERY */
		struct pending_probe probe; /* PENDING_PROBE */
	};
	int64_t arrival_ns;
	int64_t deadline_ns;
	uint32_t client_hash, client_next; /* the table's key and chain */
	uint32_t overflow; /* slot of the longer bytes, PENDING_NONE: inline */
	uint32_t fallback; /* slot of a kept reply, PENDING_NONE: none */
	uint16_t fallback_len;
	uint16_t fallback_server; /* who said it */
	uint16_t len; /* of the message */
	uint16_t name_len; /* of its question; 0: it has none */
	uint16_t client_id; /* host order */
	uint16_t client_flags;
	uint16_t client_udp_size; /* announced by EDNS; 0: no OPT */
	uint8_t kind; /* enum pending_kind */
	bool dnssec_ok;
	bool is_signed; /* TSIG or SIG(0): nothing but the ID is changed */
	bool has_case_mask; /* the name was sent with its letters' case changed */
	uint8_t n_attempts; /* used of attempts */
	bool may_retry; /* nothing forbids asking twice */
	bool may_hedge; /* and it has not been hedged */
	bool is_denied; /* a retry was due, and there was no token for it */
	bool is_fallback_cut; /* it was too large to keep whole */
	bool is_hurried; /* its client asked again, and a retry was made for that */
	struct attempt attempts[PENDING_ATTEMPTS];
	uint8_t inline_bytes[PENDING_INLINE_BYTES];
};
_Static_assert(sizeof(struct pending) <= 288, "the memory per outstanding query is a promise");

struct memory_use;
struct pending_shard;

struct pending_params {
	uint32_t capacity; /* pendings; a sixteenth of them (at least 64) may be over 512 bytes */
	bool case_masks; /* room for the case mask behind the bytes */
};

int pending_new(
	const struct pending_params *params, struct pending_shard **shard_out); /* ERR_NOMEM */
void pending_free(struct pending_shard **s); /* *s may be NULL; sets it to NULL */
/* Adds what it takes; it is full with n pendings of up to PENDING_INLINE_BYTES. */
void pending_memory(const struct pending_params *params, uint32_t n, struct memory_use *use);

/* A slot with a copy of the message, in no table and no wheel; NULL when there is no room. */
struct pending *pending_open(
	struct pending_shard *s, const uint8_t *message, size_t len, uint16_t name_len);
/* Leaves both tables and returns the slot. The timer must have been removed. */
void pending_close(struct pending_shard *s, struct pending *p);
uint32_t pending_count(const struct pending_shard *s);

/* The message's bytes, and the case mask behind them ((name_len + 7) / 8 bytes). */
uint8_t *pending_bytes(const struct pending_shard *s, struct pending *p);
uint8_t *pending_case_mask(const struct pending_shard *s, struct pending *p);

/* A name for an attempt that outlives the slot's tenant without meeting the next one. */
uint64_t pending_ref(const struct pending_shard *s, const struct pending *p, unsigned attempt);
struct pending *pending_from_ref(
	const struct pending_shard *s, uint64_t ref, unsigned *attempt_out);

/* Puts attempts[i] with its socket and id into the table; false if a live attempt has them. */
bool pending_attempt_add(struct pending_shard *s, struct pending *p, unsigned i);
void pending_attempt_remove(struct pending_shard *s, struct pending *p, unsigned i);
struct pending *pending_attempt_find(
	const struct pending_shard *s, uint16_t socket, uint16_t id, unsigned *attempt_out);

/* Lists of live attempts, one per socket; *head is kept by the socket's keeper, 0 when empty. */
void pending_list_add(struct pending_shard *s, struct pending *p, unsigned i, uint32_t *head);
void pending_list_remove(struct pending_shard *s, struct pending *p, unsigned i, uint32_t *head);
/* The attempt that an entry names. */
struct pending *pending_list_at(
	const struct pending_shard *s, uint32_t entry, unsigned *attempt_out);

/* Keeps a reply of up to PENDING_FALLBACK_MAX bytes with a pending that has none. False: no room. */
bool pending_fallback_keep(
	struct pending_shard *s, struct pending *p, const uint8_t *data, size_t len);
const uint8_t *pending_fallback(const struct pending_shard *s, const struct pending *p);

/* Leaves the client's table: what is asked now is a new query. */
void pending_client_remove(struct pending_shard *s, struct pending *p);

/* The client's key: a keyed hash, because clients choose what goes in. `question` is compared
 * without regard to case; address, port, listener, the address asked, ID and opcode must
 * be equal too. */
uint32_t pending_client_hash(const struct pending_shard *s, const struct origin *origin,
	uint16_t id, const uint8_t *question, size_t question_len);
void pending_client_add(struct pending_shard *s, struct pending *p, uint32_t hash);
struct pending *pending_client_find(const struct pending_shard *s, uint32_t hash,
	const struct origin *origin, const struct header *header, const uint8_t *question,
	size_t name_len);

/* Gives memory back that is not in use now; the tables only while nothing is pending. True if
 * nothing more than that could be given back. */
bool pending_trim(struct pending_shard *s);

/* The limit on pendings of all workers together. Workers draw places in blocks, so that the shared
 * count is touched once in a while; a small limit makes the blocks small and so stays exact. */
struct pending_quota {
	_Atomic int32_t left; /* any worker */
	int32_t block; /* set at start */
};
void pending_quota_init(struct pending_quota *q, uint32_t pending_max, unsigned n_workers);
/* *credit is the worker's own. False: the limit is reached. */
bool pending_quota_take(struct pending_quota *q, int32_t *credit);
void pending_quota_give(struct pending_quota *q, int32_t *credit);
