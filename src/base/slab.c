/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Free slots are bits that are set, in three levels: a bit of level 1 is set when its word of
 * level 0 has a free slot, and so on; 64^4 slots are more than anybody configures. Taking the
 * lowest free slot is four count-trailing-zeros. `peak` is one past the highest slot that was
 * taken since the last trim: only pages below it can be resident.
 *
 * Below it, slots that lived equally long become free in the order in which they were taken, so under
 * load a slab that is used less than before is empty at the bottom. Words of slots there are cold: given
 * back, and no free bits. They are warmed, lowest first, only when no other slot below the peak is free,
 * for a slot that was given just now is in memory, and taking the lowest would fill the hole from below as
 * fast as it grows above. */
#include "base/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/memory.h"

#define LEVELS 4
#define TRIM_MARGIN 256 /* slots left open above the highest used one while a trim runs */
#define WORD_BITS 64
#define HOLE_BYTES (64u << 10) /* so much in one piece is worth a system call */

struct slab {
	uint8_t *base; /* set at creation */
	size_t slot_size;
	size_t reserved; /* bytes of address space */
	uint32_t slots;

	uint64_t *level[LEVELS]; /* owner: level[0] has a bit per slot; one allocation */
	uint32_t used;
	uint32_t peak;
	uint32_t limit; /* slots from here on are closed by a running trim; else == slots */

	uint64_t *cold; /* a bit per word of level[0]; set: all its slots are free and given back */
	uint32_t n_cold;
};

static size_t words_for(size_t bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS;
}

/* Of the lowest `levels` of them. */
static size_t words_of_levels(uint32_t slots, int levels)
{
	size_t bits = slots, words = 0;

	for (int l = 0; l < levels; l++) {
		bits = words_for(bits);
		words += bits;
	}
	return words;
}

static void mark_free(struct slab *s, uint32_t slot)
{
	for (int l = 0; l < LEVELS; l++) {
		uint64_t *word = &s->level[l][slot / WORD_BITS];
		bool had = *word != 0;

		*word |= 1ULL << (slot % WORD_BITS);
		if (had)
			return;
		slot /= WORD_BITS;
	}
}

static void mark_used(struct slab *s, uint32_t slot)
{
	for (int l = 0; l < LEVELS; l++) {
		uint64_t *word = &s->level[l][slot / WORD_BITS];

		*word &= ~(1ULL << (slot % WORD_BITS));
		if (*word != 0)
			return;
		slot /= WORD_BITS;
	}
}

static void freeze(struct slab *s, uint32_t word)
{
	s->level[0][word] = 1;
	mark_used(s, word * WORD_BITS);
	s->cold[word / WORD_BITS] |= 1ULL << (word % WORD_BITS);
	s->n_cold++;
}

static void warm(struct slab *s, uint32_t word)
{
	mark_free(s, word * WORD_BITS);
	s->level[0][word] = UINT64_MAX;
	s->cold[word / WORD_BITS] &= ~(1ULL << (word % WORD_BITS));
	s->n_cold--;
}

/* The word, of which there is one. */
static uint32_t warm_lowest(struct slab *s)
{
	uint32_t i = 0;

	while (s->cold[i] == 0)
		i++;
	uint32_t word = i * WORD_BITS + (uint32_t)__builtin_ctzll(s->cold[i]);
	warm(s, word);
	return word;
}

static void warm_all(struct slab *s)
{
	for (uint32_t i = 0; s->n_cold > 0; i++) {
		while (s->cold[i] != 0)
			warm(s, i * WORD_BITS + (uint32_t)__builtin_ctzll(s->cold[i]));
	}
}

/* Bits, and what is cold, in one allocation. */
static size_t words_in_all(uint32_t slots)
{
	return words_of_levels(slots, LEVELS) + words_for(words_for(slots));
}

int slab_new(size_t slot_size, uint32_t slots, struct slab **slab_out)
{
	assert(slot_size > 0 && slot_size % 16 == 0 && slots > 0);
	assert((uint64_t)slots <= 1ULL << (6 * LEVELS));

	struct slab *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_NOMEM;
	s->slot_size = slot_size;
	s->slots = s->limit = slots;
	s->reserved = slot_size * slots;
	s->level[0] = calloc(words_in_all(slots), sizeof *s->level[0]);
	if (!s->level[0])
		goto fail;
	for (int l = 1; l < LEVELS; l++)
		s->level[l] = s->level[0] + words_of_levels(slots, l);
	s->cold = s->level[0] + words_of_levels(slots, LEVELS);
	s->base = mmap(NULL, s->reserved, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->base == MAP_FAILED) {
		s->base = NULL;
		goto fail;
	}
	madvise(s->base, s->reserved, MADV_NOHUGEPAGE); /* a huge page would defeat the trim */
	for (uint32_t i = 0; i < slots; i++)
		mark_free(s, i);
	*slab_out = s;
	return 0;
fail:
	slab_free(&s);
	return ERR_NOMEM;
}

