/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A reply is header, the question as it came, at most one record, and an OPT if there was one: with
 * a name of 255 bytes and the longest record, SOA, that is about 400 bytes, so nothing is ever cut.
 *
 * The thread owns the sockets, the poller and the boxes from its start to its end; demo_servers_stop
 * shares with it only `is_stopping` and the wake-up. */
#include "services/demo_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/thread.h"
#include "net/batch.h"
#include "net/poller.h"
#include "net/socket.h"
#include "wire/cursor.h"
#include "wire/message.h"
#include "wire/name.h"
#include "wire/reply.h"

#define QUERY_MAX 4096
#define UDP_SIZE 1232 /* announced: what passes everywhere unfragmented */
#define TTL_S 5 /* a demo of balancing, not of caching */
#define TXT_TTL_S 0
#define NAME_POINTER (0xc000 + MESSAGE_HEADER_BYTES) /* to the name of the question */

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_SOA = 6, TYPE_TXT = 16, TYPE_AAAA = 28 };

struct demo_servers {
	/* set at start */
	pthread_t thread;
	bool is_running;
	int wakeup_fd;
	struct poller *poller;
	struct inbox *inbox;
	struct outbox *outbox;
	size_t n;
	int *fds;
	struct addr *addresses;
	/* thread only */
	struct inbox_slot slots[BATCH_MAX];
	struct outbox_item items[BATCH_MAX];
	uint8_t queries[BATCH_MAX][QUERY_MAX];
	uint8_t replies[BATCH_MAX][DEMO_SERVER_REPLY_MAX];
	atomic_bool is_stopping; /* relaxed */
};

/* ---- one reply ------------------------------------------------------------------------------ */

static void put_name(struct cursor *c, const char *text)
{
	uint8_t name[NAME_MAX_BYTES];
	int len = name_from_text(text, name);

	if (len > 0)
		cursor_put(c, name, (size_t)len);
}

static void put_server_name(struct cursor *c, unsigned number)
{
	char text[32];

	snprintf(text, sizeof text, "ns%u.demo.invalid.", number);
	put_name(c, text);
}

static void put_soa(struct cursor *c, unsigned number)
{
	put_server_name(c, number);
	put_name(c, "hostmaster.demo.invalid.");
	cursor_put_u32(c, 1); /* serial */
	cursor_put_u32(c, 3600); /* refresh, retry, expire: nobody transfers this zone */
	cursor_put_u32(c, 600);
	cursor_put_u32(c, 86400);
	cursor_put_u32(c, TTL_S);
}

static void put_txt(struct cursor *c, unsigned number)
{
	char text[32];
	int len = snprintf(text, sizeof text, "demo server %u", number);

	cursor_put_u8(c, (uint8_t)len);
	cursor_put(c, text, (size_t)len);
}

/* The data of the record; nothing for a type that has none. */
static void put_data(struct cursor *c, uint16_t qtype, unsigned number)
{
	const uint8_t a[4] = { 192, 0, 2, (uint8_t)number };
	const uint8_t aaaa[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)number };

	switch (qtype) {
	case TYPE_A:
		cursor_put(c, a, sizeof a);
		break;
	case TYPE_AAAA:
		cursor_put(c, aaaa, sizeof aaaa);
		break;
	case TYPE_NS:
		put_server_name(c, number);
		break;
	case TYPE_SOA:
		put_soa(c, number);
		break;
	case TYPE_TXT:
		put_txt(c, number);
		break;
	}
}

/* The number of records written: 1, or 0 for what has none. */
static uint16_t put_answer(struct cursor *c, const struct question *q, unsigned number)
{
	uint8_t data[128];
	struct cursor d = cursor_writable(data, sizeof data);

	if (q->name_len == 0 || q->qclass != CLASS_IN)
		return 0;
	put_data(&d, q->qtype, number);
	if (cursor_pos(&d) == 0)
		return 0;
	cursor_put_u16(c, NAME_POINTER);
	cursor_put_u16(c, q->qtype);
	cursor_put_u16(c, q->qclass);
	cursor_put_u32(c, q->qtype == TYPE_TXT ? TXT_TTL_S : TTL_S);
	cursor_put_u16(c, (uint16_t)cursor_pos(&d));
	cursor_put(c, data, cursor_pos(&d));
	return 1;
}

static void put_opt(struct cursor *c, bool dnssec_ok)
{
	cursor_put_u8(c, 0); /* the root */
	cursor_put_u16(c, RRTYPE_OPT);
	cursor_put_u16(c, UDP_SIZE);
	cursor_put_u16(c, 0); /* extended rcode, version */
	cursor_put_u16(c, dnssec_ok ? 0x8000 : 0);
	cursor_put_u16(c, 0); /* no options */
}

