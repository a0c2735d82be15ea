//! The secrets that a process holds, so that text can be shown without them: a server may echo what it was sent.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded;

/// What stands in a secret's place.
const MASK: &str = "[redacted]";
/// A shorter text is no secret of Auth0's, and may be part of any message.
const SHORTEST: usize = 8;
/// An echo may be cut short: from this many characters on, a secret's beginning is masked too.
const BEGINNING: usize = 16;

/// The secrets and tokens that are known so far, shared by its clones. Debug shows none of them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Vec<SecretString>>>);

impl Secrets {
    /// Masks this secret from now on: as it is, and as it is written in JSON, a form, or Base64.
    pub fn know(&self, secret: &SecretString) {
        let forms = forms(secret.expose_secret());
        let mut known = self.known();
        for form in forms {
            if form.len() >= SHORTEST && !known.iter().any(|known| known.expose_secret() == form) {
                known.push(form.into());
            }
        }
        // The longest come first: a secret that another one begins with would hide the rest of it from the search.
        known.sort_by_key(|form| std::cmp::Reverse(form.expose_secret().len()));
    }

    /// The text without any of them.
    pub fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.known();
        let found = known
            .iter()
            .filter(|form| text.contains(beginning(form.expose_secret())));
        let mut masked = Cow::Borrowed(text);
        for form in found {
            masked = Cow::Owned(without(&masked, form.expose_secret()));
        }
        masked
    }

    fn known(&self) -> MutexGuard<'_, Vec<SecretString>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// How a secret may be written.
fn forms(secret: &str) -> Vec<String> {
    let json = Value::from(secret).to_string();
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        form.replace('+', "%20"),
        form,
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        // It may stand anywhere in the encoded text, as in `Basic`, and so be shifted by up to two bytes.
        for shift in 0..3 {
            let mut bytes = vec![0; shift];
            bytes.extend_from_slice(secret.as_bytes());
            let text = engine.encode(&bytes);
            // The characters at both ends hold bits of its neighbours too.
            let shared = usize::from(bytes.len() % 3 != 0);
            let first = [0, 2, 3][shift].min(text.len());
            let end = text.len().saturating_sub(shared).max(first);
            forms.push(text[first..end].to_owned());
        }
    }
    forms
}

fn beginning(form: &str) -> &str {
    match form.char_indices().nth(BEGINNING) {
        Some((end, _)) => &form[..end],
        None => form,
    }
}

/// The text with every occurrence of a form masked, as much of the form as stands there.
fn without(text: &str, form: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(beginning(form)) {
        let same = rest[at..]
            .chars()
            .zip(form.chars())
            .take_while(|(one, other)| one == other);
        let length: usize = same.map(|(character, _)| character.len_utf8()).sum();
        masked.push_str(&rest[..at]);
        masked.push_str(MASK);
        rest = &rest[at + length..];
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn secrets(known: &[&str]) -> Secrets {
        let secrets = Secrets::default();
        for secret in known {
            secrets.know(&SecretString::from(*secret));
        }
        secrets
    }

    #[test]
    fn a_secret_is_masked_however_it_is_written() {
        let secret = "p\"ss/w ö+rd-of-an-application";
        let secrets = secrets(&[secret]);
        let basic = |id: &str| STANDARD.encode(format!("{id}:{secret}:x"));
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        insta::assert_snapshot!(
            [
                format!("a {secret} b {secret}"),
                Value::from(secret).to_string(),
                form,
                format!("{}…", &secret[..20]),
                "nothing of it".to_owned(),
            ]
            .map(|text| secrets.masked(&text).into_owned())
            .join("\n"),
            @r#"
        a [redacted] b [redacted]
        "[redacted]"
        [redacted]
        [redacted]…
        nothing of it
        "#
        );
        for id in ["", "a", "ab", "abc"] {
            assert!(secrets.masked(&basic(id)).contains(MASK), "{id}");
        }
    }

    #[test]
    fn one_that_begins_like_another_is_masked_whole() {
        let secrets = secrets(&[
            "a-secret-of-one-application",
            "a-secret-of-one-application-2",
        ]);
        assert_eq!(
            secrets.masked("x a-secret-of-one-application-2 y"),
            "x [redacted] y"
        );
    }

    #[test]
    fn what_is_too_short_to_be_one_masks_nothing() {
        assert_eq!(secrets(&["client"]).masked("client_id"), "client_id");
    }

    proptest! {
        #[test]
        fn no_text_shows_a_secret(
            before in "\\PC{0,20}", secret in "[!-~]{8,80}", after in "\\PC{0,20}", shift in "[a-z]{0,3}",
        ) {
            let known = secrets(&[&secret]);
            let text = format!("{before}{secret}{after}{}", STANDARD.encode(format!("{shift}{secret}{after}")));
            let masked = known.masked(&text);
            prop_assert!(!masked.contains(&secret));
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                prop_assert!(!masked.contains(&engine.encode(&secret)));
            }
        }
    }
}
