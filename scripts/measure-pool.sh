#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the platforms of the bundled pool (the plan $PLAN, else data/plan.json) on this machine, and how well their labels
# repeat, and writes the statistics into data/pool.db, in place of what it has of them. One platform: its number in the plan
# (from 1) or its name.
#   scripts/measure-pool.sh BUILD [PLATFORM]
# Stopped, the same command continues: raw runs are in BUILD/pool-raw-NAME[-PLATFORM].db (NAME: the plan's), which is renamed to
# ...db.done at the end, so that the next call measures anew. Labels go into the pool also where their repeatability could not
# be measured (the machine became faster or slower meanwhile): maple says why, and the pool then has none for them.
set -eu
build=$1
only=${2-}
data=$(dirname "$0")/../data
plan=${PLAN:-$data/plan.json}
raw=$build/pool-raw-$(basename "$plan" .json)${only:+-$only}.db
"$build/maple" measure --plan "$plan" --pool "$raw" ${only:+--only "$only"}
"$build/maple" measure --plan "$plan" --pool "$raw" ${only:+--only "$only"} --repeatability 100 || {
    status=$?
    [ "$status" -ne 6 ] || exit 6 # interrupted: the same command goes on
    echo "scripts/measure-pool.sh: not all repeatability was measured (above); the labels are merged without" >&2
}
"$build/maple" pool merge "$raw" --statistics-only --pool "$data/pool.db"
rm -f "$raw.done"*
for part in "" -wal -shm; do
    [ ! -e "$raw$part" ] || mv "$raw$part" "$raw.done$part"
done
