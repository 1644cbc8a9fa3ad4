/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is on its way to us: a heap by time, and by order of sending among what comes at one time. */
#include <stdlib.h>
#include <string.h>

#include "stories/stage.h"

struct delivery {
	int64_t at_ns;
	uint64_t sequence;
	unsigned worker;
	uint16_t socket;
	uint32_t generation;
	struct addr from;
	uint8_t *data;
	size_t len;
};

static bool is_before(const struct delivery *a, const struct delivery *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void swap(struct delivery *a, struct delivery *b)
{
	struct delivery t = *a;

	*a = *b;
	*b = t;
}

static void sift_up(struct stage *s, size_t i)
{
	while (i > 0 && is_before(&s->deliveries[i], &s->deliveries[(i - 1) / 2])) {
		swap(&s->deliveries[i], &s->deliveries[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct stage *s)
{
	size_t i = 0;

	for (;;) {
		size_t first = i, left = 2 * i + 1, right = left + 1;

		if (left < s->n_deliveries &&
			is_before(&s->deliveries[left], &s->deliveries[first]))
			first = left;
		if (right < s->n_deliveries &&
			is_before(&s->deliveries[right], &s->deliveries[first]))
			first = right;
		if (first == i)
			return;
		swap(&s->deliveries[i], &s->deliveries[first]);
		i = first;
	}
}

void stage_later(struct stage *s, int64_t at_ns, unsigned worker, uint16_t socket,
	uint32_t generation, const struct addr *from, const uint8_t *data, size_t len)
{
	if (s->n_deliveries == s->deliveries_size) {
		s->deliveries_size = s->deliveries_size ? 2 * s->deliveries_size : 64;
		s->deliveries = realloc(s->deliveries, s->deliveries_size * sizeof *s->deliveries);
	}
	struct delivery *d = &s->deliveries[s->n_deliveries++];
	*d = (struct delivery){
		.at_ns = at_ns,
		.sequence = s->n_sequence++,
		.worker = worker,
		.socket = socket,
		.generation = generation,
		.from = *from,
		/* As long as the message, so that a read beyond it is one beyond the block; only where
		 * the worker makes a reply anew there is the room that it may count on. */
		.data = malloc(
			len > REPLY_SELF_MAX || (len > 5 && data[5] > 0) ? len : REPLY_SELF_MAX),
		.len = len,
	};
	memcpy(d->data, data, len);
	sift_up(s, s->n_deliveries - 1);
}

int64_t stage_delivery_ns(const struct stage *s)
{
	return s->n_deliveries > 0 ? s->deliveries[0].at_ns : INT64_MAX;
}

void stage_deliver(struct stage *s)
{
	struct delivery d = s->deliveries[0];
	struct stage_worker *w = &s->workers[d.worker];

	s->deliveries[0] = s->deliveries[--s->n_deliveries];
	sift_down(s);
	if (w->generation[d.socket] == d.generation && !w->is_dead[d.socket]) {
		struct worker_reply r = {
			.data = d.data, .len = d.len, .from = d.from, .socket = d.socket
		};
		worker_replies(w->machine, s->now_ns, &r, 1);
		stage_settle(s);
	}
	free(d.data);
}

void stage_network_close(struct stage *s)
{
	for (size_t i = 0; i < s->n_deliveries; i++)
		free(s->deliveries[i].data);
	free(s->deliveries);
}
