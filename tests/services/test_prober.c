/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The prober's thread with workers of ours: orders are caught in a box and answered by hand. Times
 * are short and waited for, never measured: an interval of 1 ms, and a timeout of a minute where no
 * probe may be overdue. */
#include "services/prober.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/heap.h"
#include "base/log.h"
#include "core/mailbox.h"
#include "core/rig.h"
#include "net/poller.h"

#define MS CLOCK_NS_PER_MS

struct order {
	struct probe_order order;
	unsigned worker;
};

static struct prober_params params;
static struct probe_rules rules[3]; /* the first are for all, unless the test says otherwise */
static struct prober *prober;
static struct pool *pool;
static enum server_mode modes[RIG_SERVERS_MAX]; /* of the servers of the pool to come */
static struct mailbox *orders;
static int orders_fd;
static char text[1 << 16];

static bool on_order(void *ctx, unsigned worker, const struct probe_order *order)
{
	const struct order o = { .order = *order, .worker = worker };

	cr_expect_eq(ctx, &params, "another context");
	return mailbox_post(orders, &o);
}

static void make_pool(size_t n)
{
	struct server_params servers[RIG_SERVERS_MAX] = { 0 };

	for (size_t i = 0; i < n; i++) {
		servers[i].name[0] = (char)('a' + i);
		servers[i].address = rig_loopback();
		servers[i].weight = servers[i].max_outstanding = 1;
		servers[i].mode = modes[i];
	}
	const struct pool_params p = {
		.servers = servers,
		.n_servers = n,
		.policy = { .hash_seed = "", .load_factor = 1.25 },
	};
	cr_assert_eq(pool_new(&p, &pool), 0);
}

static void setup(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	cr_assert_eq(wakeup_new(&orders_fd), 0);
	cr_assert_eq(mailbox_new(sizeof(struct order), 64, orders_fd, &orders), 0);
	rules[0] = (struct probe_rules){
		.health = { MS, MS, 60000 * MS, 3, 2 },
		.qname_is_default = true,
		.reject = 1u << 2 | 1u << 4 | 1u << 5,
		.qname = (const uint8_t *)"",
		.qname_len = 1,
		.qtype = 2,
	};
	params = (struct prober_params){
		.watch = {
			.n_workers = 2,
			.rules = rules,
			.n_rules = 1,
			.attempt_timeout_ns = 60000 * MS,
			.eject_base_ns = 100 * MS,
		},
		.order = on_order,
	};
}

TestSuite(prober, .init = setup, .timeout = 60);

static void begin(size_t n_servers)
{
	make_pool(n_servers);
	params.watch.pool = pool;
	cr_assert_eq(prober_new(&params, &prober), 0);
	prober_set_ctx(prober, &params);
	cr_assert_eq(prober_start(prober), 0);
}

static void end(void)
{
	prober_stop(prober);
	prober_stop(prober);
	prober_free(&prober);
	cr_expect_null(prober);
	pool_free(&pool);
	mailbox_free(&orders);
	close(orders_fd);
}

