/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli - the command line: which of its jobs the program is asked to do, and with what. Decides
 * and checks nothing but the shape of the command line; whether addresses and files are any good
 * is config's business. Single thread (main): getopt keeps its state in globals. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CLI_EXIT_USAGE 2 /* of CLI_USAGE and CLI_BAD; errors while starting exit 1 */

enum cli_action {
	CLI_RUN, /* balance: over what the file says, or over `servers` */
	CLI_CHECK, /* read the configuration, say what is wrong, exit 0 or 1 */
	CLI_PRINT_OPTIONS, /* the table of configuration keys to stdout */
	CLI_DEMO, /* balance over built-in servers */
	CLI_VERSION, /* to stdout, exit 0 */
	CLI_HELP, /* usage to stdout, exit 0 */
	CLI_USAGE, /* no arguments at all: usage to stderr, CLI_EXIT_USAGE */
	CLI_BAD, /* `message` to stderr, CLI_EXIT_USAGE */
};

struct cli {
	enum cli_action action;
	/* All texts below are the caller's argv. */
	const char *config_path; /* NULL: none; for RUN and CHECK either this or servers */
	const char *listen; /* NULL: not given; for RUN and CHECK with servers, and for DEMO */
	char *const *servers;
	size_t n_servers;
	bool verbose;
	char message[256]; /* one sentence without a newline; empty unless CLI_BAD */
};

/* Always fills *cli_out. Options may stand before, between and behind the servers: the order of
 * argv changes (getopt moves the servers to its end), and it must stay as long as *cli_out. */
void cli_parse(int argc, char **argv, struct cli *cli_out);

void cli_print_usage(FILE *out);
