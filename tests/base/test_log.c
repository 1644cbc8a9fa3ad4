/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lines are read back from a file that stands in for stderr; each Criterion test is a process of
 * its own, so nothing has to be put back. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log_writer.h"

#define LOGGED_MAX (4 << 20)

static char logged_text[LOGGED_MAX];

static void capture(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	cr_assert_neq(fd, -1);
	cr_assert_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	unsetenv("JOURNAL_STREAM");
}

/* All that was written since capture(). */
static const char *logged(void)
{
	ssize_t n = pread(STDERR_FILENO, logged_text, sizeof logged_text - 1, 0);

	cr_assert_geq(n, 0);
	logged_text[n] = '\0';
	return logged_text;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void open_as(enum log_level level, enum log_format format)
{
	const struct log_params params = { level, LOG_TO_STDERR, format };

	cr_assert_eq(log_open(&params), 0);
}

/* "2024-01-31T12:34:56.789Z" */
static bool is_time(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

	for (size_t i = 0; form[i]; i++) {
		const bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == 'd' ? !is_digit : text[i] != form[i])
			return false;
	}
	return true;
}

Test(log, before_opening_notices_are_told_and_infos_are_not)
{
	capture();
	log_info("quiet");
	log_debug("quiet");
	cr_expect_str_eq(logged(), "");
	log_notice("said %d", 42);
	cr_expect(is_time(logged()), "%s", logged());
	cr_expect_str_eq(logged() + 24, " dnsbal: notice: said 42\n");
}

Test(log, level_decides_what_is_told)
{
	static const enum log_level levels[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
		LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		capture();
		open_as(levels[i], LOG_AS_TEXT);
		log_error("x");
		log_warning("x");
		log_notice("x");
		log_info("x");
		log_debug("x");
		cr_expect_eq(count_lines(logged()), i + 1, "%s: %s", log_level_text(levels[i]),
			logged());
		for (size_t j = 0; j < sizeof levels / sizeof levels[0]; j++)
			cr_expect_eq(
				log_enabled(levels[j]), j <= i, "%s", log_level_text(levels[j]));
	}
}

Test(log, each_level_has_its_word)
{
	capture();
	open_as(LOG_LEVEL_DEBUG, LOG_AS_TEXT);
	log_error("a");
	log_warning("b");
	log_notice("c");
	log_info("d");
	log_debug("e");
	cr_expect(strstr(logged(), " dnsbal: error: a\n"));
	cr_expect(strstr(logged(), " dnsbal: warning: b\n"));
	cr_expect(strstr(logged(), " dnsbal: notice: c\n"));
	cr_expect(strstr(logged(), " dnsbal: info: d\n"));
	cr_expect(strstr(logged(), " dnsbal: debug: e\n"));
}

/* The stream's device and inode, as the service manager would write them. */
static void name_stream(ino_t offset)
{
	char text[64];
	struct stat st;

	cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)st.st_dev,
		(unsigned long long)(st.st_ino + offset));
	setenv("JOURNAL_STREAM", text, 1);
}

Test(log, stderr_read_by_the_journal_gets_priorities_and_no_time)
{
	capture();
	name_stream(0);
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_error("a");
	log_warning("b");
	log_notice("c");
	log_info("d");
	cr_expect_str_eq(logged(), "<3>dnsbal: error: a\n<4>dnsbal: warning: b\n"
				   "<5>dnsbal: notice: c\n<6>dnsbal: info: d\n");
}

Test(log, stderr_led_elsewhere_keeps_the_time)
{
	capture();
	name_stream(1);
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_error("a");
	cr_expect(is_time(logged()), "%s", logged());
	capture();
	setenv("JOURNAL_STREAM", "nonsense", 1);
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_error("a");
	cr_expect(is_time(logged()), "%s", logged());
}

Test(log, message_cannot_forge_another_line)
{
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_warning("%s", "a\ndnsbal: error: b\r\x1b[31m\x7f\xff");
	cr_expect_eq(count_lines(logged()), 1);
	cr_expect(strstr(logged(), "a\\010dnsbal: error: b\\013\\027[31m\\127\\255\n"), "%s",
		logged());
}

Test(log, long_message_is_cut_and_still_a_line)
{
	char text[9000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_info("%s", text);
	cr_expect_eq(count_lines(logged()), 1);
	const size_t len = strlen(logged());
	cr_expect_gt(len, 2000);
	cr_expect_lt(len, 2200);
	cr_expect_str_eq(logged() + len - 5, "x...\n");
	capture();
	memset(text, '\n', sizeof text - 1);
	log_info("%s", text);
	cr_expect_eq(count_lines(logged()), 1);
}

static json_t *parse_line(const char *text)
{
	json_error_t error;
	json_t *line = json_loads(text, 0, &error);

	cr_assert(line, "%s: %s", error.text, text);
	return line;
}

Test(log, json_lines_have_time_level_and_message)
{
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_JSON);
	log_warning("say \"%s\" \\ \n", "hello");
	cr_expect_eq(count_lines(logged()), 1);
	json_t *line = parse_line(logged());
	cr_expect(is_time(json_string_value(json_object_get(line, "time"))));
	cr_expect_str_eq(json_string_value(json_object_get(line, "level")), "warning");
	cr_expect_str_eq(
		json_string_value(json_object_get(line, "message")), "say \"hello\" \\ \\010");
	cr_expect_eq(json_object_size(line), 3);
	json_decref(line);
}

