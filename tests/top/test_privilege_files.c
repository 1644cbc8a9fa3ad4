/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of the limits a process meets: open files, low ports, and the configuration it will have
 * to read again. */
#include "privilege.h"

#include <cap-ng.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "top/child.h"

#define USER "nobody"

/* What the child tells. */
struct told {
	int rc, rc2, error;
	uint64_t got, hard;
	struct privilege_message message, message2;
};

static const struct told *in_child(void (*step)(struct told *))
{
	struct told *t = child_shared(sizeof *t);
	pid_t child = fork();

	cr_assert_neq(child, -1);
	if (child == 0) {
		step(t);
		_exit(0);
	}
	child_expect_success(child);
	return t;
}

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
}

static char path[64]; /* inherited by the child */

static void make_file(mode_t mode)
{
	strcpy(path, "/tmp/test_privilege.XXXXXX");
	int fd = mkstemp(path);

	cr_assert_neq(fd, -1);
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void become_and_read(struct told *t)
{
	if (privilege_become(USER, false, &t->message) != 0)
		_exit(80);
	t->rc = privilege_can_read(path, USER, &t->message);
	t->error = errno;
	t->rc2 = privilege_can_read("/nonexistent/dnsbal.conf", NULL, &t->message2);
}

Test(privilege_files, one_that_only_root_can_read_is_refused)
{
	need_root();
	make_file(0600);
	const struct told *t = in_child(become_and_read);

	unlink(path);
	cr_expect_eq(t->rc, ERR_SYSTEM);
	cr_expect_eq(t->error, EACCES);
	cr_expect(strstr(t->message.text, path), "%s", t->message.text);
	cr_expect(strstr(t->message.text, "user '" USER "'"), "%s", t->message.text);
	cr_expect(strstr(t->message.text, "to the user's group"), "%s", t->message.text);
	cr_expect_eq(t->rc2, ERR_SYSTEM);
	cr_expect(strstr(t->message2.text, "user '" USER "'"), "%s", t->message2.text);
	cr_expect(strstr(t->message2.text, "No such file"), "%s", t->message2.text);
}

Test(privilege_files, one_that_all_can_read_is_accepted)
{
	need_root();
	make_file(0644);
	const struct told *t = in_child(become_and_read);

	unlink(path);
	cr_expect_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_str_empty(t->message.text);
}

Test(privilege_files, a_fifo_without_a_writer_is_not_waited_for, .timeout = 10)
{
	struct privilege_message m;

	make_file(0600);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(privilege_can_read(path, NULL, &m), 0, "%s", m.text);
	unlink(path);
}

Test(privilege_files, low_ports_start_where_the_kernel_says)
{
	int said = 1024;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");

	if (f) {
		cr_expect_eq(fscanf(f, "%d", &said), 1);
		fclose(f);
	}
	cr_expect_eq(privilege_low_port_start(), said);
}

static void raise_from_64_of_128(struct told *t, uint64_t need)
{
	struct rlimit limit = { 64, 128 };

	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		_exit(81);
	t->rc = privilege_raise_files(need, &t->got);
	getrlimit(RLIMIT_NOFILE, &limit);
	t->hard = limit.rlim_max;
}

static void raise_to_100(struct told *t)
{
	raise_from_64_of_128(t, 100);
}

static void raise_to_10(struct told *t)
{
	raise_from_64_of_128(t, 10);
}

static void raise_to_200(struct told *t)
{
	raise_from_64_of_128(t, 200);
}

static void raise_to_everything(struct told *t)
{
	raise_from_64_of_128(t, UINT64_MAX);
}

Test(privilege_files, limit_rises_to_the_need)
{
	const struct told *t = in_child(raise_to_100);

	cr_assert_eq(t->rc, 0);
	cr_expect_eq(t->got, 100, "%" PRIu64, t->got);
	cr_expect_eq(t->hard, 128, "%" PRIu64, t->hard);
}

Test(privilege_files, limit_is_never_lowered)
{
	const struct told *t = in_child(raise_to_10);

	cr_assert_eq(t->rc, 0);
	cr_expect_eq(t->got, 64, "%" PRIu64, t->got);
	cr_expect_eq(t->hard, 128, "%" PRIu64, t->hard);
}

Test(privilege_files, limit_beyond_the_hard_one_rises_as_far_as_allowed)
{
	bool may = capng_get_caps_process() == 0 &&
		   capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_RESOURCE) == 1;
	const struct told *t = in_child(raise_to_200);

	cr_assert_eq(t->rc, 0);
	cr_expect_eq(t->got, may ? 200 : 128, "%" PRIu64, t->got);
	cr_expect_eq(t->got, t->hard, "%" PRIu64, t->hard);
}

Test(privilege_files, limit_without_bound_rises_as_far_as_allowed)
{
	const struct told *t = in_child(raise_to_everything);

	cr_assert_eq(t->rc, 0);
	cr_expect_geq(t->got, 128, "%" PRIu64, t->got);
	cr_expect_eq(t->got, t->hard, "%" PRIu64, t->hard);
}
