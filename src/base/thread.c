/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The mask is blocked around pthread_create, because a thread inherits it: there is no moment in
 * which a new thread could catch a signal that is meant for main. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/err.h"

int thread_start(pthread_t *thread_out, const char *name, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	char short_name[16];

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(thread_out, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		errno = rc;
		return ERR_SYSTEM;
	}
	snprintf(short_name, sizeof short_name, "%s", name);
	pthread_setname_np(*thread_out, short_name); /* for top and gdb; failing is harmless */
	return 0;
}
