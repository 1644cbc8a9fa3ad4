/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * codel - is the queue standing? Controlled delay after Nichols and Jacobson (RFC 8289), in the
 * form for servers of "Fail at Scale" (Maurer, ACM Queue 2015): when even the shortest wait of an
 * interval was over the target, the queue does not drain between bursts, it stands; then what
 * has waited too long is to be shed before work is spent on it. Owner only.
 *
 * A queue that was emptied drains, however long what was in it had waited: whoever serves it may
 * have been without a CPU, and shedding does not bring that back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct codel {
	int64_t target_ns, interval_ns;
	int64_t interval_end_ns;
	int64_t min_delay_ns; /* of this interval; INT64_MAX: nothing seen yet */
	bool is_standing; /* the verdict on the last interval */
};

void codel_init(struct codel *c, int64_t target_ns, int64_t interval_ns);
/* Takes note of one delay; 0 when nothing waits any more. */
void codel_note(struct codel *c, int64_t delay_ns, int64_t now_ns);