void slab_free(struct slab **sp)
{
	struct slab *s = *sp;

	if (!s)
		return;
	if (s->base)
		munmap(s->base, s->reserved);
	free(s->level[0]);
	free(s);
	*sp = NULL;
}

void slab_memory(size_t slot_size, uint32_t slots, uint32_t usual, struct memory_use *use)
{
	memory_add_fixed(use, sizeof(struct slab) + words_in_all(slots) * sizeof(uint64_t));
	memory_add_growing(use, slot_size * usual, slot_size * slots);
}

static uint32_t lowest_free(const struct slab *s)
{
	uint32_t slot = 0;

	if (s->level[LEVELS - 1][0] == 0)
		return SLAB_NONE;
	for (int l = LEVELS - 1; l >= 0; l--)
		slot = slot * WORD_BITS + (uint32_t)__builtin_ctzll(s->level[l][slot]);
	return slot;
}

uint32_t slab_take(struct slab *s)
{
	uint32_t slot = lowest_free(s);

	if (slot >= s->peak && s->n_cold > 0)
		slot = warm_lowest(s) * WORD_BITS;
	if (slot >= s->limit)
		return SLAB_NONE;
	mark_used(s, slot);
	s->used++;
	if (slot >= s->peak)
		s->peak = slot + 1;
	return slot;
}

void slab_give(struct slab *s, uint32_t slot)
{
	assert(slot < s->slots);
	assert(!(s->level[0][slot / WORD_BITS] >> (slot % WORD_BITS) & 1));
	mark_free(s, slot);
	s->used--;
}

void *slab_at(const struct slab *s, uint32_t slot)
{
	return s->base + (size_t)slot * s->slot_size;
}

uint32_t slab_index(const struct slab *s, const void *slot)
{
	return (uint32_t)((size_t)((const uint8_t *)slot - s->base) / s->slot_size);
}

uint32_t slab_used(const struct slab *s)
{
	return s->used;
}

/* One past the highest slot in use, looking down from `peak`. */
static uint32_t highest_used(const struct slab *s)
{
	uint32_t end = s->peak;

	while (end > 0) {
		uint32_t word = (end - 1) / WORD_BITS;
		uint64_t used = ~s->level[0][word];
		unsigned bits = (end - 1) % WORD_BITS + 1;

		if (bits < WORD_BITS)
			used &= (1ULL << bits) - 1;
		if (used != 0)
			return word * WORD_BITS + WORD_BITS - (uint32_t)__builtin_clzll(used);
		end = word * WORD_BITS;
	}
	return 0;
}

struct slab_range slab_trim_begin(struct slab *s)
{
	assert(s->n_cold == 0); /* only slab_trim() makes and ends it */
	struct slab_range range = { .first = highest_used(s) + TRIM_MARGIN, .end = s->peak };

	if (range.first >= range.end)
		return (struct slab_range){ 0 };
	s->peak = s->limit = range.first;
	return range;
}

/* The whole pages between two places in it. */
static void give_back(const struct slab *s, size_t from, size_t to)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	from = (from + page - 1) / page * page;
	to = to / page * page;
	if (from < to)
		madvise(s->base + from, to - from, MADV_DONTNEED);
}

void slab_trim_release(const struct slab *s, struct slab_range range)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (range.first != range.end) /* nothing is used behind it on its last page, either */
		give_back(s, range.first * s->slot_size, range.end * s->slot_size + page - 1);
}

void slab_trim_end(struct slab *s, struct slab_range range)
{
	(void)range;
	s->limit = s->slots;
}

/* Words of free slots in one piece below the peak, but for the margin. */
static void freeze_holes(struct slab *s)
{
	uint32_t n_words = s->peak / WORD_BITS, n_free = 0;

	for (uint32_t first = 0, end; first < n_words; first = end + 1) {
		uint32_t from = first;

		for (end = first; end < n_words && s->level[0][end] == UINT64_MAX; end++) {
			if (n_free < TRIM_MARGIN) {
				n_free += WORD_BITS;
				from++;
			}
		}
		if ((end - from) * WORD_BITS * s->slot_size >= HOLE_BYTES) {
			give_back(
				s, from * WORD_BITS * s->slot_size, end * WORD_BITS * s->slot_size);
			while (from < end)
				freeze(s, from++);
		}
		if (end < n_words)
			n_free += (uint32_t)__builtin_popcountll(s->level[0][end]);
	}
}

void slab_trim(struct slab *s)
{
	warm_all(s);
	struct slab_range range = slab_trim_begin(s);
	slab_trim_release(s, range);
	slab_trim_end(s, range);
	freeze_holes(s);
}
