# One campaign, disturbed in every way that needs no other disk: Ctrl-C, kill -9 of the campaign, kill -9 of its worker, a
# second one on the same platform, a pool that cannot be written. (Full disk: full_disk.sh; clock set back and reboot:
# tests/test_campaign.c; 1,000 kills at random moments: make check-kill.)
op() { echo "|$1~0|+|none~0|none~1|+|$2~0|$3~1|none~2|"; }
for a in nor_conv_3x3 avg_pool_3x3 skip_connect; do for b in skip_connect nor_conv_3x3; do op $a $b skip_connect; done; done >archs.txt
campaign() { exec env --default-signal=INT maple measure --engine blas --name p --file archs.txt --rounds 10 --accept-drift --pool p.db --json; }
runs() { sqlite3 -cmd '.timeout 5000' p.db 'SELECT count(*) FROM runs' 2>/dev/null || echo 0; }
until_more_than() { n=0; while [ "$(runs)" -le "$1" ] && [ $n -lt 3000 ]; do sleep 0.01; n=$((n + 1)); done; }
child_of() { cat "/proc/$1/task/$1/children"; }
# sh waits for a foreground command: what disturbs it goes on beside it.
begin() { campaign >out 2>err & pid=$!; }
end() {
    wait $pid 2>/dev/null
    echo "exit $?"
    grep -v 'hardly ever\|never to ourselves\|shared all the time\|the machine changed' err |
        sed 's/[0-9]* of [0-9]* runs/N of N runs/; s/process [0-9]* ([^)]*)/process/'
    grep '"measured"\|"already"\|"failed"\|"workers_lost"' out
}

echo '--- Ctrl-C'
begin
until_more_than 0
kill -INT $pid
end
first=$(runs)

echo '--- kill -9, as a reboot does'
begin
until_more_than "$first"
kill -9 $pid
end
second=$(runs)
[ "$second" -gt "$first" ] || echo "no run was kept: $first, $second"

echo '--- kill -9 of the worker, and a second campaign of the same platform'
begin
until_more_than "$second"
worker=$(child_of $pid)
kill -STOP "$worker" # or a fast machine is done before the second one has begun
(campaign) >out2 2>err2
echo "exit $?"
sed "s/($pid)/(PID)/" err2
kill -9 "$worker"
end
third=$(runs)
[ "$third" -gt "$second" ] || echo "no run was kept: $second, $third"
# Two pairs of the six are the same network once it is pruned; disturbed runs are not kept, but half of the rounds are.
sqlite3 p.db 'SELECT count(*), min(n) >= 5, max(n) <= 10 FROM (SELECT count(*) n FROM runs GROUP BY arch)'
ls

echo '--- again: nothing is left'
begin
end

echo '--- a pool that is read-only'
chmod a-w p.db
op nor_conv_3x3 none skip_connect >>archs.txt
without_root=
[ "$(id -u)" -ne 0 ] || without_root='setpriv --bounding-set=-dac_override'
$without_root maple measure --engine blas --name p --file archs.txt --rounds 10 --pool p.db
echo "exit $?"
chmod u+w p.db
cp p.db before.db
maple measure --engine blas --name p --file archs.txt --rounds 10 --accept-drift --pool p.db --json 2>/dev/null | grep '"measured"\|"already"'
echo "$(sqlite3 p.db "ATTACH 'before.db' AS b; SELECT $third - count(*) FROM b.runs NATURAL JOIN main.runs") runs lost"
