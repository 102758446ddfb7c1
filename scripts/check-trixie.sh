#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds MAPLE and runs its tests on Debian 13 (oneDNN 3.x, XNNPACK of 2024), in a folder made by debootstrap:
# check-trixie.sh BUILD [arguments of ctest]. The folder is $MAPLE_TRIXIE, else BUILD/trixie; it is kept, and the next
# run copies the sources anew and builds what changed. The packages come from the Debian mirror, by the proxy, that this
# host's apt is configured with ($MAPLE_TRIXIE_MIRROR: another). Needs root: chroot, and mounts in a namespace of
# its own, so that the kernel removes them however the script ends.
set -eu

build=${1:-build}
[ $# -eq 0 ] || shift
source=$(cd "$(dirname "$0")/.." && pwd)
data=${MAPLE_PUBLIC_DATA:-$source/../shared/data}
jobs=${JOBS:-$(nproc)}

fail() {
    echo "make check-trixie: $1" >&2
    exit 4
}

[ "$(id -u)" -eq 0 ] || fail "needs root, to mount and chroot; run it as root (sudo make check-trixie)"
command -v debootstrap >/dev/null || fail "needs debootstrap (Debian and Ubuntu: apt-get install debootstrap)"
if [ -z "${MAPLE_TRIXIE_NAMESPACE:-}" ]; then
    unshare --mount true 2>/dev/null || fail "needs a mount namespace, which this system (a container?) does not allow"
    MAPLE_TRIXIE_NAMESPACE=1 exec unshare --mount --propagation private sh "$0" "$build" "$@"
fi

mkdir -p "${MAPLE_TRIXIE:-$build/trixie}"
root=$(cd "${MAPLE_TRIXIE:-$build/trixie}" && pwd)
exec 9<"$root"
flock -n 9 || fail "another run uses $root"

# --- What this host's apt is configured with ---

mirror=${MAPLE_TRIXIE_MIRROR:-}
if [ -z "$mirror" ] && command -v apt-get >/dev/null; then
    mirror=$(apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian main //p' | head -n 1)
fi
[ -n "$mirror" ] || fail "needs a package mirror of Debian; this host's apt names none (after apt-get update): set MAPLE_TRIXIE_MIRROR=URL"
for protocol in http https; do
    proxy=""
    command -v apt-config >/dev/null && eval "$(apt-config shell proxy Acquire::$protocol::Proxy)"
    [ -z "$proxy" ] || [ "$proxy" = DIRECT ] || export "${protocol}_proxy=$proxy"
done
keyring=""
for file in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-trixie-stable.gpg; do
    [ ! -e "$file" ] || { keyring=$file && break; }
done
[ -n "$keyring" ] || fail "needs the keys of Debian's archive (package debian-archive-keyring)"

# --- The folder: made in one go, or made anew ---

stamp=$root/.maple-trixie
if [ "$(cat "$stamp" 2>/dev/null)" != complete ]; then
    [ -e "$stamp" ] || [ -z "$(ls -A "$root")" ] ||
        fail "$root is not empty and not made by this script; set MAPLE_TRIXIE to an empty or new folder"
    find "$root" -xdev -mindepth 1 -delete
    echo begun >"$stamp"
    script=""
    [ -e /usr/share/debootstrap/scripts/trixie ] || script=/usr/share/debootstrap/scripts/sid
    echo "debootstrap of trixie to $root ..."
    # shellcheck disable=SC2086
    debootstrap --variant=minbase --include=ca-certificates --keyring="$keyring" trixie "$root" "$mirror" $script \
        >"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2 && fail "debootstrap failed; see $root.log"; }
    rm "$root.log"
    echo complete >"$stamp"
fi
if command -v apt-config >/dev/null; then
    apt-config dump | grep -E '^Acquire::(http|https|Check-|Retries)' >"$root/etc/apt/apt.conf.d/90host" || true
fi
for file in /etc/resolv.conf /etc/hosts; do
    [ ! -e "$file" ] || cat "$file" >"$root$file"
done

# --- Sources and public data ---

work=$root/maple
rm -rf "$work/source"
mkdir -p "$work/source" "$work/build" "$work/shared/data"
cd "$source"
if git -c safe.directory="$source" ls-files >/dev/null 2>&1; then # what is tracked or new, as it is now
    git -c safe.directory="$source" ls-files -coz --exclude-standard |
        xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh | tar -c --null -T - | tar -x -C "$work/source"
else
    tar -c --exclude='./build*' . | tar -x -C "$work/source"
fi
if [ -d "$data" ]; then
    mount --bind "$data" "$work/shared/data"
    mount -o remount,ro,bind "$work/shared/data"
fi

# --- Packages, build, tests ---

mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} chroot "$root" "$@"
}
inside dpkg --configure -a # after an interrupted installation
inside sh /maple/source/scripts/install-packages.sh
inside cmake -S /maple/source -B /maple/build -DMAPLE_WERROR=ON >/dev/null
inside cmake --build /maple/build -j "$jobs"
echo "Debian $(cat "$root/etc/debian_version"):" "$(inside dpkg-query -W -f '${Package} ${Version}, ' gcc cmake libdnnl-dev libxnnpack-dev \
    libopenblas-dev libsqlite3-dev libcjson-dev libcmocka-dev valgrind | sed 's/, $//')"
inside /maple/build/maple engines
for engine in onednn xnnpack; do
    ! inside /maple/build/maple engines | grep -q "^$engine.*not built" || fail "engine $engine was not built on trixie"
done
inside ctest --test-dir /maple/build --output-on-failure --timeout 900 "$@"
