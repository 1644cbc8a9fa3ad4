/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Both sides keep their message headers ready: what never changes is set at creation, and a call
 * fills in only what the kernel or the caller changes. Position i of every array belongs to
 * header i. */
#include "net/batch.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

/* A socket sends one of the two packet informations; counting both leaves room to spare, so
 * MSG_CTRUNC means an option that we did not ask for. */
#define INBOX_CONTROL_SIZE \
	(CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct in_pktinfo)) + \
		CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t)))
#define OUTBOX_CONTROL_SIZE (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

#define TRIES_MAX 2 /* of one datagram: an error may be an older one's, two are its own */
#define ROOM_WAIT_MS 1
#define JOIN_BYTES_MAX \
	1200 /* each: larger ones might not fit the path, and a message is not cut in two ways */

/* ---- reading ---------------------------------------------------------------------------- */

struct inbox_control {
	_Alignas(struct cmsghdr) char bytes[INBOX_CONTROL_SIZE];
};

struct inbox {
	bool with_control; /* set at creation */
	struct inbox_slot *kept; /* owner: from here on; NULL: every read has its own slots */
	uint32_t kernel_drops;
	struct mmsghdr headers[BATCH_MAX];
	struct iovec pieces[BATCH_MAX][2];
	struct sockaddr_storage names[BATCH_MAX];
	struct inbox_control controls[]; /* BATCH_MAX of them, or none */
};

size_t inbox_bytes(bool with_control)
{
	size_t n_controls = with_control ? BATCH_MAX : 0;

	return sizeof(struct inbox) + n_controls * sizeof(struct inbox_control);
}

int inbox_new(bool with_control, struct inbox **inbox_out)
{
	struct inbox *in = calloc(1, inbox_bytes(with_control));

	if (in == NULL)
		return ERR_NOMEM;
	in->with_control = with_control;
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		struct msghdr *header = &in->headers[i].msg_hdr;

		header->msg_name = &in->names[i];
		header->msg_iov = in->pieces[i];
		header->msg_control = with_control ? in->controls[i].bytes : NULL;
	}
	*inbox_out = in;
	return 0;
}

void inbox_free(struct inbox **in)
{
	free(*in);
	*in = NULL;
}

/* What the kernel writes over when it fills the header. */
static void renew_header(struct inbox *in, unsigned i)
{
	struct msghdr *header = &in->headers[i].msg_hdr;

	header->msg_namelen = sizeof(in->names[i]);
	header->msg_controllen = in->with_control ? sizeof(in->controls[i].bytes) : 0;
}

static void prepare_header(struct inbox *in, unsigned i, const struct inbox_slot *slot)
{
	in->pieces[i][0] = (struct iovec){ slot->data[0], slot->size[0] };
	in->pieces[i][1] = (struct iovec){ slot->data[1], slot->size[1] };
	in->headers[i].msg_hdr.msg_iovlen = slot->size[1] != 0 ? 2 : 1;
	renew_header(in, i);
}

static void read_stamp(const struct cmsghdr *c, struct inbox_slot *slot)
{
	struct timespec stamp;

	memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
	slot->stamp_ns = (int64_t)stamp.tv_sec * CLOCK_NS_PER_S + stamp.tv_nsec;
}

/* ipi_spec_dst, not ipi_addr: the same for a datagram to one of our addresses, and for a broadcast
 * the address that may answer it. */
static void read_local_v4(const struct cmsghdr *c, struct inbox_slot *slot)
{
	struct in_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	slot->ifindex = (uint32_t)info.ipi_ifindex;
	slot->has_local = info.ipi_spec_dst.s_addr != htonl(INADDR_ANY);
	memcpy(slot->local_ip, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
}

/* A multicast address cannot be a source: its datagrams are answered from what routing picks. */
static void read_local_v6(const struct cmsghdr *c, struct inbox_slot *slot)
{
	struct in6_pktinfo info;

	memcpy(&info, CMSG_DATA(c), sizeof(info));
	slot->ifindex = info.ipi6_ifindex;
	slot->has_local = !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
	if (slot->has_local)
		memcpy(slot->local_ip, &info.ipi6_addr, sizeof(info.ipi6_addr));
}

static void read_control(struct inbox *in, struct msghdr *header, struct inbox_slot *slot)
{
	/* without a drop the kernel sends no counter; cut control data prove nothing */
	if (!slot->is_control_cut)
		in->kernel_drops = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			read_stamp(c, slot);
		else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
			memcpy(&in->kernel_drops, CMSG_DATA(c), sizeof(in->kernel_drops));
		else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			read_local_v4(c, slot);
		else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			read_local_v6(c, slot);
	}
}

