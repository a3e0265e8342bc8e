#!/bin/sh
# Puts a small Debian bookworm with systemd into CACHE/bookworm, for the tests of the package. CACHE is
# $PEERCTL_DEBIAN_CACHE, else .cache/debian at the top of this repository. The mirror is that of this machine's own apt.
# Tests never write into it: they run in an overlay. To refresh, remove the folder.
#
# Exit: 0 it is there; 77 not possible here (1 instead if CI=true); 1 something broke.
set -eu

repository=$(cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${PEERCTL_DEBIAN_CACHE:-$repository/.cache/debian}

say() { printf 'fetch-debian: %s\n' "$*" >&2; }

impossible() {
    say "NOT POSSIBLE HERE: $1; tests of the Debian package are SKIPPED"
    mkdir -p "$cache" && : >"$cache/impossible"
    [ "${CI:-}" = true ] && exit 1
    exit 77
}

# What apt knows as Debian's archive; before the first `apt-get update` the path of the address has to tell.
mirror() {
    for more in '' --no-release-info; do
        apt-get indextargets $more --format '$(REPO_URI) $(ORIGIN)/$(LABEL)' 'Created-By: Packages' 'Component: main' 2>/dev/null
    done | awk '$2 == "Debian/Debian" || $1 ~ /\/debian\/?$/ { print $1; exit }'
}

[ ! -e "$cache/bookworm/etc/os-release" ] || exit 0
PATH=$PATH:/usr/sbin:/sbin
for tool in apt-get debootstrap flock; do
    command -v "$tool" >/dev/null || impossible "there is no $tool"
done
[ "$(id -u)" = 0 ] || impossible "only root makes a root folder"
mirror=$(mirror)
[ -n "$mirror" ] || impossible "apt knows no Debian mirror"

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
[ ! -e "$cache/bookworm/etc/os-release" ] || exit 0
say 'getting a Debian bookworm'
rm -rf -- "$cache/new"
if ! debootstrap --variant=minbase --include=systemd bookworm "$cache/new" "$mirror" >"$cache/log" 2>&1; then
    tail -n 20 "$cache/log" >&2
    rm -rf -- "$cache/new"
    impossible "debootstrap failed (see above)"
fi
rm -rf -- "$cache"/new/var/cache/apt/archives/*.deb "$cache"/new/var/lib/apt/lists/*
mv "$cache/new" "$cache/bookworm"
rm -f -- "$cache/impossible"
