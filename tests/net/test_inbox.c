/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reading side of batch over real loopback sockets; and, for what the kernel does seldom, over
 * a recvmmsg of the test's own, linked before that of the C library. */
#include "net/batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "loopback.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define SLOT_SIZE 64

/* Non-NULL: called instead of the kernel. */
static int (*receive_instead)(struct mmsghdr *headers, unsigned n);

int recvmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags, struct timespec *timeout)
{
	if (receive_instead != NULL)
		return receive_instead(headers, n);
	return (int)syscall(SYS_recvmmsg, fd, headers, n, flags, timeout);
}

static char bytes[BATCH_MAX + 8][2][SLOT_SIZE];
static struct inbox_slot slots[BATCH_MAX + 8];

/* Every slot one piece of SLOT_SIZE; what a call must set is filled with rubbish. */
static void reset_slots(void)
{
	memset(slots, 0xaa, sizeof(slots));
	memset(bytes, 0xaa, sizeof(bytes));
	for (size_t i = 0; i < N(slots); i++) {
		slots[i].data[0] = bytes[i][0];
		slots[i].data[1] = bytes[i][1];
		slots[i].size[0] = SLOT_SIZE;
		slots[i].size[1] = 0;
	}
}

static struct inbox *new_inbox(bool with_control)
{
	struct inbox *in = NULL;

	cr_assert_eq(inbox_new(with_control, &in), 0);
	reset_slots();
	return in;
}

static void expect_slot(const struct inbox_slot *slot, const char *text)
{
	cr_expect_eq(slot->len, strlen(text), "%zu bytes for %s", slot->len, text);
	cr_expect_eq(memcmp(slot->data[0], text, strlen(text)), 0, "%s", text);
	cr_expect_not(slot->is_cut, "%s", text);
	cr_expect_not(slot->is_control_cut, "%s", text);
}

static bool is_local(const struct inbox_slot *slot, const char *text)
{
	struct addr a = address_of(text);

	return slot->has_local && memcmp(slot->local_ip, a.ip, sizeof(a.ip)) == 0;
}

static void expect_no_local(const struct inbox_slot *slot)
{
	static const uint8_t zero[16];

	cr_expect_not(slot->has_local);
	cr_expect_eq(memcmp(slot->local_ip, zero, sizeof(zero)), 0);
}

/* Into one slot, and into all from there on, in turn. */
static void expect_kept(struct inbox *in, int fd, unsigned first, const char *text)
{
	static bool reads_one;

	reads_one = !reads_one;
	unsigned n = reads_one ? 1 : BATCH_MAX - first;

	cr_assert_eq(inbox_read_kept(in, fd, first, n), 1, "%s", text);
	expect_slot(&slots[first], text);
}

/* A header that was filled is as good as new for the next datagram, from whomever and however long. */
static void expect_kept_slots(bool with_control)
{
	struct inbox *in = new_inbox(with_control);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	int fd6 = listen_on("::1"), sender6 = plain_socket("::1");
	struct addr at = local_of(fd), from = local_of(sender);
	struct addr at6 = local_of(fd6), from6 = local_of(sender6);

	inbox_keep(in, slots);
	cr_expect_eq(inbox_read_kept(in, fd, 0, BATCH_MAX), 0);
	cr_expect_eq(inbox_read_kept(in, fd, 0, 1), 0);
	for (unsigned first = 0; first < BATCH_MAX; first += BATCH_MAX - 1) {
		send_text(sender, &at, "short");
		expect_kept(in, fd, first, "short");
		cr_expect(addr_equal(&slots[first].from, &from));
		send_text(sender6, &at6, "from afar");
		expect_kept(in, fd6, first, "from afar");
		cr_expect(addr_equal(&slots[first].from, &from6));
		cr_expect_eq(slots[first].stamp_ns != 0, with_control);
		send_text(sender, &at, "x");
		expect_kept(in, fd, first, "x");
	}
	for (unsigned i = 0; i < 3; i++)
		send_text(sender, &at, "y");
	cr_expect_eq(inbox_read_kept(in, fd, 5, 1), 1);
	cr_expect_eq(inbox_read_kept(in, fd, BATCH_MAX - 2, 2), 2);
	cr_expect_eq(inbox_read_kept(in, fd, 0, BATCH_MAX), 0);
	cr_expect_eq(slots[BATCH_MAX].len, 0xaaaaaaaaaaaaaaaa);
	close(sender6);
	close(fd6);
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, kept_slots_are_read_into_again_and_again)
{
	skip_without_ipv6();
	expect_kept_slots(true);
	expect_kept_slots(false);
}

