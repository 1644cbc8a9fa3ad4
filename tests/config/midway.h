/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A reading in the midst: settings parsed from a text, and what is said of them collected. For
 * tests of the parts behind the grammar; include it once in a test program. */
#pragma once
#include <criterion/criterion.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/reading.h"
#include "config/members.h"

#define READING_LINES 8

static struct config config;
static struct config_messages messages;
static struct config_reading reading;
static config_t tree;

/* The lines of the text stand in "test.conf". */
static void reading_begin(void)
{
	static struct config_place lines[READING_LINES];
	static char *files[] = { "test.conf" };

	for (int i = 0; i < READING_LINES; i++)
		lines[i] = (struct config_place){ files[0], i + 1 };
	reading = (struct config_reading){
		.config = &config,
		.problems.messages = &messages,
		.scan = { .lines = lines,
			.n_lines = READING_LINES,
			.end = lines[READING_LINES - 1],
			.files = files,
			.n_files = 1 },
	};
}

static void reading_end(void)
{
	if (reading.config)
		config_free(&config);
	config_messages_free(&messages);
	config_destroy(&tree);
	reading = (struct config_reading){ 0 };
	tree = (config_t){ 0 };
}

/* Starts anew; the outermost group of the text. */
static inline const config_setting_t *reading_parse(const char *text)
{
	reading_end();
	reading_begin();
	config_init(&tree);
	cr_assert(config_read_string(&tree, text), "%s: %s", text, config_error_text(&tree));
	return config_root_setting(&tree);
}

/* One message and no other, which says `part`; none for NULL. */
static inline void reading_expect(const char *name, const char *part)
{
	const char *first = messages.n ? messages.text[0] : "";

	cr_expect_eq(reading.problems.n, part ? 1 : 0, "%s: %zu problems, \"%s\"", name,
		reading.problems.n, first);
	cr_expect_eq(messages.n, reading.problems.n, "%s", name);
	if (part)
		cr_expect(strstr(first, part), "%s: no \"%s\" in \"%s\"", name, part, first);
}

static inline const char *reading_address(const struct addr *a)
{
	static char text[ADDR_TEXT_MAX];

	return addr_format(a, text, sizeof text);
}
