# maple pareto on a tiny pool: flops takes the fast 3x3 network for slower than the 1x1 one; and what is wrong.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
a='|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'
b='|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|'
c='|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
d='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
printf 'arch,latency_ms\n%s,4\n%s,5\n%s,1\n%s,12\n' "$a" "$b" "$c" "$d" >board.csv
maple pool import csv board.csv --platform board --pool p.db >out || cat out
try pareto --platform board --pool p.db --predictor flops --samples 4
printf 'index,arch,cifar100_test,params\n3,%s,64,1\n5,%s,65,2\n8,%s,50,3\n9,%s,73.5,4\n' "$a" "$b" "$c" "$d" >accuracy.csv
maple pool import accuracy accuracy.csv --pool p.db >out || cat out
try pareto --platform board --pool p.db --predictor flops
try pareto --platform board --pool p.db --predictor flops --samples 4
try pareto --platform board --pool p.db --predictor flops --samples 4 --reference-latency 10ms --reference-score 40
maple pareto --platform board --pool p.db --predictor flops --samples 3 --seed 1 --reference-latency 10ms --json >out
echo "exit $?"
grep -e '^	"[a-z_]*":	[^[{]' out
grep -c '"budget_ms"' out
try pareto --platform board --pool p.db --predictor flops --samples 4 --score params --reference-latency 10ms
try pareto --pool p.db
try pareto --platform nobody --pool p.db
try pareto --platform board --pool p.db --score top5 --samples 4
try pareto --platform board --pool p.db --predictor flops --samples 9
try pareto --platform board --pool p.db --predictor flops --reference-latency soon --samples 4
try pareto --platform board --pool p.db --predictor flops --reference-score high --samples 4
# 60 is the reference of what is called cifar100, not of a file or a command whose name has that in it.
mkdir cifar100
printf 'arch,top1,cifar100_test\n%s,64,64\n%s,65,65\n%s,50,50\n%s,73.5,73.5\n' "$a" "$b" "$c" "$d" >cifar100/accuracy.csv
for score in top1 cifar100_test; do
    maple pareto --platform board --pool p.db --predictor flops --samples 4 --scores cifar100/accuracy.csv --score $score --json >out
    grep -A2 -e '"reference"' out | grep '"score"'
    grep -e '^	"score' out
done
maple pareto --platform board --pool p.db --predictor flops --samples 4 --score-command 'sed -u s/.*/64/ # cifar100' --json 2>&1 >out
grep -A2 -e '"reference"' out | grep '"score"'
grep -e '^	"score' out
{
    echo position,op,score
    for p in 0 1 2 3 4 5; do
        printf '%d,none,0\n%d,skip_connect,1\n%d,nor_conv_1x1,2\n%d,nor_conv_3x3,4\n%d,avg_pool_3x3,0.5\n' $p $p $p $p $p
    done
} >cifar100/adds.csv
maple pareto --platform board --pool p.db --predictor flops --samples 4 --scores cifar100/adds.csv --json >out
grep -A2 -e '"reference"' out | grep '"score"'
grep -e '^	"score' out
