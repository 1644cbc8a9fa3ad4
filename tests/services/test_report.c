/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The counters as JSON: one line that parses, with every name of the tables and the true values. */
#include "services/report.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <sys/mman.h>

#include "base/log.h"
#include "core/rig.h"
#include "services/prober.h"

static struct rig r;
static struct prober *prober;

static void begin(void)
{
	static const struct probe_rules rules = {
		.health = { 1, 1, 1, 3, 2 },
		.qname = (const uint8_t *)"",
		.qname_len = 1,
		.qtype = 2,
	};
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	rig_init(&r, 2, 1, 1);
	const struct prober_params p = {
		.watch = { .pool = r.pool, .n_workers = 1, .rules = &rules, .n_rules = 1 },
	};
	cr_assert_eq(prober_new(&p, &prober), 0);
	rig_start(&r);
	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void end(void)
{
	prober_free(&prober);
	rig_free(&r);
}

TestSuite(report, .init = begin, .fini = end, .timeout = 60);

/* The object in the one line that was logged. */
static json_t *logged_object(void)
{
	static char text[1 << 16];
	ssize_t n = pread(STDERR_FILENO, text, sizeof text - 1, 0);

	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_expect_eq(strchr(text, '\n'), text + n - 1, "more than a line: %s", text);
	char *start = strchr(text, '{');
	cr_assert_not_null(start, "%s", text);
	json_t *o = json_loads(start, 0, NULL);
	cr_assert_not_null(o, "%s", text);
	return o;
}

static json_int_t number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	cr_expect(json_is_integer(v), "%s", name);
	return json_integer_value(v);
}

Test(report, has_every_counter_with_its_value)
{
	int client = rig_client(&r);

	for (uint16_t i = 0; i < 3; i++) {
		struct pollfd p[2] = { { r.servers[0], POLLIN, 0 }, { r.servers[1], POLLIN, 0 } };
		rig_ask(client, i);
		cr_assert_eq(poll(p, 2, RIG_WAIT_MS), 1);
		rig_serve(r.servers[p[0].revents ? 0 : 1]);
		rig_receive(client, (uint8_t[512]){ 0 }, 512, NULL);
	}
	close(client);
	rig_stop(&r);
	report_log(r.engine, r.pool, prober);
	json_t *o = logged_object();
	const json_t *counters = json_object_get(o, "counters"),
		     *servers = json_object_get(o, "servers");
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		cr_expect_eq(number(counters, metric_rows[i].name),
			(json_int_t)rig_metric(&r, (enum metric_id)i), "%s", metric_rows[i].name);
	cr_expect_eq(json_object_size(counters), METRIC_COUNT);
	cr_expect_eq(number(counters, "queries"), 3);
	cr_expect_eq(number(o, "pending"), 0);
	cr_assert_eq(json_array_size(servers), 2);
	const json_t *a = json_array_get(servers, 0), *b = json_array_get(servers, 1);
	cr_expect_eq(number(a, "replies") + number(b, "replies"), 3);
	for (unsigned i = 0; i < SERVER_METRIC_COUNT; i++)
		number(b, server_metric_names[i]);
	json_decref(o);
}

Test(report, tells_of_each_server_who_it_is)
{
	char address[ADDR_TEXT_MAX];

	rig_stop(&r);
	report_log(r.engine, r.pool, prober);
	json_t *o = logged_object();
	const json_t *b = json_array_get(json_object_get(o, "servers"), 1);
	addr_format(&r.pool->servers[1].params.address, address, sizeof address);
	cr_expect_str_eq(json_string_value(json_object_get(b, "name")), "b");
	cr_expect_str_eq(json_string_value(json_object_get(b, "address")), address);
	cr_expect_str_eq(json_string_value(json_object_get(b, "state")), "forced up");
	cr_expect_eq(number(b, "outstanding"), 0);
	cr_expect_eq(number(b, "probes_good"), 0);
	cr_expect_eq(number(b, "probes_failed"), 0);
	json_decref(o);
}

Test(report, counts_what_is_pending_and_a_servers_outstanding)
{
	int client = rig_client(&r);
	struct pollfd p[2] = { { r.servers[0], POLLIN, 0 }, { r.servers[1], POLLIN, 0 } };

	rig_ask(client, 1);
	cr_assert_eq(poll(p, 2, RIG_WAIT_MS), 1);
	while (engine_pending(r.engine) == 0) /* told at the end of the worker's turn */
		clock_pause_ns(CLOCK_NS_PER_MS);
	report_log(r.engine, r.pool, prober);
	json_t *o = logged_object();
	const json_t *servers = json_object_get(o, "servers");
	cr_expect_eq(number(o, "pending"), 1);
	cr_expect_eq(number(json_array_get(servers, p[0].revents ? 0 : 1), "outstanding"), 1);
	json_decref(o);
	engine_stop(r.engine);
	engine_hurry(r.engine);
	engine_join(r.engine);
	close(client);
}
