/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of budgets: what a retry or hedge must leave, who owes, and when no token comes back. Each
 * budget holds 100 tokens here, and gains next to nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/worker.h"
#include "core/world.h"

static struct world *w;
static unsigned n_asked;

static struct world_params params(unsigned attempts)
{
	struct world_params p = world_defaults();

	p.n_servers = 3;
	p.worker.attempts = attempts;
	p.worker.retry_budget_percent = 0;
	p.worker.n_workers = 1000; /* who share ten a second */
	p.worker.silent_limit = 0; /* silence makes no suspect */
	return p;
}

static void begin(const struct world_params *p)
{
	w = world_new(p);
	n_asked = 0;
}

static void finish(void)
{
	if (w)
		world_finish(&w);
}

TestSuite(worker_payment, .fini = finish);

/* n queries, each in a domain of its own, so that nobody comes to owe. */
static void ask(unsigned n)
{
	for (unsigned i = 0; i < n; i++, n_asked++) {
		char name[40];

		snprintf(name, sizeof name, "www.d%u.example", n_asked);
		world_query(w, name, A, (uint16_t)n_asked, 1);
	}
}

Test(worker_payment, a_first_retry_leaves_a_quarter)
{
	const struct world_params p = params(2);

	begin(&p);
	ask(120);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 75);
	world_expect_metric(w, retries_denied, 45);
}

Test(worker_payment, after_an_attempt_at_a_server_in_doubt_all_may_be_used)
{
	for (int is_down = 0; is_down < 2; is_down++) {
		const struct world_params p = params(2);

		begin(&p);
		ask(120);
		for (size_t s = 0; s < p.n_servers; s++) {
			if (is_down)
				world_server_state(w, s, SERVER_DOWN);
			else
				atomic_store(&w->pool->servers[s].is_suspect, true);
		}
		world_advance_ms(w, 760);
		world_expect_metric(w, retries, 100);
		world_expect_metric(w, retries_denied, 20);
		if (!is_down)
			world_finish(&w);
	}
}

Test(worker_payment, a_second_retry_leaves_half)
{
	const struct world_params p = params(3);

	begin(&p);
	ask(40);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 40);
	world_advance_ms(w, 750);
	world_expect_metric(w, retries, 50);
	world_expect_metric(w, retries_denied, 30);
}

Test(worker_payment, a_hedge_leaves_half)
{
	struct world_params p = params(2);

	p.worker.hedge_percent = 50;
	begin(&p);
	ask(40);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 40);
	pool_set_hedge_delay(w->pool, 5000);
	ask(40);
	world_advance_ms(w, 6);
	world_expect_metric(w, hedges, 10);
	world_expect_metric(w, hedges_denied, 30);
}

/* All were down, and their answers come at once: what they paid is not there for the next. */
Test(worker_payment, no_token_comes_back_while_servers_are_just_back)
{
	const struct world_params p = params(2);

	begin(&p);
	for (size_t s = 0; s < p.n_servers; s++)
		world_server_state(w, s, SERVER_DOWN);
	ask(100);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 100);
	for (size_t i = 100; i < 200; i++) {
		struct message m = world_make_reply(&w->sent[i], RCODE_NOERROR);

		world_deliver(w, &w->sent[i], &m);
	}
	world_expect_metric(w, answered_server, 100);
	ask(20);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 100);
	world_expect_metric(w, retries_denied, 20);
}

/* ---- who is known ------------------------------------------------------------------------------ */

/* n queries below the same domain. */
static void ask_below(unsigned domain, unsigned n)
{
	for (unsigned i = 0; i < n; i++, n_asked++) {
		char name[40];

		snprintf(name, sizeof name, "n%u.good%u.example", n_asked, domain);
		world_query(w, name, A, (uint16_t)n_asked, 1);
	}
}

/* Each at once. */
static void be_answered(unsigned domain, unsigned n)
{
	while (n-- > 0) {
		ask_below(domain, 1);
		world_reply(w, RCODE_NOERROR);
	}
}

static void all_suspect(void)
{
	for (size_t s = 0; s < w->pool->n_servers; s++)
		atomic_store(&w->pool->servers[s].is_suspect, true);
}

/* Others have taken what they could, and domains 0 to n - 1 were answered k times each. */
static void only_the_last_quarter_is_left(unsigned n_domains, unsigned n_answers, bool is_in_doubt)
{
	const struct world_params p = params(2);

	begin(&p);
	ask(30);
	world_advance_ms(w, 760);
	for (unsigned i = 0; i < n_domains; i++)
		be_answered(i, n_answers);
	if (is_in_doubt)
		all_suspect();
	ask(100);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 75);
	world_expect_metric(w, retries_denied, 55);
}

Test(worker_payment, the_last_quarter_is_for_domains_that_were_answered)
{
	for (int is_in_doubt = 0; is_in_doubt < 2; is_in_doubt++) {
		only_the_last_quarter_is_left(3, 10, is_in_doubt);
		for (unsigned i = 0; i < 4; i++)
			ask_below(i, 10);
		world_advance_ms(w, 760);
		world_expect_metric(w, retries, 100);
		world_expect_metric(w, retries_denied, 70);
		finish();
	}
}

