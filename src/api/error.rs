//! What can go wrong between here and the tenant, each with its hint. No variant holds a token, a secret or a body.

use std::time::Duration;

use super::Secrets;
use crate::kinds::{KINDS, Kind};
use crate::printable::one_line;

/// A message of the API's is cut after so many characters.
const LONGEST_QUOTE: usize = 1000;

/// A request that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API answered with an error.
    #[error(
        "{request}: {status}{}{}{}",
        detail(": ", message),
        code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default(),
        after(*attempts)
    )]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The API's message, or what the answer was instead of one.
        message: String,
        /// The API's code, such as `insufficient_scope`.
        code: Option<String>,
        /// How often it was sent.
        attempts: usize,
        /// Whether the token was one that the user gave, so that no other can be had.
        given_token: bool,
    },
    /// No answer, or not a whole one.
    #[error("{request}: {problem}{}", after(*attempts))]
    Network {
        /// Method and path.
        request: String,
        /// What happened.
        problem: String,
        /// Whether an answer did not come in time, in place of a connection that broke.
        timed_out: bool,
        /// How often it was sent.
        attempts: usize,
        /// What to do.
        hint: String,
    },
    /// A good status with an answer that makes no sense.
    #[error("{request}: the answer makes no sense: {problem}")]
    OddAnswer {
        /// Method and path.
        request: String,
        /// What is odd.
        problem: String,
    },
    /// The token endpoint refused the credentials.
    #[error("POST /oauth/token: {status}{}{}", detail(": ", message), code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    TokenRefused {
        /// The HTTP status.
        status: u16,
        /// The endpoint's description.
        message: String,
        /// The endpoint's code, such as `access_denied`.
        code: Option<String>,
        /// What to do.
        hint: String,
    },
    /// Somebody wished to stop before it was sent, or before it was sent again.
    #[error("{request}: not sent, because of the interruption")]
    Stopped {
        /// Method and path.
        request: String,
    },
    /// The HTTP client could not be made, or a client assertion not signed.
    #[error("{0}")]
    Setup(String),
}

/// Whether a request that failed may have had its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It had none.
    None,
    /// The API itself says that it failed; nobody promises that it had none.
    Unlikely,
    /// Nobody knows.
    Unknown,
}

impl ApiError {
    /// Whether the request may have had its effect all the same.
    pub fn effect(&self) -> Effect {
        match self {
            ApiError::Refused { message, .. } if message.ends_with(NOT_THE_APIS) => Effect::Unknown,
            ApiError::Refused {
                status: 408 | 499 | 504,
                ..
            } => Effect::Unknown,
            ApiError::Refused { status, .. } if *status >= 500 => Effect::Unlikely,
            ApiError::Network { .. } | ApiError::OddAnswer { .. } => Effect::Unknown,
            ApiError::Refused { .. }
            | ApiError::TokenRefused { .. }
            | ApiError::Stopped { .. }
            | ApiError::Setup(_) => Effect::None,
        }
    }

    /// Whether the tenant may still be at it: somebody stopped waiting for the answer, and nothing says that the work stopped, too.
    pub fn may_still_happen(&self) -> bool {
        match self {
            ApiError::Network { timed_out, .. } => *timed_out,
            ApiError::Refused { status, .. } => matches!(status, 408 | 499 | 504),
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ApiError::Refused { .. } if self.is_about_the_plan() => None,
            ApiError::Refused { .. } if self.is_missing_scope() => {
                self.missing_scope().map(|scope| grant(&scope))
            }
            ApiError::Refused {
                status: 404,
                request,
                code: Some(code),
                ..
            } if code.starts_with("inexistent_") && list_of(request).is_some() => {
                list_of(request).map(|list| {
                    format!(
                        "the tenant lacks what an entry of `{list}` names: `tenantry pull` shows what is there"
                    )
                })
            }
            ApiError::Refused {
                status,
                code,
                given_token,
                ..
            } => refused_hint(*status, code.as_deref(), *given_token),
            ApiError::Network { hint, .. } | ApiError::TokenRefused { hint, .. } => {
                Some(hint.clone())
            }
            ApiError::OddAnswer { request, .. }
                if ["PATCH ", "POST /api/"].iter().any(|method| request.starts_with(method)) => Some(
                "it may have had its effect all the same: `tenantry diff` shows; a proxy in between may be why".to_owned(),
            ),
            ApiError::OddAnswer { .. } => Some(
                "a proxy in between, or a change of the API, may be why"
                    .to_owned(),
            ),
            ApiError::Setup(_) | ApiError::Stopped { .. } => None,
        }
    }

