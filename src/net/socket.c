/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An option that guards correctness or safety (family, path MTU, packet information, port
 * sharing) must take, or there is no socket; one that only measures or makes room may fail.
 * SO_REUSEADDR is never set: on UDP it would let a second process take the port. IP_RECVERR and
 * IP_FREEBIND stay off: the error queue of a client socket would fill with strangers' ICMP, and a
 * mistyped address must be an error. */
#include "net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define LISTEN_SEND_BUFFER (4u << 20)
#define CONNECT_BUFFER (1u << 20)
#define IPV6_SMALLEST_MTU 1280 /* RFC 8200 section 5: passes everywhere, so no ICMP is needed */
#define FIRST_PORT 1024
#define DRAIN_MAX 10000 /* datagrams: whoever floods the port must not hold us here */

static bool set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* FORCE passes the sysctl limit and needs CAP_NET_ADMIN; without it the kernel gives what it may. */
static void set_buffer(int fd, int force_name, int name, unsigned size)
{
	if (!set_option(fd, SOL_SOCKET, force_name, (int)size))
		set_option(fd, SOL_SOCKET, name, (int)size);
}

/* No path MTU discovery: a forged "fragmentation needed" must not shrink or stop our packets.
 * OMIT ignores it; DONT, the fallback, still learns from it. */
static bool set_pmtu(int fd, uint8_t family)
{
	if (family == AF_INET6)
		return (set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) ||
			       set_option(
				       fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)) &&
		       set_option(fd, IPPROTO_IPV6, IPV6_MTU, IPV6_SMALLEST_MTU);
	return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) ||
	       set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

/* What both kinds have in common. ERR_SYSTEM with errno. */
static int open_udp(uint8_t family, int *fd_out)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

	if (fd == -1)
		return ERR_SYSTEM;
	*fd_out = fd;
	if (family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return ERR_SYSTEM;
	return set_pmtu(fd, family) ? 0 : ERR_SYSTEM;
}

static int bind_to(int fd, const struct addr *address)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(address, &ss);

	return bind(fd, (const struct sockaddr *)&ss, len) == -1 ? ERR_SYSTEM : 0;
}

/* Closes what was opened, keeps errno. */
static int give_up(int fd, int err)
{
	int saved = errno;

	if (fd != -1)
		close(fd);
	errno = saved;
	return err;
}

/* On a wildcard bind only the packet information tells which address was asked. */
static bool set_packet_info(int fd, uint8_t family)
{
	if (family == AF_INET6)
		return set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

/* Servers get the system's default to send from: a batch is soon gone. */
static void set_buffers(int fd, bool is_listening)
{
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF,
		is_listening ? SOCKET_LISTEN_BUFFER : CONNECT_BUFFER);
	if (is_listening)
		set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, LISTEN_SEND_BUFFER);
}

/* SO_RCVBUF or SO_SNDBUF as the kernel reports it, twice what it was asked for; 0: it does not. */
static unsigned buffer_size(int fd, int name)
{
	int size = 0;
	socklen_t len = sizeof(size);

	return getsockopt(fd, SOL_SOCKET, name, &size, &len) == -1 ? 0 : (unsigned)size;
}

