/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * syntax - the grammar of the configuration, walked over once before libconfig builds its
 * tree, because libconfig says "syntax error" and no more. Finds the first error and its likely
 * cause, every key given twice, and every integer that libconfig would wrap. What passes here
 * passes there. Single thread (main). */
#pragma once

#include "config/scan.h"

#define CONFIG_NESTING_MAX 16
#define CONFIG_NAMES_MAX 512 /* settings of all groups open at one place */

/* The line of each setting's key and each list's element, in the order of the text: libconfig
 * notes the line of whatever follows an element. */
struct config_lines {
	unsigned *line;
	size_t n, size;
};

/* ERR_NOMEM, or 0 with or without problems. Free lines_out->line in every case. */
int config_syntax(const struct config_scan *scan, struct config_problems *problems,
	struct config_lines *lines_out);
