/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * schedules - what holds for every story, tried with thousands that nobody wrote: random
 * configurations, servers that change their habits at random, clients that ask at random.
 *
 *	schedules [-n COUNT] [-s SEED] [-v]
 *
 * Whatever happens: each datagram of a client that opens a query gets exactly one answer, or the
 * silence that the configuration defines, by its deadline; each that meets its pending query is merged;
 * no server ever has more than its limit, by our count and by what it was sent and has not replied to;
 * retries, and hedges, are never more than was saved for them; the counters add up; no slot and no place stays taken. A schedule that breaks this is printed with its seed, and
 * `-n 1 -s SEED` plays it again. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "stories/stage.h"
#include "wire/message.h"

enum { STEPS = 400, CLIENTS = 20, LATE_NS = CLOCK_NS_PER_MS, CHRONICLE_SHOWN = 40 };
enum { HEDGE = 100, HEDGES_SAVED = 50 * HEDGE }; /* in hundredths of a hedge */

/* The life of a client's question: of the same index in stage.asks. */
struct life {
	int64_t deadline_ns;
	bool is_open;
	unsigned n_retries[2]; /* for silence, for rcodes; all of its time */
};

/* When each query that a server was sent is its own no more: it has replied, or its time is over. */
struct unanswered {
	int64_t *over_ns;
	size_t n, size;
};

struct schedule {
	struct stage stage;
	struct story story;
	struct rng rng;
	struct life *lives;
	size_t size;
	uint64_t n_queries; /* that may have been taken */
	uint64_t n_retries[2], n_given_back[2], n_answered, n_fallbacks;
	uint64_t hedges_saved[STAGE_WORKERS_MAX]; /* in hundredths */
	struct unanswered unanswered[STORY_SERVERS_MAX];
	int64_t start_ns;
};

/* What all schedules together must have met to be worth anything. */
static const enum metric_id met[] = { METRIC_answered_server, METRIC_answered_deadline,
	METRIC_answered_unreachable, METRIC_dropped_failure, METRIC_shed_limit, METRIC_merged,
	METRIC_fallbacks, METRIC_retries, METRIC_retries_denied, METRIC_hedges, METRIC_hedges_won,
	METRIC_tests, METRIC_replies_late, METRIC_replies_bettered, METRIC_replies_unmatched,
	METRIC_replies_wrong_peer, METRIC_replies_wrong_question };

static uint32_t below(struct schedule *s, uint32_t n)
{
	return rng_below(&s->rng, n);
}

static bool chance(struct schedule *s, uint32_t percent)
{
	return below(s, 100) < percent;
}

/* ---- a configuration ---------------------------------------------------------------------------- */

/* One draw a statement, so that a seed means the same whatever compiled this. */
static void put_number(struct schedule *s, FILE *f, const char *key, unsigned least, uint32_t n)
{
	fprintf(f, "%s = %u;", key, least + below(s, n));
}

static void put_word(struct schedule *s, FILE *f, const char *key, const char *usual,
	uint32_t percent, const char *other)
{
	fprintf(f, "%s = \"%s\";", key, chance(s, percent) ? usual : other);
}

static void put_server(struct schedule *s, FILE *f, unsigned i)
{
	static const char *const states[] = { "up", "down", "drain" };

	fprintf(f, "%s{ name = \"%c\"; address = \"198.51.100.%u\"; ", i ? ", " : "", 'a' + (int)i,
		i + 1);
	put_number(s, f, "weight", 1, 4);
	if (chance(s, 30))
		put_number(s, f, " tier", 0, 3);
	if (chance(s, 40))
		put_number(s, f, " max_outstanding", 1, 20);
	if (chance(s, 10) && i > 0)
		fprintf(f, " state = \"%s\";", states[below(s, 3)]);
	fputs(" }\n", f);
}

