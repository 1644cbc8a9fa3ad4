/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A bounded list under a lock, and a thread that takes all of it at a time. A thread that cannot write
 * is left behind at the end: there is no way to wake it but its reader. */
#include "base/log_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#if HAVE_LIBSYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would be a place in this file */
#include <systemd/sd-journal.h>
#endif

#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "base/thread.h"

enum state { AT_ONCE, BY_THREAD, ENDING, STUCK };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* leaf */
static pthread_cond_t came, ended; /* with it; made at the start */
/* under lock */
static enum state state;
static struct log_line *first, **last = &first;
static size_t n_lines, n_bytes; /* in the list, and taken off it but not written yet */
static uint64_t n_lost;
static bool has_ended;
/* set at start */
static pthread_t id;
static struct log_line *(*make_lost)(uint64_t n);

struct log_line *log_line_new(const char *prefix, const char *text)
{
	size_t len = strlen(prefix) + strlen(text);
	struct log_line *line = malloc(sizeof *line + len + 1);

	if (!line)
		return NULL;
	*line = (struct log_line){ .len = len };
	snprintf(line->text, len + 1, "%s%s", prefix, text);
	return line;
}

static void write_now(struct log_line *line)
{
	ssize_t written;

	switch (line->destination) {
	case LOG_TO_SYSLOG:
		syslog(line->priority, "%s", line->text);
		break;
	case LOG_TO_JOURNAL:
#if HAVE_LIBSYSTEMD
		sd_journal_send("MESSAGE=%s", line->text, "PRIORITY=%d", line->priority,
			"SYSLOG_IDENTIFIER=dnsbal", NULL);
#endif
		break;
	case LOG_TO_STDERR:
		line->text[line->len] = '\n'; /* with one write, so that lines never mix */
		written = write(STDERR_FILENO, line->text, line->len + 1);
		(void)written; /* a stderr that takes nothing leaves nobody to tell */
		break;
	}
	free(line);
}

/* Under the lock. A single line may be of any length: the counters of some thousand servers are. */
static bool has_room(const struct log_line *line)
{
	return n_lines == 0 || (n_lines < LOG_LINES_MAX && n_bytes + line->len <= LOG_BYTES_MAX);
}

void log_writer_memory(struct memory_use *use)
{
	memory_add_growing(use, 0, LOG_BYTES_MAX + LOG_LINES_MAX * sizeof(struct log_line));
}

void log_writer_put(struct log_line *line)
{
	pthread_mutex_lock(&lock);
	bool is_now = state == AT_ONCE;
	bool is_lost = !is_now && (state == STUCK || !has_room(line));

	if (is_lost) {
		n_lost++;
	} else if (!is_now) {
		n_lines++;
		n_bytes += line->len;
		*last = line;
		last = &line->next;
	}
	pthread_mutex_unlock(&lock);
	if (is_now)
		write_now(line);
	else
		pthread_cond_signal(&came);
	if (is_lost)
		free(line);
}

/* All that waits; the number lost since the last look. NULL at the end. */
static struct log_line *take(uint64_t *n_lost_out)
{
	pthread_mutex_lock(&lock);
	while (!first && n_lost == 0 && state == BY_THREAD)
		pthread_cond_wait(&came, &lock);
	struct log_line *all = first;

	first = NULL;
	last = &first;
	*n_lost_out = n_lost;
	n_lost = 0;
	pthread_mutex_unlock(&lock);
	return all;
}

static void note_written(size_t len)
{
	pthread_mutex_lock(&lock);
	n_lines--;
	n_bytes -= len;
	pthread_mutex_unlock(&lock);
}

static void *run(void *arg)
{
	uint64_t lost;

	(void)arg;
	for (struct log_line *line; (line = take(&lost)) || lost > 0;) {
		while (line) {
			struct log_line *next = line->next;
			size_t len = line->len;

			write_now(line);
			note_written(len);
			line = next;
		}
		struct log_line *told = lost > 0 ? make_lost(lost) : NULL;
		if (told)
			write_now(told);
	}
	pthread_mutex_lock(&lock);
	has_ended = true;
	pthread_mutex_unlock(&lock);
	pthread_cond_signal(&ended);
	return NULL;
}

static int make_conditions(void)
{
	pthread_condattr_t attributes;

	if (pthread_condattr_init(&attributes) != 0)
		return ERR_NOMEM;
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	int rc = pthread_cond_init(&came, &attributes) | pthread_cond_init(&ended, &attributes);
	pthread_condattr_destroy(&attributes);
	return rc ? ERR_NOMEM : 0;
}

static void set_state(enum state new_state)
{
	pthread_mutex_lock(&lock);
	state = new_state;
	pthread_mutex_unlock(&lock);
}

int log_writer_start(struct log_line *(*make_lost_line)(uint64_t n))
{
	int rc = make_conditions();

	if (rc < 0)
		return rc;
	make_lost = make_lost_line;
	has_ended = false;
	set_state(BY_THREAD);
	rc = thread_start(&id, "log", run, NULL);
	if (rc < 0)
		set_state(AT_ONCE);
	return rc;
}

/* False: it hangs. */
static bool await_end(void)
{
	int64_t end_ns = clock_mono_ns() + LOG_STOP_MS * CLOCK_NS_PER_MS;
	const struct timespec end = { .tv_sec = end_ns / CLOCK_NS_PER_S,
		.tv_nsec = end_ns % CLOCK_NS_PER_S };

	pthread_mutex_lock(&lock);
	while (!has_ended && pthread_cond_timedwait(&ended, &lock, &end) != ETIMEDOUT)
		;
	bool is_good = has_ended;
	if (!is_good)
		state = STUCK;
	pthread_mutex_unlock(&lock);
	return is_good;
}

void log_writer_stop(void)
{
	pthread_mutex_lock(&lock);
	bool is_running = state == BY_THREAD;
	if (is_running)
		state = ENDING;
	pthread_mutex_unlock(&lock);
	if (!is_running)
		return;
	pthread_cond_signal(&came);
	if (!await_end())
		return;
	pthread_join(id, NULL);
	set_state(AT_ONCE);
	pthread_cond_destroy(&came);
	pthread_cond_destroy(&ended);
}

bool log_writer_is_stuck(void)
{
	pthread_mutex_lock(&lock);
	bool is_stuck = state == STUCK;
	pthread_mutex_unlock(&lock);
	return is_stuck;
}