/* One alone is read by another call, and must look the same. */
Test(inbox, one_alone_is_cut_empty_or_an_error_as_any)
{
	static const char longer[SLOT_SIZE + 2] = { [0 ... SLOT_SIZE] = 'x' };
	struct inbox *in = new_inbox(false);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	inbox_keep(in, slots);
	send_text(sender, &at, longer);
	cr_assert_eq(inbox_read_kept(in, fd, 3, 1), 1);
	cr_expect(slots[3].is_cut);
	cr_expect_eq(slots[3].len, SLOT_SIZE);
	cr_expect_eq(slots[3].stamp_ns, 0);
	expect_no_local(&slots[3]);
	send_text(sender, &at, "");
	cr_assert_eq(inbox_read_kept(in, fd, 3, 1), 1);
	expect_slot(&slots[3], "");
	cr_expect_eq(inbox_read_kept(in, fd, 3, 1), 0);
	cr_expect_eq(inbox_read_kept(in, -1, 3, 1), ERR_SYSTEM);
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, nothing_to_read_is_0)
{
	struct inbox *in = new_inbox(true);
	int fd = listen_on("127.0.0.1");

	cr_expect_eq(inbox_read(in, fd, slots, BATCH_MAX), 0);
	cr_expect_eq(inbox_read(in, fd, slots, 0), 0);
	cr_expect_eq(inbox_kernel_drops(in), 0);
	close(fd);
	inbox_free(&in);
	cr_expect_null(in);
	inbox_free(&in);
}

static void expect_datagrams(bool with_control)
{
	struct inbox *in = new_inbox(with_control);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd), from = local_of(sender);
	char text[16];

	for (unsigned i = 0; i < BATCH_MAX + 3; i++) {
		snprintf(text, sizeof(text), "datagram %u", i);
		send_text(sender, &at, text);
	}
	/* more slots than a batch has: they must not be touched */
	cr_assert_eq(inbox_read(in, fd, slots, BATCH_MAX + 8), BATCH_MAX);
	cr_expect_eq(slots[BATCH_MAX].len, 0xaaaaaaaaaaaaaaaa);
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		snprintf(text, sizeof(text), "datagram %u", i);
		expect_slot(&slots[i], text);
		cr_expect(addr_equal(&slots[i].from, &from), "%s", text);
		expect_no_local(&slots[i]);
		cr_expect_eq(slots[i].ifindex, 0);
		cr_expect_eq(slots[i].stamp_ns != 0, with_control, "%s", text);
	}
	cr_assert_eq(inbox_read(in, fd, slots, 2), 2);
	cr_assert_eq(inbox_read(in, fd, slots, BATCH_MAX), 1);
	snprintf(text, sizeof(text), "datagram %u", BATCH_MAX + 2);
	expect_slot(&slots[0], text);
	cr_expect_eq(inbox_read(in, fd, slots, BATCH_MAX), 0);
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, datagrams_come_in_order_with_their_sender)
{
	expect_datagrams(true);
}

Test(inbox, without_control_there_is_neither_stamp_nor_address)
{
	expect_datagrams(false);
}

