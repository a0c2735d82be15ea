//! Calls of the Management API: each is sent with a token, at the tenant's pace, and again a bounded number of times. Nothing above
//! this sees HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::call::{Answer, Call};
use super::error::{ApiError, not_the_apis, quoted, seconds};
use super::grant::Tokens;
use super::http::{Failure, Http, Response};
use super::pace::{Allowance, Pace};
use super::rate::MaxRate;
use super::token::Token;
use super::{Options, Progress};
use crate::cost::Allowed;
use crate::json;
use crate::settings::{Connection, Credentials};

#[derive(Debug)]
pub(super) struct Transport {
    http: Http,
    tokens: Tokens,
    list_pace: Pace,
    pace: Pace,
    max_rate: Option<MaxRate>,
}

impl Transport {
    pub(super) fn new(connection: Connection, options: Options) -> Transport {
        Transport {
            tokens: Tokens::new(options.cache.clone()),
            max_rate: options.max_rate.map(MaxRate::new),
            http: Http::new(connection, options),
            list_pace: Pace::default(),
            pace: Pace::default(),
        }
    }

    pub(super) fn domain(&self) -> &str {
        self.http.connection().domain().as_str()
    }

    /// Where to tell how far something is.
    pub(super) fn progress(&self) -> &Progress {
        &self.http.options().progress
    }

    pub(super) fn timeout(&self) -> Duration {
        self.http.options().timeout
    }

    pub(super) fn audience(&self) -> &str {
        self.http.connection().audience()
    }

    /// How fast requests may go that are no list, as far as the answers so far tell. Before one of those was answered, a list's limit
    /// stands in.
    pub(super) fn allowed(&self) -> Allowed {
        let known = self.pace.allowed().or_else(|| self.list_pace.allowed());
        Allowed {
            at_once: known.map(|(at_once, _)| at_once),
            per_second: known.and_then(|(_, per_second)| per_second),
            max_rate: self.http.options().max_rate,
        }
    }

    /// The id of the client that the credentials are of. A token that was given says whose it is, if it is a JWT.
    pub(super) fn own_client(&self) -> Option<String> {
        match self.http.connection().credentials() {
            Credentials::Token { token, .. } => client_of(token.expose_secret()),
            credentials => credentials.client_id().map(str::to_owned),
        }
    }

    pub(super) async fn access_token(&self) -> Result<SecretString, ApiError> {
        let token = self.tokens.get(&self.http).await?;
        Ok(token.secret().clone())
    }

    /// Sends a call until it has a good answer, is refused for good, or the retries ran out. A 401 asks once for a new token, and
    /// so does a scope that a token of an earlier run lacks: it may have been granted since.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, ApiError> {
        let url = call.url(self.http.connection().base_url());
        let mut retries = self.http.retries();
        let mut renewed = false;
        let mut last = None;
        loop {
            let tried = self.try_once(call, &url).await;
            let (token, outcome, allowance) = tried.map_err(|error| match error {
                // An earlier try may have had its effect: its error says more than that the call was stopped.
                ApiError::Stopped { .. } => last.take().unwrap_or(error),
                error => error,
            })?;
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
                        self.tokens.drop_token(self.http.connection(), &token).await;
                        continue;
                    }
                    let wait = retries.after(status, &allowance);
                    if let Some(wait) = wait.filter(|_| allowance.refused) {
                        // The limit is the tenant's, so everybody waits.
                        self.pace(call).hold(wait);
                    }
                    (refused, wait)
                }
                Err(error) => {
                    let wait = self.http.wait_after(&error, &mut retries);
                    let error = self.http.error(call.to_string(), &error, retries.sent);
                    (error, wait)
                }
            };
            // What the limit refused had no effect.
            let is_refused = matches!(error, ApiError::Refused { status: 429, .. });
            let Some(wait) = wait.filter(|_| is_refused || !call.is_once) else {
                return Err(error);
            };
            log::debug!("{call}: sent again in {}", seconds(wait));
            self.http.waits().say(wait, &error.to_string());
            // So nothing is to be said of it but that it was not sent.
            if !is_refused {
                last = Some(error);
            }
            let slept = self.unless_stopped(call, tokio::time::sleep(wait)).await;
            slept.map_err(|stopped| last.take().unwrap_or(stopped))?;
            retries.sent += 1;
        }
    }

    /// Sends a call once, when it has a token and it is its turn. Answers what came of it, with the token that was used and what
    /// the answer says of the rate limit.
    async fn try_once(
        &self,
        call: &Call,
        url: &Url,
    ) -> Result<(Arc<Token>, Result<Response, Failure>, Allowance), ApiError> {
        let ready = async {
            // The token comes last: by the time it is this call's turn, another one may be in use.
            let turn = self.pace(call).turn(self.http.waits()).await;
            if let Some(max_rate) = &self.max_rate {
                max_rate.turn(self.http.waits()).await;
            }
            Ok((turn, self.tokens.get(&self.http).await?))
        };
        let (turn, token) = self.unless_stopped(call, ready).await??;
        let client = self.http.client()?;
        let mut request = client
            .request(call.method.clone(), url.clone())
            .bearer_auth(token.secret().expose_secret());
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let started = Instant::now();
        let outcome = self.http.attempt(request).await;
        let allowance = match &outcome {
            Ok(response) => {
                let allowance = response.allowance();
                turn.answered(&allowance);
                allowance
            }
            // Without an answer nothing is known of the limit.
            Err(_) => {
                drop(turn);
                Allowance::default()
            }
        };
        log_request(url, call, &outcome, started.elapsed(), &allowance);
        Ok((token, outcome, allowance))
    }

    /// Waits for something, or fails as soon as somebody wishes to stop.
    async fn unless_stopped<T>(
        &self,
        call: &Call,
        wait: impl Future<Output = T>,
    ) -> Result<T, ApiError> {
        tokio::select! {
            biased;
            () = self.http.options().stop.wished() => Err(ApiError::Stopped { request: call.to_string() }),
            done = wait => Ok(done),
        }
    }

    /// Listing clients has a limit of its own on most plans.
    /// Source: <https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>.
    fn pace(&self, call: &Call) -> &Pace {
        if call.method == Method::GET && call.segments == ["clients"] {
            &self.list_pace
        } else {
            &self.pace
        }
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
        let text = |field: &str| Some(quoted(body[field].as_str()?, self.http.secrets()));
        ApiError::Refused {
            request: call.to_string(),
            status: response.status.as_u16(),
            message: text("message").unwrap_or_else(|| not_the_apis(response.status.as_u16())),
            code: text("errorCode"),
            attempts,
            given_token,
        }
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
/// The client that a token was issued to.
/// Source: <https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles>, claim `azp`.
fn client_of(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims = json::parse(std::str::from_utf8(&claims).ok()?).ok()?;
    let text = |claim: &str| claims.get(claim)?.as_str();
    let subject = || text("sub")?.strip_suffix("@clients");
    text("azp").or_else(subject).map(str::to_owned)
}
