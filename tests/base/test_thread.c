/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Threads start named, with every signal blocked, and leave their maker's mask alone. Signals from
 * 32 on are not looked at: the first of them belong to the C library. */
#include "base/thread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/heap.h"
#include "top/child.h"

struct probe {
	sem_t may_end;
	sigset_t mask;
	int argument;
};

static void *note_and_wait(void *arg)
{
	struct probe *p = arg;

	pthread_sigmask(SIG_BLOCK, NULL, &p->mask);
	p->argument++;
	while (sem_wait(&p->may_end) == -1 && errno == EINTR)
		;
	return p;
}

static pthread_t start(struct probe *p, const char *name)
{
	pthread_t thread;

	cr_assert_eq(sem_init(&p->may_end, 0, 0), 0);
	cr_assert_eq(thread_start(&thread, name, note_and_wait, p), 0);
	return thread;
}

static void *finish(struct probe *p, pthread_t thread)
{
	void *result = NULL;

	sem_post(&p->may_end);
	cr_assert_eq(pthread_join(thread, &result), 0);
	sem_destroy(&p->may_end);
	return result;
}

Test(thread, runs_with_its_argument_and_can_be_joined, .timeout = 20)
{
	struct probe p = { .argument = 41 };

	cr_expect_eq(finish(&p, start(&p, "worker")), (void *)&p);
	cr_expect_eq(p.argument, 42);
}

Test(thread, has_every_signal_blocked, .timeout = 20)
{
	struct probe p = { 0 };

	finish(&p, start(&p, "worker"));
	for (int sig = 1; sig < 32; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		cr_expect_eq(sigismember(&p.mask, sig), 1, "signal %d", sig);
	}
}

Test(thread, leaves_its_makers_mask_alone, .timeout = 20)
{
	struct probe p = { 0 };
	sigset_t mine, after;

	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	finish(&p, start(&p, "worker"));
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < 32; sig++)
		cr_expect_eq(sigismember(&after, sig), sig == SIGUSR2, "signal %d", sig);
}

Test(thread, is_named_and_long_names_are_cut, .timeout = 20)
{
	static const struct {
		const char *name, *expected;
	} cases[] = {
		{ "worker 3", "worker 3" },
		{ "exactly 15 byte", "exactly 15 byte" },
		{ "sixteen bytes ab", "sixteen bytes a" },
		{ "a name of far more than sixteen bytes", "a name of far m" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct probe p = { 0 };
		char name[32] = "";
		pthread_t thread = start(&p, cases[i].name);

		cr_expect_eq(pthread_getname_np(thread, name, sizeof name), 0);
		cr_expect_str_eq(name, cases[i].expected);
		finish(&p, thread);
	}
}

/* In a child, as somebody who may have no more threads. 0, or what could not be prepared. */
static int start_one_too_many(int *rc_out, int *errno_out)
{
	const struct rlimit none = { 0, 0 };
	struct probe p = { 0 };
	pthread_t thread;

	if (setrlimit(RLIMIT_NPROC, &none) == -1 || (geteuid() == 0 && setuid(65534) == -1))
		return 1;
	errno = 0;
	*rc_out = thread_start(&thread, "worker", note_and_wait, &p);
	*errno_out = errno;
	return p.argument;
}

Test(thread, refusal_of_the_system_is_told_with_errno, .timeout = 20)
{
	int *told = child_shared(2 * sizeof *told);
	sigset_t before, after;
	pid_t child = fork();

	cr_assert_neq(child, -1);
	if (child == 0) {
		pthread_sigmask(SIG_BLOCK, NULL, &before);
		int code = start_one_too_many(&told[0], &told[1]);
		pthread_sigmask(SIG_BLOCK, NULL, &after);
		for (int sig = 1; sig < 32 && code == 0; sig++)
			code = sigismember(&after, sig) == sigismember(&before, sig) ? 0 : sig + 1;
		_exit(code);
	}
	child_expect_success(child);
	cr_expect_eq(told[0], ERR_SYSTEM);
	cr_expect_eq(told[1], EAGAIN);
}

Test(thread, its_stack_is_what_is_told, .timeout = 20)
{
	struct probe p = { 0 };
	pthread_t thread = start(&p, "worker");
	pthread_attr_t attr;
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), n_touched = 0;
	void *stack;

	cr_assert_eq(pthread_getattr_np(thread, &attr), 0);
	cr_assert_eq(pthread_attr_getstack(&attr, &stack, &size), 0);
	pthread_attr_destroy(&attr);
	cr_expect_leq(size, THREAD_STACK_BYTES);
	unsigned char *in = calloc(size / page + 1, 1);
	cr_assert_eq(mincore(stack, size, in), 0);
	for (size_t i = 0; i < size / page; i++)
		n_touched += in[i] & 1;
	free(in);
	if (HEAP_IS_COUNTED)
		cr_expect_leq(n_touched * page, THREAD_STACK_START);
	finish(&p, thread);
}
