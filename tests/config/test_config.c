/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a configuration becomes, and what is said of files that cannot be read. The files are
 * written into a folder of the test's own. */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "wire/message.h"

#define TEXT_MAX 4096

static struct config config;
static struct config_messages messages;

static void forget(void)
{
	config_free(&config);
	config_messages_free(&messages);
}

/* A folder of this test alone, and a file in it. */
static char folder[] = "/tmp/dnsbal-test-XXXXXX";

static void make_folder(void)
{
	cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
	char command[TEXT_MAX];

	forget();
	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = make_folder, .fini = remove_folder, .timeout = 120);

static const char *write_file(const char *name, const void *text, size_t len)
{
	static char path[TEXT_MAX];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	cr_assert(file);
	cr_assert_eq(fwrite(text, 1, len, file), len);
	fclose(file);
	return path;
}

static int load_text(const char *text)
{
	forget();
	return config_load(write_file("test.conf", text, strlen(text)), &config, &messages);
}

static void expect_good(const char *text)
{
	const int error = load_text(text);

	for (size_t i = 0; i < messages.n; i++)
		cr_expect_fail("%s: %s", text, messages.text[i]);
	cr_assert_eq(error, 0, "%s", text);
}

static bool has_message(const char *part)
{
	for (size_t i = 0; i < messages.n; i++)
		if (strstr(messages.text[i], part))
			return true;
	return false;
}

static void expect_bad(const char *text, const char *part)
{
	cr_expect_eq(load_text(text), ERR_CONFIG, "%s", text);
	cr_expect(has_message(part), "%s: no \"%s\", but \"%s\"", text, part,
		messages.n ? messages.text[0] : "");
}

static const char *address_text(const struct addr *a)
{
	static char text[ADDR_TEXT_MAX];

	return addr_format(a, text, sizeof text);
}

Test(config, defaults_are_those_of_the_design)
{
	expect_good("servers = \"192.0.2.1\";");
	cr_assert_eq(config.n_listeners, 2);
	cr_expect_str_eq(address_text(&config.listeners[0].address), "127.0.0.1:53");
	cr_expect_str_eq(address_text(&config.listeners[1].address), "[::1]:53");
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(config.listeners[i].receivers, 1);
		cr_expect(config.listeners[i].is_default);
		cr_expect_eq(config.listeners[i].line, 0);
		cr_expect_null(config.listeners[i].where);
	}
	cr_expect_null(config.user_where);
	cr_expect_eq(config.n_acl, 9);
	cr_expect(config.acl_is_default);
	cr_assert_eq(config.n_servers, 1);
	cr_expect_str_eq(config.servers[0].name, "192.0.2.1:53");
	cr_expect_eq(config.servers[0].weight, 1);
	cr_expect_eq(config.servers[0].tier, 0);
	cr_expect_eq(config.servers[0].max_outstanding, 8192);
	cr_expect_eq(config.servers[0].mode, SERVER_AUTO);
	cr_expect_eq(config.servers[0].source.family, 0);
	cr_expect_eq(config.server_lines[0], 1);
	cr_expect_eq(config.dispatch, DISPATCH_QUEUE);
	cr_expect_eq(config.policy, POLICY_P2C);
	cr_expect_str_eq(config.hash_seed, "dnsbal");
	cr_expect_eq(config.hash_load_factor, 1.25);
	cr_expect_eq(config.attempts, 3);
	cr_expect_eq(config.attempt_timeout_ms, 750);
	cr_expect_eq(config.deadline_ms, 3000);
	cr_expect_eq(config.retry_on,
		RETRY_ON_TIMEOUT | RETRY_ON_UNREACHABLE | RETRY_ON_SERVFAIL | RETRY_ON_REFUSED);
	cr_expect_eq(config.retry_budget_percent, 20);
	cr_expect_eq(config.hedge_percent, 0);
	cr_expect_eq(config.on_failure, ON_FAILURE_SERVFAIL);
	cr_expect_eq(config.on_overload, ON_OVERLOAD_DROP);
	cr_expect_eq(config.health.mode, HEALTH_ACTIVE);
	cr_expect_eq(config.health.interval_ms, 1000);
	cr_expect_eq(config.health.fast_interval_ms, 200);
	cr_expect_eq(config.health.timeout_ms, 1000);
	cr_expect_eq(config.health.fall, 3);
	cr_expect_eq(config.health.rise, 2);
	cr_expect_str_eq(config.health.qname, ".");
	cr_expect(config.health.qname_is_default);
	cr_expect_eq(config.health.qname_len, 1);
	cr_expect_eq(config.health.qname_wire[0], 0);
	cr_expect_eq(config.health.qtype, 2);
	cr_expect_eq(config.health.reject,
		1u << RCODE_SERVFAIL | 1u << RCODE_REFUSED | 1u << RCODE_NOTIMP);
	cr_expect_eq(config.eject_consecutive_timeouts, 5);
	cr_expect_eq(config.eject_base_ms, 5000);
	cr_expect_eq(config.eject_max_percent, 34);
	cr_expect_eq(config.slow_start_ms, 0);
	cr_expect_eq(config.panic_percent, 50);
	cr_expect_eq(config.latency, LATENCY_OFF);
	cr_expect_eq(config.workers, 0);
	cr_expect_eq(config.queue_capacity, 8192);
	cr_expect_eq(config.queue_target_ms, 5);
	cr_expect_eq(config.queue_interval_ms, 100);
	cr_expect_eq(config.pending_max, 131072);
	cr_expect_eq(config.upstream_sockets, 0);
	cr_expect_eq(config.udp_reply_max, 1232);
	cr_expect_not(config.case_randomize);
	cr_expect_not(config.udp_gso);
	cr_expect_str_eq(config.user, "dnsbal");
	cr_expect_eq(config.log.level, LOG_LEVEL_INFO);
	cr_expect_eq(config.log.destination, LOG_TO_STDERR);
	cr_expect_eq(config.log.format, LOG_AS_TEXT);
}

