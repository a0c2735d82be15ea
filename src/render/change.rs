//! One value becoming another, as lines that say what was removed and what was added: entries of lists with what they refer
//! to, lines of long texts, words of short ones.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::value::{self, exact, inline, line, look_alike, multi_line};
use crate::kinds::{FieldKey, Reference};
use crate::names::Names;
use crate::plan::{Change, FieldPlan};

/// Names beside the references in a value.
#[derive(Clone, Copy)]
pub(super) struct Named<'n, 'a> {
    /// What the value refers to, if it does, and where in it.
    reference: Option<Reference>,
    names: &'n Names<'a>,
}

impl<'n, 'a> Named<'n, 'a> {
    /// Of the values of a field.
    pub(super) fn of(field: &FieldPlan, names: &'n Names<'a>) -> Named<'n, 'a> {
        let whole = |key: &FieldKey| key.key.is_none();
        let key = field.field.key().filter(|key| whole(key));
        Named {
            reference: key.and_then(|key| key.field.row().refers_to),
            names,
        }
    }

    /// Of what stands below a key of the value.
    fn below(self, key: &str) -> Named<'n, 'a> {
        let below = |reference: Reference| match reference.at {
            [first, at @ ..] if *first == key => Some(Reference { at, ..reference }),
            _ => None,
        };
        Named {
            reference: self.reference.and_then(below),
            ..self
        }
    }

    /// What stands behind the value: the names of all that it refers to, each once, or nothing.
    fn behind(self, value: Option<&Value>) -> String {
        let (Some(reference), Some(value)) = (self.reference, value) else {
            return String::new();
        };
        let mut named: Vec<&str> = Vec::new();
        for (_, text) in reference.in_value(value) {
            let name = (self.names)(reference, text);
            if let Some(name) = name.filter(|name| *name != text && !named.contains(name)) {
                named.push(name);
            }
        }
        match named.is_empty() {
            true => String::new(),
            false => format!(" ({})", line(&named.join(", "))),
        }
    }

    /// The value on one line, with the names behind it.
    pub(super) fn inline(self, value: Option<&Value>) -> String {
        inline(value) + &self.behind(value)
    }
}

/// A line of a change.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sign: Sign,
    pub(super) parts: Vec<Part>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Removed,
    Added,
    Kept,
    /// It is no part of a value, but a remark about it.
    Note,
}

impl Sign {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Sign::Removed => "- ",
            Sign::Added => "+ ",
            Sign::Kept => "  ",
            Sign::Note => "",
        }
    }
}

/// A part of a line; a marked one is what changed within it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) marked: bool,
}

impl Line {
    /// What it says, without its sign.
    pub(super) fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    fn new(sign: Sign, text: impl Into<String>) -> Line {
        let text = text.into();
        let marked = false;
        Line {
            sign,
            parts: vec![Part { text, marked }],
        }
    }
}

/// A value that differs, and where it is within its field.
pub(super) struct Leaf<'a, 'n, 'm> {
    pub(super) name: String,
    pub(super) names: Named<'n, 'm>,
    pub(super) old: Option<&'a Value>,
    pub(super) new: Option<&'a Value>,
}

/// What the values of a field were and become: of two objects only the keys that differ. A conflict is two changes, and has none
/// of these.
pub(super) fn of_field<'a, 'n, 'm>(
    field: &'a FieldPlan,
    names: Named<'n, 'm>,
) -> Vec<Leaf<'a, 'n, 'm>> {
    let FieldPlan {
        field,
        change,
        base,
        local,
        live,
        is_unsent_edit,
    } = field;
    let (local, live) = (local.as_ref(), live.as_ref());
    let (old, new) = match change {
        Change::Edit => (live, local),
        Change::Drift => (base.value(), live),
        Change::Unmanaged if *is_unsent_edit => (live, local),
        Change::Unmanaged => (local, live),
        Change::Conflict => return Vec::new(),
    };
    leaves(&field.to_string(), names, old, new)
}