static const char *logged(void)
{
	ssize_t n = pread(STDERR_FILENO, text, sizeof text - 1, 0);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

static struct order next_order(void)
{
	struct order o;
	uint64_t n;

	while (!mailbox_take(orders, &o)) {
		cr_assert(rig_has(orders_fd, RIG_WAIT_MS), "no order");
		cr_assert_eq(read(orders_fd, &n, sizeof n), sizeof n);
	}
	return o;
}

static void report(const struct order *o, enum probe_outcome outcome, unsigned rcode)
{
	const struct probe_result r = {
		.serial = o->order.serial,
		.server = o->order.server,
		.socket = 17,
		.worker = (uint16_t)o->worker,
		.is_fresh = o->order.is_fresh,
		.took_over = o->order.is_fresh && outcome == PROBE_ANSWERED,
		.rcode = (uint8_t)rcode,
		.outcome = outcome,
	};

	prober_result(prober, &r);
}

/* One server: the next probe is answered; returns when the one after it is ordered, so that its
 * result has been dealt with. */
static struct order answer(struct order o, unsigned rcode)
{
	report(&o, PROBE_ANSWERED, rcode);
	return next_order();
}

/* The next probe fails, and its repetition too. */
static struct order fail(struct order o)
{
	report(&o, PROBE_TIMED_OUT, 0);
	o = next_order();
	cr_expect(o.order.is_fresh);
	report(&o, PROBE_TIMED_OUT, 0);
	return next_order();
}

static enum server_state state(size_t i)
{
	return server_state(&pool->servers[i]);
}

Test(prober, orders_a_proper_query)
{
	rules[0].qname = (const uint8_t *)"\7example";
	rules[0].qname_len = 9;
	rules[0].qtype = 28;
	begin(1);
	struct order o = next_order();
	cr_expect_eq(o.order.message_len, 25);
	cr_expect_arr_eq(o.order.message, "\0\0\1\0\0\1\0\0\0\0\0\0\7example\0\0\x1c\0\1", 25);
	cr_expect_eq(o.order.name_len, 9);
	cr_expect_eq(o.order.timeout_ns, rules[0].health.timeout_ns);
	cr_expect_not(o.order.is_fresh);
	end();
}

Test(prober, the_first_probe_alone_decides_and_workers_take_turns)
{
	begin(2);
	struct order a = next_order(), b = next_order();
	cr_expect_neq(a.order.server, b.order.server);
	cr_expect_eq(state(0), SERVER_UNKNOWN);
	report(&a, PROBE_ANSWERED, RCODE_NOERROR);
	struct order next = next_order(); /* of the same server, for the other one is out */
	cr_expect_neq(next.worker, a.worker, "turns are a server's own");
	cr_expect_eq(next.order.server, a.order.server);
	cr_expect_eq(state(a.order.server), SERVER_UP);
	cr_expect_eq(state(b.order.server), SERVER_UNKNOWN);
	cr_expect_eq(prober_good(prober, a.order.server), 1);
	cr_expect_not_null(strstr(logged(), "is up: it answers \". NS\" with NOERROR"), "%s", text);
	end();
}

Test(prober, a_failed_probe_is_repeated_by_a_fresh_socket_of_the_same_worker)
{
	begin(1);
	struct order first = next_order();
	report(&first, PROBE_TIMED_OUT, 0);
	struct order second = next_order();
	cr_expect(second.order.is_fresh);
	cr_expect_eq(second.worker, first.worker);
	cr_expect_eq(second.order.serial, first.order.serial, "one probe, two legs");
	cr_expect_eq(state(0), SERVER_UNKNOWN);
	answer(second, RCODE_NOERROR);
	cr_expect_eq(state(0), SERVER_UP);
	cr_expect_eq(prober_failed(prober, 0), 0, "the server did not fail");
	end();
}

Test(prober, every_server_sees_each_worker_in_turn)
{
	params.watch.n_workers = 3;
	begin(2);
	struct order o[2] = { next_order(), next_order() };
	unsigned last[2];
	for (int i = 0; i < 2; i++)
		last[o[i].order.server] = o[i].worker;
	struct order now = o[0];
	for (int i = 0; i < 12; i++) { /* one server is probed, the other's probe is out */
		now = answer(now, RCODE_NOERROR);
		cr_expect_eq(now.order.server, o[0].order.server);
		cr_expect_eq(now.worker, (last[now.order.server] + 1) % 3, "probe %d", i);
		last[now.order.server] = now.worker;
	}
	report(&o[1], PROBE_ANSWERED, RCODE_NOERROR);
	report(&now, PROBE_TIMED_OUT, 0);
	for (int i = 0; i < 2; i++) {
		now = next_order();
		if (now.order.server == o[1].order.server)
			cr_expect_eq(
				now.worker, (o[1].worker + 1) % 3, "others do not take turns away");
	}
	end();
}

/* ---- what could not be sent ------------------------------------------------------------------------- */

Test(prober, what_could_not_be_sent_is_repeated_without_counting)
{
	begin(1);
	struct order o = answer(next_order(), RCODE_NOERROR);
	for (int i = 0; i < 10; i++) {
		uint32_t serial = o.order.serial;
		report(&o, PROBE_NOT_SENT, 0);
		o = next_order();
		cr_expect_not(o.order.is_fresh, "nothing is known of the server: no repetition");
		cr_expect_neq(o.order.serial, serial);
	}
	cr_expect_eq(state(0), SERVER_UP);
	cr_expect_eq(prober_good(prober, 0), 1);
	cr_expect_eq(prober_failed(prober, 0), 0);
	const char *warning = strstr(logged(), "cannot be probed for want of sockets or memory");
	cr_assert_not_null(warning, "%s", text);
	cr_expect_null(strstr(warning + 1, "cannot be probed"), "told at most once a minute");
	end();
}

Test(prober, a_repetition_that_could_not_be_sent_starts_over)
{
	begin(1);
	struct order o = answer(next_order(), RCODE_NOERROR);
	for (int i = 0; i < 6; i++) {
		report(&o, PROBE_TIMED_OUT, 0);
		o = next_order();
		cr_assert(o.order.is_fresh);
		report(&o, PROBE_NOT_SENT, 0);
		o = next_order();
		cr_expect_not(o.order.is_fresh);
	}
	cr_expect_eq(state(0), SERVER_UP);
	cr_expect_eq(prober_failed(prober, 0), 0);
	end();
}

Test(prober, what_could_not_be_sent_comes_after_the_fast_interval)
{
	rules[0].health.interval_ns = 3600000 * MS;
	begin(1);
	struct order o = next_order();
	report(&o, PROBE_NOT_SENT, 0);
	o = next_order(); /* not an hour later */
	cr_expect_eq(state(0), SERVER_UNKNOWN);
	report(&o, PROBE_TIMED_OUT, 0);
	o = next_order();
	cr_expect(o.order.is_fresh);
	end();
}

/* ---- sockets replaced ------------------------------------------------------------------------------- */

/* Server 0's n-th good probe is dealt with, and no other one was due after it. */
static void expect_rest_after(uint64_t n)
{
	struct order o;

	while (prober_good(prober, 0) < n)
		clock_pause_ns(MS);
	prober_stop(prober); /* ends with all that was due ordered */
	cr_expect_not(mailbox_take(orders, &o), "worker %u is asked", o.worker);
}

Test(prober, after_sockets_were_replaced_all_other_workers_look_at_once)
{
	params.watch.n_workers = 3;
	rules[0].health.interval_ns = rules[0].health.fast_interval_ns = 3600000 * MS;
	begin(1);
	struct order first = next_order();
	report(&first, PROBE_TIMED_OUT, 0);
	struct order o = next_order();
	cr_assert(o.order.is_fresh);
	report(&o, PROBE_ANSWERED, RCODE_NOERROR);
	for (unsigned i = 1; i < 3; i++) { /* not an hour later each */
		o = next_order();
		cr_expect_not(o.order.is_fresh);
		cr_expect_eq(o.worker, (first.worker + i) % 3);
		if (i == 2) { /* this one's are dead as well */
			report(&o, PROBE_TIMED_OUT, 0);
			o = next_order();
			cr_expect(o.order.is_fresh);
			cr_expect_eq(o.worker, (first.worker + i) % 3);
		}
		report(&o, PROBE_ANSWERED, RCODE_NOERROR);
	}
	expect_rest_after(3);
	cr_expect_eq(state(0), SERVER_UP);
	cr_expect_eq(prober_failed(prober, 0), 0);
	cr_expect_not_null(
		strstr(logged(), "notice: server a: sockets to it were dead"), "%s", text);
	end();
}

Test(prober, one_worker_has_nobody_else_to_look_at)
{
	params.watch.n_workers = 1;
	rules[0].health.interval_ns = rules[0].health.fast_interval_ns = 3600000 * MS;
	begin(1);
	struct order o = next_order();
	report(&o, PROBE_TIMED_OUT, 0);
	o = next_order();
	report(&o, PROBE_ANSWERED, RCODE_NOERROR);
	expect_rest_after(1);
	end();
}

/* ---- states ----------------------------------------------------------------------------------------- */

Test(prober, falls_after_three_and_rises_after_two)
{
	begin(1);
	struct order o = answer(next_order(), RCODE_NOERROR);
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(state(0), SERVER_UP, "failure %d", i);
		o = fail(o);
	}
	cr_expect_eq(state(0), SERVER_DOWN);
	cr_expect_eq(prober_failed(prober, 0), 3);
	cr_expect_not_null(strstr(logged(), "is down after 3 failed probes: no reply"), "%s", text);
	cr_expect_not_null(strstr(text, "error: no server is up"), "%s", text);
	o = answer(o, RCODE_NOERROR);
	cr_expect_eq(state(0), SERVER_DOWN);
	o = answer(o, RCODE_NXDOMAIN);
	cr_expect_eq(state(0), SERVER_UP);
	end();
}

