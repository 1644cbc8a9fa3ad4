/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * receiver - the thread in front, with dispatch = "queue": it sleeps until one of its sockets has
 * something and feeds the queue through its intake (core/intake.h).
 *
 * Made and freed by the engine's thread, run by its own. */
#pragma once
#include "core/intake.h"

struct memory_use;
struct receiver;

struct receiver_params {
	unsigned number;
	struct intake_params intake;
};

int receiver_new(const struct receiver_params *params,
	struct receiver **receiver_out); /* ERR_NOMEM, ERR_SYSTEM */
void receiver_free(struct receiver **r); /* *r may be NULL; sets it to NULL */
/* Adds what it takes, as intake_memory does. */
void receiver_memory(const struct receiver_params *params, struct memory_use *buffers,
	struct memory_use *clients);
int receiver_start(struct receiver *r); /* ERR_SYSTEM */
/* Any thread: reads the sockets empty once more, then the thread ends. */
void receiver_stop(struct receiver *r);
void receiver_join(struct receiver *r);
