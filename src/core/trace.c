/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One sentence per kind of event: who asked what, and what became of it. */
#include "core/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "core/worker.h"
#include "wire/cursor.h"
#include "wire/name.h"
#include "wire/text.h"

#define QUESTION_TEXT_MAX (NAME_TEXT_MAX + 32)

static void question_text(const struct worker_event *e, char out[QUESTION_TEXT_MAX])
{
	char name[NAME_TEXT_MAX], type[TEXT_TYPE_MAX];

	if (e->name_len == 0) {
		snprintf(out, QUESTION_TEXT_MAX, "(no question)");
		return;
	}
	struct cursor c = cursor_read_only(e->question + e->name_len, 4);
	text_rrtype(cursor_u16(&c), type);
	name_to_text(name, sizeof name, e->question, e->name_len);
	snprintf(out, QUESTION_TEXT_MAX, "%s %s", name, type);
}

void trace_log(const struct worker_event *e, const char *server)
{
	char client[ADDR_TEXT_MAX], question[QUESTION_TEXT_MAX], rcode[TEXT_RCODE_MAX];

	addr_format(&e->origin->client, client, sizeof client);
	question_text(e, question);
	text_rcode(e->rcode, rcode);
	switch (e->kind) {
	case WORKER_EVENT_QUERY:
		log_info("%s asks %s: sent to %s", client, question, server);
		break;
	case WORKER_EVENT_RETRY:
		log_info("%s asked %s: %s, now sent to %s", client, question, e->reason, server);
		break;
	case WORKER_EVENT_MERGED:
		log_info("%s asks %s again: still waiting for the server", client, question);
		break;
	case WORKER_EVENT_ANSWERED:
		log_info("%s asked %s: %s from %s after %lld us%s", client, question, rcode, server,
			(long long)e->elapsed_us, e->is_cut ? ", cut to TC=1" : "");
		break;
	case WORKER_EVENT_SELF:
		log_info("%s asked %s: answered %s by us: %s", client, question, rcode, e->reason);
		break;
	case WORKER_EVENT_SILENCE:
		log_info("%s asked %s: not answered: %s", client, question, e->reason);
		break;
	}
}
