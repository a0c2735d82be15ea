//! What a kind's fields may hold, by the kind's schema: one JSON Schema file that also documents the fields and serves
//! editors. Its properties say what a file may hold, which is all that the API serves and all that an update takes;
//! `$defs/update` says what an update must obey. What is wrong is said in words of our own, never in the library's, and
//! without the value, which may be confidential.

mod words;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use self::words::in_words;

/// The schema of one kind.
#[derive(Debug)]
pub struct Schema {
    text: &'static str,
    fields: OnceLock<Fields>,
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value of a key.
    Key(String),
    /// To an entry of a list, from 0.
    Index(usize),
}

/// A value that its field may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The way to the value; the first step is the field's name.
    pub path: Vec<Step>,
    /// What is wrong, for the end of a sentence that begins with the place.
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Schema {
    /// The schema with that text. It is read when it is first asked for something, and a field's rules are compiled when the
    /// field is first checked.
    pub const fn new(text: &'static str) -> Schema {
        Schema {
            text,
            fields: OnceLock::new(),
        }
    }

    /// The text, for editors.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Whether the schema knows the field.
    pub fn has(&self, field: &str) -> bool {
        self.fields().file.contains_key(field)
    }

    /// Whether an update takes null at a field, or at a key inside it. Only what the schema says counts: an object that is
    /// open for other keys may take null there, but nobody knows what that does.
    pub fn takes_null(&self, path: &[&str]) -> bool {
        let Some((field, keys)) = path.split_first() else {
            return false;
        };
        let mut schema = self.fields().update(field).map(|rules| &rules.schema);
        for key in keys {
            let inner = |keyword| schema?.get(keyword);
            let named = inner("properties").and_then(|properties| properties.get(key));
            schema = named.or_else(|| inner("additionalProperties"));
        }
        schema.is_some_and(is_nullable)
    }

    /// Checks a value that an update would send. A field that can't be updated has no rules.
    ///
    /// # Errors
    /// The violation that lies deepest, where there are several: it says most about what was meant.
    pub fn update(&self, field: &str, value: &Value) -> Result<(), Violation> {
        let Some(rules) = self.fields().update(field) else {
            return Ok(());
        };
        let violations = rules.violations(field, value).into_iter();
        match violations.min_by_key(|found| (Reverse(found.violation.path.len()), found.rank)) {
            Some(found) => Err(found.violation),
            None => Ok(()),
        }
    }

    /// What in a file's fields neither the API would serve nor an update take, in the file's order.
    pub fn file(&self, fields: &Map<String, Value>) -> Vec<Violation> {
        let known = fields.iter().filter_map(|(field, value)| {
            let rules = self.fields().file(field)?;
            Some(rules.violations(field, value))
        });
        known.flatten().map(|found| found.violation).collect()
    }

    fn fields(&self) -> &Fields {
        self.fields.get_or_init(|| Fields::new(self.text))
    }
}

/// The rules of every field, for a file and for an update.
#[derive(Debug)]
struct Fields {
    document: Value,
    file: HashMap<String, OnceLock<Rules>>,
    update: HashMap<String, OnceLock<Rules>>,
}

/// Where in the document the fields of a file are, and those of an update.
const FILE: &str = "/properties";
const UPDATE: &str = "/$defs/update/properties";

impl Fields {
    /// A text that is no JSON has no fields: the tests of the data hold that there is none.
    fn new(text: &str) -> Fields {
        let document: Value = serde_json::from_str(text).unwrap_or_default();
        let fields = |at| {
            let fields = document.pointer(at).and_then(Value::as_object);
            let names = fields.into_iter().flat_map(Map::keys);
            names.map(|name| (name.clone(), OnceLock::new())).collect()
        };
        Fields {
            file: fields(FILE),
            update: fields(UPDATE),
            document,
        }
    }

    fn file(&self, field: &str) -> Option<&Rules> {
        let rules = self.file.get(field)?;
        Some(rules.get_or_init(|| self.rules(FILE, field)))
    }

    fn update(&self, field: &str) -> Option<&Rules> {
        let rules = self.update.get(field)?;
        Some(rules.get_or_init(|| self.rules(UPDATE, field)))
    }

