/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The rows. The defaults are configuration text and pass through the same reader as a file, so
 * that none can be out of its own range. */
#include "config/options.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"

#define AT_RESTART "restart"

#define WORDS(name, ...) \
	static const char *name(size_t i) \
	{ \
		static const char *const words[] = { __VA_ARGS__ }; \
\
		return i < sizeof words / sizeof words[0] ? words[i] : NULL; \
	}
WORDS(on_failure_word, [ON_FAILURE_SERVFAIL] = "servfail", [ON_FAILURE_DROP] = "drop")
WORDS(on_overload_word, [ON_OVERLOAD_DROP] = "drop", [ON_OVERLOAD_SERVFAIL] = "servfail",
	[ON_OVERLOAD_REFUSED] = "refused")
WORDS(health_mode_word, [HEALTH_ACTIVE] = "active", [HEALTH_OFF] = "off")
WORDS(server_mode_word, [SERVER_AUTO] = "auto", [SERVER_FORCED_UP] = "up",
	[SERVER_FORCED_DOWN] = "down", [SERVER_DRAIN] = "drain")
WORDS(latency_mode_word, [LATENCY_OFF] = "off", [LATENCY_ON] = "on")
WORDS(dispatch_word, [DISPATCH_QUEUE] = "queue", [DISPATCH_DIRECT] = "direct")
WORDS(log_destination_word, [LOG_TO_STDERR] = "stderr", [LOG_TO_SYSLOG] = "syslog",
	[LOG_TO_JOURNAL] = "journal")
WORDS(log_format_word, [LOG_AS_TEXT] = "text", [LOG_AS_JSON] = "json")

static const char *policy_word(size_t i)
{
	return i < POLICY_COUNT ? policy_table[i]->name : NULL;
}

static const char *log_level_word(size_t i)
{
	return i <= LOG_LEVEL_DEBUG ? log_level_text((enum log_level)i) : NULL;
}

/* By bit. */
WORDS(retry_cause_word, "timeout", "unreachable", "servfail", "refused")
_Static_assert(RETRY_ON_TIMEOUT == 1 << 0 && RETRY_ON_UNREACHABLE == 1 << 1 &&
		       RETRY_ON_SERVFAIL == 1 << 2 && RETRY_ON_REFUSED == 1 << 3,
	"the words of retry.on stand in the order of their bits");

/* Words are read and written as unsigned, whichever enum the field has. */
_Static_assert(sizeof(enum policy_kind) == sizeof(unsigned), "an enum is kept in an unsigned");

/* clang-format off: it does not know _Generic. */
#define WORD_OF(pointer) \
	_Generic((pointer), enum policy_kind * \
		 : policy_word, enum on_failure * \
		 : on_failure_word, enum on_overload * \
		 : on_overload_word, enum health_mode * \
		 : health_mode_word, enum server_mode * \
		 : server_mode_word, enum latency_mode * \
		 : latency_mode_word, enum dispatch * \
		 : dispatch_word, enum log_level * \
		 : log_level_word, enum log_destination * \
		 : log_destination_word, enum log_format * \
		 : log_format_word)

/* An unsigned is a number in a list's group and the set of rcodes in struct config; a set of words is
 * one too, and has rows of its own. */
#define TYPE_OF(pointer, type_of_unsigned) \
	_Generic((pointer),                                                                        \
		int *: OPTION_INTEGER,                                                             \
		unsigned *: type_of_unsigned,                                                      \
		double *: OPTION_NUMBER,                                                           \
		bool *: OPTION_BOOLEAN,                                                            \
		char **: OPTION_STRING,                                                            \
		char (*)[SERVER_NAME_MAX + 1]: OPTION_NAME,                                        \
		uint16_t *: OPTION_RRTYPE,                                                         \
		struct addr *: OPTION_ADDRESS,                                                     \
		struct prefix **: OPTION_PREFIXES,                                                 \
		struct config_listener **: OPTION_LISTENERS,                                       \
		struct server_params **: OPTION_SERVERS)

/* Enums have rows of their own: _Generic cannot tell them from unsigned, only from each other. */
#define ROW(base, unsigned_is, inherits, key, field, min, max, initial, applies, help) \
	{ \
		key, TYPE_OF(&((base *)0)->field, unsigned_is), offsetof(base, field), min, max, \
			initial, applies, help, NULL, inherits \
	}
#define WORD_ROW(base, inherits, key, field, initial, applies, help) \
	{ \
		key, OPTION_WORD, offsetof(base, field), 0, 0, initial, applies, help, \
			WORD_OF(&((base *)0)->field), inherits \
	}
