/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The stream is ChaCha20's, nothing is given twice, what was given is wiped, and draws are fair.
 * Statistics run over fixed seeds: the same numbers in every run, so a bound is never a gamble. */
#include "base/rng.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#define BUFFER_BYTES sizeof(((struct rng *)0)->buffer)

static void seed_with(struct rng *r, uint8_t byte)
{
	uint8_t seed[RNG_SEED_BYTES];

	memset(seed, byte, sizeof seed);
	rng_init_seed(r, seed);
}

static uint8_t draw_byte(struct rng *r)
{
	uint8_t byte;

	rng_bytes(r, &byte, 1);
	return byte;
}

/* RFC 8439 A.1, vector 1: the block of the zero key. Its first half becomes the next key. */
Test(rng, stream_is_chacha20_behind_the_next_key)
{
	static const uint8_t expected[32] = { 0xda, 0x41, 0x59, 0x7c, 0x51, 0x57, 0x48, 0x8d, 0x77,
		0x24, 0xe0, 0x3f, 0xb8, 0xd8, 0x4a, 0x37, 0x6a, 0x43, 0xb8, 0xf4, 0x15, 0x18, 0xa1,
		0x1c, 0xc3, 0x87, 0xb6, 0x69, 0xb2, 0xee, 0x65, 0x86 };
	static const uint8_t next_key[32] = { 0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40,
		0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed,
		0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7 };
	struct rng r;
	uint8_t out[32];

	seed_with(&r, 0);
	rng_bytes(&r, out, sizeof out);
	cr_expect_arr_eq(out, expected, sizeof out);
	cr_expect_arr_eq(r.key, next_key, sizeof next_key);
}

Test(rng, refill_goes_on_with_the_next_key)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	uint8_t stream[RNG_SEED_BYTES + BUFFER_BYTES], seed[RNG_SEED_BYTES];
	struct rng r;

	memset(seed, 0x5a, sizeof seed);
	rng_init_seed(&r, seed);
	for (int block = 0; block < 5; block++) {
		crypto_stream_chacha20(stream, sizeof stream, nonce, seed);
		memcpy(seed, stream, sizeof seed);
		for (size_t i = 0; i < BUFFER_BYTES; i++)
			cr_assert_eq(draw_byte(&r), stream[RNG_SEED_BYTES + i], "block %d byte %zu",
				block, i);
	}
}

Test(rng, same_seed_same_numbers_other_seed_others)
{
	struct rng a, b, c;
	unsigned n_same = 0;

	seed_with(&a, 1);
	seed_with(&b, 1);
	seed_with(&c, 2);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = rng_u64(&a);

		cr_assert_eq(v, rng_u64(&b), "draw %d", i);
		n_same += v == rng_u64(&c);
	}
	cr_expect_eq(n_same, 0u);
}

Test(rng, what_was_given_is_wiped)
{
	static const uint8_t zero[BUFFER_BYTES];
	struct rng r;
	uint8_t out[7];

	seed_with(&r, 3);
	rng_bytes(&r, out, sizeof out);
	(void)rng_u64(&r);
	(void)rng_u16(&r);
	cr_expect_eq(r.used, 17u);
	cr_expect_arr_eq(r.buffer, zero, 17);
	cr_expect_neq(memcmp(r.buffer + 17, zero, BUFFER_BYTES - 17), 0);
	while (r.used < BUFFER_BYTES)
		(void)draw_byte(&r);
	cr_expect_arr_eq(r.buffer, zero, BUFFER_BYTES);
}

/* The bytes left over where a draw does not fit are never given later. */
Test(rng, draw_that_does_not_fit_starts_a_new_buffer)
{
	struct rng r, expected;

	seed_with(&r, 4);
	seed_with(&expected, 4);
	for (size_t i = 0; i < BUFFER_BYTES - 3; i++)
		(void)draw_byte(&r);
	for (size_t i = 0; i < BUFFER_BYTES; i++)
		(void)draw_byte(&expected);
	cr_expect_eq(rng_u32(&r), rng_u32(&expected));
	cr_expect_eq(r.used, 4u);
}

