#!/bin/sh
# What lintian of Debian bookworm says of a package: packaging/deb/lint.sh PACKAGE
#
# It is installed into a copy of the Debian that tests/support/fetch-debian.sh gets, in CACHE/lintian; root is needed.
set -eu

package=$1
top=$(cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${PEERCTL_DEBIAN_CACHE:-$top/.cache/debian}
root=$cache/lintian

if [ ! -x "$root/usr/bin/lintian" ]; then
    rm -rf -- "$root"
    cp -a -- "$cache/bookworm" "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    for proxy in /etc/apt/apt.conf.d/*proxy*; do
        [ ! -e "$proxy" ] || cp -- "$proxy" "$root/etc/apt/apt.conf.d/"
    done
    chroot "$root" apt-get -qq update
    chroot "$root" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends lintian >"$cache/lintian.log" 2>&1
    rm -rf -- "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
fi
cp -- "$package" "$root/tmp/package.deb"
chroot "$root" lintian --allow-root --tag-display-limit 0 --display-info --pedantic --fail-on error,warning /tmp/package.deb
