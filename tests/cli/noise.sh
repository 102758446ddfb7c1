# Repeatability: its options and refusals, a measurement; flagged labels: left out, asked for, shown.
try() { echo "\$ maple $*"; maple "$@" >out 2>err; code=$?; cat out err; echo "exit $code"; }
maple measure --help | grep -A1 -e --repeatability -e --spread-limit -e --retry-flagged | grep -v '^--$'
try measure --repeatability --all
try measure --repeatability --random 5
try measure --repeatability 20 --retry-flagged
try measure --repeatability '|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
try measure --repeatability 1
try measure --repeatability=many
try measure --repeatability --pool missing.db
try measure --spread-limit 0 --all
cat >plan.json <<'PLAN'
{"pool": "p.db", "rounds": 2, "architectures": ["|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"],
 "platforms": [{"engine": "blas", "name": "a"}, {"engine": "blas", "name": "a", "architectures": 1}]}
PLAN
maple measure --plan plan.json --json >out 2>err; echo "exit $?"
try measure --engine blas --name b --repeatability --pool p.db
maple measure --plan plan.json --repeatability 3 --json --accept-drift >out 2>err; echo "exit $?"
sed 's/"date":"20[0-9-]*T[0-9:]*Z"/"date":"DATE"/; s/"median":.*//' out
for key in flagged windows windows_changed rounds_repeated runnable steal_share preempted_share; do grep -c "\"$key\":" out; done
maple pool list --pool p.db --json | grep -c '"p95":'
maple pool export a --pool p.db | wc -l

cat >table.csv <<'TABLE'
arch,latency_ms,flag
|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|,4.5,
|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|,0.5,
|avg_pool_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|nor_conv_1x1~1|skip_connect~2|,1.5,noisy: by hand
TABLE
try pool import csv table.csv --platform phone --graph as-written --pool f.db
try predict --platform phone --pool f.db --predictor flops --samples 3 --cache none '|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|'
maple predict --platform phone --pool f.db --predictor flops --samples 3 --cache none --flagged \
    '|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|' >out 2>err; echo "exit $?, $(wc -l <out) line"; cat err
maple pool show phone --pool f.db --json | grep -A2 '"flagged"'
maple pool export phone --pool f.db
maple pool export phone --pool f.db --json | grep '"flag"'