Test(config, every_key_reaches_its_field)
{
	expect_good(
		"listen = (\n  \"192.0.2.53\",\n  { address = \"[::1]:5353\"; receivers = 64; } "
		");\n"
		"acl = \"192.0.2.0/24\";\n"
		"servers = ( { address = \"192.0.2.1:5353\"; name = \"b-1.x_[%]:\"; weight = "
		"1000;\n"
		"  tier = 15; max_outstanding = 1000000; source = \"192.0.2.9\"; state = "
		"\"down\"; },\n"
		"  { address = \"192.0.2.2\"; state = \"drain\"; }, \"192.0.2.3\" );\n"
		"policy = \"random\"; hash = { seed = \"s\"; load_factor = 2; };\n"
		"attempts = 2; attempt_timeout_ms = 10; deadline_ms = 100;\n"
		"retry = { on = ( \"refused\", \"timeout\" ); budget_percent = 100; };\n"
		"hedge = { percent = 50; };\n"
		"eject = { consecutive_timeouts = 1000; base_ms = 300000; max_percent = 100; };\n"
		"slow_start_ms = 3600000; panic_percent = 100; latency = \"on\";\n"
		"on_failure = \"drop\"; on_overload = \"refused\";\n"
		"health = { mode = \"off\"; interval_ms = 3600000; fast_interval_ms = 50;\n"
		"  timeout_ms = 60000; fall = 100; rise = 1; qname = \"A.test\"; qtype = "
		"\"type65535\";\n"
		"  reject = ( \"nxdomain\", \"NOERROR\" ); };\n"
		"workers = 0x100; queue = { capacity = 64; target_ms = 1000; interval_ms = 10000; "
		"};\n"
		"upstream_sockets = 26; pending_max = 4194304; udp_reply_max = 65535L;\n"
		"case_randomize = TRUE; udp_gso = true; user = \"nobody\";\n"
		"log = { level = \"debug\"; destination = \"journal\"; format = \"json\"; };\n");
	cr_assert_eq(config.n_listeners, 2);
	cr_expect_str_eq(address_text(&config.listeners[0].address), "192.0.2.53:53");
	cr_expect_eq(config.listeners[0].receivers, 1);
	cr_expect_not(config.listeners[0].is_default);
	cr_expect_eq(config.listeners[0].line, 2);
	cr_expect_str_eq(strrchr(config.listeners[0].where, '/'), "/test.conf:2: listen[0]: ");
	cr_expect_str_eq(strrchr(config.user_where, '/'), "/test.conf:20: user: ");
	cr_expect_str_eq(address_text(&config.listeners[1].address), "[::1]:5353");
	cr_expect_eq(config.listeners[1].receivers, 64);
	cr_expect_eq(config.listeners[1].line, 3);
	cr_expect_eq(config.n_acl, 1);
	cr_expect_not(config.acl_is_default);
	const struct server_params *s = &config.servers[0];
	cr_expect_eq(config.server_lines[0], 5);
	cr_expect_str_eq(s->name, "b-1.x_[%]:");
	cr_expect_str_eq(address_text(&s->address), "192.0.2.1:5353");
	cr_expect_eq(s->weight, 1000);
	cr_expect_eq(s->max_outstanding, 1000000);
	cr_expect_str_eq(address_text(&s->source), "192.0.2.9");
	cr_expect_eq(s->mode, SERVER_FORCED_DOWN);
	cr_expect_eq(s->tier, 15);
	cr_expect_eq(config.servers[1].mode, SERVER_DRAIN);
	cr_expect_eq(config.servers[1].tier, 0);
	cr_expect_eq(config.servers[2].mode, SERVER_AUTO);
	cr_expect_eq(config.attempts, 2);
	cr_expect_eq(config.attempt_timeout_ms, 10);
	cr_expect_eq(config.retry_on, RETRY_ON_REFUSED | RETRY_ON_TIMEOUT);
	cr_expect_eq(config.retry_budget_percent, 100);
	cr_expect_eq(config.hedge_percent, 50);
	cr_expect_eq(config.eject_consecutive_timeouts, 1000);
	cr_expect_eq(config.eject_base_ms, 300000);
	cr_expect_eq(config.eject_max_percent, 100);
	cr_expect_eq(config.slow_start_ms, 3600000);
	cr_expect_eq(config.panic_percent, 100);
	cr_expect_eq(config.latency, LATENCY_ON);
	cr_expect_eq(config.policy, POLICY_RANDOM);
	cr_expect_str_eq(config.hash_seed, "s");
	cr_expect_eq(config.hash_load_factor, 2);
	cr_expect_eq(config.deadline_ms, 100);
	cr_expect_eq(config.on_failure, ON_FAILURE_DROP);
	cr_expect_eq(config.on_overload, ON_OVERLOAD_REFUSED);
	cr_expect_eq(config.health.mode, HEALTH_OFF);
	cr_expect_eq(config.health.interval_ms, 3600000);
	cr_expect_eq(config.health.fast_interval_ms, 50);
	cr_expect_eq(config.health.timeout_ms, 60000);
	cr_expect_eq(config.health.fall, 100);
	cr_expect_eq(config.health.rise, 1);
	cr_expect_not(config.health.qname_is_default);
	cr_expect_eq(config.health.qname_len, 8);
	cr_expect_arr_eq(config.health.qname_wire, "\1A\4test\0", 8);
	cr_expect_eq(config.health.qtype, 65535);
	cr_expect_eq(config.health.reject, 1u << RCODE_NXDOMAIN | 1u << RCODE_NOERROR);
	cr_expect_eq(config.workers, 256);
	cr_expect_eq(config.queue_capacity, 64);
	cr_expect_eq(config.queue_target_ms, 1000);
	cr_expect_eq(config.queue_interval_ms, 10000);
	cr_expect_eq(config.upstream_sockets, 26);
	cr_expect_eq(config.pending_max, 4194304);
	cr_expect_eq(config.udp_reply_max, 65535);
	cr_expect(config.case_randomize);
	cr_expect(config.udp_gso);
	cr_expect_str_eq(config.user, "nobody");
	cr_expect_eq(config.log.level, LOG_LEVEL_DEBUG);
	cr_expect_eq(config.log.destination, LOG_TO_JOURNAL);
	cr_expect_eq(config.log.format, LOG_AS_JSON);
}

