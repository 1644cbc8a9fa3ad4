/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a server's reply: parsed, searched for its OPT, and cut, with and without it. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/name.h"
#include "wire/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_truncate(const uint8_t *data, size_t size, const struct reply_view *view,
	const struct edns *edns, bool keep_edns)
{
	uint8_t *copy = malloc(size);
	struct reply_view cut;
	struct edns cut_edns;

	assert(copy);
	memcpy(copy, data, size);
	size_t len = reply_truncate(copy, size, view, keep_edns);
	assert(len <= size && reply_parse(copy, len, &cut) == 0);
	assert(cut.header.id == view->header.id);
	assert(cut.header.flags == (view->header.flags | MESSAGE_TC));
	assert(cut.header.n_answer == 0 && cut.header.n_authority == 0);
	assert(question_len(&cut.question) == question_len(&view->question));
	message_find_edns(copy, len, &cut.header, &cut.question, &cut_edns);
	assert((cut_edns.offset != 0) == (keep_edns && edns->offset != 0));
	assert(cut.header.n_additional == (cut_edns.offset != 0));
	if (cut_edns.offset != 0) {
		assert(cut_edns.end == len && cut_edns.end - cut_edns.offset == 11);
		assert(cut_edns.extended_rcode == edns->extended_rcode);
		assert(cut_edns.udp_size == edns->udp_size && cut_edns.version == edns->version);
		assert(cut_edns.dnssec_ok == edns->dnssec_ok);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply_view view;
	struct edns edns;

	if (reply_parse(data, size, &view) != 0)
		return 0;
	assert(view.header.flags & MESSAGE_QR);
	assert((view.header.n_question == 1) == (view.question.name_len != 0));
	assert(view.question.name_len <= NAME_MAX_BYTES);
	assert(MESSAGE_HEADER_BYTES + question_len(&view.question) <= size);
	message_find_edns(data, size, &view.header, &view.question, &edns);
	assert(edns.offset == 0 || (edns.end <= size && edns.end - edns.offset >= 11));
	int ede = message_ede(data, size, &edns, 0, UINT16_MAX);
	assert(ede >= -1 && ede <= UINT16_MAX);
	check_truncate(data, size, &view, &edns, true);
	check_truncate(data, size, &view, &edns, false);
	return 0;
}
