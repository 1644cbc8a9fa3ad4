/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * crowd - many clients at a fixed rate, whatever becomes of their queries: what overload is made
 * of. Each -c is a group of sockets whose answers are counted apart:
 *
 *   -c ADDRESS,SOCKETS,STEP,RATE    socket i is bound to ADDRESS + i x STEP (any 127/8 will do);
 *                                   the group sends RATE queries a second
 *   -s HOST -p PORT                 whom they ask
 *   -t MS                           for how long they ask
 *   -w MS                           how long an answer may take to count (default 1000)
 *
 * Every query has a name of its own, so an answer delivered to the wrong one is noticed. When an
 * answer arrived is the kernel's stamp, so that a busy client does not make it late. A query that
 * could not be sent in its time, because the machine was busy, is not sent later: the rate stays
 * what it is and `sent` tells how many there were. Prints one JSON object. Single thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	GROUPS_MAX = 16,
	SOCKETS_MAX = 1024,
	BATCH = 16, /* queries of one socket in one system call */
	READS = 8,
	QUERY_LEN = 12 + 1 + 13 + 1 + 4 + 1 + 4,
	BACKLOG_US = 20000, /* what was not sent for longer never is */
};

struct slot {
	uint32_t sent_us; /* since the start, 0: free */
	uint16_t turn; /* how often the IDs went round */
};

struct client {
	int fd;
	struct group *group;
	uint16_t next_id, turn;
	struct slot slots[65536]; /* by ID */
};

struct group {
	struct in_addr address;
	unsigned n, step, rate;
	struct client **clients;
	unsigned next; /* client */
	uint64_t n_due; /* handed out so far */
	uint64_t n_sent, n_refused, n_answered, n_late, n_unexpected, rcodes[16];
	uint32_t *latency_us;
	size_t latency_room;
};

static struct group groups[GROUPS_MAX];
static unsigned n_groups;
static struct sockaddr_in target = { .sin_family = AF_INET };
static struct client *clients[SOCKETS_MAX];
static unsigned n_clients;
static int64_t start_ns, real_start_ns;
static uint32_t for_us = 1000000, wait_us = 1000000;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint32_t now_us(void)
{
	return (uint32_t)((now_ns(CLOCK_MONOTONIC) - start_ns) / 1000) + 1;
}

/* Header and question: "q<turn><client><id>.test", A, RD. */
static void make_query(uint8_t out[QUERY_LEN], uint16_t id, uint16_t turn, int fd)
{
	static const char hex[] = "0123456789abcdef";
	static const uint8_t head[13] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 13 };
	static const uint8_t tail[] = "\4test\0\0\1\0\1";
	uint64_t serial = (uint64_t)turn << 32 | (uint64_t)(fd & 0xffff) << 16 | id;
	uint8_t *p = out + sizeof head;

	memcpy(out, head, sizeof head);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	*p++ = 'q';
	for (int i = 0; i < 12; i++, serial >>= 4)
		*p++ = (uint8_t)hex[serial & 15];
	memcpy(p, tail, sizeof tail - 1);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Up to n queries from the group's next client. */
