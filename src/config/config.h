/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * config - from a libconfig file, or the command line, to the parameters of each part. Lower
 * layers never see this header: each takes its own small struct.
 *
 * A configuration is read and checked whole: all problems are reported together, each with file,
 * line, key and what was expected. Single thread (main). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "balance/health.h"
#include "balance/policy.h"
#include "balance/server.h"
#include "balance/watch.h"
#include "base/log.h"
#include "core/engine.h"
#include "core/worker.h"
#include "net/addr.h"

#define CONFIG_SERVERS_MAX 4096
#define CONFIG_LISTENERS_MAX 256
#define CONFIG_RECEIVERS_MAX 64
#define CONFIG_PREFIXES_MAX 4096
#define CONFIG_WORKERS_MAX 256
#define CONFIG_SOCKETS_MAX 20000 /* to servers, all together: a third of the ports there are */

enum health_mode { HEALTH_ACTIVE, HEALTH_OFF };

/* How servers are probed: those without a word of their own, or one of them. */
struct config_health {
	enum health_mode mode;
	int interval_ms, fast_interval_ms, timeout_ms;
	int fall, rise;
	char *qname; /* text */
	uint8_t qname_wire[255];
	size_t qname_len;
	bool qname_is_default;
	uint16_t qtype;
	uint32_t reject; /* bit per rcode 0..15 */
};

struct config_listener {
	struct addr address;
	unsigned receivers; /* sockets sharing the address, each read by a thread of its own */
	bool is_default; /* not written by anybody: may be skipped where the family is missing */
	int line; /* 0: not from a file */
	char *where; /* once read: "FILE:LINE: KEY: ", for messages; NULL: not from a file */
};

/* A group in servers, as it is read. */
struct config_server {
	struct server_params params;
	struct config_health health;
};

struct config {
	struct config_listener *listeners;
	size_t n_listeners;
	struct prefix *acl;
	size_t n_acl;
	bool acl_is_default;
	struct server_params *servers;
	size_t n_servers;
	int *server_lines; /* parallel to servers; 0: not from a file */
	struct config_health **server_health; /* the same; NULL: as all */

	enum policy_kind policy;
	char *hash_seed;
	double hash_load_factor;

	int attempts; /* sends of one query at most, the first among them */
	int attempt_timeout_ms; /* at most deadline_ms */
	int deadline_ms;
	unsigned retry_on; /* bits RETRY_ON_* of core/worker.h; 0: no retry */
	int retry_budget_percent; /* of the queries */
	int hedge_percent; /* of the queries; 0: off */
	enum on_failure on_failure;
	enum on_overload on_overload;

	struct config_health health;

	int eject_consecutive_timeouts; /* 0: silence alone makes no suspect */
	int eject_base_ms;
	int eject_max_percent; /* of a tier's weight */
	int slow_start_ms; /* 0: off */
	int panic_percent; /* of the weight; 0: never */
	enum latency_mode latency;

	int workers; /* 0: one per usable CPU */
	enum dispatch dispatch;
	int queue_capacity, queue_target_ms, queue_interval_ms;
	int pending_max;
	int upstream_sockets; /* 0: chosen */
	int udp_reply_max;
	bool case_randomize;
	bool udp_gso;

	char *user;
	char *user_where; /* as that of a listener */
	struct log_params log;
};

/* What went wrong or deserves a word, one per line of output: "FILE:LINE: key: ..." for an error,
 * "FILE:LINE: warning: key: ..." for what is allowed but hardly meant. */
struct config_messages {
	char **text; /* errors first to last, as found */
	size_t n;
};

/* Fills *config_out with defaults, then the file. 0 with no messages but warnings, or ERR_CONFIG with
 * errors (config_out is then empty), or ERR_SYSTEM/ERR_NOMEM with one message. The working directory
 * becomes the file's. */
int config_load(const char *path, struct config *config_out, struct config_messages *messages_out);
/* The original program's command line: servers, and optionally where to listen. */
int config_from_arguments(const char *listen, char *const *servers, size_t n_servers,
	struct config *config_out, struct config_messages *messages_out);
void config_free(struct config *c);
void config_messages_free(struct config_messages *m);
/* Appends one message (printf-like). */
void config_message_add(struct config_messages *m, const char *format, ...) LOG_PRINTF(2, 3);

/* --print-options: "key<TAB>type<TAB>range<TAB>default<TAB>applies<TAB>description", a line a key. */
void config_print_options(FILE *out);
