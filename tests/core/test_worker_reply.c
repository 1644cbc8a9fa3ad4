/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of replies: which are believed, that nothing else ends a query, and what of them reaches
 * the client. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/worker.h"
#include "core/world.h"

static struct world *w;

static void setup(void)
{
	const struct world_params p = world_defaults();

	w = world_new(&p);
}

static void finish(void)
{
	world_finish(&w);
}

TestSuite(worker_reply, .init = setup, .fini = finish);

static void begin(const struct world_params *p)
{
	world_finish(&w);
	w = world_new(p);
}

/* ---- what is believed ----------------------------------------------------------------------------- */

/* Ways to get a reply wrong, and the counter of each. */
static void wrong_id(struct message *m)
{
	m->data[0] ^= 1;
}
static void wrong_name(struct message *m)
{
	m->data[13] ^= 1;
}
static void longer_name(struct message *m)
{
	memmove(m->data + 14, m->data + 12, m->len - 12);
	memcpy(m->data + 12, "\1x", 2);
	m->len += 2;
}
static void wrong_type(struct message *m)
{
	m->data[26] ^= 1;
}
static void wrong_class(struct message *m)
{
	m->data[28] ^= 1;
}
static void wrong_opcode(struct message *m)
{
	message_opcode(m, OPCODE_NOTIFY);
}
static void is_query(struct message *m)
{
	message_flags(m, MESSAGE_QR, 0);
}
static void is_short(struct message *m)
{
	m->len = 11;
}
static void is_empty(struct message *m)
{
	m->len = 0;
}
static void cut_question(struct message *m)
{
	m->len = 28;
}
static void two_questions(struct message *m)
{
	m->data[5] = 2;
}
static void no_question(struct message *m)
{
	m->data[5] = 0;
	m->len = 12;
	memset(m->data + 6, 0, 6);
}

Test(worker_reply, a_wrong_reply_is_counted_and_the_wait_goes_on)
{
	static const struct {
		const char *name;
		void (*spoil)(struct message *m);
		enum metric_id metric;
	} cases[] = {
		{ "ID", wrong_id, METRIC_replies_unmatched },
		{ "name", wrong_name, METRIC_replies_wrong_question },
		{ "longer name", longer_name, METRIC_replies_wrong_question },
		{ "type", wrong_type, METRIC_replies_wrong_question },
		{ "class", wrong_class, METRIC_replies_wrong_question },
		{ "opcode", wrong_opcode, METRIC_replies_wrong_question },
		{ "no question, NOERROR", no_question, METRIC_replies_wrong_question },
		{ "QR=0", is_query, METRIC_replies_malformed },
		{ "short", is_short, METRIC_replies_malformed },
		{ "empty", is_empty, METRIC_replies_malformed },
		{ "cut question", cut_question, METRIC_replies_malformed },
		{ "two questions", two_questions, METRIC_replies_malformed },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t before = world_metric(w, cases[i].metric);
		world_query(w, "example.com", A, (uint16_t)i, 1);
		struct message m = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
		cases[i].spoil(&m);
		world_deliver(w, world_sent(w, 0), &m);
		cr_expect_eq(w->n_answers, w->n_answers_read, "%s: believed", cases[i].name);
		cr_expect_eq(world_metric(w, cases[i].metric), before + 1, "%s", cases[i].name);
		cr_expect_eq(worker_queries(w->worker), 1, "%s", cases[i].name);
		world_reply(w, RCODE_NOERROR);
		world_expect_answer(w, 1, (uint16_t)i, RCODE_NOERROR);
	}
	world_expect_metric(w, replies, 2 * sizeof cases / sizeof cases[0]);
}

Test(worker_reply, a_reply_from_another_peer_is_ignored)
{
	struct addr froms[3] = { world_server_address(0), world_server_address(0),
		world_server_address(0) };

	world_server_state(w, 1, SERVER_DOWN);
	world_query(w, "example.com", A, 5, 1);
	struct message m = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	froms[0].ip[3] ^= 0x80;
	froms[1].port++;
	froms[2] = (struct addr){ 0 };
	for (int i = 0; i < 3; i++)
		world_deliver_from(w, world_sent(w, 0)->socket, &froms[i], &m);
	world_expect_silence(w);
	world_expect_metric(w, replies_wrong_peer, 3);
	world_deliver(w, world_sent(w, 0), &m);
	world_expect_answer(w, 1, 5, RCODE_NOERROR);
}

