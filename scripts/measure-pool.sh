#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the platforms of the bundled pool (data/plan.json) on this machine and writes their statistics into
# data/pool.db. Stopped, it continues where it was: raw runs stay in BUILD/pool-raw.db until the end.
#   scripts/measure-pool.sh BUILD [PLATFORM-NUMBER]
set -eu
build=$1
raw=$build/pool-raw.db
data=$(dirname "$0")/../data
"$build/maple" measure --plan "$data/plan.json" --pool "$raw" ${2:+--only "$2"}
"$build/maple" pool merge "$raw" --statistics-only --pool "$data/pool.db"
