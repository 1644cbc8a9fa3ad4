/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sending side of batch (test_inbox.c has the other) over real loopback sockets; and, for what
 * the kernel does seldom, over system calls of the test's own: sendmmsg, send and poll below are linked
 * before those of the C library and follow a script, when there is one. */
#include "net/batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "loopback.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MANY (3 * BATCH_MAX + 5)

/* result > 0: the real call with at most so many datagrams; -1: fails with error; 0: returns 0.
 * Behind the end of the script, and without one, calls are real. */
struct step {
	int result, error;
};

static const struct step *send_script;
static unsigned send_steps_left, n_sends;
static unsigned offered[MANY + 1]; /* datagrams, call by call */

static void script_sends(const struct step *steps, unsigned n)
{
	send_script = steps;
	send_steps_left = n;
	n_sends = 0;
}

/* A call that offers *n datagrams, which the script may make fewer. True: it fails, or takes none. */
static bool fails(unsigned *n, int *result_out)
{
	if (n_sends < N(offered))
		offered[n_sends] = *n;
	n_sends++;
	if (send_steps_left == 0)
		return false;
	struct step step = *send_script++;

	send_steps_left--;
	if (step.result > 0) {
		*n = *n < (unsigned)step.result ? *n : (unsigned)step.result;
		return false;
	}
	errno = step.error;
	*result_out = step.result;
	return true;
}

int sendmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags)
{
	int result;

	return fails(&n, &result) ? result : (int)syscall(SYS_sendmmsg, fd, headers, n, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	unsigned n = 1;
	int result;

	return fails(&n, &result) ? result : syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

static bool watches_polls;
static unsigned n_polls;
static struct pollfd last_poll;
static nfds_t last_poll_n;
static int last_poll_timeout;

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec limit = { timeout_ms / 1000, timeout_ms % 1000 * CLOCK_NS_PER_MS };

	if (watches_polls) {
		/* volatile: the C library declares that poll only writes there, which gcc believes */
		struct pollfd *volatile seen = fds;

		n_polls++;
		last_poll = *seen;
		last_poll_n = n;
		last_poll_timeout = timeout_ms;
		return 0;
	}
	return (int)syscall(SYS_ppoll, fds, n, timeout_ms < 0 ? NULL : &limit, NULL, 0);
}

struct failure {
	uint32_t token;
	int error;
	unsigned tries;
};

/* What the callback saw, and what it answers. */
struct failures {
	bool sends_again;
	unsigned n;
	struct failure list[2 * MANY];
};

static bool note_failure(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	struct failures *f = ctx;

	cr_assert_lt(f->n, N(f->list));
	f->list[f->n++] = (struct failure){ item->token, error, tries };
	return f->sends_again;
}

static struct failures failures;
static struct outbox_item items[MANY];
static char texts[MANY][16];

static struct outbox *new_outbox(bool sends_again)
{
	struct outbox *o = NULL;

	memset(&failures, 0, sizeof(failures));
	failures.sends_again = sends_again;
	cr_assert_eq(outbox_new(note_failure, &failures, &o), 0);
	return o;
}

/* Items "0", "1", ... with tokens 100, 101, ...; to NULL: for a connected socket. */
static void fill_items(const struct addr *to)
{
	memset(items, 0, sizeof(items));
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%u", i);
		items[i].data = texts[i];
		items[i].len = strlen(texts[i]);
		items[i].token = 100 + i;
		if (to != NULL)
			items[i].to = *to;
	}
}

/* The texts first..last-1 arrive, in order, but `missing`. */
static void expect_items(int fd, unsigned first, unsigned last, unsigned missing)
{
	for (unsigned i = first; i < last; i++) {
		if (i != missing)
			expect_text(fd, texts[i], NULL);
	}
}

static void expect_silence(int fd)
{
	cr_expect_not(is_ready(fd, POLLIN, 0), "more came than was expected");
}

