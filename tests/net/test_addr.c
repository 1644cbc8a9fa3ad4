/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses and prefixes: what is read, what is refused, and that every written form is read
 * back as the same value. The interface "lo" exists in every network namespace. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/err.h"
#include "loopback.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static bool is_zero_behind(const uint8_t *ip, size_t from)
{
	static const uint8_t zero[16];

	return memcmp(ip + from, zero, 16 - from) == 0;
}

Test(addr, forms_are_read)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *written; /* canonical form */
		uint8_t family;
		uint16_t port;
	} cases[] = {
		{ "192.0.2.1", 53, "192.0.2.1:53", AF_INET, 53 },
		{ "192.0.2.1", 0, "192.0.2.1", AF_INET, 0 },
		{ "192.0.2.1:5353", 53, "192.0.2.1:5353", AF_INET, 5353 },
		{ "192.0.2.1:1", 53, "192.0.2.1:1", AF_INET, 1 },
		{ "192.0.2.1:65535", 53, "192.0.2.1:65535", AF_INET, 65535 },
		{ "0.0.0.0:53", 0, "0.0.0.0:53", AF_INET, 53 },
		{ "255.255.255.255", 0, "255.255.255.255", AF_INET, 0 },
		{ "2001:db8::1", 53, "[2001:db8::1]:53", AF_INET6, 53 },
		{ "::1:5300", 53, "[::1:5300]:53", AF_INET6, 53 },
		{ "2001:db8::1", 0, "2001:db8::1", AF_INET6, 0 },
		{ "[2001:db8::1]", 53, "[2001:db8::1]:53", AF_INET6, 53 },
		{ "[2001:db8::1]", 0, "2001:db8::1", AF_INET6, 0 },
		{ "[2001:DB8:0::1]:5353", 53, "[2001:db8::1]:5353", AF_INET6, 5353 },
		{ "::", 0, "::", AF_INET6, 0 },
		{ "[::]:53", 0, "[::]:53", AF_INET6, 53 },
		{ "2001:db8::1:53", 7, "[2001:db8::1:53]:7", AF_INET6, 7 },
		{ "fe80::1", 53, "[fe80::1]:53", AF_INET6, 53 },
		{ "64:ff9b::192.0.2.33", 0, "64:ff9b::c000:221", AF_INET6, 0 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888", 65535,
			"[1111:2222:3333:4444:5555:6666:7777:8888]:65535", AF_INET6, 65535 },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct addr a, again;
		char text[ADDR_TEXT_MAX];

		memset(&a, 0xaa, sizeof(a));
		cr_expect_eq(addr_parse(cases[i].text, cases[i].default_port, &a), 0, "%s",
			cases[i].text);
		cr_expect_eq(a.family, cases[i].family, "%s", cases[i].text);
		cr_expect_eq(a.port, cases[i].port, "%s", cases[i].text);
		cr_expect_eq(a.scope, 0, "%s", cases[i].text);
		cr_expect_eq(a.reserved, 0, "%s", cases[i].text);
		cr_expect(a.family != AF_INET || is_zero_behind(a.ip, 4), "%s", cases[i].text);
		cr_expect_str_eq(
			addr_format(&a, text, sizeof(text)), cases[i].written, "%s", cases[i].text);
		cr_expect_eq(addr_parse(text, 0, &again), 0, "%s", cases[i].text);
		cr_expect(addr_equal(&a, &again), "%s", cases[i].text);
	}
}

