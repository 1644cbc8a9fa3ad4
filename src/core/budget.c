/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariants: sum is that of the ring; 0 <= tokens <= capacity; capacity is the larger of
 * BUDGET_LEAST and sum. */
#include "core/budget.h"

#include <stddef.h>

#include "base/clock.h"

#define TOKEN 1000
#define HALVE_NS (2 * CLOCK_NS_PER_S)

static void fit(struct budget *b)
{
	b->capacity = b->sum > BUDGET_LEAST * TOKEN ? b->sum : BUDGET_LEAST * TOKEN;
	if (b->tokens > b->capacity)
		b->tokens = b->capacity;
}

static void gain(struct budget *b, int64_t amount)
{
	b->gained[b->place] += amount;
	b->sum += amount;
	b->tokens += amount;
	fit(b);
}

void budget_init(struct budget *b, unsigned percent, int64_t per_second, int64_t now_ns)
{
	*b = (struct budget){
		.tokens = BUDGET_LEAST * TOKEN,
		.capacity = BUDGET_LEAST * TOKEN,
		.per_query = percent * (TOKEN / 100),
		.per_second = per_second,
		.second = now_ns / CLOCK_NS_PER_S,
		.counted_ns = now_ns,
	};
}

static void turn_ring(struct budget *b, int64_t second)
{
	int64_t steps = second - b->second;

	for (int64_t i = 1; i <= steps && i <= BUDGET_SECONDS; i++) {
		b->place = (b->place + 1) % BUDGET_SECONDS;
		b->sum -= b->gained[b->place];
		b->gained[b->place] = 0;
	}
	b->second = second;
	fit(b);
}

void budget_advance(struct budget *b, int64_t now_ns)
{
	int64_t second = now_ns / CLOCK_NS_PER_S;

	if (second != b->second)
		turn_ring(b, second);
	if (b->per_second == 0)
		return;
	/* After a long sleep only the ring's length counts. */
	if (now_ns - b->counted_ns > BUDGET_SECONDS * CLOCK_NS_PER_S)
		b->counted_ns = now_ns - BUDGET_SECONDS * CLOCK_NS_PER_S;
	int64_t amount = (now_ns - b->counted_ns) * b->per_second / CLOCK_NS_PER_S;
	if (amount == 0)
		return;
	b->counted_ns += amount * CLOCK_NS_PER_S / b->per_second;
	gain(b, amount);
}

void budget_gain(struct budget *b)
{
	gain(b, b->per_query);
}

bool budget_take(struct budget *b, unsigned keep)
{
	if (b->tokens - TOKEN < b->capacity / 100 * keep)
		return false;
	b->tokens -= TOKEN;
	return true;
}

void budget_give_back(struct budget *b)
{
	b->tokens += TOKEN;
	fit(b);
}

void debtors_advance(struct debtors *d, int64_t now_ns)
{
	if (now_ns - d->halved_ns < HALVE_NS)
		return;
	for (size_t i = 0; i < DEBTORS; i++)
		d->debt[i] /= 2;
	d->halved_ns = now_ns;
}

void debtors_add(struct debtors *d, uint32_t hash)
{
	uint16_t *debt = &d->debt[hash % DEBTORS];

	if (*debt < UINT16_MAX)
		++*debt;
}

void debtors_forgive(struct debtors *d, uint32_t hash)
{
	uint16_t *debt = &d->debt[hash % DEBTORS];

	if (*debt > 0)
		--*debt;
}

bool debtors_owes(const struct debtors *d, const struct budget *b, uint32_t hash, unsigned part,
	unsigned least)
{
	int64_t limit = b->capacity / TOKEN / part;

	if (limit < least)
		limit = least;
	return d->debt[hash % DEBTORS] >= limit;
}
