#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The documents say what the program says. Every key of --print-options, and no other, is in
# dnsbal.conf(5) with its type, range, default and when it applies, and in conf/dnsbal.conf with its
# default, but for keys that a server inherits: of these the group is there, empty. It lacks its servers and nothing else; every option of --help is in
# dnsbal(8), and every counter, and no other, in its section COUNTERS.
# Usage: check-docs.sh [DNSBAL], or $DNSBAL; TOP is the tree ($srcdir).
set -eu

top=${TOP:-${srcdir:-.}}
dnsbal=${1:-${DNSBAL:-./dnsbal}}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

say() {
	echo "$*"
	bad=1
}

# Are these two sorted lists the same? Each line of one alone is told.
compare() { # EXPECTED FOUND NAME
	LC_ALL=C comm -23 "$1" "$2" | sed "s|^|$3: missing: |" >"$scratch/differences"
	LC_ALL=C comm -13 "$1" "$2" | sed "s|^|$3: the program does not say: |" >>"$scratch/differences"
	[ -s "$scratch/differences" ] || return 0
	cat "$scratch/differences"
	bad=1
}

# key<TAB>type<TAB>range<TAB>default<TAB>applies<TAB>description
"$dnsbal" --print-options >"$scratch/options"
[ -s "$scratch/options" ] || say "--print-options prints nothing"

# The manual: behind `.It Ic KEY`, up to the next macro, "TYPE; RANGE; default DEFAULT; APPLIES."
awk -F '\t' '{
	range = $3 == "-" ? "" : $3 "; "
	print $1 ": " $2 "; " range ($4 == "required" ? $4 : "default " $4) "; " $5 "."
}' "$scratch/options" | LC_ALL=C sort >"$scratch/expected"
awk '
	/^\./ { if (key != "") print key ":" text; key = "" }
	$1 == ".It" && $2 == "Ic" { key = $3; text = ""; next }
	key != "" { text = text " " $0 }
' "$top/doc/dnsbal.conf.5" | LC_ALL=C sort >"$scratch/manual"
compare "$scratch/expected" "$scratch/manual" doc/dnsbal.conf.5

# The example: "# " begins a comment, "#" before anything else a line that is only shown. A key is
# told with the text up to its semicolon; for a list of groups that is shown, its members are.
awk -F '\t' '
	$1 == "servers[]." $4 { sub(/\..*/, "", $4); print "servers[]." $4 " = { }"; next }
	{ print $1 " = " ($4 == "required" ? "REQUIRED" : $4) }
' "$scratch/options" | uniq |
	LC_ALL=C sort >"$scratch/expected"
sed -e '/^[ \t]*#*[ \t]*# /d' -e '/^#$/d' -e 's/^#//' "$top/conf/dnsbal.conf" >"$scratch/shown"
awk '
	function path(   text, i) {
		for (i = 1; i <= depth; i++)
			text = text name[i]
		return text
	}
	value != "" {                                  # a value of several lines
		sub(/^[ \t]+/, "")
		value = value " " $0
		if ($0 ~ /;$/) { print value; value = "" }
		next
	}
	/^[ \t]*$/ { next }
	/= \($/ { name[++depth] = $1 "[]."; if ($1 == "servers") print "servers = REQUIRED"; next }
	/= \{$/ { name[++depth] = $1 "."; next }
	/^[ \t]*\{$/ { name[++depth] = ""; next }
	/^[ \t]*[})][;,]?$/ { depth--; next }
	$2 == "=" {
		sub(/^[ \t]+/, "")
		value = path() $0
		if ($0 ~ /;$/) { print value; value = "" }
		next
	}
	{ print "cannot read: " $0 }
	END { if (depth != 0 || value != "") print "a bracket or semicolon is missing" }
' "$scratch/shown" | sed -E -e 's/;$//' -e 's/^((listen|servers)\[\]\.address) = .*/\1 = REQUIRED/' |
	LC_ALL=C sort >"$scratch/example"
compare "$scratch/expected" "$scratch/example" conf/dnsbal.conf

# As shipped it says that servers are missing, and nothing else; with the servers shown it is good.
cp "$top/conf/dnsbal.conf" "$scratch/dnsbal.conf"
if "$dnsbal" -t -c "$scratch/dnsbal.conf" >"$scratch/check" 2>&1; then
	say "conf/dnsbal.conf is good as shipped: its servers are somebody's"
elif [ "$(grep -c . "$scratch/check")" -ne 1 ] || ! grep -q ' servers: missing' "$scratch/check"; then
	cat "$scratch/check"
	say "conf/dnsbal.conf has other problems than missing servers"
fi
# Its user is there once the package is installed: here root stands in for it.
sed -e '/^#servers = (/,/^#);/s/^#//' -e 's/^user = .*/user = "root";/' \
	"$top/conf/dnsbal.conf" >"$scratch/dnsbal.conf"
"$dnsbal" -t -c "$scratch/dnsbal.conf" >"$scratch/check" 2>&1 || {
	cat "$scratch/check"
	say "conf/dnsbal.conf is no good configuration with the servers it shows"
}
head -n 1 "$top/conf/dnsbal.conf" | grep -q 'systemctl enable --now dnsbal$' ||
	say "conf/dnsbal.conf: the first line does not say how to start"

# Options, from "  -c FILE" and "  -t, --check" and "      --demo".
"$dnsbal" --help >"$scratch/help"
for option in $(grep -Eo '(^|[ ,[])--?[A-Za-z][a-z-]*' "$scratch/help" | tr -d ' ,[' | sort -u); do
	case $option in
	--*) macro="Fl Fl ${option#--}" ;;
	*) macro="Fl ${option#-}" ;;
	esac
	grep -Eq "^\.It .*$macro( |\$)" "$top/doc/dnsbal.8" || say "doc/dnsbal.8: $option is missing"
done

# Counters, from rows like "X(queries, ..." of a macro, and the fields that report.c adds to those
# of a server; the manual's items are those of a subsection.
rows() { # MACRO HEADER
	awk -v macro="$1(X)" '
		$1 == "#define" { is_inside = $2 == macro; next }
		is_inside && match($1, /^X\([a-z0-9_]+,$/) { print substr($1, 3, length($1) - 3) }
		!/\\$/ { is_inside = 0 }
	' "$top/src/$2"
}
items() { # SUBSECTION
	awk -v subsection="$1" '
		$1 == ".Sh" { is_inside = 0; is_counters = $2 == "COUNTERS" }
		$1 == ".Ss" { is_inside = is_counters && $0 == ".Ss " subsection }
		is_inside && $1 == ".It" { print $3 }
	' "$top/doc/dnsbal.8"
}
check_items() { # SUBSECTION, with the names on standard input
	LC_ALL=C sort >"$scratch/expected"
	[ -s "$scratch/expected" ] || say "no counters found for: $1"
	items "$1" | LC_ALL=C sort >"$scratch/manual"
	compare "$scratch/expected" "$scratch/manual" "doc/dnsbal.8: $1"
}
rows METRIC_LIST base/metric.h >"$scratch/rows"
check_items "Counters of the process" <"$scratch/rows"
rows SERVER_METRIC_LIST balance/server.h >"$scratch/rows"
[ -s "$scratch/rows" ] || say "SERVER_METRIC_LIST has no rows"
sed -n 's/.*json_object_set_new(o, "\([a-z_]*\)".*/\1/p' "$top/src/services/report.c" \
	>>"$scratch/rows"
check_items "Fields of each server" <"$scratch/rows"
exit $bad
