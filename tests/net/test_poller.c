/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Readiness, tags, timeouts, and the wake-up that nobody reads. */
#include "net/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "base/clock.h"
#include "loopback.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define WAIT_NS (WAIT_MS * CLOCK_NS_PER_MS)

static struct poller *new_poller(void)
{
	struct poller *p = NULL;

	cr_assert_eq(poller_new(&p), 0);
	return p;
}

static int new_wakeup(void)
{
	int fd = -1;

	cr_assert_eq(wakeup_new(&fd), 0);
	return fd;
}

Test(poller, nothing_ready_is_no_event)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];

	cr_expect_eq(poller_wait(p, 0, events), 0);
	poller_free(&p);
	cr_expect_null(p);
	poller_free(&p);
}

Test(poller, event_carries_the_whole_tag)
{
	static const uint64_t tags[] = { 0, 1, 0xffffffff, 0x100000000, UINT64_MAX };

	for (size_t i = 0; i < N(tags); i++) {
		struct poller *p = new_poller();
		struct poller_event events[POLLER_EVENTS_MAX];
		int fd = plain_socket("127.0.0.1");
		struct addr at = local_of(fd);

		cr_assert_eq(poller_add(p, fd, tags[i]), 0);
		cr_expect_eq(poller_wait(p, 0, events), 0);
		send_text(fd, &at, "x");
		cr_assert_eq(poller_wait(p, WAIT_NS, events), 1);
		cr_expect_eq(events[0].tag, tags[i]);
		close(fd);
		poller_free(&p);
	}
}

Test(poller, level_stays_until_read)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int fd = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	cr_assert_eq(poller_add(p, fd, 1), 0);
	send_text(fd, &at, "x");
	cr_expect_eq(poller_wait(p, WAIT_NS, events), 1);
	cr_expect_eq(poller_wait(p, 0, events), 1);
	expect_text(fd, "x", NULL);
	cr_expect_eq(poller_wait(p, 0, events), 0);
	close(fd);
	poller_free(&p);
}

Test(poller, refusal_is_an_error_event)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	struct addr nobody = closed_port();
	struct rng r;
	int fd = -1;

	rng_init(&r);
	cr_assert_eq(socket_connect(&nobody, NULL, NULL, &r, &fd), 0);
	cr_assert_eq(poller_add(p, fd, 9), 0);
	cr_assert_eq(send(fd, "x", 1, 0), 1);
	cr_assert_eq(poller_wait(p, WAIT_NS, events), 1);
	cr_expect_eq(events[0].tag, 9);
	cr_expect_eq(take_error(fd), ECONNREFUSED);
	cr_expect_eq(poller_wait(p, 0, events), 0, "taken errors do not come again");
	close(fd);
	poller_free(&p);
}

Test(poller, error_and_data_come_together)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int server = plain_socket("127.0.0.1"), fd = -1;
	struct addr at = local_of(server), here;
	struct rng r;

	rng_init(&r);
	cr_assert_eq(socket_connect(&at, NULL, NULL, &r, &fd), 0);
	here = local_of(fd);
	cr_assert_eq(poller_add(p, fd, 9), 0);
	send_text(server, &here, "answer");
	close(server);
	cr_assert_eq(send(fd, "x", 1, 0), 1);
	cr_assert(is_ready(fd, POLLERR, WAIT_MS));
	cr_assert_eq(poller_wait(p, WAIT_NS, events), 1);
	cr_expect_eq(events[0].tag, 9);
	close(fd);
	poller_free(&p);
}

Test(poller, removed_is_silent)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int fd = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	cr_assert_eq(poller_add(p, fd, 1), 0);
	send_text(fd, &at, "x");
	poller_remove(p, fd);
	cr_expect_eq(poller_wait(p, 0, events), 0);
	poller_remove(p, fd);
	cr_expect_eq(poller_add(p, fd, 2), 0, "it may come back");
	cr_assert_eq(poller_wait(p, 0, events), 1);
	cr_expect_eq(events[0].tag, 2);
	close(fd);
	poller_free(&p);
}

Test(poller, what_cannot_be_watched_is_an_error)
{
	struct poller *p = new_poller();
	int fd = new_wakeup();

	cr_expect_eq(poller_add(p, -1, 1), ERR_SYSTEM);
	cr_expect_eq(errno, EBADF);
	cr_expect_eq(poller_add(p, fd, 1), 0);
	cr_expect_eq(poller_add(p, fd, 1), ERR_SYSTEM);
	cr_expect_eq(errno, EEXIST);
	cr_expect_eq(poller_add_edge(p, -1, 1), ERR_SYSTEM);
	close(fd);
	poller_free(&p);
}

Test(poller, more_ready_than_events_fit)
{
	enum { MANY = POLLER_EVENTS_MAX + 6 };
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	unsigned seen[MANY] = { 0 }, n_seen = 0;
	int fds[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = new_wakeup();
		wakeup_signal(fds[i]);
		cr_assert_eq(poller_add(p, fds[i], i), 0);
	}
	cr_expect_eq(poller_wait(p, WAIT_NS, events), POLLER_EVENTS_MAX);
	/* level-triggered ones take turns: two more rounds meet the rest */
	for (unsigned round = 0; round < 3; round++) {
		size_t n = poller_wait(p, 0, events);

		for (size_t i = 0; i < n; i++)
			n_seen += seen[events[i].tag]++ == 0;
	}
	cr_expect_eq(n_seen, MANY, "%u", n_seen);
	for (unsigned i = 0; i < MANY; i++)
		close(fds[i]);
	poller_free(&p);
}

