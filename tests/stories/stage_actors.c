/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What was sent meets the road, the server and its habits; what was answered meets its client. All
 * of it that a story can tell becomes a happening. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stories/stage.h"
#include "wire/text.h"

/* ---- happenings --------------------------------------------------------------------------------- */

static uint8_t *copy_of(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	return memcpy(copy, data, len);
}

static struct happening *add(struct stage *s, const struct happening *h)
{
	char text[900];

	s->happenings = stage_grow(s->happenings, s->n_happenings, sizeof *s->happenings);
	s->happenings[s->n_happenings] = *h;
	stage_describe(s, h, text, sizeof text);
	stage_note(s, "%s", text);
	return &s->happenings[s->n_happenings++];
}

static const char *from_text(const struct stage *s, const struct happening *h)
{
	return h->from == STAGE_US ? "us" : s->servers[h->from].name;
}

void stage_describe(const struct stage *s, const struct happening *h, char *out, size_t size)
{
	char question[PACKET_TEXT_MAX], rcode[TEXT_RCODE_MAX], ede[24] = "";

	packet_question(&h->view, question);
	if (h->kind == HEARD) {
		snprintf(out, size, "%s hears %s%s%s%s", s->servers[h->who].name,
			h->is_probe ? "the probe " : "", question,
			h->by_fresh_socket ? " by a fresh socket" : "",
			s->n_workers > 1
				? h->worker == 0 ? " from worker 1" : " from another worker"
				: "");
		return;
	}
	if (h->view.ede >= 0)
		snprintf(ede, sizeof ede, " with EDE %d", h->view.ede);
	snprintf(out, size, "c%d gets %s from %s for %s%s%s%s%s%s", h->who,
		text_rcode(h->view.rcode, rcode), from_text(s, h), question, ede,
		h->view.flags & MESSAGE_TC ? " truncated" : "", h->reason ? " (" : "",
		h->reason ? h->reason : "", h->reason ? ")" : "");
}

struct happening *stage_open_happening(struct stage *s, size_t n)
{
	for (size_t i = s->first_open; i < s->n_happenings; i++) {
		if (!s->happenings[i].is_told && n-- == 0)
			return &s->happenings[i];
	}
	return NULL;
}

bool stage_pass(struct stage *s)
{
	struct happening *h;

	for (size_t i = 0; (h = stage_open_happening(s, i)); i++) {
		char text[900];

		if (!h->must_be_told)
			continue;
		stage_describe(s, h, text, sizeof text);
		return stage_fail(
			s, "nothing that was not told", "at %g ms %s", stage_ms(s, h->at_ns), text);
	}
	s->first_open = s->n_happenings;
	return true;
}

/* ---- servers ------------------------------------------------------------------------------------ */

void stage_send_reply(struct stage *s, struct happening *h, int as, const uint8_t *data, size_t len,
	int64_t delay_ns)
{
	const struct addr from = stage_server_address(as);

	stage_later(s, s->now_ns + delay_ns, h->worker, h->socket, h->generation, &from, data, len);
}

static bool is_lost(struct stage *s, const struct stage_server *server)
{
	return server->loss_percent > 0 &&
	       rng_below(&s->rng, 100000) < (uint32_t)(server->loss_percent * 1000);
}

static void act(struct stage *s, struct happening *h, const struct habit *habit)
{
	struct packet reply;

	if (habit->temper != TEMPER_ANSWERS)
		return;
	packet_make_reply(h->data, h->len, &habit->reply, s->servers[h->who].name, &reply);
	for (unsigned i = 0; i < habit->copies; i++)
		stage_send_reply(s, h, habit->as == -1 ? h->who : habit->as, reply.data, reply.len,
			habit->delay_ns);
}

/* What the server does with it: the last exception for the name, or its habit. */
static const struct habit *habit_for(const struct stage *s, const struct happening *h)
{
	const struct stage_server *server = &s->servers[h->who];
	size_t len = strlen(h->view.name);

	if (h->is_probe)
		return &server->to_probes;
	for (unsigned i = s->n_exceptions; i-- > 0;) {
		const char *suffix = s->exceptions[i].suffix;
		size_t suffix_len = strlen(suffix);

		if (suffix_len <= len && strcasecmp(h->view.name + len - suffix_len, suffix) == 0)
			return &s->exceptions[i].habit;
	}
	return &server->to_queries;
}

/* Whether it gets as far as the server. */
static bool travels(
	struct stage_worker *w, struct stage_server *server, uint16_t socket, uint64_t ref)
{
	struct stage *s = w->stage;
	static const enum errand_kind errands[] = {
		[ROAD_UNREACHABLE] = ERRAND_SEND_FAILED,
		[ROAD_CLOSED] = ERRAND_SOCKET_FAILED,
		[ROAD_NO_ROOM] = ERRAND_NO_ROOM,
	};

	if (server->road != ROAD_OPEN) {
		stage_note(s, "%s cannot be reached", server->name);
		stage_errand(s, &(struct errand){ .kind = errands[server->road],
					.worker = w->number,
					.socket = socket,
					.ref = ref });
		return false;
	}
	return !w->is_dead[socket] && !is_lost(s, server);
}

