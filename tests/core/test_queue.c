/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The queue by one thread: order, the limit, who is woken, and that the stock comes back whole.
 * Races are tests/stress/stress_queue.c. */
#include "core/queue.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
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
	cr_expect_null(queue_push(q, batch_of(n, mark), 0));
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
		push(20, i);
	for (uint16_t i = 0; i < 5; i++) {
		b = queue_pop(q, 0, b, 0);
		cr_assert_not_null(b);
		cr_expect_eq(b->n, 20);
		cr_expect_eq(b->datagrams[2]->len, i);
	}
	cr_expect_null(queue_pop(q, 0, b, 0));
}

Test(queue, full_pushes_out_the_oldest)
{
	for (uint16_t i = 0; i < 4; i++)
		push(25, i); /* exactly full */
	struct batch *out = queue_push(q, batch_of(26, 4), 0); /* needs two to go */
	cr_assert_not_null(out);
	cr_expect_eq(out->datagrams[0]->len, 0, "the oldest first");
	cr_assert_not_null(out->next);
	cr_expect_eq(out->next->datagrams[0]->len, 1);
	cr_expect_null(out->next->next);
	queue_give_back(q, out);
	out = queue_pop(q, 0, NULL, 0);
	cr_expect_eq(out->datagrams[0]->len, 2);
	queue_give_back(q, out);
}

Test(queue, a_push_never_fails_even_into_the_smallest_queue)
{
	const struct queue_params p = { .capacity = 1, .n_producers = 1, .n_consumers = 1 };

	queue_free(&q);
	cr_assert_eq(queue_new(&p, &q), 0);
	push(32, 0);
	struct batch *out = queue_push(q, batch_of(32, 1), 0);
	cr_assert_not_null(out);
	cr_expect_eq(out->datagrams[0]->len, 0);
	queue_give_back(q, out);
	out = queue_pop(q, 0, NULL, 0);
	cr_assert_not_null(out);
	cr_expect_eq(out->datagrams[0]->len, 1);
	queue_give_back(q, out);
}

