/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/prefix.h"

#include <sys/socket.h>

#include "base/rng.h"
#include "net/addr.h"

void prefix_key_draw(struct prefix_key *key, struct rng *rng)
{
	*key = (struct prefix_key){
		.first = rng_u32(rng) | 1,
		.second = rng_u32(rng) | 1,
		.last = rng_u32(rng) | 1,
		.ipv4 = rng_u32(rng),
		.ipv6 = rng_u32(rng),
	};
}

static uint32_t word(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* core/sieve.c says the same in the kernel's language. */
unsigned prefix_bucket(const struct prefix_key *key, const struct addr *client)
{
	uint32_t hash;

	if (client->family == AF_INET6)
		hash = word(client->ip) * key->first +
		       (word(client->ip + 4) & PREFIX_MASK) * key->second + key->ipv6;
	else
		hash = (word(client->ip) & PREFIX_MASK) * key->first + key->ipv4;
	hash = (hash ^ hash >> PREFIX_FOLD) * key->last;
	return hash >> (32 - PREFIX_BUCKET_BITS);
}

size_t prefix_bytes(const struct addr *client)
{
	return client->family == AF_INET6 ? 7 : 3;
}
