#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes docs/results/: what the predictors reach on the public tables and on the bundled pool, from seeds.
#   scripts/results.sh BUILD [leave-one-out] [tasks] [no-model] [families] [descriptor] [rivals] [brp-gcn]
# Without a part: all but the last three, which take half an hour, hours and half an hour (they can be stopped and given
# again: finished runs are kept).
# The public tables (the data folder of the HELP repository) are looked for in $MAPLE_PUBLIC_DATA/help, then in
# ../shared/data/help; without them their parts are skipped. TRIALS (default 10) is the number of draws of the closed-form
# predictors, SLOW_TRIALS (default 3) that of the trained ones; their first draws are the same. DESCRIPTOR_TRIALS (default
# 5) is that of the page descriptor.md, whose section "What it says" is written by hand and kept.
set -eu
build=$1
shift
parts=${*:-leave-one-out tasks no-model families}
maple=$build/maple
out=docs/results
trials=${TRIALS:-10}
slow_trials=${SLOW_TRIALS:-3}
descriptor_trials=${DESCRIPTOR_TRIALS:-5}
closed=flops,params,nearest,mean-pool,scratch,gp
trained=maple,fine-tune,mlp-scratch
data=${MAPLE_PUBLIC_DATA:-../shared/data}
help=$data/help
zcp=$data/zcp/zc_fbnet.json.gz
mkdir -p "$out"
commit=$(git rev-parse --short HEAD)
git diff --quiet HEAD -- . ':!docs/results' || commit="$commit with changes"

public_pool() {
    [ -d "$help" ] || { echo "skipped: no public tables in $help (set MAPLE_PUBLIC_DATA)" >&2; return 1; }
    [ -f "$build/public.db" ] || "$maple" pool import help "$help" --pool "$build/public.db" >&2
}

# begin FILE TITLE: what every page says first
begin() {
    page=$out/$1.md
    {
        echo "# $2"
        echo
        echo "Made by \`make ${made:-results}\` ($(date -u +%Y-%m-%d), commit $commit, seed 1, $(lscpu | sed -n 's/^Model name: *//p' | head -1))."
        echo "Mean over draws of samples and training architectures, ± standard deviation over draws. Terms: docs/method.md, Evaluation."
    } >"$page.new"
}

# add TEXT OPTIONS...: a table under its command
add() {
    {
        echo
        echo "$1"
        shift
        echo
        echo "    maple evaluate $*"
        echo
    } >>"$page.new"
}

run() {
    pool=$1
    text=$2
    shift 2
    add "$text" "$@"
    echo "maple evaluate $*" >&2
    # shellcheck disable=SC2086
    "$maple" evaluate $pool "$@" --seed 1 --markdown >>"$page.new"
}

# With the zero-cost proxies of FBNet, which are no part of the other pages.
rivals_pool() {
    public_pool || return 1
    [ -f "$zcp" ] || { echo "skipped: no table of zero-cost proxies $zcp" >&2; return 1; }
    [ -f "$build/rivals.db" ] && return
    cp "$build/public.db" "$build/rivals.new.db"
    "$maple" pool import zcp "$zcp" --space fbnet --pool "$build/rivals.new.db" >&2
    mv "$build/rivals.new.db" "$build/rivals.db"
}

finish() { mv "$page.new" "$page"; echo "wrote $page" >&2; }

leave_one_out() {
    public_pool || return 0
    devices=gold_6226,gold_6240,silver_4210r,1080ti_1,2080ti_1,titan_rtx_1,titanx_1,titanxp_1
    begin leave-one-out "Leave one device out, eight public devices"
    run "--pool $build/public.db" "The protocol of the MAPLE paper (its table 1), on public tables: 900 training architectures on each of the seven others." \
        --platforms $devices --predictor $closed,$trained --samples 3,10 --trials "$slow_trials" --train-archs 900 --per-target
    run "--pool $build/public.db" "The same without the trained predictors, more draws; and what they reach with as many networks as maple measures (13 and 20, its ten references among them)." \
        --platforms $devices --predictor $closed,nearest-oracle,nearest@13,scratch@13,nearest@20,scratch@20 --samples 3,10 --trials "$trials" --train-archs 900
    run "--pool $build/public.db" "The same, with the other batch sizes of each device out of the pool, too." \
        --platforms $devices,1080ti_32,2080ti_32,titan_rtx_32,titanx_32,titanxp_32 --leave-out family --predictor $closed --samples 3,10 --trials "$trials" --train-archs 900
    finish
}

