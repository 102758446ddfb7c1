# A standard output or a file that cannot be written: exit code 4, and the message says so.
[ -w /dev/full ] || { echo 'no /dev/full'; exit 77; }
maple --help >/dev/full; echo "exit $?"
maple --version >/dev/full; echo "exit $?"
maple pool --help >/dev/full; echo "exit $?"
maple predict --help >/dev/full; echo "exit $?"
maple spaces >/dev/full; echo "exit $?"
maple engines --json >/dev/full; echo "exit $?"
printf 'arch,latency_ms\n|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|,2\n' >a.csv
maple pool import csv a.csv --platform a --pool p.db >/dev/null; echo "exit $?"
maple predict --platform a --predictor flops --pool p.db --all >/dev/full; echo "exit $?"
maple pool export a --pool p.db --output missing/a.csv; echo "exit $?"
maple fit --platform nobody --pool p.db --output missing/a.model; echo "exit $?" # before it is fitted
maple fit --platform a --predictor flops --pool p.db --output /dev/full; echo "exit $?"
ls
