/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * relay - the yardstick: a balancer that sees nothing of DNS but the ID, which it rewrites. It has the
 * shape of dnsbal and the same system calls, without dnsbal's code, so that what dnsbal adds can be
 * told from what the kernel takes.
 *
 * As in dnsbal: batches of 32; a server drawn for each query, the socket once for each server and
 * batch, so that a batch costs one sendmmsg for each server in it; connected sockets; replies
 * of all sockets gathered and answered with one sendmmsg. Shape `queue`: a receiver, one locked queue of
 * batches, from which a worker takes as many as fit into one; workers sleep in epoll and are woken by an
 * eventfd, the idle one with the lowest number first. Shape `direct`: each worker reads a SO_REUSEPORT
 * socket of its own.
 *
 * No time-outs, retries, checks or counters. The IDs of a socket go round; a reply counts if its socket and
 * ID are those of a query that is out, of which each socket has room for an equal part of 262144. Prints "ready", and ends with its standard input. */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "udp.h"

enum { WORKERS_MAX = 64, SOCKETS_MAX = 16, ALL_SOCKETS = 8192 };
enum { DATAGRAM_MAX = 1232, HEADER_LEN = 12, SLOTS = 1 << 18 };
enum { BATCHES = 1024, BATCHES_PER_WAKE = 4, READS_PER_SOCKET = 4, EVENTS = 64 };
enum { TAG_CLIENTS = 1 << 30, TAG_WAKEUP };

/* Datagrams read, the headers that read them, and who sent them. The pieces point to the bytes, not
 * always to those of the same batch: they are swapped when batches are joined. */
struct batch {
	struct batch *next;
	int n;
	struct mmsghdr headers[UDP_BATCH];
	struct iovec pieces[UDP_BATCH];
	struct sockaddr_in names[UDP_BATCH];
	uint8_t bytes[UDP_BATCH][DATAGRAM_MAX];
};

struct slot {
	struct in_addr client;
	in_port_t client_port_be; /* 0: none is out */
	uint16_t id; /* the server's */
	uint8_t client_id[2];
};

struct upstream {
	int fd;
	uint16_t next_id;
	struct slot *slots; /* by the low bits of the ID; n_slots of them */
};

/* The queries of a batch for one server. */
struct group {
	uint32_t n, socket;
	struct mmsghdr headers[UDP_BATCH];
};

struct worker {
	pthread_t thread;
	int poller, wakeup, listener; /* the wake-up in the shape queue only */
	struct upstream *sockets; /* server by server */
	uint64_t random;
	struct batch in, replies;
	struct mmsghdr answers[UDP_BATCH];
	uint16_t used[UDP_BATCH]; /* servers of this batch */
	unsigned n_used;
	struct group groups[UDP_SERVERS_MAX];
};

static struct {
	bool is_direct;
	uint32_t n_workers, n_servers, n_sockets, listen_port, server_port;
} options = { .n_workers = 2, .n_servers = 3 };
static struct worker *workers[WORKERS_MAX];
static uint32_t n_slots = SLOTS; /* of a socket: a power of two */

