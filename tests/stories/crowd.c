/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Clients by the thousand, of whom only figures are told. The number of a question is in its
 * client's address and its ID, so that its answer is found again. The crowd lives in 240 prefixes
 * of 10/8, the flood in the single 11.0.0/24. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "stories/stage.h"

enum { PREFIXES = 240, CROWD_NET = 10, FLOOD_NET = 11, FIRST_PORT = 20000 };

static struct addr address_of(int which, size_t n)
{
	struct addr a = { .ip = { CROWD_NET, 0, 0, 1 }, .port = FIRST_PORT, .family = AF_INET };

	if (which == CROWD_ONE) {
		a.ip[0] = FLOOD_NET;
		a.port = (uint16_t)(FIRST_PORT + n / 65536);
	} else {
		a.ip[2] = (uint8_t)(n % PREFIXES);
	}
	return a;
}

static uint16_t id_of(int which, size_t n)
{
	return (uint16_t)(which == CROWD_ONE ? n : n / PREFIXES);
}

static size_t number_of(const struct addr *a, uint16_t id)
{
	if (a->ip[0] == FLOOD_NET)
		return (size_t)(a->port - FIRST_PORT) * 65536 + id;
	return (size_t)id * PREFIXES + a->ip[2];
}

bool crowd_is(const struct addr *client)
{
	return client->ip[0] == CROWD_NET || client->ip[0] == FLOOD_NET;
}

void crowd_ask(struct stage *s, int which, const char *name, uint16_t type, unsigned worker)
{
	struct crowd *c = &s->crowds[which];
	size_t n = c->n_asks++;
	char text[300];
	const char *star = strchr(name, '*');
	struct packet p;

	if (c->n_asks > c->size) {
		c->size = c->size ? 2 * c->size : 1024;
		c->asks = realloc(c->asks, c->size * sizeof *c->asks);
	}
	c->asks[n] = (struct crowd_ask){ .at_ns = s->now_ns };
	if (star)
		snprintf(text, sizeof text, "%.*s%llu%s", (int)(star - name), name,
			(unsigned long long)s->n_crowd_names++, star + 1);
	else
		snprintf(text, sizeof text, "%s", name);
	packet_make_query(
		&(struct packet_query){
			.name = text,
			.type = type,
			.class = CLASS_IN,
			.id = id_of(which, n),
			.flags = MESSAGE_RD,
			.n_questions = 1,
		},
		&p);
	const struct addr client = address_of(which, n);
	stage_feed(s, worker, &client, p.data, p.len, 0);
}

bool crowd_answered(struct stage *s, const struct addr *client, const uint8_t *data, size_t len)
{
	struct packet_view v;

	if (!crowd_is(client))
		return false;
	struct crowd *c = &s->crowds[client->ip[0] == FLOOD_NET ? CROWD_ONE : CROWD_MANY];
	packet_look(data, len, &v);
	size_t n = number_of(client, v.id);
	if (n >= c->n_asks || c->asks[n].is_answered) {
		stage_fail(s, NULL,
			"one of the crowd gets a second answer, or one to nothing it asked");
		return true;
	}
	c->asks[n].is_answered = true;
	if (n < c->since)
		return true;
	c->n_rcode[v.rcode]++;
	int from = v.server[0] ? stage_server(s, v.server) : -1;
	if (from >= 0)
		c->n_from[from]++;
	else
		c->n_by_us++;
	if (s->now_ns - c->asks[n].at_ns > c->slowest_ns)
		c->slowest_ns = s->now_ns - c->asks[n].at_ns;
	return true;
}

/* ---- loads -------------------------------------------------------------------------------------- */

bool crowd_start(struct stage *s, const struct load *load)
{
	for (int i = 0; i < LOADS_MAX; i++) {
		if (!s->loads[i].is_running) {
			free(s->loads[i].name);
			s->loads[i] = *load;
			s->loads[i].is_running = true;
			return true;
		}
	}
	return false;
}

static struct load *next_load(const struct stage *s)
{
	const struct load *next = NULL;

	for (int i = 0; i < LOADS_MAX; i++) {
		const struct load *l = &s->loads[i];

		if (l->is_running && (!next || l->next_ns < next->next_ns))
			next = l;
	}
	return (struct load *)next;
}

int64_t crowd_next_ns(const struct stage *s)
{
	const struct load *l = next_load(s);

	return l ? l->next_ns : INT64_MAX;
}

void crowd_run(struct stage *s)
{
	struct load *l = next_load(s);

	l->next_ns += l->every_ns;
	if (l->next_ns >= l->until_ns)
		l->is_running = false;
	crowd_ask(s, l->which, l->name, l->type, (unsigned)(s->n_crowd_names % s->n_workers));
}

void crowd_stop(struct stage *s)
{
	for (int i = 0; i < LOADS_MAX; i++)
		s->loads[i].is_running = false;
}

void crowd_close(struct stage *s)
{
	for (int i = 0; i < LOADS_MAX; i++)
		free(s->loads[i].name);
	for (int i = 0; i < CROWDS; i++)
		free(s->crowds[i].asks);
}
