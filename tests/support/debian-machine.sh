#!/bin/sh
# Boots the Debian of fetch-debian.sh as a machine of its own: debian-machine.sh SYSTEM [PROGRAM…]
#
# SYSTEM stays as it is: what is written goes into memory. The machine has its own processes, mounts, network and control
# groups; its systemd, or else PROGRAM, is its first process. The first line on standard output is that process's id here: a command runs
# there with `nsenter -t ID -a`. It ends when standard input does. Needs root.
set -eu

# The first process, in namespaces of its own already: the folder becomes its root.
if [ "$1" = --inside ]; then
    system=$2 root=$3
    shift 3
    mount -t tmpfs tmpfs "$root"
    mkdir "$root/upper" "$root/work" "$root/root"
    mount -t overlay overlay -o "lowerdir=$system,upperdir=$root/upper,workdir=$root/work" "$root/root" ||
        cp -a -- "$system/." "$root/root"
    root=$root/root
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" || :
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        : >"$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm" "$root/old"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    hostname debian
    ip link set lo up || :
    cd "$root"
    pivot_root . old
    umount -l /old
    rmdir /old
    container=peerctl
    export container
    # From here on commands run in there, and not in a half of it.
    : >/run/machine
    [ $# -gt 0 ] || set -- /lib/systemd/systemd --system
    exec "$@" </dev/null >/dev/null
fi

# In a mount namespace of its own, so that nothing is left of what is mounted here.
if [ "$1" != --mounted ]; then
    exec unshare --mount --propagation private "$0" --mounted "$@"
fi
shift

work=$(mktemp -d)
mkdir "$work/root" "$work/groups"
if mount -t cgroup2 cgroup2 "$work/groups" 2>/dev/null; then
    # What the machine makes there is below a group of its own.
    group=$work/groups/peerctl-debian-$$
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
fi
system=$1
shift
unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child "$0" --inside "$system" "$work/root" "$@" &
unshare=$!

finish() {
    kill -KILL "$unshare" 2>/dev/null || :
    wait "$unshare" 2>/dev/null || :
    if [ -n "${group:-}" ]; then
        echo $$ >"$work/groups/cgroup.procs"
        # A group goes when the last of its processes has gone.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.1
        done
        umount -l "$work/groups"
    fi
    rmdir "$work/root" "$work/groups" "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

until first=$(cat "/proc/$unshare/task/$unshare/children") && [ -n "$first" ]; do
    kill -0 "$unshare"
    sleep 0.01
done
echo "${first%% *}"
cat >/dev/null
