#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the platforms of the bundled pool (data/plan.json) on this machine, and how well their labels repeat, and writes
# the statistics into data/pool.db, in place of what it has of them. One platform: its number in the plan (from 1) or its name.
#   scripts/measure-pool.sh BUILD [PLATFORM]
# Stopped, the same command continues: raw runs are in BUILD/pool-raw[-PLATFORM].db, which is renamed to ...db.done at the
# end, so that the next call measures anew.
set -eu
build=$1
only=${2-}
raw=$build/pool-raw${only:+-$only}.db
data=$(dirname "$0")/../data
"$build/maple" measure --plan "$data/plan.json" --pool "$raw" ${only:+--only "$only"}
"$build/maple" measure --plan "$data/plan.json" --pool "$raw" ${only:+--only "$only"} --repeatability 100
"$build/maple" pool merge "$raw" --statistics-only --pool "$data/pool.db"
rm -f "$raw.done"*
for part in "" -wal -shm; do
    [ ! -e "$raw$part" ] || mv "$raw$part" "$raw.done$part"
done
