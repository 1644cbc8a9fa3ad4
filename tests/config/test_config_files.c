/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files of tests/data/config: each of good/ must load; each of bad/ must be refused, and each of
 * warned/ load, and both must say what their head expects, line by line, and nothing else. */
#include "config/config.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/problem.h"

#ifndef TEST_DATA_DIR
#define TEST_DATA_DIR "tests/data"
#endif

#define TEXT_MAX 4096

static struct config config;
static struct config_messages messages;

static void forget(void)
{
	config_free(&config);
	config_messages_free(&messages);
}

/* Names of the .conf files of a folder below tests/data/config, absolute, in order; NULL-ended. */
static char **list_files(const char *folder)
{
	char path[TEXT_MAX];
	struct dirent **entries;

	cr_assert(realpath(TEST_DATA_DIR "/config", path), "no " TEST_DATA_DIR "/config");
	strcat(path, folder);
	const int n = scandir(path, &entries, NULL, alphasort);
	cr_assert_gt(n, 0, "%s: %s", path, strerror(errno));
	char **files = calloc((size_t)n + 1, sizeof *files);
	size_t n_files = 0;
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(entries[i]->d_name, '.');

		if (dot && strcmp(dot, ".conf") == 0)
			cr_assert_neq(
				asprintf(&files[n_files++], "%s/%s", path, entries[i]->d_name), -1);
		free(entries[i]);
	}
	free(entries);
	return files;
}

static void free_files(char **files)
{
	for (size_t i = 0; files[i]; i++)
		free(files[i]);
	free(files);
}

/* The line a message names: behind the first colon that a number follows. 0: none. */
static long line_of(const char *message)
{
	for (const char *colon = strchr(message, ':'); colon; colon = strchr(colon + 1, ':')) {
		char *end;
		const long line = strtol(colon + 1, &end, 10);

		if (colon[1] >= '0' && colon[1] <= '9')
			return *end == ':' ? line : 0;
		if (colon[1] == ' ')
			return 0;
	}
	return 0;
}

/* Finds a message of that line with that text, and takes it out of the way. */
static bool take_message(bool *taken, long line, const char *text)
{
	for (size_t i = 0; i < messages.n; i++) {
		if (taken[i] || line_of(messages.text[i]) != line ||
			!strstr(messages.text[i], text))
			continue;
		taken[i] = true;
		return true;
	}
	return false;
}

/* Compares messages with the `# expect: LINE: TEXT` at the head of the file. */
static void expect_as_said(const char *path, int error)
{
	char row[TEXT_MAX];
	bool taken[200] = { false };
	size_t n_expected = 0;
	FILE *file = fopen(path, "r");
	const char *name = strrchr(path, '/') + 1;

	cr_assert(file, "%s", path);
	cr_expect_eq(config_load(path, &config, &messages), error, "%s", name);
	cr_assert_lt(messages.n, sizeof taken / sizeof taken[0]);
	while (fgets(row, sizeof row, file) && strncmp(row, "# expect: ", 10) == 0) {
		char *text;
		const long line = strtol(row + 10, &text, 10);

		row[strcspn(row, "\n")] = '\0';
		cr_assert_eq(strncmp(text, ": ", 2), 0, "%s: %s", name, row);
		n_expected++;
		cr_expect(take_message(taken, line, text + 2), "%s: nobody said %s", name, row);
	}
	cr_expect_gt(n_expected, 0, "%s expects nothing", name);
	for (size_t i = 0; i < messages.n; i++) {
		cr_expect(taken[i], "%s: nobody expected %s", name, messages.text[i]);
		/* Behind the last that is told, the count of the others. */
		cr_expect(line_of(messages.text[i]) > 0 || i == CONFIG_PROBLEMS_MAX,
			"%s: no line in %s", name, messages.text[i]);
	}
	fclose(file);
	forget();
}

Test(config_files, bad_ones_say_what_is_wrong_with_them_and_where, .timeout = 120)
{
	char **files = list_files("/bad");
	size_t n = 0;

	for (; files[n]; n++)
		expect_as_said(files[n], ERR_CONFIG);
	cr_expect_geq(n, 500);
	free_files(files);
}

Test(config_files, doubtful_ones_load_with_a_word, .timeout = 120)
{
	char **files = list_files("/warned");
	size_t n = 0;

	for (; files[n]; n++)
		expect_as_said(files[n], 0);
	cr_expect_geq(n, 9);
	free_files(files);
}

Test(config_files, good_ones_load_without_a_word, .timeout = 120)
{
	char **files = list_files("/good");
	size_t n = 0;

	for (; files[n]; n++) {
		cr_expect_eq(config_load(files[n], &config, &messages), 0, "%s", files[n]);
		for (size_t i = 0; i < messages.n; i++)
			cr_expect_fail("%s", messages.text[i]);
		cr_expect_gt(config.n_servers, 0, "%s", files[n]);
		forget();
	}
	cr_expect_geq(n, 10);
	free_files(files);
}
