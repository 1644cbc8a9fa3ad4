/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * rr - the mnemonics of record types and rcodes that a configuration may use.
 * Pure functions; any thread. */
#pragma once
#include "config/problem.h"

/* "NS", "ns" or "TYPE2": the number. ERR_UNSUPPORTED for a type that only stands in queries, such
 * as ANY or AXFR; ERR_SYNTAX for another word, with those there are offered to the guess if that
 * is not NULL. */
int config_rrtype(const char *text, struct config_guess *guess);
/* "SERVFAIL" ... : 0..15; ERR_SYNTAX. */
int config_rcode(const char *text, struct config_guess *guess);
