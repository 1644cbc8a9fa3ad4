/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * check - what no single value can show: servers and listeners against each other, and
 * what a host can do with an address. Fills in the names of servers without one, and what config/health
 * does. Single thread (main). */
#pragma once
#include "config/reading.h"

void config_check(struct config_reading *r);
