# How far platforms lie apart: operator latencies and counts are made up, by the sqlite3 program; without it the case is
# skipped.
command -v sqlite3 >/dev/null || { echo 'skipped: sqlite3 is not installed'; exit 77; }
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
a='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
printf 'arch,latency_ms\n%s,12.5\n' "$a" >one.csv
for name in board-1t board-2t board-8 phone plain; do
    maple pool import csv one.csv --platform $name --device "${name%-*}" --pool p.db >/dev/null || exit 1
done
maple pool distances --pool p.db; echo "exit $?"
# With two threads operator n takes 0.6 (1 + n / 100) of its latency, and half as many counts; with batch 8 it is 5 (1 + n / 50);
# the phone takes 3 (1 + n / 20), has no counts, and three operators only.
sqlite3 p.db "
UPDATE platforms SET threads = 2 WHERE name = 'board-2t';
UPDATE platforms SET batch = 8 WHERE name = 'board-8';
CREATE TEMP TABLE ops(n INTEGER PRIMARY KEY, op TEXT);
INSERT INTO ops(op) SELECT o || '_' || c FROM
    (SELECT 1 k, 'none' o UNION SELECT 2, 'skip_connect' UNION SELECT 3, 'nor_conv_1x1' UNION SELECT 4, 'nor_conv_3x3'
     UNION SELECT 5, 'avg_pool_3x3'), (SELECT 16 c UNION SELECT 32 UNION SELECT 64) ORDER BY k, c;
INSERT INTO operators SELECT p.id, s.id, op, 0.001 * n * CASE p.name WHEN 'board-1t' THEN 1
        WHEN 'board-2t' THEN 0.6 * (1 + 0.01 * n) WHEN 'board-8' THEN 5 * (1 + 0.02 * n) ELSE 3 * (1 + 0.05 * n) END,
    NULL, NULL, NULL, 25, 'made up', NULL
    FROM ops, platforms p, spaces s WHERE s.name = 'nas-bench-201' AND (p.name LIKE 'board%' OR p.name = 'phone' AND n <= 3);
INSERT INTO counters SELECT p.id, s.id, 'warm', op, 'instructions', 1000 * n / p.threads - 1, 1, 'simulated', NULL, 'callgrind',
    'avx2', 1 FROM ops, platforms p, spaces s WHERE s.name = 'nas-bench-201' AND p.name LIKE 'board%';
UPDATE platforms SET counters = 'callgrind' WHERE name LIKE 'board%';
" || exit 1
try pool distances --pool p.db
maple pool distances --pool p.db --json | sed -E 's/([0-9]\.[0-9]{4})[0-9]+/\1/'
try pool distances --pool p.db --space fbnet
try pool distances --pool p.db --space nb101
try pool distances --pool typo.db
try pool distances extra --pool p.db
MAPLE_BUNDLED_POOL=$CASES/../../data/pool.db maple pool distances --bundled >map || exit 1
# Every pair of the bundled pool's platforms, and graph forms nearer to each other than engines are.
n=$(MAPLE_BUNDLED_POOL=$CASES/../../data/pool.db maple pool list --bundled --json | grep -c '"family"')
[ "$(wc -l <map)" -eq $((n * (n - 1) / 2 + 1)) ] && echo 'all pairs'
awk '$5 == "graph" && $1 > most { most = $1 } $5 == "engine" && (!least || $1 < least) { least = $1 }
    END { print (most < least ? "graph forms are nearer than engines" : "engines are nearer than graph forms") }' map
# int8 beside float32 is another setting than the instruction set.
awk '$6 ~ /2\.50ghz-onednn-avx512-1t-b1-pruned/ && $7 ~ /2\.50ghz-onednn-avx512_vnni-int8/ { print $5 }' map
