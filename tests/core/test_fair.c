/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A queue with workers of a known capacity, in steps of a millisecond, and prefixes that ask at known
 * rates: who is let in. */
#include "core/fair.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/rng.h"

enum { PREFIXES_MAX = 2000, CAPACITY = 8192 };

static struct fair f;
static struct rng rng;
static struct queue_load load;
static int64_t now_ms;

struct prefix_load {
	double rate, due;
	uint64_t n_sent, n_shed, n_late, n_light;
	bool is_late; /* when it is read */
	struct addr client;
};
static struct prefix_load prefixes[PREFIXES_MAX];
static unsigned n_prefixes;
static double capacity, idle; /* of the workers, datagrams a second; left over of this ms */

static void begin(double can)
{
	static const uint8_t seed[RNG_SEED_BYTES] = { 7 };
	const struct fair_params p = { .target_ns = 5 * CLOCK_NS_PER_MS,
		.interval_ns = 100 * CLOCK_NS_PER_MS,
		.capacity = CAPACITY,
		.n_receivers = 1,
		.rng = &rng };

	rng_init_seed(&rng, seed);
	fair_init(&f, &p);
	memset(&load, 0, sizeof load);
	memset(prefixes, 0, sizeof prefixes);
	n_prefixes = 0;
	now_ms = 1000000;
	capacity = can;
	idle = 0;
}

static unsigned add(unsigned n, double rate)
{
	unsigned first = n_prefixes;

	for (unsigned i = 0; i < n; i++, n_prefixes++) {
		struct prefix_load *p = &prefixes[n_prefixes];

		p->rate = rate;
		p->due = n > 1 ? (double)i / n : 0; /* not all in the same moment */
		p->client = (struct addr){ .family = AF_INET,
			.ip = { 10, (uint8_t)(n_prefixes >> 8), (uint8_t)n_prefixes, 1 } };
	}
	return first;
}

static void arrive(struct prefix_load *p)
{
	p->n_sent++;
	/* a prefix has many addresses and ports */
	p->client.ip[p->client.family == AF_INET6 ? 15 : 3]++;
	p->client.port++;
	switch (fair_judge(&f, &p->client, p->is_late)) {
	case FAIR_LATE:
		p->n_late++;
		return;
	case FAIR_SHED:
		p->n_shed++;
		return;
	case FAIR_LIGHT:
		p->n_light++;
		break;
	case FAIR_LET_IN:
		break;
	}
	if (load.waiting < CAPACITY) {
		load.waiting++;
		load.n_pushed++;
	}
}

/* Workers take what they can, at least whole datagrams; how long these waited is what is before
 * them. */
static void work(void)
{
	idle += capacity / 1000;
	while (idle >= 1 && load.waiting > 0) {
		load.delay_sum_ns += (int64_t)((double)load.waiting / capacity * CLOCK_NS_PER_S);
		load.waiting--;
		load.n_taken++;
		idle -= 1;
	}
	if (load.waiting == 0) {
		load.n_drained++;
		idle = 0;
	}
}

static void forget(void)
{
	for (unsigned i = 0; i < n_prefixes; i++)
		prefixes[i].n_sent = prefixes[i].n_shed = prefixes[i].n_late = prefixes[i]
										       .n_light = 0;
}

static void run(int64_t ms)
{
	for (int64_t end_ms = now_ms + ms; now_ms < end_ms; now_ms++) {
		if (fair_is_due(&f, now_ms * CLOCK_NS_PER_MS))
			fair_tick(&f, &load, now_ms * CLOCK_NS_PER_MS);
		for (unsigned i = 0; i < n_prefixes; i++) {
			struct prefix_load *p = &prefixes[i];

			for (p->due += p->rate / 1000; p->due >= 1; p->due -= 1)
				arrive(p);
		}
		work();
	}
}

/* Of n prefixes from the first, the part let in. */
static double let_in(unsigned first, unsigned n)
{
	uint64_t n_sent = 0, n_shed = 0;

	for (unsigned i = first; i < first + n; i++) {
		n_sent += prefixes[i].n_sent;
		n_shed += prefixes[i].n_shed;
	}
	return n_sent ? 1 - (double)n_shed / (double)n_sent : 1;
}

