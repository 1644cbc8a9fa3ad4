/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * addr - an IPv4 or IPv6 address with a port, small enough to be kept by the hundred thousand;
 * its text forms; and prefixes. Pure functions (an interface name in a scope is looked up in the
 * kernel). Any thread; no locks. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
	uint8_t ip[16]; /* network order; IPv4 in the first 4, the rest zero */
	uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
	uint16_t port; /* host order */
	uint8_t family; /* AF_INET, AF_INET6 (both fit), 0: none */
	uint8_t reserved; /* zero, so that addresses compare as bytes */
};
_Static_assert(sizeof(struct addr) == 24, "no hidden padding: addresses are hashed as bytes");

#define ADDR_TEXT_MAX 80 /* "[" 39 hex and colons "%" 15 name "]:" 5 digits, and slack */

/* "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:53", "2001:db8::1", "[fe80::1%eth0]:53". Without a
 * port: default_port. Never asks a name server. ERR_SYNTAX: not an address (a host name, say);
 * ERR_RANGE: port outside 1..65535 (0 allowed only if default_port is 0 and none is written);
 * ERR_MISSING: no such interface behind '%' (a name, else an index). A link-local address without
 * one is fine (scope 0); on any other address '%' is ERR_SYNTAX. So is an IPv4-mapped address
 * (::ffff:192.0.2.1): our IPv6 sockets carry IPv6 only. */
int addr_parse(const char *text, uint16_t default_port, struct addr *addr_out);
/* As addr_parse reads it, port included unless it is 0; "none" without a family; cut to
 * out_size, always terminated. Returns out. */
char *addr_format(const struct addr *a, char *out, size_t out_size);

/* The length of what was written; 0 (and AF_UNSPEC) without a family. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss_out);
/* False for a family that is neither; the scope is kept for link-local addresses only. */
bool addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *addr_out);

bool addr_equal(const struct addr *a, const struct addr *b); /* all of it */
int addr_order(
	const struct addr *a, const struct addr *b); /* as memcmp; any order, but always the same */
bool addr_same_host(const struct addr *a, const struct addr *b); /* port not looked at */
bool addr_is_wildcard(const struct addr *a);
bool addr_is_link_local(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
/* Loopback, link-local, and the private ranges of RFC 1918, 4193, 6598. */
bool addr_is_private(const struct addr *a);

struct prefix {
	uint8_t ip[16];
	uint8_t family;
	uint8_t bits;
};
/* "10.0.0.0/8", "::1/128", or an address alone for all of its bits. ERR_SYNTAX (IPv4-mapped ones
 * too: they would never match), ERR_RANGE (too many bits), ERR_MALFORMED (bits set behind the
 * prefix, as in 10.0.0.1/8). */
int prefix_parse(const char *text, struct prefix *prefix_out);