Test(rng, draw_that_just_fits_needs_no_new_buffer)
{
	struct rng r;

	seed_with(&r, 5);
	for (size_t i = 0; i < BUFFER_BYTES - 8; i++)
		(void)draw_byte(&r);
	uint8_t key[RNG_SEED_BYTES];
	memcpy(key, r.key, sizeof key);
	(void)rng_u64(&r);
	cr_expect_arr_eq(r.key, key, sizeof key);
	cr_expect_eq(r.used, BUFFER_BYTES);
	(void)draw_byte(&r);
	cr_expect_neq(memcmp(r.key, key, sizeof key), 0);
	cr_expect_eq(r.used, 1u);
}

Test(rng, bytes_of_any_length_fill_all_and_no_more)
{
	static const size_t lengths[] = { 0, 1, 255, 256, 257, 480, 481, 512, 1000, 5000 };
	static uint8_t out[5002];

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		size_t len = lengths[i];
		struct rng r;

		seed_with(&r, 6);
		memset(out, 0, sizeof out);
		rng_bytes(&r, out, len);
		cr_expect_eq(out[len], 0, "length %zu", len);
		/* Eight zeroes in a row are a piece left out, not chance. */
		size_t n_zero = 0;
		for (size_t j = 0; j < len; j++) {
			n_zero = out[j] == 0 ? n_zero + 1 : 0;
			cr_assert_lt(n_zero, 8u, "length %zu at %zu", len, j);
		}
	}
}

Test(rng, two_generators_of_the_kernel_differ)
{
	struct rng a, b;
	uint8_t out_a[32], out_b[32];

	rng_init(&a);
	rng_init(&b);
	rng_bytes(&a, out_a, sizeof out_a);
	rng_bytes(&b, out_b, sizeof out_b);
	cr_expect_neq(memcmp(out_a, out_b, sizeof out_a), 0);
}

/* Chi squared over n cells of equal chance: mean n - 1, deviation sqrt(2 (n - 1)). */
static double chi_squared(const unsigned *count, size_t n, unsigned draws)
{
	double expected = (double)draws / (double)n, sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (count[i] - expected) * (count[i] - expected) / expected;
	return sum;
}

Test(rng, bytes_are_evenly_spread)
{
	enum { DRAWS = 256 * 1000 };
	unsigned count[256] = { 0 };
	struct rng r;

	seed_with(&r, 7);
	for (int i = 0; i < DRAWS; i++)
		count[draw_byte(&r)]++;
	double chi2 = chi_squared(count, 256, DRAWS);
	cr_expect(chi2 > 255 - 5 * 22.6 && chi2 < 255 + 5 * 22.6, "%f", chi2);
}

Test(rng, ids_are_evenly_spread)
{
	enum { DRAWS = 65536 * 20 };
	static unsigned count[65536];
	struct rng r;

	seed_with(&r, 8);
	for (int i = 0; i < DRAWS; i++)
		count[rng_u16(&r)]++;
	double chi2 = chi_squared(count, 65536, DRAWS);
	cr_expect(chi2 > 65535 - 5 * 362.0 && chi2 < 65535 + 5 * 362.0, "%f", chi2);
}

Test(rng, below_is_evenly_spread_and_below)
{
	static const uint32_t sizes[] = { 1, 2, 3, 7, 10, 100, 1000 };
	enum { DRAWS = 200000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint32_t n = sizes[i];
		unsigned count[1000] = { 0 };
		struct rng r;

		seed_with(&r, 9);
		for (int d = 0; d < DRAWS; d++) {
			uint32_t v = rng_below(&r, n);

			cr_assert_lt(v, n);
			count[v]++;
		}
		double above = chi_squared(count, n, DRAWS) - (n - 1);
		cr_expect(
			above <= 0 || above * above <= 5 * 5 * 2.0 * (n - 1), "n %u: %f", n, above);
	}
}

Test(rng, below_reaches_the_top_of_a_large_range)
{
	struct rng r;
	uint32_t highest = 0;

	seed_with(&r, 10);
	for (int i = 0; i < 1000; i++) {
		uint32_t v = rng_below(&r, UINT32_MAX);

		cr_assert_lt(v, UINT32_MAX);
		if (v > highest)
			highest = v;
	}
	cr_expect_gt(highest, UINT32_MAX / 100 * 98);
}
