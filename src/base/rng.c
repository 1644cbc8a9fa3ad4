/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: buffer[used..] has never been given to anybody; buffer[..used] is wiped. A refill
 * runs ChaCha20 once over key-and-buffer and keeps the first 32 bytes as the next key. */
#include "base/rng.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

/* Kept apart from the draws, which are short and made for every query. */
__attribute__((cold, noinline)) static void refill(struct rng *r)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES]; /* the key is used once */
	uint8_t stream[RNG_SEED_BYTES + sizeof r->buffer];

	crypto_stream_chacha20(stream, sizeof stream, nonce, r->key);
	memcpy(r->key, stream, sizeof r->key);
	memcpy(r->buffer, stream + sizeof r->key, sizeof r->buffer);
	sodium_memzero(stream, sizeof stream);
	r->used = 0;
}

void rng_init(struct rng *r)
{
	randombytes_buf(r->key, sizeof r->key);
	r->used = sizeof r->buffer;
}

void rng_init_seed(struct rng *r, const uint8_t seed[RNG_SEED_BYTES])
{
	memcpy(r->key, seed, sizeof r->key);
	r->used = sizeof r->buffer;
}

static inline void draw(struct rng *r, void *out, size_t len)
{
	assert(len <= sizeof r->buffer);
	if (sizeof r->buffer - r->used < len)
		refill(r);
	memcpy(out, r->buffer + r->used, len);
	memset(r->buffer + r->used, 0, len);
	r->used += (unsigned)len;
}

uint16_t rng_u16(struct rng *r)
{
	uint16_t v;

	draw(r, &v, sizeof v);
	return v;
}

uint32_t rng_u32(struct rng *r)
{
	uint32_t v;

	draw(r, &v, sizeof v);
	return v;
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t v;

	draw(r, &v, sizeof v);
	return v;
}

void rng_bytes(struct rng *r, void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		size_t n = len < 256 ? len : 256;

		draw(r, p, n);
		p += n;
		len -= n;
	}
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	assert(n > 0);
	return (uint32_t)(((uint64_t)rng_u32(r) * n) >> 32);
}
