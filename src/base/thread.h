/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * thread - starting named threads, and the notes by which the compiler and the asserts check who
 * may touch what. All threads but main run with every signal blocked: main alone takes them.
 *
 * REQUIRES(lock) on a function means: the caller holds the lock (checked by clang). */
#pragma once
#include <pthread.h>

#if defined(__clang__)
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#else
#define REQUIRES(...)
#endif

/* Starts `run(arg)` in a thread of that name (at most 15 characters are kept), all signals
 * blocked. ERR_SYSTEM with errno when the system has no thread to give. */
int thread_start(pthread_t *thread_out, const char *name, void *(*run)(void *), void *arg);
