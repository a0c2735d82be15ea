//! Random clients over the whole schema of a client's file: each field by the rules that the schema has for an update of it.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A client's fields.
pub type Fields = Map<String, Value>;

/// What tenantry says of a client's file.
pub struct Rules(Value);

/// An edit of a client: the fields that it changes.
pub type Edit = Vec<(String, Value)>;

impl Rules {
    /// The rules of a schema, as `tenantry schema clients` prints it.
    pub fn new(schema: &str) -> Rules {
        Rules(serde_json::from_str(schema).unwrap())
    }

    /// The fields that an update takes.
    pub fn updatable(&self) -> Vec<String> {
        let rules = self.0["$defs"]["update"]["properties"].as_object().unwrap();
        let fields = rules.keys().filter(|field| {
            // One holds secrets; and one is newer than the official document, which a sandbox obeys.
            !["addons", "identity_assertion_authorization_grant"].contains(&field.as_str())
        });
        fields.cloned().collect()
    }

    /// A client as a tenant serves it.
    pub fn client(&self) -> impl Strategy<Value = Fields> + use<> {
        let fields: Vec<_> = self
            .updatable()
            .into_iter()
            .map(|field| self.field(field, 0.4))
            .collect();
        let others = (any::<bool>(), any::<bool>(), text(0, 20)).prop_map(|(global, twin, unknown)| {
            json!({
                "tenant": "acme", "global": false, "cross_origin_auth": twin, "zz_unknown": {"a": [1, unknown], "b": null},
                "addons": if global { json!({"samlp": {"audience": "urn:a"}}) } else { json!({}) },
            })
        });
        (fields, others).prop_map(|(fields, others)| {
            let mut client: Fields = fields.into_iter().flatten().collect();
            client.extend(others.as_object().unwrap().clone());
            client
        })
    }

    /// Some fields, with other values.
    pub fn edit(&self) -> impl Strategy<Value = Edit> + use<> {
        let fields: Vec<_> = self
            .updatable()
            .into_iter()
            .map(|field| self.field(field, 0.1))
            .collect();
        fields.prop_map(|fields| fields.into_iter().flatten().collect())
    }

    fn field(&self, field: String, often: f64) -> BoxedStrategy<Option<(String, Value)>> {
        let rules = self.resolved(&self.0["$defs"]["update"]["properties"][&field]);
        let value = self
            .value(&rules)
            .prop_map(move |value| (field.clone(), value));
        prop::option::weighted(often, value).boxed()
    }

