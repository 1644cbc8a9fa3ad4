/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Settings that hold several values, one setting at a time, against rows made up here. */
#include "config/lists.h"

#include "config/midway.h"
#include "wire/message.h"

static const struct config_option set = {
	.key = "set", .type = OPTION_PREFIXES, .min = 1, .max = 3
};
static const struct config_option with_port = { .key = "address", .min = 1, .max = 65535 };
static const struct config_option without_port = { .key = "source" };

static void begin(void)
{
	reading_begin();
}

TestSuite(lists, .init = begin, .fini = reading_end, .timeout = 60);

/* The value of "set" in the text. */
static const config_setting_t *parse_set(const char *value)
{
	char text[512];

	snprintf(text, sizeof text, "\nset = %s;", value);
	return config_setting_get_member(reading_parse(text), "set");
}

#define NO_PORT "an address without a port: ports are drawn"
#define EXPECTED "expected an IP address as"

static const struct {
	const char *text;
	const struct config_option *row;
	const char *address; /* what is read, or else */
	const char *part; /* what is said */
} addresses[] = {
	{ "192.0.2.1", &with_port, "192.0.2.1:53", NULL },
	{ "192.0.2.1:5353", &with_port, "192.0.2.1:5353", NULL },
	{ "2001:db8::1", &with_port, "[2001:db8::1]:53", NULL },
	{ "[2001:DB8::1]:65535", &with_port, "[2001:db8::1]:65535", NULL },
	{ "[fe80::1%lo]:53", &with_port, "[fe80::1%lo]:53", NULL },
	{ "0.0.0.0", &with_port, "0.0.0.0:53", NULL },
	{ "192.0.2.1", &without_port, "192.0.2.1", NULL },
	{ "2001:db8::1", &without_port, "2001:db8::1", NULL },
	{ "192.0.2.1:5353", &without_port, NULL, NO_PORT },
	{ "192.0.2.1:0", &without_port, NULL, NO_PORT },
	{ "192.0.2.1:99999", &without_port, NULL, NO_PORT },
	{ "192.0.2.1:0", &with_port, NULL, "the port is outside 1..65535" },
	{ "192.0.2.1:65536", &with_port, NULL, "the port is outside 1..65535" },
	{ "fe80::1%nosuchif0", &with_port, NULL, "there is no such network interface" },
	{ "dns.example.net", &with_port, NULL, "not a host name: names are not looked up" },
	{ "dns.example.net:53", &with_port, NULL, "not a host name: names are not looked up" },
	{ "localhost", &without_port, NULL, "not a host name: names are not looked up" },
	{ "192.0.2.1#53", &with_port, NULL, "a port stands behind a colon" },
	{ "192.0.2.1@53", &with_port, NULL, "a port stands behind a colon" },
	{ "192.0.2.0/24", &with_port, NULL, "not a prefix" },
	{ "::ffff:192.0.2.1", &with_port, NULL, "one of IPv4 is written as such" },
	{ "192.0.2", &with_port, NULL, EXPECTED },
	{ "192.0.2.256", &with_port, NULL, EXPECTED },
	{ "[2001:db8::1", &with_port, NULL, EXPECTED },
	{ "", &with_port, NULL, EXPECTED },
	{ " 192.0.2.1", &with_port, NULL, EXPECTED },
	{ "\x01\x02", &with_port, NULL, "\"\\001\\002\": " EXPECTED },
};

Test(lists, addresses_are_read_or_the_likely_mistake_is_told)
{
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		const char *name = addresses[i].text;
		struct addr a;

		memset(&a, 0xff, sizeof a);
		reading_end();
		reading_begin();
		const bool is_good = config_address(&reading, name,
			(struct config_place){ "test.conf", 4 }, "key", addresses[i].row, &a);

		cr_expect_eq(is_good, addresses[i].address != NULL, "%s", name);
		reading_expect(name, addresses[i].part);
		if (is_good)
			cr_expect_str_eq(reading_address(&a), addresses[i].address, "%s", name);
		else
			cr_expect_eq(a.family, 0, "%s: nothing is left in its place", name);
		if (!is_good && messages.n)
			cr_expect_eq(strncmp(messages.text[0], "test.conf:4: key: \"", 19), 0, "%s",
				messages.text[0]);
	}
}

