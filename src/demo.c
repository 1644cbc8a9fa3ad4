/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The demo is the real thing: the servers are asked over real sockets, configured through the same
 * door as `dnsbal SERVER...`. As root it runs as nobody. */
#include "demo.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cli.h"
#include "config/config.h"
#include "daemon.h"
#include "privilege.h"
#include "services/demo_server.h"

#define DEMO_SERVERS 3
#define DEMO_USER "nobody"
#define DEMO_LISTEN "127.0.0.1:5300"

/* The line to try. */
static void greet(const struct config *c, char *out, size_t size)
{
	const struct addr *a = &c->listeners[0].address;
	struct addr host = *a;
	char text[ADDR_TEXT_MAX];

	host.port = 0;
	addr_format(&host, text, sizeof text);
	snprintf(out, size,
		"Balancing over %d demo servers. Try, some times over:\n\n"
		"    dig @%s -p %u example.com TXT +short\n\n"
		"End with Ctrl-C.",
		DEMO_SERVERS, text, a->port);
}

static int run_over(const struct demo_servers *servers, const char *listen, bool trace)
{
	char addresses[DEMO_SERVERS][ADDR_TEXT_MAX], greeting[512];
	char *names[DEMO_SERVERS];
	struct config config;
	struct config_messages messages = { 0 };

	for (size_t i = 0; i < DEMO_SERVERS; i++) {
		struct addr a = demo_servers_address(servers, i);

		names[i] = addr_format(&a, addresses[i], sizeof addresses[i]);
	}
	if (config_from_arguments(
		    listen ? listen : DEMO_LISTEN, names, DEMO_SERVERS, &config, &messages) < 0) {
		for (size_t i = 0; i < messages.n; i++)
			log_error("%s", messages.text[i]);
		config_messages_free(&messages);
		return CLI_EXIT_USAGE; /* the servers are ours: only -l can be wrong */
	}
	log_open(&config.log);
	greet(&config, greeting, sizeof greeting);
	int code = daemon_run(&(struct daemon_params){
		.config = &config,
		.user = DEMO_USER,
		.trace = trace,
		.greeting = greeting,
	});
	config_free(&config);
	config_messages_free(&messages);
	return code;
}

int demo_run(const char *listen, bool trace)
{
	struct demo_servers *servers;
	struct privilege_message message;

	/* Before the first thread: each has the privileges of the one that made it. */
	if (privilege_become(DEMO_USER, true, &message) < 0) {
		log_error("%s", message.text);
		return 1;
	}
	if (demo_servers_start(DEMO_SERVERS, &servers) < 0) {
		log_error("cannot start the demo servers on 127.0.0.1");
		return 1;
	}
	int code = run_over(servers, listen, trace);
	demo_servers_stop(&servers);
	return code;
}
