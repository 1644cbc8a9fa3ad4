/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses of family 0 could not be read, and are passed over: one problem is told once. Pairs
 * are compared one by one: with the most servers allowed that is some ten million comparisons,
 * once at start. */
#include "config/check.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/health.h"

#define KEY_MAX 64

struct key {
	char text[KEY_MAX];
};

static bool is_command_line(const struct config_reading *r)
{
	return r->scan.n_lines == 0;
}

static struct key server_key(const struct config_reading *r, size_t i, const char *member)
{
	struct key key;

	if (is_command_line(r))
		snprintf(key.text, sizeof key.text, "SERVER %zu", i + 1);
	else
		snprintf(key.text, sizeof key.text, "servers[%zu]%s", i, member);
	return key;
}

static struct key listener_key(const struct config_reading *r, size_t i)
{
	struct key key;

	if (is_command_line(r))
		snprintf(key.text, sizeof key.text, "-l");
	else
		snprintf(key.text, sizeof key.text, "listen[%zu]", i);
	return key;
}

static struct config_place server_place(const struct config_reading *r, size_t i)
{
	return config_reading_place(r, r->config->server_lines[i]);
}

/* Where the key is written; the file alone if it is not. */
static struct config_place place_of(const struct config_reading *r, const char *key)
{
	return config_reading_place(r, config_reading_line(r, key));
}

static struct config_place place_of_either(
	const struct config_reading *r, const char *key, const char *other)
{
	return place_of(r, config_reading_line(r, key) ? key : other);
}

struct address_text {
	char text[ADDR_TEXT_MAX];
};

static struct address_text show(const struct addr *a)
{
	struct address_text shown;

	addr_format(a, shown.text, sizeof shown.text);
	return shown;
}

/* Why no datagram can go to or from that address alone; NULL: it can. */
static const char *why_no_host(const struct addr *a)
{
	static const uint8_t broadcast[4] = { 0xff, 0xff, 0xff, 0xff };

	if (a->family == AF_INET) {
		if (memcmp(a->ip, broadcast, sizeof broadcast) == 0)
			return "is the broadcast address";
		return (a->ip[0] & 0xf0) == 0xe0 ? "is a multicast address" : NULL;
	}
	if (a->ip[0] == 0xff)
		return "is a multicast address";
	if (addr_is_link_local(a) && a->scope == 0)
		return "is link-local and needs its interface, as in [fe80::1%eth0]";
	return NULL;
}

/* Two sockets take one port, at a wildcard and an address of it, only if both may share theirs. */
static bool is_overlap(
	enum dispatch dispatch, const struct config_listener *l, const struct config_listener *m)
{
	return l->address.family == m->address.family && l->address.port == m->address.port &&
	       addr_is_wildcard(&l->address) != addr_is_wildcard(&m->address) &&
	       dispatch == DISPATCH_QUEUE && (l->receivers == 1 || m->receivers == 1);
}

/* Against the listeners before it. */
static void check_listener_twins(struct config_reading *r, size_t i)
{
	const struct config_listener *l = &r->config->listeners[i];
	const struct config_place place = config_reading_place(r, l->line);
	const struct key key = listener_key(r, i);

	for (size_t j = 0; j < i; j++) {
		const struct config_listener *twin = &r->config->listeners[j];
		const bool is_all = addr_is_wildcard(&l->address);

		if (addr_equal(&l->address, &twin->address))
			config_problem(&r->problems, place, key.text, "%s is %s already",
				show(&l->address).text, listener_key(r, j).text);
		else if (is_overlap(r->config->dispatch, l, twin))
			config_problem(&r->problems, place, key.text,
				"%s takes every address of that port, %s among them: leave one "
				"out",
				show(is_all ? &l->address : &twin->address).text,
				show(is_all ? &twin->address : &l->address).text);
		else
			continue;
		return;
	}
}

static void check_listeners(struct config_reading *r)
{
	const struct config *c = r->config;

	for (size_t i = 0; i < c->n_listeners; i++) {
		const struct config_listener *l = &c->listeners[i];
		const struct config_place place = config_reading_place(r, l->line);
		const char *why = l->address.family ? why_no_host(&l->address) : NULL;

		if (why)
			config_problem(&r->problems, place, listener_key(r, i).text, "%s %s",
				show(&l->address).text, why);
		if (l->address.family)
			check_listener_twins(r, i);
		if (c->dispatch == DISPATCH_DIRECT && l->receivers > 1)
			config_problem(&r->problems, place, listener_key(r, i).text,
				"receivers are for dispatch = \"queue\": with \"direct\" every "
				"worker reads a socket of its own");
	}
}

