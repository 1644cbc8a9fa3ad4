/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whatever addr_parse and prefix_parse accept is written in a form that they read back as the
 * same value. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_addr(const char *text, uint16_t default_port)
{
	struct addr a, again;
	char out[ADDR_TEXT_MAX];

	if (addr_parse(text, default_port, &a) != 0)
		return;
	addr_format(&a, out, sizeof(out));
	check(addr_parse(out, 0, &again) == 0);
	check(addr_equal(&a, &again));
}

static void check_prefix(const char *text)
{
	struct prefix p, again;
	char out[ADDR_TEXT_MAX], ip[INET6_ADDRSTRLEN];

	if (prefix_parse(text, &p) != 0)
		return;
	check(inet_ntop(p.family, p.ip, ip, sizeof(ip)));
	snprintf(out, sizeof(out), "%s/%u", ip, p.bits);
	check(prefix_parse(out, &again) == 0);
	check(memcmp(&p, &again, sizeof(p)) == 0);
}

/* Asked by root for the index of an unknown interface, the kernel runs modprobe with its name:
 * only "lo" is let through. */
static bool names_a_stranger(const char *text)
{
	const char *scope = strchr(text, '%');

	if (scope == NULL || strcmp(scope, "%lo") == 0)
		return false;
	return strncmp(scope, "%lo]", 4) != 0 || strchr(scope + 4, ']') != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* of exact size: a read behind the end is seen */

	check(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (!names_a_stranger(text)) {
		check_addr(text, 0);
		check_addr(text, 53);
		check_prefix(text);
	}
	free(text);
	return 0;
}