tasks() {
    public_pool || return 0
    begin tasks "The device tasks of NASFLAT"
    run "--pool $build/public.db" "Closed-form predictors; the pool's devices have all architectures. N2 and NA on their public targets; N1, N3, N4 cannot be run." \
        --tasks all --predictor $closed,nearest-oracle --samples 3,5,10,20 --trials "$trials" --train-archs all
    run "--pool $build/public.db" "The same, all architectures scored." \
        --tasks all --predictor nearest,scratch,gp --samples 3,5,10,20 --trials "$trials" --train-archs all --scoring all
    run "--pool $build/public.db" "The same, on the networks that gp suggests." \
        --tasks all --predictor nearest,scratch,gp --samples 3,5,10,20 --trials "$trials" --train-archs all --scoring all --sampler suggest
    run "--pool $build/public.db" "All predictors, 900 training architectures on each device of the pool, fewer draws." \
        --tasks all --predictor $closed,$trained --samples 3,5,10,20 --trials "$slow_trials" --train-archs 900
    finish
}

no_model() {
    public_pool || return 0
    begin no-model "Rows that need no model"
    {
        echo
        echo "Published (HELP, table 3) Spearman of FLOPs on the trimmed 800: titan_rtx_256 .950, gold_6226 .826, pixel2 .765, raspi4 .846, fpga .900, eyeriss .437."
        echo "raspi4 and eyeriss do not reproduce from the released latencies; the others do."
    } >>"$page.new"
    run "--pool $build/public.db" "FLOPs on HELP's trimmed 800." --tasks ND --predictor flops --samples 3 --trials 1 --scoring trimmed800 --per-target
    run "--pool $build/public.db" "The best source device, chosen with all latencies of the target (FBNet)." \
        --tasks FD,F1,F2,F3,F4,FA --predictor nearest-oracle --samples 3 --trials 1 --train-archs all --scoring all
    finish
}

families() {
    begin families "Leave one family out, bundled pool"
    run --bundled "Each platform of data/pool.db from those of other families (CPU, engine, instruction set). One CPU model: this says nothing about CPUs never seen." \
        --leave-out family --predictor maple,lut,lut-fit,$closed --samples 3,10 --trials "$slow_trials" --scoring unmeasured --per-target
    run --bundled "Without a measured network: operator latencies only." \
        --leave-out family --predictor gp,lut --samples 0 --trials 1 --scoring unmeasured --per-target
    run --bundled "On the networks that gp suggests." \
        --leave-out family --predictor gp,maple,lut-fit,scratch --samples 3,10 --trials "$slow_trials" --scoring unmeasured --sampler suggest
    run --bundled "The parts of the descriptor: counters and operator latencies (default), without counters (operator latencies only), counters only, neither." \
        --leave-out family --predictor maple,maple:counters=0,maple:operators=0,maple:counters=0:operators=0 --samples 3,10 --trials "$slow_trials" --scoring unmeasured
    finish
}

rivals() {
    rivals_pool || return 0
    made=rivals
    begin rivals "HELP and NASFLAT beside all others"
    run "--pool $build/rivals.db" "All predictors on all tasks that can be run; each learns of the pool what its authors say (900 or 4,000 networks of a device for help, 16 or 800 for nasflat, 900 for maple and fine-tune, all for the others). help, maple and fine-tune also measure ten references. Scored on all networks." \
        --tasks all --predictor "$closed,$trained,help,nasflat" --samples 3,10,20 --trials "$slow_trials" --train-archs all --scoring all
    run "--pool $build/rivals.db" "HELP's protocol: ten references and ten samples, its trimmed 800 networks. Published: titan_rtx_256 .987, gold_6226 .989, fpga .985, raspi4 .890, pixel2 .802, eyeriss .940, mean .932." \
        --tasks ND --predictor "$closed,help" --samples 10 --trials "$trials" --train-archs all --scoring trimmed800 --per-target
    run "--pool $build/rivals.db" "The same on FBNet. Published: raspi4 .887, eyeriss .943, fpga .892." \
        --tasks FD --predictor "$closed,help" --samples 10 --trials "$slow_trials" --train-archs all --scoring trimmed800 --per-target
    run "--pool $build/rivals.db" "NASFLAT's protocol: 20 samples, the first 128 networks. Published: ND .960 (the same encoding and samples), FD .961, F1 .809, F2 .871, F3 .814, F4 .734, FA .577." \
        --tasks ND,FD,F1,F2,F3,F4,FA --predictor "$closed,help,nasflat" --samples 20 --trials "$slow_trials" --train-archs all --scoring first128
    run "--pool $build/rivals.db" "Parts of NASFLAT: kinds of graph layer, where the device's vector goes, what it starts from. Published (first 128): hardware=mlp .960 with and without transfer_init, in the nodes .960." \
        --tasks ND --predictor nasflat,nasflat:gnn=dense,nasflat:gnn=gat,nasflat:hardware=mlp,nasflat:transfer_init=0 --samples 20 --trials "$slow_trials" --train-archs all --scoring first128
    finish
}

