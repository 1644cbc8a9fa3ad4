/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the configuration's units (milliseconds, int) to those of the parts. */
#include "plan.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/err.h"
#include "config/config.h"
#include "privilege.h"

#define WORKERS_MOST 16 /* chosen by ourselves; a written number may be larger */

struct worker_params plan_worker(const struct config *c, unsigned sockets_per_server)
{
	return (struct worker_params){
		.deadline_ns = c->deadline_ms * CLOCK_NS_PER_MS,
		.attempt_timeout_ns = c->attempt_timeout_ms * CLOCK_NS_PER_MS,
		.attempts = (unsigned)c->attempts,
		.retry_on = c->retry_on,
		.retry_budget_percent = (unsigned)c->retry_budget_percent,
		.hedge_percent = (unsigned)c->hedge_percent,
		.silent_limit = (unsigned)c->eject_consecutive_timeouts,
		.on_failure = c->on_failure,
		.on_overload = c->on_overload,
		.udp_reply_max = (uint16_t)c->udp_reply_max,
		.case_randomize = c->case_randomize,
		.sockets_per_server = (uint16_t)sockets_per_server,
	};
}

struct listener_params plan_listener(const struct config *c, size_t i, unsigned n_workers)
{
	const struct config_listener *l = &c->listeners[i];
	bool is_direct = c->dispatch == DISPATCH_DIRECT;

	return (struct listener_params){
		.address = l->address,
		.n_sockets = is_direct ? n_workers : l->receivers,
		.is_shared = is_direct || l->receivers > 1,
		.is_default = l->is_default,
		.where = l->where,
	};
}

struct engine_params plan_engine(
	const struct config *c, unsigned n_workers, unsigned sockets_per_server)
{
	return (struct engine_params){
		.worker = plan_worker(c, sockets_per_server),
		.measures_latency = c->latency == LATENCY_ON || c->hedge_percent > 0,
		.dispatch = c->dispatch,
		.udp_gso = c->udp_gso,
		.n_workers = n_workers,
		.pending_max = (uint32_t)c->pending_max,
		.queue_capacity = (size_t)c->queue_capacity,
		.queue_target_ns = c->queue_target_ms * CLOCK_NS_PER_MS,
		.queue_interval_ns = c->queue_interval_ms * CLOCK_NS_PER_MS,
	};
}

struct pool_params plan_pool(const struct config *c)
{
	return (struct pool_params){
		.servers = c->servers,
		.n_servers = c->n_servers,
		.policy = { .kind = c->policy,
			.hash_seed = c->hash_seed,
			.load_factor = c->hash_load_factor },
	};
}

static struct probe_rules plan_rules(const struct config_health *h)
{
	return (struct probe_rules){
		.health = { .interval_ns = h->interval_ms * CLOCK_NS_PER_MS,
			.fast_interval_ns = h->fast_interval_ms * CLOCK_NS_PER_MS,
			.timeout_ns = h->timeout_ms * CLOCK_NS_PER_MS,
			.fall = (unsigned)h->fall,
			.rise = (unsigned)h->rise },
		.is_off = h->mode == HEALTH_OFF,
		.qname_is_default = h->qname_is_default,
		.reject = h->reject,
		.qname = h->qname_wire,
		.qname_len = (uint16_t)h->qname_len,
		.qtype = h->qtype,
	};
}

static bool is_same(const struct probe_rules *a, const struct probe_rules *b)
{
	return a->health.interval_ns == b->health.interval_ns &&
	       a->health.fast_interval_ns == b->health.fast_interval_ns &&
	       a->health.timeout_ns == b->health.timeout_ns && a->health.fall == b->health.fall &&
	       a->health.rise == b->health.rise && a->is_off == b->is_off &&
	       a->qname_is_default == b->qname_is_default && a->reject == b->reject &&
	       probe_is_same_question(a, b);
}

