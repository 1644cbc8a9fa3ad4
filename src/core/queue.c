/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariants, under the lock: `waiting` is the sum of n over the list; a bit is set in `idle` for
 * each consumer that found the queue empty and was not signalled since. A consumer is signalled
 * after the lock is released, by a write to its eventfd; a signal that finds it already awake
 * costs one more look at an empty queue. Codel hears of the oldest batch at every pop, whichever
 * is taken: while the newest is served, it is the oldest that tells whether the queue drains. */
#include "core/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/memory.h"
#include "base/slab.h"
#include "base/thread.h"
#include "core/codel.h"
#include "net/poller.h"

#define IDLE_WORDS (QUEUE_CONSUMERS_MAX / 64)
#define LATE_PER_PUSH (2 * BATCH_MAX) /* datagrams: a producer must not hold the stock */

struct line {
	struct batch *oldest, *newest;
};

struct queue {
	/* set at start */
	size_t capacity;
	unsigned n_consumers;
	int wakeup_fd[QUEUE_CONSUMERS_MAX];

	/* under lock */
	pthread_mutex_t lock; /* leaf: take nothing under it */
	struct line lines[2]; /* by is_light */
	struct queue_load load;
	struct codel codel;
	uint64_t idle[IDLE_WORDS];
	bool is_closed;
	bool is_trimming;
	struct slab *small, *large, *batches;
};

static size_t round16(size_t n)
{
	return (n + 15) / 16 * 16;
}

enum { STOCK_SMALL, STOCK_LARGE, STOCK_BATCHES, STOCK_KINDS };

struct stock {
	size_t size;
	uint32_t n;
};

static void plan_stock(const struct queue_params *params, struct stock stock_out[STOCK_KINDS])
{
	/* A thread holds at most one batch it reads into or lets in, two pushed out, one served. */
	size_t in_hand = (size_t)(params->n_producers + params->n_consumers) * 4 * BATCH_MAX;
	uint32_t n = (uint32_t)(params->capacity + in_hand);

	stock_out[STOCK_SMALL] = (struct stock){
		round16(sizeof(struct datagram) + DATAGRAM_SMALL_BYTES), n
	};
	stock_out[STOCK_LARGE] = (struct stock){
		round16(sizeof(struct datagram) + DATAGRAM_LARGE_BYTES), n / 8
	};
	stock_out[STOCK_BATCHES] = (struct stock){ round16(sizeof(struct batch)), n };
}

int queue_new(const struct queue_params *params, struct queue **queue_out)
{
	struct queue *q = calloc(1, sizeof *q);
	struct stock stock[STOCK_KINDS];

	assert(params->n_consumers <= QUEUE_CONSUMERS_MAX);
	if (!q)
		return ERR_NOMEM;
	pthread_mutex_init(&q->lock, NULL);
	q->capacity = params->capacity;
	codel_init(&q->codel, params->target_ns, params->interval_ns);
	q->n_consumers = params->n_consumers;
	for (unsigned i = 0; i < QUEUE_CONSUMERS_MAX; i++)
		q->wakeup_fd[i] = -1;
	plan_stock(params, stock);
	struct slab **const slabs[STOCK_KINDS] = { &q->small, &q->large, &q->batches };
	int rc = 0;
	for (int i = 0; i < STOCK_KINDS && rc == 0; i++)
		rc = slab_new(stock[i].size, stock[i].n, slabs[i]);
	if (rc < 0) {
		queue_free(&q);
		return ERR_NOMEM;
	}
	*queue_out = q;
	return 0;
}

void queue_free(struct queue **qp)
{
	struct queue *q = *qp;

	if (!q)
		return;
	slab_free(&q->small);
	slab_free(&q->large);
	slab_free(&q->batches);
	pthread_mutex_destroy(&q->lock);
	free(q);
	*qp = NULL;
}

void queue_memory(const struct queue_params *params, struct memory_use *use)
{
	struct stock stock[STOCK_KINDS];

	plan_stock(params, stock);
	memory_add_fixed(use, sizeof(struct queue));
	for (int i = 0; i < STOCK_KINDS; i++)
		slab_memory(stock[i].size, stock[i].n, i == STOCK_LARGE ? 0 : stock[i].n, use);
}

void queue_set_wakeup(struct queue *q, unsigned consumer, int wakeup_fd)
{
	q->wakeup_fd[consumer] = wakeup_fd;
}

static struct datagram *take_datagram_locked(struct slab *slab, bool is_large)
{
	uint32_t slot = slab_take(slab);

	if (slot == SLAB_NONE)
		return NULL;
	struct datagram *d = slab_at(slab, slot);
	d->is_large = is_large;
	return d;
}

static void give_datagram_locked(struct queue *q, struct datagram *d)
{
	struct slab *slab = d->is_large ? q->large : q->small;

	slab_give(slab, slab_index(slab, d));
}

static void give_batches_locked(struct queue *q, struct batch *list)
{
	while (list) {
		struct batch *next = list->next;

		for (unsigned i = 0; i < list->n; i++)
			give_datagram_locked(q, list->datagrams[i]);
		slab_give(q->batches, slab_index(q->batches, list));
		list = next;
	}
}

