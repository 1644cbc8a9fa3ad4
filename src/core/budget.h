/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * budget - how many retries a worker may make: a token bucket, so that one sick server never lacks
 * them and a sick pool is not asked twice as much (the retry budget of Finagle and Envoy).
 *
 * It gains a part of a token per query and some per second, holds what it gained in the last ten
 * seconds (at least BUDGET_LEAST) and starts full. A token comes back when the retry brings an
 * acceptable answer. A taker may have to leave some behind for others: `keep`.
 *
 * debtors - who took tokens that never came back: a small table of counts by hash, halved every two
 * seconds. Names that no server answers would otherwise eat the budget that the names beside
 * them need, and keep every server suspect. Collisions only cost a debtor's neighbour the deepest
 * part of the budget, and a say in who is silent.
 *
 * Pure; owner only. Times are monotonic nanoseconds and never run back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BUDGET_SECONDS 10
#define BUDGET_LEAST 100 /* tokens */

struct budget {
	int64_t tokens; /* these and the next in thousandths */
	int64_t capacity;
	int64_t per_query, per_second;
	int64_t gained[BUDGET_SECONDS]; /* in each second, in a ring; their sum is kept */
	unsigned place; /* in the ring, of the second that runs */
	int64_t sum;
	int64_t second; /* that runs */
	int64_t counted_ns; /* the gain by time is counted up to here */
};

/* per_second in thousandths of a token. */
void budget_init(struct budget *b, unsigned percent, int64_t per_second, int64_t now_ns);
/* Time has passed: once per event, before the others. */
void budget_advance(struct budget *b, int64_t now_ns);
/* A query came. */
void budget_gain(struct budget *b);
/* Takes a token if at least `keep` hundredths of the capacity are left then. */
bool budget_take(struct budget *b, unsigned keep);
void budget_give_back(struct budget *b);

/* Has it less than so many hundredths of its capacity? */
static inline bool budget_is_below(const struct budget *b, unsigned percent)
{
	return b->tokens * 100 < b->capacity * percent;
}

#define DEBTORS 1024

struct debtors {
	uint16_t debt[DEBTORS];
	int64_t halved_ns;
};
void debtors_advance(struct debtors *d, int64_t now_ns);
void debtors_add(struct debtors *d, uint32_t hash);
void debtors_forgive(struct debtors *d, uint32_t hash);
/* Does it owe as much as a part of what the bucket holds (1/part), and at least `least` tokens? */
bool debtors_owes(const struct debtors *d, const struct budget *b, uint32_t hash, unsigned part,
	unsigned least);
