#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one command-line case: run.sh MAPLE CASE.sh. The case runs in an empty folder of its own, with HOME there, and
# `maple` on its path, and nothing else of the caller's environment (the bundled pool is switched off); what it prints (stdout and stderr in order) must equal CASE.expected. Paths of the folder read
# as TMP. BLESS=1 writes the expectation instead: look at the difference before committing it.
set -u
maple=$1
case=$2
expected=${case%.sh}.expected
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/home" "$folder/work"
ln -s "$maple" "$folder/bin/maple"
cd "$folder/work" || exit 1
env -i PATH="$folder/bin:/usr/bin:/bin:/usr/sbin:/sbin" HOME="$folder/home" LC_ALL=C \
    CASES="$(dirname "$case")" MAPLE_BUNDLED_POOL=none ASAN_OPTIONS="${ASAN_OPTIONS-}" \
    sh "$case" >"$folder/output" 2>&1
status=$?
sed -i "s#$folder/work#TMP#g; s#$folder/home#HOME#g" "$folder/output"
if [ $status -eq 77 ]; then
    cat "$folder/output"
    exit 77
fi
if [ -n "${BLESS-}" ]; then
    cp "$folder/output" "$expected"
    exit 0
fi
diff -u "$expected" "$folder/output" && [ $status -eq 0 ]
