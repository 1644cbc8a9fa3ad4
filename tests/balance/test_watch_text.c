/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of balance/watch_text: what an operator reads. */
#include <criterion/criterion.h>
#include <sys/socket.h>

#include "balance/fixture.h"
#include "balance/watch.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

static const struct {
	struct watch_event event;
	const char *text;
} cases[] = {
	{ { .kind = WATCH_STATE,
		  .server = 1,
		  .from = SERVER_UNKNOWN,
		  .to = SERVER_UP,
		  .reason = WATCH_BY_FIRST_PROBE,
		  .outcome = PROBE_ANSWERED },
		"server b (192.0.2.2:5353) is up: it answers \". NS\" with NOERROR" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_EJECTED,
		  .to = SERVER_UP,
		  .reason = WATCH_BY_TESTS },
		"server a (192.0.2.1) is up: it answered two test queries" },
	{ { .kind = WATCH_STATE, .from = SERVER_EJECTED, .to = SERVER_UP, .reason = WATCH_BY_TIME },
		"server a (192.0.2.1) is up: its ejection is over" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_UNKNOWN,
		  .to = SERVER_DOWN,
		  .reason = WATCH_BY_FIRST_PROBE,
		  .outcome = PROBE_ANSWERED,
		  .rcode = 5 },
		"server a (192.0.2.1) is down at start: it answers \". NS\" with REFUSED "
		"(set health.qname to a name that it serves)" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_UP,
		  .to = SERVER_DOWN,
		  .reason = WATCH_BY_PROBES,
		  .n = 3,
		  .outcome = PROBE_TIMED_OUT,
		  .timeout_ns = 1 * S },
		"server a (192.0.2.1) is down after 3 failed probes: no reply to \". NS\" within "
		"1000 ms" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_UP,
		  .to = SERVER_DOWN,
		  .reason = WATCH_BY_SIGN,
		  .sign = SIGN_SILENT,
		  .n = 5,
		  .outcome = PROBE_TIMED_OUT,
		  .timeout_ns = 750 * MS },
		"server a (192.0.2.1) is down: 5 queries without a reply; confirmed: no reply to "
		"\". NS\" within 750 ms" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_UP,
		  .to = SERVER_DOWN,
		  .reason = WATCH_BY_SIGN,
		  .sign = SIGN_UNREACHABLE,
		  .outcome = PROBE_UNREACHABLE,
		  .n_recent = 4,
		  .hold_ns = 10 * S },
		"server a (192.0.2.1) is down: a query found it unreachable; confirmed: it is "
		"unreachable; out 4 times of late, so for at least 10.0 s" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_UP,
		  .to = SERVER_DOWN,
		  .reason = WATCH_BY_SIGN,
		  .sign = SIGN_BETTERED,
		  .outcome = PROBE_ANSWERED,
		  .rcode = 2 },
		"server a (192.0.2.1) is down: a SERVFAIL or REFUSED that another server bettered; "
		"confirmed: it answers \". NS\" with SERVFAIL" },
	{ { .kind = WATCH_STATE,
		  .from = SERVER_UP,
		  .to = SERVER_EJECTED,
		  .reason = WATCH_BY_SIGN,
		  .sign = SIGN_BLAMED,
		  .hold_ns = 5230 * MS },
		"server a (192.0.2.1) is ejected for at most 5.2 s: 5 times in a row its SERVFAIL or "
		"REFUSED was bettered by another server" },
	{ { .kind = WATCH_SUSPECT, .server = 1, .sign = SIGN_SILENT, .n = 5 },
		"server b is suspect: 5 queries without a reply" },
	{ { .kind = WATCH_CLEARED, .server = 1 },
		"server b is no longer suspect: it answers \". NS\"" },
	{ { .kind = WATCH_NOT_EJECTED, .sign = SIGN_BLAMED },
		"server a stays, for eject.max_percent allows no more ejections: 5 times in a "
		"row its SERVFAIL or REFUSED was bettered by another server" },
	{ { .kind = WATCH_PANIC },
		"too few servers are up: those that are ejected are asked as well" },
	{ { .kind = WATCH_NO_PANIC },
		"enough servers are up or none is ejected: ejections count again" },
	{ { .kind = WATCH_NOBODY_UP },
		"no server is up: those that drain are asked if they answer probes, else all "
		"that are not forced down" },
	{ { .kind = WATCH_DEAD_SOCKETS },
		"server a: sockets to it were dead and have been replaced" },
	{ { .kind = WATCH_SHORTAGE }, "server a cannot be probed for want of sockets or memory" },
	{ { .kind = WATCH_REFUSES_DEFAULT },
		"server a refuses the probe \". NS\" and counts as up: set health.qname to a name "
		"that the servers answer" },
	{ { .kind = WATCH_SHARES }, "queries go to tier 0: 70 %, tier 3: 30 %" },
};

static struct fixture_params f;
static struct pool *pool;

static void setup(void)
{
	static const uint32_t shares[2] = { SERVER_SHARE_FULL * 7 / 10,
		SERVER_SHARE_FULL - SERVER_SHARE_FULL * 7 / 10 };

	fixture_params_init(&f, POLICY_P2C, NULL, 2, 1, SERVER_AUTO);
	for (uint8_t i = 0; i < 2; i++)
		f.servers[i].address = (struct addr){ .family = AF_INET,
			.port = i == 0 ? 0 : 5353,
			.ip = { 192, 0, 2, (uint8_t)(1 + i) } };
	f.servers[1].tier = 3;
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	pool_set_tier_shares(pool, shares);
}

static void finish(void)
{
	pool_free(&pool);
}

TestSuite(watch_text, .init = setup, .fini = finish);

Test(watch_text, events_are_told_in_a_sentence)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[WATCH_TEXT_MAX];

		cr_expect_str_eq(watch_event_text(&cases[i].event, pool, ". NS", text, sizeof text),
			cases[i].text, "%s", text);
	}
}

Test(watch_text, a_server_without_a_name_is_told_by_its_address_once)
{
	const struct watch_event up = { .kind = WATCH_STATE,
		.server = 1,
		.to = SERVER_UP,
		.reason = WATCH_BY_FIRST_PROBE,
		.outcome = PROBE_ANSWERED };
	char text[WATCH_TEXT_MAX];

	strcpy(f.servers[1].name, "192.0.2.2:5353");
	pool_free(&pool);
	cr_assert_eq(pool_new(&f.pool, &pool), 0);
	cr_expect_str_eq(watch_event_text(&up, pool, ". NS", text, sizeof text),
		"server 192.0.2.2:5353 is up: it answers \". NS\" with NOERROR");
}

Test(watch_text, what_does_not_fit_is_cut)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t size = 1; size < 60; size++) {
			char *text = malloc(size); /* a byte too far is seen */

			watch_event_text(&cases[i].event, pool, ". NS", text, size);
			cr_expect_lt(strlen(text), size);
			cr_expect_eq(strncmp(text, cases[i].text, strlen(text)), 0);
			free(text);
		}
	}
}
