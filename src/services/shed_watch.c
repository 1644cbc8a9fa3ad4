/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "services/shed_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t n_shed(const uint64_t now[METRIC_COUNT], const uint64_t before[METRIC_COUNT])
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		if (metric_rows[i].kind == METRIC_KIND_SHED)
			n += now[i] - before[i];
	}
	return n;
}

/* "WORDS: 12 (shed_fair 10, shed_queue 2)" */
static void write_text(const char *words, const uint64_t now[METRIC_COUNT],
	const uint64_t before[METRIC_COUNT], char *out, size_t size)
{
	const char *between = " (";
	FILE *text = fmemopen(out, size, "w");

	out[0] = '\0';
	if (!text)
		return;
	fprintf(text, "%s: %" PRIu64, words, n_shed(now, before));
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		if (metric_rows[i].kind != METRIC_KIND_SHED || now[i] == before[i])
			continue;
		fprintf(text, "%s%s %" PRIu64, between, metric_rows[i].name, now[i] - before[i]);
		between = ", ";
	}
	fputs(")", text);
	fclose(text);
}

static enum shed_news begin(struct shed_watch *w)
{
	w->is_shedding = true;
	memcpy(w->began, w->seen, sizeof w->began);
	return SHED_BEGINS;
}

static enum shed_news news(
	struct shed_watch *w, const uint64_t counts[METRIC_COUNT], int64_t now_ns)
{
	if (n_shed(counts, w->seen) > 0) {
		w->last_ns = now_ns;
		if (!w->is_shedding)
			return begin(w);
	}
	if (!w->is_shedding)
		return SHED_NO_NEWS;
	if (now_ns - w->last_ns >= SHED_WATCH_PERIOD_NS) {
		w->is_shedding = false;
		return SHED_ENDS;
	}
	return now_ns >= w->tell_ns && n_shed(counts, w->told) > 0 ? SHED_GOES_ON : SHED_NO_NEWS;
}

enum shed_news shed_watch_look(struct shed_watch *w, const uint64_t counts[METRIC_COUNT],
	int64_t now_ns, char *text_out, size_t size)
{
	enum shed_news found = news(w, counts, now_ns);

	switch (found) {
	case SHED_NO_NEWS:
		break;
	case SHED_BEGINS:
		write_text("overloaded; queries shed", counts, w->told, text_out, size);
		break;
	case SHED_GOES_ON:
		write_text(
			"still overloaded; queries shed of late", counts, w->told, text_out, size);
		break;
	case SHED_ENDS:
		write_text("no longer overloaded, for a minute; queries shed in all", counts,
			w->began, text_out, size);
		break;
	}
	if (found != SHED_NO_NEWS) {
		memcpy(w->told, counts, sizeof w->told);
		w->tell_ns = now_ns + SHED_WATCH_PERIOD_NS;
	}
	memcpy(w->seen, counts, sizeof w->seen);
	return found;
}
