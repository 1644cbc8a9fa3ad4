/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What values say together: listeners and servers made here, not read. */
#include "config/check.h"

#include "config/options.h"
#include "config/midway.h"

enum { ROWS = 3 };

/* Servers are written "ADDRESS [SOURCE [NAME]]", "-": no source; "?" could not be read. */
struct site {
	const char *name;
	const char *listen[ROWS], *servers[ROWS];
	unsigned receivers; /* of the first listener; 0: one, as the others have */
	const char *part;
};

/* The defaults, and room for a site. */
static void begin(void)
{
	reading_end();
	reading_begin();
	config_defaults(&reading, &config_table, &config);
	free(config.listeners);
	config.listeners = calloc(ROWS, sizeof *config.listeners);
	config.servers = calloc(ROWS, sizeof *config.servers);
	config.server_lines = calloc(ROWS, sizeof *config.server_lines);
	config.server_health = calloc(ROWS, sizeof *config.server_health);
	config.n_listeners = config.n_servers = 0;
}

/* The defaults, and as if these keys had been written on their lines. */
static void begin_written(const char *text)
{
	reading_parse(text);
	config_defaults(&reading, &config_table, &config);
	reading.tree = &tree;
}

TestSuite(check, .init = begin, .fini = reading_end, .timeout = 60);

static void add_listener(const char *text, unsigned receivers)
{
	struct config_listener *l = &config.listeners[config.n_listeners++];

	*l = (struct config_listener){ .receivers = receivers, .line = 1 };
	if (strcmp(text, "?") != 0)
		cr_assert_eq(addr_parse(text, 53, &l->address), 0, "%s", text);
}

static void add_server(const char *text)
{
	char address[ADDR_TEXT_MAX] = "", source[ADDR_TEXT_MAX] = "-", name[ADDR_TEXT_MAX] = "";
	struct server_params *s = &config.servers[config.n_servers];

	cr_assert_geq(sscanf(text, "%79s %79s %63s", address, source, name), 1);
	config_defaults(&reading, &config_server_table, s);
	if (strcmp(address, "?") != 0)
		cr_assert_eq(addr_parse(address, 53, &s->address), 0, "%s", text);
	if (strcmp(source, "-") != 0)
		cr_assert_eq(addr_parse(source, 0, &s->source), 0, "%s", text);
	snprintf(s->name, sizeof s->name, "%s", name);
	config.server_lines[config.n_servers++] = 2;
}

static void check_site(const struct site *site)
{
	begin();
	for (int i = 0; i < ROWS && site->listen[i]; i++)
		add_listener(site->listen[i], i == 0 && site->receivers ? site->receivers : 1);
	for (int i = 0; i < ROWS && site->servers[i]; i++)
		add_server(site->servers[i]);
	config_check(&reading);
	reading_expect(site->name, site->part);
}

#define GOOD_SERVER \
	{ \
		"192.0.2.1" \
	}

static const struct site listeners[] = {
	{ "two ports", { "127.0.0.1:53", "127.0.0.1:54" }, GOOD_SERVER, 0, NULL },
	{ "two families", { "0.0.0.0", "::" }, GOOD_SERVER, 0, NULL },
	{ "all, twice", { "0.0.0.0", "0.0.0.0" }, GOOD_SERVER, 0,
		"test.conf:1: listen[1]: 0.0.0.0:53 is listen[0] already" },
	{ "the same of three", { "::1", "127.0.0.1", "::1" }, GOOD_SERVER, 0,
		"listen[2]: [::1]:53 is listen[0] already" },
	{ "all, then one", { "0.0.0.0", "127.0.0.1" }, GOOD_SERVER, 0,
		"listen[1]: 0.0.0.0:53 takes every address of that port, 127.0.0.1:53 among them" },
	{ "one, then all", { "::1", "::" }, GOOD_SERVER, 0,
		"listen[1]: [::]:53 takes every address of that port, [::1]:53 among them" },
	{ "one of many sockets, then all", { "::1", "::" }, GOOD_SERVER, 2, "takes every address" },
	{ "all, one of another port", { "0.0.0.0", "127.0.0.1:54" }, GOOD_SERVER, 0, NULL },
	{ "multicast", { "224.0.0.1" }, GOOD_SERVER, 0,
		"listen[0]: 224.0.0.1:53 is a multicast address" },
	{ "last of multicast", { "239.255.255.255" }, GOOD_SERVER, 0, "is a multicast address" },
	{ "behind multicast", { "240.0.0.1" }, GOOD_SERVER, 0, NULL },
	{ "broadcast", { "255.255.255.255" }, GOOD_SERVER, 0, "is the broadcast address" },
	{ "IPv6 multicast", { "ff02::1" }, GOOD_SERVER, 0, "is a multicast address" },
	{ "link-local without its link", { "fe80::1" }, GOOD_SERVER, 0,
		"is link-local and needs its interface, as in [fe80::1%eth0]" },
	{ "link-local", { "fe80::1%lo" }, GOOD_SERVER, 0, NULL },
	{ "unread", { "?", "?" }, GOOD_SERVER, 0, NULL },
};

