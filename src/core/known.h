/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * known - domains that were answered in the last half a minute to a minute, and how often: what
 * entitles them to the part of a retry budget that all others leave. An answer is worth one retry
 * out of that part, so that a domain cannot be answered once and then use it up, and one that has
 * ceased to answer is soon nobody special.
 *
 * A small table by hash; where it is full, the domain with the fewest answers gives way. To be
 * taken for another one a stranger must meet 27 bits of a keyed hash, with four chances.
 *
 * Pure; owner only. All zero is empty. Times are monotonic nanoseconds and never run back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define KNOWN_SETS 2048
#define KNOWN_WAYS 4
#define KNOWN_PERIOD_S 30

struct known_domain {
	uint16_t tag;
	uint8_t credit; /* retries it is worth; 0: free */
	uint8_t period; /* in which it was answered last */
};

struct known {
	int64_t begun_ns; /* the period that runs */
	uint8_t period;
	uint8_t left; /* periods for which anybody is known */
	struct known_domain domains[KNOWN_SETS][KNOWN_WAYS];
};

/* Time has passed: once per event, before the others. */
void known_advance(struct known *k, int64_t now_ns);
/* It was answered. */
void known_note(struct known *k, uint32_t hash);
/* Was anybody answered lately? */
bool known_any(const struct known *k);
/* Does it have a retry to its credit? */
bool known_has(const struct known *k, uint32_t hash);
/* And makes it. Nothing if it has none. */
void known_spend(struct known *k, uint32_t hash);
