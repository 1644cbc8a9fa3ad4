/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Each datagram is read into a small buffer of the queue's stock, and what does not fit into it
 * into a spare piece behind; only a datagram that is really longer than 512 bytes is then copied
 * to a large one. What is dropped leaves its buffer in place for the next read. */
#include "core/receiver.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/thread.h"
#include "core/datagram.h"
#include "core/queue.h"
#include "core/shed.h"
#include "net/acl.h"
#include "net/batch.h"
#include "net/poller.h"
#include "wire/message.h"
#include "wire/reply.h"

#define WAKE_TAG UINT64_MAX
#define BATCHES_PER_WAKE 4 /* of one socket, then the others get their turn */
#define STAMP_MAX_AGE_NS (10 * CLOCK_NS_PER_S) /* older: the clock was set, the stamp is no use */
#define BACK_OFF_NS CLOCK_NS_PER_MS /* after an error that may pass: ENOMEM, ENOBUFS */
#define ACL_LOG_PERIOD_MS 60000
#define SPARE_BYTES (DATAGRAM_LARGE_BYTES - DATAGRAM_SMALL_BYTES)
#define SPARE_DATAGRAM_BYTES (sizeof(struct datagram) + DATAGRAM_LARGE_BYTES)
#define DRAIN_BATCHES 2048 /* at the end: more than a socket's buffer of 8 MiB holds */

struct receiver {
	/* set at start */
	struct receiver_params params;
	pthread_t id;
	bool is_started;
	int wakeup_fd;
	struct poller *poller;
	struct inbox **inboxes; /* one per socket: each keeps its socket's drop counter */
	struct outbox *outbox;
	uint8_t *spare; /* BATCH_MAX pieces for what exceeds a small buffer */

	/* owner only */
	struct datagram *stock[BATCH_MAX];
	struct inbox_slot slots[BATCH_MAX];
	unsigned n_stock; /* leading entries of stock and slots that can be read into */
	struct batch *batch; /* the one being filled */
	struct batch *light; /* the same for those who ask little, while others are held back */
	int64_t now_ns, real_ns; /* read once per batch */
	uint32_t *kernel_drops; /* per socket, as last seen */
	struct log_limit acl_limit;
	struct rng rng;
	struct fair fair;
	/* answers to what is shed, and the listener by which these leave */
	struct outbox_item items[BATCH_MAX];
	unsigned n_items;
	uint16_t answer_by;
	uint8_t replies[BATCH_MAX][REPLY_SELF_MAX];
	struct datagram *spare_datagram; /* a large one, for what is shed for want of one */

	/* atomic, relaxed */
	alignas(64) _Atomic bool is_stopping;
};

static void count(struct receiver *r, enum metric_id id)
{
	metric_add(r->params.metrics, id, 1);
}

/* When the kernel received it, on our clock. */
static int64_t arrival_ns(const struct receiver *r, const struct inbox_slot *slot)
{
	int64_t age_ns = r->real_ns - slot->stamp_ns;

	if (slot->stamp_ns == 0 || age_ns < 0 || age_ns > STAMP_MAX_AGE_NS)
		return r->now_ns;
	return r->now_ns - age_ns;
}

static void log_acl(struct receiver *r, const struct addr *client)
{
	char text[ADDR_TEXT_MAX];

	log_limited(&r->acl_limit, r->now_ns, ACL_LOG_PERIOD_MS, LOG_LEVEL_NOTICE,
		"dropped a query from %s: outside the acl", addr_format(client, text, sizeof text));
}

/* Is it worth a worker's time? Counts why not. */
static bool is_wanted(struct receiver *r, const struct inbox_slot *slot, const uint8_t *data)
{
	count(r, METRIC_queries);
	if (slot->is_cut) {
		count(r, METRIC_dropped_oversize);
	} else if (slot->is_control_cut) {
		count(r, METRIC_dropped_control);
	} else if (!acl_allows(r->params.acl, &slot->from)) {
		count(r, METRIC_dropped_acl);
		log_acl(r, &slot->from);
	} else if (slot->len < MESSAGE_HEADER_BYTES) {
		count(r, METRIC_dropped_short);
	} else if (data[2] & MESSAGE_QR >> 8) {
		count(r, METRIC_dropped_response);
	} else {
		return true;
	}
	return false;
}

