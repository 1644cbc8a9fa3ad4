/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: `outstanding` is the number of places taken, plus at most one per thread that is just
 * finding out in server_reserve that there was none left. */
#include "balance/server.h"

#include <assert.h>

void server_init(struct server *s, const struct server_params *params)
{
	static const enum server_state first[] = {
		[SERVER_AUTO] = SERVER_UNKNOWN,
		[SERVER_FORCED_UP] = SERVER_UP,
		[SERVER_FORCED_DOWN] = SERVER_DOWN,
		[SERVER_DRAIN] = SERVER_UNKNOWN,
	};

	assert(params->weight >= 1 && params->weight <= SERVER_WEIGHT_MAX);
	assert(params->max_outstanding >= 1 && params->max_outstanding <= SERVER_OUTSTANDING_MAX);
	s->params = *params;
	atomic_init(&s->state, first[params->mode]);
	atomic_init(&s->ramp, SERVER_SHARE_FULL);
	atomic_init(&s->pace, SERVER_SHARE_FULL);
	atomic_init(&s->is_test_due, false);
	atomic_init(&s->n_silent, 0);
	atomic_init(&s->n_tests_good, 0);
	atomic_init(&s->blame, 0);
	atomic_init(&s->is_suspect, false);
	atomic_init(&s->outstanding, 0);
}

void server_set_ramp(struct server *s, uint32_t share)
{
	assert(share >= 1 && share <= SERVER_SHARE_FULL);
	atomic_store_explicit(&s->ramp, share, memory_order_relaxed);
}

void server_set_pace(struct server *s, uint32_t share)
{
	assert(share >= 1 && share <= SERVER_SHARE_FULL);
	atomic_store_explicit(&s->pace, share, memory_order_relaxed);
}

bool server_reserve(struct server *s)
{
	uint32_t before = atomic_fetch_add_explicit(&s->outstanding, 1, memory_order_relaxed);

	if (before < server_limit(s))
		return true;
	atomic_fetch_sub_explicit(&s->outstanding, 1, memory_order_relaxed);
	return false;
}

void server_release(struct server *s, uint32_t n)
{
	uint32_t before = atomic_fetch_sub_explicit(&s->outstanding, n, memory_order_relaxed);

	assert(before >= n);
	(void)before;
}

const char *server_state_text(const struct server *s)
{
	if (s->params.mode == SERVER_FORCED_UP)
		return "forced up";
	if (s->params.mode == SERVER_FORCED_DOWN)
		return "forced down";
	if (s->params.mode == SERVER_DRAIN)
		return server_state(s) == SERVER_DOWN ? "draining, down" : "draining";
	switch (server_state(s)) {
	case SERVER_UP:
		return "up";
	case SERVER_EJECTED:
		return "ejected";
	case SERVER_DOWN:
		return "down";
	case SERVER_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *const server_metric_names[SERVER_METRIC_COUNT] = {
#define X(name, help) #name,
	SERVER_METRIC_LIST(X)
#undef X
};