static double taken_per_second(int64_t ms)
{
	uint64_t before = load.n_taken;

	run(ms);
	return (double)(load.n_taken - before) * 1000 / (double)ms;
}

Test(fair, nothing_is_shed_while_the_workers_keep_up)
{
	begin(10000);
	add(1, 8000);
	add(8, 100);
	run(10000);
	cr_expect_eq(let_in(0, 9), 1);
	cr_expect_not(f.is_counting, "and nothing is counted");
}

Test(fair, a_burst_that_fits_is_not_shed)
{
	begin(10000);
	unsigned first = add(1, 1500000);
	run(1); /* 1500 at once */
	prefixes[first].rate = 100;
	run(2000);
	cr_expect_eq(let_in(first, 1), 1);
}

Test(fair, one_that_floods_leaves_the_others_alone)
{
	static const double floods[] = { 15000, 40000, 400000 };

	for (size_t i = 0; i < 3; i++) {
		begin(10000);
		unsigned victims = add(8, 250), flooder = add(1, 0);
		run(3000);
		forget();
		prefixes[flooder].rate = floods[i];
		run(10000);
		cr_expect_geq(let_in(victims, 8), 0.99, "%g: %g", floods[i], let_in(victims, 8));
		cr_expect_lt(let_in(flooder, 1), 0.9, "%g", floods[i]);
		forget();
		double taken = taken_per_second(5000);
		cr_expect_geq(taken, 9000, "%g: the rest is the flooder's: %g", floods[i], taken);
		for (unsigned k = victims; k < victims + 8; k++)
			cr_expect_geq(prefixes[k].n_light, prefixes[k].n_sent * 9 / 10,
				"%g: they go first", floods[i]);
		cr_expect_lt(prefixes[flooder].n_light, prefixes[flooder].n_sent / 20);
	}
}

Test(fair, many_that_flood_leave_the_others_alone_too)
{
	begin(10000);
	unsigned victims = add(8, 100), flooders = add(30, 2000);
	run(1000);
	forget();
	run(10000);
	/* a victim may share a bucket with a flooder for one key's life */
	cr_expect_geq(let_in(victims, 8), 0.95, "%g", let_in(victims, 8));
	cr_expect_lt(let_in(flooders, 30), 0.3);
}

Test(fair, what_is_left_over_is_shared_alike_by_those_who_ask_for_more)
{
	begin(10000);
	unsigned two = add(1, 4000);
	add(1, 30000);
	add(1, 60000);
	run(2000);
	forget();
	run(5000);
	for (unsigned i = two; i < two + 3; i++) {
		double in = (double)(prefixes[i].n_sent - prefixes[i].n_shed) / 5;

		cr_expect(in > 2600 && in < 3700, "prefix %u: %g/s", i, in);
	}
}

Test(fair, one_prefix_alone_is_held_to_what_the_workers_can_do)
{
	static const double rates[] = { 11000, 20000, 40000, 100000 };

	for (size_t i = 0; i < 4; i++) {
		begin(10000);
		add(1, rates[i]);
		run(3000);
		double taken = taken_per_second(5000);
		cr_expect_geq(taken, 9300, "%g: %g", rates[i], taken);
		uint64_t n = load.n_taken;
		int64_t sum_ns = load.delay_sum_ns;
		run(2000);
		int64_t mean_ns = (load.delay_sum_ns - sum_ns) / (int64_t)(load.n_taken - n);
		cr_expect_lt(
			mean_ns, 20 * CLOCK_NS_PER_MS, "%g: %lld", rates[i], (long long)mean_ns);
	}
}

Test(fair, a_flood_from_everywhere_closes_the_way_for_all_alike)
{
	begin(10000);
	add(PREFIXES_MAX, 20);
	run(3000);
	double taken = taken_per_second(5000);
	cr_expect_geq(taken, 9000, "%g", taken);
}