/// What differs within a field: of two objects only the keys that do, `client_metadata.team`.
fn leaves<'a, 'n, 'm>(
    name: &str,
    names: Named<'n, 'm>,
    old: Option<&'a Value>,
    new: Option<&'a Value>,
) -> Vec<Leaf<'a, 'n, 'm>> {
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (old, new) else {
        let name = name.to_owned();
        return vec![Leaf {
            name,
            names,
            old,
            new,
        }];
    };
    let added = after.keys().filter(|key| !before.contains_key(*key));
    let keys = before.keys().chain(added);
    keys.filter(|key| before.get(*key) != after.get(*key))
        .flat_map(|key| {
            let (old, new) = (before.get(key), after.get(key));
            leaves(&format!("{name}.{key}"), names.below(key), old, new)
        })
        .collect()
}

/// Whether a value has parts that are better shown one by one.
pub(super) fn has_parts(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Array(_))) || multi_line(value).is_some()
}

/// The lines of a change.
pub(super) fn lines(old: Option<&Value>, new: Option<&Value>, names: Named<'_, '_>) -> Vec<Line> {
    if look_alike(old, new) {
        let note = Line::new(Sign::Note, "only characters that can't be seen differ");
        let sides = [(Sign::Removed, old), (Sign::Added, new)];
        let sides = sides.map(|(sign, value)| Line::new(sign, exact(value)));
        return sides.into_iter().chain([note]).collect();
    }
    match (old, new) {
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            return entries(old, Some(new), names);
        }
        (None, Some(Value::Array(new))) if !new.is_empty() => {
            return entries(&[], Some(new), names);
        }
        (Some(Value::Array(old)), None) if !old.is_empty() => return entries(old, None, names),
        _ => {}
    }
    let both = (old.and_then(Value::as_str), new.and_then(Value::as_str));
    // Where only the end of the last line differs, lines would look the same.
    let same_lines = matches!(both, (Some(old), Some(new)) if old.lines().eq(new.lines()));
    if !same_lines && multi_line(old).or(multi_line(new)).is_some() {
        return text_lines(both.0.unwrap_or_default(), both.1.unwrap_or_default());
    }
    words(old, new, names)
}

/// Values of so many bytes are compared word by word. What that costs grows with the square of what differs, and nobody looks for
/// single words in more.
const LONGEST_BY_WORD: usize = 10_000;

/// As many lines that differ are compared with each other, for the same reason.
const MOST_LINES: usize = 10_000;

/// Two values under each other, the changed words marked.
fn words(old: Option<&Value>, new: Option<&Value>, names: Named<'_, '_>) -> Vec<Line> {
    let (before, after) = (inline(old), inline(new));
    if before.len() + after.len() > LONGEST_BY_WORD {
        let side = |sign: Sign, value: Option<&Value>| {
            let whole = names.inline(value);
            value.map(|_| Line::new(sign, whole))
        };
        let (removed, added) = (side(Sign::Removed, old), side(Sign::Added, new));
        return removed.into_iter().chain(added).collect();
    }
    let diff = TextDiff::from_words(&before, &after);
    let side = |sign: Sign, value: Option<&Value>, skip: ChangeTag| {
        let changes = diff.iter_all_changes().filter(|one| one.tag() != skip);
        let parts = changes.map(|change| Part {
            text: change.value().to_owned(),
            marked: change.tag() != ChangeTag::Equal && old.is_some() && new.is_some(),
        });
        let named = Part {
            text: names.behind(value),
            marked: false,
        };
        let named = Some(named).filter(|named| !named.text.is_empty());
        Line {
            sign,
            parts: parts.chain(named).collect(),
        }
    };
    let removed = old.map(|_| side(Sign::Removed, old, ChangeTag::Insert));
    let added = new.map(|_| side(Sign::Added, new, ChangeTag::Delete));
    removed.into_iter().chain(added).collect()
}

