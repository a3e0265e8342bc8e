//! What can be known to fail, or to lose something, before the first byte is written.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Access, AtFlags, Mode, Statx, StatxAttributes, StatxFlags};
use rustix::io::{Errno, retry_on_intr};

use super::error::FileError;
use super::resolve::Place;
use super::{Hardlinks, Options};

/// Refuses a file that can't be replaced (or, with `--in-place`, written through) without a loss. Writes nothing.
pub(super) fn check(place: &Place, options: &Options) -> Result<(), FileError> {
    let path = &place.path();
    let refuse = |reason: &str, next: &str| Err(FileError::refused(path, reason, next));
    let file = statx(path, place.dir.fd(), place.name.as_os_str().as_ref(), AtFlags::SYMLINK_NOFOLLOW)?;
    let dir = statx(place.dir.path(), place.dir.fd(), Path::new(""), AtFlags::EMPTY_PATH)?;
    if file.stx_attributes.contains(StatxAttributes::IMMUTABLE) {
        return refuse("it is immutable", "`chattr -i` it first");
    }
    if file.stx_attributes.contains(StatxAttributes::APPEND) {
        return refuse("it can only be appended to", "`chattr -a` it first");
    }
    if dir.stx_attributes.intersects(StatxAttributes::IMMUTABLE | StatxAttributes::APPEND) {
        return refuse("its directory is immutable or append-only", "`chattr -ia` the directory first");
    }
    // The lock, the new version and the backup stand beside the file, so the directory matters with `--in-place`, too.
    access(place.dir.path(), place.dir.fd(), Path::new("."), Access::WRITE_OK | Access::EXEC_OK)?;
    if options.in_place {
        return access(path, place.dir.fd(), place.name.as_os_str().as_ref(), Access::WRITE_OK);
    }
    if mounted_by_itself(&file, &dir) {
        return refuse(
            "it is mounted by itself, as containers do, and can't be replaced",
            "`--in-place` writes through (not in one step)",
        );
    }
    if file.stx_nlink > 1 && options.hardlinks == Hardlinks::Refuse {
        let reason =
            format!("it has {} names (hard links), and only this one would get the new version", file.stx_nlink);
        return refuse(&reason, "`--hardlinks break` does that, `--in-place` changes it under all its names");
    }
    let user = rustix::process::geteuid();
    let sticky = Mode::from_raw_mode(dir.stx_mode.into()).contains(Mode::SVTX);
    if sticky && !user.is_root() && ![file.stx_uid, dir.stx_uid].contains(&user.as_raw()) {
        return refuse(
            "it belongs to another user and stands in a sticky directory",
            "run as its owner, or use `--in-place`",
        );
    }
    Ok(())
}

fn statx(path: &Path, fd: impl AsFd, name: &Path, flags: AtFlags) -> Result<Statx, FileError> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    retry_on_intr(|| rustix::fs::statx(&fd, name, flags, wanted))
        .map_err(|errno| FileError::system("statx", path, errno))
}

fn access(path: &Path, fd: impl AsFd, name: &Path, wanted: Access) -> Result<(), FileError> {
    match retry_on_intr(|| rustix::fs::accessat(&fd, name, wanted, AtFlags::EACCESS)) {
        // An old kernel knows only the check for the real user; the calls that follow say the rest.
        Ok(()) | Err(Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(errno) => Err(FileError::system("faccessat2", path, errno)),
    }
}

fn mounted_by_itself(file: &Statx, dir: &Statx) -> bool {
    let devices = |stat: &Statx| (stat.stx_dev_major, stat.stx_dev_minor);
    let known = |stat: &Statx| StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID);
    if known(file) && known(dir) {
        return file.stx_mnt_id != dir.stx_mnt_id;
    }
    file.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) || devices(file) != devices(dir)
}
