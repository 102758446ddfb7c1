# Predictors compared on a pool of imported tables: protocols, formats, files kept, and what is refused.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
rounded() { sed -E 's/"(fit_ms|adapt_ms|predict_ms)":[[:space:]]*[0-9.e+-]+/"\1": TIME/; s/([0-9]\.[0-9]{4})[0-9]+/\1/'; }
start() { echo "\$ maple $*"; maple "$@" 2>&1 | cut -c1-58; }
# Three made-up devices over 60 architectures: a cost for each operator, and one for each network.
awk 'BEGIN {
    split("none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3", name, " ")
    split("0 1 4 20 2", cost, " ")
    print "arch,index,board,phone,tablet"
    for (i = 0; i < 60; i++) {
        x = i * 7919 % 15625; a = b = 0
        for (e = 0; e < 6; e++) { op[e] = x % 5 + 1; x = int(x / 5); a += cost[op[e]]; b += cost[op[e]] ^ 0.7 }
        printf "|%s~0|+|%s~0|%s~1|+|%s~0|%s~1|%s~2|,%d,%.3f,%.3f,%d\n", name[op[0]], name[op[1]], name[op[2]],
            name[op[3]], name[op[4]], name[op[5]], i, 5 + a / 4, 2 + b, 20 + int(a / 3) }
}' >devices.csv
maple pool import csv devices.csv --columns board,phone,tablet --graph as-written --pool p.db >/dev/null || exit 1

echo '--- leave one out'
maple evaluate --pool p.db --predictor flops,nearest,lut --samples 3,6 --trials 2 --json >rows.json; echo "exit $?"
rounded <rows.json | sed -n '1,/"unmeasured"/p'
grep -c '"task"' rows.json
grep '"reason"' rows.json | sort | uniq -c
maple evaluate --pool p.db --predictor flops,nearest --samples 3,6 --trials 2 --threads 1 --cache none --csv | cut -d, -f1-10,14-15 >one
maple evaluate --pool p.db --predictor flops,nearest --samples 3,6 --trials 2 --threads 3 --cache none --csv | cut -d, -f1-10,14-15 >three
cmp one three && wc -l <one
head -7 one
# Every line has every field, whether the target has the scoring set or not, and the predictor intervals.
maple evaluate --pool p.db --predictor flops --samples 3 --trials 1 --csv 2>/dev/null >fields
awk -F, '{print NF}' fields | sort | uniq -c
head -1 fields | cut -d, -f14-
sed -n '2p;5p' fields | cut -d, -f14- | sed -E 's/[0-9]+\.[0-9]+/X/g'

echo '--- samples that gp asks for'
for threads in 1 3; do
    maple evaluate --pool p.db --predictor flops,nearest --sampler suggest --samples 3,6 --trials 2 --threads $threads \
        --cache none --csv | cut -d, -f1-10,14- >suggested$threads
done
cmp suggested1 suggested3 && wc -l <suggested1 && cut -d, -f1-10 suggested1 | head -3
maple evaluate --pool p.db --predictor flops,nearest --sampler suggest --samples 6,3,4 --trials 2 --csv | cut -d, -f1-10,14- |
    awk -F, '$5 != 4' | sort >again; sort suggested1 | cmp - again # others between do not change them
try evaluate --pool p.db --predictor flops --sampler suggest --platforms board --trials 1

echo '--- samples that do not fit with the others are counted'
awk -F, -v OFS=, 'NR % 10 == 5 { $4 *= 20 } 1' devices.csv >errors.csv
maple pool import csv errors.csv --columns board,phone,tablet --graph as-written --pool errors.db >/dev/null
maple evaluate --pool errors.db --source board,tablet --target phone --predictor gp,flops --samples 10 --trials 4 --csv 2>said >rows
sed -E 's/[0-9]+ of 40/N of 40/' said
awk -F, 'NR > 1 { print $3, ($28 > 0) }' rows | sort -u