static struct {
	pthread_mutex_t lock;
	struct batch *oldest, *newest, *unused; /* under the lock, as all of it */
	uint64_t idle; /* a bit for each worker that found nothing */
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- batches -------------------------------------------------------------------------------- */

static void init_batch(struct batch *b)
{
	for (int i = 0; i < UDP_BATCH; i++) {
		b->pieces[i] = (struct iovec){ b->bytes[i], DATAGRAM_MAX };
		b->headers[i].msg_hdr = (struct msghdr){ .msg_name = &b->names[i],
			.msg_namelen = sizeof b->names[i],
			.msg_iov = &b->pieces[i],
			.msg_iovlen = 1 };
	}
}

static uint8_t *datagram(struct batch *b, int i)
{
	return b->pieces[i].iov_base;
}

/* Moves all datagrams behind those of another batch. */
static void move(struct batch *to, struct batch *from)
{
	for (int i = 0; i < from->n; i++, to->n++) {
		void *unused = to->pieces[to->n].iov_base;

		to->pieces[to->n].iov_base = from->pieces[i].iov_base;
		from->pieces[i].iov_base = unused;
		to->names[to->n] = from->names[i];
		to->headers[to->n].msg_len = from->headers[i].msg_len;
	}
}

/* Reads behind what is there; how many came, 0 also for an error. */
static int read_batch(struct batch *b, int fd)
{
	for (int i = b->n; i < UDP_BATCH; i++) {
		b->pieces[i].iov_len = DATAGRAM_MAX;
		b->headers[i].msg_hdr.msg_namelen = sizeof b->names[i];
	}
	int n = recvmmsg(fd, b->headers + b->n, (unsigned)(UDP_BATCH - b->n), MSG_DONTWAIT, NULL);

	if (n <= 0)
		return 0;
	b->n += n;
	return n;
}

/* What cannot be sent is lost. */
static void send_all(int fd, struct mmsghdr *headers, unsigned n)
{
	for (unsigned at = 0; at < n;) {
		int sent = sendmmsg(fd, headers + at, n - at, MSG_DONTWAIT);

		at += sent > 0 ? (unsigned)sent : 1;
	}
}

/* ---- the queue ------------------------------------------------------------------------------ */

static void push(struct batch *b)
{
	int wakeup = -1;

	b->next = NULL;
	pthread_mutex_lock(&queue.lock);
	if (queue.newest)
		queue.newest->next = b;
	else
		queue.oldest = b;
	queue.newest = b;
	if (queue.idle != 0) {
		wakeup = workers[__builtin_ctzll(queue.idle)]->wakeup;
		queue.idle &= queue.idle - 1;
	}
	pthread_mutex_unlock(&queue.lock);
	if (wakeup != -1)
		eventfd_write(wakeup, 1);
}

static void discard_locked(struct batch *b)
{
	b->next = queue.unused;
	queue.unused = b;
}

static struct batch *take_oldest_locked(void)
{
	struct batch *b = queue.oldest;

	queue.oldest = b->next;
	if (!b->next)
		queue.newest = NULL;
	return b;
}

/* The oldest, with those that follow as far as they fit into it. NULL: there is nothing; the next
 * push may wake this worker. */
static struct batch *pop(unsigned worker, struct batch *done)
{
	struct batch *b = NULL;

	pthread_mutex_lock(&queue.lock);
	if (done)
		discard_locked(done);
	if (queue.oldest) {
		b = take_oldest_locked();
		while (queue.oldest && b->n + queue.oldest->n <= UDP_BATCH) {
			struct batch *other = take_oldest_locked();

			move(b, other);
			discard_locked(other);
		}
		queue.idle &= ~(1ull << worker);
	} else {
		queue.idle |= 1ull << worker;
	}
	pthread_mutex_unlock(&queue.lock);
	return b;
}

/* An empty one; NULL: all are waiting. */
static struct batch *take_unused(void)
{
	pthread_mutex_lock(&queue.lock);
	struct batch *b = queue.unused;
	if (b)
		queue.unused = b->next;
	pthread_mutex_unlock(&queue.lock);
	if (b)
		b->n = 0;
	return b;
}

/* ---- workers -------------------------------------------------------------------------------- */

static uint32_t draw(struct worker *w, uint32_t n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)((w->random >> 32) * n >> 32);
}

static struct group *group_of(struct worker *w, uint32_t server)
{
	struct group *g = &w->groups[server];

	if (g->n == 0) {
		w->used[w->n_used++] = (uint16_t)server;
		g->socket = server * options.n_sockets + draw(w, options.n_sockets);
	}
	return g;
}

static void relay_query(struct worker *w, struct batch *b, int i)
{
	struct group *g = group_of(w, draw(w, options.n_servers));
	struct upstream *u = &w->sockets[g->socket];
	uint16_t id = u->next_id++;
	struct slot *s = &u->slots[id & (n_slots - 1)];
	uint8_t *data = datagram(b, i);

	s->client = b->names[i].sin_addr;
	s->client_port_be = b->names[i].sin_port;
	s->id = id;
	memcpy(s->client_id, data, sizeof s->client_id);
	memcpy(data, &id, sizeof id);
	b->pieces[i].iov_len = b->headers[i].msg_len;
	g->headers[g->n++].msg_hdr = (struct msghdr){ .msg_iov = &b->pieces[i], .msg_iovlen = 1 };
}

