#!/bin/bash
# What peerctl is for, in a minute: two real HAProxy processes on this machine's loopback count requests, each for itself;
# `peerctl add` makes them peers; what one counts, the other knows. Then both are active behind one client, and
# `peerctl aggregate` adds up what they count. Run it with `make demo`.
#
# Nothing outside a temporary folder is touched. All ports are in a network namespace of the demo's own, where that is
# permitted; else they are free ones. Exit 0 if the entry arrived on the other side, and both answered 429 in the end.
set -euo pipefail

repository=$(cd -- "$(dirname -- "$0")/.." && pwd)
peerctl=${PEERCTL:-${CARGO_TARGET_DIR:-$repository/target}/debug/peerctl}
bin=${PEERCTL_HAPROXY_CACHE:-$repository/.cache/haproxy}/bin

main() {
    isolate "$@"
    prepare
    act_one
    act_two
}

prepare() {
    haproxy=$(newest_haproxy)
    [ -x "$peerctl" ] || fail "there is no $peerctl: run \`cargo build\`"
    dir=$(mktemp -d)
    trap clean_up EXIT
    cd "$dir"
    choose_ports
}

act_one() {
    title "1. Two load balancers, each on its own   ($("$haproxy" -v | cut -d' ' -f1-3 | head -n 1))"
    write_configuration lb1 "$http1" "$cli1"
    write_configuration lb2 "$http2" "$cli2"
    start lb1
    start lb2
    until_true "lb1 and lb2 answer" both_answer
    show tail -n 2 lb1.cfg
    request 3 "$http1"
    echo
    echo "   Anna has made 3 requests, all of them through lb1:"
    tables

    title "2. One command makes them peers"
    show "$peerctl" add mesh lb1.cfg lb2.cfg --peer "lb1=127.0.0.1:$peer1" --peer "lb2=127.0.0.1:$peer2" \
        --attach-all --set-localpeer --diff --haproxy "$haproxy"

    title "3. Reload lb1, then lb2"
    start lb1 -sf "${pids[lb1]}"
    start lb2 -sf "${pids[lb2]}"
    until_true "lb1 and lb2 are connected" connected
    echo "   They have found each other: session established."

    title "4. What one counts, the other knows"
    request 3 "$http1"
    echo "   Anna makes 3 requests again, all of them through lb1 (the tables of a new section start empty):"
    until_true "the entry of lb1 is on lb2" replicated
    tables
    echo
    echo "   So a client that is over the limit on one is over the limit on both."
}

# What each node lets a client do in ten seconds, and what all nodes together let it do; its requests per second at each node.
local_limit=100 total_limit=120 speed=8

act_two() {
    title "5. Both are active behind one client: each counts its own half"
    kill "${pids[lb1]}" "${pids[lb2]}"
    wait "${pids[lb1]}" "${pids[lb2]}" || :
    local peers=(--peer "lb1=127.0.0.1:$peer1" --peer "lb2=127.0.0.1:$peer2" --aggregate "agg1=127.0.0.1:$peer3")
    write_node lb1 "$http1" "$cli1"
    write_node lb2 "$http2" "$cli2"
    start lb1
    start lb2
    until_true "lb1 and lb2 answer" both_answer
    printf '   %s$ peerctl generate agg --peer lb1=… --peer lb2=… --aggregate agg1=… -L lb1%s\n' "$bold" "$plain"
    sed -n '/^peers/,$s/^/   /p' lb1.cfg
    echo
    echo "   Both answer 429 above $local_limit requests in 10 s that they have seen themselves,"
    echo "   and above $total_limit in the total, as long as the lease says that it can be trusted."
    echo "   A client makes $speed requests per second at each of them: less than $local_limit in 10 s"
    echo "   at each, more than $total_limit at both. Nobody knows the total, so all pass:"
    header
    rows 1 11 -

    title "6. The aggregator tells each node what all nodes have counted"
    printf '   %s$ peerctl generate agg --peer lb1=… --peer lb2=… --aggregate agg1=… -L agg1%s\n' "$bold" "$plain"
    "$peerctl" generate agg "${peers[@]}" -L agg1 |
        sed -e '/^ *#/d' -e '/metrics/d' -e "s,/run/peerctl,$dir," -e "s,/var/lib/peerctl,$dir," >agg1.conf
    sed -n '/^aggregations/,$s/^/   /p' agg1.conf
    printf '   %s$ peerctl aggregate -f agg1.conf%s\n' "$bold" "$plain"
    "$peerctl" aggregate -f agg1.conf >agg1.log 2>&1 &
    pids[agg1]=$!
    until_true "the nodes trust the totals" leased
    header
    rows 12 16 total
    [ "$denied" -gt 0 ] || fail "nobody was denied: $(cat agg1.log)"
    echo
    echo "   Each is below its limit of $local_limit, the total is above $total_limit: both answer 429."
    kill "${pids[agg1]}"
    wait "${pids[agg1]}" || :
}

