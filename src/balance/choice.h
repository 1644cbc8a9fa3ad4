/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * choice - one search for a server: what is known of the query, what was tried, and who may be
 * asked. pool_choose makes it, a policy answers it for one tier.
 *
 * Who may be asked depends on the level. The search starts at the narrowest, CHOICE_UP, and widens
 * only when nobody is eligible, never because those who are have no room: overload is no reason to
 * ask a server that does not answer. While the pool panics, ejected servers count as up. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/server.h"
#include "base/rng.h"

struct addr;
struct pool;
struct tier;

enum choice_level {
	CHOICE_UP, /* up, by probe or by force, and not draining */
	CHOICE_EJECTED, /* and those that are ejected */
	CHOICE_DRAINING, /* and those that drain */
	CHOICE_ANY, /* all that are not forced down: the probes may be what is wrong */
};

/* What is out with the eligible servers of a tier, and their weight: one pass over the tier. Whoever
 * makes many choices in one moment keeps it for all of them; each adds itself to it. */
struct choice_load {
	const struct tier *tier; /* NULL: it is not known */
	enum choice_level level;
	uint64_t outstanding, weight;
};

struct choice {
	const struct pool *pool;
	struct rng *rng; /* the worker's */
	const uint8_t *qname; /* wire, uncompressed, any case */
	size_t qname_len;
	const struct addr *client;
	const uint16_t *tried; /* servers asked before for this query */
	size_t n_tried;
	struct choice_load *load; /* kept over several choices; NULL: found when needed */
	bool may_test; /* it may be retried, so it may be the one that tests an ejected server */

	/* set by pool_choose and pool_choose_again */
	bool is_test; /* it goes to an ejected server as its test */
	enum choice_level level;
	const struct tier *tier; /* where to look; policies see no server of another */
};

/* What a search returns instead of a server's index. */
enum { POOL_NO_SERVER = -1, POOL_ALL_FULL = -2 };

/* May this server be asked, at the level of the choice, and has it not been tried? */
bool choice_is_eligible(const struct choice *c, size_t server);
bool choice_has_room(const struct choice *c, size_t server); /* eligible, and below its limit */

/* For policies that found nobody in the tier: what to return. Scans the tier. */
int choice_nobody(const struct choice *c);

/* The server of the tier with room and the least outstanding for its weight (and ramp), drawn by
 * weight, ramp and pace among those that tie; else choice_nobody(). With suspects_last, a suspect
 * only where all with room are. One pass over the tier. */
int choice_least(const struct choice *c, bool suspects_last);

/* A server of the tier with room, drawn by weight, ramp and pace; else choice_nobody(). One pass. */
int choice_draw(const struct choice *c);

/* Slow start and latency: of the times that a server's weight or turn calls it, it takes a part.
 * Drawing again after a no gives shares by weight, ramp and pace exactly. */
static inline bool choice_accepts(const struct choice *c, const struct server *s)
{
	uint64_t part = server_part(s);

	return part == SERVER_PART_FULL || rng_u32(c->rng) < part;
}
