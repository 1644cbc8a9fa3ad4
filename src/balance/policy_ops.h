/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * policy_ops - the rows of the table in policy.c, which only that sees. */
#pragma once

struct policy_ops;

extern const struct policy_ops policy_p2c;
extern const struct policy_ops policy_least_outstanding;
extern const struct policy_ops policy_round_robin;
extern const struct policy_ops policy_random;
extern const struct policy_ops policy_first_available;
extern const struct policy_ops policy_hash;
extern const struct policy_ops policy_client_hash;
