/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tests of the command line: what is accepted, and that every contradiction is refused in words. */
#include "cli.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 12

static int count(char **argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

/* A fresh copy of the pointers each time, because getopt moves them. */
static struct cli parse(const char *const args[ARGS_MAX], char *argv[ARGS_MAX + 2])
{
	struct cli cli;

	argv[0] = "dnsbal";
	for (int i = 0; i < ARGS_MAX; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	argv[ARGS_MAX + 1] = NULL;
	memset(&cli, 0xa5, sizeof cli);
	cli_parse(count(argv), argv, &cli);
	return cli;
}

static const struct {
	const char *name;
	const char *args[ARGS_MAX];
	enum cli_action action;
	const char *config, *listen;
	const char *servers[4];
	bool verbose;
} good[] = {
	{ .name = "no arguments", .action = CLI_USAGE },
	{ "file", { "-c", "a.conf" }, CLI_RUN, "a.conf", NULL, { NULL }, false },
	{ "file, glued", { "-ca.conf" }, CLI_RUN, "a.conf", NULL, { NULL }, false },
	{ "file, verbose", { "-vca.conf" }, CLI_RUN, "a.conf", NULL, { NULL }, true },
	{ "check a file", { "-t", "-c", "a" }, CLI_CHECK, "a", NULL, { NULL }, false },
	{ "check, long", { "--check", "-c", "a" }, CLI_CHECK, "a", NULL, { NULL }, false },
	{ "check twice", { "-t", "-t", "-c", "a" }, CLI_CHECK, "a", NULL, { NULL }, false },
	{ "check servers", { "-t", "192.0.2.1" }, CLI_CHECK, NULL, NULL, { "192.0.2.1" }, false },
	{ "one server", { "192.0.2.1" }, CLI_RUN, NULL, NULL, { "192.0.2.1" }, false },
	{ "the original's", { "-v", "-l", "127.0.0.1:53", "a", "b", "c" }, CLI_RUN, NULL,
		"127.0.0.1:53", { "a", "b", "c" }, true },
	{ "options behind", { "a", "-l", "x", "b", "--verbose" }, CLI_RUN, NULL, "x", { "a", "b" },
		true },
	{ "after --", { "-l", "x", "--", "a", "-v" }, CLI_RUN, NULL, "x", { "a", "-v" }, false },
	{ "check with -l", { "-t", "-l", "x", "a" }, CLI_CHECK, NULL, "x", { "a" }, false },
	{ "demo", { "--demo" }, CLI_DEMO, NULL, NULL, { NULL }, false },
	{ "demo elsewhere", { "--demo", "-v", "-l", "x" }, CLI_DEMO, NULL, "x", { NULL }, true },
	{ "table", { "--print-options" }, CLI_PRINT_OPTIONS, NULL, NULL, { NULL }, false },
};

Test(cli, good_lines_are_understood)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char *argv[ARGS_MAX + 2];
		struct cli cli = parse(good[i].args, argv);
		size_t n = 0;

		while (n < 4 && good[i].servers[n])
			n++;
		cr_expect_eq(cli.action, good[i].action, "%s: action %d, message '%s'",
			good[i].name, cli.action, cli.message);
		cr_expect_str_empty(cli.message, "%s: '%s'", good[i].name, cli.message);
		cr_expect_eq(cli.verbose, good[i].verbose, "%s", good[i].name);
		cr_expect_eq(cli.n_servers, n, "%s: %zu servers", good[i].name, cli.n_servers);
		for (size_t s = 0; s < n && s < cli.n_servers; s++)
			cr_expect_str_eq(cli.servers[s], good[i].servers[s], "%s", good[i].name);
		cr_expect_eq(!cli.config_path, !good[i].config, "%s: -c", good[i].name);
		cr_expect_eq(!cli.listen, !good[i].listen, "%s: -l", good[i].name);
		if (cli.config_path && good[i].config)
			cr_expect_str_eq(cli.config_path, good[i].config, "%s", good[i].name);
		if (cli.listen && good[i].listen)
			cr_expect_str_eq(cli.listen, good[i].listen, "%s", good[i].name);
	}
}

