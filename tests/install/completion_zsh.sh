# SPDX-License-Identifier: Apache-2.0
# Completion for zsh: an interactive zsh in a pseudo-terminal loads the generated function, and tells what it would offer.
# sh completion_zsh.sh BUILD SOURCE; 77: there is no zsh.
set -u
build=$1 source=$2
command -v zsh >/dev/null || { echo "skipped: there is no zsh (Debian: zsh)"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/home" "$folder/work" "$folder/work/folder"
ln -s "$build/maple" "$folder/bin/maple"
touch "$folder/work/archs.txt"
cat >"$folder/.zshrc" <<'SCRIPT'
PROMPT= RPROMPT=
fpath=($BUILD/pages $fpath)
autoload -Uz compinit && compinit -u -d $FOLDER/dump
zstyle ':completion:*' insert-tab false
bindkey '^I' complete-word
setopt no_beep
# What is added as matches goes to a file; the caller's own questions (-O, -A, -D) do not.
compadd() {
    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
        local -a hits
        builtin compadd -O hits "$@"
        print -rl -- $hits >>$FOLDER/matches
    fi
    builtin compadd "$@"
}
cd $FOLDER/work
print READY
SCRIPT
cat >"$folder/capture.zsh" <<'SCRIPT'
zmodload zsh/zpty || exit 1
zpty inner zsh -d -i
while zpty -r inner line; do [[ $line == *READY* ]] && break; done
integer n=0
while IFS=$'\t' read -r expected request; do # the line, Tab; then to its beginning, and another command before a comment
    n+=1
    : >$FOLDER/matches
    zpty -w -n inner "$request"$'\t'$'\C-a'"print DONE-\$(($n + 1000)) #"$'\n'
    while zpty -r inner line; do [[ $line == *DONE-$((n + 1000))* ]] && break; done
    got=$(sort -u $FOLDER/matches | grep . | paste -sd ' ')
    [[ $got == "$expected" ]] && continue
    print -r -- "$request"
    print -r -- "  offered:  $got"
    print -r -- "  expected: $expected"
done
print $n lines
zpty -d inner
SCRIPT
export PATH="$folder/bin:$PATH" HOME="$folder/home" LC_ALL=C TERM=dumb BUILD="$build" FOLDER="$folder" ZDOTDIR="$folder" \
    MAPLE_BUNDLED_POOL="$source/data/pool.db"
unset XDG_DATA_HOME
cd "$folder/work" || exit 1
list() { sort | paste -sd ' '; }
names() { maple "$1" --json | sed -n 's/^\t*{*\t*"name":\t"\(.*\)",$/\1/p' | list; }
printf 'arch,latency_ms\n%s,3.5\n' '|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|' |
    maple pool import csv - --platform 'my phone' --pool my.db >/dev/null 2>"$folder/err" || cat "$folder/err"
tab=$(printf '\t')
cat >"$folder/cases" <<CASES
$(maple --help | awk '/^  [a-z]/ {print $1}' | sort -u | list)${tab}maple 
$(maple --help | awk '/^  p/ {print $1}' | sort -u | list)${tab}maple p
$(maple --help | awk '/^  pool / {print $2}' | list)${tab}maple pool 
accuracy csv help zcp${tab}maple pool import 
$(maple pool import csv --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' | list)${tab}maple pool import csv --
$(maple evaluate --help | sed -n 's/^  \(--[a-z-]*\) .*/\1/p' | list)${tab}maple evaluate --
$(names engines)${tab}maple profile --engine 
$(names predictors)${tab}maple predictors 
$(names spaces)${tab}maple quickstart --seed 3 --space 
as-written pruned${tab}maple measure --graph=
cpu family none${tab}maple fit --leave-out 
F1 F2 F3 F4 FA FD${tab}maple evaluate --tasks ND,F
gp${tab}maple evaluate --predictor maple,g
archs.txt${tab}maple predict --file a
folder${tab}maple fit --cache fo
archs.txt${tab}maple figure curve my.db ar
archs.txt${tab}maple figure fronts ar
archs.txt${tab}maple search --model x,ar
my phone${tab}maple search --pool my.db --platform xeon,my
auto enumerate evolution nsga2${tab}maple search --algorithm 
my phone${tab}maple pool show --pool my.db 
my phone${tab}maple evaluate --pool my.db --target x,
$(maple pool list --bundled | awk 'NR > 1 {print $1}' | list)${tab}maple predict --platform 
$(maple pool list --bundled | awk 'NR > 1 {print $1}' | list)${tab}maple pool export --bundled 
CASES
timeout 60 zsh -f "$folder/capture.zsh" <"$folder/cases" >"$folder/report" 2>&1
[ "$(cat "$folder/report")" = "$(wc -l <"$folder/cases") lines" ] && exit 0
cat "$folder/report"
exit 1
