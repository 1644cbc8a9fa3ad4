/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bounded box of copies: order, the limit, and when its owner is woken. */
#include "core/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "net/poller.h"

struct letter {
	uint32_t number;
	char text[13]; /* an odd size */
};

static bool post(struct mailbox *m, uint32_t number)
{
	struct letter letter = { .number = number };

	return mailbox_post(m, &letter);
}

Test(mailbox, keeps_order_and_refuses_when_full)
{
	struct mailbox *m = NULL;
	struct letter got;

	cr_assert_eq(mailbox_new(sizeof got, 3, -1, &m), 0);
	cr_expect_not(mailbox_take(m, &got));
	for (uint32_t round = 0; round < 5; round++) { /* the ring goes round */
		for (uint32_t i = 0; i < 3; i++)
			cr_expect(post(m, round + i));
		cr_expect_not(post(m, 99));
		for (uint32_t i = 0; i < 2; i++) {
			cr_expect(mailbox_take(m, &got));
			cr_expect_eq(got.number, round + i);
		}
		cr_expect(post(m, 77));
		cr_expect(mailbox_take(m, &got) && got.number == round + 2);
		cr_expect(mailbox_take(m, &got) && got.number == 77);
		cr_expect_not(mailbox_take(m, &got));
	}
	mailbox_free(&m);
	cr_expect_null(m);
	mailbox_free(&m);
}

Test(mailbox, wakes_its_owner_when_it_was_empty)
{
	struct mailbox *m = NULL;
	struct letter got;
	uint64_t n = 0;
	int fd;

	cr_assert_eq(wakeup_new(&fd), 0);
	cr_assert_eq(mailbox_new(sizeof got, 2, fd, &m), 0);
	cr_expect(post(m, 1));
	cr_assert_eq(read(fd, &n, sizeof n), sizeof n);
	cr_expect_eq(n, 1);
	cr_expect(post(m, 2)); /* it was woken already */
	cr_expect_not(post(m, 3));
	cr_expect_eq(read(fd, &n, sizeof n), -1);
	cr_expect(mailbox_take(m, &got) && mailbox_take(m, &got));
	cr_expect(post(m, 4));
	cr_expect_eq(read(fd, &n, sizeof n), sizeof n);
	mailbox_free(&m);
	close(fd);
}

enum { PER_THREAD = 10000, N_THREADS = 3 };

static void *post_many(void *arg)
{
	for (uint32_t i = 0; i < PER_THREAD; i++) {
		while (!post(arg, i))
			;
	}
	return NULL;
}

Test(mailbox, loses_nothing_of_many_senders, .timeout = 60)
{
	struct mailbox *m = NULL;
	pthread_t threads[N_THREADS];
	struct letter got;
	uint64_t sum = 0;

	cr_assert_eq(mailbox_new(sizeof got, 64, -1, &m), 0);
	for (int i = 0; i < N_THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, post_many, m), 0);
	for (int n = 0; n < PER_THREAD * N_THREADS;) {
		if (mailbox_take(m, &got)) {
			sum += got.number;
			n++;
		}
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(sum, (uint64_t)N_THREADS * PER_THREAD * (PER_THREAD - 1) / 2);
	cr_expect_not(mailbox_take(m, &got));
	mailbox_free(&m);
}
