/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * forge - sends forged replies to given ports at a bounded rate. Kinds, taken in turn from -k:
 *   i  the server's own socket, another ID, the right question
 *   q  the server's own socket, the right ID, another question
 *   r  the server's own socket, everything right (for after the true reply)
 *   p  the server's address but another source port, everything right
 *   a  another address of 127.0.0.0/8, the server's port, everything right
 *
 * -f FD is the server's socket, inherited. Targets come on stdin, a line each: "PORT ID QUESTION", the
 * question in hexadecimal. Prints one JSON object: how many of each kind left. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TARGETS_MAX = 1024, QUESTION_MAX = 259, PEERS = 8, KINDS = 5 };
static const char kind_names[KINDS + 1] = "iqrpa";

struct target {
	uint16_t port, id;
	uint8_t question[QUESTION_MAX];
	size_t question_len;
};

static struct target targets[TARGETS_MAX];
static size_t n_targets;
static uint64_t n_sent[KINDS];
static int server_fd = -1, port_fd, peer_fds[PEERS];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int bound_socket(uint32_t address, uint16_t port_be)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = port_be, .sin_addr.s_addr = htonl(address)
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof a) == -1)
		die("bind");
	return fd;
}

static void read_targets(void)
{
	char hex[2 * QUESTION_MAX + 2];
	unsigned port, id;

	while (n_targets < TARGETS_MAX && scanf("%u %u %519s", &port, &id, hex) == 3) {
		struct target *t = &targets[n_targets++];

		t->port = (uint16_t)port;
		t->id = (uint16_t)id;
		for (const char *h = hex; h[0] && h[1] && t->question_len < QUESTION_MAX; h += 2) {
			unsigned byte;

			sscanf(h, "%2x", &byte);
			t->question[t->question_len++] = (uint8_t)byte;
		}
	}
	if (n_targets == 0) {
		fprintf(stderr, "no targets on stdin\n");
		exit(2);
	}
}

/* An ID that no target at this port has. */
static uint16_t other_id(const struct target *t)
{
	for (;;) {
		uint16_t id = (uint16_t)random();
		bool taken = false;

		for (size_t i = 0; i < n_targets; i++)
			taken |= targets[i].port == t->port && targets[i].id == id;
		if (!taken)
			return id;
	}
}

static size_t make_reply(uint8_t *out, const struct target *t, char kind)
{
	static const uint8_t head[12] = { 0, 0, 0x81, 0x80, 0, 1, 0, 1 };
	/* A, IN, 60 s, 203.0.113.66: nobody's true answer */
	static const uint8_t record[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113,
		66 };
	uint16_t id = kind == 'i' ? other_id(t) : t->id;
	uint8_t *p = out;

	memcpy(p, head, sizeof head);
	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)id;
	p += sizeof head;
	memcpy(p, t->question, t->question_len);
	if (kind == 'q')
		p[1] = p[1] == 'z' ? 'y' : 'z'; /* the first letter of the name */
	p += t->question_len;
	memcpy(p, record, sizeof record);
	return (size_t)(p - out) + sizeof record;
}

static int socket_of(char kind)
{
	if (kind == 'p')
		return port_fd;
	if (kind == 'a')
		return peer_fds[random() % PEERS];
	return server_fd;
}

static void send_one(const struct target *t, char kind)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(t->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint8_t reply[12 + QUESTION_MAX + 16];
	size_t len = make_reply(reply, t, kind);
	int fd = socket_of(kind);

	while (sendto(fd, reply, len, 0, (struct sockaddr *)&to, sizeof to) == -1) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		if (errno != EAGAIN && errno != ENOBUFS)
			die("sendto");
		poll(&p, 1, 10);
	}
	n_sent[strchr(kind_names, kind) - kind_names]++;
}

static void flood(uint32_t total, uint32_t rate, const char *kinds)
{
	struct timespec start, now, pause = { .tv_nsec = 1000000 };
	size_t n_kinds = strlen(kinds);
	uint32_t n = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (n < total) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		double spent = (double)(now.tv_sec - start.tv_sec) +
			       (double)(now.tv_nsec - start.tv_nsec) / 1e9;
		/* No catching up beyond a few at once: a pause of ours must not become a burst. */
		uint32_t due = (uint32_t)(spent * rate), burst = n + rate / 200 + 1;

		for (; n < total && n < due && n < burst; n++)
			send_one(&targets[n / n_kinds % n_targets], kinds[n % n_kinds]);
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	uint32_t total = 1000, rate = 1000;
	const char *kinds = "iqpa";
	int c;

	while ((c = getopt(argc, argv, "f:n:r:k:")) != -1) {
		if (c == 'f')
			server_fd = atoi(optarg);
		else if (c == 'n')
			total = (uint32_t)atoi(optarg);
		else if (c == 'r')
			rate = (uint32_t)atoi(optarg);
		else if (c == 'k')
			kinds = optarg;
	}
	struct sockaddr_in server;
	socklen_t len = sizeof server;

	if (server_fd == -1 || !*kinds || strspn(kinds, kind_names) != strlen(kinds)) {
		fprintf(stderr,
			"forge -f FD [-n TOTAL] [-r PER_SECOND] [-k KINDS of iqrpa] <TARGETS\n");
		return 2;
	}
	if (getsockname(server_fd, (struct sockaddr *)&server, &len) == -1)
		die("getsockname");
	port_fd = bound_socket(INADDR_LOOPBACK, 0);
	for (uint32_t i = 0; i < PEERS; i++)
		peer_fds[i] = bound_socket(INADDR_LOOPBACK + 1 + i, server.sin_port);
	read_targets();
	flood(total, rate, kinds);
	printf("{");
	for (int i = 0; i < KINDS; i++)
		printf("%s\"%c\": %llu", i ? ", " : "", kind_names[i],
			(unsigned long long)n_sent[i]);
	printf("}\n");
	return 0;
}