/* Makes a long datagram one piece in a large buffer; the small one stays in stock. */
static void join(struct datagram *large, const struct inbox_slot *slot)
{
	memcpy(large->data, slot->data[0], DATAGRAM_SMALL_BYTES);
	memcpy(large->data + DATAGRAM_SMALL_BYTES, slot->data[1], slot->len - DATAGRAM_SMALL_BYTES);
}

static void fill(
	struct receiver *r, struct datagram *d, const struct inbox_slot *slot, uint16_t listener)
{
	d->origin = (struct origin){ .client = slot->from, .listener = listener };
	if (slot->has_local) {
		d->origin.has_local = true;
		memcpy(d->origin.local_ip, slot->local_ip, sizeof d->origin.local_ip);
	}
	if (addr_is_link_local(&slot->from))
		d->origin.ifindex = slot->ifindex;
	d->arrival_ns = arrival_ns(r, slot);
	d->len = (uint16_t)slot->len;
}

static struct outbox_item item_to(const struct origin *origin, const uint8_t *data, size_t len)
{
	struct outbox_item item = {
		.data = data,
		.len = len,
		.to = origin->client,
		.ifindex = origin->ifindex,
		.has_local = origin->has_local,
	};

	memcpy(item.local_ip, origin->local_ip, sizeof item.local_ip);
	return item;
}

static void flush_answers(struct receiver *r)
{
	if (r->n_items > 0)
		outbox_send(r->outbox, r->params.listen_fds[r->answer_by], r->items, r->n_items);
	r->n_items = 0;
}

/* Answers it, if that is configured, with the next flush at the latest. */
static void shed(struct receiver *r, const struct datagram *d, enum metric_id cause)
{
	count(r, cause);
	if (r->params.on_overload == ON_OVERLOAD_DROP)
		return;
	if (r->n_items == BATCH_MAX || d->origin.listener != r->answer_by)
		flush_answers(r);
	r->answer_by = d->origin.listener;
	uint8_t *reply = r->replies[r->n_items];
	size_t len = shed_reply(
		d, r->params.on_overload, r->params.udp_reply_max, reply, REPLY_SELF_MAX);

	if (len == 0)
		return;
	count(r, METRIC_shed_answered);
	r->items[r->n_items++] = item_to(&d->origin, reply, len);
}

/* What the queue pushed out: counted, answered, returned. */
static void shed_list(struct receiver *r, struct batch *list)
{
	for (const struct batch *b = list; b; b = b->next) {
		for (unsigned i = 0; i < b->n; i++)
			shed(r, b->datagrams[i],
				b->is_late ? METRIC_shed_delay : METRIC_shed_queue);
	}
	flush_answers(r);
	queue_give_back(r->params.queue, list);
}

/* One that is over the fair level, or too long for the buffers there are. */
static void shed_slot(struct receiver *r, unsigned i, uint16_t listener, enum metric_id cause)
{
	const struct inbox_slot *slot = &r->slots[i];
	struct datagram *d = r->stock[i];

	if (slot->len > DATAGRAM_SMALL_BYTES) {
		d = r->spare_datagram;
		join(d, slot);
	}
	fill(r, d, slot, listener);
	shed(r, d, cause);
}

static struct batch *batch_for(struct receiver *r, enum fair_verdict verdict)
{
	if (verdict != FAIR_LIGHT)
		return r->batch;
	if (!r->light)
		queue_stock(r->params.queue, NULL, 0, &r->light);
	if (!r->light)
		return r->batch; /* the stock is being trimmed */
	r->light->is_light = true;
	return r->light;
}