static void fill_slot(struct inbox *in, unsigned i, struct inbox_slot *slot)
{
	struct msghdr *header = &in->headers[i].msg_hdr;

	slot->len = in->headers[i].msg_len;
	if (!addr_from_sockaddr(&in->names[i], &slot->from))
		slot->from = (struct addr){ 0 };
	slot->stamp_ns = 0;
	memset(slot->local_ip, 0, sizeof(slot->local_ip));
	slot->ifindex = 0;
	slot->has_local = false;
	slot->is_cut = (header->msg_flags & MSG_TRUNC) != 0;
	slot->is_control_cut = in->with_control && (header->msg_flags & MSG_CTRUNC) != 0;
	if (in->with_control)
		read_control(in, header, slot);
}

/* Reads by n headers that are prepared, from number `first` on; their slots are those from `slots` on. */
static int read_prepared(
	struct inbox *in, int fd, unsigned first, struct inbox_slot *slots, unsigned n)
{
	int got;

	do
		got = recvmmsg(fd, &in->headers[first], n, MSG_DONTWAIT, NULL);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : ERR_SYSTEM;
	for (unsigned i = 0; i < (unsigned)got; i++)
		fill_slot(in, first + i, &slots[i]);
	return got;
}

int inbox_read(struct inbox *in, int fd, struct inbox_slot *slots, unsigned n)
{
	if (n > BATCH_MAX)
		n = BATCH_MAX;
	for (unsigned i = 0; i < n; i++)
		prepare_header(in, i, &slots[i]);
	return read_prepared(in, fd, 0, slots, n);
}

void inbox_keep(struct inbox *in, struct inbox_slot *slots)
{
	in->kept = slots;
	for (unsigned i = 0; i < BATCH_MAX; i++)
		prepare_header(in, i, &slots[i]);
}

/* Into one piece. recvmmsg would look for a second datagram, and carry headers both ways. */
static int read_one(struct inbox *in, int fd, unsigned i)
{
	const struct inbox_slot *slot = &in->kept[i];
	struct mmsghdr *header = &in->headers[i]; /* what fill_slot looks at */
	ssize_t len;

	do {
		socklen_t name_len = sizeof(in->names[i]);

		len = recvfrom(fd, slot->data[0], slot->size[0], MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)&in->names[i], &name_len);
	} while (len == -1 && errno == EINTR);
	if (len == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : ERR_SYSTEM;
	bool is_cut = (size_t)len > slot->size[0];

	header->msg_len = (unsigned)(is_cut ? slot->size[0] : (size_t)len);
	header->msg_hdr.msg_flags = is_cut ? MSG_TRUNC : 0;
	fill_slot(in, i, &in->kept[i]);
	return 1;
}

int inbox_read_kept(struct inbox *in, int fd, unsigned first, unsigned n)
{
	if (n == 1 && !in->with_control && in->kept[first].size[1] == 0)
		return read_one(in, fd, first);
	int got = read_prepared(in, fd, first, &in->kept[first], n);

	for (unsigned i = 0; got > 0 && i < (unsigned)got; i++)
		renew_header(in, first + i);
	return got;
}

int64_t inbox_waiting_ns(struct inbox *in, int fd, int64_t real_ns)
{
	struct inbox_slot slot = { 0 }; /* no room for data: it is not what is asked */
	ssize_t got;

	prepare_header(in, 0, &slot);
	do
		got = recvmsg(fd, &in->headers[0].msg_hdr, MSG_DONTWAIT | MSG_PEEK);
	while (got == -1 && errno == EINTR);
	if (got == -1)
		return 0;
	fill_slot(in, 0, &slot);
	return slot.stamp_ns != 0 && slot.stamp_ns < real_ns ? real_ns - slot.stamp_ns : 0;
}

uint32_t inbox_kernel_drops(const struct inbox *in)
{
	return in->kernel_drops;
}

/* ---- sending ---------------------------------------------------------------------------- */

struct outbox_control {
	_Alignas(struct cmsghdr) char bytes[OUTBOX_CONTROL_SIZE];
};

struct outbox {
	outbox_failed *failed; /* set at creation */
	void *ctx;
	unsigned most;
	bool joins; /* owner: from here on */
	unsigned pause; /* so many outbox_send before any are joined again */
	/* of the running outbox_send */
	bool has_waited;
	int no_room; /* errno that ended it, or 0 */
	size_t sent;
	unsigned tries; /* of the first item not dealt with */
	size_t n_apart; /* so many from there are not to be joined */
	bool is_in_doubt; /* whether their way out cannot cut, or does not take them at all */
	/* of a chunk: message i is items first[i] to first[i + 1] - 1 */
	uint8_t first[BATCH_MAX + 1];
	struct mmsghdr headers[BATCH_MAX];
	struct iovec pieces[BATCH_MAX]; /* by item */
	struct sockaddr_storage names[BATCH_MAX];
	struct outbox_control controls[BATCH_MAX];
};

