# Predictions for a platform of which no network was measured, or none is to be used: by its operator latencies. The
# sqlite3 program takes away what was measured; without it the case is skipped.
command -v sqlite3 >/dev/null || { echo 'skipped: sqlite3 is not installed'; exit 77; }
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
cp "$CASES/../../data/pool.db" p.db || exit 1
sqlite3 p.db 'DELETE FROM latencies WHERE flag IS NOT NULL' # nothing is said of them
export MAPLE_BUNDLED_POOL=none
board=xeon-2.50ghz-blas-avx512-1t-b1-pruned
forget() { sqlite3 p.db "DELETE FROM $1 WHERE platform = (SELECT id FROM platforms WHERE name = '$board')"; }
predict() { maple predict --platform $board --pool p.db "$@"; }

echo '--- none of those there are'
predict --samples 0 --random 400 >none; echo "exit $?, $(wc -l <none) lines"
predict --random 400 >all; predict --random 400 --samples 10 >ten
# They are the same networks; the fewer are known, the wider is an interval.
for i in none ten all; do cut -d, -f1 $i | cksum | uniq; done | uniq | wc -l
width() { awk -F, 'NR > 1 && $3 { print ($5 - $4) / $3 }' $1 | sort -g | awk '{ w[NR] = $1 } END { print w[int((NR + 1) / 2)] }'; }
echo "$(width none) $(width ten) $(width all)" | awk '{ print ($1 > $2 && $2 > $3) }'
# How far off without one network: the median of | none / all - 1 |.
paste -d, none all | awk -F, 'NR > 1 && $3 { d = $3 / $8 - 1; print d < 0 ? -d : d }' | sort -g |
    awk '{ d[NR] = $1 } END { print (d[int((NR + 1) / 2)] < 0.25) }'
maple fit --platform $board --pool p.db --samples 0 --output m.safetensors >/dev/null; maple predict --model m.safetensors --random 400 | cmp - none
for p in lut-fit nearest maple; do predict --predictor $p --samples 0 --random 1; echo "exit $?"; done
predict --predictor lut --samples 0 --random 1 >/dev/null; echo "exit $?"

echo '--- there are none'
forget latencies
predict --random 400 >only; echo "exit $?"; cmp only none && echo 'the same'
maple fit --platform $board --pool p.db --output m.safetensors 2>/dev/null >&2; maple predict --model m.safetensors --random 400 | cmp - none
try predict --platform $board --pool p.db --samples 3 --random 1
try predict --platform $board --pool p.db --predictor flops --random 1
maple suggest --platform $board --pool p.db --samples 2 --csv 2>&1 >/dev/null | sed 's/from [0-9]* platforms/from N platforms/'

echo '--- nor operators'
forget operators
try predict --platform $board --pool p.db --random 1
try predict --platform $board --pool p.db --predictor lut --random 1
echo '--- nor anything'
forget counters
try predict --platform $board --pool p.db --random 1
maple suggest --platform $board --pool p.db --samples 2 --csv 2>&1 >/dev/null | sed 's/from [0-9]* platforms/from N platforms/'
try predict --platform fridge --pool p.db --random 1
printf 'arch,latency_ms\n|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|,3\n' >one.csv
maple pool import csv one.csv --platform phone --graph as-written --pool p.db >/dev/null
try predict --platform phone --pool p.db --samples 0 --random 1