/* What is wrong with a set as such, for each kind of set. */
static const struct {
	const char *value, *part;
} sets[] = {
	{ "( )", "test.conf:2: set: 0 elements; expected 1..3" },
	{ "[ \"::\", \"::\", \"::\", \"::\" ]", "set: 4 elements; expected 1..3" },
	{ "5", "set: expected strings" },
	{ "true", "set: expected strings" },
	{ "{ }", "set: expected strings" },
};

Test(lists, sets_have_as_many_elements_as_allowed)
{
	typedef void reader(struct config_reading *, const config_setting_t *, const char *,
		const struct config_option *);
	static reader *const readers[] = { config_listeners, config_servers, config_prefixes };

	for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
		for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
			const config_setting_t *s = parse_set(sets[i].value);

			readers[k](&reading, s, "set", &set);
			reading_expect(sets[i].value, sets[i].part);
			cr_expect_null(config.servers, "%s", sets[i].value);
			cr_expect_null(config.listeners, "%s", sets[i].value);
			cr_expect_null(config.acl, "%s", sets[i].value);
		}
	}
}

Test(lists, listeners_take_strings_and_groups)
{
	config_listeners(&reading,
		parse_set("( \"192.0.2.1\", { address = \"[::1]:5300\"; receivers = 3; } )"), "set",
		&set);
	reading_expect("two", NULL);
	cr_assert_eq(config.n_listeners, 2);
	cr_expect_str_eq(reading_address(&config.listeners[0].address), "192.0.2.1:53");
	cr_expect_eq(config.listeners[0].receivers, 1);
	cr_expect_str_eq(reading_address(&config.listeners[1].address), "[::1]:5300");
	cr_expect_eq(config.listeners[1].receivers, 3);
	cr_expect_not(config.listeners[0].is_default);
	cr_expect_eq(config.listeners[0].line, 2);
}

Test(lists, written_listeners_replace_default_ones)
{
	const config_setting_t *s = parse_set("[ \"192.0.2.1\", \"192.0.2.2\" ]");

	reading.is_default = true;
	config_listeners(&reading, s, "set", &set);
	cr_assert_eq(config.n_listeners, 2);
	cr_expect(config.listeners[1].is_default);
	cr_expect_eq(config.listeners[1].line, 0);
	reading.is_default = false;
	config_listeners(&reading, config_setting_get_elem(s, 1), "set", &set);
	cr_assert_eq(config.n_listeners, 1);
	cr_expect_str_eq(reading_address(&config.listeners[0].address), "192.0.2.2:53");
	cr_expect_not(config.listeners[0].is_default);
}

Test(lists, servers_have_defaults_of_their_own)
{
	config_servers(&reading,
		parse_set("( { address = \"192.0.2.1\"; weight = 7; }, \"192.0.2.2\" )"), "set",
		&set);
	reading_expect("two", NULL);
	cr_assert_eq(config.n_servers, 2);
	cr_expect_eq(config.servers[0].weight, 7);
	cr_expect_eq(config.servers[1].weight, 1, "the first one's weight is not the second's");
	cr_expect_eq(config.servers[1].mode, SERVER_AUTO);
	cr_expect_eq(config.server_lines[1], 2);
}

Test(lists, a_bad_server_leaves_its_place_among_good_ones)
{
	config_servers(&reading,
		parse_set(
			"( \"nowhere\", { address = \"192.0.2.2\"; weight = 0; }, \"192.0.2.3\" )"),
		"set", &set);
	cr_assert_eq(messages.n, 2);
	cr_expect(strstr(messages.text[0], "set[0]: \"nowhere\": "), "%s", messages.text[0]);
	cr_expect(strstr(messages.text[1], "set[1].weight: 0 is outside"), "%s", messages.text[1]);
	cr_assert_eq(config.n_servers, 3);
	cr_expect_eq(config.servers[0].address.family, 0);
	cr_expect_eq(config.servers[1].weight, 1);
	cr_expect_str_eq(reading_address(&config.servers[2].address), "192.0.2.3:53");
}

static const struct {
	const char *value, *part;
} elements[] = {
	{ "( 5 )", "set[0]: expected an address in quotes or a group { }, found the integer 5" },
	{ "( \"::1\", ( \"::1\" ) )", "set[1]: expected an address in quotes or a group { }" },
	{ "( { } )", "set[0].address: missing" },
	{ "( { address = \"::1\"; adress = 1; } )", "set[0].adress: unknown key" },
	{ "\"nowhere\"", "set: \"nowhere\": " },
};