/// The entries that went and came; `new` is None where the list itself went.
fn entries(old: &[Value], new: Option<&[Value]>, names: Named<'_, '_>) -> Vec<Line> {
    let list = new.unwrap_or_default();
    let (removed, added) = (without(old, list), without(list, old));
    let mut lines = Vec::new();
    if removed.is_empty() && added.is_empty() {
        let all: Vec<String> = list.iter().map(|entry| inline(Some(entry))).collect();
        let all = all.join(", ");
        lines.push(Line::new(
            Sign::Note,
            format!("the same entries in another order: {all}"),
        ));
    }
    let seen = |entries: &[&Value]| -> HashSet<String> {
        let texts = entries.iter().filter_map(|entry| entry.as_str());
        texts.map(value::seen).collect()
    };
    let both: HashSet<String> = &seen(&removed) & &seen(&added);
    for (sign, entries) in [(Sign::Removed, removed), (Sign::Added, added)] {
        for entry in entries {
            let has_twin = |text| both.contains(&value::seen(text));
            lines.push(Line::new(
                sign,
                match entry.as_str().is_some_and(has_twin) {
                    true => exact(Some(entry)),
                    false => names.inline(Some(entry)),
                },
            ));
        }
    }
    match new {
        Some([]) => lines.push(Line::new(Sign::Note, "now empty")),
        Some(_) => {}
        None => lines.push(Line::new(Sign::Note, "now absent")),
    }
    lines
}

/// The entries less those that the others have, each of which counts once.
fn without<'a>(entries: &'a [Value], others: &[Value]) -> Vec<&'a Value> {
    let mut left: HashMap<&Value, usize> = HashMap::new();
    for other in others {
        *left.entry(other).or_default() += 1;
    }
    let mut is_new = |entry: &&Value| match left.get_mut(*entry) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    entries.iter().filter(|entry| is_new(entry)).collect()
}

fn text_lines(old: &str, new: &str) -> Vec<Line> {
    if let Some(lines) = most_lines(old, new) {
        return lines;
    }
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(2).iter().enumerate() {
        if index > 0 {
            lines.push(Line::new(Sign::Note, "…"));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => Sign::Removed,
                ChangeTag::Insert => Sign::Added,
                ChangeTag::Equal => Sign::Kept,
            };
            lines.push(Line::new(sign, line(change.value().trim_end_matches('\n'))));
        }
    }
    lines
}

