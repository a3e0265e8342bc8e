//! `haproxy -c`: whether HAProxy takes a set of files, and whether an edit made it say something new.

mod compare;
mod message;

use std::{
    env,
    ffi::OsString,
    fmt, io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

pub use compare::{Outcome, compare, concerns};
pub use message::{Level, Message, Place};

pub use super::process::ProgramError;
use super::process::{self, Keep, LIMIT};
use crate::escape;

/// A HAProxy program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Haproxy {
    path: PathBuf,
}

/// A file to check.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What HAProxy reads.
    pub path: &'a Path,
    /// What people see in its place: the same, or the file that `path` is a changed copy of.
    pub shown: &'a Path,
}

/// What HAProxy says about a set of files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    status: ExitStatus,
    /// Its messages, in order.
    pub messages: Vec<Message>,
    /// The files' names as people see them, escaped: a [`Place`] points here.
    pub files: Vec<String>,
}

impl Haproxy {
    /// The program at `explicit`, else the first `haproxy` in `PATH`; `None` if there is none.
    ///
    /// # Errors
    /// If `explicit` can't be run.
    pub fn find(explicit: Option<&Path>) -> Result<Option<Self>, ProgramError> {
        if let Some(path) = explicit {
            let usable = |source| ProgramError::Start { program: path.to_owned(), source };
            is_program(path).map_err(usable)?;
            return Ok(Some(Self { path: path.to_owned() }));
        }
        let folders = env::var_os("PATH").unwrap_or_default();
        Ok(env::split_paths(&folders)
            .map(|folder| folder.join("haproxy"))
            .find(|path| path.is_absolute() && is_program(path).is_ok())
            .map(|path| Self { path }))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version, like `(3, 2, 26)`; the last number of a development version is 0.
    ///
    /// # Errors
    /// If it can't be run, takes too long, or prints something else.
    pub fn version(&self) -> Result<(u16, u16, u16), ProgramError> {
        let mut command = Command::new(&self.path);
        command.arg("-v");
        let output = process::run(command, Keep::Both, LIMIT)?.output;
        parse_version(&output).ok_or_else(|| {
            let first = output.split(|b| *b == b'\n').next().unwrap_or_default();
            ProgramError::NoVersion { program: self.path.clone(), said: escape::line(first).into_owned() }
        })
    }

    /// Runs `haproxy -c` over `files`, in this order. `local` becomes `-L`: leave it out where the files have a
    /// `localpeer` of their own (HAProxy ignores one of them, and from 3.4 on refuses both). `environment` is set on top
    /// of ours.
    ///
    /// This runs what the configuration tells HAProxy to run, such as Lua files: only for commands that write.
    ///
    /// # Errors
    /// If it can't be run or takes more than a minute.
    pub fn check(
        &self,
        files: &[Input<'_>],
        local: Option<&str>,
        environment: &[(OsString, OsString)],
    ) -> Result<Verdict, ProgramError> {
        let mut command = Command::new(&self.path);
        command.arg("-c").envs(environment.iter().map(|(name, value)| (name, value)));
        if let Some(local) = local {
            command.args(["-L", local]);
        }
        for file in files {
            command.arg("-f").arg(as_argument(file.path));
        }
        let finished = process::run(command, Keep::Stderr, LIMIT)?;
        let names: Vec<String> =
            files.iter().map(|f| escape::name(f.shown.as_os_str().as_encoded_bytes()).into()).collect();
        let messages = message::read(&finished.output, files, &names);
        Ok(Verdict { status: finished.status, messages, files: names })
    }
}

impl Verdict {
    /// Whether HAProxy would start with these files. Its exit code 2 means: yes, but nothing would listen.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self.code(), Some(0 | 2))
    }

    /// Whether it is valid and there was nothing to complain about: then an edit can't have made anything worse.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.is_valid() && self.complaints().next().is_none()
    }

    /// The exit code; `None` if HAProxy crashed.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Alerts and warnings, in order, without those that only say that there were some.
    pub fn complaints(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|m| m.level >= Level::Warning && !m.is_summary())
    }

    /// What to show people for a refusal: the alerts; if there are none, everything; if there is nothing, how it ended.
    #[must_use]
    pub fn reasons(&self) -> Vec<Message> {
        let alerts: Vec<Message> = self.complaints().filter(|m| m.level == Level::Alert).cloned().collect();
        match (alerts.is_empty(), self.messages.is_empty()) {
            (false, _) => alerts,
            (true, false) => self.messages.clone(),
            (true, true) => {
                let text = match self.status.signal() {
                    Some(signal) => format!("HAProxy crashed: it was ended by signal {signal} and said nothing"),
                    None => format!("HAProxy ended with {} and said nothing", self.status),
                };
                vec![Message { level: Level::Alert, place: None, text }]
            }
        }
    }

    /// One message for people: `lb1.cfg:12: …`, further lines indented.
    #[must_use]
    pub fn show(&self, message: &Message) -> String {
        let file = message.place.and_then(|place| Some((self.files.get(place.file)?, place.line)));
        let text = message.text.replace('\n', "\n  ");
        file.map_or_else(|| text.clone(), |(file, line)| format!("{file}:{line}: {text}"))
    }
}

impl fmt::Display for Haproxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape::name(self.path.as_os_str().as_encoded_bytes()))
    }
}

/// A path that can't be taken for an option.
fn as_argument(path: &Path) -> PathBuf {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") { Path::new(".").join(path) } else { path.to_owned() }
}

fn is_program(path: &Path) -> io::Result<()> {
    if path.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(rustix::fs::access(path, rustix::fs::Access::EXEC_OK)?)
}

/// `HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://…` → `(2, 6, 12)`.
fn parse_version(output: &[u8]) -> Option<(u16, u16, u16)> {
    let text = str::from_utf8(output).ok()?;
    let name = text.split_whitespace().next()?;
    let word = text.split_whitespace().skip_while(|w| *w != "version").nth(1)?;
    let mut numbers = word.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let is_development = word.contains("-dev");
    let patch = numbers.next().and_then(Result::ok).filter(|_| !is_development).unwrap_or(0);
    name.to_ascii_lowercase().starts_with("ha").then_some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_release() {
        let cases = [
            ("HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/\nStatus: …", Some((2, 6, 12))),
            ("HA-Proxy version 2.2.9-2+deb11u6 2023/12/12 - https://haproxy.org/", Some((2, 2, 9))),
            ("HAProxy version 3.5-dev5-32afe7-12 2026/08/19 - https://haproxy.org/", Some((3, 5, 0))),
            ("HAProxy version 3.4.0 2026/05/27", Some((3, 4, 0))),
            ("nginx version: nginx/1.22.1", None),
            ("HAProxy version", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_version(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn only_what_can_be_run_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("haproxy");
        std::fs::write(&file, "").expect("the folder takes files");
        for path in [&file, dir.path(), &dir.path().join("missing")] {
            let error = Haproxy::find(Some(path)).expect_err("it can't be run");
            assert!(error.to_string().starts_with(&format!("can't run `{}`", path.display())), "{error}");
        }
        assert_eq!(
            Haproxy::find(Some(Path::new("/bin/sh"))).expect("a program").expect("given").path(),
            Path::new("/bin/sh")
        );
    }

    #[test]
    fn a_file_named_like_an_option_stays_a_file() {
        assert_eq!(as_argument(Path::new("-V.cfg")), Path::new("./-V.cfg"));
        assert_eq!(as_argument(Path::new("/a/b.cfg")), Path::new("/a/b.cfg"));
    }
}
