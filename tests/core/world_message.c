/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The messages of the simulated world: written byte by byte here, so that the tests do not lean on
 * the writers that they test. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/world.h"
#include "wire/name.h"

static void put(struct message *m, const void *data, size_t len)
{
	cr_assert_leq(m->len + len, sizeof m->data);
	if (len > 0)
		memcpy(m->data + m->len, data, len);
	m->len += len;
}

static void put_u16(struct message *m, unsigned v)
{
	put(m, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static unsigned get_u16(const uint8_t *data)
{
	return (unsigned)data[0] << 8 | data[1];
}

static void bump(struct message *m, unsigned section, unsigned n)
{
	uint8_t *at = m->data + 4 + 2 * section;
	unsigned v = get_u16(at) + n;

	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

struct message message_query(const char *name, uint16_t type, uint16_t id)
{
	uint8_t wire[NAME_MAX_BYTES];
	int len = name_from_text(name, wire);
	struct message m = { .len = 0 };

	cr_assert_gt(len, 0, "%s", name);
	put_u16(&m, id);
	put_u16(&m, MESSAGE_RD);
	put(&m, "\0\1\0\0\0\0\0\0", 8);
	put(&m, wire, (size_t)len);
	put_u16(&m, type);
	put_u16(&m, CLASS_IN);
	return m;
}

struct message *message_flags(struct message *m, uint16_t mask, uint16_t flags)
{
	unsigned v = (get_u16(m->data + 2) & ~(unsigned)mask) | (flags & mask);

	m->data[2] = (uint8_t)(v >> 8);
	m->data[3] = (uint8_t)v;
	return m;
}

struct message *message_opcode(struct message *m, unsigned opcode)
{
	return message_flags(m, MESSAGE_OPCODE, (uint16_t)(opcode << 11));
}

struct message *message_opt(
	struct message *m, uint16_t udp_size, uint32_t ttl, const void *options, size_t len)
{
	put(m, "\0\0\x29", 3);
	put_u16(m, udp_size);
	put_u16(m, ttl >> 16);
	put_u16(m, ttl & 0xffff);
	put_u16(m, (unsigned)len);
	put(m, options, len);
	bump(m, 3, 1);
	return m;
}

struct message *message_tsig(struct message *m)
{
	put(m, "\1k\0\0\xfa\0\xff\0\0\0\0\0\4tsig", 17);
	bump(m, 3, 1);
	return m;
}

struct message *message_answers(struct message *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put(m, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", 16);
	bump(m, 1, n);
	return m;
}

struct message *message_pad(struct message *m, size_t len)
{
	cr_assert_leq(len, sizeof m->data);
	m->len = len; /* the rest of data is zero */
	return m;
}

uint16_t message_id(const uint8_t *data)
{
	return (uint16_t)get_u16(data);
}

uint16_t message_flags_of(const uint8_t *data)
{
	return (uint16_t)get_u16(data + 2);
}

unsigned message_rcode(const uint8_t *data)
{
	return data[3] & 15;
}

unsigned message_count(const uint8_t *data, unsigned section)
{
	return get_u16(data + 4 + 2 * section);
}

int message_ede_of(const uint8_t *data, size_t len)
{
	struct reply_view v;
	struct edns edns;

	cr_assert_eq(reply_parse(data, len, &v), 0);
	message_find_edns(data, len, &v.header, &v.question, &edns);
	return edns.offset == 0 ? -2 : message_ede(data, len, &edns, 0, UINT16_MAX);
}

bool message_ede_is(const uint8_t *data, size_t len, int code, const char *text)
{
	struct reply_view v;
	struct edns edns;
	size_t text_len = strlen(text);

	cr_assert_eq(reply_parse(data, len, &v), 0);
	message_find_edns(data, len, &v.header, &v.question, &edns);
	if (edns.offset == 0 || edns.end != len || len != edns.offset + 11 + 6 + text_len)
		return false;
	const uint8_t *option = data + edns.offset + 11;
	return get_u16(option) == EDNS_OPTION_EDE && get_u16(option + 2) == 2 + text_len &&
	       get_u16(option + 4) == (unsigned)code && memcmp(option + 6, text, text_len) == 0;
}
