/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stress_queue - producers, consumers and a trimmer at one small queue, then close: every datagram
 * is popped or pushed out exactly once, its bytes as they were written, and no consumer sleeps
 * while something waits. A plain main for TSan; a second or two; exits 1 on a failure. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/queue.h"
#include "net/poller.h"

enum { N_PRODUCERS = 2, N_CONSUMERS = 3, N_BATCHES = 15000, CAPACITY = 256, WAIT_MS = 20000 };

static struct queue *q;
static int wakeups[N_CONSUMERS];
static _Atomic uint64_t n_pushed, n_popped, n_pushed_out, n_failures;
static _Atomic int n_producing;

static void fail(const char *what)
{
	fprintf(stderr, "stress_queue: %s\n", what);
	atomic_fetch_add(&n_failures, 1);
}

static void write_datagram(struct datagram *d, unsigned number)
{
	d->len = (uint16_t)(12 + number % 500);
	memset(d->data, (int)(number & 0xff), d->len);
}

static void check_batch(const struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		const struct datagram *d = b->datagrams[i];

		for (unsigned k = 1; k < d->len; k++) {
			if (d->data[k] != d->data[0]) {
				fail("a datagram's bytes are mixed");
				return;
			}
		}
	}
}

static void count_pushed_out(struct batch *list)
{
	for (const struct batch *b = list; b; b = b->next) {
		check_batch(b);
		atomic_fetch_add(&n_pushed_out, b->n);
	}
	if (list)
		queue_give_back(q, list);
}

static void *produce(void *arg)
{
	unsigned number = *(unsigned *)arg;
	struct datagram *stock[BATCH_MAX] = { NULL };

	for (int i = 0; i < N_BATCHES; i++) {
		unsigned want = 1 + number % BATCH_MAX;
		struct batch *b = NULL;

		queue_stock(q, stock, want, &b);
		if (!b || !stock[0]) { /* a trim holds the stock for a moment */
			if (b)
				queue_give_back(q, b);
			i--;
			continue;
		}
		for (unsigned k = 0; k < want && stock[k]; k++) {
			write_datagram(stock[k], number++);
			b->datagrams[b->n++] = stock[k];
			stock[k] = NULL;
		}
		struct datagram *large = number % 64 == 0 && b->n < BATCH_MAX ? queue_take_large(q)
									      : NULL;
		if (large) {
			write_datagram(large, number);
			b->datagrams[b->n++] = large;
		}
		atomic_fetch_add(&n_pushed, b->n);
		count_pushed_out(queue_push(q, b, 0));
	}
	for (unsigned k = 0; k < BATCH_MAX; k++) {
		if (stock[k])
			queue_give_datagram(q, stock[k]);
	}
	atomic_fetch_sub(&n_producing, 1);
	return NULL;
}

/* Sleeps as a worker does: only while the queue was empty at its last look. */
static void *consume(void *arg)
{
	unsigned me = *(unsigned *)arg;
	struct pollfd p = { .fd = wakeups[me], .events = POLLIN };
	struct batch *b = NULL;
	uint64_t n;

	for (;;) {
		b = queue_pop(q, me, b, 0);
		if (b) {
			check_batch(b);
			atomic_fetch_add(&n_popped, b->n);
		} else if (queue_is_drained(q)) {
			return NULL;
		} else if (poll(&p, 1, WAIT_MS) != 1 || read(p.fd, &n, sizeof n) != sizeof n) {
			fail("a consumer was not woken");
			return NULL;
		}
	}
}

static void *trim(void *arg)
{
	(void)arg;
	while (atomic_load(&n_producing) > 0) {
		queue_trim(q);
		usleep(100); /* only so that the others get the lock */
	}
	return NULL;
}

int main(void)
{
	const struct queue_params params = {
		.capacity = CAPACITY,
		.n_producers = N_PRODUCERS,
		.n_consumers = N_CONSUMERS,
	};
	pthread_t producers[N_PRODUCERS], consumers[N_CONSUMERS], trimmer;
	static unsigned numbers[N_CONSUMERS] = { 0, 1, 2 };

	if (queue_new(&params, &q) != 0)
		abort();
	atomic_store(&n_producing, N_PRODUCERS);
	for (unsigned i = 0; i < N_CONSUMERS; i++) {
		if (wakeup_new(&wakeups[i]) != 0)
			abort();
		queue_set_wakeup(q, i, wakeups[i]);
	}
	for (unsigned i = 0; i < N_CONSUMERS; i++)
		pthread_create(&consumers[i], NULL, consume, &numbers[i]);
	for (unsigned i = 0; i < N_PRODUCERS; i++)
		pthread_create(&producers[i], NULL, produce, &numbers[i]);
	pthread_create(&trimmer, NULL, trim, NULL);
	for (unsigned i = 0; i < N_PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	pthread_join(trimmer, NULL);
	queue_close(q);
	for (unsigned i = 0; i < N_CONSUMERS; i++)
		pthread_join(consumers[i], NULL);
	if (n_popped + n_pushed_out != n_pushed)
		fail("datagrams are lost or came twice");
	if (n_popped == 0 || n_pushed_out == 0)
		fail("the queue was never full, or nothing was popped");
	printf("pushed %llu, popped %llu, pushed out %llu\n", (unsigned long long)n_pushed,
		(unsigned long long)n_popped, (unsigned long long)n_pushed_out);
	queue_free(&q);
	for (unsigned i = 0; i < N_CONSUMERS; i++)
		close(wakeups[i]);
	return n_failures == 0 ? 0 : 1;
}
