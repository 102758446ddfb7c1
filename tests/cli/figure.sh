# Figures: with gnuplot pictures, without it data and script and exit code 5; names, files and labels that are refused.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
PROGRAMS=${PATH%%:*} # holds maple alone: no gnuplot
bundled() { MAPLE_BUNDLED_POOL=$CASES/../../data/pool.db "$@"; }
cat >rows.csv <<'END'
task,space,predictor,target,samples,measured,trials,sampler,train_archs,scoring,n,acc10,acc10_sd,spearman,sources
leave-one-out,nas-bench-201,gp,,3,3,10,random,900,unmeasured,800,0.90,0.02,0.99,4
leave-one-out,nas-bench-201,gp,,10,10,10,random,900,unmeasured,800,0.95,0.01,0.995,4
leave-one-out,nas-bench-201,gp,,3,3,10,random,900,unmeasured,800,0.80,0.02,0.98,2
leave-one-out,nas-bench-201,lut-fit,,3,3,10,random,900,unmeasured,800,0.70,0.1,0.97,4
leave-one-out,nas-bench-201,lut-fit,,10,10,10,random,900,unmeasured,800,0.80,0.05,0.97,4
END
cat >fronts.json <<'END'
{"platform": "board", "score": "cifar100_test", "predictor": "gp",
 "oracle_front": [{"latency_ms": 1, "score": 60}, {"latency_ms": 2, "score": 70}],
 "predicted_front": [{"latency_ms": 1.2, "predicted_ms": 1.1, "score": 60}, {"latency_ms": 2, "predicted_ms": 1.9, "score": 70}]}
END
sed 's/"gp"/"lut"/; s/1[.]1/1.05/' fronts.json >lut.json
sed 's/"board"/"phone"/' fronts.json >phone.json
PATH=$PROGRAMS maple figure curve rows.csv --output without; echo "exit $?"
ls without*
cat without.tsv
PATH=$PROGRAMS maple figure curve rows.csv --x sources --metric spearman --output known >/dev/null 2>&1; echo "exit $?"
cat known.tsv
PATH=$PROGRAMS maple figure fronts fronts.json lut.json --output front >/dev/null 2>&1; echo "exit $?"
cat front.tsv
grep -c 'CIFAR-100 test accuracy (%)' front.gp
# Fronts are told apart by their samples, else by their seeds; a score that is no known accuracy has no unit; what is not
# predicted to take any time is left out, and said.
sed 's/"gp"/"gp", "samples": 10, "seed": 1/' fronts.json >ten.json
sed 's/"gp"/"gp", "samples": 3, "seed": 1/' fronts.json >three.json
sed 's/"seed": 1/"seed": 2/' three.json >again.json
PATH=$PROGRAMS maple figure fronts ten.json three.json again.json --output told >/dev/null 2>&1; echo "exit $?"
cut -f5,6 told.tsv | uniq
try figure fronts ten.json ten.json --output x
sed 's/cifar100_test/top1/' fronts.json >top1.json
PATH=$PROGRAMS maple figure fronts top1.json --output unit >/dev/null 2>&1; grep -e "ylabel 'top1'" unit.gp | wc -l
try figure fronts lut.json top1.json --output x
sed 's/"predicted_ms": 1.1/"predicted_ms": -0.1/' fronts.json >below.json
PATH=$PROGRAMS maple figure fronts below.json --output below 2>&1 | grep left
grep -c predicted below.tsv
try figure curve rows.csv
try figure curve rows.csv --output folder/
try figure curve rows.csv --output no/where
try figure curve rows.csv --output x --scoring most
try figure curve rows.csv --output x --scoring all
try figure curve missing.json --output x
try figure fronts rows.csv --output x
try figure fronts fronts.json phone.json --output x
echo '{"predictor": "gp", "oracle_front": []}' >bad.json
try figure fronts bad.json --output x
echo '{"predictor": "gp", "oracle_front": [{"latency_ms": 0, "score": 1}], "predicted_front": []}' >bad.json
try figure fronts bad.json --output x
echo '{"predictor": "gp", "oracle_front": [], "predicted_front": []}' >bad.json
try figure fronts bad.json --output x
try figure distances --bundled --measure speed --output x
try figure predictions --output x
bundled maple figure predictions --platform board --output x; echo "exit $?"
try figure
command -v gnuplot >/dev/null 2>&1 || { echo 'gnuplot is not installed: pictures are not tested'; exit 77; }
# Pictures, and that what stands in a title is shown and not executed.
for figure in "distances --bundled" "predictions --platform xeon-2.50ghz-onednn-avx2-1t-b1-pruned --predictor gp,lut --leave-out family" \
    "curve rows.csv" "fronts fronts.json"; do
    # shellcheck disable=SC2086
    bundled maple figure $figure --title "it's \`touch pwned\` <\$(touch pwned)> \"x\"" --output picture; echo "exit $?"
    head -c 8 picture.png | od -An -c
    grep -c "it's \`touch pwned\` &lt;\$(touch pwned)> .x." picture.svg
    # The script draws the same again in another folder.
    mkdir again && cp picture.gp picture*.tsv again && (cd again && gnuplot -d picture.gp 2>said || cat said) && cmp again/picture.svg picture.svg
    rm -r again picture*
done
[ -e pwned ] && echo 'a title was executed'
exit 0