Test(inbox, two_pieces_are_filled_one_after_the_other)
{
	static const struct {
		size_t sent, first, second, len;
		bool is_cut;
	} cases[] = {
		{ 0, 8, 8, 0, false },
		{ 7, 8, 8, 7, false },
		{ 8, 8, 8, 8, false },
		{ 9, 8, 8, 9, false },
		{ 16, 8, 8, 16, false },
		{ 17, 8, 8, 16, true },
		{ 8, 8, 0, 8, false },
		{ 9, 8, 0, 8, true },
	};
	static const char text[] = "0123456789abcdefghij";
	struct inbox *in = new_inbox(true);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&at, &ss);

	reset_slots();
	for (size_t i = 0; i < N(cases); i++) {
		cr_assert_eq(sendto(sender, text, cases[i].sent, 0, (struct sockaddr *)&ss, len),
			(ssize_t)cases[i].sent);
		slots[i].size[0] = cases[i].first;
		slots[i].size[1] = cases[i].second;
	}
	cr_assert_eq(inbox_read(in, fd, slots, N(cases)), N(cases));
	for (size_t i = 0; i < N(cases); i++) {
		size_t head = cases[i].len < 8 ? cases[i].len : 8;

		cr_expect_eq(slots[i].len, cases[i].len, "row %zu: %zu", i, slots[i].len);
		cr_expect_eq(slots[i].is_cut, cases[i].is_cut, "row %zu", i);
		cr_expect_eq(memcmp(bytes[i][0], text, head), 0, "row %zu", i);
		cr_expect_eq(memcmp(bytes[i][1], text + 8, cases[i].len - head), 0, "row %zu", i);
		cr_expect_eq(bytes[i][0][8], (char)0xaa, "row %zu", i);
		cr_expect_eq(bytes[i][1][cases[i].second], (char)0xaa, "row %zu", i);
	}
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, stamp_is_the_time_of_arrival)
{
	struct inbox *in = new_inbox(true);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	/* The kernel begins to stamp a moment after the first socket asks for it; until then a
	 * datagram is stamped when it is read, so only the lower limit is sure. */
	int64_t before = clock_real_ns();
	send_text(sender, &at, "x");
	cr_assert_eq(inbox_read(in, fd, slots, 1), 1);
	int64_t after = clock_real_ns();
	cr_expect_geq(slots[0].stamp_ns, before);
	cr_expect_leq(slots[0].stamp_ns, after);
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, waiting_time_is_that_of_the_first_and_leaves_it_there)
{
	struct inbox *in = new_inbox(true);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	cr_expect_eq(inbox_waiting_ns(in, fd, clock_real_ns()), 0, "nothing waits");
	int64_t before = clock_real_ns();
	send_text(sender, &at, "first");
	inbox_waiting_ns(in, fd, clock_real_ns()); /* has it stamped now, if it was not */
	int64_t stamped = clock_real_ns();
	send_text(sender, &at, "second");
	for (int i = 0; i < 2; i++) { /* the time is what it is said to be */
		int64_t now = stamped + i * CLOCK_NS_PER_S, waiting = inbox_waiting_ns(in, fd, now);

		cr_expect_geq(waiting, now - stamped);
		cr_expect_leq(waiting, now - before);
	}
	cr_expect_eq(inbox_waiting_ns(in, fd, before - 1), 0, "the clock was set back");
	cr_assert_eq(inbox_read(in, fd, slots, 8), 2);
	expect_slot(&slots[0], "first");
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, wildcard_bind_tells_the_address_that_was_asked)
{
	struct inbox *in = new_inbox(true);
	int fd = listen_on("0.0.0.0"), sender = plain_socket("127.0.0.1");
	struct addr at = address_of("127.0.0.5");

	at.port = local_of(fd).port;
	send_text(sender, &at, "five");
	at.ip[3] = 6;
	send_text(sender, &at, "six");
	cr_assert_eq(inbox_read(in, fd, slots, BATCH_MAX), 2);
	expect_slot(&slots[0], "five");
	cr_expect(is_local(&slots[0], "127.0.0.5"));
	cr_expect(is_local(&slots[1], "127.0.0.6"));
	cr_expect_neq(slots[0].ifindex, 0);
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, ipv6_wildcard_bind_tells_the_address_that_was_asked)
{
	skip_without_ipv6();
	struct inbox *in = new_inbox(true);
	int fd = listen_on("::"), sender = plain_socket("::1");
	struct addr at = address_of("::1"), from = local_of(sender);

	at.port = local_of(fd).port;
	send_text(sender, &at, "six");
	cr_assert_eq(inbox_read(in, fd, slots, BATCH_MAX), 1);
	expect_slot(&slots[0], "six");
	cr_expect(is_local(&slots[0], "::1"));
	cr_expect_neq(slots[0].ifindex, 0);
	cr_expect_neq(slots[0].stamp_ns, 0);
	cr_expect(addr_equal(&slots[0].from, &from));
	close(sender);
	close(fd);
	inbox_free(&in);
}

