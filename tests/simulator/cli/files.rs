//! Recordings on the simulated disk.

#![expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "what has the form of the real one")]

use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::recorder;
use crate::record::{Damage, Record};

#[derive(Debug)]
pub struct Recording {
    pub(super) path: PathBuf,
    pub(super) replaces: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    pub entries: u64,
    pub cut: u64,
    pub damaged: (u64, Option<String>),
}

impl Recording {
    pub fn open(path: &Path) -> Result<(Self, Found), Failure> {
        Self::open_with(path, Damage::Refuse, |_| {})
    }

    pub fn open_with(path: &Path, damage: Damage, each: impl FnMut(&Record<'_>)) -> Result<(Self, Found), Failure> {
        let found = recorder::read(path, damage, each)?;
        Ok((Self { path: path.into(), replaces: None }, found))
    }

    pub fn beside(path: &Path) -> Result<Self, Failure> {
        Ok(Self { path: path.join("new"), replaces: Some(path.into()) })
    }

    pub fn clear_beside(_path: &Path) -> Result<(), Failure> {
        Ok(())
    }

    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    pub fn position(&self) -> u64 {
        0
    }
}
