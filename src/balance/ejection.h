/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ejection - for how long a server that was taken out stays out, and what its test queries say. A
 * pure machine; balance/watch drives it. Owner only.
 *
 * One memory for both ways out, ejected or down: how often of late. It grows by one each time an up
 * server is taken out and shrinks by one for every minute up. An ejection lasts that many times the
 * base; a server that was down takes its probes' word again at the third time only after a base,
 * at the fourth after two. Neither is ever over five minutes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct rng;
struct server;

#define EJECTION_FORGET_NS INT64_C(60000000000) /* up for so long: one time is forgotten */
#define EJECTION_MOST_NS INT64_C(300000000000)
#define EJECTION_RECENT_MAX 62 /* an hour up and all is forgotten, whatever was */
#define EJECTION_TEST_NS INT64_C(1000000000) /* between two tests, unless the last went well */
#define EJECTION_TESTS_ENOUGH 2 /* good in a row */

struct ejection {
	unsigned n_recent; /* times taken out of late */
	int64_t forget_ns; /* when the next is forgotten; INT64_MAX: not now */
	int64_t end_ns; /* of the ejection; INT64_MAX: there is none */
	int64_t test_ns; /* when a test is due */
	int64_t look_ns; /* when to look how the last one went */
	int64_t fast_ns; /* between looks */
	uint32_t n_seen; /* good tests at the last look */
	bool is_testing; /* the first test has been ordered */
};

/* `fast_ns`: a good test is followed by the next after so long. */
void ejection_init(struct ejection *e, int64_t fast_ns);
/* An up server is taken out: counts, and the time forgets nothing until it is back. */
void ejection_taken_out(struct ejection *e);
void ejection_taken_back(struct ejection *e, int64_t now_ns); /* ends an ejection, too */
/* Forgets what is old. */
void ejection_forget(struct ejection *e, int64_t now_ns);

/* Starts an ejection; its length. */
int64_t ejection_begin(struct ejection *e, int64_t base_ns, int64_t now_ns, struct rng *rng);
/* It is down now: probes decide from here on. */
void ejection_cancel(struct ejection *e);
/* How long a server that is down now is held whatever its probes say. */
int64_t ejection_hold_ns(const struct ejection *e, int64_t base_ns);

enum ejection_verdict { EJECTION_GOES_ON, EJECTION_PASSED_TESTS, EJECTION_TIME_IS_OVER };
/* Orders tests of the server (is_test_due) and looks at how they went (n_tests_good). */
enum ejection_verdict ejection_look(struct ejection *e, struct server *s, int64_t now_ns);
/* When to look or to forget, INT64_MAX: never. */
int64_t ejection_next_ns(const struct ejection *e);
