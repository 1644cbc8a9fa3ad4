/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * sieve - thins out, in the kernel, what would be read only to be shed (core/fair.h): a classic BPF program
 * (McCanne and Jacobson 1993) on a client socket lets through one datagram in so many of a prefix, by the
 * kernel's random numbers. So a flood costs the reader little, and its datagrams do not fill the buffer
 * in which those of others wait. Each that is read stands for as many as one in how many was let through,
 * and is counted so.
 *
 * Programs need no privilege; the kernel translates them. Pure but for sieve_apply; one owner: a
 * reader of clients. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/prefix.h"

#define SIEVE_DROPPED_MAX 255

struct sieve {
	struct prefix_key key;
	bool is_thinning; /* any of them is above 0 */
	uint8_t dropped[PREFIX_BUCKETS]; /* for each that is let through */
};

#define SIEVE_CODE_MAX 1100 /* instructions: all words differ */

/* The number of instructions written, at most SIEVE_CODE_MAX. For UDP over IPv4 or IPv6. */
struct sock_filter;
size_t sieve_code(const struct sieve *s, struct sock_filter *code);

/* What is attached to a reader's sockets, and what was until then: a datagram may have passed either. */
struct sieves {
	struct sieve now, before;
	int64_t since_ns; /* of the wall clock, as the kernel's stamps are */
};

/* Attaches s (not thinning: takes off what there is) to all of them. ERR_SYSTEM: none has one then. */
int sieve_apply(
	struct sieves *of, const struct sieve *s, const int *fds, size_t n, int64_t real_ns);
/* How many a datagram stands for; stamp_ns: when it arrived, 0: unknown. */
uint32_t sieve_stands_for(const struct sieves *of, const struct addr *client, int64_t stamp_ns);
