/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * servers - up to 512 DNS servers in one thread, on one port of 127.10.0.1, 127.10.0.2 ... A question
 * for an address is answered with the one that belongs to the name (question.h), any other with
 * NOERROR and nothing; the TTL is 0, so that nobody keeps it. An OPT is answered with one.
 *
 * All answers are late by the same time (-d), so those of a server leave in the order in which the
 * queries came: a ring for each, instead of a timer wheel. While answers wait, time goes in ticks, in
 * which queries gather as well.
 *
 * Prints a line of JSON when it is ready, and for each line on standard input: what was asked, lost
 * on order (-l), answered, and not taken because the ring was full. Ends with its standard input. */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "question.h"
#include "udp.h"

/* A question (271 bytes at most with its header), an A record, an OPT: 298. */
enum { QUERY_MAX = 512, ANSWER_MAX = 304 };
/* Calls at one server before the others get their turn; answers waiting at all of them, and at each. */
enum { READS = 8, WAITING = 1 << 18, WAITING_MIN = 1024 };
static const int64_t TICK_NS = 100000;

struct waiting {
	int64_t due_ns;
	struct sockaddr_in to;
	uint16_t len;
	uint8_t data[ANSWER_MAX];
};

struct server {
	int fd;
	uint32_t head, tail; /* of its ring */
	struct waiting *ring;
};

static struct {
	uint32_t n, port, loss;
	int64_t delay_ns;
} options = { .n = 3 };
static struct server servers[UDP_SERVERS_MAX];
static uint32_t ring_size; /* a power of two */
static struct {
	unsigned long queries, lost, answers, full;
} count;

static struct mmsghdr headers[UDP_BATCH];
static struct sockaddr_in names[UDP_BATCH];
static struct iovec pieces[UDP_BATCH];
static uint8_t bytes[UDP_BATCH][QUERY_MAX]; /* of queries, then of their answers */

/* ---- answers -------------------------------------------------------------------------------- */

/* The end of the only question; 0 if this is no query that can be answered. */
static size_t question_end(const uint8_t *data, size_t len)
{
	size_t at = HEADER_LEN;

	if (len < HEADER_LEN || data[2] & 0x80 || data[4] != 0 || data[5] != 1)
		return 0;
	while (at < len && data[at] != 0 && data[at] < 64)
		at += data[at] + 1u;
	at += 5;
	return at <= len && at <= HEADER_LEN + 255 + 4 && data[at - 5] == 0 ? at : 0;
}

/* In the place of the query. The answer's length, 0 for none. */
static size_t make_answer(uint8_t *data, size_t len)
{
	static const uint8_t record[12] = { 0xc0, HEADER_LEN, 0, 1, 0, 1, [11] = 4 };
	static const uint8_t opt[11] = { 0, 0, 41, 4, 208 }; /* 1232 bytes */
	size_t end = question_end(data, len);

	if (end == 0)
		return 0;
	bool is_address = data[end - 4] == 0 && data[end - 3] == 1;
	bool has_opt = data[11] != 0;
	uint8_t *at = data + end;

	data[2] |= 0x80;
	data[3] = 0x80 | (data[3] & 0x10);
	memset(data + 6, 0, 6);
	data[7] = is_address;
	data[11] = has_opt;
	if (is_address) {
		uint32_t address = answer_of(data + HEADER_LEN, end - HEADER_LEN - 4);

		memcpy(at, record, sizeof record);
		memcpy(at + sizeof record, &address, sizeof address);
		at += sizeof record + sizeof address;
	}
	if (has_opt) {
		memcpy(at, opt, sizeof opt);
		at += sizeof opt;
	}
	return (size_t)(at - data);
}

static bool is_lost(void)
{
	static uint64_t state = 0x2545f4914f6cdd1d;

	if (options.loss == 0)
		return false;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % 100 < options.loss;
}

/* What is not to leave now: silence, or the ring. True: it stays in the batch. */
static bool is_due(struct server *s, const uint8_t *data, size_t len, const struct sockaddr_in *to,
	int64_t now)
{
	count.queries++;
	if (len == 0 || is_lost()) {
		count.lost++;
		return false;
	}
	if (options.delay_ns == 0)
		return true;
	if (s->tail - s->head == ring_size) {
		count.full++;
		return false;
	}
	struct waiting *w = &s->ring[s->tail++ & (ring_size - 1)];

	w->due_ns = now + options.delay_ns;
	w->to = *to;
	w->len = (uint16_t)len;
	memcpy(w->data, data, len);
	return false;
}

/* ---- sockets -------------------------------------------------------------------------------- */

/* What cannot be sent is lost, as on any network. */
static void send_batch(int fd, unsigned n)
{
	for (unsigned at = 0; at < n;) {
		int sent = sendmmsg(fd, headers + at, n - at, 0);

		count.answers += sent > 0 ? (unsigned)sent : 0;
		at += sent > 0 ? (unsigned)sent : 1;
	}
}