static void relay_batch(struct worker *w, struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		if (b->headers[i].msg_len >= HEADER_LEN)
			relay_query(w, b, i);
	}
	for (; w->n_used > 0; w->n_used--) {
		struct group *g = &w->groups[w->used[w->n_used - 1]];

		send_all(w->sockets[g->socket].fd, g->headers, g->n);
		g->n = 0;
	}
}

/* Puts the client in the place of the server. False: nobody asked. */
static bool restore(const struct upstream *u, struct batch *b, int i)
{
	uint16_t id;

	if (b->headers[i].msg_len < HEADER_LEN)
		return false;
	memcpy(&id, datagram(b, i), sizeof id);
	struct slot *s = &u->slots[id & (n_slots - 1)];
	if (s->id != id || s->client_port_be == 0)
		return false;
	memcpy(datagram(b, i), s->client_id, sizeof s->client_id);
	b->names[i].sin_family = AF_INET;
	b->names[i].sin_addr = s->client;
	b->names[i].sin_port = s->client_port_be;
	s->client_port_be = 0;
	return true;
}

static void flush_replies(struct worker *w, unsigned *n_answers)
{
	send_all(w->listener, w->answers, *n_answers);
	*n_answers = 0;
	w->replies.n = 0;
}

static void read_socket(struct worker *w, const struct upstream *u, unsigned *n_answers)
{
	struct batch *b = &w->replies;

	for (int reads = 0; reads < READS_PER_SOCKET; reads++) {
		int from = b->n, room = UDP_BATCH - from;
		int n = read_batch(b, u->fd);

		for (int i = from; i < b->n; i++) {
			if (!restore(u, b, i))
				continue;
			b->pieces[i].iov_len = b->headers[i].msg_len;
			w->answers[(*n_answers)++] = (struct mmsghdr){
				.msg_hdr = b->headers[i].msg_hdr
			};
		}
		if (b->n == UDP_BATCH)
			flush_replies(w, n_answers);
		if (n < room)
			return;
	}
}

static void read_clients(struct worker *w)
{
	for (int i = 0; i < BATCHES_PER_WAKE; i++) {
		w->in.n = 0;
		int n = read_batch(&w->in, w->listener);

		relay_batch(w, &w->in);
		if (n < UDP_BATCH)
			return;
	}
}

/* One batch a turn, as replies wait meanwhile. True if there may be more. */
static bool take_queries(struct worker *w, unsigned number, struct batch **done)
{
	*done = pop(number, *done);
	if (*done)
		relay_batch(w, *done);
	return *done;
}

static void *work(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg, n_answers = 0;
	struct worker *w = workers[number];
	struct epoll_event events[EVENTS];
	struct batch *done = NULL;
	bool has_more = !options.is_direct;

	for (;;) {
		int n = epoll_wait(w->poller, events, EVENTS, has_more ? 0 : -1);
		bool is_asked = false;

		for (int i = 0; i < n; i++) {
			if (events[i].data.u32 < TAG_CLIENTS)
				read_socket(w, &w->sockets[events[i].data.u32], &n_answers);
			else
				is_asked |= events[i].data.u32 == TAG_CLIENTS;
		}
		flush_replies(w, &n_answers);
		if (is_asked)
			read_clients(w);
		if (!options.is_direct)
			has_more = take_queries(w, number, &done);
	}
	return NULL;
}

static void *receive(void *arg)
{
	int listener = *(int *)arg, poller = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	struct batch *b = NULL;

	if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) == -1)
		die("epoll");
	for (;;) {
		int n = UDP_BATCH;

		epoll_wait(poller, &event, 1, -1);
		for (int i = 0; i < BATCHES_PER_WAKE && n == UDP_BATCH; i++) {
			while (!b && !(b = take_unused()))
				usleep(1000);
			n = read_batch(b, listener);
			if (n > 0) {
				push(b);
				b = NULL;
			}
		}
	}
	return NULL;
}

