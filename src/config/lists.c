/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * An element that could not be read leaves an address of family 0 in its place, which the checks
 * pass over. */
#include "config/lists.h"

#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/parse.h"
#include "config/members.h"
#include "config/rr.h"
#include "config/values.h"

#define KEY_MAX 160 /* bytes of an element's key */

static struct config_shown show(const char *text)
{
	return config_show(text, strlen(text));
}

static const char a_list[] = "strings in [ ] or ( ), or one string";
static const char a_list_of_groups[] = "strings or groups in ( ), strings in [ ], or one string";

/* How many elements a set has; -1 after a problem was reported. */
static int count(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o, const char *expected)
{
	char range[KEY_MAX];
	int n = 1;

	if (config_setting_is_array(s) || config_setting_is_list(s)) {
		n = config_setting_length(s);
	} else if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		config_wrong_type(r, s, key, expected);
		return -1;
	}
	if (n >= o->min && n <= o->max)
		return n;
	config_problem(&r->problems, config_reading_place(r, (int)s->line), key,
		"%d elements; expected %s", n, config_option_range(o, range, sizeof range));
	return -1;
}

/* Element i of a set, and its key. */
static const config_setting_t *get_element(
	const config_setting_t *s, int i, const char *key, char *key_out, size_t key_size)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		snprintf(key_out, key_size, "%s", key);
		return s;
	}
	snprintf(key_out, key_size, "%s[%d]", key, i);
	return config_setting_get_elem(s, (unsigned)i);
}

static bool is_string(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_STRING;
}

/* Host names have letters, and none of the signs that make an IPv6 address of them. */
static bool is_host_name(const char *text)
{
	bool has_letter = false;
	const size_t len = strcspn(text, ":");

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
			return false;
		has_letter |= isalpha((unsigned char)text[i]) != 0;
	}
	return has_letter && strchr(text, ':') == strrchr(text, ':');
}

static const char *why_no_address(const char *text)
{
	if (is_host_name(text))
		return "expected an IP address, not a host name: names are not looked up";
	if (strpbrk(text, "#@"))
		return "expected an IP address; a port stands behind a colon";
	if (strchr(text, '/'))
		return "expected one IP address, not a prefix";
	if (strncasecmp(text, "::ffff:", 7) == 0)
		return "expected an IP address; one of IPv4 is written as such";
	return "expected an IP address as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53";
}

bool config_address(struct config_reading *r, const char *text, struct config_place place,
	const char *key, const struct config_option *o, struct addr *addr_out)
{
	const bool has_port = o->max > 0;
	const char *why;
	const int error = addr_parse(text, has_port ? CONFIG_PORT : 0, addr_out);

	if (error == 0 && (has_port || addr_out->port == 0))
		return true;
	if (!has_port && (error == 0 || error == ERR_RANGE))
		why = "expected an address without a port: ports are drawn at random";
	else if (error == ERR_RANGE)
		why = "the port is outside 1..65535";
	else if (error == ERR_MISSING)
		why = "there is no such network interface";
	else
		why = why_no_address(text);
	config_problem(&r->problems, place, key, "\"%s\": %s", show(text).text, why);
	*addr_out = (struct addr){ 0 };
	return false;
}

/* An element of listen or servers: a string is the address alone, a group has all members. */
static void read_element(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_table *table, void *base)
{
	char path[KEY_MAX + 1];

	if (is_string(s)) {
		config_value(r, s, key, config_table_find(table, "address"), base);
	} else if (config_setting_is_group(s)) {
		snprintf(path, sizeof path, "%s.", key);
		config_members(r, s, path, table, base);
	} else {
		config_wrong_type(r, s, key, "an address in quotes or a group { }");
	}
}

void config_listeners(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o)
{
	char element_key[KEY_MAX];
	const int n = count(r, setting, key, o, a_list_of_groups);

	if (n < 0)
		return;
	struct config_listener initial = { 0 };
	config_defaults(r, &config_listener_table, &initial);
	struct config_listener *listeners = calloc((size_t)n, sizeof *listeners);
	if (!listeners) {
		r->is_out_of_memory = true;
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *s = get_element(
			setting, i, key, element_key, sizeof element_key);

		listeners[i] = initial;
		read_element(r, s, element_key, &config_listener_table, &listeners[i]);
		listeners[i].is_default = r->is_default;
		listeners[i].line = r->is_default ? 0 : (int)s->line;
	}
	free(r->config->listeners);
	r->config->listeners = listeners;
	r->config->n_listeners = (size_t)n;
}

bool config_servers_make(struct config_reading *r, size_t n)
{
	struct config *c = r->config;
	struct config_server initial = { 0 };

	assert(!c->servers); /* no default, and no key is given twice */
	config_defaults(r, &config_server_table, &initial);
	c->servers = calloc(n, sizeof *c->servers);
	c->server_lines = calloc(n, sizeof *c->server_lines);
	c->server_health = calloc(n, sizeof *c->server_health);
	if (!c->servers || !c->server_lines || !c->server_health) {
		r->is_out_of_memory = true;
		return false;
	}
	c->n_servers = n;
	for (size_t i = 0; i < n; i++)
		c->servers[i] = initial.params;
	return true;
}

/* What its health does not say is filled in when all is read (config/health). */
static void read_server(
	struct config_reading *r, const config_setting_t *s, const char *key, size_t i)
{
	struct config *c = r->config;
	struct config_server server = { .params = c->servers[i] };