int outbox_new(outbox_failed *failed, void *ctx, struct outbox **outbox_out)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return ERR_NOMEM;
	o->failed = failed;
	o->ctx = ctx;
	o->most = BATCH_MAX;
	*outbox_out = o;
	return 0;
}

/* A kernel that does not know of it would send all as one datagram. */
static bool can_join(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), value;
	socklen_t len = sizeof value;

	if (fd == -1)
		return false;
	bool can = getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
	close(fd);
	return can;
}

void outbox_join(struct outbox *o)
{
	o->joins = can_join();
}

void outbox_free(struct outbox **o)
{
	free(*o);
	*o = NULL;
}

size_t outbox_bytes(void)
{
	return sizeof(struct outbox);
}

void outbox_limit(struct outbox *o, unsigned most)
{
	o->most = most < 1 ? 1 : most > BATCH_MAX ? BATCH_MAX : most;
}

/* The interface stays 0, or the kernel would bypass routing and asymmetric paths would break. */
static size_t write_source_v4(char *control, const uint8_t local_ip[16])
{
	struct cmsghdr *c = (struct cmsghdr *)control;
	struct in_pktinfo info = { .ipi_ifindex = 0 };

	memcpy(&info.ipi_spec_dst, local_ip, sizeof(info.ipi_spec_dst));
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

static size_t write_source_v6(char *control, const uint8_t local_ip[16], uint32_t ifindex)
{
	struct cmsghdr *c = (struct cmsghdr *)control;
	struct in6_pktinfo info = { .ipi6_ifindex = ifindex };

	memcpy(&info.ipi6_addr, local_ip, sizeof(info.ipi6_addr));
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	return CMSG_SPACE(sizeof(info));
}

static size_t write_segment(char *control, uint16_t size)
{
	struct cmsghdr *c = (struct cmsghdr *)control;

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	return CMSG_SPACE(sizeof(size));
}

static size_t write_source(char *control, const struct outbox_item *item)
{
	if (item->to.family == 0 || !item->has_local)
		return 0;
	return item->to.family == AF_INET6 ? write_source_v6(control, item->local_ip, item->ifindex)
					   : write_source_v4(control, item->local_ip);
}

/* Message i: n items from number `first` on, all as large as that one, or the last one smaller. */
static void fill_message(
	struct outbox *o, unsigned i, const struct outbox_item *items, size_t first, size_t n)
{
	const struct outbox_item *item = &items[first];
	struct msghdr *header = &o->headers[i].msg_hdr;
	char *control = o->controls[i].bytes;
	size_t len = write_source(control, item);

	if (n > 1)
		len += write_segment(control + len, (uint16_t)item->len);
	for (size_t k = first; k < first + n; k++) /* sendmmsg only reads */
		o->pieces[k] = (struct iovec){ (void *)items[k].data, items[k].len };
	*header = (struct msghdr){
		.msg_iov = &o->pieces[first],
		.msg_iovlen = n,
		.msg_control = len > 0 ? control : NULL,
		.msg_controllen = len,
	};
	if (item->to.family != 0) {
		header->msg_name = &o->names[i];
		header->msg_namelen = addr_to_sockaddr(&item->to, &o->names[i]);
	}
}

static bool is_same_way(const struct outbox_item *a, const struct outbox_item *b)
{
	if (a->to.family == 0 || b->to.family == 0)
		return a->to.family == b->to.family;
	return addr_equal(&a->to, &b->to) && a->has_local == b->has_local &&
	       a->ifindex == b->ifindex &&
	       (!a->has_local || memcmp(a->local_ip, b->local_ip, sizeof a->local_ip) == 0);
}

/* How many of the n, from the first on, the kernel can cut out of one message: those as large as the
 * first, and one behind them that is smaller. */
static size_t joined(const struct outbox_item *items, size_t n)
{
	size_t i = 1, len = items[0].len;

	if (len == 0 || len > JOIN_BYTES_MAX)
		return 1;
	while (i < n && is_same_way(&items[0], &items[i]) && items[i].len <= len &&
		items[i].len > 0) {
		if (items[i++].len < len)
			break;
	}
	return i;
}

/* The messages for the n items; their number. */
static size_t fill_messages(struct outbox *o, const struct outbox_item *items, size_t n)
{
	size_t at = 0;
	unsigned i = 0;

	for (; at < n; i++) {
		bool joins = o->joins && o->pause == 0 && at >= o->n_apart;
		size_t count = joins ? joined(&items[at], n - at) : 1;

		o->first[i] = (uint8_t)at;
		fill_message(o, i, items, at, count);
		at += count;
	}
	o->first[i] = (uint8_t)n;
	return i;
}

static bool is_no_room(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

/* The first time in an outbox_send: waits and returns true. Only EAGAIN is about this socket's
 * buffer; for want of memory elsewhere POLLOUT would come at once, so that time is slept. */
static bool wait_for_room(struct outbox *o, int fd, int error)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };

	if (o->has_waited)
		return false;
	o->has_waited = true;
	poll(&writable, error == EAGAIN || error == EWOULDBLOCK ? 1 : 0, ROOM_WAIT_MS);
	return true;
}

