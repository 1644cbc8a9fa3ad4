/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * alias - weighted draws in constant time (Vose 1991): the policies' way to say "this server
 * three times as often as that". Immutable once made; any thread may draw with its own rng. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

struct alias;

/* Weights at least 1. ERR_NOMEM. */
int alias_new(const unsigned *weights, size_t n, struct alias **alias_out);
void alias_free(struct alias **a); /* *a may be NULL; sets it to NULL */
size_t alias_bytes(const struct alias *a); /* what it takes */
size_t alias_draw(const struct alias *a, struct rng *rng);