Test(config, each_policy_is_known_by_its_name)
{
	char text[TEXT_MAX];

	for (int i = 0; i < POLICY_COUNT; i++) {
		snprintf(text, sizeof text, "servers = \"192.0.2.1\"; policy = \"%s\";",
			policy_table[i]->name);
		expect_good(text);
		cr_expect_eq((int)config.policy, i, "%s", text);
	}
}

Test(config, sets_take_brackets_parentheses_and_bare_strings)
{
	static const char *const texts[] = {
		"servers = \"192.0.2.1\"; acl = \"10.0.0.0/8\"; listen = \"127.0.0.9\";",
		"servers = [ \"192.0.2.1\" ]; acl = [ \"10.0.0.0/8\" ]; listen = [ \"127.0.0.9\" "
		"];",
		"servers = ( \"192.0.2.1\" ); acl = ( \"10.0.0.0/8\" ); listen = ( \"127.0.0.9\" "
		");",
		"servers = ( { address = \"192.0.2.1\"; name = \"\"; source = \"\"; } ); acl = "
		"[\"10.0.0.0/8\"];listen=({address=\"127.0.0.9\"});",
		"servers : \"192.0.2.1\", acl : \"10.0.0.0/8\", listen : \"127.0.0.9\"",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		expect_good(texts[i]);
		cr_expect_str_eq(config.servers[0].name, "192.0.2.1:53", "%s", texts[i]);
		cr_expect_eq(config.n_servers, 1, "%s", texts[i]);
		cr_expect_eq(config.n_acl, 1, "%s", texts[i]);
		cr_expect_eq(config.n_listeners, 1, "%s", texts[i]);
		cr_expect_str_eq(address_text(&config.listeners[0].address), "127.0.0.9:53");
	}
}

