/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Text is taken apart here and its pieces are given to inet_pton, which knows no host names, no
 * spaces and no short forms. Every byte of a struct addr that means nothing is zero, so addresses
 * compare and hash as bytes; only this file fills one. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/parse.h"

#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + sizeof("/128"))

/* A number without a sign. */
static int parse_unsigned(const char *text, int64_t min, int64_t max, int64_t *value_out)
{
	if (text[0] == '-')
		return ERR_SYNTAX;
	return parse_i64(text, min, max, value_out);
}

static int parse_port(const char *text, uint16_t *port_out)
{
	int64_t port = 0;
	int err = parse_unsigned(text, 1, UINT16_MAX, &port);

	if (err == 0)
		*port_out = (uint16_t)port;
	return err;
}

/* A name first, as the tools of the system do: an interface may be called "100". */
static int parse_scope(const char *text, uint32_t *scope_out)
{
	char name[IF_NAMESIZE];
	int64_t number = 0;
	uint32_t index = 0;

	if (text[0] == '\0')
		return ERR_SYNTAX;
	if (strlen(text) < IF_NAMESIZE)
		index = if_nametoindex(text);
	if (index == 0 && parse_unsigned(text, 1, INT32_MAX, &number) == 0 &&
		if_indextoname((unsigned)number, name) != NULL)
		index = (uint32_t)number;
	if (index == 0)
		return ERR_MISSING;
	*scope_out = index;
	return 0;
}

