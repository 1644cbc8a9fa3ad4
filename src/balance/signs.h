/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * signs - what the workers see of a server's queries, told to the prober when it is reason to look.
 *
 * One tally per server for all workers together, because with a tally each, every worker would have
 * to lose as many queries before it noticed. Any worker; atomics only, no lock. A sign makes a
 * suspect at most once until the prober has decided (it then clears is_suspect); the caller tells the
 * prober when a function returns true. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balance/server.h"
#include "base/hash.h"

enum sign {
	SIGN_SILENT, /* so many attempts in a row got no reply in time */
	SIGN_UNREACHABLE, /* ICMP, or a send that the kernel refused */
	SIGN_BETTERED, /* its SERVFAIL or REFUSED was answered well by another server */
	SIGN_BLAMED, /* BLAME_COUNT of these in a row, of BLAME_PAIRS clients and names or more: eject */
};

#define BLAME_COUNT 5
#define BLAME_PAIRS 3

/* An attempt got no reply by its deadline; `limit` in a row make a suspect (0: they never do). */
bool signs_silent(struct server *s, unsigned limit);
/* Hard evidence: suspect at once. */
bool signs_unreachable(struct server *s);
/* Its bad reply was bettered. `pair` is a keyed hash of client prefix and name. *sign_out is
 * SIGN_BETTERED or SIGN_BLAMED; the latter is told even while the server is suspect. */
bool signs_bettered(struct server *s, uint32_t pair, enum sign *sign_out);
/* A matched reply, whatever its rcode: it is not silent. */
void signs_replied(struct server *s);
/* A reply that ends a query well: nothing to blame it for. */
void signs_good(struct server *s);

/* Prober's thread. */
/* It answers probes: the silence so far was not its own. It stays suspect until signs_clear. */
void signs_excuse(struct server *s);
/* The next sign is told again. What it is blamed for goes on counting, unless that was told. */
void signs_listen(struct server *s);
/* Nothing is held against it any more, and the next sign is told again. */
void signs_clear(struct server *s);
