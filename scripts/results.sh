#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes docs/results/: what the predictors reach on the public tables and on the bundled pool, from seeds.
#   scripts/results.sh BUILD [leave-one-out] [tasks] [no-model] [families] [descriptor] [descriptor-cpu] [distances] [search] [rivals] [brp-gcn]
# Without a part: all but the last six, which take an hour, half an hour, a moment, an hour, hours and half an hour (all but search can be
# stopped and given again: finished runs are kept).
# The public tables (the data folder of the HELP repository) are looked for in $MAPLE_PUBLIC_DATA/help, then in
# ../shared/data/help; without them their parts are skipped. TRIALS (default 10) is the number of draws of the closed-form
# predictors, SLOW_TRIALS (default 3) that of the trained ones; their first draws are the same. BUNDLED_TRIALS (default
# 5) is that of the pages of the bundled pool. Sections "What it says" are written by hand and kept.
set -eu
build=$1
shift
parts=${*:-leave-one-out tasks no-model families}
maple=$build/maple
out=docs/results
trials=${TRIALS:-10}
slow_trials=${SLOW_TRIALS:-3}
bundled_trials=${BUNDLED_TRIALS:-5}
# Platforms of the bundled pool whose fronts are looked at; their architectures are all measured.
front_bundled="xeon-2.50ghz-onednn-avx512-1t-b1-pruned xeon-2.50ghz-xnnpack-avx512-1t-b1-pruned"
closed=flops,params,nearest,mean-pool,scratch,gp
trained=maple,fine-tune,mlp-scratch
. "$(dirname "$0")/public.sh"
zcp=$data/zcp/zc_fbnet.json.gz
mkdir -p "$out"
commit=$(git rev-parse --short HEAD)
git diff --quiet HEAD -- . ':!docs/results' || commit="$commit with changes"

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
    make_pool "$build/rivals.db" add_proxies
}

add_proxies() { # --pool FILE
    cp "$build/public.db" "$2" && "$maple" pool import zcp "$zcp" --space fbnet "$@"
}

finish() { mv "$page.new" "$page"; echo "wrote $page" >&2; }

