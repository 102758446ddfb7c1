# SPDX-License-Identifier: Apache-2.0
# Installs into a folder, staged with DESTDIR and without; builds and runs examples/predict.c there by pkg-config, with the
# shared library and with the archive; the installed program finds its pool; make uninstall leaves nothing of it.
# sh tree.sh BUILD SOURCE CC CFLAGS
set -u
build=$1 source=$2 cc=$3 flags=${4-}
folder=$(mktemp -d)
manifest=$build/install_manifest.txt # of an installation by hand, which make uninstall needs
[ -e "$manifest" ] && cp "$manifest" "$folder/manifest"
restore() {
    if [ -e "$folder/manifest" ]; then cp "$folder/manifest" "$manifest"; else rm -f "$manifest"; fi
    rm -rf "$folder"
}
trap restore EXIT
fail() {
    echo "$1"
    exit 1
}
unset DESTDIR PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR MAPLE_BUNDLED_POOL
export LC_ALL=C HOME="$folder"

install() { # DESTDIR PREFIX
    DESTDIR=$1 cmake --install "$build" --prefix "$2" >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
}
uninstall() {
    DESTDIR=$1 cmake -DMANIFEST="$manifest" -DPREFIX="$2" -P "$source/cmake/uninstall.cmake" >"$folder/log" 2>&1
}

# --- Where things are, once without and once with DESTDIR ---

prefix=$folder/prefix
install "" "$prefix"
for file in bin/maple include/maple/base.h include/maple/predictor.h share/maple/pool.db share/doc/maple/LICENSE \
    share/doc/maple/docs/method.md share/man/man1/maple.1 share/man/man1/maple-pool-import-csv.1 \
    share/bash-completion/completions/maple share/zsh/site-functions/_maple; do
    [ -s "$prefix/$file" ] || fail "$file was not installed"
done
pc=$(find "$prefix" -name maple.pc)
lib=$(dirname "$(dirname "$pc")")
[ -L "$lib/libmaple.so" ] && [ -s "$lib/libmaple.so" ] && [ -s "$lib/libmaple.a" ] || fail "$lib lacks a library"
[ "$(readlink "$lib/libmaple.so")" = "$(objdump -p "$lib/libmaple.so" | awk '$1 == "SONAME" {print $2}')" ] ||
    fail "libmaple.so does not point to its SONAME"
