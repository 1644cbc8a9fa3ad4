/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * notify - tells the service manager how far we are (sd_notify(3)), in words that `systemctl
 * status` shows. Does nothing where there is no service manager or in a build without libsystemd:
 * nobody has to ask. Any thread; no locks; a manager that does not listen is no error of ours. */
#pragma once

void notify_ready(const char *status); /* serving; again after a reload */
void notify_stopping(const char *status);
