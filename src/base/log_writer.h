/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * log_writer - writes the lines that log.c makes: at once, or, once started, by a thread of its own, so
 * that who logs never waits for who reads. What a reader that stands still does not take in time is lost,
 * and counted. Only log.c and the program's begin and end call this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* What waits to be written, at most; or one line that is longer. */
#define LOG_LINES_MAX 1024
#define LOG_BYTES_MAX (1u << 20)
#define LOG_STOP_MS 1000 /* for what waits at the end */

struct log_line {
	struct log_line *next; /* the writer's */
	enum log_destination destination;
	int priority; /* of syslog */
	size_t len;
	char text[]; /* whole, but for the end of the line; terminated */
};

struct memory_use;
/* What may wait; the thread's stack apart. */
void log_writer_memory(struct memory_use *use);

struct log_line *log_line_new(const char *prefix, const char *text); /* NULL without memory */
/* Takes the line over. Any thread; a lock inside, leaf, never held while anything is written. */
void log_writer_put(struct log_line *line);

/* From now on a thread writes. make_lost makes the line that tells of n lost ones, or NULL; it is called in
 * that thread. ERR_SYSTEM, ERR_NOMEM. */
int log_writer_start(struct log_line *(*make_lost)(uint64_t n));
/* Returns when all is written, after LOG_STOP_MS at the latest: what the reader has not taken by then is
 * lost, and so is all that is logged later. Otherwise lines are written at once again. Only when no other
 * thread logs any more. */
void log_writer_stop(void);
bool log_writer_is_stuck(void); /* the thread was left behind, perhaps within syslog() */
