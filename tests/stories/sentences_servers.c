/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What servers hear, what they say to it, and how they behave when nobody tells them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stories/sentences.h"
#include "wire/message.h"

/* ---- hearing ------------------------------------------------------------------------------------ */

static bool is_heard_clause_true(struct said *s, const struct happening *h, const struct clause *c)
{
	const struct slot *v = c->slots;

	switch (c->id) {
	case CLAUSE_FLAG:
		return h->view.flags & v[0].index;
	case CLAUSE_NO_FLAG:
		return !(h->view.flags & v[0].index);
	case CLAUSE_OPT:
		return h->view.has_opt;
	case CLAUSE_NO_OPT:
		return !h->view.has_opt;
	case CLAUSE_TSIG:
		return h->view.is_signed;
	case CLAUSE_FRESH:
		return h->by_fresh_socket;
	case CLAUSE_BYTES:
		return h->len == (size_t)v[0].number;
	case CLAUSE_WORKER:
		return h->worker + 1 == (unsigned)v[0].number;
	case CLAUSE_OTHER_ID:
		return s->stage->n_asks > 0 &&
		       h->view.id != s->stage->asks[s->stage->n_asks - 1].id;
	default:
		return false;
	}
}

/* `name` NULL: a probe, whatever it asks. */
static bool fits(
	struct said *s, const struct happening *h, int who, const char *name, const char *type)
{
	if (h->kind != HEARD || (who != -1 && h->who != who) ||
		(s->is_exact && h->at_ns != s->stage->now_ns) || h->is_probe != !name)
		return false;
	if (name && (strcasecmp(h->view.name, name) != 0 || strcmp(h->view.type, type) != 0))
		return false;
	for (size_t i = 0; i < s->n_clauses; i++) {
		if (!is_heard_clause_true(s, h, &s->clauses[i]))
			return false;
	}
	return true;
}

static struct happening *find(struct said *s, int who, const char *name, const char *type)
{
	struct happening *h;
	char list[1200];

	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
		if (fits(s, h, who, name, type)) {
			h->is_told = true;
			return h;
		}
	}
	said_list(s, HEARD, -1, list, sizeof list);
	said_wrong(s, "%s", list);
	return NULL;
}

static bool hears(struct said *s)
{
	return find(s, s->slots[0].index, s->slots[1].text, s->slots[2].text);
}

static bool hears_no_question(struct said *s)
{
	return find(s, s->slots[0].index, "", "");
}

static bool hears_probe(struct said *s)
{
	return find(s, s->slots[0].index, NULL, NULL);
}

static bool hears_probe_for(struct said *s)
{
	int who = s->slots[0].index;
	struct happening *h;

	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
		if (fits(s, h, who, NULL, NULL) && strcmp(h->view.name, s->slots[1].text) == 0 &&
			strcmp(h->view.type, s->slots[2].text) == 0)
			return h->is_told = true;
	}
	return find(s, STORY_SERVERS_MAX, NULL, NULL); /* tells what there is */
}

static bool someone_hears(struct said *s)
{
	struct happening *h = find(s, -1, s->slots[0].text, s->slots[1].text);

	if (h)
		s->stage->it = h->who;
	return h;
}

/* Another than the one that "it" was. From now on "it" is this one, and "other" that one. */
static bool another_hears(struct said *s)
{
	int before = s->stage->it;
	struct happening *h = find(s, -1, s->slots[0].text, s->slots[1].text);

	if (!h)
		return false;
	if (h->who == before)
		return said_wrong(s, "%s hears it once more", s->stage->servers[before].name);
	s->stage->other = before;
	s->stage->it = h->who;
	return true;
}

static bool hears_count(struct said *s)
{
	struct happening *h;
	unsigned n = 0;

	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++)
		n += h->kind == HEARD && h->who == s->slots[0].index && !h->is_probe;
	if (n != (unsigned)s->slots[1].number)
		return said_wrong(s, "%s hears %u queries", s->slots[0].text, n);
	while (n > 0) {
		for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
			if (h->kind == HEARD && h->who == s->slots[0].index && !h->is_probe) {
				h->is_told = true;
				n--;
				break;
			}
		}
	}
	return true;
}