static bool is_v4_mapped(const uint8_t ip[16])
{
	static const uint8_t head[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(ip, head, sizeof(head)) == 0;
}

static int parse_v4(const char *text, struct addr *a)
{
	a->family = AF_INET;
	return inet_pton(AF_INET, text, a->ip) == 1 ? 0 : ERR_SYNTAX;
}

/* Cuts `text` at its '%'. */
static int parse_v6(char *text, struct addr *a)
{
	char *percent = strchr(text, '%');

	if (percent != NULL)
		*percent = '\0';
	a->family = AF_INET6;
	if (inet_pton(AF_INET6, text, a->ip) != 1 || is_v4_mapped(a->ip))
		return ERR_SYNTAX;
	if (percent == NULL)
		return 0;
	return addr_is_link_local(a) ? parse_scope(percent + 1, &a->scope) : ERR_SYNTAX;
}

/* Takes "[host]:port" apart; the last ']' counts because an interface name may contain one. */
static int parse_brackets(char *text, struct addr *a)
{
	char *close = strrchr(text, ']');

	if (close == NULL || (close[1] != '\0' && close[1] != ':'))
		return ERR_SYNTAX;
	*close = '\0';
	int err = parse_v6(text + 1, a);
	if (err != 0 || close[1] == '\0')
		return err;
	return parse_port(close + 2, &a->port);
}

static int parse_v4_port(char *text, struct addr *a)
{
	char *colon = strchr(text, ':');

	if (colon != NULL)
		*colon = '\0';
	int err = parse_v4(text, a);
	if (err != 0 || colon == NULL)
		return err;
	return parse_port(colon + 1, &a->port);
}

int addr_parse(const char *text, uint16_t default_port, struct addr *addr_out)
{
	struct addr a = { .port = default_port };
	char copy[ADDR_TEXT_MAX];
	size_t len = strnlen(text, sizeof(copy));
	int err;

	if (len == sizeof(copy))
		return ERR_SYNTAX;
	memcpy(copy, text, len + 1);

	const char *colon = strchr(copy, ':');
	if (copy[0] == '[')
		err = parse_brackets(copy, &a);
	else if (colon != NULL && strchr(colon + 1, ':') != NULL)
		err = parse_v6(copy, &a);
	else
		err = parse_v4_port(copy, &a);
	if (err == 0)
		*addr_out = a;
	return err;
}

/* "%eth0", "%7" where the interface is gone, or "". */
static void format_scope(uint32_t scope, char out[IF_NAMESIZE + 1])
{
	char name[IF_NAMESIZE];

	if (scope == 0)
		out[0] = '\0';
	else if (if_indextoname(scope, name) != NULL)
		snprintf(out, IF_NAMESIZE + 1, "%%%s", name);
	else
		snprintf(out, IF_NAMESIZE + 1, "%%%u", scope);
}

/* inet_ntop writes ::1:14b4 as "::0.1.20.180", as if it had to do with IPv4; here the groups are
 * hexadecimal, as in any other address. The mapped ones are of IPv4, and stay. */
static bool format_ip(unsigned family, const uint8_t ip[16], char out[INET6_ADDRSTRLEN])
{
	static const uint8_t head[12];

	if (family == 0 || inet_ntop((int)family, ip, out, INET6_ADDRSTRLEN) == NULL)
		return false;
	if (family == AF_INET6 && memcmp(ip, head, sizeof(head)) == 0 && strchr(out, '.') != NULL)
		snprintf(out, INET6_ADDRSTRLEN, "::%x:%x", (unsigned)ip[12] << 8 | ip[13],
			(unsigned)ip[14] << 8 | ip[15]);
	return true;
}

char *addr_format(const struct addr *a, char *out, size_t out_size)
{
	char ip[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1], port[sizeof(":65535")] = "";

	if (!format_ip(a->family, a->ip, ip)) {
		snprintf(out, out_size, "none");
		return out;
	}
	format_scope(a->scope, scope);
	if (a->port != 0)
		snprintf(port, sizeof(port), ":%u", a->port);
	bool has_brackets = a->family == AF_INET6 && a->port != 0;
	snprintf(out, out_size, has_brackets ? "[%s%s]%s" : "%s%s%s", ip, scope, port);
	return out;
}

/* Only the bytes of the family's own structure are written: this runs once per datagram. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss_out)
{
	if (a->family == AF_INET) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };

		memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
		memcpy(ss_out, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (a->family == AF_INET6) {
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
			.sin6_port = htons(a->port),
			.sin6_scope_id = a->scope };

		memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
		memcpy(ss_out, &v6, sizeof(v6));
		return sizeof(v6);
	}
	ss_out->ss_family = AF_UNSPEC;
	return 0;
}

bool addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *addr_out)
{
	struct addr a = { 0 };

	if (ss->ss_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, ss, sizeof(v4));
		memcpy(a.ip, &v4.sin_addr, sizeof(v4.sin_addr));
		a.port = ntohs(v4.sin_port);
		a.family = AF_INET;
	} else if (ss->ss_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, ss, sizeof(v6));
		memcpy(a.ip, &v6.sin6_addr, sizeof(v6.sin6_addr));
		a.port = ntohs(v6.sin6_port);
		a.family = AF_INET6;
		a.scope = addr_is_link_local(&a) ? v6.sin6_scope_id : 0;
	} else {
		return false;
	}
	*addr_out = a;
	return true;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int addr_order(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0 && a->scope == b->scope &&
	       a->family == b->family;
}

static bool is_inside(const struct addr *a, const struct prefix *p)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	if (a->family != p->family || memcmp(a->ip, p->ip, whole) != 0)
		return false;
	return rest == 0 || ((a->ip[whole] ^ p->ip[whole]) >> (8 - rest)) == 0;
}

bool addr_is_wildcard(const struct addr *a)
{
	static const uint8_t none[16];

	return a->family != 0 && memcmp(a->ip, none, sizeof(none)) == 0;
}

bool addr_is_link_local(const struct addr *a)
{
	static const struct prefix v4 = { .ip = { 169, 254 }, .family = AF_INET, .bits = 16 };
	static const struct prefix v6 = { .ip = { 0xfe, 0x80 }, .family = AF_INET6, .bits = 10 };

	return is_inside(a, &v4) || is_inside(a, &v6);
}

bool addr_is_loopback(const struct addr *a)
{
	static const struct prefix v4 = { .ip = { 127 }, .family = AF_INET, .bits = 8 };
	static const struct prefix v6 = { .ip = { [15] = 1 }, .family = AF_INET6, .bits = 128 };

	return is_inside(a, &v4) || is_inside(a, &v6);
}

bool addr_is_private(const struct addr *a)
{
	static const struct prefix ranges[] = {
		{ .ip = { 10 }, .family = AF_INET, .bits = 8 }, /* RFC 1918 */
		{ .ip = { 172, 16 }, .family = AF_INET, .bits = 12 },
		{ .ip = { 192, 168 }, .family = AF_INET, .bits = 16 },
		{ .ip = { 100, 64 }, .family = AF_INET, .bits = 10 }, /* RFC 6598 */
		{ .ip = { 0xfc }, .family = AF_INET6, .bits = 7 }, /* RFC 4193 */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (is_inside(a, &ranges[i]))
			return true;
	}
	return addr_is_loopback(a) || addr_is_link_local(a);
}

/* Is any bit set behind the first `bits` ones? */
static bool has_bits_behind(const uint8_t ip[16], unsigned bits)
{
	for (unsigned at = bits; at < 128; at++) {
		if ((ip[at / 8] & (0x80 >> at % 8)) != 0)
			return true;
	}
	return false;
}

int prefix_parse(const char *text, struct prefix *prefix_out)
{
	struct prefix p = { 0 };
	char copy[PREFIX_TEXT_MAX];
	size_t len = strnlen(text, sizeof(copy));
	int64_t bits = 0;

	if (len == sizeof(copy))
		return ERR_SYNTAX;
	memcpy(copy, text, len + 1);
	char *slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = '\0';

	p.family = strchr(copy, ':') != NULL ? AF_INET6 : AF_INET;
	p.bits = p.family == AF_INET6 ? 128 : 32;
	if (inet_pton(p.family, copy, p.ip) != 1)
		return ERR_SYNTAX;
	if (slash != NULL) {
		int err = parse_unsigned(slash + 1, 0, p.bits, &bits);

		if (err != 0)
			return err;
		p.bits = (uint8_t)bits;
	}
	if (has_bits_behind(p.ip, p.bits))
		return ERR_MALFORMED;
	if (p.family == AF_INET6 && is_v4_mapped(p.ip))
		return ERR_SYNTAX;
	*prefix_out = p;
	return 0;
}
