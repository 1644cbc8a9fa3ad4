/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The options of both kinds of socket, the choice of ports, and the gap between bind and connect:
 * connect() is replaced by one that first lets a stranger write to the socket. */
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "loopback.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int stranger = -1; /* sends this much at the next connect(), when it is a socket */
static unsigned stranger_sends;

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	if (stranger != -1) {
		struct addr local = local_of(fd), at = address_of("127.0.0.1");

		at.port = local.port;
		for (unsigned i = 0; i < stranger_sends; i++)
			send_text(stranger, &at, "forged");
	}
	return (int)syscall(SYS_connect, fd, to, len);
}

static struct rng seeded(const char *text)
{
	uint8_t seed[RNG_SEED_BYTES] = { 0 };
	struct rng r;

	memcpy(seed, text, strlen(text));
	rng_init_seed(&r, seed);
	return r;
}

static int must_listen(const char *text, bool reuse_port)
{
	struct listen_options options = { .reuse_port = reuse_port };
	struct addr a = address_of(text);
	unsigned buffer = 0;
	int fd = -1;

	cr_assert_eq(socket_listen(&a, &options, &fd, &buffer), 0, "%s: %s", text, strerror(errno));
	cr_assert_neq(fd, -1, "%s", text);
	return fd;
}

/* socket_listen must fail with this errno and leave the results alone. */
static void expect_no_listener(const struct addr *a, int error)
{
	struct listen_options options = { 0 };
	unsigned buffer = 77;
	int fd = -77;

	cr_expect_eq(socket_listen(a, &options, &fd, &buffer), ERR_SYSTEM);
	cr_expect_eq(errno, error, "%s", strerror(errno));
	cr_expect_eq(fd, -77);
	cr_expect_eq(buffer, 77);
}

