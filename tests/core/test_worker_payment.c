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