static void expect_failure(unsigned i, uint32_t token, int error, unsigned tries)
{
	cr_assert_lt(i, failures.n, "only %u failures", failures.n);
	cr_expect_eq(failures.list[i].token, token, "failure %u: %u", i, failures.list[i].token);
	cr_expect_eq(failures.list[i].error, error, "failure %u: %s", i,
		strerror(failures.list[i].error));
	cr_expect_eq(failures.list[i].tries, tries, "failure %u: %u", i, failures.list[i].tries);
}

Test(outbox, any_number_goes_in_order)
{
	static const unsigned numbers[] = { 0, 1, 2, BATCH_MAX - 1, BATCH_MAX, BATCH_MAX + 1,
		2 * BATCH_MAX, MANY };
	static const unsigned calls[] = { 0, 1, 1, 1, 1, 2, 2, 4 };
	struct outbox *o = new_outbox(false);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	for (size_t i = 0; i < N(numbers); i++) {
		script_sends(NULL, 0);
		cr_expect_eq(outbox_send(o, fd, items, numbers[i]), numbers[i], "%u", numbers[i]);
		cr_expect_eq(n_sends, calls[i], "%u items: %u calls", numbers[i], n_sends);
		expect_items(to, 0, numbers[i], MANY);
		expect_silence(to);
	}
	cr_expect_eq(failures.n, 0);
	close(to);
	close(fd);
	outbox_free(&o);
	cr_expect_null(o);
	outbox_free(&o);
}

Test(outbox, connected_socket_needs_no_address)
{
	struct outbox *o = new_outbox(false);
	int to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	int fd = connect_to(&at);

	fill_items(NULL);
	items[1].has_local = true; /* means nothing here */
	cr_expect_eq(outbox_send(o, fd, items, MANY), MANY);
	expect_items(to, 0, MANY, MANY);
	close(fd);
	close(to);
	outbox_free(&o);
}

Test(outbox, items_go_to_different_places)
{
	struct outbox *o = new_outbox(false);
	int fd = plain_socket("127.0.0.1"), a = plain_socket("127.0.0.1");
	int b = plain_socket("127.0.0.1");
	struct addr at_a = local_of(a), at_b = local_of(b);

	fill_items(&at_a);
	for (unsigned i = 1; i < 6; i += 2)
		items[i].to = at_b;
	cr_expect_eq(outbox_send(o, fd, items, 6), 6);
	for (unsigned i = 0; i < 6; i++)
		expect_text(i % 2 != 0 ? b : a, texts[i], NULL);
	close(b);
	close(a);
	close(fd);
	outbox_free(&o);
}