for header in "$source"/include/maple/*.h; do
    cmp -s "$header" "$prefix/include/maple/$(basename "$header")" || fail "$header was not installed"
done
stage=$folder/stage
install "$stage" /opt/maple
diff -r -x maple.pc "$prefix" "$stage/opt/maple" >"$folder/difference" || fail "DESTDIR: $(head -n 5 "$folder/difference")"
staged_pc=$stage/opt/maple/${pc#"$prefix/"}
[ "$(sed "s#$prefix#/opt/maple#" "$pc")" = "$(cat "$staged_pc")" ] || fail "maple.pc has another prefix: $(cat "$staged_pc")"

# --- The program where it is installed ---

"$prefix/bin/maple" pool list --bundled >"$folder/here" || fail "the installed maple does not find its pool"
"$stage/opt/maple/bin/maple" pool list --bundled | cmp - "$folder/here" || fail "the staged maple does not find its pool"
[ "$(wc -l <"$folder/here")" -gt 5 ] || fail "the bundled pool is empty"

# --- The example, with the shared library and with the archive ---

network='|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|'
platform=xeon-2.50ghz-xnnpack-avx512-1t-b1-pruned
"$prefix/bin/maple" pool export "$platform" --bundled | awk -F, -v wanted="$network" \
    'NR > 1 && $3 > 0 && $1 != wanted && n < 3 {print $1; print $3; n++} $1 == wanted {truth = $3} END {print truth}' >"$folder/samples"
[ "$(wc -l <"$folder/samples")" -eq 7 ] || fail "the bundled pool lacks the networks of this test"
truth=$(tail -n 1 "$folder/samples")
run() { # PROGRAM POOL; the samples and what is wanted as arguments
    set -- "$1" "$2"
    while read -r line; do set -- "$@" "$line"; done <<SAMPLES
$(head -n 6 "$folder/samples")
SAMPLES
    "$@" "$network"
}
[ "$(wc -l <"$source/examples/predict.c")" -lt 40 ] || fail "examples/predict.c has 40 lines or more"
export PKG_CONFIG_PATH="$lib/pkgconfig"
pool=$(pkg-config --variable=pool maple)
[ "$pool" = "$prefix/share/maple/pool.db" ] || fail "maple.pc: pool=$pool"
[ "maple $(pkg-config --modversion maple)" = "$("$(pkg-config --variable=program maple)" --version)" ] ||
    fail "maple.pc and the program have different versions"
# shellcheck disable=SC2046,SC2086
"$cc" -std=c17 -Wall -Wextra -Werror $flags "$source/examples/predict.c" $(pkg-config --cflags --libs maple) \
    -o "$folder/shared" 2>"$folder/err" || fail "$(cat "$folder/err")"
LD_LIBRARY_PATH=$lib run "$folder/shared" "$pool" >"$folder/out" 2>&1 || fail "predict: $(cat "$folder/out")"
objdump -p "$folder/shared" | grep -q 'NEEDED *libmaple\.so' || fail "the example is not linked with libmaple.so"
# Three samples and other engines of the same CPU: within a third of what was measured, in its own interval.
sed 's/,//; s/ ms//g; s/90 % interval //; s/ to / /' "$folder/out" | awk -v truth="$truth" \
    'NF == 3 && $2 < $1 && $1 < $3 && $1 > truth / 1.5 && $1 < truth * 1.5 {good = 1} END {exit !good}' ||
    fail "predict: $(cat "$folder/out"), measured $truth ms"
# shellcheck disable=SC2046,SC2086
"$cc" -std=c17 $flags "$source/examples/predict.c" $(pkg-config --cflags maple) \
    $(pkg-config --static --libs maple | sed 's/-lmaple/-l:libmaple.a/') -o "$folder/static" 2>"$folder/err" || fail "$(cat "$folder/err")"
objdump -p "$folder/static" | grep -q 'NEEDED *libmaple\.so' && fail "the archive was not used"
run "$folder/static" "$pool" 2>&1 | cmp - "$folder/out" || fail "the archive and the shared library predict differently"
"$folder/static" "$pool" >"$folder/err" 2>&1 && fail "predict without an architecture: exit 0"
grep -q '^predict: usage' "$folder/err" || fail "predict without an architecture: $(cat "$folder/err")"
"$folder/static" "$pool" 'no architecture' >"$folder/err" 2>&1
[ $? -eq 3 ] || fail "predict of a bad architecture: $(cat "$folder/err")"
# Staged, by a sysroot.
# shellcheck disable=SC2046,SC2086
PKG_CONFIG_PATH=$(dirname "$staged_pc") PKG_CONFIG_SYSROOT_DIR=$stage pkg-config --libs maple | grep -qF "$stage/opt/maple/" ||
    fail "maple.pc does not honour a sysroot"

# --- Uninstall: exactly that, and nothing else ---

touch "$stage/opt/maple/bin/other" "$stage/opt/maple/share/maple/yours.db"
uninstall "$stage" /opt/elsewhere && fail "make uninstall with another prefix: exit 0"
tr -s "[:space:]" " " <"$folder/log" | grep -q "Nothing was removed" && [ -e "$stage/opt/maple/bin/maple" ] || fail "$(cat "$folder/log")"
uninstall "$stage" /opt/maple || fail "$(cat "$folder/log")"
[ "$(cd "$stage/opt/maple" && find . ! -type d | sort | paste -sd ' ')" = "./bin/other ./share/maple/yours.db" ] ||
    fail "after uninstall: $(find "$stage" ! -type d)"
install "" "$prefix"
uninstall "" "$prefix" || fail "$(cat "$folder/log")"
left=$(find "$prefix" ! -type d -o -type d -name 'maple*')
[ -z "$left" ] || fail "after uninstall: $left"
exit 0
