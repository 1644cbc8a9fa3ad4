/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * log - messages to a person, on stderr, syslog or the journal, as text or as one JSON object a
 * line. The layer that knows what the operator can do logs, once; those below return codes.
 *
 * Any thread may log (locks inside, leaves: nothing is taken under them). Not for the path of a
 * query: what the wire can trigger is counted, and told through log_limited().
 *
 * Before log_open() everything at notice and above goes to stderr as text. Text from the wire or
 * from a file passes through log_escape() before it becomes part of a message; the functions
 * here also escape control characters of the finished line, so no message can forge another. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The names are the values of the configuration's log.level, in this order. */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_destination { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_JOURNAL };
enum log_format { LOG_AS_TEXT, LOG_AS_JSON };

const char *log_level_text(enum log_level level); /* "error" ... "debug". Static. */

struct log_params {
	enum log_level level;
	enum log_destination destination;
	enum log_format format;
};

/* Applies the parameters from now on. ERR_UNSUPPORTED: nobody takes messages at the
 * destination, the journal or syslog, and they go to stderr. */
int log_open(const struct log_params *params);
void log_close(void); /* back to what holds before log_open() */

/* From now on a thread of its own writes, and nobody waits for who reads the log: what is not read in
 * time is lost, and the log tells how much. ERR_SYSTEM, ERR_NOMEM: it goes on as before. */
int log_start(void);
/* Returns when all is written, after a second at the latest; before the program ends, and when no other
 * thread logs any more. */
void log_stop(void);
bool log_enabled(enum log_level level); /* cheap: one relaxed load */

#define LOG_PRINTF(a, b) __attribute__((format(printf, a, b)))

void log_error(const char *format, ...) LOG_PRINTF(1, 2);
void log_warning(const char *format, ...) LOG_PRINTF(1, 2);
void log_notice(const char *format, ...) LOG_PRINTF(1, 2);
void log_info(const char *format, ...) LOG_PRINTF(1, 2);
void log_debug(const char *format, ...) LOG_PRINTF(1, 2);

/* For what the wire can trigger: at most one line per `period_ms` and limit, and that line ends
 * with the number of those left out since the last ("and 812 more"). Zero-initialise, static or
 * in a struct with one owner thread. */
struct log_limit {
	int64_t next_ns; /* owner only */
	uint64_t suppressed;
};
/* Whether log_limited() would write a line now; if not, the line is counted as left out already. To
 * be asked first where a message is costly to make. */
bool log_is_due(struct log_limit *limit, int64_t now_ns, enum log_level level);
void log_limited(struct log_limit *limit, int64_t now_ns, int64_t period_ms, enum log_level level,
	const char *format, ...) LOG_PRINTF(5, 6);

/* One line that is JSON already, as an "event" of its own (text destinations get it behind a
 * word): for the counters. `json` must be a complete object. Written whatever the level: somebody
 * asked for it. */
void log_json(enum log_level level, const char *event, const char *json);

/* Copies text so that it is safe to show: printable ASCII stays, the rest becomes \ddd, as in
 * RFC 1035 section 5.1. Always terminates; cuts with "..." where it does not fit. */
char *log_escape(char *out, size_t out_size, const void *text, size_t len);
