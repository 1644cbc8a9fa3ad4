/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From a table of rows, one made up here, to a struct: defaults, members, groups, and what is said
 * of keys that are not in the table or not in the text. */
#include "config/members.h"

#include "config/midway.h"

struct room {
	int seats;
	unsigned doors;
	double height;
	bool is_dark;
	char name[SERVER_NAME_MAX + 1];
	int lamps, lamp_watts;
};

#define ROW(key, type, field, min, max, initial) \
	{ \
		key, type, offsetof(struct room, field), min, max, initial, "restart", \
			"Of a room.", NULL, false \
	}

static const struct config_option rows[] = {
	ROW("seats", OPTION_INTEGER, seats, 1, 100, NULL),
	ROW("doors", OPTION_UNSIGNED, doors, 1, 9, "1"),
	ROW("height", OPTION_NUMBER, height, 2, 10, "2.5"),
	ROW("is_dark", OPTION_BOOLEAN, is_dark, 0, 1, "true"),
	ROW("name", OPTION_NAME, name, 0, SERVER_NAME_MAX, "\"hall\""),
	ROW("lamp.count", OPTION_INTEGER, lamps, 0, 50, "3"),
	ROW("lamp.watts", OPTION_INTEGER, lamp_watts, 1, 1000, "60"),
};
static const struct config_table table = { rows, sizeof rows / sizeof rows[0] };

static struct room room;

TestSuite(members, .fini = reading_end, .timeout = 60);

static void read_room(const char *path, const char *text)
{
	const config_setting_t *group = reading_parse(text);

	room = (struct room){ 0 };
	config_defaults(&reading, &table, &room);
	config_members(&reading, group, path, &table, &room);
}

Test(members, defaults_fill_every_field_that_has_one)
{
	reading_begin();
	room = (struct room){ .seats = 77 };
	config_defaults(&reading, &table, &room);
	reading_expect("defaults", NULL);
	cr_expect_eq(room.seats, 77, "a field without a default is left as it was");
	cr_expect_eq(room.doors, 1);
	cr_expect_eq(room.height, 2.5);
	cr_expect(room.is_dark);
	cr_expect_str_eq(room.name, "hall");
	cr_expect_eq(room.lamps, 3);
	cr_expect_eq(room.lamp_watts, 60);
	cr_expect_not(reading.is_default, "what is read next is no default");
}

Test(members, defaults_within_defaults_stay_defaults)
{
	reading_begin();
	reading.is_default = true;
	config_defaults(&reading, &table, &room);
	cr_expect(reading.is_default);
}

Test(members, what_is_written_goes_over_the_defaults)
{
	read_room("", "name = \"attic\"; seats = 4; height = 3; is_dark = false;\n"
		      "lamp = { watts = 40; };");
	reading_expect("a room", NULL);
	cr_expect_str_eq(room.name, "attic");
	cr_expect_eq(room.seats, 4);
	cr_expect_eq(room.height, 3.0);
	cr_expect_not(room.is_dark);
	cr_expect_eq(room.lamp_watts, 40);
	cr_expect_eq(room.doors, 1);
	cr_expect_eq(room.lamps, 3);
}

Test(members, an_empty_group_inside_is_all_defaults)
{
	read_room("", "seats = 4; lamp = { };");
	reading_expect("no lamp", NULL);
	cr_expect_eq(room.lamps, 3);
}

static const struct {
	const char *name, *path, *text, *part;
} wrong[] = {
	{ "missing", "", "doors = 2;", "seats: missing, and it has no default: Of a room." },
	{ "missing, with a path", "rooms[2].", "doors = 2;", "rooms[2].seats: missing" },
	{ "out of range", "", "seats = 1;\ndoors = 10;", "test.conf:2: doors: 10 is outside 1..9" },
	{ "in a group", "", "seats = 1;\nlamp = { watts = 0; };",
		"test.conf:2: lamp.watts: 0 is outside 1..1000" },
	{ "in a group, with a path", "rooms[0].", "seats = 1; lamp = { watts = 0; };",
		"rooms[0].lamp.watts: 0 is outside" },
	{ "wrong type", "", "seats = 1; doors = \"two\";",
		"doors: expected an integer, found the string \"two\"" },
	{ "near miss", "", "seats = 1;\n\ndors = 2;",
		"test.conf:3: dors: unknown key; did you mean \"doors\"?" },
	{ "no near miss", "", "seats = 1; window = 2;", "window: unknown key" },
	{ "near miss of a group", "", "seats = 1; lamps = { };",
		"lamps: unknown key; did you mean \"lamp\"?" },
	{ "near miss in a group", "", "seats = 1; lamp = { wats = 2; };",
		"lamp.wats: unknown key; did you mean \"watts\"?" },
	{ "outside its group", "", "seats = 1; watts = 40;",
		"watts: unknown key here; it belongs into lamp = { }" },
	{ "outer key in a group", "", "seats = 1; lamp = { doors = 2; };",
		"lamp.doors: unknown key" },
	{ "group that is none", "", "seats = 1; lamp = 40;",
		"lamp: expected a group { KEY = VALUE; ... }, found the integer 40" },
	{ "list for a group", "", "seats = 1; lamp = ( );", "lamp: expected a group" },
	{ "group for a value", "", "seats = 1; doors = { };",
		"doors: expected an integer, found a group { }" },
};

Test(members, one_wrong_thing_is_one_message)
{
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		read_room(wrong[i].path, wrong[i].text);
		reading_expect(wrong[i].name, wrong[i].part);
		cr_expect_eq(room.doors == 1 || room.doors == 2, true, "%s", wrong[i].name);
		cr_expect_eq(room.lamp_watts, 60, "%s: the default stays", wrong[i].name);
	}
}

Test(members, all_that_is_wrong_is_told_in_the_order_of_the_text)
{
	static const char *const parts[] = { "doors: 0", "lamp.count: -1", "hight: unknown",
		"seats: missing" };

	read_room("", "doors = 0; lamp = { count = -1; }; hight = 2; is_dark = false;");
	cr_assert_eq(messages.n, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect(strstr(messages.text[i], parts[i]), "%s: %s", parts[i], messages.text[i]);
	cr_expect_not(room.is_dark, "what is right beside it is read");
}

Test(members, an_endless_key_is_cut_in_its_message)
{
	char text[1200];

	snprintf(text, sizeof text, "seats = 1; %0*d = 1;", 1000, 0);
	memset(strchr(text, ';') + 2, 'k', 1000);
	read_room("", text);
	reading_expect("a thousand letters", "kkk");
	cr_expect_lt(strlen(messages.text[0]), 400);
}
