#!/bin/sh
# Puts the HAProxy of three Debian releases, each with its own libraries, into a cache folder:
#
#     CACHE/bin/haproxy-2.6      starts CACHE/2.6/usr/sbin/haproxy with the C library of bookworm
#     CACHE/bin/haproxy-3.0      … of trixie
#     CACHE/bin/haproxy-3.2      … of forky
#
# CACHE is $PEERCTL_HAPROXY_CACHE, else .cache/haproxy at the top of this repository. It may be moved: the starters
# find their release beside themselves. The system's packages and /etc are not touched, root is not needed: packages
# are fetched with apt's own means from the mirror this machine already uses and unpacked with dpkg-deb.
#
# The number in a starter's name is what `haproxy -v` prints, so when forky moves on, a new cache has another name in it.
# A release that is already in the cache is left as it is; to refresh, remove the cache.
#
# Exit: 0 all three are there; 77 not possible here, some are missing (1 instead if CI=true); 1 something broke.
set -eu

SUITES='bookworm trixie forky'
repository=$(cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${PEERCTL_HAPROXY_CACHE:-$repository/.cache/haproxy}

say() { printf 'fetch-haproxy: %s\n' "$*" >&2; }

# The stamp of a release names its starter: "3.0 3.0.11-1+deb13u2". It is written last, so it vouches for the rest.
is_complete() {
    [ -r "$cache/stamps/$1" ] || return 1
    read -r branch _ <"$cache/stamps/$1"
    [ -x "$cache/bin/haproxy-$branch" ]
}

missing_suites() {
    for suite in $SUITES; do
        is_complete "$suite" || printf '%s ' "$suite"
    done
}

# Why HAProxy cannot be fetched on this machine; nothing if it can.
cannot_work_because() {
    for tool in apt-get dpkg-deb flock; do
        command -v "$tool" >/dev/null || { echo "there is no $tool"; return; }
    done
    [ -n "$(mirror)" ] || echo "apt knows no Debian mirror"
}

# The sources.list line, up to the address, of the Debian mirror in this machine's own apt configuration.
# Before the first `apt-get update` nothing has an origin, and the path of the address has to tell.
mirror() {
    {
        targets 'by=$(ORIGIN)/$(LABEL)'
        targets 'by=' --no-release-info
    } | awk '$3 == "by=Debian/Debian" || ($3 == "by=" && $1 ~ /\/debian\/?$/) {
        sub(/^key=/, "signed-by=", $2)
        print "deb", $2 ~ /[(]|=$/ ? "" : "[" $2 "]", $1
        exit
    }'
}

targets() {
    format="\$(REPO_URI) key=\$(SIGNED_BY) $1"
    shift
    apt-get indextargets "$@" --format "$format" 'Created-By: Packages' 'Component: main' 2>/dev/null
}

# apt with lists, archives and an empty package database of its own in $work. The machine's proxies and keys stay in
# force; its hooks, which may clean the system's own cache, do not.
own_apt() { apt-get -qq -c "$work/apt.conf" "$@"; }

write_apt_conf() {
    cat >"$work/apt.conf" <<CONF
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Retries "3";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Install-Recommends "false";
APT::Sandbox::User "";
#clear APT::Update;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
APT::Update::Error-Mode "any";
CONF
}

# Unpacks HAProxy of suite $1 and the libraries it needs. apt works out which; other dependencies (init scripts, adduser)
# only matter to an installation.
unpack_release() {
    suite=$1
    root=$work/root
    mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/debs" "$root"
    : >"$work/status"
    printf '%s %s main\n' "$(mirror)" "$suite" >"$work/sources.list"
    write_apt_conf
    own_apt update >&2 || exit 77
    packages=$(own_apt install --simulate haproxy | awk '$1 == "Inst" && $2 ~ /^(haproxy|lib.*|zlib.*)$/ { print $2 }')
    # shellcheck disable=SC2086 # one word for each package
    (cd "$work/debs" && own_apt download $packages >&2)
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
    package_version=$(dpkg-deb -f "$work"/debs/haproxy_*.deb Version)
}

# A starter runs `haproxy` through the loader of its own release, in its own process: the pid stays. `--argv0` lets a master
# that re-executes itself find the starter again. (The loader's name in lib64 is a link into the system's own /lib.)
write_starter() {
    loader=$(cd "$2" && find lib usr/lib -name 'ld-linux-*.so.*' -type f 2>/dev/null | head -n 1)
    folder=${loader%/*}
    libraries=${folder##*/}
    cat >"$1" <<STARTER
#!/bin/sh
self=\$(readlink -f -- "\$0")
root=\${self%/bin/*}/\${self##*/haproxy-}
exec "\$root/$loader" --argv0 "\$self" --library-path "\$root/lib/$libraries:\$root/usr/lib/$libraries" "\$root/usr/sbin/haproxy" "\$@"
STARTER
    chmod +x "$1"
}

# "HAProxy version 3.0.11-1+deb13u2 2025/12/01 - …" → 3.0
branch_of() {
    "$1" -v | sed -n '1s/^HAProxy version \([0-9]*\.[0-9]*\)[^0-9].*/\1/p'
}

fetch_release() {
    suite=$1
    work=$cache/unpacking.$suite
    rm -rf -- "$work"
    mkdir -p "$work/bin"
    say "getting HAProxy of Debian $suite"
    unpack_release "$suite"

    # Started once under a working name, to learn its number.
    mv "$work/root" "$work/new"
    write_starter "$work/bin/haproxy-new" "$work/new"
    branch=$(branch_of "$work/bin/haproxy-new")
    [ -n "$branch" ] || { say "HAProxy of $suite does not start"; return 1; }

    rm -rf -- "${cache:?}/$branch"
    mv "$work/new" "$cache/$branch"
    mv "$work/bin/haproxy-new" "$cache/bin/haproxy-$branch"
    printf '%s %s\n' "$branch" "$package_version" >"$work/stamp"
    mv "$work/stamp" "$cache/stamps/$suite"
    rm -rf -- "$work"
    say "HAProxy $package_version is $cache/bin/haproxy-$branch"
}

# What is left where fetching is impossible: the HAProxy that is installed, if one is.
fall_back() {
    say "NOT POSSIBLE HERE: $1"
    : >"$cache/impossible"
    if installed=$(command -v haproxy); then
        branch=$(branch_of "$installed")
        [ -x "$cache/bin/haproxy-$branch" ] || ln -s "$installed" "$cache/bin/haproxy-$branch"
        say "tests run against $installed ($branch) only; SKIPPED are the other releases of: $(missing_suites)"
    else
        say "and there is no haproxy in PATH: tests that need a real HAProxy are SKIPPED"
    fi
    [ "${CI:-}" = true ] && exit 1
    exit 77
}

[ -n "$(missing_suites)" ] || exit 0
mkdir -p "$cache/bin" "$cache/stamps"
cache=$(cd -- "$cache" && pwd)
reason=$(cannot_work_because)
[ -z "$reason" ] || fall_back "$reason"

# One at a time; whoever waited finds the work done. The lock goes with the process, however it ends.
exec 9>"$cache/lock"
flock 9
for suite in $(missing_suites); do
    # A subshell of its own, not part of a test, so that the first thing that fails in it ends it.
    set +e
    (set -e && fetch_release "$suite")
    status=$?
    set -e
    case $status in
    0) ;;
    77) fall_back "Debian $suite cannot be read from this machine's mirror" ;;
    *) say "HAProxy of Debian $suite could not be unpacked (see above)" && exit 1 ;;
    esac
done
rm -f -- "$cache/impossible"
