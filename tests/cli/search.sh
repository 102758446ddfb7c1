# maple search on a tiny pool: measured and predicted latencies, scores of a pool, a file and a command, and what is wrong.
try() { echo "\$ maple $*"; maple "$@" 2>err; code=$?; grep -v ' a second$' err; echo "exit $code"; }
a='|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'
b='|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|'
c='|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
d='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
printf 'arch,board,phone\n%s,12.5,30\n%s,4,20\n%s,1,10\n' "$a" "$b" "$c" >table.csv
printf 'index,arch,cifar100_test\n3,%s,72\n5,%s,65\n8,%s,50\n9,%s,73.5\n' "$a" "$b" "$c" "$d" >accuracy.csv
maple pool import csv table.csv --pool p.db --columns board,phone >out || cat out
try search --platform board --pool p.db --max-latency 5ms
maple pool import accuracy accuracy.csv --pool p.db >out || cat out
# d was not measured: without a prediction it has no latency.
try search --platform board --pool p.db --max-latency 5ms --latencies measured
try search --platform board --pool p.db --max-latency 0.02s --predictor flops
maple search --platform board,phone --pool p.db --max-latency 5ms,25ms --latencies measured --best 1 --json 2>err | grep -v -e seconds -e candidates_per_s
try search --platform board --platform phone --pool p.db --max-latency 5 --latencies measured
try search --platform board --pool p.db --max-latency 500us
try search --platform board --pool p.db --front --latencies measured
# Other places for scores; a front with one of them at its end only is no error.
printf 'arch,top1,loss\n%s,70,1\n%s,80,2\n' "$a" "$b" >scores.csv
try search --platform board --pool p.db --max-latency 20ms --scores scores.csv --score top1
try search --platform board --pool p.db --max-latency 20ms --scores scores.csv
try search --platform board --pool p.db --max-latency 20ms --latencies measured --best 2 \
    --score-command 'while read -r line; do echo ${#line}; done'
try search --platform board --pool p.db --max-latency 20ms --latencies measured --score-command 'read line; exit 4'
# A model by itself needs no pool.
{
    echo position,op,score
    for p in 0 1 2 3 4 5; do
        printf '%d,none,0\n%d,skip_connect,1\n%d,nor_conv_1x1,2\n%d,nor_conv_3x3,4\n%d,avg_pool_3x3,0.5\n' $p $p $p $p $p
    done
} >adds.csv
maple fit --platform board --predictor flops --pool p.db --output board.model >out || cat out
try search --model board.model --scores adds.csv --max-latency 7ms --best 2
try search --model board.model --scores adds.csv --max-latency 7ms --best 1 --algorithm nsga2 --evaluations 1000 --seed 3
# A list is looked at as a whole, however many evaluations an evolution would have.
try search --platform board --pool p.db --max-latency 20ms --latencies measured --evaluations 2 --best 1
# What is wrong.
try search --pool p.db
try search --platform nobody --pool p.db --max-latency 5ms
try search --platform board --pool p.db --max-latency 5ms --score top5
try search --platform board,phone --pool p.db --max-latency 5ms,6ms,7ms
try search --platform board,board --pool p.db --max-latency 5ms
try search --platform board --pool p.db --max-latency fast
try search --platform board --pool p.db --max-latency 5ms --confidence 1.5
try search --platform board --pool p.db --confidence 0.95
try search --platform board --pool p.db --max-latency 5ms --confidence 0.95 --predictor flops
try search --platform board --pool p.db --max-latency 5ms --latencies measured --predictor flops
try search --platform board --pool p.db --max-latency 5ms --latencies measured --confidence 0.95
try search --platform board --pool p.db --max-latency 5ms --latencies guessed
try search --platform board --pool p.db --max-latency 5ms --algorithm random
try search --platform board --pool p.db --max-latency 5ms --latencies measured --verify 2
try search --platform board --pool p.db --max-latency 5ms --scores accuracy.csv --score-command cat
# A command that prints more than it is asked for, also at its end: its scores may be those of others.
try search --platform board --pool p.db --max-latency 20ms --latencies measured --score-command 'while read -r line; do echo 1; done; echo bye'
try pareto --platform board --pool p.db --predictor flops --samples 2 --score-command 'while read -r line; do echo 1; done; echo bye'
maple search --help | grep -A1 -e '--verify K' -e '^A list'
# What would be ignored is refused, and what is mistyped is found though nothing has to be predicted.
try search --platform board --pool p.db --max-latency 5ms --verify 3 --best 2
try search --platform board --pool p.db --front --best 3
try search --model board.model --scores adds.csv --max-latency 7ms --latencies measured
try search --model board.model --scores adds.csv --max-latency 7ms --samples 10
try search --model board.model --scores adds.csv --max-latency 7ms --score top1
try search --platform board --pool p.db --max-latency 5ms --leave-out most
maple search --platform board --pool p.db --max-latency 5ms --predictor gqq 2>&1 | cut -d';' -f1
try search --platform board --pool p.db --max-latency 5ms --options wonders=1 --predictor lut
# Refused before the platform is searched for anything.
try search --platform board --pool p.db --max-latency 1us --latencies measured --verify 1
# Inside another program's loop: a line for a line, and what came before a bad one is answered.
printf '%s\n\n%s,more\n' "$a" "$b" | try predict --model board.model --stream
printf 'arch\n%s\n|none~0|\n%s\n' "$a" "$b" | try predict --model board.model --stream
printf '%s' "$b" | try predict --model board.model --stream
try predict --model board.model --stream "$a"
# A caller that waits for each answer gets it.
mkfifo questions answers
maple predict --model board.model --stream <questions >answers 2>err &
exec 3>questions 4<answers
read -r line <&4 && echo "$line"
for arch in "$a" "$b" "$c"; do
    echo "$arch" >&3
    read -r line <&4 && echo "$line"
done
exec 3>&-
wait $!
echo "exit $?, $(cut -d' ' -f1,2 err)"
