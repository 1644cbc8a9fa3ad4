/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of the way down from root. What a process gives away it never gets back, so each step
 * runs in a child, which tells in shared memory what /proc/self/status said after it. Most need
 * root with its usual capabilities, and are skipped without. */
#include "privilege.h"

#include <cap-ng.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "top/child.h"

#define USER "nobody" /* on every Linux */
#define BIND_SERVICE (UINT64_C(1) << CAP_NET_BIND_SERVICE)

struct status {
	uint64_t effective, permitted, inheritable, bounding, ambient;
	unsigned uid[4], gid[4];
	int no_new_privs, dumpable;
};

struct told {
	int rc, rc2, error;
	int can_bind_low, can_become_root;
	struct privilege_message message, message2;
	struct status status, status2;
};

static void read_status(struct status *s)
{
	char line[4096];
	FILE *f = fopen("/proc/self/status", "re");

	memset(s, 0, sizeof *s);
	if (!f)
		_exit(80);
	while (fgets(line, sizeof line, f)) {
		sscanf(line, "CapEff: %" SCNx64, &s->effective);
		sscanf(line, "CapPrm: %" SCNx64, &s->permitted);
		sscanf(line, "CapInh: %" SCNx64, &s->inheritable);
		sscanf(line, "CapBnd: %" SCNx64, &s->bounding);
		sscanf(line, "CapAmb: %" SCNx64, &s->ambient);
		sscanf(line, "NoNewPrivs: %d", &s->no_new_privs);
		sscanf(line, "Uid: %u %u %u %u", &s->uid[0], &s->uid[1], &s->uid[2], &s->uid[3]);
		sscanf(line, "Gid: %u %u %u %u", &s->gid[0], &s->gid[1], &s->gid[2], &s->gid[3]);
	}
	fclose(f);
	s->dumpable = prctl(PR_GET_DUMPABLE);
}

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

static bool have(unsigned capability)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, capability) == 1;
}

/* Containers seldom grant it. */
static uint64_t net_admin(void)
{
	return have(CAP_NET_ADMIN) ? UINT64_C(1) << CAP_NET_ADMIN : 0;
}

static void need_root(void)
{
	if (geteuid() != 0 || !have(CAP_SETUID) || !have(CAP_SETGID) || !have(CAP_SETPCAP) ||
		!have(CAP_NET_BIND_SERVICE))
		cr_skip_test("needs root with CAP_SETUID, SETGID, SETPCAP, NET_BIND_SERVICE");
}

/* A TCP socket on a low port of loopback: 1, 0 when permission is lacking, -1 otherwise. */
static int try_low_port(void)
{
	for (uint16_t port = 600; port < 620; port++) {
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		int rc = bind(fd, (struct sockaddr *)&sin, sizeof sin);
		int error = errno;
		close(fd);
		if (rc == 0)
			return 1;
		if (error == EACCES)
			return 0;
	}
	return -1;
}

static void become_and_keep(struct told *t)
{
	t->rc = privilege_become(USER, true, &t->message);
	read_status(&t->status);
	t->rc2 = privilege_drop_rest(true, &t->message2);
	read_status(&t->status2);
	t->can_bind_low = try_low_port();
	t->can_become_root = setuid(0) == 0 || setresuid(-1, 0, -1) == 0;
}

Test(privilege, root_becomes_the_user_for_good)
{
	need_root();
	const struct passwd *user = getpwnam(USER);
	cr_assert_not_null(user);
	const struct told *t = in_child(become_and_keep);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_str_empty(t->message.text);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(t->status.uid[i], user->pw_uid, "uid %d", i);
		cr_expect_eq(t->status.gid[i], user->pw_gid, "gid %d", i);
	}
	cr_expect_eq(t->status.no_new_privs, 1);
	cr_expect_eq(t->status.dumpable, 1);
	cr_expect_not(t->can_become_root);
}