Test(log, json_events_stand_under_their_name)
{
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_JSON);
	log_json(LOG_LEVEL_INFO, "counters", "{\"queries\": 9223372036854775807, \"b\": {}}");
	json_t *line = parse_line(logged());
	json_t *counters = json_object_get(line, "counters");
	cr_expect_eq(json_integer_value(json_object_get(counters, "queries")), INT64_MAX);
	cr_expect_str_eq(json_string_value(json_object_get(line, "level")), "info");
	json_decref(line);
}

Test(log, json_event_that_is_none_is_kept_as_text)
{
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_JSON);
	log_json(LOG_LEVEL_INFO, "counters", "{\"queries\": ");
	json_t *line = parse_line(logged());
	cr_expect_str_eq(json_string_value(json_object_get(line, "counters")), "{\"queries\": ");
	json_decref(line);
}

Test(log, json_events_follow_their_name_in_text)
{
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_json(LOG_LEVEL_INFO, "counters", "{\"a\":\n1}");
	cr_expect_str_eq(logged() + 24, " dnsbal: info: counters {\"a\":\\0101}\n");
}

Test(log, json_events_are_written_whatever_the_level)
{
	static const enum log_format formats[] = { LOG_AS_TEXT, LOG_AS_JSON };

	for (size_t i = 0; i < 2; i++) {
		capture();
		open_as(LOG_LEVEL_ERROR, formats[i]);
		log_info("quiet");
		log_json(LOG_LEVEL_INFO, "counters", "{\"a\":1}");
		log_json(LOG_LEVEL_DEBUG, "counters", "{\"a\":2}");
		cr_expect_eq(count_lines(logged()), 2, "%s", logged());
		cr_expect_not_null(strstr(logged(), "counters"), "%s", logged());
	}
}

Test(log, json_event_of_many_servers_is_one_line)
{
	const size_t len = 400000;
	char *json = malloc(len + 16);

	memcpy(json, "{\"a\":\"", 6);
	memset(json + 6, 'x', len);
	strcpy(json + 6 + len, "\"}");
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_json(LOG_LEVEL_INFO, "counters", json);
	cr_expect_eq(count_lines(logged()), 1);
	cr_expect_gt(strlen(logged()), len);
	free(json);
}

Test(log, limited_messages_come_once_a_period_with_a_count)
{
	static struct log_limit limit;
	const int64_t ms = 1000000;

	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_limited(&limit, 5000 * ms, 60000, LOG_LEVEL_WARNING, "outside the acl: %s", "a");
	cr_expect_str_eq(logged() + 24, " dnsbal: warning: outside the acl: a\n");
	for (int i = 0; i < 812; i++)
		log_limited(&limit, 5001 * ms, 60000, LOG_LEVEL_WARNING, "x");
	log_limited(&limit, 65000 * ms - 1, 60000, LOG_LEVEL_WARNING, "x");
	cr_expect_eq(count_lines(logged()), 1);
	log_limited(&limit, 65000 * ms, 60000, LOG_LEVEL_WARNING, "outside the acl: %s", "b");
	cr_expect(strstr(logged(), "outside the acl: b (and 813 more)\n"), "%s", logged());
	log_limited(&limit, 125000 * ms, 60000, LOG_LEVEL_WARNING, "c");
	cr_expect(strstr(logged(), "warning: c\n"), "%s", logged());
}

Test(log, limit_that_is_asked_first_counts_each_message_once)
{
	static struct log_limit limit;
	const int64_t ms = 1000000;

	capture();
	open_as(LOG_LEVEL_NOTICE, LOG_AS_TEXT);
	for (int i = 0; i < 10; i++) {
		const int64_t now_ns = i < 9 ? 5000 * ms + i : 65000 * ms;

		cr_expect_not(log_is_due(&limit, now_ns, LOG_LEVEL_INFO), "no such level");
		if (log_is_due(&limit, now_ns, LOG_LEVEL_NOTICE))
			log_limited(&limit, now_ns, 60000, LOG_LEVEL_NOTICE, "x");
		cr_expect_eq(count_lines(logged()), i < 9 ? 1 : 2);
	}
	cr_expect(strstr(logged(), "notice: x (and 8 more)\n"), "%s", logged());
}

