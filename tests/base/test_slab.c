/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lowest first, every slot exactly once, memory only where it is used and none after a trim
 * (asked of the kernel with mincore). A model with one byte a slot keeps the slab honest. */
#include "base/slab.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/rng.h"

#define MARGIN 256u /* what a trim leaves above the highest used slot: slab.h */

static struct slab *new_slab(size_t slot_size, uint32_t slots)
{
	struct slab *s = NULL;

	cr_assert_eq(slab_new(slot_size, slots, &s), 0, "%zu bytes, %u slots", slot_size, slots);
	cr_assert_not_null(s);
	return s;
}

/* Pages in memory of the slots first .. end - 1. */
static size_t resident_pages(const struct slab *s, uint32_t first, uint32_t end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)slab_at(s, first) / page * page;
	uintptr_t to = ((uintptr_t)slab_at(s, end) + page - 1) / page * page;
	size_t n = (to - from) / page, n_resident = 0;
	unsigned char *in = malloc(n);

	cr_assert_not_null(in);
	cr_assert_eq(mincore((void *)from, to - from, in), 0);
	for (size_t i = 0; i < n; i++)
		n_resident += in[i] & 1;
	free(in);
	return n_resident;
}

static void take_and_fill(struct slab *s, size_t slot_size, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = slab_take(s);

		cr_assert_neq(slot, SLAB_NONE);
		memset(slab_at(s, slot), 0xaa, slot_size);
	}
}

Test(slab, hands_out_the_lowest_free_slot)
{
	struct slab *s = new_slab(64, 1000);

	for (uint32_t i = 0; i < 200; i++)
		cr_assert_eq(slab_take(s), i);
	slab_give(s, 150);
	slab_give(s, 3);
	slab_give(s, 70);
	cr_expect_eq(slab_take(s), 3u);
	cr_expect_eq(slab_take(s), 70u);
	cr_expect_eq(slab_take(s), 150u);
	cr_expect_eq(slab_take(s), 200u);
	slab_free(&s);
	cr_expect_null(s);
}

/* Sizes on both sides of every level of the bit tree. */
Test(slab, gives_every_slot_once_and_then_none)
{
	static const uint32_t sizes[] = { 1, 2, 63, 64, 65, 127, 128, 4095, 4096, 4097, 262143,
		262144, 262145 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct slab *s = new_slab(16, sizes[i]);

		for (uint32_t n = 0; n < sizes[i]; n++)
			cr_assert_eq(slab_take(s), n, "%u slots", sizes[i]);
		cr_expect_eq(slab_take(s), SLAB_NONE, "%u slots", sizes[i]);
		cr_expect_eq(slab_used(s), sizes[i]);
		slab_give(s, sizes[i] - 1);
		cr_expect_eq(slab_take(s), sizes[i] - 1, "%u slots", sizes[i]);
		cr_expect_eq(slab_take(s), SLAB_NONE, "%u slots", sizes[i]);
		slab_free(&s);
	}
}

Test(slab, slots_do_not_overlap_and_index_is_the_inverse_of_at)
{
	static const size_t sizes[] = { 16, 48, 112, 528, 4112,
		5008 }; /* none divides a page evenly */
	enum { SLOTS = 40 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct slab *s = new_slab(sizes[i], SLOTS);

		for (uint32_t n = 0; n < SLOTS; n++)
			memset(slab_at(s, slab_take(s)), (int)n, sizes[i]);
		for (uint32_t n = 0; n < SLOTS; n++) {
			const uint8_t *bytes = slab_at(s, n);

			cr_expect_eq(slab_index(s, bytes), n, "%zu", sizes[i]);
			cr_expect_eq((uintptr_t)bytes % 16, 0u, "%zu", sizes[i]);
			for (size_t b = 0; b < sizes[i]; b++)
				cr_assert_eq(bytes[b], n, "size %zu slot %u", sizes[i], n);
		}
		slab_free(&s);
	}
}

Test(slab, bytes_stay_as_the_last_tenant_left_them)
{
	struct slab *s = new_slab(32, 4);
	uint32_t slot = slab_take(s);

	memset(slab_at(s, slot), 0x77, 32);
	slab_give(s, slot);
	cr_assert_eq(slab_take(s), slot);
	cr_expect_eq(((uint8_t *)slab_at(s, slot))[31], 0x77);
	slab_free(&s);
}

Test(slab, costs_no_memory_before_use)
{
	struct slab *s = new_slab(4096, 16384);

	cr_expect_eq(resident_pages(s, 0, 16384), 0u);
	take_and_fill(s, 4096, 10);
	size_t n = resident_pages(s, 0, 16384);
	cr_expect(n >= 10 && n <= 11, "%zu pages", n);
	slab_free(&s);
}

