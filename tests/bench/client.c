/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * client - asks a server as fast as it answers, or at a fixed rate, and checks every answer: socket,
 * peer (the sockets are connected), ID, question, and the address that belongs to the name.
 *
 * Closed loop (-q N): each port keeps its share of N outstanding; an answer makes room for the next
 * query. -q 1 -c 1 is a plain send and recv. Open loop (-r RATE): queries leave in time whatever
 * becomes of the others; a latency counts from when the query was to leave to when the kernel
 * received its answer, so that neither a late client nor a stalled server hides anything.
 *
 * Bursts (-b N, with -n): the processes of -P are stopped while N queries are sent, so that they find them
 * together, and the next burst waits for all answers: for counting instructions, not for times.
 *
 * A run: warm-up, the measured time, then the wait for what is out. CPU (-P: of these processes) and
 * `answered` are those of the measured time; sent, right, lost, rcodes and latencies are of the queries
 * sent in it. With -n TOTAL there are neither warm-up nor time: that many are asked.
 *
 * Ends with one JSON object: seconds, sent, answered, right, lost (no answer in time), late (those
 * that came after it), wrong (of no query of ours, or with wrong contents), again (a second answer),
 * rcodes (all but NOERROR), latency_us, behind_us (open loop: the most and the mean that a query left
 * after its time), cpu_ns, wait_ns and runs of -P, client_cpu_ns. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "cpu.h"
#include "latency.h"
#include "question.h"
#include "udp.h"

enum { PORTS_MAX = 64, ANSWER_MAX = 512, BURST = 64, IDS = 65536, IDS_MIN = 4096 };
static const int64_t US = 1000, MS = 1000000, S = 1000000000;
/* Open loop: queries of so long leave together; waking for each would cost more than the rest. */
static const int64_t PACE_NS = 50000;

enum state { FREE, OPEN, DONE, LOST };

struct slot {
	int64_t sent_ns;
	uint32_t number; /* which query of the port; its low 16 bits are the ID */
	uint8_t state;
};

struct port {
	int fd;
	unsigned window, outstanding;
	uint32_t next, oldest; /* numbers; what is before the oldest is not open */
	struct slot *slots; /* by ID; mask + 1 of them */
};

static struct {
	struct sockaddr_in target;
	uint32_t window, rate, burst, total, n_ports;
	int64_t warm_ns, measure_ns, timeout_ns;
	int pids[CPU_PIDS_MAX];
	int n_pids;
} options = {
	.n_ports = 16, .warm_ns = 500000000, .measure_ns = 3000000000, .timeout_ns = 1000000000
};

static struct port ports[PORTS_MAX];
static uint32_t mask;
static uint64_t secret; /* names of this run alone */
static clockid_t clock_id = CLOCK_MONOTONIC;
static int64_t begin_ns, end_ns; /* of the measured time */
static uint64_t n_asked; /* from the start */

static struct {
	uint64_t sent, answered, right, lost, late, wrong, again, rcodes[16];
	int64_t behind_ns, behind_sum_ns;
} count;
static struct latency latency;
static struct cpu cpu_begin, cpu_end;
static int64_t own_cpu_ns;
static bool is_measuring, has_measured;

/* ---- asking --------------------------------------------------------------------------------- */

static uint64_t serial_of(uint32_t port, uint32_t number)
{
	return ((uint64_t)port << 32 | number) ^ secret;
}

static void open_port(uint32_t i, int poller)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };
	struct port *p = &ports[i];
	int on = 1;

	p->fd = udp_connect(options.target);
	udp_widen(p->fd);
	p->window = options.window / options.n_ports + (i < options.window % options.n_ports);
	p->slots = calloc(mask + 1, sizeof *p->slots);
	if (!p->slots)
		die("calloc");
	if (options.rate)
		setsockopt(p->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	if (epoll_ctl(poller, EPOLL_CTL_ADD, p->fd, &ev) == -1)
		die("epoll");
}

/* Does not use the ID of a query that is out. False: all are. */
static bool find_number(struct port *p)
{
	for (uint32_t tries = 0; p->slots[p->next & mask].state == OPEN; tries++) {
		if (tries > mask)
			return false;
		p->next++;
	}
	return true;
}

static void note_sent(struct port *p, uint32_t number, int64_t sent_ns)
{
	p->slots[number & mask] = (struct slot){
		.sent_ns = sent_ns, .number = number, .state = OPEN
	};
	p->outstanding++;
	count.sent += sent_ns >= begin_ns;
	n_asked++;
}

/* Up to n (at most BURST) queries from a port, with one call; the first was due at first_ns, the
 * others every_ns after one another. How many left. */
