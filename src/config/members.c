/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A table's keys may have one dot: then they are members of a group of that name. */
#include "config/members.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/values.h"

#define TEXT_MAX 160 /* bytes of a key with its path, or of a guess */

static void set_default(struct config_reading *r, const struct config_option *o, void *base)
{
	char text[512];
	config_t parsed;
	const size_t n_problems = r->problems.n;

	snprintf(text, sizeof text, "value = %s;", o->initial);
	config_init(&parsed);
	const int is_parsed = config_read_string(&parsed, text);
	assert(is_parsed);
	if (is_parsed)
		config_value(r, config_lookup(&parsed, "value"), o->key, o, base);
	assert(r->problems.n == n_problems);
	(void)n_problems;
	config_destroy(&parsed);
}

void config_defaults(struct config_reading *r, const struct config_table *table, void *base)
{
	const bool was_default = r->is_default;

	r->is_default = true;
	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].initial && !table->rows[i].inherits)
			set_default(r, &table->rows[i], base);
	r->is_default = was_default;
}

/* The part of a row's key behind `prefix` ("" or "health."), or NULL if it is another group's. */
static const char *part_of_key(const struct config_option *o, const char *prefix)
{
	const size_t len = strlen(prefix);

	return strncmp(o->key, prefix, len) == 0 ? o->key + len : NULL;
}

/* Is there a group of that name? */
static bool has_group(const struct config_table *table, const char *name)
{
	const size_t len = strlen(name);

	for (size_t i = 0; i < table->n; i++)
		if (strncmp(table->rows[i].key, name, len) == 0 && table->rows[i].key[len] == '.')
			return true;
	return false;
}

/* Is this an unknown key that a group has? Then that is what to say. */
static bool report_misplaced(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		const char *dot = strchr(table->rows[i].key, '.');

		if (!dot || strcmp(dot + 1, config_setting_name(s)) != 0)
			continue;
		config_problem(&r->problems, config_reading_place(r, (int)s->line), key,
			"unknown key here; it belongs into %.*s = { }",
			(int)(dot - table->rows[i].key), table->rows[i].key);
		return true;
	}
	return false;
}

static void report_unknown(struct config_reading *r, const config_setting_t *s, const char *key,
	const char *prefix, const struct config_table *table)
{
	char text[TEXT_MAX];
	struct config_guess guess = { .word = config_setting_name(s) };

	if (prefix[0] == '\0' && report_misplaced(r, s, key, table))
		return;
	for (size_t i = 0; i < table->n; i++) {
		const char *part = part_of_key(&table->rows[i], prefix);

		if (!part)
			continue;
		snprintf(text, sizeof text, "%.*s", (int)strcspn(part, "."), part);
		config_guess_offer(&guess, text);
	}
	config_problem(&r->problems, config_reading_place(r, (int)s->line), key, "unknown key%s",
		config_guess_text(&guess, text, sizeof text));
}

static void read_members(struct config_reading *r, const config_setting_t *group, const char *path,
	const char *prefix, const struct config_table *table, void *base);

static void read_member(struct config_reading *r, const config_setting_t *s, const char *path,
	const char *prefix, const struct config_table *table, void *base)
{
	char key[TEXT_MAX], shown_key[TEXT_MAX], inner[TEXT_MAX];
	const char *name = config_setting_name(s);

	snprintf(key, sizeof key, "%s%s", prefix, name);
	snprintf(shown_key, sizeof shown_key, "%s%s%s", path, prefix,
		config_show(name, strlen(name)).text);
	const struct config_option *o = config_table_find(table, key);
	if (o) {
		config_value(r, s, shown_key, o, base);
	} else if (prefix[0] != '\0' || !has_group(table, name)) {
		report_unknown(r, s, shown_key, prefix, table);
	} else if (!config_setting_is_group(s)) {
		config_wrong_type(r, s, shown_key, "a group { KEY = VALUE; ... }");
	} else {
		snprintf(inner, sizeof inner, "%s.", name);
		read_members(r, s, path, inner, table, base);
	}
}

static void read_members(struct config_reading *r, const config_setting_t *group, const char *path,
	const char *prefix, const struct config_table *table, void *base)
{
	const int n = config_setting_length(group);

	for (int i = 0; i < n; i++)
		read_member(
			r, config_setting_get_elem(group, (unsigned)i), path, prefix, table, base);
}

/* Where a key of that group could be written: its line, or behind the last of the file. */
static struct config_place place_of_missing(
	const struct config_reading *r, const config_setting_t *group)
{
	return group->line ? config_reading_place(r, (int)group->line) : r->scan.end;
}

void config_members(struct config_reading *r, const config_setting_t *group, const char *path,
	const struct config_table *table, void *base)
{
	char key[TEXT_MAX];

	read_members(r, group, path, "", table, base);
	for (size_t i = 0; i < table->n; i++) {
		const struct config_option *o = &table->rows[i];

		if (o->initial || config_setting_get_member(group, o->key))
			continue;
		snprintf(key, sizeof key, "%s%s", path, o->key);
		const bool is_address = o->type == OPTION_ADDRESS || o->type == OPTION_SERVERS;
		config_problem(&r->problems, place_of_missing(r, group), key,
			"missing, and it has no default: %s%s%s%s", o->help,
			is_address ? " Write: " : "", is_address ? o->key : "",
			is_address ? " = \"192.0.2.1\";" : "");
	}
}
