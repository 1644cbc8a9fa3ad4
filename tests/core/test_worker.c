/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stories of queries: what a client hears when all goes well, when it asks again, and when it asks
 * nonsense. */
#include "core/worker.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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

TestSuite(worker, .init = setup, .fini = finish);

/* ---- the straight path ---------------------------------------------------------------------------- */

Test(worker, a_query_is_asked_and_its_answer_delivered)
{
	world_query(w, "example.com", A, 0x1234, 7);
	cr_assert_eq(w->n_sent, 1);
	cr_expect_eq(world_outstanding(w), 1);
	world_expect_silence(w);
	world_advance_ms(w, 2);
	world_reply(w, RCODE_NOERROR);
	const struct world_answer *a = world_expect_answer(w, 7, 0x1234, RCODE_NOERROR);
	cr_expect_eq(message_count(a->data, 1), 1);
	cr_expect_eq(world_outstanding(w), 0);
	cr_expect_eq(worker_queries(w->worker), 0);
	world_expect_metric(w, answered_server, 1);
	world_expect_metric(w, attempts, 1);
	unsigned s = world_sent(w, 0)->server;
	cr_expect_eq(world_server_metric(w, s, SERVER_METRIC_queries), 1);
	cr_expect_eq(world_server_metric(w, s, SERVER_METRIC_replies), 1);
	cr_expect_eq(world_server_metric(w, s, SERVER_METRIC_latency_us), 2000);
}

Test(worker, the_server_sees_the_clients_bytes_under_another_id)
{
	struct message m = message_query("Example.COM", 65280, 0x1234);
	unsigned n_other = 0;

	message_flags(&m, MESSAGE_CD | MESSAGE_AD | 0x40, MESSAGE_CD | MESSAGE_AD | 0x40);
	message_opt(&m, 4096, EDNS_DO, "\0\x0a\0\2xy\xff\xee\0\0", 10);
	for (uint16_t client = 1; client <= 3; client++) {
		world_take(w, &m, client);
		const struct world_sent *s = world_sent(w, 0);
		cr_assert_eq(s->len, m.len);
		cr_expect_arr_eq(s->data + 2, m.data + 2, m.len - 2);
		n_other += s->id != 0x1234;
	}
	cr_expect_geq(n_other, 2, "the client's ID is used for the server");
}

Test(worker, the_client_gets_its_own_rd_and_cd_and_spelling)
{
	static const uint16_t flags[] = { 0, MESSAGE_RD, MESSAGE_CD, MESSAGE_RD | MESSAGE_CD };

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		struct message m = message_query("eXample.Com", A, 9);
		message_flags(&m, MESSAGE_RD | MESSAGE_CD, flags[i]);
		world_take(w, &m, 1);
		struct message r = world_make_reply(world_sent(w, 0), RCODE_NXDOMAIN);
		/* a server that writes all of it in its own way */
		message_flags(&r, MESSAGE_RD | MESSAGE_CD, (uint16_t)~flags[i]);
		memcpy(r.data + 12, "\7EXAMPLE\3com", 12);
		world_deliver(w, world_sent(w, 0), &r);
		const struct world_answer *a = world_expect_answer(w, 1, 9, RCODE_NXDOMAIN);
		cr_expect_eq(
			message_flags_of(a->data) & (MESSAGE_RD | MESSAGE_CD), flags[i], "%zu", i);
		cr_expect_arr_eq(a->data + 12, "\7eXample\3Com\0\0\1\0\1", 17, "%zu", i);
	}
}

Test(worker, a_signed_message_passes_untouched)
{
	struct message m = message_query("eXample.com", A, 77);

	message_tsig(&m);
	world_take(w, &m, 1);
	struct message r = world_make_reply(world_sent(w, 0), RCODE_NOERROR);
	message_tsig(&r);
	memcpy(r.data + 12, "\7EXAMPLE\3com", 12);
	message_flags(&r, MESSAGE_RD, 0);
	world_deliver(w, world_sent(w, 0), &r);
	const struct world_answer *a = world_expect_answer(w, 1, 77, RCODE_NOERROR);
	cr_expect_eq(a->len, r.len);
	cr_expect_arr_eq(a->data + 2, r.data + 2, r.len - 2, "more than the ID was changed");
}

