//! The settings' names, and where a setting's value came from: what errors and `-v` show instead of the value.

use std::fmt;
use std::path::PathBuf;

/// A setting: the variable that holds it, and the other name it is also read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// The variable's own name, which wins over `alias` within one source.
    pub name: &'static str,
    /// The name it is also read as.
    pub alias: Option<&'static str>,
}

impl Variable {
    const fn new(name: &'static str, alias: Option<&'static str>) -> Self {
        Self { name, alias }
    }

    /// The tenant's domain.
    pub const DOMAIN: Self = Self::new("AUTH0_DOMAIN", Some("CLIENT_DOMAIN"));
    /// The machine-to-machine application's client id.
    pub const CLIENT_ID: Self = Self::new("AUTH0_CLIENT_ID", Some("CLIENT_ID"));
    /// Its secret.
    pub const CLIENT_SECRET: Self = Self::new("AUTH0_CLIENT_SECRET", Some("CLIENT_SECRET"));
    /// The API that a token is asked for.
    pub const AUDIENCE: Self = Self::new("AUTH0_AUDIENCE", None);
    /// The scope that a token is asked for.
    pub const SCOPE: Self = Self::new("AUTH0_SCOPE", None);
    /// A ready token.
    pub const ACCESS_TOKEN: Self = Self::new("AUTH0_ACCESS_TOKEN", Some("AUTH0_API_TOKEN"));
    /// The PEM file of the key that signs client assertions.
    pub const SIGNING_KEY_PATH: Self = Self::new("AUTH0_CLIENT_SIGNING_KEY_PATH", None);
    /// The algorithm that it signs them with.
    pub const SIGNING_ALGORITHM: Self = Self::new("AUTH0_CLIENT_SIGNING_ALGORITHM", None);
    /// Whether a push to the tenant asks for its name.
    pub const PROTECTED: Self = Self::new("TENANTRY_PROTECTED", None);

    /// Every setting that is read from the environment and from .env files.
    pub const ALL: [Self; 9] = [
        Self::DOMAIN,
        Self::CLIENT_ID,
        Self::CLIENT_SECRET,
        Self::AUDIENCE,
        Self::SCOPE,
        Self::ACCESS_TOKEN,
        Self::SIGNING_KEY_PATH,
        Self::SIGNING_ALGORITHM,
        Self::PROTECTED,
    ];

    /// The names it is read as, the one that wins first.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.alias)
    }

    /// `name` as one of ours, or `None` for a variable that is none of our business.
    pub(super) fn find(name: &str) -> Option<&'static str> {
        Self::every_name().find(|ours| *ours == name)
    }

    /// All names, aliases included.
    pub(super) fn every_name() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().flat_map(Self::names)
    }
}

/// Where a value came from. It is shown in place of the value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line, or a parameter of a library call, under the name it has there.
    Option(&'static str),
    /// The process environment.
    Environment {
        /// The variable's name as it was found, which may be the alias.
        variable: &'static str,
    },
    /// A .env file.
    File {
        /// The file, as it is shown.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The variable's name as it was found, which may be the alias.
        variable: &'static str,
    },
}

impl Origin {
    /// The variable's name as it was found, or the option's.
    pub fn variable(&self) -> &'static str {
        match self {
            Self::Option(variable)
            | Self::Environment { variable }
            | Self::File { variable, .. } => variable,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => f.write_str(name),
            Self::Environment { variable } => write!(f, "{variable} in the environment"),
            Self::File {
                path,
                line,
                variable,
            } => write!(f, "{variable} ({}:{line})", path.display()),
        }
    }
}