/* ---- the start ------------------------------------------------------------------------------ */

static void watch(struct worker *w, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event ev = { .events = events, .data.u32 = tag };

	if (epoll_ctl(w->poller, EPOLL_CTL_ADD, fd, &ev) == -1)
		die("epoll");
}

static void open_worker(unsigned number, int listener)
{
	struct worker *w = calloc(1, sizeof *w);
	uint32_t n = options.n_servers * options.n_sockets;
	struct slot *slots = calloc((size_t)n * n_slots, sizeof *slots);

	if (!w || !slots || !(w->sockets = calloc(n, sizeof *w->sockets)))
		die("calloc");
	workers[number] = w;
	w->random = 0x9e3779b97f4a7c15 * (number + 1);
	w->poller = epoll_create1(EPOLL_CLOEXEC);
	w->listener = listener;
	init_batch(&w->in);
	init_batch(&w->replies);
	for (uint32_t i = 0; i < n; i++) {
		struct sockaddr_in to = udp_server(i / options.n_sockets, options.server_port);

		w->sockets[i].fd = udp_connect(to);
		w->sockets[i].slots = slots + (size_t)i * n_slots;
		watch(w, w->sockets[i].fd, EPOLLIN, i);
	}
	if (options.is_direct) {
		watch(w, listener, EPOLLIN, TAG_CLIENTS);
		return;
	}
	w->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch(w, w->wakeup, EPOLLIN | EPOLLET, TAG_WAKEUP);
}

static void stock_queue(void)
{
	for (int i = 0; i < BATCHES; i++) {
		struct batch *b = calloc(1, sizeof *b);

		if (!b)
			die("calloc");
		init_batch(b);
		b->next = queue.unused;
		queue.unused = b;
	}
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
	errno = pthread_create(thread, NULL, run, arg);
	if (errno != 0)
		die("pthread_create");
}

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "dw:n:k:l:p:")) != -1) {
		switch (c) {
		case 'd':
			options.is_direct = true;
			break;
		case 'w':
			options.n_workers = udp_number(optarg, 1, WORKERS_MAX);
			break;
		case 'n':
			options.n_servers = udp_number(optarg, 1, UDP_SERVERS_MAX);
			break;
		case 'k':
			options.n_sockets = udp_number(optarg, 0, SOCKETS_MAX);
			break;
		case 'l':
			options.listen_port = udp_number(optarg, 1, 65535);
			break;
		case 'p':
			options.server_port = udp_number(optarg, 1, 65535);
			break;
		default:
			argc = optind - 1;
		}
	}
	if (options.listen_port == 0 || options.server_port == 0 || optind != argc) {
		fprintf(stderr,
			"relay -l PORT -p SERVERS_PORT [-d: direct] [-w WORKERS] [-n SERVERS]\n"
			"      [-k SOCKETS per server and worker, 0: as many as dnsbal]\n");
		exit(2);
	}
}

/* dnsbal's upstream_sockets = 0. */
static uint32_t default_sockets(void)
{
	uint32_t n = ALL_SOCKETS / (options.n_servers * options.n_workers);

	return n < 1 ? 1 : n < SOCKETS_MAX ? n : SOCKETS_MAX;
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = udp_address("127.0.0.1", 0);
	pthread_t receiver;
	int listener = -1;
	char line[64];

	parse_options(argc, argv);
	raise_limit();
	if (options.n_sockets == 0)
		options.n_sockets = default_sockets();
	while (n_slots > UINT16_MAX + 1 || n_slots * options.n_servers * options.n_sockets > SLOTS)
		n_slots /= 2;
	at.sin_port = htons((uint16_t)options.listen_port);
	stock_queue();
	for (unsigned i = 0; i < options.n_workers; i++) {
		if (options.is_direct || i == 0)
			listener = udp_listen(at, options.is_direct);
		open_worker(i, listener);
	}
	for (unsigned i = 0; i < options.n_workers; i++)
		start_thread(&workers[i]->thread, work, (void *)(uintptr_t)i);
	if (!options.is_direct)
		start_thread(&receiver, receive, &listener);
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, line, sizeof line) > 0)
		;
	return 0;
}