Test(inbox, nothing_is_left_over_from_the_read_before)
{
	struct inbox *in = new_inbox(true);
	int any = listen_on("0.0.0.0"), one = listen_on("127.0.0.1");
	int sender = plain_socket("127.0.0.1");
	struct addr at_any = address_of("127.0.0.5"), at_one = local_of(one);

	at_any.port = local_of(any).port;
	send_text(sender, &at_any, "first, longer");
	send_text(sender, &at_one, "second");
	slots[0].size[0] = 5;
	cr_assert_eq(inbox_read(in, any, slots, 1), 1);
	cr_expect(slots[0].is_cut);
	cr_expect(slots[0].has_local);
	slots[0].size[0] = SLOT_SIZE;
	cr_assert_eq(inbox_read(in, one, slots, 1), 1);
	expect_slot(&slots[0], "second");
	expect_no_local(&slots[0]);
	cr_expect_eq(slots[0].ifindex, 0);
	close(sender);
	close(one);
	close(any);
	inbox_free(&in);
}

/* Sends into a full buffer until n datagrams are lost, then empties it. */
static void lose_datagrams(struct inbox *in, int fd, int sender, const struct addr *at)
{
	for (unsigned i = 0; i < 200; i++)
		send_text(sender, at, "x");
	while (inbox_read(in, fd, slots, BATCH_MAX) > 0)
		continue;
}