# A node of the aggregation, as `peerctl generate --aggregate` writes it, with the limits of the demo.
write_node() {
    {
        cat <<CONFIGURATION
global
    localpeer $1
    stats socket ipv4@127.0.0.1:$3 level admin

defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s

frontend web
    bind 127.0.0.1:$2
    http-request track-sc0 src table agg/st_src
    http-request deny deny_status 429 if { sc0_http_req_rate gt $local_limit }
    http-request deny deny_status 429 if { src_http_req_rate(agg/st_src.agg) gt $total_limit } { str(agg1),in_table(agg/lease) }
    http-request return status 200

CONFIGURATION
        "$peerctl" generate agg "${peers[@]}" -L "$1" | sed '/^#/d'
    } >"$1.cfg"
}

header() {
    echo
    echo "                requests in the last 10 s       │   answers in this second"
    echo "   second    lb1   lb2   total as lb1 sees it   │   lb1             lb2"
}

# A line for each second from $1 to $2; with the total as the nodes see it, if there is one ($3).
rows() {
    local second rates total answers wait
    # Rows keep pace with the clock: what a busy machine has delayed is made up for, and the client's rate is what was promised.
    due=${due:-$(date +%s%3N)}
    for second in $(seq "$1" "$2"); do
        answers=("$(answers "$http1")" "$(answers "$http2")")
        rates=("$(rate "$cli1" st_src)" "$(rate "$cli2" st_src)")
        total=nobody
        [ "$3" = - ] || total=$(rate "$cli1" st_src.agg)
        [[ ${answers[0]} != *429* || ${answers[1]} != *429* ]] || denied=$((denied + 1))
        printf '   %4d s  %6s %5s   %12s           │   %-15s %s\n' \
            "$second" "${rates[0]}" "${rates[1]}" "$total" "${answers[0]}" "${answers[1]}"
        due=$((due + 1000))
        wait=$((due - $(date +%s%3N)))
        [ $wait -le 0 ] || sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
    done
}

# The answers of port $1 to the requests of a second, like `8 × 200`.
answers() {
    local passed=0 stopped=0 status _
    for _ in $(seq "$speed"); do
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'GET / HTTP/1.0\r\n\r\n' >&3
        read -r _ status _ <&3
        exec 3>&-
        if [ "$status" = 429 ]; then stopped=$((stopped + 1)); else passed=$((passed + 1)); fi
    done
    [ "$passed" -eq 0 ] || printf '%d × 200 ' "$passed"
    [ "$stopped" -eq 0 ] || printf '%d × 429' "$stopped"
}

# The client's rate in table $2 of the node that has its runtime API on port $1
rate() { ask "$1" "show table agg/$2" | sed -n 's/.*http_req_rate([0-9]*)=\([0-9]*\).*/\1/p'; }

leased() { ask "$cli1" 'show table agg/lease' | grep -q key=agg1 && ask "$cli2" 'show table agg/lease' | grep -q key=agg1; }