static unsigned ask(uint32_t port, unsigned n, int64_t first_ns, int64_t every_ns)
{
	static uint8_t queries[BURST][QUERY_LEN];
	static struct iovec pieces[BURST];
	static struct mmsghdr headers[BURST];
	uint32_t numbers[BURST];
	struct port *p = &ports[port];
	unsigned made = 0;

	for (; made < n && find_number(p); made++) {
		numbers[made] = p->next++;
		if (queries[made][HEADER_LEN] == 0) {
			query_init(queries[made]);
			pieces[made] = (struct iovec){ queries[made], QUERY_LEN };
			headers[made].msg_hdr = (struct msghdr){ .msg_iov = &pieces[made],
				.msg_iovlen = 1 };
		}
		query_set_id(queries[made], (uint16_t)numbers[made]);
		query_set_serial(queries[made], serial_of(port, numbers[made]));
	}
	int sent = made > 0 ? sendmmsg(p->fd, headers, made, 0) : 0;

	if (sent == -1) {
		if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
			die("sendmmsg");
		sent = 0;
	}
	for (int i = 0; i < sent; i++)
		note_sent(p, numbers[i], first_ns + i * every_ns);
	if ((unsigned)sent < made)
		p->next = numbers[sent];
	return (unsigned)sent;
}

/* Gives up what is older than the time-out. */
static void expire(struct port *p, int64_t now)
{
	for (; p->oldest != p->next; p->oldest++) {
		struct slot *s = &p->slots[p->oldest & mask];

		if (s->number != p->oldest || s->state != OPEN)
			continue;
		if (s->sent_ns > now - options.timeout_ns)
			return;
		s->state = LOST;
		p->outstanding--;
		count.lost += s->sent_ns >= begin_ns;
	}
}

static void expire_all(int64_t now)
{
	static int64_t last_ns;

	if (now - last_ns < MS)
		return;
	last_ns = now;
	for (uint32_t i = 0; i < options.n_ports; i++)
		expire(&ports[i], now);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Behind the question: one A record of the name (by a pointer, as everybody writes it), with the
 * address that belongs to it, and whatever else in the other sections. */
static bool is_answer(const uint8_t *data, size_t len)
{
	static const uint8_t record[6] = { 0xc0, HEADER_LEN, 0, 1, 0, 1 };
	const uint8_t *at = data + QUERY_LEN;
	uint32_t address = answer_of(data + HEADER_LEN, NAME_LEN);

	return len >= QUERY_LEN + 16 && data[6] == 0 && data[7] == 1 &&
	       memcmp(at, record, sizeof record) == 0 && at[10] == 0 && at[11] == 4 &&
	       memcmp(at + 12, &address, sizeof address) == 0;
}

/* An answer to no open query: to one that was open? */
static void count_stray(uint32_t port, const uint8_t *data, size_t len)
{
	uint64_t serial;
	uint16_t id = (uint16_t)(data[0] << 8 | data[1]);

	if (!question_serial(data, len, &serial) || (serial ^ secret) >> 32 != port) {
		count.wrong++;
		return;
	}
	uint32_t number = (uint32_t)(serial ^ secret);
	const struct slot *s = &ports[port].slots[number & mask];

	if ((uint16_t)number != id || ports[port].next - number - 1 > INT32_MAX ||
		(s->number == number && s->state == OPEN))
		count.wrong++;
	else if (s->number == number && s->state == DONE)
		count.again++;
	else
		count.late++;
}

static void take_answer(uint32_t port, const uint8_t *data, size_t len, int64_t at_ns)
{
	static uint8_t query[QUERY_LEN];
	struct port *p = &ports[port];

	if (len < QUERY_LEN || (data[2] & 0xf8) != 0x80) { /* no reply, another opcode */
		count.wrong++;
		return;
	}
	uint16_t id = (uint16_t)(data[0] << 8 | data[1]);
	struct slot *s = &p->slots[id & mask];

	if (query[HEADER_LEN] == 0)
		query_init(query);
	query_set_serial(query, serial_of(port, s->number));
	if (s->state != OPEN || (uint16_t)s->number != id || memcmp(query + 4, data + 4, 2) != 0 ||
		memcmp(query + HEADER_LEN, data + HEADER_LEN, QUERY_LEN - HEADER_LEN) != 0) {
		count_stray(port, data, len);
		return;
	}
	bool is_counted = s->sent_ns >= begin_ns;
	unsigned rcode = data[3] & 15;

	s->state = DONE;
	p->outstanding--;
	if (rcode != 0) {
		count.rcodes[rcode] += is_counted;
	} else if (!is_answer(data, len)) {
		count.wrong++;
	} else {
		count.answered += is_measuring;
		count.right += is_counted;
		if (is_counted)
			latency_add(&latency, at_ns - s->sent_ns);
	}
}

static int64_t stamp_of(struct msghdr *msg, int64_t now)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct timespec ts;

	if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
		return now;
	memcpy(&ts, CMSG_DATA(c), sizeof ts);
	return (int64_t)ts.tv_sec * S + ts.tv_nsec;
}