Test(config, nothing_rejected_is_a_choice)
{
	expect_good("servers = \"192.0.2.1\"; health = { reject = [ ]; };");
	cr_expect_eq(config.health.reject, 0);
}

Test(config, types_of_queries_alone_are_never_meant)
{
	static const char *const values[] = { "AXF", "IXFF", "AN", "ANNY" };
	char text[TEXT_MAX];

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		snprintf(text, sizeof text,
			"servers = \"192.0.2.1\"; health = { qtype = \"%s\"; };", values[i]);
		expect_bad(text, "expected a record type");
		cr_expect_not(has_message("\"ANY\"") || has_message("\"AXFR\"") ||
				      has_message("\"IXFR\""),
			"%s: %s", values[i], messages.text[0]);
	}
}

Test(config, retry_on_takes_every_form_of_a_set)
{
	static const struct {
		const char *value;
		unsigned set;
	} cases[] = {
		{ "[ ]", 0 },
		{ "( )", 0 },
		{ "\"timeout\"", RETRY_ON_TIMEOUT },
		{ "[ \"unreachable\" ]", RETRY_ON_UNREACHABLE },
		{ "( \"servfail\" )", RETRY_ON_SERVFAIL },
		{ "\"refused\"", RETRY_ON_REFUSED },
		{ "[ \"unreachable\", \"timeout\" ]", RETRY_ON_UNREACHABLE | RETRY_ON_TIMEOUT },
		{ "( \"refused\", \"servfail\", \"timeout\", \"unreachable\" )", 15 },
	};
	char text[TEXT_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "servers = \"192.0.2.1\"; retry = { on = %s; };",
			cases[i].value);
		expect_good(text);
		cr_expect_eq(config.retry_on, cases[i].set, "%s: %u", text, config.retry_on);
	}
}

Test(config, what_is_missing_belongs_behind_the_last_line)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "", "test.conf:1: servers: missing" },
		{ "\n", "test.conf:1: servers: missing" },
		{ "workers = 1;", "test.conf:1: servers: missing" },
		{ "\n\nworkers = 1;\n", "test.conf:3: servers: missing" },
		{ "\n\nworkers = 1;\n# end", "test.conf:4: servers: missing" },
		{ "\n", "Write: servers = \"192.0.2.1\";" },
		{ "servers = (\n{ weight = 2; } );", "test.conf:2: servers[0].address: missing" },
		{ "servers = ( { } );", "Write: address = \"192.0.2.1\";" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect_bad(cases[i].text, cases[i].part);
}