leave_one_out() {
    public_pool || return 0
    devices=$(echo "$eight_devices" | tr ' ' ,)
    begin leave-one-out "Leave one device out, eight public devices"
    run "--pool $build/public.db" "The protocol of the MAPLE paper (its table 1), on public tables: 900 training architectures on each of the seven others." \
        --platforms "$devices" --predictor $closed,$trained --samples 3,10 --trials "$slow_trials" --train-archs 900 --per-target
    run "--pool $build/public.db" "The same without the trained predictors, more draws; and what they reach with as many networks as maple measures (13 and 20, its ten references among them)." \
        --platforms "$devices" --predictor $closed,nearest-oracle,nearest@13,scratch@13,nearest@20,scratch@20 --samples 3,10 --trials "$trials" --train-archs 900
    run "--pool $build/public.db" "The same, with the other batch sizes of each device out of the pool, too." \
        --platforms "$devices,1080ti_32,2080ti_32,titan_rtx_32,titanx_32,titanxp_32" --leave-out family --predictor $closed --samples 3,10 --trials "$trials" --train-archs 900
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
    begin families "Leave one family, or one CPU, out: the bundled pool"
    run --bundled "Each platform of data/pool.db from those of other families (CPU, engine, instruction set); other engines and instruction sets of its CPU are among them." \
        --leave-out family --predictor maple,lut,lut-fit,$closed --samples 3,10 --trials "$bundled_trials" --scoring unmeasured --per-target
    run --bundled "A CPU never seen: each platform from those of other CPU models." \
        --leave-out cpu --predictor maple,lut,lut-fit,$closed --samples 3,10 --trials "$bundled_trials" --scoring unmeasured --per-target
    run --bundled "The same without a measured network." --leave-out cpu --predictor gp,lut --samples 0 --trials 1 --scoring unmeasured
    run --bundled "FBNet: each platform from those of other CPU models." --space fbnet \
        --leave-out cpu --predictor gp,lut,lut-fit,nearest,scratch,flops --samples 3,10 --trials "$bundled_trials" --scoring unmeasured --per-target
    run --bundled "Without a measured network: operator latencies only." \
        --leave-out family --predictor gp,lut --samples 0 --trials 1 --scoring unmeasured --per-target
    run --bundled "On the networks that gp suggests." \
        --leave-out family --predictor gp,maple,lut-fit,scratch --samples 3,10 --trials "$bundled_trials" --scoring unmeasured --sampler suggest
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

distances() {
    made=descriptor
    begin distances "The distance map: can the descriptor tell platforms apart?"
    map=$build/distances.txt
    "$maple" pool distances --bundled >"$map"
    {
        echo
        pool_line
        echo
        echo "Operators are timed in the same way for both graph forms, so two platforms that differ in the graph form alone (or in nothing,"
        echo "\`-\`) are two profiles of the same thing, made at different times: that is the noise."
        echo
        tell_apart "$map"
        echo
        echo "Pairs that differ in one thing (columns: \`maple pool distances --help\`):"
        echo
        echo "    maple pool distances --bundled | awk 'NR == 1 || \$5 !~ /,/'"
        echo
        awk 'NR == 1 || $5 !~ /,/' "$map" | sed 's/^/    /'
    } >>"$page.new"
    keep_words
    finish
}

# The section that is written by hand stays.
keep_words() {
    [ -f "$page" ] || return 0
    sed -n '/^## What it says/,$p' "$page" | sed '1i\
' >>"$page.new"
}

pool_line() {
    echo "Pool: data/pool.db, $("$maple" pool list --bundled --json | grep -c '"family"') platforms, SHA-256 $(sha256sum data/pool.db | cut -c1-12); counters: $(counted_by callgrind) simulated, $(counted_by perf) counted by a PMU."
}

descriptor() {
    made=descriptor
    begin descriptor "The descriptor under test, and MAPLE-X"
    real=$(counted_by perf)
    none=operators=0:counters=0
    {
        echo
        pool_line
        echo "Leave one family (CPU, engine, instruction set, numeric type) out."
        if [ "$real" -lt 3 ]; then
            echo "Skipped: real counters. Two sources and a target of another family need them, and $real platforms have them."
        fi
    } >>"$page.new"
    any=maple
    [ "$real" -lt 3 ] || any=maple,maple:counters=simulated,maple:counters=real
    run --bundled "With the look-up table. operators=0, counters=0: without that part of S; counter_scale=per-run: counts not divided by the operator's latency (divided, as in MAPLE-Edge, is the default); references=1: the latencies of ten reference networks instead, which are measured besides (reference_samples=none: they describe the device and are no samples); network=0: no network, so no S. virtual, similarity: MAPLE-X." \
        --leave-out family --samples 3,10 --trials "$bundled_trials" --scoring unmeasured \
        --predictor "maple:counters=0,$any,maple:counter_scale=per-run,maple:operators=0,maple:$none,maple:$none:references=1:reference_samples=none,maple:network=0,maple:virtual=true,maple:virtual=both,maple:similarity=true,maple:virtual=true:similarity=true"
    run --bundled "Without the table (scaling=costs): operator latencies are seen in S alone." \
        --leave-out family --samples 3,10 --trials "$bundled_trials" --scoring unmeasured \
        --predictor "maple:scaling=costs:counters=0,maple:scaling=costs,maple:scaling=costs:$none"
    keep_words
    finish
}

descriptor_cpu() {
    made=descriptor
    begin descriptor-cpu "The descriptor on a CPU never seen"
    none=operators=0:counters=0
    {
        echo
        pool_line
    } >>"$page.new"
    run --bundled "Each platform from those of other CPU models. Options as in descriptor.md." \
        --leave-out cpu --samples 3,10 --trials "$bundled_trials" --scoring unmeasured \
        --predictor "maple:counters=0,maple,maple:operators=0,maple:$none,maple:$none:references=1:reference_samples=none,maple:network=0"
    finish
}

# draws_of PREDICTOR
draws_of() {
    case $1 in
    maple | fine-tune | help | nasflat) echo "$slow_trials" ;;
    *) echo "$trials" ;;
    esac
}

