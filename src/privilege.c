/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The capabilities to keep are always the wanted ones that are permitted already: asking the
 * kernel for more would make it refuse the whole change. The bounding set goes first, as it takes
 * CAP_SETPCAP, which goes with the user. libcap-ng keeps its state in globals, so each step reads
 * it anew from the kernel. */
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/parse.h"

#define LOW_PORT_START_DEFAULT 1024

/* Appends a sentence; a message that is full is cut. */
__attribute__((format(printf, 2, 3))) static void say(
	struct privilege_message *m, const char *format, ...)
{
	size_t used = strlen(m->text);
	va_list args;

	if (used)
		used += (size_t)snprintf(m->text + used, sizeof m->text - used, "; ");
	if (used >= sizeof m->text)
		return;
	va_start(args, format);
	vsnprintf(m->text + used, sizeof m->text - used, format, args);
	va_end(args);
}

/* A number from a file of /proc, or `otherwise`. */
static int64_t read_number(const char *path, int64_t max, int64_t otherwise)
{
	char text[32];
	int64_t value = otherwise;
	FILE *f = fopen(path, "re");

	if (!f)
		return otherwise;
	if (fgets(text, sizeof text, f)) {
		text[strcspn(text, "\n")] = '\0';
		if (parse_i64(text, 0, max, &value) != 0)
			value = otherwise;
	}
	fclose(f);
	return value;
}

int privilege_low_port_start(void)
{
	return (int)read_number(
		"/proc/sys/net/ipv4/ip_unprivileged_port_start", 65535, LOW_PORT_START_DEFAULT);
}

int privilege_raise_files(uint64_t need, uint64_t *got_out)
{
	struct rlimit now, wanted;
	/* Nobody, root included, gets more than this: without the bound, all would be refused. */
	uint64_t most = (uint64_t)read_number("/proc/sys/fs/nr_open", INT64_MAX, INT64_MAX);

	if (getrlimit(RLIMIT_NOFILE, &now) == -1)
		return ERR_SYSTEM;
	if (need > most)
		need = most;
	if (need > now.rlim_cur) {
		wanted.rlim_cur = need;
		wanted.rlim_max = need > now.rlim_max ? need : now.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &wanted) == -1) {
			wanted = (struct rlimit){ now.rlim_max, now.rlim_max };
			setrlimit(RLIMIT_NOFILE, &wanted); /* what we got is read below */
		}
	}
	if (getrlimit(RLIMIT_NOFILE, &now) == -1)
		return ERR_SYSTEM;
	*got_out = now.rlim_cur;
	return 0;
}

struct keep {
	bool bind_service, net_admin;
};

/* Of the wanted capabilities those that are there; without reading any, none is. */
static struct keep keep_permitted(bool bind_service, bool net_admin)
{
	return (struct keep){
		.bind_service = bind_service &&
				capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE) == 1,
		.net_admin = net_admin &&
			     capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN) == 1,
	};
}

/* Prepares the state of libcap-ng; nothing changes in the kernel yet. */
static void select_capabilities(const struct keep *keep)
{
	capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED;

	capng_clear(CAPNG_SELECT_CAPS);
	if (keep->bind_service)
		capng_update(CAPNG_ADD, sets, CAP_NET_BIND_SERVICE);
	if (keep->net_admin)
		capng_update(CAPNG_ADD, sets, CAP_NET_ADMIN);
}

static int read_capabilities(struct privilege_message *m)
{
	if (capng_get_caps_process() == 0)
		return 0;
	say(m, "cannot read the process's capabilities");
	return ERR_SYSTEM;
}

static int apply_capabilities(const struct keep *keep, struct privilege_message *m)
{
	select_capabilities(keep);
	/* the kernel takes from the ambient set what leaves the permitted or the inheritable one */
	if (capng_apply(CAPNG_SELECT_CAPS) == 0)
		return 0;
	say(m, "the system refuses to drop capabilities (%s)", strerror(errno));
	return ERR_SYSTEM;
}

/* So that nothing executed could ever get them back. */
static bool empty_bounding_set(void)
{
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 1)
		return false;
	capng_clear(CAPNG_SELECT_BOUNDS);
	return capng_apply(CAPNG_SELECT_BOUNDS) == 0;
}

