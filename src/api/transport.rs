//! One request after the other, each done properly: with a token, at the tenant's pace, with timeouts and bounded retries.
//! Nothing above it sees HTTP, and nothing else in the crate sends.

use std::error::Error as StdError;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::call::{Answer, Call};
use super::error::{ApiError, not_the_apis, quoted, seconds};
use super::pace::{Allowance, Pace};
use super::room::{LARGEST, Room, Taken, TooLarge};
use super::token::Tokens;
use super::waits::Waits;
use super::{Options, Progress, Secrets};
use crate::json;
use crate::settings::Connection;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What one attempt came to.
struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    taken: Taken,
}

#[derive(Debug)]
pub(super) struct Transport {
    connection: Connection,
    options: Options,
    http: OnceLock<reqwest::Client>,
    tokens: Tokens,
    list_pace: Pace,
    pace: Pace,
    waits: Waits,
    room: Room,
    /// Whether anything was answered so far.
    has_answered: AtomicBool,
}

impl Transport {
    pub(super) fn new(connection: Connection, options: Options) -> Transport {
        if let Some(secret) = connection.credentials().secret() {
            options.secrets.know(secret);
        }
        Transport {
            tokens: Tokens::new(options.cache.clone()),
            waits: Waits::new(options.progress.clone()),
            connection,
            options,
            http: OnceLock::new(),
            list_pace: Pace::default(),
            pace: Pace::default(),
            room: Room::default(),
            has_answered: AtomicBool::default(),
        }
    }

    pub(super) fn domain(&self) -> &str {
        self.connection.domain().as_str()
    }

