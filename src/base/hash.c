/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libsodium does the hashing; here is only the byte order, fixed to little-endian so that two
 * nodes of different make agree. */
#include "base/hash.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

_Static_assert(HASH_KEY_BYTES == crypto_shorthash_siphash24_KEYBYTES, "key size of SipHash-2-4");
_Static_assert(HASH_KEY_BYTES == crypto_shorthash_siphashx24_KEYBYTES, "key size of SipHashX-2-4");

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

struct hash_key hash_key_from_text(const char *text)
{
	struct hash_key key;

	crypto_generichash(
		key.bytes, sizeof key.bytes, (const uint8_t *)text, strlen(text), NULL, 0);
	return key;
}

uint64_t hash64(const struct hash_key *key, const void *data, size_t len)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];

	crypto_shorthash_siphash24(out, data, len, key->bytes);
	return load_le64(out);
}

struct hash128 hash128(const struct hash_key *key, const void *data, size_t len)
{
	uint8_t out[crypto_shorthash_siphashx24_BYTES];

	crypto_shorthash_siphashx24(out, data, len, key->bytes);
	return (struct hash128){ .low = load_le64(out), .high = load_le64(out + 8) };
}
