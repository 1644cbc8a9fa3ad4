/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Invariants: `lines` has an entry for each line of `text`, the one being written included; a
 * string never crosses a line of `text`; outside strings there is nothing but printable ASCII,
 * blanks and line ends. Each file is closed before its text is walked, so descriptors do not add
 * up, and CONFIG_BYTES_MAX bounds memory and time whatever includes what. */
#include "config/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

struct identity {
	dev_t device;
	ino_t inode;
};

struct walk {
	struct config_scan *out;
	struct config_problems *problems;
	const char *folder;
	size_t text_size, lines_size, files_size; /* allocated elements */
	size_t n_bytes; /* read so far, all files */
	struct identity open_files[CONFIG_DEPTH_MAX + 1]; /* each included by the one before */
	size_t depth; /* of them in use */
	bool is_out_of_memory; /* sticky: what is appended from then on is lost */
	bool is_too_large; /* sticky: no further file is opened */
};

/* One file's bytes and how far the walk is. */
struct source {
	const char *text;
	size_t len, at;
	struct config_place place;
	int strange_line; /* the last one a strange byte was reported for */
};

/* The array with room for one more element than n; as it was, and w out of memory, if there is
 * none. */
static void *grown(struct walk *w, void *array, size_t n, size_t *size, size_t element)
{
	if (n < *size || w->is_out_of_memory)
		return array;
	const size_t new_size = *size ? 2 * *size : 64;
	void *new_array = realloc(array, new_size * element);
	if (!new_array) {
		w->is_out_of_memory = true;
		return array;
	}
	*size = new_size;
	return new_array;
}

static void append(struct walk *w, char c)
{
	struct config_scan *out = w->out;

	out->text = grown(w, out->text, out->len + 1, &w->text_size, 1);
	if (w->is_out_of_memory)
		return;
	out->text[out->len++] = c;
	out->text[out->len] = '\0';
}

static void begin_line(struct walk *w, struct config_place place)
{
	struct config_scan *out = w->out;

	out->lines = grown(w, out->lines, out->n_lines, &w->lines_size, sizeof *out->lines);
	if (!w->is_out_of_memory)
		out->lines[out->n_lines++] = place;
}

static void end_line(struct walk *w, struct source *s)
{
	append(w, '\n');
	s->place.line++;
	begin_line(w, s->place);
}

/* The name of a file as messages show it, owned by the scan. */
static const char *keep_name(struct walk *w, const char *path)
{
	struct config_scan *out = w->out;
	char *name;

	out->files = grown(w, out->files, out->n_files, &w->files_size, sizeof *out->files);
	if (w->is_out_of_memory)
		return "";
	if (asprintf(&name, "%s%s", path[0] == '/' ? "" : w->folder, path) == -1) {
		w->is_out_of_memory = true;
		return "";
	}
	out->files[out->n_files++] = name;
	return name;
}

static bool starts_with(const struct source *s, const char *word)
{
	const size_t len = strlen(word);

	return s->len - s->at >= len && memcmp(s->text + s->at, word, len) == 0;
}

static void skip_line_comment(struct source *s)
{
	while (s->at < s->len && s->text[s->at] != '\n')
		s->at++;
}

static void skip_block_comment(struct walk *w, struct source *s)
{
	const struct config_place begin = s->place;

	for (s->at += 2; s->at < s->len; s->at++) {
		if (starts_with(s, "*/")) {
			s->at += 2;
			append(w, ' ');
			return;
		}
		if (s->text[s->at] == '\n')
			end_line(w, s);
	}
	config_problem(w->problems, begin, NULL, "the comment that begins here with /* never ends");
}

static void copy_string(struct walk *w, struct source *s)
{
	append(w, s->text[s->at++]);
	while (s->at < s->len && s->text[s->at] != '\n') {
		const char c = s->text[s->at];

		if (starts_with(s, "\\x00") || starts_with(s, "\\X00"))
			config_problem(w->problems, s->place, NULL, "a string cannot hold \\x00");
		append(w, c);
		s->at++;
		if (c == '"')
			return;
		if (c == '\\' && s->at < s->len && s->text[s->at] != '\n')
			append(w, s->text[s->at++]);
	}
	config_problem(w->problems, s->place, NULL,
		"a string begins on this line and does not end on it: a \" is missing");
	append(w, '"');
}

