/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tables themselves; what becomes of their rows is tested with the readers of files and values. */
#include "config/options.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

Test(options, print_has_six_columns_a_key)
{
	char *text = NULL;
	size_t len = 0, n = 0;
	FILE *file = open_memstream(&text, &len);

	config_print_options(file);
	fclose(file);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t n_tabs = 0;

		for (const char *c = line; *c; c++)
			n_tabs += *c == '\t';
		cr_expect_eq(n_tabs, 5, "%s", line);
		cr_expect_not(strstr(line, "\t\t"), "%s", line);
		n++;
	}
	cr_expect_eq(n, 61);
	free(text);
}

static const struct config_table *const tables[] = { &config_table, &config_listener_table,
	&config_server_table };

Test(options, each_key_is_found_and_stands_once)
{
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
		for (size_t i = 0; i < tables[t]->n; i++) {
			const struct config_option *o = &tables[t]->rows[i];

			cr_expect_eq(config_table_find(tables[t], o->key), o, "%s", o->key);
		}
		cr_expect_null(config_table_find(tables[t], "no-such-key"));
		cr_expect_null(config_table_find(tables[t], ""));
	}
}

Test(options, no_two_rows_share_a_field)
{
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
		const struct config_option *rows = tables[t]->rows;

		for (size_t i = 0; i < tables[t]->n; i++) {
			for (size_t j = 0; j < i; j++)
				cr_expect_neq(rows[i].offset, rows[j].offset, "%s and %s",
					rows[i].key, rows[j].key);
		}
	}
}

Test(options, a_range_reads_as_in_the_manual)
{
	static const struct {
		const char *key, *range;
	} cases[] = {
		{ "workers", "0..256" },
		{ "hash.load_factor", "1.0..10.0" },
		{ "case_randomize", "true|false" },
		{ "dispatch", "queue|direct" },
		{ "retry.on", "0..4 of timeout|unreachable|servfail|refused" },
		{ "user", "1..32 bytes" },
		{ "health.qtype", "-" },
		{ "servers", "1..4096 of them" },
	};
	char text[128];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_option *o = config_table_find(&config_table, cases[i].key);

		cr_assert_not_null(o, "%s", cases[i].key);
		cr_expect_str_eq(config_option_range(o, text, sizeof text), cases[i].range, "%s",
			cases[i].key);
	}
}

Test(options, words_that_do_not_fit_are_cut_and_ended)
{
	const struct config_option *o = config_table_find(&config_table, "policy");
	char whole[128], text[8];

	config_option_words(o, whole, sizeof whole);
	memset(text, 0xee, sizeof text);
	config_option_words(o, text, sizeof text);
	cr_expect_eq(strnlen(text, sizeof text), sizeof text - 1);
	cr_expect_eq(strncmp(text, whole, sizeof text - 1), 0, "%s", text);
}

Test(options, what_a_server_inherits_is_what_all_have)
{
	size_t n = 0;

	for (size_t i = 0; i < config_server_table.n; i++) {
		const struct config_option *own = &config_server_table.rows[i];
		const struct config_option *all = config_table_find(&config_table, own->key);

		if (strncmp(own->key, "health.", 7) != 0)
			continue;
		n++;
		cr_expect(own->inherits, "%s", own->key);
		cr_assert_not_null(all, "%s", own->key);
		cr_expect_not(all->inherits, "%s", own->key);
		cr_expect_eq(own->type, all->type, "%s", own->key);
		cr_expect_eq(own->min, all->min, "%s", own->key);
		cr_expect_eq(own->max, all->max, "%s", own->key);
		cr_expect_eq(own->word, all->word, "%s", own->key);
	}
	cr_expect_eq(n, 9);
}
