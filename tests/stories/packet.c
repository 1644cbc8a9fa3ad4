/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Written with the cursor, but with none of the writers that are tested. */
#include "stories/packet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/cursor.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/text.h"

enum { TYPE_TXT = 16, TYPE_EDE = 15 };

/* ---- making ------------------------------------------------------------------------------------- */

static void put_header(struct cursor *c, uint16_t id, uint16_t flags, unsigned questions,
	unsigned answers, unsigned authorities, unsigned additionals)
{
	cursor_put_u16(c, id);
	cursor_put_u16(c, flags);
	cursor_put_u16(c, (uint16_t)questions);
	cursor_put_u16(c, (uint16_t)answers);
	cursor_put_u16(c, (uint16_t)authorities);
	cursor_put_u16(c, (uint16_t)additionals);
}

static void put_opt(struct cursor *c, uint16_t size, bool dnssec_ok, int ede)
{
	cursor_put_u8(c, 0);
	cursor_put_u16(c, RRTYPE_OPT);
	cursor_put_u16(c, size);
	cursor_put_u32(c, dnssec_ok ? EDNS_DO : 0);
	cursor_put_u16(c, ede < 0 ? 0 : 6);
	if (ede < 0)
		return;
	cursor_put_u16(c, TYPE_EDE);
	cursor_put_u16(c, 2);
	cursor_put_u16(c, (uint16_t)ede);
}

/* A TSIG of the key "k." with meaningless content. */
static void put_tsig(struct cursor *c)
{
	cursor_put(c, "\1k\0\0\xfa\0\xff\0\0\0\0\0\4tsig", 17);
}

static void finish(struct packet *p, const struct cursor *c, size_t pad_to)
{
	p->len = cursor_pos(c);
	if (pad_to > p->len && pad_to <= sizeof p->data) {
		memset(p->data + p->len, 0, pad_to - p->len);
		p->len = pad_to;
	}
}

bool packet_make_query(const struct packet_query *q, struct packet *p)
{
	struct cursor c = cursor_writable(p->data, sizeof p->data);
	uint16_t flags = (uint16_t)(q->flags | q->opcode << 11 | (q->is_response ? MESSAGE_QR : 0));

	put_header(&c, q->id, flags, q->n_questions, 0, 0, (q->edns_size > 0) + q->is_signed);
	if (q->name) {
		uint8_t wire[NAME_MAX_BYTES];
		int len = name_from_text(q->name, wire);

		if (len < 0)
			return false;
		cursor_put(&c, wire, (size_t)len);
		cursor_put_u16(&c, q->type);
		cursor_put_u16(&c, q->class);
	}
	if (q->edns_size > 0)
		put_opt(&c, q->edns_size, q->dnssec_ok, -1);
	if (q->is_signed)
		put_tsig(&c);
	finish(p, &c, q->pad_to);
	if (q->cut_to > 0 && q->cut_to < p->len)
		p->len = q->cut_to;
	return true;
}

static void spoil_question(struct packet *p, size_t name_len, const struct packet_reply *r)
{
	uint8_t *name = p->data + MESSAGE_HEADER_BYTES;

	if (r->has_wrong_name && name_len > 1)
		name[1] = name[1] == 'x' ? 'y' : 'x';
	if (r->has_wrong_type)
		name[name_len + 1] ^= 1;
	if (r->has_wrong_class)
		name[name_len + 3] ^= 2;
	for (size_t i = 0; r->has_other_case && i < name_len; i++)
		name[i] = isalpha(name[i]) ? name[i] ^ 0x20 : name[i];
}

/* Who says it: a TXT record of the root. */
static void put_server(struct cursor *c, const char *server)
{
	size_t len = strlen(server);

	cursor_put_u8(c, 0);
	cursor_put_u16(c, TYPE_TXT);
	cursor_put_u16(c, CLASS_IN);
	cursor_put_u32(c, 0);
	cursor_put_u16(c, (uint16_t)(len + 1));
	cursor_put_u8(c, (uint8_t)len);
	cursor_put(c, server, len);
}

static void put_answers(struct cursor *c, int n)
{
	for (int i = 0; i < n; i++)
		cursor_put(c, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 16);
}

static uint16_t reply_flags(uint16_t asked, const struct packet_reply *r)
{
	unsigned flags = (asked & (MESSAGE_OPCODE | MESSAGE_RD | MESSAGE_CD)) | MESSAGE_RA |
			 r->rcode;

	if (!r->is_query)
		flags |= MESSAGE_QR;
	if (r->is_truncated)
		flags |= MESSAGE_TC;
	if (r->has_wrong_opcode)
		flags ^= 1u << 11;
	return (uint16_t)(flags ^ r->flip_flags);
}

