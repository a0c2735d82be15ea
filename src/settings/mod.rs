//! Settings: the process environment and .env files, read once and turned into one validated [`Connection`]. Nothing
//! here changes the environment, talks to the network or shows a secret, in errors and Debug included.

mod connection;
mod domain;
mod env_file;
mod error;
mod origin;
mod proxy;
mod resolve;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::kinds::Kind;
use crate::portable::refused_by_windows;

pub use connection::{Connection, Credentials, Origins};
pub use domain::{Domain, DomainProblem};
pub use error::{LineProblem, Missing, SettingsError, TwoDomains, ValueProblem};
pub use origin::{Origin, Variable};
pub use resolve::connection;

/// The process environment, taken once. Debug shows no values.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Takes the environment of this process. Variables that are not Unicode are left out.
    ///
    /// # Errors
    /// When one of the settings' variables is not Unicode.
    pub fn from_process() -> Result<Self, SettingsError> {
        Self::from_os(std::env::vars_os())
    }

    fn from_os(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else {
                continue;
            };
            let ours = Variable::find(&name).or_else(|| proxy::variable(&name));
            match (value.into_string(), ours) {
                (Ok(value), _) => {
                    environment.0.insert(name, value);
                }
                (Err(_), Some(variable)) => return Err(SettingsError::NotUnicode { variable }),
                (Err(_), None) => {}
            }
        }
        Ok(environment)
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let variables = variables.into_iter();
        Self(variables.map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where settings are looked for besides the environment.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// `--tenant`: its `.env.<tenant>` is read before `.env`.
    pub tenant: Option<&'a str>,
    /// `--env-file`: is read instead of both; relative to `folder`.
    pub env_file: Option<&'a Path>,
    /// Where .env files are: the working directory.
    pub folder: &'a Path,
    /// Where one is that is not there, as paths from `folder`, the nearest first: `..`, `../..`.
    pub above: &'a [PathBuf],
}

impl Lookup<'_> {
    /// The file of that name in the nearest folder that has one; where none has, it is to be in `folder`.
    fn nearest(&self, name: &Path) -> PathBuf {
        let above = self.above.iter().map(|above| self.folder.join(above));
        let mut files = above.map(|folder| folder.join(name));
        let here = self.folder.join(name);
        match here.exists() {
            true => here,
            false => files.find(|file| file.exists()).unwrap_or(here),
        }
    }
}

/// Whether a name can be a tenant's: it is the name of a folder, on any system, and must not lead out of the one that it is in.
pub fn is_tenant_name(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    name.chars().all(plain)
        && !name.is_empty()
        && !name.starts_with(['.', '-'])
        && refused_by_windows(name).is_none()
        && Kind::folders().all(|folder| folder != name)
}

/// The path of a tenant's own .env file, whether or not there is one.
pub fn env_file_of(tenant: &str, folder: &Path) -> PathBuf {
    folder.join(format!(".env.{tenant}"))
}

/// The tenants that have a .env file of their own in `folder`, in no order.
pub fn tenants_with_settings(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.filter_map(|name| Some(name.strip_prefix(".env.")?.to_owned()));
    names.filter(|name| name != "example").collect()
}

#[cfg(test)]
mod tests;