/* What was refused joined was taken singly. */
static void note_taken(struct outbox *o)
{
	if (o->is_in_doubt)
		o->pause = OUTBOX_JOIN_PAUSE;
	o->is_in_doubt = false;
}

/* n items are dealt with. */
static void go_on(struct outbox *o, size_t n)
{
	o->tries = 0;
	o->n_apart = o->n_apart > n ? o->n_apart - n : 0;
}

/* The error of a message that is refused, of n items: the number of items dealt with. */
static size_t refused(struct outbox *o, const struct outbox_item *items, size_t n, int error)
{
	o->is_in_doubt = false;
	if (n > 1) {
		/* An error of before, or this way out cannot cut messages (EIO, EINVAL): each by itself
		 * will tell. */
		o->n_apart = n;
		o->is_in_doubt = error == EIO || error == EINVAL || error == EMSGSIZE;
		if (o->is_in_doubt)
			return 0;
	}
	if (o->failed(o->ctx, items, error, ++o->tries) && o->tries < TRIES_MAX)
		return 0;
	go_on(o, 1);
	return 1;
}

/* After an error of a send: the same may be offered again at once. */
static bool may_send_again(struct outbox *o, int fd, int error)
{
	return error == EINTR || (is_no_room(error) && wait_for_room(o, fd, error));
}

/* Sends the n (at most BATCH_MAX) items, gives up those that fail, and counts in o->sent. The number
 * dealt with: fewer than n when there is no room, or when the rest is to be offered in another way. */
static size_t send_chunk(struct outbox *o, int fd, const struct outbox_item *items, size_t n)
{
	size_t n_messages = fill_messages(o, items, n), at = 0; /* messages */

	while (at < n_messages) {
		size_t most = n_messages - at < o->most ? n_messages - at : o->most;
		size_t first = o->first[at], count = o->first[at + 1] - first;
		int accepted = sendmmsg(fd, &o->headers[at], (unsigned)most, MSG_DONTWAIT);
		int error = accepted == 0 ? EAGAIN : errno;

		if (accepted > 0) {
			at += (size_t)accepted;
			o->sent += o->first[at] - first;
			note_taken(o);
			go_on(o, o->first[at] - first);
		} else if (may_send_again(o, fd, error)) {
			continue;
		} else if (is_no_room(error)) {
			o->no_room = error;
			return first;
		} else {
			size_t n_done = refused(o, &items[first], count, error);

			if (count > 1)
				return first + n_done;
			at += n_done;
		}
	}
	return n;
}

/* send_chunk of one item by a connected socket, which needs no header: with many servers that is nearly
 * every datagram. */
static size_t send_one(struct outbox *o, int fd, const struct outbox_item *item)
{
	for (;;) {
		if (send(fd, item->data, item->len, MSG_DONTWAIT) != -1) {
			o->sent++;
			return 1;
		}
		int error = errno;

		if (may_send_again(o, fd, error))
			continue;
		if (is_no_room(error)) {
			o->no_room = error;
			return 0;
		}
		if (refused(o, item, 1, error) == 1)
			return 1;
	}
}

static size_t send_some(struct outbox *o, int fd, const struct outbox_item *items, size_t n)
{
	if (n == 1 && items[0].to.family == 0)
		return send_one(o, fd, items);
	return send_chunk(o, fd, items, n < BATCH_MAX ? n : BATCH_MAX);
}

size_t outbox_send(struct outbox *o, int fd, const struct outbox_item *items, size_t n)
{
	size_t at = 0;

	o->has_waited = false;
	o->no_room = 0;
	o->sent = 0;
	o->tries = 0;
	o->n_apart = 0;
	o->is_in_doubt = false;
	if (o->pause > 0)
		o->pause--;
	while (at < n && o->no_room == 0)
		at += send_some(o, fd, &items[at], n - at);
	for (; at < n; at++)
		o->failed(o->ctx, &items[at], o->no_room, 0);
	return o->sent;
}
