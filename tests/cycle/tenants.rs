//! Random tenants that are as hostile as the API allows, and more: what nobody would name a client, what YAML takes for
//! something else, and secrets in every place for them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// What every secret holds.
pub const SECRET: &str = "S3CR3T";

const TEXTS: [&str; 86] = [
    "",
    " ",
    "  leading",
    "trailing ",
    "no",
    "No",
    "NO",
    "yes",
    "on",
    "off",
    "y",
    "true",
    "True",
    "null",
    "Null",
    "~",
    "0123",
    "0x1F",
    "0o17",
    "1e3",
    "1_000",
    "+1",
    "-1",
    "1.",
    ".5",
    "-.5",
    ".inf",
    "-.INF",
    ".nan",
    "12:30:45",
    "2026-11-21",
    "2026-11-21T00:00:00Z",
    "123456789012345678901234567890",
    "=",
    "<<",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "?",
    "? a",
    ":",
    ": a",
    "a: b",
    "a:",
    "- a",
    "#",
    "# a",
    "a #b",
    "a # b",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "|",
    "|-",
    ">",
    "%YAML 1.2",
    "@a",
    "`a`",
    "'",
    "''",
    "it's",
    "\"",
    "\"quoted\"",
    "\\",
    "a\\nb",
    "{",
    "}",
    "{a: b}",
    "[",
    "]",
    "[a, b]",
    ",",
    "a,b",
    "\t",
    "a\tb",
    "\u{0}",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{7f}",
    "\u{85}",
    "a\u{2028}b",
    "\u{feff}bom",
    "\u{fffe}",
    "👩‍👩‍👧‍👦🏳️‍🌈",
];

const LINES: [&str; 16] = [
    "\n",
    "\n\n",
    "a\n",
    "\na",
    "a\n\n",
    "a\nb",
    "a\n b\n",
    " a\nb",
    "a \nb",
    "a\r\nb\r\n",
    "a\rb",
    "<html>\r\n  <body onload=\"x('y')\">\r\n\t<!-- # -->\r\n  </body>\r\n</html>\r\n",
    "# not a comment\nkey: value\n- item\n---\n...\n",
    "\ttab\n",
    "a\n\u{85}b\n",
    "long\n\n\n\nlines   \n\n",
];

const NAMES: [&str; 34] = [
    "../../x",
    "..\\..\\x",
    "/etc/passwd",
    "C:\\x",
    "x",
    "X",
    "x!",
    "x?",
    "CON",
    "con",
    "Con.",
    "NUL",
    "aux",
    "COM1",
    "LPT9",
    "com0",
    "🎉",
    "🎉🎉",
    "日本語",
    "",
    ".",
    "..",
    "...",
    "-",
    "Default App",
    "Default App",
    "default app",
    "DEFAULT-APP",
    "Default  App!",
    "clients",
    "tenant.lock",
    ".git",
    "x\u{0}y",
    "x-tpc-aaaa",
];

const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "-1",
    "0.0",
    "1.0",
    "1.10",
    "-1.5",
    "1e3",
    "1E3",
    "1e-7",
    "1.5e+300",
    "1e400",
    "-1e400",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.1234567890123456789012345678901234567890",
];

const FIELDS: [&str; 20] = [
    "app_type",
    "callbacks",
    "custom_login_page",
    "encrypted",
    "owners",
    "cross_origin_auth",
    "zz_unknown",
    "Upper",
    "null",
    "no",
    "0123",
    "~",
    "a: b",
    "# a",
    "- a",
    "",
    " ",
    "ключ",
    "a\nb",
    "client_metadata",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(&TEXTS[..]).prop_map(str::to_owned),
        2 => select(&LINES[..]).prop_map(str::to_owned),
        1 => prop::collection::vec(prop_oneof![select(&TEXTS[..]), select(&LINES[..])], 2..5).prop_map(|parts| parts.concat()),
        2 => any::<String>(),
        2 => "[ -~\n\t]{0,40}",
        1 => ("[a-zé ]{1,3}", 100..1500_usize).prop_map(|(part, times)| part.repeat(times)),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => select(&NUMBERS[..]).prop_map(|number| serde_json::from_str(number).unwrap()),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| json!(number)),
        6 => text().prop_map(Value::String),
        1 => Just(json!([])),
        1 => Just(json!({})),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z_]{1,12}",
        1 => text(),
        1 => "[a-z]{1,3}".prop_map(|part| part.repeat(400)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let nested = leaf().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop_oneof![30 => nested, 1 => (40..60_usize, leaf()).prop_map(|(depth, leaf)| deep(depth, leaf))]
}

