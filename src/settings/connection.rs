//! A validated connection: which tenant, and how to get a token for it. A value of these types is complete, and has none of the
//! mistakes that copying makes. Debug shows no secret.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::domain::{self, Domain};
use super::error::{SettingsError, ValueProblem};
use super::origin::Origin;
use crate::signing::SigningKey;

/// A tenant and the credentials for its Management API.
///
/// [`connection`](super::connection) makes one from the environment and .env files. A library's user may make one by
/// hand:
///
/// ```
/// use tenantry::settings::Connection;
///
/// let connection = Connection::client_secret("acme.eu.auth0.com", "my-client-id", "my-client-secret")?;
/// assert_eq!(connection.audience(), "https://acme.eu.auth0.com/api/v2/");
/// # Ok::<(), tenantry::settings::SettingsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Connection {
    domain: Domain,
    base_url: Url,
    audience: String,
    scope: Option<String>,
    credentials: Credentials,
    is_protected: bool,
    pub(super) notes: Vec<String>,
    pub(super) warning: Option<String>,
}

impl Connection {
    /// A connection to `domain`, written as in `AUTH0_DOMAIN`, with the default audience and no scope.
    ///
    /// # Errors
    /// When `domain` is not a domain, or the credentials contain what no id or token can.
    pub fn new(domain: &str, credentials: Credentials) -> Result<Self, SettingsError> {
        Self::from_parts(domain, Origin::Option("domain"), credentials)
    }

    /// A connection with a machine-to-machine application's id and secret.
    ///
    /// # Errors
    /// As [`Connection::new`].
    pub fn client_secret(
        domain: &str,
        client_id: &str,
        client_secret: impl Into<SecretString>,
    ) -> Result<Self, SettingsError> {
        let credentials = Credentials::Secret {
            client_id: client_id.to_owned(),
            client_secret: client_secret.into(),
            origins: Origins {
                client_id: Origin::Option("client_id"),
                proof: Origin::Option("client_secret"),
            },
        };
        Self::new(domain, credentials)
    }

    /// A connection with a ready Management API token.
    ///
    /// # Errors
    /// As [`Connection::new`].
    pub fn access_token(
        domain: &str,
        token: impl Into<SecretString>,
    ) -> Result<Self, SettingsError> {
        let credentials = Credentials::Token {
            token: token.into(),
            origin: Origin::Option("access_token"),
        };
        Self::new(domain, credentials)
    }

    pub(super) fn from_parts(
        domain: &str,
        origin: Origin,
        credentials: Credentials,
    ) -> Result<Self, SettingsError> {
        credentials.check()?;
        let (domain, base_url) =
            domain::parse(domain).map_err(|problem| SettingsError::Domain { origin, problem })?;
        Ok(Self {
            audience: format!("{base_url}api/v2/"),
            domain,
            base_url,
            scope: None,
            credentials,
            is_protected: false,
            notes: Vec::new(),
            warning: None,
        })
    }

    /// The same connection for another audience than `https://<domain>/api/v2/`, as is needed behind a custom domain.
    #[must_use]
    pub fn with_audience(self, audience: &str) -> Self {
        Self {
            audience: audience.to_owned(),
            ..self
        }
    }

    /// The same connection, asking for a token with this scope only.
    #[must_use]
    pub fn with_scope(self, scope: &str) -> Self {
        Self {
            scope: Some(scope.to_owned()),
            ..self
        }
    }

    /// The same connection, shown and locked under `name` in place of its domain: a sandbox, whose port changes.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self {
            domain: Domain::sandbox(name),
            ..self
        }
    }

    /// The same connection to a tenant that is protected: who pushes to it is asked for its name.
    #[must_use]
    pub fn protected(self) -> Self {
        Self {
            is_protected: true,
            ..self
        }
    }

    /// The domain as it is shown and locked.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The URL that a request's path is joined to; its path is `/`.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The issuer, which a client assertion is made out to: `https://<domain>/`.
    pub fn issuer(&self) -> &str {
        self.base_url.as_str()
    }

    /// The API that a token is asked for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The scope that a token is asked for, if any.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// How to get a token.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether the tenant is protected.
    pub fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// Where each setting came from, a line each, for `-v`. Names no secret's value.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What may be wrong with the settings as a whole, if anything. Names no secret's value.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Whether the tenant is on this machine.
    pub fn is_loopback(&self) -> bool {
        domain::is_loopback(&self.base_url)
    }
}