Test(prober, rejected_rcodes_fail_without_a_repetition)
{
	begin(1);
	struct order o = answer(next_order(), RCODE_NOERROR);
	for (int i = 0; i < 3; i++) {
		o = answer(o, RCODE_SERVFAIL);
		cr_expect_not(o.order.is_fresh);
	}
	cr_expect_eq(state(0), SERVER_DOWN);
	cr_expect_not_null(strstr(logged(), "with SERVFAIL"), "%s", text);
	o = answer(answer(o, RCODE_FORMERR), RCODE_FORMERR); /* not in the list: it lives */
	cr_expect_eq(state(0), SERVER_UP);
	end();
}

Test(prober, refusing_the_default_name_is_healthy_until_somebody_answers_it)
{
	begin(1);
	struct order o = next_order();
	for (int i = 0; i < 5; i++)
		o = answer(o, RCODE_REFUSED);
	cr_expect_eq(state(0), SERVER_UP);
	const char *warning = strstr(logged(), "set health.qname");
	cr_assert_not_null(warning, "%s", text);
	cr_expect_null(strstr(warning + 1, "set health.qname"), "told twice");
	o = answer(o, RCODE_NXDOMAIN);
	for (int i = 0; i < 3; i++)
		o = answer(o, RCODE_REFUSED);
	cr_expect_eq(state(0), SERVER_DOWN);
	end();
}

