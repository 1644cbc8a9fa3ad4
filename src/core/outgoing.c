/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Grouping is by comparison: there are at most 64 datagrams, and as a rule a few sockets. */
#include "core/outgoing.h"

#include <assert.h>

int outgoing_init(struct outgoing *o, outbox_failed *failed, void *ctx)
{
	o->n = 0;
	int rc = outbox_new(failed, ctx, &o->outbox);

	if (rc == 0)
		outbox_join(o->outbox);
	return rc;
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

/* What the kernel can take together follows each other (outbox_join): the same place, the larger first. */
static bool is_before(const struct outbox_item *a, const struct outbox_item *b)
{
	int order = a->to.family == 0 ? 0 : addr_order(&a->to, &b->to);

	return order < 0 || (order == 0 && a->len > b->len);
}

/* Those of i's descriptor, i first found; their number. */
static size_t gather(struct outgoing *o, size_t i, bool *is_taken)
{
	uint8_t at[OUTGOING_MAX];
	size_t n = 0;

	for (size_t j = i; j < o->n; j++) {
		size_t k = n;

		if (o->by[j] != o->by[i])
			continue;
		is_taken[j] = true;
		for (; k > 0 && is_before(&o->items[j], &o->items[at[k - 1]]); k--)
			at[k] = at[k - 1];
		at[k] = (uint8_t)j;
		n++;
	}
	for (size_t k = 0; k < n; k++)
		o->group[k] = o->items[at[k]];
	return n;
}

void outgoing_flush(struct outgoing *o, const int *fds)
{
	bool is_taken[OUTGOING_MAX] = { false };

	for (size_t i = 0; i < o->n; i++) {
		if (is_taken[i])
			continue;
		size_t n = gather(o, i, is_taken);
		outbox_send(o->outbox, fds[o->by[i]], o->group, n);
	}
	o->n = 0;
}
