/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * policy_alias - the state of the policies that draw by weight: an alias table over the servers of
 * the tier. Those forced down are in it too: a policy that draws one draws again, which leaves the
 * shares of the others as they are. */
#pragma once
#include <stddef.h>

struct choice;
struct policy;
struct policy_params;
struct pool;
struct tier;

/* init and free of struct policy_ops. */
int policy_alias_init(struct policy *policy, const struct pool *pool, const struct tier *tier,
	const struct policy_params *params);
void policy_alias_free(struct policy *policy);

/* A server of the tier by weight; or -1 if this draw is not to count (choice_accepts). */
int policy_alias_draw(const struct policy *policy, const struct choice *c);
