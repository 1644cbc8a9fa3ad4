#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs one compiled test for `make check`. A fuzz replay gets the files of its corpus, the teller of
# stories their folder; the rest needs no arguments.
set -eu

program=$1
case ${program##*/} in
replay_*)
	corpus=$srcdir/tests/fuzz/corpus/${program##*/replay_}
	set -- "$corpus"/*
	if [ ! -e "$1" ]; then
		echo "$corpus: no corpus" >&2
		exit 1
	fi
	exec "$program" "$@"
	;;
stories)
	exec "$program" "$srcdir/tests/stories"
	;;
*)
	exec "$program"
	;;
esac