Test(prober, refusing_a_chosen_name_is_a_failure)
{
	rules[0].qname_is_default = false;
	begin(1);
	answer(next_order(), RCODE_REFUSED);
	cr_expect_eq(state(0), SERVER_DOWN);
	cr_expect_not_null(strstr(logged(), "is down at start: it answers"), "%s", text);
	end();
}

Test(prober, a_worker_that_never_reports_fails_the_probe)
{
	rules[0].health.timeout_ns = 50 * MS;
	begin(1);
	struct order first = next_order();
	struct order fresh = next_order();
	cr_expect(fresh.order.is_fresh);
	cr_expect_eq(fresh.order.serial, first.order.serial);
	struct order next = next_order(); /* after four timeouts, without a result */
	cr_expect_neq(next.order.serial, first.order.serial);
	cr_expect_eq(state(0), SERVER_DOWN);
	cr_expect_geq(prober_failed(prober, 0), 1);
	end();
}

Test(prober, a_result_of_a_probe_given_up_is_ignored)
{
	begin(1);
	struct order o = next_order();
	struct order old = o;
	old.order.serial--;
	report(&old, PROBE_ANSWERED, RCODE_SERVFAIL);
	answer(o, RCODE_NOERROR);
	cr_expect_eq(state(0), SERVER_UP);
	cr_expect_eq(prober_failed(prober, 0), 0);
	end();
}

