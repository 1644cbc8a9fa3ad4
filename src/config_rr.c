/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The numbers are IANA's. */
#include "config_rr.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/parse.h"

struct mnemonic {
	const char *name;
	int number;
};

static const struct mnemonic rrtypes[] = {
	{ "A", 1 },
	{ "NS", 2 },
	{ "CNAME", 5 },
	{ "SOA", 6 },
	{ "PTR", 12 },
	{ "HINFO", 13 },
	{ "MX", 15 },
	{ "TXT", 16 },
	{ "AAAA", 28 },
	{ "LOC", 29 },
	{ "SRV", 33 },
	{ "NAPTR", 35 },
	{ "DNAME", 39 },
	{ "DS", 43 },
	{ "SSHFP", 44 },
	{ "RRSIG", 46 },
	{ "NSEC", 47 },
	{ "DNSKEY", 48 },
	{ "NSEC3", 50 },
	{ "NSEC3PARAM", 51 },
	{ "TLSA", 52 },
	{ "CDS", 59 },
	{ "CDNSKEY", 60 },
	{ "SVCB", 64 },
	{ "HTTPS", 65 },
	{ "SPF", 99 },
	{ "URI", 256 },
	{ "CAA", 257 },
};

static const struct mnemonic rcodes[] = {
	{ "NOERROR", 0 },
	{ "FORMERR", 1 },
	{ "SERVFAIL", 2 },
	{ "NXDOMAIN", 3 },
	{ "NOTIMP", 4 },
	{ "REFUSED", 5 },
	{ "YXDOMAIN", 6 },
	{ "YXRRSET", 7 },
	{ "NXRRSET", 8 },
	{ "NOTAUTH", 9 },
	{ "NOTZONE", 10 },
};

static int look_up(
	const struct mnemonic *table, size_t n, const char *text, struct config_guess *guess)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(table[i].name, text) == 0)
			return table[i].number;
		if (guess)
			config_guess_offer(guess, table[i].name);
	}
	return ERR_SYNTAX;
}

int config_rrtype(const char *text, struct config_guess *guess)
{
	int64_t number;

	if (strncasecmp(text, "TYPE", 4) == 0 && parse_i64(text + 4, 1, UINT16_MAX, &number) == 0)
		return (int)number;
	return look_up(rrtypes, sizeof rrtypes / sizeof rrtypes[0], text, guess);
}

int config_rcode(const char *text, struct config_guess *guess)
{
	return look_up(rcodes, sizeof rcodes / sizeof rcodes[0], text, guess);
}
