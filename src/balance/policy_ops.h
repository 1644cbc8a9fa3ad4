/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * policy_ops - what only the policies see of each other: the rows of the table in policy.c, and
 * the two things that several of them need. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct alias;
struct choice;
struct policy_ops;
struct pool;

extern const struct policy_ops policy_p2c;
extern const struct policy_ops policy_least_outstanding;
extern const struct policy_ops policy_round_robin;
extern const struct policy_ops policy_random;
extern const struct policy_ops policy_first_available;
extern const struct policy_ops policy_hash;
extern const struct policy_ops policy_client_hash;

/* Draws over all servers of the pool by their weights; ERR_NOMEM. Those forced down are in it too:
 * the policies draw again, which leaves the shares of the others as they are. */
int policy_alias_new(const struct pool *pool, struct alias **alias_out);

/* The server with room and the least outstanding for its weight, drawn by weight among those that
 * tie; else choice_nobody(). One pass over all servers. Any worker. */
int policy_pick_least(const struct choice *c);

/* Outstanding per weight of a and b: negative, 0 or positive as a's is less, equal or more; exact.
 * No "+ 1": with it, an idle pool would send everything to the heaviest server instead of sharing
 * by weight. */
static inline int policy_compare_load(
	uint64_t a_outstanding, unsigned a_weight, uint64_t b_outstanding, unsigned b_weight)
{
	uint64_t a = a_outstanding * b_weight;
	uint64_t b = b_outstanding * a_weight;

	return (a > b) - (a < b);
}
