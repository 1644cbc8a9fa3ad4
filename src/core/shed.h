/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * shed - what a client hears of a query that is dropped on purpose under overload. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "core/worker.h"

struct datagram;

/* The answer that on_overload asks for, written to out; its length, 0: none (drop, or not a query). */
size_t shed_reply(const struct datagram *d, enum on_overload action, uint16_t udp_size, uint8_t *out,
	size_t size);