Test(worker, the_answer_leaves_from_where_the_query_came)
{
	struct datagram *d = calloc(1, sizeof *d + DATAGRAM_SMALL_BYTES);
	struct message m = message_query("example.com", A, 1);

	d->origin = (struct origin){
		.client = world_client_address(1),
		.local_ip = { 192, 0, 2, 200 },
		.ifindex = 4,
		.listener = 1,
		.has_local = true,
	};
	d->arrival_ns = w->now_ns;
	d->len = (uint16_t)m.len;
	memcpy(d->data, m.data, m.len);
	w->n_fed++;
	worker_take(w->worker, w->now_ns, &d, 1);
	world_reply(w, RCODE_NOERROR);
	const struct world_answer *a = world_expect_answer(w, 1, 1, RCODE_NOERROR);
	cr_expect(a->origin.has_local);
	cr_expect_eq(a->origin.ifindex, 4);
	cr_expect_arr_eq(a->origin.local_ip, d->origin.local_ip, 16);
	free(d);
}

Test(worker, update_and_notify_are_forwarded)
{
	static const unsigned opcodes[] = { OPCODE_UPDATE, OPCODE_NOTIFY };

	for (size_t i = 0; i < 2; i++) {
		struct message m = message_query("example.com", 6, 5);
		message_flags(message_opcode(&m, opcodes[i]), MESSAGE_RD, 0);
		world_take(w, &m, 1);
		world_reply(w, RCODE_REFUSED);
		const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_REFUSED);
		cr_expect_eq(header_opcode(message_flags_of(a->data)), opcodes[i]);
	}
	world_expect_metric(w, answered_server, 2);
}

Test(worker, long_queries_pass)
{
	/* inline, medium and large slots, and their edges */
	static const size_t lens[] = { 29, 119, 120, 121, 511, 512, 513, 4095, 4096 };

	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		struct message m = message_query("example.com", A, 5);
		message_pad(&m, lens[i]);
		m.data[m.len - 1] = 0xee;
		if (lens[i] == 29)
			m.data[28] = 1;
		world_take(w, &m, 1);
		const struct world_sent *s = world_sent(w, 0);
		cr_assert_eq(s->len, lens[i]);
		cr_expect_arr_eq(s->data + 2, m.data + 2, m.len - 2, "%zu bytes", lens[i]);
		world_reply(w, RCODE_NOERROR);
		world_expect_answer(w, 1, 5, RCODE_NOERROR);
	}
}

/* ---- answers of our own ----------------------------------------------------------------------------- */

Test(worker, other_opcodes_get_notimp)
{
	static const unsigned opcodes[] = { 1, 2, 3, 6, 15 };

	for (size_t i = 0; i < sizeof opcodes / sizeof opcodes[0]; i++) {
		struct message m = message_query("example.com", A, 5);
		world_take(w, message_opcode(&m, opcodes[i]), 1);
		const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOTIMP);
		cr_expect_eq(header_opcode(message_flags_of(a->data)), opcodes[i]);
	}
	cr_expect_eq(w->n_sent, 0);
	world_expect_metric(w, answered_notimp, 5);
}

Test(worker, notimp_says_not_supported_where_the_client_speaks_edns)
{
	struct message m = message_query("example.com", A, 5);

	world_take(w, message_opcode(&m, 2), 1);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOTIMP);
	cr_expect_eq(message_ede_of(a->data, a->len), -2);
	world_take(w, message_opt(&m, 1232, 0, NULL, 0), 1);
	a = world_expect_answer(w, 1, 5, RCODE_NOTIMP);
	cr_expect(message_ede_is(a->data, a->len, EDE_NOT_SUPPORTED, ""));
}

