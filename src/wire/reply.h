/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * reply - the messages we make ourselves (FORMERR, NOTIMP, SERVFAIL, REFUSED), the cut of one that is
 * too large, and the few bytes we change in one that passes (RFC 5625). Pure functions. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

#define EDE_TEXT_MAX 32 /* bytes; short, for what asks under a forged address */
#define REPLY_SELF_MAX (12 + 259 + 11 + 6 + EDE_TEXT_MAX) /* header, question, OPT, EDE option */

/* Extended DNS Errors we send (RFC 8914). Two of our reasons have no code, so they go as Other (0) with
 * a text, as RFC 8914 4.1 asks: a malformed query, and overload. Not Ready (14) is for a server that
 * "was not fully functional" (4.15); ours is, with more to do than it can. */
enum ede {
	EDE_NONE = -1,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
	/* above the 16 bits of the INFO-CODE: which text */
	EDE_MALFORMED = 1 << 16,
	EDE_OVERLOADED = 2 << 16,
};

struct reply_self {
	uint16_t id;
	uint16_t query_flags; /* the query's: opcode, RD, CD are echoed, RA mirrors RD */
	uint8_t rcode; /* 0..15 */
	const uint8_t *question; /* the query's bytes, name to class; NULL: none */
	size_t question_len;
	bool edns; /* the client sent an OPT: so do we, with DO mirrored and no other option */
	bool dnssec_ok;
	uint16_t udp_size; /* announced in our OPT */
	int ede; /* enum ede; only sent where `edns` is true */
};
/* The number of bytes written to out, at most REPLY_SELF_MAX; 0 if they do not fit. */
size_t reply_make(const struct reply_self *r, uint8_t *out, size_t size);

/* Cuts a server's reply down to header (TC=1, no records), question and, if `keep_edns`, the
 * server's OPT without its options, so that the extended rcode survives (RFC 6891 7, RFC 2181 9).
 * In place; the new length. `view` is the reply's. */
size_t reply_truncate(uint8_t *data, size_t len, const struct reply_view *view, bool keep_edns);

/* Writes the ID of a message in place. Needs 2 bytes. */
void message_set_id(uint8_t *data, uint16_t id);
/* Replaces the flags in `mask` by those of `flags`, in place. Needs 12 bytes. */
void message_set_flags(uint8_t *data, uint16_t mask, uint16_t flags);
/* 0x20 (draft-vixie-dnsext-dns0x20): flips the case bit of every letter of the name at `name`
 * whose bit in `mask` is set; bits of bytes that are no letters are ignored. Flipping twice
 * restores. `mask` has (len + 7) / 8 bytes, least significant bit first. */
void name_flip_case(uint8_t *name, size_t len, const uint8_t *mask);
