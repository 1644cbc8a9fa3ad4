/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A group of a server may stand before that of all, so nothing is inherited while keys are read. */
#include "config/health.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "config/values.h"
#include "wire/name.h"

#define KEY_MAX 64
#define FOR_ALL (-1)

struct key {
	char text[KEY_MAX];
};

/* What messages call a key: "servers[2].health.fall". */
static struct key shown_key(int server, const char *key)
{
	struct key k;

	if (server == FOR_ALL)
		snprintf(k.text, sizeof k.text, "%s", key);
	else
		snprintf(k.text, sizeof k.text, "servers[%d].%s", server, key);
	return k;
}

/* The line that sets it, of that server alone or for all; 0: not written. */
static int line_of(const struct config_reading *r, int server, const char *key)
{
	struct key path;

	if (server == FOR_ALL)
		return config_reading_line(r, key);
	snprintf(path.text, sizeof path.text, "servers.[%d].%s", server, key);
	return config_reading_line(r, path.text);
}

static void inherit(struct config_reading *r, int server, struct config_health *h)
{
	const struct config_table *table = &config_server_table;

	for (size_t i = 0; i < table->n; i++) {
		const struct config_option *o = &table->rows[i];
		const size_t offset = o->offset - offsetof(struct config_server, health);

		if (o->inherits && line_of(r, server, o->key) == 0)
			config_value_copy(r, o, (char *)h + offset,
				(const char *)&r->config->health + offset);
	}
}

static void check_intervals(struct config_reading *r, int server, struct config_health *h)
{
	static const char fast[] = "health.fast_interval_ms", interval[] = "health.interval_ms";
	const int fast_line = line_of(r, server, fast);
	const int interval_line = line_of(r, server, interval);

	if (h->interval_ms == 0 || h->fast_interval_ms <= h->interval_ms)
		return; /* the 0 of what could not be read, or in order */
	if (fast_line == 0) {
		h->fast_interval_ms = h->interval_ms;
		return;
	}
	config_problem(&r->problems, config_reading_place(r, fast_line),
		shown_key(server, fast).text, "%d is more than %s, %d: lower it, or raise that",
		h->fast_interval_ms, shown_key(interval_line ? server : FOR_ALL, interval).text,
		h->interval_ms);
}

static void check_qname(struct config_reading *r, int server, struct config_health *h)
{
	static const char qname[] = "health.qname";
	const struct config_health *all = &r->config->health;
	const int line = line_of(r, server, qname);
	int len;

	h->qname_is_default = line == 0 && (server == FOR_ALL || all->qname_is_default);
	if (server != FOR_ALL && line == 0) {
		memcpy(h->qname_wire, all->qname_wire, sizeof h->qname_wire);
		h->qname_len = all->qname_len;
	} else if (!h->qname) {
		return; /* could not be read */
	} else if ((len = name_from_text(h->qname, h->qname_wire)) < 0) {
		config_problem(&r->problems, config_reading_place(r, line),
			shown_key(server, qname).text,
			"\"%s\" is not a domain name: expected one as example.com",
			config_show(h->qname, strlen(h->qname)).text);
	} else {
		h->qname_len = (size_t)len;
	}
}

void config_health_check(struct config_reading *r)
{
	struct config *c = r->config;

	check_intervals(r, FOR_ALL, &c->health);
	check_qname(r, FOR_ALL, &c->health);
	for (size_t i = 0; i < c->n_servers; i++) {
		struct config_health *h = c->server_health[i];

		if (!h)
			continue;
		inherit(r, (int)i, h);
		if (r->is_out_of_memory)
			return;
		check_intervals(r, (int)i, h);
		check_qname(r, (int)i, h);
	}
}