Test(prober, off_means_up_and_no_probes)
{
	rules[0].is_off = true;
	modes[1] = SERVER_FORCED_DOWN;
	begin(2);
	cr_expect_eq(state(0), SERVER_UP);
	cr_expect_eq(state(1), SERVER_DOWN, "forced servers keep theirs");
	end(); /* a prober without anything to do can be stopped */
}

Test(prober, only_servers_in_auto_are_probed)
{
	modes[0] = SERVER_FORCED_UP;
	modes[2] = SERVER_FORCED_DOWN;
	begin(3);
	struct order o = next_order();
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(o.order.server, 1);
		o = answer(o, RCODE_NOERROR);
	}
	end();
}

/* ---- signs ------------------------------------------------------------------------------------------ */

/* Server 0 is up, and no probe is due for an hour. */
static void begin_calm(size_t n_servers)
{
	rules[0].health.interval_ns = 3600000 * MS;
	begin(n_servers);
	for (size_t i = 0; i < n_servers; i++) {
		struct order o = next_order();

		report(&o, PROBE_ANSWERED, RCODE_NOERROR);
	}
	for (size_t i = 0; i < n_servers; i++) {
		while (state(i) != SERVER_UP)
			clock_pause_ns(MS);
	}
}

Test(prober, a_sign_wakes_it_to_probe_that_server)
{
	params.watch.attempt_timeout_ns = 30000 * MS;
	begin_calm(3);
	prober_sign(prober, 1, SIGN_UNREACHABLE);
	struct order o = next_order(); /* not an hour later */
	cr_expect_eq(o.order.server, 1);
	cr_expect_eq(o.order.timeout_ns, 30000 * MS);
	report(&o, PROBE_UNREACHABLE, 0);
	o = next_order();
	cr_expect(o.order.is_fresh);
	report(&o, PROBE_UNREACHABLE, 0);
	while (state(1) != SERVER_DOWN)
		clock_pause_ns(MS);
	prober_stop(prober);
	cr_expect_not_null(strstr(logged(), "warning: server b (127.0.0.1)"), "%s", text);
	cr_expect_not_null(
		strstr(text, "is down: a query found it unreachable; confirmed: it is unreachable"), "%s",
		text);
	end();
}

Test(prober, blame_ejects_without_a_probe)
{
	begin_calm(3);
	prober_sign(prober, 2, SIGN_BLAMED);
	while (state(2) != SERVER_EJECTED)
		clock_pause_ns(MS);
	prober_stop(prober);
	cr_expect_not_null(strstr(logged(), "is ejected for at most 0.1 s: 5 times in a row"), "%s", text);
	end();
}

Test(prober, a_storm_of_signs_takes_no_room)
{
	rules[0].is_off = true;
	begin(3);
	for (int i = 0; i < 100000; i++)
		prober_sign(prober, 0, SIGN_BETTERED);
	prober_sign(prober, 0, SIGN_BLAMED);
	while (state(0) != SERVER_EJECTED)
		clock_pause_ns(MS);
	end();
}

/* ---- latency ---------------------------------------------------------------------------------------- */

static _Atomic unsigned n_read;

static void on_latency(void *ctx, size_t server, uint32_t *counts)
{
	cr_expect_eq(ctx, &params);
	cr_expect_lt(server, 2);
	cr_expect_eq(counts[0], 0, "to be added to");
	atomic_fetch_add(&n_read, 1);
}

Test(prober, histograms_are_read_while_somebody_wants_to_know)
{
	rules[0].is_off = true;
	params.watch.hedge_percent = 1;
	params.latency = on_latency;
	begin(2);
	while (atomic_load(&n_read) < 2) /* after a second */
		clock_pause_ns(MS);
	end();
}

/* ---- no server is up ---------------------------------------------------------------------------------- */

