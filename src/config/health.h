/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * health - how servers are probed, checked when all is read: what a server's own group does not say
 * is as for all. Fills in the wire form of the names that probes ask for. Single thread (main). */
#pragma once
#include "config/reading.h"

void config_health_check(struct config_reading *r);