static struct batch *take_batch_locked(struct queue *q)
{
	uint32_t slot = slab_take(q->batches);

	if (slot == SLAB_NONE)
		return NULL;
	struct batch *b = slab_at(q->batches, slot);
	b->next = NULL;
	b->n = 0;
	b->is_light = b->is_rationed = false;
	return b;
}

void queue_stock(struct queue *q, struct datagram **small, unsigned n, struct batch **batch)
{
	pthread_mutex_lock(&q->lock);
	for (unsigned i = 0; i < n; i++) {
		if (!small[i])
			small[i] = take_datagram_locked(q->small, false);
	}
	if (!*batch)
		*batch = take_batch_locked(q);
	pthread_mutex_unlock(&q->lock);
}

struct datagram *queue_take_large(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	struct datagram *d = take_datagram_locked(q->large, true);
	pthread_mutex_unlock(&q->lock);
	return d;
}

static struct batch *unlink_locked(struct queue *q, struct batch *b)
{
	struct line *line = &q->lines[b->is_light];

	if (b->older)
		b->older->next = b->next;
	else
		line->oldest = b->next;
	if (b->next)
		b->next->older = b->older;
	else
		line->newest = b->older;
	q->load.waiting -= b->n;
	b->next = NULL;
	return b;
}

static void append_locked(struct queue *q, struct batch *b)
{
	struct line *line = &q->lines[b->is_light];

	b->next = NULL;
	b->older = line->newest;
	if (line->newest)
		line->newest->next = b;
	else
		line->oldest = b;
	line->newest = b;
	q->load.waiting += b->n;
	q->load.n_pushed += b->n;
}

/* Of those that are pushed out first. */
static struct batch *oldest_locked(const struct queue *q)
{
	return q->lines[false].oldest ? q->lines[false].oldest : q->lines[true].oldest;
}

/* The age at which it is. */
static int64_t late_ns_locked(const struct queue *q, const struct batch *b)
{
	if (q->codel.target_ns == 0 || b->is_light)
		return INT64_MAX;
	return (b->is_rationed ? QUEUE_RATIONED_TARGETS : QUEUE_LATE_TARGETS) * q->codel.target_ns;
}

static bool is_late_locked(const struct queue *q, const struct batch *b, int64_t now_ns)
{
	return now_ns - b->newest_ns > late_ns_locked(q, b);
}

/* Late ones are shed while clients are held back, on the verdict of an interval, or while so many
 * wait that it need not be heard; a burst alone is served to its end. */
static bool is_shedding_locked(const struct queue *q, const struct batch *b)
{
	return b->is_rationed || q->codel.is_standing ||
	       q->load.waiting >= q->capacity / QUEUE_FULL_PART;
}

/* The oldest, as far as they must go for n more to come. */
static struct batch *push_out_locked(struct queue *q, size_t n, int64_t now_ns)
{
	struct batch *list = NULL, **tail = &list;
	size_t n_out = 0;

	for (struct batch *b; (b = oldest_locked(q));) {
		bool is_late = is_shedding_locked(q, b) && is_late_locked(q, b, now_ns) &&
			       n_out < LATE_PER_PUSH;

		if (!is_late && q->load.waiting + n <= q->capacity)
			break;
		unlink_locked(q, b);
		b->is_late = is_late;
		n_out += b->n;
		*tail = b;
		tail = &b->next;
	}
	return list;
}

/* The lowest-numbered idle consumer, taken out of the set; -1 when none is idle. */
static int take_idle_locked(struct queue *q)
{
	for (int w = 0; w < IDLE_WORDS; w++) {
		if (q->idle[w] != 0) {
			int bit = __builtin_ctzll(q->idle[w]);

			q->idle[w] &= q->idle[w] - 1;
			return w * 64 + bit;
		}
	}
	return -1;
}

struct batch *queue_push(struct queue *q, struct batch *b, int64_t now_ns)
{
	b->arrival_ns = b->datagrams[0]->arrival_ns;
	b->newest_ns = b->datagrams[b->n - 1]->arrival_ns;
	pthread_mutex_lock(&q->lock);
	assert(!q->is_closed);
	struct batch *pushed_out = push_out_locked(q, b->n, now_ns);
	append_locked(q, b);
	int idle = take_idle_locked(q);
	pthread_mutex_unlock(&q->lock);
	if (idle != -1 && q->wakeup_fd[idle] != -1)
		wakeup_signal(q->wakeup_fd[idle]);
	return pushed_out;
}

/* What is late already comes last, verdict or not. */
static struct batch *next_locked(const struct queue *q, int64_t now_ns)
{
	const struct line *rest = &q->lines[false];

	if (q->lines[true].oldest)
		return q->lines[true].oldest;
	if (rest->oldest && (q->codel.is_standing || is_late_locked(q, rest->oldest, now_ns)))
		return rest->newest;
	return rest->oldest;
}

