/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * listeners - the sockets on which clients are heard: one or more for each listening address.
 * Main's thread, before the others start. Says itself, through the log, what went wrong and what
 * to do about it, because all listeners are tried and all problems told before giving up. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

struct listener_params {
	struct addr address;
	unsigned n_sockets;
	bool is_shared; /* they share the address (SO_REUSEPORT): more than one have to */
	bool is_default; /* written by nobody: skipped where the host lacks the address family */
	const char *where; /* "FILE:LINE: KEY: ", before the message that it failed; NULL: none */
};

struct listener {
	struct addr address; /* with the port in use */
	unsigned n_sockets;
	int *fds;
};

struct listeners {
	struct listener *listener;
	size_t n;
};

/* Opens all. ERR_SYSTEM if any failed (all failures are logged, and nothing stays open), ERR_NOMEM. */
int listeners_open(
	const struct listener_params *params, size_t n, struct listeners *listeners_out);
void listeners_close(struct listeners *l);