Test(lists, elements_are_told_by_their_number)
{
	for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
		config_servers(&reading, parse_set(elements[i].value), "set", &set);
		reading_expect(elements[i].value, elements[i].part);
	}
}

static const struct {
	const char *value, *part;
} prefixes[] = {
	{ "\"192.0.2.0/24\"", NULL },
	{ "[ \"192.0.2.1\", \"::/0\", \"2001:db8::/32\" ]", NULL },
	{ "( \"192.0.2.1/24\" )", "set[0]: \"192.0.2.1/24\": bits are set behind the prefix; did "
				  "you mean \"192.0.2.0/24\"?" },
	{ "( \"2001:db8::1/33\" )", "; did you mean \"2001:db8::/33\"?" },
	{ "( \"10.255.255.255/9\" )", "; did you mean \"10.128.0.0/9\"?" },
	{ "( \"255.255.255.255/0\" )", "; did you mean \"0.0.0.0/0\"?" },
	{ "( \"192.0.2.0/33\" )", "the prefix has more bits than the address" },
	{ "( \"::/129\" )", "the prefix has more bits than the address" },
	{ "( \"192.0.2.0/\" )", "expected a prefix as 192.0.2.0/24" },
	{ "( \"192.0.2.0/-1\" )", "expected a prefix as" },
	{ "( \"192.0.2.0/255.255.255.0\" )", "expected a prefix as" },
	{ "( \"any\" )", "set[0]: \"any\": expected a prefix as" },
	{ "( \"::/0\", 10 )", "set[1]: expected a prefix in quotes, found the integer 10" },
};

Test(lists, prefixes_are_read_or_the_meant_one_is_told)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		config_prefixes(&reading, parse_set(prefixes[i].value), "set", &set);
		reading_expect(prefixes[i].value, prefixes[i].part);
		cr_expect_not(config.acl_is_default);
	}
}

Test(lists, a_prefix_alone_is_one_host)
{
	config_prefixes(&reading, parse_set("[ \"192.0.2.1\", \"2001:db8::/32\" ]"), "set", &set);
	cr_assert_eq(config.n_acl, 2);
	cr_expect_eq(config.acl[0].bits, 32);
	cr_expect_eq(config.acl[1].bits, 32);
	cr_expect_eq(config.acl[1].ip[1], 0x01);
}

static const struct {
	const char *value;
	uint32_t rcodes; /* as it was before: 0xffff */
	const char *part;
} rcodes[] = {
	{ "[ ]", 0, NULL },
	{ "\"REFUSED\"", 1u << RCODE_REFUSED, NULL },
	{ "[ \"SERVFAIL\", \"NOTIMP\", \"SERVFAIL\" ]", 1u << RCODE_SERVFAIL | 1u << RCODE_NOTIMP,
		NULL },
	{ "[ \"SERVFAIL\", \"REFUSE\" ]", 1u << RCODE_SERVFAIL,
		"set[1]: expected the name of an rcode, found \"REFUSE\"; did you mean "
		"\"REFUSED\"?" },
	{ "( \"SERVFAIL\", 5 )", 1u << RCODE_SERVFAIL,
		"set[1]: expected the name of an rcode in quotes, found the integer 5" },
	{ "2", 0xffff, "set: expected strings in [ ] or ( ), or one string, found the integer 2" },
	{ "[ \"a\", \"b\", \"c\", \"d\" ]", 0xffff, "set: 4 elements; expected 0..3" },
};

Test(lists, rcodes_are_bits_by_their_names)
{
	const struct config_option row = { .key = "set", .type = OPTION_RCODES, .max = 3 };

	for (size_t i = 0; i < sizeof rcodes / sizeof rcodes[0]; i++) {
		uint32_t field = 0xffff;

		config_rcodes(&reading, parse_set(rcodes[i].value), "set", &row, &field);
		reading_expect(rcodes[i].value, rcodes[i].part);
		cr_expect_eq(field, rcodes[i].rcodes, "%s: %#x", rcodes[i].value, (unsigned)field);
	}
}
