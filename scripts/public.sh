# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154
# Read by results.sh and figures.sh, with $build and $maple set: the public tables and the pools made of them.
data=${MAPLE_PUBLIC_DATA:-../shared/data}
help=$data/help
accuracy=$data/accuracy/nasbench201.csv.gz
# The eight devices of the MAPLE paper's protocol: each is learned from the other seven.
eight_devices="gold_6226 gold_6240 silver_4210r 1080ti_1 2080ti_1 titan_rtx_1 titanx_1 titanxp_1"

# make_pool FILE COMMAND...: what the command makes of FILE.new takes its place when it is done.
make_pool() {
    pool_file=$1
    shift
    [ ! -f "$pool_file" ] || return 0
    rm -f "$pool_file.new"
    # Callers ask whether there are tables (||), so set -e does not see a failure in here.
    "$@" --pool "$pool_file.new" >&2 || exit
    mv "$pool_file.new" "$pool_file" || exit
}

public_pool() {
    [ -d "$help" ] || { echo "skipped: no public tables in $help (set MAPLE_PUBLIC_DATA)" >&2; return 1; }
    make_pool "$build/public.db" "$maple" pool import help "$help"
}

eight_pool() {
    public_pool || return 1
    # shellcheck disable=SC2086
    make_pool "$build/eight.db" "$maple" pool merge "$build/public.db" $eight_devices
}
