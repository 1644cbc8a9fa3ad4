/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One row a name, used in both directions. */
#include "wire/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/parse.h"

struct text_row {
	unsigned value;
	const char *name;
};

static const struct text_row types[] = {
	{ 1, "A" },
	{ 2, "NS" },
	{ 5, "CNAME" },
	{ 6, "SOA" },
	{ 12, "PTR" },
	{ 13, "HINFO" },
	{ 15, "MX" },
	{ 16, "TXT" },
	{ 28, "AAAA" },
	{ 29, "LOC" },
	{ 33, "SRV" },
	{ 35, "NAPTR" },
	{ 39, "DNAME" },
	{ 43, "DS" },
	{ 44, "SSHFP" },
	{ 46, "RRSIG" },
	{ 47, "NSEC" },
	{ 48, "DNSKEY" },
	{ 50, "NSEC3" },
	{ 51, "NSEC3PARAM" },
	{ 52, "TLSA" },
	{ 59, "CDS" },
	{ 60, "CDNSKEY" },
	{ 64, "SVCB" },
	{ 65, "HTTPS" },
	{ 99, "SPF" },
	{ 251, "IXFR" },
	{ 252, "AXFR" },
	{ 255, "ANY" },
	{ 256, "URI" },
	{ 257, "CAA" },
};

static const struct text_row rcodes[] = {
	{ 0, "NOERROR" },
	{ 1, "FORMERR" },
	{ 2, "SERVFAIL" },
	{ 3, "NXDOMAIN" },
	{ 4, "NOTIMP" },
	{ 5, "REFUSED" },
	{ 6, "YXDOMAIN" },
	{ 7, "YXRRSET" },
	{ 8, "NXRRSET" },
	{ 9, "NOTAUTH" },
	{ 10, "NOTZONE" },
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static char *format(const struct text_row *rows, size_t n, unsigned value, const char *other,
	char *out, size_t out_size)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].value == value) {
			snprintf(out, out_size, "%s", rows[i].name);
			return out;
		}
	}
	snprintf(out, out_size, "%s%u", other, value);
	return out;
}

static int parse(const struct text_row *rows, size_t n, const char *text, const char *other,
	unsigned max, unsigned *value_out)
{
	int64_t value;

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(rows[i].name, text) == 0) {
			*value_out = rows[i].value;
			return 0;
		}
	}
	if (strncasecmp(text, other, strlen(other)) != 0 ||
		parse_i64(text + strlen(other), 0, max, &value) < 0)
		return ERR_SYNTAX;
	*value_out = (unsigned)value;
	return 0;
}

char *text_rrtype(uint16_t type, char out[TEXT_TYPE_MAX])
{
	return format(types, COUNT_OF(types), type, "TYPE", out, TEXT_TYPE_MAX);
}

char *text_rcode(unsigned rcode, char out[TEXT_RCODE_MAX])
{
	return format(rcodes, COUNT_OF(rcodes), rcode, "RCODE", out, TEXT_RCODE_MAX);
}

int text_parse_rrtype(const char *text, uint16_t *type_out)
{
	unsigned value;
	int rc = parse(types, COUNT_OF(types), text, "TYPE", UINT16_MAX, &value);

	if (rc == 0)
		*type_out = (uint16_t)value;
	return rc;
}

int text_parse_rcode(const char *text, unsigned *rcode_out)
{
	return parse(rcodes, COUNT_OF(rcodes), text, "RCODE", 15, rcode_out);
}

const char *text_rrtype_name(size_t i)
{
	return i < COUNT_OF(types) ? types[i].name : NULL;
}

const char *text_rcode_name(size_t i)
{
	return i < COUNT_OF(rcodes) ? rcodes[i].name : NULL;
}
