/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One reader for each type of option. Each reports against the key and place of its setting, and
 * writes the field only when all is well; a name's says that it is not. */
#include "config/values.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/lists.h"
#include "config/rr.h"

#define RANGE_MAX 128 /* bytes of a range's text */

static struct config_shown show(const char *text)
{
	return config_show(text, strlen(text));
}

struct found {
	char text[CONFIG_SHOWN_MAX + sizeof "the string \"\""];
};

/* What a setting is, for a person. */
static struct found found(const config_setting_t *s)
{
	struct found f;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		snprintf(f.text, sizeof f.text, "a group { }");
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(f.text, sizeof f.text, "the integer %lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(f.text, sizeof f.text, "the fraction %g", config_setting_get_float(s));
		break;
	case CONFIG_TYPE_STRING:
		snprintf(f.text, sizeof f.text, "the string \"%s\"",
			show(config_setting_get_string(s)).text);
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(
			f.text, sizeof f.text, "%s", config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_ARRAY:
		snprintf(f.text, sizeof f.text, "a list [ ]");
		break;
	default:
		snprintf(f.text, sizeof f.text, "a list ( )");
		break;
	}
	return f;
}

static struct config_place place_of(const struct config_reading *r, const config_setting_t *s)
{
	return config_reading_place(r, (int)s->line);
}

void config_wrong_type(
	struct config_reading *r, const config_setting_t *s, const char *key, const char *expected)
{
	config_problem(&r->problems, place_of(r, s), key, "expected %s, found %s", expected,
		found(s).text);
}

static void report_range(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, const char *value)
{
	char range[RANGE_MAX];

	config_problem(&r->problems, place_of(r, s), key, "%s is outside %s", value,
		config_option_range(o, range, sizeof range));
}

static void read_integer(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, void *field)
{
	char text[24];
	const int type = config_setting_type(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
		config_wrong_type(r, s, key, "an integer");
		return;
	}
	const long long value = config_setting_get_int64(s);
	if ((double)value < o->min || (double)value > o->max) {
		snprintf(text, sizeof text, "%lld", value);
		report_range(r, s, key, o, text);
	} else if (o->type == OPTION_UNSIGNED) {
		*(unsigned *)field = (unsigned)value;
	} else {
		*(int *)field = (int)value;
	}
}

static void read_number(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, double *field)
{
	char text[32];
	const int type = config_setting_type(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64 && type != CONFIG_TYPE_FLOAT) {
		config_wrong_type(r, s, key, "a number");
		return;
	}
	const double value = type == CONFIG_TYPE_FLOAT ? config_setting_get_float(s)
						       : (double)config_setting_get_int64(s);
	if (value >= o->min && value <= o->max) {
		*field = value;
		return;
	}
	snprintf(text, sizeof text, "%g", value);
	report_range(r, s, key, o, text);
}

static void read_boolean(
	struct config_reading *r, const config_setting_t *s, const char *key, bool *field)
{
	if (config_setting_type(s) == CONFIG_TYPE_BOOL)
		*field = config_setting_get_bool(s);
	else
		config_wrong_type(r, s, key, "true or false");
}

/* The string, or NULL after a problem was reported. */
static const char *get_string(struct config_reading *r, const config_setting_t *s, const char *key)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return config_setting_get_string(s);
	config_wrong_type(r, s, key, "a string");
	return NULL;
}

/* A string of the length the row allows, or NULL after a problem was reported. */
static const char *get_text(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o)
{
	char range[RANGE_MAX];
	const char *text = get_string(r, s, key);

	if (!text)
		return NULL;
	const double len = (double)strlen(text);
	if (len >= o->min && len <= o->max)
		return text;
	config_problem(&r->problems, place_of(r, s), key, "a string of %.0f bytes; expected %s",
		len, config_option_range(o, range, sizeof range));
	return NULL;
}

static void set_string(struct config_reading *r, const char *text, char **field)
{
	char *copy = strdup(text);
	if (!copy) {
		r->is_out_of_memory = true;
		return;
	}
	free(*field);
	*field = copy;
}

static void read_string(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, char **field)
{
	const char *text = get_text(r, s, key, o);

	if (text)
		set_string(r, text, field);
}