Test(check, listeners_do_not_take_each_others_place)
{
	for (size_t i = 0; i < sizeof listeners / sizeof listeners[0]; i++)
		check_site(&listeners[i]);
}

Test(check, listeners_of_many_sockets_each_share_an_address)
{
	add_listener("0.0.0.0", 2);
	add_listener("127.0.0.1", 2);
	config_check(&reading);
	reading_expect("two and two", NULL);
}

#define LISTEN \
	{ \
		"127.0.0.1" \
	}

static const struct site servers[] = {
	{ "two", LISTEN, { "192.0.2.1", "192.0.2.2" }, 0, NULL },
	{ "two ports", LISTEN, { "192.0.2.1", "192.0.2.1:54" }, 0, NULL },
	{ "twins", LISTEN, { "192.0.2.1", "192.0.2.2", "192.0.2.1:53" }, 0,
		"test.conf:2: servers[2]: 192.0.2.1:53 is servers[0] already" },
	{ "twins with names", LISTEN, { "192.0.2.1 - a", "192.0.2.1 - b" }, 0,
		"servers[1]: 192.0.2.1:53 is servers[0] already" },
	{ "two links", LISTEN, { "fe80::1%1", "fe80::1%2" }, 0, NULL },
	{ "two sources, two names", LISTEN, { "192.0.2.1 192.0.2.8 a", "192.0.2.1 192.0.2.9 b" }, 0,
		NULL },
	{ "two sources, no names", LISTEN, { "192.0.2.1 192.0.2.8", "192.0.2.1 192.0.2.9" }, 0,
		"servers[1].name: \"192.0.2.1:53\" is the name of servers[0] already; give it a "
		"name" },
	{ "one name", LISTEN, { "192.0.2.1 - a", "192.0.2.2 - b", "192.0.2.3 - a" }, 0,
		"servers[2].name: \"a\" is the name of servers[0] already" },
	{ "name in another case", LISTEN, { "192.0.2.1 - a", "192.0.2.2 - A" }, 0, NULL },
	{ "unread names", LISTEN, { "192.0.2.1 - ?", "192.0.2.2 - ?" }, 0, NULL },
	{ "unread addresses", LISTEN, { "? - a", "? - a", "192.0.2.1 - a" }, 0, NULL },
	{ "wildcard", LISTEN, { "0.0.0.0:54" }, 0,
		"servers[0]: 0.0.0.0:54 is the wildcard address" },
	{ "IPv6 wildcard", LISTEN, { "::" }, 0, "is the wildcard address" },
	{ "multicast", LISTEN, { "224.0.0.251" }, 0, "is a multicast address" },
	{ "link-local", LISTEN, { "fe80::1" }, 0, "needs its interface" },
	{ "source of another family", LISTEN, { "192.0.2.1 2001:db8::1" }, 0,
		"servers[0].source: 2001:db8::1 and the server's address 192.0.2.1:53 are of "
		"different "
		"families" },
	{ "source of an unread address", LISTEN, { "? 2001:db8::1" }, 0, NULL },
	{ "any source", LISTEN, { "192.0.2.1 0.0.0.0" }, 0,
		"servers[0].source: 0.0.0.0 is the wildcard address: leave source out instead" },
	{ "multicast source", LISTEN, { "? 224.0.0.1" }, 0,
		"servers[0].source: 224.0.0.1 is a multicast" },
	{ "ourselves", LISTEN, { "192.0.2.1", "127.0.0.1:53" }, 0,
		"servers[1]: 127.0.0.1:53 is where we listen ourselves: 127.0.0.1:53" },
	{ "our other port", LISTEN, { "127.0.0.1:54" }, 0, NULL },
	{ "our neighbour", LISTEN, { "127.0.0.2" }, 0, NULL },
	{ "through the wildcard", { "0.0.0.0" }, { "127.9.9.9" }, 0,
		"servers[0]: 127.9.9.9:53 is where we listen ourselves: 0.0.0.0:53" },
	{ "through the IPv6 wildcard", { "::" }, { "::1" }, 0,
		"servers[0]: [::1]:53 is where we listen ourselves: [::]:53" },
	{ "wildcard of the other family", { "0.0.0.0" }, { "::1" }, 0, NULL },
	{ "wildcard of another port", { "0.0.0.0:54" }, { "127.0.0.1" }, 0, NULL },
	{ "wildcard, and another host", { "0.0.0.0", "::" }, { "192.0.2.1", "2001:db8::1" }, 0,
		NULL },
};

Test(check, servers_are_others_and_each_another)
{
	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
		check_site(&servers[i]);
}

Test(check, a_default_listener_is_told_as_one)
{
	add_listener("127.0.0.1", 1);
	config.listeners[0].is_default = true;
	add_server("127.0.0.1");
	config_check(&reading);
	reading_expect("default", "is where we listen ourselves: 127.0.0.1:53, by default");
}