static void copy_byte(struct walk *w, struct source *s)
{
	const unsigned char c = (unsigned char)s->text[s->at];
	size_t len = 1;

	if (c == '\r' || c == '\f' || c == '\t' || (c >= ' ' && c < 0x7f)) {
		append(w, c == '\r' || c == '\f' ? ' ' : (char)c);
		s->at++;
		return;
	}
	while (s->at + len < s->len && (s->text[s->at + len] & 0xc0) == 0x80)
		len++; /* the rest of a UTF-8 sequence */
	if (s->strange_line != s->place.line)
		config_problem(w->problems, s->place, NULL,
			"%s stands outside quotes: only plain ASCII can (are these typographic "
			"quotes or spaces?)",
			config_show(s->text + s->at, len).text);
	s->strange_line = s->place.line;
	s->at += len;
}

/* Reads all of a regular file into *text_out, at most what is left of CONFIG_BYTES_MAX. False
 * after a problem was reported. */
static bool read_open_file(
	struct walk *w, int fd, const char *name, struct config_place place, struct source *s_out)
{
	const size_t room = CONFIG_BYTES_MAX - w->n_bytes + 1;
	char *text = malloc(room);
	size_t len = 0;
	ssize_t n = 0;

	if (!text) {
		w->is_out_of_memory = true;
		return false;
	}
	while (len < room && (n = read(fd, text + len, room - len)) > 0)
		len += (size_t)n;
	if (n == -1) {
		config_problem(w->problems, place, NULL, "cannot read \"%s\": %s",
			config_show(name, strlen(name)).text, strerror(errno));
	} else if (len == room) {
		w->is_too_large = true;
		config_problem(w->problems, place, NULL,
			"\"%s\" is too large: all files together "
			"may have %u bytes",
			config_show(name, strlen(name)).text, CONFIG_BYTES_MAX);
	} else {
		w->n_bytes += len;
		*s_out = (struct source){ .text = text, .len = len };
		return true;
	}
	free(text);
	return false;
}

/* True if the file may be read: a regular one, and none of those being read. */
static bool admit(struct walk *w, int fd, const char *name, struct config_place place)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		config_problem(w->problems, place, NULL, "\"%s\" is not a regular file",
			config_show(name, strlen(name)).text);
		return false;
	}
	for (size_t i = 0; i < w->depth; i++) {
		if (w->open_files[i].device != st.st_dev || w->open_files[i].inode != st.st_ino)
			continue;
		config_problem(w->problems, place, NULL, "\"%s\" includes itself%s",
			config_show(name, strlen(name)).text,
			i + 1 < w->depth ? " in the end" : "");
		return false;
	}
	w->open_files[w->depth] = (struct identity){ st.st_dev, st.st_ino };
	return true;
}

/* The whole text of a file; false after a problem was reported. O_NONBLOCK: a FIFO opens at once,
 * to be refused. */
static bool read_file(
	struct walk *w, const char *path, struct config_place place, struct source *s_out)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd == -1) {
		config_problem(w->problems, place, NULL, "cannot open \"%s\": %s",
			config_show(path, strlen(path)).text, strerror(errno));
		return false;
	}
	bool is_read = admit(w, fd, path, place) && read_open_file(w, fd, path, place, s_out);
	close(fd);
	return is_read;
}

static bool walk_file(struct walk *w, const char *path, struct config_place place);

/* True where only blanks stand before, on the line. */
static bool is_at_line_start(const struct source *s)
{
	size_t at = s->at;

	while (at > 0 && (s->text[at - 1] == ' ' || s->text[at - 1] == '\t'))
		at--;
	return at == 0 || s->text[at - 1] == '\n';
}

