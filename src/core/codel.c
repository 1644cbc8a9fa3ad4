/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The first delay after an interval's end closes it. An interval in which nothing came, or that
 * ended long ago, says nothing about a queue that stands now: the verdict falls back to "no". */
#include "core/codel.h"

void codel_init(struct codel *c, int64_t target_ns, int64_t interval_ns)
{
	*c = (struct codel){
		.target_ns = target_ns,
		.interval_ns = interval_ns,
		.min_delay_ns = INT64_MAX,
	};
}

void codel_note(struct codel *c, int64_t delay_ns, int64_t now_ns)
{
	if (now_ns >= c->interval_end_ns) {
		bool is_recent = now_ns - c->interval_end_ns < c->interval_ns;

		c->is_standing = is_recent && c->min_delay_ns != INT64_MAX &&
				 c->min_delay_ns > c->target_ns;
		c->interval_end_ns = now_ns + c->interval_ns;
		c->min_delay_ns = INT64_MAX;
	}
	if (delay_ns < c->min_delay_ns)
		c->min_delay_ns = delay_ns;
}
