/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * receiver - the thread in front: reads clients' datagrams a batch at a time, drops what is not
 * worth a worker's time (shorter than a header, QR=1, outside the acl, cut off), sheds what the
 * workers cannot do (core/fair.h), and pushes the rest to the queue with one lock and at most one
 * wake-up.
 *
 * Made and freed by the engine's thread, run by its own. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/fair.h"
#include "core/worker.h"

struct acl;
struct memory_use;
struct metric_block;
struct queue;
struct receiver;

struct receiver_params {
	unsigned number;
	const int *fds; /* the sockets this receiver reads */
	const uint16_t *listeners; /* their listener indices, parallel */
	size_t n_fds;
	const int *listen_fds; /* of all listeners, by index: for answers to what is shed */
	const struct acl *acl;
	struct queue *queue;
	struct metric_block *metrics;
	enum on_overload on_overload; /* for what is shed here */
	struct fair_params fair; /* rng is the receiver's own */
	uint16_t udp_reply_max;
};

int receiver_new(const struct receiver_params *params,
	struct receiver **receiver_out); /* ERR_NOMEM, ERR_SYSTEM */
void receiver_free(struct receiver **r); /* *r may be NULL; sets it to NULL */
/* Adds what one with that many sockets takes; what it knows of clients apart. */
void receiver_memory(size_t n_fds, struct memory_use *buffers, struct memory_use *clients);
int receiver_start(struct receiver *r); /* ERR_SYSTEM */
/* Any thread: reads the sockets empty once more, then the thread ends. */
void receiver_stop(struct receiver *r);
void receiver_join(struct receiver *r);