    fn rules(&self, at: &str, field: &str) -> Rules {
        let fields = self.document.pointer(at);
        let schema = fields.and_then(|fields| fields.get(field));
        Rules::new(resolved(&self.document, schema.unwrap_or(&Value::Null)))
    }
}

/// The schema with the rules that it refers to in place of the references, so that each rule is found where it counts. What
/// stands beside a reference narrows it, so the two are one object.
fn resolved(document: &Value, schema: &Value) -> Value {
    match schema {
        Value::Object(schema) => {
            let mut whole = Value::Object(Map::new());
            for (keyword, rule) in schema {
                match (keyword.as_str(), rule) {
                    ("$ref", Value::String(reference)) => {
                        let target = document.pointer(reference.trim_start_matches('#'));
                        narrow(
                            &mut whole,
                            resolved(document, target.unwrap_or(&Value::Bool(false))),
                        );
                    }
                    ("allOf", Value::Array(parts)) => {
                        for part in parts {
                            narrow(&mut whole, resolved(document, part));
                        }
                    }
                    _ => {
                        let rule = resolved(document, rule);
                        narrow(
                            &mut whole,
                            Value::Object(Map::from_iter([(keyword.clone(), rule)])),
                        );
                    }
                }
            }
            whole
        }
        Value::Array(entries) => entries
            .iter()
            .map(|entry| resolved(document, entry))
            .collect(),
        _ => schema.clone(),
    }
}

/// Adds rules to a schema.
fn narrow(schema: &mut Value, rules: Value) {
    match (schema, rules) {
        // A schema that allows anything adds no rule.
        (Value::Object(_), Value::Bool(true)) => {}
        (Value::Object(schema), Value::Object(rules)) => {
            for (keyword, rule) in rules {
                match schema.get_mut(&keyword) {
                    Some(known) => narrow(known, rule),
                    None => {
                        schema.insert(keyword, rule);
                    }
                }
            }
        }
        (schema, rules) => *schema = rules,
    }
}

/// The rules of one field.
#[derive(Debug)]
struct Rules {
    schema: Value,
    /// None if the schema is none.
    validator: Option<Validator>,
}

/// A violation, and its rank: of two violations of one value, the lower rank says more.
struct Found {
    rank: usize,
    violation: Violation,
}

/// Keywords whose violations explain those of the later ones: a misspelt key is why another one is missing.
const RANKS: [&str; 6] = [
    "type",
    "additionalProperties",
    "required",
    "enum",
    "minLength",
    "pattern",
];

impl Rules {
    fn new(schema: Value) -> Rules {
        Rules {
            validator: compiled(&schema),
            schema,
        }
    }

    /// What a value violates: of each place in it the violation that says most.
    fn violations(&self, field: &str, value: &Value) -> Vec<Found> {
        let Some(validator) = &self.validator else {
            let violation = Violation {
                path: vec![Step::Key(field.to_owned())],
                problem: "can't be checked: tenantry's own rules for it are broken".to_owned(),
                hint: None,
            };
            return vec![Found { rank: 0, violation }];
        };
        if validator.is_valid(value) {
            return Vec::new();
        }
        let mut all: Vec<Found> = Vec::new();
        let mut places = HashMap::new();
        for error in validator.iter_errors(value) {
            let found = self.found(field, value, &error);
            match places.entry(error.instance_path().to_string()) {
                Entry::Vacant(place) => {
                    place.insert(all.len());
                    all.push(found);
                }
                Entry::Occupied(place) => {
                    let other = &mut all[*place.get()];
                    if found.rank < other.rank {
                        *other = found;
                    }
                }
            }
        }
        all
    }

    fn found(&self, field: &str, value: &Value, error: &ValidationError<'_>) -> Found {
        let keyword = error.kind().keyword();
        let at = error.schema_path().as_str();
        let at = at.rsplit_once('/').map_or("", |(schema, _)| schema);
        let rules = self.schema.pointer(at).unwrap_or(&self.schema);
        let mut path = vec![Step::Key(field.to_owned())];
        path.extend(steps(value, error.instance_path().as_str()));
        let rank = RANKS.iter().position(|ranked| *ranked == keyword);
        Found {
            rank: rank.unwrap_or(RANKS.len()),
            violation: in_words(path, keyword, rules, error.instance()),
        }
    }
}