/* Its place among the rules, where it is added if it is new. */
static uint16_t add_rules(struct probe_rules *rules, size_t *n, const struct config_health *h)
{
	struct probe_rules one = plan_rules(h);
	size_t i = 0;

	while (i < *n && !is_same(&rules[i], &one))
		i++;
	if (i == *n)
		rules[(*n)++] = one;
	return (uint16_t)i;
}

/* Those of all servers come first. */
static int add_all_rules(const struct config *c, struct watch_params *watch)
{
	size_t n_most = 1;

	for (size_t i = 0; i < c->n_servers; i++)
		n_most += c->server_health[i] != NULL;
	struct probe_rules *rules = calloc(n_most, sizeof *rules);
	uint16_t *rules_of = n_most > 1 ? calloc(c->n_servers, sizeof *rules_of) : NULL;
	watch->rules = rules;
	watch->rules_of = rules_of;
	if (!rules || (n_most > 1 && !rules_of))
		return ERR_NOMEM;
	add_rules(rules, &watch->n_rules, &c->health);
	for (size_t i = 0; rules_of && i < c->n_servers; i++) {
		if (c->server_health[i])
			rules_of[i] = add_rules(rules, &watch->n_rules, c->server_health[i]);
	}
	return 0;
}

int plan_prober(const struct config *c, struct prober_params *params_out)
{
	*params_out = (struct prober_params){
		.watch = {
			.attempt_timeout_ns = c->attempt_timeout_ms * CLOCK_NS_PER_MS,
			.eject_base_ns = c->eject_base_ms * CLOCK_NS_PER_MS,
			.eject_max_percent = (unsigned)c->eject_max_percent,
			.slow_start_ns = c->slow_start_ms * CLOCK_NS_PER_MS,
			.panic_percent = (unsigned)c->panic_percent,
			.latency = c->latency,
			.hedge_percent = (unsigned)c->hedge_percent,
		},
	};
	int rc = add_all_rules(c, &params_out->watch);

	if (rc < 0)
		plan_prober_free(params_out);
	return rc;
}

void plan_prober_free(struct prober_params *params)
{
	free((void *)params->watch.rules);
	free((void *)params->watch.rules_of);
	params->watch.rules = NULL;
	params->watch.rules_of = NULL;
}

unsigned plan_workers(const struct config *c)
{
	if (c->workers > 0)
		return (unsigned)c->workers;
	unsigned n = cpus_usable();
	return n < WORKERS_MOST ? n : WORKERS_MOST;
}

int plan_sockets(const struct config *c, unsigned n_workers, struct sockets_plan *plan_out,
	uint64_t *file_limit_out, char *message, size_t size)
{
	struct sockets_need need = {
		.n_servers = c->n_servers,
		.n_workers = n_workers,
		.wanted = (unsigned)c->upstream_sockets,
	};

	for (size_t i = 0; i < c->n_listeners; i++)
		need.n_listening += plan_listener(c, i, n_workers).n_sockets;
	uint64_t files = sockets_files_needed(&need);
	if (privilege_raise_files(files * 2, &need.file_limit) < 0)
		need.file_limit = files; /* no limit to read: then try */
	*file_limit_out = need.file_limit;
	return sockets_plan(&need, plan_out, message, size);
}

/* Whether this host has an address of that family that the Internet can reach. */
static bool has_public_address(unsigned family)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) == -1)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		struct addr a;

		if (!i->ifa_addr || i->ifa_addr->sa_family != family)
			continue;
		memcpy(&ss, i->ifa_addr,
			family == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6));
		found = addr_from_sockaddr(&ss, &a) && !addr_is_private(&a);
	}
	freeifaddrs(all);
	return found;
}

bool plan_is_public(
	const struct config *c, const struct addr *listener, char *message, size_t size)
{
	char text[ADDR_TEXT_MAX];

	if (!c->acl_is_default)
		return false;
	if (addr_is_wildcard(listener) ? !has_public_address(listener->family)
				       : addr_is_private(listener))
		return false;
	snprintf(message, size,
		"listening on the public address %s without a written acl: only private addresses "
		"are answered; write an acl to say whom you serve",
		addr_format(listener, text, sizeof text));
	return true;
}
