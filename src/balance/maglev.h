/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * maglev - the lookup table of the hash policies (Eisenbud et al., NSDI 2016, section 3.4), with
 * weights by accumulated turns as in Katran. The same names, weights and seed give the same table
 * bit for bit on every machine, whatever the order in the file. Immutable once made. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct maglev;

struct maglev_server {
	const char *name; /* the identity: not the address, not the position */
	unsigned weight;
};

/* The table has 65537 entries, or the next of 131071 and 655373 that is at least 100 per server.
 * ERR_NOMEM; ERR_RANGE for no server or more than 6553. */
int maglev_new(const struct maglev_server *servers, size_t n, const struct hash_key *seed,
	struct maglev **maglev_out);
void maglev_free(struct maglev **m); /* *m may be NULL; sets it to NULL */
size_t maglev_bytes(const struct maglev *m); /* what it takes */
size_t maglev_lookup(const struct maglev *m, uint64_t hash); /* index into `servers` */
const uint16_t *maglev_table(const struct maglev *m, size_t *size_out); /* for tests */
