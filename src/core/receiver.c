/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/receiver.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/memory.h"
#include "base/metric.h"
#include "base/thread.h"
#include "net/poller.h"

#define WAKE_TAG UINT64_MAX
#define BATCHES_PER_WAKE 4 /* of one socket, then the others get their turn */

struct receiver {
	/* set at start */
	struct receiver_params params;
	pthread_t id;
	bool is_started;
	int wakeup_fd;
	struct poller *poller;
	struct intake *intake;

	_Atomic bool is_stopping; /* relaxed */
};

static void *run(void *arg)
{
	struct receiver *r = arg;
	const struct intake_params *p = &r->params.intake;
	struct poller_event events[POLLER_EVENTS_MAX];

	while (!atomic_load_explicit(&r->is_stopping, memory_order_relaxed)) {
		size_t n = poller_wait(r->poller, -1, events);

		metric_add(p->metrics, METRIC_wakeups, 1);
		for (size_t i = 0; i < n; i++) {
			if (events[i].tag != WAKE_TAG)
				intake_read(r->intake, (size_t)events[i].tag, BATCHES_PER_WAKE);
		}
	}
	/* What the kernel has taken in by now is still served. Bounded: a flood must not hold us. */
	for (size_t s = 0; s < p->n_fds; s++)
		intake_read(r->intake, s, INTAKE_DRAIN_BATCHES);
	return NULL;
}

static int make_parts(struct receiver *r)
{
	const struct intake_params *p = &r->params.intake;
	int rc;

	if ((rc = wakeup_new(&r->wakeup_fd)) < 0 || (rc = poller_new(&r->poller)) < 0 ||
		(rc = poller_add_edge(r->poller, r->wakeup_fd, WAKE_TAG)) < 0 ||
		(rc = intake_new(p, &r->intake)) < 0)
		return rc;
	for (size_t i = 0; i < p->n_fds; i++) {
		if ((rc = poller_add(r->poller, p->fds[i], i)) < 0)
			return rc;
	}
	return 0;
}

int receiver_new(const struct receiver_params *params, struct receiver **receiver_out)
{
	struct receiver *r = alloc_lines(1, sizeof *r);

	if (!r)
		return ERR_NOMEM;
	r->params = *params;
	r->wakeup_fd = -1;
	int rc = make_parts(r);
	if (rc < 0) {
		receiver_free(&r);
		return rc;
	}
	*receiver_out = r;
	return 0;
}

void receiver_free(struct receiver **rp)
{
	struct receiver *r = *rp;

	if (!r)
		return;
	if (r->wakeup_fd != -1)
		close(r->wakeup_fd);
	poller_free(&r->poller);
	intake_free(&r->intake);
	free(r);
	*rp = NULL;
}

void receiver_memory(const struct receiver_params *params, struct memory_use *buffers,
	struct memory_use *clients)
{
	intake_memory(&params->intake, buffers, clients);
	memory_add_fixed(buffers, sizeof(struct receiver) + poller_bytes());
}

int receiver_start(struct receiver *r)
{
	char name[16];

	snprintf(name, sizeof name, "receiver-%u", r->params.number);
	int rc = thread_start(&r->id, name, run, r);
	r->is_started = rc == 0;
	return rc;
}

void receiver_stop(struct receiver *r)
{
	atomic_store_explicit(&r->is_stopping, true, memory_order_relaxed);
	wakeup_signal(r->wakeup_fd);
}

void receiver_join(struct receiver *r)
{
	if (r->is_started)
		pthread_join(r->id, NULL);
	r->is_started = false;
}
