/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Nothing is counted until the queue begins to fill, so that it costs nothing at other times. A
 * bucket gets its level as credit at every tick and pays one for each datagram; what it does not use it
 * keeps for an interval, for clients that come in bursts. */
#include "core/fair.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"

#define COUNT_FROM 32 /* of the queue's capacity, the part that waits when counting begins */
#define FIRST_TOTAL 1.1 /* of what was taken so far: the capacity is unknown, the need is urgent */
#define BUSY_PART 0.92 /* of the capacity: so much is let in when it was reached */
#define NEAR_PART 0.85
#define BEYOND_PART 1.1 /* it has grown, or was more than it seemed */
#define STEP_FIRST 0.25 /* per window, until the capacity was reached for the first time */
#define STEP_FAR 0.1
#define STEP_NEAR 0.01
#define STEP_DOWN 0.05
#define DELAY_TARGETS 1.5 /* the mean delay in the queue that is aimed at while limiting */
#define CALM_WINDOWS 10 /* then the limit is lifted */
#define LEAST_RATE 100.0 /* let in, whatever was seen */
#define KEY_LIFE_NS (5 * CLOCK_NS_PER_S)
#define ASKED_KEPT 0.8f /* per window */
#define LEARN_WINDOWS 10 /* of a key before it is used */
#define CREDIT_LEAST 4.0f /* datagrams: nobody asks at an even pace */

void fair_init(struct fair *f, const struct fair_params *params)
{
	memset(f, 0, sizeof *f);
	f->params = *params;
	f->level = INFINITY;
	rng_bytes(params->rng, f->key.bytes, sizeof f->key.bytes);
}

/* A site's usual share of addresses, in bytes. */
static size_t prefix_len(const struct addr *client)
{
	return client->family == AF_INET6 ? 7 : 3;
}

static unsigned bucket_of(const struct hash_key *key, const struct addr *client)
{
	size_t len = prefix_len(client);
	uint8_t text[8] = { client->family };

	memcpy(text + 1, client->ip, len);
	return (unsigned)(hash64(key, text, sizeof text) % FAIR_BUCKETS);
}

enum fair_verdict fair_judge(struct fair *f, const struct addr *client, bool is_late)
{
	if (!f->is_counting)
		return FAIR_LET_IN;
	unsigned b = bucket_of(&f->key, client);
	bool is_light = false;

	f->arrived[b]++;
	if (f->n_learned > 0)
		f->learned[bucket_of(&f->next_key, client)]++;
	if (f->level < INFINITY) {
		is_light = f->asked[b] <= f->level / 2 && f->credit[b] >= f->credit_most / 2;
		is_late = is_late && !is_light;
		if (is_late || f->credit[b] < 1) {
			f->has_shed = true;
			f->shed[b] = *client;
			return is_late ? FAIR_LATE : FAIR_SHED;
		}
		f->credit[b] -= 1;
	}
	f->n_admitted++;
	return is_light ? FAIR_LIGHT : FAIR_LET_IN;
}

/* ---- windows ------------------------------------------------------------------------------ */

static void begin_window(struct fair *f, const struct queue_load *load, int64_t now_ns)
{
	f->began = *load;
	f->began_ns = now_ns;
	f->n_admitted = 0;
	f->has_shed = false;
	memset(f->arrived, 0, sizeof f->arrived);
	memset(f->learned, 0, sizeof f->learned);
}

/* The level at which what was asked in the window, cut to it, adds up to `total`. Each turn takes in
 * those who ask less than what is left for each of the others; there are as many turns as there are
 * kinds of clients, and few of those. */
static double level_for(const struct fair *f, double total, double seconds)
{
	double level = 0, before;

	do {
		double small = 0;
		unsigned n_large = 0;

		before = level;
		for (unsigned b = 0; b < FAIR_BUCKETS; b++) {
			double rate = f->arrived[b] / seconds;

			if (rate > level)
				n_large++;
			else
				small += rate;
		}
		if (n_large == 0)
			return INFINITY;
		level = (total - small) / n_large;
	} while (level > before * 1.001);
	return level > before ? level : before;
}

/* Of `seconds` at the level. */
static float credit_for(const struct fair *f, double seconds)
{
	float credit = (float)(f->level * seconds);

	return credit > CREDIT_LEAST ? credit : CREDIT_LEAST;
}

