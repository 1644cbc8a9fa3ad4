/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A notification is lines of NAME=VALUE: a status is cut at its first newline, so that no text
 * can bring in a line of its own. */
#include "notify.h"

#include <string.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>

static void notify(const char *state, const char *status)
{
	sd_notifyf(0, "%sSTATUS=%.*s", state, (int)strcspn(status, "\n"), status);
}
#else
static void notify(const char *state, const char *status)
{
	(void)state;
	(void)status;
}
#endif

void notify_ready(const char *status)
{
	notify("READY=1\n", status);
}

void notify_stopping(const char *status)
{
	notify("STOPPING=1\n", status);
}
