# A model that is saved predicts; what it was fitted with cannot be chosen again.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
a='|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|'
b='|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|'
printf 'arch,latency_ms\n%s,12.5\n%s,4\n' "$a" "$b" >two.csv
maple pool import csv two.csv --platform board --pool p.db >out
maple fit --platform board --predictor flops --pool p.db --output board.safetensors >out || cat out
try predict --model board.safetensors "$a" "$b"
try predict --model board.safetensors --pool p.db --seed 3 --random 2 --json
for option in '--platform board' '--predictor lut' '--options width=8' '--samples 1' '--leave-out cpu' '--space fbnet' '--predictor=flops'; do
    try predict --model board.safetensors $option "$a"
done
try predict --model board.safetensors --all --random 3
try predict --model missing.safetensors "$a"
try predict --model two.csv "$a"
try predict --model board.safetensors
