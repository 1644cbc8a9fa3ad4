/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Only what can be parsed is answered: a reply to garbage helps nobody. */
#include "core/shed.h"

#include "core/datagram.h"
#include "wire/message.h"
#include "wire/reply.h"

size_t shed_reply(const struct datagram *d, enum on_overload action, uint16_t udp_size, uint8_t *out,
	size_t size)
{
	struct query_view q;

	if (action == ON_OVERLOAD_DROP || query_parse(d->data, d->len, &q) != QUERY_FORWARD)
		return 0;
	struct reply_self reply = {
		.id = q.header.id,
		.query_flags = q.header.flags,
		.rcode = action == ON_OVERLOAD_SERVFAIL ? RCODE_SERVFAIL : RCODE_REFUSED,
		.question = d->data + MESSAGE_HEADER_BYTES,
		.question_len = question_len(&q.question),
		.edns = q.edns.offset != 0,
		.dnssec_ok = q.edns.dnssec_ok,
		.udp_size = udp_size,
		.ede = EDE_OVERLOADED,
	};
	return reply_make(&reply, out, size);
}