#define WORDS_ROW(base, key, field, n, words, initial, applies, help) \
	{ \
		key, OPTION_WORDS, offsetof(base, field), 0, n, initial, applies, help, words, \
			false \
	}
#define OPT(...) ROW(struct config, OPTION_RCODES, false, __VA_ARGS__)
#define OPT_WORD(...) WORD_ROW(struct config, false, __VA_ARGS__)
#define OPT_WORDS(...) WORDS_ROW(struct config, __VA_ARGS__)
#define LISTENER_OPT(...) ROW(struct config_listener, OPTION_UNSIGNED, false, __VA_ARGS__)
#define SERVER_OPT(...) ROW(struct config_server, OPTION_UNSIGNED, false, __VA_ARGS__)
#define SERVER_OPT_WORD(...) WORD_ROW(struct config_server, false, __VA_ARGS__)
/* The group health: of all servers, and in a server's own group, where what is not written is as for
 * all. */
#define HEALTH_ROW(base, inherits, ...) ROW(base, OPTION_RCODES, inherits, __VA_ARGS__)
#define HEALTH_ROWS(base, inherits) \
	WORD_ROW(base, inherits, "health.mode", health.mode, "\"active\"", AT_RESTART, \
		"Whether servers are probed."), \
		HEALTH_ROW(base, inherits, "health.interval_ms", health.interval_ms, 100, 3600000, \
			"1000", AT_RESTART, "Time between two probes of a server."), \
		HEALTH_ROW(base, inherits, "health.fast_interval_ms", health.fast_interval_ms, 50, \
			3600000, "200", AT_RESTART, \
			"Time between two probes of a server in doubt."), \
		HEALTH_ROW(base, inherits, "health.timeout_ms", health.timeout_ms, 50, 60000, \
			"1000", AT_RESTART, \
			"Time after which a probe without a reply has failed."), \
		HEALTH_ROW(base, inherits, "health.fall", health.fall, 1, 100, "3", AT_RESTART, \
			"Failed probes in a row that take a server down."), \
		HEALTH_ROW(base, inherits, "health.rise", health.rise, 1, 100, "2", AT_RESTART, \
			"Good probes in a row that bring a server back up."), \
		HEALTH_ROW(base, inherits, "health.qname", health.qname, 1, 1004, "\".\"", \
			AT_RESTART, "Name that probes ask for."), \
		HEALTH_ROW(base, inherits, "health.qtype", health.qtype, 1, 65535, "\"NS\"", \
			AT_RESTART, "Type that probes ask for."), \
		HEALTH_ROW(base, inherits, "health.reject", health.reject, 0, 16, \
			"[ \"SERVFAIL\", \"REFUSED\", \"NOTIMP\" ]", AT_RESTART, \
			"Rcodes that make a probe fail.")
#define TABLE(rows) \
	{ \
		rows, sizeof(rows) / sizeof(rows)[0] \
	}

