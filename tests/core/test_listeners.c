/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Listening sockets: shared ports, and that all problems are told at once and nothing stays open. */
#include "core/listeners.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "net/loopback.h"

static char text[65536];

static void capture(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	cr_assert_neq(fd, -1);
	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static const char *logged(void)
{
	ssize_t n = pread(STDERR_FILENO, text, sizeof text - 1, 0);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

TestSuite(listeners, .init = capture);

Test(listeners, each_address_has_its_sockets_on_one_port)
{
	const struct listener_params p[2] = {
		{ .address = address_of("127.0.0.1"), .n_sockets = 1 },
		{ .address = address_of("127.0.0.2"), .n_sockets = 3, .is_shared = true },
	};
	struct listeners l;
	int before = next_fd();

	cr_assert_eq(listeners_open(p, 2, &l), 0);
	cr_assert_eq(l.n, 2);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(l.listener[i].n_sockets, p[i].n_sockets);
		cr_expect_neq(l.listener[i].address.port, 0);
		for (unsigned k = 0; k < p[i].n_sockets; k++) {
			struct addr a = local_of(l.listener[i].fds[k]);
			cr_expect(addr_equal(&a, &l.listener[i].address));
		}
	}
	listeners_close(&l);
	cr_expect_eq(l.n, 0);
	cr_expect_eq(next_fd(), before, "something stays open");
}

Test(listeners, all_problems_are_told_and_nothing_stays_open)
{
	int taken = plain_socket("127.0.0.1");
	struct listener_params p[3] = {
		{ .address = address_of("127.0.0.1"), .n_sockets = 2, .is_shared = true },
		{ .address = local_of(taken), .n_sockets = 1 },
		{ .address = address_of("203.0.113.77:5300"), .n_sockets = 1 },
	};
	struct listeners l = { 0 };
	char line[ADDR_TEXT_MAX + 128], address[ADDR_TEXT_MAX];
	int before = next_fd();

	cr_expect_eq(listeners_open(p, 3, &l), ERR_SYSTEM);
	cr_expect_eq(next_fd(), before, "something stays open");
	addr_format(&p[1].address, address, sizeof address);
	snprintf(line, sizeof line,
		"cannot listen on %s: Address already in use: another program listens there",
		address);
	cr_expect_not_null(strstr(logged(), line), "%s", text);
	cr_expect_not_null(strstr(text, "203.0.113.77:5300: Cannot assign requested address (see: "
					"ip address): give the address to this host, or "
					"listen on one it has"),
		"%s", text);
	close(taken);
}

Test(listeners, who_shares_shares_with_no_other_program)
{
	struct listener_params p[2] = {
		{ .address = address_of("127.0.0.1"), .n_sockets = 2, .is_shared = true },
		{ .address = address_of("0.0.0.0"), .n_sockets = 2, .is_shared = true },
	};
	struct listeners first, second = { 0 };

	cr_assert_eq(listeners_open(p, 1, &first), 0);
	p[0].address = first.listener[0].address;
	cr_expect_eq(listeners_open(p, 1, &second), ERR_SYSTEM);
	cr_expect_not_null(strstr(logged(), "Address already in use"), "%s", text);
	listeners_close(&first);

	/* an address and the wildcard, of one port, are ours together */
	p[1].address.port = p[0].address.port;
	cr_expect_eq(listeners_open(p, 2, &second), 0);
	listeners_close(&second);
}

Test(listeners, a_default_the_host_lacks_is_skipped_with_a_notice)
{
	const struct listener_params p[2] = {
		{ .address = address_of("203.0.113.77:5300"), .n_sockets = 1, .is_default = true },
		{ .address = address_of("127.0.0.1"), .n_sockets = 1, .is_default = true },
	};
	struct listeners l;

	cr_assert_eq(listeners_open(p, 2, &l), 0);
	cr_assert_eq(l.n, 1);
	cr_expect_not_null(
		strstr(logged(), "notice: not listening on 203.0.113.77:5300"), "%s", text);
	listeners_close(&l);
}

Test(listeners, with_all_skipped_there_is_nothing_to_do)
{
	const struct listener_params p = {
		.address = address_of("203.0.113.77:5300"), .n_sockets = 1, .is_default = true
	};
	struct listeners l = { 0 };

	cr_expect_eq(listeners_open(&p, 1, &l), ERR_SYSTEM);
	cr_expect_not_null(strstr(logged(), "no address to listen on is left"), "%s", text);
}

Test(listeners, a_port_in_use_is_an_error_for_a_default_too)
{
	int taken = plain_socket("127.0.0.1");
	const struct listener_params p = {
		.address = local_of(taken), .n_sockets = 1, .is_default = true
	};
	struct listeners l = { 0 };

	cr_expect_eq(listeners_open(&p, 1, &l), ERR_SYSTEM);
	close(taken);
}
