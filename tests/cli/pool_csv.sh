# CSV in, CSV out, predictions of an imported platform, bad lines.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
a='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
b='|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
c='|avg_pool_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|none~2|'
printf 'arch,index,latency_ms\n%s,5,12.5\n%s,7,1.25\n%s,,3.5\n' "$a" "$b" "$c" >phone.csv
try pool import csv phone.csv --platform phone --pool p.db --device 'Phone 8' --graph as-written
try pool list --pool p.db --json
try pool export phone --pool p.db
try pool export phone --pool p.db --json
try pool export phone --pool p.db --output again.csv
try pool import csv again.csv --platform phone2 --pool p.db --graph as-written
maple predict --platform phone --predictor flops --pool p.db "$a" "$b"
echo "exit $?"
maple predict --platform phone --predictor flops --pool p.db --all --csv >all.csv
echo "exit $?, $(wc -l <all.csv) lines, $(head -1 all.csv)"
printf 'arch,latency_ms\n%s,12.5\n%s,fast\n' "$a" "$b" >bad.csv
try pool import csv bad.csv --platform bad --pool p.db
printf 'arch,latency_ms\n%s,-1\n' "$a" >bad.csv
try pool import csv bad.csv --platform bad --pool p.db
printf 'arch,latency_ms\n|nor_conv_5x5~0|,1\n' >bad.csv
try pool import csv bad.csv --platform bad --pool p.db
printf 'name,ms\n' >bad.csv
try pool import csv bad.csv --platform bad --pool p.db
try pool import csv missing.csv --platform bad --pool p.db
maple pool list --pool p.db --json | grep -c '"name"'
try predict --platform phone --predictor maples --pool p.db "$a"
try predict --platform tablet --predictor flops --pool p.db "$a"
try predict --platform phone --predictor flops --pool p.db '|nor_conv_5x5~0|'
try predict --platform phone --predictor lut --pool p.db "$a"
try predict --platform phone --predictor flops --samples 9 --pool p.db "$a"
try pool remove phone2 --pool p.db --json
try pool remove phone2 --pool p.db
try pool merge p.db phone --pool other.db --json
