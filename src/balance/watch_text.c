/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the watch tells, in words. The only part of it that formats text. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "balance/pool.h"
#include "balance/watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/addr.h"
#include "wire/message.h"
#include "wire/text.h"

/* Text under construction: cut at the end of its place. */
struct text {
	char *out;
	size_t size, len;
};

static void add(struct text *t, const char *format, ...) LOG_PRINTF(2, 3);

static void add(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(t->out + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n;
	if (t->len >= t->size)
		t->len = t->size - 1;
}

static void add_probe(struct text *t, const struct watch_event *e, const char *probe)
{
	char rcode[TEXT_RCODE_MAX];

	switch (e->outcome) {
	case PROBE_ANSWERED:
		add(t, "it answers \"%s\" with %s", probe, text_rcode(e->rcode, rcode));
		if (e->rcode == RCODE_REFUSED && e->to != SERVER_UP)
			add(t, " (set health.qname to a name that it serves)");
		break;
	case PROBE_TIMED_OUT:
		add(t, "no reply to \"%s\" within %lld ms", probe,
			(long long)(e->timeout_ns / CLOCK_NS_PER_MS));
		break;
	case PROBE_UNREACHABLE:
	case PROBE_NOT_SENT:
		add(t, "it is unreachable");
		break;
	}
}

static void add_sign(struct text *t, const struct watch_event *e)
{
	switch (e->sign) {
	case SIGN_SILENT:
		add(t, "%u queries without a reply", e->n);
		break;
	case SIGN_UNREACHABLE:
		add(t, "a query found it unreachable");
		break;
	case SIGN_BETTERED:
		add(t, "a SERVFAIL or REFUSED that another server bettered");
		break;
	case SIGN_BLAMED:
		add(t, "%d times in a row its SERVFAIL or REFUSED was bettered by another server",
			BLAME_COUNT);
		break;
	}
}

static void add_up(struct text *t, const struct watch_event *e, const char *probe)
{
	add(t, " is up: ");
	switch (e->reason) {
	case WATCH_BY_TESTS:
		add(t, "it answered two test queries");
		break;
	case WATCH_BY_TIME:
		add(t, "its ejection is over");
		break;
	case WATCH_BY_PROBES:
	case WATCH_BY_FIRST_PROBE:
	case WATCH_BY_SIGN:
		add_probe(t, e, probe);
		break;
	}
}

/* What the operator may look at. */
static const char *advice(enum probe_outcome outcome)
{
	switch (outcome) {
	case PROBE_ANSWERED:
	case PROBE_NOT_SENT: /* it is we who lack something */
		break;
	case PROBE_TIMED_OUT:
		return "; does it run, and is there a firewall between?";
	case PROBE_UNREACHABLE:
		return "; does it run, and listen on that address and port?";
	}
	return "";
}

static void add_down(struct text *t, const struct watch_event *e, const char *probe)
{
	switch (e->reason) {
	case WATCH_BY_FIRST_PROBE:
		add(t, " is down at start: ");
		break;
	case WATCH_BY_SIGN:
		add(t, " is down: ");
		add_sign(t, e);
		add(t, "; confirmed: ");
		break;
	case WATCH_BY_PROBES:
	case WATCH_BY_TESTS:
	case WATCH_BY_TIME:
		add(t, " is down after %u failed probes: ", e->n);
		break;
	}
	add_probe(t, e, probe);
	if (e->reason == WATCH_BY_FIRST_PROBE)
		add(t, "%s", advice(e->outcome));
	if (e->hold_ns > 0)
		add(t, "; out %u times of late, so for at least %.1f s", e->n_recent,
			(double)e->hold_ns / CLOCK_NS_PER_S);
}

static void add_state(struct text *t, const struct watch_event *e, const char *probe)
{
	switch (e->to) {
	case SERVER_UP:
		add_up(t, e, probe);
		break;
	case SERVER_EJECTED:
		add(t, " is ejected for at most %.1f s: ", (double)e->hold_ns / CLOCK_NS_PER_S);
		add_sign(t, e);
		break;
	case SERVER_DOWN:
	case SERVER_UNKNOWN:
		add_down(t, e, probe);
		break;
	}
}

static void add_shares(struct text *t, const struct pool *pool)
{
	uint32_t before = 0;

	add(t, "queries go to ");
	for (size_t i = 0; i < pool->n_tiers; i++) {
		uint32_t end = atomic_load_explicit(&pool->tier_share[i], memory_order_relaxed);

		add(t, "%stier %u: %.0f %%", i > 0 ? ", " : "", pool->tiers[i].number,
			(end - before) * 100.0 / SERVER_SHARE_FULL);
		before = end;
	}
}

static void add_server(struct text *t, const struct pool *pool, size_t server, bool with_address)
{
	const struct server_params *s = &pool->servers[server].params;
	char address[ADDR_TEXT_MAX];

	add(t, "server %s", s->name);
	addr_format(&s->address, address, sizeof address);
	/* who has no name is called by its address */
	if (with_address && strcmp(s->name, address) != 0)
		add(t, " (%s)", address);
}

/* Those that are about a server, behind its name. */
static void add_of_server(struct text *t, const struct watch_event *e, const char *probe)
{
	switch (e->kind) {
	case WATCH_STATE:
		add_state(t, e, probe);
		break;
	case WATCH_SUSPECT:
		add(t, " is suspect: ");
		add_sign(t, e);
		break;
	case WATCH_CLEARED:
		add(t, " is no longer suspect: it answers \"%s\"", probe);
		break;
	case WATCH_NOT_EJECTED:
		add(t, " stays, for eject.max_percent allows no more ejections: ");
		add_sign(t, e);
		break;
	case WATCH_DEAD_SOCKETS:
		add(t, ": sockets to it were dead and have been replaced");
		break;
	case WATCH_SHORTAGE:
		add(t, " cannot be probed for want of sockets or memory");
		break;
	case WATCH_REFUSES_DEFAULT:
		add(t,
			" refuses the probe \"%s\" and counts as up: set health.qname to a name "
			"that the servers answer",
			probe);
		break;
	case WATCH_PANIC:
	case WATCH_NO_PANIC:
	case WATCH_NOBODY_UP:
	case WATCH_SHARES:
		break; /* of the pool */
	}
}

const char *watch_event_text(const struct watch_event *e, const struct pool *pool,
	const char *probe, char *out, size_t size)
{
	struct text t = { .out = out, .size = size };

	switch (e->kind) {
	case WATCH_PANIC:
		add(&t, "too few servers are up: those that are ejected are asked as well");
		break;
	case WATCH_NO_PANIC:
		add(&t, "enough servers are up or none is ejected: ejections count again");
		break;
	case WATCH_NOBODY_UP:
		add(&t, "no server is up: those that drain are asked if they answer probes, else "
			"all "
			"that are not forced down");
		break;
	case WATCH_SHARES:
		add_shares(&t, pool);
		break;
	default:
		add_server(&t, pool, e->server, e->kind == WATCH_STATE);
		add_of_server(&t, e, probe);
		break;
	}
	return out;
}
