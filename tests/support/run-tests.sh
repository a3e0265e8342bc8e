#!/bin/bash
# Builds all tests, and runs several test programs at a time: most of what they do is wait for a HAProxy, so that even two cores
# have room for three. What each prints comes in one piece, when it has ended; the slowest come first. `run-tests.sh NAME…` runs
# only these, and no examples of the documentation.
#
# TEST_JOBS: how many at a time, 3 by default. Exit 0 if all have passed.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
cargo=${CARGO:-cargo}
jobs=${TEST_JOBS:-3}

# What takes longest begins first.
slow=(aggregate_rates interruptions hold do_no_harm replay watch dump live_chaos hostile_peers aggregate_live)

main() {
    local logs
    logs=$(mktemp -d)
    trap 'rm -rf "$logs"' EXIT
    export logs
    local targets=() name
    for name; do
        case $name in lib) targets+=(--lib) ;; *) targets+=(--test "$name") ;; esac
    done
    "$cargo" test --locked --no-run "${targets[@]}" --message-format=json >"$logs/built"
    export -f one
    export CARGO_MANIFEST_DIR=$PWD
    local failed=0
    ordered | xargs -r -P "$jobs" -I {} bash -c 'one {}' || failed=1
    if [ $# -eq 0 ]; then
        "$cargo" test --locked --doc || failed=1
    fi
    [ -z "$(ls "$logs"/*.failed 2>/dev/null)" ] || { echo "failed: $(basename -s .failed "$logs"/*.failed | sed 's/-[0-9a-f]*$//' | xargs)"; exit 1; }
    exit "$failed"
}

# The programs, the slow ones first.
ordered() {
    local programs
    programs=$(grep -o '"executable":"[^"]*/deps/[^"]*"' "$logs/built" | cut -d'"' -f4 | sort)
    for name in "${slow[@]}"; do
        grep -E "/$name-[0-9a-f]+$" <<<"$programs" || :
    done
    grep -Ev "/($(IFS='|'; echo "${slow[*]}"))-[0-9a-f]+$" <<<"$programs"
}

# One program.
one() {
    local name=${1##*/} start=$SECONDS status=0
    # What nohup or a shell's & has made this script ignore would be ignored by all that the tests start.
    env --default-signal "$1" >"$logs/$name.log" 2>&1 </dev/null || status=$?
    [ $status -eq 0 ] || touch "$logs/$name.failed"
    (
        flock 9
        printf '\n     Running %s (%d s)\n' "${name%-*}" $((SECONDS - start))
        cat "$logs/$name.log"
    ) 9>"$logs/lock"
    return $((status != 0))
}

main "$@"
