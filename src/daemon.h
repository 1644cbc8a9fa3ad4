/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * daemon - a configuration, made to run: privileges, sockets, threads, signals, and the way back.
 * Main's thread only. */
#pragma once
#include <stdbool.h>

struct config;

struct daemon_params {
	const struct config *config;
	const char *config_path; /* absolute; NULL: the settings came from the command line */
	const char *user; /* to become when started as root */
	bool trace; /* log what happens to each query */
	const char *greeting; /* a line for stdout once it answers, or NULL */
};

/* Runs until SIGTERM or SIGINT. The exit code: 0 after a drain, 1 if it could not start; what was
 * wrong has been logged then. The caller has blocked the signals it waits for (daemon_block_signals),
 * before the first thread was made. */
int daemon_run(const struct daemon_params *params);
void daemon_block_signals(void);
