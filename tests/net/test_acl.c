/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table must say what a plain walk over the prefixes says, at their edges above all. */
#include "net/acl.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "loopback.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define LIST_MAX 12

/* The list ends at the first NULL. */
static struct acl *acl_of(const char *const texts[LIST_MAX])
{
	struct prefix prefixes[LIST_MAX];
	struct acl *a = NULL;
	size_t n = 0;

	for (; n < LIST_MAX && texts[n] != NULL; n++)
		cr_assert_eq(prefix_parse(texts[n], &prefixes[n]), 0, "%s", texts[n]);
	cr_assert_eq(acl_new(prefixes, n, &a), 0);
	/* the prefixes were copied */
	memset(prefixes, 0xaa, sizeof(prefixes));
	return a;
}

Test(acl, edges_of_prefixes)
{
	static const struct {
		const char *name;
		const char *prefixes[LIST_MAX];
		const char *in[LIST_MAX], *out[LIST_MAX];
	} cases[] = {
		{ "empty", { NULL }, { NULL }, { "127.0.0.1", "::1", "0.0.0.0", "::" } },
		{ "one host", { "192.0.2.1" }, { "192.0.2.1", "192.0.2.1:53" },
			{ "192.0.2.0", "192.0.2.2", "c000:201::" } },
		{ "one net", { "10.0.0.0/8" }, { "10.0.0.0", "10.255.255.255", "10.1.2.3" },
			{ "9.255.255.255", "11.0.0.0", "0.0.0.0", "255.255.255.255", "::" } },
		{ "all of IPv4", { "0.0.0.0/0" }, { "0.0.0.0", "255.255.255.255", "192.0.2.1" },
			{ "::", "::1", "ffff::" } },
		{ "all of IPv6", { "::/0" },
			{ "::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
			{ "0.0.0.0", "127.0.0.1" } },
		{ "last addresses",
			{ "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
			{ "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
			{ "255.255.255.254", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe" } },
		{ "IPv6 edges at 64 bits", { "2001:db8:0:1::/64", "2001:db8:0:3::/64" },
			{ "2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:3::" },
			{ "2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:2::",
				"2001:db8:0:2:ffff:ffff:ffff:ffff", "2001:db8:0:4::" } },
		{ "IPv6 edges beside 64 bits", { "2001:db8:0:2::/63", "2001:db8:0:8:8000::/65" },
			{ "2001:db8:0:2::", "2001:db8:0:3:ffff:ffff:ffff:ffff",
				"2001:db8:0:8:8000::", "2001:db8:0:8:ffff:ffff:ffff:ffff" },
			{ "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:4::",
				"2001:db8:0:8:7fff:ffff:ffff:ffff", "2001:db8:0:9::" } },
		{ "end of the lower 64 bits", { "::/64", "2001:db8::/32" },
			{ "::", "::ffff:ffff:ffff:ffff", "2001:db8::" },
			{ "0:0:0:1::", "1::", "2001:db7:ffff::" } },
		{ "nested, twice, unsorted",
			{ "10.1.0.0/16", "192.0.2.0/24", "10.0.0.0/8", "10.1.2.3", "10.0.0.0/8" },
			{ "10.0.0.0", "10.1.2.3", "10.200.0.0", "10.255.255.255", "192.0.2.77" },
			{ "9.255.255.255", "11.0.0.0", "192.0.1.255", "192.0.3.0" } },
		{ "side by side",
			{ "192.0.2.128/25", "192.0.2.0/25", "2001:db8:0:1::/64", "2001:db8::/64" },
			{ "192.0.2.0", "192.0.2.127", "192.0.2.128", "192.0.2.255",
				"2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::" },
			{ "192.0.1.255", "192.0.3.0", "2001:db8:0:2::" } },
		{ "everything and more",
			{ "0.0.0.0/0", "10.0.0.0/8", "255.255.255.255", "::/0", "ffff::/16" },
			{ "0.0.0.0", "10.0.0.1", "11.0.0.0", "255.255.255.255",
				"::", "ffff::", "fffe::" },
			{ NULL } },
		{ "the default",
			{ "127.0.0.0/8", "::1/128", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16",
				"172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10" },
			{ "127.0.0.1", "::1", "10.9.8.7", "100.127.255.255", "169.254.1.1",
				"172.31.255.255", "192.168.255.255", "fdff::1", "fe80::1%lo" },
			{ "8.8.8.8", "::", "::2", "100.128.0.0", "172.32.0.0",
				"fec0::", "2001:db8::1" } },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct acl *acl = acl_of(cases[i].prefixes);

		for (size_t j = 0; j < LIST_MAX && cases[i].in[j] != NULL; j++) {
			struct addr a = address_of(cases[i].in[j]);
			cr_expect(acl_allows(acl, &a), "%s: %s", cases[i].name, cases[i].in[j]);
		}
		for (size_t j = 0; j < LIST_MAX && cases[i].out[j] != NULL; j++) {
			struct addr a = address_of(cases[i].out[j]);
			cr_expect_not(
				acl_allows(acl, &a), "%s: %s", cases[i].name, cases[i].out[j]);
		}
		acl_free(&acl);
		cr_expect_null(acl, "%s", cases[i].name);
	}
}

Test(acl, no_family_is_nobody)
{
	static const char *const all[LIST_MAX] = { "0.0.0.0/0", "::/0" };
	struct acl *acl = acl_of(all);
	struct addr none = { 0 };

	cr_expect_not(acl_allows(acl, &none));
	acl_free(&acl);
}

Test(acl, free_of_nothing_is_allowed)
{
	struct acl *acl = NULL;

	acl_free(&acl);
	cr_expect_null(acl);
}

static bool is_inside(const struct prefix *p, const struct addr *a)
{
	if (p->family != a->family)
		return false;
	for (unsigned bit = 0; bit < p->bits; bit++) {
		if (((p->ip[bit / 8] ^ a->ip[bit / 8]) & (0x80 >> bit % 8)) != 0)
			return false;
	}
	return true;
}

/* Few distinct bits, so that prefixes nest, touch and repeat. */
static struct prefix any_prefix(struct rng *r)
{
	struct prefix p = { .family = rng_below(r, 2) != 0 ? AF_INET : AF_INET6 };
	unsigned all = p.family == AF_INET ? 32 : 128;

	p.bits = (uint8_t)rng_below(r, all + 1);
	for (unsigned i = 0; i < 3 && p.bits > 0; i++) {
		unsigned bit = rng_below(r, p.bits);
		p.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	return p;
}

/* At an edge of the prefix, or one off. */
static struct addr any_edge(struct rng *r, const struct prefix *p)
{
	struct addr a = { .family = p->family };
	unsigned len = p->family == AF_INET ? 4 : 16, at = len;

	memcpy(a.ip, p->ip, sizeof(a.ip));
	if (rng_below(r, 2) != 0) {
		for (unsigned bit = p->bits; bit < len * 8; bit++)
			a.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		if (rng_below(r, 2) != 0)
			while (at > 0 && ++a.ip[--at] == 0)
				continue;
	} else if (rng_below(r, 2) != 0) {
		while (at > 0 && a.ip[--at]-- == 0)
			continue;
	}
	return a;
}

Test(acl, agrees_with_a_plain_walk)
{
	static const uint8_t seed[RNG_SEED_BYTES] = "acl";
	struct rng r;

	rng_init_seed(&r, seed);
	for (unsigned round = 0; round < 500; round++) {
		struct prefix prefixes[20];
		struct acl *acl = NULL;
		size_t n = 1 + rng_below(&r, N(prefixes));

		for (size_t i = 0; i < n; i++)
			prefixes[i] = any_prefix(&r);
		cr_assert_eq(acl_new(prefixes, n, &acl), 0);
		for (unsigned probe = 0; probe < 50; probe++) {
			struct addr a = any_edge(&r, &prefixes[rng_below(&r, (uint32_t)n)]);
			char text[ADDR_TEXT_MAX];
			bool expected = false;

			for (size_t i = 0; i < n; i++)
				expected |= is_inside(&prefixes[i], &a);
			cr_expect_eq(acl_allows(acl, &a), expected, "round %u: %s", round,
				addr_format(&a, text, sizeof(text)));
		}
		acl_free(&acl);
	}
}