static bool expect_unheard(struct said *s, int who, bool probes)
{
	struct happening *h;

	for (size_t i = 0; (h = stage_open_happening(s->stage, i)); i++) {
		char list[1200];

		if (h->kind != HEARD || (who != -1 && h->who != who) || h->is_probe != probes)
			continue;
		said_list(s, HEARD, who, list, sizeof list);
		return said_wrong(s, "%s", list);
	}
	return true;
}

static bool hears_nothing(struct said *s)
{
	return expect_unheard(s, s->slots[0].index, false);
}

static bool nobody_hears(struct said *s)
{
	return expect_unheard(s, -1, false);
}

static bool hears_no_probe(struct said *s)
{
	return expect_unheard(s, s->slots[0].index, true);
}

/* ---- saying ------------------------------------------------------------------------------------- */

static bool read_wrong(const char *what, struct packet_reply *r)
{
	const struct {
		const char *name;
		bool *field;
	} wrongs[] = {
		{ "ID", &r->has_wrong_id },
		{ "name", &r->has_wrong_name },
		{ "type", &r->has_wrong_type },
		{ "class", &r->has_wrong_class },
		{ "opcode", &r->has_wrong_opcode },
	};

	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		if (strcmp(wrongs[i].name, what) == 0)
			return *wrongs[i].field = true;
	}
	return false;
}

static bool read_habit_clauses(struct said *s, struct habit *h)
{
	struct packet_reply *r = &h->reply;

	for (size_t i = 0; i < s->n_clauses; i++) {
		const struct slot *v = s->clauses[i].slots;

		switch (s->clauses[i].id) {
		case CLAUSE_ANSWERS:
			r->n_answers = (int)v[0].number;
			break;
		case CLAUSE_EDE:
			r->ede = (int)v[0].number;
			break;
		case CLAUSE_PADDED:
			r->pad_to = (int)v[0].number;
			break;
		case CLAUSE_NO_QUESTION:
			r->without_question = true;
			break;
		case CLAUSE_NO_OPT:
			r->without_opt = true;
			break;
		case CLAUSE_TSIG:
			r->is_signed = true;
			break;
		case CLAUSE_OTHER_CASE:
			r->has_other_case = true;
			break;
		case CLAUSE_GARBAGE:
			r->is_garbage = true;
			break;
		case CLAUSE_AS_QUERY:
			r->is_query = true;
			break;
		case CLAUSE_TRUNCATED:
			r->is_truncated = true;
			break;
		case CLAUSE_OTHER_FLAG:
			r->flip_flags |= (uint16_t)v[0].index;
			break;
		case CLAUSE_AS:
			h->as = v[0].index;
			break;
		case CLAUSE_TWICE:
			h->copies = 2;
			break;
		case CLAUSE_AFTER:
			h->delay_ns = v[0].ns;
			break;
		case CLAUSE_WRONG:
			if (!read_wrong(v[0].text, r))
				return stage_fail(s->stage, NULL, "nothing can have a wrong \"%s\"",
					v[0].text);
			break;
		}
	}
	return true;
}

static struct habit plain_habit(enum temper temper, unsigned rcode)
{
	return (struct habit){
		.temper = temper,
		.reply = { .rcode = rcode, .n_answers = -1, .ede = -1 },
		.as = -1,
		.copies = 1,
	};
}

static bool is_meant(struct said *s, const struct happening *h)
{
	const struct clause *to = said_clause(s, CLAUSE_TO);
	const struct clause *name = to ? to : said_clause(s, CLAUSE_TO_NAME);

	return h->kind == HEARD && h->who == s->slots[0].index && !h->is_probe &&
	       (!name || strcasecmp(h->view.name, name->slots[0].text) == 0) &&
	       (!to || strcmp(h->view.type, to->slots[1].text) == 0);
}

/* What this does not spoil is the answer; what it does is a forgery, and the server still has the
 * query to answer. */
static bool is_true_reply(const struct stage *s, const struct habit *h)
{
	const struct packet_reply *r = &h->reply;

	return h->as == -1 && !r->is_garbage && !r->is_query && !r->has_wrong_id &&
	       !r->has_wrong_name && !r->has_wrong_type && !r->has_wrong_class &&
	       !r->has_wrong_opcode && !(r->has_other_case && s->config.case_randomize);
}

