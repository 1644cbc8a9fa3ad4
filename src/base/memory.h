/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * memory - what a part of the program takes, in bytes, worked out before it is made. Each part says
 * it itself, in a function X_memory beside X_new that counts by the sizes X_new allocates by. */
#pragma once
#include <stddef.h>

struct memory_use {
	size_t start; /* once it is made */
	size_t full; /* when all that it may hold at the same time is there, of the usual size */
	size_t most; /* when all of it has the greatest size, and nothing was given back for long */
};

/* Taken when it is made, and all of it. */
static inline void memory_add_fixed(struct memory_use *m, size_t bytes)
{
	m->start += bytes;
	m->full += bytes;
	m->most += bytes;
}

/* Set aside when it is made; only what is used costs. */
static inline void memory_add_growing(struct memory_use *m, size_t full, size_t most)
{
	m->full += full;
	m->most += most;
}

static inline void memory_add(struct memory_use *m, const struct memory_use *other, size_t times)
{
	m->start += other->start * times;
	m->full += other->full * times;
	m->most += other->most * times;
}
