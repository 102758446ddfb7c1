# A disk that becomes full while a campaign runs: it says so and ends; with room again, the same command continues.
mkdir small
mount -t tmpfs -o size=2m none small 2>why || { echo "no small disk here: $(cat why)"; exit 77; }
trap 'umount small' EXIT
for a in nor_conv_1x1 avg_pool_3x3 skip_connect; do echo "|$a~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|"; done >archs.txt
campaign() { maple measure --engine blas --name p --file archs.txt --rounds 8 --spread-limit 1000 --accept-drift --pool small/p.db --json; }
runs() { sqlite3 -cmd '.timeout 5000' small/p.db 'SELECT count(*) FROM runs' 2>/dev/null || echo 0; }
campaign >out 2>err &
n=0
while [ "$(runs)" -eq 0 ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done
dd if=/dev/zero of=small/fill bs=4096 2>/dev/null
dd if=/dev/zero of=small/fill2 bs=1 2>/dev/null
wait $!
echo "exit $?"
cat out
grep -v 'hardly ever\|never to ourselves\|shared all the time\|the machine changed' err
rm small/fill small/fill2
kept=$(runs)
[ "$kept" -gt 0 ] && [ "$kept" -lt 24 ] || echo "$kept runs were kept"
cp small/p.db before.db
campaign 2>/dev/null | grep '"measured"\|"already"\|"failed"'
echo "$(sqlite3 small/p.db "ATTACH 'before.db' AS b; SELECT $kept - count(*) FROM b.runs NATURAL JOIN main.runs") runs lost"
