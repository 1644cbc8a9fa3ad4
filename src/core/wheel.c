/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: a node with tick t hangs in slot t % WHEEL_SLOTS. When the wheel passes a slot, what
 * is due fires; what belongs to a later turn stays. */
#include "core/wheel.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

static unsigned slot_of(int64_t tick)
{
	return (unsigned)((uint64_t)tick % WHEEL_SLOTS);
}

void wheel_init(struct wheel *w, int64_t now_ns)
{
	memset(w, 0, sizeof *w);
	w->now_tick = now_ns / CLOCK_NS_PER_MS;
}

void wheel_add(struct wheel *w, struct wheel_node *node, int64_t due_ns)
{
	int64_t tick = (due_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;

	assert(!node->link);
	if (tick <= w->now_tick)
		tick = w->now_tick + 1; /* this tick has fired already */
	unsigned s = slot_of(tick);
	node->tick = tick;
	node->next = w->slot[s];
	node->link = &w->slot[s];
	if (node->next)
		node->next->link = &node->next;
	w->slot[s] = node;
	w->occupied[s / 64] |= 1ULL << (s % 64);
	w->n++;
}

void wheel_remove(struct wheel *w, struct wheel_node *node)
{
	if (!node->link)
		return;
	unsigned s = slot_of(node->tick);
	*node->link = node->next;
	if (node->next)
		node->next->link = node->link;
	node->link = NULL;
	node->next = NULL;
	if (!w->slot[s])
		w->occupied[s / 64] &= ~(1ULL << (s % 64));
	w->n--;
}

/* Ticks from `from` to the next one whose slot is occupied, at most WHEEL_SLOTS - 1; -1: none. */
static int64_t ticks_to_occupied(const struct wheel *w, int64_t from)
{
	unsigned start = slot_of(from);
	uint64_t word = w->occupied[start / 64] & (~0ULL << (start % 64));

	for (unsigned i = 0; i <= WHEEL_SLOTS / 64; i++) {
		unsigned at = (start / 64 + i) % (WHEEL_SLOTS / 64);

		if (i > 0)
			word = w->occupied[at];
		if (word != 0) {
			unsigned s = at * 64 + (unsigned)__builtin_ctzll(word);

			return (s + WHEEL_SLOTS - start) % WHEEL_SLOTS;
		}
	}
	return -1;
}

static struct wheel_node *due_in_slot(const struct wheel *w, int64_t tick, int64_t now_tick)
{
	for (struct wheel_node *n = w->slot[slot_of(tick)]; n; n = n->next) {
		if (n->tick <= now_tick)
			return n;
	}
	return NULL;
}

struct wheel_node *wheel_expire(struct wheel *w, int64_t now_ns)
{
	int64_t now_tick = now_ns / CLOCK_NS_PER_MS;

	if (now_tick - w->now_tick > WHEEL_SLOTS)
		w->now_tick = now_tick - WHEEL_SLOTS; /* one turn passes every slot */
	while (w->now_tick < now_tick) {
		int64_t ahead = w->n > 0 ? ticks_to_occupied(w, w->now_tick + 1) : -1;

		if (ahead == -1 || w->now_tick + 1 + ahead > now_tick) {
			w->now_tick = now_tick;
			break;
		}
		struct wheel_node *node = due_in_slot(w, w->now_tick + 1 + ahead, now_tick);
		if (node) {
			w->now_tick += ahead; /* the slot is looked at again */
			wheel_remove(w, node);
			return node;
		}
		w->now_tick += 1 + ahead;
	}
	return NULL;
}

int64_t wheel_next_ns(const struct wheel *w)
{
	if (w->n == 0)
		return INT64_MAX;
	return (w->now_tick + 1 + ticks_to_occupied(w, w->now_tick + 1)) * CLOCK_NS_PER_MS;
}

struct wheel_node *wheel_take_any(struct wheel *w)
{
	if (w->n == 0)
		return NULL;
	int64_t tick = w->now_tick + 1 + ticks_to_occupied(w, w->now_tick + 1);
	struct wheel_node *node = w->slot[slot_of(tick)];
	wheel_remove(w, node);
	return node;
}
