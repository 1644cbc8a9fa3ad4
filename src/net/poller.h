/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * poller - where a thread sleeps: epoll over its sockets and its wake-up. One owner thread; only
 * wakeup_signal() may be called by others. No locks. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct poller;

#define POLLER_EVENTS_MAX 64

struct poller_event {
	uint64_t tag; /* as given to poller_add */
};

int poller_new(struct poller **poller_out); /* ERR_NOMEM, ERR_SYSTEM */
void poller_free(struct poller **p); /* *p may be NULL; sets it to NULL */
size_t poller_bytes(void); /* what it takes, but for the kernel's part */
/* Level-triggered reading. ERR_SYSTEM. */
int poller_add(struct poller *p, int fd, uint64_t tag);
/* Edge-triggered reading: one event for each signal, and nobody needs to read the fd. */
int poller_add_edge(struct poller *p, int fd, uint64_t tag);
void poller_remove(struct poller *p, int fd);
/* Waits until something is ready or timeout_ns is over (negative: for ever; 0: only looks;
 * others are rounded up to whole milliseconds). The number of events, at most POLLER_EVENTS_MAX;
 * 0 after a timeout or an interrupting signal. */
size_t poller_wait(
	struct poller *p, int64_t timeout_ns, struct poller_event events[POLLER_EVENTS_MAX]);

/* An eventfd: any thread signals it, its owner has it in a poller with poller_add_edge. */
int wakeup_new(int *fd_out); /* ERR_SYSTEM */
void wakeup_signal(int fd); /* any thread; async-signal-safe */
