//! Decides between the sources of settings: process environment, then `.env.<tenant>`, then `.env`. The first source
//! that gives a setting wins, and where two that somebody chose on purpose contradict each other, it is an error.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::connection::{Connection, Credentials, Origins, word_problem};
use super::error::{Missing, SettingsError, TwoDomains, ValueProblem};
use super::origin::{Origin, Variable};
use super::{Environment, Lookup, domain, env_file, env_file_of, proxy};
use crate::opening;
use crate::signing::{Algorithm, SigningKey};

/// Reads the settings and makes the one connection that they describe.
///
/// # Errors
/// When settings are missing (all of them are named), contradict each other, or have values that cannot be right.
pub fn connection(lookup: &Lookup, environment: &Environment) -> Result<Connection, SettingsError> {
    let connection = Sources::read(lookup, environment)?.connection()?;
    // Plain HTTP is accepted for this machine only, and is sent without a proxy.
    if connection.base_url().scheme() == "https" {
        proxy::check(environment)?;
    }
    Ok(connection)
}

/// A setting's value and where it is.
#[derive(Clone)]
struct Found {
    value: SecretString,
    origin: Origin,
    /// The position of its source; lower wins.
    rank: usize,
}

impl Found {
    /// The value of what is no secret, without white space around it.
    fn text(&self) -> &str {
        self.value.expose_secret().trim()
    }

    fn is_empty(&self) -> bool {
        self.text().is_empty()
    }
}

/// Every source, in order of precedence.
struct Sources<'a> {
    /// What each source gives, empty values included.
    values: Vec<Vec<Found>>,
    /// Whether the source after the environment is a file that was asked for, by tenant or by name.
    chosen_file: bool,
    /// The file that missing settings belong into.
    file: PathBuf,
    folder: &'a Path,
}

impl<'a> Sources<'a> {
    fn read(lookup: &Lookup<'a>, environment: &Environment) -> Result<Self, SettingsError> {
        let folder = lookup.folder;
        let in_environment = Variable::every_name().filter_map(|variable| {
            Some(Found {
                value: environment.get(variable)?.into(),
                origin: Origin::Environment { variable },
                rank: 0,
            })
        });
        let mut values = vec![in_environment.collect()];

        let paths = match (lookup.env_file, lookup.tenant) {
            (Some(file), _) => vec![folder.join(file)],
            (None, tenant) => {
                let own = tenant.map(|tenant| env_file_of(tenant, Path::new("")));
                let files = own.into_iter().chain([PathBuf::from(".env")]);
                files.map(|file| lookup.nearest(&file)).collect()
            }
        };
        for path in &paths {
            let shown = shown(path, folder);
            match env_file::read(path, shown)? {
                Some(entries) => {
                    let rank = values.len();
                    let found = entries.into_iter().map(|entry| Found {
                        value: entry.value,
                        origin: Origin::File {
                            path: shown.to_owned(),
                            line: entry.line,
                            variable: entry.variable,
                        },
                        rank,
                    });
                    values.push(found.collect());
                }
                None if lookup.env_file.is_some() => {
                    return Err(SettingsError::NoEnvFile {
                        path: shown.to_owned(),
                    });
                }
                // A file that is not there keeps its rank.
                None => values.push(Vec::new()),
            }
        }
        Ok(Self {
            values,
            chosen_file: lookup.env_file.is_some() || lookup.tenant.is_some(),
            file: paths
                .first()
                .map_or(folder, |path| shown(path, folder))
                .to_owned(),
            folder,
        })
    }