/// A schema's validator, which asks no network; none if it is no schema.
fn compiled(schema: &Value) -> Option<Validator> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .offline()
        .build(schema)
        .ok()
}

/// The steps of a JSON pointer into a value. Only the value tells an entry's number from a key that is a number.
fn steps(value: &Value, pointer: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = Some(value);
    for token in pointer.split('/').skip(1) {
        let key = token.replace("~1", "/").replace("~0", "~");
        match (at, key.parse()) {
            (Some(Value::Array(entries)), Ok(index)) => {
                at = entries.get(index);
                steps.push(Step::Index(index));
            }
            (inside, _) => {
                at = inside.and_then(|object| object.get(&key));
                steps.push(Step::Key(key));
            }
        }
    }
    steps
}

/// The texts of a list.
fn texts(list: &Value) -> impl Iterator<Item = &str> {
    let entries = list.as_array().into_iter().flatten();
    entries.filter_map(Value::as_str)
}

/// Whether the rules allow null.
fn is_nullable(rules: &Value) -> bool {
    rules
        .get("type")
        .is_some_and(|types| texts(types).any(|name| name == "null"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static CLIENTS: Schema = Schema::new(include_str!("kinds/schema/clients.json"));

    /// The place and the words, on one line.
    fn line(violation: &Violation) -> String {
        let mut line = String::new();
        for step in &violation.path {
            match step {
                Step::Key(key) if line.is_empty() => line.push_str(key),
                Step::Key(key) => line.push_str(&format!(".{key}")),
                Step::Index(index) => line.push_str(&format!("[{index}]")),
            }
        }
        line = format!("{line} {}", violation.problem);
        match &violation.hint {
            Some(hint) => format!("{line} ({hint})"),
            None => line,
        }
    }

    fn refusals(values: &[(&str, Value)]) -> String {
        let lines = values.iter().map(|(field, value)| {
            let refused = CLIENTS.update(field, value);
            line(&refused.expect_err(&format!("{field}: {value}")))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_an_update_refuses() {
        let rotating = |more: Value| {
            let mut value = json!({"rotation_type": "rotating", "expiration_type": "expiring"});
            narrow(&mut value, more);
            value
        };
        insta::assert_snapshot!(refusals(&[
            ("name", json!(null)),
            ("name", json!("")),
            ("name", json!("a<b")),
            ("name", json!(12)),
            ("description", json!(null)),
            ("description", json!("é".repeat(141))),
            ("description", json!(["a"])),
            ("allowed_clients", json!(null)),
            ("allowed_clients", json!("a")),
            ("allowed_clients", json!(["a", ""])),
            ("allowed_clients", json!(["a", 7])),
            ("allowed_clients", json!(["a", null])),
            ("app_type", json!("Spa")),
            ("app_type", json!("saml")),
            ("app_type", json!("s3cret".repeat(9))),
            ("app_type", json!("\u{1b}[31m\n")),
            ("app_type", json!("")),
            ("oidc_conformant", json!("true")),
            ("oidc_conformant", json!(null)),
            ("par_request_expiry", json!(5)),
            ("par_request_expiry", json!(601)),
            ("par_request_expiry", json!(10.5)),
            ("par_request_expiry", json!("60")),
            ("callbacks", json!(["https://a.example", "a.example/callback"])),
            ("callbacks", json!("https://a.example")),
            ("callbacks", json!(["https://a.example", "JavaScript:alert(1)"])),
            ("allowed_logout_urls", json!([" javascript:alert(1)"])),
            ("web_origins", json!([""])),
            ("initiate_login_uri", json!("http://a.example")),
            ("logo_uri", json!("logo.png")),
            ("cross_origin_loc", json!(false)),
            ("grant_types", json!({"a": 1})),
            ("organization_usage", json!("required")),
            ("organization_discovery_methods", json!([])),
            ("async_approval_notification_channels", json!(["sms"])),
            ("client_metadata", json!({"a": "b", "0": 12})),
            ("client_metadata", json!({"a/b~": "x".repeat(256)})),
            ("client_metadata", Value::Object((0..11).map(|n| (n.to_string(), json!("x"))).collect())),
            ("refresh_token", json!({"rotation_type": "rotating"})),
            ("refresh_token", json!({"leeway": 1})),
            ("refresh_token", json!({"rotation_typ": "rotating", "expiration_type": "expiring"})),
            ("refresh_token", rotating(json!({"leeway": -1}))),
            ("refresh_token", rotating(json!({"token_lifetime": 157_788_001}))),
            ("refresh_token", rotating(json!({"policies": [{"audience": "a", "scope": ["a", ""]}], "leeway": "1"}))),
            ("refresh_token", rotating(json!({"policies": []}))),
            ("native_social_login", json!({"apple": {"enabled": null}})),
            ("native_social_login", json!({"apple": {}})),
            ("native_social_login", json!({"twitter": {"enabled": true}})),
            ("client_authentication_methods", json!({"private_key_jwt": {"credentials": [{"id": "x"}]}})),
            ("client_authentication_methods", json!({"private_key_jwt": {"credentials": []}, "tls_client_auth": {"credentials": []}})),
            ("default_organization", json!({"organization_id": "acme", "flows": ["client_credentials"]})),
            ("default_organization", json!({"organization_id": "org_a", "flows": ["implicit"]})),
            ("session_transfer", json!({"delegation": {"enforce_device_binding": "none"}})),
            ("token_vault_privileged_access", json!({"credentials": [], "ip_allowlist": ["localhost"]})),
            ("addons", json!({"sharepoint": {"external_url": 1}})),
            ("addons", json!({"firebase ": {"secret": "s3cret"}})),
            ("addons", json!({"x".repeat(50): {}})),
            ("jwt_configuration", json!({"alg": "none"})),
        ]), @r"
        name may not be null
        name is empty (a name needs at least one character)
        name contains `<` or `>` (Auth0 refuses both in a name)
        name is a number, not text (put the value into quotes)
        description may not be null
        description has 141 characters (Auth0 allows at most 140)
        description is a list, not text
        allowed_clients may not be null
        allowed_clients is text, not a list (write a list of client ids)
        allowed_clients[1] is empty
        allowed_clients[1] is a number, not text (write each client id as text, in quotes where it looks like a number)
        allowed_clients[1] may not be null
        app_type is `Spa`, and may be `native`, `spa`, `regular_web`, `non_interactive`, `resource_server`, `express_configuration`, `rms`, `box`, … (did you mean `spa`?)
        app_type is `saml`, and may be `native`, `spa`, `regular_web`, `non_interactive`, `resource_server`, `express_configuration`, `rms`, `box`, …
        app_type is another text, and may be `native`, `spa`, `regular_web`, `non_interactive`, `resource_server`, `express_configuration`, `rms`, `box`, …
        app_type is `\u{1b}[31m\n`, and may be `native`, `spa`, `regular_web`, `non_interactive`, `resource_server`, `express_configuration`, `rms`, `box`, …
        app_type is empty, and may be `native`, `spa`, `regular_web`, `non_interactive`, `resource_server`, `express_configuration`, `rms`, `box`, …
        oidc_conformant is text, not true or false (write true or false, without quotes)
        oidc_conformant may not be null
        par_request_expiry is less than 10 (Auth0 takes 10 to 600)
        par_request_expiry is more than 600 (Auth0 takes 10 to 600)
        par_request_expiry is a number with a fraction, not a whole number
        par_request_expiry is text, not a whole number (write the number without quotes)
        callbacks[1] is no URL (begin it with its scheme, such as `https://`)
        callbacks is text, not a list (write a list)
        callbacks[1] runs in the browser of whoever is sent there, and leads nowhere (write where people are sent, such as `https://shop.example.com`)
        allowed_logout_urls[0] runs in the browser of whoever is sent there, and leads nowhere (write where people are sent, such as `https://shop.example.com`)
        web_origins[0] is empty
        initiate_login_uri is no https URL (begin it with `https://`)
        logo_uri is no URL (begin it with its scheme, such as `https://`)
        cross_origin_loc is a boolean, not text (put the value into quotes)
        grant_types is an object, not a list
        organization_usage is `required`, and may be `deny`, `allow`, `require` (did you mean `require`?)
        organization_discovery_methods is an empty list (write null to clear it)
        async_approval_notification_channels[0] is `sms`, and may be `guardian-push`, `email`
        client_metadata.0 is a number, not text (put the value into quotes)
        client_metadata.a/b~ has 256 characters (Auth0 allows at most 255)
        client_metadata has 11 keys (Auth0 allows at most 10)
        refresh_token lacks `expiration_type`
        refresh_token lacks `rotation_type`, `expiration_type`
        refresh_token has a key `rotation_typ` that Auth0 does not know (did you mean `rotation_type`?)
        refresh_token.leeway is less than 0
        refresh_token.token_lifetime is more than 157788000 (Auth0 takes 1 to 157788000)
        refresh_token.policies[0].scope[1] is empty
        refresh_token.policies is an empty list (write null to clear it)
        native_social_login.apple.enabled may not be null
        native_social_login.apple is an empty object (write null to clear it)
        native_social_login has a key `twitter` that Auth0 does not know
        client_authentication_methods.private_key_jwt.credentials[0].id is no credential's id (such an id begins with `cred_`)
        client_authentication_methods has 2 keys (Auth0 allows at most 1)
        default_organization.organization_id is no organization's id (such an id begins with `org_`)
        default_organization.flows[0] is `implicit`, and may be `client_credentials`
        session_transfer.delegation.enforce_device_binding is `none`, and may be `ip`, `asn`
        token_vault_privileged_access.ip_allowlist[0] is no IP address or network (write it as in `192.0.2.1` or `198.51.100.0/24`)
        addons.sharepoint.external_url is a number, not a list or text (put the value into quotes)
        addons has a key `firebase ` that Auth0 does not know (did you mean `firebase`?)
        addons has a key `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` that Auth0 does not know
        jwt_configuration.alg is `none`, and may be `HS256`, `RS256`, `RS512`, `PS256`
        ");
    }

    #[test]
    fn what_an_update_takes() {
        for (field, value) in [
            ("name", json!("é".repeat(300))),
            ("description", json!("")),
            ("description", json!("é".repeat(140))),
            ("allowed_clients", json!(["https://not-an-id.example"])),
            (
                "callbacks",
                json!([
                    "com.example.app://callback",
                    "http://localhost:3000",
                    "https://{organization_name}.example"
                ]),
            ),
            ("web_origins", json!(["https://*.example.com", "file://*"])),
            ("initiate_login_uri", json!("")),
            ("cross_origin_loc", json!(null)),
            ("organization_usage", json!(null)),
            (
                "addons",
                json!({"sharepoint": {"external_url": ["a"]}, "oag": null, "samlp": {"mappings": {"email": ["a"]}}}),
            ),
            ("client_metadata", json!({"a": null})),
            (
                "jwt_configuration",
                json!({"lifetime_in_seconds": 36000, "new": [1]}),
            ),
            ("third_party_security_mode", json!(12)),
            ("nobody_knows", json!(12)),
        ] {
            assert_eq!(CLIENTS.update(field, &value), Ok(()), "{field}: {value}");
        }
        let number = |text: &str| serde_json::from_str(text).unwrap();
        for (text, is_taken) in [
            ("10", true),
            ("1e2", true),
            ("10.0", true),
            ("1e400", false),
            ("-1e400", false),
            ("99999999999999999999", false),
        ] {
            assert_eq!(
                CLIENTS.update("par_request_expiry", &number(text)).is_ok(),
                is_taken,
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_file_may_not_hold() {
        let file = json!({
            "client_id": "a", "name": 12, "description": "é".repeat(200), "app_type": "of tomorrow", "nobody_knows": [null],
            "refresh_token": {"rotation_type": "of tomorrow", "leeway": "1", "new": 1}, "client_metadata": {"a": 1, "b": null},
            "organization_usage": null, "owners": ["x"], "callbacks": [1, ""], "grant_types": null
        });
        let violations = CLIENTS.file(file.as_object().unwrap());
        let lines: Vec<String> = violations.iter().map(line).collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        name is a number, not text (put the value into quotes)
        refresh_token.leeway is text, not a whole number (write the number without quotes)
        client_metadata.a is a number, not text (put the value into quotes)
        client_metadata.b may not be null
        callbacks[0] is a number, not text (put the value into quotes)
        grant_types may not be null
        ");
    }

    #[test]
    fn where_an_update_takes_null() {
        let paths = [
            "organization_usage",
            "refresh_token",
            "refresh_token.policies",
            "session_transfer.delegation",
            "native_social_login.apple",
            "client_metadata.any",
            "addons",
            "addons.oag",
            "signed_request_object",
            "name",
            "description",
            "allowed_clients",
            "client_metadata",
            "jwt_configuration",
            "jwt_configuration.alg",
            "jwt_configuration.new",
            "refresh_token.leeway",
            "mobile.ios",
            "oidc_logout",
            "tenant",
            "nobody_knows",
            "",
        ];
        let (takes, refuses): (Vec<&str>, Vec<&str>) = paths
            .iter()
            .partition(|path| CLIENTS.takes_null(&path.split('.').collect::<Vec<_>>()));
        insta::assert_snapshot!(format!("{}\n{}", takes.join(" "), refuses.join(" ")), @"
        organization_usage refresh_token refresh_token.policies session_transfer.delegation native_social_login.apple client_metadata.any addons addons.oag signed_request_object
        name description allowed_clients client_metadata jwt_configuration jwt_configuration.alg jwt_configuration.new refresh_token.leeway mobile.ios oidc_logout tenant nobody_knows
        ");
        assert!(!CLIENTS.takes_null(&[]));
    }

    #[test]
    fn every_rule_of_the_data_compiles_and_has_words() {
        let fields = CLIENTS.fields();
        assert!(fields.update.len() > 50 && fields.update.keys().all(|field| CLIENTS.has(field)));
        let of_files = fields.file.keys().map(|field| fields.file(field));
        let of_updates = fields.update.keys().map(|field| fields.update(field));
        for rules in of_files.chain(of_updates).map(Option::unwrap) {
            assert!(rules.validator.is_some(), "{}", rules.schema);
            has_words(&rules.schema);
        }
        assert!(!CLIENTS.has("nobody_knows") && !CLIENTS.has("client_secret"));
    }

    /// Whether there are words for every keyword, here and below, and patterns say what they mean.
    fn has_words(schema: &Value) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        for (keyword, rule) in schema {
            match keyword.as_str() {
                "properties" => rule.as_object().unwrap().values().for_each(has_words),
                "items" | "additionalProperties" => has_words(rule),
                "pattern" => assert!(
                    schema["x-messages"]["pattern"]["problem"].is_string(),
                    "{rule}"
                ),
                "not" => assert!(schema["x-messages"]["not"]["problem"].is_string(), "{rule}"),
                "minLength" | "minItems" | "minProperties" => assert_eq!(rule, 1),
                "type" | "enum" | "required" | "maxLength" | "maxProperties" | "minimum"
                | "maximum" => {}
                "description" | "examples" | "deprecated" | "readOnly" | "x-messages"
                | "$comment" => {}
                other => panic!("no words for {other}"),
            }
        }
    }

    #[test]
    fn broken_rules_refuse() {
        static BROKEN: Schema = Schema::new(
            r##"{"$defs": {"update": {"properties": {"a": {"type": 12}, "b": {"$ref": "#/nowhere"}}}}}"##,
        );
        let refused = |field| line(&BROKEN.update(field, &json!(1)).unwrap_err());
        insta::assert_snapshot!(format!("{}\n{}", refused("a"), refused("b")), @"
        a can't be checked: tenantry's own rules for it are broken
        b is nothing that Auth0 takes
        ");
        assert!(!Schema::new("no JSON").has("a"));
    }
}
