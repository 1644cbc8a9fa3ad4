/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of the built-in servers: their replies byte by byte, and that real sockets give them. */
#include "services/demo_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "wire/cursor.h"
#include "wire/message.h"
#include "wire/name.h"

#define TYPE_A 1
#define TYPE_NS 2
#define TYPE_SOA 6
#define TYPE_MX 15
#define TYPE_TXT 16
#define TYPE_AAAA 28
#define ID 0xbeef
#define NO_EDNS (-1)

struct asked {
	const char *name;
	uint16_t flags, qtype, qclass;
	int edns; /* NO_EDNS, or the flags of the OPT */
};

static size_t make_query(const struct asked *a, uint8_t out[512])
{
	struct cursor c = cursor_writable(out, 512);
	uint8_t name[NAME_MAX_BYTES];
	int name_len = name_from_text(a->name, name);

	cr_assert_gt(name_len, 0, "%s", a->name);
	cursor_put_u16(&c, ID);
	cursor_put_u16(&c, a->flags);
	cursor_put_u16(&c, 1);
	cursor_put_u32(&c, 0);
	cursor_put_u16(&c, a->edns != NO_EDNS);
	cursor_put(&c, name, (size_t)name_len);
	cursor_put_u16(&c, a->qtype);
	cursor_put_u16(&c, a->qclass);
	if (a->edns != NO_EDNS) {
		cursor_put_u8(&c, 0);
		cursor_put_u16(&c, RRTYPE_OPT);
		cursor_put_u16(&c, 4096);
		cursor_put_u16(&c, 0);
		cursor_put_u16(&c, (uint16_t)a->edns);
		cursor_put_u16(&c, 0);
	}
	cr_assert(cursor_ok(&c));
	return cursor_pos(&c);
}

/* Checks header, question and OPT of the reply; *data_out is the only record's data, NULL if there
 * is no record. */
static size_t check_reply(const char *row, const struct asked *a, const uint8_t *query,
	const uint8_t *reply, size_t len, const uint8_t **data_out, uint32_t *ttl_out)
{
	const uint16_t echoed = MESSAGE_OPCODE | MESSAGE_RD | MESSAGE_CD;
	struct cursor c = cursor_read_only(reply, len);
	size_t data_len = 0;

	*data_out = NULL;
	cr_expect_eq(cursor_u16(&c), ID, "%s: id", row);
	uint16_t flags = cursor_u16(&c);
	cr_expect_eq(flags & ~MESSAGE_RCODE & 0xffff, MESSAGE_QR | MESSAGE_RA | (a->flags & echoed),
		"%s: flags %#x", row, flags);
	cr_expect_eq(cursor_u16(&c), 1, "%s: QDCOUNT", row);
	unsigned n_answer = cursor_u16(&c);
	cr_expect_eq(cursor_u16(&c), 0, "%s: NSCOUNT", row);
	cr_expect_eq(cursor_u16(&c), a->edns != NO_EDNS, "%s: ARCOUNT", row);
	size_t name_len = name_walk_question(&c);
	cursor_skip(&c, 4);
	cr_assert(cursor_ok(&c), "%s: question", row);
	cr_expect_arr_eq(reply + 12, query + 12, name_len + 4, "%s: question", row);
	if (n_answer) {
		cr_expect_eq(n_answer, 1, "%s: ANCOUNT", row);
		cr_expect_eq(cursor_u16(&c), 0xc00c, "%s: owner", row);
		cr_expect_eq(cursor_u16(&c), a->qtype, "%s: type", row);
		cr_expect_eq(cursor_u16(&c), CLASS_IN, "%s: class", row);
		*ttl_out = cursor_u32(&c);
		data_len = cursor_u16(&c);
		*data_out = cursor_bytes(&c, data_len);
		cr_assert_not_null(*data_out, "%s: data", row);
	}
	if (a->edns != NO_EDNS) {
		cr_expect_eq(cursor_u8(&c), 0, "%s: OPT owner", row);
		cr_expect_eq(cursor_u16(&c), RRTYPE_OPT, "%s: OPT type", row);
		cr_expect_eq(cursor_u16(&c), 1232, "%s: OPT size", row);
		cr_expect_eq(cursor_u16(&c), 0, "%s: extended rcode, version", row);
		cr_expect_eq(cursor_u16(&c), a->edns & 0x8000, "%s: DO", row);
		cr_expect_eq(cursor_u16(&c), 0, "%s: options", row);
	}
	cr_expect(cursor_ok(&c), "%s: too short", row);
	cr_expect_eq(cursor_left(&c), 0, "%s: %zu bytes too many", row, cursor_left(&c));
	return data_len;
}

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME255 LABEL63 "." LABEL63 "." LABEL63 "." LABEL61 "."

