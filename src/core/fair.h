/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * fair - who is let in while there is more work than the workers can do: every prefix of clients
 * (/24, /56) up to the same level, and the level as high as the workers' capacity allows. So a
 * prefix that floods, from however many ports and addresses, finds the way closed, and one that asks
 * little does not notice. A flood from everywhere closes the way for all alike: it is nobody's.
 *
 * Prefixes are counted in 1024 buckets by a keyed hash, after stochastic fair blue (Feng et al.
 * 2001). Another key every few seconds: whoever shares a bucket with a flooder does not for long. It is
 * learned for a second before it is used, so that what is known of a prefix is not forgotten.
 *
 * Capacity is not known but found, as a sender finds a path's: while the workers never empty the
 * queue they are at work all the time, and what they take is their capacity; then a little less is
 * let in, so that they sleep now and then and are woken soon, which answers reach clients sooner by
 * than by the order of any queue; while they keep up, a little more.
 *
 * Pure; one owner thread: a receiver. With several, each finds the level by what it sees itself. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "core/queue.h"
#include "net/addr.h"

#define FAIR_BUCKETS 1024
#define FAIR_TICK_NS (2 * INT64_C(1000000)) /* how even the flow is of what is let in */

struct rng;

struct fair_params {
	int64_t target_ns, interval_ns; /* of the queue; a target of 0: never sheds */
	size_t capacity; /* of the queue */
	unsigned n_receivers;
	struct rng *rng; /* the owner's; for keys */
};

/* Only fair.c looks inside. Rates are datagrams a second. */
struct fair {
	struct fair_params params;
	struct hash_key key, next_key;
	int64_t key_ends_ns;
	unsigned n_learned; /* windows counted under the next key too; 0: it is not drawn yet */
	int64_t tick_ns; /* the next one is due */
	uint64_t tick_taken; /* by the workers, until the last one */
	bool is_counting;
	bool is_limiting;

	/* the window that runs, of interval_ns or a little more */
	struct queue_load began; /* the queue's counters at its begin */
	int64_t began_ns;
	uint64_t n_admitted;
	bool has_shed;
	uint32_t arrived[FAIR_BUCKETS], learned[FAIR_BUCKETS];

	/* results of windows */
	double taken, taken_smooth; /* by the workers */
	double total; /* let in, all together */
	double capacity; /* of the workers, when it was last reached; 0: not since it is limiting */
	double level; /* each bucket; INFINITY: no limit */
	unsigned n_calm; /* windows in a row in which nothing was shed */
	float asked[FAIR_BUCKETS], next_asked[FAIR_BUCKETS]; /* the rate of late, under both keys */
	float credit_most; /* datagrams */
	float credit[FAIR_BUCKETS];
	struct addr shed[FAIR_BUCKETS]; /* under this key: the last client; family 0: none */
};

/* Who is held back. */
struct fair_held {
	unsigned n; /* prefixes */
	double level; /* what each may ask, a second */
	struct addr prefix; /* of those, the one that asks for most: without port and host */
	unsigned bits;
	double asked; /* by it, a second */
};

void fair_init(struct fair *f, const struct fair_params *params);
/* What becomes of a datagram: shed, because of what its prefix asks or because it is late; or let in;
 * light: its prefix asks for little, and has for a second, or is new and has not asked for more than
 * half an interval's. */
enum fair_verdict { FAIR_SHED, FAIR_LATE, FAIR_LET_IN, FAIR_LIGHT };

/* For each datagram of a client that would go to the queue. Its prefix does not pay for one that
 * is_late, while newer ones wait behind it; that is for who asks little no reason to be shed. */
enum fair_verdict fair_judge(struct fair *f, const struct addr *client, bool is_late);
/* To be called with what the queue looks like as soon as fair_is_due() says so, while datagrams come. */
void fair_tick(struct fair *f, const struct queue_load *load, int64_t now_ns);

/* False: nobody is, or nobody was shed yet. One look at every bucket. */
bool fair_held_back(const struct fair *f, struct fair_held *held_out);

/* Are clients held back just now? Not while all that is asked fits below the limit. */
static inline bool fair_is_rationing(const struct fair *f)
{
	return f->level < INFINITY;
}

static inline bool fair_is_due(const struct fair *f, int64_t now_ns)
{
	return now_ns >= f->tick_ns;
}
