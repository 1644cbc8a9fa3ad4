/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * intake - what happens to a client's datagram before the queue: read a batch at a time, dropped if it
 * is not worth a worker's time (shorter than a header, QR=1, outside the acl, from port 0, cut off),
 * shed if it is more than the workers can do (core/fair.h), and pushed with one lock and at most one
 * wake-up.
 *
 * One owner thread: a receiver's, or with dispatch = "direct" a worker's. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fair.h"
#include "core/worker.h"

struct acl;
struct intake;
struct memory_use;
struct metric_block;
struct queue;

#define INTAKE_DRAIN_BATCHES 2048 /* more than a socket's buffer of 8 MiB holds */

struct intake_params {
	const int *fds; /* the sockets to read */
	const uint16_t *listeners; /* their listener indices, parallel */
	size_t n_fds;
	const int *listen_fds; /* of all listeners, by index: for answers to what is shed */
	const struct acl *acl;
	struct queue *queue;
	struct metric_block *metrics; /* the owner's */
	enum on_overload on_overload; /* for what is shed here */
	struct fair_params fair; /* rng is the intake's own */
	uint16_t udp_reply_max;
	bool steals; /* for intake_steal */
};

int intake_new(const struct intake_params *params, struct intake **intake_out); /* ERR_NOMEM */
void intake_free(struct intake **in); /* *in may be NULL; sets it to NULL */
/* Adds what it takes; what it knows of clients apart. Looks at n_fds and steals. */
void intake_memory(
	const struct intake_params *params, struct memory_use *buffers, struct memory_use *clients);
/* Reads socket number `socket` of those given until it is empty, at most so many batches, and pushes
 * what it keeps. Does not wait (a moment, after an error that may pass). False: the socket was emptied.
 * Takes queue.lock. */
bool intake_read(struct intake *in, size_t socket, unsigned batches);
/* One batch from another owner's socket, if what waits there first has waited longer than age_ns. True:
 * something was read. Takes queue.lock. */
bool intake_steal(struct intake *in, int fd, uint16_t listener, int64_t age_ns);
/* How long the oldest of what was read last had waited in its socket. */
int64_t intake_waited_ns(const struct intake *in);
/* Are clients held back (core/fair.h)? Then most of what is read is shed at once. */
bool intake_is_rationing(const struct intake *in);
