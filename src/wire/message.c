/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A query is walked to its last record, because where the OPT is and whether it is signed decide
 * what may be done with it. A reply is walked to the end of its question only; its OPT is looked
 * for when somebody needs it. Work is bounded by len: the smallest question takes 5 bytes, the
 * smallest record 11, whatever the counts say. */
#include "wire/message.h"

#include "base/err.h"
#include "wire/cursor.h"
#include "wire/name.h"

#define OPT_FIXED_BYTES 11 /* root owner, type, class, TTL, length (RFC 6891 6.1.2) */

struct record {
	size_t offset, data, end;
	bool is_root; /* owner name is the root, written out */
	uint16_t type, class;
	uint32_t ttl;
};

/* Offsets are 16 bits in the views, so what lies beyond the largest message is not looked at. */
static struct cursor open_message(const uint8_t *data, size_t len)
{
	return cursor_read_only(data, len < MESSAGE_MAX_BYTES ? len : MESSAGE_MAX_BYTES);
}

/* All of it or nothing, so that one look at the length does for its six fields. */
static struct header take_header(struct cursor *c)
{
	const uint8_t *bytes = cursor_bytes(c, MESSAGE_HEADER_BYTES);
	struct header h = { 0 };

	if (!bytes)
		return h;
	struct cursor fields = cursor_read_only(bytes, MESSAGE_HEADER_BYTES);

	h.id = cursor_u16(&fields);
	h.flags = cursor_u16(&fields);
	h.n_question = cursor_u16(&fields);
	h.n_answer = cursor_u16(&fields);
	h.n_authority = cursor_u16(&fields);
	h.n_additional = cursor_u16(&fields);
	return h;
}

bool header_read(const uint8_t *data, size_t len, struct header *header_out)
{
	struct cursor c = cursor_read_only(data, len);

	*header_out = take_header(&c);
	return cursor_ok(&c);
}

/* Leaves question_out alone when the question cannot be walked. */
static bool take_question(struct cursor *c, struct question *question_out)
{
	struct question q;

	q.name_len = (uint16_t)name_walk_question(c);
	q.qtype = cursor_u16(c);
	q.qclass = cursor_u16(c);
	if (!cursor_ok(c))
		return false;
	*question_out = q;
	return true;
}

static bool take_record(struct cursor *c, struct record *record_out)
{
	struct record *r = record_out;

	r->offset = cursor_pos(c);
	name_skip(c);
	r->is_root = cursor_pos(c) == r->offset + 1;
	r->type = cursor_u16(c);
	r->class = cursor_u16(c);
	r->ttl = cursor_u32(c);
	uint16_t data_len = cursor_u16(c);
	r->data = cursor_pos(c);
	cursor_skip(c, data_len);
	r->end = cursor_pos(c);
	return cursor_ok(c);
}

static struct edns edns_of(const struct record *opt)
{
	return (struct edns){
		.offset = (uint16_t)opt->offset,
		.end = (uint16_t)opt->end,
		.udp_size = opt->class,
		.extended_rcode = (uint8_t)(opt->ttl >> 24),
		.version = (uint8_t)(opt->ttl >> 16),
		.dnssec_ok = (opt->ttl & EDNS_DO) != 0,
	};
}

/* TSIG (RFC 8945) or SIG(0), a SIG that covers type 0 (RFC 2931). The cursor is behind it. */
static bool is_signature(const struct cursor *c, const struct record *r)
{
	struct cursor data = *c;

	if (r->type != RRTYPE_SIG || r->end - r->data < 2)
		return r->type == RRTYPE_TSIG;
	cursor_seek(&data, r->data);
	return cursor_u16(&data) == 0;
}

/* All records of a query; false at the first that cannot be walked or is an OPT out of place, and
 * what was found before it stays in the view. */
