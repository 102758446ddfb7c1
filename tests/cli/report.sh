# Reports: of a bundled platform and of an evaluation; well-formed, complete in themselves, the same again.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
PROGRAMS=${PATH%%:*} # holds maple alone: no gnuplot
export MAPLE_BUNDLED_POOL="$CASES/../../data/pool.db"
name=xeon-2.50ghz-blas-avx512-1t-b1-pruned
# What refers to anything outside; gnuplot's SVG names its two namespaces.
outside() { grep -oE 'https?://[^"<> ]*|src=|url\([^#][^)]*|@import|<script|<link' "$1" | sort -u; }
headings() { grep -oE '<h[123]>[^<]*' "$1"; }
figures() { echo "$(grep -c '<svg' "$1") figures, $(grep -o ' id=["'"'"'][^"'"'"']*' "$1" | sort | uniq -d | wc -l) ids twice"; }
# The commands that the page gives, as a shell takes them.
commands() { sed -n '/<pre>/,$p' "$1" | sed '/<\/pre>/q' | sed '{s/<[^>]*>//g; s/&gt;/>/g; s/&lt;/</g; s/&quot;/"/g; s/&#39;/'"'"'/g; s/&amp;/\&/g}'; }
together() { sed -e ':again' -e '/\\$/{N; s/ *\\\n */ /; b again' -e '}'; } # lines that go on in the next
well_formed() { command -v xmllint >/dev/null 2>&1 && xmllint --noout "$1"; }
PATH=$PROGRAMS maple report --platform $name --output plain.html; echo "exit $?"
headings plain.html
figures plain.html
outside plain.html
well_formed plain.html
grep -o 'callgrind: simulated[^<]*' plain.html
grep -o 'This report has tables only[^<]*' plain.html
commands plain.html
cat >rows.json <<'END'
[{"task": "leave-one-out", "space": "nas-bench-201", "predictor": "g<p>&", "target": "a \"board\"", "samples": 3, "measured": 3, "trials": 2,
  "sampler": "random", "train_archs": "all", "sources": 4, "unmeasured": {"n": 90, "acc1": 0.1, "acc5": 0.5, "acc10": 0.9, "acc10_sd": 0.01}},
 {"task": "leave-one-out", "space": "nas-bench-201", "predictor": "g<p>&", "target": null, "samples": 3, "measured": 3, "trials": 2,
  "sampler": "random", "train_archs": "all", "sources": 4, "unmeasured": {"n": 90, "acc1": 0.1, "acc5": 0.5, "acc10": 0.9, "acc10_sd": 0.01}},
 {"task": "leave-one-out", "space": "nas-bench-201", "predictor": "g<p>&", "target": null, "samples": 10, "measured": 10, "trials": 2,
  "sampler": "random", "train_archs": "all", "sources": 4, "unmeasured": {"n": 90, "acc1": 0.1, "acc5": 0.5, "acc10": 0.95, "acc10_sd": 0.01}},
 {"task": "leave-one-out", "space": "nas-bench-201", "predictor": "lut", "target": null, "samples": 3, "trials": 2, "reason": "no <operators>"}]
END
PATH=$PROGRAMS maple report --evaluation rows.json --output rows.html; echo "exit $?"
headings rows.html
well_formed rows.html
grep -oE '(g&lt;p|no &lt;|a &quot;board)[^<]*' rows.html | sort -u
grep -cE 'g<p>|no <op' rows.html
grep -o 'The command that evaluated is not told[^<]*' rows.html
commands rows.html

echo '--- the commands of a page make it again: an evaluation'
awk 'BEGIN { for (i = 0; i < 60; i++) { x = i * 7919 % 15625; a = 5; b = 2
    for (e = 0; e < 6; e++) { op[e] = x % 5; x = int(x / 5); a += op[e]; b += op[e] ^ 0.7 }
    split("none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3", name, " ")
    if (i == 0) print "arch,board,phone,tablet"
    printf "|%s~0|+|%s~0|%s~1|+|%s~0|%s~1|%s~2|,%.3f,%.3f,%d\n", name[op[0] + 1], name[op[1] + 1], name[op[2] + 1],
        name[op[3] + 1], name[op[4] + 1], name[op[5] + 1], a, b, 20 + a / 3 } }' >devices.csv
maple pool import csv devices.csv --graph as-written --pool "it's.db" >/dev/null || exit 1
maple evaluate --pool "it's.db" --predictor flops,nearest --samples 3,6 --trials 2 --seed 5 --json >'own rows.json'; echo "exit $?"
PATH=$PROGRAMS maple report --evaluation 'own rows.json' --output own.html 2>/dev/null
commands own.html
grep -o 'seed of the draws.*' own.html
cp 'own rows.json' before.json
again=$(commands own.html)
rm 'own rows.json' own.html
(PATH=$PROGRAMS; eval "$again") 2>/dev/null
cmp 'own rows.json' before.json && ls own.html # times are those of the first: the work was kept

echo '--- the commands of a page make it again: a platform of an engine without levels'
maple measure --engine reference --name "it's mine" --rounds 1 --accept-drift --pool m.db \
    '|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|' >/dev/null 2>said || cat said
PATH=$PROGRAMS maple report --platform "it's mine" --pool m.db --output mine.html 2>/dev/null
commands mine.html
again=$(commands mine.html | together | sed '/^maple profile/d; /^maple report/d; /^maple measure/{s/ m.db/ new.db/; s/$/ --rounds 1 --accept-drift/}')
eval "$again" >/dev/null 2>said || cat said
archs() { maple pool export "it's mine" --pool "$1" | cut -d, -f1 | sort; }
archs m.db >one; archs new.db | cmp - one && wc -l <one

try report --output x.html
try report --platform $name --evaluation rows.json --output x.html
try report --platform $name
try report --platform board --output x.html
try report --platform $name --samples 3 --output x.html
try report --platform $name --output no/x.html
try report --evaluation rows.json --output x.html --scoring most
try report --evaluation plain.html --output x.html
[ -e x.html ] && echo 'a refused report was written'
command -v gnuplot >/dev/null 2>&1 || { echo 'gnuplot is not installed: figures are not tested'; exit 77; }
for pass in first second; do
    maple report --platform $name --predictor gp,lut-fit --leave-out family --samples 10 --output $pass.html >/dev/null 2>said || cat said
    sed -i "s/$pass/PASS/" $pass.html
done
cmp first.html second.html && echo 'the same again'
headings first.html
figures first.html
outside first.html
well_formed first.html
grep -c 'from [0-9]* other platforms, none of its family' first.html
maple report --evaluation rows.json --output drawn.html; echo "exit $?"
figures drawn.html
outside drawn.html
well_formed drawn.html
ls -d /tmp/maple-report-* 2>/dev/null | head -1
exit 0
