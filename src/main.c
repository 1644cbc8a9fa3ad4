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

#include "base/log.h"
#include "cli.h"
#include "config/config.h"
#include "daemon.h"
#include "demo.h"

static void print_messages(const struct config_messages *messages)
{
	for (size_t i = 0; i < messages->n; i++)
		fprintf(stderr, "dnsbal: %s\n", messages->text[i]);
}

/* The configuration of this command line: 0, or the exit code, and why has been told. */
static int read_config(const struct cli *cli, const char *path, struct config *config_out)
{
	struct config_messages messages = { 0 };
	int rc = path ? config_load(path, config_out, &messages)
		      : config_from_arguments(cli->listen, cli->servers, cli->n_servers, config_out,
				&messages);

	print_messages(&messages);
	config_messages_free(&messages);
	return rc == 0 ? 0 : path ? 1 : CLI_EXIT_USAGE;
}

static int check(const struct cli *cli)
{
	struct config config;

	int code = read_config(cli, cli->config_path, &config);
	if (code != 0)
		return code;
	printf("%s: good: %zu server%s\n", cli->config_path ? cli->config_path : "command line",
		config.n_servers, config.n_servers == 1 ? "" : "s");
	config_free(&config);
	return 0;
}

static int run(const struct cli *cli)
{
	char absolute[PATH_MAX];
	const char *path = NULL;
	struct config config;

	if (cli->config_path) {
		/* The working directory will be the file's; its name must hold all the same. A path
		 * that cannot be resolved is told by the reading of it. */
		path = realpath(cli->config_path, absolute) ? absolute : cli->config_path;
	}
	int code = read_config(cli, path, &config);
	if (code != 0)
		return code;
	if (cli->verbose && config.log.level < LOG_LEVEL_INFO)
		config.log.level = LOG_LEVEL_INFO; /* where -v tells what it tells */
	if (log_open(&config.log) < 0)
		log_warning("the log cannot go where log.destination says: messages go to stderr");
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
