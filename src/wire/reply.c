/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every OPT that leaves from here is written anew, never patched, so no option of the other side
 * can be smuggled through it. */
#include "wire/reply.h"

#include <string.h>

#include "wire/cursor.h"

#define EDE_BYTES 6 /* code, length, INFO-CODE; the text follows */

_Static_assert(REPLY_SELF_MAX <= MESSAGE_UDP_MIN, "any client takes it");

/* An OPT up to and without its length field. */
static void put_opt(struct cursor *c, uint16_t udp_size, uint32_t ttl)
{
	cursor_put_u8(c, 0);
	cursor_put_u16(c, RRTYPE_OPT);
	cursor_put_u16(c, udp_size);
	cursor_put_u32(c, ttl);
}

/* EXTRA-TEXT: UTF-8 without a NUL, at most EDE_TEXT_MAX bytes. */
static const char *ede_text(int ede)
{
	switch (ede) {
	case EDE_MALFORMED:
		return "malformed query";
	case EDE_OVERLOADED:
		return "overloaded";
	default:
		return "";
	}
}

static void put_ede(struct cursor *c, int ede)
{
	if (ede < 0) {
		cursor_put_u16(c, 0);
		return;
	}
	const char *text = ede_text(ede);
	size_t len = strlen(text);

	cursor_put_u16(c, (uint16_t)(EDE_BYTES + len));
	cursor_put_u16(c, EDNS_OPTION_EDE);
	cursor_put_u16(c, (uint16_t)(sizeof(uint16_t) + len));
	cursor_put_u16(c, (uint16_t)(ede & UINT16_MAX));
	cursor_put(c, text, len);
}

size_t reply_make(const struct reply_self *r, uint8_t *out, size_t size)
{
	struct cursor c = cursor_writable(out, size < REPLY_SELF_MAX ? size : REPLY_SELF_MAX);
	bool has_question = r->question && r->question_len > 0;
	unsigned flags = MESSAGE_QR | (r->rcode & MESSAGE_RCODE);

	flags |= r->query_flags & (MESSAGE_OPCODE | MESSAGE_RD | MESSAGE_CD);
	if (r->query_flags & MESSAGE_RD)
		flags |= MESSAGE_RA;
	cursor_put_u16(&c, r->id);
	cursor_put_u16(&c, (uint16_t)flags);
	cursor_put_u16(&c, has_question);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, r->edns);
	if (has_question)
		cursor_put(&c, r->question, r->question_len);
	if (r->edns) {
		put_opt(&c, r->udp_size, r->dnssec_ok ? EDNS_DO : 0);
		put_ede(&c, r->ede);
	}
	return cursor_ok(&c) ? cursor_pos(&c) : 0;
}

/* The TTL of an OPT holds extended rcode, version, DO and 15 bits yet to be given a meaning, which
 * pass unchanged too: hence read from the packet, not put together from the view. */
static uint32_t opt_ttl(const uint8_t *data, size_t len, const struct edns *edns)
{
	struct cursor c = cursor_read_only(data, len);

	cursor_seek(&c, edns->offset);
	cursor_skip(&c, 1 + 2 + 2); /* root, type, class */
	return cursor_u32(&c);
}

size_t reply_truncate(uint8_t *data, size_t len, const struct reply_view *view, bool keep_edns)
{
	struct cursor c = cursor_writable(data, len);
	struct edns edns = { 0 };
	uint32_t ttl = 0;

	if (keep_edns)
		message_find_edns(data, len, &view->header, &view->question, &edns);
	if (edns.offset != 0)
		ttl = opt_ttl(data, len, &edns); /* the new OPT may overwrite the old one */

	message_set_flags(data, MESSAGE_TC, MESSAGE_TC);
	cursor_seek(&c, 6); /* QDCOUNT stays, the question with it */
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, edns.offset != 0);
	cursor_skip(&c, question_len(&view->question));
	if (edns.offset != 0) {
		put_opt(&c, edns.udp_size, ttl);
		put_ede(&c, EDE_NONE);
	}
	return cursor_pos(&c);
}

void message_set_id(uint8_t *data, uint16_t id)
{
	struct cursor c = cursor_writable(data, sizeof id);

	cursor_put_u16(&c, id);
}

void message_set_flags(uint8_t *data, uint16_t mask, uint16_t flags)
{
	struct cursor c = cursor_writable(data, MESSAGE_HEADER_BYTES);

	cursor_seek(&c, 2);
	uint16_t old = cursor_u16(&c);
	cursor_seek(&c, 2);
	cursor_put_u16(&c, (uint16_t)((old & ~mask) | (flags & mask)));
}

void name_flip_case(uint8_t *name, size_t len, const uint8_t *mask)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t letter = name[i] | 0x20;
		if ((mask[i / 8] >> (i % 8) & 1) && letter >= 'a' && letter <= 'z')
			name[i] ^= 0x20;
	}
}
