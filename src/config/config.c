/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The order of reading: the defaults; the files, scanned into one text (config_scan); its grammar
 * (config_syntax); libconfig's tree of it; its values by the table of options (config_members);
 * what the values say together (config_check). A step is taken only if those before it that it
 * builds on found no problem. */
#include "config/config.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "config/check.h"
#include "config/lists.h"
#include "config/members.h"
#include "config/options.h"
#include "config/reading.h"
#include "config/syntax.h"

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->n_listeners; i++)
		free(c->listeners[i].where);
	free(c->listeners);
	free(c->acl);
	free(c->servers);
	free(c->server_lines);
	for (size_t i = 0; c->server_health && i < c->n_servers; i++) {
		if (c->server_health[i])
			free(c->server_health[i]->qname);
		free(c->server_health[i]);
	}
	free(c->server_health);
	free(c->hash_seed);
	free(c->health.qname);
	free(c->user);
	free(c->user_where);
	*c = (struct config){ 0 };
}

struct config_place config_reading_place(const struct config_reading *r, int line)
{
	if (r->scan.n_lines == 0)
		return (struct config_place){ "command line", 0 };
	return config_scan_place(&r->scan, (size_t)line);
}

/* Gives settings and elements the lines they begin on; all in the order of the text. */
static void set_lines(const config_setting_t *s, const struct config_lines *lines, size_t *next)
{
	const int n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;

	for (int i = 0; i < n && *next < lines->n; i++) {
		config_setting_t *element = config_setting_get_elem(s, (unsigned)i);

		element->line = lines->line[(*next)++];
		set_lines(element, lines, next);
	}
}

int config_reading_line(const struct config_reading *r, const char *key)
{
	const config_setting_t *s = r->tree ? config_lookup(r->tree, key) : NULL;

	return s ? (int)s->line : 0;
}

/* "FILE:LINE: KEY: ", on the heap; NULL for a line that is none. */
static char *where(struct config_reading *r, int line, const char *key)
{
	const struct config_place place = config_reading_place(r, line);
	char *text;

	if (line == 0)
		return NULL;
	if (asprintf(&text, "%s:%d: %s: ", config_show(place.file, strlen(place.file)).text,
		    place.line, key) != -1)
		return text;
	r->is_out_of_memory = true;
	return NULL;
}

/* For what only a start can find wrong with a value. */
static void keep_places(struct config_reading *r)
{
	struct config *c = r->config;

	for (size_t i = 0; i < c->n_listeners; i++) {
		char key[32];

		snprintf(key, sizeof key, "listen[%zu]", i);
		c->listeners[i].where = where(r, c->listeners[i].line, key);
	}
	c->user_where = where(r, config_reading_line(r, "user"), "user");
}

static void read_tree(struct config_reading *r, const config_t *tree)
{
	r->tree = tree;
	config_members(r, config_root_setting(tree), "", &config_table, r->config);
	config_check(r);
	if (r->problems.n == 0)
		keep_places(r);
	r->tree = NULL;
}

/* From the scanned text to the values. */
static void read_text(struct config_reading *r, const struct config_lines *lines)
{
	config_t tree;
	size_t n_set = 0;

	config_init(&tree);
	if (config_read_string(&tree, r->scan.text)) {
		/* The outermost group begins nowhere. */
		config_root_setting(&tree)->line = 0;
		set_lines(config_root_setting(&tree), lines, &n_set);
		read_tree(r, &tree);
	} else {
		/* What config_syntax lets pass, libconfig should too; if not, in its words. */
		config_problem(&r->problems, config_reading_place(r, config_error_line(&tree)),
			"syntax error", "%s", config_error_text(&tree));
	}
	config_destroy(&tree);
}

/* The lines of the scan's text become those of the files. */
static void translate_lines(struct config_reading *r)
{
	struct config *c = r->config;

	for (size_t i = 0; i < c->n_listeners; i++)
		if (c->listeners[i].line)
			c->listeners[i].line = config_reading_place(r, c->listeners[i].line).line;
	for (size_t i = 0; i < c->n_servers; i++)
		c->server_lines[i] = config_reading_place(r, c->server_lines[i]).line;
}