static void keep(struct receiver *r, unsigned i, uint16_t listener)
{
	const struct inbox_slot *slot = &r->slots[i];
	struct datagram *d = r->stock[i];

	if (!is_wanted(r, slot, d->data))
		return;
	enum fair_verdict verdict = fair_judge(&r->fair, &slot->from);
	if (verdict == FAIR_SHED) {
		shed_slot(r, i, listener, METRIC_shed_fair);
		return;
	}
	if (slot->len <= DATAGRAM_SMALL_BYTES) {
		r->stock[i] = NULL; /* goes with the batch */
	} else if ((d = queue_take_large(r->params.queue))) {
		join(d, slot);
	} else {
		shed_slot(r, i, listener, METRIC_shed_queue);
		return;
	}
	fill(r, d, slot, listener);
	struct batch *b = batch_for(r, verdict);
	b->datagrams[b->n++] = d;
}

static bool answer_failed(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	struct receiver *r = ctx;

	(void)item;
	(void)error;
	(void)tries;
	count(r, METRIC_answer_errors);
	return false;
}

/* False: there is nothing to read into right now (another thread is trimming the stock). */
static bool restock(struct receiver *r)
{
	queue_stock(r->params.queue, r->stock, BATCH_MAX, &r->batch);
	for (r->n_stock = 0; r->n_stock < BATCH_MAX && r->stock[r->n_stock]; r->n_stock++)
		r->slots[r->n_stock].data[0] = r->stock[r->n_stock]->data;
	return r->n_stock > 0 && r->batch;
}

static void push(struct receiver *r, struct batch **b)
{
	if (!*b || (*b)->n == 0)
		return;
	count(r, METRIC_batches);
	(*b)->is_rationed = fair_is_rationing(&r->fair);
	struct batch *pushed_out = queue_push(r->params.queue, *b, r->now_ns);
	*b = NULL;
	if (pushed_out)
		shed_list(r, pushed_out);
}

static void note_kernel_drops(struct receiver *r, size_t socket)
{
	uint32_t drops = inbox_kernel_drops(r->inboxes[socket]);

	metric_add(r->params.metrics, METRIC_kernel_drops, drops - r->kernel_drops[socket]);
	r->kernel_drops[socket] = drops;
}

/* An error of the socket. What cannot go away by reading on is given a moment. */
static void read_failed(struct receiver *r)
{
	count(r, METRIC_receive_errors);
	if (errno == ENOMEM || errno == ENOBUFS)
		clock_pause_ns(BACK_OFF_NS);
}

static void look_at_queue(struct receiver *r)
{
	struct queue_load load;

	if (!fair_is_due(&r->fair, r->now_ns))
		return;
	queue_look(r->params.queue, &load);
	fair_tick(&r->fair, &load, r->now_ns);
}

/* One batch from one socket; false: it is empty. */
static bool read_batch(struct receiver *r, size_t socket)
{
	if (!restock(r)) {
		clock_pause_ns(BACK_OFF_NS);
		return true;
	}
	int n = inbox_read(r->inboxes[socket], r->params.fds[socket], r->slots, r->n_stock);
	if (n < 0) {
		read_failed(r);
		return true;
	}
	clock_both_ns(&r->now_ns, &r->real_ns);
	note_kernel_drops(r, socket);
	look_at_queue(r);
	for (int i = 0; i < n; i++)
		keep(r, (unsigned)i, r->params.listeners[socket]);
	flush_answers(r);
	push(r, &r->light);
	push(r, &r->batch);
	return (unsigned)n == r->n_stock;
}

static void read_socket(struct receiver *r, size_t socket, int batches)
{
	for (int i = 0; i < batches; i++) {
		if (!read_batch(r, socket))
			return;
	}
}

static void *run(void *arg)
{
	struct receiver *r = arg;
	struct poller_event events[POLLER_EVENTS_MAX];

	while (!atomic_load_explicit(&r->is_stopping, memory_order_relaxed)) {
		size_t n = poller_wait(r->poller, -1, events);

		count(r, METRIC_wakeups);
		for (size_t i = 0; i < n; i++) {
			if (events[i].tag != WAKE_TAG)
				read_socket(r, (size_t)events[i].tag, BATCHES_PER_WAKE);
		}
	}
	/* What the kernel has taken in by now is still served. Bounded: a flood must not hold us. */
	for (size_t s = 0; s < r->params.n_fds; s++)
		read_socket(r, s, DRAIN_BATCHES);
	return NULL;
}

