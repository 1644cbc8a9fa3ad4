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

static void on_tell(void *ctx, const struct watch_event *event)
{
	struct stage *s = ctx;
	char text[WATCH_TEXT_MAX];

	watch_event_text(event, s->pool, s->probe_text, text, sizeof text);
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

static void make_probe(struct stage *s)
{
	char type[TEXT_TYPE_MAX];

	packet_make_query(
		&(struct packet_query){
			.name = s->config.health_qname,
			.type = s->config.health_qtype,
			.class = CLASS_IN,
			.flags = MESSAGE_RD,
			.n_questions = 1,
		},
		&s->probe);
	snprintf(s->probe_text, sizeof s->probe_text, "%.250s %s", s->config.health_qname,
		text_rrtype(s->config.health_qtype, type));
}

bool stage_watch_open(struct stage *s, uint64_t seed)
{
	struct watch_params params = plan_prober(&s->config).watch;

	make_probe(s);
	stage_seed(&s->watch_rng, seed, 100);
	params.pool = s->pool;
	params.n_workers = s->n_workers;
	params.message = s->probe.data;
	params.message_len = (uint16_t)s->probe.len;
	params.name_len = (uint16_t)s->config.health_qname_len;
	if (watch_new(&params, &ops, s, &s->watch_rng, s->now_ns, &s->watch) < 0)
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
	for (size_t i = 0; i < s->n_log; i++)
		free(s->log[i].text);
	free(s->log);
}
