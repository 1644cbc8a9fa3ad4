/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a client's query, and then everything that is done with one that was understood. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/name.h"
#include "wire/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const struct query_view *view, size_t len)
{
	const struct edns *edns = &view->edns;

	assert(view->question.name_len <= NAME_MAX_BYTES);
	assert(!view->question.name_len ||
		MESSAGE_HEADER_BYTES + question_len(&view->question) <= len);
	assert(edns->offset == 0 || (edns->offset >= MESSAGE_HEADER_BYTES && edns->end <= len));
	assert(edns->offset == 0 || edns->end - edns->offset >= 11);
}

static void check_forward(const uint8_t *data, size_t size, const struct query_view *view)
{
	struct edns found;

	assert(view->header.n_question == 1 ? view->question.name_len : view->edns.offset);
	message_find_edns(data, size, &view->header, &view->question, &found);
	assert(found.offset == view->edns.offset && found.end == view->edns.end);
	int ede = message_ede(data, size, &found, 0, UINT16_MAX);
	assert(ede >= -1 && ede <= UINT16_MAX);
}

static void check_own_reply(const uint8_t *data, const struct query_view *view)
{
	uint8_t out[REPLY_SELF_MAX];
	char text[NAME_TEXT_MAX];
	size_t name_len = view->question.name_len;
	struct reply_view made;
	struct reply_self r = {
		.id = view->header.id,
		.query_flags = view->header.flags,
		.rcode = RCODE_SERVFAIL,
		.question = name_len ? data + MESSAGE_HEADER_BYTES : NULL,
		.question_len = question_len(&view->question),
		.edns = view->edns.offset != 0,
		.udp_size = 1232,
		.ede = EDE_MALFORMED /* the longest */,
	};

	size_t len = reply_make(&r, out, sizeof out);
	assert(len >= MESSAGE_HEADER_BYTES && reply_parse(out, len, &made) == 0);
	assert(made.header.id == view->header.id && made.question.name_len == name_len);
	name_to_text(text, sizeof text, data + MESSAGE_HEADER_BYTES, name_len);
	assert(strlen(text) < sizeof text);
}

static void check_rewrite(const uint8_t *data, size_t size, const struct query_view *view)
{
	uint8_t *copy = malloc(size);
	uint8_t mask[(NAME_MAX_BYTES + 7) / 8];
	struct query_view again;

	assert(copy);
	memcpy(copy, data, size);
	memset(mask, 0xa5, sizeof mask);
	name_flip_case(copy + MESSAGE_HEADER_BYTES, view->question.name_len, mask);
	assert(name_equal(
		copy + MESSAGE_HEADER_BYTES, data + MESSAGE_HEADER_BYTES, view->question.name_len));
	message_set_id(copy, (uint16_t)~view->header.id);
	message_set_flags(copy, MESSAGE_RD | MESSAGE_CD, (uint16_t)~view->header.flags);
	assert(query_parse(copy, size, &again) == QUERY_FORWARD);
	assert((again.header.id ^ view->header.id) == UINT16_MAX);
	assert((again.header.flags ^ view->header.flags) == (MESSAGE_RD | MESSAGE_CD));
	assert(again.question.name_len == view->question.name_len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct query_view view;
	enum query_verdict verdict = query_parse(data, size, &view);

	if (verdict == QUERY_IGNORE) {
		assert(size < MESSAGE_HEADER_BYTES || (view.header.flags & MESSAGE_QR));
		return 0;
	}
	check_view(&view, size);
	check_own_reply(data, &view);
	if (verdict == QUERY_FORWARD) {
		check_forward(data, size, &view);
		check_rewrite(data, size, &view);
	}
	return 0;
}
