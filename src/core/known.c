/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Nothing is swept: an entry counts in the period in which it was written and in the next. Periods
 * have the numbers of a byte, so what nobody has touched for two hours may count once more for a
 * minute, which is worth no more than it was. */
#include "core/known.h"

#include <stddef.h>

#include "base/clock.h"

#define PERIOD_NS (KNOWN_PERIOD_S * CLOCK_NS_PER_S)
#define PERIODS 2 /* that an answer counts */

static uint16_t tag_of(uint32_t hash)
{
	return (uint16_t)(hash >> 16);
}

static unsigned credit_of(const struct known *k, const struct known_domain *d)
{
	return (uint8_t)(k->period - d->period) < PERIODS ? d->credit : 0;
}

/* The entry of that domain, or NULL. */
static const struct known_domain *find(const struct known *k, uint32_t hash)
{
	const struct known_domain *set = k->domains[hash % KNOWN_SETS];

	for (size_t i = 0; i < KNOWN_WAYS; i++) {
		if (set[i].tag == tag_of(hash) && credit_of(k, &set[i]) > 0)
			return &set[i];
	}
	return NULL;
}

/* Whose place a new one takes. */
static struct known_domain *least_of(struct known *k, struct known_domain *set)
{
	struct known_domain *least = set;

	for (size_t i = 1; i < KNOWN_WAYS; i++) {
		if (credit_of(k, &set[i]) < credit_of(k, least))
			least = &set[i];
	}
	return least;
}

void known_advance(struct known *k, int64_t now_ns)
{
	if (now_ns - k->begun_ns < PERIOD_NS)
		return;
	int64_t passed = (now_ns - k->begun_ns) / PERIOD_NS;
	uint8_t steps = passed < PERIODS ? (uint8_t)passed : PERIODS;

	k->period = (uint8_t)(k->period + steps);
	k->left = k->left > steps ? (uint8_t)(k->left - steps) : 0;
	k->begun_ns = now_ns;
}

void known_note(struct known *k, uint32_t hash)
{
	struct known_domain *d = (struct known_domain *)find(k, hash);

	k->left = PERIODS;
	if (!d) {
		d = least_of(k, k->domains[hash % KNOWN_SETS]);
		*d = (struct known_domain){ .tag = tag_of(hash) };
	}
	d->period = k->period;
	if (d->credit < UINT8_MAX)
		d->credit++;
}

bool known_any(const struct known *k)
{
	return k->left > 0;
}

bool known_has(const struct known *k, uint32_t hash)
{
	return find(k, hash) != NULL;
}

void known_spend(struct known *k, uint32_t hash)
{
	struct known_domain *d = (struct known_domain *)find(k, hash);

	if (d)
		d->credit--;
}