echo '--- named platforms, labels with options'
maple evaluate --pool p.db --source board --target phone,tablet --predictor 'flops@20,nearest,maple:epochs=1:width=8' \
    --samples 5 --trials 1 --csv | cut -d, -f1-10 | sort -u
maple evaluate --pool p.db --platforms phone,board --predictor flops --samples 5 --trials 1 --markdown --scoring unmeasured |
    sed -E 's/[0-9]+\.[0-9]+/X/g; s/ +/ /g'

echo '--- work is kept'
ls "$HOME/.cache/maple"
XDG_CACHE_HOME="$PWD/cache" maple evaluate --pool p.db --predictor nearest --samples 3 --trials 1 --csv >/dev/null; ls cache/maple
kept() { maple evaluate --pool p.db --predictor maple:epochs=400,nearest --train-archs 50 --samples 5 --trials 3 --csv "$@"; }
kept --cache none | cut -d, -f1-10,14- >whole
sh -c 'timeout -s KILL 0.3 maple evaluate --pool p.db --predictor maple:epochs=400 --train-archs 50 --samples 5 --trials 3 --threads 1 --cache kept; true' >/dev/null 2>&1
kept --cache kept --threads 2 >first
kept --cache kept --threads 1 >second
cut -d, -f1-10,14- first | cmp - whole && cmp first second && wc -l <whole
echo "no cache any more, but as long as a page of one" >kept/maple-evaluate.db
kept --cache kept | cut -d, -f1-10,14- | cmp - whole

echo '--- the public tasks'
try evaluate --pool p.db --tasks FD --predictor flops
try evaluate --pool p.db --protocol tasks --tasks N1
try evaluate --pool p.db --tasks ND,N5
start evaluate --pool p.db --tasks all --predictor flops

echo '--- wrong calls'
start evaluate --pool p.db --predictor flopz
try evaluate --pool p.db --predictor flops,flops
try evaluate --pool p.db --predictor flops@0
try evaluate --pool p.db --predictor flops, --samples 3
start evaluate --pool p.db --predictor maple:epoch=3
try evaluate --pool p.db --predictor flops --samples 3,x
try evaluate --pool p.db --predictor flops --sampler best
try evaluate --pool p.db --predictor flops --sampler zcp
try evaluate --pool p.db --predictor flops --scoring most
try evaluate --pool p.db --predictor flops --platforms board,fridge
try evaluate --pool p.db --predictor flops --space nb301
try evaluate --pool p.db --predictor flops --space fbnet
try evaluate --pool p.db --predictor flops --train-archs some
try evaluate --pool p.db --predictor nearest --train-archs 900 --samples 3 --trials 1
try evaluate --pool p.db --predictor flops --train-archs 99999 --samples 3 --trials 1
maple evaluate --pool p.db --predictor flops --train-archs 60 --samples 3 --trials 1 --csv | cut -d, -f10 | sort -u
try evaluate --pool p.db --predictor flops,nearest --samples 0 --trials 1
try evaluate --pool p.db --predictor flops --source board
try evaluate --pool p.db --predictor flops --source board --target board
try evaluate --pool p.db --tasks ND --source board --target phone
try evaluate --pool p.db --protocol leave-one-out --tasks ND
try evaluate --pool p.db --protocol tasks
try evaluate --pool p.db --protocol holdout
try evaluate --pool p.db --tasks ND --space fbnet
try evaluate --pool p.db --leave-out board
try evaluate --pool p.db --json --csv
try evaluate --pool p.db --bundled
try evaluate --pool missing.db
try evaluate --bundled
# Fewer known platforms: how many were learned from stands in the rows; more than there are is refused.
maple evaluate --pool p.db --predictor nearest --known 1 --samples 3 --trials 1 --csv | cut -d, -f29 | sort -u
try evaluate --pool p.db --predictor nearest --known 9 --samples 3 --trials 1 --csv
