# Wrong calls: the message names the option and the exit code is 2.
try() { echo "\$ maple $*"; maple "$@" >out 2>err; code=$?; cat out err; echo "exit $code"; }
maple >out 2>err; echo "exit $?"; head -1 err
maple --version
try fly
try pool
try pool fly
try pool --help
try figure -h
try quickstart --samples -3
try quickstart --samples ten
try quickstart --samples
try quickstart --speed 3
try quickstart extra
try predict --csv --json
try predict
try predict --platform x --file /dev/null
try measure --engine tensorrt --random 3
try measure --graph fused --random 3
try measure
try measure --space nb101 --all
try doctor --json=yes
try fit --platform x
try pool import parquet dir --platform x
try pool import
try pool import help dir --platform x
try pool import csv file.csv
try pool show
try pool remove x --pool typo.db
try pool merge typo.db --pool new.db
try pool list --bundled
try pool list
try evaluate --predictor flops
try quickstart --predictor mapel
try quickstart --engine blas --pool empty.db
try measure --all --random 3
try predict --platform x --all '|none~0|'
long=$(printf '%0200d' 7)
printf 'arch,latency_ms\n|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|,2\n' >one.csv
try pool import csv one.csv --platform 'a,b' --pool comma.db
try profile --engine blas --name 'a,b' --pool comma.db
try pool import csv /dev/null --platform $long
try pool import csv /dev/null --platform x --device $long
env -u HOME maple predict --platform x --all; echo "exit $?"
env -u HOME maple pool list; echo "exit $?"
ls