static void set_level(struct fair *f, const struct queue_load *load, double seconds)
{
	double others = (double)(load->n_pushed - f->began.n_pushed) / seconds -
			(double)f->n_admitted / seconds;
	double least = f->total / f->params.n_receivers;
	double mine = f->params.n_receivers > 1 ? f->total - others : f->total;

	f->level = level_for(f, mine > least ? mine : least, seconds);
	f->credit_most = credit_for(f, (double)f->params.interval_ns / CLOCK_NS_PER_S);
}

static double taken_in(const struct fair *f, const struct queue_load *load, double seconds)
{
	return (double)(load->n_taken - f->began.n_taken) / seconds;
}

/* Less than one, and not the same for all: they would all be let in in the same moment. */
static float first_credit(unsigned b)
{
	return (float)(b * 633 % FAIR_BUCKETS) / FAIR_BUCKETS;
}

/* Who asks less than the level may spend at once what it would have saved. */
static void begin_credit(struct fair *f)
{
	for (unsigned b = 0; b < FAIR_BUCKETS; b++)
		f->credit[b] = f->asked[b] <= f->level ? f->credit_most : first_credit(b);
}

/* Who asked for much is not forgotten for a pause. */
static void note_asked(float *asked, const uint32_t *arrived, double seconds)
{
	for (unsigned b = 0; b < FAIR_BUCKETS; b++) {
		float rate = (float)(arrived[b] / seconds), before = asked[b] * ASKED_KEPT;

		asked[b] = before > rate ? before : rate;
	}
}

static void begin_limiting(struct fair *f, const struct queue_load *load, double seconds)
{
	double taken = taken_in(f, load, seconds);

	f->is_limiting = true;
	f->capacity = 0;
	f->n_calm = 0;
	f->taken_smooth = taken > f->taken ? taken : f->taken;
	f->total = f->taken_smooth * FIRST_TOTAL;
	if (f->total < LEAST_RATE)
		f->total = LEAST_RATE;
	set_level(f, load, seconds);
	memset(f->asked, 0, sizeof f->asked);
	note_asked(f->asked, f->arrived, seconds);
	begin_credit(f);
}

static void stop_limiting(struct fair *f)
{
	f->is_limiting = false;
	f->level = INFINITY;
}

static double between(double least, double x, double most)
{
	return x < least ? least : x > most ? most : x;
}

/* The workers never emptied the queue: what they take is what they can do. One bad moment, of a
 * machine that stood still, must not close the way. */
static void step_back(struct fair *f)
{
	f->capacity = f->taken_smooth;
	/* if it is less already, they catch up */
	f->total = between(f->total / 2, f->capacity * BUSY_PART, f->total);
}

/* The delay tells little of how near the capacity is until it is reached; so near where it was
 * reached before the steps are small. */
static double most_step(const struct fair *f)
{
	if (f->capacity == 0)
		return STEP_FIRST;
	bool is_near = f->total > f->capacity * NEAR_PART && f->total < f->capacity * BEYOND_PART;

	return is_near ? STEP_NEAR : STEP_FAR;
}

/* They emptied it: towards the mean delay at which they are busy and answers are still early. While
 * they empty it all the time, it is not the load that makes a delay. */
static void step_on(struct fair *f, const struct queue_load *load, double seconds)
{
	double n_taken = (double)(load->n_taken - f->began.n_taken);
	double delay_ns = (double)(load->delay_sum_ns - f->began.delay_sum_ns);
	double mean_ns = n_taken > 0 ? delay_ns / n_taken : 0;
	double excess = mean_ns / (DELAY_TARGETS * (double)f->params.target_ns) - 1;
	double drained_ns = seconds * CLOCK_NS_PER_S /
			    (double)(load->n_drained - f->began.n_drained);
	bool is_idle = drained_ns <= (double)f->params.target_ns;

	if (excess <= 0 || is_idle) {
		double step = is_idle ? 1 : -excess;

		f->total *= 1 + most_step(f) * step;
	} else {
		f->capacity = f->taken_smooth;
		f->total = between(f->total * (1 - STEP_DOWN), f->capacity * BUSY_PART, f->total);
	}
}

