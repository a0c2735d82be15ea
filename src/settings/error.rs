//! What can be wrong with the settings. An error names variable, file and line; it never holds a value that could be a
//! secret, so that neither `Display` nor `Debug` can show one.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::domain::{Domain, DomainProblem};
use super::origin::{Origin, Variable};
use crate::signing::{Algorithm, KeyError};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Settings that nothing gives; all of them at once.
    #[error("{} not set:{}", if .settings.len() == 1 { "setting" } else { "settings" }, list(.settings))]
    Missing {
        /// What is missing.
        settings: Vec<Missing>,
        /// The file to put them into.
        file: PathBuf,
    },
    /// The file of `--env-file` is not there.
    #[error("{}: there is no such file", .path.display())]
    NoEnvFile {
        /// The file.
        path: PathBuf,
    },
    /// A .env file cannot be read; a folder may have its name.
    #[error("{}: cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A .env file is not text in UTF-8.
    #[error("{}: is not UTF-8 text", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// A .env file is too large to be one.
    #[error("{}: is larger than 1 MB, which no .env file is", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A line of a .env file gives one of our variables in a way that not every program reads alike.
    #[error("{}:{line}: {variable} {problem}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        problem: LineProblem,
    },
    /// A .env file gives a variable twice, with different values.
    #[error("{}:{second}: {variable} has another value than on line {first}", .path.display())]
    Repeated {
        /// The file.
        path: PathBuf,
        /// The variable.
        variable: &'static str,
        /// The line of its first value, from 1.
        first: usize,
        /// The line of the other one, from 1.
        second: usize,
    },
    /// One source gives a setting under both of its names, with different values.
    #[error("{first} and {second} are the same setting with different values")]
    BothNames {
        /// The one that would win.
        first: Origin,
        /// Its alias.
        second: Origin,
    },
    /// The process environment and the file that was asked for name different domains.
    #[error(transparent)]
    TwoDomains(Box<TwoDomains>),
    /// A variable of the process environment that is ours is not valid Unicode.
    #[error("{variable} in the environment is not valid Unicode")]
    NotUnicode {
        /// The variable.
        variable: &'static str,
    },
    /// The domain is not a domain.
    #[error("{origin} {problem}")]
    Domain {
        /// Where it came from.
        origin: Origin,
        /// What is wrong.
        problem: DomainProblem,
    },
    /// A value has something in it that it cannot have.
    #[error("{origin} {problem}")]
    Value {
        /// Where it came from.
        origin: Origin,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// The signature algorithm is not supported.
    #[error("{origin} is not an algorithm that is supported")]
    Algorithm {
        /// Where it came from.
        origin: Origin,
    },
    /// The signing key's file cannot be read.
    #[error("{origin}: {} cannot be read", .path.display())]
    KeyFile {
        /// Where the path came from.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The signing key's file holds no key to sign with.
    #[error("{origin}: {} {problem}", .path.display())]
    Key {
        /// Where the path came from.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: KeyError,
    },
}

impl SettingsError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { file, .. } => format!(
                "put what is missing into {}; `tenantry init` writes a commented .env to fill in, and \
                 `--tenant sandbox` needs no account",
                file.display()
            ),
            Self::NoEnvFile { .. } => "check the path after --env-file".to_owned(),
            Self::Unreadable { .. } | Self::KeyFile { .. } => {
                "check that it is a file and that you may read it".to_owned()
            }
            Self::NotUtf8 { .. } => "save it as UTF-8".to_owned(),
            Self::TooLarge { .. } => "check the path".to_owned(),
            Self::Line {
                variable, problem, ..
            } => problem.hint(variable),
            Self::Repeated { .. } | Self::BothNames { .. } => "remove one of the two".to_owned(),
            Self::TwoDomains(domains) => format!(
                "unset {}, or choose the tenant that it belongs to",
                domains.environment.variable()
            ),
            Self::NotUnicode { variable } => format!("unset {variable}, or set it again"),
            Self::Domain { problem, .. } => problem.hint(),
            Self::Value { problem, .. } => problem.hint().to_owned(),
            Self::Algorithm { .. } => {
                format!("write {}", Algorithm::ALL.map(Algorithm::name).join(", "))
            }
            Self::Key { problem, .. } => match problem {
                KeyError::Encrypted => {
                    "decrypt it with `openssl pkey -in KEY -out DECRYPTED`, to a place that only you can read"
                }
                KeyError::NoKey | KeyError::NotRsa | KeyError::Rejected(_) => {
                    "make one with `openssl genrsa -out KEY 2048` and register its public key with the application"
                }
            }
            .to_owned(),
        })
    }
}

/// The environment and a file name different domains.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two domains: {environment} is {environment_domain}, {file} is {file_domain}")]
pub struct TwoDomains {
    /// Where the environment's is.
    pub environment: Origin,
    /// The environment's.
    pub environment_domain: Domain,
    /// Where the file's is.
    pub file: Origin,
    /// The file's.
    pub file_domain: Domain,
}

