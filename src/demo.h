/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * demo - `dnsbal --demo`: a working balancer over three servers of our own, to look at in the
 * minute after the build. Main's thread only. */
#pragma once
#include <stdbool.h>

/* Runs until SIGTERM or SIGINT; the exit code. `listen`: an address, or NULL for 127.0.0.1:5300. */
int demo_run(const char *listen, bool trace);
