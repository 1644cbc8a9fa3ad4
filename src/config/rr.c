/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The names and numbers are wire/text's; here is only what a configuration may use of them. */
#include "config/rr.h"

#include <stdbool.h>

#include "base/err.h"
#include "wire/text.h"

/* Types of questions and meta data alone (RFC 6895 section 3.1). */
static bool is_of_queries(unsigned type)
{
	return type >= 128 && type <= 255;
}

static void offer_rrtypes(struct config_guess *guess)
{
	const char *name;
	uint16_t type;

	for (size_t i = 0; (name = text_rrtype_name(i)); i++) {
		if (text_parse_rrtype(name, &type) == 0 && !is_of_queries(type))
			config_guess_offer(guess, name);
	}
}

int config_rrtype(const char *text, struct config_guess *guess)
{
	uint16_t type;

	if (text_parse_rrtype(text, &type) == 0 && type != 0) /* 0 is none */
		return is_of_queries(type) ? ERR_UNSUPPORTED : type;
	if (guess)
		offer_rrtypes(guess);
	return ERR_SYNTAX;
}

int config_rcode(const char *text, struct config_guess *guess)
{
	unsigned rcode;

	if (text_parse_rcode(text, &rcode) == 0)
		return (int)rcode;
	for (size_t i = 0; guess && text_rcode_name(i); i++)
		config_guess_offer(guess, text_rcode_name(i));
	return ERR_SYNTAX;
}
