/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * text - the names of types and response codes, for people and for the configuration (RFC 3597 for
 * types without a name). To add one: a row in text.c. Pure functions. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define TEXT_TYPE_MAX 16
#define TEXT_RCODE_MAX 16

/* "AAAA", "TYPE65280"; always terminated. Returns out. */
char *text_rrtype(uint16_t type, char out[TEXT_TYPE_MAX]);
/* "SERVFAIL", "RCODE15". Returns out. */
char *text_rcode(unsigned rcode, char out[TEXT_RCODE_MAX]);
/* Case does not matter. ERR_SYNTAX: no such name. */
int text_parse_rrtype(const char *text, uint16_t *type_out);
int text_parse_rcode(const char *text, unsigned *rcode_out); /* 0..15 */
/* The names there are, one by one, NULL behind the last: for "did you mean". */
const char *text_rrtype_name(size_t i);
const char *text_rcode_name(size_t i);
