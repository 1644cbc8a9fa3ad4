/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hash - keyed hashes (SipHash-2-4, Aumasson and Bernstein 2012) for tables that strangers can
 * aim at and for the tables of the hash policies, which must be equal on every node.
 * Any thread; no locks; never fails. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define HASH_KEY_BYTES 16

struct hash_key {
	uint8_t bytes[HASH_KEY_BYTES];
};

struct hash128 {
	uint64_t low, high;
};

/* A key from a text of any length: the same text gives the same key on every machine. */
struct hash_key hash_key_from_text(const char *text);
/* Results are the same on every machine whatever its byte order. */
uint64_t hash64(const struct hash_key *key, const void *data, size_t len);
struct hash128 hash128(const struct hash_key *key, const void *data, size_t len);
