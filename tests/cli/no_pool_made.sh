# A command that would measure and cannot, because of what it was asked for, makes no pool.
try() { echo "\$ maple $*"; maple "$@" --pool new.db >out 2>&1; code=$?; sed 's/(0 to [0-9]*)/(...)/; s/may use [0-9]*$/may use N/' out; echo "exit $code"; }
for command in "profile" "quickstart" "measure --random 2"; do
    # shellcheck disable=SC2086
    try $command --engine reference --isa avx9
    try $command --engine reference --cpu 4000
    try $command --engine reference --threads 1000
    try $command --engine reference --name "$(printf '%0161d' 7)"
done
try measure --random 2 --engine reference --name ""
try profile --engine reference --counters abacus
try quickstart --engine reference --counters abacus
ls