/// The lines between the first and the last that differ, where there are too many of them to be compared: all went, and all came.
fn most_lines(old: &str, new: &str) -> Option<Vec<Line>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let (old, new) = (old.get(start..)?, new.get(start..)?);
    let ends = old.iter().rev().zip(new.iter().rev());
    let end = ends.take_while(|(old, new)| old == new).count();
    let (old, new) = (old.get(..old.len() - end)?, new.get(..new.len() - end)?);
    if old.len() + new.len() <= MOST_LINES {
        return None;
    }
    let kept = |count: usize| (count > 0).then(|| Line::new(Sign::Note, "…"));
    let signed = |sign: Sign, lines: &[&str]| -> Vec<Line> {
        lines.iter().map(|one| Line::new(sign, line(one))).collect()
    };
    let mut lines = Vec::from_iter(kept(start));
    lines.extend(signed(Sign::Removed, old));
    lines.extend(signed(Sign::Added, new));
    lines.extend(kept(end));
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{clients, roles, tenant_settings};
    use crate::plan::PlanField;
    use crate::three_way::Base;
    use serde_json::json;

    /// No value refers to anything.
    const NOBODY: Named<'_, '_> = Named {
        reference: None,
        names: &|_, _| None,
    };

    fn shown(lines: &[Line]) -> String {
        let lines = lines.iter();
        lines
            .map(|line| format!("{}{}\n", line.sign.prefix(), line.text()))
            .collect()
    }

    #[test]
    fn references_have_names_behind_them_wherever_they_stand() {
        let permission =
            |api: &str| json!({"permission_name": "read:it", "resource_server_identifier": api});
        let policy =
            |api: &str| json!({"policies": [{"audience": api, "scope": ["a"]}], "leeway": 0});
        let fields = [
            (
                roles::KIND.field("permissions"),
                json!([permission("https://orders"), permission("https://gone")]),
                json!([permission("https://bills")]),
            ),
            (
                tenant_settings::KIND.field("default_audience"),
                json!("https://orders"),
                json!("https://bills"),
            ),
            (
                clients::KIND.field("refresh_token"),
                policy("https://orders"),
                policy("https://bills"),
            ),
            (
                clients::KIND.field("allowed_clients"),
                json!([]),
                json!(["https://orders"]),
            ),
            (
                clients::KIND.field("description"),
                json!("https://orders"),
                json!("https://bills"),
            ),
        ];
        let names = |reference: Reference, text: &str| match (reference.kind, text) {
            ("resource-servers", "https://orders") => Some("Orders\u{7}API"),
            ("resource-servers", "https://bills") => Some("Bills API"),
            _ => None,
        };
        let shown = fields.map(|(field, live, local)| {
            let field = FieldPlan {
                field: PlanField::Updatable(field.unwrap().into()),
                change: Change::Edit,
                base: Base::Unknown,
                local: Some(local),
                live: Some(live),
                is_unsent_edit: false,
            };
            let leaves = of_field(&field, Named::of(&field, &names));
            let leaves = leaves.iter().map(|leaf| {
                let lines = lines(leaf.old, leaf.new, leaf.names);
                format!("{}\n{}", leaf.name, shown(&lines))
            });
            leaves.collect::<String>()
        });
        insta::assert_snapshot!(shown.join("\n"), @r#"
        permissions
        - {"permission_name":"read:it","resource_server_identifier":"https://orders"} (Orders\u{7}API)
        - {"permission_name":"read:it","resource_server_identifier":"https://gone"}
        + {"permission_name":"read:it","resource_server_identifier":"https://bills"} (Bills API)

        default_audience
        - "https://orders" (Orders\u{7}API)
        + "https://bills" (Bills API)

        refresh_token.policies
        - {"audience":"https://orders","scope":["a"]} (Orders\u{7}API)
        + {"audience":"https://bills","scope":["a"]} (Bills API)

        allowed_clients
        + "https://orders"

        description
        - "https://orders"
        + "https://bills"
        "#);
    }

    #[test]
    fn what_only_looks_the_same_is_shown_as_it_is() {
        let pairs = [
            (json!("a b"), json!("a\u{a0}b")),
            (json!("a"), json!("a ")),
            (json!("a\u{fe0f}"), json!("a")),
            (json!("one\ntwo \n"), json!("one\r\ntwo\n")),
            (json!(["x y", "z"]), json!(["x\u{2003}y", "w"])),
            (json!("größe"), json!("große")),
        ];
        let shown = pairs.map(|(old, new)| shown(&lines(Some(&old), Some(&new), NOBODY)));
        insta::assert_snapshot!(shown.join("\n"), @r#"
        - "a b"
        + "a\u{a0}b"
        only characters that can't be seen differ

        - "a"
        + "a "
        only characters that can't be seen differ

        - "a\u{fe0f}"
        + "a"
        only characters that can't be seen differ

        - "one\ntwo \n"
        + "one\r\ntwo\n"
        only characters that can't be seen differ

        - "x y"
        - "z"
        + "x\u{2003}y"
        + "w"

        - "größe"
        + "große"
        "#);
    }

    /// Two long texts of which nothing is the same take no longer than they are long.
    #[test]
    fn long_texts_are_compared_whole() {
        let text = |word: &str, between: &str, count: usize| {
            let words: Vec<String> = (0..count).map(|n| format!("{word}{n}")).collect();
            json!(format!("same{between}{}{between}same", words.join(between)))
        };
        let shown = |between: &str, count: usize| {
            let (old, new) = (text("a", between, count), text("b", between, count));
            lines(Some(&old), Some(&new), NOBODY)
        };
        let lines = shown(" ", 30_000);
        let parts = lines.iter().map(|line| (line.sign, line.parts.len()));
        assert_eq!(
            parts.collect::<Vec<_>>(),
            [(Sign::Removed, 1), (Sign::Added, 1)]
        );
        let lines = shown("\n", 20_000);
        let count = |sign: Sign| lines.iter().filter(|line| line.sign == sign).count();
        assert_eq!(
            [Sign::Removed, Sign::Added, Sign::Note, Sign::Kept].map(count),
            [20_000, 20_000, 2, 0]
        );
        // What is short is compared as ever.
        assert!(shown(" ", 3)[0].parts.len() > 1);
        assert_eq!(shown("\n", 3).len(), 8);
    }
}
