#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs the system tests for `make check-system`: first those that do not mind company, several at a
# time, then, one by one, those that load the machine or measure it. What is found is written to
# OUT-together.xml and OUT-alone.xml. Further arguments are for pytest: -k NAME, -x ...
set -u

out=$1
shift
python=/usr/bin/python3
rm -f "$out-together.xml" "$out-alone.xml"

run() { # NAME ARGUMENT...: 5 says that nothing was selected
	name=$1
	shift
	$python -m pytest -p no:cacheprovider --junitxml="$out-$name.xml" "$@" tests/system
	rc=$?
	[ $rc = 5 ] && [ "${selected:=}" != none ] && selected=none && rc=0
	return $rc
}

side_by_side=
if $python -c 'import xdist' 2>/dev/null; then
	side_by_side="-n $((2 * $(nproc)))"
fi
status=0
run together $side_by_side -m "not alone" "$@" || status=$?
run alone -m alone "$@" || status=$?
exit $status