static int find_user(const char *user, uid_t *uid_out, gid_t *gid_out, struct privilege_message *m)
{
	errno = 0;
	const struct passwd *entry = getpwnam(user);

	if (entry) {
		*uid_out = entry->pw_uid;
		*gid_out = entry->pw_gid;
		return 0;
	}
	/* getpwnam(3) lists the errors that only mean: not found */
	if (errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF || errno == EPERM) {
		say(m,
			"user '%s' does not exist: create it (systemd-sysusers, or useradd "
			"--system "
			"%s) or set `user` to another",
			user, user);
		return ERR_MISSING;
	}
	say(m,
		"cannot look up user '%s' (%s): see what getent passwd says, or set `user` "
		"to another",
		user, strerror(errno));
	return ERR_SYSTEM;
}

/* Changes user and groups and keeps the selected capabilities across the change. */
static int change_user(const char *user, uid_t uid, gid_t gid, const struct keep *keep,
	struct privilege_message *m)
{
	if (uid == geteuid() && uid == getuid()) /* user = "root": only less able from here on */
		return 0;
	if (read_capabilities(m) != 0)
		return ERR_SYSTEM;
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) != 1 ||
		capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID) != 1) {
		say(m,
			"cannot become user '%s': started as root, but without CAP_SETUID and "
			"CAP_SETGID; grant them, or start dnsbal as that user",
			user);
		return ERR_SYSTEM;
	}
	select_capabilities(keep);
	errno = 0;
	int rc = capng_change_id((int)uid, (int)gid, CAPNG_INIT_SUPP_GRP);
	if (rc != 0) {
		say(m, "cannot become user '%s' (uid %ju, gid %ju): %s, step %d", user,
			(uintmax_t)uid, (uintmax_t)gid,
			errno ? strerror(errno) : "the system refused", -rc);
		return ERR_SYSTEM;
	}
	return 0;
}

static int become_user(const char *user, const struct keep *keep, struct privilege_message *m)
{
	uid_t uid;
	gid_t gid;
	int rc = find_user(user, &uid, &gid, m);

	return rc ? rc : change_user(user, uid, gid, keep, m);
}

int privilege_become(const char *user, bool need_low_port, struct privilege_message *message_out)
{
	bool is_root = geteuid() == 0;
	int dumpable = prctl(PR_GET_DUMPABLE);

	message_out->text[0] = '\0';
	if (read_capabilities(message_out) != 0)
		return ERR_SYSTEM;
	struct keep keep = keep_permitted(need_low_port, true);
	bool is_bounded = empty_bounding_set();
	int rc = is_root ? become_user(user, &keep, message_out) : 0;

	if (rc == 0)
		rc = apply_capabilities(&keep, message_out);
	if (rc != 0)
		return rc;
	/* A change of user turns core dumps off, and hands /proc/self to root: not wanted here, no
	 * secret of root's is in this memory. */
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		say(message_out, "no_new_privs cannot be set (%s)", strerror(errno));
	if (is_root && !is_bounded) /* others have been given a bounding set to live with */
		say(message_out, "the capability bounding set stays as it is: the system does not "
				 "grant CAP_SETPCAP");
	if (need_low_port && !keep.bind_service)
		say(message_out,
			"without CAP_NET_BIND_SERVICE, ports below %d cannot be listened on: grant "
			"it (AmbientCapabilities of the service), or listen on others",
			privilege_low_port_start());
	return 0;
}

int privilege_drop_rest(bool keep_low_port, struct privilege_message *message_out)
{
	message_out->text[0] = '\0';
	if (read_capabilities(message_out) != 0)
		return ERR_SYSTEM;
	struct keep keep = keep_permitted(keep_low_port, false);

	return apply_capabilities(&keep, message_out);
}

int privilege_can_read(const char *path, const char *user, struct privilege_message *message_out)
{
	/* not to wait for the writer of a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	message_out->text[0] = '\0';
	if (fd != -1) {
		close(fd);
		return 0;
	}
	int error = errno;
	const struct passwd *self = user ? NULL : getpwuid(geteuid());

	if (self)
		user = self->pw_name;
	if (error == EACCES || error == EPERM)
		say(message_out,
			"%s: user '%s', who runs the balancer, cannot read it: give the file and "
			"its directories to the user's group, or set `user` to another",
			path, user ? user : "?");
	else
		say(message_out, "%s: user '%s' cannot read it (%s)", path, user ? user : "?",
			strerror(error));
	errno = error;
	return ERR_SYSTEM;
}