static const struct config_option options[] = {
	OPT("listen", listeners, 1, CONFIG_LISTENERS_MAX, "[ \"127.0.0.1:53\", \"[::1]:53\" ]",
		AT_RESTART, "Addresses to take queries on; port 53 where none is written."),
	OPT("acl", acl, 1, CONFIG_PREFIXES_MAX,
		"[ \"127.0.0.0/8\", \"::1/128\", \"10.0.0.0/8\", \"100.64.0.0/10\", "
		"\"169.254.0.0/16\", \"172.16.0.0/12\", \"192.168.0.0/16\", \"fc00::/7\", "
		"\"fe80::/10\" ]",
		AT_RESTART, "Clients that may ask; all others get silence."),
	OPT("servers", servers, 1, CONFIG_SERVERS_MAX, NULL, AT_RESTART,
		"The DNS servers to balance over; the only key that must be given."),
	OPT_WORD("policy", policy, "\"p2c\"", AT_RESTART, "How a server is chosen for each query."),
	OPT("hash.seed", hash_seed, 1, 255, "\"dnsbal\"", AT_RESTART,
		"Key of the hash policies; equal on all nodes of a site."),
	OPT("hash.load_factor", hash_load_factor, 1, 10, "1.25", AT_RESTART,
		"Times the average load that the hash policies put on one server."),
	OPT("attempts", attempts, 1, 3, "3", AT_RESTART,
		"Times a query is sent at most, until a server answers it."),
	OPT("attempt_timeout_ms", attempt_timeout_ms, 10, 60000, "750", AT_RESTART,
		"Time after which another server is asked too; at most deadline_ms."),
	OPT("deadline_ms", deadline_ms, 100, 60000, "3000", AT_RESTART,
		"Time after which a query without a reply is given up."),
	OPT_WORDS("retry.on", retry_on, 4, retry_cause_word,
		"[ \"timeout\", \"unreachable\", \"servfail\", \"refused\" ]", AT_RESTART,
		"What makes another server be asked; empty: nothing does."),
	OPT("retry.budget_percent", retry_budget_percent, 0, 100, "20", AT_RESTART,
		"Retries without success, as a share of the queries."),
	OPT("hedge.percent", hedge_percent, 0, 50, "0", AT_RESTART,
		"The slowest share of queries, which is sent to a second server early; 0: off."),
	OPT_WORD("on_failure", on_failure, "\"servfail\"", AT_RESTART,
		"What a client gets when no server answered its query."),
	OPT_WORD("on_overload", on_overload, "\"drop\"", AT_RESTART,
		"What a client gets when its query is shed."),
	HEALTH_ROWS(struct config, false),
	OPT("eject.consecutive_timeouts", eject_consecutive_timeouts, 0, 1000, "5", AT_RESTART,
		"Queries without a reply in a row that make a server suspect; 0: never."),
	OPT("eject.base_ms", eject_base_ms, 100, 300000, "5000", AT_RESTART,
		"Time of a first ejection; later ones take longer."),
	OPT("eject.max_percent", eject_max_percent, 0, 100, "34", AT_RESTART,
		"Share of a tier that may be ejected at once; one server always may."),
	OPT("slow_start_ms", slow_start_ms, 0, 3600000, "0", AT_RESTART,
		"Time in which a server that comes back gets its full share; 0: at once."),
	OPT("panic_percent", panic_percent, 0, 100, "50", AT_RESTART,
		"With less of the servers up, ejections are ignored; 0: never."),
	OPT_WORD("latency", latency, "\"off\"", AT_RESTART,
		"Whether slower servers get fewer queries: on or off."),
	OPT("workers", workers, 0, CONFIG_WORKERS_MAX, "0", AT_RESTART,
		"Worker threads; 0: one per usable CPU, at most 16."),
	OPT_WORD("dispatch", dispatch, "\"queue\"", AT_RESTART,
		"Who reads clients: receivers for all workers, or each worker for itself."),
	OPT("queue.capacity", queue_capacity, 64, 1048576, "8192", AT_RESTART,
		"Datagrams that may wait for a worker."),
	OPT("queue.target_ms", queue_target_ms, 1, 1000, "5", AT_RESTART,
		"Waiting time that is no overload, however long it lasts."),
	OPT("queue.interval_ms", queue_interval_ms, 10, 10000, "100", AT_RESTART,
		"How long waiting may exceed target_ms before queries are shed."),
	OPT("upstream_sockets", upstream_sockets, 0, 1024, "0", AT_RESTART,
		"Sockets per server and worker; 0: chosen, up to 16."),
	OPT("pending_max", pending_max, 64, 4194304, "131072", AT_RESTART,
		"Queries in flight, all workers together."),
	OPT("udp_reply_max", udp_reply_max, 512, 65535, "1232", AT_RESTART,
		"Bytes of the largest UDP reply; a larger one leaves truncated."),
	OPT("case_randomize", case_randomize, 0, 1, "false", AT_RESTART,
		"Mix the case of names sent to servers, against forged replies."),
	OPT("udp_gso", udp_gso, 0, 1, "false", AT_RESTART,
		"Hand datagrams to one peer to the kernel together, for it to cut up (UDP GSO)."),
	OPT("user", user, 1, 32, "\"dnsbal\"", AT_RESTART,
		"Account to become when started as root."),
	OPT_WORD("log.level", log.level, "\"info\"", AT_RESTART,
		"The least important messages that are told."),
	OPT_WORD(
		"log.destination", log.destination, "\"stderr\"", AT_RESTART, "Where messages go."),
	OPT_WORD("log.format", log.format, "\"text\"", AT_RESTART,
		"Whether a message is a line of text or a JSON object."),
};

static const struct config_option listener_options[] = {
	LISTENER_OPT("address", address, 1, 65535, NULL, AT_RESTART,
		"Address and port to take queries on."),
	LISTENER_OPT("receivers", receivers, 1, CONFIG_RECEIVERS_MAX, "1", AT_RESTART,
		"Sockets and threads that share the address."),
};

