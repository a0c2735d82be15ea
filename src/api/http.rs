//! One request and its whole answer: with timeouts, a limit to the answer's size, and a judgement of what failed. It knows the
//! token endpoint and nothing of the API.

use std::error::Error as StdError;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::error::{ApiError, seconds};
use super::pace::Allowance;
use super::room::{LARGEST, Room, Taken, TooLarge};
use super::waits::Waits;
use super::{Options, Secrets};
use crate::settings::Connection;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What one attempt came to.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) taken: Taken,
}

impl Response {
    /// What it says about the rate limit.
    pub(super) fn allowance(&self) -> Allowance {
        let refused = self.status == StatusCode::TOO_MANY_REQUESTS;
        Allowance::of(&self.headers, SystemTime::now(), refused)
    }
}

/// Sends requests to one tenant.
#[derive(Debug)]
pub(super) struct Http {
    connection: Connection,
    options: Options,
    client: OnceLock<reqwest::Client>,
    waits: Waits,
    room: Room,
    /// Whether anything was answered so far.
    has_answered: AtomicBool,
}

impl Http {
    pub(super) fn new(connection: Connection, options: Options) -> Http {
        if let Some(secret) = connection.credentials().secret() {
            options.secrets.know(secret);
        }
        Http {
            waits: Waits::new(options.progress.clone()),
            connection,
            options,
            client: OnceLock::new(),
            room: Room::default(),
            has_answered: AtomicBool::default(),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Where secrets are to be made known before they are sent.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.options.secrets
    }

    /// Where waits are told.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// The retries of one call.
    pub(super) fn retries(&self) -> Retries {
        Retries::new(self.options.retries)
    }

    /// Posts a form to the token endpoint, with the same timeouts and retries; any answer but 429 and 5xx is the caller's.
    pub(super) async fn post_token_form(
        &self,
        form: &[(&str, &str)],
    ) -> Result<(u16, Vec<u8>), ApiError> {
        let name = "POST /oauth/token";
        let url = self.connection.base_url().join("oauth/token");
        let url = url.map_err(|error| ApiError::Setup(format!("{name}: {error}")))?;
        let mut retries = self.retries();
        loop {
            let started = Instant::now();
            let outcome = self
                .attempt(self.client()?.post(url.clone()).form(form))
                .await;
            let (error, wait) = match outcome {
                Ok(response) => {
                    let status = response.status;
                    log::info!("{name} {} {:.0?}", status.as_u16(), started.elapsed());
                    let Some(wait) = retries.after(status, &response.allowance()) else {
                        return Ok((status.as_u16(), response.body));
                    };
                    (format!("{name}: {status}"), wait)
                }
                Err(failure) => {
                    let wait = self.wait_after(&failure, &mut retries);
                    let error = self.error(name.to_owned(), &failure, retries.sent);
                    let Some(wait) = wait else {
                        return Err(error);
                    };
                    (error.to_string(), wait)
                }
            };
            self.waits.say(wait, &error);
            tokio::time::sleep(wait).await;
            retries.sent += 1;
        }
    }

    /// Sends a request once.
    pub(super) async fn attempt(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, Failure> {
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
    pub(super) fn client(&self) -> Result<&reqwest::Client, ApiError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Installing fails only where another reader did it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(self.options.timeout))
            .timeout(self.options.timeout)
            // The API never redirects, and a token is for this domain only.
            .redirect(reqwest::redirect::Policy::none());
        builder = if self.connection.base_url().scheme() == "http" {
            // The settings accept plain HTTP for loopback only. It needs no proxy and no certificates, which a machine without a CA
            // store could not load.
            builder.no_proxy().tls_certs_only([])
        } else {
            builder.https_only(true)
        };
        let client = builder.build().map_err(|error| {
            ApiError::Setup(format!(
                "the HTTP client could not be set up: {}",
                chain(&error)
            ))
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    /// How long to wait after a failure before the next try; None where another try can't help.
    pub(super) fn wait_after(&self, failure: &Failure, retries: &mut Retries) -> Option<Duration> {
        let has_answered = self.has_answered.load(Ordering::Relaxed);
        failure
            .may_get_better(has_answered)
            .then(|| retries.next())?
    }

    /// What a failure is to whoever asked.
    pub(super) fn error(&self, request: String, error: &Failure, attempts: usize) -> ApiError {
        let domain = self.connection.domain();
        let timed_out =
            matches!(error, Failure::Http(error) if error.is_timeout() && !error.is_connect());
        let (problem, hint) = match error {
            Failure::TooLarge => (
                format!("the answer is larger than {} MiB", LARGEST >> 20),
                format!("is {domain} an Auth0 tenant?"),
            ),
            Failure::Http(_) if timed_out => (
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
            timed_out,
            attempts,
            hint,
        }
    }
}

/// Why there is no answer.
pub(super) enum Failure {
    Http(reqwest::Error),
    TooLarge,
}

impl Failure {
    /// Whether the same request may succeed in a moment. A host that has answered in this run is probably back soon.
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
        // Every message of ours names the URL already.
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

/// Whether a certificate is not trusted or for another host, or the other side does not speak TLS at all.
fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    // What an I/O error wraps is not among its sources.
    let inner = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner))
}

/// Whether a name does not exist, or nobody listens at an address.
fn is_nobody(cause: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
    let is_unreachable = matches!(
        kind,
        Some(ConnectionRefused | HostUnreachable | NetworkUnreachable)
    );
    // This is the HTTP library's own word; those of operating systems differ.
    is_unreachable || cause.to_string() == "dns error"
}

/// How often a request was sent, and how long to wait before the next try.
pub(super) struct Retries {
    pub(super) sent: usize,
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

    /// The wait after an answer; None where another try can't help, or too many were made. After a 429 it is what the answer asks
    /// for. These are bounded apart from the faults, since a shared limit may be met many times in a long run.
    pub(super) fn after(&mut self, status: StatusCode, allowance: &Allowance) -> Option<Duration> {
        if allowance.refused {
            self.limited = self.limited.checked_sub(1)?;
            return allowance.wait_after_refusal().or_else(|| self.next());
        }
        status.is_server_error().then(|| self.next())?
    }
}
