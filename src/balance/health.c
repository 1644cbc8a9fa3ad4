/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: at most one of n_good and n_failed is not 0. The state is left only by results of the
 * other kind, so "in doubt" is simply a count of the kind that contradicts the state. */
#include "balance/health.h"

#include <assert.h>
#include <limits.h>

#define JITTER_PERCENT 10

void health_init(struct health *h, const struct health_params *params, int64_t now_ns)
{
	*h = (struct health){
		.params = params, .state = SERVER_UNKNOWN, .sent_ns = now_ns, .next_ns = now_ns
	};
}

void health_probe_sent(struct health *h, int64_t now_ns)
{
	h->sent_ns = now_ns;
	h->next_ns = INT64_MAX;
}

bool health_is_held(const struct health *h)
{
	return h->state == SERVER_DOWN && h->n_good >= h->params->rise;
}

bool health_is_in_doubt(const struct health *h)
{
	return (h->state == SERVER_UP && (h->n_failed > 0 || h->is_suspect)) ||
	       (h->state == SERVER_DOWN && h->n_good > 0 && !health_is_held(h));
}

static void count(struct health *h, bool is_good)
{
	unsigned *same = is_good ? &h->n_good : &h->n_failed;
	unsigned *other = is_good ? &h->n_failed : &h->n_good;

	if (*same < UINT_MAX)
		(*same)++;
	*other = 0;
}

static enum server_state judge(const struct health *h, bool is_good, int64_t now_ns)
{
	switch (h->state) {
	case SERVER_UP:
		if (is_good)
			return SERVER_UP;
		return h->is_suspect || h->n_failed >= h->params->fall ? SERVER_DOWN : SERVER_UP;
	case SERVER_DOWN:
		return health_is_held(h) && now_ns >= h->hold_ns ? SERVER_UP : SERVER_DOWN;
	case SERVER_UNKNOWN:
	case SERVER_EJECTED: /* not by probes: never here */
		break;
	}
	return is_good ? SERVER_UP : SERVER_DOWN;
}

/* The remainder of 64 bits is even enough for any interval. */
int64_t health_jittered(int64_t ns, unsigned percent, struct rng *rng)
{
	int64_t part = ns / 100 * percent + ns % 100 * percent / 100;

	return ns - part + (int64_t)(rng_u64(rng) % (uint64_t)(2 * part + 1));
}

bool health_probe_done(struct health *h, bool is_good, int64_t now_ns, struct rng *rng)
{
	enum server_state before = h->state;
	int64_t interval_ns = h->params->interval_ns;

	count(h, is_good);
	h->state = judge(h, is_good, now_ns);
	h->is_suspect = false;
	if (health_is_in_doubt(h))
		interval_ns = h->params->fast_interval_ns;
	/* A server may be back while a probe still waits in vain: no interval more on top of that. */
	h->next_ns = (is_good ? now_ns : h->sent_ns) +
		     health_jittered(interval_ns, JITTER_PERCENT, rng);
	if (h->next_ns < now_ns)
		h->next_ns = now_ns;
	return h->state != before;
}

void health_probe_soon(struct health *h, int64_t due_ns)
{
	h->next_ns = due_ns;
}

void health_suspect(struct health *h)
{
	h->is_suspect = h->state == SERVER_UP;
}

void health_hold(struct health *h, int64_t until_ns)
{
	h->hold_ns = until_ns;
}

void health_release(struct health *h)
{
	assert(health_is_held(h));
	h->state = SERVER_UP;
}
