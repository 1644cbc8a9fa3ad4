/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * policy - how a tier of a pool chooses among its eligible servers.
 *
 * To add one: a file policy_<name>.c of some 80 lines with a `const struct policy_ops`, and a row
 * in policy.c. `pick` is called by every worker at once: it may read the pool, draw from
 * the choice's generator, and keep nothing but atomics. It returns a server of the choice's tier
 * with room (choice_has_room) or choice_nobody(). A server that starts slowly or is slow declines
 * some of its turns (choice_accepts). Define and test what happens on a tie, when all are at their
 * limit, and when one or all are down. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct choice;
struct pool;
struct tier;
struct policy_ops;

/* Values of the configuration's policy, in the order of the table in policy.c. */
enum policy_kind {
	POLICY_P2C,
	POLICY_LEAST_OUTSTANDING,
	POLICY_ROUND_ROBIN,
	POLICY_RANDOM,
	POLICY_FIRST_AVAILABLE,
	POLICY_HASH,
	POLICY_CLIENT_HASH,
	POLICY_COUNT
};

struct policy_params {
	enum policy_kind kind;
	const char *hash_seed; /* copied as a key */
	double load_factor; /* bounded load of the hash policies, 1.0 .. 10.0 */
};

struct policy {
	const struct policy_ops *ops;
	void *state; /* of the policy, made by init */
};

struct policy_ops {
	const char *name; /* as the configuration spells it */
	const char *help; /* one line for the manual and --print-options */
	/* Builds policy->state over the servers of the tier; ERR_NOMEM. NULL, with the next two: it
	 * keeps none. */
	int (*init)(struct policy *policy, const struct pool *pool, const struct tier *tier,
		const struct policy_params *params);
	void (*free)(struct policy *policy);
	size_t (*bytes)(const struct policy *policy); /* what the state takes */
	int (*pick)(const struct policy *policy, const struct choice *choice);
	/* A number below SERVER_SHARE_FULL that decides the tier. NULL: drawn at random. */
	uint32_t (*draw_tier)(const struct policy *policy, const struct choice *choice);
};

extern const struct policy_ops *const policy_table[POLICY_COUNT];

int policy_new(const struct policy_params *params, const struct pool *pool, const struct tier *tier,
	struct policy **policy_out);
void policy_free(struct policy **p); /* *p may be NULL; sets it to NULL */
size_t policy_bytes(const struct policy *p); /* what it takes */
