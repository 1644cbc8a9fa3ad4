/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * main - from the command line to one of the program's jobs, and its exit code: 0 good, 1 it could
 * not start or the configuration is bad, 2 the command line is wrong. */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cli.h"
#include "config/config.h"
#include "cost.h"
#include "daemon.h"
#include "demo.h"
#include "plan.h"
#include "privilege.h"

static void print_messages(const struct config_messages *messages)
{
	for (size_t i = 0; i < messages->n; i++)
		fprintf(stderr, "dnsbal: %s\n", messages->text[i]);
}

/* The configuration of this command line: 0, with warnings for the caller to tell and free, or the exit
 * code, and why has been told. */
static int read_config(const struct cli *cli, const char *path, struct config *config_out,
	struct config_messages *warnings_out)
{
	struct config_messages messages = { 0 };
	int rc = path ? config_load(path, config_out, &messages)
		      : config_from_arguments(
				cli->listen, cli->servers, cli->n_servers, config_out, &messages);

	*warnings_out = messages;
	if (rc == 0)
		return 0;
	print_messages(&messages);
	config_messages_free(warnings_out);
	return path ? 1 : CLI_EXIT_USAGE;
}

/* The file's absolute name, in `absolute`: the working directory will be the file's. What cannot be
 * resolved stays as it is, for the reading to tell. NULL without a file. */
static const char *config_path(const struct cli *cli, char absolute[PATH_MAX])
{
	if (!cli->config_path)
		return NULL;
	return realpath(cli->config_path, absolute) ? absolute : cli->config_path;
}

/* What a start would find of the user: that there is one, and that it may read the file. Becomes that
 * user, as the start does. */
static bool check_user(const char *path, const struct config *c)
{
	struct privilege_message message;
	const char *where = "";

	if (privilege_become(c->user, false, &message) < 0)
		where = c->user_where ? c->user_where : "";
	else if (privilege_can_read(path, c->user, &message) == 0)
		return true;
	fprintf(stderr, "dnsbal: %s%s\n", where, message.text);
	return false;
}

/* -t -v: what it would cost to run. The sockets are planned before the user changes, as at a start. */
static bool plan_cost(const struct config *c, struct cost_params *cost_out)
{
	char message[256];

	*cost_out = (struct cost_params){ .config = c, .n_workers = plan_workers(c) };
	int rc = plan_sockets(c, cost_out->n_workers, &cost_out->sockets, &cost_out->file_limit,
		message, sizeof message);
	if (message[0])
		fprintf(stderr, "dnsbal: %s\n", message);
	return rc == 0;
}

static bool print_cost(const struct cost_params *cost)
{
	int rc = cost_print(cost, stdout);

	if (rc < 0)
		fprintf(stderr, "dnsbal: cannot work out the memory: %s\n", err_text(rc));
	return rc == 0;
}

/* What a start would warn of beside what the configuration itself does. */
static void warn_of_start(const struct config *c)
{
	char message[256];

	for (size_t i = 0; i < c->n_listeners; i++) {
		if (plan_is_public(c, &c->listeners[i].address, message, sizeof message))
			fprintf(stderr, "dnsbal: warning: %s\n", message);
	}
}

static int check(const struct cli *cli)
{
	char absolute[PATH_MAX];
	const char *path = config_path(cli, absolute);
	struct config config;
	struct config_messages warnings;
	int code = read_config(cli, path, &config, &warnings);

	if (code != 0)
		return code;
	print_messages(&warnings);
	config_messages_free(&warnings);
	warn_of_start(&config);
	struct cost_params cost;
	bool is_good = !cli->verbose || plan_cost(&config, &cost);
	is_good &= !path || check_user(path, &config); /* told as well */
	if (!is_good) {
		code = 1;
	} else {
		printf("%s: good: %zu server%s\n", path ? cli->config_path : "command line",
			config.n_servers, config.n_servers == 1 ? "" : "s");
		code = cli->verbose && !print_cost(&cost);
	}
	config_free(&config);
	return code;
}

/* From here on messages go where, and look as, the configuration says; its own warnings, too. */
static void begin_log(const struct log_params *params, const struct config_messages *warnings)
{
	if (log_open(params) < 0)
		log_warning(
			"log.destination = \"%s\": it cannot be reached from here; messages go to "
			"stderr",
			params->destination == LOG_TO_SYSLOG ? "syslog" : "journal");
	for (size_t i = 0; i < warnings->n; i++)
		log_warning("%s", warnings->text[i]);
}

static int run(const struct cli *cli)
{
	char absolute[PATH_MAX];
	const char *path = config_path(cli, absolute);
	struct config config;
	struct config_messages warnings;
	int code = read_config(cli, path, &config, &warnings);

	if (code != 0)
		return code;
	if (cli->verbose && config.log.level < LOG_LEVEL_INFO)
		config.log.level = LOG_LEVEL_INFO; /* where -v tells what it tells */
	begin_log(&config.log, &warnings);
	config_messages_free(&warnings);
	code = daemon_run(&(struct daemon_params){
		.config = &config,
		.config_path = path,
		/* Who types servers on a command line has no user made for the service. */
		.user = path ? config.user : "nobody",
		.trace = cli->verbose,
	});
	config_free(&config);
	log_close();
	return code;
}

int main(int argc, char **argv)
{
	struct cli cli;

	cli_parse(argc, argv, &cli);
	if (sodium_init() < 0) {
		fputs("dnsbal: the system has no source of randomness\n", stderr);
		return 1;
	}
	switch (cli.action) {
	case CLI_RUN:
		daemon_block_signals();
		return run(&cli);
	case CLI_DEMO:
		daemon_block_signals();
		return demo_run(cli.listen, cli.verbose);
	case CLI_CHECK:
		return check(&cli);
	case CLI_PRINT_OPTIONS:
		config_print_options(stdout);
		return 0;
	case CLI_VERSION:
		puts("dnsbal " PACKAGE_VERSION);
		return 0;
	case CLI_HELP:
		cli_print_usage(stdout);
		return 0;
	case CLI_USAGE:
		cli_print_usage(stderr);
		return CLI_EXIT_USAGE;
	case CLI_BAD:
		fprintf(stderr, "dnsbal: %s\n", cli.message);
		return CLI_EXIT_USAGE;
	}
	return CLI_EXIT_USAGE;
}