/* For whom this is sent: false for a client with a name, true for a probe or a crowd's query. */
static bool is_for_the_crowd(struct stage_worker *w, uint64_t ref, bool *is_probe_out)
{
	unsigned i;
	struct pending *p = pending_from_ref(w->shard, ref, &i);

	*is_probe_out = p && p->kind == PENDING_PROBE;
	return p && p->kind == PENDING_QUERY && crowd_is(&p->origin.client);
}

void stage_sent(
	struct stage_worker *w, uint16_t socket, const uint8_t *data, size_t len, uint64_t ref)
{
	struct stage *s = w->stage;
	unsigned who = w->machine->sockets[socket].server;
	struct stage_server *server = &s->servers[who];
	bool is_probe, is_crowd = is_for_the_crowd(w, ref, &is_probe);

	if (!w->machine->sockets[socket].is_open)
		stage_fail(s, NULL, "something is sent by a socket that is closed");
	if (!travels(w, server, socket, ref))
		return;
	struct happening h = {
		.kind = HEARD,
		.at_ns = s->now_ns,
		.who = (int)who,
		.worker = w->number,
		.socket = socket,
		.generation = w->generation[socket],
		.is_probe = is_probe,
		.by_fresh_socket = is_probe && w->is_fresh[socket],
		.data = copy_of(data, len),
		.len = len,
	};
	server->n_heard += !is_probe;
	packet_look(data, len, &h.view);
	const struct habit *habit = habit_for(s, &h);
	h.is_waiting = habit->temper == TEMPER_WAITS;
	h.must_be_told = h.is_waiting && !is_probe;
	act(s, &h, habit);
	if (s->heard && !is_probe)
		s->heard(s, &h,
			habit->temper == TEMPER_ANSWERS ? s->now_ns + habit->delay_ns : INT64_MAX);
	if (is_crowd)
		free(h.data);
	else
		add(s, &h);
}

/* ---- clients ------------------------------------------------------------------------------------ */

/* What this answers; an ID may be used more than once, for different questions. */
static struct ask *find_ask(struct stage *s, int client, const struct packet_view *v)
{
	struct ask *found = NULL;

	for (size_t i = s->n_asks; i-- > 0;) {
		struct ask *ask = &s->asks[i];
		char type[TEXT_TYPE_MAX];

		if (ask->client != client || ask->id != v->id || ask->query.opcode != v->opcode)
			continue;
		if (v->n_questions == 0 ||
			(ask->name && strcasecmp(ask->name, v->name) == 0 &&
				strcmp(text_rrtype(ask->query.type, type), v->type) == 0))
			return ask->n_answers < ask->n_datagrams ? ask : (found = ask);
	}
	return found;
}

void stage_answered(struct stage_worker *w, const struct origin *o, const uint8_t *data, size_t len)
{
	struct stage *s = w->stage;
	struct happening h = { .kind = GOT,
		.at_ns = s->now_ns,
		.who = o->client.ip[2],
		.must_be_told = true,
		.from = STAGE_US,
		.worker = w->number };

	s->n_answers++;
	if (crowd_answered(s, &o->client, data, len))
		return;
	packet_look(data, len, &h.view);
	struct ask *ask = find_ask(s, h.who, &h.view);
	if (!ask || !(h.view.flags & MESSAGE_QR)) {
		stage_fail(s, NULL, "c%d gets an answer to nothing it asked", h.who);
		return;
	}
	ask->n_answers++;
	if (s->answered)
		s->answered(s, (size_t)(ask - s->asks));
	if (h.view.server[0])
		h.from = stage_server(s, h.view.server);
	h.data = copy_of(data, len);
	h.len = len;
	add(s, &h);
}

/* The answer that was just given is explained, and what -v would tell of it must be true. */
static void explain(struct stage *s, const struct worker_event *e)
{
	struct happening *h = &s->happenings[s->n_happenings - 1];

	if (s->n_happenings == 0 || h->kind != GOT || h->at_ns != s->now_ns)
		return;
	if (h->view.server[0] == '\0')
		h->from = e->kind == WORKER_EVENT_ANSWERED ? e->server : STAGE_US;
	else if (e->kind == WORKER_EVENT_ANSWERED && e->server != h->from)
		stage_fail(s, NULL, "the trace says that %s answered, but it was %s",
			s->servers[e->server].name, from_text(s, h));
	h->reason = e->reason;
	if (e->reason)
		stage_note(s, "  because: %s", e->reason);
}

void stage_traced(struct stage_worker *w, const struct worker_event *e)
{
	struct stage *s = w->stage;

	if (crowd_is(&e->origin->client))
		return;
	if (s->traced)
		s->traced(s, e);
	switch (e->kind) {
	case WORKER_EVENT_ANSWERED:
	case WORKER_EVENT_SELF:
		explain(s, e);
		break;
	case WORKER_EVENT_SILENCE:
		stage_note(s, "c%d gets no answer: %s", e->origin->client.ip[2], e->reason);
		break;
	default:
		break;
	}
}