void packet_make_reply(const uint8_t *query, size_t len, const struct packet_reply *r,
	const char *server, struct packet *p)
{
	struct cursor c = cursor_writable(p->data, sizeof p->data);
	struct query_view q = { .question.name_len = 0 };
	int n_answers = r->n_answers;

	if (r->is_garbage) {
		memset(p->data, 0xff, 40);
		memcpy(p->data, query, 2); /* even with the right ID */
		p->len = 40;
		return;
	}
	query_parse(query, len, &q);
	bool has_question = q.question.name_len > 0 && !r->without_question;
	bool has_opt = (q.edns.offset != 0 || r->ede >= 0) && !r->without_opt;
	if (n_answers < 0)
		n_answers = r->rcode == RCODE_NOERROR;
	if (!has_question)
		n_answers = 0;
	put_header(&c, (uint16_t)(q.header.id ^ (r->has_wrong_id ? 1 : 0)),
		reply_flags(q.header.flags, r), has_question, (unsigned)n_answers, has_question,
		(unsigned)has_opt + r->is_signed);
	if (has_question) {
		cursor_put(&c, query + MESSAGE_HEADER_BYTES, question_len(&q.question));
		spoil_question(p, q.question.name_len, r);
		put_answers(&c, n_answers);
		put_server(&c, server);
	}
	if (has_opt)
		put_opt(&c, 1232, q.edns.dnssec_ok, r->ede);
	if (r->is_signed)
		put_tsig(&c);
	finish(p, &c, (size_t)r->pad_to);
}

/* ---- looking ------------------------------------------------------------------------------------ */

/* Steps over one record; its type, and its data's place. */
static unsigned next_record(struct cursor *c, const uint8_t **data, size_t *len)
{
	name_skip(c);
	unsigned type = cursor_u16(c);

	cursor_skip(c, 6);
	*len = cursor_u16(c);
	*data = cursor_bytes(c, *len);
	return cursor_ok(c) ? type : 0;
}

static void look_at_records(struct cursor *c, const struct header *h, struct packet_view *v)
{
	unsigned n = h->n_answer + h->n_authority + h->n_additional;

	for (unsigned i = 0; i < n && cursor_ok(c); i++) {
		const uint8_t *data;
		size_t len;
		unsigned type = next_record(c, &data, &len);
		bool is_authority = i >= h->n_answer && i < h->n_answer + h->n_authority;

		v->is_signed = type == RRTYPE_TSIG;
		if (is_authority && type == TYPE_TXT && len > 1 && len <= sizeof v->server)
			snprintf(v->server, sizeof v->server, "%.*s", (int)(len - 1),
				(const char *)data + 1);
	}
}

bool packet_look(const uint8_t *data, size_t len, struct packet_view *v)
{
	struct cursor c = cursor_read_only(data, len);
	struct header h;

	*v = (struct packet_view){ .ede = -1 };
	if (!header_read(data, len, &h))
		return false;
	v->id = h.id;
	v->flags = h.flags;
	v->opcode = header_opcode(h.flags);
	v->rcode = header_rcode(h.flags);
	v->n_questions = h.n_question;
	v->n_answers = h.n_answer;
	cursor_skip(&c, MESSAGE_HEADER_BYTES);
	struct question question = { .name_len = 0 };
	if (h.n_question > 0) {
		question.name_len = (uint16_t)name_walk_question(&c);
		question.qtype = cursor_u16(&c);
		question.qclass = v->class = cursor_u16(&c);
		name_to_text(
			v->name, sizeof v->name, data + MESSAGE_HEADER_BYTES, question.name_len);
		text_rrtype(question.qtype, v->type);
	}
	look_at_records(&c, &h, v);
	struct edns edns;
	message_find_edns(data, len, &h, &question, &edns);
	v->has_opt = edns.offset != 0;
	v->dnssec_ok = v->has_opt && edns.dnssec_ok;
	v->udp_size = edns.udp_size;
	v->ede = v->has_opt ? message_ede(data, len, &edns, 0, UINT16_MAX) : -1;
	return cursor_ok(&c);
}

void packet_question(const struct packet_view *v, char out[PACKET_TEXT_MAX])
{
	if (v->n_questions == 0)
		snprintf(out, PACKET_TEXT_MAX, "nothing");
	else
		snprintf(out, PACKET_TEXT_MAX, "%.250s %s", v->name, v->type);
}
