/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Each datagram is read into a small buffer of the queue's stock, and what does not fit into it
 * into a spare piece behind; only a datagram that is really longer than 512 bytes is then copied
 * to a large one. What is dropped leaves its buffer in place for the next read. */
#include "core/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metric.h"
#include "base/rng.h"
#include "core/datagram.h"
#include "core/queue.h"
#include "core/shed.h"
#include "net/acl.h"
#include "net/batch.h"
#include "wire/message.h"
#include "wire/reply.h"

#define STAMP_MAX_AGE_NS (10 * CLOCK_NS_PER_S) /* older: the clock was set, the stamp is no use */
#define BACK_OFF_NS CLOCK_NS_PER_MS /* after an error that may pass: ENOMEM, ENOBUFS */
#define ACL_LOG_PERIOD_MS 60000
#define HELD_LOG_PERIOD_NS (60 * CLOCK_NS_PER_S)
#define HELD_LEAST_NS CLOCK_NS_PER_S /* not told of, if it is shorter */
#define SPARE_BYTES (DATAGRAM_LARGE_BYTES - DATAGRAM_SMALL_BYTES)
#define SPARE_DATAGRAM_BYTES (sizeof(struct datagram) + DATAGRAM_LARGE_BYTES)

struct intake {
	/* set at start */
	struct intake_params params;
	struct inbox **inboxes; /* one per socket: each keeps its socket's drop counter */
	struct inbox *foreign; /* for the sockets of others, whose drops they count; or NULL */
	struct outbox *outbox;
	uint8_t *spare; /* BATCH_MAX pieces for what exceeds a small buffer */

	/* owner only */
	struct datagram *stock[BATCH_MAX];
	struct inbox_slot slots[BATCH_MAX];
	unsigned n_stock; /* leading entries of stock and slots that can be read into */
	struct batch *batch; /* the one being filled */
	struct batch *light; /* the same for those who ask little, while others are held back */
	int64_t now_ns, real_ns; /* read once per batch */
	int64_t waited_ns; /* by the first datagram of the last batch */
	uint32_t *kernel_drops; /* per socket, as last seen */
	struct log_limit acl_limit;
	int64_t held_since_ns; /* clients are; 0: they are not */
	int64_t tell_held_ns;
	struct rng rng;
	struct fair fair;
	/* answers to what is shed, and the listener by which these leave */
	struct outbox_item items[BATCH_MAX];
	unsigned n_items;
	uint16_t answer_by;
	uint8_t replies[BATCH_MAX][REPLY_SELF_MAX];
	struct datagram *spare_datagram; /* a large one, for what is shed for want of one */
};

static void count(struct intake *in, enum metric_id id)
{
	metric_add(in->params.metrics, id, 1);
}

/* When the kernel received it, on our clock. */
static int64_t arrival_ns(const struct intake *in, const struct inbox_slot *slot)
{
	int64_t age_ns = in->real_ns - slot->stamp_ns;

	if (slot->stamp_ns == 0 || age_ns < 0 || age_ns > STAMP_MAX_AGE_NS)
		return in->now_ns;
	return in->now_ns - age_ns;
}

static void log_acl(struct intake *in, const struct addr *client)
{
	char text[ADDR_TEXT_MAX];

	/* an address is text only for the line that is written: a scope's name is asked of the kernel */
	if (!log_is_due(&in->acl_limit, in->now_ns, LOG_LEVEL_NOTICE))
		return;
	log_limited(&in->acl_limit, in->now_ns, ACL_LOG_PERIOD_MS, LOG_LEVEL_NOTICE,
		"dropped a query from %s: outside the acl", addr_format(client, text, sizeof text));
}