static int read_file(struct config_reading *r, const char *name, const char *folder)
{
	struct config_lines lines = { 0 };
	int error = config_scan(name, folder, &r->problems, &r->scan);

	if (error == 0 && r->problems.n == 0) {
		error = config_syntax(&r->scan, &r->problems, &lines);
		if (error == 0 && r->problems.n == 0)
			read_text(r, &lines);
		if (error == 0 && r->problems.n == 0)
			translate_lines(r);
	}
	free(lines.line);
	config_scan_free(&r->scan);
	return error;
}

/* Ends a reading: its code, and the configuration empty if that is not 0. */
static int finish(struct config_reading *r, int error)
{
	if (r->is_out_of_memory)
		error = ERR_NOMEM;
	if (error == ERR_NOMEM) {
		config_messages_free(r->problems.messages);
		config_message_add(r->problems.messages, "%s", err_text(error));
	} else {
		config_problems_end(&r->problems);
		if (error == 0 && r->problems.n > 0)
			error = ERR_CONFIG;
	}
	if (error)
		config_free(r->config);
	return error;
}

static void begin(struct config_reading *r, struct config *c, struct config_messages *messages)
{
	*c = (struct config){ 0 };
	*messages = (struct config_messages){ 0 };
	*r = (struct config_reading){ .config = c, .problems.messages = messages };
	config_defaults(r, &config_table, c);
}

int config_load(const char *path, struct config *config_out, struct config_messages *messages_out)
{
	struct config_reading r;
	const char *slash = strrchr(path, '/');
	char *folder = strndup(path, slash ? (size_t)(slash + 1 - path) : 0);
	int error;

	begin(&r, config_out, messages_out);
	if (!folder) {
		r.is_out_of_memory = true;
		error = ERR_NOMEM;
	} else if (folder[0] && chdir(folder) == -1) {
		config_problem(&r.problems, (struct config_place){ path, 0 }, NULL,
			"cannot enter its directory: %s", strerror(errno));
		error = ERR_SYSTEM;
	} else {
		error = read_file(&r, slash ? slash + 1 : path, folder);
	}
	free(folder);
	return finish(&r, error);
}

/* The addresses of one -l, instead of the default. */
static void listen_on(struct config_reading *r, const char *text)
{
	struct config *c = r->config;
	const struct config_place place = config_reading_place(r, 0);

	c->n_listeners = 1;
	c->listeners[0] = (struct config_listener){ .receivers = 1 };
	config_address(r, text, place, "-l", config_table_find(&config_listener_table, "address"),
		&c->listeners[0].address);
}

static void ask_servers(struct config_reading *r, char *const *texts, size_t n)
{
	struct config *c = r->config;
	const struct config_place place = config_reading_place(r, 0);
	const struct config_option *address = config_table_find(&config_server_table, "address");
	char key[32];

	if (n == 0 || n > CONFIG_SERVERS_MAX) {
		config_problem(&r->problems, place, NULL, "expected 1..%d servers, found %zu",
			CONFIG_SERVERS_MAX, n);
		return;
	}
	if (!config_servers_make(r, n))
		return;
	for (size_t i = 0; i < n; i++) {
		snprintf(key, sizeof key, "SERVER %zu", i + 1);
		config_address(r, texts[i], place, key, address, &c->servers[i].address);
	}
}

int config_from_arguments(const char *listen, char *const *servers, size_t n_servers,
	struct config *config_out, struct config_messages *messages_out)
{
	struct config_reading r;

	begin(&r, config_out, messages_out);
	if (listen && !r.is_out_of_memory)
		listen_on(&r, listen);
	ask_servers(&r, servers, n_servers);
	if (!r.is_out_of_memory)
		config_check(&r);
	return finish(&r, 0);
}