Test(addr, bytes_are_in_network_order)
{
	static const uint8_t v4[4] = { 192, 0, 2, 1 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

	cr_expect_arr_eq(address_of("192.0.2.1").ip, v4, sizeof(v4));
	cr_expect_arr_eq(address_of("2001:db8::1").ip, v6, sizeof(v6));
}

Test(addr, other_texts_are_refused)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", ERR_SYNTAX },
		{ " ", ERR_SYNTAX },
		{ "localhost", ERR_SYNTAX },
		{ "dns.example:53", ERR_SYNTAX },
		{ "192.0.2", ERR_SYNTAX },
		{ "192.0.2.256", ERR_SYNTAX },
		{ "192.0.2.1.", ERR_SYNTAX },
		{ "192.0.2.01", ERR_SYNTAX },
		{ "0x7f.0.0.1", ERR_SYNTAX },
		{ "3221225985", ERR_SYNTAX },
		{ " 192.0.2.1", ERR_SYNTAX },
		{ "192.0.2.1 ", ERR_SYNTAX },
		{ "192.0.2.1:", ERR_SYNTAX },
		{ ":53", ERR_SYNTAX },
		{ ":", ERR_SYNTAX },
		{ "192.0.2.1:+53", ERR_SYNTAX },
		{ "192.0.2.1:-53", ERR_SYNTAX },
		{ "192.0.2.1: 53", ERR_SYNTAX },
		{ "192.0.2.1:53 ", ERR_SYNTAX },
		{ "192.0.2.1:0x35", ERR_SYNTAX },
		{ "192.0.2.1:domain", ERR_SYNTAX },
		{ "192.0.2.1:53:54", ERR_SYNTAX },
		{ "192.0.2.1/24", ERR_SYNTAX },
		{ "192.0.2.1%lo", ERR_SYNTAX },
		{ "192.0.2.1%lo:53", ERR_SYNTAX },
		{ "[192.0.2.1]:53", ERR_SYNTAX },
		{ "[192.0.2.1]", ERR_SYNTAX },
		{ "192.0.2.1:0", ERR_RANGE },
		{ "192.0.2.1:65536", ERR_RANGE },
		{ "192.0.2.1:99999999999999999999", ERR_RANGE },
		{ "[::1]:0", ERR_RANGE },
		{ "[::1]:65536", ERR_RANGE },
		{ "[::1]:", ERR_SYNTAX },
		{ "[::1]53", ERR_SYNTAX },
		{ "[::1]]:53", ERR_SYNTAX },
		{ "[[::1]]:53", ERR_SYNTAX },
		{ "[::1:53", ERR_SYNTAX },
		{ "[", ERR_SYNTAX },
		{ "[]", ERR_SYNTAX },
		{ "[]:53", ERR_SYNTAX },
		{ "::1]", ERR_SYNTAX },
		{ "::1]:53", ERR_SYNTAX },
		{ ":::", ERR_SYNTAX },
		{ "1::2::3", ERR_SYNTAX },
		{ "12345::", ERR_SYNTAX },
		{ "1:2:3:4:5:6:7:8:9", ERR_SYNTAX },
		{ "::ffff:192.0.2.1", ERR_SYNTAX },
		{ "[::ffff:192.0.2.1]:53", ERR_SYNTAX },
		{ "::ffff:0:0", ERR_SYNTAX },
		{ "::1%lo", ERR_SYNTAX },
		{ "2001:db8::1%lo", ERR_SYNTAX },
		{ "fe80::1%", ERR_SYNTAX },
		{ "[fe80::1%]:53", ERR_SYNTAX },
		{ "[fe80::1]%lo:53", ERR_SYNTAX },
		{ "fe80::1%nosuchif", ERR_MISSING },
		{ "[fe80::1%nosuchif]:53", ERR_MISSING },
		{ "fe80::1%a-name-longer-than-any", ERR_MISSING },
		{ "fe80::1%0", ERR_MISSING },
		{ "fe80::1%-1", ERR_MISSING },
		{ "fe80::1%2147483647", ERR_MISSING },
		{ "fe80::1%4294967297", ERR_MISSING },
		{ "fe80::1%lo%lo", ERR_MISSING },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:1111:2222:3333:4444:5555:6666:7777:888",
			ERR_SYNTAX },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct addr a, before;

		memset(&a, 0xaa, sizeof(a));
		before = a;
		cr_expect_eq(
			addr_parse(cases[i].text, 53, &a), cases[i].err, "'%s'", cases[i].text);
		cr_expect(
			addr_equal(&a, &before), "'%s' must leave the result alone", cases[i].text);
	}
}

Test(addr, text_of_any_length_is_refused_safely)
{
	char text[3 * ADDR_TEXT_MAX];
	struct addr a;
	struct prefix p;

	for (size_t len = 0; len < sizeof(text); len++) {
		memset(text, '1', len);
		text[len] = '\0';
		cr_expect_eq(addr_parse(text, 53, &a), ERR_SYNTAX, "%zu bytes", len);
		cr_expect_eq(prefix_parse(text, &p), ERR_SYNTAX, "%zu bytes", len);
	}
}