/// Lists in objects in lists.
fn deep(depth: usize, leaf: Value) -> Value {
    (0..depth).fold(leaf, |inner, level| match level % 3 {
        0 => json!([inner]),
        1 => json!({ "a": inner, "b": level }),
        _ => json!([level, [inner], null]),
    })
}

/// Ids of Auth0: most are 32 letters and digits, many start alike.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[A-Za-z0-9]{32}",
        2 => "[aA]{8}[A-Za-z0-9]{24}",
        1 => "tpc_[A-Za-z0-9]{18}",
        1 => "[aA]{1,3}",
        1 => "[a_-]{1,4}",
    ]
}

fn name() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => select(&NAMES[..]).prop_map(|name| json!(name)),
        1 => text().prop_map(Value::String),
        1 => "[xX!]{1,3}".prop_map(Value::String),
        1 => "[A-Za-z ]{300}".prop_map(Value::String),
        1 => "[ab]{79,82}".prop_map(Value::String),
    ]
}

fn secret() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(SECRET)),
        Just(json!(format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n"
        ))),
        Just(json!([{ "key": SECRET, "cert": SECRET }])),
        Just(json!({ "pub": SECRET })),
        Just(Value::Null),
    ]
}

fn addons() -> impl Strategy<Value = Value> {
    let addon = |name: &'static str, fields: &'static [&'static str]| {
        let fields = prop::collection::vec((select(fields), secret()), 0..3);
        let filled = (fields, value()).prop_map(|(fields, other)| {
            let mut addon: Map<String, Value> = fields
                .into_iter()
                .map(|(name, secret)| (name.to_owned(), secret))
                .collect();
            addon.insert("other".to_owned(), other);
            Value::Object(addon)
        });
        prop_oneof![4 => filled, 1 => leaf()].prop_map(move |addon| (name.to_owned(), addon))
    };
    let addon = prop_oneof![
        addon("azure_blob", &["storageAccessKey"]),
        addon("azure_sb", &["sasKey"]),
        addon("firebase", &["secret", "private_key"]),
        addon("layer", &["privateKey"]),
        addon("sap_api", &["servicePassword"]),
        addon("wams", &["masterkey"]),
        value().prop_map(|addon| ("samlp".to_owned(), addon)),
    ];
    prop_oneof![
        9 => prop::collection::vec(addon, 0..5).prop_map(|addons| Value::Object(addons.into_iter().collect())),
        1 => leaf(),
    ]
}

fn client() -> impl Strategy<Value = Map<String, Value>> {
    let field = prop_oneof![select(&FIELDS[..]).prop_map(str::to_owned), key()];
    let own = [
        "client_id",
        "name",
        "description",
        "allowed_clients",
        "addons",
        "global",
    ];
    let own = own
        .into_iter()
        .chain(["client_secret", "signing_keys", "encryption_key"]);
    let own: Vec<&str> = own.collect();
    let field = field.prop_filter("a field of its own", move |field| {
        !own.contains(&field.as_str())
    });
    let secrets = prop::collection::vec(
        (
            select(&["client_secret", "signing_keys", "encryption_key"][..]),
            secret(),
        ),
        0..3,
    );
    (
        prop::option::weighted(0.95, name()),
        prop::option::of(prop_oneof![
            text().prop_map(Value::String),
            Just(Value::Null)
        ]),
        prop::option::of(prop_oneof![
            prop::collection::vec(text().prop_map(Value::String), 0..4).prop_map(Value::Array),
            Just(Value::Null)
        ]),
        prop::option::of(addons()),
        prop::collection::vec((field, value()), 0..6),
        secrets,
    )
        .prop_map(
            |(name, description, allowed_clients, addons, others, secrets)| {
                let mut client: Map<String, Value> = others.into_iter().collect();
                client.extend(
                    secrets
                        .into_iter()
                        .map(|(name, secret)| (name.to_owned(), secret)),
                );
                let optional = [
                    ("name", name),
                    ("description", description),
                    ("allowed_clients", allowed_clients),
                    ("addons", addons),
                ];
                client.extend(
                    optional
                        .into_iter()
                        .filter_map(|(field, value)| Some((field.to_owned(), value?))),
                );
                client
            },
        )
}

