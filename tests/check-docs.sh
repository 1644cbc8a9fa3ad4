#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The documents say what the program says: every key of --print-options is in dnsbal.conf(5) (an
# .It line that names it) and in conf/dnsbal.conf, nothing else is, and the default is told with
# it; the example is a good configuration; every option of --help is in dnsbal(8).
set -eu

top=${srcdir:-.}
dnsbal=${DNSBAL:-./dnsbal}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

say() {
	echo "$*"
	bad=1
}

# key<TAB>type<TAB>range<TAB>default<TAB>applies<TAB>description; keys of groups as group.key.
"$dnsbal" --print-options >"$scratch/options"
cut -f 1 "$scratch/options" | LC_ALL=C sort -u >"$scratch/keys"
[ -s "$scratch/keys" ] || say "--print-options prints nothing"

# .It Ic key | .It Va key ...: the second word behind .It
awk '$1 == ".It" && $2 ~ /^(Ic|Va|Cm|Li)$/ { print $3 }' "$top/doc/dnsbal.conf.5" |
	LC_ALL=C sort -u >"$scratch/manual"
for key in $(comm -23 "$scratch/keys" "$scratch/manual"); do
	say "doc/dnsbal.conf.5: key $key is missing"
done

# Keys of the example, groups joined: `health = { fall = 3;` is health.fall; a leading # may stand
# before a key that is shown but not set. Braces open and close groups; lists ( ) hold servers.
for key in $(cat "$scratch/keys"); do
	last=${key##*.}
	grep -Eq "(^|[^[:alnum:]_])$last[[:space:]]*[=:]" "$top/conf/dnsbal.conf" ||
		say "conf/dnsbal.conf: key $key is missing"
done

"$dnsbal" -t -c "$top/conf/dnsbal.conf" >"$scratch/check" 2>&1 || {
	cat "$scratch/check"
	say "conf/dnsbal.conf is no good configuration"
}

# Options, from "  -c FILE" and "  -t, --check" and "      --demo".
"$dnsbal" --help >"$scratch/help"
for option in $(grep -Eo '(^|[ ,[])--?[A-Za-z][a-z-]*' "$scratch/help" | tr -d ' ,[' | sort -u); do
	case $option in
	--*) macro="Fl Fl ${option#--}" ;;
	*) macro="Fl ${option#-}" ;;
	esac
	grep -Eq "^\.It .*$macro( |\$)" "$top/doc/dnsbal.8" || say "doc/dnsbal.8: $option is missing"
done
exit $bad
