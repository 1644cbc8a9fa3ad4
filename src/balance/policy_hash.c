/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hash, client-hash - the same name, or the same client, to the same server, on every node that has
 * the same names, weights and seed. A Maglev table with bounded load (Mirrokni et al. 2018).
 *
 * The table is built once over all servers, those forced down too: one that may not be asked is
 * stepped over, so its keys move, no others, and they come back when it does. A server may take
 * load_factor times its share of what is out, at least LOAD_FLOOR; the key of a server that is at
 * that bound, full or not eligible is hashed again, REPROBES times, and then goes to the least
 * loaded server of all, which is never above its bound. Nothing here ties. */
#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "balance/maglev.h"
#include "balance/policy.h"
#include "balance/policy_ops.h"
#include "balance/pool.h"
#include "base/err.h"
#include "wire/name.h"

#define LOAD_FLOOR 8 /* nobody moves a name for the sake of a handful of queries */
#define REPROBES 4

struct hash_state {
	struct hash_key seed;
	uint64_t load_permille;
	struct maglev *maglev;
};

/* What the bounds are shares of, over the eligible servers; worked out when first needed. */
struct load {
	bool is_known;
	uint64_t outstanding, weight;
};

static void release(struct policy *policy)
{
	struct hash_state *state = policy->state;

	maglev_free(&state->maglev);
	free(state);
	policy->state = NULL;
}

static int init(struct policy *policy, const struct pool *pool, const struct policy_params *params)
{
	struct hash_state *state;
	struct maglev_server *servers;
	int err = ERR_NOMEM;

	if (!(params->load_factor >= 1.0 && params->load_factor <= 10.0))
		return ERR_RANGE;
	state = calloc(1, sizeof *state);
	servers = calloc(pool->n_servers, sizeof *servers);
	if (state == NULL || servers == NULL)
		goto out;
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct server_params *s = &pool->servers[i].params;

		servers[i] = (struct maglev_server){ .name = s->name, .weight = s->weight };
	}
	state->seed = hash_key_from_text(params->hash_seed);
	state->load_permille = (uint64_t)(params->load_factor * 1000.0 + 0.5);
	err = maglev_new(servers, pool->n_servers, &state->seed, &state->maglev);
	if (err != 0)
		goto out;
	policy->state = state;
	state = NULL;
out:
	free(servers);
	free(state);
	return err;
}

static uint64_t hash_name(const struct hash_key *seed, const struct choice *c)
{
	uint8_t lower[NAME_MAX_BYTES];

	assert(c->qname_len <= sizeof lower);
	if (c->qname_len > 0)
		name_lower(lower, c->qname, c->qname_len);
	return hash64(seed, lower, c->qname_len);
}

/* All of an IPv4 address; of an IPv6 one the /64, which is what a customer has: addresses within
 * change daily. IPv4 behind an IPv6 socket is IPv4, else all of it would be one client. */
static uint64_t hash_client(const struct hash_key *seed, const struct choice *c)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct addr *client = c->client;

	if (client->family == AF_INET)
		return hash64(seed, client->ip, 4);
	if (memcmp(client->ip, mapped, sizeof mapped) == 0)
		return hash64(seed, client->ip + sizeof mapped, 4);
	return hash64(seed, client->ip, 8);
}

static uint64_t hash_again(const struct hash_key *seed, uint64_t key, int k)
{
	uint8_t bytes[9];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(key >> (8 * i)); /* little-endian on every machine */
	bytes[8] = (uint8_t)k;
	return hash64(seed, bytes, sizeof bytes);
}

static void sum_load(struct load *load, const struct choice *c)
{
	for (size_t i = 0; i < c->pool->n_servers; i++) {
		const struct server *s = &c->pool->servers[i];

		if (!choice_is_eligible(c, i))
			continue;
		load->outstanding += server_outstanding(s);
		load->weight += s->params.weight;
	}
	load->is_known = true;
}

/* Would one more keep it within load_factor times its share, rounded up, of all with that one? */
static bool is_within_bound(
	const struct hash_state *state, const struct choice *c, size_t server, struct load *load)
{
	const struct server *s = &c->pool->servers[server];
	uint64_t outstanding = server_outstanding(s);
	uint64_t share;

	if (outstanding < LOAD_FLOOR)
		return true;
	if (!load->is_known)
		sum_load(load, c);
	/* < 2^57: 6553 servers of 10^6 outstanding, weight 1000, load factor 10. Both sides are
	 * multiplied by 1000 * weight of all; x < ceil(y) is the same as x < y for a whole x. */
	share = state->load_permille * (load->outstanding + 1) * s->params.weight;
	return outstanding * 1000 * load->weight < share;
}

static int pick_key(const struct hash_state *state, const struct choice *c, uint64_t key)
{
	struct load load = { .is_known = false };

	for (int k = 0; k <= REPROBES; k++) {
		uint64_t hash = k == 0 ? key : hash_again(&state->seed, key, k);
		size_t i = maglev_lookup(state->maglev, hash);

		if (choice_has_room(c, i) && is_within_bound(state, c, i, &load))
			return (int)i;
	}
	return policy_pick_least(c);
}

static int pick_by_name(const struct policy *policy, const struct choice *c)
{
	const struct hash_state *state = policy->state;

	return pick_key(state, c, hash_name(&state->seed, c));
}

static int pick_by_client(const struct policy *policy, const struct choice *c)
{
	const struct hash_state *state = policy->state;

	return pick_key(state, c, hash_client(&state->seed, c));
}

const struct policy_ops policy_hash = {
	.name = "hash",
	.help = "By name, so that each server caches its own part; with bounded load.",
	.init = init,
	.pick = pick_by_name,
	.free = release,
};

const struct policy_ops policy_client_hash = {
	.name = "client-hash",
	.help = "By client address (IPv6: its /64); with bounded load.",
	.init = init,
	.pick = pick_by_client,
	.free = release,
};
