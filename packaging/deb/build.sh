#!/bin/sh
# Packs a Debian package: packaging/deb/build.sh BINARY FOLDER, the program as it was built and where the package goes.
# Needs dpkg-deb, and strip and readelf, which come with gcc. DEB_COMPRESSION is one of dpkg-deb's, xz by default.
# The same input gives the same bytes: times are that of the changelog's last entry.
set -eu
umask 022

here=$(cd -- "$(dirname -- "$0")" && pwd)
top=$(cd -- "$here/../.." && pwd)
binary=$1
target=$2

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
root=$work/root

version=$(sed -n '1s/^peerctl (\([^)]*\)).*/\1/p' "$here/changelog")
program=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$top/Cargo.toml")
if [ "${version%-*}" != "$program" ]; then
    echo "build.sh: packaging/deb/changelog begins with $version, Cargo.toml has $program: add an entry" >&2
    exit 1
fi
entry=$(sed -n '/^ -- .*>  /{s/^ -- .*>  //p;q}' "$here/changelog")
SOURCE_DATE_EPOCH=$(date -d "$entry" +%s)
export SOURCE_DATE_EPOCH

# put MODE FILE… FOLDER: copies into a folder of the package.
put() {
    mode=$1
    shift
    for folder; do :; done
    mkdir -p "$root$folder"
    while [ $# -gt 1 ]; do
        install -m "$mode" -- "$1" "$root$folder"
        shift
    done
}

documentation=/usr/share/doc/peerctl
put 755 "$binary" /usr/bin
[ "${binary##*/}" = peerctl ] || mv "$root/usr/bin/${binary##*/}" "$root/usr/bin/peerctl"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/peerctl"
put 644 "$top"/docs/man/*.1 /usr/share/man/man1
put 644 "$top/completions/peerctl.bash" /usr/share/bash-completion/completions
mv "$root/usr/share/bash-completion/completions/peerctl.bash" "$root/usr/share/bash-completion/completions/peerctl"
put 644 "$top/completions/_peerctl" /usr/share/zsh/vendor-completions
put 644 "$top/completions/peerctl.fish" /usr/share/fish/vendor_completions.d
put 644 "$top"/packaging/*.service /lib/systemd/system
put 644 "$top/packaging/aggregate.conf" "$top/packaging/hold.env" /etc/peerctl
put 644 "$top/README.md" "$here/copyright" $documentation
put 644 "$top"/docs/*.md $documentation/docs
put 644 "$top"/docs/examples/* $documentation/docs/examples
put 644 "$top"/docs/pictures/*.svg $documentation/docs/pictures
put 644 "$top/packaging/prometheus-rules.yml" $documentation/packaging
put 644 "$here/lintian-overrides" /usr/share/lintian/overrides
mv "$root/usr/share/lintian/overrides/lintian-overrides" "$root/usr/share/lintian/overrides/peerctl"
gzip -9nc "$here/changelog" >"$root$documentation/changelog.Debian.gz"
gzip -9nc "$top/CHANGELOG.md" >"$root$documentation/changelog.gz"
gzip -9n "$root"/usr/share/man/man1/*.1

# The C library must be as new as the newest of its symbols that the program uses.
libc=$(readelf -VW "$root/usr/bin/peerctl" | sed -n 's/.*Name: GLIBC_\([0-9.]*\) .*/\1/p' | sort -V | tail -n 1)
put 755 "$here/postinst" "$here/prerm" "$here/postrm" /DEBIAN
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$(dpkg --print-architecture)/" \
    -e "s/@LIBC@/$libc/" -e "s/@SIZE@/$(du -sk --apparent-size "$root" | cut -f1)/" \
    "$here/control" >"$root/DEBIAN/control"
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$target"
dpkg-deb --root-owner-group -Z"${DEB_COMPRESSION:-xz}" --build "$root" "$target" >/dev/null
echo "$target/peerctl_${version}_$(dpkg --print-architecture).deb"
