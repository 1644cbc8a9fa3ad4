/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * udp - what the programs of the benchmarks share: clock, command line, IPv4 sockets on loopback.
 * Errors end the program: there is nobody to go on for. */
#pragma once
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { UDP_BATCH = 32 }; /* datagrams in a system call, as in net/batch.h */
enum { UDP_SERVERS_MAX = 512 };

static inline _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A number of the command line. */
static inline uint32_t udp_number(const char *text, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || n < min || n > max) {
		fprintf(stderr, "%s is no number of %u..%u\n", text, min, max);
		exit(2);
	}
	return (uint32_t)n;
}

static inline struct sockaddr_in udp_address(const char *host, uint32_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, host, &at.sin_addr) != 1) {
		fprintf(stderr, "%s is no IPv4 address\n", host);
		exit(2);
	}
	return at;
}

/* Server i of a run: 127.10.0.1, 127.10.0.2 ... */
static inline struct sockaddr_in udp_server(unsigned i, uint32_t port)
{
	struct sockaddr_in at = udp_address("127.10.0.0", port);

	at.sin_addr.s_addr = htonl(ntohl(at.sin_addr.s_addr) + i + 1);
	return at;
}

/* Nothing of what is measured is to be lost in our own buffers. */
static inline void udp_widen(int fd)
{
	int size = 16 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) == -1)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static inline int udp_listen(struct sockaddr_in at, bool reuse_port)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd == -1)
		die("socket");
	if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == -1)
		die("SO_REUSEPORT");
	if (bind(fd, (struct sockaddr *)&at, sizeof at) == -1)
		die("bind");
	udp_widen(fd);
	return fd;
}

static inline int udp_connect(struct sockaddr_in to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
		die("connect");
	return fd;
}