Test(inbox, kernel_drops_are_those_of_the_socket_read_last)
{
	struct inbox *in = new_inbox(true);
	int full = listen_on("127.0.0.1"), calm = listen_on("127.0.0.1");
	int sender = plain_socket("127.0.0.1"), small = 1;
	struct addr at_full = local_of(full), at_calm = local_of(calm);

	cr_assert_eq(setsockopt(full, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	lose_datagrams(in, full, sender, &at_full);
	send_text(sender, &at_full, "after the loss");
	cr_assert_eq(inbox_read(in, full, slots, BATCH_MAX), 1);
	uint32_t drops = inbox_kernel_drops(in);
	cr_expect(drops > 100 && drops < 200, "%u", drops);

	cr_expect_eq(inbox_read(in, full, slots, BATCH_MAX), 0);
	cr_expect_eq(inbox_kernel_drops(in), drops, "an empty read changes nothing");
	send_text(sender, &at_calm, "no loss");
	cr_assert_eq(inbox_read(in, calm, slots, BATCH_MAX), 1);
	cr_expect_eq(inbox_kernel_drops(in), 0);
	send_text(sender, &at_full, "no more loss");
	cr_assert_eq(inbox_read(in, full, slots, BATCH_MAX), 1);
	cr_expect_eq(inbox_kernel_drops(in), drops);
	close(sender);
	close(calm);
	close(full);
	inbox_free(&in);
}

Test(inbox, data_follow_a_refusal)
{
	struct inbox *in = new_inbox(false);
	int server = plain_socket("127.0.0.1");
	struct addr at = local_of(server);
	int fd = connect_to(&at);
	struct addr here = local_of(fd);

	send_text(server, &here, "answer");
	close(server);
	cr_assert_eq(send(fd, "x", 1, 0), 1);
	cr_assert(is_ready(fd, POLLERR, WAIT_MS));
	cr_expect_eq(inbox_read(in, fd, slots, BATCH_MAX), ERR_SYSTEM);
	cr_expect_eq(errno, ECONNREFUSED);
	cr_assert_eq(inbox_read(in, fd, slots, BATCH_MAX), 1);
	expect_slot(&slots[0], "answer");
	cr_expect(addr_equal(&slots[0].from, &at));
	cr_expect_eq(inbox_read(in, fd, slots, BATCH_MAX), 0);
	close(fd);
	inbox_free(&in);
}

Test(inbox, no_socket_is_an_error)
{
	struct inbox *in = new_inbox(true);

	cr_expect_eq(inbox_read(in, -1, slots, BATCH_MAX), ERR_SYSTEM);
	cr_expect_eq(errno, EBADF);
	inbox_free(&in);
}

static unsigned n_interrupts;

static int interrupt(struct mmsghdr *headers, unsigned n)
{
	(void)headers;
	(void)n;
	if (--n_interrupts == 0)
		receive_instead = NULL;
	errno = EINTR;
	return -1;
}

Test(inbox, interrupted_reads_go_on)
{
	struct inbox *in = new_inbox(true);
	int fd = listen_on("127.0.0.1"), sender = plain_socket("127.0.0.1");
	struct addr at = local_of(fd);

	send_text(sender, &at, "x");
	n_interrupts = 3;
	receive_instead = interrupt;
	cr_assert_eq(inbox_read(in, fd, slots, BATCH_MAX), 1);
	cr_expect_eq(n_interrupts, 0);
	expect_slot(&slots[0], "x");
	close(sender);
	close(fd);
	inbox_free(&in);
}

static char *put_control(char *at, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)at;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return at + CMSG_SPACE(len);
}

/* Two datagrams: one to all IPv6 nodes with everything the kernel can tell, and one whose control
 * data did not fit. */
static int all_nodes_then_cut(struct mmsghdr *headers, unsigned n)
{
	static const struct timespec stamp = { 1700000000, 123456789 };
	static const uint32_t drops = UINT32_MAX;
	struct in6_pktinfo info = { .ipi6_addr.s6_addr = { 0xff, 2, [15] = 1 }, .ipi6_ifindex = 7 };
	struct sockaddr_in6 from = { .sin6_family = AF_INET6,
		.sin6_port = htons(5300),
		.sin6_scope_id = 7,
		.sin6_addr.s6_addr = { 0xfe, 0x80, [15] = 9 } };
	struct msghdr *first = &headers[0].msg_hdr, *second = &headers[1].msg_hdr;
	char *at = first->msg_control;

	cr_assert_eq(n, 2);
	cr_assert_geq(first->msg_controllen,
		CMSG_SPACE(sizeof(stamp)) + CMSG_SPACE(sizeof(info)) + CMSG_SPACE(sizeof(drops)));
	at = put_control(at, SOL_SOCKET, SCM_TIMESTAMPNS, &stamp, sizeof(stamp));
	at = put_control(at, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	at = put_control(at, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
	first->msg_controllen = (size_t)(at - (char *)first->msg_control);
	second->msg_controllen = 0;
	first->msg_flags = 0;
	second->msg_flags = MSG_CTRUNC;
	headers[0].msg_len = headers[1].msg_len = 12;
	memcpy(first->msg_name, &from, sizeof(from));
	memcpy(second->msg_name, &from, sizeof(from));
	return 2;
}

Test(inbox, control_data_are_read_whole)
{
	struct inbox *in = new_inbox(true);

	receive_instead = all_nodes_then_cut;
	cr_assert_eq(inbox_read(in, -1, slots, 2), 2);
	cr_expect_eq(slots[0].stamp_ns, 1700000000123456789);
	expect_no_local(&slots[0]); /* a multicast address cannot be a source */
	cr_expect_eq(slots[0].ifindex, 7);
	cr_expect_eq(slots[0].from.scope, 7);
	cr_expect_eq(slots[0].from.port, 5300);
	cr_expect_not(slots[0].is_control_cut);
	cr_expect(slots[1].is_control_cut);
	expect_no_local(&slots[1]);
	cr_expect_eq(slots[1].stamp_ns, 0);
	cr_expect_eq(inbox_kernel_drops(in), UINT32_MAX, "cut control data do not reset it");
	inbox_free(&in);
}