static bool reply_to(struct said *s, struct happening *h, unsigned rcode)
{
	struct habit habit = plain_habit(TEMPER_ANSWERS, rcode);
	struct packet p;

	if (!read_habit_clauses(s, &habit))
		return false;
	packet_make_reply(h->data, h->len, &habit.reply, s->stage->servers[h->who].name, &p);
	stage_note(s->stage, "%s", s->sentence);
	if (is_true_reply(s->stage, &habit))
		h->is_waiting = false;
	free(h->last_reply);
	h->last_reply = malloc(p.len);
	h->last_reply_len = p.len;
	memcpy(h->last_reply, p.data, p.len);
	for (unsigned i = 0; i < habit.copies; i++)
		stage_send_reply(s->stage, h, habit.as == -1 ? h->who : habit.as, p.data, p.len,
			habit.delay_ns);
	stage_run(s->stage, s->stage->now_ns);
	return !s->stage->has_failed;
}

/* To the oldest query that was told of and has had no answer yet, or the last such. */
static bool reply_with(struct said *s, unsigned rcode)
{
	struct stage *stage = s->stage;
	bool from_the_end = said_clause(s, CLAUSE_LAST);

	for (size_t i = 0; i < stage->n_happenings; i++) {
		struct happening
			*h = &stage->happenings[from_the_end ? stage->n_happenings - 1 - i : i];

		if (is_meant(s, h) && h->is_waiting && h->is_told)
			return reply_to(s, h, rcode);
	}
	return stage_fail(stage, NULL,
		"no query that %s was told to have heard waits for its reply", s->slots[0].text);
}

static bool replies(struct said *s)
{
	return reply_with(s, RCODE_NOERROR);
}

static bool replies_rcode(struct said *s)
{
	return reply_with(s, (unsigned)s->slots[1].index);
}

/* The bytes of its last reply once more. */
static bool replies_again(struct said *s)
{
	struct stage *stage = s->stage;

	for (size_t i = stage->n_happenings; i-- > 0;) {
		struct happening *h = &stage->happenings[i];

		if (!is_meant(s, h) || !h->last_reply)
			continue;
		stage_note(stage, "%s", s->sentence);
		stage_send_reply(stage, h, h->who, h->last_reply, h->last_reply_len, 0);
		stage_run(stage, stage->now_ns);
		return !stage->has_failed;
	}
	return stage_fail(stage, NULL, "%s has replied to nothing yet", s->slots[0].text);
}

/* ---- habits ------------------------------------------------------------------------------------- */

static bool take_habit(struct said *s, int server, enum temper temper, unsigned rcode)
{
	struct stage_server *a = &s->stage->servers[server];
	struct habit habit = plain_habit(temper, rcode);

	if (!read_habit_clauses(s, &habit))
		return false;
	if (!said_clause(s, CLAUSE_TO_PROBES))
		a->to_queries = habit;
	if (!said_clause(s, CLAUSE_TO_QUERIES))
		a->to_probes = habit;
	return true;
}

static bool take_habits(struct said *s, enum temper temper, unsigned rcode)
{
	stage_note(s->stage, "%s", s->sentence);
	for (unsigned i = 0; i < s->stage->n_servers; i++) {
		if (!take_habit(s, (int)i, temper, rcode))
			return false;
	}
	return true;
}

static bool habit_of_one(struct said *s, enum temper temper, unsigned rcode)
{
	stage_note(s->stage, "%s", s->sentence);
	return take_habit(s, s->slots[0].index, temper, rcode);
}

static bool answers(struct said *s)
{
	return habit_of_one(s, TEMPER_ANSWERS, RCODE_NOERROR);
}

static bool answers_rcode(struct said *s)
{
	return habit_of_one(s, TEMPER_ANSWERS, (unsigned)s->slots[1].index);
}

static bool refuses(struct said *s)
{
	return habit_of_one(s, TEMPER_ANSWERS, RCODE_REFUSED);
}

static bool is_silent(struct said *s)
{
	return habit_of_one(s, TEMPER_SILENT, 0);
}

static bool waits(struct said *s)
{
	return habit_of_one(s, TEMPER_WAITS, 0);
}

static bool everyone_answers(struct said *s)
{
	return take_habits(s, TEMPER_ANSWERS, RCODE_NOERROR);
}

static bool everyone_answers_rcode(struct said *s)
{
	return take_habits(s, TEMPER_ANSWERS, (unsigned)s->slots[0].index);
}

