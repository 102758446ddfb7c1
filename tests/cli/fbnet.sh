# Space fbnet: strings in all their forms, import, export, predictions; --all is refused, --random is not.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
maple spaces | cut -c1-70
light='8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8'
heavy='7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7'
printf 'arch,latency_ms\n%s,0.5\n%s,5\n2_0_6_8_1_3_4_8_2_6_5_0_8_7_2_4_1_6_3_8_2_3,2.25\n' "$light" "$heavy" >phone.csv
try pool import csv phone.csv --platform phone --pool p.db --space fbnet
try pool export phone --pool p.db --space fbnet
try predict --platform phone --predictor flops --pool p.db --space fbnet "$light" \
    k3_e1+k3_e1_g2+k3_e3+k3_e6+k5_e1+k5_e1_g2+k5_e3+k5_e6+skip+0,1,2,3,4,5,6,7,8,0,1,2,3
# A model has no indices: the pool has them, where a table brought them.
printf 'index,arch,latency_ms\n41,%s,0.5\n' "$light" >indexed.csv
try pool import csv indexed.csv --platform indexed --pool p.db --space fbnet
maple fit --platform phone --predictor flops --pool p.db --space fbnet --output phone.model >/dev/null; echo "exit $?"
try predict --model phone.model --pool p.db "$light" "$heavy"
try predict --model phone.model --pool p.db "$light" --json
try predict --platform phone --predictor flops --pool p.db --space fbnet "$light"
try predict --model phone.model "$light"
try predict --platform phone --predictor flops --pool p.db --space fbnet --samples 9 "$light"
try predict --platform phone --predictor flops --pool p.db "$light"
try predict --platform phone --predictor flops --pool p.db --random 1
try evaluate --pool p.db --space fbnet --predictor flops --sampler zcp
# One a line: ids with commas of their own, and CSV whose first column is arch.
printf '7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7,7\n%s,17,5.5\n' "$heavy" >archs.txt
try predict --platform phone --predictor flops --pool p.db --space fbnet --file archs.txt
maple predict --platform phone --predictor flops --pool p.db --space fbnet --random 200 >random.csv
echo "exit $?, $(tail -n +2 random.csv | cut -d, -f1 | sort -u | wc -l) architectures"
try predict --platform phone --predictor flops --pool p.db --space fbnet --all
try predict --platform phone --predictor flops --pool p.db --space fbnet --all --random 3
try predict --platform phone --predictor flops --pool p.db --space fbnet '7 7 9'
try predict --platform phone --predictor flops --pool p.db --space fbnet "$light 8"
try predict --platform phone --predictor flops --pool p.db "$light"
try measure --space fbnet --all --pool q.db
printf '7,7,7\n' >archs.txt
try predict --platform phone --predictor flops --pool p.db --space fbnet --file archs.txt
