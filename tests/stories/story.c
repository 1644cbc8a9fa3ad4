/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The settings are handed to the real configuration reader, in a file of their own in which each of
 * them stands on the line that it has in the story, so that its messages fit. */
#include "stories/story.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What holds in a story that says nothing else: a is asked first, then b; and one worker. */
static const struct {
	const char *key, *setting;
} story_defaults[] = {
	{ "policy", "policy = \"first-available\";" },
	{ "workers", "workers = 1;" },
	{ "upstream_sockets", "upstream_sockets = 4;" },
};
enum { N_DEFAULTS = sizeof story_defaults / sizeof story_defaults[0] };

/* ---- reading ------------------------------------------------------------------------------------ */

static bool complain(const struct story *s, size_t line, const char *text)
{
	fprintf(stderr, "%s:%zu: %s\n", s->path, line, text);
	return false;
}

static bool read_lines(struct story *s)
{
	FILE *f = fopen(s->path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!f)
		return complain(s, 0, "cannot be opened");
	while ((len = getline(&line, &size, f)) >= 0) {
		while (len > 0 && isspace((unsigned char)line[len - 1]))
			line[--len] = '\0';
		s->lines = realloc(s->lines, (s->n_lines + 1) * sizeof *s->lines);
		s->lines[s->n_lines++] = strdup(line);
	}
	free(line);
	fclose(f);
	return true;
}

static const char *skip_space(const char *text)
{
	return text + strspn(text, " \t");
}

static bool begins_with(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

/* "key = value;" of the configuration. */
static bool is_setting(const char *text)
{
	size_t key = strspn(text, "abcdefghijklmnopqrstuvwxyz_");

	return key > 0 && skip_space(text + key)[0] == '=';
}

static bool is_server(const char *text)
{
	return begins_with(text, "servers") || begins_with(text, "server");
}

/* "server a is down" is a sentence; "server a weight = 2;" and "servers a b" say who there is. */
static bool is_server_setting(const char *text)
{
	return is_server(text) && (begins_with(text, "servers") || !strstr(text, " is "));
}

/* ---- settings ----------------------------------------------------------------------------------- */

/* The n-th server of the story as an element of the configuration's list. */
static void put_server(FILE *out, unsigned n, const char *name, size_t len, const char *rest)
{
	fprintf(out, "%s{ name = \"%.*s\"; address = \"198.51.100.%u\"; %s }", n == 0 ? "" : ", ",
		(int)len, name, n + 1, rest);
}

static unsigned put_servers(FILE *out, unsigned n, const char *text)
{
	bool one = begins_with(text, "server");

	for (text = skip_space(text + strcspn(text, " ")); text[0]; text = skip_space(text)) {
		size_t len = strcspn(text, " ");

		put_server(out, n++, text, len, one ? skip_space(text + len) : "");
		if (one)
			break;
		text += len;
	}
	return n;
}

static void put_defaults(const struct story *s, FILE *out)
{
	for (size_t d = 0; d < N_DEFAULTS; d++) {
		bool is_set = false;

		for (size_t i = 0; i < s->n_lines; i++)
			is_set |= !s->is_sentence[i] &&
				  begins_with(skip_space(s->lines[i]), story_defaults[d].key);
		if (!is_set)
			fprintf(out, "%s ", story_defaults[d].setting);
	}
}

static size_t last_server_line(const struct story *s)
{
	size_t last = 0;

	for (size_t i = 0; i < s->n_lines; i++) {
		if (!s->is_sentence[i] && is_server_setting(skip_space(s->lines[i])))
			last = i;
	}
	return last;
}

static bool make_settings(struct story *s)
{
	size_t size, last = last_server_line(s);
	FILE *out = open_memstream(&s->settings, &size);
	unsigned n = 0;

	put_defaults(s, out);
	for (size_t i = 0; i < s->n_lines; i++) {
		const char *text = skip_space(s->lines[i]);

		if (!s->is_sentence[i] && is_server_setting(text)) {
			fputs(n == 0 ? "servers = ( " : "", out);
			n = put_servers(out, n, text);
			fputs(i == last ? " );" : "", out);
		} else if (!s->is_sentence[i] && is_setting(text)) {
			fputs(text, out);
		}
		fputc('\n', out);
	}
	fclose(out);
	return n > 0 && n <= STORY_SERVERS_MAX ? true
					       : complain(s, last + 1, "needs 1 to 16 servers");
}

/* ---- kinds of lines ----------------------------------------------------------------------------- */

static void read_remark(struct story *s, const char *text)
{
	char *end;

	if (strncmp(text, "# diverges at line ", 19) != 0)
		return;
	s->diverges_at = strtoul(text + 19, &end, 10);
	s->diverges_how = strdup(skip_space(end + (*end == ':')));
}

static bool sort_lines(struct story *s)
{
	bool began = false;

	s->is_sentence = calloc(s->n_lines + 1, sizeof *s->is_sentence);
	for (size_t i = 0; i < s->n_lines; i++) {
		const char *text = skip_space(s->lines[i]);

		if (text[0] == '#') {
			read_remark(s, text);
		} else if (text[0] == '\0') {
			continue;
		} else if (!s->title) {
			s->title = strdup(text);
		} else if (!began && strcmp(text, "cold start") == 0) {
			s->is_cold = true;
		} else if (is_setting(text) || is_server_setting(text)) {
			if (began)
				return complain(
					s, i + 1, "settings stand before the first sentence");
		} else {
			s->is_sentence[i] = began = true;
		}
	}
	return s->title && began ? true : complain(s, s->n_lines, "needs a title and a sentence");
}

bool story_read(const char *path, struct story *s)
{
	*s = (struct story){ .path = strdup(path) };
	if (read_lines(s) && sort_lines(s) && make_settings(s))
		return true;
	story_free(s);
	return false;
}

void story_free(struct story *s)
{
	for (size_t i = 0; i < s->n_lines; i++)
		free(s->lines[i]);
	free(s->lines);
	free(s->is_sentence);
	free(s->title);
	free(s->path);
	free(s->settings);
	free(s->diverges_how);
	*s = (struct story){ 0 };
}

/* ---- the configuration -------------------------------------------------------------------------- */

static bool write_settings(const struct story *s, int fd)
{
	size_t len = strlen(s->settings);
	bool ok = write(fd, s->settings, len) == (ssize_t)len;

	return close(fd) == 0 && ok;
}

/* "FILE:LINE: ..." with the story's name instead of the file's. */
static void show_problem(const struct story *s, const char *text)
{
	fprintf(stderr, "%s%s\n", s->path, text + strcspn(text, ":"));
}

bool story_config(const struct story *s, struct config *c)
{
	char path[] = "/tmp/dnsbal-story-XXXXXX";
	struct config_messages messages = { 0 };
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = mkstemp(path);
	int rc = -1;

	if (here == -1 || fd == -1 || !write_settings(s, fd)) {
		complain(s, 0, "cannot write a file in /tmp");
	} else {
		rc = config_load(path, c, &messages);
		if (rc != 0) {
			for (size_t i = 0; i < messages.n; i++)
				show_problem(s, messages.text[i]);
		}
		if (fchdir(here) == -1)
			rc = -1;
	}
	config_messages_free(&messages);
	if (fd != -1)
		unlink(path);
	if (here != -1)
		close(here);
	return rc == 0;
}