#define SOA_2 \
	"\3ns2\4demo\7invalid\0\12hostmaster\4demo\7invalid\0" \
	"\0\0\0\1\0\0\16\20\0\0\2\130\0\1\121\200\0\0\0\5"
#define DATA(text) (text), sizeof(text) - 1

static const struct {
	const char *row;
	struct asked asked;
	unsigned number;
	const char *data; /* NULL: no record */
	size_t data_len;
} answers[] = {
	{ "A", { "example.com", MESSAGE_RD, TYPE_A, 1, NO_EDNS }, 1, DATA("\300\0\2\1") },
	{ "A, last", { "example.com", 0, TYPE_A, 1, NO_EDNS }, 250, DATA("\300\0\2\372") },
	{ "A of the root", { ".", MESSAGE_RD, TYPE_A, 1, 0 }, 3, DATA("\300\0\2\3") },
	{ "A, case", { "eXaMpLe.CoM", MESSAGE_CD, TYPE_A, 1, 0x8000 }, 2, DATA("\300\0\2\2") },
	{ "AAAA", { "example.com", 0, TYPE_AAAA, 1, 0 }, 2,
		DATA("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\2") },
	{ "TXT", { "who.are.you", 0, TYPE_TXT, 1, 0x8000 }, 3, DATA("\15demo server 3") },
	{ "NS", { ".", 0, TYPE_NS, 1, NO_EDNS }, 1, DATA("\3ns1\4demo\7invalid\0") },
	{ "SOA", { "example.com", 0, TYPE_SOA, 1, 0 }, 2, DATA(SOA_2) },
	{ "the longest", { NAME255, MESSAGE_RD, TYPE_SOA, 1, 0x8000 }, 2, DATA(SOA_2) },
	{ "other OPT flags", { "a", 0, TYPE_A, 1, 0x7fff }, 1, DATA("\300\0\2\1") },
	{ "AD is not echoed", { "a", MESSAGE_AD, TYPE_A, 1, 0 }, 1, DATA("\300\0\2\1") },
	{ "MX", { "example.com", MESSAGE_RD, TYPE_MX, 1, 0 }, 1, NULL, 0 },
	{ "unknown type", { "example.com", 0, 65280, 1, NO_EDNS }, 1, NULL, 0 },
	{ "class CH", { "id.server", 0, TYPE_TXT, 3, 0 }, 1, NULL, 0 },
};

Test(demo_server, each_type_gets_its_record)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		const char *row = answers[i].row;
		uint8_t query[512], reply[DEMO_SERVER_REPLY_MAX];
		const uint8_t *data;
		uint32_t ttl = 0;
		size_t len = make_query(&answers[i].asked, query);
		size_t reply_len = demo_server_reply(answers[i].number, query, len, reply);

		cr_assert_gt(reply_len, 0, "%s: silence", row);
		size_t data_len = check_reply(
			row, &answers[i].asked, query, reply, reply_len, &data, &ttl);
		cr_expect_eq(header_rcode((uint16_t)(reply[2] << 8 | reply[3])), RCODE_NOERROR);
		cr_expect_eq(!data, !answers[i].data, "%s: record", row);
		cr_assert_eq(data_len, answers[i].data_len, "%s: %zu bytes", row, data_len);
		if (data_len)
			cr_expect_arr_eq(data, answers[i].data, data_len, "%s: data", row);
		cr_expect_leq(
			ttl, answers[i].asked.qtype == TYPE_TXT ? 0 : 5, "%s: ttl %u", row, ttl);
	}
}

