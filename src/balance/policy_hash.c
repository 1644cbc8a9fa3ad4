/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * hash, client-hash - the same name, or the same client, to the same server, on every node that has
 * the same names, weights and seed. A Maglev table with bounded load (Mirrokni et al. 2018).
 *
 * The table is built once over all servers of the tier, those forced down too: one that may not be
 * asked is stepped over, so its keys move, no others, and they come back when it does. A server may
 * take load_factor times its share of what is out, at least LOAD_FLOOR; the key of a server that is
 * at that bound, full or not eligible is hashed again, REPROBES times, and then goes to the least
 * loaded server of all, which is never above its bound. Nothing here ties.
 *
 * Chance is nowhere in it: which names spill to another tier, and which come first to a server that
 * starts slowly, is a matter of the key too, so that caches fill once. Latency is left out: names do
 * not come to servers at random, so it says as much of the names as of the servers. */
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

/* What a key is hashed again with: a number each, so that nothing decides two things. */
enum { SALT_PROBE = 0, SALT_RAMP = 0x40, SALT_TIER = 0x80 }; /* + 0..REPROBES */

struct hash_state {
	struct hash_key seed;
	double load_factor;
	struct maglev *maglev;
};

static void release(struct policy *policy)
{
	struct hash_state *state = policy->state;

	maglev_free(&state->maglev);
	free(state);
	policy->state = NULL;
}

static int init(struct policy *policy, const struct pool *pool, const struct tier *tier,
	const struct policy_params *params)
{
	struct hash_state *state;
	struct maglev_server *servers;
	int err = ERR_NOMEM;

	if (!(params->load_factor >= 1.0 && params->load_factor <= 10.0))
		return ERR_RANGE;
	state = calloc(1, sizeof *state);
	servers = calloc(tier->n, sizeof *servers);
	if (state == NULL || servers == NULL)
		goto out;
	for (size_t k = 0; k < tier->n; k++) {
		const struct server_params *s = &pool->servers[tier->members[k]].params;

		servers[k] = (struct maglev_server){ .name = s->name, .weight = s->weight };
	}
	state->seed = hash_key_from_text(params->hash_seed);
	state->load_factor = params->load_factor;
	err = maglev_new(servers, tier->n, &state->seed, &state->maglev);
	if (err != 0)
		goto out;
	policy->state = state;
	state = NULL;
out:
	free(servers);
	free(state);
	return err;
}

static size_t bytes(const struct policy *policy)
{
	const struct hash_state *state = policy->state;

	return sizeof *state + maglev_bytes(state->maglev);
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

static uint64_t hash_again(const struct hash_key *seed, uint64_t key, int salt)
{
	uint8_t bytes[9];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(key >> (8 * i)); /* little-endian on every machine */
	bytes[8] = (uint8_t)salt;
	return hash64(seed, bytes, sizeof bytes);
}

static bool is_load_of(const struct choice_load *load, const struct choice *c)
{
	return load->tier == c->tier && load->level == c->level;
}

/* What the bounds are shares of; worked out when first needed. */
static void know_load(struct choice_load *load, const struct choice *c)
{
	if (is_load_of(load, c))
		return;
	*load = (struct choice_load){ .tier = c->tier, .level = c->level };
	for (size_t k = 0; k < c->tier->n; k++) {
		size_t i = c->tier->members[k];
		const struct server *s = &c->pool->servers[i];

		if (!choice_is_eligible(c, i))
			continue;
		load->outstanding += server_outstanding(s);
		load->weight += server_load_weight(s);
	}
}

/* Would one more keep it within load_factor times its share, rounded up, of all with that one? */
static bool is_within_bound(const struct hash_state *state, const struct choice *c, size_t server,
	struct choice_load *load)
{
	const struct server *s = &c->pool->servers[server];
	uint64_t outstanding = server_outstanding(s);
	double bound;

	if (outstanding < LOAD_FLOOR)
		return true;
	know_load(load, c);
	/* x < ceil(y) is the same as x < y for a whole x. */
	bound = state->load_factor * (double)(load->outstanding + 1) *
		(double)server_load_weight(s) / (double)load->weight;
	return (double)outstanding < bound;
}

/* While a server starts slowly, it accepts a part of its keys, growing: what it has it keeps. */
static bool accepts(const struct hash_state *state, const struct server *s, uint64_t key, int k)
{
	uint32_t ramp = server_ramp(s);

	return ramp == SERVER_SHARE_FULL ||
	       hash_again(&state->seed, key, SALT_RAMP + k) % SERVER_SHARE_FULL < ramp;
}

static int search_key(const struct hash_state *state, const struct choice *c, uint64_t key,
	struct choice_load *load)
{
	for (int k = 0; k <= REPROBES; k++) {
		uint64_t hash = k == 0 ? key : hash_again(&state->seed, key, SALT_PROBE + k);
		size_t i = c->tier->members[maglev_lookup(state->maglev, hash)];

		if (choice_has_room(c, i) && accepts(state, &c->pool->servers[i], key, k) &&
			is_within_bound(state, c, i, load))
			return (int)i;
	}
	return choice_least(c, false);
}

static int pick_key(const struct hash_state *state, const struct choice *c, uint64_t key)
{
	struct choice_load own = { .tier = NULL };
	/* Those that were tried are not eligible, for this query alone. */
	struct choice_load *load = c->load != NULL && c->n_tried == 0 ? c->load : &own;
	int i = search_key(state, c, key, load);

	if (i >= 0 && is_load_of(load, c))
		load->outstanding++;
	return i;
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

static uint32_t tier_of(const struct hash_state *state, uint64_t key)
{
	return hash_again(&state->seed, key, SALT_TIER) % SERVER_SHARE_FULL;
}

static uint32_t draw_tier_by_name(const struct policy *policy, const struct choice *c)
{
	const struct hash_state *state = policy->state;

	return tier_of(state, hash_name(&state->seed, c));
}

static uint32_t draw_tier_by_client(const struct policy *policy, const struct choice *c)
{
	const struct hash_state *state = policy->state;

	return tier_of(state, hash_client(&state->seed, c));
}

const struct policy_ops policy_hash = {
	.name = "hash",
	.help = "By name, so that each server caches its own part; with bounded load.",
	.init = init,
	.free = release,
	.bytes = bytes,
	.pick = pick_by_name,
	.draw_tier = draw_tier_by_name,
};

const struct policy_ops policy_client_hash = {
	.name = "client-hash",
	.help = "By client address (IPv6: its /64); with bounded load.",
	.init = init,
	.free = release,
	.bytes = bytes,
	.pick = pick_by_client,
	.draw_tier = draw_tier_by_client,
};
