#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The machines that decide what happens to a query are pure: sockets, clocks, randomness, memory
# and log are handed in (DESIGN.md 3). The proof is in their objects: what they leave undefined
# must come from another pure object, from the harmless part of a helper, or from the short list
# of functions that compilers call on their own. Usage: [BUILD-FOLDER].
set -eu

build=${1:-.}
NM=${NM:-nm}

# Pure objects, a line each: path, then what this one may use beyond the common lists (`x*` allows
# every name that starts so). Constructors allocate; nothing that runs per query may.
pure='
src/wire/cursor.o
src/wire/message.o
src/wire/name.o
src/wire/reply.o
src/balance/alias.o              malloc calloc free
src/balance/choice.o
src/balance/ejection.o
src/balance/health.o
src/balance/latency.o             calloc free
src/balance/maglev.o             malloc calloc free qsort
src/balance/policy.o             calloc free
src/balance/policy_alias.o       calloc free alias_new alias_free
src/balance/policy_first_available.o
src/balance/policy_hash.o        calloc free maglev_new maglev_free hash_key_from_text
src/balance/policy_least_outstanding.o
src/balance/policy_p2c.o         policy_alias_free
src/balance/policy_random.o      policy_alias_free
src/balance/policy_round_robin.o aligned_alloc calloc free
src/balance/pool.o               aligned_alloc calloc free policy_new policy_free
src/balance/pool_choose.o
src/balance/server.o
src/balance/signs.o
src/core/budget.o
src/balance/standing.o
src/balance/watch.o               calloc free latency_new latency_free
src/balance/watch_state.o
src/core/codel.o
src/core/fair.o
src/core/known.o
src/core/pending.o               calloc free mmap munmap madvise rng_init slab_new slab_free slab_trim
src/core/shed.o
src/core/wheel.o
src/core/worker.o
src/core/worker_attempt.o
src/core/worker_new.o            calloc free
src/core/worker_probe.o
src/core/worker_reply.o
src/core/worker_payment.o
src/core/worker_retry.o
src/core/worker_socket.o
'

# Helpers, not pure as a whole: what they define may be used, except for these.
helpers='src/base/err.o src/base/hash.o src/base/histogram.o src/base/metric.o src/base/parse.o src/base/rng.o
	src/base/slab.o src/net/addr.o'
impure='rng_init hash_key_from_text slab_trim slab_trim_release addr_parse prefix_parse'

# Functions of the C library without state, and what compilers, asserts, sanitizers and coverage call.
compiler='memcpy memmove memset memcmp memchr bcmp strlen strcmp strncmp strchr __memcpy_chk __memmove_chk __memset_chk
	__stack_chk_fail __stack_chk_guard __assert_fail _GLOBAL_OFFSET_TABLE_
	__asan_* __ubsan_* __tsan_* __sanitizer_* __sancov_* __start___sancov* __stop___sancov*
	__gcov_* __llvm_* __popcountdi2 __udivti3'

symbols() { # FILE undefined|defined: one name a line
	$NM "$build/$1" | awk -v want="$2" '
		{ kind = $(NF - 1); name = $NF }
		kind ~ /^[Uwv]$/ ? want == "undefined" : want == "defined" && kind ~ /^[A-Z]$/ { print name }'
}

defined=$(mktemp)
trap 'rm -f "$defined"' EXIT
n=0
for object in $(echo "$pure" | awk '{ print $1 }') $helpers; do
	[ -e "$build/$object" ] || continue
	symbols "$object" defined >>"$defined"
	n=$((n + 1))
done
[ "$n" -gt 0 ] || { echo "$build: no objects to look at"; exit 2; }

bad=0
while read -r object extra; do
	[ -n "$object" ] || continue
	if [ ! -e "$build/$object" ]; then
		# Renamed without a word here, it would never be looked at again.
		[ ! -e "$build/src/core/worker.o" ] || { echo "$object: not built"; bad=1; }
		continue
	fi
	symbols "$object" undefined | awk -v object="$object" -v defined="$defined" \
		-v extra="$extra" -v impure="$impure" -v compiler="$compiler" '
		function in_list(name, list,    i, n, word) {
			n = split(list, word, /[ \t\n]+/)
			for (i = 1; i <= n; i++) {
				if (word[i] == name)
					return 1
				if (word[i] ~ /\*$/ &&
				    index(name, substr(word[i], 1, length(word[i]) - 1)) == 1)
					return 1
			}
			return 0
		}
		BEGIN { while ((getline line < defined) > 0) ours[line] = 1 }
		in_list($1, compiler) || in_list($1, extra) { next }
		# Constructors allocate, wherever they are defined.
		!($1 in ours) || $1 ~ /_(new|free)$/ || in_list($1, impure) {
			print object ": must not use " $1
			bad = 1
		}
		END { exit bad }' || bad=1
done <<END
$pure
END
echo "$n objects looked at"
exit $bad