    /// What to do about several errors: what the first of them needs, and every scope that is missing.
    pub fn hint_of_all(errors: &[&ApiError]) -> Option<String> {
        let mut scopes: Vec<String> = Vec::new();
        for error in errors {
            let scope = error.missing_scope();
            scopes.extend(scope.filter(|scope| !scopes.contains(scope)));
        }
        let first = errors.first()?;
        let hint = first.hint();
        match scopes.is_empty() {
            true => hint,
            false if first.is_missing_scope() => Some(grant(&scopes.join(" and "))),
            false => {
                let grant = grant(&scopes.join(" and "));
                Some(hint.map_or(grant.clone(), |hint| format!("{hint}\n{grant}")))
            }
        }
    }

    /// The scope that the token lacks, where the API says which.
    fn missing_scope(&self) -> Option<String> {
        match self {
            ApiError::Refused { message, .. } if self.is_missing_scope() => {
                // Any one of those it lists would do; these are the ones that read and write no secrets.
                let scopes = KINDS.iter().flat_map(|kind| kind.scopes());
                let mut listed = scopes.filter(|scope| message.contains(scope.as_str()));
                Some(
                    listed
                        .next()
                        .unwrap_or_else(|| "the missing scope".to_owned()),
                )
            }
            _ => None,
        }
    }

    /// Whether the one request that was sent was refused, so that nothing came of it. A 408 or a 499 may come from a proxy that did not
    /// wait for the answer.
    pub fn is_refused_at_once(&self) -> bool {
        matches!(
            self,
            ApiError::Refused { status: 400..=407 | 409..=498, attempts: 0..=1, .. }
        )
    }

    /// Whether any other request would fail in the same way: no network, no token, no permission, no allowance left.
    pub fn concerns_every_request(&self) -> bool {
        match self {
            ApiError::Refused { status, .. } => matches!(status, 401 | 403 | 429),
            ApiError::Network { .. }
            | ApiError::TokenRefused { .. }
            | ApiError::Stopped { .. }
            | ApiError::Setup(_) => true,
            ApiError::OddAnswer { .. } => false,
        }
    }

    /// Whether nothing else would get through for now either.
    pub(super) fn is_about_the_way(&self) -> bool {
        match self {
            ApiError::Refused { status, .. } => matches!(status, 401 | 429),
            other => other.concerns_every_request(),
        }
    }

    /// Whether the fault was on the other side: the same may work for another resource, or later.
    pub fn is_the_servers(&self) -> bool {
        matches!(self, ApiError::Refused { status, .. } if *status >= 500)
    }

    /// Whether the token lacks a scope.
    pub(super) fn is_missing_scope(&self) -> bool {
        matches!(self, ApiError::Refused { status: 403, code: Some(code), .. } if code == "insufficient_scope")
            && !self.is_about_the_plan()
    }

    /// Whether the token lacks a scope, or the tenant's plan does not include what was asked for: other kinds may be had.
    pub fn is_about_permission(&self) -> bool {
        matches!(
            self,
            ApiError::Refused {
                status: 402 | 403,
                ..
            }
        )
    }

    /// Whether the tenant's plan does not include what was asked for. Some answers say so in words only, under the code of a missing
    /// scope.
    pub fn is_about_the_plan(&self) -> bool {
        match self {
            ApiError::Refused {
                status: 402 | 403,
                code: Some(code),
                message,
                ..
            } => {
                let names_the_plan = || {
                    let message = message.to_ascii_lowercase();
                    message.contains("upgrade") && !message.contains("expected any of")
                };
                code == "insufficient_entitlement"
                    || (code == "insufficient_scope" && names_the_plan())
            }
            _ => false,
        }
    }

