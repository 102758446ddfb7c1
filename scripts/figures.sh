#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Draws docs/results/figures/ (make figures; half an hour): each figure as SVG and PNG with its data (.tsv) and script (.gp)
# beside it. Needs gnuplot. Figures of public devices need the public tables ($MAPLE_PUBLIC_DATA, else ../shared/data) and
# are skipped, saying so, without them. TRIALS (default 5): draws, and seeds where what is drawn differs by seed only.
#   scripts/figures.sh BUILD [bundled] [public]
# Without a part: both.
set -eu
build=$1
shift
parts=${*:-bundled public}
maple=$build/maple
. "$(dirname "$0")/public.sh"
out=docs/results/figures
trials=${TRIALS:-5}
rows=$build/figures
mkdir -p "$out" "$rows"
export XDG_DATA_HOME="$build/nobody" # figures of the bundled pool are of it alone

evaluate_by() { # FILE SEED TRIALS OPTIONS...
    file=$1
    seed=$2
    draws=$3
    shift 3
    echo "maple evaluate $* --seed $seed --trials $draws" >&2
    "$maple" evaluate "$@" --seed "$seed" --trials "$draws" --json >"$file.new"
    mv "$file.new" "$file"
}

evaluate() {
    file=$1
    shift
    evaluate_by "$file" 1 "$trials" "$@"
}

bundled() {
    "$maple" figure distances --bundled --output "$out/distances"
    "$maple" figure predictions --platform xeon-xnnpack-avx512-1t-b1-pruned --leave-out cpu --samples 10 \
        --predictor gp,maple,lut-fit --output "$out/predictions" \
        --title "xeon-xnnpack-avx512-1t-b1-pruned from platforms of another CPU and 10 samples"
    evaluate "$rows/bundled.json" --bundled --leave-out family --predictor gp,maple,lut-fit,scratch,flops --samples 3,5,10,20
    "$maple" figure curve "$rows/bundled.json" \
        --title "Bundled platforms, each from those of other families (bars: ± 1 standard deviation)" --output "$out/samples-bundled"
}

# The paper's three claims on its protocol: more samples, more training networks, more known devices.
public() {
    eight_pool || return 0
    all=gp,maple,nearest,scratch
    more="maple: and 10 references" # these devices have no operator latencies
    evaluate "$rows/samples.json" --pool "$build/eight.db" --predictor $all --samples 3,5,10,20,50 --train-archs 900
    "$maple" figure curve "$rows/samples.json" \
        --title "Eight public devices, each from the other seven (bars: ± 1 standard deviation)" --output "$out/samples"
    for n in 30 100 300 900; do
        evaluate "$rows/train-$n.json" --pool "$build/eight.db" --predictor $all --samples 10 --train-archs $n
    done
    "$maple" figure curve "$rows"/train-*.json --x train_archs \
        --title "10 samples ($more), 7 known devices (bars: ± 1 standard deviation)" --output "$out/training-networks"
    # --known N takes one random choice of devices for each target and seed: as many seeds as draws, one draw of each.
    rm -f "$rows"/known-*.json
    for n in 1 2 3 5 7; do
        known_seed=1
        while [ "$known_seed" -le "$trials" ]; do
            evaluate_by "$rows/known-$n-$known_seed.json" "$known_seed" 1 --pool "$build/eight.db" --predictor $all --samples 10 \
                --train-archs 900 --known $n
            known_seed=$((known_seed + 1))
        done
    done
    "$maple" figure curve "$rows"/known-*.json --x sources \
        --title "10 samples ($more), 900 of each known device (bars: ± 1 standard deviation)" --output "$out/known-devices"
    for p in gp nearest; do
        MAPLE_BUNDLED_POOL=none "$maple" pareto --platform gold_6226 --pool "$build/eight.db" --predictor $p --samples 10 \
            --scores "$accuracy" --score cifar100_test --json >"$rows/front-$p.json"
    done
    "$maple" figure fronts "$rows/front-gp.json" "$rows/front-nearest.json" --accuracy "CIFAR-100 accuracy (%)" --output "$out/fronts"
}

for part in $parts; do
    case $part in
    bundled) bundled ;;
    public) public ;;
    *) echo "no part '$part': bundled, public" >&2; exit 2 ;;
    esac
done
