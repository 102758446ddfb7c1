# Wide tables, accuracies, proxies, the HELP folder, packed files; and what is wrong with each.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
a='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|'
b='|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'
for format in csv help accuracy zcp; do
    maple pool import $format --help >out || echo "exit $?"
    grep -q "^Usage: maple pool import $format \[options\]" out || echo "$format: no usage"
    grep -q "^  .*maple pool import $format " out || echo "$format: no example"
    awk 'length($0) > 120 {print "long line: " $0}' out
    try pool import $format --pool p.db
    try pool import $format missing --pool p.db --platfrom x
    maple pool import --help | grep -q "^  $format " || echo "$format: not in maple pool import --help"
done
# a table
printf 'index,arch_str,board_1,board_32,notes\n5,%s,12.5,40,x\n7,%s,1.25,,y\n' "$a" "$b" >wide.csv
try pool import csv wide.csv --pool p.db --graph as-written
try pool import csv wide.csv --pool p.db --graph as-written --columns board_1,board_32 --json
try pool import csv wide.csv --pool p.db --graph as-written --columns board_1
try pool import csv wide.csv --pool p.db --columns board_1,,board_32
try pool import csv wide.csv --pool p.db --columns board_1,board_1
try pool import csv wide.csv --pool p.db --columns board_64
try pool import csv wide.csv --pool p.db --columns board_1
try pool import csv wide.csv --pool p.db --platform board
try pool import csv wide.csv --pool p.db --platform board --columns board_1
printf 'arch,latency_ms\n%s,12.5\n' "$a" >one.csv
try pool import csv one.csv --pool p.db
# packed, from a file and from a pipe
gzip -n <one.csv >one.csv.gz
gzip -nc one.csv | head -c 30 >cut.csv.gz
try pool import csv one.csv.gz --pool p.db --platform packed
try pool import csv - --pool p.db --platform piped <one.csv.gz
try pool import csv cut.csv.gz --pool p.db --platform cut
cat cut.csv.gz | try pool import csv - --pool p.db --platform cut
# scores
printf 'index,CIFAR-10 Test,valid\n5,93.5,\n7,10,\n' >accuracy.csv
try pool import accuracy accuracy.csv --pool p.db
try pool import accuracy accuracy.csv --pool p.db --prefix epoch12_ --json
printf 'index,top1\n5,93.5\n6,10\n' >bad.csv
try pool import accuracy bad.csv --pool p.db
printf 'arch,top1\n%s,93.5\n%s,n/a\n' "$a" "$b" | try pool import accuracy - --pool p.db
printf '{"%s": {"synflow": 1e38, "zen": -2}}\n' "$a" | gzip | try pool import zcp - --pool p.db --space nas-bench-201 --json
printf '{"%s": {"synflow": NaN}}\n' "$a" | try pool import zcp - --pool p.db --space nas-bench-201
try pool list --pool p.db
maple pool show board_1 --pool p.db --json | sed -n '/"environment"/,/"operators"/p'
# the folder of HELP
try pool import help . --pool p.db
try pool import help nowhere --pool p.db
mkdir -p help/nasbench201/latency
echo x >help/nasbench201/latency/phone.pt
try pool import help help --pool p.db
echo x >help/nasbench201/str_arch2idx.pt
try pool import help help --pool p.db
maple pool list --pool p.db --json | grep -c '"name"'
# What is wrong writes nothing: no pool, no folder, no file beside it; and a pool that is there stays as it was.
mkdir bad && cd bad || exit 1
printf 'arch,latency_ms\n' >header.csv
printf 'arch,latency_ms,reason\n%s,,no path\n' "$a" >failed.csv
printf 'arch,a,b\n%s,,\n' "$a" >no_latency.csv
printf 'arch,note\n%s,x\n' "$a" >no_number.csv
printf 'arch,latency_ms\n%s,1\n%s,fast\n' "$a" "$b" >word.csv
echo '[1,2]' >list.json
echo '{}' >none.json
ls >before
try pool import csv header.csv --platform x --pool new.db
try pool import csv header.csv --pool new.db
try pool import csv failed.csv --platform x --pool new.db
try pool import csv no_latency.csv --pool new.db
try pool import csv word.csv --platform x --pool new.db
try pool import accuracy header.csv --pool new.db
try pool import accuracy no_number.csv --pool new.db
try pool import zcp list.json --pool new.db
try pool import zcp none.json --pool new.db
try pool import help .. --pool new.db
try pool import help ../help --pool new.db
try pool merge ../p.db nobody --pool new.db
try pool import csv ../one.csv --platform x --pool folder/new.db
try pool merge ../p.db --pool folder/new.db
try pool import csv word.csv --platform x
ls | diff before - && find "$HOME" -name '*.db*'
cp ../p.db p.db && cp p.db before.db
try pool import csv header.csv --platform x --pool p.db
cmp p.db before.db
# The default pool's folder is made, and a new pool is whole.
try pool import csv ../one.csv --platform x
try pool import csv ../one.csv --platform y
maple pool list | cut -d' ' -f1
find "$HOME" -name 'pool.db*' | grep -v -e -wal -e -shm
try pool merge ../p.db packed --pool new.db --json
try pool list --pool new.db
find . -name 'new.db*' | grep -v -e -wal -e -shm
# New pools that killed commands have left are removed by the next one for that place; those of living ones stay.
mkdir ../left && cd ../left || exit 1
dead=$(sh -c 'echo $$')
for end in '' -wal -shm; do
    echo x >"new.db.new-$(uname -n)-$dead-0$end"
    echo x >"new.db.new-$(uname -n)-$$-0$end"
    echo x >"new.db.new-elsewhere-$dead-0$end"
    echo x >"other.db.new-$(uname -n)-$dead-0$end"
done
try pool import csv ../one.csv --platform x --pool new.db
find . -type f | sed "s/$(uname -n)/HOST/; s/-$dead-/-DEAD-/; s/-$$-/-LIVING-/" | sort
