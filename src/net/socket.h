/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * socket - the two kinds of UDP socket of the program, with every option they need, and why:
 * no path MTU discovery (a forged ICMP must not shrink our packets), IPv6 only on IPv6 sockets,
 * receive stamps, the kernel's drop counter, packet information on wildcard binds.
 * Any thread; no locks. Non-blocking, close-on-exec. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "net/addr.h"

/* 8 MiB hold some 10 000 datagrams: a tenth of a second at 100 000/s */
#define SOCKET_LISTEN_BUFFER (8u << 20)
#define SOCKET_PORT_TRIES 10

struct listen_options {
	bool reuse_port; /* several sockets share the address */
};
/* A bound socket for clients. ERR_SYSTEM with errno (EADDRINUSE, EACCES, EADDRNOTAVAIL,
 * EAFNOSUPPORT ...). *buffer_out: the receive buffer got, in bytes as asked for (the kernel
 * doubles; this is half of what it reports). If addr->port is 0 the kernel chooses: read it with
 * socket_local(). */
int socket_listen(const struct addr *address, const struct listen_options *options, int *fd_out,
	unsigned *buffer_out);

/* Ports that an upstream socket must not take: our listeners', and the kernel's reserved ones.
 * A bitmap; zero-initialise. */
struct port_set {
	uint64_t word[65536 / 64];
};
void port_set_add(struct port_set *set, uint16_t port);
bool port_set_has(const struct port_set *set, uint16_t port);
/* Adds net.ipv4.ip_local_reserved_ports; without the file adds nothing. */
void port_set_add_reserved(struct port_set *set);

/* A socket connected to a server, from `source` (NULL or port 0: any port; family 0: any
 * address), bound to an unpredictable port of 1024..65535 outside `avoid` (NULL: none), redrawn on
 * EADDRINUSE up to SOCKET_PORT_TRIES times, and read empty after connect(), because what came
 * between bind and connect is delivered after it. ERR_SYSTEM with errno: EADDRINUSE also when
 * `avoid` leaves no port, EAFNOSUPPORT for a source of the other family. */
int socket_connect(const struct addr *server, const struct addr *source,
	const struct port_set *avoid, struct rng *rng, int *fd_out);
/* What socket_connect ends with: throws away what the socket holds, pending errors too. */
void socket_drain(int fd);

/* The kernel's memory that a socket of the kind may come to hold, as granted here and now: datagrams
 * with what the kernel adds to each. ERR_SYSTEM. */
struct socket_buffers {
	size_t receive, send; /* bytes */
};
int socket_buffers(bool is_listening, struct socket_buffers *buffers_out);

/* The address a socket is bound to. ERR_SYSTEM. */
int socket_local(int fd, struct addr *addr_out);