static unsigned n_told(const char *what)
{
	unsigned n = 0;

	for (const char *at = logged(); (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* Both probes of a server's start fail. */
static void fail_at_start(struct order o)
{
	report(&o, PROBE_TIMED_OUT, 0);
	do {
		o = next_order();
	} while (!o.order.is_fresh);
	report(&o, PROBE_TIMED_OUT, 0);
	while (state(o.order.server) == SERVER_UNKNOWN)
		clock_pause_ns(MS);
}

Test(prober, that_no_server_is_up_is_told_at_start_when_the_last_is_known)
{
	rules[0].health.interval_ns = rules[0].health.fast_interval_ns = 3600000 * MS;
	begin(2);
	struct order a = next_order(), b = next_order();
	fail_at_start(a);
	cr_expect_eq(n_told("no server is up"), 0, "the other may be: %s", text);
	fail_at_start(b);
	while (n_told("no server is up") == 0)
		clock_pause_ns(MS);
	cr_expect_eq(n_told("no server is up"), 1);
	end();
}

Test(prober, forced_servers_are_not_waited_for_to_tell_that_none_is_up)
{
	rules[0].health.interval_ns = rules[0].health.fast_interval_ns = 3600000 * MS;
	modes[1] = SERVER_FORCED_DOWN;
	begin(2);
	fail_at_start(next_order());
	prober_stop(prober); /* what it had to say is said */
	cr_expect_eq(n_told("no server is up"), 1, "%s", text);
	end();
}

Test(prober, a_server_forced_up_is_up)
{
	rules[0].health.interval_ns = rules[0].health.fast_interval_ns = 3600000 * MS;
	modes[0] = SERVER_FORCED_UP;
	begin(2);
	fail_at_start(next_order());
	prober_stop(prober);
	cr_expect_eq(n_told("no server is up"), 0, "%s", text);
	end();
}

Test(prober, takes_what_it_says)
{
	for (int latency = LATENCY_OFF; latency <= LATENCY_ON; latency++) {
		struct memory_use use = { 0 };

		params.watch.latency = (enum latency_mode)latency;
		make_pool(RIG_SERVERS_MAX);
		params.watch.pool = pool;
		size_t before = heap_bytes();
		cr_assert_eq(prober_new(&params, &prober), 0);
		size_t found = heap_bytes() - before;
		prober_memory(&params, &use, &use);
		heap_expect(
			latency == LATENCY_ON ? "with latency" : "without", use.start, found, 1024);
		prober_free(&prober);
		pool_free(&pool);
	}
}

Test(prober, servers_ask_their_own_questions_and_share_equal_ones)
{
	static const uint16_t rules_of[] = { 0, 1, 2 };
	static const uint8_t question[] = "\1a\4test\0\0\6\0\1";
	const uint8_t *messages[3];

	rules[0].health.interval_ns = rules[0].health.fast_interval_ns = 3600000 * MS;
	rules[1] = rules[2] = rules[0];
	rules[1].qname = (const uint8_t *)"\1a\4test";
	rules[1].qname_len = 8;
	rules[1].qtype = 6;
	rules[1].qname_is_default = false;
	rules[2].health.fall = 1;
	params.watch.n_rules = 3;
	params.watch.rules_of = rules_of;
	begin(3);
	memset(rules, 0xee, sizeof rules); /* they are copied */
	for (int i = 0; i < 3; i++) {
		struct order o = next_order();

		messages[o.order.server] = o.order.message;
		cr_expect_eq(o.order.message_len, o.order.server == 1 ? 24 : 17);
		cr_expect_eq(o.order.name_len, o.order.server == 1 ? 8 : 1);
		report(&o, PROBE_ANSWERED, RCODE_REFUSED);
	}
	cr_expect_arr_eq(messages[1] + 12, question, 12);
	cr_expect_arr_eq(messages[0] + 12, "\0\0\2\0\1", 5);
	cr_expect_eq(messages[0], messages[2]);
	cr_expect_neq(messages[0], messages[1]);
	while (!strstr(logged(), "it answers \"a.test. SOA\" with REFUSED"))
		;
	end();
}
