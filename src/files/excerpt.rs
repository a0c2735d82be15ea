//! The line that an error points at, read when it is shown.

use std::path::Path;

use super::directory::read_bounded;
use super::document::{Position, without_mark};
use crate::client::may_hold_a_secret;

/// How many characters are shown on each side of a place.
const AROUND: usize = 60;

/// A line of a file, in two parts around a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, from 1.
    pub line: usize,
    /// What stands before the place, or the end of it.
    pub before: String,
    /// What stands there, or the beginning of it.
    pub after: String,
}

/// The line of a file at a position. None where there is no such line, or where the file may hold a secret: nobody can tell
/// from within a broken file where that ends.
pub fn excerpt(path: &Path, position: Position) -> Option<Excerpt> {
    let text = String::from_utf8(read_bounded(path).ok()?).ok()?;
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
        // What ends too early is missed where nothing stands: the end of what does is the place to look at.
        None => {
            let above = &lines[..lines.len().min(position.line)];
            let last = above.iter().rposition(|line| !is_blank(line))?;
            (last + 1, lines[last].trim_end().chars().count() + 1)
        }
    };
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
        let none = "secret_encoded: true\ntoken_endpoint_auth_method: client_secret_post\n";
        assert!(parts(none, 1, 1).is_some());
    }
}
