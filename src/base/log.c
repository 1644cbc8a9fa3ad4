/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A line is made by the thread that logs it, and written by log_writer.c; the lock covers only the
 * copying of where lines go. The level is an atomic beside it, so that what is not logged costs one
 * load. Invariant: a finished line holds no control character but its own end. */
#include "base/log.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log_writer.h"

#define MESSAGE_MAX 2048 /* bytes of one message before escaping; longer ones are cut */
#define TIME_MAX 32 /* "2024-01-31T12:34:56.789Z" */
#define PREFIX_MAX 80 /* "<4>", or the time; the program; the level */

static const struct {
	const char *name;
	int priority; /* of syslog */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_NOTICE] = { "notice", LOG_NOTICE },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};
_Static_assert(sizeof levels / sizeof levels[0] == LOG_LEVEL_DEBUG + 1, "a row for each level");

/* Relaxed: it is a switch, and publishes nothing; the rest is under the lock. */
static _Atomic int level_enabled = LOG_LEVEL_NOTICE;

struct target {
	enum log_destination destination;
	enum log_format format;
	bool is_journal; /* stderr is read by the journal, which adds the time itself */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* leaf: take nothing under it */
static struct target target_now; /* under lock; stderr and text until log_open() */

/* $JOURNAL_STREAM names device and inode of the stream that the service manager gave us; only if
 * stderr still is that stream does a "<4>" mean anything to its reader. */
static bool is_stderr_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static bool is_journal_usable(void)
{
#if HAVE_LIBSYSTEMD
	/* Without the socket sd_journal_send() would drop every message and report success. */
	return access("/run/systemd/journal/socket", W_OK) == 0;
#else
	return false;
#endif
}

/* syslog() reports nothing either, and drops what it cannot send. */
static bool is_syslog_usable(void)
{
	static const struct sockaddr_un address = { AF_UNIX, _PATH_LOG };
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM }; /* as syslog() tries them */
	bool is_usable = false;

	for (size_t i = 0; i < sizeof types / sizeof types[0] && !is_usable; i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd == -1)
			continue;
		is_usable = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
		close(fd);
	}
	return is_usable;
}

static bool is_destination_usable(enum log_destination destination)
{
	switch (destination) {
	case LOG_TO_SYSLOG:
		return is_syslog_usable();
	case LOG_TO_JOURNAL:
		return is_journal_usable();
	case LOG_TO_STDERR:
		break;
	}
	return true;
}

const char *log_level_text(enum log_level level)
{
	return levels[level].name;
}

int log_open(const struct log_params *params)
{
	const bool is_usable = is_destination_usable(params->destination);
	const struct target target = {
		.destination = is_usable ? params->destination : LOG_TO_STDERR,
		.format = params->format,
		.is_journal = is_stderr_journal(),
	};

	if (target.destination == LOG_TO_SYSLOG)
		openlog("dnsbal", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	pthread_mutex_lock(&lock);
	target_now = target;
	pthread_mutex_unlock(&lock);
	atomic_store_explicit(&level_enabled, params->level, memory_order_relaxed);
	return is_usable ? 0 : ERR_UNSUPPORTED;
}

void log_close(void)
{
	static const struct log_params at_start = { LOG_LEVEL_NOTICE, LOG_TO_STDERR, LOG_AS_TEXT };

	log_open(&at_start);
	if (!log_writer_is_stuck())
		closelog(); /* else it would wait for the thread */
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&level_enabled, memory_order_relaxed);
}

static void format_time(char out[TIME_MAX])
{
	int64_t now_ns = clock_real_ns();
	time_t s = now_ns / CLOCK_NS_PER_S;
	struct tm tm;
	char date[sizeof "2024-01-31T12:34:56"] = "";

	gmtime_r(&s, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, TIME_MAX, "%s.%03dZ", date, (int)(now_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_MS));
}

/* Heap; NULL without memory. */
static char *escape_controls(const char *text)
{
	char *out = malloc(4 * strlen(text) + 1);
	char *end = out;

	if (!out)
		return NULL;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f)
			end += sprintf(end, "\\%03u", c);
		else
			*end++ = (char)c;
	}
	*end = '\0';
	return out;
}

/* One line, made, to where lines go. NULL without memory. */
static struct log_line *make_line(
	const struct target *target, enum log_level level, const char *text)
{
	const bool is_text = target->format == LOG_AS_TEXT;
	char prefix[PREFIX_MAX] = "", now[TIME_MAX];
	const char *program = "";

	if (target->destination == LOG_TO_STDERR) {
		program = "dnsbal: ";
		if (target->is_journal) {
			snprintf(prefix, sizeof prefix, "<%d>", levels[level].priority);
		} else if (is_text) {
			format_time(now);
			snprintf(prefix, sizeof prefix, "%s ", now);
		}
	}
	if (is_text)
		snprintf(prefix + strlen(prefix), sizeof prefix - strlen(prefix), "%s%s: ", program,
			levels[level].name);
	struct log_line *line = log_line_new(prefix, text);
	if (!line)
		return NULL;
	line->destination = target->destination;
	line->priority = levels[level].priority;
	return line;
}