Test(worker_reply, a_reply_by_another_socket_of_the_same_server_is_ignored)
{
	world_query(w, "example.com", A, 5, 1);
	struct world_sent other = *world_sent(w, 0);
	struct message m = world_make_reply(&other, RCODE_NOERROR);

	for (uint16_t s = 0; s < w->worker->n_sockets; s++) {
		other.socket = s;
		if (s != world_sent(w, 0)->socket && w->worker->sockets[s].is_open &&
			w->worker->sockets[s].server == other.server)
			world_deliver(w, &other, &m);
	}
	world_expect_silence(w);
	world_expect_metric(w, replies_unmatched, 3);
	world_reply(w, RCODE_NOERROR);
	world_expect_answer(w, 1, 5, RCODE_NOERROR);
}

Test(worker_reply, a_second_answer_is_swallowed)
{
	world_query(w, "example.com", A, 5, 1);
	world_reply(w, RCODE_NOERROR);
	world_reply(w, RCODE_NXDOMAIN);
	world_expect_answer(w, 1, 5, RCODE_NOERROR);
	world_expect_silence(w);
	world_expect_metric(w, replies_unmatched, 1);
}

Test(worker_reply, two_answers_in_one_batch_give_one)
{
	struct worker_reply replies[2];
	struct message m[2];

	world_query(w, "example.com", A, 5, 1);
	for (int i = 0; i < 2; i++) {
		m[i] = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
		replies[i] = (struct worker_reply){
			.data = m[i].data,
			.len = m[i].len,
			.from = world_server_address(world_sent(w, 0)->server),
			.socket = world_sent(w, 0)->socket,
		};
	}
	worker_replies(w->worker, w->now_ns, replies, 2);
	world_expect_answer(w, 1, 5, RCODE_NOERROR);
	world_expect_silence(w);
}

Test(worker_reply, a_late_reply_never_meets_the_slots_next_tenant)
{
	world_query(w, "example.com", A, 5, 1);
	struct world_sent old = *world_sent(w, 0);
	world_advance_ms(w, 3001);
	world_expect_answer(w, 1, 5, RCODE_SERVFAIL);
	world_query(w, "example.com", A, 6, 2); /* the same slot, the same question */
	struct message m = world_make_reply(&old, RCODE_NXDOMAIN);
	world_deliver(w, &old, &m);
	world_expect_silence(w);
	world_expect_metric(w, replies_unmatched, 1);
	world_reply(w, RCODE_NOERROR);
	world_expect_answer(w, 2, 6, RCODE_NOERROR);
}

Test(worker_reply, servers_may_leave_the_question_out_of_a_refusal)
{
	static const struct {
		unsigned rcode;
		bool ok;
	} cases[] = {
		{ RCODE_FORMERR, true },
		{ RCODE_SERVFAIL, true },
		{ RCODE_NOTIMP, true },
		{ RCODE_REFUSED, true },
		{ RCODE_NOERROR, false },
		{ RCODE_NXDOMAIN, false },
		{ 9, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		world_query(w, "example.com", A, (uint16_t)i, 1);
		struct message m = world_make_reply(world_sent(w, 0), cases[i].rcode);
		no_question(&m);
		world_deliver(w, world_sent(w, 0), &m);
		cr_assert_eq(
			w->n_answers - w->n_answers_read, cases[i].ok, "rcode %u", cases[i].rcode);
		if (!cases[i].ok)
			world_reply(w, RCODE_NOERROR);
		unsigned rcode = cases[i].ok ? cases[i].rcode : RCODE_NOERROR;
		const struct world_answer *a = world_expect_answer(w, 1, (uint16_t)i, rcode);
		cr_expect_eq(message_count(a->data, 0), 1, "rcode %u", cases[i].rcode);
		cr_expect_arr_eq(a->data + 12, "\7example\3com\0\0\1\0\1", 17);
	}
}

Test(worker_reply, an_update_may_be_confirmed_without_its_zone)
{
	struct message m = message_query("example.com", 6, 5);

	world_take(w, message_opcode(&m, OPCODE_UPDATE), 1);
	struct message r = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	no_question(&r);
	world_deliver(w, world_sent(w, 0), &r);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
	cr_expect_eq(header_opcode(message_flags_of(a->data)), OPCODE_UPDATE);
	cr_expect_eq(message_count(a->data, 0), 1);
}

/* What a server's reply without question becomes, for a client with those flags and EDNS or none. */
static const struct world_answer *completed(const char *name, uint16_t flags, uint16_t udp_size)
{
	struct message m = message_query(name, A, 5);

	message_flags(&m, MESSAGE_RD | MESSAGE_CD, flags);
	if (udp_size != 0)
		message_opt(&m, udp_size, EDNS_DO, NULL, 0);
	world_take(w, &m, 1);
	struct message r = world_make_reply(world_sent(w, 0), RCODE_REFUSED);
	no_question(&r);
	/* an OPT and flags of the server's own */
	message_opt(message_flags(&r, MESSAGE_RD | MESSAGE_CD, (uint16_t)~flags), 4096, 0, NULL, 0);
	world_deliver(w, world_sent(w, 0), &r);
	return world_expect_answer(w, 1, 5, RCODE_REFUSED);
}

Test(worker_reply, a_reply_without_question_gets_the_clients)
{
	static const uint16_t flags[] = { 0, MESSAGE_RD, MESSAGE_CD, MESSAGE_RD | MESSAGE_CD };
	struct world_params p = world_defaults();

	for (int with_case = 0; with_case < 2; with_case++) {
		p.worker.case_randomize = with_case;
		begin(&p);
		for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
			const struct world_answer *a = completed("eXample.Com", flags[i], 0);
			cr_expect_eq(message_flags_of(a->data) & (MESSAGE_RD | MESSAGE_CD),
				flags[i], "%zu", i);
			cr_expect_eq(a->len, 29, "a client without EDNS gets no OPT: %zu", a->len);
			cr_expect_eq(message_count(a->data, 3), 0);
			cr_expect_arr_eq(a->data + 12, "\7eXample\3Com\0\0\1\0\1", 17);
		}
	}
	world_expect_metric(w, answered_server, 4);
	world_expect_metric(w, truncated, 0);
}

