/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * reading - what the files that read a configuration share while they do.
 * Single thread (main). */
#pragma once
#include <libconfig.h>
#include <stdbool.h>

#include "config/config.h"
#include "config/problem.h"
#include "config/scan.h"

#define CONFIG_NAME_UNREAD "?" /* in a name's place; no name that is read has this sign */

struct config_reading {
	struct config *config; /* while reading, the lines in it are those of the scan's text */
	struct config_problems problems;
	struct config_scan scan; /* empty: the command line, or defaults */
	bool is_default; /* the values being read are defaults */
	bool is_out_of_memory; /* sticky */
	const config_t *tree; /* NULL: the command line */
};

/* Where line `line` of the text came from; "command line" where there is no text. */
struct config_place config_reading_place(const struct config_reading *r, int line);
/* The line of the text that sets a key, 0: not written. */
int config_reading_line(const struct config_reading *r, const char *key);
