/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * thread - starting named threads, and the notes by which the compiler and the asserts check who
 * may touch what. All threads but main run with every signal blocked: main alone takes them.
 *
 * REQUIRES(lock) on a function means: the caller holds the lock (checked by clang). */
#pragma once
#include <pthread.h>
#include <stddef.h>

#if defined(__clang__)
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#else
#define REQUIRES(...)
#endif

/* Each has a stack of its own. Eight times what the deepest call needs, a log line that goes to the
 * journal; the C library's default, 8 MiB, is no limit that says anything. */
#define THREAD_STACK_BYTES (256u << 10)
#define THREAD_STACK_START (16u << 10) /* of it, what a thread that sleeps has touched */

struct memory_use;
/* Adds the stacks of n threads. */
void thread_memory(size_t n, struct memory_use *use);

/* Starts `run(arg)` in a thread of that name (at most 15 characters are kept), all signals
 * blocked. ERR_SYSTEM with errno when the system has no thread to give. */
int thread_start(pthread_t *thread_out, const char *name, void *(*run)(void *), void *arg);