Test(slab, trim_returns_the_memory_above_the_margin)
{
	enum { SLOTS = 4000 };
	static const size_t sizes[] = { 16, 528, 4096, 4112 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct slab *s = new_slab(sizes[i], SLOTS);
		size_t page = (size_t)sysconf(_SC_PAGESIZE);

		take_and_fill(s, sizes[i], SLOTS);
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			if (slot != 5)
				slab_give(s, slot);
		cr_expect_geq(
			resident_pages(s, 0, SLOTS), SLOTS * sizes[i] / page, "%zu", sizes[i]);
		slab_trim(s);
		/* Slots 0 to 5, the margin, and the page on which it ends stay. */
		size_t kept = (6 + MARGIN) * sizes[i];
		cr_expect_leq(resident_pages(s, 0, SLOTS), kept / page + 1, "%zu", sizes[i]);
		for (size_t b = 0; b < sizes[i]; b++)
			cr_assert_eq(((uint8_t *)slab_at(s, 5))[b], 0xaa, "size %zu byte %zu",
				sizes[i], b);
		slab_free(&s);
	}
}

Test(slab, trim_of_an_empty_slab_keeps_the_margin_and_it_works_on)
{
	struct slab *s = new_slab(4096, 1000);

	take_and_fill(s, 4096, 1000);
	for (uint32_t slot = 0; slot < 1000; slot++)
		slab_give(s, slot);
	slab_trim(s);
	cr_expect_eq(resident_pages(s, 0, 1000), MARGIN);
	cr_expect_eq(resident_pages(s, MARGIN, 1000), 0u);
	slab_trim(s); /* nothing to do */
	cr_expect_eq(resident_pages(s, 0, 1000), MARGIN);
	take_and_fill(s, 4096, 1000);
	cr_expect_eq(slab_take(s), SLAB_NONE);
	slab_free(&s);
}

/* How many slots were ever taken, of 1000; whether there is anything above the margin. */
Test(slab, trim_has_nothing_to_do_within_the_margin)
{
	static const struct {
		uint32_t taken, first, end;
	} cases[] = { { 0, 0, 0 }, { 1, 0, 0 }, { MARGIN, 0, 0 },
		{ MARGIN + 1, MARGIN, MARGIN + 1 }, { 1000, MARGIN, 1000 } };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slab *s = new_slab(16, 1000);

		take_and_fill(s, 16, cases[i].taken);
		for (uint32_t slot = 0; slot < cases[i].taken; slot++)
			slab_give(s, slot);
		struct slab_range range = slab_trim_begin(s);
		cr_expect_eq(range.first, cases[i].first, "%u taken", cases[i].taken);
		cr_expect_eq(range.end, cases[i].end, "%u taken", cases[i].taken);
		slab_trim_release(s, range);
		slab_trim_end(s, range);
		take_and_fill(s, 16, 1000); /* all are open again */
		slab_free(&s);
	}
}

Test(slab, trim_of_a_full_slab_touches_nothing)
{
	enum { SLOTS = 2 * MARGIN };
	struct slab *s = new_slab(4096, SLOTS);

	take_and_fill(s, 4096, SLOTS);
	struct slab_range range = slab_trim_begin(s);
	cr_expect_eq(range.first, range.end);
	slab_trim_release(s, range);
	slab_trim_end(s, range);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		cr_expect_eq(((uint8_t *)slab_at(s, slot))[0], 0xaa, "slot %u", slot);
	slab_free(&s);
}

Test(slab, second_trim_returns_what_the_first_had_to_keep)
{
	enum { SLOTS = MARGIN + 100 };
	struct slab *s = new_slab(4096, SLOTS);

	take_and_fill(s, 4096, SLOTS);
	for (uint32_t slot = 0; slot < SLOTS - 1; slot++)
		slab_give(s, slot);
	slab_trim(s); /* the last one holds those of its word */
	cr_expect_eq(resident_pages(s, 0, SLOTS), SLOTS - 64);
	slab_give(s, SLOTS - 1);
	slab_trim(s);
	cr_expect_eq(resident_pages(s, 0, SLOTS), MARGIN);
	slab_free(&s);
}

