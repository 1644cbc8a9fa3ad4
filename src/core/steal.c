/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/steal.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/err.h"
#include "net/poller.h"

struct seat {
	/* set at start */
	alignas(ALLOC_LINE) int wakeup_fd;

	/* atomic, relaxed: written by its worker; is_called by those who wake it too */
	_Atomic int64_t turn_ns; /* when its turn began; 0: it sleeps */
	_Atomic bool is_behind;
	_Atomic bool is_called; /* woken, and not up yet */
};

struct steal {
	/* set at start */
	unsigned n;
	struct seat *seats;
};

int steal_new(unsigned n_workers, struct steal **steal_out)
{
	struct steal *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_NOMEM;
	s->n = n_workers;
	s->seats = alloc_lines(n_workers, sizeof *s->seats);
	if (!s->seats) {
		free(s);
		return ERR_NOMEM;
	}
	for (unsigned i = 0; i < n_workers; i++) {
		s->seats[i].wakeup_fd = -1;
		atomic_init(&s->seats[i].turn_ns, 1); /* not asleep: nobody is to be woken yet */
	}
	*steal_out = s;
	return 0;
}

void steal_free(struct steal **sp)
{
	if (!*sp)
		return;
	free((*sp)->seats);
	free(*sp);
	*sp = NULL;
}

size_t steal_bytes(unsigned n_workers)
{
	return sizeof(struct steal) + n_workers * sizeof(struct seat);
}

void steal_set_wakeup(struct steal *s, unsigned me, int wakeup_fd)
{
	s->seats[me].wakeup_fd = wakeup_fd;
}

void steal_awake(struct steal *s, unsigned me, int64_t now_ns)
{
	struct seat *seat = &s->seats[me];

	atomic_store_explicit(&seat->turn_ns, now_ns, memory_order_relaxed);
	if (atomic_load_explicit(&seat->is_called, memory_order_relaxed))
		atomic_store_explicit(&seat->is_called, false, memory_order_relaxed);
}

void steal_asleep(struct steal *s, unsigned me)
{
	atomic_store_explicit(&s->seats[me].turn_ns, 0, memory_order_relaxed);
}

static bool is_free(const struct steal *s, unsigned i, unsigned me)
{
	return i != me && !atomic_load_explicit(&s->seats[i].is_behind, memory_order_relaxed);
}

/* True: it slept, and nobody has called it yet. */
static bool call(struct seat *seat)
{
	if (atomic_load_explicit(&seat->turn_ns, memory_order_relaxed) != 0 ||
		atomic_exchange_explicit(&seat->is_called, true, memory_order_relaxed))
		return false;
	wakeup_signal(seat->wakeup_fd);
	return true;
}

static bool call_for_help(struct steal *s, unsigned me)
{
	bool may_come = false;

	for (unsigned i = 0; i < s->n; i++) {
		if (!is_free(s, i, me))
			continue;
		may_come = true;
		if (call(&s->seats[i]))
			break;
	}
	return may_come;
}

bool steal_behind(struct steal *s, unsigned me, bool is_behind)
{
	struct seat *seat = &s->seats[me];

	if (atomic_load_explicit(&seat->is_behind, memory_order_relaxed) != is_behind)
		atomic_store_explicit(&seat->is_behind, is_behind, memory_order_relaxed);
	return is_behind && call_for_help(s, me);
}

static bool wants_help(const struct seat *seat, int64_t now_ns)
{
	int64_t turn_ns = atomic_load_explicit(&seat->turn_ns, memory_order_relaxed);

	return atomic_load_explicit(&seat->is_behind, memory_order_relaxed) ||
	       (turn_ns != 0 && now_ns - turn_ns > STEAL_AGE_NS);
}

int steal_next(const struct steal *s, unsigned me, int after, int64_t now_ns)
{
	for (unsigned i = (unsigned)(after + 1); i < s->n; i++) {
		if (i != me && wants_help(&s->seats[i], now_ns))
			return (int)i;
	}
	return -1;
}