/// A setting that nothing gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The setting.
    pub variable: Variable,
    /// Where it is given with an empty value, which counts as not set.
    pub empty: Vec<Origin>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable.name)?;
        let alias = self.variable.alias.map(|alias| format!("or {alias}"));
        let empty = self.empty.iter().map(|origin| match origin {
            Origin::File {
                path,
                line,
                variable,
            } => format!("{variable} is empty at {}:{line}", path.display()),
            Origin::Environment { variable } => format!("{variable} is empty in the environment"),
            Origin::Option(name) => format!("{name} is empty"),
        });
        let more: Vec<String> = alias.into_iter().chain(empty).collect();
        if more.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", more.join("; "))
        }
    }
}

/// One setting on the same line, several below each other.
fn list(settings: &[Missing]) -> String {
    match settings {
        [one] => format!(" {one}"),
        several => several.iter().map(|one| format!("\n  {one}")).collect(),
    }
}

/// What a value has in it that it cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// Nothing is in it.
    #[error("is empty")]
    Empty,
    /// White space, a control character, a quote, a `;` or a letter that is not ASCII.
    #[error("contains {0}")]
    Character(&'static str),
    /// Quotes around it, where nothing removes them.
    #[error("has quotes around it, as part of the value")]
    Wrapped,
    /// Not a path; perhaps the key itself.
    #[error("is not the path of a file")]
    NotPath,
    /// A `;` at its end, where nothing removes it.
    #[error("ends in a `;`, as part of the value")]
    Semicolon,
    /// Not the address of a proxy, or of one of a sort that is not supported.
    #[error("is no proxy that can be used")]
    NotProxy,
    /// Neither yes nor no.
    #[error("is neither true nor false")]
    NeitherTrueNorFalse,
}

impl ValueProblem {
    fn hint(self) -> &'static str {
        match self {
            Self::Empty => "copy it from the application's settings in the Auth0 dashboard",
            Self::Character(_) => "copy the value again, without what stands around it",
            Self::NeitherTrueNorFalse => "write `true` or `false`",
            Self::NotProxy => {
                "write it as http://proxy.example.com:3128 (or https://…; others are not supported), or unset it"
            }
            Self::NotPath => "put the key into a file, and the file's path there",
            Self::Wrapped | Self::Semicolon => {
                "set the variable without them; if they do belong to the value, put it into .env in single quotes"
            }
        }
    }
}

/// Why a line that gives one of our variables is not accepted: programs would read different values from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// The line mentions the variable without being `KEY=value`.
    #[error("is mentioned here, but the line is not of the form KEY=value")]
    Form,
    /// The line is inside the value of another variable, whose quote opens on line `opened`.
    #[error("is inside a quoted value that begins on line {opened} and is still open here")]
    Swallowed {
        /// From 1.
        opened: usize,
    },
    /// The quote that opens the value is not closed on its line.
    #[error("has a value whose quote is not closed on its line")]
    Unclosed,
    /// Something else than `;` or a comment follows the closing quote.
    #[error("has more text after the value's closing quote")]
    AfterQuote,
    /// White space in a value without quotes.
    #[error("has white space in a value without quotes")]
    Space,
    /// `;` in a value without quotes.
    #[error("has a `;` inside a value without quotes")]
    Semicolon,
    /// `#` in a value without quotes.
    #[error("has a `#` in a value without quotes, where some programs begin a comment")]
    Hash,
    /// A quote in a value that does not begin with it, or a typographic one.
    #[error("has a quote in the middle of its value, or typographic quotes around it")]
    Quote,
    /// A control character in a value without quotes.
    #[error("has a control character in a value without quotes")]
    Control,
    /// `$` where it would be substituted.
    #[error("has a `$` in its value, where some programs substitute another variable")]
    Dollar,
    /// `\` where it may be an escape.
    #[error("has a `\\` in its value, where some programs see an escape")]
    Backslash,
    /// The scan and dotenvy do not agree.
    #[error("has a value that cannot be read without doubt")]
    Unreadable,
}

impl LineProblem {
    fn hint(self, variable: &str) -> String {
        match self {
            Self::Form => format!("write {variable}=value, or begin the line with #"),
            Self::Swallowed { opened } => format!("close the quote of line {opened}"),
            Self::AfterQuote => {
                "after the closing quote only a `;` and, after a space, a # comment may follow"
                    .to_owned()
            }
            Self::Unclosed
            | Self::Space
            | Self::Semicolon
            | Self::Hash
            | Self::Quote
            | Self::Control
            | Self::Dollar
            | Self::Backslash
            | Self::Unreadable => {
                format!("put the value into single quotes, which are exact: {variable}='…'")
            }
        }
    }
}
