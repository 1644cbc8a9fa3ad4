/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rng - unpredictable numbers for query IDs, ports, name case and choices: a ChaCha20 stream
 * with fast key erasure (the key is replaced at every refill, so what was drawn cannot be
 * reconstructed from memory). RFC 5452 section 9.2 asks for exactly this of query IDs.
 *
 * One owner thread per generator; no locks. A draw takes bytes from a buffer of 480 and refills
 * it when empty. Tests seed it and get the same numbers again. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define RNG_SEED_BYTES 32

struct rng {
	uint8_t key[RNG_SEED_BYTES]; /* of the next refill */
	uint8_t buffer[480];
	unsigned used; /* bytes of buffer already given away, wiped */
};

/* Seeded from the kernel (getrandom); aborts the process if the kernel has no entropy source. */
void rng_init(struct rng *r);
/* The same seed gives the same stream: for tests only. */
void rng_init_seed(struct rng *r, const uint8_t seed[RNG_SEED_BYTES]);

uint16_t rng_u16(struct rng *r);
uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
void rng_bytes(struct rng *r, void *out, size_t len);
/* Uniform in 0..n-1 without bias worth naming (multiply-shift over 32 bits: off by < n/2^32).
 * n must not be 0. */
uint32_t rng_below(struct rng *r, uint32_t n);