static void check_server_address(struct config_reading *r, size_t i)
{
	const struct server_params *s = &r->config->servers[i];
	const struct addr *a = &s->address;
	const char *why = addr_is_wildcard(a) ? "is the wildcard address" : why_no_host(a);

	if (why)
		config_problem(&r->problems, server_place(r, i), server_key(r, i, "").text, "%s %s",
			show(a).text, why);
}

static void check_server_source(struct config_reading *r, size_t i)
{
	const struct server_params *s = &r->config->servers[i];
	const struct key key = server_key(r, i, ".source");
	const char *why = addr_is_wildcard(&s->source)
				  ? "is the wildcard address: leave source out instead"
				  : why_no_host(&s->source);

	if (why)
		config_problem(&r->problems, server_place(r, i), key.text, "%s %s",
			show(&s->source).text, why);
	else if (s->address.family && s->address.family != s->source.family)
		config_problem(&r->problems, server_place(r, i), key.text,
			"%s and the server's address %s are of different families: expected both "
			"IPv4 or both IPv6",
			show(&s->source).text, show(&s->address).text);
}

/* Against the servers before it. */
static void check_server_twins(struct config_reading *r, size_t i)
{
	const struct server_params *s = &r->config->servers[i];

	for (size_t j = 0; j < i; j++) {
		const struct server_params *twin = &r->config->servers[j];

		if (twin->address.family == 0)
			continue;
		if (addr_equal(&s->address, &twin->address) &&
			addr_equal(&s->source, &twin->source))
			config_problem(&r->problems, server_place(r, i), server_key(r, i, "").text,
				"%s is %s already", show(&s->address).text,
				server_key(r, j, "").text);
		else if (strcmp(s->name, twin->name) == 0 &&
			 strcmp(s->name, CONFIG_NAME_UNREAD) != 0)
			config_problem(&r->problems, server_place(r, i),
				server_key(r, i, ".name").text,
				"\"%s\" is the name of %s already%s", s->name,
				server_key(r, j, "").text,
				strcmp(s->name, show(&s->address).text) == 0 ? "; give it a name"
									     : "");
		else
			continue;
		return;
	}
}

/* Is it an address of this host? 127/8 and ::1 are, whatever the interfaces say. */
static bool is_local(const struct addr *a, const struct ifaddrs *interfaces)
{
	if (addr_is_loopback(a))
		return true;
	for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
		struct sockaddr_storage ss = { 0 };
		struct addr local;

		if (!i->ifa_addr || i->ifa_addr->sa_family != a->family)
			continue;
		memcpy(&ss, i->ifa_addr,
			a->family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6));
		if (addr_from_sockaddr(&ss, &local) && addr_same_host(&local, a))
			return true;
	}
	return false;
}

/* A query to such a server would come back to us, and again. */
static void check_loop(struct config_reading *r, size_t i, const struct ifaddrs *interfaces)
{
	const struct config *c = r->config;
	const struct addr *a = &c->servers[i].address;

	for (size_t j = 0; j < c->n_listeners; j++) {
		const struct addr *l = &c->listeners[j].address;

		if (l->family != a->family || l->port != a->port)
			continue;
		if (!addr_same_host(l, a) && !(addr_is_wildcard(l) && is_local(a, interfaces)))
			continue;
		config_problem(&r->problems, server_place(r, i), server_key(r, i, "").text,
			"%s is where we listen ourselves: %s%s; its queries would come back to us: "
			"give the server or %s another address or port",
			show(a).text, show(l).text,
			c->listeners[j].is_default ? ", by default" : "",
			is_command_line(r) ? "-l" : "`listen`");
		return;
	}
}

static void check_servers(struct config_reading *r)
{
	const struct config *c = r->config;
	struct ifaddrs *interfaces = NULL;

	if (getifaddrs(&interfaces) == -1)
		interfaces = NULL; /* a check less */
	for (size_t i = 0; i < c->n_servers; i++) {
		struct server_params *s = &c->servers[i];

		if (s->source.family)
			check_server_source(r, i);
		if (s->address.family == 0)
			continue;
		if (s->name[0] == '\0')
			addr_format(&s->address, s->name, sizeof s->name);
		check_server_address(r, i);
		check_server_twins(r, i);
		check_loop(r, i, interfaces);
	}
	freeifaddrs(interfaces);
}

/* Without a word of it in the file, an attempt has its share of a short deadline, so that there is
 * time for every attempt. */