/// A tenant of so many clients.
pub fn tenant(size: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::btree_map(id(), client(), size).prop_map(|clients| {
        let clients = clients.into_iter().map(|(id, mut client)| {
            client.insert("client_id".to_owned(), Value::String(id));
            Value::Object(client)
        });
        clients.collect()
    })
}

/// An edit of a client's file.
#[derive(Debug, Clone)]
pub struct Edit {
    client: Index,
    pub field: &'static str,
    pub value: Value,
    pub style: u8,
}

impl Edit {
    /// The client that it is about.
    pub fn of<'a, T>(&self, clients: &'a BTreeMap<String, T>) -> Option<(&'a String, &'a T)> {
        let at = self.client.index(clients.len().max(1));
        clients.iter().nth(at)
    }
}

/// Edits that the API accepts.
pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let name = prop_oneof![text(), select(&NAMES[..]).prop_map(str::to_owned)];
    let name = name
        .prop_map(|name| name.replace(['<', '>'], ""))
        .prop_map(|name| {
            if name.is_empty() {
                "x".to_owned()
            } else {
                name
            }
        });
    let description = text().prop_map(|text| text.chars().take(140).collect::<String>());
    let allowed = text().prop_map(|text| {
        if text.is_empty() {
            "x".to_owned()
        } else {
            text
        }
    });
    let edit = prop_oneof![
        name.prop_map(|name| ("name", json!(name))),
        description.prop_map(|description| ("description", json!(description))),
        prop::collection::vec(allowed, 0..4)
            .prop_map(|allowed| ("allowed_clients", json!(allowed))),
    ];
    let edit = (any::<Index>(), edit, any::<u8>());
    let edit = edit.prop_map(|(client, (field, value), style)| Edit {
        client,
        field,
        value,
        style,
    });
    prop::collection::vec(edit, 0..8)
}

/// Every hostile name, text and number in one tenant, many under ids that start alike.
pub fn hundreds() -> Vec<Value> {
    let long = [
        "a".repeat(300),
        "🎉".repeat(300),
        format!("{}-x", "b".repeat(79)),
        format!("{}-y", "b".repeat(79)),
    ];
    let names = NAMES
        .iter()
        .chain(&TEXTS)
        .chain(&LINES)
        .map(|name| (*name).to_owned())
        .chain(long);
    let names: Vec<String> = names.collect();
    let mut clients = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for (twin, prefix) in ["aaaaaaaa", "tpc_", "AAAAAAAA"].iter().enumerate() {
            let number: Value = serde_json::from_str(NUMBERS[at % NUMBERS.len()]).unwrap();
            let mut client = json!({
                "client_id": format!("{prefix}{at:03}x{twin}"),
                "name": name,
                "tenant": "hostile",
                "number": number,
                "client_secret": SECRET,
                "signing_keys": [{ "key": SECRET }],
                "addons": { "wams": { "masterkey": SECRET, "texts": [TEXTS[at % TEXTS.len()], LINES[at % LINES.len()]] } },
                "nested": deep(twin * 25, json!(TEXTS[at % TEXTS.len()])),
            });
            client[TEXTS[at % TEXTS.len()]] =
                json!({ LINES[at % LINES.len()]: TEXTS[(at + 1) % TEXTS.len()] });
            if twin == 1 {
                client["description"] = json!(LINES[at % LINES.len()]);
                client["allowed_clients"] =
                    json!([TEXTS[at % TEXTS.len()], "https://acme.example/api"]);
            }
            clients.push(client);
        }
    }
    clients
}
