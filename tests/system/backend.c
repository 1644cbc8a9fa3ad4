/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * backend - a DNS server that answers faster than it is asked, and fails on order: one process per
 * server, so that it can be killed, stopped and started again.
 *
 * Orders come as lines on standard input, each answered by one JSON line; its end ends the server.
 * An order takes the place of the one before:
 *	answer | rcode N | garbage | wrong-id | other-address | silent | loss PERCENT | slow FACTOR
 *	count	(changes nothing: the datagrams seen, and what was sent)
 *
 * Questions are those of the load program, names below example.test; what asks for anything else
 * is a probe, which is counted apart and meets the same fate. A name that begins with x is never
 * answered, one with y with SERVFAIL at best. One thread, replies in the order of the queries. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, QUERY_MAX = 512, REPLY_MAX = QUERY_MAX + 16, BATCH = 64, WAITING = 1 << 14 };
enum { TICK_NS = 500000 };

enum fate { ANSWER, RCODE, GARBAGE, WRONG_ID, OTHER_ADDRESS, SILENT };

struct reply {
	int64_t due_ns;
	struct sockaddr_storage to;
	uint16_t len;
	bool from_other;
	uint8_t data[REPLY_MAX];
};

static struct {
	enum fate fate;
	unsigned rcode;
	double loss, slow; /* a share; a factor */
} mode = { .slow = 1 };

static struct {
	unsigned long queries, probes, unanswerable, replies;
} count;

static int64_t delay_ns = 1000000;
static struct sockaddr_storage address, other;
static socklen_t address_len;
static int sock, other_sock;
static struct reply *waiting; /* a ring of WAITING */
static unsigned head, tail;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The length of header and question, or 0. */
static size_t question_end(const uint8_t *data, size_t len)
{
	size_t at = HEADER;

	while (at < len && data[at] && data[at] < 64)
		at += data[at] + 1u;
	return at + 5 <= len && data[at] == 0 ? at + 5 : 0;
}

/* Is it a question of the load program? */
static bool is_load(const uint8_t *data, size_t end)
{
	static const uint8_t zone[] = "\7example\4test";
	size_t need = sizeof zone + 4;

	return end >= HEADER + need && memcmp(data + end - need, zone, sizeof zone) == 0;
}

static size_t make_garbage(uint8_t *out)
{
	size_t len = 1 + (size_t)rand() % 100;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)rand();
	return len;
}

/* Header and question of the query, and one A record if it is a good answer. */
static size_t make_reply(uint8_t *out, const uint8_t *query, size_t end, bool is_broken)
{
	static const uint8_t record[] = { 0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2,
		1 };
	unsigned rcode = mode.fate == RCODE ? mode.rcode : is_broken ? 2 : 0;

	memcpy(out, query, end);
	out[2] = 0x80 | (query[2] & 0x79);
	out[3] = (uint8_t)(0x80 | (query[3] & 0x10) | rcode);
	memset(out + 6, 0, 6);
	if (mode.fate == WRONG_ID)
		out[0] ^= 0x5a;
	if (rcode)
		return end;
	out[7] = 1;
	memcpy(out + end, record, sizeof record);
	return end + sizeof record;
}

static void take(const uint8_t *data, size_t len, const struct sockaddr_storage *from, int64_t now)
{
	size_t end = len < HEADER || data[2] & 0x80 ? 0 : question_end(data, len);
	bool load = is_load(data, end);
	bool is_broken = load && data[HEADER + 1] == 'y';

	if (end == 0)
		return;
	if (!load)
		count.probes++;
	else
		count.queries++;
	if (load && data[HEADER + 1] == 'x') {
		count.unanswerable++;
		return;
	}
	if (mode.fate == SILENT || (mode.loss > 0 && rand() < mode.loss * RAND_MAX))
		return;
	if (tail - head == WAITING)
		return;
	struct reply *r = &waiting[tail++ % WAITING];

	r->due_ns = now + (int64_t)((double)delay_ns * mode.slow);
	r->to = *from;
	r->from_other = mode.fate == OTHER_ADDRESS;
	r->len = (uint16_t)(mode.fate == GARBAGE ? make_garbage(r->data)
						 : make_reply(r->data, data, end, is_broken));
}

static int read_queries(void)
{
	static uint8_t data[BATCH][QUERY_MAX];
	static struct sockaddr_storage from[BATCH];
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], QUERY_MAX };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
			.msg_namelen = sizeof from[i],
			.msg_iov = &iov[i],
			.msg_iovlen = 1 };
	}
	int n = recvmmsg(sock, msgs, BATCH, MSG_DONTWAIT, NULL);
	int64_t now = now_ns();

	for (int i = 0; i < n; i++)
		take(data[i], msgs[i].msg_len, &from[i], now);
	return n;
}