/* One call's worth; how many came. */
static int read_answers(uint32_t port)
{
	static uint8_t data[BURST][ANSWER_MAX];
	static alignas(struct cmsghdr) char controls[BURST][CMSG_SPACE(sizeof(struct timespec))];
	static struct iovec pieces[BURST];
	static struct mmsghdr headers[BURST];

	for (int i = 0; i < BURST; i++) {
		pieces[i] = (struct iovec){ data[i], ANSWER_MAX };
		headers[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
		if (options.rate) {
			headers[i].msg_hdr.msg_control = controls[i];
			headers[i].msg_hdr.msg_controllen = sizeof controls[i];
		}
	}
	int n = recvmmsg(ports[port].fd, headers, BURST, MSG_DONTWAIT, NULL);
	int64_t now = now_ns(clock_id);

	for (int i = 0; i < n; i++)
		take_answer(port, data[i], headers[i].msg_len,
			options.rate ? stamp_of(&headers[i].msg_hdr, now) : now);
	return n;
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* The measured time begins: all counts from here. */
static void begin_measuring(int64_t now)
{
	memset(&count, 0, sizeof count);
	begin_ns = now;
	end_ns = now + options.measure_ns;
	cpu_begin = cpu_of(options.pids, options.n_pids);
	own_cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	is_measuring = true;
}

static void end_measuring(int64_t now)
{
	cpu_end = cpu_of(options.pids, options.n_pids);
	own_cpu_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - own_cpu_ns;
	end_ns = now;
	is_measuring = false;
	has_measured = true;
}

static unsigned outstanding(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < options.n_ports; i++)
		n += ports[i].outstanding;
	return n;
}

/* Lets time pass. False: no more is to be asked. */
static bool is_asking(int64_t now, int64_t start_ns)
{
	if (!is_measuring && !has_measured && (options.total || now >= start_ns + options.warm_ns))
		begin_measuring(options.total ? start_ns : now);
	if (is_measuring && options.total && n_asked >= options.total && outstanding() == 0)
		end_measuring(now);
	else if (is_measuring && !options.total && now >= end_ns)
		end_measuring(now);
	return !has_measured && (!options.total || n_asked < options.total);
}

static void fill(uint32_t port)
{
	struct port *p = &ports[port];

	while (p->outstanding < p->window) {
		unsigned n = p->window - p->outstanding;

		n = n < BURST ? n : BURST;
		if (options.total && n_asked + n > options.total)
			n = (unsigned)(options.total - n_asked);
		if (n == 0 || ask(port, n, now_ns(clock_id), 0) < n)
			return;
	}
}

static void fill_all(void)
{
	for (uint32_t i = 0; i < options.n_ports; i++)
		fill(i);
}

static void run_closed(int poller)
{
	struct epoll_event events[PORTS_MAX];
	int64_t start_ns = now_ns(clock_id), filled_ns = 0;

	for (;;) {
		int64_t now = now_ns(clock_id);
		bool more = is_asking(now, start_ns);

		if (has_measured && outstanding() == 0)
			return;
		expire_all(now);
		if (more && now - filled_ns >= MS) { /* at the start, and for those given up */
			filled_ns = now;
			fill_all();
		}
		int n = epoll_wait(poller, events, PORTS_MAX, 1);

		for (int i = 0; i < n; i++) {
			uint32_t port = events[i].data.u32;

			while (read_answers(port) == BURST)
				;
			if (more)
				fill(port);
		}
	}
}

/* One outstanding: two system calls a query, and nothing else between them. */
static void run_one(void)
{
	struct timeval patience = { options.timeout_ns / S, options.timeout_ns % S / US };
	struct port *p = &ports[0];
	int64_t start_ns = now_ns(clock_id), now = start_ns;
	uint8_t data[ANSWER_MAX];

	fcntl(p->fd, F_SETFL, 0); /* it waits in recv */
	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	while (is_asking(now, start_ns)) {
		if (ask(0, 1, now_ns(clock_id), 0) == 0)
			die("send");
		while (p->outstanding > 0) {
			ssize_t len = recv(p->fd, data, sizeof data, 0);

			now = now_ns(clock_id);
			if (len >= 0)
				take_answer(0, data, (size_t)len, now);
			expire(p, now);
		}
	}
	if (!has_measured)
		end_measuring(now);
}

static void signal_all(int number)
{
	for (int i = 0; i < options.n_pids; i++) {
		if (kill(options.pids[i], number) == -1)
			die("kill");
	}
}

/* The state of a thread, as /proc writes it behind the name in parentheses. */
static char state_of(int pid, const char *thread)
{
	char path[64], line[512] = "", *at;

	snprintf(path, sizeof path, "/proc/%d/task/%.16s/stat", pid, thread);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(line, sizeof line, file) || !(at = strrchr(line, ')')) || !at[1])
		die(path);
	fclose(file);
	return at[2];
}

