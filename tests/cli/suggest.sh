# What to measure next: on a new device, on one of the pool, until it is known well enough; and its way back.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
# Four made-up devices over 120 architectures: a cost for each operator, and one for each network.
awk 'BEGIN {
    split("none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3", name, " ")
    split("0 1 4 20 2", cost, " ")
    print "arch,index,board,phone,tablet,watch"
    for (i = 0; i < 120; i++) {
        x = i * 7919 % 15625; a = b = 0
        for (e = 0; e < 6; e++) { op[e] = x % 5 + 1; x = int(x / 5); a += cost[op[e]]; b += cost[op[e]] ^ 0.7 }
        printf "|%s~0|+|%s~0|%s~1|+|%s~0|%s~1|%s~2|,%d,%.3f,%.3f,%.3f,%.3f\n", name[op[0]], name[op[1]], name[op[2]],
            name[op[3]], name[op[4]], name[op[5]], i, 5 + a / 4, 2 + b, 20 + a / 3 + b / 9, 30 + a + b / 5 }
}' >devices.csv
maple pool import csv devices.csv --columns board,phone,tablet --graph as-written --pool p.db >/dev/null || exit 1

echo '--- a new device'
new() { maple suggest --pool p.db --graph as-written "$@"; }
new --samples 4 --csv 2>/dev/null >four; echo "exit $?, $(wc -l <four) lines, $(head -1 four)"
new --samples 8 --csv 2>/dev/null | head -5 | cmp - four && echo 'the first four of eight'
new --samples 4 --csv --seed 1 2>/dev/null | cmp - four && echo 'the same again'
new --samples 4 --json 2>/dev/null | grep -c '"rank"\|"arch"\|"index"\|"interval_width"'
cut -d, -f4 four | tail -n +2 | awk 'NR > 1 && $1 > last { print "wider" } { last = $1 } END { print NR }'
new --samples 2 2>said | sed -E 's/ [ 0-9.]+ %  \|.*/ WIDTH ARCHITECTURE/'; cat said
new --samples 3 --candidates 40 --csv 2>said >few; cat said; wc -l <few
new --samples 3 --candidates 40 --csv --seed 2 2>/dev/null | cmp -s - few || echo 'other candidates, others chosen'
maple suggest --pool p.db --samples 3 --csv 2>/dev/null | wc -l # pruned

echo '--- until it is sure'
until=$(sed -n 4p four | awk -F, '{ print int($4 * 100) + 1 }')
new --until "$until" --csv 2>/dev/null >enough; tail -n +2 enough | awk -F, -v u="$until" '{ print ($4 * 100 <= u) }' | uniq
new --until 1 --samples 3 --csv 2>&1 >/dev/null | tail -1 | sed -E 's/[0-9.]+ %/X %/'

echo '--- what to run, and the way back'
new --samples 3 --commands >template.csv; cut -d, -f2 template.csv | sort | uniq -c
# The second of them is not measured yet.
awk -F, -v OFS=, 'NR == 1 || NR == 3 { print; next } { print $1, 40 + NR }' template.csv >filled.csv
try pool import csv - --platform watch --device 'Watch 3' --graph as-written --pool p.db <filled.csv
try pool import csv - --platform watch2 --graph as-written --pool p.db --json <filled.csv
try pool import csv - --platform watch3 --graph as-written --pool p.db <template.csv
maple suggest --platform watch --pool p.db --samples 2 --commands 2>said >next.csv; cat said
sed 1d next.csv | cut -d, -f1 | grep -Ff - filled.csv | grep -c ',[0-9]' # none is measured twice
awk -F, -v OFS=, 'NR > 1 { $2 = 50 + NR } 1' next.csv >filled2.csv
sh -c "$(tail -1 said | sed 's/<FILE/<filled2.csv/')"; echo "exit $?" # as it was printed
maple suggest --platform watch --pool p.db --samples 1 --csv 2>&1 >/dev/null
sed -n 4,5p devices.csv | cut -d, -f1,3 | sed '1i arch,latency_ms' >odd.csv
maple pool import csv odd.csv --platform "it's" --device "O'Brien & sons" --cpu 'ARM 1' --threads 2 --batch 8 --pool p.db
maple suggest --platform "it's" --pool p.db --samples 1 --commands 2>&1 >/dev/null | tail -1

echo '--- a platform that maple measures'
bundled() { MAPLE_BUNDLED_POOL=$CASES/../../data/pool.db maple suggest --bundled --samples 2 --commands --platform "$@" 2>said | sed 's/[a-z0-9_]*~[0-2]/OP/g'; tail -1 said; }
bundled xeon-2.50ghz-blas-avx512-1t-b1-pruned
bundled xeon-2.50ghz-xnnpack-avx512-1t-b1-as-written --leave-out family

echo '--- another space, too large to enumerate'
for i in 1 2 3 4 5 6 7 8; do
    awk -v s=$i 'BEGIN { srand(s); for (p = 0; p < 22; p++) printf "%s%d", p ? " " : "", int(rand() * 9); print "," s + 1 "," 3 * s + 1 }'
done | sed '1i arch,one,two' >fbnet.csv
maple pool import csv fbnet.csv --space fbnet --graph as-written --pool fbnet.db
maple suggest --space fbnet --graph as-written --pool fbnet.db --samples 2 --csv 2>said | cut -d, -f2 | sed 1d | grep -cFf - fbnet.csv; cat said
maple suggest --space fbnet --graph as-written --pool fbnet.db --samples 2 --candidates 50 --csv 2>/dev/null | cut -d, -f2 | sed 1d | grep -cFf - fbnet.csv
maple suggest --space fbnet --graph as-written --pool fbnet.db --samples 20 --csv 2>&1 >/dev/null | tail -1
try suggest --space fbnet --platform two --pool fbnet.db
maple suggest --space fbnet --graph as-written --pool fbnet.db --samples 1 --commands 2>&1 >/dev/null | tail -1

echo '--- wrong calls'
try suggest --pool p.db --platform fridge
try suggest --platform fridge
try suggest --bundled --platform fridge
try suggest --pool missing.db
try suggest --pool p.db --samples 0
try suggest --pool p.db --until 0
try suggest --pool p.db --until 2.5
try suggest --pool p.db --candidates 0
try suggest --pool p.db --predictor flops
maple suggest --pool p.db --predictor gpp 2>&1 | cut -d";" -f1
try suggest --pool p.db --options wonders=1
try suggest --pool p.db --space fbnet
try suggest --pool p.db --space nb301
try suggest --pool p.db --leave-out cpu
try suggest --pool p.db --leave-out most --platform watch
try suggest --pool p.db --platform watch --graph pruned
try suggest --pool p.db --graph folded
try suggest --pool p.db --json --commands
try suggest --pool p.db --bundled
try suggest --pool p.db watch
maple pool remove watch2 --pool p.db >/dev/null
for p in board phone tablet watch "it's"; do maple pool remove "$p" --pool p.db >/dev/null; done
try suggest --pool p.db
try profile --sampler best --pool p.db
try quickstart --sampler suggest --predictor lut --pool p.db
