# SPDX-License-Identifier: Apache-2.0
# Man pages: one for maple and for each command, without a warning, and with all that --help says.
# sh man.sh BUILD; 77: neither groff nor mandoc.
set -u
maple=$1/maple pages=$1/pages
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export LC_ALL=C.UTF-8
failures=0
fail() {
    echo "$1"
    failures=$((failures + 1))
}
if command -v groff >/dev/null; then
    render() { groff -man -Tutf8 -P-cbou -ww -rLL=500n "$1"; } # wide: no line is broken where --help has none
elif command -v mandoc >/dev/null; then
    render() { mandoc -Tutf8 -Owidth=500 "$1" | sed "s/.$(printf '\b')//g"; }
else
    echo "skipped: neither groff nor mandoc is there (Debian: groff-base, mandoc)"
    exit 77
fi
# One space for any white space, and signs that roff draws in another way as they are typed.
plain() { tr -s '[:space:]' ' ' | sed 's/‐/-/g'; }

for page in "$pages"/*.1; do
    name=$(basename "$page")
    render "$page" >"$folder/$name" 2>"$folder/warnings"
    [ -s "$folder/warnings" ] && fail "$name: $(cat "$folder/warnings")"
    if command -v man >/dev/null; then
        warnings=$(man --warnings -l "$page" 2>&1 >/dev/null)
        [ -n "$warnings" ] && fail "man $name: $warnings"
    fi
    if command -v mandoc >/dev/null; then # a page needs no date
        warnings=$(mandoc -T lint -W warning "$page" | grep -v 'missing date')
        [ -n "$warnings" ] && fail "mandoc $name: $warnings"
    fi
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES 'EXIT STATUS' FILES ENVIRONMENT 'SEE ALSO'; do
        grep -q "^$section$" "$folder/$name" || fail "$name: no section $section"
    done
    # Pages that are spoken of are there.
    grep -o 'maple[a-z-]*(1)' "$folder/$name" | sort -u | tr -d '()1' | while read -r other; do
        [ -e "$pages/$other.1" ] || echo "$name: no page $other"
    done >"$folder/dangling"
    [ -s "$folder/dangling" ] && fail "$(cat "$folder/dangling")"
done

# Every line of --help, white space aside: the summary, the description, each option with its text, the examples.
check() {
    page=$folder/maple-$(echo "$1" | tr ' ' '-').1
    [ -e "$page" ] || { fail "no page for maple $1" && return; }
    plain <"$page" >"$folder/plain"
    # shellcheck disable=SC2086
    "$maple" $1 --help >"$folder/help" || fail "maple $1 --help: exit $?"
    grep -q "^  --help" "$folder/help" || fail "maple $1 --help: no options"
    sed -e '/^Usage:/d; /^Options:$/d; /^Examples:$/d; /^  --help /d' -e "s/^maple $1: //" "$folder/help" |
        awk -v name="$1" 'NR == FNR {page = page " " $0; next}
            {gsub(/[ \t]+/, " "); sub(/^ /, "")}
            $0 != "" && !index(page, $0) {print "maple " name ": the man page lacks: " $0}' "$folder/plain" - >"$folder/lacking"
    [ -s "$folder/lacking" ] && fail "$(cat "$folder/lacking")"
}
"$maple" --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' >"$folder/commands"
"$maple" pool import --help | sed -n 's/^  \([a-z]*\)  .*/pool import \1/p' >>"$folder/commands"
[ "$(wc -l <"$folder/commands")" -gt 20 ] || fail "only $(wc -l <"$folder/commands") commands were found in maple --help"
while read -r command; do
    check "$command"
    grep -q "maple-$(echo "$command" | tr ' ' '-')(1)" "$folder/maple.1" || fail "maple.1 does not list $command"
done <"$folder/commands"
[ "$(ls "$pages" | grep -c '\.1$')" -eq $(($(wc -l <"$folder/commands") + 1)) ] || fail "a page belongs to no command"
"$maple" --help | sed -n '/^Exit codes/,$p' | tr -s ' ,' '\n' | tail -n +3 | grep -vxF "$(plain <"$folder/maple.1" | tr ' ' '\n')" &&
    fail "maple.1 lacks these words of the exit codes"
"$maple" documentation "$folder/nowhere" 2>"$folder/err" && fail "maple documentation wrote into a folder that is not there"
grep -q "nowhere" "$folder/err" || fail "maple documentation does not say where it could not write"
[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
