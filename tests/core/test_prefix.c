/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/prefix.h"

#include <criterion/criterion.h>
#include <sys/socket.h>

#include "base/rng.h"
#include "net/addr.h"

static struct rng rng;
static struct prefix_key key;

static void setup(void)
{
	static const uint8_t seed[RNG_SEED_BYTES] = { 3 };

	rng_init_seed(&rng, seed);
	prefix_key_draw(&key, &rng);
}

TestSuite(prefix, .init = setup);

Test(prefix, only_its_bytes_count)
{
	struct addr a = { .family = AF_INET, .ip = { 192, 0, 2, 1 }, .port = 1 }, b = a;
	struct addr c = { .family = AF_INET6, .ip = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4 } }, d = c;

	b.ip[3] = 254;
	b.port = 2;
	d.ip[7] = 9;
	d.ip[15] = 1;
	for (int i = 0; i < 100; i++, prefix_key_draw(&key, &rng)) {
		cr_expect_eq(prefix_bucket(&key, &a), prefix_bucket(&key, &b));
		cr_expect_eq(prefix_bucket(&key, &c), prefix_bucket(&key, &d));
	}
	cr_expect_eq(prefix_bytes(&a), 3);
	cr_expect_eq(prefix_bytes(&c), 7);
}

/* Of two prefixes that differ in one byte, under many keys. */
Test(prefix, any_byte_makes_another_bucket)
{
	enum { KEYS = 20000 };

	for (int family = 0; family < 2; family++) {
		struct addr a = { .family = family ? AF_INET6 : AF_INET,
			.ip = { 10, 20, 30, 40, 50, 60, 70 } };

		for (size_t i = 0; i < prefix_bytes(&a); i++) {
			struct addr b = a;
			unsigned n = 0;

			b.ip[i] ^= 1;
			for (int k = 0; k < KEYS; k++, prefix_key_draw(&key, &rng))
				n += prefix_bucket(&key, &a) == prefix_bucket(&key, &b);
			cr_expect_lt(n, 2 * KEYS / PREFIX_BUCKETS + 12, "byte %zu: %u", i, n);
		}
	}
}

/* Neighbours, as a provider gives them to its customers. */
Test(prefix, neighbours_are_spread)
{
	enum { EACH = 16 };

	for (int family = 0; family < 2; family++) {
		for (int round = 0; round < 20; round++, prefix_key_draw(&key, &rng)) {
			unsigned counts[PREFIX_BUCKETS] = { 0 }, most = 0;

			for (unsigned i = 0; i < EACH * PREFIX_BUCKETS; i++) {
				struct addr a = { .family = family ? AF_INET6 : AF_INET };
				size_t last = prefix_bytes(&a) - 1;

				a.ip[last - 1] = (uint8_t)(i >> 8);
				a.ip[last] = (uint8_t)i;
				unsigned b = prefix_bucket(&key, &a);
				cr_assert_lt(b, PREFIX_BUCKETS);
				if (++counts[b] > most)
					most = counts[b];
			}
			cr_expect_leq(most, 4 * EACH, "%u in one", most);
		}
	}
}
