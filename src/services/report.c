/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The names come from the tables that define the counters; nothing is listed here again. The text
 * grows by a server at a time: objects of a thousand of them would take megabytes. */
#include "services/report.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "balance/pool.h"
#include "base/log.h"
#include "core/engine.h"
#include "services/prober.h"

static json_t *counters(const struct engine *engine)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < METRIC_COUNT; i++)
		json_object_set_new(o, metric_rows[i].name,
			json_integer((json_int_t)engine_metric(engine, (enum metric_id)i)));
	return o;
}

static json_t *server(const struct engine *engine, const struct pool *pool,
	const struct prober *prober, size_t s)
{
	const struct server *srv = &pool->servers[s];
	char address[ADDR_TEXT_MAX];
	json_t *o = json_object();

	addr_format(&srv->params.address, address, sizeof address);
	json_object_set_new(o, "name", json_string(srv->params.name));
	json_object_set_new(o, "address", json_string(address));
	json_object_set_new(o, "state", json_string(server_state_text(srv)));
	json_object_set_new(o, "changes", json_integer((json_int_t)prober_changes(prober, s)));
	json_object_set_new(o, "outstanding", json_integer(server_outstanding(srv)));
	for (unsigned i = 0; i < SERVER_METRIC_COUNT; i++)
		json_object_set_new(o, server_metric_names[i],
			json_integer((json_int_t)engine_server_metric(engine, s, i)));
	json_object_set_new(o, "probes_good", json_integer((json_int_t)prober_good(prober, s)));
	json_object_set_new(o, "probes_failed", json_integer((json_int_t)prober_failed(prober, s)));
	json_object_set_new(o, "probe_us", json_integer(prober_good_us(prober, s)));
	return o;
}

/* Takes over the object. */
static bool write_object(FILE *out, json_t *o)
{
	int rc = json_dumpf(o, out, JSON_COMPACT | JSON_PRESERVE_ORDER);

	json_decref(o);
	return rc == 0;
}

void report_log(const struct engine *engine, const struct pool *pool, const struct prober *prober)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool is_good = out != NULL;

	if (is_good) {
		fputs("{\"counters\":", out);
		is_good = write_object(out, counters(engine));
		fprintf(out, ",\"pending\":%u,\"servers\":[", engine_pending(engine));
		for (size_t s = 0; s < pool->n_servers && is_good; s++) {
			fputs(s > 0 ? "," : "", out);
			is_good = write_object(out, server(engine, pool, prober, s));
		}
		fputs("]}", out);
		is_good = !ferror(out) && is_good;
		is_good = fclose(out) == 0 && is_good;
	}
	if (is_good)
		log_json(LOG_LEVEL_NOTICE, "counters", text);
	else
		log_error("no memory to write the counters");
	free(text);
}