    /// Whether the API said that there is no such resource. Of some kinds it says so without a code.
    pub(crate) fn is_inexistent(&self, kind: &Kind) -> bool {
        let ApiError::Refused {
            status: 404,
            code,
            message,
            ..
        } = self
        else {
            return false;
        };
        match code {
            Some(code) => code.starts_with("inexistent_"),
            None => {
                let many = kind.collection();
                let has_code = many.is_none_or(|many| many.missing_has_code);
                !has_code && !message.ends_with(NOT_THE_APIS)
            }
        }
    }
}

/// The list that a request adds entries to, or removes them from.
fn list_of(request: &str) -> Option<&'static str> {
    let many = KINDS.iter().filter_map(|kind| kind.collection());
    let mut lists = many.filter_map(|many| Some(many.sub_list.as_ref()?.field));
    let last = request.rsplit('/').next();
    lists.find(|list| last == Some(list) && !request.starts_with("GET "))
}

fn grant(scopes: &str) -> String {
    format!(
        "in the dashboard, under Applications > APIs > Auth0 Management API > Machine to Machine Applications, grant the application \
         {scopes}"
    )
}

fn refused_hint(status: u16, code: Option<&str>, given_token: bool) -> Option<String> {
    let hint = match (status, code) {
        (401, _) if given_token => {
            "the access token that was given is expired, revoked or for another tenant: get a new one, or set a client id \
             and secret instead"
                .to_owned()
        }
        (401, _) => "a fresh token was refused too: is the audience (AUTH0_AUDIENCE) that of this tenant's Management API?"
            .to_owned(),
        (404, Some(code)) if code.starts_with("inexistent_") => {
            "it is gone from the tenant: `tenantry pull` shows what is there".to_owned()
        }
        (300..=399, _) => {
            "an Auth0 tenant does not redirect: is the domain (AUTH0_DOMAIN) that of one?".to_owned()
        }
        (404, _) => "is the domain (AUTH0_DOMAIN) that of an Auth0 tenant?".to_owned(),
        (429, _) => "others use this tenant's rate limit too: try again in a minute".to_owned(),
        (500.., _) => "the fault is on Auth0's side, or on a proxy's: try again, or see https://status.auth0.com".to_owned(),
        _ => return None,
    };
    Some(hint)
}

const NOT_THE_APIS: &str = "with an answer that is not the API's";

/// What to say of an answer that has no message of the API's.
pub(super) fn not_the_apis(status: u16) -> String {
    let status = reqwest::StatusCode::from_u16(status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    format!("{}, {NOT_THE_APIS}", reason.unwrap_or("unknown status"))
}

/// What a server says, as a message quotes it: on one line, cut where it is long, and without a secret that it was sent.
pub(super) fn quoted(text: &str, secrets: &Secrets) -> String {
    let text = secrets.masked(text);
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", one_line(&text[..end])),
        None => one_line(&text),
    }
}

fn detail(before: &str, message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!("{before}{message}")
    }
}

fn after(attempts: usize) -> String {
    if attempts > 1 {
        format!(", after {attempts} attempts")
    } else {
        String::new()
    }
}

/// A duration in the words of a message: `1.5 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_does_not_include_something_is_no_missing_scope() {
        let refused = |message: &str, code: &str| ApiError::Refused {
            request: "GET /api/v2/attack-protection/captcha".to_owned(),
            status: 403,
            message: message.to_owned(),
            code: Some(code.to_owned()),
            attempts: 1,
            given_token: false,
        };
        let shown = [
            (
                "Please upgrade your subscription to use this feature",
                "insufficient_entitlement",
            ),
            (
                "Your subscription has to be upgraded to use this feature",
                "insufficient_scope",
            ),
            (
                "Insufficient scope, expected any of: read:attack_protection",
                "insufficient_scope",
            ),
        ]
        .map(|(message, code)| {
            let error = refused(message, code);
            (
                error.is_about_the_plan(),
                error.is_missing_scope(),
                error.hint().is_some(),
            )
        });
        assert_eq!(
            shown,
            [
                (true, false, false),
                (true, false, false),
                (false, true, true)
            ]
        );
    }
}