Test(demo_server, update_and_notify_are_not_implemented)
{
	static const struct {
		const char *row;
		unsigned opcode;
	} cases[] = { { "UPDATE", OPCODE_UPDATE }, { "NOTIFY", OPCODE_NOTIFY } };

	for (size_t i = 0; i < 2; i++) {
		const struct asked a = { "example.com", (uint16_t)(cases[i].opcode << 11), TYPE_SOA,
			1, NO_EDNS };
		uint8_t query[512], reply[DEMO_SERVER_REPLY_MAX];
		const uint8_t *data;
		uint32_t ttl;
		size_t len = make_query(&a, query);
		size_t reply_len = demo_server_reply(1, query, len, reply);

		cr_assert_gt(reply_len, 0, "%s: silence", cases[i].row);
		check_reply(cases[i].row, &a, query, reply, reply_len, &data, &ttl);
		cr_expect_null(data, "%s: record", cases[i].row);
		cr_expect_eq(reply[3] & MESSAGE_RCODE, RCODE_NOTIMP, "%s", cases[i].row);
	}
}

Test(demo_server, a_query_without_question_gets_header_and_opt)
{
	static const uint8_t query[] = { 0xbe, 0xef, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 16, 0,
		0, 0, 0, 0, 0, 0 };
	uint8_t reply[DEMO_SERVER_REPLY_MAX];

	cr_assert_eq(demo_server_reply(1, query, sizeof query, reply), sizeof query);
	cr_expect_arr_eq(
		reply, ((const uint8_t[]){ 0xbe, 0xef, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 1 }), 12);
}

/* Every prefix in a block of its exact size, so that a read beyond it is seen. */
Test(demo_server, broken_queries_get_silence)
{
	const struct asked a = { "example.com", MESSAGE_RD, TYPE_A, 1, 0 };
	uint8_t query[512], reply[DEMO_SERVER_REPLY_MAX];
	size_t len = make_query(&a, query);

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *prefix = malloc(cut ? cut : 1);

		memcpy(prefix, query, cut);
		cr_expect_eq(demo_server_reply(1, prefix, cut, reply), 0, "%zu bytes", cut);
		free(prefix);
	}
	query[2] |= 0x80; /* QR: never answer an answer */
	cr_expect_eq(demo_server_reply(1, query, len, reply), 0);
	query[2] = 2 << 3; /* STATUS */
	cr_expect_eq(demo_server_reply(1, query, len, reply), 0);
}

/* ---- over sockets --------------------------------------------------------------------------- */

static int connect_to(const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = addr_to_sockaddr(a, &ss);
	int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_neq(fd, -1);
	cr_assert_eq(connect(fd, (struct sockaddr *)&ss, ss_len), 0);
	return fd;
}

static size_t receive(int fd, uint8_t *reply, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, 5000), 1, "no reply");
	ssize_t n = recv(fd, reply, size, 0);
	cr_assert_gt(n, 0);
	return (size_t)n;
}