static void send_some(struct group *g, unsigned n)
{
	static uint8_t bytes[BATCH][QUERY_LEN];
	static struct iovec pieces[BATCH];
	static struct mmsghdr headers[BATCH];
	struct client *c = g->clients[g->next++ % g->n];
	uint32_t at_us = now_us();

	for (unsigned i = 0; i < n; i++) {
		uint16_t id = (uint16_t)(c->next_id + i);
		uint16_t turn = (uint16_t)(c->turn + (id < c->next_id));

		make_query(bytes[i], id, turn, c->fd);
		pieces[i] = (struct iovec){ bytes[i], QUERY_LEN };
		headers[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
		c->slots[id] = (struct slot){ .sent_us = at_us, .turn = turn };
	}
	int sent = sendmmsg(c->fd, headers, n, MSG_DONTWAIT);
	if (sent < 0)
		sent = 0;
	g->n_sent += (unsigned)sent;
	g->n_refused += n - (unsigned)sent;
	uint16_t next_id = (uint16_t)(c->next_id + n);
	c->turn = (uint16_t)(c->turn + (next_id < c->next_id));
	c->next_id = next_id;
}

/* True if the group has more to send right now. */
static bool send_due(struct group *g)
{
	uint32_t us = now_us();
	uint64_t due = (uint64_t)us * g->rate / 1000000;
	uint64_t most = (uint64_t)BACKLOG_US * g->rate / 1000000 + BATCH;

	if (us >= for_us)
		return false;
	if (due > g->n_due + most)
		g->n_due = due - most;
	/* A large group spreads what is due over its sockets, a small rate is sent one by one. */
	for (unsigned i = 0; i < 4 && g->n_due < due; i++) {
		uint64_t n = due - g->n_due;

		if (n > BATCH)
			n = BATCH;
		send_some(g, (unsigned)n);
		g->n_due += n;
	}
	return g->n_due < due;
}

/* ---- receiving ---------------------------------------------------------------------------- */

static void note_latency(struct group *g, uint32_t us)
{
	if (g->n_answered == g->latency_room) {
		g->latency_room = g->latency_room ? g->latency_room * 2 : 65536;
		g->latency_us = realloc(g->latency_us, g->latency_room * sizeof *g->latency_us);
		if (!g->latency_us)
			die("realloc");
	}
	g->latency_us[g->n_answered++] = us;
}

static void take_answer(struct client *c, const uint8_t *data, size_t len, uint32_t at_us)
{
	struct group *g = c->group;
	uint8_t query[QUERY_LEN];
	uint16_t id = len < 12 ? 0 : (uint16_t)(data[0] << 8 | data[1]);
	struct slot *slot = &c->slots[id];

	make_query(query, id, slot->turn, c->fd);
	if (len < QUERY_LEN || !slot->sent_us || !(data[2] & 0x80) ||
		memcmp(query + 12, data + 12, QUERY_LEN - 12) != 0) {
		g->n_unexpected++;
		return;
	}
	uint32_t took = at_us > slot->sent_us ? at_us - slot->sent_us : 0;

	slot->sent_us = 0;
	if (took > wait_us) {
		g->n_late++;
		return;
	}
	g->rcodes[data[3] & 15]++;
	note_latency(g, took);
}

static uint32_t stamp_us(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct timespec ts;

	if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
		return now_us();
	memcpy(&ts, CMSG_DATA(c), sizeof ts);
	return (uint32_t)(((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec - real_start_ns) / 1000) +
	       1;
}

static void read_answers(struct client *c)
{
	static uint8_t bytes[BATCH][512];
	static _Alignas(struct cmsghdr) char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	static struct iovec pieces[BATCH];
	static struct mmsghdr headers[BATCH];

	for (int reads = 0; reads < READS; reads++) {
		for (int i = 0; i < BATCH; i++) {
			pieces[i] = (struct iovec){ bytes[i], sizeof bytes[i] };
			headers[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i],
				.msg_iovlen = 1,
				.msg_control = control[i],
				.msg_controllen = sizeof control[i] };
		}
		int n = recvmmsg(c->fd, headers, BATCH, MSG_DONTWAIT, NULL);

		for (int i = 0; i < n; i++)
			take_answer(c, bytes[i], headers[i].msg_len, stamp_us(&headers[i].msg_hdr));
		if (n < BATCH)
			return;
	}
}

/* ---- the run ------------------------------------------------------------------------------ */

static void open_client(struct group *g, unsigned i, int poller)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = n_clients };
	int on = 1, size = 8 << 20;
	struct client *c = calloc(1, sizeof *c);

	if (!c || n_clients == SOCKETS_MAX)
		die("too many clients");
	at.sin_addr.s_addr = htonl(ntohl(g->address.s_addr) + i * g->step);
	c->group = g;
	c->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (c->fd == -1 || bind(c->fd, (struct sockaddr *)&at, sizeof at) == -1 ||
		connect(c->fd, (struct sockaddr *)&target, sizeof target) == -1)
		die("socket");
	setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1)
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
	g->clients[i] = clients[n_clients++] = c;
}

