# Plans: every mistake is found before anything is measured, with its place; then two platforms, twice.
try() { echo "\$ maple measure $*"; maple measure "$@" >out 2>err; code=$?; cat out err; echo "exit $code"; }
plan() { printf '%s\n' "$1" >plan.json; try --plan plan.json; }
try --plan missing.json
plan '{"platforms": ['
plan '[1, 2]'
plan '{}'
plan '{"platforms": []}'
plan '{"platform": [{"engine": "blas"}]}'
plan '{"platforms": [{"engine": "blas"}]}'
plan '{"platforms": [{"engine": "blas"}, {"isa": "avx2"}], "architectures": "all"}'
plan '{"platforms": [{"engine": "blas"}, {"engine": "tpu"}], "architectures": "all"}'
plan '{"platforms": [{"engine": "blas", "thread": 2}], "architectures": "all"}'
plan '{"platforms": [{"engine": "blas", "threads": 1.5}], "architectures": "all"}'
plan '{"platforms": [{"engine": "blas", "threads": 2, "threads": 4}], "architectures": "all"}'
plan '{"platforms": [{"engine": "blas", "graph": "fused"}], "architectures": "all"}'
plan '{"platforms": [{"engine": "blas"}], "architectures": 0}'
plan '{"platforms": [{"engine": "blas"}], "architectures": "most"}'
plan '{"platforms": [{"engine": "blas"}], "architectures": []}'
plan '{"platforms": [{"engine": "blas", "architectures": ["|none~0|+|none~0|x"]}], "rounds": 3}'
plan '{"platforms": [{"engine": "blas"}], "rounds": 0, "architectures": "all"}'
plan '{"platforms": [{"engine": "blas"}], "architectures": {"random": 3}}'
plan '{"platforms": [{"engine": "blas"}], "architectures": 1.5}'
plan '{"platforms": [{"engine": "blas"}], "architectures": 20000}'
plan '{"platforms": [{"engine": "blas", "isa": "avx3"}], "architectures": 3}'
plan '{"platforms": [{"engine": "blas", "dtype": "int4"}], "architectures": 3}'
plan '{"platforms": [{"engine": "blas", "dtype": "int8"}], "architectures": 3}'
plan '{"platforms": [{"engine": "blas", "seed": -1}], "architectures": 3}'
plan '{"platforms": [{"engine": "blas", "rounds": "many"}], "architectures": 3}'
plan '{"platforms": [{"engine": "blas", "space": "fbnet", "architectures": "all"}]}'
plan '{"platforms": [{"engine": "blas"}], "counters": "abacus", "architectures": 3}'
plan '{"platforms": [{"engine": "blas"}], "space": "nb101", "architectures": "all"}'
try --plan plan.json --engine blas
try --plan plan.json --dtype int8
try --plan plan.json '|none~0|'
try --only 2
ls
cat >plan.json <<'PLAN'
{"pool": "p.db", "rounds": 2, "architectures": ["|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"],
 "platforms": [{"engine": "blas", "name": "a"},
               {"engine": "blas", "name": "b", "graph": "as-written", "seed": 5, "architectures": 2}]}
PLAN
try --plan plan.json --only 3
try --plan plan.json --only 0
try --plan plan.json --only c
for i in 1 2; do
    maple measure --plan plan.json --json --accept-drift >out 2>err; echo "exit $?"
    grep -v 'hardly ever\|never to ourselves\|shared all the time\|; $\|^  ' err
    sed 's/,"workers_lost.*//' out
done
maple pool export b --pool p.db | wc -l
maple measure --plan plan.json --pool p2.db --only b 2>/dev/null | head -1 | cut -d, -f1
# What this machine cannot do does not keep the others waiting; the exit code is its. (Where it can: nothing to see.)
cat >plan.json <<'PLAN'
{"rounds": 2, "architectures": ["|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"],
 "platforms": [{"engine": "onednn", "isa": "amx", "dtype": "bf16"}, {"engine": "blas", "name": "a"}]}
PLAN
maple measure --plan plan.json --pool p3.db >out 2>err
echo "$? $(grep -c 'the others are measured' err) $(grep -c 'this CPU has no' err)" | sed 's/^0 0 0$/5 1 2/'
maple pool export a --pool p3.db | wc -l
# The plan of the bundled pool is one.
try --plan "$CASES/../../data/plan.json" --only 99 --pool p4.db 2>&1 | grep -o "data/plan.json has.*"