/* RFC 6891 7: an OPT only to who sent one, as far as it was read before what cannot be. */
Test(worker, formerr_says_malformed_where_an_opt_was_read)
{
	struct message two = message_query("example.com", A, 5);
	struct message behind = message_query("example.com", A, 6);
	struct message before = message_query("example.com", A, 7);

	message_opt(&two, 1232, 0, NULL, 0);
	message_opt(&two, 1232, 0, NULL, 0);
	world_take(w, &two, 1);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_FORMERR);
	cr_expect(message_ede_is(a->data, a->len, 0, "malformed query"));
	message_opt(&behind, 1232, 0, NULL, 0);
	behind.data[11] = 2; /* and nothing follows */
	world_take(w, &behind, 1);
	a = world_expect_answer(w, 1, 6, RCODE_FORMERR);
	cr_expect(message_ede_is(a->data, a->len, 0, "malformed query"));
	message_opt(&before, 1232, 0, NULL, 0);
	before.len--; /* the OPT itself is cut */
	world_take(w, &before, 1);
	a = world_expect_answer(w, 1, 7, RCODE_FORMERR);
	cr_expect_eq(message_ede_of(a->data, a->len), -2);
}

Test(worker, malformed_queries_get_formerr_with_the_question_if_it_can_be_read)
{
	struct message two = message_query("example.com", A, 5);
	struct message cut = message_query("example.com", A, 6);

	two.data[5] = 2;
	message_pad(&two, two.len + 5); /* a second question: "." 0 0 */
	world_take(w, &two, 1);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_FORMERR);
	cr_expect_eq(message_count(a->data, 0), 1);
	cut.len -= 3;
	world_take(w, &cut, 1);
	a = world_expect_answer(w, 1, 6, RCODE_FORMERR);
	cr_expect_eq(message_count(a->data, 0), 0);
	cr_expect_eq(a->len, MESSAGE_HEADER_BYTES);
	world_expect_metric(w, answered_formerr, 2);
	cr_expect_eq(w->n_sent, 0);
}

Test(worker, short_datagrams_and_responses_get_silence)
{
	struct message m = message_query("example.com", A, 5);

	world_take(w, message_flags(&m, MESSAGE_QR, MESSAGE_QR), 1);
	m.len = 11;
	world_take(w, &m, 1);
	m.len = 0;
	world_take(w, &m, 1);
	world_expect_silence(w);
	world_expect_metric(w, dropped_response, 1);
	world_expect_metric(w, dropped_short, 2);
	world_expect_balance(w);
}

Test(worker, more_own_answers_than_boxes_in_one_batch_all_leave)
{
	enum { N = 2 * WORKER_SELF_REPLIES };
	struct datagram *batch[N];

	for (uint16_t i = 0; i < N; i++) {
		batch[i] = calloc(1, sizeof *batch[i] + MESSAGE_HEADER_BYTES);
		batch[i]->origin = (struct origin){ .client = world_client_address(1),
			.listener = 1 };
		batch[i]->arrival_ns = w->now_ns;
		batch[i]->len = MESSAGE_HEADER_BYTES;
		batch[i]->data[1] = (uint8_t)i; /* QDCOUNT 0: FORMERR */
	}
	w->n_fed += N;
	worker_take(w->worker, w->now_ns, batch, N);
	cr_expect_eq(w->n_flushes, 2, "the boxes are emptied once in between");
	for (uint16_t i = 0; i < N; i++) {
		world_expect_answer(w, 1, i, RCODE_FORMERR);
		free(batch[i]);
	}
}

/* ---- retransmissions ------------------------------------------------------------------------------ */

