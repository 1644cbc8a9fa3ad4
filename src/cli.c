/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * getopt_long knows the options, a table knows which of them make sense together: an option that
 * would be ignored silently is an error instead. The first error found is the message. */
#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

enum { /* values of the options without a letter: beyond any character */
	OPTION_PRINT_OPTIONS = 256,
	OPTION_DEMO,
};

static const char short_options[] = ":c:tvl:Vh"; /* ':' first: a missing argument is told apart */
static const struct option long_options[] = {
	{ "check", no_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "print-options", no_argument, NULL, OPTION_PRINT_OPTIONS },
	{ "demo", no_argument, NULL, OPTION_DEMO },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* What each action goes with; RUN and CHECK need exactly one of file and servers besides. */
static const struct {
	const char *name; /* as in messages */
	bool with_config, with_servers, with_listen;
} actions[] = {
	[CLI_RUN] = { "", true, true, true },
	[CLI_CHECK] = { "-t", true, true, true },
	[CLI_PRINT_OPTIONS] = { "--print-options", false, false, false },
	[CLI_DEMO] = { "--demo", false, false, true },
};

__attribute__((format(printf, 2, 3))) static void bad(struct cli *cli, const char *format, ...)
{
	va_list args;

	if (cli->action == CLI_BAD)
		return;
	cli->action = CLI_BAD;
	va_start(args, format);
	vsnprintf(cli->message, sizeof cli->message, format, args);
	va_end(args);
	for (char *c = cli->message; *c; c++) { /* arguments are quoted in it: keep it one line */
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

static void set_action(struct cli *cli, enum cli_action action)
{
	if (cli->action == CLI_RUN)
		cli->action = action;
	else if (cli->action != CLI_BAD && cli->action != action)
		bad(cli, "%s and %s cannot be used together", actions[cli->action].name,
			actions[action].name);
}

static void set_text(struct cli *cli, const char **target, char letter, const char *value)
{
	if (*target)
		bad(cli, "-%c can be given only once", letter);
	else if (!*value)
		bad(cli, "-%c needs an argument, not an empty text", letter);
	*target = value;
}

/* getopt said '?' and left in optopt: 0 for an unknown long option, its value for one with an
 * argument that it does not take, else the unknown letter (of which `argument` says nothing:
 * within a cluster it is the one before). */
static void set_unknown(struct cli *cli, const char *argument)
{
	int name_len = (int)strcspn(argument, "=");
	const struct option *known = long_options;

	while (known->name && known->val != optopt)
		known++;
	if (optopt == 0)
		bad(cli, "unknown option '%.*s'", name_len, argument);
	else if (known->name)
		bad(cli, "option '%.*s' takes no argument", name_len, argument);
	else
		bad(cli, "unknown option '-%c'", optopt);
}

/* False after -h or -V: they are answered whatever else is asked. */
static bool take_option(struct cli *cli, int option, const char *argument)
{
	switch (option) {
	case 'c':
		set_text(cli, &cli->config_path, 'c', optarg);
		break;
	case 'l':
		set_text(cli, &cli->listen, 'l', optarg);
		break;
	case 't':
		set_action(cli, CLI_CHECK);
		break;
	case 'v':
		cli->verbose = true;
		break;
	case OPTION_PRINT_OPTIONS:
		set_action(cli, CLI_PRINT_OPTIONS);
		break;
	case OPTION_DEMO:
		set_action(cli, CLI_DEMO);
		break;
	case 'h':
	case 'V':
		cli->action = option == 'h' ? CLI_HELP : CLI_VERSION;
		cli->message[0] = '\0';
		return false;
	case ':':
		bad(cli, "option '-%c' needs an argument", optopt);
		break;
	default:
		set_unknown(cli, argument);
		break;
	}
	return true;
}

static void check_together(struct cli *cli)
{
	const char *name = actions[cli->action].name;
	bool needs_source = cli->action == CLI_RUN || cli->action == CLI_CHECK;

	if (cli->config_path && !actions[cli->action].with_config)
		bad(cli, "%s and -c cannot be used together", name);
	else if (cli->n_servers && !actions[cli->action].with_servers)
		bad(cli, "%s takes no servers, but '%s' was given", name, cli->servers[0]);
	else if (cli->listen && !actions[cli->action].with_listen)
		bad(cli, "%s and -l cannot be used together", name);
	else if (cli->config_path && cli->n_servers)
		bad(cli, "servers are named in the file of -c or as arguments, not both: '%s'",
			cli->servers[0]);
	else if (cli->config_path && cli->listen)
		bad(cli, "-l goes with servers as arguments; with -c, set `listen` in the file");
	else if (needs_source && !cli->config_path && !cli->n_servers)
		bad(cli, "%s needs a configuration file (-c FILE) or servers as arguments",
			cli->action == CLI_CHECK ? name : "dnsbal");
}

void cli_parse(int argc, char **argv, struct cli *cli_out)
{
	int option;

	*cli_out = (struct cli){ .action = CLI_RUN };
	if (argc <= 1) {
		cli_out->action = CLI_USAGE;
		return;
	}
	opterr = 0; /* the messages are ours */
	optind = 0; /* GNU: start anew, whatever was parsed before */
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (!take_option(cli_out, option, argv[optind - 1]))
			return;
	}
	cli_out->servers = argv + optind;
	cli_out->n_servers = (size_t)(argc - optind);
	if (cli_out->action != CLI_BAD)
		check_together(cli_out);
}

void cli_print_usage(FILE *out)
{
	fputs("Usage: dnsbal [-v] -c FILE                       balance as the file says\n"
	      "       dnsbal [-v] [-l ADDRESS[:PORT]] SERVER... balance over these servers\n"
	      "       dnsbal [-v] [-l ADDRESS[:PORT]] --demo    balance over built-in servers\n"
	      "       dnsbal -t [-v] -c FILE | SERVER...        check a configuration\n"
	      "\n"
	      "Spreads DNS queries over servers. Stays in the foreground.\n"
	      "\n"
	      "  -c FILE              read the configuration from FILE (see dnsbal.conf(5))\n"
	      "  -l ADDRESS[:PORT]    listen here; IPv6 with a port: [ADDRESS]:PORT\n"
	      "  -t, --check          check the configuration and exit: 0 good, 1 bad\n"
	      "  -v, --verbose        say what happens to queries; with -t, what it takes\n"
	      "      --demo           three built-in servers behind 127.0.0.1:5300\n"
	      "      --print-options  print every configuration key with type, range, default\n"
	      "  -V, --version        print the version\n"
	      "  -h, --help           print this\n"
	      "\n"
	      "SERVER is ADDRESS or ADDRESS:PORT, port 53 if none is given.\n",
		out);
}