/// How to get a token.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// There is one already.
    Token {
        /// The token, without `Bearer`.
        token: SecretString,
        /// Where it came from.
        origin: Origin,
    },
    /// The client-credentials grant with a secret.
    Secret {
        /// The machine-to-machine application's client id.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// Where the two came from.
        origins: Origins,
    },
    /// The client-credentials grant with a private-key JWT client assertion.
    SigningKey {
        /// The machine-to-machine application's client id.
        client_id: String,
        /// The key, loaded, with its algorithm.
        key: SigningKey,
        /// The file that it was loaded from.
        key_path: PathBuf,
        /// Where client id and path came from.
        origins: Origins,
    },
}

/// Where a client id and what proves it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// The client id.
    pub client_id: Origin,
    /// The secret, or the signing key's path.
    pub proof: Origin,
}

impl Credentials {
    /// The machine-to-machine application's client id, unless there is a token already.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::Token { .. } => None,
            Self::Secret { client_id, .. } | Self::SigningKey { client_id, .. } => Some(client_id),
        }
    }

    /// What must not be shown, if it is text: the token or the client secret.
    pub(crate) fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Token { token, .. } => Some(token),
            Self::Secret { client_secret, .. } => Some(client_secret),
            Self::SigningKey { .. } => None,
        }
    }

    /// Where the credentials came from, for an error that says which variable to look at:
    /// `AUTH0_CLIENT_ID (.env:2) and AUTH0_CLIENT_SECRET (.env:3)`.
    pub fn source(&self) -> String {
        match self {
            Self::Token { origin, .. } => origin.to_string(),
            Self::Secret { origins, .. } | Self::SigningKey { origins, .. } => {
                format!("{} and {}", origins.client_id, origins.proof)
            }
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        let check = |origin: &Origin, problem: Option<ValueProblem>| match problem {
            None => Ok(()),
            Some(problem) => Err(SettingsError::Value {
                origin: origin.clone(),
                problem,
            }),
        };
        match self {
            Self::Token { token, origin } => check(origin, word_problem(token.expose_secret())),
            Self::Secret {
                client_id,
                client_secret,
                origins,
            } => {
                check(&origins.client_id, word_problem(client_id))?;
                check(
                    &origins.proof,
                    secret_problem(client_secret.expose_secret(), &origins.proof),
                )
            }
            Self::SigningKey {
                client_id, origins, ..
            } => check(&origins.client_id, word_problem(client_id)),
        }
    }
}

/// What is wrong with an id, a token or a URL, which are visible ASCII and were never seen with a quote or a `;`.
pub(super) fn word_problem(text: &str) -> Option<ValueProblem> {
    if text.is_empty() {
        return Some(ValueProblem::Empty);
    }
    text.chars().find_map(|c| {
        let what = match c {
            ';' => "a `;`",
            '\'' | '"' | '`' => "a quote",
            c if c.is_whitespace() => "white space",
            c if c.is_control() => "a control character",
            c if !c.is_ascii() => "a letter that is not ASCII",
            _ => return None,
        };
        Some(ValueProblem::Character(what))
    })
}

/// What is wrong with a secret. A secret may be any text, so this looks only for what was added on its way here: `docker --env-file`
/// and the like put quotes and `;` into the environment as they stand in the file.
fn secret_problem(secret: &str, origin: &Origin) -> Option<ValueProblem> {
    if secret.is_empty() {
        return Some(ValueProblem::Empty);
    }
    if secret.chars().any(char::is_control) {
        return Some(ValueProblem::Character("a control character"));
    }
    if secret.trim() != secret {
        return Some(ValueProblem::Character("white space at its start or end"));
    }
    if !matches!(origin, Origin::Environment { .. }) {
        return None;
    }
    let quoted = |quote: char| {
        let text = secret.trim_end_matches(';').trim_end();
        text.len() > 1 && text.starts_with(quote) && text.ends_with(quote)
    };
    if quoted('"') || quoted('\'') {
        Some(ValueProblem::Wrapped)
    } else if secret.ends_with(';') {
        Some(ValueProblem::Semicolon)
    } else {
        None
    }
}
