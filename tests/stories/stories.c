/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * stories - tells every story in the files and folders that it is given, and says which did not come
 * true: with the story, the line where it went another way, what was expected and what happened.
 *
 *	stories [-v] [-s SEED] FILE|FOLDER ...
 *
 * -v prints the chronicle of each story as well. The luck of the world and of the workers is the
 * same in every run unless a seed is given. */
#include <errno.h>
#include <fts.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "stories/sentences.h"
#include "stories/stage.h"

enum { CHRONICLE_SHOWN = 60, SECONDS_MAX = 120 };

struct teller {
	bool is_verbose;
	uint64_t seed;
	unsigned n_true, n_false;
};

/* ---- one story ---------------------------------------------------------------------------------- */

/* Tries the sentence again at each thing that happens, for so long. */
static bool say_within(
	struct stage *s, const struct words *w, size_t from, const char *text, int64_t limit_ns)
{
	int64_t end_ns = s->now_ns + limit_ns;

	while (!sentence_say(s, w, from, text, false)) {
		int64_t next_ns = stage_next_ns(s);

		if (s->expected[0] == '\0' || s->now_ns >= end_ns)
			return false;
		s->has_failed = false;
		stage_run(s, next_ns < end_ns ? next_ns : end_ns);
		if (s->has_failed)
			return false;
	}
	return true;
}

static bool move_to(struct stage *s, int64_t to_ns)
{
	if (to_ns < s->now_ns)
		return stage_fail(s, NULL, "it is %g ms already", stage_ms(s, s->now_ns));
	if (to_ns == s->now_ns)
		return true;
	if (!stage_pass(s))
		return false;
	stage_run(s, to_ns);
	return !s->has_failed;
}

/* A sentence, with a time before it or not. */
static bool say_words(struct stage *s, const struct words *w, const char *text)
{
	static const struct words_context no_names;
	struct slot slots[SLOTS_MAX];
	size_t at;

	if ((at = words_match("within TIME", w, 0, &no_names, slots)) > 0)
		return stage_pass(s) && say_within(s, w, at, text, slots[0].ns);
	bool is_at = (at = words_match("at TIME", w, 0, &no_names, slots)) > 0;
	if (!is_at)
		at = words_match("after TIME", w, 0, &no_names, slots);
	if (at > 0 && !move_to(s, (is_at ? STAGE_START_NS : s->now_ns) + slots[0].ns))
		return false;
	return at == w->n || sentence_say(s, w, at, text, at > 0);
}

static bool say(struct stage *s, const char *line)
{
	const char *text = line + strspn(line, " \t");
	struct words w;
	bool ok = words_cut(text, &w) ? say_words(s, &w, text)
				      : stage_fail(s, NULL, "too many words");

	words_free(&w);
	while (ok && !s->has_failed && stage_delivery_ns(s) <= s->now_ns)
		stage_deliver(s); /* what is due has happened when the next sentence is told */
	return ok && !s->has_failed && stage_check(s);
}

/* What is pending ends, and then nothing may be left. Nobody tells of it any more. */
static bool end(struct stage *s)
{
	if (!stage_pass(s))
		return false;
	crowd_stop(s);
	stage_run(s, s->now_ns + s->worker_params.deadline_ns + 2 * CLOCK_NS_PER_MS);
	return !s->has_failed && stage_check_end(s);
}

/* The line at which the story went another way, 0: none. */
static size_t tell(struct stage *s, const struct story *story)
{
	for (size_t i = 0; i < story->n_lines; i++) {
		if (story->is_sentence[i] && !say(s, story->lines[i]))
			return i + 1;
	}
	return end(s) ? 0 : story->n_lines;
}

/* ---- telling about it --------------------------------------------------------------------------- */

static void print_chronicle(const struct stage *s, size_t most)
{
	size_t first = s->n_chronicle > most ? s->n_chronicle - most : 0;

	if (first > 0)
		printf("    (%zu lines before)\n", first);
	for (size_t i = first; i < s->n_chronicle; i++)
		printf("    %s\n", s->chronicle[i]);
}

