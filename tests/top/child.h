/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * child - for tests of what a process cannot undo: it is done in a child, which tells what came of
 * it in memory shared with the test. */
#pragma once
#include <criterion/criterion.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>

/* Zeroed memory that a child writes and its parent reads; stays until the test's process ends. */
static inline void *child_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return p;
}

/* Waits for the child; its exit status says which preparation failed, 0 none. */
static inline void child_expect_success(pid_t child)
{
	int status = 0;

	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %#x",
		(unsigned)status);
}
