/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * steal - workers that read clients themselves (dispatch = "direct") help each other: the kernel deals
 * clients out over the workers' sockets by address and port, and cares for no load.
 *
 * Who is behind wakes one that sleeps. Who is about to sleep looks for one that is behind, or whose
 * turn takes so long that it must have lost its CPU. It may then read from the other's sockets, as long
 * as what waits there first has waited STEAL_AGE_NS: younger queries are better off with the worker
 * that is warm. This module only knows who is behind; core/worker_thread_in.c does the reading.
 *
 * Each worker writes a line of its own, and reads those of others only when it is behind or has nothing
 * to do. All relaxed: a sign that is missed is given again with the next turn. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEAL_AGE_NS INT64_C(1000000)

struct steal;

int steal_new(unsigned n_workers, struct steal **steal_out); /* ERR_NOMEM */
void steal_free(struct steal **s); /* *s may be NULL; sets it to NULL */
size_t steal_bytes(unsigned n_workers); /* what it takes */
/* At set-up: how worker `me` is woken (net/poller.h). */
void steal_set_wakeup(struct steal *s, unsigned me, int wakeup_fd);

/* By worker `me`, as each turn begins, and before it sleeps. */
void steal_awake(struct steal *s, unsigned me, int64_t now_ns);
void steal_asleep(struct steal *s, unsigned me);
/* By worker `me`, when it has read: does older work than STEAL_AGE_NS wait at its sockets? If so, and
 * another one sleeps, that is woken. True: help may come, for not all are behind. */
bool steal_behind(struct steal *s, unsigned me, bool is_behind);
/* By worker `me`: the next worker after number `after` (-1: the first) that may want help; -1: none. */
int steal_next(const struct steal *s, unsigned me, int after, int64_t now_ns);
