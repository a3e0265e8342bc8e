//! The HAProxy executables that `make haproxy` has fetched, and what `haproxy -c` says.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One HAProxy executable.
#[derive(Debug, Clone)]
pub(crate) struct Haproxy {
    /// As `haproxy -v` has it: `(3, 0, 11)`.
    pub(crate) version: (u16, u16, u16),
    pub(crate) path: PathBuf,
}

/// All versions in the cache, oldest first. Tests loop over them, so an expectation that holds for one version only asks
/// `version` first.
///
/// Empty where HAProxy cannot be had at all, which is said aloud (see `fetch-haproxy.sh`).
///
/// # Panics
/// If nothing was fetched yet, or, in CI, if one of the three is missing.
pub(crate) fn haproxies() -> Vec<Haproxy> {
    let cache = env::var_os("PEERCTL_HAPROXY_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/haproxy"), PathBuf::from);
    let mut found: Vec<Haproxy> = fs::read_dir(cache.join("bin"))
        .into_iter()
        .flatten()
        .map(|entry| Haproxy::at(entry.expect("a folder of ours is readable").path()))
        .collect();
    found.sort_by_key(|haproxy| haproxy.version);
    if env::var("CI").is_ok_and(|ci| ci == "true") {
        assert!(found.len() >= 3, "three HAProxy releases in {} (run `make haproxy`): {found:?}", cache.display());
    }
    if found.is_empty() {
        assert!(cache.join("impossible").exists(), "no HAProxy in {}: run `make haproxy`", cache.display());
        eprintln!("SKIPPED: HAProxy cannot be had on this system, so nothing was compared with it");
    }
    found
}

impl Haproxy {
    /// # Panics
    /// If `path -v` doesn't print a version.
    pub(crate) fn at(path: PathBuf) -> Self {
        let output = Command::new(&path).arg("-v").output().expect("an executable");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = parse_version(&text).unwrap_or_else(|| panic!("{} -v prints a version: {text}", path.display()));
        Self { version, path }
    }

    /// Like `"3.0"`.
    pub(crate) fn branch(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// `haproxy -c` over `files`, in this order, with `-L local`, and `environment` on top of ours.
    pub(crate) fn check(&self, files: &[impl AsRef<Path>], local: Option<&str>, environment: &[(&str, &str)]) -> Check {
        self.check_in(Path::new("."), files, local, environment)
    }

    /// The same in the folder `dir`, to which `files`, and certificates named in them, are relative.
    pub(crate) fn check_in(
        &self,
        dir: &Path,
        files: &[impl AsRef<Path>],
        local: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Check {
        let mut command = Command::new(&self.path);
        command.arg("-c").current_dir(dir).envs(environment.iter().copied());
        if let Some(local) = local {
            command.args(["-L", local]);
        }
        for file in files {
            command.arg("-f").arg(file.as_ref());
        }
        let output = command.output().expect("haproxy starts");
        let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect();
        Check { code: output.status.code(), stdout: lines(&output.stdout), stderr: lines(&output.stderr) }
    }
}

/// What `haproxy -c` answered.
#[derive(Debug)]
pub(crate) struct Check {
    /// `None` after a signal: HAProxy crashed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Check {
    /// Whether HAProxy would start with it. (Exit 2 is a valid configuration without listeners.)
    pub(crate) fn valid(&self) -> bool {
        matches!(self.code, Some(0 | 2))
    }

    /// The warnings, without `[WARNING]  (pid) : `.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.messages("[WARNING]")
    }

    /// The errors, without `[ALERT]    (pid) : `.
    pub(crate) fn alerts(&self) -> Vec<&str> {
        self.messages("[ALERT]")
    }

    fn messages(&self, level: &str) -> Vec<&str> {
        self.stderr
            .iter()
            .filter_map(|line| line.strip_prefix(level))
            .map(|rest| rest.split_once(" : ").map_or(rest, |(_pid, message)| message))
            .collect()
    }
}

/// `HAProxy version 3.2.26-1 2026/10/14 - …` → `(3, 2, 26)`; `3.5-dev5` → `(3, 5, 0)`.
fn parse_version(text: &str) -> Option<(u16, u16, u16)> {
    let word = text.split_whitespace().nth(2)?;
    let mut numbers = word.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
}
