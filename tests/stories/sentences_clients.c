/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What clients ask, and what they get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stories/sentences.h"
#include "wire/message.h"

/* ---- asking ------------------------------------------------------------------------------------- */

static void read_query_clauses(const struct said *s, struct packet_query *q)
{
	for (size_t i = 0; i < s->n_clauses; i++) {
		const struct slot *v = s->clauses[i].slots;

		switch (s->clauses[i].id) {
		case CLAUSE_EDNS:
			q->edns_size = (uint16_t)v[0].number;
			break;
		case CLAUSE_DO:
			q->dnssec_ok = true;
			break;
		case CLAUSE_TSIG:
			q->is_signed = true;
			break;
		case CLAUSE_FLAG:
			q->flags |= (uint16_t)v[0].index;
			break;
		case CLAUSE_NO_FLAG:
			q->flags &= (uint16_t)~v[0].index;
			break;
		case CLAUSE_PADDED:
			q->pad_to = (size_t)v[0].number;
			break;
		case CLAUSE_CUT:
			q->cut_to = (size_t)v[0].number;
			break;
		case CLAUSE_OPCODE:
			q->opcode = (unsigned)v[0].number;
			break;
		case CLAUSE_CLASS:
			q->class = (uint16_t)v[0].number;
			break;
		case CLAUSE_ID:
			q->id = (uint16_t)v[0].number;
			break;
		case CLAUSE_RESPONSE:
			q->is_response = true;
			break;
		case CLAUSE_QUESTIONS:
			q->n_questions = (unsigned)v[0].number;
			if (q->n_questions == 0)
				q->name = NULL;
			break;
		}
	}
}

static unsigned worker_of(const struct said *s)
{
	const struct clause *c = said_clause(s, CLAUSE_WORKER);

	return c ? (unsigned)c->slots[0].number - 1 : 0;
}

static bool send_ask(struct said *s, struct ask *ask)
{
	struct stage *stage = s->stage;
	const struct clause *waited = said_clause(s, CLAUSE_WAITED);
	const struct addr client = stage_client_address(ask->client);
	struct packet p;

	if (ask->worker >= stage->n_workers)
		return stage_fail(stage, NULL, "there is no worker %u", ask->worker + 1);
	if (!packet_make_query(&ask->query, &p))
		return stage_fail(stage, NULL, "this is no name that can be asked");
	ask->n_datagrams++;
	stage_note(stage, "%s", s->sentence);
	stage_feed(stage, ask->worker, &client, p.data, p.len, waited ? waited->slots[0].ns : 0);
	return true;
}

static bool new_ask(struct said *s, struct packet_query *q)
{
	struct stage *stage = s->stage;

	q->id = stage->next_id++;
	q->n_questions = 1;
	if (q->class == 0)
		q->class = CLASS_IN;
	struct ask ask = { .client = s->slots[0].index, .worker = worker_of(s) };
	ask.name = q->name ? strdup(q->name) : NULL;
	q->name = ask.name;
	read_query_clauses(s, q);
	ask.query = *q;
	ask.id = q->id;
	stage->asks = stage_grow(stage->asks, stage->n_asks, sizeof *stage->asks);
	stage->asks[stage->n_asks++] = ask;
	return send_ask(s, &stage->asks[stage->n_asks - 1]);
}

static bool asks(struct said *s)
{
	return new_ask(s, &(struct packet_query){ .name = s->slots[1].text,
				  .type = (uint16_t)s->slots[2].index,
				  .flags = MESSAGE_RD });
}

static bool updates(struct said *s)
{
	return new_ask(s, &(struct packet_query){
				  .name = s->slots[1].text, .type = 6, .opcode = OPCODE_UPDATE });
}

static bool notifies(struct said *s)
{
	return new_ask(s, &(struct packet_query){
				  .name = s->slots[1].text, .type = 6, .opcode = OPCODE_NOTIFY });
}

