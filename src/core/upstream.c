/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The machine says which sockets it wants and which it is done with; here they are made and closed.
 * A number given by the machine has a descriptor in fds and a place in the poller, or is given back
 * at once. */
#include "core/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#define REOPEN_AFTER_NS CLOCK_NS_PER_S
#define TELL_PERIOD_NS (60 * CLOCK_NS_PER_S)

/* An errno if not all that the server lacks could be made. */
static int open_missing(struct upstream *u, uint16_t server)
{
	while (worker_sockets_missing(u->params.worker, server) > 0) {
		if (upstream_open(u, server, false) == WORKER_SOCKET_NONE)
			return errno;
	}
	return 0;
}

/* What to do about it, behind what it is. */
static const char *advice(int error)
{
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
		return " (see: ip route)";
	case EADDRNOTAVAIL:
		return " (see: ip address)"; /* its source, or all of IPv6 */
	case ENODEV:
		return " (see: ip link)";
	case EMFILE:
	case ENFILE:
		return " (raise the limit: LimitNOFILE of the service)";
	default:
		return "";
	}
}

/* To the one worker that asks first, once a minute: what is to be told is the same for all. */
static bool may_tell(struct upstream *u, uint16_t server, int64_t now_ns)
{
	_Atomic int64_t *tell_ns = &u->params.tell_ns[server];
	int64_t due_ns = atomic_load_explicit(tell_ns, memory_order_relaxed);

	return now_ns >= due_ns &&
	       atomic_compare_exchange_strong_explicit(tell_ns, &due_ns, now_ns + TELL_PERIOD_NS,
		       memory_order_relaxed, memory_order_relaxed);
}

/* And not again for a second. */
static void refused(struct upstream *u, uint16_t server, int error, int64_t now_ns)
{
	const struct server_params *s = &u->params.pool->servers[server].params;
	bool has_source = s->source.family != 0;
	char source[ADDR_TEXT_MAX] = "";

	u->reopen_ns[server] = now_ns + REOPEN_AFTER_NS;
	if (!may_tell(u, server, now_ns))
		return;
	if (has_source)
		addr_format(&s->source, source, sizeof source);
	log_warning("server %s: no socket to it%s%s: %s%s; trying again", s->name,
		has_source ? " from its source " : "", source, strerror(error), advice(error));
}

int upstream_init(struct upstream *u, const struct upstream_params *params)
{
	size_t n_servers = params->pool->n_servers;

	*u = (struct upstream){
		.params = *params,
		.fds = malloc(params->worker->n_sockets * sizeof *u->fds),
		.reopen_ns = calloc(n_servers, sizeof *u->reopen_ns),
	};
	for (unsigned i = 0; u->fds && i < params->worker->n_sockets; i++)
		u->fds[i] = -1;
	if (!u->fds || !u->reopen_ns) {
		upstream_fini(u);
		return ERR_NOMEM;
	}
	return 0;
}

size_t upstream_bytes(size_t n_servers, size_t n_sockets)
{
	const struct upstream *u = NULL; /* for its members' sizes */

	return n_sockets * sizeof *u->fds + n_servers * sizeof *u->reopen_ns;
}

void upstream_fini(struct upstream *u)
{
	for (unsigned i = 0; u->fds && i < u->params.worker->n_sockets; i++) {
		if (u->fds[i] != -1)
			close(u->fds[i]);
	}
	free(u->fds);
	free(u->reopen_ns);
	*u = (struct upstream){ 0 };
}

int upstream_open_all(struct upstream *u, int64_t now_ns)
{
	for (size_t s = 0; s < u->params.pool->n_servers; s++) {
		if (u->params.pool->servers[s].params.mode == SERVER_FORCED_DOWN)
			continue;
		int error = open_missing(u, (uint16_t)s);
		if (upstream_is_our_shortage(error)) {
			errno = error;
			return ERR_SYSTEM;
		}
		if (error != 0)
			refused(u, (uint16_t)s, error, now_ns);
	}
	return 0;
}

void upstream_open_missing(struct upstream *u, uint16_t server, int64_t now_ns)
{
	if (now_ns < u->reopen_ns[server])
		return;
	int error = open_missing(u, server);
	if (error != 0)
		refused(u, server, error, now_ns);
}

uint16_t upstream_open(struct upstream *u, uint16_t server, bool is_fresh)
{
	const struct upstream_params *p = &u->params;
	const struct server_params *s = &p->pool->servers[server].params;
	int fd;

	if (socket_connect(&s->address, &s->source, p->avoid_ports, p->rng, &fd) < 0)
		return WORKER_SOCKET_NONE;
	uint16_t socket = worker_socket_add(p->worker, server, is_fresh);
	if (socket == WORKER_SOCKET_NONE) {
		close(fd);
		errno = EMFILE; /* no number is left: many are retired */
		return socket;
	}
	if (poller_add(p->poller, fd, socket) < 0) {
		int error = errno;

		close(fd);
		worker_socket_drop(p->worker, socket);
		errno = error;
		return WORKER_SOCKET_NONE;
	}
	u->fds[socket] = fd;
	return socket;
}

void upstream_close(struct upstream *u, uint16_t socket)
{
	if (u->fds[socket] == -1)
		return;
	poller_remove(u->params.poller, u->fds[socket]);
	close(u->fds[socket]);
	u->fds[socket] = -1;
}

bool upstream_is_our_shortage(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC:
	case EADDRINUSE:
		return true;
	default:
		return false;
	}
}
