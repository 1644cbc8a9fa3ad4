/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * privilege - what the process may do, less with every step of its start:
 *
 *   privilege_raise_files()   as root still, the limit of open files
 *   privilege_become()        the user of the configuration; of the capabilities, those of binding
 *   privilege_can_read()      a reload will read the configuration as this user
 *   ... the first bind ...
 *   privilege_drop_rest()     nothing is left, or the one to bind low ports again after a reload
 *
 * The user changes before the sockets are made, so that all sockets that share an address have
 * one owner and those of a reload can join them (SO_REUSEPORT asks for the same uid).
 *
 * Main only, and before any other thread starts: Linux keeps capabilities and no_new_privs by
 * thread, and a new thread inherits those of its maker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Something to tell the operator: with an error what went wrong and what to do, with 0 a warning
 * or nothing (""). One line. */
struct privilege_message {
	char text[512];
};

/* Ports below this one need CAP_NET_BIND_SERVICE (net.ipv4.ip_unprivileged_port_start, for IPv6
 * too); 1024 where the kernel does not say. */
int privilege_low_port_start(void);

/* Raises RLIMIT_NOFILE to `need`, or as far as allowed; never lowers it. *got_out: the limit now,
 * less than `need` if the system refused more. ERR_SYSTEM with errno when there is no limit to
 * read. */
int privilege_raise_files(uint64_t need, uint64_t *got_out);

/* Started as root: becomes `user` with its groups. Started as anybody else: `user` is ignored.
 * Either way keeps, of what it has, only CAP_NET_BIND_SERVICE (if need_low_port) and CAP_NET_ADMIN
 * (receive buffers beyond the system's limit), empties the bounding and ambient sets and sets
 * no_new_privs. A process that could dump core still can. What the system does not let go of is
 * told in the message. ERR_MISSING: no such user. ERR_SYSTEM: the system refuses to change the
 * user or the capabilities; the process is then in no state to go on. */
int privilege_become(const char *user, bool need_low_port, struct privilege_message *message_out);

/* Clears every capability, but CAP_NET_BIND_SERVICE if it is there and keep_low_port. May be called
 * again, to let go of that one too. ERR_SYSTEM with the message. */
int privilege_drop_rest(bool keep_low_port, struct privilege_message *message_out);

/* Whether the process, as it is now, may read that file: call it after privilege_become(). `user`
 * is for the message only (NULL: the process's own). ERR_SYSTEM with errno and the message. */
int privilege_can_read(const char *path, const char *user, struct privilege_message *message_out);
