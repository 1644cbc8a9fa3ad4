/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * options - every key of the configuration, once. Reading, range, default, --print-options
 * and the text of errors come from the rows; the type of a row comes from its field.
 *
 * To add a key: a field in struct config (or the struct a group fills), a row in
 * options.c, an entry in dnsbal.conf(5) and a line in conf/dnsbal.conf.
 * Constant; any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum option_type {
	OPTION_INTEGER,
	OPTION_UNSIGNED,
	OPTION_NUMBER,
	OPTION_BOOLEAN,
	OPTION_STRING, /* on the heap */
	OPTION_NAME, /* char[SERVER_NAME_MAX + 1] */
	OPTION_WORD, /* an enum; its values have names */
	OPTION_WORDS, /* a set of them: an unsigned with a bit for each */
	OPTION_ADDRESS,
	OPTION_RRTYPE,
	OPTION_RCODES,
	OPTION_PREFIXES,
	OPTION_LISTENERS,
	OPTION_SERVERS,
};

struct config_option {
	const char *key; /* "health.fall"; in a group of a list its own part only */
	enum option_type type;
	size_t offset; /* of the field */
	/* What the value may be; for strings their length; for addresses the port. */
	double min, max;
	const char *initial; /* the default as one would write it; NULL: must be given */
	const char *applies; /* "restart": a change is seen then */
	const char *help;
	/* OPTION_WORD: the name of value i, OPTION_WORDS: of bit i; NULL behind the last. */
	const char *(*word)(size_t i);
	bool inherits; /* of a server: not written, it is as the key of that name for all */
};

struct config_table {
	const struct config_option *rows;
	size_t n;
};

extern const struct config_table config_table; /* fields of struct config */
extern const struct config_table
	config_listener_table; /* a group in listen: struct config_listener */
extern const struct config_table config_server_table; /* a group in servers: struct config_server */

/* The row of that key, or NULL. */
const struct config_option *config_table_find(const struct config_table *table, const char *key);

/* "up|down", for a row that has words; in out. */
char *config_option_words(const struct config_option *o, char *out, size_t out_size);
/* "1..1000" or "up|down" or "-" for a message or the manual; in out. */
char *config_option_range(const struct config_option *o, char *out, size_t out_size);
