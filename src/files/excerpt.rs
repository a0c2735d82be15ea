//! The line that an error points at, read when it is shown.

use std::path::Path;

use super::directory::read_file;
use super::document::without_mark;
use super::position::Position;

/// How many characters are shown on each side of a place.
const AROUND: usize = 60;

/// A line of a file, in two parts around a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, from 1.
    pub line: usize,
    /// What stands before the place; of a long text just the end.
    pub before: String,
    /// What stands there; of a long text just the beginning.
    pub after: String,
}

/// The line of a file at a position. None where there is no such line, where something on it may be a secret, or where the file may
/// have a key that holds one: in a broken file, nobody can tell on which lines the secret stands.
pub fn excerpt(path: &Path, position: Position) -> Option<Excerpt> {
    let text = String::from_utf8(read_file(path).ok()?).ok()?;
    excerpt_of(&text, position)
}

fn excerpt_of(text: &str, position: Position) -> Option<Excerpt> {
    if may_hold_a_secret(text) {
        return None;
    }
    let text = without_mark(text).replace("\r\n", "\n");
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    let is_blank = |line: &&str| line.trim().is_empty();
    let (line, column) = match lines.get(position.line - 1).filter(|line| !is_blank(line)) {
        Some(_) => (position.line, position.column),
        // An error at a blank line or behind the last one is about something that is missing at the end of the text above.
        None => {
            let above = &lines[..lines.len().min(position.line)];
            let last = above.iter().rposition(|line| !is_blank(line))?;
            (last + 1, lines[last].trim_end().chars().count() + 1)
        }
    };
    if may_be_a_secret(lines[line - 1]) {
        return None;
    }
    let characters: Vec<char> = lines[line - 1].trim_end().chars().collect();
    let (before, after) = characters.split_at(characters.len().min(column - 1));
    let first = before.len().saturating_sub(AROUND);
    let cut = if first > 0 { "…" } else { "" };
    let before = format!("{cut}{}", String::from_iter(&before[first..]));
    let cut = if after.len() > AROUND { "…" } else { "" };
    let after: String = after.iter().take(AROUND).collect();
    Some(Excerpt {
        line,
        before,
        after: after + cut,
    })
}

/// What a secret is called, in small letters and without `_` and `-`.
const NAMES: [&str; 8] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "private",
    "bearer",
    "authorization",
];
/// Names of secrets by how they end.
const ENDS: [&str; 4] = ["token", "key", "keys", "keyid"];
/// Fields of a client that sound like secrets, and are none.
const HARMLESS: [&str; 3] = ["secretencoded", "refreshtoken", "sessiontransfertoken"];
/// A word of letters and digits with so many characters may be a secret.
const OPAQUE: usize = 20;
/// Auth0's ids, which are no secrets, have so many letters and digits.
const ID: usize = 32;

/// Whether a text, which may be that of a broken file, has a key that sounds like a secret's.
fn may_hold_a_secret(text: &str) -> bool {
    if text.contains("-----") {
        // The beginning or the end of a key in PEM.
        return true;
    }
    let text = normal(text);
    let mut end = 0;
    let keys = text.match_indices([':', '=']).map(|(at, _)| {
        // The word before the sign, without quotes or blanks between the two.
        let before = text[end..at].trim_end_matches(|c: char| !c.is_alphanumeric());
        end = at + 1;
        before
            .rsplit(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default()
    });
    let mut keys =
        keys.filter(|key: &&str| !HARMLESS.iter().any(|harmless| key.ends_with(harmless)));
    keys.any(|key| {
        NAMES.iter().any(|name| key.contains(name)) || ENDS.iter().any(|end| key.ends_with(end))
    })
}

/// Whether something on a line may be a secret.
fn may_be_a_secret(line: &str) -> bool {
    let is_opaque = |word: &str| {
        let count = word.chars().count();
        let is_id = count == ID && word.chars().all(char::is_alphanumeric);
        count >= OPAQUE
            && !is_id
            && word.contains(|c: char| c.is_ascii_digit())
            && word.contains(|c: char| c.is_ascii_alphabetic())
    };
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"+=_-".contains(c));
    let text = normal(line);
    NAMES.iter().any(|name| text.contains(name))
        || (line.contains("://") && line.contains('@'))
        || words.any(is_opaque)
}

