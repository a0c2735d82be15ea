//! Access tokens between runs: one file a token in the user's cache directory, readable by nobody else. A cache that can't be
//! read or written costs a request, never the run.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::token::{Source, Token};
use crate::opening;
use crate::settings::{Connection, Credentials};

/// No token's file comes near this size, in bytes.
const LARGEST_FILE: u64 = 1_000_000;

/// A folder of cached tokens.
#[derive(Debug, Clone)]
pub struct TokenCache(PathBuf);

/// What a token is for. A token whose key differs in any of these does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CacheKey {
    domain: String,
    client_id: String,
    audience: String,
    scope: Option<String>,
    /// A digest of the secret or key: after a change of it, the tokens that the old one was good for are not used.
    proof: String,
}

impl CacheKey {
    pub(super) fn of(connection: &Connection) -> CacheKey {
        CacheKey {
            domain: connection.domain().to_string(),
            client_id: connection
                .credentials()
                .client_id()
                .unwrap_or_default()
                .to_owned(),
            audience: connection.audience().to_owned(),
            scope: connection.scope().map(str::to_owned),
            proof: match connection.credentials() {
                Credentials::Token { .. } => String::new(),
                Credentials::Secret { client_secret, .. } => {
                    hex(client_secret.expose_secret().as_bytes())
                }
                Credentials::SigningKey { key, .. } => hex(key.public_key()),
            },
        }
    }
}

#[derive(Serialize, Deserialize)]
struct CachedToken {
    key: CacheKey,
    access_token: String,
    /// Seconds since 1970.
    expires: u64,
}

impl TokenCache {
    /// A cache in that folder, which is made when the first token is kept.
    pub fn new(folder: impl Into<PathBuf>) -> TokenCache {
        TokenCache(folder.into())
    }

    /// The cache in the user's cache directory (`XDG_CACHE_HOME`, or its counterpart elsewhere); None without a home.
    pub fn of_user() -> Option<TokenCache> {
        use etcetera::BaseStrategy;
        let folders = etcetera::choose_base_strategy().ok()?;
        Some(TokenCache::new(
            folders.cache_dir().join("tenantry").join("tokens"),
        ))
    }

    pub(super) fn read(&self, key: &CacheKey) -> Option<Token> {
        // A file that others may have written or read is not used, and replaced.
        let file = opening::open_own(&self.path(key)).ok()?;
        if !opening::is_private(&file.metadata().ok()?) {
            return None;
        }
        let mut text = Vec::new();
        file.take(LARGEST_FILE).read_to_end(&mut text).ok()?;
        let cached: CachedToken = serde_json::from_slice(&text).ok()?;
        let expires = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(cached.expires))?;
        if cached.key != *key {
            return None;
        }
        let token = SecretString::from(cached.access_token);
        Token::new(token, Some(expires), Source::Cached)
    }

    pub(super) fn write(&self, key: &CacheKey, token: &Token) {
        if let Err(error) = self.try_write(key, token) {
            log::info!(
                "the access token could not be cached in {}: {error}",
                self.0.display()
            );
        }
    }

    pub(super) fn remove(&self, key: &CacheKey) {
        // If it is gone already, or can't be removed, a new token takes its place anyway.
        let _ = fs::remove_file(self.path(key));
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        let name = serde_json::to_vec(key).unwrap_or_default();
        self.0.join(format!("{}.json", hex(&name)))
    }

    fn try_write(&self, key: &CacheKey, token: &Token) -> std::io::Result<()> {
        let Some(expires) = token.expires() else {
            return Ok(());
        };
        let cached = CachedToken {
            key: key.clone(),
            access_token: token.secret().expose_secret().to_owned(),
            expires: seconds_since_1970(expires),
        };
        create_private_folder(&self.0)?;
        // A temporary file is made with mode 0600, and keeps it.
        let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
        file.write_all(&serde_json::to_vec(&cached)?)?;
        file.persist(self.path(key))?;
        Ok(())
    }
}

/// A digest of the bytes, which does not reveal them, as text that is short enough for a file's name.
fn hex(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    let half = hash.as_ref()[..16].iter();
    half.map(|byte| format!("{byte:02x}")).collect()
}

fn seconds_since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
