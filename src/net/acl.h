/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * acl - is this address one of ours? A sorted table of merged ranges per family, so that a look-up
 * costs log2 of the number of prefixes. Immutable once made: any thread may look. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "net/addr.h"

struct acl;

/* An empty list allows nobody. ERR_NOMEM. The prefixes are copied. */
int acl_new(const struct prefix *prefixes, size_t n, struct acl **acl_out);
void acl_free(struct acl **a); /* *a may be NULL; sets it to NULL */
size_t acl_bytes(size_t n); /* what it takes */
bool acl_allows(const struct acl *a, const struct addr *client);
