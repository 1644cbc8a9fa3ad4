/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The queue by one thread: order, the limit, who is woken, and that the stock comes back whole.
 * Races are tests/stress/stress_queue.c. */
#include "core/queue.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "net/poller.h"

#define CAPACITY 100

static struct queue *q;
static int fds[2];

static void setup(void)
{
	const struct queue_params p = { .capacity = CAPACITY, .n_producers = 1, .n_consumers = 2 };

	cr_assert_eq(queue_new(&p, &q), 0);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(wakeup_new(&fds[i]), 0);
		queue_set_wakeup(q, i, fds[i]);
	}
}

static void finish(void)
{
	queue_free(&q);
	cr_expect_null(q);
	queue_free(&q);
	close(fds[0]);
	close(fds[1]);
}

TestSuite(queue, .init = setup, .fini = finish);

/* A batch of n small datagrams of that length. */
static struct batch *batch_of(unsigned n, uint16_t mark)
{
	struct datagram *small[BATCH_MAX] = { NULL };
	struct batch *b = NULL;

	queue_stock(q, small, n, &b);
	cr_assert_not_null(b);
	cr_expect_null(b->next);
	cr_expect_eq(b->n, 0);
	for (unsigned i = 0; i < n; i++) {
		cr_assert_not_null(small[i], "stock is gone");
		small[i]->len = mark;
		memset(small[i]->data, 0xee, DATAGRAM_SMALL_BYTES);
		b->datagrams[b->n++] = small[i];
	}
	return b;
}

static void push(unsigned n, uint16_t mark)
{
	cr_expect_null(queue_push(q, batch_of(n, mark)));
}

static bool is_woken(unsigned consumer)
{
	uint64_t n;

	return read(fds[consumer], &n, sizeof n) == sizeof n;
}

Test(queue, batches_come_in_order)
{
	struct batch *b = NULL;

	for (uint16_t i = 0; i < 5; i++)
		push(3, i);
	for (uint16_t i = 0; i < 5; i++) {
		b = queue_pop(q, 0, b);
		cr_assert_not_null(b);
		cr_expect_eq(b->n, 3);
		cr_expect_eq(b->datagrams[2]->len, i);
	}
	cr_expect_null(queue_pop(q, 0, b));
}

Test(queue, full_pushes_out_the_oldest)
{
	for (uint16_t i = 0; i < 4; i++)
		push(25, i); /* exactly full */
	struct batch *out = queue_push(q, batch_of(26, 4)); /* needs two to go */
	cr_assert_not_null(out);
	cr_expect_eq(out->datagrams[0]->len, 0, "the oldest first");
	cr_assert_not_null(out->next);
	cr_expect_eq(out->next->datagrams[0]->len, 1);
	cr_expect_null(out->next->next);
	queue_give_back(q, out);
	out = queue_pop(q, 0, NULL);
	cr_expect_eq(out->datagrams[0]->len, 2);
	queue_give_back(q, out);
}

Test(queue, a_push_never_fails_even_into_the_smallest_queue)
{
	const struct queue_params p = { .capacity = 1, .n_producers = 1, .n_consumers = 1 };

	queue_free(&q);
	cr_assert_eq(queue_new(&p, &q), 0);
	push(32, 0);
	struct batch *out = queue_push(q, batch_of(32, 1));
	cr_assert_not_null(out);
	cr_expect_eq(out->datagrams[0]->len, 0);
	queue_give_back(q, out);
	out = queue_pop(q, 0, NULL);
	cr_assert_not_null(out);
	cr_expect_eq(out->datagrams[0]->len, 1);
	queue_give_back(q, out);
}

Test(queue, stock_is_whole_after_many_rounds)
{
	struct batch *done = NULL;

	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 8; i++) {
			struct batch *out = queue_push(q, batch_of(20, 0));
			if (out)
				queue_give_back(q, out);
		}
		for (int i = 0; i < 3; i++) {
			done = queue_pop(q, 0, done);
			cr_assert_not_null(done);
		}
	}
	queue_give_back(q, done);
}

Test(queue, a_large_datagram_returns_to_the_large_ones)
{
	/* an eighth of the capacity and of what is in hands */
	unsigned n = (CAPACITY + 3 * 4 * BATCH_MAX) / 8;

	for (int round = 0; round < 3; round++) {
		struct datagram *large[256];

		for (unsigned i = 0; i < n; i++) {
			large[i] = queue_take_large(q);
			cr_assert_not_null(large[i], "%u of %u", i, n);
			cr_expect(large[i]->is_large);
			memset(large[i]->data, 0xdd, DATAGRAM_LARGE_BYTES);
		}
		cr_expect_null(queue_take_large(q));
		struct batch *b = batch_of(1, 0);
		b->datagrams[b->n++] = large[0];
		cr_expect_null(queue_push(q, b));
		b = queue_pop(q, 0, NULL);
		cr_expect_null(queue_pop(q, 0, b));
		for (unsigned i = 1; i < n; i++)
			queue_give_datagram(q, large[i]);
	}
}