Test(log, limited_message_of_any_length_ends_with_its_count)
{
	char text[4000];
	struct log_limit limit = { .suppressed = UINT64_MAX };

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	log_limited(&limit, 0, 1, LOG_LEVEL_INFO, "%s", text);
	cr_expect(strstr(logged(), "x (and 18446744073709551615 more)\n"), "%s", logged());
}

/* ---- by a thread ---------------------------------------------------------------------------- */

/* Stderr becomes a full pipe; its other end, to be read without waiting. */
static int begin_unread(void)
{
	char page[4096];
	int fds[2];

	memset(page, '-', sizeof page);
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	while (write(fds[1], page, sizeof page) > 0)
		;
	cr_assert_eq(fcntl(fds[1], F_SETFL, 0), 0);
	cr_assert_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	unsetenv("JOURNAL_STREAM");
	return fds[0];
}

/* What comes next, behind all that was read before. */
static void read_more(int fd)
{
	static size_t n;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, 10000), 1);
	ssize_t got = read(fd, logged_text + n, sizeof logged_text - 1 - n);
	cr_assert_gt(got, 0);
	n += (size_t)got;
	logged_text[n] = '\0';
}

static void read_until(int fd, const char *wanted)
{
	while (!strstr(logged_text, wanted))
		read_more(fd);
}

/* Told each time the thread looked. */
static size_t told_lost(size_t *n_told_out)
{
	static const char before[] = "dnsbal: warning: ",
			  after[] = " lines of this log were lost: ";
	size_t n = 0, n_told = 0;

	for (const char *at = logged_text; (at = strstr(at, before)); n_told++) {
		char *end;

		n += strtoul(at += strlen(before), &end, 10);
		cr_assert_eq(strncmp(end, after, strlen(after)), 0, "%.40s", at);
	}
	if (n_told_out)
		*n_told_out = n_told;
	return n;
}

Test(log, nobody_waits_for_a_reader_that_stands_still, .timeout = 60)
{
	enum { N = 3 * LOG_LINES_MAX };
	int fd = begin_unread();

	cr_assert_eq(log_start(), 0);
	for (int i = 0; i < N; i++)
		log_notice("line %d", i); /* would never return */
	read_until(fd, "line 0\n");
	read_until(fd, "were lost: they came faster than they were read\n");
	log_notice("again");
	log_stop();
	read_until(fd, "again\n");
	size_t n_told;
	cr_expect_eq(told_lost(&n_told), N - LOG_LINES_MAX);
	cr_expect_eq(count_lines(logged_text), LOG_LINES_MAX + n_told + 1);
	log_notice("at once");
	read_until(fd, "at once\n");
}

Test(log, what_waits_is_bounded_in_bytes_too, .timeout = 60)
{
	enum { N = 100 };
	static char text[200000];
	int fd = begin_unread();

	memset(text, 'x', sizeof text - 1);
	cr_assert_eq(log_start(), 0);
	for (int i = 0; i < N; i++)
		log_json(LOG_LEVEL_NOTICE, "event", text);
	read_until(fd, "were read\n");
	while (told_lost(NULL) < N - LOG_BYTES_MAX / sizeof text)
		read_more(fd);
	cr_expect_eq(told_lost(NULL), N - LOG_BYTES_MAX / sizeof text);
}

Test(log, a_single_line_may_be_of_any_length)
{
	static char text[LOG_BYTES_MAX + 2];

	memset(text, 'x', sizeof text - 1);
	capture();
	cr_assert_eq(log_start(), 0);
	log_json(LOG_LEVEL_NOTICE, "event", text);
	log_stop();
	cr_expect_gt(strlen(logged()), sizeof text);
}

Test(log, the_end_does_not_wait_for_a_reader_for_long, .timeout = 60)
{
	begin_unread();
	cr_assert_eq(log_start(), 0);
	log_notice("never read");
	log_stop();
	cr_expect(log_writer_is_stuck());
	log_notice("never written");
	log_close();
}

Test(log, what_is_logged_by_a_thread_is_in_order_and_all_there)
{
	char wanted[32];
	const char *at;

	capture();
	cr_assert_eq(log_start(), 0);
	log_stop();
	cr_assert_eq(log_start(), 0, "again");
	for (int i = 0; i < LOG_LINES_MAX / 2; i++)
		log_notice("number %d", i);
	log_stop();
	at = logged();
	for (int i = 0; i < LOG_LINES_MAX / 2; i++) {
		snprintf(wanted, sizeof wanted, ": number %d\n", i);
		at = strstr(at, wanted);
		cr_assert_not_null(at, "%s", wanted);
	}
	cr_expect_eq(count_lines(logged()), LOG_LINES_MAX / 2);
}