/* Time is measured from below only: a busy machine may add to it. */
Test(poller, timeout_is_never_cut_short)
{
	static const int64_t waits_ns[] = { 1, 999999, 1000000, 1000001, 2500000 };
	static const int64_t least_ns[] = { 1000000, 1000000, 1000000, 2000000, 3000000 };
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];

	for (size_t i = 0; i < N(waits_ns); i++) {
		int64_t start = clock_mono_ns();

		cr_expect_eq(poller_wait(p, waits_ns[i], events), 0);
		int64_t took = clock_mono_ns() - start;
		/* the tick of the kernel's timer starts in the middle of the first millisecond */
		cr_expect_geq(took, waits_ns[i], "%lld ns", (long long)waits_ns[i]);
		cr_expect_geq(took, least_ns[i] - CLOCK_NS_PER_MS / 100, "%lld ns",
			(long long)waits_ns[i]);
	}
	poller_free(&p);
}

Test(poller, enormous_timeouts_wait)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int fd = new_wakeup();

	cr_assert_eq(poller_add_edge(p, fd, 3), 0);
	wakeup_signal(fd);
	cr_expect_eq(poller_wait(p, INT64_MAX, events), 1);
	wakeup_signal(fd);
	cr_expect_eq(poller_wait(p, INT64_MIN, events), 1);
	close(fd);
	poller_free(&p);
}

static volatile sig_atomic_t n_signals;

static void count_signal(int number)
{
	(void)number;
	n_signals++;
}

/* The timer repeats, so a signal before the wait does not hang the test. The second timeout is 2^32
 * milliseconds: none, if it were cut to 32 bits. */
Test(poller, signal_ends_a_wait, .timeout = 10)
{
	static const int64_t waits_ns[] = { -1, (1LL << 32) * CLOCK_NS_PER_MS };
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	struct sigaction action = { .sa_handler = count_signal };
	struct itimerval often = { .it_value.tv_usec = 5000, .it_interval.tv_usec = 5000 };
	struct itimerval never = { 0 };

	sigaction(SIGALRM, &action, NULL);
	for (size_t i = 0; i < N(waits_ns); i++) {
		n_signals = 0;
		setitimer(ITIMER_REAL, &often, NULL);
		cr_expect_eq(poller_wait(p, waits_ns[i], events), 0, "wait %zu", i);
		cr_expect_gt(n_signals, 0, "wait %zu ended by itself", i);
		setitimer(ITIMER_REAL, &never, NULL);
	}
	poller_free(&p);
}

Test(wakeup, each_signal_is_one_edge_without_reading)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int fd = new_wakeup();

	cr_assert_eq(poller_add_edge(p, fd, 3), 0);
	cr_expect_eq(poller_wait(p, 0, events), 0);
	for (unsigned i = 0; i < 3; i++) {
		wakeup_signal(fd);
		cr_expect_eq(poller_wait(p, WAIT_NS, events), 1, "signal %u", i);
		cr_expect_eq(events[0].tag, 3);
		cr_expect_eq(poller_wait(p, 0, events), 0, "signal %u is told once", i);
	}
	close(fd);
	poller_free(&p);
}

Test(wakeup, signals_before_the_wait_count_once)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int fd = new_wakeup();

	wakeup_signal(fd);
	cr_assert_eq(poller_add_edge(p, fd, 3), 0);
	cr_expect_eq(poller_wait(p, 0, events), 1, "a signal before poller_add_edge is not lost");
	wakeup_signal(fd);
	wakeup_signal(fd);
	cr_expect_eq(poller_wait(p, 0, events), 1);
	cr_expect_eq(poller_wait(p, 0, events), 0);
	close(fd);
	poller_free(&p);
}

Test(wakeup, keeps_errno_and_never_blocks)
{
	uint64_t most = UINT64_MAX - 1;
	int fd = new_wakeup();

	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(write(fd, &most, sizeof(most)), (ssize_t)sizeof(most));
	errno = EDOM;
	wakeup_signal(fd);
	cr_expect_eq(errno, EDOM);
	close(fd);
}

static void *signal_it(void *fd)
{
	wakeup_signal(*(int *)fd);
	return NULL;
}

Test(wakeup, another_thread_ends_a_wait, .timeout = 10)
{
	struct poller *p = new_poller();
	struct poller_event events[POLLER_EVENTS_MAX];
	int fd = new_wakeup();
	pthread_t thread;

	cr_assert_eq(poller_add_edge(p, fd, 3), 0);
	cr_assert_eq(pthread_create(&thread, NULL, signal_it, &fd), 0);
	cr_expect_eq(poller_wait(p, -1, events), 1);
	pthread_join(thread, NULL);
	close(fd);
	poller_free(&p);
}