Test(check, servers_without_a_name_get_their_address)
{
	add_server("192.0.2.1");
	add_server("2001:DB8::1 - b");
	add_server("2001:DB8:0::2");
	config_check(&reading);
	reading_expect("three", NULL);
	cr_expect_str_eq(config.servers[0].name, "192.0.2.1:53");
	cr_expect_str_eq(config.servers[1].name, "b");
	cr_expect_str_eq(config.servers[2].name, "[2001:db8::2]:53");
}

Test(check, a_command_line_is_told_in_its_own_words)
{
	reading.scan = (struct config_scan){ 0 };
	add_listener("255.255.255.255", 1);
	add_server("192.0.2.1");
	add_server("192.0.2.1");
	config_check(&reading);
	cr_assert_eq(messages.n, 2);
	cr_expect_str_eq(
		messages.text[0], "command line: -l: 255.255.255.255:53 is the broadcast address");
	cr_expect_str_eq(
		messages.text[1], "command line: SERVER 2: 192.0.2.1:53 is SERVER 1 already");
}

static const struct {
	const char *qname;
	size_t len; /* in wire form; 0: not a name */
} qnames[] = {
	{ ".", 1 },
	{ "example.test", 14 },
	{ "example.test.", 14 },
	{ "a\\.b.test", 10 },
	{ "..", 0 },
	{ "a..test", 0 },
	{ "\\256.test", 0 },
	{ "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234.test", 0 },
};

Test(check, the_name_of_probes_is_kept_as_on_the_wire)
{
	for (size_t i = 0; i < sizeof qnames / sizeof qnames[0]; i++) {
		begin_written("\n\nhealth = { qname = \"\"; };");
		free(config.health.qname);
		config.health.qname = strdup(qnames[i].qname);
		config_check(&reading);
		cr_expect_not(config.health.qname_is_default);
		if (qnames[i].len)
			cr_expect_eq(config.health.qname_len, qnames[i].len, "%s", qnames[i].qname);
		reading_expect(
			qnames[i].qname, qnames[i].len ? NULL : "test.conf:3: health.qname: \"");
	}
}

Test(check, a_name_nobody_wrote_is_the_default)
{
	config_check(&reading);
	cr_expect(config.health.qname_is_default);
}

static const struct {
	const char *name;
	size_t n_servers;
	int workers, upstream_sockets;
	const char *part;
} sockets[] = {
	{ "just as many", 2, 10, 1000, NULL },
	{ "one more each", 2, 10, 1001,
		"test.conf:2: upstream_sockets: 1001 for each of 2 servers and 10 workers are "
		"20020 sockets, and 20000 are allowed: expected at most 1000, or fewer workers" },
	{ "with one worker already", 20, 0, 1001,
		"upstream_sockets: 1001 for each of 20 servers and 1 worker are 20020 sockets, and "
		"20000 are allowed: expected at most 1000" },
	{ "with one worker, just", 20, 0, 1000, NULL },
	{ "a socket each, just", 80, 250, 0, NULL },
	{ "not even one each", 80, 251, 0,
		"test.conf:1: workers: 251 with 80 servers need 20080 sockets, one for each pair, "
		"and 20000 are allowed: expected at most 250" },
	{ "not even one each, and many asked for", 4096, 256, 1024,
		"test.conf:1: workers: 256 with 4096 servers" },
	{ "the most servers", 4096, 0, 0, NULL },
	{ "all chosen", 1, 0, 0, NULL },
};

Test(check, sockets_that_cannot_be_are_told_before_a_start)
{
	for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
		begin_written("workers = 0;\nupstream_sockets = 0;");
		config.servers = calloc(sockets[i].n_servers, sizeof *config.servers);
		config.server_lines = calloc(sockets[i].n_servers, sizeof *config.server_lines);
		config.server_health = calloc(sockets[i].n_servers, sizeof *config.server_health);
		config.n_servers = sockets[i].n_servers; /* of no address: they are passed over */
		config.workers = sockets[i].workers;
		config.upstream_sockets = sockets[i].upstream_sockets;
		config_check(&reading);
		reading_expect(sockets[i].name, sockets[i].part);
	}
}

Test(check, doubt_follows_the_rule_unless_it_is_written)
{
	begin_written("health = { interval_ms = 0; };");
	config.health.interval_ms = 150;
	config_check(&reading);
	reading_expect("not written", NULL);
	cr_expect_eq(config.health.fast_interval_ms, 150);
}

Test(check, doubt_is_not_slower_than_the_rule)
{
	begin_written("\n\n\nhealth = { fast_interval_ms = 0; };");
	config.health.interval_ms = config.health.fast_interval_ms = 150;
	config_check(&reading);
	reading_expect("equal", NULL);
	config.health.fast_interval_ms = 151;
	config_check(&reading);
	reading_expect("slower",
		"test.conf:4: health.fast_interval_ms: 151 is more than health.interval_ms, 150");
}