    /// Rules without references.
    fn resolved(&self, rules: &Value) -> Value {
        let mut resolved = json!({});
        if let Some(Value::String(reference)) = rules.get("$ref") {
            let target = self.0.pointer(reference.trim_start_matches('#')).unwrap();
            resolved = self.resolved(target);
        }
        for more in rules
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            join(&mut resolved, self.resolved(more));
        }
        let Value::Object(rules) = rules else {
            return resolved;
        };
        for (key, rule) in rules
            .iter()
            .filter(|(key, _)| !["$ref", "allOf"].contains(&key.as_str()))
        {
            let rule = match (key.as_str(), rule) {
                ("properties", Value::Object(of)) => {
                    let of = of
                        .iter()
                        .map(|(name, rules)| (name.clone(), self.resolved(rules)));
                    Value::Object(of.collect())
                }
                ("items" | "additionalProperties", Value::Object(_)) => self.resolved(rule),
                _ => rule.clone(),
            };
            join(&mut resolved, json!({key: rule}));
        }
        resolved
    }

    /// A value that the rules allow, and that a tenant may serve: nothing in it is null.
    fn value(&self, rules: &Value) -> BoxedStrategy<Value> {
        let number = |key: &str| rules.get(key).and_then(Value::as_u64);
        let size = |key: &str| number(key).map(|size| usize::try_from(size).unwrap());
        if let Some(Value::Array(choices)) = rules.get("enum") {
            let choices: Vec<Value> = choices
                .iter()
                .filter(|choice| !choice.is_null())
                .cloned()
                .collect();
            return select(choices).boxed();
        }
        let of_type = match rules.get("type") {
            Some(Value::Array(types)) => types.iter().find(|one| *one != "null").unwrap(),
            Some(one) => one,
            None => panic!("no type in {rules}"),
        };
        match of_type.as_str().unwrap() {
            "boolean" => any::<bool>().prop_map(Value::from).boxed(),
            "integer" => (number("minimum").unwrap_or(0)..=number("maximum").unwrap_or(1 << 40))
                .prop_map(Value::from)
                .boxed(),
            "string" => match rules.get("pattern") {
                Some(pattern) => select(matching(pattern.as_str().unwrap()))
                    .prop_map(Value::from)
                    .boxed(),
                None => text(
                    size("minLength").unwrap_or(0),
                    size("maxLength").unwrap_or(400),
                )
                .prop_map(Value::from)
                .boxed(),
            },
            "array" => {
                let least = size("minItems").unwrap_or(0);
                prop::collection::vec(self.value(&rules["items"]), least..least + 3)
                    .prop_map(Value::from)
                    .boxed()
            }
            "object" => self.object(rules),
            other => panic!("{other} in {rules}"),
        }
    }

    fn object(&self, rules: &Value) -> BoxedStrategy<Value> {
        if let Some(entry @ Value::Object(_)) = rules.get("additionalProperties") {
            let keys = select(vec!["team", "no", "0123", "a.b", "ü 🙂", "- x"]);
            let entries = prop::collection::btree_map(keys, self.value(entry), 0..4);
            return entries.prop_map(|entries| json!(entries)).boxed();
        }
        let required = rules.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|required| required.iter().any(|one| one == name));
        let limit = |key: &str, none: u64| rules.get(key).and_then(Value::as_u64).unwrap_or(none);
        let (least, most) = (limit("minProperties", 0), limit("maxProperties", u64::MAX));
        let properties = rules
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let properties: Vec<_> = properties
            .map(|(name, rules)| {
                let often = if is_required(name) { 1.0 } else { 0.6 };
                (
                    Just(name.clone()),
                    Just(often == 1.0),
                    prop::bool::weighted(often),
                    self.value(rules),
                )
            })
            .collect();
        let fits = move |mut properties: Vec<(String, bool, bool, Value)>| {
            let count = |properties: &[(String, bool, bool, Value)]| {
                properties.iter().filter(|one| one.2).count() as u64
            };
            for at in 0..properties.len() {
                let there = count(&properties);
                if there < least {
                    properties[at].2 = true;
                } else if there > most && !properties[at].1 {
                    properties[at].2 = false;
                }
            }
            let there = properties.into_iter().filter(|one| one.2);
            Value::Object(there.map(|(name, _, _, value)| (name, value)).collect())
        };
        properties.prop_map(fits).boxed()
    }
}

/// What is ruled twice has to obey both.
fn join(rules: &mut Value, more: Value) {
    match (rules, more) {
        (Value::Object(rules), Value::Object(more)) => {
            for (key, rule) in more {
                join(rules.entry(key).or_insert(Value::Null), rule);
            }
        }
        // `true` adds nothing.
        (_, Value::Bool(true)) => {}
        (rules, more) => *rules = more,
    }
}

/// Texts that a pattern of the schema matches. One that is new there has to be added here.
fn matching(pattern: &str) -> Vec<&'static str> {
    match pattern {
        "^[^<>]+$" => vec!["Web", "no", "0123", "ü 🙂", "# x: y"],
        "^[A-Za-z][A-Za-z0-9+.-]*:" => vec![
            "https://a.example/cb?x=%20",
            "http://localhost:3000",
            "com.example.app://cb",
        ],
        "^([A-Za-z][A-Za-z0-9+.-]*:.+)?$" => vec!["", "https://a.example/logo", "http://b"],
        "^([Hh][Tt][Tt][Pp][Ss]://.+)?$" => vec!["", "https://a.example/cb", "HTTPS://b.example"],
        "^org_" => vec!["org_1", "org_2"],
        "^cred_" => vec!["cred_1", "cred_2"],
        "^cop_" => vec!["cop_1"],
        "^uap_" => vec!["uap_1"],
        "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$" => vec!["192.0.2.1", "2001:db8::/32"],
        other => panic!("there is no text for {other}"),
    }
}

/// Texts that are easily taken for something else.
fn text(least: usize, most: usize) -> impl Strategy<Value = String> {
    let odd = [
        "",
        "no",
        "~",
        "null",
        "0123",
        "1e3",
        "2026-11-21",
        "- a",
        "a: b",
        "# c",
        "'",
        "one\n  two\n\n",
        " x ",
        "\u{2028}",
        "ü 🙂",
    ];
    let odd = odd
        .into_iter()
        .filter(move |text| (least..=most).contains(&text.chars().count()));
    let odd: Vec<String> = odd.map(str::to_owned).collect();
    prop_oneof![
        select(odd),
        "[a-z0-9]{1,12}".prop_map(move |text| text.chars().take(most).collect())
    ]
}