static void put_retries(struct schedule *s, FILE *f)
{
	static const char *const words[] = { "timeout", "unreachable", "servfail", "refused" };
	unsigned timeout_ms = 20 + below(s, 800);
	unsigned attempts = 1 + below(s, 3);
	const char *comma = "";

	fprintf(f, "attempts = %u;\nattempt_timeout_ms = %u;\ndeadline_ms = %u;\n", attempts,
		timeout_ms, timeout_ms + 100 + below(s, 3000));
	put_number(s, f, "retry = { budget_percent", 0, 30);
	fputs(" on = [ ", f);
	for (unsigned i = 0; i < 4; i++) {
		if (chance(s, 85)) {
			fprintf(f, "%s\"%s\"", comma, words[i]);
			comma = ", ";
		}
	}
	fputs(" ]; };\n", f);
	if (attempts > 1 && chance(s, 50)) {
		put_number(s, f, "hedge = { percent", 1, 50);
		fputs(" };\n", f);
	}
}

static void put_health(struct schedule *s, FILE *f)
{
	put_word(s, f, "health = { mode", "active", 80, "off");
	put_number(s, f, " fall", 1, 3);
	put_number(s, f, " rise", 1, 3);
	put_number(s, f, " timeout_ms", 100, 900);
	put_number(s, f, " };\neject = { consecutive_timeouts", 0, 6);
	put_number(s, f, " base_ms", 100, 10000);
	put_number(s, f, " max_percent", 0, 101);
	put_number(s, f, " };\npanic_percent", 0, 101);
	put_number(s, f, "\nslow_start_ms", 0, chance(s, 30) ? 20000 : 1);
	put_word(s, f, "\nlatency", "on", 30, "off");
}

static void put_settings(struct schedule *s, FILE *f)
{
	static const char *const overload[] = { "drop", "servfail", "refused" };
	unsigned n_servers = 1 + below(s, 5);

	fputs("servers = (\n", f);
	for (unsigned i = 0; i < n_servers; i++)
		put_server(s, f, i);
	fprintf(f, ");\npolicy = \"%s\";\n", policy_table[below(s, POLICY_COUNT)]->name);
	put_retries(s, f);
	put_health(s, f);
	put_word(s, f, "\non_failure", "servfail", 80, "drop");
	fprintf(f, "\non_overload = \"%s\";", overload[below(s, 3)]);
	put_number(s, f, "\nworkers", 1, 3);
	put_number(s, f, "\npending_max", 64, 200);
	put_number(s, f, "\nupstream_sockets", 1, 4);
	fprintf(f, "\ncase_randomize = %s;\n", chance(s, 30) ? "true" : "false");
}

/* ---- what is watched ---------------------------------------------------------------------------- */

static struct schedule *schedule_of(struct stage *stage)
{
	return (struct schedule *)stage; /* its first member */
}

static void end_life(struct schedule *s, size_t i, const char *how)
{
	struct life *life = &s->lives[i];

	if (!life->is_open)
		stage_fail(&s->stage, NULL, "%s %s, but its query has ended already",
			s->stage.asks[i].name, how);
	else if (s->stage.now_ns > life->deadline_ns + LATE_NS)
		stage_fail(&s->stage, NULL, "%s %s %g ms after its deadline", s->stage.asks[i].name,
			how, (double)(s->stage.now_ns - life->deadline_ns) / 1e6);
	life->is_open = false;
}

static void on_answered(struct stage *stage, size_t i)
{
	struct schedule *s = schedule_of(stage);
	uint64_t n_answered = stage_metric(stage, METRIC_answered_server);
	uint64_t n_fallbacks = stage_metric(stage, METRIC_fallbacks);
	/* Then one attempt won it, and may have its token back. */
	bool is_won = n_answered > s->n_answered && n_fallbacks == s->n_fallbacks;

	s->n_answered = n_answered;
	s->n_fallbacks = n_fallbacks;
	for (unsigned kind = 0; kind < 2 && is_won; kind++)
		s->n_given_back[kind] += s->lives[i].n_retries[kind] > 0;
	end_life(s, i, "is answered");
}