Test(addr, scope_is_a_name_or_a_number)
{
	uint32_t lo = if_nametoindex("lo");
	char text[ADDR_TEXT_MAX], out[ADDR_TEXT_MAX];
	struct addr a;

	cr_assert_neq(lo, 0);
	cr_expect_eq(address_of("fe80::1%lo").scope, lo);
	cr_expect_eq(address_of("[fe80::1%lo]").scope, lo);
	a = address_of("[fe80::1%lo]:53");
	cr_expect_eq(a.scope, lo);
	cr_expect_eq(a.port, 53);
	cr_expect_str_eq(addr_format(&a, out, sizeof(out)), "[fe80::1%lo]:53");
	a.port = 0;
	cr_expect_str_eq(addr_format(&a, out, sizeof(out)), "fe80::1%lo");

	snprintf(text, sizeof(text), "[fe80::1%%%u]:53", lo);
	a = address_of(text);
	cr_expect_eq(a.scope, lo);
}

static void rename_loopback(const char *from, const char *to)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", from);
	snprintf(request.ifr_newname, sizeof(request.ifr_newname), "%s", to);
	cr_assert_eq(ioctl(fd, SIOCSIFNAME, &request), 0, "%s: %s", to, strerror(errno));
	close(fd);
}

Test(addr, scope_may_have_any_name_of_an_interface)
{
	static const char *const names[] = { "lo", "a]b", "100", "fifteen-letters" };

	enter_network();
	uint32_t lo = if_nametoindex("lo");
	for (size_t i = 0; i < N(names); i++) {
		char text[ADDR_TEXT_MAX], out[ADDR_TEXT_MAX];

		if (i > 0)
			rename_loopback(names[i - 1], names[i]);
		snprintf(text, sizeof(text), "[fe80::1%%%s]:53", names[i]);
		struct addr a = address_of(text);
		cr_expect_eq(a.scope, lo, "%s", text);
		cr_expect_str_eq(addr_format(&a, out, sizeof(out)), text);
	}
}

Test(addr, scope_of_a_lost_interface_is_written_as_a_number)
{
	struct addr a = address_of("[fe80::1]:53");
	char out[ADDR_TEXT_MAX];

	a.scope = 2147483647;
	cr_expect_str_eq(addr_format(&a, out, sizeof(out)), "[fe80::1%2147483647]:53");
}

Test(addr, format_cuts_and_terminates)
{
	struct addr a = address_of("192.0.2.1:53"), none = { 0 };
	char out[8];

	memset(out, 'x', sizeof(out));
	cr_expect_str_eq(addr_format(&a, out, 6), "192.0");
	cr_expect_eq(out[6], 'x');
	cr_expect_str_eq(addr_format(&a, out, 1), "");
	cr_expect_eq(addr_format(&a, out, 0), out);
	cr_expect_str_eq(addr_format(&none, out, sizeof(out)), "none");
}

Test(addr, longest_text_fits)
{
	struct addr a = { .family = AF_INET6, .port = 65535, .scope = UINT32_MAX };
	char out[ADDR_TEXT_MAX];

	memset(a.ip, 0xfe, sizeof(a.ip));
	cr_expect_str_eq(addr_format(&a, out, sizeof(out)),
		"[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe%4294967295]:65535");
}

Test(addr, sockaddr_and_back)
{
	static const char *const texts[] = { "192.0.2.1:53", "0.0.0.0:65535", "[2001:db8::1]:53",
		"[fe80::1%lo]:5353", "::" };

	for (size_t i = 0; i < N(texts); i++) {
		struct addr a = address_of(texts[i]), back;
		struct sockaddr_storage ss;
		socklen_t len;

		memset(&ss, 0xaa, sizeof(ss));
		memset(&back, 0xaa, sizeof(back));
		len = addr_to_sockaddr(&a, &ss);
		cr_expect_eq(len,
			a.family == AF_INET ? sizeof(struct sockaddr_in)
					    : sizeof(struct sockaddr_in6),
			"%s", texts[i]);
		cr_expect(addr_from_sockaddr(&ss, &back), "%s", texts[i]);
		cr_expect(addr_equal(&a, &back), "%s", texts[i]);
	}
}

Test(addr, sockaddr_has_network_order_and_no_flow)
{
	struct addr a = address_of("[fe80::1%lo]:53");
	struct sockaddr_storage ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;

	memset(&ss, 0xaa, sizeof(ss));
	addr_to_sockaddr(&a, &ss);
	cr_expect_eq(v6->sin6_port, htons(53));
	cr_expect_eq(v6->sin6_flowinfo, 0);
	cr_expect_eq(v6->sin6_scope_id, if_nametoindex("lo"));
}

