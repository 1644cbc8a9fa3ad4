/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * packets - parts to write DNS messages as string literals, and the block of exact size in which
 * they are read, so that ASan sees one byte too far. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(s) .data = (s), .len = sizeof(s) - 1

/* ID 0x1234; flags as two bytes, counts below 256 as one each. */
#define HEADER(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define F_QUERY "\x01\x00" /* RD */
#define F_REPLY "\x81\x80" /* QR, RD, RA */
#define QNAME "\7example\3com\0" /* at 12, 13 bytes */
#define QUESTION QNAME "\0\1\0\1" /* A IN, 17 bytes: records begin at 29 */
#define RECORD(owner, type, len) \
	owner "\0" type "\0\1" \
	      "\0\0\0\0" \
	      "\0" len
#define A_RECORD RECORD("\xc0\x0c", "\1", "\4") "\xc0\0\2\1" /* 16 bytes */
#define TSIG_RECORD RECORD("\1k\0", "\xfa", "\2") "ts"
#define OPT_HEAD "\0\0\x29\x04\xd0" /* 1232 */
#define OPT OPT_HEAD "\0\0\0\0\0\0" /* 11 bytes */
#define OPT_DO OPT_HEAD "\0\0\x80\0\0\0"

/* The caller frees it. Not inline: knowing the block's size, gcc warns of the very reads that the
 * tests are about, though they do not happen. */
__attribute__((noinline, unused)) static uint8_t *exact_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	return copy;
}
