/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The pool is made for it, because its tables depend on weights and tiers; nothing else is. */
#include "cost.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/err.h"
#include "base/log_writer.h"
#include "base/memory.h"
#include "base/thread.h"
#include "config/config.h"
#include "core/engine.h"
#include "net/acl.h"
#include "net/poller.h"
#include "net/socket.h"
#include "plan.h"
#include "services/prober.h"

#define KB 1024u
#define SMALL_KB 10000 /* from here on in MB: five digits are read more easily */
#define FILES_STANDARD 3
#define FILES_PROBER 2 /* poller and wake-up */

struct cost {
	struct memory_use program, servers, policies, prober, windows, log, stacks;
	struct engine_memory engine;
	unsigned n_threads;
	struct socket_buffers client, server; /* the kernel's, for each socket */
};

/* What this process is before it makes anything: the same program with the same libraries, the
 * configuration read. 0 where the kernel does not tell. */
static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	size_t kb = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "Rss: %zu kB", &kb) == 1)
			break;
	}
	fclose(file);
	return kb * KB;
}

static int add_engine(const struct cost_params *params, struct pool *pool, struct cost *cost)
{
	const struct config *c = params->config;
	struct listeners listeners = { .n = c->n_listeners };

	listeners.listener = calloc(c->n_listeners, sizeof *listeners.listener);
	if (!listeners.listener)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->n_listeners; i++)
		listeners.listener[i].n_sockets = plan_listener(c, i, params->n_workers).n_sockets;
	struct engine_params engine = plan_engine(c, params->n_workers, params->sockets.per_server);
	engine.listeners = &listeners;
	engine.pool = pool;
	engine_memory(&engine, &cost->engine);
	free(listeners.listener);
	return 0;
}

static int add_parts(const struct cost_params *params, struct pool *pool, struct cost *cost)
{
	struct prober_params prober;
	int rc = add_engine(params, pool, cost);

	if (rc < 0 || (rc = plan_prober(params->config, &prober)) < 0)
		return rc;
	prober.watch.pool = pool;
	prober_memory(&prober, &cost->prober, &cost->windows);
	plan_prober_free(&prober);
	memory_add(&cost->engine.histograms, &cost->windows, 1);
	pool_memory(pool, &cost->servers, &cost->policies);
	memory_add_fixed(&cost->engine.clients, acl_bytes(params->config->n_acl));
	log_writer_memory(&cost->log);
	/* main, whose stack is the program's; receivers, workers, prober, log */
	cost->n_threads = 1 + cost->engine.n_receivers + params->n_workers + 1 + 1;
	thread_memory(cost->n_threads - 1, &cost->stacks);
	rc = socket_buffers(true, &cost->client);
	return rc < 0 ? rc : socket_buffers(false, &cost->server);
}

/* ---- printing ------------------------------------------------------------------------------- */

static void print_size(FILE *out, size_t bytes)
{
	size_t kb = (bytes + KB - 1) / KB;

	if (kb < SMALL_KB)
		fprintf(out, "%8zu kB", kb);
	else
		fprintf(out, "%8.1f MB", (double)kb / KB);
}

static void print_row(FILE *out, const char *part, const struct memory_use *use, const char *keys)
{
	fprintf(out, "  %-24s", part);
	print_size(out, use->start);
	print_size(out, use->full);
	print_size(out, use->most);
	fprintf(out, "%s%s\n", keys[0] ? "  " : "", keys);
}

