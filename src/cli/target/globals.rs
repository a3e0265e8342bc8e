//! What `global` says about files and certificates.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use crate::grammar::keywords::SectionKind;
use crate::model::{Instance, Known, Statement};

/// What `global` says about files and certificates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Globals {
    /// `ca-base`: where relative paths of CA files begin.
    ca_base: Option<PathBuf>,
    /// `crt-base`: where those of certificates begin.
    crt_base: Option<PathBuf>,
    /// `unix-bind prefix`: stands in front of the paths of listeners.
    pub(super) socket_prefix: Vec<u8>,
    /// `ssl-server-verify none`: servers aren't checked unless their line says so.
    pub(super) unverified: bool,
    /// `default-path`.
    default_path: DefaultPath,
}

/// Where relative paths begin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum DefaultPath {
    /// Where the process was started.
    #[default]
    Current,
    /// In the folder of the file.
    Config,
    /// In the folder above that.
    Parent,
    /// There.
    Origin(PathBuf),
}

impl Globals {
    /// Reads the `global` sections of an instance.
    pub(super) fn read(instance: &Instance<'_>) -> Self {
        let mut globals = Self::default();
        let mut in_global = false;
        instance.statements(|statement| {
            if let Some(kind) = statement.header {
                in_global = kind == SectionKind::Global;
            } else if in_global && statement.known == Known::Yes {
                globals.statement(statement);
            }
        });
        globals
    }

    fn statement(&mut self, statement: &Statement<'_, '_>) {
        let words = statement.words;
        let path = |n| path(words.get(n));
        match statement.keyword() {
            b"ca-base" => self.ca_base = Some(path(1)),
            b"crt-base" => self.crt_base = Some(path(1)),
            b"ssl-server-verify" => self.unverified = words.get(1) == b"none",
            b"default-path" => {
                self.default_path = match words.get(1) {
                    b"config" => DefaultPath::Config,
                    b"parent" => DefaultPath::Parent,
                    b"origin" => DefaultPath::Origin(path(2)),
                    _ => DefaultPath::Current,
                };
            }
            b"unix-bind" => {
                let arguments = statement.arguments();
                let at = arguments.iter().position(|word| &*word.bytes == b"prefix");
                if let Some(prefix) = at.and_then(|at| arguments.get(at + 1)) {
                    self.socket_prefix = prefix.bytes.to_vec();
                }
            }
            _ => {}
        }
    }

    /// The path of a CA file that a line of the file `config` names.
    pub(super) fn ca_file(&self, config: &Path, name: &[u8]) -> PathBuf {
        self.resolve(config, self.ca_base.as_deref(), name)
    }

    /// The path of a certificate.
    pub(super) fn crt(&self, config: &Path, name: &[u8]) -> PathBuf {
        self.resolve(config, self.crt_base.as_deref(), name)
    }

    fn resolve(&self, config: &Path, base: Option<&Path>, name: &[u8]) -> PathBuf {
        let folder = config.parent().unwrap_or(Path::new(""));
        let start = match &self.default_path {
            DefaultPath::Current => PathBuf::new(),
            DefaultPath::Config => folder.to_owned(),
            DefaultPath::Parent => folder.join(".."),
            DefaultPath::Origin(path) => path.clone(),
        };
        start.join(base.unwrap_or(Path::new(""))).join(path(name))
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_begin_where_haproxy_begins_them() {
        let config = Path::new("etc/lb.cfg");
        let mut globals = Globals::default();
        assert_eq!(globals.crt(config, b"lb.pem"), Path::new("lb.pem"));
        globals.crt_base = Some("certs".into());
        globals.default_path = DefaultPath::Config;
        assert_eq!(globals.crt(config, b"lb.pem"), Path::new("etc/certs/lb.pem"));
        assert_eq!(globals.crt(config, b"/x/lb.pem"), Path::new("/x/lb.pem"));
        assert_eq!(globals.ca_file(config, b"ca.pem"), Path::new("etc/ca.pem"));
        globals.default_path = DefaultPath::Origin("/srv".into());
        assert_eq!(globals.crt(config, b"lb.pem"), Path::new("/srv/certs/lb.pem"));
    }
}
