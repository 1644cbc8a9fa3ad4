/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * message - a view over the bytes of a DNS message: header, question, and where the OPT record
 * is (RFC 1035 4.1, RFC 6891, RFC 9619). Nothing is copied; offsets count from the header's first
 * byte. Every byte is read through wire/cursor. Pure functions, any thread, no allocation. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_HEADER_BYTES 12
#define MESSAGE_MAX_BYTES 65535
#define MESSAGE_UDP_MIN 512 /* what a client without EDNS takes (RFC 1035 2.3.4) */

/* Bits of the second 16-bit word of the header, host order. */
#define MESSAGE_QR 0x8000u
#define MESSAGE_OPCODE 0x7800u
#define MESSAGE_AA 0x0400u
#define MESSAGE_TC 0x0200u
#define MESSAGE_RD 0x0100u
#define MESSAGE_RA 0x0080u
#define MESSAGE_AD 0x0020u
#define MESSAGE_CD 0x0010u
#define MESSAGE_RCODE 0x000fu

enum opcode { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };
enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
};
enum rrtype {
	RRTYPE_SIG = 24,
	RRTYPE_OPT = 41,
	RRTYPE_TSIG = 250,
	RRTYPE_IXFR = 251,
	RRTYPE_AXFR = 252,
};
enum { CLASS_IN = 1 };
#define EDNS_DO 0x8000u /* DNSSEC OK, in the TTL of an OPT (RFC 3225) */
#define EDNS_OPTION_EDE 15 /* RFC 8914 */
/* INFO-CODEs that say the servers' data is bogus: no other server would answer better. */
#define EDE_BOGUS_FIRST 6
#define EDE_BOGUS_LAST 12

struct header {
	uint16_t id;
	uint16_t flags;
	uint16_t n_question, n_answer, n_authority, n_additional;
};

static inline unsigned header_opcode(uint16_t flags)
{
	return (flags & MESSAGE_OPCODE) >> 11;
}
static inline unsigned header_rcode(uint16_t flags)
{
	return flags & MESSAGE_RCODE;
}

/* False when there are fewer than 12 bytes. */
bool header_read(const uint8_t *data, size_t len, struct header *header_out);

struct edns {
	uint16_t offset; /* of the OPT record's owner name; 0: the message has no OPT */
	uint16_t end; /* one past the OPT record */
	uint16_t udp_size;
	uint8_t extended_rcode; /* the upper 8 bits of a 12-bit rcode */
	uint8_t version;
	bool dnssec_ok;
};

struct question {
	uint16_t name_len; /* wire bytes from offset 12, root included; 0: no question */
	uint16_t qtype, qclass;
};
/* The question's bytes on the wire: name, type, class. 0 when there is none. */
static inline size_t question_len(const struct question *q)
{
	return q->name_len ? q->name_len + 4u : 0;
}

/* A client's query, understood. */
struct query_view {
	struct header header;
	struct question question;
	struct edns edns;
	bool is_signed; /* last record is TSIG or SIG(0): pass it through untouched */
};

enum query_verdict {
	QUERY_FORWARD, /* all of the view is valid */
	QUERY_FORMERR, /* answer FORMERR; question valid if name_len != 0, edns if offset != 0 */
	QUERY_NOTIMP, /* opcode other than QUERY, NOTIFY, UPDATE; view as for FORMERR */
	QUERY_IGNORE, /* fewer than 12 bytes, or QR=1: silence */
};
/* Never reads beyond len and never fails otherwise. FORMERR: QDCOUNT other than 1 (but QDCOUNT=0
 * with an OPT is forwarded, RFC 7873 5.4), a question or record that cannot be walked, an OPT
 * outside the additional section or with an owner name, two OPTs. Bytes behind the last record
 * are let pass. */
enum query_verdict query_parse(const uint8_t *data, size_t len, struct query_view *view_out);

/* A server's reply, as far as matching needs it: header and question, no records. */
struct reply_view {
	struct header header;
	struct question question;
};
/* ERR_SHORT under 12 bytes, ERR_MALFORMED for QR=0, QDCOUNT over 1, or a question that cannot be
 * walked. */
int reply_parse(const uint8_t *data, size_t len, struct reply_view *view_out);

/* Finds the OPT of a message whose question is `question`; edns_out->offset is 0 if there is none
 * or the records before it cannot be walked. */
void message_find_edns(const uint8_t *data, size_t len, const struct header *header,
	const struct question *question, struct edns *edns_out);

/* The first INFO-CODE from `least` to `most` of the Extended DNS Error options (RFC 8914) in the OPT, of
 * which there may be thousands; -1 if there is none. */
int message_ede(
	const uint8_t *data, size_t len, const struct edns *edns, uint16_t least, uint16_t most);
