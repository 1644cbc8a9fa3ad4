#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The manual pages please mandoc, in style too. That a manual of others is not installed here, or that no
# index of them was made, is no fault of ours. Skipped where there is no mandoc.
set -eu

command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
cd "${srcdir:-.}"
found=$(mandoc -T lint doc/*.[1-9] 2>&1 | grep -v -e 'referenced manual not found' -e 'outdated mandoc.db' || :)
[ -z "$found" ] || { echo "$found"; exit 1; }