static void print_memory(FILE *out, const struct cost *cost)
{
	const struct engine_memory *e = &cost->engine;
	bool is_direct = e->n_receivers == 0; /* workers read */
	const struct {
		const char *part;
		const struct memory_use *use;
		const char *keys; /* that it grows with */
	} rows[] = {
		{ "program, libraries", &cost->program, "" },
		{ "servers", &cost->servers, "servers" },
		{ "policy tables", &cost->policies, "policy, servers" },
		{ "probes", &cost->prober, "servers" },
		{ "latency histograms", &e->histograms,
			"latency, hedge.percent, servers, workers" },
		{ "counters", &e->counters, "servers, workers" },
		{ "clients: acl, rates", &e->clients,
			is_direct ? "acl, workers" : "acl, listen: receivers" },
		{ "clients: buffers", &e->readers, is_direct ? "listen, workers" : "listen" },
		{ "queue", &e->queues, "queue.capacity" },
		{ "workers: queries", &e->pending, "pending_max, workers" },
		{ "workers: replies", &e->replies, "workers" },
		{ "workers: the rest", &e->workers, "servers, upstream_sockets, workers" },
		{ "log: lines not read yet", &cost->log, "" },
		{ "stacks", &cost->stacks, is_direct ? "workers" : "workers, listen: receivers" },
	};
	struct memory_use sum = { 0 };

	fprintf(out, "\n%-26s%11s%11s%11s  %s\n", "memory", "at start", "when full", "at most",
		"by");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		print_row(out, rows[i].part, rows[i].use, rows[i].keys);
		memory_add(&sum, rows[i].use, 1);
	}
	print_row(out, "all", &sum, "");
}

static void print_sockets(
	FILE *out, const char *whom, size_t n, size_t n_most, const struct socket_buffers *b)
{
	fprintf(out, "  %-24s%8zu, at most %zu, with", whom, n, n_most);
	print_size(out, b->receive);
	fputs(" in and", out);
	print_size(out, b->send);
	fputs(" out each\n", out);
}

/* The third number of udp_mem, in pages: beyond it the kernel drops. */
static void print_udp_limit(FILE *out)
{
	FILE *file = fopen("/proc/sys/net/ipv4/udp_mem", "re");
	size_t pages;

	if (!file)
		return;
	if (fscanf(file, "%*u %*u %zu", &pages) == 1) {
		fprintf(out, "  %-24s", "all UDP of this host");
		print_size(out, pages * (size_t)sysconf(_SC_PAGESIZE));
		fputs(" at most, by net.ipv4.udp_mem\n", out);
	}
	fclose(file);
}

static void print_threads(FILE *out, unsigned n, const char *name)
{
	if (n > 0)
		fprintf(out, ", %u %s%s", n, name, n == 1 ? "" : "s");
}

static void print_system(FILE *out, const struct cost_params *params, const struct cost *cost)
{
	const struct engine_memory *e = &cost->engine;
	size_t n_files = FILES_STANDARD + FILES_PROBER + e->n_other_files + e->n_listening;

	fprintf(out, "\n%-26s%8u: main, prober, log", "threads", cost->n_threads);
	print_threads(out, e->n_receivers, "receiver");
	print_threads(out, params->n_workers, "worker");
	fputc('\n', out);
	fprintf(out, "%-26s%8zu, at most %zu; the limit is %llu\n", "open files",
		n_files + e->n_upstream, n_files + e->n_upstream_most,
		(unsigned long long)params->file_limit);
	fprintf(out, "sockets, and the kernel's memory for them, which is not in the table\n");
	print_sockets(out, "to clients", e->n_listening, e->n_listening, &cost->client);
	print_sockets(out, "to servers", e->n_upstream, e->n_upstream_most, &cost->server);
	print_udp_limit(out);
}

int cost_print(const struct cost_params *params, FILE *out)
{
	const struct pool_params pool_params = plan_pool(params->config);
	struct cost cost = { 0 };
	struct pool *pool;

	memory_add_fixed(&cost.program, resident_bytes());
	int rc = pool_new(&pool_params, &pool);
	if (rc < 0)
		return rc;
	rc = add_parts(params, pool, &cost);
	pool_free(&pool);
	if (rc < 0)
		return rc;
	print_memory(out, &cost);
	print_system(out, params, &cost);
	return 0;
}
