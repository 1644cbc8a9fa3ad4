/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Any bytes as a configuration file: loaded or refused with messages, and all memory given back.
 * The file is a memory one, named through /proc, so that nothing is written anywhere. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	struct config config;
	struct config_messages messages;
	int fd = memfd_create("config", MFD_CLOEXEC);
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC); /* config_load() goes elsewhere */

	if (fd == -1 || here == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const int error = config_load(path, &config, &messages);
	if (error != 0 && error != ERR_CONFIG && error != ERR_SYSTEM)
		abort();
	if ((error != 0 && messages.n == 0) || (error == 0) != (config.n_servers > 0))
		abort();
	config_messages_free(&messages);
	config_free(&config);
	close(fd);
	if (fchdir(here) == -1)
		abort();
	close(here);
	return 0;
}