Test(outbox, limit_bounds_a_call)
{
	static const struct {
		unsigned limit, calls;
	} cases[] = { { 1, MANY }, { 0, MANY }, { 10, 3 * 4 + 1 }, { BATCH_MAX, 4 }, { 1000, 4 } };
	struct outbox *o = new_outbox(false);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	for (size_t i = 0; i < N(cases); i++) {
		script_sends(NULL, 0);
		outbox_limit(o, cases[i].limit);
		cr_expect_eq(outbox_send(o, fd, items, MANY), MANY, "%u", cases[i].limit);
		cr_expect_eq(n_sends, cases[i].calls, "limit %u: %u", cases[i].limit, n_sends);
		expect_items(to, 0, MANY, MANY);
	}
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, source_address_is_the_one_given)
{
	struct outbox *o = new_outbox(false);
	int fd = listen_on("0.0.0.0"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to), from, source = address_of("127.0.0.7");

	fill_items(&at);
	items[0].has_local = true;
	items[2].has_local = true;
	memcpy(items[0].local_ip, source.ip, sizeof(source.ip));
	memcpy(items[2].local_ip, source.ip, sizeof(source.ip));
	items[2].local_ip[3] = 8;
	cr_expect_eq(outbox_send(o, fd, items, 3), 3);
	expect_text(to, "0", &from);
	cr_expect(addr_same_host(&from, &source));
	expect_text(to, "1", &from);
	cr_expect_not(addr_same_host(&from, &source), "the source of another item");
	expect_text(to, "2", &from);
	cr_expect_eq(from.ip[3], 8);
	items[0].has_local = false;
	cr_expect_eq(outbox_send(o, fd, items, 1), 1);
	expect_text(to, "0", &from);
	cr_expect_not(addr_same_host(&from, &source), "the source of the call before");
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, ipv6_source_address_is_the_one_given)
{
	skip_without_ipv6();
	struct outbox *o = new_outbox(false);
	int fd = listen_on("::"), to = plain_socket("::1");
	struct addr at = local_of(to), from, source = address_of("::1");
	struct addr foreign = address_of("2001:db8::1");

	fill_items(&at);
	for (unsigned i = 0; i < 3; i++) {
		items[i].has_local = true;
		memcpy(items[i].local_ip, source.ip, sizeof(source.ip));
	}
	/* that it is refused shows that the kernel looked at it */
	memcpy(items[1].local_ip, foreign.ip, sizeof(foreign.ip));
	/* and so does an interface that is not there */
	items[2].ifindex = 2147483647;
	cr_expect_eq(outbox_send(o, fd, items, 3), 1);
	expect_text(to, "0", &from);
	cr_expect(addr_same_host(&from, &source));
	cr_assert_eq(failures.n, 2);
	expect_failure(0, 101, EINVAL, 1);
	expect_failure(1, 102, ENODEV, 1);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, answers_leave_from_the_address_that_was_asked)
{
	struct outbox *o = new_outbox(false);
	char query[16];
	struct inbox_slot slot = { .data = { query }, .size = { sizeof(query) } };
	struct inbox *in = NULL;
	int fd = listen_on("0.0.0.0"), client = plain_socket("127.0.0.1");
	struct addr at = address_of("127.0.0.5"), from;
	struct outbox_item answer = { .data = "answer", .len = 6 };

	at.port = local_of(fd).port;
	send_text(client, &at, "query");
	cr_assert_eq(inbox_new(true, &in), 0);
	cr_assert_eq(inbox_read(in, fd, &slot, 1), 1);
	answer.to = slot.from;
	answer.has_local = slot.has_local;
	memcpy(answer.local_ip, slot.local_ip, sizeof(answer.local_ip));
	cr_expect_eq(outbox_send(o, fd, &answer, 1), 1);
	expect_text(client, "answer", &from);
	cr_expect(addr_equal(&from, &at));
	close(client);
	close(fd);
	inbox_free(&in);
	outbox_free(&o);
}

Test(outbox, partial_acceptance_goes_on_behind)
{
	static const struct step steps[] = { { 3, 0 }, { 1, 0 }, { -1, EINTR }, { 20, 0 },
		{ -1, EINTR }, { 7, 0 } };
	static const unsigned expected[] = { 32, 29, 28, 28, 8, 8, 1, 32, 32, 5 };
	struct outbox *o = new_outbox(false);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	script_sends(steps, N(steps));
	cr_expect_eq(outbox_send(o, fd, items, MANY), MANY);
	cr_expect_eq(n_sends, N(expected));
	cr_expect_arr_eq(offered, expected, sizeof(expected));
	expect_items(to, 0, MANY, MANY);
	expect_silence(to);
	cr_expect_eq(failures.n, 0);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, refused_datagram_is_given_up_and_the_rest_goes_on)
{
	static const unsigned bad[] = { 0, 1, BATCH_MAX - 1, BATCH_MAX, BATCH_MAX + 1, MANY - 1 };
	static char big[66000];
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	for (size_t i = 0; i < N(bad); i++) {
		struct outbox *o = new_outbox(false);

		fill_items(&at);
		items[bad[i]].data = big;
		items[bad[i]].len = sizeof(big);
		cr_expect_eq(outbox_send(o, fd, items, MANY), MANY - 1, "item %u", bad[i]);
		cr_expect_eq(failures.n, 1, "item %u", bad[i]);
		expect_failure(0, 100 + bad[i], EMSGSIZE, 1);
		expect_items(to, 0, MANY, bad[i]);
		expect_silence(to);
		outbox_free(&o);
	}
	close(to);
	close(fd);
}