size_t demo_server_reply(
	unsigned number, const uint8_t *query, size_t len, uint8_t out[DEMO_SERVER_REPLY_MAX])
{
	struct query_view view;
	struct cursor c = cursor_writable(out, DEMO_SERVER_REPLY_MAX);
	const uint16_t echoed = MESSAGE_OPCODE | MESSAGE_RD | MESSAGE_CD;

	if (query_parse(query, len, &view) != QUERY_FORWARD)
		return 0;
	bool is_query = header_opcode(view.header.flags) == OPCODE_QUERY;
	unsigned rcode = is_query ? RCODE_NOERROR : RCODE_NOTIMP; /* UPDATE, NOTIFY */

	cursor_put_u16(&c, view.header.id);
	cursor_put_u16(
		&c, (uint16_t)(MESSAGE_QR | MESSAGE_RA | (view.header.flags & echoed) | rcode));
	cursor_put_u16(&c, view.question.name_len ? 1 : 0);
	cursor_put_u16(&c, 0); /* answers: known below */
	cursor_put_u16(&c, 0);
	cursor_put_u16(&c, view.edns.offset ? 1 : 0);
	cursor_put(&c, query + MESSAGE_HEADER_BYTES, question_len(&view.question));
	uint16_t n_answer = is_query ? put_answer(&c, &view.question, number) : 0;
	if (view.edns.offset)
		put_opt(&c, view.edns.dnssec_ok);
	size_t reply_len = cursor_pos(&c);

	cursor_seek(&c, 6);
	cursor_put_u16(&c, n_answer);
	return cursor_ok(&c) ? reply_len : 0;
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* A reply that cannot be sent is lost, as on any network. */
static bool give_up(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	(void)ctx;
	(void)item;
	(void)error;
	(void)tries;
	return false;
}

/* One batch of one server; what is left in the socket makes it readable again at once. */
static void serve(struct demo_servers *d, size_t i)
{
	size_t n_replies = 0;

	for (unsigned s = 0; s < BATCH_MAX; s++)
		d->slots[s] = (struct inbox_slot){ .data = { d->queries[s] },
			.size = { QUERY_MAX } };
	int n = inbox_read(d->inbox, d->fds[i], d->slots, BATCH_MAX);

	for (int s = 0; s < n; s++) {
		const struct inbox_slot *slot = &d->slots[s];
		uint8_t *reply = d->replies[n_replies];
		size_t len = slot->is_cut ? 0
					  : demo_server_reply((unsigned)i + 1, d->queries[s],
						    slot->len, reply);

		if (len)
			d->items[n_replies++] = (struct outbox_item){
				.data = reply, .len = len, .to = slot->from
			};
	}
	outbox_send(d->outbox, d->fds[i], d->items, n_replies);
}

static void *run(void *arg)
{
	struct demo_servers *d = arg;
	struct poller_event events[POLLER_EVENTS_MAX];

	while (!atomic_load_explicit(&d->is_stopping, memory_order_relaxed)) {
		size_t n = poller_wait(d->poller, -1, events);

		for (size_t e = 0; e < n; e++) {
			if (events[e].tag < d->n) /* the other is the wake-up */
				serve(d, (size_t)events[e].tag);
		}
	}
	return NULL;
}

/* ---- start and stop ------------------------------------------------------------------------- */

static int bind_server(struct demo_servers *d, size_t i)
{
	const struct addr loopback = { .ip = { 127, 0, 0, 1 }, .family = AF_INET };
	const struct listen_options options = { .reuse_port = false };
	unsigned buffer;
	int rc = socket_listen(&loopback, &options, &d->fds[i], &buffer);

	if (rc == 0)
		rc = socket_local(d->fds[i], &d->addresses[i]);
	if (rc == 0)
		rc = poller_add(d->poller, d->fds[i], i);
	return rc;
}

static int start(struct demo_servers *d)
{
	int rc = poller_new(&d->poller);

	if (rc == 0)
		rc = inbox_new(false, &d->inbox);
	if (rc == 0)
		rc = outbox_new(give_up, NULL, &d->outbox);
	if (rc == 0)
		rc = wakeup_new(&d->wakeup_fd);
	if (rc == 0)
		rc = poller_add_edge(d->poller, d->wakeup_fd, d->n);
	for (size_t i = 0; i < d->n && rc == 0; i++)
		rc = bind_server(d, i);
	if (rc == 0)
		rc = thread_start(&d->thread, "demo-servers", run, d);
	d->is_running = rc == 0;
	return rc;
}

static void close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

int demo_servers_start(size_t n, struct demo_servers **servers_out)
{
	*servers_out = NULL;
	if (n < 1 || n > DEMO_SERVERS_MAX)
		return ERR_RANGE;
	struct demo_servers *d = calloc(1, sizeof *d);

	if (!d)
		return ERR_NOMEM;
	d->n = n;
	d->wakeup_fd = -1;
	d->fds = calloc(n, sizeof *d->fds);
	d->addresses = calloc(n, sizeof *d->addresses);
	for (size_t i = 0; d->fds && i < n; i++)
		d->fds[i] = -1;
	int rc = d->fds && d->addresses ? start(d) : ERR_NOMEM;

	if (rc != 0)
		demo_servers_stop(&d);
	*servers_out = d;
	return rc;
}

void demo_servers_stop(struct demo_servers **d)
{
	struct demo_servers *it = *d;

	*d = NULL;
	if (!it)
		return;
	if (it->is_running) {
		atomic_store_explicit(&it->is_stopping, true, memory_order_relaxed);
		wakeup_signal(it->wakeup_fd);
		pthread_join(it->thread, NULL);
	}
	for (size_t i = 0; it->fds && i < it->n; i++)
		close_fd(it->fds[i]);
	close_fd(it->wakeup_fd);
	outbox_free(&it->outbox);
	inbox_free(&it->inbox);
	poller_free(&it->poller);
	free(it->addresses);
	free(it->fds);
	free(it);
}

struct addr demo_servers_address(const struct demo_servers *d, size_t i)
{
	return d->addresses[i];
}
