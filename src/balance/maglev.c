/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every server walks its own permutation of the table (offset and skip from the hash of its name)
 * and takes the next free entry at each of its turns; turns come in rounds, in the order of names,
 * and a server of the greatest weight has one in each round. Whole numbers only, so that two
 * machines cannot disagree in a last bit. The size is prime, so every skip visits all entries. */
#include "balance/maglev.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define ENTRIES_PER_SERVER 100 /* for even shares and few moves: the paper's section 5.3 */
#define NOBODY UINT16_MAX

struct maglev {
	size_t size;
	uint16_t entries[];
};

struct turn {
	const char *name;
	unsigned weight;
	uint64_t credit; /* a turn costs the greatest weight */
	size_t next, skip; /* where in the table the walk stands, and its step */
	uint16_t index; /* the caller's */
};

static size_t size_for(size_t n)
{
	static const size_t sizes[] = { 65537, 131071, 655373 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		if (sizes[i] / ENTRIES_PER_SERVER >= n)
			return sizes[i];
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct turn *)a)->name, ((const struct turn *)b)->name);
}

/* The turns in the order of names; the greatest weight. */
static unsigned order(struct turn *turns, const struct maglev_server *servers, size_t n,
	const struct hash_key *seed, size_t size)
{
	unsigned greatest = 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = servers[i].name;
		struct hash128 hash = hash128(seed, name, strlen(name));

		assert(servers[i].weight > 0);
		turns[i] = (struct turn){
			.name = name,
			.weight = servers[i].weight,
			.next = (size_t)(hash.low % size),
			.skip = (size_t)(1 + hash.high % (size - 1)),
			.index = (uint16_t)i,
		};
		if (servers[i].weight > greatest)
			greatest = servers[i].weight;
	}
	qsort(turns, n, sizeof turns[0], compare_names);
	return greatest;
}

/* There is a free entry, so the walk ends. */
static void take_next_free(struct maglev *m, struct turn *t)
{
	while (m->entries[t->next] != NOBODY) {
		t->next += t->skip;
		if (t->next >= m->size)
			t->next -= m->size;
	}
	m->entries[t->next] = t->index;
}

static void fill(struct maglev *m, struct turn *turns, size_t n, unsigned cost)
{
	size_t n_free = m->size;

	for (size_t i = 0; i < m->size; i++)
		m->entries[i] = NOBODY;
	for (;;) {
		for (size_t i = 0; i < n; i++) {
			turns[i].credit += turns[i].weight;
			if (turns[i].credit < cost)
				continue;
			turns[i].credit -= cost;
			take_next_free(m, &turns[i]);
			if (--n_free == 0)
				return;
		}
	}
}

static size_t bytes_of(size_t size)
{
	return sizeof(struct maglev) + size * sizeof(uint16_t);
}

int maglev_new(const struct maglev_server *servers, size_t n, const struct hash_key *seed,
	struct maglev **maglev_out)
{
	size_t size = size_for(n);
	struct maglev *m;
	struct turn *turns;

	if (n == 0 || size == 0)
		return ERR_RANGE;
	m = malloc(bytes_of(size));
	turns = calloc(n, sizeof *turns);
	if (m == NULL || turns == NULL) {
		free(turns);
		free(m);
		return ERR_NOMEM;
	}
	m->size = size;
	fill(m, turns, n, order(turns, servers, n, seed, size));
	free(turns);
	*maglev_out = m;
	return 0;
}

void maglev_free(struct maglev **m)
{
	free(*m);
	*m = NULL;
}

size_t maglev_bytes(const struct maglev *m)
{
	return bytes_of(m->size);
}

size_t maglev_lookup(const struct maglev *m, uint64_t hash)
{
	return m->entries[hash % m->size];
}

const uint16_t *maglev_table(const struct maglev *m, size_t *size_out)
{
	*size_out = m->size;
	return m->entries;
}
