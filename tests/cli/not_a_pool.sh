# What is not a pool is refused, named, and left as it was.
try() { echo "\$ maple $*"; maple "$@"; echo "exit $?"; }
echo 'I am a text file, long enough to be looked at as a database header, but I am none of it.' >text.db
cp text.db before
try pool list --pool text.db
try profile --pool text.db
cmp text.db before
sqlite3 other.db 'create table t(x); insert into t values (1)' 2>/dev/null || { echo 'no sqlite3 shell'; exit 77; }
cp other.db before
try pool list --pool other.db
try measure --random 3 --pool other.db
cmp other.db before
try pool list --pool missing.db
try pool list --pool .
printf '' >file
try quickstart --pool file/below/pool.db
try quickstart --pool /proc/maple/pool.db
ls