Test(queue, stock_is_whole_after_many_rounds)
{
	struct batch *done = NULL;

	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 8; i++) {
			struct batch *out = queue_push(q, batch_of(20, 0), 0);
			if (out)
				queue_give_back(q, out);
		}
		for (int i = 0; i < 3; i++) {
			done = queue_pop(q, 0, done, 0);
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
		cr_expect_null(queue_push(q, b, 0));
		b = queue_pop(q, 0, NULL, 0);
		cr_expect_null(queue_pop(q, 0, b, 0));
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

Test(queue, small_batches_are_taken_together)
{
	static const struct {
		unsigned n[3], taken; /* datagrams pushed, and those of the first batch taken */
	} cases[] = {
		{ { 1, 1, 1 }, 3 },
		{ { 20, 12, 1 }, 32 },
		{ { 20, 13, 1 }, 20 },
		{ { 32, 1, 1 }, 32 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned n = 0, all = 0;

		for (uint16_t k = 0; k < 3; k++) {
			push(cases[i].n[k], k);
			all += cases[i].n[k];
		}
		struct batch *b = queue_pop(q, 0, NULL, 0);
		cr_expect_eq(b->n, cases[i].taken, "case %zu", i);
		for (uint16_t last = 0; b; b = queue_pop(q, 0, b, 0)) {
			for (unsigned k = 0; k < b->n; k++, n++) {
				cr_expect_geq(b->datagrams[k]->len, last, "case %zu", i);
				last = b->datagrams[k]->len;
			}
		}
		cr_expect_eq(n, all, "case %zu", i);
	}
}

/* ---- a queue that stands -------------------------------------------------------------------------- */

#define MS INT64_C(1000000)

/* Target 5 ms, interval 100 ms: what is 40 ms old is late. */
static void begin_timed(size_t capacity)
{
	const struct queue_params p = { .capacity = capacity,
		.n_producers = 1,
		.n_consumers = 1,
		.target_ns = 5 * MS,
		.interval_ns = 100 * MS };

	queue_free(&q);
	cr_assert_eq(queue_new(&p, &q), 0);
}

/* A full batch that arrived then, marked with it; what it pushed out. */
static struct batch *push_at(int64_t arrival_ms, int64_t now_ms, bool is_light)
{
	struct batch *b = batch_of(BATCH_MAX, (uint16_t)arrival_ms);

	b->is_light = is_light;
	for (unsigned i = 0; i < b->n; i++)
		b->datagrams[i]->arrival_ns = arrival_ms * MS;
	return queue_push(q, b, now_ms * MS);
}

/* The mark of the batch that is next, taken and returned; -1: none. */
static int pop_at(int64_t now_ms)
{
	struct batch *b = queue_pop(q, 0, NULL, now_ms * MS);
	int mark = b ? b->datagrams[0]->len : -1;

	if (b)
		queue_give_back(q, b);
	return mark;
}

/* Two batches each 10 ms and one taken, until now_ms. */
static void stand_until(int64_t now_ms)
{
	for (int64_t t = 0; t < now_ms; t += 10) {
		for (int i = 0; i < 2; i++) {
			struct batch *out = push_at(t + i, t + i, false);

			if (out)
				queue_give_back(q, out);
		}
		pop_at(t + 1);
	}
}

static bool is_standing(void)
{
	struct queue_load load;

	queue_look(q, &load);
	return load.is_standing;
}

Test(queue, a_queue_that_stands_gives_the_newest_and_sheds_the_late)
{
	begin_timed(8192);
	stand_until(250);
	cr_expect(is_standing());
	cr_expect_eq(pop_at(250), 240, "the newest first");
	cr_expect_eq(pop_at(250), 230);
	cr_expect_eq(pop_at(250), 220);
	struct batch *out = push_at(300, 300, false);
	cr_assert_not_null(out, "what is late");
	cr_expect(out->is_late);
	cr_expect_lt(out->datagrams[0]->len, 260);
	queue_give_back(q, out);
}

Test(queue, a_queue_that_is_emptied_does_not_stand_however_late)
{
	begin_timed(8192);
	for (int64_t t = 0; t < 1000; t += 36) {
		for (int64_t i = 0; i < 3; i++)
			cr_expect_null(push_at(t + i, t + 2, false));
		for (int64_t i = 0; i < 3; i++) /* the worker had no CPU for so long */
			cr_expect_eq(pop_at(t + 35), t + i);
		cr_expect_eq(pop_at(t + 35), -1);
		cr_expect_not(is_standing());
	}
}

Test(queue, without_a_verdict_what_is_late_comes_last_and_is_not_shed)
{
	begin_timed(8192);
	push_at(0, 0, false);
	push_at(1, 1, false);
	cr_expect_null(push_at(50, 50, false));
	cr_expect_eq(pop_at(50), 50);
	cr_expect_eq(pop_at(50), 1);
	cr_expect_eq(pop_at(50), 0);
	cr_expect_eq(pop_at(50), -1);
}

Test(queue, a_push_gives_back_a_few_late_ones_at_a_time)
{
	begin_timed(8192);
	stand_until(250);
	for (int i = 0; i < 20; i++) {
		struct batch *out = push_at(250, 250, false);

		if (out)
			queue_give_back(q, out);
	}
	for (int i = 0; i < 3; i++) {
		struct batch *out = push_at(400, 400, false);

		cr_assert_not_null(out);
		cr_assert_not_null(out->next);
		cr_expect_null(out->next->next);
		queue_give_back(q, out);
	}
}

Test(queue, so_many_that_wait_need_no_verdict)
{
	begin_timed(40 * BATCH_MAX);
	for (int i = 0; i < 9; i++)
		cr_expect_null(push_at(i, i, false));
	cr_expect_null(push_at(100, 100, false), "a burst is served to its end");
	struct batch *out = push_at(101, 101, false);
	cr_assert_not_null(out);
	cr_expect(out->is_late);
	queue_give_back(q, out);
}

/* The same, while clients are held back. */
static struct batch *push_rationed_at(int64_t arrival_ms, int64_t now_ms, bool is_light)
{
	struct batch *b = batch_of(BATCH_MAX, (uint16_t)arrival_ms);

	b->is_light = is_light;
	b->is_rationed = true;
	for (unsigned i = 0; i < b->n; i++)
		b->datagrams[i]->arrival_ns = arrival_ms * MS;
	return queue_push(q, b, now_ms * MS);
}

Test(queue, rationed_batches_are_late_early_and_without_a_verdict)
{
	begin_timed(8192);
	cr_expect_null(push_rationed_at(0, 0, false));
	cr_expect_null(push_rationed_at(1, 1, false));
	struct batch *out = push_rationed_at(11, 11, false);
	cr_assert_not_null(out, "older than twice the target");
	cr_expect(out->is_late);
	cr_expect_eq(out->datagrams[0]->len, 0);
	cr_expect_null(out->next);
	queue_give_back(q, out);
	cr_expect_eq(pop_at(11), 1);
	cr_expect_eq(pop_at(11), 11);
}

Test(queue, a_batch_is_late_when_all_of_it_is)
{
	begin_timed(8192);
	struct batch *b = batch_of(2, 1);
	b->is_rationed = true;
	b->datagrams[0]->arrival_ns = 0;
	b->datagrams[1]->arrival_ns = 5 * MS;
	queue_push(q, b, 5 * MS);
	cr_expect_null(push_rationed_at(15, 15, false));
	struct batch *out = push_rationed_at(16, 16, false);
	cr_assert_not_null(out);
	cr_expect_eq(out->n, 2);
	queue_give_back(q, out);
}

Test(queue, the_newest_is_left_however_late)
{
	begin_timed(8192);
	for (int64_t i = 0; i < 5; i++) { /* 100 ms in the socket */
		struct batch *out = push_rationed_at(i, 100 + i, false);

		cr_expect_eq(out != NULL, i > 0);
		if (out)
			queue_give_back(q, out);
	}
	cr_expect_eq(pop_at(105), 4);
	cr_expect_eq(pop_at(105), -1);
}

Test(queue, batches_of_different_kinds_are_not_taken_together)
{
	static const struct {
		bool is_light, is_rationed;
	} kinds[] = { { true, true }, { false, true }, { false, false } };

	begin_timed(8192);
	for (int i = 0; i < 3; i++) {
		struct batch *b = batch_of(1, 1);

		b->is_light = kinds[i].is_light;
		b->is_rationed = kinds[i].is_rationed;
		queue_push(q, b, 0);
	}
	for (int i = 0; i < 3; i++) {
		struct batch *b = queue_pop(q, 0, NULL, 0);

		cr_assert_not_null(b);
		cr_expect_eq(b->n, 1);
		cr_expect_eq(b->is_light, kinds[i].is_light);
		cr_expect_eq(b->is_rationed, kinds[i].is_rationed);
		queue_give_back(q, b);
	}
}

Test(queue, light_batches_go_first_and_are_never_late)
{
	begin_timed(8192);
	push_at(1, 1, false);
	push_at(2, 2, true);
	push_at(3, 3, true);
	cr_expect_eq(pop_at(4), 2);
	cr_expect_eq(pop_at(4), 3, "the oldest of them first");
	cr_expect_eq(pop_at(4), 1);
	cr_expect_eq(pop_at(4), -1);
	stand_until(250);
	push_at(251, 251, true);
	for (int i = 0; i < 10; i++) {
		struct batch *out = push_at(600, 600, false);

		for (const struct batch *b = out; b; b = b->next)
			cr_expect_not(b->is_light);
		if (out)
			queue_give_back(q, out);
	}
	cr_expect_eq(pop_at(600), 251);
}

Test(queue, full_pushes_out_light_batches_last)
{
	begin_timed(3 * BATCH_MAX);
	push_at(1, 1, true);
	push_at(2, 2, false);
	push_at(3, 3, false);
	for (uint16_t i = 4; i < 7; i++) {
		struct batch *out = push_at(i, i, true);

		cr_assert_not_null(out);
		cr_expect_eq(out->datagrams[0]->len, i == 6 ? 1 : i - 2);
		cr_expect_not(out->is_late);
		cr_expect_null(out->next);
		queue_give_back(q, out);
	}
}

Test(queue, the_load_tells_what_came_what_went_and_how_late)
{
	struct queue_load load;

	begin_timed(8192);
	push_at(0, 0, false);
	push_at(1, 1, false);
	pop_at(4);
	queue_look(q, &load);
	cr_expect_eq(load.waiting, BATCH_MAX);
	cr_expect_eq(load.n_pushed, 2 * BATCH_MAX);
	cr_expect_eq(load.n_taken, BATCH_MAX);
	cr_expect_eq(load.delay_sum_ns, 4 * MS * BATCH_MAX);
	cr_expect_eq(load.n_drained, 0);
	pop_at(5);
	pop_at(5);
	queue_look(q, &load);
	cr_expect_eq(load.waiting, 0);
	cr_expect_eq(load.n_drained, 1);
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
	cr_expect_null(queue_pop(q, 1, NULL, 0));
	cr_expect_null(queue_pop(q, 0, NULL, 0));
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
	cr_expect_null(queue_pop(q, 1, NULL, 0));
	push(1, 0);
	cr_expect(is_woken(1));
	cr_expect_null(queue_pop(q, 0, queue_pop(q, 1, NULL, 0), 0));
	cr_expect_null(queue_pop(q, 1, NULL, 0));
	push(1, 0);
	struct batch *b = queue_pop(q, 1, NULL, 0); /* before 0, that was woken */
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
	cr_expect_null(queue_pop(q, 150, NULL, 0));
	push(1, 0);
	cr_expect(is_woken(1));
	cr_expect_null(queue_pop(q, 63, queue_pop(q, 150, NULL, 0), 0));
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
	struct batch *b = queue_pop(q, 0, NULL, 0);
	cr_assert_not_null(b);
	cr_expect(queue_is_drained(q));
	cr_expect_null(queue_pop(q, 0, b, 0));
}

Test(queue, an_empty_queue_that_is_open_is_not_drained)
{
	cr_expect_not(queue_is_drained(q));
}

Test(queue, trimming_takes_nothing_in_use)
{
	push(30, 7);
	queue_trim(q);
	struct batch *b = queue_pop(q, 0, NULL, 0);
	for (unsigned i = 0; i < b->n; i++) {
		cr_expect_eq(b->datagrams[i]->len, 7);
		cr_expect_eq(b->datagrams[i]->data[511], 0xee);
	}
	queue_give_back(q, b);
	queue_trim(q);
	queue_trim(q);
	push(30, 8);
}

Test(queue, who_rests_is_woken_only_if_nothing_was_left)
{
	push(1, 0);
	push(BATCH_MAX, 1);
	struct batch *b = queue_pop(q, 0, NULL, 0);
	cr_assert_eq(b->n, 1);
	cr_expect_not(queue_rest(q, 0, b, 0), "there is more");
	push(1, 2);
	cr_expect_not(is_woken(0));
	b = queue_pop(q, 0, NULL, 0);
	cr_expect_not(queue_rest(q, 0, b, 0));
	b = queue_pop(q, 0, NULL, 0);
	cr_expect(queue_rest(q, 0, b, 0));
	struct queue_load load;
	queue_look(q, &load);
	cr_expect_eq(load.n_drained, 1);
	push(1, 3);
	cr_expect(is_woken(0));
}

Test(queue, takes_what_it_says)
{
	const struct queue_params p = { .capacity = 20000, .n_producers = 2, .n_consumers = 16 };
	const size_t n_stock = p.capacity + (p.n_producers + p.n_consumers) * 4 * BATCH_MAX;
	struct memory_use use = { 0 };
	size_t before = heap_bytes();

	finish();
	cr_assert_eq(queue_new(&p, &q), 0);
	queue_memory(&p, &use);
	heap_expect("start", use.start, heap_bytes() - before, 4096);
	before = heap_resident();
	for (size_t n = 0; n < n_stock; n++)
		batch_of(1, 0);
	heap_expect("full", use.full - use.start, heap_resident() - before, 64 << 10);
	for (struct datagram *d; (d = queue_take_large(q));)
		memset(d->data, 0xee, DATAGRAM_LARGE_BYTES);
	heap_expect("most", use.most - use.start, heap_resident() - before, 64 << 10);
}