Test(queue, stock_fills_only_what_is_missing)
{
	struct datagram *small[4] = { NULL };
	struct batch *batch = NULL;

	queue_stock(q, small, 2, &batch);
	cr_assert_not_null(batch);
	cr_expect(small[0] && small[1]);
	cr_expect(!small[2] && !small[3], "more than was asked for");
	struct datagram *first = small[0];
	struct batch *same = batch;
	small[1] = NULL; /* the caller's loss */
	queue_stock(q, small, 4, &batch);
	cr_expect_eq(batch, same);
	cr_expect_eq(small[0], first);
	cr_expect(small[1] && small[2] && small[3]);
	queue_give_back(q, batch);
	for (int i = 0; i < 4; i++)
		queue_give_datagram(q, small[i]);
}

/* ---- who is woken ------------------------------------------------------------------------------- */

Test(queue, nobody_is_woken_who_did_not_find_it_empty)
{
	push(1, 0);
	cr_expect_not(is_woken(0));
	cr_expect_not(is_woken(1));
}

Test(queue, the_idle_one_with_the_lowest_number_is_woken_once)
{
	cr_expect_null(queue_pop(q, 1, NULL));
	cr_expect_null(queue_pop(q, 0, NULL));
	push(1, 0);
	cr_expect(is_woken(0));
	cr_expect_not(is_woken(1));
	push(1, 0); /* the second one works now */
	cr_expect_not(is_woken(0));
	cr_expect(is_woken(1));
	push(1, 0);
	cr_expect_not(is_woken(0));
	cr_expect_not(is_woken(1));
}

Test(queue, who_pops_something_is_not_idle_any_more)
{
	cr_expect_null(queue_pop(q, 1, NULL));
	push(1, 0);
	cr_expect(is_woken(1));
	cr_expect_null(queue_pop(q, 0, queue_pop(q, 1, NULL)));
	cr_expect_null(queue_pop(q, 1, NULL));
	push(1, 0);
	struct batch *b = queue_pop(q, 1, NULL); /* before 0, that was woken */
	cr_assert_not_null(b);
	cr_expect(is_woken(0));
	push(1, 0);
	cr_expect_not(is_woken(1), "it is at work");
	queue_give_back(q, b);
}

Test(queue, consumers_beyond_the_first_word_are_woken_too)
{
	const struct queue_params p = { .capacity = 8, .n_producers = 1, .n_consumers = 200 };

	queue_free(&q);
	cr_assert_eq(queue_new(&p, &q), 0);
	queue_set_wakeup(q, 150, fds[1]);
	queue_set_wakeup(q, 63, fds[0]);
	cr_expect_null(queue_pop(q, 150, NULL));
	push(1, 0);
	cr_expect(is_woken(1));
	cr_expect_null(queue_pop(q, 63, queue_pop(q, 150, NULL)));
	push(1, 0);
	cr_expect(is_woken(0));
	cr_expect_not(is_woken(1));
}

/* ---- the end ------------------------------------------------------------------------------------ */

Test(queue, closing_wakes_all_and_what_is_in_it_is_still_popped)
{
	push(2, 0);
	cr_expect_not(queue_is_closed(q));
	cr_expect_not(queue_is_drained(q));
	queue_close(q);
	cr_expect(is_woken(0));
	cr_expect(is_woken(1));
	cr_expect(queue_is_closed(q));
	cr_expect_not(queue_is_drained(q));
	struct batch *b = queue_pop(q, 0, NULL);
	cr_assert_not_null(b);
	cr_expect(queue_is_drained(q));
	cr_expect_null(queue_pop(q, 0, b));
}

Test(queue, an_empty_queue_that_is_open_is_not_drained)
{
	cr_expect_not(queue_is_drained(q));
}

Test(queue, trimming_takes_nothing_in_use)
{
	push(30, 7);
	queue_trim(q);
	struct batch *b = queue_pop(q, 0, NULL);
	for (unsigned i = 0; i < b->n; i++) {
		cr_expect_eq(b->datagrams[i]->len, 7);
		cr_expect_eq(b->datagrams[i]->data[511], 0xee);
	}
	queue_give_back(q, b);
	queue_trim(q);
	queue_trim(q);
	push(30, 8);
}
