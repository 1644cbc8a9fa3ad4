/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * loopback - what the socket tests share: addresses of this machine, sockets without any of our
 * options, and a wait that ends by itself only when something is wrong. */
#pragma once
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/addr.h"
#include "net/socket.h"

#define WAIT_MS 5000

static inline struct addr address_of(const char *text)
{
	struct addr a = { 0 };

	cr_assert_eq(addr_parse(text, 0, &a), 0, "%s", text);
	return a;
}

static inline struct addr local_of(int fd)
{
	struct addr a = { 0 };

	cr_assert_eq(socket_local(fd, &a), 0);
	return a;
}

/* Reads and clears SO_ERROR. */
static inline int take_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	return error;
}

/* A socket with the kernel's defaults, bound to the address. -1 when that cannot be. */
static inline int try_plain_socket(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, &ss);
	int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd != -1 && bind(fd, (struct sockaddr *)&ss, len) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline int plain_socket(const char *text)
{
	struct addr a = address_of(text);
	int fd = try_plain_socket(&a);

	cr_assert_neq(fd, -1, "%s", text);
	return fd;
}

static inline void skip_without_ipv6(void)
{
	struct addr a = address_of("::1");
	int fd = try_plain_socket(&a);

	if (fd == -1)
		cr_skip_test("::1 cannot be bound here");
	close(fd);
}

static inline void send_text(int fd, const struct addr *to, const char *text)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(to, &ss);

	cr_assert_eq(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&ss, len),
		(ssize_t)strlen(text), "%s", text);
}

static inline bool is_ready(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, timeout_ms) == 1;
}

/* The next datagram must be this text. */
static inline void expect_text(int fd, const char *text, struct addr *from_out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char got[256];

	cr_assert(is_ready(fd, POLLIN, WAIT_MS), "nothing came, not even %s", text);
	ssize_t n = recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&ss, &len);
	cr_assert_eq(n, (ssize_t)strlen(text), "%zd bytes for %s", n, text);
	cr_assert_eq(memcmp(got, text, strlen(text)), 0, "%s", text);
	if (from_out != NULL)
		cr_assert(addr_from_sockaddr(&ss, from_out));
}

/* An address of the loopback interface where nobody listens. */
static inline struct addr closed_port(void)
{
	int fd = plain_socket("127.0.0.1");
	struct addr a = local_of(fd);

	close(fd);
	return a;
}

static inline int option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0, "%d/%d", level, name);
	return value;
}

/* Our two kinds of socket, any port. */
static inline int listen_on(const char *text)
{
	struct listen_options options = { 0 };
	struct addr a = address_of(text);
	unsigned buffer;
	int fd = -1;

	cr_assert_eq(socket_listen(&a, &options, &fd, &buffer), 0, "%s: %s", text, strerror(errno));
	return fd;
}

static inline int connect_to(const struct addr *server)
{
	struct rng r;
	int fd = -1;

	rng_init(&r);
	cr_assert_eq(socket_connect(server, NULL, NULL, &r, &fd), 0, "%s", strerror(errno));
	return fd;
}

/* A network namespace of this test's own, or the test is skipped. */
static inline void enter_network(void)
{
	if (unshare(CLONE_NEWNET) == -1 && unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
		cr_skip_test("no network namespace may be made here");
}
