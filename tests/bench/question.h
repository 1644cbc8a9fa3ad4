/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * question - what the client asks, and what the servers answer: each query has a name of its own,
 * "q<16 hex digits>.bench.example.com", and the address in the answer is a hash of the name, so
 * that an answer given to the wrong query is noticed whatever happened to it on its way. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define QUESTION_TAIL "\5bench\7example\3com\0\0\1\0\1" /* root, type A, class IN */
enum {
	HEADER_LEN = 12,
	SERIAL_LEN = 16,
	SERIAL_AT = HEADER_LEN + 2,
	QUERY_LEN = SERIAL_AT + SERIAL_LEN + sizeof QUESTION_TAIL - 1,
	NAME_LEN = QUERY_LEN - HEADER_LEN - 4,
};

static inline void query_set_id(uint8_t *query, uint16_t id)
{
	query[0] = (uint8_t)(id >> 8);
	query[1] = (uint8_t)id;
}

static inline void query_set_serial(uint8_t *query, uint64_t serial)
{
	for (int i = SERIAL_LEN - 1; i >= 0; i--, serial >>= 4)
		query[SERIAL_AT + i] = (uint8_t) "0123456789abcdef"[serial & 15];
}

/* All but ID and serial: RD, one question. */
static inline void query_init(uint8_t query[QUERY_LEN])
{
	static const uint8_t head[SERIAL_AT] = { 0, 0, 1, 0, 0, 1, [12] = SERIAL_LEN + 1, 'q' };

	memcpy(query, head, sizeof head);
	memcpy(query + SERIAL_AT + SERIAL_LEN, QUESTION_TAIL, sizeof QUESTION_TAIL - 1);
}

/* The serial of a question that is one of ours; false if it is not. */
static inline bool question_serial(const uint8_t *message, size_t len, uint64_t *serial_out)
{
	uint64_t serial = 0;

	if (len < QUERY_LEN || message[HEADER_LEN] != SERIAL_LEN + 1)
		return false;
	for (int i = 0; i < SERIAL_LEN; i++) {
		uint8_t c = message[SERIAL_AT + i];

		serial = serial << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*serial_out = serial;
	return true;
}

/* The address that is the answer for a name in wire form, eight bytes at a time. */
static inline uint32_t answer_of(const uint8_t *name, size_t len)
{
	uint64_t h = 0x9e3779b97f4a7c15 ^ len;

	while (len > 0) {
		size_t n = len < 8 ? len : 8;
		uint64_t word = 0;

		memcpy(&word, name, n);
		h = (h ^ word) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
		name += n;
		len -= n;
	}
	return (uint32_t)h;
}
