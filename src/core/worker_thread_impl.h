/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of the loop share: worker_thread.c makes, turns and ends it, worker_thread_in.c has
 * what comes in, worker_thread_out.c what leaves. Only they include this. */
#pragma once
#include <stdalign.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/metric.h"
#include "base/rng.h"
#include "core/outgoing.h"
#include "core/upstream.h"
#include "core/worker_thread.h"
#include "net/batch.h"
#include "net/poller.h"

#define REPLY_SLOT_BYTES 65536 /* any UDP payload fits; only the pages touched cost memory */
#define REPLIES_BYTES ((size_t)BATCH_MAX * REPLY_SLOT_BYTES)
/* Tags of the poller: below it the number of a socket to a server. */
#define CLIENT_TAG (UINT64_C(1) << 32) /* and the number of a listening socket */
#define WAKE_TAG UINT64_MAX

/* A send the kernel refused, twice or for want of room. */
struct failed_send {
	uint64_t ref;
	enum worker_send_error error;
};

/* An ICMP error, which the kernel tells before the datagrams that it took in earlier: replies that came
 * by the socket are read and handed over before the machine hears of it. */
struct socket_error {
	uint16_t socket;
	bool is_read; /* the socket was, since */
	int64_t event_ns; /* what was sent in this event or later is not meant */
};

struct worker_thread {
	/* set at start */
	struct worker_thread_params params;
	struct worker_ops ops;
	struct worker *worker;
	struct pending_shard *shard;
	struct mailbox *orders;
	int wakeup_fd;
	struct poller *poller;
	struct inbox *inbox;
	struct intake *intake; /* dispatch = "direct", else NULL */
	uint8_t *reply_bytes; /* BATCH_MAX slots of REPLY_SLOT_BYTES */
	pthread_t id;
	bool is_started;

	/* owner only */
	struct rng rng;
	int64_t now_ns;
	struct upstream upstream;
	struct outgoing sends, answers;
	struct failed_send failed[OUTGOING_MAX]; /* for the machine */
	size_t n_failed;
	struct socket_error socket_errors[OUTGOING_MAX]; /* for it, too */
	size_t n_socket_errors;
	struct inbox_slot slots[BATCH_MAX];
	struct worker_reply replies[BATCH_MAX];
	struct batch *done; /* given back with the next pop */
	unsigned n_last_reads; /* turns since the end of reading clients was asked for */
	bool has_left_clients;
	bool is_alone; /* behind, and all others are too */

	/* atomic, relaxed: a flag, and a figure to look at */
	alignas(ALLOC_LINE) _Atomic bool hurry;
	_Atomic bool is_stopping;
	_Atomic bool is_finished;
	_Atomic uint32_t n_queries;
};

static inline void worker_thread_count(struct worker_thread *t, enum metric_id id)
{
	metric_add(t->params.metrics, id, 1);
}

/* ---- worker_thread_out.c ---- */

/* With what is traced, or without, which spares the machine the telling. */
struct worker_ops worker_thread_ops(bool is_traced);
int worker_thread_make_boxes(struct worker_thread *t); /* sends, answers. ERR_NOMEM */
/* Tells the machine what the kernel refused to send during the last event: after each of them. */
void worker_thread_report_failures(struct worker_thread *t);
void worker_thread_note_error(struct worker_thread *t, uint16_t socket, bool is_read);
/* Tells the machine of the errors of sockets that were read since. */
void worker_thread_report_errors(struct worker_thread *t);

/* ---- worker_thread_in.c ---- */

void worker_thread_read_replies(
	struct worker_thread *t, const struct poller_event *events, size_t n_events);
void worker_thread_take_orders(struct worker_thread *t);
/* Takes a batch of the queue. True if there is more, or has_more: then it does not look. */
bool worker_thread_take_batch(struct worker_thread *t, bool has_more);
/* The same, with what dispatch = "direct" needs before and after. True: there is more to do at once. */
bool worker_thread_serve_clients(
	struct worker_thread *t, const struct poller_event *events, size_t n_events);
