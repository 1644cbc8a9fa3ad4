/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * datagram - a client's datagram on its way from a receiver to a worker, and the batch in which it
 * travels. Both live in the queue's stock; a pointer's holder owns it.
 *
 * origin: where the answer goes. A worker does not know transports; it hands bytes and an origin
 * to whoever delivers. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/batch.h"

#define DATAGRAM_SMALL_BYTES 512
#define DATAGRAM_LARGE_BYTES 4096 /* the largest query taken over UDP */

struct origin {
	struct addr client;
	uint8_t local_ip[16]; /* the address that was asked, when has_local: answer from it */
	uint32_t ifindex; /* of a link-local client, else 0 */
	uint16_t listener; /* index of the listening socket */
	bool has_local;
};

struct datagram {
	struct origin origin;
	int64_t arrival_ns; /* monotonic: when the kernel received it */
	uint16_t len;
	bool is_large; /* which of the two sizes this is */
	uint8_t data[]; /* DATAGRAM_SMALL_BYTES or DATAGRAM_LARGE_BYTES */
};

struct batch {
	struct batch *next; /* the queue's, and of lists handed over */
	struct batch *older; /* the queue's */
	int64_t arrival_ns, newest_ns; /* the queue's: of the first datagram, its oldest; of the last */
	unsigned n;
	bool is_light; /* the producer's: goes before others, and is not late while it waits */
	bool is_rationed; /* the producer's: it has to hold clients back, and lets in what it can */
	bool is_late; /* of a list that a push gave back: it had waited too long */
	struct datagram *datagrams[BATCH_MAX];
};
