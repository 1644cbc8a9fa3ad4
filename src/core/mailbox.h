/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * mailbox - small messages from any thread to one, for what happens some times a second: probes
 * and their results. Bounded; a full box refuses, the sender decides. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/* Messages of a fixed size, at most `capacity` of them waiting; wakeup_fd is signalled when one is
 * put into an empty box (-1: nobody sleeps). ERR_NOMEM. */
int mailbox_new(size_t message_size, size_t capacity, int wakeup_fd, struct mailbox **mailbox_out);
void mailbox_free(struct mailbox **m); /* *m may be NULL; sets it to NULL */
size_t mailbox_bytes(size_t message_size, size_t capacity); /* what it takes */
/* Any thread; copies. False: full. Takes mailbox.lock. */
bool mailbox_post(struct mailbox *m, const void *message);
/* The owner; copies. False: empty. Takes mailbox.lock. */
bool mailbox_take(struct mailbox *m, void *message_out);
