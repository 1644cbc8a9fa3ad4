/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A million queries over virtual hours: clients, servers and time act in random order, replies come
 * late, twice, forged or never, sends fail, servers go and come, sockets are replaced. Whatever
 * happens, every query ends exactly once and nothing leaks. The seed is printed; to repeat a run,
 * set WORLD_SEED to it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/worker.h"
#include "core/world.h"

enum { N_QUERIES = 1000000, OUT_MAX = 256 };

struct story {
	struct world *w;
	struct rng rng;
	uint32_t serial;
	uint64_t n_answered; /* by the world's count */
	size_t n_out;
	struct out {
		struct message reply; /* what a server will say */
		struct world_sent sent;
	} * out;
};

static uint32_t seed_of_run(void)
{
	const char *text = getenv("WORLD_SEED");
	struct rng rng;

	if (text)
		return (uint32_t)strtoul(text, NULL, 10);
	rng_init(&rng);
	return rng_u32(&rng);
}

/* What was sent becomes a reply to come; what was answered is counted. */
static void collect(struct story *s)
{
	struct world *w = s->w;

	for (size_t i = 0; i < w->n_sent; i++) {
		struct out
			*o = &s->out[s->n_out < OUT_MAX ? s->n_out++ : rng_below(&s->rng, OUT_MAX)];
		o->sent = w->sent[i];
		o->reply = world_make_reply(&w->sent[i], rng_below(&s->rng, 6));
	}
	s->n_answered += w->n_answers;
	world_forget(w);
}

static void ask(struct story *s)
{
	/* few names and IDs, so that some meet */
	char name[32];
	snprintf(name, sizeof name, "n%u.example", rng_below(&s->rng, 4));
	struct message m = message_query(
		name, (uint16_t)(1 + rng_below(&s->rng, 2)), (uint16_t)rng_below(&s->rng, 16));

	switch (rng_below(&s->rng, 16)) {
	case 0:
		message_opt(&m, 1232, 0, NULL, 0);
		break;
	case 1:
		message_tsig(&m);
		break;
	case 2:
		message_pad(&m, 100 + rng_below(&s->rng, 800));
		break;
	case 3:
		message_opcode(&m, rng_below(&s->rng, 16));
		break;
	case 4:
		m.len = rng_below(&s->rng, (uint32_t)m.len);
		break;
	}
	int64_t delay_us = rng_below(&s->rng, 30) == 0 ? 4000000 : rng_below(&s->rng, 30000);
	world_take_delayed(s->w, &m, 1 + rng_below(&s->rng, 20), delay_us);
}

static void reply(struct story *s)
{
	if (s->n_out == 0)
		return;
	size_t i = rng_below(&s->rng, (uint32_t)s->n_out);
	struct out *o = &s->out[i];
	uint32_t fate = rng_below(&s->rng, 20);

	if (fate == 0) { /* forged: the true one may still come */
		struct message m = o->reply;
		m.data[rng_below(&s->rng, 12)] ^= (uint8_t)(1 + rng_below(&s->rng, 255));
		world_deliver(s->w, &o->sent, &m);
		return;
	}
	if (fate == 1) {
		if (rng_below(&s->rng, 2) == 0)
			world_send_failed(s->w, &o->sent);
		else
			world_send_no_room(s->w, &o->sent);
		return;
	}
	if (fate != 2) /* else it is lost */
		world_deliver(s->w, &o->sent, &o->reply);
	if (fate == 3) /* twice */
		world_deliver(s->w, &o->sent, &o->reply);
	*o = s->out[--s->n_out];
}

static void probe(struct story *s)
{
	uint16_t server = (uint16_t)rng_below(&s->rng, 3);
	struct probe_order order = world_probe_order(server, s->serial++);

	order.is_fresh = rng_below(&s->rng, 2) == 0;
	uint16_t socket = WORKER_SOCKET_NONE;
	if (order.is_fresh)
		socket = worker_socket_add(s->w->worker, server, true);
	worker_probe(s->w->worker, s->w->now_ns, &order, socket,
		rng_below(&s->rng, 2) == 0 ? PROBE_UNREACHABLE : PROBE_NOT_SENT);
}

static void step(struct story *s)
{
	uint32_t what = rng_below(&s->rng, 1000);

	if (what < 480)
		ask(s);
	else if (what < 940)
		reply(s);
	else if (what < 990)
		world_advance_us(s->w, rng_below(&s->rng, 200000));
	else if (what < 995)
		world_server_state(s->w, rng_below(&s->rng, 3),
			rng_below(&s->rng, 2) == 0 ? SERVER_UP : SERVER_DOWN);
	else
		probe(s);
	collect(s);
}

static uint64_t sum_of_answers(const struct world *w)
{
	uint64_t sum = world_metric(w, METRIC_shed_answered);

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		if (metric_rows[i].kind == METRIC_KIND_ANSWERED)
			sum += world_metric(w, (enum metric_id)i);
	}
	return sum;
}

/* What a random run must have met to be worth anything. */
static const enum metric_id often[] = { METRIC_answered_server, METRIC_answered_formerr,
	METRIC_answered_notimp, METRIC_answered_deadline, METRIC_answered_unreachable,
	METRIC_shed_delay, METRIC_shed_limit, METRIC_merged, METRIC_replies_unmatched };

Test(worker_random, a_million_queries_leak_nothing, .timeout = 300)
{
	struct world_params p = world_defaults();
	uint32_t seed = seed_of_run();
	uint8_t bytes[RNG_SEED_BYTES] = { 0 };
	struct story s = { .out = calloc(OUT_MAX, sizeof *s.out) };

	cr_log_info("WORLD_SEED=%u", seed);
	memcpy(bytes, &seed, sizeof seed);
	rng_init_seed(&s.rng, bytes);
	p.n_servers = 3;
	p.max_outstanding = 30;
	p.pending_max = 70;
	p.worker.case_randomize = true;
	p.worker.on_overload = ON_OVERLOAD_REFUSED;
	s.w = world_new(&p);
	while (s.w->n_fed < N_QUERIES) {
		step(&s);
		if (s.w->n_fed % 4096 == 0)
			world_expect_balance(s.w);
	}
	worker_give_up(s.w->worker, s.w->now_ns);
	collect(&s);
	cr_expect_eq(s.n_answered, sum_of_answers(s.w), "seed %u", seed);
	for (size_t i = 0; i < sizeof often / sizeof often[0]; i++)
		cr_expect_gt(world_metric(s.w, often[i]), N_QUERIES / 500, "seed %u: %s %llu", seed,
			metric_rows[often[i]].name,
			(unsigned long long)world_metric(s.w, often[i]));
	world_finish(&s.w);
	free(s.out);
}