Test(outbox, refused_datagram_is_tried_twice_at_most)
{
	static char big[66000];
	struct outbox *o = new_outbox(true);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	items[1].data = items[3].data = big;
	items[1].len = items[3].len = sizeof(big);
	cr_expect_eq(outbox_send(o, fd, items, 5), 3);
	cr_assert_eq(failures.n, 4);
	expect_failure(0, 101, EMSGSIZE, 1);
	expect_failure(1, 101, EMSGSIZE, 2);
	expect_failure(2, 103, EMSGSIZE, 1);
	expect_failure(3, 103, EMSGSIZE, 2);
	expect_text(to, "0", NULL);
	expect_text(to, "2", NULL);
	expect_text(to, "4", NULL);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, tries_start_anew_with_each_datagram)
{
	static const struct step steps[] = { { -1, ECONNREFUSED }, { 1, 0 }, { -1, EHOSTUNREACH },
		{ 1, 0 } };
	struct outbox *o = new_outbox(true);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	script_sends(steps, N(steps));
	cr_expect_eq(outbox_send(o, fd, items, 3), 3);
	cr_assert_eq(failures.n, 2);
	expect_failure(0, 100, ECONNREFUSED, 1);
	expect_failure(1, 101, EHOSTUNREACH, 1);
	expect_items(to, 0, 3, MANY);
	expect_silence(to);
	close(to);
	close(fd);
	outbox_free(&o);
}

/* A connected socket whose peer is gone: the first datagram calls the refusal, the next send
 * reports it without having sent. */
static int refused_socket(void)
{
	struct addr nobody = closed_port();
	int fd = connect_to(&nobody);

	cr_assert_eq(send(fd, "x", 1, 0), 1);
	cr_assert(is_ready(fd, POLLERR, WAIT_MS));
	return fd;
}

Test(outbox, older_refusal_costs_no_datagram)
{
	struct outbox *o = new_outbox(true);
	int fd = refused_socket();

	fill_items(NULL);
	script_sends(NULL, 0);
	cr_expect_eq(outbox_send(o, fd, items, 1), 1, "sent again at once");
	cr_expect_eq(n_sends, 2);
	cr_assert_eq(failures.n, 1);
	expect_failure(0, 100, ECONNREFUSED, 1);
	cr_assert(is_ready(fd, POLLERR, WAIT_MS), "the second time it went out");
	cr_expect_eq(take_error(fd), ECONNREFUSED);
	close(fd);
	outbox_free(&o);
}

/* What leaves alone by a connected socket goes another way than a batch, by the same rules. */
Test(outbox, one_alone_is_sent_by_the_same_rules)
{
	static const struct {
		const char *name;
		struct step steps[3];
		unsigned n_steps, n_failures, tries;
		bool is_sent;
	} cases[] = {
		{ "at once", { { 1, 0 } }, 1, 0, 0, true },
		{ "interrupted", { { -1, EINTR }, { -1, EINTR }, { 1, 0 } }, 3, 0, 0, true },
		{ "room after a while", { { -1, EAGAIN }, { 1, 0 } }, 2, 0, 0, true },
		{ "no room", { { -1, EAGAIN }, { -1, ENOBUFS } }, 2, 1, 0, false },
		{ "refused once", { { -1, ECONNREFUSED }, { 1, 0 } }, 2, 1, 1, true },
		{ "refused twice", { { -1, EPERM }, { -1, EPERM } }, 2, 2, 2, false },
	};
	int to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	int fd = connect_to(&at);

	fill_items(NULL);
	for (size_t i = 0; i < N(cases); i++) {
		struct outbox *o = new_outbox(true);

		script_sends(cases[i].steps, cases[i].n_steps);
		cr_expect_eq(outbox_send(o, fd, items, 1), cases[i].is_sent, "%s", cases[i].name);
		cr_expect_eq(n_sends, cases[i].n_steps, "%s", cases[i].name);
		cr_assert_eq(failures.n, cases[i].n_failures, "%s", cases[i].name);
		if (failures.n > 0)
			expect_failure(failures.n - 1, 100,
				cases[i].steps[cases[i].is_sent ? 0 : 1].error, cases[i].tries);
		if (cases[i].is_sent)
			expect_items(to, 0, 1, MANY);
		outbox_free(&o);
	}
	close(to);
	close(fd);
}