Test(fair, it_ends_when_the_flood_ends)
{
	begin(10000);
	unsigned victims = add(8, 250), flooder = add(1, 40000);
	run(3000);
	cr_expect(f.is_limiting);
	prefixes[flooder].rate = 100;
	run(2000);
	cr_expect_not(f.is_limiting);
	cr_expect_not(f.is_counting);
	forget();
	run(2000);
	cr_expect_eq(let_in(victims, 9), 1);
}

Test(fair, it_follows_workers_that_become_slower_and_faster)
{
	begin(10000);
	add(8, 250);
	add(1, 40000);
	run(3000);
	capacity = 5000;
	run(2000);
	double slow = taken_per_second(2000);
	cr_expect(slow > 4500 && slow <= 5001, "%g", slow);
	capacity = 20000;
	run(5000);
	double fast = taken_per_second(2000);
	cr_expect(fast > 17000, "%g", fast);
}

Test(fair, workers_that_stood_still_do_not_close_the_way_for_long)
{
	begin(10000);
	add(8, 250);
	add(1, 40000);
	run(3000);
	capacity = 0.001;
	run(1000);
	capacity = 10000;
	run(3000);
	double taken = taken_per_second(2000);
	cr_expect_geq(taken, 8500, "%g", taken);
}

/* What can be told of workers that had no CPU is nothing: not that they can do little. */
Test(fair, workers_that_stood_still_at_first_do_not_close_the_way)
{
	static const double before[] = { 0, 30000 }; /* they can do, when the burst begins */

	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		begin(100000);
		unsigned all = add(200, 0.25);
		run(1000);
		for (unsigned p = all; p < all + 200; p++)
			prefixes[p].rate = 300;
		capacity = before[i];
		run(12);
		capacity = 0;
		run(50);
		capacity = 100000;
		for (unsigned p = all; p < all + 200; p++)
			prefixes[p].rate = 100;
		forget();
		run(200);
		cr_expect_eq(let_in(all, 200), 1, "%zu: %g", i, let_in(all, 200));
	}
}

Test(fair, a_new_key_knows_who_asked_for_much)
{
	begin(10000);
	unsigned steady = add(1, 40000), flood = add(1, 40000), small = add(8, 100);
	run(1000);
	for (int i = 0; i < 60; i++) { /* it pauses for half of the time, over two keys */
		prefixes[flood].rate = i % 2 ? 40000 : 0;
		uint64_t n_light = prefixes[small].n_light, n_sent = prefixes[small].n_sent;
		run(200);
		cr_expect_gt(prefixes[small].n_light - n_light,
			(prefixes[small].n_sent - n_sent) / 2, "turn %d", i);
	}
	cr_expect_eq(prefixes[steady].n_light, 0);
	cr_expect_eq(prefixes[flood].n_light, 0);
}

Test(fair, what_is_late_costs_no_credit_and_is_shed_only_of_those_who_ask_for_much)
{
	begin(10000);
	unsigned flood = add(1, 40000), small = add(1, 100);
	prefixes[flood].is_late = prefixes[small].is_late = true;
	run(10); /* nothing is held back yet */
	cr_expect_eq(prefixes[flood].n_late, 0);
	prefixes[flood].is_late = prefixes[small].is_late = false;
	run(3000);
	forget();
	prefixes[flood].is_late = prefixes[small].is_late = true;
	run(100);
	cr_expect_gt(prefixes[flood].n_late, 500);
	cr_expect_eq(prefixes[small].n_late + prefixes[small].n_shed, 0);
	prefixes[flood].is_late = false;
	uint64_t n_shed = prefixes[flood].n_shed, n_sent = prefixes[flood].n_sent;
	run(20); /* at the end of the pause it may spend what it saved */
	uint64_t n_in = prefixes[flood].n_sent - n_sent - (prefixes[flood].n_shed - n_shed);
	cr_expect_gt(n_in, 500, "%llu", (unsigned long long)n_in);
}

Test(fair, what_fits_is_not_rationed)
{
	begin(10000);
	unsigned flood = add(1, 40000);
	add(64, 100);
	cr_expect_not(fair_is_rationing(&f));
	run(2000);
	cr_expect(fair_is_rationing(&f));
	prefixes[flood].rate = 0;
	run(300);
	cr_expect(f.is_limiting);
	cr_expect_not(fair_is_rationing(&f));
}

