/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The watch as the prober's thread would drive it, but with the stage's clock and luck. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/histogram.h"
#include "plan.h"
#include "stories/stage.h"
#include "wire/message.h"
#include "wire/text.h"

static bool on_order(void *ctx, unsigned worker, const struct probe_order *order)
{
	stage_errand(
		ctx, &(struct errand){ .kind = ERRAND_PROBE, .worker = worker, .order = *order });
	return true;
}

static const struct config_health *health_of(const struct stage *s, size_t server)
{
	const struct config_health *own = s->config.server_health[server];

	return own ? own : &s->config.health;
}

static void on_tell(void *ctx, const struct watch_event *event)
{
	struct stage *s = ctx;
	char text[WATCH_TEXT_MAX], probe[PACKET_TEXT_MAX], type[TEXT_TYPE_MAX];
	const struct config_health *health = health_of(s, event->server);

	snprintf(probe, sizeof probe, "%.250s %s", health->qname, text_rrtype(health->qtype, type));
	watch_event_text(event, s->pool, probe, text, sizeof text);
	s->log = stage_grow(s->log, s->n_log, sizeof *s->log);
	s->log[s->n_log++] = (struct log_line){ .at_ns = s->now_ns, .text = strdup(text) };
	stage_note(s, "logged: %s", text);
}

static void on_latency(void *ctx, size_t server, uint32_t *counts)
{
	const struct stage *s = ctx;

	for (unsigned i = 0; i < s->n_workers; i++)
		histogram_sum(&s->workers[i].latencies[server], counts);
}

static const struct watch_ops ops = {
	.order = on_order,
	.tell = on_tell,
	.latency = on_latency,
};

/* As the prober makes them, but with none of its code. */
static void make_probes(struct stage *s)
{
	struct watch_params *w = &s->prober.watch;
	struct probe_rules *rules = (struct probe_rules *)w->rules;

	for (size_t i = 0; i < s->n_servers; i++) {
		const struct config_health *health = health_of(s, i);
		size_t k = w->rules_of ? w->rules_of[i] : 0;

		packet_make_query(
			&(struct packet_query){
				.name = health->qname,
				.type = health->qtype,
				.class = CLASS_IN,
				.flags = MESSAGE_RD,
				.n_questions = 1,
			},
			&s->probes[k]);
		rules[k].message = s->probes[k].data;
		rules[k].message_len = (uint16_t)s->probes[k].len;
	}
}

bool stage_watch_open(struct stage *s, uint64_t seed)
{
	if (plan_prober(&s->config, &s->prober) < 0)
		abort();
	make_probes(s);
	stage_seed(&s->watch_rng, seed, 100);
	s->prober.watch.pool = s->pool;
	s->prober.watch.n_workers = s->n_workers;
	if (watch_new(&s->prober.watch, &ops, s, &s->watch_rng, s->now_ns, &s->watch) < 0)
		abort();
	if (!s->story->is_cold) {
		stage_run(s, s->now_ns); /* the first probes, which are answered at once */
		stage_pass(s);
		for (size_t i = 0; i < s->n_log; i++)
			s->log[i].is_told = true;
	}
	return true;
}

void stage_watch_close(struct stage *s)
{
	watch_free(&s->watch);
	plan_prober_free(&s->prober);
	for (size_t i = 0; i < s->n_log; i++)
		free(s->log[i].text);
	free(s->log);
}
