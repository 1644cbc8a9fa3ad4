/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * story - a scenario as it stands in a file: a title, settings, sentences. README.md in this folder
 * says how one is written; here it is only read. Single thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define STORY_SERVERS_MAX 16

struct story {
	char *path; /* as shown */
	char *title;
	char **lines; /* all of the file, without newlines */
	size_t n_lines;
	bool *is_sentence; /* parallel to lines */
	char *settings; /* a configuration whose line numbers are the story's */
	bool is_cold; /* begins with the program's start, not when all servers are known */
	/* "# diverges at line N: TEXT": a story about stories, which must not come true */
	size_t diverges_at; /* 0: it must */
	char *diverges_how;
};

/* Reads the file; what is wrong with it goes to stderr. */
bool story_read(const char *path, struct story *story_out);
void story_free(struct story *s);
/* The settings as the daemon would understand them; problems go to stderr. */
bool story_config(const struct story *s, struct config *config_out);
