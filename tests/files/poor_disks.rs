//! Disks that can do less than ext4: no owners (vfat, many network disks), no attributes, no exchange of files, no links.

use std::fs;
use std::os::unix::fs::chown;

use crate::support::strace::{Point, inject_as};
use crate::support::{OLD, added, directory_of, editing_command, names, needs_root, stderr};

#[test]
fn a_disk_that_can_do_less_is_edited_or_refused_with_the_reason() {
    needs_root();
    let cases = [
        ("renameat2", "EINVAL", true),
        ("renameat2", "ENOSYS", true),
        ("flistxattr", "EOPNOTSUPP", true),
        ("linkat", "EPERM", true),
        ("fallocate", "EOPNOTSUPP", true),
        // What the old file has can't be given to the new one.
        ("fchown", "EPERM", false),
        ("fchmod", "EPERM", false),
        ("fsetxattr", "EOPNOTSUPP", false),
    ];
    for (call, error, works) in cases {
        let (dir, files) = directory_of(1);
        chown(&files[0], Some(1234), Some(1234)).unwrap();
        if !works {
            let note = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(&files[0], "user.note", b"x", note).unwrap();
        }
        let point = Point { call: call.to_owned(), nth: 1, shown: String::new() };
        let output = inject_as(&editing_command(&[&files[0]], "+first"), &point, &format!("error={error}:when=1+"));
        let (now, said) = (fs::read(&files[0]).unwrap(), stderr(&output));
        if works {
            assert_eq!(output.status.code(), Some(0), "{call} gives {error}: {said}");
            assert_eq!(now, added(OLD, "first"), "{call} gives {error}");
        } else {
            assert_eq!(output.status.code(), Some(3), "{call} gives {error}: {said}");
            assert_eq!(now, OLD, "{call} gives {error}");
            assert_eq!(names(dir.path()), ["0.cfg"], "{call} gives {error}");
            assert!(said.contains("0.cfg"), "{call} gives {error}: {said}");
        }
    }
}
