/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load - a client that asks many questions and checks every answer: socket, ID, QR, question.
 * Open loop (-r RATE) or bounded by a window (-q OUTSTANDING), or both. Single thread.
 *
 * Every query has a name of its own, so an answer delivered to the wrong one is noticed. Arrival is
 * the kernel's stamp, so that a busy client does not make the answer late. Prints one JSON object:
 * sent, answered, lost, unexpected, rcodes, latency percentiles in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS_MAX = 64, QUERY_MAX = 512, QUERY_MIN = 48, BURST = 64 };
static const int64_t MS = 1000000;

struct slot {
	int64_t sent_ns; /* 0: free */
	uint32_t serial;
};

struct sender {
	int fd;
	uint16_t next_id;
	struct slot slots[65536]; /* by ID */
};

struct sent { /* in the order of sending, to find the oldest */
	uint16_t id;
	uint8_t sender;
	uint32_t serial;
};

struct options {
	struct sockaddr_storage target;
	socklen_t target_len;
	uint32_t total, window, rate;
	int n_senders, query_len;
	int64_t wait_ns;
};

static struct options options = {
	.window = 65535, .total = 1000, .n_senders = 1, .query_len = 60, .wait_ns = 5000000000
};
static struct sender *senders[SOCKETS_MAX];
static struct sent *order;
static uint32_t *latency_us;
static uint32_t n_sent, n_answered, n_lost, n_unexpected, oldest;
static uint64_t rcodes[16];

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Header and question: "q<serial>.<padding>.example.test", type A, RD. The length is exact. */
static void make_query(uint8_t *out, uint16_t id, uint32_t serial)
{
	static const uint8_t tail[] = "\7example\4test\0\0\1\0";
	static const uint8_t head[12] = { 0, 0, 1, 0, 0, 1 };
	int fill = options.query_len - 12 - 10 - (int)sizeof tail - 1;
	uint8_t *p = out + 12;

	memcpy(out, head, sizeof head);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	*p++ = 9;
	p += sprintf((char *)p, "q%08x", serial);
	*p++ = (uint8_t)fill;
	memset(p, 'p', (size_t)fill);
	p += fill;
	memcpy(p, tail, sizeof tail);
	p[sizeof tail - 1] = 1; /* class IN */
}

static void open_sender(int i, int poller)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
	int on = 1, size = 16 << 20;
	struct sender *s = calloc(1, sizeof *s);

	if (!s)
		die("calloc");
	s->fd = socket(options.target.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (s->fd == -1 ||
		connect(s->fd, (struct sockaddr *)&options.target, options.target_len) == -1)
		die("socket");
	setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1)
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &ev);
	senders[i] = s;
}

/* True if a query left. */
static bool send_one(void)
{
	int which = (int)(n_sent % (uint32_t)options.n_senders);
	struct sender *s = senders[which];
	uint8_t query[QUERY_MAX];

	for (int tries = 0; s->slots[s->next_id].sent_ns; tries++) {
		if (tries == 65536)
			return false;
		s->next_id++;
	}
	make_query(query, s->next_id, n_sent);
	int64_t now = now_ns(CLOCK_REALTIME);

	if (send(s->fd, query, (size_t)options.query_len, 0) == -1) {
		if (errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED)
			return false;
		die("send");
	}
	s->slots[s->next_id] = (struct slot){ .sent_ns = now, .serial = n_sent };
	order[n_sent] = (struct sent){
		.id = s->next_id, .sender = (uint8_t)which, .serial = n_sent
	};
	s->next_id++;
	n_sent++;
	return true;
}

static void take_answer(struct sender *s, const uint8_t *data, ssize_t len, int64_t at_ns)
{
	uint8_t query[QUERY_MAX];

	if (len < 12) {
		n_unexpected++;
		return;
	}
	struct slot *slot = &s->slots[data[0] << 8 | data[1]];

	if (!slot->sent_ns || !(data[2] & 0x80) || len < options.query_len) {
		n_unexpected++;
		return;
	}
	make_query(query, 0, slot->serial);
	if (memcmp(query + 12, data + 12, (size_t)options.query_len - 12) != 0) {
		n_unexpected++;
		return;
	}
	int64_t took = at_ns - slot->sent_ns;

	latency_us[n_answered++] = took < 0 ? 0 : (uint32_t)(took / 1000);
	rcodes[data[3] & 15]++;
	slot->sent_ns = 0;
}

static void read_answers(struct sender *s)
{
	uint8_t data[65536];
	char control[CMSG_SPACE(sizeof(struct timespec))];

	for (int i = 0; i < BURST; i++) {
		struct iovec iov = { data, sizeof data };
		struct msghdr msg = { .msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof control };
		ssize_t len = recvmsg(s->fd, &msg, 0);

		if (len == -1) /* EAGAIN, or an ICMP error: the query is then lost in its time */
			return;
		int64_t at = now_ns(CLOCK_REALTIME);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		if (c && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec ts;

			memcpy(&ts, CMSG_DATA(c), sizeof ts);
			at = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
		}
		take_answer(s, data, len, at);
	}
}