Test(addr, other_families_are_no_address)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct addr a = { 0 };

	cr_expect_not(addr_from_sockaddr(&ss, &a));
	ss.ss_family = AF_UNSPEC;
	cr_expect_not(addr_from_sockaddr(&ss, &a));
	cr_expect_eq(addr_to_sockaddr(&a, &ss), 0);
	cr_expect_eq(ss.ss_family, AF_UNSPEC);
}

Test(addr, scope_and_flow_are_dropped_where_they_mean_nothing)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	struct addr a;

	*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_flowinfo = 7,
		.sin6_scope_id = 3,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	cr_expect(addr_from_sockaddr(&ss, &a));
	cr_expect_eq(a.scope, 0, "::1 has no scope");
	v6->sin6_addr.s6_addr[0] = 0xfe;
	v6->sin6_addr.s6_addr[1] = 0xbf;
	cr_expect(addr_from_sockaddr(&ss, &a));
	cr_expect_eq(a.scope, 3, "febf::1 is link-local");
}

Test(addr, equality)
{
	static const struct {
		const char *a, *b;
		bool is_equal, is_same_host;
	} cases[] = {
		{ "192.0.2.1:53", "192.0.2.1:53", true, true },
		{ "192.0.2.1:53", "192.0.2.1:54", false, true },
		{ "192.0.2.1:53", "192.0.2.2:53", false, false },
		{ "0.0.0.0:53", "[::]:53", false, false },
		{ "fe80::1", "fe80::1%lo", false, false },
		{ "[2001:db8::1]:53", "[2001:db8::1]:54", false, true },
		{ "2001:db8::1", "2001:db8::2", false, false },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct addr a = address_of(cases[i].a), b = address_of(cases[i].b);

		cr_expect_eq(
			addr_equal(&a, &b), cases[i].is_equal, "%s %s", cases[i].a, cases[i].b);
		cr_expect_eq(addr_same_host(&a, &b), cases[i].is_same_host, "%s %s", cases[i].a,
			cases[i].b);
		cr_expect_eq(addr_same_host(&b, &a), cases[i].is_same_host, "%s %s", cases[i].b,
			cases[i].a);
	}
}

Test(addr, kinds)
{
	enum { W = 1, L = 2, O = 4, P = 8 }; /* wildcard, link-local, loopback, private */
	static const struct {
		const char *text;
		unsigned kinds;
	} cases[] = {
		{ "0.0.0.0", W },
		{ "::", W },
		{ "0.0.0.1", 0 },
		{ "127.0.0.1", O | P },
		{ "127.255.255.255", O | P },
		{ "126.255.255.255", 0 },
		{ "128.0.0.0", 0 },
		{ "::1", O | P },
		{ "::2", 0 },
		{ "169.254.0.0", L | P },
		{ "169.254.255.255", L | P },
		{ "169.253.255.255", 0 },
		{ "169.255.0.0", 0 },
		{ "fe80::", L | P },
		{ "febf:ffff::1", L | P },
		{ "fec0::", 0 },
		{ "fe7f:ffff::", 0 },
		{ "9.255.255.255", 0 },
		{ "10.0.0.0", P },
		{ "10.255.255.255", P },
		{ "11.0.0.0", 0 },
		{ "172.15.255.255", 0 },
		{ "172.16.0.0", P },
		{ "172.31.255.255", P },
		{ "172.32.0.0", 0 },
		{ "192.167.255.255", 0 },
		{ "192.168.0.0", P },
		{ "192.168.255.255", P },
		{ "192.169.0.0", 0 },
		{ "100.63.255.255", 0 },
		{ "100.64.0.0", P },
		{ "100.127.255.255", P },
		{ "100.128.0.0", 0 },
		{ "fbff::1", 0 },
		{ "fc00::", P },
		{ "fdff:ffff::1", P },
		{ "fe00::", 0 },
		{ "7f00::1", 0 },
		{ "a00::", 0 },
		{ "2001:db8::1", 0 },
		{ "192.0.2.1", 0 },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct addr a = address_of(cases[i].text);
		unsigned kinds = (addr_is_wildcard(&a) ? W : 0) | (addr_is_link_local(&a) ? L : 0) |
				 (addr_is_loopback(&a) ? O : 0) | (addr_is_private(&a) ? P : 0);

		cr_expect_eq(kinds, cases[i].kinds, "%s: %u", cases[i].text, kinds);
	}
}