Test(config, attempts_share_a_short_deadline_if_their_timeout_is_not_written)
{
	static const struct {
		const char *text;
		int attempt_timeout_ms;
	} cases[] = {
		{ "deadline_ms = 60000;", 750 },
		{ "deadline_ms = 2250;", 750 },
		{ "deadline_ms = 2249;", 749 },
		{ "deadline_ms = 1000;", 333 },
		{ "deadline_ms = 100;", 33 },
		{ "deadline_ms = 1000; attempts = 2;", 500 },
		{ "deadline_ms = 1000; attempts = 1;", 750 },
		{ "deadline_ms = 500; attempts = 1;", 500 },
		{ "deadline_ms = 1000; attempt_timeout_ms = 400;", 400 },
		{ "attempt_timeout_ms = 1499;", 1499 },
		{ "attempt_timeout_ms = 3000; attempts = 1;", 3000 },
		{ "attempt_timeout_ms = 3000; retry = { on = \"servfail\"; };", 3000 },
	};
	char text[TEXT_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "servers = \"192.0.2.1\"; %s", cases[i].text);
		expect_good(text);
		cr_expect_eq(config.attempt_timeout_ms, cases[i].attempt_timeout_ms, "%s: %d", text,
			config.attempt_timeout_ms);
	}
}

Test(config, latency_goes_with_what_draws_by_weight)
{
	static const char *const policies[] = { "p2c", "least-outstanding", "round-robin",
		"random" };
	char text[TEXT_MAX];

	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
		snprintf(text, sizeof text,
			"servers = \"192.0.2.1\"; latency = \"on\"; policy = \"%s\";", policies[i]);
		expect_good(text);
	}
}

Test(config, one_server_left_is_enough_of_them)
{
	expect_good(
		"servers = ( { address = \"192.0.2.1\"; state = \"drain\"; }, \"192.0.2.2\" );");
	expect_good("servers = ( { address = \"192.0.2.1\"; state = \"drain\"; },"
		    " { address = \"192.0.2.2\"; state = \"up\"; tier = 7; },"
		    " { address = \"192.0.2.3\"; state = \"down\"; } );");
}

Test(config, warning_comes_with_a_configuration_and_no_error)
{
	cr_expect_eq(
		load_text("servers = \"192.0.2.1\";\npolicy = \"hash\";\nlatency = \"on\";"), 0);
	cr_assert_eq(messages.n, 1);
	cr_expect(has_message("test.conf:3: warning: latency: "), "%s", messages.text[0]);
	cr_expect_eq(config.n_servers, 1);
	cr_expect_eq(config.latency, LATENCY_ON);
}

Test(config, hedging_is_for_two_attempts_and_more)
{
	expect_good("servers = \"192.0.2.1\"; hedge = { percent = 5; }; attempts = 2;");
	expect_good("servers = \"192.0.2.1\"; hedge = { percent = 5; }; retry = { on = [ ]; };");
	expect_good("servers = \"192.0.2.1\"; hedge = { percent = 0; }; attempts = 1;");
	expect_bad("servers = \"192.0.2.1\"; hedge = { percent = 1; }; attempts = 1;",
		"hedge.percent: 1, but a hedge is a second attempt");
}

Test(config, servers_may_share_an_address_from_different_sources)
{
	expect_good(
		"servers = ( { address = \"192.0.2.1\"; name = \"a\"; source = \"192.0.2.8\"; },"
		" { address = \"192.0.2.1\"; name = \"b\"; source = \"192.0.2.9\"; } );");
	expect_good("servers = [ \"192.0.2.1\", \"192.0.2.1:54\" ];");
}

Test(config, listeners_of_another_port_or_family_are_no_loop)
{
	expect_good("listen = \"0.0.0.0:5300\"; servers = [ \"127.0.0.1:5301\", \"[::1]:5300\" ];");
	expect_good("listen = \"[::]:5300\"; servers = \"127.0.0.1:5300\";");
	expect_good("listen = \"127.0.0.1:5300\"; servers = \"127.0.0.2:5300\";");
	expect_good("listen = \"0.0.0.0\"; servers = \"192.0.2.1\";");
}

Test(config, wildcard_listener_meets_every_local_address)
{
	/* 127/8 is local as a whole, not only the address the interface has. */
	expect_bad("listen = \"0.0.0.0\"; servers = \"127.255.255.254\";",
		"where we listen ourselves");
	expect_bad("listen = \"[::]:53\"; servers = \"::1\";", "where we listen ourselves");
}

Test(config, failed_load_leaves_nothing)
{
	static const struct config nothing;

	expect_bad("servers = \"192.0.2.1\"; workers = 300;", "workers: 300");
	cr_expect_arr_eq(&config, &nothing, sizeof config);
}

