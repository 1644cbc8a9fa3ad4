/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * trace - what happens to each query, as a line a person can read: for `dnsbal -v`. Text from the
 * wire is escaped. Any thread; takes the log's lock. */
#pragma once

struct worker_event;

/* `server` is the name of the server that is asked or that answered, or NULL. */
void trace_log(const struct worker_event *event, const char *server);