Test(log, closing_returns_to_the_state_before_opening)
{
	capture();
	open_as(LOG_LEVEL_DEBUG, LOG_AS_JSON);
	log_close();
	cr_expect(log_enabled(LOG_LEVEL_NOTICE));
	cr_expect_not(log_enabled(LOG_LEVEL_INFO));
	log_notice("x");
	cr_expect_str_eq(logged() + 24, " dnsbal: notice: x\n");
}

Test(log, journal_that_is_missing_is_told_and_stderr_takes_its_place)
{
	const struct log_params params = { LOG_LEVEL_DEBUG, LOG_TO_JOURNAL, LOG_AS_JSON };

	if (access("/run/systemd/journal/socket", W_OK) == 0)
		cr_skip_test("a journal runs here");
	capture();
	cr_expect_eq(log_open(&params), ERR_UNSUPPORTED);
	cr_expect(log_enabled(LOG_LEVEL_DEBUG), "the level holds all the same");
	log_debug("x");
	cr_expect_eq(count_lines(logged()), 1);
	json_t *line = parse_line(logged()); /* and so does the format */
	cr_expect_str_eq(json_string_value(json_object_get(line, "message")), "x");
	json_decref(line);
}

/* Does somebody listen on /dev/log? */
static bool has_syslog(void)
{
	static const struct sockaddr_un address = { AF_UNIX, "/dev/log" };
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
	bool is_there = false;

	for (size_t i = 0; i < 2; i++) {
		int fd = socket(AF_UNIX, types[i], 0);

		cr_assert_neq(fd, -1);
		is_there |= connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
		close(fd);
	}
	return is_there;
}

Test(log, syslog_that_is_missing_is_told_and_stderr_takes_its_place)
{
	const struct log_params params = { LOG_LEVEL_DEBUG, LOG_TO_SYSLOG, LOG_AS_TEXT };

	if (has_syslog())
		cr_skip_test("a syslog daemon runs here");
	capture();
	cr_expect_eq(log_open(&params), ERR_UNSUPPORTED);
	cr_expect(log_enabled(LOG_LEVEL_DEBUG), "the level holds all the same");
	log_error("x");
	cr_expect_eq(count_lines(logged()), 1);
	cr_expect(is_time(logged()), "%s", logged());
	cr_expect_str_eq(logged() + 24, " dnsbal: error: x\n");
}

Test(log, syslog_takes_messages_away_from_stderr)
{
	const struct log_params params = { LOG_LEVEL_INFO, LOG_TO_SYSLOG, LOG_AS_TEXT };

	if (!has_syslog())
		cr_skip_test("no syslog daemon runs here");
	capture();
	cr_expect_eq(log_open(&params), 0);
	log_error("x");
	log_json(LOG_LEVEL_INFO, "counters", "{}");
	cr_expect_str_eq(logged(), "");
	log_close();
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_info("thread %s says a line of some length", (const char *)arg);
	return NULL;
}

Test(log, lines_of_threads_do_not_mix, .timeout = 60)
{
	pthread_t threads[4];
	size_t n_whole = 0;

	capture();
	open_as(LOG_LEVEL_INFO, LOG_AS_TEXT);
	for (size_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, log_many, "0123456789"), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (const char *line = logged(); *line; line = strchr(line, '\n') + 1)
		n_whole += is_time(line) &&
			   strncmp(line + 24,
				   " dnsbal: info: thread 0123456789 says a line of some length\n",
				   60) == 0;
	cr_expect_eq(n_whole, 2000);
}

Test(log, escape_shows_any_byte_and_always_ends)
{
	static const struct {
		const char *name, *text;
		size_t len, size;
		const char *expected;
	} cases[] = {
		{ "plain", "abc", 3, 16, "abc" },
		{ "empty", "", 0, 16, "" },
		{ "zero byte", "a\0b", 3, 16, "a\\000b" },
		{ "edges of printable", "\x1f ~\x7f", 4, 16, "\\031 ~\\127" },
		{ "high", "\xff", 1, 16, "\\255" },
		{ "backslash stays", "a\\b", 3, 16, "a\\b" },
		{ "fits exactly", "abcdefg", 7, 8, "abcdefg" },
		{ "one too long", "abcdefgh", 8, 8, "abcd..." },
		{ "escape does not fit", "abcde\n", 6, 8, "abcd..." },
		{ "escape is not cut in two", "\n\n\n", 3, 10, "\\010..." },
		{ "room for dots only", "abcdef", 6, 4, "..." },
		{ "room for less", "abcdef", 6, 3, ".." },
		{ "room for the end only", "abcdef", 6, 1, "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *out = malloc(cases[i].size);

		cr_expect_eq(log_escape(out, cases[i].size, cases[i].text, cases[i].len), out);
		cr_expect_str_eq(out, cases[i].expected, "%s: \"%s\"", cases[i].name, out);
		free(out);
	}
}
