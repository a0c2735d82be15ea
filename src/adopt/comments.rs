//! Comments of the Deploy CLI's YAML file: those that stand above a resource or a field of it go above the same in its own file.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::files::{Document, Format, Step};

/// The lines of comments by the field that they stand above, in file order.
pub(crate) type Comments = BTreeMap<String, Vec<String>>;

/// A file in which comments are looked for.
pub(super) struct Commented<'a> {
    document: &'a Document<'a>,
    lines: Vec<&'a str>,
    /// Its lines before keywords were replaced, less what indents them.
    raw: HashSet<&'a str>,
}

impl<'a> Commented<'a> {
    /// The document, which is that of `text`, and what `text` was before its keywords were replaced.
    pub(super) fn new(document: &'a Document<'a>, text: &'a str, raw: &'a str) -> Commented<'a> {
        Commented {
            document,
            lines: text.lines().collect(),
            raw: raw.lines().map(str::trim).collect(),
        }
    }

    /// The comments above the fields of the map at a path. Those above the map itself are above its first field. Only what stood there
    /// before keywords were replaced is one of them: what a keyword brings in may be a secret, and so may what names one.
    pub(super) fn above(&self, path: &[Step<'_>], fields: &Map<String, Value>) -> Comments {
        let mut comments = Comments::new();
        for name in fields.keys() {
            let position = self
                .document
                .position_at(&[path, &[Step::Key(name)]].concat());
            let above = self.lines.get(..position.line.saturating_sub(1));
            let found = above.unwrap_or_default().iter().rev().map_while(|line| {
                let indent = line.len() - line.trim_start().len();
                // What is deeper may be part of a text above.
                let is_comment = line.trim_start().starts_with('#') && indent < position.column;
                is_comment.then(|| line.trim())
            });
            let mut found: Vec<&str> = found.collect();
            found.reverse();
            found.retain(|line| self.raw.contains(line) && !is_doubtful(line));
            if !found.is_empty() {
                let lines = found.into_iter().map(str::to_owned).collect();
                comments.insert(name.clone(), lines);
            }
        }
        comments
    }
}

/// Whether a line may hold a secret.
fn is_doubtful(line: &str) -> bool {
    let letters = line.chars().filter(char::is_ascii_alphabetic);
    let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    ["secret", "password", "privatekey", "apikey"]
        .iter()
        .any(|word| letters.contains(word))
}

/// A YAML file's text with these comments above its fields, but for those that it has already. How many lines were added is answered,
/// too.
pub(crate) fn with_comments(text: &str, comments: &Comments) -> (String, usize) {
    let unchanged = || (text.to_owned(), 0);
    let Ok(document) = Document::parse(text.as_bytes(), Format::Yaml) else {
        return unchanged();
    };
    let there: HashSet<&str> = text.lines().map(str::trim).collect();
    let mut above: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (field, lines) in comments {
        if document.fields().contains_key(field) {
            let new = lines
                .iter()
                .map(String::as_str)
                .filter(|line| !there.contains(line));
            let line = document.position(field).line;
            above.entry(line).or_default().extend(new);
        }
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut commented = String::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        for comment in above.get(&(index + 1)).into_iter().flatten() {
            commented.push_str(comment);
            commented.push_str(end);
        }
        commented.push_str(line);
    }
    // What is not the same document any more, such as one in flow style, stays without.
    let is_same = Document::parse(commented.as_bytes(), Format::Yaml)
        .is_ok_and(|new| new.fields() == document.fields());
    match is_same {
        true => {
            let count = above.values().map(Vec::len).sum();
            (commented, count)
        }
        false => unchanged(),
    }
}