/* Slots 0 to 3 in use, the margin above them open, the rest closed until the trim ends. */
Test(slab, take_during_a_trim_stays_below_its_range)
{
	enum { SLOTS = MARGIN + 100 };
	struct slab *s = new_slab(4096, SLOTS);

	take_and_fill(s, 4096, SLOTS);
	for (uint32_t slot = 4; slot < SLOTS; slot++)
		slab_give(s, slot);
	struct slab_range range = slab_trim_begin(s);
	cr_expect_eq(range.first, 4u + MARGIN);
	cr_expect_eq(range.end, SLOTS);

	for (uint32_t slot = 4; slot < 4 + MARGIN; slot++) {
		cr_assert_eq(slab_take(s), slot, "the margin is open");
		memset(slab_at(s, slot), 0xbb, 4096);
	}
	cr_expect_eq(slab_take(s), SLAB_NONE, "nothing from the range");
	slab_give(s, 2);
	slab_trim_release(s, range);
	cr_expect_eq(slab_take(s), 2u);
	cr_expect_eq(slab_take(s), SLAB_NONE, "closed until the end");
	slab_trim_end(s, range);

	for (uint32_t slot = 4; slot < 4 + MARGIN; slot++)
		cr_expect_eq(
			((uint8_t *)slab_at(s, slot))[4095], 0xbb, "slot %u was returned", slot);
	cr_expect_eq(((uint8_t *)slab_at(s, 3))[0], 0xaa);
	cr_expect_eq(slab_take(s), 4u + MARGIN, "open again");
	cr_expect_eq(((uint8_t *)slab_at(s, 4 + MARGIN))[0], 0, "and its page is a fresh one");
	slab_free(&s);
}

Test(slab, give_during_a_trim_is_seen_by_the_next)
{
	enum { SLOTS = MARGIN + 100 };
	struct slab *s = new_slab(4096, SLOTS);

	take_and_fill(s, 4096, SLOTS);
	for (uint32_t slot = 10; slot < SLOTS; slot++)
		slab_give(s, slot);
	struct slab_range range = slab_trim_begin(s);
	for (uint32_t slot = 0; slot < 10; slot++)
		slab_give(s, slot);
	slab_trim_release(s, range);
	slab_trim_end(s, range);
	cr_expect_eq(resident_pages(s, 0, SLOTS), 10u + MARGIN);
	slab_trim(s);
	cr_expect_eq(resident_pages(s, 0, SLOTS), MARGIN);
	slab_free(&s);
}

Test(slab, agrees_with_a_model_over_a_long_random_walk)
{
	enum { SLOTS = 5000, STEPS = 200000 };
	static bool used[SLOTS];
	static const uint8_t seed[RNG_SEED_BYTES] = { 1 };
	struct slab *s = new_slab(16, SLOTS);
	uint32_t n_used = 0;
	struct rng rng;

	rng_init_seed(&rng, seed);
	for (int step = 0; step < STEPS; step++) {
		uint32_t slot = rng_below(&rng, SLOTS);

		/* Waves: long rises and long falls, so that both ends are met. */
		if (rng_below(&rng, 100) < (step / 20000 % 2 ? 20u : 80u)) {
			uint32_t lowest = 0;
			while (lowest < SLOTS && used[lowest])
				lowest++;
			slot = slab_take(s);
			cr_assert_eq(slot, lowest < SLOTS ? lowest : SLAB_NONE, "step %d", step);
			if (slot != SLAB_NONE) {
				used[slot] = true;
				n_used++;
			}
		} else if (used[slot]) {
			slab_give(s, slot);
			used[slot] = false;
			n_used--;
		}
		if (step % 1000 == 0)
			slab_trim(s);
		cr_assert_eq(slab_used(s), n_used, "step %d", step);
	}
	slab_free(&s);
}

/* Used from 3000 on: what lived longest is gone, as when all live equally long and fewer come. */
static struct slab *slab_with_a_hole(void)
{
	struct slab *s = new_slab(4096, 5000);

	take_and_fill(s, 4096, 4000);
	for (uint32_t slot = 0; slot < 3000; slot++)
		slab_give(s, slot);
	slab_trim(s);
	return s;
}

Test(slab, trim_returns_a_large_hole_but_for_the_margin)
{
	struct slab *s = slab_with_a_hole();

	cr_expect_eq(slab_used(s), 1000u);
	/* whole words of slots: those that share one with a used slot stay */
	cr_expect_eq(resident_pages(s, 0, MARGIN), MARGIN);
	cr_expect_eq(resident_pages(s, MARGIN, 2944), 0u);
	cr_expect_eq(resident_pages(s, 2944, 4000), 4000u - 2944u);
	for (uint32_t slot = 3000; slot < 4000; slot++)
		cr_assert_eq(((uint8_t *)slab_at(s, slot))[4095], 0xaa, "slot %u", slot);
	slab_trim(s); /* the same again */
	cr_expect_eq(resident_pages(s, 0, 5000), MARGIN + 4000u - 2944u);
	slab_free(&s);
}

Test(slab, what_is_in_memory_is_taken_before_a_hole_and_a_hole_before_more)
{
	struct slab *s = slab_with_a_hole();

	slab_give(s, 3500);
	for (uint32_t slot = 0; slot < MARGIN; slot++)
		cr_assert_eq(slab_take(s), slot);
	for (uint32_t slot = 2944; slot < 3000; slot++)
		cr_assert_eq(slab_take(s), slot);
	cr_expect_eq(slab_take(s), 3500u);
	for (uint32_t slot = MARGIN; slot < 2944; slot++) {
		cr_assert_eq(slab_take(s), slot);
		cr_assert_eq(((uint8_t *)slab_at(s, slot))[0], 0, "a fresh page");
	}
	for (uint32_t slot = 4000; slot < 5000; slot++)
		cr_assert_eq(slab_take(s), slot);
	cr_expect_eq(slab_take(s), SLAB_NONE);
	slab_free(&s);
}