static bool take_query_records(struct cursor *c, struct query_view *view)
{
	const struct header *h = &view->header;
	uint32_t n_before = (uint32_t)h->n_answer + h->n_authority;
	uint32_t n_records = n_before + h->n_additional;
	bool is_signed = false;

	for (uint32_t i = 0; i < n_records; i++) {
		struct record r;
		if (!take_record(c, &r))
			return false;
		if (r.type == RRTYPE_OPT) {
			if (i < n_before || !r.is_root || view->edns.offset != 0)
				return false;
			view->edns = edns_of(&r);
		}
		is_signed = i >= n_before && is_signature(c, &r);
	}
	view->is_signed = is_signed;
	return true;
}

/* Steps over all questions of a query and keeps the first. */
static bool take_query_questions(struct cursor *c, struct query_view *view)
{
	struct question other;

	for (uint32_t i = 0; i < view->header.n_question; i++) {
		if (!take_question(c, i == 0 ? &view->question : &other))
			return false;
	}
	return true;
}

enum query_verdict query_parse(const uint8_t *data, size_t len, struct query_view *view_out)
{
	struct query_view *view = view_out;
	struct cursor c = open_message(data, len);

	*view = (struct query_view){ .header = take_header(&c) };
	if (!cursor_ok(&c) || (view->header.flags & MESSAGE_QR))
		return QUERY_IGNORE;

	bool is_whole = take_query_questions(&c, view) && take_query_records(&c, view);
	unsigned opcode = header_opcode(view->header.flags);

	if (opcode != OPCODE_QUERY && opcode != OPCODE_NOTIFY && opcode != OPCODE_UPDATE)
		return QUERY_NOTIMP;
	if (!is_whole)
		return QUERY_FORMERR;
	if (view->header.n_question == 0 && opcode == OPCODE_QUERY && view->edns.offset != 0)
		return QUERY_FORWARD; /* asks for a cookie only (RFC 7873 5.4) */
	return view->header.n_question == 1 ? QUERY_FORWARD : QUERY_FORMERR;
}

int reply_parse(const uint8_t *data, size_t len, struct reply_view *view_out)
{
	struct cursor c = open_message(data, len);

	*view_out = (struct reply_view){ .header = take_header(&c) };
	if (!cursor_ok(&c))
		return ERR_SHORT;
	if (!(view_out->header.flags & MESSAGE_QR) || view_out->header.n_question > 1)
		return ERR_MALFORMED;
	if (view_out->header.n_question == 1 && !take_question(&c, &view_out->question))
		return ERR_MALFORMED;
	return 0;
}

void message_find_edns(const uint8_t *data, size_t len, const struct header *header,
	const struct question *question, struct edns *edns_out)
{
	struct cursor c = open_message(data, len);
	uint32_t n_before = (uint32_t)header->n_answer + header->n_authority;
	uint32_t n_records = n_before + header->n_additional;

	*edns_out = (struct edns){ 0 };
	if (header->n_question != (question->name_len != 0))
		return; /* where the records begin is not known */
	cursor_skip(&c, MESSAGE_HEADER_BYTES + question_len(question));
	for (uint32_t i = 0; i < n_records; i++) {
		struct record r;
		if (!take_record(&c, &r))
			return;
		if (i >= n_before && r.type == RRTYPE_OPT && r.is_root) {
			*edns_out = edns_of(&r);
			return;
		}
	}
}

int message_ede(
	const uint8_t *data, size_t len, const struct edns *edns, uint16_t least, uint16_t most)
{
	if (edns->offset == 0 || edns->end > len)
		return -1;
	struct cursor c = cursor_read_only(data, edns->end);

	cursor_seek(&c, (size_t)edns->offset + OPT_FIXED_BYTES);
	while (cursor_left(&c) > 0) {
		uint16_t option = cursor_u16(&c);
		uint16_t option_len = cursor_u16(&c);
		struct cursor value = c;
		cursor_skip(&c, option_len);
		if (!cursor_ok(&c) || option != EDNS_OPTION_EDE || option_len < 2)
			continue;
		uint16_t code = cursor_u16(&value);
		if (code >= least && code <= most)
			return code;
	}
	return -1;
}
