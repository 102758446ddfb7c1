# maple search --verify: measured anew, on the platform that was searched for; what it says where that fails.
# Labels are set to what no machine reaches, so that what is measured cannot be mistaken for them.
op() { echo "|$1~0|+|none~0|none~1|+|$2~0|none~1|none~2|"; }
a=$(op nor_conv_1x1 skip_connect)
b=$(op avg_pool_3x3 skip_connect)
none='|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
printf '%s\n%s\n' "$a" "$b" >archs.txt
maple measure --engine blas --name mine --file archs.txt --rounds 5 --accept-drift --pool p.db >out 2>&1 || cat out
query() { sqlite3 -cmd '.timeout 5000' p.db "$1"; }
sentinels=$(query "SELECT json_extract(json, '\$.sentinels') FROM environments")
label() { query "UPDATE latencies SET latency_ms = $2 WHERE arch = (SELECT id FROM architectures WHERE arch = '$1')"; }
# A machine under test may have changed since: that is another test's.
same_machine() { query "UPDATE environments SET json = json_remove(json, '\$.sentinels')"; }
labels() { query "SELECT group_concat(latency_ms, ' ') FROM (SELECT latency_ms FROM latencies ORDER BY arch)"; }
label "$a" 0.001
label "$b" 0.002
printf 'arch,score\n%s,70\n%s,60\n%s,50\n' "$a" "$b" "$none" >scores.csv
# What is measured is not known; that it is below 10 s is.
quiet() { grep -v 'hardly ever\|never to ourselves\|shared all the time\|; $\|^  stop\|a second$\|^noisy\|the machine changed' err; }
search() { maple search --platform mine --pool p.db --scores scores.csv --latencies measured "$@" >out 2>err; code=$?; }

echo '--- the labels meet the constraint, the machine does not'
same_machine
search --max-latency 0.01 --verify 2 --json
sed -n 's/^\t*//; s/\("verified_ms":\t\)[0-9.e-]*/\1MS/; /"verified\|"violat\|"failed\|"latency_ms\|"not_verified/p' out | uniq -c
quiet
echo "exit $code, labels $(labels), $(maple pool list --pool p.db --json | grep -c '"name"') platform"
echo '--- it does; a front is as long as it is'
same_machine
search --front --max-latency 10s --verify 5
sed 's/  *[0-9.e+-]* *\(|nor\)/ MS \1/' out
quiet
echo "exit $code"

echo '--- a network that cannot be measured counts for nothing'
query "INSERT INTO architectures(space, arch) SELECT space, '$none' FROM architectures LIMIT 1"
query "INSERT INTO latencies(platform, arch, latency_ms, runs) SELECT 1, id, 0.003, 1 FROM architectures WHERE arch = '$none'"
same_machine
search --max-latency 10s --verify 3 --json
sed -n 's/^\t*//; s/\("verified_ms":\t\)[0-9.e-]*,/\1MS,/; /"verified\|"violat\|"failed\|"not_verified/p' out | uniq
quiet
echo "exit $code"

echo '--- a machine that is not as fast as it was says nothing of the prediction'
slower=$(echo "$sentinels" | sed 's/"median_ms":/"median_ms":999/g')
query "UPDATE environments SET json = json_set(json, '\$.sentinels', json('$slower'))"
search --max-latency 10s --verify 1
# A core that is not to itself, now or when the platform was measured, does not show how fast the machine is.
if grep -q 'never to ourselves for long enough to tell\|the core was shared all the time' err; then
    echo 'refused: 1'
elif grep -q "^maple search: --verify: this machine is not as fast as when platform 'mine' was measured (sentinel .* ms then): nothing was measured; stop what else runs here, or measure the machine as it is now and search for that platform:$" err &&
    grep -q '^  maple profile --name mine-now --engine blas --isa [a-z0-9]* --pool p.db$' err; then
    echo "refused: $code"
else
    cat err
fi

echo '--- what was found is printed though it cannot be verified'
locked() {
    flock "p.db-measuring-$1" maple search --pool p.db --scores scores.csv --latencies measured --max-latency 10s --best 2 --verify 2 --platform "$2" >out 2>err
    echo "exit $?"
    sed 's/0\.00[0-9]*  *measured  *[0-9][0-9.e+-]* /LABEL measured MS /' out
    sed 's/process ([^)]*)/process (PID)/' err >said
    mv said err
    quiet
}
locked 1 mine
# One platform of two; what is known of the first is kept.
query "CREATE TEMP TABLE t AS SELECT * FROM platforms; UPDATE t SET id = 2, name = 'other'; INSERT INTO platforms SELECT * FROM t;
    INSERT INTO environments SELECT 2, json FROM environments;
    CREATE TEMP TABLE l AS SELECT * FROM latencies; UPDATE l SET platform = 2; INSERT INTO latencies SELECT * FROM l"
same_machine
locked 2 mine,other
# An engine without a cap of its instruction set gets that far, too.
maple measure --engine reference --name slow "$a" --rounds 1 --accept-drift --pool p.db >out 2>&1 || cat out
query "UPDATE latencies SET latency_ms = 0.5, reason = NULL, runs = 1 WHERE platform = 3" # where other programs had the core
locked 3 slow >lines
sed -n '1p;$p' lines

echo '--- what cannot be verified is not searched for'
printf 'arch,latency_ms\n%s,3\n' "$a" >board.csv
maple pool import csv board.csv --platform board --pool p.db >out || cat out
try() { echo "\$ maple search $*"; maple search --pool p.db "$@" 2>&1; echo "exit $?"; }
try --platform mine,board --max-latency 1us --verify 1 --score-command 'echo asked >&2; cat'
try --platform nobody --max-latency 1ms --verify 1 --scores scores.csv
query "UPDATE environments SET json = json_set(json, '\$.cpu', 'Z80')"
maple search --platform mine --pool p.db --max-latency 1us --verify 1 --scores scores.csv 2>&1 | sed 's/, here .*/, here .../'
