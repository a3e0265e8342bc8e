#!/bin/sh
# Installs the programs that tests call, where they are missing and we are root on a system with apt; else names them.
# Exit: 0 all there; 77 some are missing, the tests that need them are skipped (1 instead if CI=true).
set -eu

# program:Debian package
TOOLS='curl:curl strace:strace faketime:faketime ip:iproute2 nsenter:util-linux setfacl:acl setfattr:attr mkfs.ext4:e2fsprogs openssl:openssl patch:patch debootstrap:debootstrap'

missing() {
    for tool in $TOOLS; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${tool%%:*}" >/dev/null || printf '%s ' "${tool##*:}"
    done
}

packages=$(missing)
[ -n "$packages" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get -qq update || :
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $packages >/dev/null || :
    packages=$(missing)
    [ -n "$packages" ] || exit 0
fi
printf 'install-tools: MISSING: %s; tests that need them are SKIPPED. As root: apt-get install %s\n' "$packages" "$packages" >&2
[ "${CI:-}" = true ] && exit 1
exit 77
