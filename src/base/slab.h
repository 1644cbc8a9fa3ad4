/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * slab - fixed-size slots in one reserved range of addresses, named by index.
 *
 * Made for things that come by the ten thousand and must leave no trace: a slot costs no memory
 * before its first use, the lowest free slot is handed out first (so a small load stays
 * in a few warm pages), and slab_trim() gives the pages above the highest used slot, and large holes
 * below it, back to the system. Allocation and release are a handful of bit operations, never a system call.
 *
 * Owner only (one thread, or the caller's lock); no locks inside. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX

struct memory_use;
struct slab;

/* Reserves addresses for `slots` slots of `slot_size` bytes (a multiple of 16) and commits
 * nothing. ERR_NOMEM when the system has no room for the reservation. */
int slab_new(size_t slot_size, uint32_t slots, struct slab **slab_out);
void slab_free(struct slab **s); /* *s may be NULL; sets it to NULL */
/* Adds what such a slab takes; it is full with `usual` of its slots. */
void slab_memory(size_t slot_size, uint32_t slots, uint32_t usual, struct memory_use *use);

/* The lowest free slot that is in memory, else the lowest, its bytes as the last tenant left them or, if
 * they were given back, 0; SLAB_NONE when all are used. */
uint32_t slab_take(struct slab *s);
void slab_give(struct slab *s, uint32_t slot); /* must be in use */
void *slab_at(const struct slab *s, uint32_t slot);
uint32_t slab_index(const struct slab *s, const void *slot);
uint32_t slab_used(const struct slab *s); /* slots in use now */

/* Gives whole pages well above the highest used slot back to the system (a margin of 256 slots
 * stays, so that taking goes on meanwhile). The first half must run under the caller's lock (if
 * there is one) and keeps those slots from being taken, the middle makes the system call without
 * it, the last half reopens them under the lock. */
struct slab_range {
	uint32_t first, end; /* slots; first == end: nothing to do */
};
struct slab_range slab_trim_begin(struct slab *s);
void slab_trim_release(const struct slab *s, struct slab_range range);
void slab_trim_end(struct slab *s, struct slab_range range);
/* All three in one, and the holes, for a slab with a single owner: never together with the three. */
void slab_trim(struct slab *s);