    fn connection(&self) -> Result<Connection, SettingsError> {
        let domain = self.domain()?;
        let token = self.find(Variable::ACCESS_TOKEN)?;
        // A token wins over credentials, except over those from sources that come before the token's.
        let before = token.as_ref().map_or(self.values.len(), |found| found.rank);
        let keys = self.keys(before)?;
        let mut missing: Vec<Variable> = Vec::new();
        if domain.is_none() {
            missing.push(Variable::DOMAIN);
        }
        if token.is_none() && keys.id.is_none() {
            missing.push(Variable::CLIENT_ID);
        }
        if token.is_none() && keys.proof.is_none() {
            missing.push(Variable::CLIENT_SECRET);
        }
        let Some(domain) = domain.filter(|_| missing.is_empty()) else {
            return Err(self.missing(missing));
        };

        let mut notes = vec![format!("domain {} from {}", domain.text(), domain.origin)];
        let mut warning = None;
        let mut compare = |what: &str, found: &Found| {
            // They may belong to two tenants: then one tenant's secret is sent to the other's domain.
            if found.rank != domain.rank {
                warning = Some(format!(
                    "the domain is {}, and the {what} is {}: are they of one tenant?",
                    domain.origin, found.origin
                ));
            }
        };
        let credentials = match (keys.id, keys.proof, token) {
            (Some(id), Some(proof), token) => {
                let credentials = self.application(&id, &proof)?;
                compare(proof.kind(), proof.found());
                notes.push(format!("client id {} from {}", id.text(), id.origin));
                notes.push(format!("{} from {}", proof.kind(), proof.found().origin));
                if id.rank != proof.found().rank {
                    notes.push(format!(
                        "client id and {} come from different places",
                        proof.kind()
                    ));
                }
                if let Some(token) = token {
                    notes.push(format!(
                        "{} is not used: the credentials take precedence",
                        token.origin
                    ));
                }
                credentials
            }
            (_, _, Some(token)) => {
                notes.push(format!("access token from {}", token.origin));
                compare("access token", &token);
                Credentials::Token {
                    token: token.text().into(),
                    origin: token.origin,
                }
            }
            // Reported as missing above.
            (_, _, None) => return Err(self.missing(vec![Variable::CLIENT_ID])),
        };

        let mut connection =
            Connection::from_parts(domain.text(), domain.origin.clone(), credentials)?;
        // The note shows the domain in the form that is used, not as a URL or with capitals.
        notes[0] = format!("domain {} from {}", connection.domain(), domain.origin);
        if let Some(audience) = self.find(Variable::AUDIENCE)? {
            check(&audience, word_problem(audience.text()))?;
            notes.push(format!(
                "audience {} from {}",
                audience.text(),
                audience.origin
            ));
            connection = connection.with_audience(audience.text());
        }
        if let Some(scope) = self.find(Variable::SCOPE)? {
            let words = scope.text().split(' ').filter(|word| !word.is_empty());
            check(&scope, words.clone().find_map(word_problem))?;
            let words: Vec<&str> = words.collect();
            notes.push(format!("scope {} from {}", words.join(" "), scope.origin));
            connection = connection.with_scope(&words.join(" "));
        }
        if let Some(origin) = self.protected()? {
            notes.push(format!("protected by {origin}"));
            connection = connection.protected();
        }
        connection.notes = notes;
        connection.warning = warning;
        Ok(connection)
    }