    /// Where secrets are to be made known before they are sent.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.options.secrets
    }

    /// Where to tell how far something is.
    pub(super) fn progress(&self) -> &Progress {
        &self.options.progress
    }

    pub(super) async fn access_token(&self) -> Result<SecretString, ApiError> {
        let token = self.tokens.get(&self.connection, self).await?;
        Ok(token.secret().clone())
    }

    /// Sends a call until it has a good answer, is refused for good, or the retries ran out. A 401 asks once for a new token, and
    /// so does a scope that a token of an earlier run lacks: it may have been granted since.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, ApiError> {
        let url = call.url(self.connection.base_url());
        let mut retries = Retries::new(self.options.retries);
        let mut renewed = false;
        let mut last = None;
        loop {
            let ready = async {
                // The token last: the one in use may be another by the time that it is this call's turn.
                let turn = self.pace(call).turn(&self.waits).await;
                Ok((self.tokens.get(&self.connection, self).await?, turn))
            };
            let ready = self.unless_stopped(call, ready).await;
            // What was sent before may have had its effect: that is what there is to say then.
            let (token, turn) = ready.map_err(|stopped| last.take().unwrap_or(stopped))??;
            let mut request = self
                .http()?
                .request(call.method.clone(), url.clone())
                .bearer_auth(token.secret().expose_secret());
            if let Some(body) = &call.body {
                request = request.json(body);
            }
            let started = Instant::now();
            let outcome = self.attempt(request).await;
            let allowance = match &outcome {
                Ok(response) => {
                    let refused = response.status == StatusCode::TOO_MANY_REQUESTS;
                    let allowance = Allowance::of(&response.headers, SystemTime::now(), refused);
                    turn.answered(&allowance);
                    allowance
                }
                // No answer says nothing of a limit.
                Err(_) => {
                    drop(turn);
                    Allowance::default()
                }
            };
            log_request(&url, call, &outcome, started.elapsed(), &allowance);

            let (error, wait) = match outcome {
                Ok(response) if response.status.is_success() => {
                    let Response { body, taken, .. } = response;
                    log::trace!("{call}: an answer of {} bytes", body.len());
                    return Ok(Answer {
                        body,
                        _taken: taken,
                    });
                }
                Ok(response) => {
                    let status = response.status;
                    let refused = self.refused(call, &response, retries.sent, !token.renewable());
                    let may_be_granted = token.is_cached() && refused.is_missing_scope();
                    let is_bad = status == StatusCode::UNAUTHORIZED && token.renewable();
                    if (is_bad || may_be_granted) && !renewed {
                        renewed = true;
                        self.tokens.drop_token(&self.connection, &token).await;
                        continue;
                    }
                    let wait = match status {
                        StatusCode::TOO_MANY_REQUESTS => {
                            retries.next_limited(allowance.wait_after_refusal())
                        }
                        status if status.is_server_error() => retries.next(),
                        _ => None,
                    };
                    if status == StatusCode::TOO_MANY_REQUESTS
                        && let Some(wait) = wait
                    {
                        // The limit is the tenant's, so everybody waits.
                        self.pace(call).hold(wait);
                    }
                    (refused, wait)
                }
                Err(error) => {
                    let wait = self.wait_after(&error, &mut retries);
                    (
                        self.network_error(call.to_string(), &error, retries.sent),
                        wait,
                    )
                }
            };
            let Some(wait) = wait else {
                return Err(error);
            };
            log::debug!("{call}: sent again in {}", seconds(wait));
            self.waits.say(wait, &error.to_string());
            if self
                .unless_stopped(call, tokio::time::sleep(wait))
                .await
                .is_err()
            {
                return Err(error);
            }
            last = Some(error);
            retries.sent += 1;
        }
    }

    /// Waits for something, unless somebody wishes to stop first.
    async fn unless_stopped<T>(
        &self,
        call: &Call,
        wait: impl Future<Output = T>,
    ) -> Result<T, ApiError> {
        tokio::select! {
            biased;
            () = self.options.stop.wished() => Err(ApiError::Stopped { request: call.to_string() }),
            done = wait => Ok(done),
        }
    }

    /// Posts a form to the token endpoint, with the same timeouts and retries; any answer but 429 and 5xx is the caller's.
    pub(super) async fn post_token_form(
        &self,
        form: &[(&str, &str)],
    ) -> Result<(u16, Vec<u8>), ApiError> {
        let name = "POST /oauth/token";
        let url = self.connection.base_url().join("oauth/token");
        let url = url.map_err(|error| ApiError::Setup(format!("{name}: {error}")))?;
        let mut retries = Retries::new(self.options.retries);
        loop {
            let started = Instant::now();
            let outcome = self
                .attempt(self.http()?.post(url.clone()).form(form))
                .await;
            let (wait, error) = match outcome {
                Ok(response) => {
                    let status = response.status;
                    log::info!("{name} {} {:.0?}", status.as_u16(), started.elapsed());
                    let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                    let wait = match status {
                        StatusCode::TOO_MANY_REQUESTS => {
                            let now = SystemTime::now();
                            let asked = Allowance::of(&response.headers, now, true);
                            retries.next_limited(asked.wait_after_refusal())
                        }
                        _ => retries.next(),
                    };
                    match wait.filter(|_| again) {
                        Some(wait) => (wait, format!("{name}: {status}")),
                        None => return Ok((status.as_u16(), response.body)),
                    }
                }
                Err(error) => {
                    let wait = self.wait_after(&error, &mut retries);
                    let error = self.network_error(name.to_owned(), &error, retries.sent);
                    match wait {
                        Some(wait) => (wait, error.to_string()),
                        None => return Err(error),
                    }
                }
            };
            self.waits.say(wait, &error.to_string());
            tokio::time::sleep(wait).await;
            retries.sent += 1;
        }
    }

    /// Listing clients has a limit of its own on most plans.
    /// Source: <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>.
    fn pace(&self, call: &Call) -> &Pace {
        if call.method == Method::GET && call.segments.len() == 1 {
            &self.list_pace
        } else {
            &self.pace
        }
    }

    async fn attempt(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        let mut response = request.send().await?;
        self.has_answered.store(true, Ordering::Relaxed);
        let mut body = Vec::new();
        let mut taken = Taken::default();
        while let Some(chunk) = response.chunk().await? {
            let size = body.len() + chunk.len();
            self.room.take(&mut taken, size).await?;
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
            taken,
        })
    }

    /// The HTTP client, made when the first request is due: that takes some ten milliseconds.
    fn http(&self) -> Result<&reqwest::Client, ApiError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // It is there already when another reader installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(self.options.timeout))
            .timeout(self.options.timeout)
            // The API never redirects, and a token is for this domain only.
            .redirect(reqwest::redirect::Policy::none());
        builder = if self.connection.base_url().scheme() == "http" {
            // Loopback, the settings see to that: neither certificates nor a proxy are needed, and a machine without a CA store has none to load.
            builder.no_proxy().tls_certs_only([])
        } else {
            builder.https_only(true)
        };
        let http = builder.build().map_err(|error| {
            ApiError::Setup(format!(
                "the HTTP client could not be set up: {}",
                chain(&error)
            ))
        })?;
        Ok(self.http.get_or_init(|| http))
    }

    /// How long to wait after a failure before the next try; None where there is no use in one.
    fn wait_after(&self, failure: &Failure, retries: &mut Retries) -> Option<Duration> {
        let has_answered = self.has_answered.load(Ordering::Relaxed);
        failure
            .may_get_better(has_answered)
            .then(|| retries.next())?
    }

    fn refused(
        &self,
        call: &Call,
        response: &Response,
        attempts: usize,
        given_token: bool,
    ) -> ApiError {
        let body = str::from_utf8(&response.body).ok();
        let body = body
            .and_then(|body| json::parse(body).ok())
            .unwrap_or_default();
        let text = |field: &str| Some(quoted(body[field].as_str()?, self.secrets()));
        ApiError::Refused {
            request: call.to_string(),
            status: response.status.as_u16(),
            message: text("message").unwrap_or_else(|| not_the_apis(response.status.as_u16())),
            code: text("errorCode"),
            attempts,
            given_token,
        }
    }

    fn network_error(&self, request: String, error: &Failure, attempts: usize) -> ApiError {
        let domain = self.connection.domain();
        let (problem, hint) = match error {
            Failure::TooLarge => (
                format!("the answer is larger than {} MiB", LARGEST >> 20),
                format!("is {domain} an Auth0 tenant?"),
            ),
            Failure::Http(error) if error.is_timeout() && !error.is_connect() => (
                format!("no answer within {}", seconds(self.options.timeout)),
                "try again; --timeout SECONDS allows for more".to_owned(),
            ),
            Failure::Http(error) if error.is_connect() => (
                format!("can't connect to {domain}: {}", chain(error)),
                "is the domain right, and is the network there? HTTPS_PROXY and SSL_CERT_FILE are respected".to_owned(),
            ),
            Failure::Http(error) => (
                format!("the connection to {domain} broke: {}", chain(error)),
                "try again".to_owned(),
            ),
        };
        ApiError::Network {
            request,
            problem,
            attempts,
            hint,
        }
    }
}