/* A worker saves for hedges with each query, fifty at most: never less than it may have. */
static void save_hedge(struct schedule *s, unsigned worker)
{
	uint64_t percent = (uint64_t)s->stage.config.hedge_percent;
	uint64_t *saved = &s->hedges_saved[worker];

	*saved = *saved < HEDGES_SAVED ? *saved + percent : HEDGES_SAVED + percent;
}

static void spend_hedge(struct schedule *s, size_t i)
{
	uint64_t *saved = &s->hedges_saved[s->stage.asks[i].worker];

	if (*saved < HEDGE)
		stage_fail(&s->stage, NULL, "%s is hedged: 1 was to be saved for, %.2f was",
			s->stage.asks[i].name, (double)*saved / HEDGE);
	else
		*saved -= HEDGE;
}

/* Questions are numbered: "qN.domain." */
static size_t number_of(const struct worker_event *e)
{
	size_t n = 0;

	for (unsigned i = 2; i <= e->question[0]; i++)
		n = 10 * n + (size_t)(e->question[i] - '0');
	return n;
}

static void on_traced(struct stage *stage, const struct worker_event *e)
{
	struct schedule *s = schedule_of(stage);
	bool is_allowed = s->stage.config.on_failure == ON_FAILURE_DROP ||
			  s->stage.config.on_overload == ON_OVERLOAD_DROP;

	if (e->kind == WORKER_EVENT_RETRY) {
		bool for_rcode = strcmp(e->reason, "SERVFAIL") == 0 ||
				 strcmp(e->reason, "REFUSED") == 0;

		s->n_retries[for_rcode]++;
		s->lives[number_of(e)].n_retries[for_rcode]++;
		if (strcmp(e->reason, "hedge") == 0)
			spend_hedge(s, number_of(e));
	}
	if (e->kind != WORKER_EVENT_SILENCE)
		return;
	if (!is_allowed)
		stage_fail(stage, NULL, "%s is met with silence (%s)",
			s->stage.asks[number_of(e)].name, e->reason);
	end_life(s, number_of(e), "is met with silence");
}

static void forget_over(struct unanswered *u, int64_t now_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++) {
		if (u->over_ns[i] > now_ns)
			u->over_ns[n++] = u->over_ns[i];
	}
	u->n = n;
}

/* As the server sees it, whatever is said of its places here: what it has not replied to, and has not
 * been given up for lack of time. Times of attempts are kept in whole microseconds. */
static void on_heard(struct stage *stage, const struct happening *query, int64_t reply_ns)
{
	struct schedule *s = schedule_of(stage);
	struct unanswered *u = &s->unanswered[query->who];
	unsigned limit = stage->pool->servers[query->who].params.max_outstanding;
	size_t i = strtoul(query->view.name + 1, NULL, 10);
	int64_t over_ns = stage->now_ns + stage->worker_params.attempt_timeout_ns;

	over_ns = over_ns < s->lives[i].deadline_ns ? over_ns : s->lives[i].deadline_ns;
	over_ns -= CLOCK_NS_PER_US;
	forget_over(u, stage->now_ns);
	if (u->n == u->size) {
		u->size = u->size ? 2 * u->size : 64;
		u->over_ns = realloc(u->over_ns, u->size * sizeof *u->over_ns);
	}
	u->over_ns[u->n++] = over_ns < reply_ns ? over_ns : reply_ns;
	if (u->n > limit)
		stage_fail(stage, NULL, "%s has %zu queries to answer, its limit is %u",
			stage->servers[query->who].name, u->n, limit);
}

static bool check_deadlines(struct schedule *s)
{
	for (size_t i = 0; i < s->stage.n_asks; i++) {
		if (s->lives[i].is_open && s->stage.now_ns > s->lives[i].deadline_ns + LATE_NS)
			return stage_fail(&s->stage, NULL, "%s hears nothing by its deadline",
				s->stage.asks[i].name);
	}
	return true;
}

