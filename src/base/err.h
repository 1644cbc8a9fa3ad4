/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * err - what a function that can fail returns: 0, or one of these negative codes.
 *
 * To add one: a row in ERR_LIST. Code and text come from the row; texts finish the sentence
 * "cannot do this: ...". Where the system refused, functions return ERR_SYSTEM and leave errno.
 * Any thread; no locks. */
#pragma once

#define ERR_LIST(X)                                                                                \
	X(NOMEM, "out of memory")                                                                  \
	X(SYSTEM, "the system refused")                                                            \
	X(SYNTAX, "not in the expected form")                                                      \
	X(RANGE, "outside the allowed range")                                                      \
	X(MISSING, "not there")                                                                    \
	X(SHORT, "the message ends too early")                                                     \
	X(MALFORMED, "the message is malformed")                                                   \
	X(UNSUPPORTED, "not supported here")                                                       \
	X(CONFIG, "the configuration has errors")

enum err_code {
	ERR_OK_ = 0, /* so that the list below counts from 1 */
#define X(name, text) ERR_INDEX_##name,
	ERR_LIST(X)
#undef X
	ERR_COUNT
};

#define X(name, text) ERR_##name = -ERR_INDEX_##name,
enum err { ERR_OK = 0, ERR_LIST(X) };
#undef X

/* The text of a code; "no error" for 0, "unknown error" for what is not in the list. Static. */
const char *err_text(int code);
