#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The documents say what the program says. Every key of --print-options has an item in
# dnsbal.conf(5) (".It Ic health.fall"), and no other key has; every key is in conf/dnsbal.conf,
# with its default unless it is one of a list's group; that file is a good configuration; every option of
# --help is in dnsbal(8).
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

# Lines of key<TAB>type<TAB>range<TAB>default<TAB>applies<TAB>description; the keys of a group are
# health.fall, those of groups in a list servers[].name.
"$dnsbal" --print-options >"$scratch/options"
cut -f 1 "$scratch/options" | LC_ALL=C sort -u >"$scratch/keys"
[ -s "$scratch/keys" ] || say "--print-options prints nothing"

awk '$1 == ".It" && $2 == "Ic" { print $3 }' "$top/doc/dnsbal.conf.5" |
	LC_ALL=C sort -u >"$scratch/manual"
LC_ALL=C comm -23 "$scratch/keys" "$scratch/manual" | sed 's,^,doc/dnsbal.conf.5: missing: ,' \
	>"$scratch/differences"
LC_ALL=C comm -13 "$scratch/keys" "$scratch/manual" | sed 's,^,doc/dnsbal.conf.5: no such key: ,' \
	>>"$scratch/differences"
if [ -s "$scratch/differences" ]; then
	cat "$scratch/differences"
	bad=1
fi

# One line without comment signs, so that a key may be shown without being set, and spaces single.
sed 's/^[[:space:]]*#//' "$top/conf/dnsbal.conf" | tr -s ' \t\n' '   ' >"$scratch/example"
while IFS='	' read -r key type range default rest; do
	last=${key##*.}
	case $key in
	*'[].'*) wanted="$last =" ;;
	*) wanted="$last = $default;" ;;
	esac
	[ "$default" != required ] || wanted="$last ="
	awk -v wanted=" $wanted" 'index(" " $0, wanted) { found = 1 } END { exit !found }' \
		"$scratch/example" || say "conf/dnsbal.conf: not there: $wanted"
done <"$scratch/options"

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
