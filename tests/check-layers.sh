#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Includes go down, never up: a file may include its own layer and those before it in the list.
# Headers directly in src/ belong to the top layer. Usage: [SRC].
set -eu

src=${1:-${srcdir:-.}/src}
[ -d "$src" ] || { echo "$src: no such folder" >&2; exit 2; }

find "$src" -name '*.[ch]' | LC_ALL=C sort | xargs awk -v src="$src" '
	BEGIN {
		n = split("base wire net balance core services config top", list, " ")
		for (i = 1; i <= n; i++)
			rank[list[i]] = i
	}
	FNR == 1 {
		path = substr(FILENAME, length(src) + 2)
		own = path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "top"
		n_files++
		if (!(own in rank)) {
			print FILENAME ": " own " is no layer"
			bad = 1
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		other = part[2] ~ /\// ? substr(part[2], 1, index(part[2], "/") - 1) : "top"
		if (!(other in rank)) {
			print FILENAME ":" FNR ": " part[2] " is in no layer"
			bad = 1
		} else if (rank[other] > rank[own]) {
			print FILENAME ":" FNR ": " own " must not include " part[2]
			bad = 1
		}
	}
	END {
		print n_files + 0 " files looked at"
		exit bad || !n_files
	}'