# What maple pareto says of each draw, a line each: platform samples predictor seed, then hypervolume ratio, share of the
# front, mean regret, budgets met by any, without a choice, at which the first choice fails. "-" is what is not known.
# A predictor that cannot serve the platform has no lines. front_draws POOL-OPTIONS PLATFORM SAMPLES PREDICTOR
front_draws() {
    seed=1
    while [ "$seed" -le "$(draws_of "$4")" ]; do
        code=0
        # shellcheck disable=SC2086
        "$maple" pareto $1 --platform "$2" --scores "$accuracy" --score cifar100_test --predictor "$4" --samples "$3" \
            --seed "$seed" --json >"$build/front.json" 2>"$build/front.err" || code=$?
        if [ "$code" -ne 0 ]; then # 3: the platform lacks what the predictor needs
            sed 's/^/    /' "$build/front.err" >&2
            [ "$code" -eq 3 ] || exit "$code"
            return 0
        fi
        awk -v keys="$2 $3 $4 $seed" '
            BEGIN { FS = "\t"; n = split("hypervolume_ratio front_share regret_mean budgets_met_by_any budgets_without_choice first_choice_fails", names, " ") }
            NF == 3 && $1 == "" { name = $2; gsub(/[":]/, "", name); value = $3; sub(/,$/, "", value); found[name] = value }
            END { line = keys
                for (i = 1; i <= n; i++) line = line " " (found[names[i]] ~ /^-?[0-9]/ ? found[names[i]] : "-")
                print line }' "$build/front.json" >>"$fronts"
        seed=$((seed + 1))
    done
}

# Two cells of the tables: "0.9990 ± 0.0010, 71 %" and "0.12 ± 0.05, 1.3, 0.2"; "-" unless every draw has a ratio.
# front_cells PLATFORM SAMPLES PREDICTOR: into $cell and $regret_cell
front_cells() {
    cells=$(awk -v platform="$1" -v samples="$2" -v predictor="$3" -v draws="$(draws_of "$3")" '
        function spread(sum, square, n,    v) { v = n > 1 ? (square - sum * sum / n) / (n - 1) : 0; return sqrt(v > 0 ? v : 0) }
        $1 == platform && $2 == samples && $3 == predictor && $5 != "-" {
            n++; ratio += $5; ratios += $5 * $5; share += $6; fails += $10; nothing += $9
            if ($7 != "-") { m++; regret += $7; regrets += $7 * $7 } }
        END {
            if (n != draws) { print "-|-"; exit }
            printf "%.4f ± %.4f, %.0f %%|", ratio / n, spread(ratio, ratios, n), 100 * share / n
            if (m == draws) printf "%.2f ± %.2f", regret / m, spread(regret, regrets, m); else printf "-"
            printf ", %.1f, %.1f\n", fails / n, nothing / n }' "$fronts")
    cell=${cells%|*}
    regret_cell=${cells#*|}
}

# front_tables PLATFORMS TITLE
front_tables() {
    printf '\n### %s\n' "$2" >>"$page.new"
    head="| platform | samples |$(for p in $front_predictors; do printf ' %s |' "$p"; done)"
    rule="|---|---|$(for p in $front_predictors; do printf -- '---|'; done)"
    ratios=
    regrets=
    for platform in $1; do
        for n in 3 10; do
            ratio_line="| $platform | $n |"
            regret_line=$ratio_line
            for p in $front_predictors; do
                front_cells "$platform" "$n" "$p"
                ratio_line="$ratio_line $cell |"
                regret_line="$regret_line $regret_cell |"
            done
            ratios="$ratios$ratio_line
"
            regrets="$regrets$regret_line
"
        done
    done
    {
        printf '\nHypervolume ratio, share of the front:\n\n%s\n%s\n%s' "$head" "$rule" "$ratios"
        printf '\nRegret (%% of accuracy), budgets (of ten) at which the first choice fails, at which nothing is found:\n\n%s\n%s\n%s' \
            "$head" "$rule" "$regrets"
    } >>"$page.new"
}

# front_group POOL-OPTIONS PLATFORMS TITLE
front_group() {
    for platform in $2; do
        for n in 3 10; do
            for p in $front_predictors; do
                echo "fronts: $platform, $n samples, $p" >&2
                front_draws "$1" "$platform" "$n" "$p"
            done
        done
    done
    front_tables "$2" "$3"
}

# With 900 networks of the device itself: what is left is not for want of samples. front_ceilings POOL-OPTIONS PLATFORMS
front_ceilings() {
    {
        echo
        echo "gp from 900 networks of the device itself: where 10 reach as much, it is not for want of samples. Published labels are single ones, and a"
        echo "true front is made of those that happen to be low."
        echo
        echo "| platform | hypervolume ratio, share of the front |"
        echo "|---|---|"
    } >>"$page.new"
    for platform in $2; do
        echo "fronts: $platform, 900 samples, gp" >&2
        front_draws "$1" "$platform" 900 gp
        front_cells "$platform" 900 gp
        echo "| $platform | $cell |" >>"$page.new"
    done
}

# The tables of candidates of one device: candidates DEVICE BUDGETS
candidates() {
    for more in "--predictors gp,maple,fine-tune,help,nasflat,nearest,mean-pool,scratch,lut-fit,flops,params" \
        "--predictors gp --confidence 0.8" "--predictors gp --confidence 0.95"; do
        echo "maple candidates --platform $1 --max-latency $2 $more" >&2
        {
            echo
            echo "    maple candidates --file arch_generated_by_metad2a.txt --platform $1 --task ND --max-latency $2 --samples 10 --trials $trials $more"
            echo
            # shellcheck disable=SC2086
            "$maple" candidates --file "$help/nasbench201/arch_generated_by_metad2a.txt" --platform "$1" --pool "$build/public.db" \
                --task ND --max-latency "$2" --samples 10 --trials "$trials" --markdown $more
        } >>"$page.new"
    done
}

# In how many draws what gp chose takes longer than allowed, over all devices and budgets of the page.
over_all() {
    awk '/^    maple candidates / { c = 0; for (i = 1; i < NF; i++) if ($i == "--confidence") c = $(i + 1) }
        /^[|] gp / { line = $0
            while (match(line, /[0-9]+\/[0-9]+ over/)) {
                split(substr(line, RSTART, RLENGTH), part, "[/ ]"); over[c] += part[1]; all[c] += part[2]
                line = substr(line, RSTART + RLENGTH) } }
        END {
            printf "\nOver all devices and budgets the choice of gp takes longer than allowed in %d of %d draws; with --confidence 0.8 in %d of %d (%.2f, asked for\n",
                over[0], all[0], over["0.8"], all["0.8"], over["0.8"] / all["0.8"]
            printf "is at most 0.20), with 0.95 in %d of %d (%.2f, at most 0.05).\n", over["0.95"], all["0.95"], over["0.95"] / all["0.95"] }' "$page.new" >"$build/over.txt"
    cat "$build/over.txt" >>"$page.new"
}

# One line for each draw of a search for all that meets a limit: how many are kept, how many of them violate it by their
# label, how many of the ten best there are, how many of them violate it. violation_draws DEVICE LIMIT OPTIONS
violation_draws() {
    seed=1
    while [ "$seed" -le "$trials" ]; do
        code=0
        # shellcheck disable=SC2086
        "$maple" search --platform "$1" --pool "$build/public.db" --leave-out family --predictor gp --samples 10 --seed "$seed" \
            --max-latency "$2" --scores "$accuracy" --score cifar100_test --best 15625 $3 >"$build/found.txt" 2>"$build/found.err" || code=$?
        if [ "$code" -ne 0 ]; then # 3: nothing meets the limit
            sed 's/^/    /' "$build/found.err" >&2
            [ "$code" -eq 3 ] || exit "$code"
            : >"$build/found.txt"
        fi
        awk -v limit="$2" 'FNR == NR { ms[$1] = $3; next }
            $NF ~ /^[|]/ { if (!($NF in ms)) { print "no label of " $NF >"/dev/stderr"; exit 1 }
                over = ms[$NF] + 0 > limit + 0; kept++; violating += over; if (kept <= 10) worst += over }
            END { print kept + 0, violating + 0, kept < 10 ? kept + 0 : 10, worst + 0 }' FS=, "$build/labels.csv" FS=' ' "$build/found.txt"
        seed=$((seed + 1))
    done
}

# violation_row DEVICE LIMIT
violation_row() {
    "$maple" pool export "$1" --pool "$build/public.db" >"$build/labels.csv"
    line="| $1, $2 |"
    for c in 0 0.8 0.95; do
        echo "violations: $1, $2, confidence $c" >&2
        option=
        [ "$c" = 0 ] || option="--confidence $c"
        violation_draws "$1" "$2" "$option" >"$build/violations.txt"
        cells=$(awk -v c="$c" '
            function cell(sum, square, n,    v, text) {
                if (!n) return "-"
                v = n > 1 ? (square - sum * sum / n) / (n - 1) : 0
                text = sprintf("%.3f ± %.3f", sum / n, sqrt(v > 0 ? v : 0))
                return c > 0 && sum / n > 1 - c ? "**" text "**" : text
            }
            $1 > 0 { n++; a = $2 / $1; b = $4 / $3; all += a; alls += a * a; ten += b; tens += b * b }
            END { print cell(all, alls, n) " | " cell(ten, tens, n) " |" }' "$build/violations.txt")
        line="$line $cells"
    done
    echo "$line" >>"$page.new"
}

violations() {
    {
        echo
        echo "## Constraints and confidence"
        echo
        echo "Share of the architectures kept by a search whose label is above the limit: of all that are kept, and of the ten best by"
        echo "CIFAR-100 accuracy; $trials draws of 10 samples, gp, learned from devices of other families. A confidence c asks for at most 1 - c:"
        echo "**bold** is more. The ten best are no random choice of what is kept: accuracy goes with latency, so that they lie at the limit, and among"
        echo "them those that are predicted too fast. c is about each architecture, not about the best of many."
        echo
        echo "    maple search --platform NAME --pool public.db --leave-out family --predictor gp --samples 10 --seed S --max-latency L --scores nasbench201.csv.gz --score cifar100_test --best 15625 --confidence C"
        echo
        echo "| limit | kept | ten best | kept, c = 0.8 | ten best, c = 0.8 | kept, c = 0.95 | ten best, c = 0.95 |"
        echo "|---|---|---|---|---|---|---|"
    } >>"$page.new"
    while read -r device limit; do
        violation_row "$device" "$limit"
    done <<END
titan_rtx_256 18ms
gold_6226 8ms
gold_6226 11ms
eyeriss 5ms
fpga 4ms
pixel2 14ms
END
}

search() {
    eight_pool || return 0
    [ -f "$accuracy" ] || { echo "skipped: no table of accuracies $accuracy" >&2; return 0; }
    made=decisions
    front_predictors="gp nearest mean-pool scratch maple fine-tune help nasflat flops params lut lut-fit"
    fronts=$out/fronts.txt.new
    echo "platform samples predictor seed hypervolume_ratio front_share regret_mean budgets_met_by_any budgets_without_choice first_choice_fails" >"$fronts"
    begin search "Decisions: fronts, and the published search"
    {
        echo
        echo "## Fronts of latency and accuracy"
        echo
        echo "NAS-Bench-201, CIFAR-100. The architectures that are on the front of predicted latency count at their measured latency:"
        echo "hypervolume over that of the true front (reference: the device's median latency, 60 %), and the share of the true front that is found."
        echo "$trials draws (maple, fine-tune, help, nasflat: $slow_trials, each pre-trained anew). A device learns from the other seven, a bundled platform"
        echo "from those of other families. help, and maple and fine-tune where there are no operator latencies, measure ten references besides. lut and"
        echo "lut-fit need operator latencies, which the public devices lack; mlp-scratch and brp-gcn are not here: they learn from 900 own networks."
        echo "Each draw: fronts.txt."
        echo
        echo "    maple pareto --platform NAME --pool eight.db --scores nasbench201.csv.gz --score cifar100_test --predictor P --samples N --seed S --json"
        echo "    maple pareto --platform NAME --leave-out family --scores nasbench201.csv.gz --score cifar100_test --predictor P --samples N --seed S --json"
    } >>"$page.new"
    ( # shellcheck disable=SC2030,SC2031
        export MAPLE_BUNDLED_POOL=none
        front_group "--pool $build/eight.db" "$eight_devices" "Public devices"
        front_ceilings "--pool $build/eight.db" "$eight_devices"
    )
    (
        export XDG_DATA_HOME="$build/nobody"
        front_group "--leave-out family" "$front_bundled" "Bundled pool"
    )
    {
        echo
        echo "## HELP's protocol"
        echo
        echo "500 candidates for CIFAR-100, three of those predicted to meet the budget are trained, the best is taken: true latency and accuracy,"
        echo "± standard deviation over $trials draws of the samples, and in how many draws it takes longer than allowed. Learned from the nine sources of"
        echo "task ND; pre-trained once for all draws. Seconds: what the pre-training took (when it was made), adapting and predicting in each draw;"
        echo "generating the candidates took 117 s, and measuring is the device's own time. With --confidence c at most a share 1 - c of what is"
        echo "chosen should take longer than allowed (below the tables: over all of them); see also the last section."
        echo "lut-fit has no operator latencies here. Published (HELP, 10 samples): titan_rtx_256 17.8 ms 69.7 %, 18.9 71.5, 24.2 71.8;"
        echo "gold_6226 8.0 67.3, 10.7 70.2, 14.3 72.1; pixel2 13.0 69.7, 19.0 71.8, 25.0 73.2; eyeriss 3.9 71.5, 5.1 71.8, 9.1 73.5; fpga 3.8 70.2, 4.7 71.8, 7.4 73.5."
    } >>"$page.new"
    ( # shellcheck disable=SC2030,SC2031
        export MAPLE_BUNDLED_POOL=none
        candidates titan_rtx_256 18ms,21ms,25ms
        candidates gold_6226 8ms,11ms,14ms
        candidates pixel2 14ms,18ms,22ms
        candidates eyeriss 5ms,7ms,9ms
        candidates fpga 4ms,5ms,6ms
        over_all
        violations
    )
    mv "$fronts" "$out/fronts.txt"
    finish
}

for part in $parts; do
    case $part in
    leave-one-out) leave_one_out ;;
    tasks) tasks ;;
    no-model) no_model ;;
    families) families ;;
    descriptor) descriptor ;;
    descriptor-cpu) descriptor_cpu ;;
    distances) distances ;;
    search) search ;;
    rivals) rivals ;;
    brp-gcn) brp_gcn ;;
    *) echo "no part '$part': leave-one-out, tasks, no-model, families, descriptor, descriptor-cpu, distances, search, rivals, brp-gcn" >&2; exit 2 ;;
    esac
done