/* Each worker begins with a hundred, saves a part of each query, and all of them ten a second. */
static bool check_budgets(struct schedule *s)
{
	static const char *const names[] = { "silence", "rcodes" };
	double seconds = (double)(s->stage.now_ns - s->start_ns) / CLOCK_NS_PER_S;
	double saved = 100.0 * s->stage.n_workers + 10 * seconds + s->stage.n_workers +
		       (double)s->n_queries * s->stage.config.retry_budget_percent / 100;

	for (unsigned kind = 0; kind < 2; kind++) {
		/* What was never sent for want of room is not paid for. */
		if ((double)s->n_retries[kind] >
			saved + (double)(s->n_given_back[kind] + s->stage.n_no_room))
			return stage_fail(&s->stage, NULL,
				"%llu retries for %s: %.0f were saved for, %llu given back",
				(unsigned long long)s->n_retries[kind], names[kind], saved,
				(unsigned long long)s->n_given_back[kind]);
	}
	return true;
}

/* ---- what clients do ---------------------------------------------------------------------------- */

static void grow(struct schedule *s)
{
	struct stage *stage = &s->stage;

	if (stage->n_asks < s->size)
		return;
	s->size = s->size ? 2 * s->size : 256;
	stage->asks = realloc(stage->asks, s->size * sizeof *stage->asks);
	s->lives = realloc(s->lives, s->size * sizeof *s->lives);
}

/* Sends the datagram of that question. While its query is open it must be merged; else it opens one. */
static void ask(struct schedule *s, size_t i)
{
	struct stage *stage = &s->stage;
	struct ask *a = &stage->asks[i];
	struct life *life = &s->lives[i];
	const struct addr client = stage_client_address(a->client);
	uint64_t n_merged = stage_metric(stage, METRIC_merged);
	bool was_open = life->is_open;
	/* Not for a repetition: its deadline is that of the first. */
	int64_t waited_ns = !was_open && chance(s, 5) ? below(s, 20) * CLOCK_NS_PER_MS : 0;
	struct packet p;

	if (!was_open) {
		life->is_open = true;
		life->deadline_ns = stage->now_ns - waited_ns + stage->worker_params.deadline_ns;
		s->n_queries++;
		save_hedge(s, a->worker);
	}
	packet_make_query(&a->query, &p);
	a->n_datagrams++;
	stage_note(stage, "c%d asks %s", a->client, a->name);
	stage_feed(stage, a->worker, &client, p.data, p.len, waited_ns);
	bool is_merged = stage_metric(stage, METRIC_merged) > n_merged;
	if (is_merged != was_open)
		stage_fail(stage, NULL, "%s is %s", a->name,
			was_open ? "not merged with its pending query"
				 : "merged with a query that has ended");
}

static void ask_new(struct schedule *s)
{
	static const char *const domains[] = { "good", "good", "good", "dead", "broken" };
	struct stage *stage = &s->stage;
	size_t i = stage->n_asks;
	char name[64];

	grow(s);
	snprintf(name, sizeof name, "q%zu.%s.", i, domains[below(s, 5)]);
	struct ask *a = &stage->asks[i];
	*a = (struct ask){ .id = (uint16_t)i, .name = strdup(name) };
	a->client = 1 + (int)below(s, CLIENTS);
	a->worker = below(s, stage->n_workers);
	a->query = (struct packet_query){
		.name = a->name,
		.class = CLASS_IN,
		.id = (uint16_t)i,
		.flags = MESSAGE_RD,
		.n_questions = 1,
	};
	a->query.type = (uint16_t)(1 + below(s, 2));
	a->query.opcode = chance(s, 90)   ? OPCODE_QUERY
			  : chance(s, 50) ? OPCODE_UPDATE
					  : below(s, 16);
	a->query.edns_size = chance(s, 30) ? 1232 : 0;
	a->query.is_signed = chance(s, 5);
	s->lives[i] = (struct life){ 0 };
	stage->n_asks++;
	ask(s, i);
}

