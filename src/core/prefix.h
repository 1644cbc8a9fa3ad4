/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * prefix - a site's usual share of addresses, an IPv4 /24 or an IPv6 /56, and the bucket it falls into by a
 * keyed hash. The hash is made of 32-bit multiplications (multiply-shift, Dietzfelbinger et al. 1997), so
 * that a filter in the kernel can compute it, too (core/sieve.h): whoever does not know the key finds no
 * prefixes that meet in a bucket more often than by chance. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct addr;
struct rng;

#define PREFIX_BUCKET_BITS 10
#define PREFIX_BUCKETS (1u << PREFIX_BUCKET_BITS)
#define PREFIX_MASK 0xffffff00u /* of the last word of an address that counts */
#define PREFIX_FOLD 15 /* the hash's shift in between */

struct prefix_key {
	uint32_t first, second, last; /* multipliers, odd */
	uint32_t ipv4, ipv6; /* summands */
};

void prefix_key_draw(struct prefix_key *key, struct rng *rng);
unsigned prefix_bucket(const struct prefix_key *key, const struct addr *client);
size_t prefix_bytes(const struct addr *client); /* leading ones of its address that count */
