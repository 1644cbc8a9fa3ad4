/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * packet - the messages that the actors of a story send, and what they see in those they get. A
 * server's reply carries the server's name (a TXT record in the authority section), so that a
 * client can tell who answered. Pure functions. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 9000
#define PACKET_TEXT_MAX 300

struct packet {
	size_t len;
	uint8_t data[PACKET_MAX];
};

struct packet_query {
	const char *name; /* NULL: no question */
	uint16_t type, class, id;
	unsigned opcode;
	uint16_t flags; /* MESSAGE_RD and the like */
	uint16_t edns_size; /* 0: no OPT */
	bool dnssec_ok, is_signed;
	size_t pad_to, cut_to; /* 0: as long as it is */
	unsigned n_questions; /* what the header says */
	bool is_response;
};

struct packet_reply {
	unsigned rcode;
	int n_answers; /* -1: one if NOERROR, else none */
	int ede; /* -1: none */
	int pad_to; /* 0: as long as it is */
	bool without_question, without_opt, is_signed, is_truncated, is_query, is_garbage;
	bool has_wrong_id, has_wrong_name, has_wrong_type, has_wrong_class, has_wrong_opcode;
	bool has_other_case; /* the name's letters in another case than asked */
	uint16_t flip_flags; /* these come back other than asked */
};

/* False: no such name. */
bool packet_make_query(const struct packet_query *q, struct packet *out);
/* What `server` says to these bytes. */
void packet_make_reply(const uint8_t *query, size_t len, const struct packet_reply *r,
	const char *server, struct packet *out);

struct packet_view {
	uint16_t id, flags;
	unsigned opcode, rcode, n_questions, n_answers;
	char name[PACKET_TEXT_MAX]; /* "" without a question */
	char type[16];
	uint16_t class;
	bool has_opt, dnssec_ok, is_signed;
	uint16_t udp_size;
	int ede; /* -1: none */
	char server[64]; /* who says so; "": does not tell */
};
/* False if it is not a message. */
bool packet_look(const uint8_t *data, size_t len, struct packet_view *out);
/* "www.example. A", or "nothing". */
void packet_question(const struct packet_view *v, char out[PACKET_TEXT_MAX]);