brp_gcn() {
    public_pool || return 0
    made=rivals
    begin brp-gcn "BRP-NAS's graph network from 900 samples"
    run "--pool $build/public.db" "HELP's trimmed 800 networks. Published (HELP, table 3): titan_rtx_256 .814, gold_6226 .796, pixel2 .666, raspi4 .847, eyeriss .811, fpga .801, mean .789." \
        --tasks ND --predictor brp-gcn,brp-gcn:graph=written,mlp-scratch,scratch@900 --samples 10 --trials "$slow_trials" --scoring trimmed800 --per-target
    finish
}

# How many platforms of the bundled pool have counters of this provider.
counted_by() { "$maple" pool list --bundled --json | grep -c "\"counters\":[[:space:]]*\"$1\"" || true; }

# What the distances say of pairs that differ in threads or batch alone; noise is what two profiles of one thing differ by.
# Columns of `maple pool distances`: operators, scale, counters, descriptor, what they differ in, names.
tell_apart() {
    awk 'function size(x) { x = log(x); return x < 0 ? -x : x }
        BEGIN { n = same = noise = level = apart = alike = 0 }
        $5 == "-" || $5 == "graph" { same++; if ($1 > noise) noise = $1; if (size($2) > level) level = size($2) }
        $5 == "threads" || $5 == "batch" || $5 == "threads,batch" {
            pair[n] = $0; operators[n] = $1; scale[n] = size($2); counters[n++] = $3 }
        END {
            if (!n) { print "The pool has no two platforms that differ in threads or batch alone."; exit }
            if (!same) { print "No platform was profiled twice: there is no noise to compare with."; exit }
            for (i = 0; i < n; i++) { apart += operators[i] > noise || scale[i] > level; alike += counters[i] == 0 }
            printf "Noise (%d pairs): operators %.4f, scale %.1f %%. Of %d pairs that differ in threads or batch alone %d lie\n", same, noise,
                100 * (exp(level) - 1), n, apart
            printf "further apart than that in operators or scale; %d have the same counters (median difference 0).\n", alike
        }' "$1"
}

distance_map() {
    map=$build/distances.txt
    "$maple" pool distances --bundled >"$map"
    {
        echo
        echo "## The distance map"
        echo
        echo "Operators are timed in the same way for both graph forms, so two platforms that differ in the graph form alone (or in nothing,"
        echo "\`-\`) are two profiles of the same thing, made at different times: that is the noise."
        echo
        tell_apart "$map"
        echo
        echo "    maple pool distances --bundled"
        echo
        sed 's/^/    /' "$map"
    } >>"$page.new"
}

descriptor() {
    made=descriptor
    begin descriptor "The descriptor under test, and MAPLE-X"
    real=$(counted_by perf)
    none=operators=0:counters=0
    {
        echo
        echo "Pool: data/pool.db, $("$maple" pool list --bundled --json | grep -c '"family"') platforms, SHA-256 $(sha256sum data/pool.db | cut -c1-12); counters: $(counted_by callgrind) simulated, $real counted by a PMU."
        echo "Leave one family (CPU, engine, instruction set) out."
        if [ "$real" -lt 3 ]; then
            echo "Skipped: real counters. Two sources and a target of another family need them, and $real platforms have them."
        fi
    } >>"$page.new"
    any=maple
    [ "$real" -lt 3 ] || any=maple,maple:counters=simulated,maple:counters=real
    run --bundled "With the look-up table. operators=0, counters=0: without that part of S; counter_scale=per-run: counts not divided by the operator's latency (divided, as in MAPLE-Edge, is the default); references=1: the latencies of ten reference networks instead, which are measured besides (reference_samples=none: they describe the device and are no samples); network=0: no network, so no S. virtual, similarity: MAPLE-X." \
        --leave-out family --samples 3,10 --trials "$descriptor_trials" --scoring unmeasured \
        --predictor "maple:counters=0,$any,maple:counter_scale=per-run,maple:operators=0,maple:$none,maple:$none:references=1:reference_samples=none,maple:network=0,maple:virtual=true,maple:virtual=both,maple:similarity=true,maple:virtual=true:similarity=true"
    run --bundled "Without the table (scaling=costs): operator latencies are seen in S alone." \
        --leave-out family --samples 3,10 --trials "$descriptor_trials" --scoring unmeasured \
        --predictor "maple:scaling=costs:counters=0,maple:scaling=costs,maple:scaling=costs:$none"
    distance_map
    if [ -f "$page" ]; then
        sed -n '/^## What it says/,$p' "$page" | sed '1i\
' >>"$page.new"
    fi
    finish
}

for part in $parts; do
    case $part in
    leave-one-out) leave_one_out ;;
    tasks) tasks ;;
    no-model) no_model ;;
    families) families ;;
    descriptor) descriptor ;;
    rivals) rivals ;;
    brp-gcn) brp_gcn ;;
    *) echo "no part '$part': leave-one-out, tasks, no-model, families, descriptor, rivals, brp-gcn" >&2; exit 2 ;;
    esac
done
