/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * batch - many datagrams for one system call: recvmmsg and sendmmsg, with the rules of both in
 * one place. Two sides: `inbox` reads, `outbox` collects and sends.
 *
 * sendmmsg may accept fewer than asked: one index, advanced by the kernel's count. An error is the
 * first datagram's: it is reported to the caller with its token, who decides to send again or to
 * give it up, and the rest goes on. One owner thread each; no locks; nothing allocates after
 * creation. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "net/addr.h"

#define BATCH_MAX 32 /* datagrams in a system call: more gains nothing (Knot 10, NSD 100) */

/* ---- reading ---------------------------------------------------------------------------- */

struct inbox_slot {
	/* where to put the bytes; the caller fills it before inbox_read: one or two pieces */
	void *data[2];
	size_t size[2];
	/* what came */
	size_t len; /* bytes stored, over both pieces */
	struct addr from;
	int64_t stamp_ns; /* CLOCK_REALTIME of arrival in the kernel, 0: none */
	uint8_t local_ip[16]; /* the address to answer from, when the kernel told; else zero */
	uint32_t ifindex; /* the interface it came by, when the kernel told; else 0 */
	bool has_local;
	bool is_cut; /* MSG_TRUNC: it was longer than the pieces */
	bool is_control_cut; /* MSG_CTRUNC: local address or stamp may be missing */
};

struct inbox;

/* `with_control`: ask for stamps, local addresses and the kernel's drop counter: client side. */
int inbox_new(bool with_control, struct inbox **inbox_out); /* ERR_NOMEM */
void inbox_free(struct inbox **in); /* *in may be NULL; sets it to NULL */
size_t inbox_bytes(bool with_control); /* what it takes */
/* Reads up to n (at most BATCH_MAX) datagrams without waiting. The number read; 0 when there is
 * nothing; ERR_SYSTEM with errno for a socket error (ECONNREFUSED ...): data may follow it, so
 * call again. EINTR is handled inside. */
int inbox_read(struct inbox *in, int fd, struct inbox_slot *slots, unsigned n);
/* From now on each read is into some of these BATCH_MAX slots, each for the header of its number, and
 * their buffers stay what they are: what a read left as it was is not prepared again for the next,
 * which is most of it when many sockets bring a datagram each. */
void inbox_keep(struct inbox *in, struct inbox_slot *slots);
/* inbox_read into n of the kept slots, from `first` on. One alone, without control, takes a cheaper
 * call. */
int inbox_read_kept(struct inbox *in, int fd, unsigned first, unsigned n);
/* How long the first datagram that waits at fd has been there, by the kernel's stamp and CLOCK_REALTIME
 * real_ns; it stays there. 0: none, or without a stamp. */
int64_t inbox_waiting_ns(struct inbox *in, int fd, int64_t real_ns);
/* The kernel's count of datagrams dropped (SO_RXQ_OVFL) at the socket of the last inbox_read that
 * returned more than 0, as it was when the last of them arrived; a 32-bit counter that wraps. */
uint32_t inbox_kernel_drops(const struct inbox *in);

/* ---- sending ---------------------------------------------------------------------------- */

struct outbox_item {
	const void *data; /* valid until the flush */
	size_t len;
	struct addr to; /* family 0: the socket is connected */
	uint8_t local_ip[16]; /* source address to use, when has_local */
	uint32_t ifindex; /* only for link-local destinations; else 0 (routing decides) */
	bool has_local;
	uint32_t token; /* the caller's */
};

struct outbox;

/* Called for a datagram that was not sent, with errno. Return true to have it tried once more
 * (the error may be an older datagram's: ICMP), false to give it up. `tries` says how often it was
 * refused so far, 1 or 2; the second time it is given up whatever is returned. It is 0 when the
 * system had no room for it (EAGAIN, ENOBUFS, ENOMEM), and it is given up as well. */
typedef bool outbox_failed(void *ctx, const struct outbox_item *item, int error, unsigned tries);

int outbox_new(outbox_failed *failed, void *ctx, struct outbox **outbox_out); /* ERR_NOMEM */
void outbox_free(struct outbox **o); /* *o may be NULL; sets it to NULL */
size_t outbox_bytes(void); /* what it takes */
/* From now on, where the kernel can (UDP_SEGMENT, Linux 4.18), items that follow each other and go the
 * same way are given to it as one message, that it cuts up again: they pass the most of its stack
 * together. Those as large as the first, and one that is smaller behind them: sort them so. Each is a
 * datagram of its own for whoever receives it. Where a way out cannot cut, but takes the single ones, none
 * are joined for the next OUTBOX_JOIN_PAUSE calls of outbox_send. */
#define OUTBOX_JOIN_PAUSE 1000
void outbox_join(struct outbox *o);
/* Sends all n items (any n) over fd, in order. The number sent. On EAGAIN, ENOBUFS or ENOMEM waits
 * once, at most 1 ms, then reports the rest as failed. */
size_t outbox_send(struct outbox *o, int fd, const struct outbox_item *items, size_t n);
/* For tests: the most datagrams one system call is offered (1 turns batching off). */
void outbox_limit(struct outbox *o, unsigned most);
