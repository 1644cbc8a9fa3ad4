/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * parse - numbers from text, whole and in range, or not at all. Any thread; no locks. */
#pragma once
#include <stdint.h>

/* Decimal digits only: no sign but a leading '-', no spaces, nothing behind. ERR_SYNTAX when the
 * text is not a number, ERR_RANGE when it is outside min..max. *value_out is set on success. */
int parse_i64(const char *text, int64_t min, int64_t max, int64_t *value_out);