/* Is it worth a worker's time? Counts why not. */
static bool is_wanted(struct intake *in, const struct inbox_slot *slot, const uint8_t *data)
{
	count(in, METRIC_queries);
	if (slot->is_cut) {
		count(in, METRIC_dropped_oversize);
	} else if (slot->is_control_cut) {
		count(in, METRIC_dropped_control);
	} else if (slot->from.port == 0) {
		/* RFC 768: whoever sends so expects no answer */
		count(in, METRIC_dropped_portless);
	} else if (!acl_allows(in->params.acl, &slot->from)) {
		count(in, METRIC_dropped_acl);
		log_acl(in, &slot->from);
	} else if (slot->len < MESSAGE_HEADER_BYTES) {
		count(in, METRIC_dropped_short);
	} else if (data[2] & MESSAGE_QR >> 8) {
		count(in, METRIC_dropped_response);
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
	struct intake *in, struct datagram *d, const struct inbox_slot *slot, uint16_t listener)
{
	d->origin = (struct origin){ .client = slot->from, .listener = listener };
	if (slot->has_local) {
		d->origin.has_local = true;
		memcpy(d->origin.local_ip, slot->local_ip, sizeof d->origin.local_ip);
	}
	if (addr_is_link_local(&slot->from))
		d->origin.ifindex = slot->ifindex;
	d->arrival_ns = arrival_ns(in, slot);
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

static void flush_answers(struct intake *in)
{
	if (in->n_items > 0)
		outbox_send(
			in->outbox, in->params.listen_fds[in->answer_by], in->items, in->n_items);
	in->n_items = 0;
}

/* Answers it, if that is configured, with the next flush at the latest. */
static void shed(struct intake *in, const struct datagram *d, enum metric_id cause)
{
	count(in, cause);
	if (in->params.on_overload == ON_OVERLOAD_DROP)
		return;
	if (in->n_items == BATCH_MAX || d->origin.listener != in->answer_by)
		flush_answers(in);
	in->answer_by = d->origin.listener;
	uint8_t *reply = in->replies[in->n_items];
	size_t len = shed_reply(
		d, in->params.on_overload, in->params.udp_reply_max, reply, REPLY_SELF_MAX);

	if (len == 0)
		return;
	count(in, METRIC_shed_answered);
	in->items[in->n_items++] = item_to(&d->origin, reply, len);
}

/* What the queue pushed out: counted, answered, returned. */
static void shed_list(struct intake *in, struct batch *list)
{
	for (const struct batch *b = list; b; b = b->next) {
		for (unsigned i = 0; i < b->n; i++)
			shed(in, b->datagrams[i],
				b->is_late ? METRIC_shed_delay : METRIC_shed_queue);
	}
	flush_answers(in);
	queue_give_back(in->params.queue, list);
}

/* One that is over the fair level, or too long for the buffers there are. */
static void shed_slot(struct intake *in, unsigned i, uint16_t listener, enum metric_id cause)
{
	const struct inbox_slot *slot = &in->slots[i];
	struct datagram *d = in->stock[i];

	if (slot->len > DATAGRAM_SMALL_BYTES) {
		d = in->spare_datagram;
		join(d, slot);
	}
	fill(in, d, slot, listener);
	shed(in, d, cause);
}

static struct batch *batch_for(struct intake *in, enum fair_verdict verdict)
{
	if (verdict != FAIR_LIGHT)
		return in->batch;
	if (!in->light)
		queue_stock(in->params.queue, NULL, 0, &in->light);
	if (!in->light)
		return in->batch; /* the stock is being trimmed */
	in->light->is_light = true;
	return in->light;
}

/* Has it waited in the socket for so long that while clients are held back it is not served any more?
 * What is shed before it is judged costs its client none of what the newer ones may. */
static bool is_late(const struct intake *in, const struct inbox_slot *slot)
{
	return in->now_ns - arrival_ns(in, slot) >
	       QUEUE_RATIONED_TARGETS * in->params.fair.target_ns;
}

static void keep(struct intake *in, unsigned i, uint16_t listener, bool sheds_late)
{
	const struct inbox_slot *slot = &in->slots[i];
	struct datagram *d = in->stock[i];

	if (!is_wanted(in, slot, d->data))
		return;
	enum fair_verdict verdict = fair_judge(
		&in->fair, &slot->from, sheds_late && is_late(in, slot));
	if (verdict == FAIR_SHED || verdict == FAIR_LATE) {
		shed_slot(in, i, listener,
			verdict == FAIR_SHED ? METRIC_shed_fair : METRIC_shed_delay);
		return;
	}
	if (slot->len <= DATAGRAM_SMALL_BYTES) {
		in->stock[i] = NULL; /* goes with the batch */
	} else if ((d = queue_take_large(in->params.queue))) {
		join(d, slot);
	} else {
		shed_slot(in, i, listener, METRIC_shed_queue);
		return;
	}
	fill(in, d, slot, listener);
	struct batch *b = batch_for(in, verdict);
	b->datagrams[b->n++] = d;
}

static bool answer_failed(void *ctx, const struct outbox_item *item, int error, unsigned tries)
{
	struct intake *in = ctx;

	(void)item;
	(void)error;
	(void)tries;
	count(in, METRIC_answer_errors);
	return false;
}

/* False: there is nothing to read into right now (another thread is trimming the stock). */
static bool restock(struct intake *in)
{
	queue_stock(in->params.queue, in->stock, BATCH_MAX, &in->batch);
	for (in->n_stock = 0; in->n_stock < BATCH_MAX && in->stock[in->n_stock]; in->n_stock++)
		in->slots[in->n_stock].data[0] = in->stock[in->n_stock]->data;
	return in->n_stock > 0 && in->batch;
}

static void push(struct intake *in, struct batch **b)
{
	if (!*b || (*b)->n == 0)
		return;
	count(in, METRIC_batches);
	(*b)->is_rationed = fair_is_rationing(&in->fair);
	struct batch *pushed_out = queue_push(in->params.queue, *b, in->now_ns);
	*b = NULL;
	if (pushed_out)
		shed_list(in, pushed_out);
}

static void note_kernel_drops(struct intake *in, size_t socket)
{
	uint32_t drops = inbox_kernel_drops(in->inboxes[socket]);

	metric_add(in->params.metrics, METRIC_kernel_drops, drops - in->kernel_drops[socket]);
	in->kernel_drops[socket] = drops;
}

/* An error of the socket. What cannot go away by reading on is given a moment. */
static void read_failed(struct intake *in)
{
	count(in, METRIC_receive_errors);
	if (errno == ENOMEM || errno == ENOBUFS)
		clock_pause_ns(BACK_OFF_NS);
}

/* Who, once a minute: somebody will have to be called. */
static void tell_held_back(struct intake *in)
{
	char text[ADDR_TEXT_MAX];
	struct fair_held held;

	if (!fair_is_rationing(&in->fair)) {
		in->held_since_ns = 0;
		return;
	}
	if (in->held_since_ns == 0)
		in->held_since_ns = in->now_ns;
	if (in->now_ns - in->held_since_ns < HELD_LEAST_NS || in->now_ns < in->tell_held_ns ||
		!fair_held_back(&in->fair, &held))
		return;
	in->tell_held_ns = in->now_ns + HELD_LOG_PERIOD_NS;
	log_warning("overloaded: client prefixes are let in with at most %.0f queries a second each, "
		    "which holds back %u; %s/%u asks for most, %.0f",
		held.level, held.n, addr_format(&held.prefix, text, sizeof text), held.bits,
		held.asked);
}

static void look_at_queue(struct intake *in)
{
	struct queue_load load;

	if (!fair_is_due(&in->fair, in->now_ns))
		return;
	queue_look(in->params.queue, &load);
	fair_tick(&in->fair, &load, in->now_ns);
	tell_held_back(in);
}

/* The rest of what happens to n datagrams that were just read; has_newer: more of them will be. */
static void take_in(struct intake *in, unsigned n, uint16_t listener, bool has_newer)
{
	if (n > 0)
		in->waited_ns = in->now_ns - arrival_ns(in, &in->slots[0]);
	look_at_queue(in);
	bool sheds_late = has_newer && fair_is_rationing(&in->fair);
	for (unsigned i = 0; i < n; i++)
		keep(in, i, listener, sheds_late);
	flush_answers(in);
	push(in, &in->light);
	push(in, &in->batch);
}

/* One batch from one socket; false: it is empty. Of the last one of a turn nothing is late: the workers
 * are not to run dry, however far behind its reader is. */
static bool read_batch(struct intake *in, size_t socket, bool is_last)
{
	if (!restock(in)) {
		clock_pause_ns(BACK_OFF_NS);
		return true;
	}
	int n = inbox_read(in->inboxes[socket], in->params.fds[socket], in->slots, in->n_stock);
	if (n < 0) {
		read_failed(in);
		return true;
	}
	clock_both_ns(&in->now_ns, &in->real_ns);
	note_kernel_drops(in, socket);
	bool has_more = (unsigned)n == in->n_stock;
	take_in(in, (unsigned)n, in->params.listeners[socket], has_more && !is_last);
	return has_more;
}

bool intake_read(struct intake *in, size_t socket, unsigned batches)
{
	for (unsigned i = 0; i < batches; i++) {
		if (!read_batch(in, socket, i + 1 == batches))
			return false;
	}
	return true;
}

bool intake_steal(struct intake *in, int fd, uint16_t listener, int64_t age_ns)
{
	clock_both_ns(&in->now_ns, &in->real_ns);
	if (inbox_waiting_ns(in->foreign, fd, in->real_ns) <= age_ns || !restock(in))
		return false;
	int n = inbox_read(in->foreign, fd, in->slots, in->n_stock);
	if (n <= 0)
		return false; /* its owner was quicker, and sees to errors */
	clock_both_ns(&in->now_ns, &in->real_ns);
	metric_add(in->params.metrics, METRIC_stolen, (uint64_t)n);
	take_in(in, (unsigned)n, listener, false);
	return true;
}

int64_t intake_waited_ns(const struct intake *in)
{
	return in->waited_ns;
}

bool intake_is_rationing(const struct intake *in)
{
	return fair_is_rationing(&in->fair);
}

static int make_parts(struct intake *in)
{
	const struct intake_params *p = &in->params;
	int rc;

	in->spare = malloc((size_t)BATCH_MAX * SPARE_BYTES);
	in->spare_datagram = malloc(SPARE_DATAGRAM_BYTES);
	in->kernel_drops = calloc(p->n_fds, sizeof *in->kernel_drops);
	in->inboxes = calloc(p->n_fds, sizeof *in->inboxes);
	if (!in->spare || !in->spare_datagram || !in->kernel_drops || !in->inboxes)
		return ERR_NOMEM;
	for (size_t i = 0; i < p->n_fds; i++) {
		if ((rc = inbox_new(true, &in->inboxes[i])) < 0)
			return rc;
	}
	if (p->steals && (rc = inbox_new(true, &in->foreign)) < 0)
		return rc;
	return outbox_new(answer_failed, in, &in->outbox);
}

int intake_new(const struct intake_params *params, struct intake **intake_out)
{
	struct intake *in = alloc_lines(1, sizeof *in);

	if (!in)
		return ERR_NOMEM;
	in->params = *params;
	in->params.fair.rng = &in->rng;
	rng_init(&in->rng);
	fair_init(&in->fair, &in->params.fair);
	int rc = make_parts(in);
	if (rc < 0) {
		intake_free(&in);
		return rc;
	}
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		in->slots[i].size[0] = DATAGRAM_SMALL_BYTES;
		in->slots[i].data[1] = in->spare + (size_t)i * SPARE_BYTES;
		in->slots[i].size[1] = SPARE_BYTES;
	}
	*intake_out = in;
	return 0;
}

void intake_free(struct intake **inp)
{
	struct intake *in = *inp;

	if (!in)
		return;
	for (size_t i = 0; in->inboxes && i < in->params.n_fds; i++)
		inbox_free(&in->inboxes[i]);
	free(in->inboxes);
	inbox_free(&in->foreign);
	outbox_free(&in->outbox);
	free(in->spare);
	free(in->spare_datagram);
	free(in->kernel_drops);
	free(in); /* its stock goes with the queue */
	*inp = NULL;
}

void intake_memory(
	const struct intake_params *p, struct memory_use *buffers, struct memory_use *clients)
{
	const struct intake *in = NULL; /* for its members' sizes */
	size_t n_inboxes = p->n_fds + (p->steals ? 1 : 0);

	memory_add_fixed(clients, sizeof in->fair);
	memory_add_fixed(buffers,
		sizeof *in - sizeof in->fair + (size_t)BATCH_MAX * SPARE_BYTES +
			SPARE_DATAGRAM_BYTES + outbox_bytes() + n_inboxes * inbox_bytes(true) +
			p->n_fds * (sizeof *in->kernel_drops + sizeof *in->inboxes));
}