static const struct config_option server_options[] = {
	SERVER_OPT("address", params.address, 1, 65535, NULL, AT_RESTART,
		"Address of the server, with its port unless that is 53."),
	SERVER_OPT("name", params.name, 0, SERVER_NAME_MAX, "\"\"", AT_RESTART,
		"What messages and counters call it; empty: its address and port."),
	SERVER_OPT("weight", params.weight, 1, SERVER_WEIGHT_MAX, "1", AT_RESTART,
		"Its share of the queries, relative to the others."),
	SERVER_OPT("tier", params.tier, 0, SERVER_TIER_MAX, "0", AT_RESTART,
		"Servers of a lower tier are asked first, those of others as far as these fail."),
	SERVER_OPT("max_outstanding", params.max_outstanding, 1, SERVER_OUTSTANDING_MAX, "8192",
		AT_RESTART, "Queries that may be out with it at once."),
	SERVER_OPT("source", params.source, 0, 0, "\"\"", AT_RESTART,
		"Local address to ask it from; empty: the kernel's choice."),
	SERVER_OPT_WORD("state", params.mode, "\"auto\"", AT_RESTART,
		"As probes find it, up or down whatever they find, or drain: nothing new."),
	HEALTH_ROWS(struct config_server, true),
};
/* clang-format on */

const struct config_table config_table = TABLE(options);
const struct config_table config_listener_table = TABLE(listener_options);
const struct config_table config_server_table = TABLE(server_options);

const struct config_option *config_table_find(const struct config_table *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->rows[i].key, key) == 0)
			return &table->rows[i];
	return NULL;
}

static const char *type_text(enum option_type type)
{
	static const char *const texts[] = {
		[OPTION_INTEGER] = "integer",
		[OPTION_UNSIGNED] = "integer",
		[OPTION_NUMBER] = "number",
		[OPTION_BOOLEAN] = "boolean",
		[OPTION_STRING] = "string",
		[OPTION_NAME] = "string",
		[OPTION_WORD] = "word",
		[OPTION_WORDS] = "words",
		[OPTION_ADDRESS] = "address",
		[OPTION_RRTYPE] = "record type",
		[OPTION_RCODES] = "rcodes",
		[OPTION_PREFIXES] = "prefixes",
		[OPTION_LISTENERS] = "addresses or groups",
		[OPTION_SERVERS] = "addresses or groups",
	};

	return texts[type];
}

char *config_option_words(const struct config_option *o, char *out, size_t out_size)
{
	size_t used = 0;

	for (size_t i = 0; o->word(i) && used < out_size; i++)
		used += (size_t)snprintf(
			out + used, out_size - used, "%s%s", i ? "|" : "", o->word(i));
	return out;
}

char *config_option_range(const struct config_option *o, char *out, size_t out_size)
{
	char words[128];

	switch (o->type) {
	case OPTION_WORD:
		config_option_words(o, out, out_size);
		break;
	case OPTION_WORDS:
		snprintf(out, out_size, "%.0f..%.0f of %s", o->min, o->max,
			config_option_words(o, words, sizeof words));
		break;
	case OPTION_BOOLEAN:
		snprintf(out, out_size, "true|false");
		break;
	case OPTION_ADDRESS:
	case OPTION_RRTYPE:
		snprintf(out, out_size, "-");
		break;
	case OPTION_NUMBER:
		snprintf(out, out_size, "%.1f..%.1f", o->min, o->max);
		break;
	case OPTION_STRING:
	case OPTION_NAME:
		snprintf(out, out_size, "%.0f..%.0f bytes", o->min, o->max);
		break;
	case OPTION_RCODES:
	case OPTION_PREFIXES:
	case OPTION_LISTENERS:
	case OPTION_SERVERS:
		snprintf(out, out_size, "%.0f..%.0f of them", o->min, o->max);
		break;
	case OPTION_INTEGER:
	case OPTION_UNSIGNED:
		snprintf(out, out_size, "%.0f..%.0f", o->min, o->max);
		break;
	}
	return out;
}

static void print_table(FILE *out, const char *prefix, const struct config_table *table)
{
	char range[128];

	for (size_t i = 0; i < table->n; i++) {
		const struct config_option *o = &table->rows[i];

		fprintf(out, "%s%s\t%s\t%s\t%s\t%s\t%s\n", prefix, o->key, type_text(o->type),
			config_option_range(o, range, sizeof range),
			o->inherits  ? o->key
			: o->initial ? o->initial
				     : "required",
			o->applies, o->help);
		if (o->type == OPTION_LISTENERS)
			print_table(out, "listen[].", &config_listener_table);
		else if (o->type == OPTION_SERVERS)
			print_table(out, "servers[].", &config_server_table);
	}
}

void config_print_options(FILE *out)
{
	print_table(out, "", &config_table);
}
