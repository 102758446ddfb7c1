# maple candidates on a tiny pool: the protocol's choice by flops, which takes the fast 3x3 network for slower than the
# 1x1 one; the table, JSON, and what is wrong.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
a='|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'
b='|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|'
c='|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
d='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
printf 'arch,latency_ms\n%s,4\n%s,5\n%s,1\n%s,12\n' "$a" "$b" "$c" "$d" >board.csv
maple pool import csv board.csv --platform board --pool p.db >out || cat out
printf '117.5\n%s, 73.5, 0.9\n%s, 64, 0.8\n%s, 65, 0.7\n%s, 50, 0.6\n' "$d" "$a" "$b" "$c" >list.txt
board="--platform board --pool p.db --predictors flops --samples 4 --max-latency 3ms,4.5ms,6ms,0.5ms"
# shellcheck disable=SC2086
maple candidates --file list.txt $board --trials 2 | sed 's|^\([a-zA-Z]* *[0-9a-z]* *[-0-9.]*\) *[0-9]*[.][0-9]* |\1 T |'
# shellcheck disable=SC2086
maple candidates --file list.txt $board --trials 2 --markdown | sed 's,^\(| [a-z]* | [0-9a-z]* | - |\) [0-9.]* |,\1 T |,'
# shellcheck disable=SC2086
maple candidates --file list.txt $board --take 1 --trials 1 --json | grep -v -e '"adapt_s"' -e '"total_s"'
# With a confidence: gp accepts fewer and the others cannot; what is pre-trained is timed by itself, whoever made it when;
# draws say how far they lie apart.
{
    echo arch,one,two,three
    n=0
    for x in none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3; do
        for y in none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3; do
            n=$((n + 1))
            echo "|$x~0|+|$y~0|nor_conv_1x1~1|+|skip_connect~0|$x~1|$y~2|,$((n % 7 + n)).$n,$((n * n % 11 + 2 * n)).$n,$((n % 5 + 3 * n)).$n"
        done
    done
} >three.csv
maple pool import csv three.csv --columns one,two,three --graph as-written --pool three.db >out || cat out
awk -F, 'NR == 1 { print 117.5 } NR > 1 { print $1 ", " 50 + NR ", " 1 - NR / 100 }' three.csv >those.txt
three="candidates --file those.txt --platform three --pool three.db --predictors gp,flops --samples 5 --max-latency 50ms --trials 3 --json"
for option in "" "--confidence 0.8" "--confidence 0.99"; do
    # shellcheck disable=SC2086
    maple $three $option --cache kept >said.json || cat said.json
    grep -e '"confidence"' -e '"reason"' said.json
    grep -c '"latency_sd_ms":[[:space:]]*[0-9]' said.json
    sed -n 's/.*"accepted":[[:space:]]*//p' said.json | head -1 >>accepted
    sed -n 's/.*"pretrain_s":[[:space:]]*//p' said.json >>pretrained
done
tr -d , <accepted | sort -rnu | tr -d '\n' >sorted
tr -d ',\n' <accepted | cmp -s - sorted && echo 'the surer, the fewer'
echo "times of pre-training: $(grep -v null pretrained | sort -u | grep -c '[1-9]'), none: $(grep -c null pretrained)"
# Learned from are both pools, but what --leave-out says.
export MAPLE_BUNDLED_POOL=three.db
nearest="candidates --file list.txt --platform board --pool p.db --predictors nearest --samples 3 --max-latency 3ms --trials 1 --markdown"
# shellcheck disable=SC2086
maple $nearest | cut -d'|' -f2,6
maple pool import csv three.csv --columns one,two,three --graph as-written --device board --pool same.db >out || cat out
# shellcheck disable=SC2086
MAPLE_BUNDLED_POOL=same.db maple $nearest --leave-out cpu 2>/dev/null | cut -d'|' -f2,6
export MAPLE_BUNDLED_POOL=none
# A candidate whose label is flagged as noisy has none, unless it is asked for.
sed "1s/$/,flag/; 2s/$/,spread/; 3,\$s/$/,/" board.csv >flagged.csv
maple pool import csv flagged.csv --platform board --pool f.db >out || cat out
try candidates --file list.txt --platform board --pool f.db --predictors flops --samples 3 --max-latency 3ms --trials 1
maple candidates --file list.txt --platform board --pool f.db --predictors flops --samples 3 --max-latency 3ms --trials 1 --flagged --markdown | cut -d'|' -f2,6
# References and samples are counted once: 12 networks are measured, ten of them the references.
cat >ten.csv <<'END'
arch,latency_ms
|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|,3
|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|,4
|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|skip_connect~1|none~2|,2
|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|,5
|none~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_1x1~2|,6
|skip_connect~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|,7
|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|,8
|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|,12
|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|,5
|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|,20
|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|,9
|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|,9
END
for name in ten other third; do maple pool import csv ten.csv --platform $name --graph as-written --pool ten.db >out || cat out; done
awk -F, 'NR == 1 { print 1 } NR > 1 { print $1 ", 50, " 1 - NR / 100 }' ten.csv >twelve.txt
maple candidates --file twelve.txt --platform ten --pool ten.db --samples 12 --max-latency 5ms --trials 2 --predictors maple:epochs=1,scratch --json 2>/dev/null |
    grep -e '"measured"' -e '"reason"'
try candidates --platform board --pool p.db --max-latency 3ms
try candidates --file list.txt --pool p.db --max-latency 3ms
try candidates --file list.txt --platform board --pool p.db
try candidates --file list.txt --platform board --pool p.db --max-latency soon
try candidates --file list.txt --platform nobody --pool p.db --max-latency 3ms
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms --predictors magic
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms --samples 2 --predictors lut-fit
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms --confidence 1
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms --leave-out most
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms --leave-out family --task ND
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms --task ND
try candidates --file nowhere.txt --platform board --pool p.db --max-latency 3ms
echo "|nor_conv_3x3~0|, 1, 2" >>list.txt
try candidates --file list.txt --platform board --pool p.db --max-latency 3ms
printf '117.5\n%s, 60, 0.5\n' '|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|' >other.txt
try candidates --file other.txt --platform board --pool p.db --max-latency 3ms