static void run(int poller)
{
	struct epoll_event events[64];

	while (now_us() < for_us + wait_us) {
		bool more = false;

		for (unsigned i = 0; i < n_groups; i++)
			more |= send_due(&groups[i]);
		int n = epoll_wait(poller, events, 64, more ? 0 : 1);

		for (int i = 0; i < n; i++)
			read_answers(clients[events[i].data.u32]);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t percentile(const struct group *g, double p)
{
	return g->n_answered ? g->latency_us[(size_t)(p * (double)(g->n_answered - 1))] : 0;
}

/* The p99 of each tenth of the answers, in the order they came: a neighbour's spell
 * shows in one of them. Sorts them within. */
static void report_tenths(const struct group *g)
{
	printf("\"p99_of_tenths_us\": [");
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t from = g->n_answered * i / 10, n = g->n_answered * (i + 1) / 10 - from;
		uint32_t *tenth = g->latency_us + from;

		if (n)
			qsort(tenth, n, sizeof *tenth, by_size);
		printf("%s%u", i ? ", " : "", n ? tenth[(size_t)(0.99 * (double)(n - 1))] : 0);
	}
	printf("], ");
}

static void report(const struct group *g)
{
	const char *comma = "";

	printf("{");
	report_tenths(g);
	if (g->n_answered)
		qsort(g->latency_us, g->n_answered, sizeof *g->latency_us, by_size);
	printf("\"sent\": %llu, \"refused\": %llu, \"answered\": %llu, \"late\": %llu, "
	       "\"unexpected\": %llu, \"rcodes\": {",
		(unsigned long long)g->n_sent, (unsigned long long)g->n_refused,
		(unsigned long long)g->n_answered, (unsigned long long)g->n_late,
		(unsigned long long)g->n_unexpected);
	for (int i = 0; i < 16; i++) {
		if (g->rcodes[i]) {
			printf("%s\"%d\": %llu", comma, i, (unsigned long long)g->rcodes[i]);
			comma = ", ";
		}
	}
	printf("}, \"latency_us\": {\"p50\": %u, \"p90\": %u, \"p99\": %u, \"max\": %u}}",
		percentile(g, 0.5), percentile(g, 0.9), percentile(g, 0.99), percentile(g, 1));
}

static void usage(void)
{
	fprintf(stderr,
		"crowd [-s HOST] -p PORT [-t MS] [-w MS] -c ADDRESS,SOCKETS,STEP,RATE ...\n");
	exit(2);
}

static void add_group(const char *text)
{
	struct group *g = &groups[n_groups];
	char host[64];

	if (n_groups == GROUPS_MAX ||
		sscanf(text, "%63[^,],%u,%u,%u", host, &g->n, &g->step, &g->rate) != 4 ||
		inet_pton(AF_INET, host, &g->address) != 1 || g->n == 0 || g->rate == 0)
		usage();
	g->clients = calloc(g->n, sizeof(struct client *));
	n_groups++;
}

static void parse_options(int argc, char **argv)
{
	const char *host = "127.0.0.1";
	int c;

	while ((c = getopt(argc, argv, "s:p:t:w:c:")) != -1) {
		if (c == 's')
			host = optarg;
		else if (c == 'p')
			target.sin_port = htons((uint16_t)atoi(optarg));
		else if (c == 't')
			for_us = (uint32_t)atoi(optarg) * 1000;
		else if (c == 'w')
			wait_us = (uint32_t)atoi(optarg) * 1000;
		else if (c == 'c')
			add_group(optarg);
		else
			usage();
	}
	if (inet_pton(AF_INET, host, &target.sin_addr) != 1 || !target.sin_port || !n_groups)
		usage();
}

int main(int argc, char **argv)
{
	int poller = epoll_create1(0);

	parse_options(argc, argv);
	for (unsigned i = 0; i < n_groups; i++) {
		for (unsigned k = 0; k < groups[i].n; k++)
			open_client(&groups[i], k, poller);
	}
	start_ns = now_ns(CLOCK_MONOTONIC);
	real_start_ns = now_ns(CLOCK_REALTIME);
	run(poller);
	printf("{\"groups\": [");
	for (unsigned i = 0; i < n_groups; i++) {
		printf("%s", i ? ", " : "");
		report(&groups[i]);
	}
	printf("]}\n");
	return 0;
}
