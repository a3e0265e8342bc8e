//! The environment that configurations are read with.

use std::os::unix::ffi::OsStringExt as _;

use super::{
    super::{args::ReadArgs, failure::Failure, files},
    list, shown,
};
use crate::{config::Environment, escape};

/// A variable that the command line sets.
pub(super) struct Variable {
    /// For this instance only.
    only: Option<String>,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Those of `--env-file`, then those of `--env`, for the instances with these names.
///
/// # Errors
/// For a file that can't be read, what isn't VAR=VALUE, or a name that no instance has.
pub(super) fn variables(read: &ReadArgs, instances: &[String]) -> Result<Vec<Variable>, Failure> {
    let mut variables = Vec::new();
    for path in &read.env_file {
        let text = files::read(path)?.bytes;
        for line in text.split(|b| *b == b'\n') {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let Some(at) = line.iter().position(|b| *b == b'=') else {
                let message = format!("{}: a line without `=`", shown(path));
                return Err(Failure::misuse(message, "write one VAR=VALUE a line; # starts a comment"));
            };
            let (name, value) = line.split_at(at);
            variables.push(Variable {
                only: None,
                name: name.to_vec(),
                value: value.get(1..).unwrap_or_default().to_vec(),
            });
        }
    }
    for text in &read.env {
        let Some((name, value)) = text.split_once('=') else {
            let message = format!("--env `{}` is not VAR=VALUE", escape::name(text.as_bytes()));
            return Err(Failure::misuse(message, "write --env VAR=VALUE, or --env NAME:VAR=VALUE for one instance"));
        };
        let (only, name) = name.split_once(':').map_or((None, name), |(only, name)| (Some(only), name));
        if let Some(only) = only.filter(|only| !instances.iter().any(|name| name == only)) {
            let message = format!("--env: no instance `{}`", escape::name(only.as_bytes()));
            return Err(Failure::misuse(message, format!("there are {}", list(instances))));
        }
        variables.push(Variable { only: only.map(ToOwned::to_owned), name: name.into(), value: value.into() });
    }
    Ok(variables)
}

/// The process environment with what the command line sets for an instance: the last one wins.
pub(super) fn of(instance: &str, variables: &[Variable]) -> Environment {
    let mut environment: Environment = std::env::vars_os().map(|(n, v)| (n.into_vec(), v.into_vec())).collect();
    for variable in variables.iter().filter(|v| v.only.as_ref().is_none_or(|only| only == instance)) {
        environment.set(variable.name.as_slice(), variable.value.as_slice());
    }
    environment
}
