//! Made-up secrets. They follow from a resource's id and are added when it is answered, so that the state file never holds one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;

/// What every made-up secret starts with, or holds in its first line.
const MARK: &str = "sandbox-secret-";

/// A text of 64 characters that follows from its purpose and the resource's id.
pub(super) fn made_up(purpose: &str, id: &str) -> String {
    let hash = digest::digest(&digest::SHA512, format!("{purpose}:{id}").as_bytes());
    let mut text = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(hash));
    text.truncate(64);
    text
}

/// A text in the frame of a PEM file.
pub(super) fn pem(label: &str, text: &str) -> String {
    format!("-----BEGIN {label}-----\r\n{text}\r\n-----END {label}-----\r\n")
}