static void adapt_total(struct fair *f, const struct queue_load *load, double seconds)
{
	if (load->n_taken == f->began.n_taken && load->waiting > 0)
		return; /* they stood still, which says nothing of what they can do */
	f->taken_smooth += (f->taken - f->taken_smooth) / 4;
	if (load->n_drained == f->began.n_drained)
		step_back(f);
	else
		step_on(f, load, seconds);
	if (f->total < LEAST_RATE)
		f->total = LEAST_RATE;
}

static void end_window(struct fair *f, const struct queue_load *load, double seconds)
{
	f->taken = taken_in(f, load, seconds);
	if (!f->is_limiting)
		return;
	note_asked(f->asked, f->arrived, seconds);
	adapt_total(f, load, seconds);
	f->n_calm = f->has_shed ? 0 : f->n_calm + 1;
	if (f->n_calm == CALM_WINDOWS)
		stop_limiting(f);
	else
		set_level(f, load, seconds);
}

static void give_credit(struct fair *f, double seconds)
{
	float each = (float)(f->level * seconds), most = f->credit_most;

	for (unsigned b = 0; b < FAIR_BUCKETS; b++)
		f->credit[b] = f->credit[b] + each < most ? f->credit[b] + each : most;
}

/* At the end of a window. */
static void renew_key(struct fair *f, double seconds, int64_t now_ns)
{
	if (f->n_learned == 0) {
		if (now_ns < f->key_ends_ns)
			return;
		rng_bytes(f->params.rng, f->next_key.bytes, sizeof f->next_key.bytes);
		memset(f->next_asked, 0, sizeof f->next_asked);
		f->n_learned = 1;
		return;
	}
	note_asked(f->next_asked, f->learned, seconds);
	if (f->n_learned++ < LEARN_WINDOWS)
		return;
	f->key = f->next_key;
	f->key_ends_ns = now_ns + KEY_LIFE_NS;
	memcpy(f->asked, f->next_asked, sizeof f->asked);
	memset(f->shed, 0, sizeof f->shed);
	begin_credit(f);
	f->n_learned = 0;
}

void fair_tick(struct fair *f, const struct queue_load *load, int64_t now_ns)
{
	double seconds = (double)(now_ns - f->began_ns) / CLOCK_NS_PER_S;
	double tick_seconds = (double)(now_ns - f->tick_ns + FAIR_TICK_NS) / CLOCK_NS_PER_S;
	bool is_filling = load->is_standing || load->waiting >= f->params.capacity / COUNT_FROM;
	bool is_urgent = load->is_standing || load->waiting >= f->params.capacity / QUEUE_FULL_PART;

	bool stood_still = load->n_taken == f->tick_taken;

	f->tick_ns = now_ns + FAIR_TICK_NS;
	f->tick_taken = load->n_taken;
	if (f->params.target_ns == 0)
		return;
	if (f->is_limiting && f->level < INFINITY)
		give_credit(f, tick_seconds);
	if (!f->is_counting && is_filling) {
		f->is_counting = true;
		begin_window(f, load, now_ns);
	} else if (f->is_counting && !f->is_limiting && is_urgent) {
		/* of workers without a CPU nothing can be told yet, and the queue has bounds of its own */
		if (!stood_still)
			begin_limiting(f, load, seconds);
		begin_window(f, load, now_ns);
	} else if (now_ns - f->began_ns >= f->params.interval_ns) {
		end_window(f, load, seconds);
		f->is_counting = f->is_limiting || is_filling;
		renew_key(f, seconds, now_ns);
		begin_window(f, load, now_ns);
	}
}

bool fair_held_back(const struct fair *f, struct fair_held *held_out)
{
	unsigned most = FAIR_BUCKETS, n = 0;

	for (unsigned b = 0; fair_is_rationing(f) && b < FAIR_BUCKETS; b++) {
		if (f->shed[b].family == 0 || f->asked[b] <= f->level)
			continue;
		n++;
		if (most == FAIR_BUCKETS || f->asked[b] > f->asked[most])
			most = b;
	}
	if (n == 0)
		return false;
	const struct addr *client = &f->shed[most];
	*held_out = (struct fair_held){
		.n = n,
		.level = f->level,
		.prefix = { .family = client->family },
		.bits = 8 * (unsigned)prefix_len(client),
		.asked = f->asked[most],
	};
	memcpy(held_out->prefix.ip, client->ip, prefix_len(client));
	return true;
}