static void set_header(unsigned i, void *data, size_t len, struct sockaddr_in *peer)
{
	pieces[i] = (struct iovec){ data, len };
	headers[i].msg_hdr = (struct msghdr){ .msg_name = peer,
		.msg_namelen = sizeof *peer,
		.msg_iov = &pieces[i],
		.msg_iovlen = 1 };
}

/* True if there may be more. */
static bool serve_batch(struct server *s)
{
	unsigned n_due = 0;

	for (unsigned i = 0; i < UDP_BATCH; i++)
		set_header(i, bytes[i], QUERY_MAX, &names[i]);
	int n = recvmmsg(s->fd, headers, UDP_BATCH, MSG_DONTWAIT, NULL);
	int64_t now = options.delay_ns ? now_ns(CLOCK_MONOTONIC) : 0;

	for (int i = 0; i < n; i++) {
		size_t len = make_answer(bytes[i], headers[i].msg_len);

		if (is_due(s, bytes[i], len, &names[i], now))
			set_header(n_due++, bytes[i], len, &names[i]);
	}
	send_batch(s->fd, n_due);
	return n == UDP_BATCH;
}

static void send_due(struct server *s, int64_t now)
{
	while (s->head != s->tail) {
		unsigned n = 0;

		for (; n < UDP_BATCH && s->head + n != s->tail; n++) {
			struct waiting *w = &s->ring[(s->head + n) & (ring_size - 1)];

			if (w->due_ns > now)
				break;
			set_header(n, w->data, w->len, &w->to);
		}
		if (n == 0)
			return;
		send_batch(s->fd, n);
		s->head += n;
	}
}

static bool has_waiting(void)
{
	for (uint32_t i = 0; i < options.n; i++) {
		if (servers[i].head != servers[i].tail)
			return true;
	}
	return false;
}

static void tell_counts(void)
{
	printf("{\"queries\": %lu, \"lost\": %lu, \"answers\": %lu, \"full\": %lu}\n",
		count.queries, count.lost, count.answers, count.full);
	fflush(stdout);
}

static void read_order(void)
{
	char line[64];

	if (read(STDIN_FILENO, line, sizeof line) <= 0)
		exit(0);
	tell_counts();
}

static void serve(uint32_t i)
{
	for (int reads = 0; reads < READS && serve_batch(&servers[i]); reads++)
		;
}

static void run(int poller)
{
	struct epoll_event events[64];
	bool is_waiting = false;

	for (;;) {
		int n = epoll_wait(poller, events, 64, is_waiting ? 0 : -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 == UDP_SERVERS_MAX)
				read_order();
			else
				serve(events[i].data.u32);
		}
		if (options.delay_ns == 0)
			continue;
		int64_t now = now_ns(CLOCK_MONOTONIC);

		for (uint32_t i = 0; i < options.n; i++)
			send_due(&servers[i], now);
		is_waiting = has_waiting();
		if (is_waiting)
			clock_nanosleep(
				CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = TICK_NS }, NULL);
	}
}

/* ---- the start ------------------------------------------------------------------------------ */

static void watch(int poller, int fd, uint32_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = tag };

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &ev) == -1)
		die("epoll");
}

static void open_server(uint32_t i, int poller)
{
	servers[i].fd = udp_listen(udp_server(i, options.port), false);
	watch(poller, servers[i].fd, i);
	if (options.delay_ns == 0)
		return;
	servers[i].ring = calloc(ring_size, sizeof *servers[i].ring);
	if (!servers[i].ring)
		die("calloc");
}

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:p:d:l:")) != -1) {
		switch (c) {
		case 'n':
			options.n = udp_number(optarg, 1, UDP_SERVERS_MAX);
			break;
		case 'p':
			options.port = udp_number(optarg, 1, 65535);
			break;
		case 'd':
			options.delay_ns = udp_number(optarg, 0, 60000000) * (int64_t)1000;
			break;
		case 'l':
			options.loss = udp_number(optarg, 0, 100);
			break;
		default:
			options.port = 0;
			argc = optind;
		}
	}
	if (options.port == 0 || optind != argc) {
		fprintf(stderr,
			"servers -p PORT [-n SERVERS 1..%d] [-d DELAY_US] [-l LOSS_PERCENT]\n",
			UDP_SERVERS_MAX);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	for (ring_size = WAITING_MIN; ring_size * options.n < WAITING; ring_size *= 2)
		;
	int poller = epoll_create1(EPOLL_CLOEXEC);

	for (uint32_t i = 0; i < options.n; i++)
		open_server(i, poller);
	watch(poller, STDIN_FILENO, UDP_SERVERS_MAX);
	tell_counts();
	run(poller);
}