static struct target current_target(void)
{
	pthread_mutex_lock(&lock);
	struct target target = target_now;
	pthread_mutex_unlock(&lock);
	return target;
}

/* {"time": ..., "level": ..., NAME: VALUE}; takes over `value`, which may be NULL. */
static struct log_line *make_object(
	const struct target *target, enum log_level level, const char *name, json_t *value)
{
	char now[TIME_MAX];

	format_time(now);
	json_t *object = json_pack(
		"{s:s, s:s, s:o}", "time", now, "level", levels[level].name, name, value);
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	struct log_line *line = text ? make_line(target, level, text) : NULL;

	json_decref(object);
	free(text);
	return line;
}

static void put(struct log_line *line)
{
	if (line)
		log_writer_put(line);
}

static struct log_line *make_message(enum log_level level, const char *message)
{
	const struct target target = current_target();
	char escaped[4 * MESSAGE_MAX];

	log_escape(escaped, sizeof escaped, message, strlen(message));
	return target.format == LOG_AS_JSON
		       ? make_object(&target, level, "message", json_string(escaped))
		       : make_line(&target, level, escaped);
}

static void emit_message(enum log_level level, const char *message)
{
	put(make_message(level, message));
}

LOG_PRINTF(2, 0) static void log_at(enum log_level level, const char *format, va_list arguments)
{
	char message[MESSAGE_MAX];

	if (!log_enabled(level))
		return;
	if (vsnprintf(message, sizeof message, format, arguments) >= (int)sizeof message)
		memcpy(message + sizeof message - sizeof "...", "...", sizeof "...");
	emit_message(level, message);
}

/* The five differ in nothing but the level. */
#define LOG_FUNCTION(name, level) \
	void name(const char *format, ...) \
	{ \
		va_list arguments; \
\
		va_start(arguments, format); \
		log_at(level, format, arguments); \
		va_end(arguments); \
	}
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

static struct log_line *make_lost(uint64_t n)
{
	char message[MESSAGE_MAX];

	snprintf(message, sizeof message,
		"%" PRIu64 " lines of this log were lost: they came faster than they were read", n);
	return make_message(LOG_LEVEL_WARNING, message);
}

int log_start(void)
{
	return log_writer_start(make_lost);
}

void log_stop(void)
{
	log_writer_stop();
}

bool log_is_due(struct log_limit *limit, int64_t now_ns, enum log_level level)
{
	if (!log_enabled(level))
		return false;
	if (now_ns >= limit->next_ns)
		return true;
	limit->suppressed++;
	return false;
}

void log_limited(struct log_limit *limit, int64_t now_ns, int64_t period_ms, enum log_level level,
	const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list arguments;

	if (!log_is_due(limit, now_ns, level))
		return;
	va_start(arguments, format);
	int len = vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	if (limit->suppressed > 0) {
		const int room = (int)sizeof message -
				 (int)sizeof " (and 18446744073709551615 more)";
		char *end = message + (len < 0 ? 0 : len < room ? len : room);

		sprintf(end, " (and %" PRIu64 " more)", limit->suppressed);
	}
	limit->suppressed = 0;
	limit->next_ns = now_ns + period_ms * CLOCK_NS_PER_MS;
	emit_message(level, message);
}

void log_json(enum log_level level, const char *event, const char *json)
{
	const struct target target = current_target();

	if (target.format == LOG_AS_JSON) {
		json_t *value = json_loads(json, 0, NULL);

		put(make_object(&target, level, event, value ? value : json_string(json)));
		return;
	}
	char *escaped = escape_controls(json);
	char *line = NULL;
	if (escaped && asprintf(&line, "%s %s", event, escaped) != -1) {
		put(make_line(&target, level, line));
		free(line);
	}
	free(escaped);
}

char *log_escape(char *out, size_t out_size, const void *text, size_t len)
{
	const unsigned char *in = text;
	size_t used = 0, cut = 0; /* cut: where "..." still fits behind what is whole */

	if (out_size == 0)
		return out;
	for (size_t i = 0; i < len; i++) {
		const size_t need = in[i] >= ' ' && in[i] < 0x7f ? 1 : 4;

		if (used + need >= out_size) {
			snprintf(out + cut, out_size - cut, "...");
			return out;
		}
		if (need == 1)
			out[used] = (char)in[i];
		else
			sprintf(out + used, "\\%03u", in[i]);
		used += need;
		if (used + sizeof "..." <= out_size)
			cut = used;
	}
	out[used] = '\0';
	return out;
}