Test(outbox, older_refusal_may_be_final)
{
	struct outbox *o = new_outbox(false);
	int fd = refused_socket();

	fill_items(NULL);
	cr_expect_eq(outbox_send(o, fd, items, 1), 0);
	cr_assert_eq(failures.n, 1);
	expect_failure(0, 100, ECONNREFUSED, 1);
	cr_expect_eq(take_error(fd), 0, "nothing went out");
	close(fd);
	outbox_free(&o);
}

/* No room twice: after one wait of at most 1 ms the rest is given up, later chunks too. */
static void expect_given_up(int error, nfds_t polled)
{
	const struct step steps[] = { { BATCH_MAX, 0 }, { 2, 0 }, { -1, error }, { -1, error } };
	struct outbox *o = new_outbox(true);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	script_sends(steps, N(steps));
	n_polls = 0;
	watches_polls = true;
	cr_expect_eq(outbox_send(o, fd, items, MANY), BATCH_MAX + 2);
	watches_polls = false;
	cr_expect_eq(n_sends, N(steps));
	cr_expect_eq(n_polls, 1);
	cr_expect_eq(last_poll_n, polled, "%s", strerror(error));
	cr_expect(last_poll_timeout >= 0 && last_poll_timeout <= 1);
	cr_expect(polled == 0 || (last_poll.fd == fd && last_poll.events == POLLOUT));
	cr_expect_eq(failures.n, MANY - BATCH_MAX - 2);
	for (unsigned i = 0; i < failures.n; i++)
		expect_failure(i, 100 + BATCH_MAX + 2 + i, error, 0);
	expect_items(to, 0, BATCH_MAX + 2, MANY);
	expect_silence(to);

	/* the next call starts afresh */
	script_sends(steps + 2, 1);
	failures.n = 0;
	watches_polls = true;
	cr_expect_eq(outbox_send(o, fd, items, 1), 1);
	watches_polls = false;
	cr_expect_eq(n_polls, 2);
	cr_expect_eq(failures.n, 0);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, full_socket_is_waited_for_once)
{
	expect_given_up(EAGAIN, 1);
}

Test(outbox, lack_of_memory_is_waited_out_once)
{
	expect_given_up(ENOBUFS, 0);
	expect_given_up(ENOMEM, 0);
}

Test(outbox, one_wait_serves_a_whole_call)
{
	static const struct step steps[] = { { 1, 0 }, { -1, EAGAIN }, { 1, 0 }, { -1, EAGAIN } };
	struct outbox *o = new_outbox(true);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	script_sends(steps, N(steps));
	cr_expect_eq(outbox_send(o, fd, items, 4), 2);
	cr_assert_eq(failures.n, 2);
	expect_failure(0, 102, EAGAIN, 0);
	expect_failure(1, 103, EAGAIN, 0);
	expect_items(to, 0, 2, MANY);
	expect_silence(to);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, waiting_does_not_count_as_a_try)
{
	static const struct step steps[] = { { -1, EAGAIN }, { -1, ECONNREFUSED }, { 1, 0 } };
	struct outbox *o = new_outbox(true);
	int fd = plain_socket("127.0.0.1"), to = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	fill_items(&at);
	script_sends(steps, N(steps));
	cr_expect_eq(outbox_send(o, fd, items, 1), 1);
	cr_assert_eq(failures.n, 1);
	expect_failure(0, 100, ECONNREFUSED, 1);
	expect_text(to, "0", NULL);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, acceptance_of_nothing_ends)
{
	static const struct step steps[] = { { 0, 0 }, { 0, 0 } };
	struct outbox *o = new_outbox(true);
	int fd = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	fill_items(&at);
	script_sends(steps, N(steps));
	cr_expect_eq(outbox_send(o, fd, items, 2), 0);
	cr_assert_eq(failures.n, 2);
	expect_failure(0, 100, EAGAIN, 0);
	expect_failure(1, 101, EAGAIN, 0);
	close(fd);
	outbox_free(&o);
}

