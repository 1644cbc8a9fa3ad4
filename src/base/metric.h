/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * metric - every counter of the program, defined once.
 *
 * To add one: a row in METRIC_LIST, then metric_add(block, METRIC_x, 1) where it happens. The id,
 * the storage, the sum over the threads and the name in every output come from the row.
 *
 * Each thread owns one block and is the only one to write it (relaxed load and store, no locked
 * instruction); any thread may sum all blocks with metric_sum (relaxed loads).
 *
 * The balance that must hold at any quiescent point, and that tests check: METRIC_QUERIES equals
 * the sum of all rows of kind ANSWERED, DROPPED, SHED and MERGED plus what is pending. */
#pragma once
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* kind: how a row takes part in the balance. IN: the left side. ANSWERED, DROPPED, SHED, MERGED:
 * ends of a client's datagram. NOTE: told beside it, no part of the sum. */
#define METRIC_LIST(X) \
	X(queries, IN, "Datagrams received from clients.") \
	X(answered_server, ANSWERED, "Queries answered with a server's reply.") \
	X(answered_formerr, ANSWERED, "Queries answered FORMERR by us: malformed.") \
	X(answered_notimp, ANSWERED, "Queries answered NOTIMP by us: opcode not forwarded.") \
	X(answered_deadline, ANSWERED, "Queries answered SERVFAIL by us: no reply in time.") \
	X(answered_unreachable, ANSWERED, "Queries answered SERVFAIL by us: sending failed.") \
	X(answered_no_server, ANSWERED, "Queries answered SERVFAIL by us: no server to ask.") \
	X(dropped_short, DROPPED, "Datagrams shorter than a DNS header.") \
	X(dropped_response, DROPPED, "Datagrams from clients with QR=1.") \
	X(dropped_acl, DROPPED, "Datagrams from addresses outside the acl.") \
	X(dropped_portless, DROPPED, "Datagrams from port 0, to which no answer can be sent.") \
	X(dropped_oversize, DROPPED, "Datagrams over 4096 bytes.") \
	X(dropped_control, DROPPED, "Datagrams whose destination address the kernel cut off.") \
	X(dropped_failure, DROPPED, "Queries without a reply, not answered: on_failure is drop.") \
	X(shed_queue, SHED, "Queries pushed out of a full queue.") \
	X(shed_delay, SHED, "Queries that waited too long for a worker.") \
	X(shed_limit, SHED, "Queries over max_outstanding or pending_max.") \
	X(shed_fair, SHED, "Queries shed of a client prefix that takes more than its share.") \
	X(merged, MERGED, "Retransmissions that met their pending query.") \
	X(fallbacks, NOTE, "Queries answered with a kept SERVFAIL or REFUSED of a server.") \
	X(truncated, NOTE, "Answers sent with TC=1 because they were too large.") \
	X(shed_answered, NOTE, "Shed queries that were answered as on_overload says.") \
	X(answer_errors, NOTE, "Answers the kernel refused to send.") \
	X(attempts, NOTE, "Queries sent to servers, probes not counted.") \
	X(attempt_timeouts, NOTE, "Attempts without a reply in attempt_timeout_ms.") \
	X(attempt_errors, NOTE, "Attempts that could not be sent, or met an ICMP error.") \
	X(retries, NOTE, "Attempts after the first of a query, hedges not counted.") \
	X(retries_denied, NOTE, "Retries not made: the budget was empty.") \
	X(hedges, NOTE, "Second attempts before the first was overdue.") \
	X(hedges_won, NOTE, "Hedges that were answered first.") \
	X(hedges_denied, NOTE, "Hedges not made: no token was left.") \
	X(hedges_off, NOTE, "Hedges not made: too few of those before were won.") \
	X(tests, NOTE, "Queries sent to an ejected server to test it.") \
	X(attempts_resent, NOTE, "Attempts sent again after an older ICMP error.") \
	X(socket_errors, NOTE, "ICMP and other errors read from server sockets.") \
	X(replies, NOTE, "Datagrams received from servers.") \
	X(replies_late, NOTE, "Replies to a query that was already answered.") \
	X(replies_bettered, NOTE, "SERVFAIL or REFUSED that a retry elsewhere bettered.") \
	X(replies_unmatched, NOTE, "Replies to no live attempt, by ID and socket.") \
	X(replies_wrong_peer, NOTE, "Replies from an address that was not asked.") \
	X(replies_wrong_question, NOTE, "Replies to another question than was asked.") \
	X(replies_malformed, NOTE, "Replies too broken to be one.") \
	X(batches, NOTE, "Batches of queries read and let in.") \
	X(stolen, NOTE, "Queries a worker read from another one's listening socket.") \
	X(wakeups, NOTE, "Returns from the poller, all threads.") \
	X(kernel_drops, NOTE, "Datagrams the kernel dropped from full listening sockets.") \
	X(receive_errors, NOTE, "Errors read from listening sockets.")

enum metric_id {
#define X(name, kind, help) METRIC_##name,
	METRIC_LIST(X)
#undef X
		METRIC_COUNT
};

enum metric_kind {
	METRIC_KIND_IN,
	METRIC_KIND_ANSWERED,
	METRIC_KIND_DROPPED,
	METRIC_KIND_SHED,
	METRIC_KIND_MERGED,
	METRIC_KIND_NOTE,
};

struct metric_block {
	alignas(64) _Atomic uint64_t value[METRIC_COUNT]; /* written by the owning thread only */
};

struct metric_row {
	const char *name;
	const char *help;
	enum metric_kind kind;
};

extern const struct metric_row metric_rows[METRIC_COUNT];

/* Adds to a counter that only the calling thread writes: no locked instruction. Always inlined, or
 * gcc folds callers with arrays of different lengths into one and warns of the longer's bounds. */
__attribute__((always_inline)) static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

/* Owner only. */
__attribute__((always_inline)) static inline void metric_add(
	struct metric_block *m, enum metric_id id, uint64_t n)
{
	counter_add(&m->value[id], n);
}

/* Any thread. */
uint64_t metric_sum(const struct metric_block *blocks, size_t n_blocks, enum metric_id id);