	read_element(r, s, key, &config_server_table, &server);
	c->servers[i] = server.params;
	if (!config_setting_is_group(s) || !config_setting_get_member(s, "health"))
		return;
	c->server_health[i] = malloc(sizeof *c->server_health[i]);
	if (c->server_health[i]) {
		*c->server_health[i] = server.health;
	} else {
		free(server.health.qname);
		r->is_out_of_memory = true;
	}
}

void config_servers(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o)
{
	char element_key[KEY_MAX];
	struct config *c = r->config;
	const int n = count(r, setting, key, o, a_list_of_groups);

	if (n < 0)
		return;
	if (!config_servers_make(r, (size_t)n))
		return;
	for (int i = 0; i < n; i++) {
		const config_setting_t *s = get_element(
			setting, i, key, element_key, sizeof element_key);

		read_server(r, s, element_key, (size_t)i);
		c->server_lines[i] = (int)s->line;
	}
}

/* "10.0.0.1/8" -> "10.0.0.0/8", for a prefix with bits set behind its length. */
static void format_meant(const char *text, char *out, size_t out_size)
{
	char address[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	struct addr a;
	int64_t bits;

	out[0] = '\0';
	if (!slash || (size_t)(slash - text) >= sizeof address)
		return;
	snprintf(address, sizeof address, "%.*s", (int)(slash - text), text);
	if (addr_parse(address, 0, &a) != 0 || parse_i64(slash + 1, 0, 128, &bits) != 0)
		return;
	for (int64_t bit = bits; bit < 128; bit++)
		a.ip[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	addr_format(&a, address, sizeof address);
	snprintf(out, out_size, "; did you mean \"%s/%d\"?", address, (int)bits);
}

static void read_prefix(
	struct config_reading *r, const config_setting_t *s, const char *key, struct prefix *prefix)
{
	char meant[KEY_MAX] = "";
	const char *why;

	if (!is_string(s)) {
		config_wrong_type(r, s, key, "a prefix in quotes");
		return;
	}
	const char *text = config_setting_get_string(s);
	switch (prefix_parse(text, prefix)) {
	case 0:
		return;
	case ERR_RANGE:
		why = "the prefix has more bits than the address";
		break;
	case ERR_MALFORMED:
		why = "bits are set behind the prefix";
		format_meant(text, meant, sizeof meant);
		break;
	default:
		why = "expected a prefix as 192.0.2.0/24 or 2001:db8::/32";
		break;
	}
	config_problem(&r->problems, config_reading_place(r, (int)s->line), key, "\"%s\": %s%s",
		show(text).text, why, meant);
}

void config_prefixes(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o)
{
	char element_key[KEY_MAX];
	const int n = count(r, setting, key, o, a_list);

	if (n < 0)
		return;
	struct prefix *prefixes = calloc((size_t)n, sizeof *prefixes);
	if (!prefixes) {
		r->is_out_of_memory = true;
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *s = get_element(
			setting, i, key, element_key, sizeof element_key);

		read_prefix(r, s, element_key, &prefixes[i]);
	}
	free(r->config->acl);
	r->config->acl = prefixes;
	r->config->n_acl = (size_t)n;
	r->config->acl_is_default = r->is_default;
}

void config_rcodes(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o, uint32_t *field)
{
	char element_key[KEY_MAX], meant[KEY_MAX];
	const int n = count(r, setting, key, o, a_list);
	uint32_t rcodes = 0;

	for (int i = 0; i < n; i++) {
		const config_setting_t *s = get_element(
			setting, i, key, element_key, sizeof element_key);

		if (!is_string(s)) {
			config_wrong_type(r, s, element_key, "the name of an rcode in quotes");
			continue;
		}
		struct config_guess guess = { .word = config_setting_get_string(s) };
		const int rcode = config_rcode(guess.word, &guess);
		if (rcode >= 0)
			rcodes |= UINT32_C(1) << rcode;
		else
			config_problem(&r->problems, config_reading_place(r, (int)s->line),
				element_key, "expected the name of an rcode, found \"%s\"%s",
				show(guess.word).text,
				config_guess_text(&guess, meant, sizeof meant));
	}
	if (n >= 0)
		*field = rcodes;
}

/* The bit of one word of a set, 0 after a problem was reported. */
static unsigned read_bit(struct config_reading *r, const config_setting_t *s, const char *key,
	const struct config_option *o)
{
	char words[KEY_MAX], meant[KEY_MAX];

	if (!is_string(s)) {
		config_wrong_type(r, s, key, "a word in quotes");
		return 0;
	}
	struct config_guess guess = { .word = config_setting_get_string(s) };
	for (size_t i = 0; o->word(i); i++) {
		if (strcmp(guess.word, o->word(i)) == 0)
			return 1u << i;
		config_guess_offer(&guess, o->word(i));
	}
	config_problem(&r->problems, config_reading_place(r, (int)s->line), key,
		"expected one of %s, found \"%s\"%s", config_option_words(o, words, sizeof words),
		show(guess.word).text, config_guess_text(&guess, meant, sizeof meant));
	return 0;
}

void config_words(struct config_reading *r, const config_setting_t *setting, const char *key,
	const struct config_option *o, unsigned *field)
{
	char element_key[KEY_MAX];
	const int n = count(r, setting, key, o, a_list);
	unsigned set = 0;

	for (int i = 0; i < n; i++) {
		const config_setting_t *s = get_element(
			setting, i, key, element_key, sizeof element_key);
		const unsigned bit = read_bit(r, s, element_key, o);

		if (set & bit)
			config_problem(&r->problems, config_reading_place(r, (int)s->line),
				element_key, "\"%s\" is there already",
				config_setting_get_string(s));
		set |= bit;
	}
	if (n >= 0)
		*field = set;
}
