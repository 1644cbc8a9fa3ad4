/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The advice for each errno is here: it is what an operator reads at three in the morning. */
#include "core/listeners.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/socket.h"

/* ::1 or more: with IPv6 switched off there is none. */
static bool has_ipv6(void)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) == -1)
		return true; /* nobody knows */
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && i->ifa_addr->sa_family == AF_INET6;
	freeifaddrs(all);
	return found;
}

/* What to do about it, behind what it is. */
static const char *advice(const struct listener_params *p, int error)
{
	bool is_lacking = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;

	if (is_lacking && p->address.family == AF_INET6 && !has_ipv6())
		return p->is_default ? ": this host has no IPv6"
				     : ": this host has no IPv6: switch it on (see: sysctl "
				       "net.ipv6.conf.all.disable_ipv6), or listen on IPv4 only";
	switch (error) {
	case EADDRINUSE:
		return ": another program listens there (find it with: ss -aunp)";
	case EACCES:
	case EPERM:
		return ": start as root or through the service, or choose a port from 1024 up";
	case EADDRNOTAVAIL:
		return " (see: ip address): give the address to this host, or listen on one it has";
	case ENODEV:
		return " (see: ip link)";
	case EMFILE:
	case ENFILE:
		return ": raise the limit (LimitNOFILE of the service)";
	default:
		return "";
	}
}

/* The kernel gives what net.core.rmem_max allows; less than half of what was asked is told, once. */
static void check_buffer(unsigned got)
{
	static bool is_told; /* main's thread only */

	if (is_told || got >= SOCKET_LISTEN_BUFFER / 2)
		return;
	is_told = true;
	log_notice("listening sockets have a buffer of %u KiB instead of %u: for bursts, raise "
		   "net.core.rmem_max",
		got / 1024, SOCKET_LISTEN_BUFFER / 1024);
}

static bool is_skipped(const struct listener_params *p, int error)
{
	return p->is_default && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL);
}

static void listener_close(struct listener *l)
{
	for (unsigned i = 0; i < l->n_sockets; i++)
		close(l->fds[i]);
	free(l->fds);
	l->fds = NULL;
	l->n_sockets = 0;
}

/* 0, or an errno. */
static int listener_open(const struct listener_params *p, struct listener *l)
{
	struct listen_options options = { .reuse_port = p->is_shared };
	struct addr address = p->address;
	unsigned buffer;

	l->fds = calloc(p->n_sockets, sizeof *l->fds);
	if (!l->fds)
		return ENOMEM;
	for (unsigned i = 0; i < p->n_sockets; i++) {
		if (socket_listen(&address, &options, &l->fds[i], &buffer) < 0) {
			int error = errno;

			listener_close(l);
			return error;
		}
		l->n_sockets++;
		socket_local(
			l->fds[i], &address); /* a port chosen by the kernel holds for the rest */
		check_buffer(buffer);
	}
	l->address = address;
	return 0;
}

/* Sockets that share would also share with those of another program that may: whoever starts us twice
 * is to be told. 0, or an errno. */
static int is_taken(const struct listener_params *p)
{
	const struct listen_options alone = { .reuse_port = false };
	unsigned buffer;
	int fd;

	if (!p->is_shared || p->address.port == 0)
		return 0;
	if (socket_listen(&p->address, &alone, &fd, &buffer) < 0)
		return errno;
	close(fd);
	return 0;
}

/* Opens one, unless its error is known already; 0, or ERR_SYSTEM when it is told and matters. */
static int open_next(struct listeners *l, const struct listener_params *p, int error)
{
	char text[ADDR_TEXT_MAX];

	if (error == 0)
		error = listener_open(p, &l->listener[l->n]);
	if (error == 0) {
		l->n++;
		return 0;
	}
	addr_format(&p->address, text, sizeof text);
	if (is_skipped(p, error)) {
		log_notice("not listening on %s: %s%s", text, strerror(error), advice(p, error));
		return 0;
	}
	log_error("%scannot listen on %s: %s%s", p->where ? p->where : "", text, strerror(error),
		advice(p, error));
	return ERR_SYSTEM;
}

static int open_all(struct listeners *l, const struct listener_params *params, size_t n, int *errors)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		errors[i] = is_taken(&params[i]); /* of all, before any of ours is open */
	for (size_t i = 0; i < n; i++) {
		if (open_next(l, &params[i], errors[i]) < 0)
			rc = ERR_SYSTEM;
	}
	if (rc == 0 && l->n == 0) {
		log_error(
			"no address to listen on is left: write one that this host has in `listen` "
			"(see: ip address)");
		rc = ERR_SYSTEM;
	}
	return rc;
}

int listeners_open(const struct listener_params *params, size_t n, struct listeners *listeners_out)
{
	struct listeners l = { .listener = calloc(n, sizeof *l.listener) };
	int *errors = calloc(n, sizeof *errors);
	int rc = l.listener && errors ? open_all(&l, params, n, errors) : ERR_NOMEM;

	free(errors);
	if (rc < 0)
		listeners_close(&l);
	else
		*listeners_out = l;
	return rc;
}

void listeners_close(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++)
		listener_close(&l->listener[i]);
	free(l->listener);
	*l = (struct listeners){ 0 };
}