Test(config, missing_file_is_the_one_message)
{
	char path[TEXT_MAX];

	snprintf(path, sizeof path, "%s/nowhere.conf", folder);
	cr_expect_eq(config_load(path, &config, &messages), ERR_SYSTEM);
	cr_expect_eq(messages.n, 1);
	cr_expect(has_message("nowhere.conf: cannot open"));
	cr_expect(has_message("No such file or directory"));
	forget();
	snprintf(path, sizeof path, "%s/nowhere/at.conf", folder);
	cr_expect_eq(config_load(path, &config, &messages), ERR_SYSTEM);
	cr_expect_eq(messages.n, 1);
	cr_expect(has_message("cannot enter its directory"));
}

Test(config, what_is_no_regular_file_is_refused_at_once)
{
	char path[TEXT_MAX], text[2 * TEXT_MAX];

	snprintf(path, sizeof path, "%s/fifo", folder);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(config_load(path, &config, &messages), ERR_SYSTEM);
	cr_expect(has_message("is not a regular file"));
	forget();
	cr_expect_eq(config_load(folder, &config, &messages), ERR_SYSTEM);
	cr_expect(has_message("is not a regular file"));
	snprintf(text, sizeof text,
		"servers = \"192.0.2.1\";\n@include \"fifo\"\n@include \"%s\"\n", path);
	expect_bad(text, "test.conf:2: \"fifo\" is not a regular file");
	cr_expect(has_message("test.conf:3: "));
}

Test(config, working_directory_becomes_that_of_the_file)
{
	char text[TEXT_MAX];

	expect_good("servers = \"192.0.2.1\";");
	cr_assert(getcwd(text, sizeof text));
	cr_expect_str_eq(text, folder);
}

Test(config, file_without_a_folder_is_in_the_present_one)
{
	write_file("plain.conf", "servers = \"x\";\n", 15);
	cr_assert_eq(chdir(folder), 0);
	cr_expect_eq(config_load("plain.conf", &config, &messages), ERR_CONFIG);
	cr_expect_eq(messages.n, 1);
	cr_expect_eq(strncmp(messages.text[0], "plain.conf:1: servers: ", 23), 0, "%s",
		messages.text[0]);
}

Test(config, included_values_stand_where_they_are_included)
{
	char text[TEXT_MAX];

	write_file("servers.inc", "\"192.0.2.1\",\n\"192.0.2.2\"", 24);
	write_file("rest.inc", "workers = 3\n;", 12);
	snprintf(text, sizeof text,
		"servers = (\n@include \"servers.inc\"\n);\n \t@include\t\"%s/rest.inc\" # "
		"absolute\nuser = \"a\";",
		folder);
	expect_good(text);
	cr_expect_eq(config.n_servers, 2);
	cr_expect_eq(config.server_lines[1], 2);
	cr_expect_eq(config.workers, 3);
	cr_expect_str_eq(config.user, "a");
}

Test(config, same_file_may_be_included_twice)
{
	write_file("empty.inc", "# nothing\n", 10);
	expect_good("@include \"empty.inc\"\n@include \"empty.inc\"\nservers = \"192.0.2.1\";");
}

Test(config, what_a_servers_health_does_not_say_is_as_for_all)
{
	expect_good("servers = ( \"192.0.2.1\",\n"
		    "{ address = \"192.0.2.2\"; health = { fall = 7; reject = [ ]; }; },\n"
		    "{ address = \"192.0.2.3\"; health = { mode = \"off\"; timeout_ms = 60;\n"
		    "\tqname = \"a.test\"; qtype = \"SOA\"; rise = 9; interval_ms = 250; }; },\n"
		    "{ address = \"192.0.2.4\"; health = { qname = \".\"; }; } );\n"
		    "health = { interval_ms = 700; fast_interval_ms = 300; fall = 5; };");
	const struct config_health *all = &config.health;
	const struct config_health *b = config.server_health[1], *c = config.server_health[2];
	const struct config_health *d = config.server_health[3];
	cr_expect_null(config.server_health[0]);
	cr_assert(b && c && d);
	cr_expect_eq(b->fall, 7);
	cr_expect_eq(b->reject, 0);
	cr_expect_eq(b->mode, HEALTH_ACTIVE);
	cr_expect_eq(b->interval_ms, 700);
	cr_expect_eq(b->fast_interval_ms, 300);
	cr_expect_eq(b->timeout_ms, 1000);
	cr_expect_eq(b->rise, 2);
	cr_expect_str_eq(b->qname, ".");
	cr_expect_eq(b->qname_len, 1);
	cr_expect(b->qname_is_default);
	cr_expect_eq(b->qtype, 2);
	cr_expect_eq(c->mode, HEALTH_OFF);
	cr_expect_eq(c->timeout_ms, 60);
	cr_expect_eq(c->interval_ms, 250);
	cr_expect_eq(c->fast_interval_ms, 250, "not written, so not more than the other");
	cr_expect_eq(c->fall, 5);
	cr_expect_eq(c->rise, 9);
	cr_expect_eq(c->qname_len, 8);
	cr_expect_arr_eq(c->qname_wire, "\1a\4test\0", 8);
	cr_expect_not(c->qname_is_default);
	cr_expect_eq(c->qtype, 6);
	cr_expect_eq(c->reject, all->reject);
	cr_expect_not(d->qname_is_default, "it is written, whatever it says");
	cr_expect_eq(d->qname_len, 1);
	cr_expect_eq(all->fall, 5);
	cr_expect_eq(all->interval_ms, 700);
}

