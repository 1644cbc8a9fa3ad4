/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * members - from a table of rows to a struct of fields: its defaults, and a group's
 * members over them. Single thread (main). */
#pragma once
#include <libconfig.h>

#include "config/options.h"
#include "config/reading.h"

/* Sets every field of `base` that has a default, and inherits none. */
void config_defaults(struct config_reading *r, const struct config_table *table, void *base);

/* Reads all members of a group, reporting those that no row knows. `path` is put before the keys
 * of messages: "" for the file itself, "servers[2].". */
void config_members(struct config_reading *r, const config_setting_t *group, const char *path,
	const struct config_table *table, void *base);