static int make_parts(struct receiver *r)
{
	const struct receiver_params *p = &r->params;
	int rc;

	r->spare = malloc((size_t)BATCH_MAX * SPARE_BYTES);
	r->spare_datagram = malloc(SPARE_DATAGRAM_BYTES);
	r->kernel_drops = calloc(p->n_fds, sizeof *r->kernel_drops);
	r->inboxes = calloc(p->n_fds, sizeof *r->inboxes);
	if (!r->spare || !r->spare_datagram || !r->kernel_drops || !r->inboxes)
		return ERR_NOMEM;
	if ((rc = wakeup_new(&r->wakeup_fd)) < 0 || (rc = poller_new(&r->poller)) < 0 ||
		(rc = poller_add_edge(r->poller, r->wakeup_fd, WAKE_TAG)) < 0 ||
		(rc = outbox_new(answer_failed, r, &r->outbox)) < 0)
		return rc;
	for (size_t i = 0; i < p->n_fds; i++) {
		if ((rc = inbox_new(true, &r->inboxes[i])) < 0 ||
			(rc = poller_add(r->poller, p->fds[i], i)) < 0)
			return rc;
	}
	return 0;
}

int receiver_new(const struct receiver_params *params, struct receiver **receiver_out)
{
	struct receiver *r = aligned_alloc(64, (sizeof *r + 63) / 64 * 64);

	if (!r)
		return ERR_NOMEM;
	memset(r, 0, sizeof *r);
	r->params = *params;
	r->wakeup_fd = -1;
	r->params.fair.rng = &r->rng;
	rng_init(&r->rng);
	fair_init(&r->fair, &r->params.fair);
	int rc = make_parts(r);
	if (rc < 0) {
		receiver_free(&r);
		return rc;
	}
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		r->slots[i].size[0] = DATAGRAM_SMALL_BYTES;
		r->slots[i].data[1] = r->spare + (size_t)i * SPARE_BYTES;
		r->slots[i].size[1] = SPARE_BYTES;
	}
	*receiver_out = r;
	return 0;
}

void receiver_free(struct receiver **rp)
{
	struct receiver *r = *rp;

	if (!r)
		return;
	for (size_t i = 0; r->inboxes && i < r->params.n_fds; i++)
		inbox_free(&r->inboxes[i]);
	free(r->inboxes);
	if (r->wakeup_fd != -1)
		close(r->wakeup_fd);
	poller_free(&r->poller);
	outbox_free(&r->outbox);
	free(r->spare);
	free(r->spare_datagram);
	free(r->kernel_drops);
	free(r); /* its stock goes with the queue */
	*rp = NULL;
}

void receiver_memory(size_t n_fds, struct memory_use *buffers, struct memory_use *clients)
{
	const struct receiver *r = NULL; /* for its members' sizes */

	memory_add_fixed(clients, sizeof r->fair);
	memory_add_fixed(buffers,
		sizeof *r - sizeof r->fair + (size_t)BATCH_MAX * SPARE_BYTES +
			SPARE_DATAGRAM_BYTES + poller_bytes() + outbox_bytes() +
			n_fds * (sizeof *r->kernel_drops + sizeof *r->inboxes + inbox_bytes(true)));
}

int receiver_start(struct receiver *r)
{
	char name[16];

	snprintf(name, sizeof name, "receiver-%u", r->params.number);
	int rc = thread_start(&r->id, name, run, r);
	r->is_started = rc == 0;
	return rc;
}

void receiver_stop(struct receiver *r)
{
	atomic_store_explicit(&r->is_stopping, true, memory_order_relaxed);
	wakeup_signal(r->wakeup_fd);
}

void receiver_join(struct receiver *r)
{
	if (r->is_started)
		pthread_join(r->id, NULL);
	r->is_started = false;
}