Test(config, words_in_comments_and_strings_are_let_be)
{
	expect_good("# @include \"nowhere\"\n/* @include \"nowhere\"\n \" 4294967299 "
		    "\xf0\x9f\x98\x80 */\n"
		    "// \"\nservers /* = */ = \"192.0.2.1\" /* ; */;\n"
		    "hash = { seed = \"/* # // @include 4294967299 \xc3\xa9\"; }; # end");
	cr_expect_str_eq(config.hash_seed, "/* # // @include 4294967299 \xc3\xa9");
}

Test(config, strings_know_their_escapes)
{
	expect_good("servers = \"192.0.2.1\"; hash = { seed = \"a\\\"b\\\\\\x41\\n\"; };");
	cr_expect_str_eq(config.hash_seed, "a\"b\\A\n");
}

Test(config, a_mebibyte_is_read_and_more_is_not)
{
	static char text[(1 << 20) + 2];
	static const char servers[] = "servers = \"192.0.2.1\";\n";

	memset(text, ' ', sizeof text - 1);
	memcpy(text, servers, sizeof servers - 1);
	text[1 << 20] = '\0';
	expect_good(text);
	text[1 << 20] = ' ';
	cr_expect_eq(load_text(text), ERR_SYSTEM);
	cr_expect(has_message("is too large"));
	write_file("half.inc", text, 600000);
	expect_bad(
		"@include \"half.inc\"\n@include \"half.inc\"\n", ":2: \"half.inc\" is too large");
	cr_expect_eq(messages.n, 1);
}

Test(config, many_includes_end_soon)
{
	static char text[1 << 20];
	size_t len = 0;

	write_file("empty.inc", "", 0);
	while (len + 64 < sizeof text)
		len += (size_t)sprintf(text + len, "@include \"empty.inc\"\n");
	strcpy(text + len, "servers = \"192.0.2.1\";\n");
	expect_good(text);
}

Test(config, most_servers_allowed_load_soon)
{
	static char text[1 << 18];
	size_t len = (size_t)sprintf(text, "servers = [ \"192.0.2.1\"");

	for (int i = 1; i < CONFIG_SERVERS_MAX; i++)
		len += (size_t)sprintf(text + len, ",\n\"10.1.%d.%d\"", i / 256, i % 256);
	strcpy(text + len, "];");
	expect_good(text);
	cr_expect_eq(config.n_servers, CONFIG_SERVERS_MAX);
	strcpy(text + len, ", \"192.0.2.2\" ];");
	expect_bad(text, "servers: 4097 elements; expected 1..4096 of them");
}

Test(config, every_prefix_of_a_good_file_is_refused_or_good)
{
	static const char text[] =
		"servers = ( \"192.0.2.1\", { address = \"192.0.2.2\"; weight = 2; } ); # c\n"
		"/* x */ log = { level = \"info\"; };\nhealth = { reject = [ \"REFUSED\" ]; };\n";

	for (size_t len = 0; len < sizeof text; len++) {
		forget();
		const int error = config_load(
			write_file("test.conf", text, len), &config, &messages);

		cr_expect(error == 0 || error == ERR_CONFIG, "%zu", len);
		cr_expect_eq(messages.n > 0, error != 0, "%zu", len);
	}
}

