//! Reading, writing and rewriting YAML, with generators of hostile values that the tests of files use too.

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use super::{
    Error, Layout, MAX_DEPTH, parse, quoting, read_by_another, reader, rewrite, tree, write, writer,
};
use std::collections::BTreeMap;

/// As a client's file is laid out.
const LAYOUT: Layout<'_> = Layout {
    leading: &["client_id", "name", "description", "allowed_clients"],
    comment: "# Push does not send what follows.",
    former: &["# Read-only: push does not send what follows."],
};

/// Strings that some parser or writer of YAML is known to get wrong, or may.
pub(crate) const HOSTILE: &[&str] = &[
    "",
    " ",
    "  a",
    "a ",
    "\t",
    "\ta",
    "a\t",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "\na",
    " \na",
    "a\n b",
    "a\n\n  b\n",
    "a \nb",
    "a\r\nb",
    "a\rb",
    "\r",
    "a\n\tb",
    "a\tb\nc",
    "a\nb\n ",
    "# a",
    "a # b",
    "a #b",
    "a#b",
    "a: b",
    "a:",
    ":a",
    "a:b",
    ":",
    "-",
    "- a",
    "-a",
    "--- a",
    "---",
    "...",
    "?",
    "? a",
    "|",
    "|-\n a",
    ">",
    "&a",
    "*a",
    "!a",
    "!!str a",
    "%a",
    "@a",
    "`a",
    "'",
    "\"",
    "'a'",
    "\"a\"",
    "it's",
    "say \"hi\"",
    "\\",
    "a\\nb",
    "[",
    "]",
    "[a]",
    "{",
    "}",
    "{a: b}",
    ",",
    "a, b",
    "<<",
    "=",
    "~",
    "null",
    "Null",
    "NULL",
    "nil",
    "true",
    "True",
    "TRUE",
    "false",
    "yes",
    "Yes",
    "no",
    "on",
    "off",
    "y",
    "N",
    "0",
    "-0",
    "+1",
    "0123",
    "08",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1E400",
    ".5",
    "1.",
    "-.5",
    "1.5e+3",
    ".inf",
    "-.Inf",
    ".nan",
    "NaN",
    "12:30",
    "12:30:45.6",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "2024-01-01 00:00:00 +01:00",
    "123456789012345678901234567890",
    "4KWdBigdmxBionUsdewvtlj7npUfWHTA",
    "https://x/y?z=1#top",
    "http://localhost:3000",
    "\0",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "a\u{2028}b",
    "a\u{2029}b\n",
    "\u{feff}",
    "\u{feff}a",
    "\u{202e}abc",
    "\u{200b}",
    "a\u{200d}b",
    "\u{ad}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e000}",
    "\u{d7ff}",
    "\u{fffd}",
    "é",
    "e\u{301}",
    "\u{301}",
    "नमस्ते",
    "日本語",
    "🙂",
    "👨\u{200d}👩",
    "١٢٣",
    "²",
    "<p>\n  <b>x</b>\n</p>\n",
    "a\n# b\nc",
    "a\n---\nb\n",
    "a\n...\nb",
    "key: |\n  a",
    "$serde_json::private::Number",
    "a?",
    "!",
    "%",
    "100%",
    "@",
    "(a)",
    "_",
    "/",
];

pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(HOSTILE).prop_map(str::to_owned),
        2 => proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(&[' ', '\n', '\t', '#', ':', '-', '\'', '"', '\\', 'a', 'b', '0', '\r', ','][..]),
                any::<char>(),
            ],
            0..12,
        )
        .prop_map(String::from_iter),
        2 => "[a-zA-Z0-9_ .:/-]{1,20}",
        2 => proptest::collection::vec(proptest::sample::select(HOSTILE), 2..4).prop_map(|parts| parts.concat()),
        1 => ("[a-z]{1,3}", proptest::sample::select(&[300usize, 1100][..])).prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    let number = |text: String| serde_json::from_str::<Number>(&text).unwrap();
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        "-?(0|[1-9][0-9]{0,30})".prop_map(number),
        "-?(0|[1-9][0-9]{0,5})\\.[0-9]{1,20}".prop_map(number),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?[eE][+-]?[0-9]{1,3}".prop_map(number),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => number().prop_map(Value::Number),
        6 => text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((text(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// A client's fields, in any order.
pub(crate) fn fields() -> impl Strategy<Value = Map<String, Value>> {
    let field = prop_oneof![
        proptest::sample::select(
            &[
                "name",
                "description",
                "allowed_clients",
                "app_type",
                "jwt",
                "zone"
            ][..]
        )
        .prop_map(str::to_owned),
        text(),
    ];
    let id = "[a-zA-Z0-9]{1,32}".prop_map(|id| ("client_id".to_owned(), Value::String(id)));
    (id, proptest::collection::vec((field, value()), 0..8)).prop_flat_map(|(id, mut entries)| {
        entries.push(id);
        Just(entries).prop_shuffle().prop_map(Map::from_iter)
    })
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

pub(crate) fn realistic() -> Map<String, Value> {
    object(json!({
        "tenant": "acme-dev", "global": false, "callbacks": ["https://app.acme.example/callback", "http://localhost:3000"],
        "name": "Web App", "client_metadata": {"team": "web", "cost": "0123", "beta": "no"},
        "jwt_configuration": {"lifetime_in_seconds": 36000, "alg": "RS256", "scopes": {}},
        "custom_login_page": "<html>\n  <body>\n    hello\n  </body>\n</html>\n", "allowed_clients": ["4KWdBigdmxBion", "12345678"],
        "addons": {"samlp": {"mappings": [{"to": "a", "from": "b"}, ["x", ["y"]]]}}, "web_origins": [],
        "client_id": "AaiyAPdpYdesoKnqjj8HJqRn4T5titww", "description": "", "weight": 1, "logo_uri": null
    }))
}

/// What a text says, or at which line and column it is refused, why, and what to do.
fn yaml(text: &str) -> Result<Map<String, Value>, String> {
    let place = |offset: usize| {
        let line = text[..offset].rsplit('\n').next().unwrap();
        let lines = text[..offset].matches('\n').count() + 1;
        format!("{lines}:{}", line.chars().count() + 1)
    };
    match parse(text) {
        Ok(Some(parsed)) => Ok(parsed.fields),
        Ok(None) => Err("nothing but comments".to_owned()),
        Err(Error::Duplicate { offset, key, first }) => {
            let (place, first) = (place(offset), place(first));
            Err(format!("{place}: `{key}` is at {first} already"))
        }
        Err(Error::TooDeep { offset }) => Err(format!("{}: too deep", place(offset))),
        Err(Error::Refused {
            offset,
            message,
            hint,
        }) => Err(format!("{}: {message}; {hint}", place(offset))),
    }
}

#[track_caller]
fn check_round_trip(fields: &Map<String, Value>) {
    let text = write(fields, LAYOUT);
    assert_eq!(yaml(&text).as_ref(), Ok(fields), "{text}");
    assert!(read_by_another(&text, fields), "{text}");
}

#[test]
fn a_new_file() {
    insta::assert_snapshot!(write(&realistic(), LAYOUT), @r#"
    client_id: AaiyAPdpYdesoKnqjj8HJqRn4T5titww
    name: Web App
    description: ""
    allowed_clients:
      - 4KWdBigdmxBion
      - "12345678"
    # Push does not send what follows.
    addons:
      samlp:
        mappings:
          - from: b
            to: a
          - - x
            - - "y"
    callbacks:
      - https://app.acme.example/callback
      - http://localhost:3000
    client_metadata:
      beta: "no"
      cost: "0123"
      team: web
    custom_login_page: |
      <html>
        <body>
          hello
        </body>
      </html>
    global: false
    jwt_configuration:
      alg: RS256
      lifetime_in_seconds: 36000
      scopes: {}
    logo_uri: null
    tenant: acme-dev
    web_origins: []
    weight: 1
    "#);
    check_round_trip(&realistic());
}

#[test]
fn no_comment_without_read_only_fields() {
    let fields = object(json!({"name": "A", "client_id": "a"}));
    assert_eq!(write(&fields, LAYOUT), "client_id: a\nname: A\n");
    assert_eq!(write(&Map::new(), LAYOUT), "{}\n");
}

#[test]
fn hostile_text_everywhere() {
    for text in HOSTILE {
        check_round_trip(&object(json!({
            "client_id": text, (*text): [text, [text, {(*text): text}]], "k": {(*text): [text]}
        })));
    }
    let long = &"long ".repeat(13_000);
    check_round_trip(&object(
        json!({ "a": [long, {(long.clone()): {(long.clone()): [1, {"b": 2}]}}], (long.clone()): [long] }),
    ));
}

#[test]
fn text_is_plain_where_every_parser_agrees() {
    let written: Vec<String> = [
        "Web App",
        "https://x/y",
        "4KWdBigdmxBionUsdewvtlj7npUfWHTA",
        "no",
        "12:30",
        "1_000",
        "a: b",
        "日本語 🙂",
        "zero\u{200b}width",
        "a\tb",
        "Ünïcode, with a comma",
        "4abc",
        "(x)",
        "it's",
    ]
    .into_iter()
    .map(|text| quoting::scalar(text, false))
    .collect();
    insta::assert_snapshot!(written.join("\n"), @r#"
    Web App
    https://x/y
    4KWdBigdmxBionUsdewvtlj7npUfWHTA
    "no"
    "12:30"
    "1_000"
    "a: b"
    日本語 🙂
    "zero\u200Bwidth"
    "a\tb"
    Ünïcode, with a comma
    "4abc"
    (x)
    it's
    "#);
}

#[test]
fn plain_scalars_follow_the_core_schema() {
    let text: String = "~,Null,,TRUE,yes,12,+12,-0,0o17,0x1F,1.10,.5,-1.,+1.e5,1e400,1_000,12:30,0b11,2024-01-01,a b"
        .split(',')
        .map(|plain| format!("- {plain}\n"))
        .collect();
    let text = format!("v:\n{text}");
    insta::assert_snapshot!(yaml(&text).unwrap()["v"], @r#"[null,null,null,true,"yes",12,12,-0,15,31,1.10,0.5,-1.0,1.0e+5,1e+400,"1_000","12:30","0b11","2024-01-01","a b"]"#);
}

#[test]
fn numbers_keep_their_text() {
    for number in [
        "1.10",
        "1e400",
        "-0",
        "0.0",
        "123456789012345678901234567890",
        "1E5",
        "1e-05",
    ] {
        let fields: Map<String, Value> = [("n".to_owned(), serde_json::from_str(number).unwrap())]
            .into_iter()
            .collect();
        check_round_trip(&fields);
    }
}

#[test]
fn refusals_say_where_and_what() {
    let deep = format!("a: {}", "[".repeat(100_000));
    let deep_block = format!("a:\n {}", "- ".repeat(100_000));
    let cases = [
        "",
        "# only a comment\n",
        "- a\n",
        "just text",
        "a: 1\n---\nb: 2\n",
        "a: 1\nb: 2\n\"a\": 3\n",
        "a:\n  x: 1\n  é: {b: 1, b: 2}\n",
        "é: &x 1\n",
        "a: &x\n",
        "a: *x\n",
        "a: !!str 1\n",
        "<<: {a: 1}\n",
        "123: a\n",
        "true: a\n",
        ": a\n",
        "? [a]\n: b\n",
        "a: 0123\n",
        "a: -.INF\n",
        "a: .nan\n",
        "a: 0xfffffffffffffffffffffffffffffffff\n",
        "a: \"x\n",
        "a: b: c\n",
        "a: b\n\tc: d\n",
        "a: \u{1}\n",
        "a: é\0\n",
        "a: [1, 2\n",
        "a: \u{feff}\n",
        "a: @x\n",
        "*a : b\n",
        &deep,
        &deep_block,
    ];
    let errors: Vec<String> = cases
        .into_iter()
        .map(|text| yaml(text).unwrap_err())
        .collect();
    insta::assert_snapshot!(errors.join("\n"), @"
    nothing but comments
    nothing but comments
    1:1: is not a mapping at its top level; write lines of `field: value`
    1:1: is not a mapping at its top level; write lines of `field: value`
    2:1: holds more than one document; a file is one document: remove this one
    3:1: `a` is at 1:1 already
    3:13: `b` is at 3:7 already
    1:4: has an anchor (`&…`), which files may not have; remove it, and write the value out wherever it is used
    1:4: has an anchor (`&…`), which files may not have; remove it, and write the value out wherever it is used
    1:4: has an alias (`*…`), which files may not have; write the value out, or put it into quotes if it is text
    1:4: has a tag (`!…`), which files may not have; remove it; quotes make a value text
    1:1: has a merge key (`<<`), which files may not have; put the key into quotes, or remove it
    1:1: has a key that is not text: `123`; put the key into quotes, or remove it
    1:1: has a key that is not text: `true`; put the key into quotes, or remove it
    1:1: has a key that is not text: ``; put the key into quotes, or remove it
    1:3: has a key that is not text; put the key into quotes, or remove it
    1:4: `0123` is a number with leading zeros; put it into quotes if it is text, or leave the zeros out
    1:4: `-.INF` has no JSON value; put it into quotes if it is text
    1:4: `.nan` has no JSON value; put it into quotes if it is text
    1:4: `0xfffffffffffffffffffffffffffffffff` is too large; write it as a decimal number, or in quotes if it is text
    1:4: is not YAML: while scanning a quoted scalar, found unexpected end of stream; indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    1:5: is not YAML: mapping values are not allowed in this context; indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    1:4: is not YAML: while scanning a plain scalar, found a tab; indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    1:4: contains the character U+0001; remove it, or write it as an escape within double quotes
    1:5: contains the character U+0000; remove it, or write it as an escape within double quotes
    2:1: is not YAML: while parsing a flow sequence, expected ',' or ']'; indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    1:4: contains the character U+FEFF; remove it, or write it as an escape within double quotes
    1:4: is not YAML: unexpected character: `@'; indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    1:1: has an alias (`*…`), which files may not have; write the value out, or put it into quotes if it is text
    1:259: too deep
    2:256: too deep
    ");
}

/// The text with some fields set, or removed where the value is null.
#[track_caller]
fn with(text: &str, changes: Value) -> String {
    let mut fields = yaml(text).unwrap();
    for (key, value) in object(changes) {
        match value {
            Value::Null => fields.shift_remove(&key),
            value => fields.insert(key, value),
        };
    }
    let rewritten = rewrite(text, &fields, LAYOUT).unwrap();
    assert_eq!(yaml(&rewritten).as_ref(), Ok(&fields));
    rewritten
}

const COMMENTED: &str = "\
# The web application of the shop.
description: 'It''s the shop'  # shown to nobody
client_id: abc # never changes

# Ask the shop team.
name: \"Shop\" # as on the login page
allowed_clients:  # who may delegate
  # the mobile app
  - mobile # since 2021

  # the job runner
  - jobs # nightly
  - api
# Push does not send what follows.
callbacks: [https://a/b, # prod
  https://c/d]
custom_login_page: |  # ask design
  <p>
  # not a comment
  </p>

# jwt
jwt:
    alg: RS256   # signed

    # seconds
    lifetime: 10
# the end
";

#[test]
fn only_what_changed_changes() {
    insta::assert_snapshot!(with(COMMENTED, json!({
        "name": "Shop \u{200b}2", "description": "it's", "allowed_clients": ["first", "mobile", "jobs2", "api", "last"],
        "callbacks": ["https://a/b", "https://e/f", "x"], "custom_login_page": "short", "jwt": {"alg": "HS256", "lifetime": 10, "kid": [1]},
        "app_type": "spa", "zone": {"a": {}}, "is_first_party": true
    })), @r#"
    # The web application of the shop.
    description: 'it''s'  # shown to nobody
    client_id: abc # never changes

    # Ask the shop team.
    name: "Shop \u200B2" # as on the login page
    allowed_clients:  # who may delegate
      - first
      # the mobile app
      - mobile # since 2021

      # the job runner
      - jobs2
      - api
      - last
    # Push does not send what follows.
    app_type: spa
    callbacks: [https://a/b, "https://e/f", x, # prod
      ]
    custom_login_page: short  # ask design
    is_first_party: true

    # jwt
    jwt:
        alg: HS256   # signed
        kid:
          - 1

        # seconds
        lifetime: 10
    zone:
      a: {}
    # the end
    "#);
}

#[test]
fn what_goes_takes_only_its_own_comment_along() {
    insta::assert_snapshot!(with(COMMENTED, json!({
        "description": null, "name": null, "allowed_clients": [], "callbacks": [], "custom_login_page": null, "jwt": {"lifetime": 11}
    })), @"
    # The web application of the shop.
    client_id: abc # never changes

    # Ask the shop team.
    allowed_clients: []  # who may delegate
    # the mobile app
    # the job runner
    # Push does not send what follows.
    callbacks: []

    # jwt
    jwt:

        # seconds
        lifetime: 11
    # the end
    ");
}

#[test]
fn an_updatable_field_finds_its_place() {
    let text = "client_id: a # id\n# z\nzone: 1\n";
    assert_eq!(
        with(
            text,
            json!({"allowed_clients": ["b"], "name": "A\nB", "app_type": "spa"})
        ),
        "client_id: a # id\nname: |-\n  A\n  B\nallowed_clients:\n  - b\napp_type: spa\n# z\nzone: 1\n"
    );
    assert_eq!(
        with("client_id: a", json!({"x": 1, "name": "A"})),
        "client_id: a\nname: A\n# Push does not send what follows.\nx: 1"
    );
    assert_eq!(
        with("{client_id: a} # c\n", json!({"x": [1, {"b": 2}]})),
        "{client_id: a, x: [1, {b: 2}]} # c\n"
    );
    assert_eq!(
        with(
            "---\r\nclient_id: a\r\nname: # c\r\n",
            json!({"name": "A\nB"})
        ),
        "---\r\nclient_id: a\r\nname: |- # c\r\n  A\r\n  B\r\n"
    );
}

#[test]
fn an_entry_moves_to_its_side_of_the_comment_and_takes_its_comments_along() {
    let text = "\
# The shop.
client_id: a
# about the type
# of the application
app_type: spa # beside

# about nothing below

name: A # kept
weight: 1 # goes
# Push does not send what follows.
# who may delegate
allowed_clients: # these
  # the first
  - b
  # - c

  # - d

# about global
global: false
description: |+
  kept

zone: 1
# the end";
    let fields = yaml(text).unwrap();
    let arranged = rewrite(text, &fields, LAYOUT).unwrap();
    insta::assert_snapshot!(arranged, @"
    # The shop.
    client_id: a

    # about nothing below

    name: A # kept
    description: |+
      kept

    # who may delegate
    allowed_clients: # these
      # the first
      - b
      # - c

      # - d
    # Push does not send what follows.
    # about the type
    # of the application
    app_type: spa # beside

    # about global
    global: false
    weight: 1 # goes
    zone: 1
    # the end
    ");
    assert_eq!(
        rewrite(&arranged, &fields, LAYOUT).as_ref(),
        Some(&arranged)
    );
    let changes = json!({"app_type": "native", "name": "B", "zone": null});
    assert_eq!(with(text, changes.clone()), with(&arranged, changes));
}

#[test]
fn the_comment_in_its_former_words_is_renewed_with_the_next_change() {
    let text = "client_id: a\r\n  # Read-only: push does not send what follows. \r\nx: 1\r\n";
    assert_eq!(with(text, json!({})), text);
    assert_eq!(
        with(text, json!({"x": 2})),
        "client_id: a\r\n  # Push does not send what follows. \r\nx: 2\r\n"
    );
    assert_eq!(
        with(&text.replace("x: 1", "name: A"), json!({})),
        "client_id: a\r\nname: A\r\n  # Push does not send what follows. \r\n"
    );
}

#[test]
fn what_stands_below_and_above_nothing_finds_its_side() {
    for (text, arranged) in [
        (
            "# Push does not send what follows.\nclient_id: a\nx: 1",
            "client_id: a\n# Push does not send what follows.\nx: 1",
        ),
        (
            "# top\nx: 1\nclient_id: a\n# Push does not send what follows.\n",
            "client_id: a\n# Push does not send what follows.\n# top\nx: 1\n",
        ),
        (
            "---\n? client_id\n: a\n# Push does not send what follows.\n? name\n: A\n...\n",
            "---\n? client_id\n: a\n? name\n: A\n# Push does not send what follows.\n...\n",
        ),
        // The last line says something else with a line break, so that it can't go elsewhere.
        (
            "client_id: a\n# Push does not send what follows.\nname: |\n  A",
            "client_id: a\n# Push does not send what follows.\nname: |\n  A",
        ),
    ] {
        assert_eq!(with(text, json!({})), arranged);
    }
}

#[test]
fn a_new_entry_goes_where_a_new_text_has_it() {
    let text =
        "client_id: a\n# Push does not send what follows.\nallowed_clients: []\nglobal: false\n";
    let more = json!({"description": "b", "callbacks": [], "a": 1});
    insta::assert_snapshot!(with(text, more), @"
    client_id: a
    description: b
    allowed_clients: []
    # Push does not send what follows.
    a: 1
    callbacks: []
    global: false
    ");
    let text = "client_id: a\nb: 1\nname: A\nd: 2\n";
    insta::assert_snapshot!(with(text, json!({"c": 1, "a": 1, "description": "b"})), @"
    client_id: a
    a: 1
    b: 1
    c: 1
    name: A
    description: b
    d: 2
    ");
    let text = "client_id: a\nx: '# Push does not send what follows.'\nname: A\n# Read-only: push does not send what follows.\n";
    insta::assert_snapshot!(with(text, json!({"c": 1, "description": "b"})), @"
    client_id: a
    name: A
    description: b
    # Push does not send what follows.
    c: 1
    x: '# Push does not send what follows.'
    ");
}

#[test]
fn lists_change_entry_by_entry() {
    let text = "client_id: a\nallowed_clients: # c\n- a # 1\n# 2\n- b # 3\n-   'c'\n";
    assert_eq!(
        with(text, json!({"allowed_clients": ["c", "a", "b"]})),
        "client_id: a\nallowed_clients: # c\n-   'c'\n- a # 1\n# 2\n- b # 3\n"
    );
    assert_eq!(
        with(text, json!({"allowed_clients": ["x"]})),
        "client_id: a\nallowed_clients: # c\n# 2\n  - x\n"
    );
    // A comment above the first entry stays where entries stand, whatever becomes of them.
    let above = "client_id: a\nallowed_clients:\n  # why\n  - b\nl:\n    # so\n    k: 1\n";
    assert_eq!(
        with(above, json!({"allowed_clients": ["x"], "l": {"m": 2}})),
        "client_id: a\nallowed_clients:\n  # why\n  - x\nl:\n  # so\n  m: 2\n"
    );
    assert_eq!(
        with(above, json!({"allowed_clients": [], "l": "text"})),
        "client_id: a\nallowed_clients: []\n# why\nl: text\n# so\n"
    );
    assert_eq!(
        with(
            "client_id: a\nallowed_clients: [] # c\n",
            json!({"allowed_clients": ["x"]})
        ),
        "client_id: a\nallowed_clients: # c\n  - x\n"
    );
    assert_eq!(
        with(
            "client_id: a\nallowed_clients: [ \"x\", y ] # c\n",
            json!({"allowed_clients": ["y", "z"]})
        ),
        "client_id: a\nallowed_clients: [ y, \"z\" ] # c\n"
    );
    assert_eq!(
        with(
            "client_id: a\nallowed_clients: [\n  x, # 1\n  # 2\n  y # 3\n]\n",
            json!({"allowed_clients": ["y", "z"]})
        ),
        "client_id: a\nallowed_clients: [\n  # 2\n  y, z # 3\n]\n"
    );
    let nested = "client_id: a\nl:\n  - k: 1 # one\n    # two\n    m: 2\n  - - a\n    - b # b\n";
    assert_eq!(
        with(
            nested,
            json!({"l": [{"k": 2, "o": 3}, ["a", "c", "d"], "e"]})
        ),
        "client_id: a\nl:\n  - k: 2 # one\n    # two\n    o: 3\n  - - a\n    - c\n    - d\n  - e\n"
    );
}

/// Makes one choice after the other from random bytes.
struct Choices<'a>(std::iter::Cycle<std::slice::Iter<'a, u8>>, usize);

impl Choices<'_> {
    fn below(&mut self, n: u8) -> u8 {
        self.0.next().map_or(0, |byte| byte % n)
    }

    /// A comment that no other is equal to, or none.
    fn comment(&mut self) -> Option<String> {
        self.1 += 1;
        (self.below(3) == 0).then(|| format!("# comment {}.", self.1))
    }
}

/// A comment beside something: the field, and the entry of its list, that it is about.
type Beside = (String, String, Option<Value>);

/// The fields as a person might have written and commented them: the text, the comments above things, those beside.
fn commented(
    fields: &Map<String, Value>,
    choices: &mut Choices,
) -> (String, Vec<String>, Vec<Beside>) {
    let (mut text, mut above, mut beside) = (String::new(), Vec::new(), Vec::new());
    commented_map(fields, 0, choices, &mut text, &mut above, &mut beside);
    if let Some(comment) = choices.comment() {
        text.push_str(&format!("{comment}\n"));
        above.push(comment);
    }
    (text, above, beside)
}

fn commented_map(
    fields: &Map<String, Value>,
    column: usize,
    choices: &mut Choices,
    text: &mut String,
    above: &mut Vec<String>,
    beside: &mut Vec<Beside>,
) {
    let indent = " ".repeat(column);
    for (key, value) in fields {
        if let Some(comment) = choices.comment() {
            text.push_str(&format!("{indent}{comment}\n"));
            above.push(comment);
        }
        if choices.below(6) == 0 {
            text.push('\n');
        }
        let plain = writer::entry(key, value, column, true);
        let head = plain
            .strip_prefix(&indent)
            .unwrap()
            .split('\n')
            .next()
            .unwrap();
        let simple_key = !head.starts_with("? ") && head.len() < 900;
        let comment = choices.comment();
        let tail = comment
            .as_ref()
            .map(|comment| format!(" {comment}"))
            .unwrap_or_default();
        let quoted_key = quoting::scalar(key, true);
        match value {
            _ if !simple_key => {
                text.push_str(&plain);
                continue;
            }
            Value::Array(entries) if !entries.is_empty() && choices.below(3) > 0 => {
                text.push_str(&format!("{indent}{quoted_key}:{tail}\n"));
                let column = column + 2 * usize::from(choices.below(2));
                let indent = " ".repeat(column);
                for entry in entries {
                    if let Some(comment) = choices.comment() {
                        text.push_str(&format!("{indent}{comment}\n"));
                        above.push(comment);
                    }
                    let item = writer::item(entry, column, choices.below(2) == 0);
                    match choices.comment() {
                        Some(comment) if item.lines().count() == 1 => {
                            text.push_str(&format!("{} {comment}\n", item.trim_end_matches('\n')));
                            if column <= 2 {
                                beside.push((comment, key.clone(), Some(entry.clone())));
                            }
                        }
                        _ => text.push_str(&item),
                    }
                }
            }
            Value::Object(object) if !object.is_empty() && choices.below(3) > 0 => {
                text.push_str(&format!("{indent}{quoted_key}:{tail}\n"));
                let mut nested = Vec::new();
                commented_map(object, column + 2, choices, text, above, &mut nested);
            }
            value if choices.below(3) == 0 => {
                text.push_str(&format!(
                    "{indent}{quoted_key}:  {}{tail}\n",
                    writer::flow(value, choices.below(2) == 0)
                ));
            }
            _ => {
                let (head, body) = plain.split_once('\n').unwrap();
                text.push_str(&format!("{head}{tail}\n{body}"));
            }
        }
        if let Some(comment) = comment
            && column == 0
        {
            beside.push((comment, key.clone(), None));
        }
    }
}

/// Other values for some of the fields: changed, removed, and added from `more`.
fn changed(
    fields: &Map<String, Value>,
    more: &Map<String, Value>,
    choices: &mut Choices,
) -> Map<String, Value> {
    let spare: Vec<&Value> = more.values().collect();
    let mut other = Map::new();
    for (key, value) in fields {
        let spare = spare
            .get(usize::from(choices.below(8)))
            .map_or(Value::Null, |value| (*value).clone());
        match (choices.below(5), value) {
            (0, _) if key == "client_id" => other.insert(key.clone(), value.clone()),
            (0, _) => None,
            (1, _) => other.insert(key.clone(), spare),
            (2 | 3, Value::Array(entries)) => {
                let mut entries = entries.clone();
                let at = usize::from(choices.below(6)).min(entries.len());
                match choices.below(4) {
                    0 => entries.insert(at, spare),
                    1 if at < entries.len() => drop(entries.remove(at)),
                    2 if at < entries.len() => entries[at] = spare,
                    3 => entries.rotate_left(at.min(1)),
                    _ => entries.push(spare),
                }
                other.insert(key.clone(), Value::Array(entries))
            }
            (2 | 3, Value::Object(object)) => {
                let object = changed(object, more, choices);
                other.insert(key.clone(), Value::Object(object))
            }
            _ => other.insert(key.clone(), value.clone()),
        };
    }
    for (key, value) in more {
        if choices.below(3) == 0 && key != "client_id" {
            other.insert(key.clone(), value.clone());
        }
    }
    other
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(fields in fields()) {
        check_round_trip(&fields);
    }

    #[test]
    fn a_rewrite_keeps_every_comment(
        fields in fields(),
        more in fields(),
        choices in proptest::collection::vec(any::<u8>(), 64..256),
        crlf in any::<bool>(),
    ) {
        let mut choices = Choices(choices.iter().cycle(), 0);
        let (mut text, above, beside) = commented(&fields, &mut choices);
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        prop_assert_eq!(yaml(&text), Ok(fields.clone()), "{}", text);
        prop_assert_eq!(rewrite(&text, &fields, LAYOUT), Some(text.clone()));

        let new = changed(&fields, &more, &mut choices);
        let rewritten = rewrite(&text, &new, LAYOUT);
        prop_assert!(rewritten.is_some(), "{}", text);
        let rewritten = rewritten.unwrap();
        prop_assert_eq!(yaml(&rewritten), Ok(new.clone()), "{}", rewritten);
        for comment in above {
            prop_assert!(rewritten.contains(&comment), "{} in\n{}\n=>\n{}", comment, text, rewritten);
        }
        for (comment, key, entry) in beside {
            let stays = match (new.get(&key), entry) {
                (Some(Value::Array(entries)), Some(entry)) => {
                    let before = fields[&key].as_array().unwrap();
                    let count = |entries: &[Value]| entries.iter().filter(|other| **other == entry).count();
                    count(entries) >= count(before)
                }
                (Some(new), None) => *new == fields[&key] || !new.is_array() && !new.is_object(),
                _ => false,
            };
            prop_assert!(!stays || rewritten.contains(&comment), "{} in\n{}\n=>\n{}", comment, text, rewritten);
        }
        if crlf {
            prop_assert_eq!(rewritten.matches('\n').count(), rewritten.matches("\r\n").count());
        }
    }

    #[test]
    fn an_arranged_text_has_the_same_lines_each_field_on_its_side(
        fields in fields(),
        choices in proptest::collection::vec(any::<u8>(), 64..256),
        crlf in any::<bool>(),
        unended in any::<bool>(),
    ) {
        let mut choices = Choices(choices.iter().cycle(), 0);
        let fields: Map<String, Value> = fields.into_iter().collect();
        let (mut text, _, _) = commented(&fields, &mut choices);
        let keys: Vec<&str> = fields.keys().map(String::as_str).filter(|_| choices.below(2) == 0).collect();
        let layout = Layout { leading: &keys, ..LAYOUT };
        let starts: Vec<usize> = reader::read(&text).unwrap().map_or(Vec::new(), |root| root.entries.iter().map(|entry| entry.start).collect());
        let Some(at) = starts.get(usize::from(choices.below(12))) else { return Ok(()); };
        text.insert_str(*at, &format!("{}\n", LAYOUT.comment));
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        if unended && let Some(shorter) = text.strip_suffix(if crlf { "\r\n" } else { "\n" }) && yaml(shorter).as_ref() == Ok(&fields) {
            text = shorter.to_owned();
        }
        prop_assert_eq!(yaml(&text), Ok(fields.clone()), "{}", text);
        let arranged = rewrite(&text, &fields, layout).unwrap();
        let sorted = |text: &str| -> String {
            // Without a line break at its end, a blank line is none.
            let lines = text.lines().filter(|line| !unended || !line.is_empty());
            let mut lines: Vec<&str> = lines.collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        prop_assert_eq!(sorted(&text), sorted(&arranged), "{}\n=>\n{}", text, arranged);
        prop_assert_eq!(rewrite(&arranged, &fields, layout), Some(arranged.clone()));
        let divider = arranged.find(LAYOUT.comment).unwrap();
        for entry in reader::read(&arranged).unwrap().unwrap().entries {
            prop_assert_eq!(entry.start < divider, keys.contains(&entry.key.as_str()), "{}\n=>\n{}", text, arranged);
        }
        // A comment right above a key stays there.
        let above = |text: &str| -> BTreeMap<String, Option<String>> {
            let keys = reader::read(text).unwrap().unwrap().entries;
            let above = |entry: &tree::Entry| text[..entry.start].lines().next_back().filter(|line| line.starts_with("# comment")).map(str::to_owned);
            keys.iter().map(|entry| (entry.key.clone(), above(entry))).collect()
        };
        let (before, after) = (above(&text), above(&arranged));
        for (key, comment) in before {
            prop_assert!(comment.is_none() || after[&key] == comment, "{}\n{}\n=>\n{}", key, text, arranged);
        }
    }

    #[test]
    fn any_tokens_are_read_or_refused(
        tokens in proptest::collection::vec(proptest::sample::select(&[
            "a", "b: ", ": ", ":", "- ", "-", "? ", "?", "[", "]", "{", "}", ", ", ",", "\n", "\n  ", "\n    ", " ", "\t", "#", " # c\n", "|", ">", "|-",
            "|+\n", ">2\n", "'", "\"", "&a ", "*a ", "!!str ", "!", "---\n", "...\n", "%YAML 1.2\n", "<<", "~", "0x1", "é", "\r\n", "\r", "\\", "\u{85}", "\0", "\"a\"", "'b'",
        ][..]), 0..24),
        fields in fields(),
    ) {
        let text = tokens.concat();
        if let Ok(read) = yaml(&text) {
            prop_assert_eq!(rewrite(&text, &read, LAYOUT), Some(text.clone()));
            if let Some(rewritten) = rewrite(&text, &fields, LAYOUT) {
                prop_assert_eq!(yaml(&rewritten), Ok(fields.clone()), "{:?}\n=>\n{}", text, rewritten);
            }
        }
    }
}

#[test]
fn what_is_nested_as_deep_as_may_be_is_written_and_read() {
    for wrap in [|value| json!([value]), |value| json!({ "a": value })] {
        let mut value = json!("x\ny");
        // The outermost map is a level, too.
        for _ in 1..MAX_DEPTH {
            value = wrap(value);
        }
        let fields = object(json!({ "client_id": "a", "v": value }));
        assert_eq!(yaml(&write(&fields, LAYOUT)).as_ref(), Ok(&fields));
        let flow = format!("{}\n", writer::flow(&Value::Object(fields.clone()), false));
        assert_eq!(yaml(&flow).as_ref(), Ok(&fields));
        assert_eq!(
            yaml(&with(&write(&fields, LAYOUT), json!({"v": null})))
                .unwrap()
                .len(),
            1
        );
    }
}

#[test]
fn a_tab_after_a_colon_is_white_space() {
    for (text, says) in [
        ("a:\t1", json!({"a": 1})),
        ("a: \t x\nb:\t\ty # c\n", json!({"a": "x", "b": "y"})),
        ("ä:\n  b:\tc\n  d:\t- e", json!(null)),
        (
            "a:\n- b:\tc\n  d:\t'\te:\tf'\n",
            json!({"a": [{"b": "c", "d": "\te:\tf"}]}),
        ),
        ("a: {b:\tc}\n", json!({"a": {"b": "c"}})),
        ("a:\tb:\tc", json!(null)),
    ] {
        match yaml(text) {
            Ok(fields) => assert_eq!(Value::Object(fields), says, "{text:?}"),
            Err(error) => assert_eq!(says, json!(null), "{text:?}: {error}"),
        }
    }
    let old = "name:\tShop # c\nb:\t1\nc:\t|\n  x\n";
    insta::assert_snapshot!(with(old, json!({"name": "Store", "b": 2, "c": "y"})), @r#"
    name:	Store # c
    b:	2
    c:	"y"
    "#);
    assert!(yaml(&"a:\tb:\tc".repeat(100)).is_err());
}

#[test]
fn a_block_has_a_line_break_at_its_end_only_where_the_file_has_one() {
    let value = |text: &str| yaml(text).unwrap()["a"].clone();
    for (text, says) in [
        ("a: |\n  x", "x"),
        ("a: |\n  x\n", "x\n"),
        ("a: |\r\n  x\r\n  y", "x\ny"),
        ("a: |+\n  x", "x"),
        ("a: |-\n  x", "x"),
        ("a: >\n  x\n  y", "x y"),
        ("a: |\n  x\n  ", "x\n"),
        ("a: |\n  x\n ", "x\n"),
        ("a: |\n  x\n# c", "x\n"),
        ("a: |\n    x\n  # c", "x\n"),
        ("a: |\n", ""),
        ("a: |", ""),
        ("a: |+\n\n", "\n"),
        ("a: |+\n  ", ""),
        ("a: |+\n\n    ", "\n"),
    ] {
        assert_eq!(value(text), json!(says), "{text:?}");
        let theirs: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(theirs["a"].as_str(), Some(says), "{text:?}");
    }
    assert_eq!(value("a:\n  - |\n    x"), json!(["x"]));
    let old = "client_id: a\nx: |\n  text";
    for (changes, new) in [
        (json!({"client_id": "b"}), "client_id: b\nx: text"),
        (json!({"x": "text\n"}), "client_id: a\nx: |\n  text\n"),
        (json!({"x": "a\nb\n"}), "client_id: a\nx: |\n  a\n  b\n"),
        (json!({"x": "a\nb"}), "client_id: a\nx: |-\n  a\n  b"),
        (json!({"z": 1}), "client_id: a\nx: text\nz: 1"),
    ] {
        assert_eq!(with(old, changes), new);
    }
}
