/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * outgoing - datagrams on their way out of a worker, collected over an event and sent with one
 * system call for each socket or listener in use. Owner only; no locks; no allocation after
 * creation. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/batch.h"

#define OUTGOING_MAX (2 * BATCH_MAX)
#define OUTGOING_PLACES (2 * OUTGOING_MAX)

/* What leaves by one descriptor, by index, in the order in which it came. */
struct outgoing_chain {
	uint8_t first, last;
};

struct outgoing {
	struct outbox *outbox;
	bool joins;
	size_t n;
	struct outbox_item items[OUTGOING_MAX]; /* token: the item's index here */
	uint16_t by[OUTGOING_MAX]; /* which of the descriptors given to outgoing_flush */
	uint64_t refs[OUTGOING_MAX]; /* the caller's name for it, found by the token */
	/* of a flush */
	uint8_t n_chains;
	struct outgoing_chain chains[OUTGOING_MAX];
	uint8_t next[OUTGOING_MAX]; /* behind an item in its chain */
	uint8_t places
		[OUTGOING_PLACES]; /* a chain's number plus one, or 0: near its descriptor's */
	struct outbox_item group[OUTGOING_MAX]; /* those of one descriptor, while they are sent */
};

/* `failed` hears of what could not be sent (net/batch.h); joins: as outbox_join. ERR_NOMEM. */
int outgoing_init(struct outgoing *o, bool joins, outbox_failed *failed, void *ctx);
void outgoing_fini(struct outgoing *o);
static inline bool outgoing_is_full(const struct outgoing *o)
{
	return o->n == OUTGOING_MAX;
}
/* A place for one more, not full: fill in all but the token. Its bytes must stay valid until the
 * flush. */
struct outbox_item *outgoing_add(struct outgoing *o, uint16_t by, uint64_t ref);
/* Sends all of it; those with `by` i leave by fds[i], in order, or joined: by place and the larger first. */
void outgoing_flush(struct outgoing *o, const int *fds);