int socket_listen(const struct addr *address, const struct listen_options *options, int *fd_out,
	unsigned *buffer_out)
{
	int fd = -1;
	int err = open_udp(address->family, &fd);

	if (err != 0)
		return give_up(fd, err);
	if (options->reuse_port && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return give_up(fd, ERR_SYSTEM);
	if (addr_is_wildcard(address) && !set_packet_info(fd, address->family))
		return give_up(fd, ERR_SYSTEM);
	set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	set_buffers(fd, true);
	err = bind_to(fd, address); /* last: nothing arrives before the options are set */
	if (err != 0)
		return give_up(fd, err);
	*fd_out = fd;
	*buffer_out = buffer_size(fd, SO_RCVBUF) / 2;
	return 0;
}

void port_set_add(struct port_set *set, uint16_t port)
{
	set->word[port / 64] |= 1ULL << (port % 64);
}

bool port_set_has(const struct port_set *set, uint16_t port)
{
	return (set->word[port / 64] >> (port % 64) & 1) != 0;
}

/* A line of the kernel's bitmap format: "8080,9148-9150". */
static void add_ranges(struct port_set *set, char *line)
{
	char *rest = NULL;

	for (char *item = strtok_r(line, ",\n", &rest); item != NULL;
		item = strtok_r(NULL, ",\n", &rest)) {
		char *end;
		unsigned long first = strtoul(item, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;

		for (unsigned long port = first; port <= last && port <= UINT16_MAX; port++)
			port_set_add(set, (uint16_t)port);
	}
}

void port_set_add_reserved(struct port_set *set)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");
	char *line = NULL;
	size_t size = 0;

	if (file == NULL)
		return;
	if (getline(&line, &size, file) != -1)
		add_ranges(set, line);
	free(line);
	fclose(file);
}

static unsigned count_free(uint64_t taken)
{
	return 64 - (unsigned)__builtin_popcountll(taken);
}

/* Uniform over the ports of FIRST_PORT..65535 that are not in `avoid`, in one draw however few
 * they are; 0 when there is none. */
static uint16_t draw_port(const struct port_set *avoid, struct rng *rng)
{
	unsigned n_free = 0;

	for (unsigned w = FIRST_PORT / 64; w < 65536 / 64; w++)
		n_free += count_free(avoid->word[w]);
	if (n_free == 0)
		return 0;

	unsigned nth = rng_below(rng, n_free), w = FIRST_PORT / 64;
	for (; nth >= count_free(avoid->word[w]); w++)
		nth -= count_free(avoid->word[w]);
	uint64_t unused = ~avoid->word[w];
	for (; nth > 0; nth--)
		unused &= unused - 1;
	return (uint16_t)(w * 64 + (unsigned)__builtin_ctzll(unused));
}

/* Binds to a port by chance: the kernel's own choice is weaker (RFC 5452 section 9.2 wants the
 * whole range, unpredictable). */
static int bind_by_chance(int fd, struct addr local, const struct port_set *avoid, struct rng *rng)
{
	for (unsigned i = 0; i < SOCKET_PORT_TRIES; i++) {
		local.port = draw_port(avoid, rng);
		if (local.port == 0) {
			errno = EADDRINUSE;
			return ERR_SYSTEM;
		}
		if (bind_to(fd, &local) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return ERR_SYSTEM;
	}
	return ERR_SYSTEM;
}

static int bind_source(int fd, const struct addr *server, const struct addr *source,
	const struct port_set *avoid, struct rng *rng)
{
	static const struct port_set avoid_nothing;
	struct addr local = { .family = server->family };

	if (source != NULL && source->family == 0)
		local.port = source->port;
	else if (source != NULL)
		local = *source;
	if (local.family != server->family) {
		errno = EAFNOSUPPORT;
		return ERR_SYSTEM;
	}
	if (local.port != 0)
		return bind_to(fd, &local);
	return bind_by_chance(fd, local, avoid != NULL ? avoid : &avoid_nothing, rng);
}

void socket_drain(int fd)
{
	char byte;

	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) == -1 &&
			(errno == EAGAIN || errno == EWOULDBLOCK))
			return;
	}
}

int socket_connect(const struct addr *server, const struct addr *source,
	const struct port_set *avoid, struct rng *rng, int *fd_out)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(server, &ss);
	int fd = -1;
	int err = open_udp(server->family, &fd);

	if (err != 0)
		return give_up(fd, err);
	set_buffers(fd, false);
	err = bind_source(fd, server, source, avoid, rng);
	if (err != 0)
		return give_up(fd, err);
	if (connect(fd, (const struct sockaddr *)&ss, len) == -1)
		return give_up(fd, ERR_SYSTEM);
	socket_drain(fd);
	*fd_out = fd;
	return 0;
}

int socket_buffers(bool is_listening, struct socket_buffers *buffers_out)
{
	int fd = -1;
	int err = open_udp(AF_INET, &fd);

	if (err != 0)
		return give_up(fd, err);
	set_buffers(fd, is_listening);
	*buffers_out = (struct socket_buffers){
		.receive = buffer_size(fd, SO_RCVBUF),
		.send = buffer_size(fd, SO_SNDBUF),
	};
	close(fd);
	return 0;
}

int socket_local(int fd, struct addr *addr_out)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return ERR_SYSTEM;
	if (!addr_from_sockaddr(&ss, addr_out)) {
		errno = EAFNOSUPPORT;
		return ERR_SYSTEM;
	}
	return 0;
}