Test(privilege, capabilities_of_binding_stay_until_the_first_bind)
{
	need_root();
	const struct told *t = in_child(become_and_keep);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_eq(
		t->status.permitted, BIND_SERVICE | net_admin(), "%#" PRIx64, t->status.permitted);
	cr_expect_eq(
		t->status.effective, BIND_SERVICE | net_admin(), "%#" PRIx64, t->status.effective);
	cr_expect_eq(t->status.inheritable, 0);
	cr_expect_eq(t->status.bounding, 0, "%#" PRIx64, t->status.bounding);
	cr_expect_eq(t->status.ambient, 0);
	cr_assert_eq(t->rc2, 0, "%s", t->message2.text);
	cr_expect_eq(t->status2.permitted, BIND_SERVICE);
	cr_expect_eq(t->status2.effective, BIND_SERVICE);
	cr_expect_eq(t->can_bind_low, 1);
}

static void become_without_low_port(struct told *t)
{
	t->rc = privilege_become(USER, false, &t->message);
	read_status(&t->status);
	t->rc2 = privilege_drop_rest(true, &t->message2); /* what is gone does not come back */
	read_status(&t->status2);
	t->can_bind_low = try_low_port();
}

Test(privilege, without_low_ports_nothing_stays)
{
	need_root();
	const struct told *t = in_child(become_without_low_port);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_str_empty(t->message.text);
	cr_expect_eq(t->status.permitted, net_admin());
	cr_assert_eq(t->rc2, 0, "%s", t->message2.text);
	cr_expect_eq(t->status2.permitted, 0);
	if (privilege_low_port_start() > 620)
		cr_expect_eq(t->can_bind_low, 0);
}

static void drop_in_two_steps(struct told *t)
{
	t->rc = privilege_become(USER, true, &t->message);
	if (t->rc == 0)
		t->rc = privilege_drop_rest(true, &t->message);
	read_status(&t->status);
	t->rc2 = privilege_drop_rest(false, &t->message2);
	read_status(&t->status2);
}

Test(privilege, the_low_port_can_be_let_go_of_later)
{
	need_root();
	const struct told *t = in_child(drop_in_two_steps);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_eq(t->status.permitted, BIND_SERVICE);
	cr_assert_eq(t->rc2, 0, "%s", t->message2.text);
	cr_expect_eq(t->status2.permitted, 0);
}

static void become_after_groups(struct told *t)
{
	gid_t groups[64] = { 0, 1, 2, 3, 4, 5 };

	if (setgroups(6, groups) == -1)
		_exit(81);
	t->rc = privilege_become(USER, false, &t->message);
	int n = getgroups(64, groups);
	for (int i = 0; i < n; i++)
		t->error += groups[i] <= 5;
}

Test(privilege, groups_of_root_are_left)
{
	need_root();
	const struct told *t = in_child(become_after_groups);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_eq(t->error, 0, "%d of root's groups were kept", t->error);
}

static void become_root(struct told *t)
{
	t->rc = privilege_become("root", true, &t->message);
	t->rc2 = privilege_drop_rest(false, &t->message2);
	read_status(&t->status);
}

Test(privilege, user_root_keeps_the_name_and_loses_the_powers)
{
	need_root();
	const struct told *t = in_child(become_root);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_assert_eq(t->rc2, 0, "%s", t->message2.text);
	cr_expect_eq(t->status.uid[0], 0);
	cr_expect_eq(t->status.permitted, 0);
	cr_expect_eq(t->status.bounding, 0);
	cr_expect_eq(t->status.no_new_privs, 1);
}

static void become_unknown(struct told *t)
{
	t->rc = privilege_become("no-such-user-here", true, &t->message);
	read_status(&t->status);
}

Test(privilege, an_unknown_user_is_named_with_what_to_do)
{
	need_root();
	const struct told *t = in_child(become_unknown);

	cr_assert_eq(t->rc, ERR_MISSING);
	cr_expect(strstr(t->message.text, "'no-such-user-here' does not exist"), "%s",
		t->message.text);
	cr_expect(strstr(t->message.text, "systemd-sysusers"), "%s", t->message.text);
	cr_expect_eq(t->status.uid[0], 0);
}

/* Takes capabilities away, as a container does. */
static void lose(unsigned capability)
{
	if (capng_get_caps_process() != 0 ||
		capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability) != 0 ||
		capng_apply(CAPNG_SELECT_CAPS) != 0)
		_exit(82);
}

static void become_without_setuid(struct told *t)
{
	lose(CAP_SETUID);
	t->rc = privilege_become(USER, true, &t->message);
}

