/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * wheel - timers by the hundred thousand: a hashed wheel with ticks of one millisecond (Varghese
 * and Lauck 1987, scheme 6). Adding and removing are a few instructions; an empty wheel wants no
 * wake-up. A timer fires in the first tick that is not before its due time: never early, at most
 * 1 ms late by the wheel's doing. Owner only; no locks; no allocation. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_SLOTS 4096 /* about four seconds a turn; later timers wait for their turn */

struct wheel_node {
	struct wheel_node *next;
	struct wheel_node **link; /* what points at this node; NULL: not in a wheel */
	int64_t tick;
};

struct wheel {
	struct wheel_node *slot[WHEEL_SLOTS];
	uint64_t occupied[WHEEL_SLOTS / 64]; /* a bit per slot that is not empty */
	int64_t now_tick; /* all ticks up to this one have fired */
	size_t n;
};

void wheel_init(struct wheel *w, int64_t now_ns);
/* The node must not be in a wheel. A due time in the past fires at the next wheel_expire. */
void wheel_add(struct wheel *w, struct wheel_node *node, int64_t due_ns);
void wheel_remove(struct wheel *w, struct wheel_node *node); /* does nothing if it is in none */

/* Takes one node out whose time has come, or NULL; call again until NULL. */
struct wheel_node *wheel_expire(struct wheel *w, int64_t now_ns);
/* The earliest moment at which wheel_expire can have something, INT64_MAX when empty. May be too
 * early for timers more than a turn ahead, never too late. */
int64_t wheel_next_ns(const struct wheel *w);
/* Any node at all, taken out: for giving everything up. NULL when empty. */
struct wheel_node *wheel_take_any(struct wheel *w);
