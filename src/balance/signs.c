/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Everything here runs on every reply of every worker, so the good case only loads: a line that
 * nobody writes stays in all caches. A word of blame is, from the lowest bit: four bits of count,
 * then up to BLAME_PAIRS fragments of pairs, 20 bits each, none of them 0. BLAME_TOLD as the count
 * means that the prober knows; it then holds nothing else. */
#include "balance/signs.h"

#define BLAME_COUNT_BITS 4
#define BLAME_COUNT_MASK 15u
#define BLAME_TOLD 15u
#define BLAME_PAIR_BITS 20
#define BLAME_PAIR_MASK 0xfffffu

_Static_assert(BLAME_COUNT_BITS + BLAME_PAIRS * BLAME_PAIR_BITS <= 64, "pairs do not fit");
_Static_assert(BLAME_COUNT < BLAME_TOLD, "the count does not fit");

static bool become_suspect(struct server *s)
{
	return !atomic_load_explicit(&s->is_suspect, memory_order_relaxed) &&
	       !atomic_exchange_explicit(&s->is_suspect, true, memory_order_relaxed);
}

static void zero(_Atomic uint32_t *n)
{
	if (atomic_load_explicit(n, memory_order_relaxed) != 0)
		atomic_store_explicit(n, 0, memory_order_relaxed);
}

bool signs_silent(struct server *s, unsigned limit)
{
	uint32_t n = atomic_fetch_add_explicit(&s->n_silent, 1, memory_order_relaxed) + 1;

	zero(&s->n_tests_good);
	return limit > 0 && n >= limit && become_suspect(s);
}

bool signs_unreachable(struct server *s)
{
	zero(&s->n_tests_good);
	return become_suspect(s);
}

/* One more bad reply, and the pair if there is room and it is not there yet. */
static uint64_t blame_more(uint64_t blame, uint32_t pair)
{
	uint64_t fragment = pair >> (32 - BLAME_PAIR_BITS);
	unsigned n_pairs = 0;
	bool is_known = false;

	if (fragment == 0)
		fragment = 1;
	for (; n_pairs < BLAME_PAIRS; n_pairs++) {
		uint64_t at = blame >> (BLAME_COUNT_BITS + n_pairs * BLAME_PAIR_BITS);

		if ((at & BLAME_PAIR_MASK) == 0)
			break;
		is_known |= (at & BLAME_PAIR_MASK) == fragment;
	}
	if (!is_known && n_pairs < BLAME_PAIRS)
		blame |= fragment << (BLAME_COUNT_BITS + n_pairs++ * BLAME_PAIR_BITS);
	if ((blame & BLAME_COUNT_MASK) < BLAME_TOLD - 1)
		blame++;
	return (blame & BLAME_COUNT_MASK) >= BLAME_COUNT && n_pairs >= BLAME_PAIRS ? BLAME_TOLD
										   : blame;
}

bool signs_bettered(struct server *s, uint32_t pair, enum sign *sign_out)
{
	uint64_t before = atomic_load_explicit(&s->blame, memory_order_relaxed), after;

	zero(&s->n_tests_good);
	do {
		if (before == BLAME_TOLD)
			break;
		after = blame_more(before, pair);
		if (!atomic_compare_exchange_weak_explicit(
			    &s->blame, &before, after, memory_order_relaxed, memory_order_relaxed))
			continue;
		if (after == BLAME_TOLD) {
			*sign_out = SIGN_BLAMED;
			return true;
		}
		break;
	} while (true);
	*sign_out = SIGN_BETTERED;
	return become_suspect(s);
}

void signs_replied(struct server *s)
{
	zero(&s->n_silent);
}

void signs_good(struct server *s)
{
	if (atomic_load_explicit(&s->blame, memory_order_relaxed) != 0)
		atomic_store_explicit(&s->blame, 0, memory_order_relaxed);
	if (server_state(s) == SERVER_EJECTED)
		atomic_fetch_add_explicit(&s->n_tests_good, 1, memory_order_relaxed);
}

void signs_excuse(struct server *s)
{
	atomic_store_explicit(&s->n_silent, 0, memory_order_relaxed);
}

void signs_listen(struct server *s)
{
	uint64_t told = BLAME_TOLD;

	atomic_compare_exchange_strong_explicit(
		&s->blame, &told, 0, memory_order_relaxed, memory_order_relaxed);
	signs_excuse(s);
	atomic_store_explicit(&s->is_suspect, false, memory_order_relaxed);
}

void signs_clear(struct server *s)
{
	signs_excuse(s);
	atomic_store_explicit(&s->blame, 0, memory_order_relaxed);
	atomic_store_explicit(&s->is_suspect, false, memory_order_relaxed);
}
