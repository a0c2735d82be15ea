//! Where access tokens come from: the client-credentials grant. A token is asked for once, however many requests need it, and kept
//! for as long as it is good.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::cache::{CacheKey, TokenCache};
use super::error::{ApiError, not_the_apis, quoted};
use super::http::Http;
use super::token::{Source, Token};
use crate::settings::{Connection, Credentials};
use crate::signing::{ASSERTION_TYPE, assertion};

/// A token is not used in the last minute of its life, so that it does not expire during a request. If it lives for minutes only,
/// the last tenth is not used.
const MARGIN: Duration = Duration::from_secs(60);

/// Where tokens come from.
#[derive(Debug)]
pub(super) struct Tokens {
    cache: Option<TokenCache>,
    current: Mutex<Option<Arc<Token>>>,
}

impl Tokens {
    pub(super) fn new(cache: Option<TokenCache>) -> Tokens {
        Tokens {
            cache,
            current: Mutex::new(None),
        }
    }

    /// A token that is good now: the one in use, the cached one, or a new one.
    pub(super) async fn get(&self, http: &Http) -> Result<Arc<Token>, ApiError> {
        let connection = http.connection();
        let mut current = self.current.lock().await;
        if let Some(token) = current
            .as_ref()
            .filter(|token| token.is_good(SystemTime::now()))
        {
            return Ok(Arc::clone(token));
        }
        let token = match connection.credentials() {
            Credentials::Token { token, origin } => Token::new(token.clone(), None, Source::Given)
                .ok_or_else(|| ApiError::Setup(format!("{origin} is no token")))?,
            credentials => {
                let key = CacheKey::of(connection);
                let cached = self.cache.as_ref().and_then(|cache| cache.read(&key));
                match cached.filter(|token| token.is_good(SystemTime::now())) {
                    Some(token) => token,
                    None => {
                        let token = request(credentials, http).await?;
                        if let Some(cache) = &self.cache {
                            cache.write(&key, &token);
                        }
                        token
                    }
                }
            }
        };
        http.secrets().know(token.secret());
        log::debug!("the access token is {}", token.about(SystemTime::now()));
        let token = Arc::new(token);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Forgets a token that the API refused, here and in the cache, unless another took its place meanwhile.
    pub(super) async fn drop_token(&self, connection: &Connection, refused: &Arc<Token>) {
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_some_and(|token| Arc::ptr_eq(token, refused))
        {
            *current = None;
            log::debug!("the access token was refused: another one is asked for");
            if let Some(cache) = &self.cache {
                cache.remove(&CacheKey::of(connection));
            }
        }
    }
}

/// The token endpoint's good answer. Source: <https://auth0.com/docs/api/authentication/client-credential-flow/get-token>.
#[derive(Deserialize)]
struct Granted {
    #[serde(deserialize_with = "secret")]
    access_token: SecretString,
    expires_in: u64,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[derive(Default, Deserialize)]
struct Denied {
    error: Option<String>,
    error_description: Option<String>,
}

async fn request(credentials: &Credentials, http: &Http) -> Result<Token, ApiError> {
    let connection = http.connection();
    let asked = SystemTime::now();
    let signed;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("audience", connection.audience()),
    ];
    match credentials {
        Credentials::Secret {
            client_id,
            client_secret,
            ..
        } => {
            form.push(("client_id", client_id));
            form.push(("client_secret", client_secret.expose_secret()));
        }
        Credentials::SigningKey { client_id, key, .. } => {
            signed = assertion(key, client_id, connection.issuer(), asked)
                .map_err(|error| ApiError::Setup(error.to_string()))?;
            http.secrets().know(&signed);
            form.push(("client_id", client_id));
            form.push(("client_assertion_type", ASSERTION_TYPE));
            form.push(("client_assertion", signed.expose_secret()));
        }
        Credentials::Token { .. } => {}
    }
    if let Some(scope) = connection.scope() {
        form.push(("scope", scope));
    }
    let (status, body) = http.post_token_form(&form).await?;
    if status != 200 {
        return Err(refusal(credentials, http, status, &body));
    }
    // serde's own message could quote the answer, which holds the token.
    let granted: Granted = serde_json::from_slice(&body).map_err(|_| ApiError::OddAnswer {
        request: "POST /oauth/token".to_owned(),
        problem: match body.trim_ascii_start().first() {
            Some(b'<') => "it is an HTML page, not JSON".to_owned(),
            _ => "it has no `access_token` with an `expires_in`".to_owned(),
        },
    })?;
    let lifetime = Duration::from_secs(granted.expires_in.min(30 * 86_400));
    let used = lifetime - MARGIN.min(lifetime / 10);
    // A token without a lifetime is used until it is refused: asking for another before every request would never end.
    let expires = (!lifetime.is_zero()).then_some(asked + used);
    Token::new(granted.access_token, expires, Source::Fresh).ok_or_else(|| ApiError::OddAnswer {
        request: "POST /oauth/token".to_owned(),
        problem: "its `access_token` is empty, or has characters that no token has".to_owned(),
    })
}

fn refusal(credentials: &Credentials, http: &Http, status: u16, body: &[u8]) -> ApiError {
    let (connection, secrets) = (http.connection(), http.secrets());
    let denied: Denied = serde_json::from_slice(body).unwrap_or_default();
    let message = match denied.error_description {
        Some(description) => quoted(&description, secrets),
        None => not_the_apis(status),
    };
    let hint = match status {
        401 => format!("the credentials are {}: is this the application's id and secret, and of this tenant?", credentials.source()),
        403 if message.contains("scopes") && connection.scope().is_some() => {
            "AUTH0_SCOPE asks for more than the application was granted: grant it in the dashboard, or ask for less".to_owned()
        }
        403 if message.contains("Service not found") => format!(
            "the audience {} is no API of this tenant: set AUTH0_AUDIENCE (behind a custom domain it is \
             https://<tenant>.<region>.auth0.com/api/v2/)",
            connection.audience()
        ),
        403 => "in the dashboard, under Applications > APIs > Auth0 Management API > Machine to Machine Applications, \
                authorize the application and grant it read:clients and update:clients"
            .to_owned(),
        429 => "others use this tenant's rate limit too: try again in a minute".to_owned(),
        500.. => "the fault is on Auth0's side, or on a proxy's: try again, or see https://status.auth0.com".to_owned(),
        _ => format!("is {} the domain of an Auth0 tenant?", connection.domain()),
    };
    ApiError::TokenRefused {
        status,
        message,
        code: denied.error.map(|code| quoted(&code, secrets)),
        hint,
    }
}
