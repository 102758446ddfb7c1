#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints where the tests' temporary files go: $TMPDIR where it is set; else /dev/shm, where it has a GiB to spare and lets
# programs run; else /tmp. The tests sync to disk many thousand times, which on a busy disk takes longer than all the rest,
# and what they kill and look at afterwards is the process, not the machine.
set -eu
shm=/dev/shm
runs_there() {
    program=$(mktemp "$shm/maple-XXXXXX" 2>/dev/null) || return 1
    printf '#!/bin/sh\n' >"$program"
    chmod +x "$program"
    code=0
    "$program" 2>/dev/null || code=1
    rm -f "$program"
    return $code
}
free_kib() { df -Pk "$shm" 2>/dev/null | awk 'NR == 2 { print $4 }'; }
if [ -n "${TMPDIR-}" ]; then
    echo "$TMPDIR"
elif [ "$(free_kib)" -gt 1048576 ] 2>/dev/null && runs_there; then
    echo "$shm"
else
    echo /tmp
fi
