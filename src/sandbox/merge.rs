//! What a write does to what is there. Most values are replaced whole and cleared by null; what else there is are rows of a kind's
//! table. Pure.

use serde_json::{Map, Value};

/// How a kind's fields take what is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Objects whose entries stay unless they are sent, to that depth.
    pub merged: &'static [(&'static str, usize)],
    /// Fields that an empty text or list removes.
    pub emptied: &'static [&'static str],
    /// Lists without an order, by path (`*` is any name): they are kept sorted, and come back from a write the other way round.
    pub sets: &'static [&'static str],
}

impl Rules {
    /// Everything is replaced whole.
    pub(super) const NONE: Rules = Rules {
        merged: &[],
        emptied: &[],
        sets: &[],
    };

    /// Writes what was sent over what is there.
    pub(super) fn apply(&self, fields: &mut Map<String, Value>, sent: Map<String, Value>) {
        for (name, mut value) in sent {
            let is_empty = value == "" || value == Value::Array(Vec::new());
            if is_empty && self.emptied.contains(&name.as_str()) {
                value = Value::Null;
            }
            let depth = self.merged.iter().find(|(merged, _)| *merged == name);
            put(fields, name, value, depth.map_or(0, |(_, depth)| *depth));
        }
        self.each_set(fields, |set| set.sort_by_key(Value::to_string));
    }

    /// Turns every set round, as the answer to a write has them.
    pub(super) fn turn_sets(&self, fields: &mut Map<String, Value>) {
        self.each_set(fields, |set| set.reverse());
    }

    fn each_set(&self, fields: &mut Map<String, Value>, change: impl Fn(&mut Vec<Value>)) {
        for path in self.sets {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(value) = fields.get_mut(name) {
                at(value, rest, &mut |value| {
                    if let Value::Array(set) = value {
                        change(set);
                    }
                });
            }
        }
    }
}

/// Removes what stands at a path.
pub(super) fn remove(fields: &mut Map<String, Value>, path: &str) {
    match path.rsplit_once('.') {
        None => {
            fields.shift_remove(path);
        }
        Some((above, name)) => {
            let (first, rest) = above.split_once('.').unwrap_or((above, ""));
            if let Some(value) = fields.get_mut(first) {
                at(value, rest, &mut |value| {
                    if let Value::Object(fields) = value {
                        fields.shift_remove(name);
                    }
                });
            }
        }
    }
}

/// Sets one value, or merges it into the object that is there.
fn put(fields: &mut Map<String, Value>, name: String, value: Value, depth: usize) {
    match (fields.get_mut(&name), value) {
        (_, Value::Null) => {
            fields.shift_remove(&name);
        }
        (Some(Value::Object(old)), Value::Object(new)) if depth > 0 => {
            for (name, value) in new {
                put(old, name, value, depth - 1);
            }
        }
        (_, value) => {
            fields.insert(name, value);
        }
    }
}

/// Does something with whatever stands at a path below a value; a list's entries are gone through.
fn at(value: &mut Value, path: &str, change: &mut dyn FnMut(&mut Value)) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    match value {
        value if path.is_empty() => change(value),
        Value::Array(entries) if step == "*" => {
            entries.iter_mut().for_each(|entry| at(entry, rest, change));
        }
        Value::Object(fields) if step == "*" => {
            fields
                .values_mut()
                .for_each(|value| at(value, rest, change));
        }
        Value::Object(fields) => {
            if let Some(value) = fields.get_mut(step) {
                at(value, rest, change);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    const RULES: Rules = Rules {
        merged: &[("one", 1), ("two", 2)],
        emptied: &["uri"],
        sets: &["set", "two.*.set"],
    };

    #[test]
    fn a_write_sets_clears_and_merges() {
        let old = json!({"text": "a", "other": {"x": 1}, "one": {"x": {"y": 1}, "z": 1}, "two": {"x": {"y": 1, "z": 2}}, "uri": "u"});
        let cases = [
            json!({"text": "b", "new": []}),
            json!({"text": null, "other": {"y": 2}}),
            json!({"text": "", "uri": ""}),
            json!({"one": {"x": {"w": 2}}}),
            json!({"one": {"x": null}}),
            json!({"one": null}),
            json!({"two": {"x": {"y": null, "w": 3}}}),
            json!({"two": {"v": {}}}),
        ];
        let after = cases.map(|sent| {
            let mut fields = object(old.clone());
            RULES.apply(&mut fields, object(sent));
            Value::Object(fields).to_string()
        });
        insta::assert_snapshot!(after.join("\n"), @r#"
        {"text":"b","other":{"x":1},"one":{"x":{"y":1},"z":1},"two":{"x":{"y":1,"z":2}},"uri":"u","new":[]}
        {"other":{"y":2},"one":{"x":{"y":1},"z":1},"two":{"x":{"y":1,"z":2}},"uri":"u"}
        {"text":"","other":{"x":1},"one":{"x":{"y":1},"z":1},"two":{"x":{"y":1,"z":2}}}
        {"text":"a","other":{"x":1},"one":{"x":{"w":2},"z":1},"two":{"x":{"y":1,"z":2}},"uri":"u"}
        {"text":"a","other":{"x":1},"one":{"z":1},"two":{"x":{"y":1,"z":2}},"uri":"u"}
        {"text":"a","other":{"x":1},"two":{"x":{"y":1,"z":2}},"uri":"u"}
        {"text":"a","other":{"x":1},"one":{"x":{"y":1},"z":1},"two":{"x":{"z":2,"w":3}},"uri":"u"}
        {"text":"a","other":{"x":1},"one":{"x":{"y":1},"z":1},"two":{"x":{"y":1,"z":2},"v":{}},"uri":"u"}
        "#);
    }

    #[test]
    fn sets_have_no_order_of_their_own() {
        let mut fields = Map::new();
        let sent =
            json!({"set": ["b", "c", "a"], "list": ["b", "a"], "two": {"x": {"set": ["b", "a"]}}});
        RULES.apply(&mut fields, object(sent));
        let read =
            json!({"set": ["a", "b", "c"], "list": ["b", "a"], "two": {"x": {"set": ["a", "b"]}}});
        assert_eq!(Value::Object(fields.clone()), read);
        RULES.turn_sets(&mut fields);
        let written =
            json!({"set": ["c", "b", "a"], "list": ["b", "a"], "two": {"x": {"set": ["b", "a"]}}});
        assert_eq!(Value::Object(fields), written);
    }

    #[test]
    fn what_is_at_a_path_is_removed() {
        let all = json!({"a": 1, "b": {"c": {"d": 1, "e": 2}}, "l": [{"s": 1, "t": 2}, {"s": 3}]});
        let mut fields = object(all);
        for path in ["a", "b.c.d", "l.*.s", "none", "b.none.d", "a.b"] {
            remove(&mut fields, path);
        }
        assert_eq!(
            Value::Object(fields),
            json!({"b": {"c": {"e": 2}}, "l": [{"t": 2}, {}]})
        );
    }
}