/* Sends what is due, as far as it leaves by one socket. */
static bool send_due(int64_t now)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	int n = 0;
	bool from_other = waiting[head % WAITING].from_other;

	for (; n < BATCH && head + (unsigned)n != tail; n++) {
		struct reply *r = &waiting[(head + (unsigned)n) % WAITING];

		if (r->due_ns > now || r->from_other != from_other)
			break;
		iov[n] = (struct iovec){ r->data, r->len };
		msgs[n].msg_hdr = (struct msghdr){ .msg_name = &r->to,
			.msg_namelen = address_len,
			.msg_iov = &iov[n],
			.msg_iovlen = 1 };
	}
	if (n == 0)
		return false;
	int sent = sendmmsg(from_other ? other_sock : sock, msgs, (unsigned)n, 0);

	if (sent == -1) {
		if (errno == EAGAIN)
			return false;
		sent = 1; /* what cannot be sent is lost, as on a network */
	}
	head += (unsigned)sent;
	count.replies += (unsigned)sent;
	return true;
}

static void obey(const char *line)
{
	static const struct {
		const char *word;
		enum fate fate;
	} fates[] = { { "answer", ANSWER }, { "rcode", RCODE }, { "garbage", GARBAGE },
		{ "wrong-id", WRONG_ID }, { "other-address", OTHER_ADDRESS }, { "silent", SILENT },
		{ "loss", ANSWER }, { "slow", ANSWER } };
	char word[32] = "";
	double value = 0;

	sscanf(line, "%31s %lf", word, &value);
	for (size_t i = 0; i < sizeof fates / sizeof *fates; i++) {
		if (strcmp(word, fates[i].word) != 0)
			continue;
		mode.fate = fates[i].fate;
		mode.rcode = (unsigned)value & 15;
		mode.loss = strcmp(word, "loss") == 0 ? value / 100 : 0;
		mode.slow = strcmp(word, "slow") == 0 ? value : 1;
		word[0] = '\0';
	}
	if (word[0] && strcmp(word, "count") != 0) {
		fprintf(stderr, "backend: what is '%s'?\n", word);
		exit(2);
	}
	printf("{\"queries\": %lu, \"probes\": %lu, \"unanswerable\": %lu, \"replies\": %lu}\n",
		count.queries, count.probes, count.unanswerable, count.replies);
	fflush(stdout);
}

static void read_orders(void)
{
	static char text[256];
	static size_t len;
	ssize_t n = read(STDIN_FILENO, text + len, sizeof text - 1 - len);

	if (n <= 0)
		exit(0);
	len += (size_t)n;
	text[len] = '\0';
	for (char *end; (end = strchr(text, '\n'));) {
		*end = '\0';
		obey(text);
		len -= (size_t)(end + 1 - text);
		memmove(text, end + 1, len + 1);
	}
}

/* Sleeps until there is something to do. While replies wait, time goes in ticks, in which queries
 * gather as well: at 10 000 a second a wake-up for each would cost more than the rest. */
static void wait_for_work(struct pollfd fds[2])
{
	int64_t rest = TICK_NS - now_ns() % TICK_NS;
	struct timespec ts = { .tv_nsec = delay_ns == 0 ? 0 : rest };
	bool is_waiting = head != tail;

	fds[0].fd = is_waiting && delay_ns > 0 ? -1 : sock;
	fds[0].revents = 0;
	if (ppoll(fds, 2, is_waiting ? &ts : NULL, NULL) == -1 && errno != EINTR)
		die("ppoll");
}

static void run(void)
{
	struct pollfd fds[] = { { .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };

	for (;;) {
		wait_for_work(fds);
		while (read_queries() == BATCH)
			;
		if (fds[1].revents)
			read_orders();
		int64_t now = now_ns();

		while (head != tail && send_due(now))
			;
	}
}

static socklen_t parse_address(struct sockaddr_storage *out, const char *host, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	uint16_t port_be = htons((uint16_t)atoi(port));

	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = port_be;
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = port_be;
		return sizeof *v6;
	}
	fprintf(stderr, "%s is no address\n", host);
	exit(2);
}

static int open_socket(const struct sockaddr_storage *at, socklen_t len)
{
	int fd = socket(at->ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 16 << 20;

	if (fd == -1 || bind(fd, (const struct sockaddr *)at, len) == -1)
		die("bind");
	/* As root the limit of the host does not count. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == -1)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

/* HOST PORT DELAY_US [OTHER_HOST]: replies "from another address" come from there. */
int main(int argc, char **argv)
{
	if (argc < 4 || argc > 5) {
		fprintf(stderr, "backend HOST PORT DELAY_US [OTHER_HOST]\n");
		return 2;
	}
	address_len = parse_address(&address, argv[1], argv[2]);
	delay_ns = atoi(argv[3]) * (int64_t)1000;
	sock = open_socket(&address, address_len);
	other_sock = sock;
	if (argc == 5) {
		parse_address(&other, argv[4], argv[2]);
		other_sock = open_socket(&other, address_len);
	}
	waiting = calloc(WAITING, sizeof *waiting);
	if (!waiting)
		die("calloc");
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	srand((unsigned)now_ns());
	obey("answer"); /* tells that it is there */
	run();
}
