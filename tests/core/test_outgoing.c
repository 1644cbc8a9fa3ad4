/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is collected leaves by the right socket, all of it; what cannot be sent is told by
 * the caller's name for it. */
#include "core/outgoing.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 3

static uint64_t failed_ref;
static unsigned n_failed;
static struct outgoing o;

static bool failed(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	(void)ctx;
	(void)error;
	(void)tries;
	failed_ref = o.refs[item->token];
	n_failed++;
	return false;
}

static void add(uint16_t by, uint64_t ref, const char *text)
{
	struct outbox_item *item = outgoing_add(&o, by, ref);

	item->data = text;
	item->len = strlen(text);
}

static const char *next(int fd)
{
	static char text[64];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Two ends that hear only each other. */
static void make_pair(int pair[2])
{
	struct sockaddr_in at[2];
	socklen_t len = sizeof at[0];

	for (int i = 0; i < 2; i++) {
		at[i] = (struct sockaddr_in){ .sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		pair[i] = socket(AF_INET, SOCK_DGRAM, 0);
		cr_assert_eq(bind(pair[i], (struct sockaddr *)&at[i], sizeof at[i]), 0);
		cr_assert_eq(getsockname(pair[i], (struct sockaddr *)&at[i], &len), 0);
	}
	for (int i = 0; i < 2; i++)
		cr_assert_eq(connect(pair[i], (struct sockaddr *)&at[!i], sizeof at[!i]), 0);
}

Test(outgoing, each_leaves_by_its_own_socket)
{
	int fds[SOCKETS], ends[SOCKETS];

	cr_assert_eq(outgoing_init(&o, true, failed, NULL), 0);
	for (int i = 0; i < SOCKETS; i++) {
		int pair[2];

		make_pair(pair);
		fds[i] = pair[0];
		ends[i] = pair[1];
	}
	add(2, 1, "a2");
	add(0, 2, "b0");
	add(2, 3, "c2");
	add(1, 4, "d1");
	add(0, 5, "e0");
	outgoing_flush(&o, fds);
	cr_expect_eq(o.n, 0);
	cr_expect_str_eq(next(ends[0]), "b0");
	cr_expect_str_eq(next(ends[0]), "e0");
	cr_expect_str_eq(next(ends[0]), "");
	cr_expect_str_eq(next(ends[1]), "d1");
	cr_expect_str_eq(next(ends[1]), "");
	cr_expect_str_eq(next(ends[2]), "a2");
	cr_expect_str_eq(next(ends[2]), "c2");
	cr_expect_eq(n_failed, 0);
	for (int i = 0; i < SOCKETS; i++) {
		close(fds[i]);
		close(ends[i]);
	}
	outgoing_fini(&o);
}

/* Numbers far apart, that begin at the same place of the table or beside it. */
Test(outgoing, descriptors_are_told_apart_whatever_their_numbers)
{
	enum { N_FDS = 12, FDS_MAX = 65536 };
	static const uint16_t numbers[N_FDS] = { 0, OUTGOING_PLACES, 2 * OUTGOING_PLACES, 1,
		OUTGOING_PLACES + 1, 2, OUTGOING_PLACES - 1, 2 * OUTGOING_PLACES - 1, UINT16_MAX,
		UINT16_MAX - 1, UINT16_MAX - OUTGOING_PLACES, 3 * OUTGOING_PLACES };
	static const char *const texts[3] = { "a", "b", "c" };
	static int fds[FDS_MAX];
	int ends[N_FDS];

	cr_assert_eq(outgoing_init(&o, true, failed, NULL), 0);
	for (int i = 0; i < N_FDS; i++) {
		int pair[2];

		make_pair(pair);
		fds[numbers[i]] = pair[0];
		ends[i] = pair[1];
	}
	for (int k = 0; k < 3; k++) {
		for (int i = 0; i < N_FDS; i++) {
			if (i % 3 <= k)
				add(numbers[i], 0, texts[k]);
		}
	}
	outgoing_flush(&o, fds);
	for (int i = 0; i < N_FDS; i++) {
		for (int k = i % 3; k < 3; k++)
			cr_expect_str_eq(next(ends[i]), texts[k], "%d", numbers[i]);
		cr_expect_str_eq(next(ends[i]), "", "%d", numbers[i]);
		close(fds[numbers[i]]);
		close(ends[i]);
	}
	cr_expect_eq(n_failed, 0);
	outgoing_fini(&o);
}

Test(outgoing, a_full_one_says_so_and_empties)
{
	int pair[2];

	cr_assert_eq(outgoing_init(&o, true, failed, NULL), 0);
	make_pair(pair);
	for (unsigned i = 0; i < 5; i++) {
		cr_expect_not(outgoing_is_full(&o));
		add(0, i, "x");
	}
	while (!outgoing_is_full(&o))
		add(0, 9, "y");
	cr_expect_eq(o.n, OUTGOING_MAX);
	o.n = 5; /* a socket pair holds few datagrams */
	outgoing_flush(&o, pair);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_str_eq(next(pair[1]), "x");
	cr_expect_eq(o.n, 0);
	close(pair[0]);
	close(pair[1]);
	outgoing_fini(&o);
}

Test(outgoing, a_failure_is_told_by_its_name_and_the_rest_goes)
{
	int pair[2], bad = socket(AF_UNIX, SOCK_DGRAM, 0); /* not connected: ENOTCONN */
	int fds[2];

	cr_assert_eq(outgoing_init(&o, true, failed, NULL), 0);
	make_pair(pair);
	fds[0] = pair[0];
	fds[1] = bad;
	add(0, 70, "good");
	add(1, 71, "lost");
	add(0, 72, "good too");
	outgoing_flush(&o, fds);
	cr_expect_eq(n_failed, 1);
	cr_expect_eq(failed_ref, 71);
	cr_expect_str_eq(next(pair[1]), "good too", "the larger first");
	cr_expect_str_eq(next(pair[1]), "good");
	close(pair[0]);
	close(pair[1]);
	close(bad);
	outgoing_fini(&o);
}