/// A text in small letters, with `\u…` and `\x…` read and without what stands between the words of a name.
fn normal(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let digits = match escape.as_bytes().first() {
            Some(b'U') => 8,
            Some(b'u') => 4,
            Some(b'x') => 2,
            _ => 0,
        };
        let code = escape.get(1..=digits).filter(|_| digits > 0);
        let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32) {
            Some(character) => {
                plain.push(character);
                rest = &escape[1 + digits..];
            }
            None => rest = escape,
        }
    }
    plain.push_str(rest);
    plain.retain(|character| !"_-".contains(character));
    plain.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, line: usize, column: usize) -> Option<(String, String)> {
        let excerpt = excerpt_of(text, Position { line, column })?;
        Some((excerpt.before, excerpt.after))
    }

    #[test]
    fn the_line_around_a_place() {
        let pair = |before: &str, after: &str| Some((before.to_owned(), after.to_owned()));
        assert_eq!(parts("a: 1\r\nbé: 2\r\n", 2, 3), pair("bé", ": 2"));
        assert_eq!(parts("\u{feff}a: 1", 1, 1), pair("", "a: 1"));
        assert_eq!(parts("a: 1\rb: 2", 2, 5), pair("b: 2", ""));
        assert_eq!(parts("a: [\n \n", 3, 1), pair("a: [", ""));
        assert_eq!(parts("a: 1\n", 7, 1), pair("a: 1", ""));
        assert_eq!(parts("a: 1", 1, 9), pair("a: 1", ""));
        assert_eq!(parts(" \n", 1, 1), None);
        let long = "x".repeat(500);
        let (before, after) = parts(&long, 1, 300).unwrap();
        assert_eq!((before.chars().count(), after.chars().count()), (61, 61));
    }

    #[test]
    fn nothing_of_a_file_that_may_hold_a_secret() {
        for secret in [
            "client_secret: x\nname: [",
            "{\"client_secret\" : \"x\",\n",
            "addons:\n  firebase:\n    private_key: |\n      x\n  : -",
        ] {
            assert_eq!(parts(secret, 2, 1), None, "{secret}");
        }
        let mut none =
            "app_type: spa\ntoken_endpoint_auth_method: client_secret_post\nname: A\n".to_owned();
        none.push_str("jwt_configuration:\n  secret_encoded: true\nrefresh_token:\n  rotation_type: rotating\n");
        assert!(parts(&none, 3, 1).is_some());
        assert_eq!(
            parts(&none, 2, 1),
            None,
            "what is called a secret on the very line"
        );
    }

    #[test]
    fn nothing_that_sounds_or_looks_like_a_secret() {
        for secret in [
            "CLIENT_SECRET=x",
            "export AUTH0_API_TOKEN = x",
            "{\"client\\u005fsecret\": \"x\"",
            "\"client\\x5Fsecret\": x",
            "clientSecret: x",
            "? client-secret\n: x",
            "password: x",
            "api-key: x",
            "Authorization: Bearer x",
            "-----BEGIN PRIVATE KEY-----\nx",
            "x\n-----END RSA PRIVATE KEY-----",
        ] {
            for place in [1, 2, 3] {
                assert_eq!(
                    parts(&format!("{secret}\nname: ["), place, 1),
                    None,
                    "{secret}"
                );
            }
        }
        for line in [
            "name: the password is x",
            "curl -H 'authorization",
            "url: https://me:x@example.com",
            "a: sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        ] {
            let is_shown = parts(&format!("a: [\n{line}\nb: 2"), 2, 1).is_some();
            // Thirty-two letters and digits are an id.
            assert_eq!(is_shown, line.starts_with("MII"), "{line}");
        }
        assert!(parts("client_id: Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR\nname: [", 1, 1).is_some());
        assert!(parts("callbacks: [https://app.example.com/callback", 1, 1).is_some());
    }
}