Test(worker_reply, a_reply_without_question_gets_an_opt_where_the_client_sent_one)
{
	const struct world_answer *a = completed("eXample.Com", MESSAGE_RD, 1400);

	cr_assert_eq(a->len, 29 + 11);
	cr_expect_eq(message_count(a->data, 0), 1);
	cr_expect_eq(message_count(a->data, 3), 1);
	/* our size, 1232, the client's DO, no options */
	cr_expect_arr_eq(a->data + 29, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
}

Test(worker_reply, the_longest_question_fits_into_a_reply_that_had_none)
{
	static const char label[] =
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789x";
	char name[256];

	/* three labels of 63 and one of 61: 255 bytes on the wire */
	snprintf(name, sizeof name, "%s.%s.%s.%.61s", label, label, label, label);
	const struct world_answer *a = completed(name, MESSAGE_RD, 1400);
	cr_expect_eq(a->len, 12 + 255 + 4 + 11);
	cr_expect_arr_eq(a->data + 13, label, 63);
}

Test(worker_reply, a_signed_reply_without_question_stays_as_it_is)
{
	struct message m = message_query("example.com", A, 5);

	world_take(w, message_tsig(&m), 1);
	struct message r = world_make_reply(world_sent(w, 0), RCODE_REFUSED);
	no_question(&r);
	message_tsig(&r);
	world_deliver(w, world_sent(w, 0), &r);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_REFUSED);
	cr_assert_eq(a->len, r.len);
	cr_expect_arr_eq(a->data + 2, r.data + 2, r.len - 2);
}

Test(worker_reply, a_query_for_a_cookie_only_makes_the_round)
{
	struct message m = { .len = 12, .data = { 0, 5, 1, 0 } };

	message_opt(&m, 1232, 0,
		"\0\x0a\0\x08"
		"abcdefgh",
		12);
	world_take(w, &m, 1);
	cr_assert_eq(world_sent(w, 0)->len, m.len);
	struct message r = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	message_opt(&r, 1232, 0,
		"\0\x0a\0\x08"
		"abcdefgh",
		12);
	world_deliver(w, world_sent(w, 0), &r);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
	cr_expect_eq(a->len, r.len);
	world_take(w, &m, 1);
	world_take(w, &m, 1);
	world_expect_metric(w, merged, 1);
	/* a reply that names a question answers another query */
	r = message_query("example.com", A, world_sent(w, 0)->id);
	world_deliver(w, world_sent(w, 0), message_flags(&r, MESSAGE_QR, MESSAGE_QR));
	world_expect_silence(w);
	world_expect_metric(w, replies_wrong_question, 1);
}