enum Failure {
    Http(reqwest::Error),
    TooLarge,
}

impl Failure {
    /// Whether the same request may fare better in a moment. A host that has answered in this run may be gone for a moment only.
    fn may_get_better(&self, has_answered: bool) -> bool {
        match self {
            Failure::TooLarge => false,
            Failure::Http(error) => {
                !causes(error).any(is_tls)
                    && (has_answered || !error.is_connect() || !causes(error).any(is_nobody))
            }
        }
    }
}

impl From<TooLarge> for Failure {
    fn from(_: TooLarge) -> Self {
        Failure::TooLarge
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // The URL is in every message of ours already.
        Failure::Http(error.without_url())
    }
}

/// An error's causes, the deepest last.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// The deepest cause, since the others only say that there was an error.
fn chain(error: &reqwest::Error) -> String {
    let deepest = causes(error).last();
    deepest.map_or_else(|| error.to_string(), ToString::to_string)
}

/// A certificate that is not trusted or for another host, or something that is no TLS at all.
fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    // What an I/O error wraps is not among its sources.
    let inner = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}

/// A name that nobody has, or an address where nobody listens.
fn is_nobody(cause: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    let is_unreachable = matches!(
        kind,
        Some(ConnectionRefused | HostUnreachable | NetworkUnreachable)
    );
    // The HTTP library's own word; the system's are many.
    is_unreachable || cause.to_string() == "dns error"
}

/// How often a call was sent, and how long to wait before the next time.
struct Retries {
    sent: usize,
    delays: backon::ExponentialBackoff,
    limited: usize,
}

impl Retries {
    fn new(retries: usize) -> Retries {
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(8))
            .with_max_times(retries)
            .with_jitter();
        Retries {
            sent: 1,
            delays: delays.build(),
            limited: retries * 3,
        }
    }

    fn next(&mut self) -> Option<Duration> {
        self.delays.next()
    }

    /// The wait after a 429: what the answer asks for. These are bounded apart from the faults, since a shared limit may be
    /// met many times in a long run.
    fn next_limited(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.limited = self.limited.checked_sub(1)?;
        asked.or_else(|| self.delays.next())
    }
}

fn log_request(
    url: &Url,
    call: &Call,
    outcome: &Result<Response, Failure>,
    took: Duration,
    allowance: &Allowance,
) {
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let outcome = match outcome {
        Ok(response) => response.status.as_u16().to_string(),
        Err(_) => "failed".to_owned(),
    };
    let left = match allowance.remaining {
        Some(remaining) => format!(", {remaining} left"),
        None => String::new(),
    };
    log::info!("{call}{query} {outcome} {took:.0?}{left}");
}

/// Seconds since 1970, as rate limits give their times.
pub(super) fn unix_seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