static void print_failure(const struct stage *s, const struct story *story, size_t line)
{
	printf("%s:%zu: did not come true: %s\n", story->path, line, story->title);
	for (size_t i = 0; i < story->n_lines; i++)
		printf("  %s %3zu  %s\n", i + 1 == line ? ">>" : "  ", i + 1, story->lines[i]);
	if (s->expected[0])
		printf("  expected: %s\n", s->expected);
	printf("  happened: %s\n", s->happened);
	printf("  the chronicle (ms):\n");
	print_chronicle(s, CHRONICLE_SHOWN);
}

/* A story that must diverge does so at that line, in these words. */
static bool is_as_meant(const struct stage *s, const struct story *story, size_t line)
{
	if (line != story->diverges_at)
		return false;
	return line == 0 || strstr(s->happened, story->diverges_how) ||
	       strstr(s->expected, story->diverges_how);
}

/* A machine that turns in circles would never come back to tell of it. */
static const char *told_now;

static void on_alarm(int signal)
{
	static const char text[] = ": does not end\n";

	(void)signal;
	if (write(STDERR_FILENO, told_now, strlen(told_now)) == -1 ||
		write(STDERR_FILENO, text, sizeof text - 1) == -1)
		_exit(2);
	_exit(1);
}

static void tell_file(struct teller *t, const char *path)
{
	struct story story;
	struct stage stage;

	told_now = path;
	alarm(SECONDS_MAX);

	if (!story_read(path, &story)) {
		t->n_false++;
		return;
	}
	if (!stage_open(&stage, &story, t->seed)) {
		t->n_false++;
		story_free(&story);
		return;
	}
	size_t line = tell(&stage, &story);
	if (is_as_meant(&stage, &story, line)) {
		t->n_true++;
		if (t->is_verbose) {
			printf("%s: %s\n", path, story.title);
			print_chronicle(&stage, SIZE_MAX);
		}
	} else {
		t->n_false++;
		if (story.diverges_at)
			printf("%s: should diverge at line %zu with \"%s\", but:\n", path,
				story.diverges_at, story.diverges_how);
		print_failure(&stage, &story, line);
	}
	stage_close(&stage);
	story_free(&story);
}

/* ---- all of them -------------------------------------------------------------------------------- */

static bool is_story(const char *name)
{
	size_t len = strlen(name);

	return len > 6 && strcmp(name + len - 6, ".story") == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool tell_all(struct teller *t, char *const *paths)
{
	FTS *fts = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
	bool ok = fts != NULL;

	for (FTSENT *e; fts && (e = fts_read(fts));) {
		if (e->fts_info == FTS_NS || e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) {
			fprintf(stderr, "%s: %s\n", e->fts_path, strerror(e->fts_errno));
			ok = false;
		} else if (e->fts_info == FTS_F && (is_story(e->fts_name) || e->fts_level == 0)) {
			tell_file(t, e->fts_path);
		}
	}
	if (fts)
		fts_close(fts);
	return ok;
}

int main(int argc, char **argv)
{
	struct teller t = { .seed = 1 };

	for (int option; (option = getopt(argc, argv, "vs:")) != -1;) {
		if (option == 'v')
			t.is_verbose = true;
		else if (option == 's')
			t.seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind == argc || sodium_init() < 0) {
		fputs("usage: stories [-v] [-s SEED] FILE|FOLDER ...\n", stderr);
		return 2;
	}
	signal(SIGALRM, on_alarm);
	bool ok = tell_all(&t, argv + optind);
	/* Counted as the unit tests are, by those who add them up. */
	printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0\n",
		t.n_true + t.n_false, t.n_true, t.n_false);
	return ok && t.n_false == 0 && t.n_true > 0 ? 0 : 1;
}