Test(worker_payment, an_answer_is_worth_one_retry_from_it)
{
	only_the_last_quarter_is_left(2, 3, true);
	ask_below(0, 5);
	ask_below(2, 5);
	ask_below(1, 3);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 75 + 3 + 3);
	be_answered(0, 1);
	ask_below(0, 5);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 75 + 3 + 3 + 1);
}

/* The token comes back with the answer, and so does what entitles to it. */
Test(worker_payment, who_is_answered_never_lacks_it)
{
	only_the_last_quarter_is_left(1, 1, false);
	for (int i = 0; i < 100; i++) {
		ask_below(0, 1);
		world_advance_ms(w, 760);
		world_reply(w, RCODE_NOERROR);
	}
	world_expect_metric(w, retries, 75 + 100);
	world_expect_metric(w, answered_server, 1 + 100);
}

Test(worker_payment, who_owes_is_not_helped_by_answers)
{
	only_the_last_quarter_is_left(1, 100, true);
	ask_below(0, 25);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 75 + 16);
}

/* Nobody was answered for a minute: there is nobody to leave anything for. */
Test(worker_payment, where_nobody_is_answered_all_may_be_used)
{
	only_the_last_quarter_is_left(1, 10, true);
	world_advance_ms(w, 61 * 1000);
	all_suspect();
	ask(30);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 100);
}

/* While the budget is full nobody is remembered. */
Test(worker_payment, answers_in_good_times_cost_nothing)
{
	const struct world_params p = params(2);

	begin(&p);
	be_answered(0, 10);
	cr_expect_not(known_any(&w->worker->known));
	ask(26);
	world_advance_ms(w, 760);
	be_answered(0, 1);
	cr_expect(known_any(&w->worker->known));
}

Test(worker_payment, a_second_retry_of_who_is_known_leaves_a_quarter)
{
	const struct world_params p = params(3);

	begin(&p);
	ask(30);
	world_advance_ms(w, 760);
	for (unsigned i = 0; i < 4; i++)
		be_answered(i, 20);
	world_advance_ms(w, 3000); /* the second retries of the thirty: 20 */
	world_expect_metric(w, retries, 50);
	for (unsigned i = 0; i < 4; i++)
		ask_below(i, 4);
	ask(4);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 50 + 16 + 4);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 75);
}

/* Answers SERVFAIL for as long as it is asked. */
static void fail_below(int domain, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		size_t before = w->n_sent;

		if (domain < 0)
			ask(1);
		else
			ask_below((unsigned)domain, 1);
		for (; before < w->n_sent; before++)
			world_reply(w, RCODE_SERVFAIL);
	}
}

Test(worker_payment, nor_do_bad_rcodes_take_the_last_quarter)
{
	const struct world_params p = params(2);

	begin(&p);
	fail_below(-1, 30);
	be_answered(0, 10);
	fail_below(-1, 100);
	world_expect_metric(w, retries, 75);
	world_expect_metric(w, retries_denied, 55);
	fail_below(1, 10);
	world_expect_metric(w, retries, 75);
	fail_below(0, 12);
	world_expect_metric(w, retries, 75 + 10);
}

/* ---- who owes ---------------------------------------------------------------------------------- */

static void ask_from(const uint8_t prefix[8], unsigned n, uint16_t first_id)
{
	for (unsigned i = 0; i < n; i++) {
		char name[40];
		struct message m;
		struct datagram *d = calloc(1, sizeof *d + sizeof m.data);

		cr_assert_not_null(d);
		snprintf(name, sizeof name, "n%u.broken.example", i);
		m = message_query(name, A, (uint16_t)(first_id + i));
		d->origin.client = (struct addr){ .family = AF_INET6, .port = 4000 };
		memcpy(d->origin.client.ip, prefix, 8);
		d->origin.client.ip[15] = (uint8_t)(i + 1);
		d->arrival_ns = w->now_ns;
		d->len = (uint16_t)m.len;
		memcpy(d->data, m.data, m.len);
		w->n_fed++;
		worker_take(w->worker, w->now_ns, &d, 1);
		free(d);
	}
}

/* Sixteen retries in vain make it owe, and who owes leaves three quarters. */
Test(worker_payment, an_ipv6_customer_is_a_56)
{
	static const uint8_t customer[8] = { 0x20, 1, 0xd, 0xb8, 0, 1, 7, 1 };
	static const uint8_t same[8] = { 0x20, 1, 0xd, 0xb8, 0, 1, 7, 0xff };
	static const uint8_t other[8] = { 0x20, 1, 0xd, 0xb8, 0, 1, 8, 1 };
	const struct world_params p = params(2);

	begin(&p);
	ask_from(customer, 30, 100);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 25);
	ask_from(same, 5, 200);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 25);
	ask_from(other, 5, 300);
	world_advance_ms(w, 760);
	world_expect_metric(w, retries, 30);
}
