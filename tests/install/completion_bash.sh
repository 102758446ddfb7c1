# SPDX-License-Identifier: Apache-2.0
# Completion for bash: sources the generated script and asks it as bash does (COMP_WORDS, COMP_CWORD, COMPREPLY).
# bash completion_bash.sh BUILD SOURCE
set -u
build=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/home" "$folder/work" "$folder/work/sub dir"
ln -s "$build/maple" "$folder/bin/maple"
touch "$folder/work/a pool.db" "$folder/work/archs.txt"
export PATH="$folder/bin:$PATH" HOME="$folder/home" LC_ALL=C MAPLE_BUNDLED_POOL="$source/data/pool.db"
unset XDG_DATA_HOME
cd "$folder/work" || exit 1
. "$build/pages/maple.bash" || exit 1
failures=0

# Words as bash splits them; the last one is being completed. Prints the replies, sorted, on one line.
replies() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _maple maple "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ' | sed 's/ *$//'
}

# expect 'REPLIES' WORDS ...
expect() {
    local expected=$1 got
    shift
    got=$(replies "$@" 2>&1)
    if [[ $got != "$expected" ]]; then
        printf '%s\n  offered:  %s\n  expected: %s\n' "$*" "$got" "$expected"
        failures=$((failures + 1))
    fi
}

# has 'WORD ...' WORDS ...: these are among the replies
has() {
    local wanted=$1 word got
    shift
    got=" $(replies "$@" 2>&1) "
    for word in $wanted; do
        if [[ $got != *" $word "* ]]; then
            printf '%s\n  offered: %s\n  lacks:   %s\n' "$*" "$got" "$word"
            failures=$((failures + 1))
        fi
    done
}

complete -p maple >/dev/null || failures=1

# Commands: every one of maple --help, and only listed ones.
words() { sort -u | tr '\n' ' ' | sed 's/ *$//'; }
commands=$(maple --help | awk '/^  [a-z]/ {print $1}' | words)
[[ $commands == *predict*profile* ]] || failures=1
expect "$commands" maple ''
expect "$(maple --help | awk '/^  p/ {print $1}' | words)" maple p
expect '--help --version' maple --
expect "$(maple --help | awk '/^  pool / {print $2}' | words)" maple pool ''
expect 'accuracy csv help zcp' maple pool import ''
expect '' maple nothing ''
expect '' maple pool nothing ''

# Options: every one of --help.
for command in quickstart doctor profile measure fit predict suggest search pareto candidates evaluate report \
    'figure distances' 'figure predictions' 'figure fronts' 'figure curve' 'pool list' 'pool import csv' engines; do
    # shellcheck disable=SC2086
    options=$(maple $command --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' | words)
    # shellcheck disable=SC2086
    expect "$options" maple $command --
done
expect '--sampler --samples --seed --space' maple quickstart --s

# Values of closed sets are those that the program knows.
names() { maple "$1" --json | sed -n 's/^\t*{*\t*"name":\t"\(.*\)",$/\1/p' | words; }
[ "$(names engines)" != '' ] || failures=1
expect "$(names engines)" maple profile --engine ''
expect "$(names predictors)" maple fit --predictor ''
expect "$(names predictors)" maple predictors ''
expect "$(names spaces)" maple quickstart --seed 3 --space ''
expect 'bf16 f32 int8' maple measure --dtype ''
expect 'as-written pruned' maple measure --graph ''
expect 'as-written' maple measure --graph = a
expect 'as-written pruned' maple measure --graph =
expect 'cpu family none' maple fit --leave-out ''
expect 'cpu family platform' maple evaluate --leave-out ''
expect 'auto callgrind none perf' maple profile --counters ''
expect 'random suggest' maple profile --sampler ''
has 'avx2 avx512' maple profile --isa ''
has 'gp,lut gp,lut-fit' maple evaluate --predictor gp,l
has 'ND,FD' maple evaluate --tasks ND,F
expect '' maple fit --samples ''
has '--json --random' maple measure --repeatability '--'

# Every value that is offered is one that the command takes.
for graph in $(replies maple suggest --graph ''); do
    maple suggest --bundled --graph "$graph" --samples 1 >/dev/null 2>"$folder/err" || { cat "$folder/err"; failures=1; }
done
for where in $(replies maple suggest --leave-out ''); do
    maple suggest --bundled --platform xeon-2.50ghz-blas-avx512-1t-b1-pruned --leave-out "$where" --samples 1 2>&1 >/dev/null |
        grep -F 'use platform (none), family or cpu' && failures=1
done

# Files and folders.
expect 'a pool.db archs.txt' maple predict --file a
expect 'a pool.db' maple pool list --pool 'a '
expect 'archs.txt' maple predict --model = ar
expect 'sub dir' maple fit --cache ''
expect 'a pool.db archs.txt sub dir' maple pool merge ''
expect 'a pool.db archs.txt sub dir' maple figure curve ''
expect 'archs.txt' maple figure fronts 'a pool.db' ar
expect 'archs.txt' maple report --evaluation ar
expect 'curve distances fronts predictions' maple figure ''
# Lists of files: what stands before the last comma stays.
expect 'x.st,archs.txt' maple search --model x.st,ar
expect 'it&s.st,a pool.db it&s.st,archs.txt' maple search --model 'it&s.st,a'

# Platforms: those of the bundled pool, of your own, of the one that is named.
bundled=$(maple pool list --bundled | awk 'NR > 1 {print $1}' | words)
[ "$bundled" != '' ] || failures=1
expect "$bundled" maple predict --platform ''
expect "$bundled" maple pool show --bundled ''
expect '' maple pool show ''
printf 'arch,latency_ms\n%s,3.5\n' '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|' |
    maple pool import csv - --platform 'my phone' --pool 'a pool.db' >/dev/null 2>"$folder/err" || cat "$folder/err"
expect 'my\ phone' maple pool show --pool 'a pool.db' ''
expect 'my\ phone' maple pool export --pool = 'a pool.db' my
has 'my\ phone xeon-2.50ghz-blas-avx512-1t-b1-pruned' maple fit --pool 'a pool.db' --platform ''
expect 'xeon,my\ phone' maple evaluate --pool 'a pool.db' --source xeon,
has 'xeon,my\ phone' maple search --pool 'a pool.db' --platform xeon,my
expect '' maple search --max-latency 5ms,
expect 'auto enumerate evolution nsga2' maple search --algorithm ''
expect "$(names predictors)" maple candidates --predictors ''
has 'gp,lut gp,lut-fit' maple candidates --predictors gp,l
expect 'my\ phone' maple figure predictions --pool 'a pool.db' --platform my
[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
