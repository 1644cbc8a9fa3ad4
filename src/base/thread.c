/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The mask is blocked around pthread_create, because a thread inherits it: there is no moment in
 * which a new thread could catch a signal that is meant for main. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "base/memory.h"

void thread_memory(size_t n, struct memory_use *use)
{
	use->start += n * THREAD_STACK_START;
	memory_add_growing(use, n * THREAD_STACK_BYTES, n * THREAD_STACK_BYTES);
}

int thread_start(pthread_t *thread_out, const char *name, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	char short_name[16];

	int rc = pthread_attr_init(&attributes);
	if (rc != 0) {
		errno = rc;
		return ERR_SYSTEM;
	}
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread_out, &attributes, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (rc != 0) {
		errno = rc;
		return ERR_SYSTEM;
	}
	snprintf(short_name, sizeof short_name, "%s", name);
	pthread_setname_np(*thread_out, short_name); /* for top and gdb; failing is harmless */
	return 0;
}