/* Gives up what is older than the patience; what was answered is skipped on the way. */
static void expire(void)
{
	int64_t limit = now_ns(CLOCK_REALTIME) - options.wait_ns;

	for (; oldest < n_sent; oldest++) {
		struct sent *o = &order[oldest];
		struct slot *slot = &senders[o->sender]->slots[o->id];

		if (!slot->sent_ns || slot->serial != o->serial)
			continue;
		if (slot->sent_ns > limit)
			return;
		slot->sent_ns = 0;
		n_lost++;
	}
}

static void run(int poller)
{
	int64_t start = now_ns(CLOCK_MONOTONIC);
	struct epoll_event events[SOCKETS_MAX];

	while (n_answered + n_lost < options.total) {
		uint32_t due = options.total;

		if (options.rate) {
			int64_t spent = now_ns(CLOCK_MONOTONIC) - start;
			int64_t n = (int64_t)((double)spent / 1e9 * options.rate) + 1;

			due = n < options.total ? (uint32_t)n : options.total;
		}
		for (int i = 0; i < BURST && n_sent < due; i++) {
			if (n_sent - n_answered - n_lost >= options.window || !send_one())
				break;
		}
		bool more = n_sent < due && n_sent - n_answered - n_lost < options.window;
		int n = epoll_wait(poller, events, SOCKETS_MAX, more ? 0 : 1);

		for (int i = 0; i < n; i++)
			read_answers(senders[events[i].data.u32]);
		expire();
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Of the sorted answers. */
static uint32_t percentile(const uint32_t *sorted, uint32_t n, double p)
{
	return n ? sorted[(uint32_t)(p * (n - 1))] : 0;
}

static void report(int64_t took_ns)
{
	const char *comma = "";

	printf("{\"sent\": %u, \"answered\": %u, \"lost\": %u, \"unexpected\": %u, ", n_sent,
		n_answered, n_lost, n_unexpected);
	printf("\"rcodes\": {");
	for (int i = 0; i < 16; i++) {
		if (rcodes[i]) {
			printf("%s\"%d\": %llu", comma, i, (unsigned long long)rcodes[i]);
			comma = ", ";
		}
	}
	printf("}, ");
	qsort(latency_us, n_answered, sizeof *latency_us, by_size);
	printf("\"latency_us\": {\"min\": %u, \"p50\": %u, ", percentile(latency_us, n_answered, 0),
		percentile(latency_us, n_answered, 0.5));
	printf("\"p99\": %u, \"max\": %u}, ", percentile(latency_us, n_answered, 0.99),
		percentile(latency_us, n_answered, 1));
	printf("\"seconds\": %.3f}\n", (double)took_ns / 1e9);
}

static void set_target(const char *host, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&options.target;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&options.target;
	uint16_t port_be = htons((uint16_t)atoi(port));

	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port_be;
		options.target_len = sizeof *v4;
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port_be;
		options.target_len = sizeof *v6;
	} else {
		fprintf(stderr, "%s is no address\n", host);
		exit(2);
	}
}

static void parse_options(int argc, char **argv)
{
	const char *host = "127.0.0.1", *port = "53";
	int c;

	while ((c = getopt(argc, argv, "s:p:n:q:r:b:w:c:")) != -1) {
		switch (c) {
		case 's':
			host = optarg;
			break;
		case 'p':
			port = optarg;
			break;
		case 'n':
			options.total = (uint32_t)atoi(optarg);
			break;
		case 'q':
			options.window = (uint32_t)atoi(optarg);
			break;
		case 'r':
			options.rate = (uint32_t)atoi(optarg);
			break;
		case 'b':
			options.query_len = atoi(optarg);
			break;
		case 'w':
			options.wait_ns = atoi(optarg) * MS;
			break;
		case 'c':
			options.n_senders = atoi(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (options.query_len < QUERY_MIN || options.query_len > 100 || options.total == 0 ||
		options.n_senders < 1 || options.n_senders > SOCKETS_MAX) {
		fprintf(stderr,
			"load [-s HOST] [-p PORT] [-n TOTAL] [-q OUTSTANDING] [-r PER_SECOND]\n"
			"     [-b BYTES 48..100] [-w WAIT_MS] [-c SOCKETS 1..64]\n");
		exit(2);
	}
	set_target(host, port);
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	int poller = epoll_create1(0);

	for (int i = 0; i < options.n_senders; i++)
		open_sender(i, poller);
	order = calloc(options.total, sizeof *order);
	latency_us = calloc(options.total, sizeof *latency_us);
	if (!order || !latency_us)
		die("calloc");
	int64_t start = now_ns(CLOCK_MONOTONIC);

	run(poller);
	report(now_ns(CLOCK_MONOTONIC) - start);
	return 0;
}