static void ask_again(struct schedule *s)
{
	size_t n = s->stage.n_asks;

	if (n > 0)
		ask(s, n - 1 - below(s, n < 20 ? (uint32_t)n : 20));
}

/* ---- what servers and the network do ------------------------------------------------------------ */

static struct habit random_habit(struct schedule *s)
{
	static const unsigned rcodes[] = { RCODE_NOERROR, RCODE_NOERROR, RCODE_NOERROR,
		RCODE_NXDOMAIN, RCODE_SERVFAIL, RCODE_SERVFAIL, RCODE_REFUSED, RCODE_FORMERR };
	struct habit h = { .reply = { .n_answers = -1, .ede = -1 }, .as = -1 };

	h.temper = chance(s, 85) ? TEMPER_ANSWERS : TEMPER_SILENT;
	h.delay_ns = below(s, chance(s, 80) ? 30 : 2000) * CLOCK_NS_PER_MS;
	h.reply.rcode = rcodes[below(s, 8)];
	h.copies = 1 + chance(s, 10);
	if (chance(s, 8))
		h.reply.ede = (int)below(s, 24);
	h.reply.without_question = chance(s, 5);
	h.reply.is_garbage = chance(s, 4);
	h.reply.has_wrong_id = chance(s, 4);
	h.reply.has_wrong_name = chance(s, 4);
	h.reply.has_other_case = chance(s, 5);
	if (chance(s, 4))
		h.as = (int)below(s, s->stage.n_servers);
	if (chance(s, 5))
		h.reply.n_answers = (int)below(s, 80);
	return h;
}

static void change_server(struct schedule *s)
{
	struct stage *stage = &s->stage;
	unsigned i = below(s, stage->n_servers);
	struct stage_server *server = &stage->servers[i];

	switch (below(s, 6)) {
	case 0:
	case 1:
		server->to_queries = random_habit(s);
		break;
	case 2:
		server->to_probes = random_habit(s);
		break;
	case 3:
		server->road = chance(s, 70) ? ROAD_OPEN : (enum road)below(s, 4);
		break;
	case 4:
		server->loss_percent = chance(s, 50) ? 0 : below(s, 60);
		break;
	case 5:
		stage_kill_sockets(stage, (int)i);
		break;
	}
	stage_note(stage, "%s changes", server->name);
}

static void pass_time(struct schedule *s)
{
	int64_t us = chance(s, 90)   ? below(s, 50000)
		     : chance(s, 90) ? below(s, 1000000)
				     : below(s, 60000000);

	stage_run(&s->stage, s->stage.now_ns + us * CLOCK_NS_PER_US);
}

static void storm(struct schedule *s)
{
	for (uint32_t n = below(s, 150); n > 0 && !s->stage.has_failed; n--) {
		ask_new(s);
		if (chance(s, 30))
			stage_run(&s->stage, s->stage.now_ns + below(s, 3000) * CLOCK_NS_PER_US);
	}
}

static void step(struct schedule *s)
{
	uint32_t what = below(s, 100);

	if (what < 50)
		ask_new(s);
	else if (what < 62)
		ask_again(s);
	else if (what < 90)
		pass_time(s);
	else if (what < 98)
		change_server(s);
	else
		storm(s);
}

/* ---- one schedule ------------------------------------------------------------------------------- */

static void add_exceptions(struct schedule *s)
{
	struct stage *stage = &s->stage;
	struct habit silent = { .temper = TEMPER_SILENT, .as = -1 };
	struct habit broken = { .temper = TEMPER_ANSWERS,
		.as = -1,
		.copies = 1,
		.reply = { .rcode = RCODE_SERVFAIL, .n_answers = -1, .ede = -1 } };

	stage->exceptions[0] = (struct exception){ .suffix = strdup("dead."), .habit = silent };
	stage->exceptions[1] = (struct exception){ .suffix = strdup("broken."), .habit = broken };
	stage->n_exceptions = 2;
	for (unsigned i = 0; i < stage->n_servers; i++) {
		stage->servers[i].to_queries.temper = TEMPER_ANSWERS;
		stage->servers[i].to_queries.delay_ns = 2 * CLOCK_NS_PER_MS;
	}
	stage->answered = on_answered;
	stage->traced = on_traced;
	stage->heard = on_heard;
}

