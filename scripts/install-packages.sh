#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that MAPLE needs and that are missing, saying which and why. Does nothing where all are
# there; on systems without apt it names the parts.
set -eu

# package: why
packages="
gcc: compiles
cmake: builds
make: builds
pkg-config: finds libraries
libsqlite3-dev: the pool
libopenblas-dev: matrix products, engine blas
liblapacke-dev: small linear systems
libcjson-dev: JSON
zlib1g-dev: reads packed tables (gzip)
libdnnl-dev: engine onednn
libxnnpack-dev: engine xnnpack
libpthreadpool-dev: engine xnnpack
libcpuinfo-dev: engine xnnpack
valgrind: counters where the CPU shows none (simulated)
libcmocka-dev: tests
sqlite3: tests, looking into a pool by hand
gnuplot-nox: figures (maple figure, maple report)
"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This is no Debian-like system. Parts that the build looks for (required: SQLite, OpenBLAS, LAPACKE, cJSON, zlib, CMake, a C17" >&2
    echo "compiler, pkg-config; optional: oneDNN, XNNPACK with pthreadpool and cpuinfo, Valgrind, cmocka, gnuplot)." >&2
    exit 0
fi

missing=""
while IFS=: read -r name why; do
    [ -n "$name" ] || continue
    if [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" != "install ok installed" ]; then
        echo "needs $name:$why" >&2
        missing="$missing $name"
    fi
done <<LIST
$packages
LIST
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo"
    command -v sudo >/dev/null 2>&1 || { echo "install these as root: apt-get install$missing" >&2; exit 4; }
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
for name in $missing; do
    # An engine that this release does not carry is no reason to stop; a required part is found missing by CMake.
    if ! apt-cache show "$name" >/dev/null 2>&1; then
        echo "$name is not in this release: what needs it is not built" >&2
        missing=$(echo "$missing" | sed "s/ $name\b//")
    fi
done
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
