/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The vectors of the authors of SipHash (key 00 01 .. 0f, data 00 01 .. n-1), so that nodes of any
 * make and any later library agree on the tables of the hash policies. */
#include "base/hash.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct hash_key counting_key(void)
{
	struct hash_key key;

	for (size_t i = 0; i < sizeof key.bytes; i++)
		key.bytes[i] = (uint8_t)i;
	return key;
}

static void counting_bytes(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)i;
}

Test(hash, hash64_is_siphash_2_4)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 }, /* appendix A of the paper */
		{ 63, 0x958a324ceb064572 },
	};
	struct hash_key key = counting_key();
	uint8_t data[64];

	counting_bytes(data, sizeof data);
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		cr_expect_eq(hash64(&key, data, vectors[i].len), vectors[i].hash, "length %zu",
			vectors[i].len);
}

Test(hash, hash128_is_siphash_2_4_of_128_bits)
{
	static const struct {
		size_t len;
		struct hash128 hash;
	} vectors[] = {
		{ 0, { .low = 0xe6a825ba047f81a3, .high = 0x930255c71472f66d } },
		{ 1, { .low = 0x44af996bd8c187da, .high = 0x45fc229b11597634 } },
		{ 15, { .low = 0x11a8b03399e99354, .high = 0xd9c3cf970fec087e } },
	};
	struct hash_key key = counting_key();
	uint8_t data[16];

	counting_bytes(data, sizeof data);
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct hash128 h = hash128(&key, data, vectors[i].len);

		cr_expect_eq(h.low, vectors[i].hash.low, "length %zu: %016lx", vectors[i].len,
			(unsigned long)h.low);
		cr_expect_eq(h.high, vectors[i].hash.high, "length %zu: %016lx", vectors[i].len,
			(unsigned long)h.high);
	}
}

Test(hash, key_from_text_is_the_same_on_every_machine)
{
	/* BLAKE2b with a digest of 16 bytes over "dnsbal"; the default seed of the hash policies. */
	static const uint8_t expected[HASH_KEY_BYTES] = { 0xe8, 0xe8, 0xff, 0x5b, 0xf5, 0x86, 0x2c,
		0xca, 0xe8, 0xa6, 0xf4, 0x78, 0xa2, 0x97, 0x55, 0x30 };
	struct hash_key key = hash_key_from_text("dnsbal");

	cr_expect_arr_eq(key.bytes, expected, sizeof expected);
}

Test(hash, every_byte_of_a_seed_counts)
{
	static const char *const texts[] = { "", "a", "b", "aa", "dnsbal", "dnsbal ", "Dnsbal",
		"a text of more than the sixteen bytes that a key has",
		"a text of more than the sixteen bytes that a key haz" };
	enum { N = sizeof texts / sizeof texts[0] };

	for (size_t i = 0; i < N; i++) {
		struct hash_key a = hash_key_from_text(texts[i]);

		for (size_t j = 0; j < i; j++) {
			struct hash_key b = hash_key_from_text(texts[j]);

			cr_expect_neq(memcmp(a.bytes, b.bytes, sizeof a.bytes), 0,
				"\"%s\" and \"%s\"", texts[i], texts[j]);
		}
	}
}

Test(hash, result_does_not_depend_on_alignment_nor_read_beyond_the_end)
{
	struct hash_key key = counting_key();
	uint8_t data[40];

	counting_bytes(data, sizeof data);
	for (size_t len = 0; len <= 32; len++) {
		uint64_t expected = hash64(&key, data, len);

		for (size_t shift = 0; shift < 8; shift++) {
			/* An exact block: the address sanitizer sees one byte too far. */
			uint8_t *block = malloc(shift + len + (shift + len == 0));

			cr_assert_not_null(block);
			memcpy(block + shift, data, len);
			cr_expect_eq(hash64(&key, block + shift, len), expected,
				"length %zu shift %zu", len, shift);
			free(block);
		}
	}
}
