#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Nothing is forgotten by Makefile.am: every .c and .h below src/, every header on the line of its
# source, every test program below tests/. Usage: [TOP].
set -eu

top=${1:-${srcdir:-.}}
bad=0

say() {
	echo "$*"
	bad=1
}

# Is this word somewhere in Makefile.am outside the comments?
listed() {
	awk -v word="$1" '
		/^[ \t]*#/ { next }
		{ for (i = 1; i <= NF; i++) if ($i == word) found = 1 }
		END { exit !found }' "$top/Makefile.am"
}

cd "$top"
top=.
for file in $(find src -name '*.[ch]' | LC_ALL=C sort); do
	listed "$file" || say "Makefile.am: $file is missing"
	case $file in
	*.h) [ ! -e "${file%.h}.c" ] || grep -q "${file%.h}\.c $file" Makefile.am ||
		say "Makefile.am: $file does not stand beside its .c" ;;
	esac
done
for file in $(find tests -name 'test_*.c' -o -path 'tests/stress/*.c' | LC_ALL=C sort); do
	listed "${file%.c}" || say "Makefile.am: ${file%.c} is missing"
done
for file in $(find tests/fuzz -name 'fuzz_*.c' | LC_ALL=C sort); do
	name=${file##*/fuzz_}
	name=${name%.c}
	listed "tests/fuzz/fuzz_$name" || say "Makefile.am: fuzzer tests/fuzz/fuzz_$name is missing"
	listed "tests/fuzz/replay_$name" || say "Makefile.am: tests/fuzz/replay_$name is missing"
done
for file in $(find tests -path tests/system -prune -o -name '*.h' -print | LC_ALL=C sort); do
	listed "$file" || say "Makefile.am: $file is missing (a helper of tests: add to EXTRA_DIST)"
done
exit $bad