Test(config, arguments_alone_take_the_defaults)
{
	char *servers[] = { (char *)"192.0.2.1", (char *)"[2001:db8::1]:5353",
		(char *)"192.0.2.1:54" };

	cr_assert_eq(config_from_arguments(NULL, servers, 3, &config, &messages), 0);
	cr_expect_eq(messages.n, 0);
	cr_expect_eq(config.n_servers, 3);
	cr_expect_str_eq(config.servers[0].name, "192.0.2.1:53");
	cr_expect_str_eq(config.servers[1].name, "[2001:db8::1]:5353");
	cr_expect_eq(config.servers[1].weight, 1);
	cr_expect_eq(config.servers[2].max_outstanding, 8192);
	cr_expect_eq(config.servers[2].tier, 0);
	cr_expect_eq(config.attempts, 3);
	cr_expect_eq(config.attempt_timeout_ms, 750);
	cr_expect_eq(config.retry_on, 15);
	cr_expect_eq(config.eject_max_percent, 34);
	cr_expect_eq(config.server_lines[2], 0);
	cr_expect_eq(config.n_listeners, 2);
	cr_expect(config.listeners[0].is_default);
	cr_expect_str_eq(config.user, "dnsbal");
	cr_expect_eq(config.health.qname_len, 1);
	cr_expect(config.health.qname_is_default);
}

Test(config, listener_of_arguments_replaces_the_defaults)
{
	char *servers[] = { (char *)"127.0.0.1" };

	cr_assert_eq(config_from_arguments("[::1]:5300", servers, 1, &config, &messages), 0);
	cr_assert_eq(config.n_listeners, 1);
	cr_expect_not(config.listeners[0].is_default);
	cr_expect_eq(config.listeners[0].receivers, 1);
	cr_expect_eq(config.listeners[0].line, 0);
	cr_expect_str_eq(address_text(&config.listeners[0].address), "[::1]:5300");
}

Test(config, wrong_arguments_are_told_by_their_number)
{
	static const char *const expected[] = {
		"command line: -l: \"localhost\": expected an IP address, not a host name",
		("command line: SERVER 1: \"dns.example.test\": expected an IP address, not a "
		 "host name"),
		"command line: SERVER 3: \"192.0.2.1:0\": the port is outside 1..65535",
		"command line: SERVER 4: 192.0.2.1:53 is SERVER 2 already",
		"command line: SERVER 5: 224.0.0.1:53 is a multicast address",
	};
	char *servers[] = { (char *)"dns.example.test", (char *)"192.0.2.1", (char *)"192.0.2.1:0",
		(char *)"192.0.2.1:53", (char *)"224.0.0.1" };

	cr_expect_eq(
		config_from_arguments("localhost", servers, 5, &config, &messages), ERR_CONFIG);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		cr_expect(has_message(expected[i]), "%s", expected[i]);
	cr_expect_eq(messages.n, sizeof expected / sizeof expected[0]);
}

Test(config, loops_of_arguments_are_seen)
{
	char *servers[] = { (char *)"127.0.0.1" };

	cr_expect_eq(config_from_arguments(NULL, servers, 1, &config, &messages), ERR_CONFIG);
	cr_expect(has_message(
		"SERVER 1: 127.0.0.1:53 is where we listen ourselves: 127.0.0.1:53, by default; "
		"its queries would come back to us: give the server or -l another address or port"));
	forget();
	cr_expect_eq(config_from_arguments("0.0.0.0", servers, 1, &config, &messages), ERR_CONFIG);
	cr_expect(has_message("where we listen ourselves: 0.0.0.0:53"));
}

Test(config, arguments_without_a_server_are_too_few)
{
	cr_expect_eq(config_from_arguments(NULL, NULL, 0, &config, &messages), ERR_CONFIG);
	cr_expect(has_message("command line: expected 1..4096 servers, found 0"));
}

Test(config, messages_are_added_in_order)
{
	config_message_add(&messages, "%s %d", "one", 1);
	config_message_add(&messages, "two");
	cr_assert_eq(messages.n, 2);
	cr_expect_str_eq(messages.text[0], "one 1");
	cr_expect_str_eq(messages.text[1], "two");
	config_messages_free(&messages);
	cr_expect_eq(messages.n, 0);
	config_messages_free(&messages);
}
