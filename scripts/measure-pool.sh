#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the platforms of the bundled pool (data/pool.db) on this machine and writes their statistics into it.
# Stopped, it continues where it was: raw runs stay in BUILD/pool-raw.db until the end.
#   scripts/measure-pool.sh BUILD [PLATFORM-LINE-NUMBER ...]
set -eu
build=$1
shift
raw=$build/pool-raw.db
here=$(dirname "$0")

# engine isa threads batch graph architectures (a later line may complete an earlier one)
platforms="
onednn avx512 1 1 pruned 900
onednn avx512 1 1 as-written 900
xnnpack - 1 1 pruned 900
onednn avx2 1 1 pruned 900
blas avx512 1 1 pruned 900
onednn sse41 1 1 pruned 900
xnnpack - 1 1 as-written 900
onednn avx512 1 8 pruned 900
onednn avx512 2 1 pruned 900
xnnpack - 2 1 pruned 900
onednn avx512 1 1 pruned all
xnnpack - 1 1 pruned all
"
line=0
echo "$platforms" | while read -r engine isa threads batch graph n; do
    [ -n "$engine" ] || continue
    line=$((line + 1))
    if [ $# -gt 0 ]; then
        case " $* " in *" $line "*) ;; *) continue ;; esac
    fi
    options="--engine $engine --threads $threads --batch $batch --graph $graph --pool $raw"
    [ "$isa" = - ] || options="$options --isa $isa"
    echo "== $line: $engine $isa, $threads threads, batch $batch, $graph" >&2
    # shellcheck disable=SC2086
    "$build/maple" profile $options --counters auto --architectures 0
    if [ "$n" = all ]; then which="--all"; else which="--random $n --seed 201"; fi
    # shellcheck disable=SC2086
    "$build/maple" measure $options $which --memory 4096
done
"$build/maple" pool merge "$raw" --statistics-only --pool "$here/../data/pool.db"
