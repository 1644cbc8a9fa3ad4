/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * values - from a setting in libconfig's tree to a field, as the option's row says.
 * Single thread (main). */
#pragma once
#include <libconfig.h>
#include <stddef.h>

#include "config/options.h"
#include "config/reading.h"

/* Reads the setting into the field of `base` that the row names. `key` is what messages call it.
 * What is wrong is reported and leaves the field as it was. */
void config_value(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o, void *base);

/* Gives a field the value of another of that type. */
void config_value_copy(
	struct config_reading *r, const struct config_option *o, void *field, const void *from);

/* Reports "expected ..., found a string". */
void config_wrong_type(struct config_reading *r, const config_setting_t *setting, const char *key,
	const char *expected);
