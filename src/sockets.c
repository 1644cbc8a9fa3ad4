/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The arithmetic of descriptors. A worker needs three besides its sockets (poller, wake-up, one in
 * reserve); the process some dozens. */
#include "sockets.h"

#include <stdio.h>

#include "base/err.h"

#define FILES_PER_WORKER 3
#define FILES_PER_LISTENING 3 /* the socket, and at most a receiver with poller and wake-up for it */
#define FILES_OF_PROCESS 64

static unsigned chosen(const struct sockets_need *n)
{
	size_t pairs = n->n_servers * n->n_workers;
	size_t share = SOCKETS_DEFAULT_ALL / pairs;

	if (n->wanted > 0)
		return n->wanted;
	return share < 1 ? 1 : share < SOCKETS_DEFAULT ? (unsigned)share : SOCKETS_DEFAULT;
}

/* The least; sockets that are being replaced need as many again for a moment, and get what is left. */
static uint64_t files_for(const struct sockets_need *n, unsigned per_server)
{
	uint64_t pairs = (uint64_t)n->n_servers * n->n_workers;

	return pairs * (per_server + 1) + n->n_listening * FILES_PER_LISTENING + n->n_workers * FILES_PER_WORKER +
	       FILES_OF_PROCESS;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

uint64_t sockets_files_needed(const struct sockets_need *need)
{
	return files_for(need, chosen(need));
}

int sockets_plan(
	const struct sockets_need *need, struct sockets_plan *plan_out, char *message, size_t size)
{
	unsigned wanted = chosen(need), per_server = wanted;
	uint64_t pairs = (uint64_t)need->n_servers * need->n_workers;

	message[0] = '\0';
	if (pairs * wanted > SOCKETS_MOST) {
		snprintf(message, size,
			"%zu server%s x %zu worker%s x %u socket%s are more than %d sockets: lower "
			"upstream_sockets or workers",
			need->n_servers, plural(need->n_servers), need->n_workers,
			plural(need->n_workers), wanted, plural(wanted), SOCKETS_MOST);
		return ERR_RANGE;
	}
	while (per_server > 0 && files_for(need, per_server) > need->file_limit)
		per_server--;
	if (per_server == 0) {
		snprintf(message, size,
			"the limit of %llu open files is too low for %zu server%s and %zu "
			"worker%s: %llu are needed; raise it (LimitNOFILE of the service, or "
			"ulimit -n), or lower workers",
			(unsigned long long)need->file_limit, need->n_servers,
			plural(need->n_servers), need->n_workers, plural(need->n_workers),
			(unsigned long long)files_for(need, 1));
		return ERR_RANGE;
	}
	if (per_server < wanted)
		snprintf(message, size,
			"%u socket%s per server and worker instead of %u: the limit of open files "
			"is %llu, %llu are needed; raise it (LimitNOFILE of the service, or ulimit "
			"-n), or lower upstream_sockets",
			per_server, plural(per_server), wanted,
			(unsigned long long)need->file_limit,
			(unsigned long long)files_for(need, wanted));
	plan_out->per_server = per_server;
	return 0;
}