static void expect_common_options(int fd, bool is_v6)
{
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	cr_expect_eq(option_of(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	cr_expect_eq(option_of(fd, SOL_SOCKET, SO_REUSEADDR), 0);
	cr_expect_eq(option_of(fd, IPPROTO_IP, IP_FREEBIND), 0);
	cr_expect_eq(option_of(fd, IPPROTO_IP, IP_RECVERR), 0);
	if (!is_v6) {
		cr_expect_eq(option_of(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
		return;
	}
	cr_expect_eq(option_of(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_OMIT);
	cr_expect_eq(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	cr_expect_eq(option_of(fd, IPPROTO_IPV6, IPV6_RECVERR), 0);
}

static void expect_listen_options(const char *text, bool is_v6, bool has_info)
{
	int fd = must_listen(text, false);

	expect_common_options(fd, is_v6);
	cr_expect_eq(option_of(fd, SOL_SOCKET, SO_TIMESTAMPNS), 1, "%s", text);
	cr_expect_eq(option_of(fd, SOL_SOCKET, SO_RXQ_OVFL), 1, "%s", text);
	cr_expect_eq(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 0, "%s", text);
	if (is_v6)
		cr_expect_eq(option_of(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO), has_info, "%s", text);
	else
		cr_expect_eq(option_of(fd, IPPROTO_IP, IP_PKTINFO), has_info, "%s", text);
	cr_expect_neq(local_of(fd).port, 0, "%s", text);
	close(fd);
}

Test(socket, listener_has_its_options)
{
	expect_listen_options("127.0.0.1", false, false);
	expect_listen_options("0.0.0.0", false, true);
}

Test(socket, ipv6_listener_has_its_options)
{
	skip_without_ipv6();
	expect_listen_options("::1", true, false);
	expect_listen_options("::", true, true);
}

Test(socket, ipv6_listener_leaves_the_port_of_ipv4_free)
{
	int v4 = -1;

	skip_without_ipv6();
	/* more than once, because somebody else may have the port of one try */
	for (unsigned i = 0; i < 5 && v4 == -1; i++) {
		int v6 = must_listen("::", false);
		struct addr same_port = address_of("0.0.0.0");

		same_port.port = local_of(v6).port;
		v4 = try_plain_socket(&same_port);
		close(v6);
	}
	cr_expect_neq(v4, -1, "an IPv6 socket that takes IPv4 too would hold the port");
	close(v4);
}

Test(socket, buffer_is_what_was_got)
{
	struct addr a = address_of("127.0.0.1");
	struct listen_options options = { 0 };
	unsigned buffer = 0;
	int fd = -1;

	cr_assert_eq(socket_listen(&a, &options, &fd, &buffer), 0);
	cr_expect_eq((int)buffer * 2, option_of(fd, SOL_SOCKET, SO_RCVBUF));
	cr_expect_leq(buffer, SOCKET_LISTEN_BUFFER);
	int plain = plain_socket("127.0.0.1");
	cr_expect_geq((int)buffer * 2, option_of(plain, SOL_SOCKET, SO_RCVBUF));
	/* where the limit may be passed, it is */
	int forced = 1 << 20;
	if (setsockopt(plain, SOL_SOCKET, SO_RCVBUFFORCE, &forced, sizeof(forced)) == 0)
		cr_expect_eq(buffer, SOCKET_LISTEN_BUFFER);
	close(plain);
	close(fd);
}

Test(socket, listener_refuses_an_address_in_use)
{
	int fd = must_listen("127.0.0.1", false);
	struct addr a = local_of(fd);

	expect_no_listener(&a, EADDRINUSE);
	close(fd);
}

Test(socket, nobody_joins_a_listener_by_reuse_options)
{
	int fd = must_listen("127.0.0.1", false), on = 1;
	struct addr a = local_of(fd);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a, &ss);
	int thief = socket(AF_INET, SOCK_DGRAM, 0);

	setsockopt(thief, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(thief, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	cr_expect_eq(bind(thief, (struct sockaddr *)&ss, len), -1);
	cr_expect_eq(errno, EADDRINUSE);
	close(thief);
	close(fd);
}

Test(socket, reuse_port_shares_the_address)
{
	struct listen_options options = { .reuse_port = true };
	int first = must_listen("127.0.0.1", true), second = -1;
	struct addr a = local_of(first);
	unsigned buffer;

	cr_expect_eq(socket_listen(&a, &options, &second, &buffer), 0);
	cr_expect_eq(option_of(second, SOL_SOCKET, SO_REUSEPORT), 1);
	expect_no_listener(&a, EADDRINUSE);
	close(second);
	close(first);
}

Test(socket, listener_refuses_a_foreign_address)
{
	struct addr a = address_of("192.0.2.1:5300"), none = { 0 };

	expect_no_listener(&a, EADDRNOTAVAIL);
	expect_no_listener(&none, EAFNOSUPPORT);
}

Test(socket, failures_leave_no_descriptor_open)
{
	struct addr a = address_of("192.0.2.1:5300"), here = address_of("127.0.0.1:53");
	struct rng r = seeded("leak");
	int before = dup(0), fd = -1;

	close(before);
	expect_no_listener(&a, EADDRNOTAVAIL);
	cr_expect_eq(socket_connect(&here, &a, NULL, &r, &fd), ERR_SYSTEM);
	int after = dup(0);
	cr_expect_eq(after, before);
	close(after);
}

Test(socket, local_of_no_socket_fails)
{
	struct addr a;

	cr_expect_eq(socket_local(-1, &a), ERR_SYSTEM);
	cr_expect_eq(errno, EBADF);
}

Test(socket, local_of_another_family_fails)
{
	struct addr a;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	cr_expect_eq(socket_local(fd, &a), ERR_SYSTEM);
	cr_expect_eq(errno, EAFNOSUPPORT);
	close(fd);
}

/* ---- ports ------------------------------------------------------------------------------ */

Test(socket, port_set_knows_what_was_added)
{
	static const uint16_t ports[] = { 0, 1, 63, 64, 1023, 1024, 32768, 65535 };
	static struct port_set set;

	for (size_t i = 0; i < N(ports); i++) {
		cr_expect_not(port_set_has(&set, ports[i]), "%u", ports[i]);
		port_set_add(&set, ports[i]);
		cr_expect(port_set_has(&set, ports[i]), "%u", ports[i]);
	}
	cr_expect_not(port_set_has(&set, 2));
	cr_expect_not(port_set_has(&set, 65534));
}

/* False when the sysctl may not be written, namespace or not. */
static bool write_reserved(const char *text)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "w");

	if (file == NULL)
		return false;
	bool is_written = fputs(text, file) >= 0;
	return fclose(file) == 0 && is_written;
}

Test(socket, port_set_takes_the_reserved_ports)
{
	static struct port_set set;
	unsigned n = 0;

	enter_network();
	port_set_add_reserved(&set);
	for (unsigned port = 0; port < 65536; port++)
		n += port_set_has(&set, (uint16_t)port);
	cr_expect_eq(n, 0, "a fresh namespace reserves nothing");
	if (!write_reserved("1,8080,9148-9150,65535\n"))
		cr_skip_test("ip_local_reserved_ports cannot be written here");
	port_set_add_reserved(&set);
	for (unsigned port = 0; port < 65536; port++)
		n += port_set_has(&set, (uint16_t)port);
	cr_expect_eq(n, 6, "%u", n);
	cr_expect(port_set_has(&set, 1));
	cr_expect(port_set_has(&set, 8080));
	cr_expect(port_set_has(&set, 9148));
	cr_expect(port_set_has(&set, 9149));
	cr_expect(port_set_has(&set, 9150));
	cr_expect(port_set_has(&set, 65535));
}

/* ---- connected sockets ------------------------------------------------------------------- */

static int must_connect(const struct addr *server, const struct addr *source,
	const struct port_set *avoid, struct rng *r)
{
	int fd = -1;

	cr_assert_eq(socket_connect(server, source, avoid, r, &fd), 0, "%s", strerror(errno));
	return fd;
}

static void expect_no_connection(const struct addr *server, const struct addr *source,
	const struct port_set *avoid, int error)
{
	struct rng r = seeded("never");
	int fd = -77;

	cr_expect_eq(socket_connect(server, source, avoid, &r, &fd), ERR_SYSTEM);
	cr_expect_eq(errno, error, "%s", strerror(errno));
	cr_expect_eq(fd, -77);
}

static void expect_talk(const char *text)
{
	struct rng r = seeded("talk");
	int server = plain_socket(text);
	struct addr at = local_of(server), client;
	int fd = must_connect(&at, NULL, NULL, &r);

	expect_common_options(fd, at.family == AF_INET6);
	cr_expect_eq(send(fd, "ask", 3, 0), 3);
	expect_text(server, "ask", &client);
	cr_expect_eq(client.port, local_of(fd).port);
	cr_expect_geq(client.port, 1024);
	send_text(server, &client, "answer");
	expect_text(fd, "answer", NULL);
	close(fd);
	close(server);
}

Test(socket, connected_socket_talks_to_its_server)
{
	expect_talk("127.0.0.1");
}

Test(socket, connected_ipv6_socket_talks_to_its_server)
{
	skip_without_ipv6();
	expect_talk("::1");
}

Test(socket, connected_socket_hears_no_stranger)
{
	struct rng r = seeded("stranger");
	int server = plain_socket("127.0.0.1"), other = plain_socket("127.0.0.1");
	struct addr at = local_of(server);
	int fd = must_connect(&at, NULL, NULL, &r);
	struct addr here = local_of(fd);

	/* refused for the stranger: no such pair of addresses */
	send_text(other, &here, "forged");
	send_text(server, &here, "true");
	expect_text(fd, "true", NULL);
	cr_expect_not(is_ready(fd, POLLIN, 0));
	close(fd);
	close(other);
	close(server);
}

Test(socket, what_came_before_connect_is_thrown_away)
{
	struct rng r = seeded("gap");
	int server = plain_socket("127.0.0.1");
	struct addr at = local_of(server);

	stranger = plain_socket("127.0.0.1");
	stranger_sends = 100;
	int fd = must_connect(&at, NULL, NULL, &r);
	struct addr here = local_of(fd);
	cr_expect_not(is_ready(fd, POLLIN, 0), "a forged datagram is left");
	send_text(server, &here, "true");
	expect_text(fd, "true", NULL);
	close(fd);
	close(stranger);
	close(server);
}

Test(socket, drain_takes_errors_and_data)
{
	int fd = plain_socket("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd), nobody = closed_port();
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&nobody, &ss);

	for (unsigned i = 0; i < 50; i++)
		send_text(sender, &at, i % 2 != 0 ? "" : "something");
	cr_assert_eq(syscall(SYS_connect, fd, &ss, len), 0);
	cr_assert_eq(send(fd, "x", 1, 0), 1);
	cr_assert(is_ready(fd, POLLERR, WAIT_MS), "a refusal is pending");
	socket_drain(fd);
	cr_expect_not(is_ready(fd, POLLIN, 0));
	cr_expect_eq(take_error(fd), 0);
	close(sender);
	close(fd);
}

Test(socket, ports_are_drawn_from_the_whole_range)
{
	struct addr server = address_of("127.0.0.1:53");
	unsigned eighths = 0;

	for (unsigned i = 0; i < 100; i++) {
		char name[16];
		snprintf(name, sizeof(name), "port %u", i);
		struct rng r = seeded(name);
		int fd = must_connect(&server, NULL, NULL, &r);
		uint16_t port = local_of(fd).port;

		cr_expect_geq(port, 1024);
		eighths |= 1u << port / 8192;
		close(fd);
	}
	cr_expect_eq(eighths, 0xff, "%#x", eighths);
}

Test(socket, port_depends_on_the_generator_alone)
{
	struct addr server = address_of("127.0.0.1:53");
	struct rng a = seeded("same"), b = seeded("same");
	int first = must_connect(&server, NULL, NULL, &a);
	uint16_t port = local_of(first).port;

	close(first);
	int second = must_connect(&server, NULL, NULL, &b);
	cr_expect_eq(local_of(second).port, port);
	close(second);
}

Test(socket, port_in_use_is_drawn_again)
{
	struct addr server = address_of("127.0.0.1:53");
	struct rng a = seeded("taken"), b = seeded("taken"), expected = seeded("taken");
	int first = must_connect(&server, NULL, NULL, &a);
	int second = must_connect(&server, NULL, NULL, &b);

	cr_expect_eq(local_of(first).port, 1024 + rng_below(&expected, 64512));
	cr_expect_eq(local_of(second).port, 1024 + rng_below(&expected, 64512));
	cr_expect_neq(local_of(first).port, local_of(second).port);
	close(first);
	close(second);
}

static struct port_set all_ports;

static void avoid_all_but(uint16_t first, uint16_t last)
{
	memset(&all_ports, 0xff, sizeof(all_ports));
	for (unsigned port = first; port <= last; port++)
		all_ports.word[port / 64] &= ~(1ULL << port % 64);
}

Test(socket, avoided_ports_are_never_taken)
{
	static const uint16_t only[] = { 1024, 1087, 1088, 20000, 65534, 65535 };
	struct addr server = address_of("127.0.0.1:53");
	struct rng r = seeded("avoid");

	for (size_t i = 0; i < N(only); i++) {
		struct addr probe = address_of("0.0.0.0");
		int fd;

		probe.port = only[i];
		fd = try_plain_socket(&probe);
		if (fd == -1)
			continue; /* somebody else has it */
		close(fd);
		avoid_all_but(only[i], only[i]);
		fd = must_connect(&server, NULL, &all_ports, &r);
		cr_expect_eq(local_of(fd).port, only[i], "%u", only[i]);
		close(fd);
	}
}

Test(socket, draws_among_few_ports_reach_all)
{
	struct addr server = address_of("127.0.0.1:53");
	struct rng r = seeded("few");
	unsigned seen = 0;

	avoid_all_but(20028, 20035); /* on both sides of a word of the bitmap */
	for (unsigned i = 0; i < 200; i++) {
		int fd = must_connect(&server, NULL, &all_ports, &r);
		uint16_t port = local_of(fd).port;

		cr_assert(port >= 20028 && port <= 20035, "%u", port);
		seen |= 1u << (port - 20028);
		close(fd);
	}
	cr_expect_eq(__builtin_popcount(seen), 8, "%#x", seen);
}

Test(socket, no_port_left_is_an_error)
{
	struct addr server = address_of("127.0.0.1:53");

	avoid_all_but(1023, 1023); /* below the range */
	expect_no_connection(&server, NULL, &all_ports, EADDRINUSE);
	int fd = plain_socket("127.0.0.1");
	uint16_t port = local_of(fd).port;
	avoid_all_but(port, port);
	expect_no_connection(&server, NULL, &all_ports, EADDRINUSE);
	close(fd);
}

Test(socket, source_address_is_used)
{
	struct addr server = address_of("127.0.0.1:53"), source = address_of("127.0.0.9");
	struct rng r = seeded("source");
	int fd = must_connect(&server, &source, NULL, &r);
	struct addr here = local_of(fd);

	cr_expect(addr_same_host(&here, &source));
	cr_expect_geq(here.port, 1024);
	close(fd);
}

Test(socket, source_port_is_used_as_given)
{
	struct addr server = address_of("127.0.0.1:53"), source;
	struct rng r = seeded("unused"), untouched = r;
	int fd = plain_socket("127.0.0.9");

	source = local_of(fd);
	expect_no_connection(&server, &source, NULL, EADDRINUSE);
	close(fd);
	memset(&all_ports, 0xff, sizeof(all_ports)); /* a written port is not for us to avoid */
	fd = must_connect(&server, &source, &all_ports, &r);
	struct addr here = local_of(fd);
	cr_expect(addr_equal(&here, &source));
	cr_expect_eq(memcmp(&r, &untouched, sizeof(r)), 0, "nothing is drawn");
	close(fd);
}

Test(socket, source_without_family_may_name_a_port)
{
	struct addr server = address_of("127.0.0.1:53"), source = { 0 };
	struct rng r = seeded("port only");
	int fd = must_connect(&server, &source, NULL, &r);

	cr_expect_geq(local_of(fd).port, 1024);
	source.port = local_of(fd).port;
	close(fd);
	fd = must_connect(&server, &source, NULL, &r);
	cr_expect_eq(local_of(fd).port, source.port);
	close(fd);
}

Test(socket, wrong_sources_are_errors)
{
	struct addr server = address_of("127.0.0.1:53");
	struct addr foreign = address_of("192.0.2.1"), v6 = address_of("::1"), none = { 0 };

	expect_no_connection(&server, &foreign, NULL, EADDRNOTAVAIL);
	expect_no_connection(&server, &v6, NULL, EAFNOSUPPORT);
	expect_no_connection(&none, NULL, NULL, EAFNOSUPPORT);
}

/* Loopback that fragments as Ethernet does; its own MTU of 65536 never would. */
static void make_loopback_small(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_mtu = 1500 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	cr_assert_eq(ioctl(fd, SIOCSIFMTU, &request), 0);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

/* The largest fragment of a datagram that is about to be read. */
static int largest_fragment(int fd, size_t size)
{
	char big[4096], control[256];
	struct iovec piece = { big, sizeof(big) };
	struct msghdr header = { .msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int largest = 0;

	cr_assert(is_ready(fd, POLLIN, WAIT_MS));
	cr_assert_eq(recvmsg(fd, &header, 0), (ssize_t)size);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVFRAGSIZE)
			memcpy(&largest, CMSG_DATA(c), sizeof(largest));
	}
	return largest;
}

Test(socket, ipv6_fragments_fit_every_path)
{
	enter_network();
	make_loopback_small();
	skip_without_ipv6();

	static const char big[4000];
	struct rng r = seeded("fragments");
	int server = plain_socket("::1"), on = 1;
	struct addr at = local_of(server);
	int fd = must_connect(&at, NULL, NULL, &r);

	cr_assert_eq(setsockopt(server, IPPROTO_IPV6, IPV6_RECVFRAGSIZE, &on, sizeof(on)), 0);
	cr_assert_eq(send(fd, big, sizeof(big), 0), (ssize_t)sizeof(big));
	int largest = largest_fragment(server, sizeof(big));
	cr_expect(largest > 0 && largest <= 1280, "%d", largest);
	close(fd);
	close(server);
}