/* The same datagram once more, or one that differs in what the clauses say. */
static bool asks_again(struct said *s)
{
	struct stage *stage = s->stage;

	for (size_t i = stage->n_asks; i-- > 0;) {
		struct ask *ask = &stage->asks[i];

		if (ask->client != s->slots[0].index)
			continue;
		if (said_clause(s, CLAUSE_WORKER))
			ask->worker = worker_of(s);
		return send_ask(s, ask);
	}
	return stage_fail(stage, NULL, "c%d has asked nothing yet", s->slots[0].index);
}

/* ---- getting ------------------------------------------------------------------------------------ */

static bool is_answer_clause_true(const struct happening *h, const struct clause *c)
{
	const struct packet_view *view = &h->view;
	const struct slot *v = c->slots;

	switch (c->id) {
	case CLAUSE_FROM:
		return h->from == v[0].index;
	case CLAUSE_FROM_US:
		return h->from == STAGE_US;
	case CLAUSE_FOR:
		return strcmp(view->name, v[0].text) == 0 && strcmp(view->type, v[1].text) == 0;
	case CLAUSE_FOR_NAME:
		return strcmp(view->name, v[0].text) == 0;
	case CLAUSE_EDE:
		return view->ede == (int)v[0].number;
	case CLAUSE_NO_EDE:
		return view->ede < 0;
	case CLAUSE_OPT:
		return view->has_opt;
	case CLAUSE_NO_OPT:
		return !view->has_opt;
	case CLAUSE_NO_QUESTION:
		return view->n_questions == 0;
	case CLAUSE_TRUNCATED:
		return view->flags & MESSAGE_TC;
	case CLAUSE_WHOLE:
		return !(view->flags & MESSAGE_TC);
	case CLAUSE_ANSWERS:
		return view->n_answers == (unsigned)v[0].number;
	case CLAUSE_FLAG:
		return view->flags & v[0].index;
	case CLAUSE_NO_FLAG:
		return !(view->flags & v[0].index);
	case CLAUSE_TSIG:
		return view->is_signed;
	case CLAUSE_BYTES:
		return h->len == (size_t)v[0].number;
	case CLAUSE_WORKER:
		return h->worker + 1 == (unsigned)v[0].number;
	default:
		return false;
	}
}

static bool fits_answer(const struct said *s, const struct happening *h)
{
	if (h->kind != GOT || h->who != s->slots[0].index ||
		h->view.rcode != (unsigned)s->slots[1].index ||
		(s->is_exact && h->at_ns != s->stage->now_ns))
		return false;
	for (size_t i = 0; i < s->n_clauses; i++) {
		if (!is_answer_clause_true(h, &s->clauses[i]))
			return false;
	}
	return true;
}

static bool gets(struct said *s)
{
	struct happening *h;
	char list[1200];

	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
		if (fits_answer(s, h)) {
			h->is_told = true;
			return true;
		}
	}
	said_list(s, GOT, -1, list, sizeof list);
	return said_wrong(s, "%s", list);
}

static bool expect_no(struct said *s, int who)
{
	struct happening *h;

	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
		char list[1200];

		if (h->kind != GOT || (who != -1 && h->who != who))
			continue;
		said_list(s, GOT, who, list, sizeof list);
		return said_wrong(s, "%s", list);
	}
	return true;
}

static bool gets_nothing(struct said *s)
{
	return expect_no(s, s->slots[0].index);
}

static bool nobody_gets(struct said *s)
{
	return expect_no(s, -1);
}

const struct sentence sentences_of_clients[] = {
	{ "CLIENT asks again", OF_QUERY, asks_again },
	{ "CLIENT asks NAME TYPE", OF_QUERY, asks },
	{ "CLIENT updates NAME", OF_QUERY, updates },
	{ "CLIENT notifies NAME", OF_QUERY, notifies },
	{ "CLIENT gets nothing", OF_NOTHING, gets_nothing },
	{ "CLIENT gets RCODE", OF_ANSWER, gets },
	{ "nobody gets anything", OF_NOTHING, nobody_gets },
	{ NULL, 0, NULL },
};