static bool everyone_waits(struct said *s)
{
	return take_habits(s, TEMPER_WAITS, 0);
}

static bool everyone_is_silent(struct said *s)
{
	return take_habits(s, TEMPER_SILENT, 0);
}

/* ---- exceptions --------------------------------------------------------------------------------- */

static bool except(struct said *s, enum temper temper, unsigned rcode)
{
	struct stage *stage = s->stage;
	struct habit habit = plain_habit(temper, rcode);

	if (stage->n_exceptions == EXCEPTIONS_MAX)
		return stage_fail(stage, NULL, "too many exceptions");
	if (!read_habit_clauses(s, &habit))
		return false;
	stage_note(stage, "%s", s->sentence);
	stage->exceptions[stage->n_exceptions++] = (struct exception){
		.suffix = strdup(s->slots[0].text), .habit = habit
	};
	return true;
}

static bool about_silent(struct said *s)
{
	return except(s, TEMPER_SILENT, 0);
}

static bool about_answers(struct said *s)
{
	return except(s, TEMPER_ANSWERS, (unsigned)s->slots[1].index);
}

static bool loses(struct said *s)
{
	s->stage->servers[s->slots[0].index].loss_percent = s->slots[1].number;
	stage_note(s->stage, "%s", s->sentence);
	return true;
}

static bool take_road(struct said *s, enum road road)
{
	s->stage->servers[s->slots[0].index].road = road;
	stage_note(s->stage, "%s", s->sentence);
	return true;
}

static bool is_unreachable(struct said *s)
{
	return take_road(s, ROAD_UNREACHABLE);
}

static bool is_closed(struct said *s)
{
	return take_road(s, ROAD_CLOSED);
}

static bool is_reachable(struct said *s)
{
	return take_road(s, ROAD_OPEN);
}

static bool no_room(struct said *s)
{
	return take_road(s, ROAD_NO_ROOM);
}

static bool sockets_die(struct said *s)
{
	stage_kill_sockets(s->stage, s->slots[0].index);
	stage_note(s->stage, "%s", s->sentence);
	return true;
}

const struct sentence sentences_of_servers[] = {
	{ "SERVER hears NAME TYPE", OF_HEARD, hears },
	{ "SERVER hears a query without question", OF_HEARD, hears_no_question },
	{ "SERVER hears a probe for NAME TYPE", OF_HEARD, hears_probe_for },
	{ "SERVER hears a probe", OF_HEARD, hears_probe },
	{ "SERVER hears no probe", OF_NOTHING, hears_no_probe },
	{ "SERVER hears nothing", OF_NOTHING, hears_nothing },
	{ "SERVER hears NUMBER queries", OF_NOTHING, hears_count },
	{ "someone hears NAME TYPE", OF_HEARD, someone_hears },
	{ "another hears NAME TYPE", OF_HEARD, another_hears },
	{ "nobody hears anything", OF_NOTHING, nobody_hears },
	{ "SERVER replies again", OF_REPLY, replies_again },
	{ "SERVER replies RCODE", OF_REPLY, replies_rcode },
	{ "SERVER replies", OF_REPLY, replies },
	{ "SERVER answers RCODE", OF_HABIT, answers_rcode },
	{ "SERVER answers", OF_HABIT, answers },
	{ "SERVER refuses", OF_HABIT, refuses },
	{ "SERVER is silent", OF_HABIT, is_silent },
	{ "SERVER waits", OF_HABIT, waits },
	{ "everyone answers RCODE", OF_HABIT, everyone_answers_rcode },
	{ "everyone answers", OF_HABIT, everyone_answers },
	{ "everyone waits", OF_HABIT, everyone_waits },
	{ "everyone is silent", OF_HABIT, everyone_is_silent },
	{ "about NAME everyone is silent", OF_HABIT, about_silent },
	{ "about NAME everyone answers RCODE", OF_HABIT, about_answers },
	{ "SERVER loses PERCENT", OF_NOTHING, loses },
	{ "SERVER is unreachable", OF_NOTHING, is_unreachable },
	{ "SERVER is closed", OF_NOTHING, is_closed },
	{ "SERVER is reachable", OF_NOTHING, is_reachable },
	{ "there is no room to send to SERVER", OF_NOTHING, no_room },
	{ "the sockets to SERVER die", OF_NOTHING, sockets_die },
	{ NULL, 0, NULL },
};