Test(privilege, root_that_may_not_change_the_user_stops)
{
	need_root();
	const struct told *t = in_child(become_without_setuid);

	cr_assert_eq(t->rc, ERR_SYSTEM);
	cr_expect(strstr(t->message.text, "CAP_SETUID"), "%s", t->message.text);
	cr_expect(strstr(t->message.text, "cannot become user '" USER "'") == t->message.text, "%s",
		t->message.text);
}

static void become_without_setpcap(struct told *t)
{
	lose(CAP_SETPCAP);
	lose(CAP_NET_ADMIN);
	t->rc = privilege_become(USER, true, &t->message);
	read_status(&t->status);
}

Test(privilege, a_missing_setpcap_is_told_and_survived)
{
	need_root();
	const struct told *t = in_child(become_without_setpcap);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect(strstr(t->message.text, "CAP_SETPCAP"), "%s", t->message.text);
	cr_expect_eq(t->status.permitted, BIND_SERVICE);
	cr_expect_neq(t->status.uid[0], 0);
	cr_expect_neq(t->status.bounding, 0);
}

static void become_without_bind_service(struct told *t)
{
	lose(CAP_NET_BIND_SERVICE);
	t->rc = privilege_become(USER, true, &t->message);
	read_status(&t->status);
}

Test(privilege, a_missing_bind_service_is_told_and_survived)
{
	need_root();
	const struct told *t = in_child(become_without_bind_service);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect(strstr(t->message.text, "CAP_NET_BIND_SERVICE"), "%s", t->message.text);
	cr_expect_eq(t->status.permitted, net_admin());
}

/* As systemd starts a service with User= and AmbientCapabilities=. */
static void become_as_a_service(struct told *t)
{
	const struct passwd *user = getpwnam(USER);

	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_CAPS);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
		CAP_NET_BIND_SERVICE, CAP_NET_RAW, -1);
	if (!user ||
		capng_change_id((int)user->pw_uid, (int)user->pw_gid, CAPNG_DROP_SUPP_GRP) != 0)
		_exit(83);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == -1)
		_exit(84);
	read_status(&t->status);
	t->rc = privilege_become("no-such-user-here", true, &t->message);
	t->rc2 = privilege_drop_rest(true, &t->message2);
	read_status(&t->status2);
	t->can_bind_low = try_low_port();
}

Test(privilege, a_service_keeps_the_bind_capability_it_was_started_with)
{
	need_root();
	const struct told *t = in_child(become_as_a_service);

	cr_assert_eq(t->status.ambient, BIND_SERVICE, "the test's own preparation");
	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_str_empty(t->message.text);
	cr_assert_eq(t->rc2, 0, "%s", t->message2.text);
	cr_expect_eq(t->status2.permitted, BIND_SERVICE, "%#" PRIx64, t->status2.permitted);
	cr_expect_eq(t->status2.effective, BIND_SERVICE);
	cr_expect_eq(t->status2.ambient, 0);
	cr_expect_eq(t->status2.inheritable, 0);
	cr_expect_eq(t->status2.no_new_privs, 1);
	cr_expect_eq(t->status2.uid[0], t->status.uid[0]);
	cr_expect_eq(t->can_bind_low, 1);
}

static void become_as_anybody(struct told *t)
{
	if (geteuid() == 0 && setuid(65534) == -1)
		_exit(85);
	t->rc = privilege_become("no-such-user-here", false, &t->message);
	t->rc2 = privilege_drop_rest(false, &t->message2);
	read_status(&t->status);
}

Test(privilege, the_user_is_ignored_unless_root_starts_it)
{
	const struct told *t = in_child(become_as_anybody);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_str_empty(t->message.text);
	cr_assert_eq(t->rc2, 0, "%s", t->message2.text);
	cr_expect_eq(t->status.no_new_privs, 1);
	cr_expect_eq(t->status.permitted, 0);
}

static void stay_undumpable(struct told *t)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	t->rc = privilege_become(USER, false, &t->message);
	t->status.dumpable = prctl(PR_GET_DUMPABLE);
}

Test(privilege, who_forbids_core_dumps_is_obeyed)
{
	need_root();
	const struct told *t = in_child(stay_undumpable);

	cr_assert_eq(t->rc, 0, "%s", t->message.text);
	cr_expect_eq(t->status.dumpable, 0);
}
