/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fixture - pools and queries for the tests of the balance layer: servers are named a, b, c, …,
 * and every query has a name and a client of its own unless a test says otherwise. */
#pragma once
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "balance/pool.h"
#include "base/rng.h"

#define FIXTURE_SERVERS_MAX 256

/* Weight 0 in `weights`, or NULL: 1. The caller may change params->servers before pool_new. */
struct fixture_params {
	struct server_params servers[FIXTURE_SERVERS_MAX];
	struct pool_params pool;
};

static inline void fixture_params_init(struct fixture_params *f, enum policy_kind kind,
	const unsigned *weights, size_t n, unsigned max_outstanding, enum server_mode mode)
{
	memset(f, 0, sizeof *f);
	for (size_t i = 0; i < n; i++) {
		struct server_params *s = &f->servers[i];

		if (n <= 26)
			snprintf(s->name, sizeof s->name, "%c", (char)('a' + i));
		else
			snprintf(s->name, sizeof s->name, "s%zu", i);
		s->weight = weights != NULL && weights[i] != 0 ? weights[i] : 1;
		s->max_outstanding = max_outstanding;
		s->mode = mode;
	}
	f->pool = (struct pool_params){
		.servers = f->servers,
		.n_servers = n,
		.policy = { .kind = kind, .hash_seed = "dnsbal", .load_factor = 1.25 },
	};
}

static inline struct pool *fixture_pool(enum policy_kind kind, const unsigned *weights, size_t n,
	unsigned max_outstanding, enum server_mode mode)
{
	struct fixture_params *f = malloc(sizeof *f);
	struct pool *pool = NULL;

	if (f == NULL)
		abort();
	fixture_params_init(f, kind, weights, n, max_outstanding, mode);
	if (pool_new(&f->pool, &pool) != 0)
		abort();
	free(f);
	return pool;
}

/* Servers by letter: U(p), E(jected), D(own), F(orced down), small if draining; and the digits of
 * their tiers. */
static inline struct pool *fixture_pool_of(
	enum policy_kind kind, unsigned max_outstanding, const char *servers, const char *tiers)
{
	struct fixture_params *f = malloc(sizeof *f);
	struct pool *pool = NULL;

	if (f == NULL)
		abort();
	fixture_params_init(f, kind, NULL, strlen(servers), max_outstanding, SERVER_AUTO);
	for (size_t i = 0; servers[i] != '\0'; i++) {
		f->servers[i].tier = (unsigned)(tiers[i] - '0');
		if (servers[i] == 'F')
			f->servers[i].mode = SERVER_FORCED_DOWN;
		else if (islower((unsigned char)servers[i]))
			f->servers[i].mode = SERVER_DRAIN;
	}
	if (pool_new(&f->pool, &pool) != 0)
		abort();
	free(f);
	for (size_t i = 0; servers[i] != '\0'; i++) {
		int letter = toupper((unsigned char)servers[i]);

		pool_set_state(pool, i,
			letter == 'U'   ? SERVER_UP
			: letter == 'E' ? SERVER_EJECTED
					: SERVER_DOWN);
	}
	return pool;
}

static inline const char *fixture_policy_name(int kind)
{
	return policy_table[kind]->name;
}

static inline void fixture_rng(struct rng *rng, uint8_t seed)
{
	uint8_t bytes[RNG_SEED_BYTES] = { seed };

	rng_init_seed(rng, bytes);
}

/* A query: "q<8 hex>.test." of a client in 10.0.0.0/8, both from the number. */
struct fixture_query {
	struct choice choice;
	uint8_t qname[16];
	struct addr client;
};

static inline void fixture_query_set(struct fixture_query *q, uint32_t number)
{
	char label[16];

	snprintf(label, sizeof label, "q%08x", (unsigned)number);
	q->qname[0] = 9;
	memcpy(q->qname + 1, label, 9);
	memcpy(q->qname + 10, "\4test", 6); /* with the zero: the root */
	q->client = (struct addr){ .family = AF_INET, .port = 1024, .ip = { 10 } };
	for (int i = 0; i < 3; i++)
		q->client.ip[1 + i] = (uint8_t)(number >> (8 * i));
}

static inline void fixture_query_init(
	struct fixture_query *q, const struct pool *pool, struct rng *rng)
{
	memset(q, 0, sizeof *q);
	fixture_query_set(q, 0);
	q->choice = (struct choice){
		.pool = pool,
		.rng = rng,
		.qname = q->qname,
		.qname_len = 16,
		.client = &q->client,
	};
}
