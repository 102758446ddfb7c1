# SPDX-License-Identifier: Apache-2.0
# libmaple.so shows every function of the public headers and no other name.
# sh symbols.sh BUILD SOURCE CC SOVERSION; 77: the compiler cannot list declarations (-aux-info, gcc's).
set -u
build=$1 source=$2 cc=$3 soversion=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for header in "$source"/include/maple/*.h; do
    echo "#include \"$header\""
done >"$folder/all.c"
# The compiler's own list of what the headers declare: not that of cmake/exports.cmake.
"$cc" -std=c17 -I "$source/include" -fsyntax-only -aux-info "$folder/declared" "$folder/all.c" 2>"$folder/err"
if [ ! -s "$folder/declared" ]; then
    echo "skipped: $cc has no -aux-info"
    exit 77
fi
grep -F "$source/include/maple/" "$folder/declared" | sed 's/.*[ *]\(maple_[a-z0-9_]*\) (.*/\1/' | sort -u >"$folder/public"
nm -D --defined-only "$build/libmaple.so" | awk '{print $3}' | sort >"$folder/exported"
[ "$(wc -l <"$folder/public")" -gt 200 ] || { echo "only $(wc -l <"$folder/public") public functions were found" && exit 1; }
diff -u "$folder/public" "$folder/exported" >"$folder/difference" ||
    { echo "libmaple.so lacks (-) or shows too much (+):" && cat "$folder/difference" && exit 1; }
name=$(objdump -p "$build/libmaple.so" | awk '$1 == "SONAME" {print $2}')
[ "$name" = "libmaple.so.$soversion" ] || { echo "SONAME $name, not libmaple.so.$soversion" && exit 1; }
