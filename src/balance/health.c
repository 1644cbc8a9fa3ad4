/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: at most one of n_good and n_failed is not 0. The state is left only by results of the
 * other kind, so "in doubt" is simply a count of the kind that contradicts the state. */
#include "balance/health.h"

#include <limits.h>

void health_init(struct health *h, const struct health_params *params, int64_t now_ns)
{
	*h = (struct health){ .params = params, .state = SERVER_UNKNOWN, .next_ns = now_ns };
}

void health_probe_sent(struct health *h)
{
	h->next_ns = INT64_MAX;
}

bool health_is_in_doubt(const struct health *h)
{
	return (h->state == SERVER_UP && h->n_failed > 0) ||
	       (h->state == SERVER_DOWN && h->n_good > 0);
}

static void count(struct health *h, bool is_good)
{
	unsigned *same = is_good ? &h->n_good : &h->n_failed;
	unsigned *other = is_good ? &h->n_failed : &h->n_good;

	if (*same < UINT_MAX)
		(*same)++;
	*other = 0;
}

static enum server_state judge(const struct health *h, bool is_good)
{
	switch (h->state) {
	case SERVER_UP:
		return h->n_failed >= h->params->fall && !is_good ? SERVER_DOWN : SERVER_UP;
	case SERVER_DOWN:
		return h->n_good >= h->params->rise && is_good ? SERVER_UP : SERVER_DOWN;
	case SERVER_UNKNOWN:
	case SERVER_EJECTED: /* not by probes */
		break;
	}
	return is_good ? SERVER_UP : SERVER_DOWN;
}

/* Uniform in nine to eleven tenths. The remainder of 64 bits is even enough for any interval. */
static int64_t jittered(int64_t interval_ns, struct rng *rng)
{
	int64_t tenth = interval_ns / 10;

	return interval_ns - tenth + (int64_t)(rng_u64(rng) % (uint64_t)(2 * tenth + 1));
}

bool health_probe_done(struct health *h, bool is_good, int64_t now_ns, struct rng *rng)
{
	enum server_state before = h->state;
	int64_t interval_ns = h->params->interval_ns;

	count(h, is_good);
	h->state = judge(h, is_good);
	if (health_is_in_doubt(h))
		interval_ns = h->params->fast_interval_ns;
	h->next_ns = now_ns + jittered(interval_ns, rng);
	return h->state != before;
}

void health_probe_soon(struct health *h, int64_t due_ns)
{
	h->next_ns = due_ns;
}
