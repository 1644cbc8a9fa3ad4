/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The texts come from the same rows as the codes, so the two cannot drift apart. */
#include "base/err.h"

const char *err_text(int code)
{
	static const char *const texts[ERR_COUNT] = {
		[0] = "no error",
#define X(name, text) [ERR_INDEX_##name] = (text),
		ERR_LIST(X)
#undef X
	};

	if (code > 0 || code <= -ERR_COUNT)
		return "unknown error";
	return texts[-code];
}
