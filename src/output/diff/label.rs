//! The file name in the headers of a diff.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

/// The name under which `patch -p0` finds `path`: relative to `working_directory`, where it runs; for a file elsewhere the
/// absolute path without its leading `/`, for a run in `/` (`patch` takes neither absolute names nor `..`).
#[must_use]
pub fn label(path: &Path, working_directory: &Path) -> Vec<u8> {
    let absolute = without_dots(&working_directory.join(path));
    let inside = absolute.strip_prefix(working_directory).ok().filter(|rest| !rest.as_os_str().is_empty());
    let rest = inside.or_else(|| absolute.strip_prefix("/").ok()).unwrap_or(&absolute);
    rest.as_os_str().as_bytes().to_vec()
}

/// The path without `.` and `..`, which are taken for what they say, not looked up.
fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            _ => out.push(part),
        }
    }
    out
}

/// Appends a name as `patch` reads it: with a TAB behind where blanks must not end it, in C quotes where it holds control
/// characters, quotes or backslashes.
pub(super) fn push_header(out: &mut Vec<u8>, label: &[u8]) {
    if !label.iter().any(|b| b.is_ascii_control() || matches!(b, b'"' | b'\\')) {
        out.extend_from_slice(label);
        if label.contains(&b' ') {
            out.push(b'\t');
        }
        return;
    }
    out.push(b'"');
    for byte in label {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b if b.is_ascii_control() => out.extend_from_slice(format!("\\{b:03o}").as_bytes()),
            b => out.push(*b),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_from_where_patch_runs() {
        let cases = [
            ("/etc/haproxy/haproxy.cfg", "/etc/haproxy", "haproxy.cfg"),
            ("conf.d/./a.cfg", "/etc/haproxy", "conf.d/a.cfg"),
            ("/etc/haproxy/haproxy.cfg", "/root", "etc/haproxy/haproxy.cfg"),
            ("../lb2.cfg", "/etc/haproxy", "etc/lb2.cfg"),
            ("/etc/haproxy2/a.cfg", "/etc/haproxy", "etc/haproxy2/a.cfg"),
            ("/a.cfg", "/", "a.cfg"),
        ];
        for (path, cwd, expected) in cases {
            let label = label(Path::new(path), Path::new(cwd));
            assert_eq!(String::from_utf8_lossy(&label), expected, "{path} from {cwd}");
        }
    }

    #[test]
    fn names_that_patch_would_cut_are_marked_or_quoted() {
        let header = |label: &[u8]| {
            let mut out = Vec::new();
            push_header(&mut out, label);
            String::from_utf8(out).expect("these are ASCII")
        };
        assert_eq!(header(b"a.cfg"), "a.cfg");
        assert_eq!(header(b"my file.cfg"), "my file.cfg\t");
        assert_eq!(header(b"a\"b\\c\n"), r#""a\"b\\c\012""#);
    }
}