    /// Which source says that the tenant is protected. One is enough: a source with precedence can't lift the protection.
    fn protected(&self) -> Result<Option<Origin>, SettingsError> {
        for source in &self.values {
            let Some(found) = find_in(source, Variable::PROTECTED)? else {
                continue;
            };
            match found.text().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => return Ok(Some(found.origin)),
                "false" | "no" | "off" | "0" => {}
                _ => check(&found, Some(ValueProblem::NeitherTrueNorFalse))?,
            }
        }
        Ok(None)
    }

    /// The domain. The environment and a file that was asked for may not name different ones, so that nobody pushes
    /// one tenant's files to another by accident.
    fn domain(&self) -> Result<Option<Found>, SettingsError> {
        let found = self.find(Variable::DOMAIN)?;
        let in_file = match self.values.get(1) {
            Some(file) if self.chosen_file => find_in(file, Variable::DOMAIN)?,
            _ => None,
        };
        if let (Some(first), Some(file)) = (&found, in_file)
            && first.rank == 0
        {
            let parse = |found: &Found| {
                domain::parse(found.text()).map_err(|problem| SettingsError::Domain {
                    origin: found.origin.clone(),
                    problem,
                })
            };
            let (environment_domain, environment_url) = parse(first)?;
            let (file_domain, file_url) = parse(&file)?;
            if environment_url != file_url {
                return Err(SettingsError::TwoDomains(Box::new(TwoDomains {
                    environment: first.origin.clone(),
                    environment_domain,
                    file: file.origin,
                    file_domain,
                })));
            }
        }
        Ok(found)
    }

    /// Client id, and secret or signing key, as far as the sources before `end` give them.
    fn keys(&self, end: usize) -> Result<Keys, SettingsError> {
        let id = self.find_before(Variable::CLIENT_ID, end)?;
        let secret = self.find_before(Variable::CLIENT_SECRET, end)?;
        let key = self.find_before(Variable::SIGNING_KEY_PATH, end)?;
        let proof = match (secret, key) {
            (Some(secret), Some(key)) if secret.rank < key.rank => Some(Proof::Secret(secret)),
            (_, Some(key)) => Some(Proof::Key(key)),
            (Some(secret), None) => Some(Proof::Secret(secret)),
            (None, None) => None,
        };
        Ok(Keys { id, proof })
    }

    fn application(&self, id: &Found, proof: &Proof) -> Result<Credentials, SettingsError> {
        let client_id = id.text().to_owned();
        let origins = Origins {
            client_id: id.origin.clone(),
            proof: proof.found().origin.clone(),
        };
        Ok(match proof {
            Proof::Secret(secret) => Credentials::Secret {
                client_id,
                client_secret: secret.value.clone(),
                origins,
            },
            Proof::Key(path) => {
                let (key, key_path) = self.signing_key(path)?;
                Credentials::SigningKey {
                    client_id,
                    key,
                    key_path,
                    origins,
                }
            }
        })
    }

    /// Loads the key at a path that is relative to the file that gives it.
    fn signing_key(&self, path: &Found) -> Result<(SigningKey, PathBuf), SettingsError> {
        let algorithm = match self.find(Variable::SIGNING_ALGORITHM)? {
            None => Algorithm::default(),
            Some(name) => Algorithm::from_name(name.text()).ok_or(SettingsError::Algorithm {
                origin: name.origin,
            })?,
        };
        check(path, path_problem(path.text()))?;
        let origin = path.origin.clone();
        let folder = match &origin {
            Origin::File { path, .. } => path.parent().unwrap_or(Path::new("")),
            Origin::Environment { .. } | Origin::Option(_) => Path::new(""),
        };
        let key_path = self.folder.join(folder).join(path.text());
        let shown = shown(&key_path, self.folder).to_owned();
        let pem = match read_key(&key_path) {
            Ok(pem) => pem,
            Err(source) => {
                return Err(SettingsError::KeyFile {
                    origin,
                    path: shown,
                    source,
                });
            }
        };
        match SigningKey::from_pem(&pem, algorithm) {
            Ok(key) => Ok((key, key_path)),
            Err(problem) => Err(SettingsError::Key {
                origin,
                path: shown,
                problem,
            }),
        }
    }

    fn missing(&self, variables: Vec<Variable>) -> SettingsError {
        let empty = |variable: Variable| {
            let all = self.values.iter().flatten();
            all.filter(|found| names(variable, found) && found.is_empty())
                .map(|found| found.origin.clone())
                .collect()
        };
        SettingsError::Missing {
            settings: variables
                .into_iter()
                .map(|variable| Missing {
                    variable,
                    empty: empty(variable),
                })
                .collect(),
            file: self.file.clone(),
        }
    }

    fn find(&self, variable: Variable) -> Result<Option<Found>, SettingsError> {
        self.find_before(variable, self.values.len())
    }

    /// The setting from the first source that gives it, of those before `end`.
    fn find_before(&self, variable: Variable, end: usize) -> Result<Option<Found>, SettingsError> {
        for source in &self.values[..end] {
            if let Some(found) = find_in(source, variable)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// A client id and what proves it.
struct Keys {
    id: Option<Found>,
    proof: Option<Proof>,
}

enum Proof {
    Secret(Found),
    Key(Found),
}

impl Proof {
    fn found(&self) -> &Found {
        match self {
            Self::Secret(found) | Self::Key(found) => found,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "client secret",
            Self::Key(_) => "signing key",
        }
    }
}

/// The setting as one source gives it. Empty values count as not given.
fn find_in(source: &[Found], variable: Variable) -> Result<Option<Found>, SettingsError> {
    let mut given = variable.names().filter_map(|name| {
        source
            .iter()
            .find(|found| found.origin.variable() == name && !found.is_empty())
    });
    let Some(first) = given.next() else {
        return Ok(None);
    };
    match given.next() {
        Some(second) if !is_same(variable, first, second) => Err(SettingsError::BothNames {
            first: first.origin.clone(),
            second: second.origin.clone(),
        }),
        _ => Ok(Some(first.clone())),
    }
}

/// Whether two values of one setting mean the same: a domain may be written in several ways.
fn is_same(variable: Variable, one: &Found, other: &Found) -> bool {
    let is_same_domain = || match (domain::parse(one.text()), domain::parse(other.text())) {
        (Ok((_, one)), Ok((_, other))) => one == other,
        _ => false,
    };
    one.text() == other.text() || (variable == Variable::DOMAIN && is_same_domain())
}

fn names(variable: Variable, found: &Found) -> bool {
    variable.names().any(|name| name == found.origin.variable())
}

fn check(found: &Found, problem: Option<ValueProblem>) -> Result<(), SettingsError> {
    match problem {
        None => Ok(()),
        Some(problem) => Err(SettingsError::Value {
            origin: found.origin.clone(),
            problem,
        }),
    }
}

/// What is wrong with a path. Errors show paths, so a key that was given in place of its path must not be taken for one.
fn path_problem(path: &str) -> Option<ValueProblem> {
    let is_path = !path.contains("-----")
        && !path.contains(char::is_control)
        && path.split('/').all(|name| name.len() <= 255);
    (!is_path).then_some(ValueProblem::NotPath)
}

/// No key's file comes near this size, in bytes.
const LARGEST_KEY: u64 = 1_000_000;

fn read_key(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    let file = opening::open_own(path)?;
    file.take(LARGEST_KEY).read_to_end(&mut pem)?;
    Ok(pem)
}

/// `path` as it is shown: without the working directory before it.
fn shown<'p>(path: &'p Path, folder: &Path) -> &'p Path {
    path.strip_prefix(folder).unwrap_or(path)
}
