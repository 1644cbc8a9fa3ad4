/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariant: end_ns, test_ns and look_ns are all INT64_MAX, or none is. Replies of the first second
 * answer queries sent before the ejection and are no tests. */
#include "balance/ejection.h"

#include "balance/health.h"
#include "balance/server.h"

#define JITTER_PERCENT 20
#define HOLD_FROM 3 /* times of late: twice may happen to anybody */

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void ejection_init(struct ejection *e, int64_t fast_ns)
{
	*e = (struct ejection){
		.forget_ns = INT64_MAX,
		.fast_ns = min_ns(fast_ns, EJECTION_TEST_NS),
	};
	ejection_cancel(e);
}

void ejection_taken_out(struct ejection *e)
{
	if (e->n_recent < EJECTION_RECENT_MAX)
		e->n_recent++;
	e->forget_ns = INT64_MAX;
}

void ejection_taken_back(struct ejection *e, int64_t now_ns)
{
	ejection_cancel(e);
	e->forget_ns = e->n_recent > 0 ? now_ns + EJECTION_FORGET_NS : INT64_MAX;
}

void ejection_forget(struct ejection *e, int64_t now_ns)
{
	while (now_ns >= e->forget_ns) {
		e->n_recent--;
		e->forget_ns = e->n_recent > 0 ? e->forget_ns + EJECTION_FORGET_NS : INT64_MAX;
	}
}

int64_t ejection_begin(struct ejection *e, int64_t base_ns, int64_t now_ns, struct rng *rng)
{
	int64_t length_ns = min_ns(base_ns * e->n_recent, EJECTION_MOST_NS);

	length_ns = min_ns(health_jittered(length_ns, JITTER_PERCENT, rng), EJECTION_MOST_NS);
	e->end_ns = now_ns + length_ns;
	e->test_ns = e->look_ns = now_ns + EJECTION_TEST_NS;
	e->n_seen = 0;
	e->is_testing = false;
	return length_ns;
}

void ejection_cancel(struct ejection *e)
{
	e->end_ns = e->test_ns = e->look_ns = INT64_MAX;
}

int64_t ejection_hold_ns(const struct ejection *e, int64_t base_ns)
{
	if (e->n_recent < HOLD_FROM)
		return 0;
	return min_ns(base_ns * (e->n_recent - HOLD_FROM + 1), EJECTION_MOST_NS);
}

static void order_test(struct ejection *e, struct server *s, int64_t now_ns)
{
	if (!e->is_testing)
		atomic_store_explicit(&s->n_tests_good, 0, memory_order_relaxed);
	e->is_testing = true;
	e->test_ns = now_ns + EJECTION_TEST_NS;
	atomic_store_explicit(&s->is_test_due, true, memory_order_relaxed);
}

enum ejection_verdict ejection_look(struct ejection *e, struct server *s, int64_t now_ns)
{
	if (now_ns >= e->end_ns)
		return EJECTION_TIME_IS_OVER;
	if (now_ns < e->look_ns)
		return EJECTION_GOES_ON;
	uint32_t n_good = e->is_testing
				  ? atomic_load_explicit(&s->n_tests_good, memory_order_relaxed)
				  : 0;
	if (n_good >= EJECTION_TESTS_ENOUGH)
		return EJECTION_PASSED_TESTS;
	if (n_good > e->n_seen || now_ns >= e->test_ns)
		order_test(e, s, now_ns);
	e->n_seen = n_good;
	e->look_ns = now_ns + e->fast_ns;
	return EJECTION_GOES_ON;
}

int64_t ejection_next_ns(const struct ejection *e)
{
	return min_ns(e->forget_ns, min_ns(e->end_ns, e->look_ns));
}
