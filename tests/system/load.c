/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * load - a client that asks many questions and checks every answer: socket, peer, ID, QR, question.
 * Open loop (-r RATE) or bounded by a window (-q OUTSTANDING), or both. Single thread. Ends when all
 * is asked; SIGTERM ends the asking sooner.
 *
 * Every query has a name of its own, so an answer delivered to the wrong one is noticed. Arrival is
 * the kernel's stamp, so that a busy client does not make the answer late. Prints one JSON object:
 * sent, answered, lost, unexpected (and what was wrong with the first), rcodes, latency percentiles in microseconds, those of the
 * affected ones (-a MS and slower), how late the client itself was with a query, when the first and
 * the last query left that got anything but NOERROR, and with -t MS a row for each such time of
 * sending: [seconds since begin, sent, NOERROR, other rcodes, lost, affected, slowest in us]. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS_MAX = 64, QUERY_MAX = 512, QUERY_MIN = 48, BURST = 64, ADDRESSES_MAX = 60000 };
enum { DOMAIN_DIGITS = 6, DOMAINS_MAX = 1 << 4 * DOMAIN_DIGITS };
enum { OPEN = 254, LOST = 255 }; /* in place of an rcode */
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

struct query { /* by serial, so in the order of sending */
	int64_t sent_ns;
	uint32_t took_us;
	uint16_t id;
	uint8_t sender, rcode;
};

struct options {
	struct sockaddr_storage target;
	socklen_t target_len;
	uint32_t total, window, rate, n_addresses, n_domains, affected_us, bucket_ms;
	int n_senders, query_len;
	int64_t wait_ns;
	char initial; /* of every name */
};

static struct options options = { .window = 65535,
	.total = 1000,
	.n_senders = 1,
	.query_len = 60,
	.wait_ns = 5000000000,
	.affected_us = 50000,
	.initial = 'q' };
static struct sender *senders[SOCKETS_MAX];
static struct query *queries;
static uint32_t *latency_us;
static uint32_t n_sent, n_answered, n_lost, n_unexpected, oldest;
static struct {
	const char *what; /* NULL: there is none */
	int64_t at_ns;
	unsigned sender, id;
} first_unexpected;
static uint64_t rcodes[16];
static int64_t behind_ns; /* the most that a query left after its time */
static int64_t stall_ns; /* the longest pass of our loop, which sleeps for 1 ms at most */
static volatile sig_atomic_t is_told_to_end;

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

static void put_hex(uint8_t *out, uint32_t number, int digits)
{
	static const uint8_t hex[] = "0123456789abcdef";

	for (int i = digits - 1; i >= 0; i--, number >>= 4)
		out[i] = hex[number & 15];
}

/* Header and question: "q<serial>.<padding>.example.test", type A, RD; with many domains the padding
 * begins with the domain's number. The length is exact. */
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
	p += sprintf((char *)p, "%c%08x", options.initial, serial);
	*p++ = (uint8_t)fill;
	memset(p, 'p', (size_t)fill);
	if (options.n_domains)
		put_hex(p, serial % options.n_domains, DOMAIN_DIGITS);
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
	/* With many source addresses the socket is not connected; the peer is looked at all the same. */
	if (s->fd == -1 ||
		(!options.n_addresses && connect(s->fd, (struct sockaddr *)&options.target,
						 options.target_len) == -1))
		die("socket");
	setsockopt(s->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1)
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &ev);
	senders[i] = s;
}

