//! What an edit does at once to who may log in where, and what would lock the tool itself out. Each is data of a field's row.

use serde_json::Value;

/// A reason why an edit of a field is more than an edit.
#[derive(Debug, Clone, Copy)]
pub enum Risk {
    /// The list becomes empty, which opens access. The sentence says to whom.
    Emptied(&'static str),
    /// An entry is removed. The texts say what stops at once, before the entry, and how, after it.
    Removed(&'static str, &'static str),
    /// An entry is added. The texts say what it opens, before the entry, and how, after it.
    Added(&'static str, &'static str),
    /// An entry is removed from a list of objects.
    Fewer(&'static str),
    /// A URL is added that has a wildcard or leads to the machine of the person who logs in.
    OpenUrl,
    /// The value becomes another one.
    Changed(&'static str),
    /// The value below this key becomes another one.
    KeyChanged(&'static str, &'static str),
}

/// What the client whose credentials are in use must keep, or the tool locks itself out.
#[derive(Debug, Clone, Copy)]
pub enum Guard {
    /// This entry of the list.
    Entry(&'static str),
    /// The value as it is.
    Value,
}

impl Risk {
    /// What the edit does, in a sentence; None where it does nothing of the kind.
    pub(crate) fn of(self, live: Option<&Value>, local: Option<&Value>) -> Option<String> {
        match self {
            Risk::Emptied(sentence) => {
                let is_empty = local?.as_array().is_some_and(Vec::is_empty);
                is_empty.then(|| sentence.to_owned())
            }
            Risk::Removed(before, after) => {
                let gone = without(live, local);
                let list = quoted(&gone);
                (!gone.is_empty()).then(|| format!("{before} {list} {after}"))
            }
            Risk::Added(before, after) => {
                let new = without(local, live);
                let list = quoted(&new);
                (!new.is_empty()).then(|| format!("{before} {list} {after}"))
            }
            Risk::Fewer(sentence) => {
                let has = |entry: &Value| {
                    local
                        .and_then(Value::as_array)
                        .is_some_and(|all| all.contains(entry))
                };
                let entries = live.and_then(Value::as_array).into_iter().flatten();
                (!entries.into_iter().all(has)).then(|| sentence.to_owned())
            }
            Risk::OpenUrl => {
                let mut sentences = Vec::new();
                for url in without(local, live) {
                    if url.contains('*') {
                        sentences
                            .push(format!("`{url}` is open to every name in the place of `*`"));
                    } else if is_local(url) {
                        sentences.push(format!("`{url}` is the machine of whoever logs in"));
                    }
                }
                (!sentences.is_empty()).then(|| sentences.join("; "))
            }
            Risk::Changed(sentence) => Some(sentence.to_owned()),
            Risk::KeyChanged(key, sentence) => {
                let at = |value: Option<&'_ Value>| value.and_then(|value| value.get(key)).cloned();
                (at(live) != at(local)).then(|| sentence.to_owned())
            }
        }
    }
}

impl Risk {
    /// Whether it is about what a value opens, and not about what changes.
    pub(crate) fn opens(self) -> bool {
        matches!(self, Risk::Emptied(_) | Risk::OpenUrl)
    }
}

impl Guard {
    /// Whether the value keeps it.
    pub(crate) fn is_kept(self, local: Option<&Value>) -> bool {
        match self {
            Guard::Entry(wanted) => {
                let entries = local.and_then(Value::as_array).into_iter().flatten();
                entries.into_iter().any(|entry| entry == wanted)
            }
            Guard::Value => false,
        }
    }
}

/// The texts of a list that the other list does not have.
fn without<'a>(list: Option<&'a Value>, other: Option<&Value>) -> Vec<&'a str> {
    let others: Vec<&str> = entries(other).filter_map(text).collect();
    let texts = entries(list).filter_map(text);
    texts.filter(|text| !others.contains(text)).collect()
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// What an entry is called: its text, or the value of an object that has one, as scopes do.
fn text(entry: &Value) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("value")?.as_str())
}

fn quoted(entries: &[&str]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| format!("`{entry}`")).collect();
    entries.join(", ")
}

/// Whether a URL's host is this machine, whichever that is.
fn is_local(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") || name == "::1"
}
