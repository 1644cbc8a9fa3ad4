/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A flush links what leaves by one descriptor to a chain. Chains are found by a small hash table, so
 * that the work for a datagram does not grow with the number of descriptors in use. */
#include "core/outgoing.h"

#include <assert.h>
#include <string.h>

int outgoing_init(struct outgoing *o, bool joins, outbox_failed *failed, void *ctx)
{
	o->n = 0;
	o->joins = joins;
	int rc = outbox_new(failed, ctx, &o->outbox);

	if (rc == 0 && joins)
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

/* Item i goes behind its chain, or begins one. Numbers of descriptors are dense: they are the hash. */
static void link_item(struct outgoing *o, uint8_t i)
{
	size_t at = o->by[i] % OUTGOING_PLACES;

	for (; o->places[at] != 0; at = (at + 1) % OUTGOING_PLACES) {
		struct outgoing_chain *c = &o->chains[o->places[at] - 1];

		if (o->by[c->first] == o->by[i]) {
			o->next[c->last] = i;
			c->last = i;
			return;
		}
	}
	o->chains[o->n_chains++] = (struct outgoing_chain){ .first = i, .last = i };
	o->places[at] = o->n_chains;
}

/* What the kernel can take together follows each other (outbox_join): the same place, the larger first. */
static bool is_before(const struct outbox_item *a, const struct outbox_item *b)
{
	int order = a->to.family == 0 ? 0 : addr_order(&a->to, &b->to);

	return order < 0 || (order == 0 && a->len > b->len);
}

/* Copies the items of a chain to `group`, in the order of what can be joined; their number. */
static size_t gather(struct outgoing *o, const struct outgoing_chain *c)
{
	uint8_t at[OUTGOING_MAX], j = c->first;
	size_t n = 1;

	at[0] = j;
	while (j != c->last) {
		size_t k = n++;

		j = o->next[j];
		for (; o->joins && k > 0 && is_before(&o->items[j], &o->items[at[k - 1]]); k--)
			at[k] = at[k - 1];
		at[k] = j;
	}
	for (size_t k = 0; k < n; k++)
		o->group[k] = o->items[at[k]];
	return n;
}

void outgoing_flush(struct outgoing *o, const int *fds)
{
	if (o->n == 0)
		return;
	o->n_chains = 0;
	memset(o->places, 0, sizeof o->places);
	for (size_t i = 0; i < o->n; i++)
		link_item(o, (uint8_t)i);
	for (unsigned k = 0; k < o->n_chains; k++) {
		const struct outgoing_chain *c = &o->chains[k];
		int fd = fds[o->by[c->first]];

		if (c->first == c->last)
			outbox_send(o->outbox, fd, &o->items[c->first], 1);
		else
			outbox_send(o->outbox, fd, o->group, gather(o, c));
	}
	o->n = 0;
}