Test(demo_server, every_server_answers_with_its_own_number, .timeout = 60)
{
	const struct asked a = { "example.com", MESSAGE_RD, TYPE_A, 1, 0 };
	struct demo_servers *d = NULL;
	uint8_t query[512], reply[600];
	size_t len = make_query(&a, query);

	cr_assert_eq(demo_servers_start(3, &d), 0);
	for (size_t i = 0; i < 3; i++) {
		struct addr address = demo_servers_address(d, i);
		const uint8_t *data;
		uint32_t ttl;

		cr_expect(addr_is_loopback(&address));
		cr_expect_neq(address.port, 0);
		for (size_t other = 0; other < i; other++)
			cr_expect_neq(address.port, demo_servers_address(d, other).port);
		int fd = connect_to(&address);
		cr_assert_eq(send(fd, "garbage", 7, 0), 7); /* hurts nobody */
		cr_assert_eq(send(fd, query, len, 0), (ssize_t)len);
		size_t reply_len = receive(fd, reply, sizeof reply);
		check_reply("server", &a, query, reply, reply_len, &data, &ttl);
		cr_assert_not_null(data);
		cr_expect_eq(data[3], i + 1);
		close(fd);
	}
	demo_servers_stop(&d);
	cr_expect_null(d);
}

/* More than one batch at once: nothing of it is lost, nothing is confused. */
Test(demo_server, a_burst_is_answered_whole, .timeout = 60)
{
	const struct asked a = { "example.com", 0, TYPE_TXT, 1, NO_EDNS };
	enum { BURST = 100 };
	struct demo_servers *d = NULL;
	uint8_t query[512], reply[600];
	bool seen[BURST] = { false };
	size_t len = make_query(&a, query);

	cr_assert_eq(demo_servers_start(1, &d), 0);
	struct addr address = demo_servers_address(d, 0);
	int fd = connect_to(&address);
	for (unsigned id = 0; id < BURST; id++) {
		query[0] = 0;
		query[1] = (uint8_t)id;
		cr_assert_eq(send(fd, query, len, 0), (ssize_t)len);
	}
	for (unsigned n = 0; n < BURST; n++) {
		receive(fd, reply, sizeof reply);
		cr_assert_eq(reply[0], 0);
		cr_assert_lt(reply[1], BURST);
		cr_expect_not(seen[reply[1]], "%u came twice", reply[1]);
		seen[reply[1]] = true;
	}
	close(fd);
	demo_servers_stop(&d);
}

Test(demo_server, stopping_frees_the_ports, .timeout = 60)
{
	struct demo_servers *d = NULL;
	struct sockaddr_storage ss;

	for (int round = 0; round < 20; round++) {
		cr_assert_eq(demo_servers_start(2, &d), 0);
		struct addr address = demo_servers_address(d, 1);
		demo_servers_stop(&d);

		socklen_t ss_len = addr_to_sockaddr(&address, &ss);
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		cr_expect_eq(bind(fd, (struct sockaddr *)&ss, ss_len), 0, "round %d", round);
		close(fd);
	}
	demo_servers_stop(&d); /* NULL: nothing to do */
}

Test(demo_server, numbers_out_of_range_are_refused)
{
	struct demo_servers *d = (void *)1;

	cr_expect_eq(demo_servers_start(0, &d), ERR_RANGE);
	cr_expect_null(d);
	cr_expect_eq(demo_servers_start(DEMO_SERVERS_MAX + 1, &d), ERR_RANGE);
	cr_expect_null(d);
}

/* From no descriptor at all to enough for some of the sockets. */
Test(demo_server, a_failed_start_leaves_nothing_behind)
{
	struct demo_servers *d = NULL;
	struct rlimit before;
	int lowest = dup(0);

	cr_assert_neq(lowest, -1);
	close(lowest);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned room = 0; room < 6; room++) {
		const struct rlimit few = { (rlim_t)lowest + room, before.rlim_max };

		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		cr_expect_eq(demo_servers_start(20, &d), ERR_SYSTEM, "room for %u", room);
		cr_expect_eq(errno, EMFILE, "room for %u: %s", room, strerror(errno));
		cr_expect_null(d, "room for %u", room);
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		int now = dup(0);
		cr_expect_eq(now, lowest, "room for %u: a descriptor is left", room);
		close(now);
	}
}
