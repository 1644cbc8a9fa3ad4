/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lines of -v, read back from a file that stands in for stderr. Each test is a process. */
#include "core/trace.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "core/worker.h"

static char text[65536];

static void capture(void)
{
	const struct log_params params = { LOG_LEVEL_INFO, LOG_TO_STDERR, LOG_AS_TEXT };
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	cr_assert_neq(fd, -1);
	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	unsetenv("JOURNAL_STREAM");
	cr_assert_eq(log_open(&params), 0);
}

static const char *logged(void)
{
	ssize_t n = pread(STDERR_FILENO, text, sizeof text - 1, 0);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

static const struct origin client = {
	.client = { .ip = { 192, 0, 2, 7 }, .port = 5353, .family = AF_INET },
};

Test(trace, each_kind_has_its_sentence, .init = capture)
{
	static const uint8_t question[] = "\7example\3com\0\0\x1c\0\1";
	static const struct {
		struct worker_event e;
		const char *line;
	} cases[] = {
		{ { .kind = WORKER_EVENT_QUERY },
			"192.0.2.7:5353 asks example.com. AAAA: sent to a\n" },
		{ { .kind = WORKER_EVENT_MERGED },
			"192.0.2.7:5353 asks example.com. AAAA again: still waiting" },
		{ { .kind = WORKER_EVENT_ANSWERED, .rcode = 3, .elapsed_us = 1234 },
			"asked example.com. AAAA: NXDOMAIN from a after 1234 us\n" },
		{ { .kind = WORKER_EVENT_ANSWERED, .elapsed_us = 5, .is_cut = true },
			"NOERROR from a after 5 us, cut to TC=1\n" },
		{ { .kind = WORKER_EVENT_SELF, .rcode = 2, .reason = "no reply in time" },
			"asked example.com. AAAA: answered SERVFAIL by us: no reply in time\n" },
		{ { .kind = WORKER_EVENT_SILENCE, .reason = "waited too long" },
			"asked example.com. AAAA: not answered: waited too long\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct worker_event e = cases[i].e;

		e.origin = &client;
		e.question = question;
		e.name_len = 13;
		trace_log(&e, "a");
		cr_expect_not_null(
			strstr(logged(), cases[i].line), "%s in %s", cases[i].line, text);
	}
}

Test(trace, a_query_without_question_is_told_so, .init = capture)
{
	const struct worker_event e = { .kind = WORKER_EVENT_MERGED, .origin = &client };

	trace_log(&e, NULL);
	cr_expect_not_null(strstr(logged(), "asks (no question) again"), "%s", text);
}

Test(trace, names_from_the_wire_are_escaped, .init = capture)
{
	static const uint8_t question[] = "\x0b"
					  "a\nb\0%s\x1b\x7f\xff.\"\0\0\1\0\1";
	const struct worker_event e = {
		.kind = WORKER_EVENT_QUERY,
		.origin = &client,
		.question = question,
		.name_len = 13,
	};

	trace_log(&e, "a");
	const char *line = logged();
	cr_expect_not_null(strstr(line, "asks a\\010b\\000%s\\027\\127\\255\\.\""), "%s", line);
	for (const char *c = line; *c; c++)
		cr_expect((*c >= ' ' && *c < 0x7f) || (*c == '\n' && !c[1]), "byte %d", *c);
}

Test(trace, the_longest_name_fits, .init = capture)
{
	uint8_t question[259] = { 0 };

	memset(question, 0xff, 254);
	for (int i = 0; i < 4; i++)
		question[i * 64] = i < 3 ? 63 : 61;
	question[254] = 0;
	question[256] = question[258] = 1;
	const struct worker_event e = {
		.kind = WORKER_EVENT_QUERY,
		.origin = &client,
		.question = question,
		.name_len = 255,
	};
	trace_log(&e, "a");
	cr_expect_not_null(strstr(logged(), "\\255. A: sent to a\n"), "%s", text);
}
