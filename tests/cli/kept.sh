# What is learned of the sources is kept: the second call takes it, what changes is learned anew, and nothing that happens
# to the cache changes a prediction or fails a command.
awk 'BEGIN {
    split("none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3", name, " ")
    split("0 1 4 20 2", cost, " ")
    print "arch,board,phone,tablet,watch"
    for (i = 0; i < 60; i++) {
        x = i * 7919 % 15625; a = b = 0
        for (e = 0; e < 6; e++) { op[e] = x % 5 + 1; x = int(x / 5); a += cost[op[e]]; b += cost[op[e]] ^ 0.7 }
        printf "|%s~0|+|%s~0|%s~1|+|%s~0|%s~1|%s~2|,%.3f,%.3f,%.3f,%.3f\n", name[op[0]], name[op[1]], name[op[2]],
            name[op[3]], name[op[4]], name[op[5]], 5 + a / 4, 2 + b, 20 + a / 3 + b / 9, 30 + a + b / 5 }
}' >devices.csv
maple pool import csv devices.csv --columns board,phone,tablet,watch --graph as-written --pool p.db >/dev/null || exit 1
predict() { maple predict --platform watch --pool p.db --samples 6 --random 300 "$@"; }
same() { cmp - whole && echo "as without a cache"; }
predict --cache none >whole
store=kept/maple-evaluate.db

echo '--- kept where it is said, and once'
predict --cache kept | same; ls kept
cp $store before; predict --cache kept | same; cmp $store before && echo 'nothing was learned again'
maple fit --platform watch --pool p.db --samples 5 --cache kept --output m.safetensors >/dev/null; cmp $store before && echo 'nor for other samples'
maple suggest --platform watch --pool p.db --samples 2 --csv --cache none 2>/dev/null >two
maple suggest --platform watch --pool p.db --samples 2 --csv --cache kept 2>/dev/null | cmp - two; cmp $store before && echo 'nor to suggest'
predict --predictor lut-fit --cache other >/dev/null 2>&1; predict --predictor flops --cache other >/dev/null
ls other 2>/dev/null || echo 'nothing is kept where nothing was learned of the sources'
predict >/dev/null; ls "$HOME/.cache/maple"; XDG_CACHE_HOME="$PWD/xdg" predict >/dev/null; ls xdg/maple

echo '--- learned anew where something is different'
anew() { predict --cache none "$@" >whole2; predict --cache kept "$@" | cmp - whole2; cmp -s $store before || echo "anew: $*"; cp $store before; }
anew --seed 2
anew --predictor nearest
anew --platform phone
sed '5s/,[0-9.]*,\([0-9.]*\)$/,77.7,\1/' devices.csv >changed.csv; cmp -s devices.csv changed.csv; echo "changed: $?"
maple pool import csv changed.csv --columns board,phone,tablet,watch --graph as-written --pool p.db >/dev/null
anew
predict --cache none | cmp -s - whole; echo "other predictions: $?"
predict --cache none >whole

echo '--- whatever happens to it'
for i in 1 2 3 4; do predict --cache together >together$i 2>&1 & done; wait
for i in 1 2 3 4; do same <together$i; done
for wait in 0.01 0.02 0.03 0.05 0.08; do sh -c "timeout -s KILL $wait maple predict --platform watch --pool p.db --samples 6 --random 300 --cache killed >/dev/null 2>&1" 2>/dev/null; done
predict --cache killed | same
echo 'no cache any more, but as long as the start of one, and no database' >$store
predict --cache kept 2>said | same; sed 's/(.*)/(WHY)/' said
predict --cache kept | same
: >file; predict --cache file/in 2>said | same; cat said
predict --cache /proc/maple 2>said | same; cat said
if [ "$(id -u)" -ne 0 ]; then chmod a-w kept $store; predict --cache kept 2>/dev/null | same; chmod u+w kept $store; else predict --cache kept | same; fi
maple predict --model m.safetensors --cache kept --random 1; echo "exit $?"