Test(addr, nothing_is_of_no_kind)
{
	struct addr none = { 0 };

	cr_expect_not(addr_is_wildcard(&none));
	cr_expect_not(addr_is_loopback(&none));
	cr_expect_not(addr_is_link_local(&none));
	cr_expect_not(addr_is_private(&none));
}

Test(prefix, forms_are_read)
{
	static const struct {
		const char *text, *written;
		uint8_t family, bits;
	} cases[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", AF_INET, 8 },
		{ "0.0.0.0/0", "0.0.0.0/0", AF_INET, 0 },
		{ "192.0.2.1", "192.0.2.1/32", AF_INET, 32 },
		{ "192.0.2.1/32", "192.0.2.1/32", AF_INET, 32 },
		{ "128.0.0.0/1", "128.0.0.0/1", AF_INET, 1 },
		{ "192.0.2.254/31", "192.0.2.254/31", AF_INET, 31 },
		{ "::/0", "::/0", AF_INET6, 0 },
		{ "::1", "::1/128", AF_INET6, 128 },
		{ "::1/128", "::1/128", AF_INET6, 128 },
		{ "fe80::/10", "fe80::/10", AF_INET6, 10 },
		{ "2001:DB8::/32", "2001:db8::/32", AF_INET6, 32 },
		{ "8000::/1", "8000::/1", AF_INET6, 1 },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct prefix p, again;
		char text[ADDR_TEXT_MAX], ip[INET6_ADDRSTRLEN];

		memset(&p, 0xaa, sizeof(p));
		cr_expect_eq(prefix_parse(cases[i].text, &p), 0, "%s", cases[i].text);
		cr_expect_eq(p.family, cases[i].family, "%s", cases[i].text);
		cr_expect_eq(p.bits, cases[i].bits, "%s", cases[i].text);
		cr_expect(p.family != AF_INET || is_zero_behind(p.ip, 4), "%s", cases[i].text);
		cr_assert_not_null(inet_ntop(p.family, p.ip, ip, sizeof(ip)));
		snprintf(text, sizeof(text), "%s/%u", ip, p.bits);
		cr_expect_str_eq(text, cases[i].written);
		cr_expect_eq(prefix_parse(text, &again), 0, "%s", cases[i].text);
		cr_expect_eq(memcmp(&p, &again, sizeof(p)), 0, "%s", cases[i].text);
	}
}

Test(prefix, other_texts_are_refused)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", ERR_SYNTAX },
		{ "/", ERR_SYNTAX },
		{ "/8", ERR_SYNTAX },
		{ "any", ERR_SYNTAX },
		{ "10/8", ERR_SYNTAX },
		{ "10.0.0.0/", ERR_SYNTAX },
		{ "10.0.0.0/+8", ERR_SYNTAX },
		{ "10.0.0.0/-8", ERR_SYNTAX },
		{ "10.0.0.0/ 8", ERR_SYNTAX },
		{ "10.0.0.0/8/8", ERR_SYNTAX },
		{ "10.0.0.0/255.0.0.0", ERR_SYNTAX },
		{ "10.0.0.0:53", ERR_SYNTAX },
		{ "[::1]/128", ERR_SYNTAX },
		{ "fe80::%lo/64", ERR_SYNTAX },
		{ "::ffff:192.0.2.1", ERR_SYNTAX },
		{ "::ffff:10.0.0.0/104", ERR_SYNTAX },
		{ "::ffff:0:0/96", ERR_SYNTAX },
		{ "10.0.0.0/33", ERR_RANGE },
		{ "10.0.0.0/4294967304", ERR_RANGE },
		{ "::/129", ERR_RANGE },
		{ "10.0.0.1/8", ERR_MALFORMED },
		{ "10.0.0.1/31", ERR_MALFORMED },
		{ "10.0.0.0/0", ERR_MALFORMED },
		{ "::1/0", ERR_MALFORMED },
		{ "::1/127", ERR_MALFORMED },
		{ "2001:db8::1/32", ERR_MALFORMED },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000/128", ERR_SYNTAX },
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct prefix p, before;

		memset(&p, 0xaa, sizeof(p));
		before = p;
		cr_expect_eq(prefix_parse(cases[i].text, &p), cases[i].err, "'%s'", cases[i].text);
		cr_expect_eq(memcmp(&p, &before, sizeof(p)), 0, "'%s'", cases[i].text);
	}
}
