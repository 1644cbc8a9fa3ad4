/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * answer - DNS servers that cost as little as can be: N sockets on loopback (-n), each query sent
 * back as its own answer, NOERROR without records, a batch at a time. Prints the ports as one JSON
 * array; ends when its standard input does. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVERS_MAX = 16, BATCH = 32, QUERY_MAX = 4096, READS = 8 };

static struct mmsghdr headers[BATCH];
static struct sockaddr_storage names[BATCH];
static struct iovec pieces[BATCH];
static uint8_t bytes[BATCH][QUERY_MAX];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_server(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 16 << 20;

	if (fd == -1 || bind(fd, (struct sockaddr *)&at, sizeof at) == -1)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

static unsigned port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t len = sizeof at;

	if (getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		die("getsockname");
	return ntohs(at.sin_port);
}

static int read_batch(int fd)
{
	for (int i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){ bytes[i], QUERY_MAX };
		headers[i].msg_hdr = (struct msghdr){ .msg_name = &names[i],
			.msg_namelen = sizeof names[i],
			.msg_iov = &pieces[i],
			.msg_iovlen = 1 };
	}
	return recvmmsg(fd, headers, BATCH, 0, NULL);
}

/* What cannot be sent is lost, as on any network. */
static void answer_batch(int fd, int n)
{
	for (int i = 0; i < n; i++) {
		bytes[i][2] |= 0x80;
		pieces[i].iov_len = headers[i].msg_len;
	}
	for (int at = 0; at < n;) {
		int sent = sendmmsg(fd, headers + at, (unsigned)(n - at), 0);

		at += sent > 0 ? sent : 1;
	}
}

static void serve(int fd)
{
	for (int reads = 0; reads < READS; reads++) {
		int n = read_batch(fd);

		if (n > 0)
			answer_batch(fd, n);
		if (n < BATCH)
			return;
	}
}

int main(int argc, char **argv)
{
	struct pollfd polled[SERVERS_MAX + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	int n = argc == 3 ? atoi(argv[2]) : 1;

	if (n < 1 || n > SERVERS_MAX) {
		fprintf(stderr, "answer [-n SERVERS 1..%d]\n", SERVERS_MAX);
		return 2;
	}
	for (int i = 1; i <= n; i++) {
		polled[i] = (struct pollfd){ .fd = open_server(), .events = POLLIN };
		printf("%s%u%s", i == 1 ? "[" : ", ", port_of(polled[i].fd), i == n ? "]\n" : "");
	}
	fflush(stdout);
	while (!polled[0].revents) {
		if (poll(polled, (nfds_t)n + 1, -1) == -1 && errno != EINTR)
			die("poll");
		for (int i = 1; i <= n; i++) {
			if (polled[i].revents)
				serve(polled[i].fd);
		}
	}
	return 0;
}