Test(outbox, no_socket_fails_everything)
{
	struct outbox *o = new_outbox(false);

	fill_items(NULL);
	cr_expect_eq(outbox_send(o, -1, items, BATCH_MAX + 1), 0);
	cr_assert_eq(failures.n, BATCH_MAX + 1);
	expect_failure(0, 100, EBADF, 1);
	expect_failure(BATCH_MAX, 100 + BATCH_MAX, EBADF, 1);
	outbox_free(&o);
}

/* ---- joined ---------------------------------------------------------------------------------- */

/* Items 0, 1, 2 of 8 bytes, 3 of 5; then 4 of 3, 5 of 3; as an outbox wants them sorted. */
enum { N_JOINED = 6 };

static struct outbox *joining_outbox(bool sends_again, const struct addr *to)
{
	static const char *const sorted[N_JOINED] = { "first  1", "second 2", "third  3", "4 5 6",
		"abc", "def" };
	struct outbox *o = new_outbox(sends_again);

	outbox_join(o);
	fill_items(to);
	for (unsigned i = 0; i < N_JOINED; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s", sorted[i]);
		items[i].len = strlen(texts[i]);
	}
	return o;
}

static void join_on(const char *host, const char *from)
{
	int to = plain_socket(host), fd = plain_socket(host);
	struct addr at = local_of(to);
	struct outbox *o = joining_outbox(false, &at);

	if (from) {
		struct addr local = address_of(from);

		for (unsigned i = 0; i < N_JOINED; i++) {
			items[i].has_local = true;
			memcpy(items[i].local_ip, local.ip, sizeof local.ip);
		}
	}
	script_sends(NULL, 0);
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
	cr_expect_eq(n_sends, 1);
	cr_expect_eq(offered[0], 2, "%u messages", offered[0]);
	expect_items(to, 0, N_JOINED, MANY);
	expect_silence(to);
	cr_expect_eq(failures.n, 0);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, what_is_joined_arrives_as_it_was)
{
	join_on("127.0.0.1", NULL);
	join_on("127.0.0.1", "127.0.0.1");
}

Test(outbox, what_is_joined_arrives_as_it_was_over_ipv6)
{
	skip_without_ipv6();
	join_on("::1", NULL);
	join_on("::1", "::1");
}

Test(outbox, only_what_goes_the_same_way_is_joined)
{
	int to = plain_socket("127.0.0.1"), other = plain_socket("127.0.0.1"),
	    fd = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	struct outbox *o = joining_outbox(false, &at);

	items[1].to = local_of(other);
	items[4].has_local = true;
	memcpy(items[4].local_ip, at.ip, sizeof at.ip);
	script_sends(NULL, 0);
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
	cr_expect_eq(offered[0], 5, "0, 1, 2 with 3, 4, 5: %u", offered[0]);
	expect_items(to, 0, N_JOINED, 1);
	expect_items(other, 1, 2, MANY);
	close(to);
	close(other);
	close(fd);
	outbox_free(&o);
}

