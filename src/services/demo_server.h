/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * demo_server - DNS servers inside the process, so that `dnsbal --demo` has something to balance
 * over. Each has an address of its own on loopback; one thread answers for all of them. They know
 * every name, and their answers tell which of them spoke:
 *
 *   A     192.0.2.N                  N counts from 1
 *   AAAA  2001:db8::N
 *   TXT   "demo server N"            TTL 0, so that asking again shows another one
 *   NS    nsN.demo.invalid., and the same in SOA
 *
 * Every other type has no records (NOERROR). What is no proper query gets no answer. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

#define DEMO_SERVERS_MAX 250 /* so that N fits in the last byte of 192.0.2.N */
#define DEMO_SERVER_REPLY_MAX 512 /* no reply is larger: clients without EDNS take it */

struct demo_servers;

/* Binds n sockets on 127.0.0.1, ports chosen by the kernel, and starts the thread. ERR_RANGE for n
 * outside 1..DEMO_SERVERS_MAX, ERR_NOMEM, ERR_SYSTEM with errno. */
int demo_servers_start(size_t n, struct demo_servers **servers_out);
/* Ends and joins the thread. *d may be NULL; sets it to NULL. */
void demo_servers_stop(struct demo_servers **d);
/* Where server i (0..n-1) listens. Any thread. */
struct addr demo_servers_address(const struct demo_servers *d, size_t i);

/* What the server numbered `number` (from 1) answers: the bytes written to out, 0 for silence. A pure
 * function. */
size_t demo_server_reply(
	unsigned number, const uint8_t *query, size_t len, uint8_t out[DEMO_SERVER_REPLY_MAX]);