Test(fair, only_who_asked_little_for_a_while_is_light)
{
	begin(10000);
	unsigned other = add(1, 40000), flood = add(1, 40000), small = add(1, 100);
	run(1000);
	cr_expect_gt(prefixes[small].n_light, 0);
	cr_expect_eq(prefixes[flood].n_light, 0);
	cr_expect_eq(prefixes[other].n_light, 0);
	prefixes[flood].rate = 0; /* it pauses, and saves credit */
	run(300);
	prefixes[flood].rate = 100;
	run(300);
	cr_expect_eq(prefixes[flood].n_light, 0);
	run(2000);
	cr_expect_gt(prefixes[flood].n_light, 0);
}

Test(fair, who_is_held_back_is_known)
{
	struct fair_held held;
	char text[ADDR_TEXT_MAX];

	begin(10000);
	add(8, 250);
	unsigned first = add(1, 20000), most = add(1, 40000);
	cr_expect_not(fair_held_back(&f, &held));
	run(3000);
	cr_assert(fair_held_back(&f, &held));
	cr_expect_eq(held.n, 2);
	cr_expect(held.level > 3000 && held.level < 6000, "%g", held.level);
	cr_expect(held.asked > 35000 && held.asked < 50000, "%g", held.asked);
	cr_expect_eq(held.bits, 24);
	cr_expect_str_eq(addr_format(&held.prefix, text, sizeof text), "10.0.9.0");
	prefixes[most].rate = 0;
	prefixes[first].rate = 0;
	run(3000);
	cr_expect_not(fair_held_back(&f, &held));
}

Test(fair, who_is_held_back_is_known_of_ipv6)
{
	struct fair_held held;
	char text[ADDR_TEXT_MAX];

	begin(10000);
	unsigned one = add(1, 40000);
	cr_assert_eq(addr_parse("2001:db8:1:2ff::5", 53, &prefixes[one].client), 0);
	run(1000);
	cr_assert(fair_held_back(&f, &held));
	cr_expect_eq(held.bits, 56);
	cr_expect_str_eq(addr_format(&held.prefix, text, sizeof text), "2001:db8:1:200::");
}

Test(fair, a_prefix_is_24_bits_or_56)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.254", true },
		{ "192.0.2.1", "192.0.3.1", false },
		{ "2001:db8:0:1::1", "2001:db8:0:ff::2", true },
		{ "2001:db8:0:100::1", "2001:db8:0:200::1", false },
		{ "2001:db8::1", "32.1.13.184", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct addr a, b;
		unsigned n = 0;

		begin(10000);
		cr_assert_eq(addr_parse(cases[i].a, 53, &a), 0);
		cr_assert_eq(addr_parse(cases[i].b, 54, &b), 0);
		f.is_counting = true;
		fair_judge(&f, &a, false);
		fair_judge(&f, &b, false);
		for (unsigned k = 0; k < FAIR_BUCKETS; k++)
			n += f.arrived[k] > 0;
		cr_expect_eq(n, cases[i].is_same ? 1 : 2, "%s %s", cases[i].a, cases[i].b);
	}
}

Test(fair, the_key_changes_every_few_seconds)
{
	begin(10000);
	add(1, 40000);
	run(1000);
	struct hash_key before = f.key;
	run(6000);
	cr_expect_neq(memcmp(&before, &f.key, sizeof before), 0);
}

Test(fair, two_receivers_each_leave_the_other_its_half)
{
	/* This one sees a flood, the other takes in half of what the workers can do. */
	begin(10000);
	f.params.n_receivers = 2;
	add(1, 40000);
	for (int i = 0; i < 8000; i++) {
		load.n_pushed += 4;
		load.waiting += 4;
		run(1);
		if (i == 3000)
			forget();
	}
	double in = (double)(prefixes[0].n_sent - prefixes[0].n_shed) / 5;
	cr_expect(in > 4500 && in < 7000, "%g", in);
}

Test(fair, without_a_target_it_never_sheds)
{
	begin(10000);
	f.params.target_ns = 0;
	add(1, 100000);
	run(3000);
	cr_expect_eq(let_in(0, 1), 1);
}