Test(slab, a_hole_and_what_is_above_the_last_one_go_together)
{
	struct slab *s = slab_with_a_hole();

	for (uint32_t slot = 3000; slot < 4000; slot++)
		slab_give(s, slot);
	slab_trim(s);
	cr_expect_eq(resident_pages(s, 0, 5000), MARGIN);
	take_and_fill(s, 4096, 5000);
	cr_expect_eq(slab_take(s), SLAB_NONE);
	slab_free(&s);
}

Test(slab, a_small_hole_stays)
{
	struct slab *s = new_slab(16, 100000); /* 64 KiB are 4096 of them */

	take_and_fill(s, 16, 100000);
	for (uint32_t slot = 0; slot < MARGIN + 4095; slot++)
		slab_give(s, slot);
	size_t before = resident_pages(s, 0, 100000);
	slab_trim(s);
	cr_expect_eq(resident_pages(s, 0, 100000), before);
	slab_give(s, MARGIN + 4095);
	slab_trim(s);
	cr_expect_eq(resident_pages(s, 0, 100000), before - 16);
	slab_free(&s);
}

/* First in, first out, with waves and a trim now and then: what is in use is in one piece or two. */
Test(slab, memory_follows_what_is_used_when_all_live_equally_long)
{
	enum { SLOTS = 20000, STEPS = 400000, BYTES = 4096 };
	static uint32_t fifo[SLOTS];
	static bool used[SLOTS];
	struct slab *s = new_slab(BYTES, SLOTS);
	uint32_t head = 0, n = 0;

	for (int step = 0; step < STEPS; step++) {
		uint32_t wanted = step / 50000 % 2 ? 3000 : 15000;

		while (n > 0 && (n >= wanted || step % 2)) {
			uint32_t slot = fifo[head++ % SLOTS];

			cr_assert_eq(*(uint32_t *)slab_at(s, slot), slot, "step %d", step);
			slab_give(s, slot);
			used[slot] = false;
			n--;
			if (n < wanted || step % 2)
				break;
		}
		for (int i = 0; i < 2 && n < wanted; i++) {
			uint32_t slot = slab_take(s);

			cr_assert_neq(slot, SLAB_NONE);
			cr_assert_not(used[slot], "step %d: slot %u is in use", step, slot);
			used[slot] = true;
			*(uint32_t *)slab_at(s, slot) = slot;
			fifo[(head + n) % SLOTS] = slot;
			n++;
		}
		if (step % 5000 == 4999) {
			slab_trim(s);
			size_t pages = resident_pages(s, 0, SLOTS);
			cr_assert_leq(pages, n + MARGIN + 300, "step %d: %zu pages, %u used", step,
				pages, n);
		}
	}
	slab_free(&s);
}

Test(slab, reservation_beyond_the_address_space_is_an_error)
{
	struct slab *s = NULL;

	cr_expect_eq(slab_new((size_t)1 << 40, 1u << 20, &s), ERR_NOMEM);
	cr_expect_null(s);
}

Test(slab, free_of_null_is_nothing)
{
	struct slab *s = NULL;

	slab_free(&s);
	cr_expect_null(s);
}

Test(slab, give_of_a_free_slot_is_a_bug, .signal = SIGABRT)
{
	struct slab *s = new_slab(16, 10);

	(void)slab_take(s);
	slab_give(s, 1);
}

Test(slab, takes_what_it_says)
{
	static const uint32_t sizes[] = { 1, 64, 65, 4096, 100000, 1000000 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct memory_use use = { 0 };
		size_t before = heap_bytes();
		struct slab *s = new_slab(288, sizes[i]);

		slab_memory(288, sizes[i], sizes[i] / 2, &use);
		heap_expect("start", use.start, heap_bytes() - before, 64);
		cr_expect_eq(use.full - use.start, sizes[i] / 2 * 288u);
		cr_expect_eq(use.most - use.start, sizes[i] * 288u);
		slab_free(&s);
	}
}

Test(slab, resident_is_what_it_says_when_full)
{
	enum { N = 20000 };
	struct memory_use use = { 0 };
	struct slab *s = new_slab(288, N);
	size_t before = heap_resident();

	slab_memory(288, N, N, &use);
	take_and_fill(s, 288, N);
	heap_expect("full", use.full - use.start, heap_resident() - before, 8192);
	slab_free(&s);
}