Test(outbox, the_empty_and_the_large_go_alone)
{
	static char big[1500];
	int to = plain_socket("127.0.0.1"), fd = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	struct outbox *o = joining_outbox(false, &at);

	items[0].data = items[1].data = big;
	items[0].len = items[1].len = sizeof big;
	items[4].len = items[5].len = 0;
	script_sends(NULL, 0);
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
	cr_expect_eq(offered[0], 5, "0, 1, 2 with 3, 4, 5: %u", offered[0]);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, a_way_that_cannot_cut_gets_single_ones_for_a_while)
{
	static const int errors[] = { EIO, EINVAL, EMSGSIZE };
	int to = plain_socket("127.0.0.1"), fd = plain_socket("127.0.0.1");
	struct addr at = local_of(to);

	for (size_t i = 0; i < N(errors); i++) {
		const struct step steps[] = { { 1, 0 }, { -1, errors[i] } };
		struct outbox *o = joining_outbox(false, &at);

		script_sends(steps, N(steps));
		cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
		cr_expect_eq(n_sends, 3);
		cr_expect_eq(offered[2], 2, "the last two, singly: %u", offered[2]);
		expect_items(to, 0, N_JOINED, MANY);
		script_sends(NULL, 0);
		cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
		cr_expect_eq(offered[0], N_JOINED);
		expect_items(to, 0, N_JOINED, MANY);
		expect_silence(to);
		for (unsigned k = 2; k < OUTBOX_JOIN_PAUSE; k++) {
			script_sends(NULL, 0);
			outbox_send(o, fd, items, 2);
			cr_assert_eq(offered[0], 2, "call %u", k);
			expect_items(to, 0, 2, MANY);
		}
		script_sends(NULL, 0);
		outbox_send(o, fd, items, 2);
		cr_expect_eq(offered[0], 1, "joined again");
		expect_items(to, 0, 2, MANY);
		cr_expect_eq(failures.n, 0, "no datagram's own");
		outbox_free(&o);
	}
	close(to);
	close(fd);
}

/* Whoever provokes an answer that cannot be sent does not take joining from the others. */
Test(outbox, what_no_way_takes_does_not_end_joining)
{
	const struct step steps[] = { { -1, EINVAL }, { -1, EINVAL }, { -1, EINVAL },
		{ -1, EINVAL }, { -1, EINVAL } };
	int to = plain_socket("127.0.0.1"), fd = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	struct outbox *o = joining_outbox(false, &at);

	script_sends(steps, N(steps)); /* four together, and each of them */
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), 2);
	cr_expect_eq(failures.n, 4);
	expect_items(to, 4, N_JOINED, MANY);
	script_sends(NULL, 0);
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
	cr_expect_eq(offered[0], 2, "joined: %u", offered[0]);
	expect_items(to, 0, N_JOINED, MANY);
	close(to);
	close(fd);
	outbox_free(&o);
}

/* The error is told of the first; then each of them goes, or fails, by itself. */
Test(outbox, a_refusal_of_joined_ones_is_told_once)
{
	static const struct step refused_once[] = { { -1, ECONNREFUSED } };
	static const struct step refused_thrice[] = { { -1, ECONNREFUSED }, { -1, ECONNREFUSED },
		{ 1, 0 }, { -1, EPERM } };
	int to = plain_socket("127.0.0.1"), fd = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	struct outbox *o = joining_outbox(true, &at);

	script_sends(refused_once, N(refused_once));
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED);
	cr_assert_eq(failures.n, 1);
	expect_failure(0, 100, ECONNREFUSED, 1);
	cr_expect_eq(offered[1], 5, "four single ones, and two joined: %u", offered[1]);
	expect_items(to, 0, N_JOINED, MANY);

	failures.n = 0;
	script_sends(refused_thrice, N(refused_thrice));
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), N_JOINED - 1);
	cr_assert_eq(failures.n, 3);
	expect_failure(0, 100, ECONNREFUSED, 1);
	expect_failure(1, 100, ECONNREFUSED, 2);
	expect_failure(2, 102, EPERM, 1);
	expect_items(to, 1, N_JOINED, MANY);
	expect_silence(to);
	close(to);
	close(fd);
	outbox_free(&o);
}

Test(outbox, joined_ones_without_room_are_all_given_up)
{
	static const struct step steps[] = { { 1, 0 }, { -1, ENOBUFS }, { -1, ENOBUFS } };
	int to = plain_socket("127.0.0.1"), fd = plain_socket("127.0.0.1");
	struct addr at = local_of(to);
	struct outbox *o = joining_outbox(true, &at);

	script_sends(steps, N(steps));
	cr_expect_eq(outbox_send(o, fd, items, N_JOINED), 4);
	cr_assert_eq(failures.n, 2);
	expect_failure(0, 104, ENOBUFS, 0);
	expect_failure(1, 105, ENOBUFS, 0);
	expect_items(to, 0, 4, MANY);
	expect_silence(to);
	close(to);
	close(fd);
	outbox_free(&o);
}