static bool is_stopped(int pid)
{
	char path[32];
	bool is = true;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *threads = opendir(path);
	if (!threads)
		die(path);
	for (const struct dirent *entry; is && (entry = readdir(threads));)
		is = entry->d_name[0] == '.' || state_of(pid, entry->d_name) == 'T';
	closedir(threads);
	return is;
}

/* A signal takes its time. */
static void wait_until_stopped(void)
{
	for (int i = 0; i < options.n_pids; i++) {
		while (!is_stopped(options.pids[i]))
			sched_yield();
	}
}

static void ask_burst(void)
{
	signal_all(SIGSTOP);
	wait_until_stopped();
	ask(0, options.burst, now_ns(clock_id), 0);
	signal_all(SIGCONT);
}

static void run_bursts(int poller)
{
	struct epoll_event event;
	int64_t start_ns = now_ns(clock_id);

	while (!has_measured) {
		if (is_asking(now_ns(clock_id), start_ns) && outstanding() == 0)
			ask_burst();
		if (epoll_wait(poller, &event, 1, 1) == 1)
			read_answers(0);
		expire(&ports[0], now_ns(clock_id));
	}
}

static void sleep_until(int64_t at_ns)
{
	struct timespec ts = { .tv_sec = at_ns / S, .tv_nsec = at_ns % S };

	clock_nanosleep(clock_id, TIMER_ABSTIME, &ts, NULL);
}

/* Asks what is due, an equal share from each port in turn. `n_left` counts what left so far. */
static void ask_due(int64_t now, int64_t start_ns, uint64_t *n_left)
{
	static uint32_t port;
	int64_t every_ns = S / options.rate;
	uint64_t due = (uint64_t)((now - start_ns) / every_ns) + 1;

	if (options.total && due > options.total)
		due = options.total;
	while (*n_left < due) {
		int64_t due_ns = start_ns + (int64_t)*n_left * every_ns;
		unsigned n = (unsigned)((due - *n_left) / options.n_ports);

		n = n < 1 ? 1 : n > BURST ? BURST : n;
		unsigned sent = ask(port, n, due_ns, every_ns);

		*n_left += sent;
		port = (port + 1) % options.n_ports;
		count.behind_sum_ns += (now - due_ns) * sent;
		if (now - due_ns > count.behind_ns)
			count.behind_ns = now - due_ns;
		if (sent < n)
			return;
	}
}

static void run_open(int poller)
{
	struct epoll_event events[PORTS_MAX];
	int64_t start_ns = now_ns(clock_id);
	uint64_t n_left = 0;

	for (;;) {
		int64_t now = now_ns(clock_id);

		if (is_asking(now, start_ns))
			ask_due(now, start_ns, &n_left);
		if (has_measured && outstanding() == 0)
			return;
		int n = epoll_wait(poller, events, PORTS_MAX, 0);

		for (int i = 0; i < n; i++) {
			while (read_answers(events[i].data.u32) == BURST)
				;
		}
		expire_all(now);
		sleep_until(now + PACE_NS);
	}
}

/* ---- the report ----------------------------------------------------------------------------- */

static double us(uint64_t ns)
{
	return (double)ns / 1e3;
}

static void report_rcodes(void)
{
	const char *comma = "";

	printf("\"rcodes\": {");
	for (int i = 0; i < 16; i++) {
		if (count.rcodes[i]) {
			printf("%s\"%d\": %llu", comma, i, (unsigned long long)count.rcodes[i]);
			comma = ", ";
		}
	}
	printf("}, ");
}