/* Sends from 127.X.Y.1, of which each serial has the next one, or from wherever the socket is. */
static ssize_t send_from(int fd, uint32_t serial, uint8_t *query)
{
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct iovec iov = { query, (size_t)options.query_len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (options.n_addresses) {
		uint32_t which = serial % options.n_addresses + 1;
		struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(
						   INADDR_LOOPBACK | which << 8) };

		msg.msg_name = &options.target;
		msg.msg_namelen = options.target_len;
		msg.msg_control = control;
		msg.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
	return sendmsg(fd, &msg, 0);
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

	if (send_from(s->fd, n_sent, query) == -1) {
		if (errno == EAGAIN || errno == ENOBUFS || errno == ECONNREFUSED)
			return false;
		die("send");
	}
	s->slots[s->next_id] = (struct slot){ .sent_ns = now, .serial = n_sent };
	queries[n_sent] = (struct query){
		.sent_ns = now, .id = s->next_id, .sender = (uint8_t)which, .rcode = OPEN
	};
	s->next_id++;
	n_sent++;
	return true;
}

/* What is wrong with it, or NULL. A slot keeps its serial when it is answered. */
static const char *why_unexpected(const struct slot *slot, const uint8_t *data, ssize_t len)
{
	uint8_t query[QUERY_MAX];

	if (len < options.query_len)
		return "short";
	if (!(data[2] & 0x80))
		return "no answer";
	make_query(query, 0, slot->serial);
	if (memcmp(query + 12, data + 12, (size_t)options.query_len - 12) != 0)
		return slot->sent_ns ? "another question" : "an ID that is not out";
	return slot->sent_ns ? NULL : "answered already";
}

static void note_unexpected(
	const struct sender *s, const char *what, const uint8_t *data, int64_t at_ns)
{
	n_unexpected++;
	if (first_unexpected.what)
		return;
	first_unexpected.what = what;
	first_unexpected.at_ns = at_ns;
	first_unexpected.id = (unsigned)(data[0] << 8 | data[1]);
	while (senders[first_unexpected.sender] != s)
		first_unexpected.sender++;
}

static void take_answer(struct sender *s, const uint8_t *data, ssize_t len, int64_t at_ns)
{
	struct slot *slot = &s->slots[data[0] << 8 | data[1]];
	const char *why = why_unexpected(slot, data, len);

	if (why) {
		note_unexpected(s, why, data, at_ns);
		return;
	}
	int64_t took = at_ns - slot->sent_ns;

	struct query *q = &queries[slot->serial];

	q->took_us = took < 0 ? 0 : (uint32_t)(took / 1000);
	q->rcode = data[3] & 15;
	latency_us[n_answered++] = q->took_us;
	rcodes[q->rcode]++;
	slot->sent_ns = 0;
}

static bool is_target(const struct sockaddr_storage *peer)
{
	const struct sockaddr_in *is = (const struct sockaddr_in *)peer;
	const struct sockaddr_in *want = (const struct sockaddr_in *)&options.target;

	return !options.n_addresses ||
	       (is->sin_addr.s_addr == want->sin_addr.s_addr && is->sin_port == want->sin_port);
}

static void read_answers(struct sender *s)
{
	static uint8_t data[65536];
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct sockaddr_storage peer;

	for (int i = 0; i < BURST; i++) {
		struct iovec iov = { data, sizeof data };
		struct msghdr msg = { .msg_name = &peer,
			.msg_namelen = sizeof peer,
			.msg_iov = &iov,
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
		if (is_target(&peer))
			take_answer(s, data, len, at);
		else
			note_unexpected(s, "from elsewhere", data, at);
	}
}

/* Gives up what is older than the patience; what was answered is skipped on the way. */
static void expire(void)
{
	int64_t limit = now_ns(CLOCK_REALTIME) - options.wait_ns;

	for (; oldest < n_sent; oldest++) {
		struct query *q = &queries[oldest];

		if (q->rcode != OPEN)
			continue;
		if (q->sent_ns > limit)
			return;
		senders[q->sender]->slots[q->id].sent_ns = 0;
		q->rcode = LOST;
		n_lost++;
	}
}

/* How many queries should have left after this time. */
static uint32_t due_by_now(int64_t spent_ns)
{
	if (!options.rate)
		return options.total;
	int64_t n = (int64_t)((double)spent_ns / 1e9 * options.rate) + 1;
	int64_t behind = spent_ns - (int64_t)((double)n_sent / options.rate * 1e9);

	if (n_sent < options.total && behind > behind_ns)
		behind_ns = behind;
	return n < options.total ? (uint32_t)n : options.total;
}

static void run(int poller)
{
	int64_t start = now_ns(CLOCK_MONOTONIC);
	struct epoll_event events[SOCKETS_MAX];
	int64_t last_ns = now_ns(CLOCK_MONOTONIC);

	while (n_answered + n_lost < options.total) {
		if (is_told_to_end)
			options.total = n_sent;
		int64_t pass_ns = now_ns(CLOCK_MONOTONIC);
		uint32_t due = due_by_now(pass_ns - start);

		if (pass_ns - last_ns > stall_ns)
			stall_ns = pass_ns - last_ns;
		last_ns = pass_ns;

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

/* The p99 of each tenth of the answers, in the order they came: what a neighbour on the machine
 * disturbs for a moment shows in one, what we do wrong in all. */
static void report_tenths(void)
{
	printf("\"p99_of_tenths_us\": [");
	for (uint32_t i = 0; i < 10; i++) {
		uint32_t from = (uint32_t)((uint64_t)n_answered * i / 10);
		uint32_t n = (uint32_t)((uint64_t)n_answered * (i + 1) / 10) - from;

		qsort(latency_us + from, n, sizeof *latency_us, by_size);
		printf("%s%u", i ? ", " : "", percentile(latency_us + from, n, 0.99));
	}
	printf("], ");
}

/* Of the answers that took long; after the others are sorted. */
static void report_affected(void)
{
	uint32_t from = n_answered;

	while (from > 0 && latency_us[from - 1] >= options.affected_us)
		from--;
	uint32_t n = n_answered - from;

	printf("\"affected\": {\"n\": %u, \"p50\": %u, \"p99\": %u, \"max\": %u}, ", n,
		percentile(latency_us + from, n, 0.5), percentile(latency_us + from, n, 0.99),
		percentile(latency_us + from, n, 1));
}

/* Seconds since the epoch, as the clock of other programs tells them. */
static void report_bad(void)
{
	int64_t first = 0, last = 0;

	for (uint32_t i = 0; i < n_sent; i++) {
		if (queries[i].rcode == 0)
			continue;
		first = first ? first : queries[i].sent_ns;
		last = queries[i].sent_ns;
	}
	printf("\"begin\": %.3f, \"first_bad\": %.3f, \"last_bad\": %.3f, ",
		n_sent ? (double)queries[0].sent_ns / 1e9 : 0, (double)first / 1e9,
		(double)last / 1e9);
}

static void report_series(void)
{
	int64_t width = options.bucket_ms * MS;
	uint32_t i = 0;

	printf("\"series\": [");
	for (int64_t end; i < n_sent; printf("%s", i < n_sent ? ", " : "")) {
		uint32_t n[5] = { 0 }, slowest = 0;

		end = queries[i].sent_ns - (queries[i].sent_ns - queries[0].sent_ns) % width +
		      width;
		for (; i < n_sent && queries[i].sent_ns < end; i++) {
			const struct query *q = &queries[i];

			n[0]++;
			n[q->rcode == 0 ? 1 : q->rcode == LOST ? 3 : 2]++;
			n[4] += q->took_us >= options.affected_us;
			slowest = q->took_us > slowest ? q->took_us : slowest;
		}
		printf("[%.1f, %u, %u, %u, %u, %u, %u]",
			(double)(end - width - queries[0].sent_ns) / 1e9, n[0], n[1], n[2], n[3],
			n[4], slowest);
	}
	printf("], ");
}

static void report(int64_t took_ns)
{
	const char *comma = "";

	printf("{\"sent\": %u, \"answered\": %u, \"lost\": %u, \"unexpected\": %u, ", n_sent,
		n_answered, n_lost, n_unexpected);
	if (first_unexpected.what)
		printf("\"first_unexpected\": {\"what\": \"%s\", \"s\": %.6f, \"sender\": %u, "
		       "\"id\": "
		       "%u}, ",
			first_unexpected.what,
			(double)(first_unexpected.at_ns - queries[0].sent_ns) / 1e9,
			first_unexpected.sender, first_unexpected.id);
	printf("\"rcodes\": {");
	for (int i = 0; i < 16; i++) {
		if (rcodes[i]) {
			printf("%s\"%d\": %llu", comma, i, (unsigned long long)rcodes[i]);
			comma = ", ";
		}
	}
	printf("}, ");
	report_tenths();
	qsort(latency_us, n_answered, sizeof *latency_us, by_size);
	printf("\"latency_us\": {\"min\": %u, \"p50\": %u, ", percentile(latency_us, n_answered, 0),
		percentile(latency_us, n_answered, 0.5));
	printf("\"p98\": %u, \"p99\": %u, \"p999\": %u, \"max\": %u}, ",
		percentile(latency_us, n_answered, 0.98), percentile(latency_us, n_answered, 0.99),
		percentile(latency_us, n_answered, 0.999), percentile(latency_us, n_answered, 1));
	report_affected();
	report_bad();
	if (options.bucket_ms)
		report_series();
	printf("\"behind_us\": %lld, \"stall_us\": %lld, ", (long long)(behind_ns / 1000),
		(long long)(stall_ns / 1000));
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

	while ((c = getopt(argc, argv, "s:p:n:q:r:b:w:c:S:d:a:t:xy")) != -1) {
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
		case 'S':
			options.n_addresses = (uint32_t)atoi(optarg);
			break;
		case 'd':
			options.n_domains = (uint32_t)atoi(optarg);
			break;
		case 'a':
			options.affected_us = (uint32_t)atoi(optarg) * 1000;
			break;
		case 't':
			options.bucket_ms = (uint32_t)atoi(optarg);
			break;
		case 'x':
		case 'y':
			options.initial = (char)c;
			break;
		default:
			exit(2);
		}
	}
	if (options.query_len < QUERY_MIN || options.query_len > 100 || options.total == 0 ||
		options.n_senders < 1 || options.n_senders > SOCKETS_MAX ||
		options.n_addresses > ADDRESSES_MAX || options.n_domains > DOMAINS_MAX) {
		fprintf(stderr,
			"load [-s HOST] [-p PORT] [-n TOTAL] [-q OUTSTANDING] [-r PER_SECOND]\n"
			"     [-b BYTES 48..100] [-w WAIT_MS] [-c SOCKETS 1..64]\n"
			"     [-S SOURCE_ADDRESSES, to a 127.0.0.1] [-d DOMAINS] [-a AFFECTED_MS]\n"
			"     [-t ROW_MS] [-x | -y: names that the backend never answers, | with\n"
			"     SERVFAIL only]\n");
		exit(2);
	}
	set_target(host, port);
}

static void end_asking(int number)
{
	(void)number;
	is_told_to_end = 1;
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = end_asking }, NULL);
	int poller = epoll_create1(0);

	for (int i = 0; i < options.n_senders; i++)
		open_sender(i, poller);
	queries = calloc(options.total, sizeof *queries);
	latency_us = calloc(options.total, sizeof *latency_us);
	if (!queries || !latency_us)
		die("calloc");
	int64_t start = now_ns(CLOCK_MONOTONIC);

	run(poller);
	report(now_ns(CLOCK_MONOTONIC) - start);
	return 0;
}
