/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of what the service manager gets to hear, with a socket of our own in its place. */
#include "notify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A datagram socket of a name that the kernel chooses (abstract), put into the environment. */
static int listen_as_manager(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof sun;
	char name[sizeof sun.sun_path + 1];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	cr_assert_neq(fd, -1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof sun.sun_family), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sun, &len), 0);
	size_t name_len = len - offsetof(struct sockaddr_un, sun_path);
	memcpy(name, sun.sun_path, name_len);
	name[0] = '@';
	name[name_len] = '\0';
	cr_assert_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void expect_text(int fd, const char *what, const char *wanted)
{
#ifdef HAVE_LIBSYSTEMD
	char text[512];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	cr_assert_geq(n, 0, "%s: nothing came", what);
	text[n] = '\0';
	cr_expect_str_eq(text, wanted, "%s: '%s'", what, text);
#else
	(void)what;
	(void)wanted;
#endif
	char more;
	cr_expect_eq(recv(fd, &more, 1, 0), -1);
	cr_expect_eq(errno, EAGAIN);
}

Test(notify, manager_hears_each_step_in_one_datagram)
{
	int fd = listen_as_manager();

	notify_ready("balancing over 3 servers");
	expect_text(fd, "ready", "READY=1\nSTATUS=balancing over 3 servers");
	notify_stopping("waiting for 17 queries");
	expect_text(fd, "stopping", "STOPPING=1\nSTATUS=waiting for 17 queries");
	notify_ready("");
	expect_text(fd, "empty", "READY=1\nSTATUS=");
	close(fd);
}

Test(notify, a_status_cannot_bring_a_line_of_its_own)
{
	int fd = listen_as_manager();

	notify_ready("all well\nMAINPID=1");
	expect_text(fd, "forged", "READY=1\nSTATUS=all well");
	close(fd);
}

Test(notify, without_a_manager_nothing_happens)
{
	unsetenv("NOTIFY_SOCKET");
	notify_ready("alone");
	notify_stopping("alone");

	int fd = listen_as_manager();
	close(fd); /* the name stays in the environment, nobody listens */
	notify_ready("to nobody");
}