static void note_taken_locked(struct queue *q, struct batch *b, int64_t now_ns)
{
	unlink_locked(q, b);
	q->load.n_taken += b->n;
	q->load.delay_sum_ns += (now_ns - b->arrival_ns) * b->n;
}

static bool fits(const struct batch *b, const struct batch *other)
{
	return b->n + other->n <= BATCH_MAX && b->is_rationed == other->is_rationed &&
	       b->is_light == other->is_light;
}

/* A batch, and with it those that follow as far as they fit into it: what is small because it came
 * in small pieces, or because much was shed of it, costs as much as a full one. */
static struct batch *take_locked(struct queue *q, int64_t now_ns)
{
	struct batch *b = next_locked(q, now_ns), *other;

	if (q->codel.target_ns > 0)
		codel_note(&q->codel, now_ns - oldest_locked(q)->arrival_ns, now_ns);
	note_taken_locked(q, b, now_ns);
	while ((other = next_locked(q, now_ns)) && fits(b, other)) {
		note_taken_locked(q, other, now_ns);
		memcpy(&b->datagrams[b->n], other->datagrams, other->n * sizeof b->datagrams[0]);
		b->n += other->n;
		slab_give(q->batches, slab_index(q->batches, other));
	}
	return b;
}

/* Notes the consumer as idle if there is nothing, and true. */
static bool is_idle_locked(struct queue *q, unsigned consumer, int64_t now_ns)
{
	uint64_t bit = 1ULL << (consumer % 64);

	if (oldest_locked(q)) {
		q->idle[consumer / 64] &= ~bit;
		return false;
	}
	q->idle[consumer / 64] |= bit;
	q->load.n_drained++;
	codel_note(&q->codel, 0, now_ns);
	return true;
}

/* What a consumer has finished with, or NULL. */
static void give_done_locked(struct queue *q, struct batch *done)
{
	if (done)
		done->next = NULL;
	give_batches_locked(q, done);
}

struct batch *queue_pop(struct queue *q, unsigned consumer, struct batch *done, int64_t now_ns)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&q->lock);
	give_done_locked(q, done);
	if (!is_idle_locked(q, consumer, now_ns))
		b = take_locked(q, now_ns);
	pthread_mutex_unlock(&q->lock);
	return b;
}

struct batch *queue_take(struct queue *q, struct batch *done, int64_t now_ns)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&q->lock);
	give_done_locked(q, done);
	if (oldest_locked(q))
		b = take_locked(q, now_ns);
	pthread_mutex_unlock(&q->lock);
	return b;
}

bool queue_rest(struct queue *q, unsigned consumer, struct batch *done, int64_t now_ns)
{
	pthread_mutex_lock(&q->lock);
	give_done_locked(q, done);
	bool is_idle = is_idle_locked(q, consumer, now_ns);
	pthread_mutex_unlock(&q->lock);
	return is_idle;
}

void queue_look(struct queue *q, struct queue_load *load_out)
{
	pthread_mutex_lock(&q->lock);
	*load_out = q->load;
	load_out->is_standing = q->codel.is_standing;
	pthread_mutex_unlock(&q->lock);
}

size_t queue_room(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	size_t used = q->load.waiting + 2 * BATCH_MAX, most = q->capacity / QUEUE_FULL_PART;
	pthread_mutex_unlock(&q->lock);
	return used < most ? most - used : 0;
}

void queue_give_back(struct queue *q, struct batch *list)
{
	pthread_mutex_lock(&q->lock);
	give_batches_locked(q, list);
	pthread_mutex_unlock(&q->lock);
}

void queue_give_datagram(struct queue *q, struct datagram *d)
{
	pthread_mutex_lock(&q->lock);
	give_datagram_locked(q, d);
	pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_closed = true;
	pthread_mutex_unlock(&q->lock);
	for (unsigned i = 0; i < q->n_consumers; i++) {
		if (q->wakeup_fd[i] != -1)
			wakeup_signal(q->wakeup_fd[i]);
	}
}

bool queue_is_closed(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	bool is_closed = q->is_closed;
	pthread_mutex_unlock(&q->lock);
	return is_closed;
}

bool queue_is_drained(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	bool drained = q->is_closed && !oldest_locked(q);
	pthread_mutex_unlock(&q->lock);
	return drained;
}

void queue_trim(struct queue *q)
{
	struct slab *const slabs[] = { q->small, q->large, q->batches };
	struct slab_range ranges[3];

	pthread_mutex_lock(&q->lock);
	if (q->is_trimming) {
		pthread_mutex_unlock(&q->lock);
		return;
	}
	q->is_trimming = true;
	for (int i = 0; i < 3; i++)
		ranges[i] = slab_trim_begin(slabs[i]);
	pthread_mutex_unlock(&q->lock);

	for (int i = 0; i < 3; i++)
		slab_trim_release(slabs[i], ranges[i]);

	pthread_mutex_lock(&q->lock);
	for (int i = 0; i < 3; i++)
		slab_trim_end(slabs[i], ranges[i]);
	q->is_trimming = false;
	pthread_mutex_unlock(&q->lock);
}
