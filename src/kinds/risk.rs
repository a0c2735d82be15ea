//! What an edit does at once to who may log in where, and what would lock the tool itself out. Each is data of a field's row.

use std::collections::BTreeSet;
use std::net::IpAddr;

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
    /// An entry is added to a list of objects.
    More(&'static str),
    /// The number becomes a greater one.
    Raised(&'static str),
    /// The value goes.
    Cleared(&'static str),
    /// The switch of that name is turned on.
    TurnedOn(&'static str, &'static str),
    /// A value of that name, wherever below the field, is changed so.
    Below(&'static str, &'static Risk),
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
    pub(crate) fn of<'a>(
        self,
        live: Option<&'a Value>,
        local: Option<&'a Value>,
    ) -> Option<String> {
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
            Risk::Fewer(sentence) => (!has_all(local, entries(live))).then(|| sentence.to_owned()),
            Risk::More(sentence) => (!has_all(live, entries(local))).then(|| sentence.to_owned()),
            Risk::Raised(sentence) => {
                let (was, is) = (live?.as_f64()?, local?.as_f64()?);
                (is > was).then(|| sentence.to_owned())
            }
            Risk::Cleared(sentence) => {
                let is_there = live.is_some_and(|live| !live.is_null());
                (is_there && local?.is_null()).then(|| sentence.to_owned())
            }
            Risk::TurnedOn(key, _) => {
                let at = |value: Option<&'a Value>| value.and_then(|value| value.get(key));
                self.of_key(key, at(live), at(local))
            }
            Risk::Below(key, risk) => {
                let mut sentences = Vec::new();
                below(key, live, local, &mut |live, local| {
                    let sentence = risk.of(live, local);
                    sentences.extend(sentence.filter(|sentence| !sentences.contains(sentence)));
                });
                (!sentences.is_empty()).then(|| sentences.join("; "))
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

    /// The same for an edit of one key of the field.
    pub(crate) fn of_key(
        self,
        key: &str,
        live: Option<&Value>,
        local: Option<&Value>,
    ) -> Option<String> {
        let is_on = |value: Option<&Value>| value == Some(&Value::Bool(true));
        match self {
            Risk::TurnedOn(of, sentence) if of == key => {
                (is_on(local) && !is_on(live)).then(|| sentence.to_owned())
            }
            _ => None,
        }
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

fn has_all<'a>(list: Option<&Value>, mut wanted: impl Iterator<Item = &'a Value>) -> bool {
    wanted.all(|wanted| entries(list).any(|entry| entry == wanted))
}

/// Looks at each value of that name below two values, where both have the same way to it.
fn below<'a>(
    key: &str,
    live: Option<&'a Value>,
    local: Option<&'a Value>,
    look: &mut impl FnMut(Option<&'a Value>, Option<&'a Value>),
) {
    let keys = |value: Option<&'a Value>| value.and_then(Value::as_object);
    let names = keys(live).into_iter().chain(keys(local));
    let names: BTreeSet<&str> = names
        .flat_map(|keys| keys.keys())
        .map(String::as_str)
        .collect();
    for name in names {
        let at = |value: Option<&'a Value>| value.and_then(|value| value.get(name));
        match name == key {
            true => look(at(live), at(local)),
            false => below(key, at(live), at(local), look),
        }
    }
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
    let is_own = |address: IpAddr| {
        let address = address.to_canonical();
        address.is_loopback() || address.is_unspecified()
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || name.starts_with("127.")
        || name.parse().is_ok_and(is_own)
}
