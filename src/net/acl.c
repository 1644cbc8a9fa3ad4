/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Prefixes become ranges of 128-bit numbers (IPv4 in the lowest 32 bits, in a table of its own).
 * Invariant of a table: sorted, and the ranges neither overlap nor touch, so at most one of them,
 * the last that starts at or below an address, can hold it. */
#include "net/acl.h"

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct number {
	uint64_t high, low;
};

struct range {
	struct number first, last;
};

struct table {
	struct range *ranges; /* into acl.ranges */
	size_t n;
};

struct acl {
	struct table v4, v6;
	struct range ranges[]; /* those of IPv4, then those of IPv6 */
};

static struct number number_of(const uint8_t ip[16], uint8_t family)
{
	uint32_t v4;
	uint64_t half[2];

	if (family == AF_INET) {
		memcpy(&v4, ip, sizeof(v4));
		return (struct number){ .low = be32toh(v4) };
	}
	memcpy(half, ip, sizeof(half));
	return (struct number){ .high = be64toh(half[0]), .low = be64toh(half[1]) };
}

static bool is_less(struct number a, struct number b)
{
	return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* The lowest `bits` bits set. */
static uint64_t low_ones(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static struct range range_of(const struct prefix *p)
{
	unsigned host_bits = (p->family == AF_INET ? 32 : 128) - p->bits;
	struct number mask = { .high = host_bits > 64 ? low_ones(host_bits - 64) : 0,
		.low = low_ones(host_bits) };
	struct number ip = number_of(p->ip, p->family);

	return (struct range){
		.first = { ip.high & ~mask.high, ip.low & ~mask.low },
		.last = { ip.high | mask.high, ip.low | mask.low },
	};
}

static int compare_first(const void *a, const void *b)
{
	const struct range *ra = a, *rb = b;

	return (int)is_less(rb->first, ra->first) - (int)is_less(ra->first, rb->first);
}

/* Does b, which starts no earlier, overlap a or follow it without a gap? */
static bool is_joined(const struct range *a, const struct range *b)
{
	struct number next = { .high = a->last.high + (a->last.low == UINT64_MAX),
		.low = a->last.low + 1 };
	bool has_wrapped = next.high == 0 && next.low == 0;

	return has_wrapped || !is_less(next, b->first);
}

static void sort_and_merge(struct table *t)
{
	size_t kept = 0;

	if (t->n == 0)
		return;
	qsort(t->ranges, t->n, sizeof(t->ranges[0]), compare_first);
	for (size_t i = 1; i < t->n; i++) {
		struct range *end = &t->ranges[kept];

		if (!is_joined(end, &t->ranges[i]))
			t->ranges[++kept] = t->ranges[i];
		else if (is_less(end->last, t->ranges[i].last))
			end->last = t->ranges[i].last;
	}
	t->n = kept + 1;
}

size_t acl_bytes(size_t n)
{
	return sizeof(struct acl) + n * sizeof(struct range);
}

int acl_new(const struct prefix *prefixes, size_t n, struct acl **acl_out)
{
	struct acl *a = calloc(1, acl_bytes(n));
	size_t n_v4 = 0;

	if (a == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		n_v4 += prefixes[i].family == AF_INET;
	a->v4.ranges = a->ranges;
	a->v6.ranges = a->ranges + n_v4;
	for (size_t i = 0; i < n; i++) {
		struct table *t = prefixes[i].family == AF_INET ? &a->v4 : &a->v6;

		t->ranges[t->n++] = range_of(&prefixes[i]);
	}
	sort_and_merge(&a->v4);
	sort_and_merge(&a->v6);
	*acl_out = a;
	return 0;
}

void acl_free(struct acl **a)
{
	free(*a);
	*a = NULL;
}

bool acl_allows(const struct acl *a, const struct addr *client)
{
	const struct table *t = client->family == AF_INET ? &a->v4 : &a->v6;
	struct number ip = number_of(client->ip, client->family);
	size_t low = 0, high = t->n;

	if (client->family != AF_INET && client->family != AF_INET6)
		return false;
	/* invariant: ranges before `low` start at or below ip, those from `high` on start above */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_less(ip, t->ranges[middle].first))
			high = middle;
		else
			low = middle + 1;
	}
	return low > 0 && !is_less(t->ranges[low - 1].last, ip);
}