Test(worker_reply, rcodes_are_counted_per_server)
{
	static const unsigned rcodes[] = { RCODE_SERVFAIL, RCODE_REFUSED, RCODE_REFUSED };

	world_server_state(w, 0, SERVER_DOWN);
	for (uint16_t i = 0; i < 3; i++) {
		world_query(w, "example.com", A, i, 1);
		world_reply(w, rcodes[i]);
		world_expect_answer(w, 1, i, rcodes[i]);
	}
	cr_expect_eq(world_server_metric(w, 1, SERVER_METRIC_servfail), 1);
	cr_expect_eq(world_server_metric(w, 1, SERVER_METRIC_refused), 2);
	cr_expect_eq(world_server_metric(w, 1, SERVER_METRIC_replies), 3);
}

/* ---- sizes ------------------------------------------------------------------------------------------ */

Test(worker_reply, a_reply_over_the_clients_limit_is_cut)
{
	/* 29 bytes of header and question, 16 per record, 11 of OPT */
	static const struct {
		const char *name;
		uint16_t edns; /* 0: none */
		uint16_t udp_reply_max;
		size_t len;
		bool is_cut;
	} cases[] = {
		{ "no EDNS, at the limit", 0, 1232, 512, false },
		{ "no EDNS, over", 0, 1232, 513, true },
		{ "EDNS under 512 counts as 512", 100, 1232, 512, false },
		{ "EDNS under 512, over", 100, 1232, 513, true },
		{ "client's size", 1000, 1232, 1000, false },
		{ "over the client's size", 1000, 1232, 1001, true },
		{ "ours is smaller", 4096, 1232, 1232, false },
		{ "over ours", 4096, 1232, 1233, true },
		{ "both large", 4096, 4096, 4096, false },
		{ "ours is larger than the client's", 1400, 65535, 1401, true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct message m = message_query("example.com", A, 5);
		w->params.worker.udp_reply_max = cases[i].udp_reply_max;
		if (cases[i].edns != 0)
			message_opt(&m, cases[i].edns, 0, NULL, 0);
		world_take(w, &m, 1);
		struct message r = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
		world_deliver(w, world_sent(w, 0), message_pad(&r, cases[i].len));
		const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
		cr_expect_eq((message_flags_of(a->data) & MESSAGE_TC) != 0, cases[i].is_cut, "%s",
			cases[i].name);
		cr_expect_eq(a->len, cases[i].is_cut ? 29 : cases[i].len, "%s: %zu bytes",
			cases[i].name, a->len);
		cr_expect_eq(message_count(a->data, 1), !cases[i].is_cut, "%s", cases[i].name);
	}
	world_expect_metric(w, truncated, 5);
}

Test(worker_reply, a_signed_reply_is_limited_by_the_clients_size_only)
{
	static const struct {
		const char *name;
		uint16_t edns; /* 0: none */
		size_t len;
		bool is_cut;
	} cases[] = {
		{ "over ours, in the client's", 4096, 1233, false },
		{ "at the client's", 4096, 4096, false },
		{ "over the client's", 4096, 4097, true },
		{ "over a small client's", 1000, 1001, true },
		{ "no EDNS", 0, 512, false },
		{ "no EDNS, over", 0, 513, true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct message m = message_query("example.com", A, 5);
		if (cases[i].edns != 0)
			message_opt(&m, cases[i].edns, 0, NULL, 0);
		world_take(w, message_tsig(&m), 1);
		struct message r = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
		message_tsig(&r);
		/* bytes behind the last record, for the length alone */
		world_deliver(w, world_sent(w, 0), message_pad(&r, cases[i].len));
		const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
		cr_expect_eq((message_flags_of(a->data) & MESSAGE_TC) != 0, cases[i].is_cut, "%s",
			cases[i].name);
		if (!cases[i].is_cut)
			cr_expect_eq(a->len, cases[i].len, "%s: %zu", cases[i].name, a->len);
	}
}

/* A cut reply to a client, with or without EDNS; the server's had BADVERS (16) and a cookie. */
static const struct world_answer *cut_reply(bool with_edns)
{
	struct message m = message_query("eXample.com", A, 5);

	if (with_edns)
		message_opt(&m, 512, EDNS_DO, NULL, 0);
	world_take(w, &m, 1);
	struct message r = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	message_answers(&r, 40);
	message_opt(&r, 1400, 0x01000000 | EDNS_DO,
		"\0\x0a\0\x08"
		"abcdefgh",
		12);
	world_deliver(w, world_sent(w, 0), &r);
	return world_expect_answer(w, 1, 5, RCODE_NOERROR);
}

Test(worker_reply, a_cut_keeps_the_opt_without_options_where_the_client_sent_one)
{
	const struct world_answer *a = cut_reply(true);

	cr_assert_eq(a->len, 29 + 11);
	cr_expect(message_flags_of(a->data) & MESSAGE_TC);
	cr_expect_eq(message_count(a->data, 3), 1);
	cr_expect_arr_eq(a->data + 29, "\0\0\x29\x05\x78\x01\0\x80\0\0\0", 11);
	cr_expect_arr_eq(a->data + 12, "\7eXample", 8);
}

Test(worker_reply, a_cut_adds_no_opt_for_a_client_without)
{
	const struct world_answer *a = cut_reply(false);

	cr_assert_eq(a->len, 29);
	cr_expect_eq(message_count(a->data, 3), 0);
}

/* ---- 0x20 ------------------------------------------------------------------------------------------- */

static struct world_params with_case(void)
{
	struct world_params p = world_defaults();

	p.worker.case_randomize = true;
	return p;
}

Test(worker_reply, case_randomize_mixes_the_case_and_gives_the_clients_back)
{
	const struct world_params p = with_case();
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ.0-9_.example";
	unsigned n_changed = 0;

	begin(&p);
	struct message m = message_query(name, A, 5);
	world_take(w, &m, 1);
	const struct world_sent *s = world_sent(w, 0);
	for (size_t i = 12; i < m.len; i++) {
		n_changed += s->data[i] != m.data[i];
		cr_expect_eq(s->data[i] | 0x20, m.data[i] | 0x20, "byte %zu", i);
	}
	cr_expect_gt(n_changed, 10);
	cr_expect_lt(n_changed, 50);
	world_query(w, name, A, 5, 1); /* a retransmission is known all the same */
	world_expect_metric(w, merged, 1);
	world_reply(w, RCODE_NOERROR);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
	cr_expect_arr_eq(a->data + 12, m.data + 12, m.len - 12);
}

Test(worker_reply, case_randomize_wants_the_exact_echo)
{
	const struct world_params p = with_case();

	begin(&p);
	world_query(w, "example.com", A, 5, 1);
	struct message m = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	m.data[13] ^= 0x20;
	world_deliver(w, world_sent(w, 0), &m);
	world_expect_silence(w);
	world_expect_metric(w, replies_wrong_question, 1);
	world_reply(w, RCODE_NOERROR);
	world_expect_answer(w, 1, 5, RCODE_NOERROR);
}

Test(worker_reply, case_randomize_gives_the_clients_case_back_in_our_own_servfail)
{
	const struct world_params p = with_case();

	begin(&p);
	for (int i = 0; i < 2; i++) {
		world_query(w, "abcdefGHIJKL.example.com", A, 5, 1);
		if (i == 0)
			world_advance_ms(w, 3001);
		else
			world_send_failed(w, world_sent(w, 0));
		const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_SERVFAIL);
		cr_expect_arr_eq(a->data + 12,
			"\x0c"
			"abcdefGHIJKL\7example",
			21);
	}
}

Test(worker_reply, case_randomize_leaves_signed_messages_and_updates_alone)
{
	const struct world_params p = with_case();

	begin(&p);
	for (int i = 0; i < 3; i++) {
		struct message m = message_query(
			"abcdefghijklmnopqrstuvwxyz.example.com", A, (uint16_t)i);
		if (i == 0)
			message_tsig(&m);
		else
			message_opcode(&m, i == 1 ? OPCODE_UPDATE : OPCODE_NOTIFY);
		world_take(w, &m, 1);
		cr_expect_arr_eq(world_sent(w, 0)->data + 2, m.data + 2, m.len - 2, "case %d", i);
	}
}

Test(worker_reply, case_randomize_fits_behind_queries_of_every_length)
{
	static const size_t lens[] = { 0, 114, 115, 118, 119, 120, 121, 506, 510, 512, 513, 4096 };
	const struct world_params p = with_case();

	begin(&p);
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		struct message m = message_query("mixed.example.com", A, 5);
		if (lens[i] != 0)
			message_pad(&m, lens[i]);
		world_take(w, &m, 1);
		world_query(w, "neighbour.example.com", A, 6, 1);
		world_deliver(w, world_sent(w, 1),
			&(struct message[]){
				world_make_reply(world_sent(w, 1), RCODE_NOERROR) }[0]);
		const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
		cr_expect_arr_eq(a->data + 12, m.data + 12, 19, "%zu bytes", lens[i]);
		world_reply(w, RCODE_NOERROR);
		world_expect_answer(w, 1, 6, RCODE_NOERROR);
	}
}