static void check_attempts(struct config_reading *r)
{
	struct config *c = r->config;
	const int share = c->deadline_ms / c->attempts;
	const bool is_written = config_reading_line(r, "attempt_timeout_ms") != 0;

	if (!is_written && c->attempt_timeout_ms > share)
		c->attempt_timeout_ms = share;
	if (c->attempt_timeout_ms > c->deadline_ms)
		config_problem(&r->problems, place_of(r, "attempt_timeout_ms"),
			"attempt_timeout_ms",
			"%d is more than deadline_ms, %d: lower it, or raise that",
			c->attempt_timeout_ms, c->deadline_ms);
	if (c->hedge_percent > 0 && c->attempts == 1)
		config_problem(&r->problems, place_of(r, "hedge.percent"), "hedge.percent",
			"%d, but a hedge is a second attempt, and attempts is 1: raise attempts "
			"to 2 or 3, or set hedge.percent to 0",
			c->hedge_percent);
}

/* What is too many however many CPUs there are: one worker, and one socket for each server, are the
 * least where no number is written. The start plans the sockets with what it finds. */
static void check_sockets(struct config_reading *r)
{
	const struct config *c = r->config;
	const size_t n_workers = c->workers > 0 ? (size_t)c->workers : 1;
	const size_t n_sockets = c->upstream_sockets > 0 ? (size_t)c->upstream_sockets : 1;
	const size_t pairs = c->n_servers * n_workers;

	if (pairs * n_sockets <= CONFIG_SOCKETS_MAX)
		return;
	if (pairs <= CONFIG_SOCKETS_MAX)
		config_problem(&r->problems, place_of(r, "upstream_sockets"), "upstream_sockets",
			"%zu for each of %zu server%s and %zu worker%s are %zu sockets, and %d are "
			"allowed: expected at most %zu%s",
			n_sockets, c->n_servers, c->n_servers > 1 ? "s" : "", n_workers,
			n_workers > 1 ? "s" : "", pairs * n_sockets, CONFIG_SOCKETS_MAX,
			CONFIG_SOCKETS_MAX / pairs, n_workers > 1 ? ", or fewer workers" : "");
	else
		config_problem(&r->problems, place_of(r, "workers"), "workers",
			"%zu with %zu servers need %zu sockets, one for each pair, and %d are "
			"allowed: expected at most %zu",
			n_workers, c->n_servers, pairs, CONFIG_SOCKETS_MAX,
			CONFIG_SOCKETS_MAX / c->n_servers);
}

/* Drained and forced down alike are said by the operator: then who shall be asked? */
static void check_all_taken_out(struct config_reading *r)
{
	const struct config *c = r->config;
	size_t n_drain = 0, n_down = 0;

	for (size_t i = 0; i < c->n_servers; i++) {
		n_drain += c->servers[i].mode == SERVER_DRAIN;
		n_down += c->servers[i].mode == SERVER_FORCED_DOWN;
	}
	if (c->n_servers == 0 || n_drain + n_down < c->n_servers)
		return;
	if (n_drain > 0)
		config_problem(&r->problems, server_place(r, 0), "servers",
			"the state of every server is drain or down: who shall be asked? Set "
			"one that can answer to auto");
	else if (r->problems.n == 0)
		config_warning(&r->problems, server_place(r, 0), "servers",
			"the state of every server is down: no query will be answered; set one to "
			"auto");
}

/* The last attempt begins when those before it have had their time. */
static void warn_of_attempts(struct config_reading *r)
{
	const struct config *c = r->config;
	const int begin_ms = (c->attempts - 1) * c->attempt_timeout_ms;

	if (!(c->retry_on & RETRY_ON_TIMEOUT) || begin_ms < c->deadline_ms)
		return;
	config_warning(&r->problems, place_of_either(r, "attempt_timeout_ms", "deadline_ms"),
		"attempt_timeout_ms",
		"after silence attempt %d is never made: it would begin after %d ms, and "
		"deadline_ms is %d; set attempt_timeout_ms to %d or less, or attempts to %d",
		c->attempts, begin_ms, c->deadline_ms, c->deadline_ms / c->attempts,
		(c->deadline_ms - 1) / c->attempt_timeout_ms + 1);
}

static void warn_of_latency(struct config_reading *r)
{
	const struct config *c = r->config;
	const bool goes_by_weight = c->policy != POLICY_HASH && c->policy != POLICY_CLIENT_HASH &&
				    c->policy != POLICY_FIRST_AVAILABLE;

	if (c->latency == LATENCY_ON && !goes_by_weight)
		config_warning(&r->problems, place_of(r, "latency"), "latency",
			"\"on\" has no effect with the policy %s, which does not draw by weight",
			policy_table[c->policy]->name);
}

void config_check(struct config_reading *r)
{
	check_listeners(r);
	check_servers(r);
	config_health_check(r);
	check_attempts(r);
	check_sockets(r);
	check_all_taken_out(r);
	if (r->problems.n > 0)
		return; /* what is hardly meant can wait until it is read in full */
	warn_of_attempts(r);
	warn_of_latency(r);
}