Test(worker, a_retransmission_is_merged)
{
	world_query(w, "example.com", A, 5, 1);
	world_advance_ms(w, 500);
	world_query(w, "example.com", A, 5, 1);
	world_query(w, "EXAMPLE.com", A, 5, 1);
	cr_expect_eq(w->n_sent, 1);
	world_expect_metric(w, merged, 2);
	world_reply(w, RCODE_NOERROR);
	const struct world_answer *a = world_expect_answer(w, 1, 5, RCODE_NOERROR);
	cr_expect_arr_eq(a->data + 12, "\7example", 8);
	world_expect_silence(w);
	world_query(w, "example.com", A, 5, 1); /* answered: a new query */
	cr_expect_eq(w->n_sent, 2);
}

Test(worker, asking_again_does_not_move_the_deadline)
{
	world_query(w, "example.com", A, 5, 1);
	for (int i = 0; i < 29; i++) {
		world_advance_ms(w, 100);
		world_query(w, "example.com", A, 5, 1);
	}
	world_expect_silence(w);
	world_expect_metric(w, attempts, 1);
	world_advance_ms(w, 101);
	world_expect_answer(w, 1, 5, RCODE_SERVFAIL);
	world_expect_metric(w, attempt_timeouts, 1);
}

Test(worker, signed_messages_updates_and_notifies_are_never_sent_twice)
{
	for (uint16_t i = 0; i < 3; i++) {
		struct message m = message_query("example.com", A, i);
		if (i == 0)
			message_tsig(&m);
		else
			message_opcode(&m, i == 1 ? OPCODE_UPDATE : OPCODE_NOTIFY);
		world_take(w, &m, 1);
		world_advance_ms(w, 1500);
		world_take(w, &m, 1);
		cr_expect_eq(w->n_sent, i + 1u, "case %d", i);
		cr_expect_eq(world_metric(w, METRIC_merged), i + 1u, "case %d", i);
		world_reply(w, RCODE_NOERROR);
		world_expect_answer(w, 1, i, RCODE_NOERROR);
	}
	world_expect_metric(w, attempts, 3);
}

Test(worker, what_differs_in_anything_is_another_query)
{
	struct message m = message_query("example.com", A, 5);
	struct message chaos = m;

	world_take(w, &m, 1);
	world_query(w, "example.com", A, 6, 1); /* ID */
	world_query(w, "example.com", AAAA, 5, 1); /* type */
	world_query(w, "example.org", A, 5, 1); /* name */
	world_query(w, "example.com", A, 5, 2); /* address and port */
	chaos.data[chaos.len - 1] = 3;
	world_take(w, &chaos, 1); /* class */
	cr_expect_eq(w->n_sent, 6);
	world_expect_metric(w, merged, 0);
}

Test(worker, an_update_is_no_retransmission_of_a_query)
{
	struct message m = message_query("example.com", 6, 5);

	world_take(w, &m, 1);
	world_take(w, message_opcode(&m, OPCODE_UPDATE), 1);
	world_take(w, &m, 1);
	cr_expect_eq(w->n_sent, 2);
	world_expect_metric(w, merged, 1);
}

Test(worker, another_port_or_listener_or_address_of_ours_is_another_query)
{
	struct message m = message_query("example.com", A, 5);
	struct datagram *d = calloc(1, sizeof *d + DATAGRAM_SMALL_BYTES);

	world_take(w, &m, 1);
	d->arrival_ns = w->now_ns;
	d->len = (uint16_t)m.len;
	memcpy(d->data, m.data, m.len);
	for (int i = 0; i < 3; i++) {
		d->origin = (struct origin){ .client = world_client_address(1), .listener = 1 };
		if (i == 0)
			d->origin.client.port++;
		if (i == 1)
			d->origin.listener = 0;
		if (i == 2) { /* a client that asks each of our addresses from one port */
			d->origin.has_local = true;
			d->origin.local_ip[0] = 10;
		}
		w->n_fed++;
		worker_take(w->worker, w->now_ns, &d, 1);
		cr_expect_eq(w->n_sent, 2 + (size_t)i, "case %d", i);
	}
	free(d);
}