static void report(void)
{
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = { { "sent", count.sent }, { "answered", count.answered },
		{ "right", count.right }, { "lost", count.lost }, { "late", count.late },
		{ "wrong", count.wrong }, { "again", count.again },
		{ "cpu_ns", cpu_end.run_ns - cpu_begin.run_ns },
		{ "wait_ns", cpu_end.wait_ns - cpu_begin.wait_ns },
		{ "runs", cpu_end.runs - cpu_begin.runs },
		{ "client_cpu_ns", (uint64_t)own_cpu_ns } };

	printf("{\"seconds\": %.6f, ", (double)(end_ns - begin_ns) / 1e9);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		printf("\"%s\": %llu, ", counts[i].name, (unsigned long long)counts[i].n);
	report_rcodes();
	printf("\"behind_us\": {\"max\": %.1f, \"mean\": %.1f}, ", us((uint64_t)count.behind_ns),
		count.sent ? us((uint64_t)count.behind_sum_ns / count.sent) : 0);
	printf("\"latency_us\": {\"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, \"p999\": %.2f, ",
		us(latency_at(&latency, 0.5)), us(latency_at(&latency, 0.9)),
		us(latency_at(&latency, 0.99)), us(latency_at(&latency, 0.999)));
	printf("\"max\": %.2f, \"mean\": %.2f}}\n", us(latency.max_ns),
		latency.total ? us(latency.sum_ns / latency.total) : 0);
}

/* ---- the command line ----------------------------------------------------------------------- */

static _Noreturn void usage(void)
{
	fprintf(stderr, "client [-s HOST] -p PORT -q OUTSTANDING | -r PER_SECOND | -b BURST 1..64\n"
			"       [-c PORTS 1..64] [-w WARM_UP_MS] [-t MEASURED_MS] [-n TOTAL]\n"
			"       [-W TIME_OUT_MS] [-P PID,PID...]\n");
	exit(2);
}

static void parse_pids(char *text)
{
	for (char *pid = strtok(text, ","); pid; pid = strtok(NULL, ",")) {
		if (options.n_pids == CPU_PIDS_MAX)
			usage();
		options.pids[options.n_pids++] = (int)udp_number(pid, 1, INT32_MAX);
	}
}

static void parse_options(int argc, char **argv)
{
	const char *host = "127.0.0.1";
	uint32_t port = 0;
	int c;

	while ((c = getopt(argc, argv, "s:p:q:r:b:c:w:t:n:W:P:")) != -1) {
		switch (c) {
		case 's':
			host = optarg;
			break;
		case 'p':
			port = udp_number(optarg, 1, 65535);
			break;
		case 'q':
			options.window = udp_number(optarg, 1, 65536);
			break;
		case 'r':
			options.rate = udp_number(optarg, 1, 2000000);
			break;
		case 'b':
			options.burst = udp_number(optarg, 1, BURST);
			options.n_ports = 1;
			break;
		case 'c':
			options.n_ports = udp_number(optarg, 1, PORTS_MAX);
			break;
		case 'w':
			options.warm_ns = udp_number(optarg, 0, 600000) * MS;
			break;
		case 't':
			options.measure_ns = udp_number(optarg, 1, 600000) * MS;
			break;
		case 'n':
			options.total = udp_number(optarg, 1, UINT32_MAX);
			break;
		case 'W':
			options.timeout_ns = udp_number(optarg, 1, 60000) * MS;
			break;
		case 'P':
			parse_pids(optarg);
			break;
		default:
			usage();
		}
	}
	int n_loops = (options.window > 0) + (options.rate > 0) + (options.burst > 0);

	if (port == 0 || optind != argc || n_loops != 1 || (options.burst && !options.total))
		usage();
	options.target = udp_address(host, port);
}

/* So few that they stay in the cache, so many that an ID in use is hardly met: four times what is out
 * at a port. */
static void choose_ids(void)
{
	uint64_t out = options.rate ? (uint64_t)(options.rate * (double)options.timeout_ns / 1e9)
				    : options.window;
	uint32_t ids = IDS_MIN;

	while (ids < IDS && ids < 4 * out / options.n_ports)
		ids *= 2;
	mask = ids - 1;
}

int main(int argc, char **argv)
{
	parse_options(argc, argv);
	if (getrandom(&secret, sizeof secret, 0) != sizeof secret)
		die("getrandom");
	choose_ids();
	if (options.rate)
		clock_id = CLOCK_REALTIME; /* that of the kernel's stamps */
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	int poller = epoll_create1(EPOLL_CLOEXEC);

	for (uint32_t i = 0; i < options.n_ports; i++)
		open_port(i, poller);
	if (options.rate)
		run_open(poller);
	else if (options.burst)
		run_bursts(poller);
	else if (options.window == 1 && options.n_ports == 1)
		run_one();
	else
		run_closed(poller);
	report();
	return 0;
}