/* @include "path": the file's lines come in its place, on lines of their own. */
static void include(struct walk *w, struct source *s)
{
	const char *end_of_line = memchr(s->text + s->at, '\n', s->len - s->at);
	const char *end = end_of_line ? end_of_line : s->text + s->len;
	const char *begin = s->text + s->at + strlen("@include");
	const char *quote = NULL;
	char *path = NULL;

	if (starts_with(s, "@include") && is_at_line_start(s)) {
		while (begin < end && (*begin == ' ' || *begin == '\t'))
			begin++;
		if (begin < end && *begin == '"' && begin[-1] != 'e')
			quote = memchr(begin + 1, '"', (size_t)(end - begin - 1));
	}
	if (!quote) {
		config_problem(w->problems, s->place, NULL,
			"expected @include \"FILE\" at the start of a line");
		s->at = (size_t)(end - s->text);
		return;
	}
	s->at = (size_t)(quote + 1 - s->text);
	path = strndup(begin + 1, (size_t)(quote - begin - 1));
	append(w, '\n');
	if (!path)
		w->is_out_of_memory = true;
	else if (w->depth > CONFIG_DEPTH_MAX)
		config_problem(w->problems, s->place, NULL,
			"files include each other more than %d deep", CONFIG_DEPTH_MAX);
	else
		walk_file(w, path, s->place);
	begin_line(w, s->place);
	free(path);
}

static void walk_text(struct walk *w, struct source *s)
{
	if (starts_with(s, "\xef\xbb\xbf"))
		s->at = 3; /* the byte order mark of some editors */
	while (s->at < s->len && !w->is_out_of_memory && !w->is_too_large) {
		const char c = s->text[s->at];

		if (c == '#' || starts_with(s, "//")) {
			skip_line_comment(s);
		} else if (starts_with(s, "/*")) {
			skip_block_comment(w, s);
		} else if (c == '"') {
			copy_string(w, s);
		} else if (c == '@') {
			include(w, s);
		} else if (c == '\n') {
			end_line(w, s);
			s->at++;
		} else {
			copy_byte(w, s);
		}
	}
}

/* A file with a zero byte is no text: only the byte is reported. */
static bool is_text(struct walk *w, const struct source *s)
{
	const char *zero = memchr(s->text, '\0', s->len);
	struct config_place place = s->place;

	if (!zero)
		return true;
	for (const char *c = s->text; c < zero; c++)
		place.line += *c == '\n';
	config_problem(w->problems, place, NULL, "a zero byte: this is not a text file");
	return false;
}

/* The last line, which a newline ends rather than begins another. */
static struct config_place last_line(const struct source *s)
{
	struct config_place place = s->place;

	if (place.line > 1 && s->text[s->len - 1] == '\n')
		place.line--;
	return place;
}

/* Appends a file, named at `place`. False if it could not be read. */
static bool walk_file(struct walk *w, const char *path, struct config_place place)
{
	struct source s;

	if (!read_file(w, path, place, &s))
		return false;
	s.place = (struct config_place){ keep_name(w, path), 1 };
	w->depth++;
	begin_line(w, s.place);
	if (is_text(w, &s))
		walk_text(w, &s);
	w->out->end = last_line(&s); /* the outermost ends last */
	append(w, '\n');
	w->depth--;
	free((char *)s.text);
	return true;
}

int config_scan(const char *path, const char *folder, struct config_problems *problems,
	struct config_scan *scan_out)
{
	struct walk w = { .out = scan_out, .problems = problems, .folder = folder };

	*scan_out = (struct config_scan){ 0 };
	const struct config_place place = { keep_name(&w, path), 0 };
	const bool is_read = walk_file(&w, path, place);
	if (w.is_out_of_memory)
		return ERR_NOMEM;
	return is_read ? 0 : ERR_SYSTEM;
}

void config_scan_free(struct config_scan *scan)
{
	for (size_t i = 0; i < scan->n_files; i++)
		free(scan->files[i]);
	free(scan->files);
	free(scan->lines);
	free(scan->text);
	*scan = (struct config_scan){ 0 };
}

struct config_place config_scan_place(const struct config_scan *scan, size_t line)
{
	if (line > 0 && line <= scan->n_lines)
		return scan->lines[line - 1];
	return (struct config_place){ scan->n_files ? scan->files[0] : "", 0 };
}
