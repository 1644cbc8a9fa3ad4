#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The manual pages please mandoc. Skipped where there is no mandoc.
set -eu

command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
cd "${srcdir:-.}"
mandoc -T lint -W warning doc/*.[1-9]
