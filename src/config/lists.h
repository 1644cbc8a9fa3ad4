/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lists - the settings that hold several values: [ ], ( ) or one bare string each; and the
 * addresses in them. What is wrong is reported; good elements are kept all the same, so that the
 * checks see as much as there is. Single thread (main). */
#pragma once
#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/options.h"
#include "config/reading.h"

#define CONFIG_PORT 53 /* where none is written */

void config_listeners(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o);
void config_servers(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o);
/* Room for n servers, with the defaults. False: out of memory. */
bool config_servers_make(struct config_reading *r, size_t n);
void config_prefixes(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o);
void config_rcodes(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o, uint32_t *field);
/* A bit for each word of the row. */
void config_words(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o, unsigned *field);

/* One address, with a port if the row's range has one. False after a problem was reported. */
bool config_address(struct config_reading *r, const char *text, struct config_place place,
	const char *key, const struct config_option *o, struct addr *addr_out);
