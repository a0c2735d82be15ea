//! An access token, which is never shown: what it is, where it came from, and for how long it is used.

use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

/// A token in use.
#[derive(Debug)]
pub(super) struct Token {
    secret: SecretString,
    /// Until when it is used; None for one that is used until it is refused.
    expires: Option<SystemTime>,
    source: Source,
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The user gave it: no other can be had.
    Given,
    /// An earlier run left it: what the application is granted may have changed since.
    Cached,
    /// The token endpoint issued it in this run.
    Fresh,
}

impl Token {
    /// A token, unless the text can't be one: what is no header value would break every request.
    pub(super) fn new(
        secret: SecretString,
        expires: Option<SystemTime>,
        source: Source,
    ) -> Option<Token> {
        let text = secret.expose_secret();
        let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then_some(Token {
            secret,
            expires,
            source,
        })
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    pub(super) fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// Where it is from and how long it is used, for the log: nothing of the token itself.
    pub(super) fn about(&self, now: SystemTime) -> String {
        let source = match self.source {
            Source::Given => "the one that was given",
            Source::Cached => "that of an earlier run",
            Source::Fresh => "a new one",
        };
        match self
            .expires
            .and_then(|expires| expires.duration_since(now).ok())
        {
            Some(left) => format!("{source}, used for {} s", left.as_secs()),
            None => source.to_owned(),
        }
    }

    /// Whether another can be had in its place.
    pub(super) fn renewable(&self) -> bool {
        self.source != Source::Given
    }

    pub(super) fn is_cached(&self) -> bool {
        self.source == Source::Cached
    }

    pub(super) fn is_good(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
