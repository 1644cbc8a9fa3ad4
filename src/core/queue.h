/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * queue - bounded hand-off of batches of client datagrams from the receivers to the workers.
 *
 * The unit is the batch: at load a producer takes the lock twice (stock, push) and a consumer once
 * for up to 32 datagrams, and there is at most one wake-up. A push
 * never fails and never waits: full pushes out the oldest, which the caller counts as shed. A
 * worker never waits here either: it sleeps in its poller, and a push wakes at most one worker
 * that found the queue empty, the one with the lowest number, so that a small load keeps one
 * worker busy and warm instead of waking all in turn.
 *
 * Under overload the work that is done is the newest. The queue stands when it was not emptied for
 * a whole interval and the oldest in it had always waited longer than the target (core/codel.h);
 * while it stands, workers get the newest batch first, and a push gives back, to be shed, what has
 * waited QUEUE_LATE_TARGETS times the target. Oldest first would serve everybody just too late; and
 * shedding by age alone would shed all of it when a worker had no CPU for a moment.
 *
 * Batches that are rationed (core/fair.h) are late after QUEUE_RATIONED_TARGETS, without a verdict:
 * there is more than enough newer work, and each moment that one waits here is added to those that its
 * reply has to wait for the worker. A push gives them back too; but the newest is always left, however
 * long it waited in the socket, for the workers are not to run dry.
 *
 * Batches that are light, of clients who ask little while others are held back (core/fair.h), go
 * before all others and are pushed out last.
 *
 * The queue also keeps the stock of empty datagrams and batches. Memory for the stock is committed
 * as it is first used and given back by queue_trim(). Limits: `capacity` datagrams waiting, plus those in the threads' hands;
 * an eighth of them may be large ones. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "core/datagram.h"

struct memory_use;
struct queue; /* opaque: the lock is nobody else's business */

#define QUEUE_CONSUMERS_MAX 256
/* 40 ms by default: the most that leaves an answer in 50, and longer than a worker that shares its
 * CPU with a handful of busy programs waits for its turn. */
#define QUEUE_LATE_TARGETS 8
#define QUEUE_RATIONED_TARGETS 2 /* as in "Fail at Scale" */
#define QUEUE_LEAST 64 /* datagrams: two batches, of clients who ask little and of others */
#define QUEUE_FULL_PART 4 /* of the capacity: so much waiting is overload, without a verdict */

struct queue_params {
	size_t capacity; /* datagrams */
	unsigned n_producers,
		n_consumers; /* threads that may hold stock; consumers at most QUEUE_CONSUMERS_MAX */
	int64_t target_ns, interval_ns; /* of codel; a target of 0: it never stands */
};

/* The counters count from the start. */
struct queue_load {
	size_t waiting; /* datagrams */
	uint64_t n_pushed, n_taken; /* datagrams; those taken went to workers */
	int64_t delay_sum_ns; /* of those taken, each counted as the oldest of its batch */
	uint64_t n_drained; /* how often a worker found nothing more */
	bool is_standing;
};

int queue_new(const struct queue_params *params, struct queue **queue_out); /* ERR_NOMEM */
void queue_free(struct queue **q); /* *q may be NULL; sets it to NULL */
/* Adds what it takes; it is full of small datagrams, each alone in its batch. */
void queue_memory(const struct queue_params *params, struct memory_use *use);

/* At set-up: consumer `i` is woken by signalling this eventfd (net/poller.h). Without it, it is not:
 * it is then the producer too. */
void queue_set_wakeup(struct queue *q, unsigned consumer, int wakeup_fd);

/* A producer's stock: fills the empty (NULL) entries of small[0..n) and, if it is NULL, *batch.
 * Entries stay NULL while there is nothing to be had (a trim runs). Takes queue.lock. */
void queue_stock(struct queue *q, struct datagram **small, unsigned n, struct batch **batch);
/* A large datagram, NULL when there are no more. Takes queue.lock. */
struct datagram *queue_take_large(struct queue *q);

/* Any producer; the batch, not empty, becomes the queue's. NULL, or a list of the oldest batches,
 * pushed out because they are late (is_late) or to make room; the caller counts them and returns
 * them with queue_give_back. Takes queue.lock; wakes after releasing it. */
struct batch *queue_push(struct queue *q, struct batch *b, int64_t now_ns);

/* Consumer `i`: gives back `done` (a batch it finished, or NULL) and takes the oldest batch, or the
 * newest while the queue stands or the oldest is late, with those of its kind that follow as far as
 * they fit into it. NULL when there is none: the consumer is then noted as idle and the next push may
 * signal it. Takes queue.lock, never waits. */
struct batch *queue_pop(struct queue *q, unsigned consumer, struct batch *done, int64_t now_ns);

/* The same for a consumer that has more to do elsewhere: it is not noted as idle. */
struct batch *queue_take(struct queue *q, struct batch *done, int64_t now_ns);

/* Consumer `i`: gives back `done`, and is noted as idle unless there is more; true: it is. Takes
 * queue.lock. */
bool queue_rest(struct queue *q, unsigned consumer, struct batch *done, int64_t now_ns);

/* Any thread: how it fares. Takes queue.lock. */
void queue_look(struct queue *q, struct queue_load *load_out);

/* Any thread: how many more may wait before that alone is called an overload; never so many that two
 * batches could make it one. Takes queue.lock. */
size_t queue_room(struct queue *q);

/* Any thread: returns a list of batches with their datagrams to the stock. Takes queue.lock. */
void queue_give_back(struct queue *q, struct batch *list);
/* One datagram that was not put into a batch. Takes queue.lock. */
void queue_give_datagram(struct queue *q, struct datagram *d);

/* After this nothing may be pushed; all consumers are woken. Takes queue.lock. */
void queue_close(struct queue *q);
bool queue_is_closed(struct queue *q); /* Takes queue.lock. */
/* Closed, and every batch has been popped. Takes queue.lock. */
bool queue_is_drained(struct queue *q);

/* Gives the memory of unused stock back to the system (nothing, while another thread does). Takes
 * queue.lock twice; the system call runs outside it. */
void queue_trim(struct queue *q);