# Starts over inside a network namespace, if one can be had.
isolate() {
    [ -z "${PEERCTL_DEMO_ISOLATED:-}" ] || return 0
    export PEERCTL_DEMO_ISOLATED=yes
    for user in '' --map-root-user; do
        # shellcheck disable=SC2086 # no word at all if empty
        if unshare --net $user ip link set lo up 2>/dev/null; then
            exec unshare --net $user bash -c 'ip link set lo up && exec "$@"' demo "$0" "$@"
        fi
    done
    export PEERCTL_DEMO_ISOLATED=no
}

newest_haproxy() {
    local found
    found=$(printf '%s\n' "$bin"/haproxy-* | sort -V | tail -n 1)
    [ -x "$found" ] || found=$(command -v haproxy) || fail "no HAProxy: run \`make haproxy\`"
    echo "$found"
}

# http1 http2 cli1 cli2 peer1 peer2 peer3
choose_ports() {
    local ports=(8081 8082 9001 9002 10001 10002 10003) port
    if [ "$PEERCTL_DEMO_ISOLATED" = no ]; then
        ports=()
        while [ ${#ports[@]} -lt 7 ]; do
            port=$((20000 + RANDOM % 12000))
            [[ " ${ports[*]} " == *" $port "* ]] || listens "$port" || ports+=("$port")
        done
    fi
    read -r http1 http2 cli1 cli2 peer1 peer2 peer3 <<<"${ports[*]}"
}

write_configuration() {
    cat >"$1.cfg" <<CONFIGURATION
global
    stats socket ipv4@127.0.0.1:$3 level admin

defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s

frontend web
    bind 127.0.0.1:$2
    http-request track-sc0 req.hdr(x-user) table per_user    # who asks how often?
    http-request deny status 429 if { sc0_http_req_cnt gt 100 }
    http-request return status 200

backend per_user
    stick-table type string len 32 size 100k expire 10m store http_req_cnt
CONFIGURATION
}

declare -A pids=()
denied=0

start() {
    local name=$1
    shift
    "$haproxy" -db -f "$name.cfg" "$@" >>"$name.log" 2>&1 &
    pids[$name]=$!
}

clean_up() {
    exec 2>/dev/null # bash would tell of each process that was killed
    # shellcheck disable=SC2046 # one word for each process that still runs
    kill -KILL $(jobs -rp) || :
    wait || :
    rm -rf -- "$dir"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

both_answer() { listens "$http1" && listens "$http2"; }

connected() { ask "$cli1" 'show peers' | grep -q 'id=lb2(remote.*last_status=ESTA'; }

replicated() { ask "$cli2" 'show table per_user' | grep -q 'key=anna .*http_req_cnt=3'; }

# $1 requests of Anna's to port $2
request() {
    local _
    for _ in $(seq "$1"); do
        exec 3<>"/dev/tcp/127.0.0.1/$2"
        printf 'GET / HTTP/1.0\r\nX-User: anna\r\n\r\n' >&3
        cat <&3 >/dev/null
        exec 3>&-
    done
}

# The answer of the runtime API on port $1 to the command $2
ask() {
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf '%s\n' "$2" >&3
    cat <&3
    exec 3>&-
}

tables() {
    local name port entries
    for name in lb1 lb2; do
        [ $name = lb1 ] && port=$cli1 || port=$cli2
        entries=$(ask "$port" 'show table per_user' | sed -n 's/.*key=\([^ ]*\) .*http_req_cnt=\([0-9]*\).*/\1: \2 requests/p')
        printf '      %s  %s\n' "$name" "${entries:-(knows nobody)}"
    done
}

until_true() {
    local what=$1 _
    shift
    for _ in $(seq 300); do
        "$@" && return 0
        sleep 0.1
    done
    cat lb1.log lb2.log >&2
    fail "waited 30 s in vain until $what"
}

title() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }

# Runs a command, with the command above and its output indented
show() {
    local words=("${@##*/}")
    printf '   %s$ %s%s\n' "$bold" "${words[*]}" "$plain"
    "$@" 2>&1 | sed 's/^/   /'
}

fail() { echo "demo: $*" >&2 && exit 1; }

bold='' plain=''
[ -t 1 ] && bold=$'\e[1m' plain=$'\e[0m'
main "$@"
