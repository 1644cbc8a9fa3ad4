/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pattern is short and so is a sentence: they are compared word by word, every time. */
#include "stories/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance/server.h"
#include "base/clock.h"
#include "base/metric.h"
#include "wire/message.h"
#include "wire/text.h"

bool words_cut(const char *sentence, struct words *w)
{
	char *rest = NULL;

	*w = (struct words){ .text = strdup(sentence) };
	for (char *word = strtok_r(w->text, " \t", &rest); word;
		word = strtok_r(NULL, " \t", &rest)) {
		size_t len = strlen(word);

		if (len > 1 && (word[len - 1] == ',' || word[len - 1] == ':'))
			word[len - 1] = '\0';
		if (w->n == WORDS_MAX)
			return false;
		w->word[w->n++] = word;
	}
	return true;
}

void words_free(struct words *w)
{
	free(w->text);
	*w = (struct words){ 0 };
}

/* ---- kinds -------------------------------------------------------------------------------------- */

struct reading {
	const struct words *w;
	size_t at; /* the word that is looked at; a kind may take more than one */
	const struct words_context *context;
	struct slot *slot;
};

static bool is_client(struct reading *r)
{
	char *end;

	if (r->slot->text[0] != 'c' || !isdigit((unsigned char)r->slot->text[1]))
		return false;
	r->slot->index = (int)strtol(r->slot->text + 1, &end, 10);
	return *end == '\0' && r->slot->index >= 1 && r->slot->index <= 250;
}

static bool is_server(struct reading *r)
{
	r->slot->index = r->context->server(r->context->ctx, r->slot->text);
	return r->slot->index >= 0;
}

static bool is_name(struct reading *r)
{
	size_t len = strlen(r->slot->text);

	return len > 0 && r->slot->text[len - 1] == '.';
}

static bool is_type(struct reading *r)
{
	uint16_t type;

	if (text_parse_rrtype(r->slot->text, &type) < 0)
		return false;
	r->slot->index = type;
	return true;
}

static bool is_rcode(struct reading *r)
{
	unsigned rcode;

	if (!isupper((unsigned char)r->slot->text[0]) ||
		text_parse_rcode(r->slot->text, &rcode) < 0)
		return false;
	r->slot->index = (int)rcode;
	return true;
}

static bool is_number(struct reading *r)
{
	char *end;

	r->slot->number = strtod(r->slot->text, &end);
	return end != r->slot->text && *end == '\0';
}

/* A unit behind the number is a word of its own, and may be left out: milliseconds. */
static bool is_time(struct reading *r)
{
	static const struct {
		const char *word;
		double ms;
	} units[] = { { "us", 0.001 }, { "ms", 1 }, { "s", 1000 }, { "minutes", 60000 } };
	double ms = 1;

	if (!is_number(r) || r->slot->number < 0)
		return false;
	if (r->at + 1 < r->w->n) {
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
			if (strcmp(r->w->word[r->at + 1], units[i].word) != 0)
				continue;
			ms = units[i].ms;
			r->at++;
			break;
		}
	}
	r->slot->ns = (int64_t)(r->slot->number * ms * CLOCK_NS_PER_MS + 0.5);
	return true;
}

static bool is_percent(struct reading *r)
{
	if (!is_number(r) || r->at + 1 >= r->w->n || strcmp(r->w->word[r->at + 1], "%") != 0)
		return false;
	r->at++;
	return true;
}

static bool is_counter(struct reading *r)
{
	for (int i = 0; i < METRIC_COUNT; i++) {
		if (strcmp(metric_rows[i].name, r->slot->text) == 0) {
			r->slot->index = i;
			return true;
		}
	}
	return false;
}

static bool is_server_counter(struct reading *r)
{
	for (int i = 0; i < SERVER_METRIC_COUNT; i++) {
		if (strcmp(server_metric_names[i], r->slot->text) == 0) {
			r->slot->index = i;
			return true;
		}
	}
	return false;
}

static bool is_state(struct reading *r)
{
	static const char *const names[] = {
		[SERVER_UNKNOWN] = "unknown",
		[SERVER_UP] = "up",
		[SERVER_DOWN] = "down",
		[SERVER_EJECTED] = "ejected",
	};

	for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++) {
		if (strcmp(names[i], r->slot->text) == 0) {
			r->slot->index = i;
			return true;
		}
	}
	return false;
}

static bool is_flag(struct reading *r)
{
	static const struct {
		const char *name;
		int flag;
	} flags[] = { { "RD", MESSAGE_RD }, { "CD", MESSAGE_CD }, { "AD", MESSAGE_AD },
		{ "AA", MESSAGE_AA }, { "TC", MESSAGE_TC } };

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (strcmp(flags[i].name, r->slot->text) == 0) {
			r->slot->index = flags[i].flag;
			return true;
		}
	}
	return false;
}

static bool is_word(struct reading *r)
{
	return r->slot->text[0] != '\0';
}

static const struct {
	const char *name;
	bool (*fits)(struct reading *r);
} kinds[] = {
	{ "CLIENT", is_client },
	{ "SERVER", is_server },
	{ "NAME", is_name },
	{ "TYPE", is_type },
	{ "RCODE", is_rcode },
	{ "NUMBER", is_number },
	{ "TIME", is_time },
	{ "PERCENT", is_percent },
	{ "COUNTER", is_counter },
	{ "SERVERCOUNTER", is_server_counter },
	{ "STATE", is_state },
	{ "FLAG", is_flag },
	{ "WORD", is_word },
};

static int kind_of(const char *word, size_t len)
{
	for (int i = 0; i < (int)(sizeof kinds / sizeof kinds[0]); i++) {
		if (strlen(kinds[i].name) == len && strncmp(kinds[i].name, word, len) == 0)
			return i;
	}
	return -1;
}

size_t words_match(const char *pattern, const struct words *w, size_t from,
	const struct words_context *context, struct slot slots[SLOTS_MAX])
{
	struct reading r = { .w = w, .at = from, .context = context };
	size_t n = 0;

	for (const char *p = pattern; *p; r.at++) {
		size_t len = strcspn(p, " ");

		if (r.at >= w->n)
			return 0;
		int kind = kind_of(p, len);
		if (kind >= 0) {
			r.slot = &slots[n++];
			*r.slot = (struct slot){ .text = w->word[r.at] };
			if (!kinds[kind].fits(&r))
				return 0;
		} else if (strlen(w->word[r.at]) != len || strncmp(w->word[r.at], p, len) != 0) {
			return 0;
		}
		p += len;
		p += strspn(p, " ");
	}
	return r.at;
}
