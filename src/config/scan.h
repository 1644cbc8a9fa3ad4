/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * scan - the first walk over a configuration: opens the file and what it includes, and
 * joins them into one text in which each line knows where it came from. libconfig then sees that
 * text only, and opens nothing itself: its own @include ends the process on a directory, hangs on
 * a FIFO and does not notice a comment or string that never ends. Single thread (main). */
#pragma once
#include <stddef.h>

#include "config/problem.h"

#define CONFIG_BYTES_MAX (1u << 20) /* of all files together */
#define CONFIG_DEPTH_MAX 10 /* files open at once, one including the next */

struct config_scan {
	char *text; /* comments are blanked, includes replaced by their lines; ends in "\n\0" */
	size_t len;
	struct config_place *lines; /* where line i + 1 of text came from */
	size_t n_lines;
	struct config_place end; /* the last line of the file itself */
	char **files; /* names as shown, owned here, pointed to by lines */
	size_t n_files;
};

/* `path` is opened, from the working directory as all relative includes are; `folder`, "" or
 * ending in '/', is put before relative names when they are shown. 0 with or without problems
 * (a scan with problems must not be parsed); ERR_SYSTEM: path itself cannot be read, and the one
 * problem says why; ERR_NOMEM. Free it in every case. */
int config_scan(const char *path, const char *folder, struct config_problems *problems,
	struct config_scan *scan_out);
void config_scan_free(struct config_scan *scan);

/* Where line `line` of the text (from 1) came from. */
struct config_place config_scan_place(const struct config_scan *scan, size_t line);