static void read_name(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, char *field)
{
	const char *text = get_text(r, s, key, o);

	/* Until it is read: a default name could have a twin that the one meant has not. */
	strcpy(field, CONFIG_NAME_UNREAD);
	if (!text)
		return;
	/* Names stand in log lines, metric labels and commands: nothing there needs escapes. */
	const size_t good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789._:%[]-");
	if (text[good] != '\0')
		config_problem(&r->problems, place_of(r, s), key,
			"\"%s\" may hold letters, digits and . _ : %% [ ] - only", show(text).text);
	else
		memcpy(field, text, strlen(text) + 1);
}

static void read_word(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, unsigned *field)
{
	char range[RANGE_MAX], meant[RANGE_MAX];
	const char *text = get_string(r, s, key);
	struct config_guess guess = { .word = text };

	if (!text)
		return;
	for (size_t i = 0; o->word(i); i++) {
		if (strcmp(text, o->word(i)) == 0) {
			*field = (unsigned)i;
			return;
		}
		config_guess_offer(&guess, o->word(i));
	}
	config_problem(&r->problems, place_of(r, s), key, "expected one of %s, found \"%s\"%s",
		config_option_range(o, range, sizeof range), show(text).text,
		config_guess_text(&guess, meant, sizeof meant));
}

static void read_rrtype(
	struct config_reading *r, const config_setting_t *s, const char *key, uint16_t *field)
{
	char meant[RANGE_MAX];
	const char *text = get_string(r, s, key);
	struct config_guess guess = { .word = text };

	if (!text)
		return;
	const int number = config_rrtype(text, &guess);
	if (number >= 0)
		*field = (uint16_t)number;
	else
		config_problem(&r->problems, place_of(r, s), key,
			"expected a record type as \"NS\" or \"TYPE65280\", found \"%s\"%s",
			show(text).text,
			number == ERR_UNSUPPORTED ? ", which stands in queries only"
						  : config_guess_text(&guess, meant, sizeof meant));
}

static void read_address(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, struct addr *field)
{
	struct addr a;
	const char *text = get_string(r, s, key);

	if (!text)
		return;
	if (o->initial && text[0] == '\0')
		*field = (struct addr){ 0 };
	else if (config_address(r, text, place_of(r, s), key, o, &a))
		*field = a;
}

void config_value(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, void *base)
{
	void *field = (char *)base + o->offset;

	switch (o->type) {
	case OPTION_INTEGER:
	case OPTION_UNSIGNED:
		read_integer(r, s, key, o, field);
		break;
	case OPTION_NUMBER:
		read_number(r, s, key, o, field);
		break;
	case OPTION_BOOLEAN:
		read_boolean(r, s, key, field);
		break;
	case OPTION_STRING:
		read_string(r, s, key, o, field);
		break;
	case OPTION_NAME:
		read_name(r, s, key, o, field);
		break;
	case OPTION_WORD:
		read_word(r, s, key, o, field);
		break;
	case OPTION_WORDS:
		config_words(r, s, key, o, field);
		break;
	case OPTION_ADDRESS:
		read_address(r, s, key, o, field);
		break;
	case OPTION_RRTYPE:
		read_rrtype(r, s, key, field);
		break;
	case OPTION_RCODES:
		config_rcodes(r, s, key, o, field);
		break;
	case OPTION_PREFIXES:
		config_prefixes(r, s, key, o);
		break;
	case OPTION_LISTENERS:
		config_listeners(r, s, key, o);
		break;
	case OPTION_SERVERS:
		config_servers(r, s, key, o);
		break;
	}
}

void config_value_copy(
	struct config_reading *r, const struct config_option *o, void *field, const void *from)
{
	switch (o->type) {
	case OPTION_STRING:
		set_string(r, *(char *const *)from, field);
		break;
	case OPTION_INTEGER:
	case OPTION_WORD:
		memcpy(field, from, sizeof(int));
		break;
	case OPTION_RCODES:
		memcpy(field, from, sizeof(uint32_t));
		break;
	case OPTION_RRTYPE:
		memcpy(field, from, sizeof(uint16_t));
		break;
	default:
		assert(!"a key of that type inherits nothing");
	}
}
