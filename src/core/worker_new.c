/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory of a worker: everything it will ever use, taken at start. */
#include "core/worker.h"

#include <stdlib.h>

#include "balance/pool.h"
#include "base/err.h"

#define RETRIES_PER_SECOND 10 /* of all workers together, however few queries come */

/* Beside its sockets a server may have as many retired ones and a fresh one; a number is short. */
size_t worker_socket_numbers(size_t n_servers, size_t per_server)
{
	size_t n = n_servers * (2 * per_server + 2);

	return n < WORKER_SOCKETS_MAX ? n : WORKER_SOCKETS_MAX;
}

int worker_new(const struct worker_env *env, int64_t now_ns, struct worker **worker_out)
{
	struct worker *w = calloc(1, sizeof *w);
	size_t n_servers = env->pool->n_servers;
	size_t per_server = env->params->sockets_per_server;
	int64_t by_time = RETRIES_PER_SECOND * 1000 / env->params->n_workers;

	if (!w)
		return ERR_NOMEM;
	w->env = *env;
	w->n_sockets = (uint16_t)worker_socket_numbers(n_servers, per_server);
	w->servers = calloc(n_servers, sizeof *w->servers);
	w->row = calloc(n_servers * per_server, sizeof *w->row);
	w->sockets = calloc(w->n_sockets, sizeof *w->sockets);
	if (!w->servers || !w->row || !w->sockets) {
		worker_free(&w);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < n_servers; i++)
		w->servers[i].probe_socket = WORKER_SOCKET_NONE;
	wheel_init(&w->wheel, now_ns);
	budget_init(&w->silence, env->params->retry_budget_percent, by_time, now_ns);
	budget_init(&w->rcodes, env->params->retry_budget_percent, by_time, now_ns);
	w->trim_ns = INT64_MAX;
	*worker_out = w;
	return 0;
}

size_t worker_bytes(size_t n_servers, size_t per_server)
{
	const struct worker *w = NULL; /* for its members' sizes */

	return sizeof *w + n_servers * sizeof *w->servers +
	       n_servers * per_server * sizeof *w->row +
	       worker_socket_numbers(n_servers, per_server) * sizeof *w->sockets;
}

void worker_free(struct worker **wp)
{
	struct worker *w = *wp;

	if (!w)
		return;
	free(w->servers);
	free(w->row);
	free(w->sockets);
	free(w);
	*wp = NULL;
}
