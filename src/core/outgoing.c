/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Grouping is by comparison: there are at most 64 datagrams, and as a rule a few sockets. */
#include "core/outgoing.h"

#include <assert.h>

int outgoing_init(struct outgoing *o, outbox_failed *failed, void *ctx)
{
	o->n = 0;
	return outbox_new(failed, ctx, &o->outbox);
}

void outgoing_fini(struct outgoing *o)
{
	outbox_free(&o->outbox);
}

struct outbox_item *outgoing_add(struct outgoing *o, uint16_t by, uint64_t ref)
{
	assert(!outgoing_is_full(o));
	struct outbox_item *item = &o->items[o->n];
	*item = (struct outbox_item){ .token = (uint32_t)o->n };
	o->by[o->n] = by;
	o->refs[o->n] = ref;
	o->n++;
	return item;
}

void outgoing_flush(struct outgoing *o, const int *fds)
{
	bool is_sent[OUTGOING_MAX] = { false };

	for (size_t i = 0; i < o->n; i++) {
		size_t n = 0;

		if (is_sent[i])
			continue;
		for (size_t j = i; j < o->n; j++) {
			if (o->by[j] == o->by[i]) {
				is_sent[j] = true;
				o->group[n++] = o->items[j];
			}
		}
		outbox_send(o->outbox, fds[o->by[i]], o->group, n);
	}
	o->n = 0;
}