static const struct {
	const char *name;
	const char *args[ARGS_MAX];
	const char *words; /* must be in the message */
} wrong[] = {
	{ "file and servers", { "-c", "a", "192.0.2.1" }, "192.0.2.1" },
	{ "file and -l", { "-c", "a", "-l", "x" }, "`listen` in the file" },
	{ "check nothing", { "-t" }, "-t needs a configuration file" },
	{ "nothing but -v", { "-v" }, "dnsbal needs a configuration file" },
	{ "nothing but -l", { "-l", "x" }, "-c FILE" },
	{ "nothing but --", { "--" }, "-c FILE" },
	{ "check file and servers", { "-t", "-c", "a", "b" }, "not both: 'b'" },
	{ "two files", { "-c", "a", "-c", "b" }, "-c can be given only once" },
	{ "two -l", { "-l", "a", "-l", "b", "s" }, "-l can be given only once" },
	{ "empty file", { "-c", "" }, "-c needs an argument" },
	{ "empty -l", { "-l", "", "s" }, "-l needs an argument" },
	{ "-c at the end", { "-v", "-c" }, "'-c' needs an argument" },
	{ "-l at the end", { "s", "-l" }, "'-l' needs an argument" },
	{ "unknown letter", { "-x" }, "unknown option '-x'" },
	{ "unknown letter in a cluster", { "-vxt" }, "unknown option '-x'" },
	{ "unknown letter behind a word", { "--check", "-vxt" }, "unknown option '-x'" },
	{ "unknown word", { "--verbosely", "s" }, "unknown option '--verbosely'" },
	{ "unknown word with value", { "--port=53" }, "unknown option '--port'" },
	{ "ambiguous word", { "--ver", "s" }, "unknown option '--ver'" },
	{ "unwanted value", { "--check=yes", "s" }, "'--check' takes no argument" },
	{ "unwanted value, no letter", { "--demo=3" }, "'--demo' takes no argument" },
	{ "demo and file", { "--demo", "-c", "a" }, "--demo and -c" },
	{ "demo and servers", { "--demo", "s" }, "'s'" },
	{ "demo and check", { "--demo", "-t" }, "--demo and -t" },
	{ "table and demo", { "--print-options", "--demo" }, "--print-options and --demo" },
	{ "table and file", { "--print-options", "-c", "a" }, "--print-options and -c" },
	{ "table and -l", { "--print-options", "-l", "a" }, "--print-options and -l" },
	{ "table and server", { "--print-options", "a" }, "--print-options takes no servers" },
	{ "control characters", { "--demo", "a\nb\x1b[m" }, "'a?b?[m'" },
	{ "first error wins", { "-x", "-c", "a", "b" }, "unknown option '-x'" },
};

Test(cli, contradictions_are_refused_in_words)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		char *argv[ARGS_MAX + 2];
		struct cli cli = parse(wrong[i].args, argv);

		cr_expect_eq(cli.action, CLI_BAD, "%s: action %d", wrong[i].name, cli.action);
		cr_expect(strstr(cli.message, wrong[i].words), "%s: '%s' lacks '%s'", wrong[i].name,
			cli.message, wrong[i].words);
		cr_expect_null(strchr(cli.message, '\n'), "%s", wrong[i].name);
	}
}

static const struct {
	const char *name;
	const char *args[ARGS_MAX];
	enum cli_action action;
} answered[] = {
	{ "-h", { "-h" }, CLI_HELP },
	{ "--help", { "--help" }, CLI_HELP },
	{ "-V", { "-V" }, CLI_VERSION },
	{ "--version", { "--version" }, CLI_VERSION },
	{ "help with servers", { "a", "-h" }, CLI_HELP },
	{ "help after an error", { "-x", "--help" }, CLI_HELP },
	{ "version after a contradiction", { "--demo", "-t", "-V" }, CLI_VERSION },
	{ "the first of the two", { "-V", "-h" }, CLI_VERSION },
};

Test(cli, help_and_version_are_always_answered)
{
	for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
		char *argv[ARGS_MAX + 2];
		struct cli cli = parse(answered[i].args, argv);

		cr_expect_eq(cli.action, answered[i].action, "%s: action %d", answered[i].name,
			cli.action);
		cr_expect_str_empty(cli.message, "%s", answered[i].name);
	}
}

Test(cli, survives_an_empty_argv)
{
	char *argv[] = { NULL };
	struct cli cli;

	cli_parse(0, argv, &cli);
	cr_expect_eq(cli.action, CLI_USAGE);
}

Test(cli, long_arguments_cut_the_message_and_nothing_else)
{
	char server[4096], *argv[] = { "dnsbal", "--demo", server, NULL };
	struct cli cli;

	memset(server, 's', sizeof server);
	server[sizeof server - 1] = '\0';
	cli_parse(3, argv, &cli);
	cr_expect_eq(cli.action, CLI_BAD);
	cr_expect_eq(strlen(cli.message), sizeof cli.message - 1);
}

Test(cli, usage_names_every_option)
{
	static const char *const words[] = { "-c FILE", "-l ADDRESS[:PORT]", "-t, --check",
		"-v, --verbose", "--print-options", "--demo", "-V, --version", "-h, --help" };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	cr_assert_not_null(f);
	cli_print_usage(f);
	fclose(f);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		cr_expect(strstr(text, words[i]), "usage lacks '%s'", words[i]);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		cr_expect_leq(strcspn(line, "\n"), 80, "too wide: %.20s", line);
	free(text);
}