static bool play(struct schedule *s)
{
	struct stage *stage = &s->stage;

	add_exceptions(s);
	s->start_ns = stage->now_ns;
	for (int i = 0; i < STEPS && !stage->has_failed; i++) {
		step(s);
		stage->first_open = stage->n_happenings;
		if (stage->has_failed || !stage_check(stage) || !check_deadlines(s) ||
			!check_budgets(s))
			return false;
	}
	stage_run(stage, stage->now_ns + stage->worker_params.deadline_ns + 2 * CLOCK_NS_PER_MS);
	return !stage->has_failed && check_deadlines(s) && stage_check_end(stage);
}

static void print_failure(const struct schedule *s, uint64_t seed)
{
	const struct stage *stage = &s->stage;
	size_t first = stage->n_chronicle > CHRONICLE_SHOWN ? stage->n_chronicle - CHRONICLE_SHOWN
							    : 0;

	printf("schedule of seed %llu: %s\nat %g ms, the last of the chronicle:\n",
		(unsigned long long)seed, stage->happened, stage_ms(stage, stage->now_ns));
	for (size_t i = first; i < stage->n_chronicle; i++)
		printf("    %s\n", stage->chronicle[i]);
	printf("its configuration:\n%s", s->story.settings);
}

static bool play_seed(uint64_t seed, uint64_t sums[METRIC_COUNT])
{
	struct schedule s = { .story = { .path = "schedule" } };
	size_t size;
	FILE *f = open_memstream(&s.story.settings, &size);

	stage_seed(&s.rng, seed, 200);
	put_settings(&s, f);
	fclose(f);
	bool ok = stage_open(&s.stage, &s.story, seed);
	if (!ok) {
		printf("seed %llu: the configuration is refused:\n%s", (unsigned long long)seed,
			s.story.settings);
	} else {
		ok = play(&s);
		if (!ok)
			print_failure(&s, seed);
		for (unsigned i = 0; i < METRIC_COUNT; i++)
			sums[i] += stage_metric(&s.stage, (enum metric_id)i);
		stage_close(&s.stage);
	}
	free(s.story.settings);
	free(s.lives);
	for (unsigned i = 0; i < STORY_SERVERS_MAX; i++)
		free(s.unanswered[i].over_ns);
	return ok;
}

/* ---- all of them -------------------------------------------------------------------------------- */

static bool has_met_all(const uint64_t sums[METRIC_COUNT])
{
	bool ok = true;

	for (size_t i = 0; i < sizeof met / sizeof met[0]; i++) {
		if (sums[met[i]] == 0) {
			printf("no schedule has met %s\n", metric_rows[met[i]].name);
			ok = false;
		}
	}
	return ok;
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)time(NULL) * 1000000, sums[METRIC_COUNT] = { 0 };
	unsigned long n = 3000, n_failed = 0;
	bool is_verbose = false;

	for (int option; (option = getopt(argc, argv, "n:s:v")) != -1;) {
		if (option == 'n')
			n = strtoul(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else if (option == 'v')
			is_verbose = true;
		else
			return 2;
	}
	if (sodium_init() < 0)
		return 1;
	printf("%lu schedules from seed %llu\n", n, (unsigned long long)seed);
	for (unsigned long i = 0; i < n && n_failed < 3; i++)
		n_failed += !play_seed(seed + i, sums);
	for (unsigned i = 0; is_verbose && i < METRIC_COUNT; i++)
		printf("%s %llu\n", metric_rows[i].name, (unsigned long long)sums[i]);
	return n_failed == 0 && (n < 1000 || has_met_all(sums)) ? 0 : 1;
}
