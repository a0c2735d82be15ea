//! The steps of a story: what a person does to the files, what another does on the dashboard, what tenantry is told, and what
//! goes wrong. All of them are small numbers that are read modulo what there is, so that any sequence is a story and shrinks
//! to a shorter one.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tenantry::sandbox::{Fault, FaultRule};

use crate::promise::Command;

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// A person writes a value into a file, in one of the ways in which people write.
    Write {
        client: u8,
        field: u8,
        value: u8,
        style: u8,
    },
    /// A person takes a field out of a file.
    Leave { client: u8, field: u8 },
    /// A person writes what the tenant says.
    Match { client: u8, field: u8, style: u8 },
    /// A person puts a comment on top of a file.
    Comment { client: u8 },
    /// A person moves a file.
    Rename { client: u8 },
    /// A person deletes a file.
    Remove { client: u8 },
    /// A person writes a file by hand for a client that has none, a new one if need be; each bit is a field that is in it.
    ByHand {
        client: u8,
        fields: u8,
        value: u8,
        json: bool,
    },
    /// git remembers the files and the lock.
    Commit,
    /// git brings back the files and the lock that it remembers.
    Checkout,
    /// Somebody changes an updatable field on the dashboard; a value past the last one removes it.
    Dashboard { client: u8, field: u8, value: u8 },
    /// Somebody changes it to what the lock has.
    Revert { client: u8, field: u8 },
    /// Somebody changes another field there.
    Settings { client: u8, field: u8, value: u8 },
    /// Somebody creates a client there.
    Create { name: u8 },
    /// Somebody deletes a client there.
    Delete { client: u8 },
    /// A plan of everything is saved, in place of an earlier one.
    Save,
    /// tenantry is told something, about one client or all, and something may go wrong.
    Run {
        command: Command,
        only: Option<u8>,
        fault: Option<Trouble>,
    },
    /// It is killed after having written so many files, and before it wrote the lock.
    Killed { command: Command, written: u8 },
}

/// A fault of one command, and whether the command is given again after it.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub fault: Fault,
    /// The first request that meets it; 0 is a request for a token.
    pub nth: u8,
    pub times: u8,
    pub only_patches: bool,
    pub again: bool,
}

impl Trouble {
    /// Whether tenantry has to get over it.
    pub fn passes(&self) -> bool {
        let fatal = [
            Fault::InvalidJson,
            Fault::StatusBefore(403),
            Fault::StatusAfter(403),
            Fault::StatusAfter(409),
        ];
        self.times <= 2 && !fatal.contains(&self.fault)
    }

    /// As the sandbox has it.
    pub fn rule(&self) -> FaultRule {
        let rule = FaultRule::new(self.fault.clone()).times(u64::from(self.times));
        match (self.nth, self.only_patches) {
            (0, _) => rule.token(),
            (nth, true) => rule.method("PATCH").nth(u64::from(nth)),
            (nth, false) => rule.nth(u64::from(nth)),
        }
    }
}

/// A value of an updatable field. There are few, so that two sides often say the same.
pub fn value(field: &str, number: u8) -> Value {
    let values = match field {
        "name" => vec![json!("A"), json!("A!"), json!("no"), json!("0123")],
        "description" => vec![json!("x"), json!(""), json!("# y: z"), json!("one\n two\n")],
        _ => vec![
            json!(["c1"]),
            json!([]),
            json!(["c1", "c2"]),
            json!(["~", "https://a.example/"]),
        ],
    };
    values[usize::from(number) % values.len()].clone()
}

/// Fields that push does not send, and values; None is absent.
pub fn setting(field: u8, number: u8) -> (&'static str, Option<Value>) {
    let (field, values) = match field % 5 {
        0 => (
            "app_type",
            vec![None, Some(json!("spa")), Some(json!("no"))],
        ),
        1 => (
            "callbacks",
            vec![Some(json!([])), Some(json!(["https://a", "# b"])), None],
        ),
        2 => (
            "jwt_configuration",
            vec![
                Some(json!({"alg": "RS256", "scopes": {}})),
                Some(json!({"alg": "~"})),
            ],
        ),
        3 => (
            "zz_unknown",
            vec![
                None,
                Some(Value::Null),
                Some(json!({"a": [1, {"b": "x\ny\n"}], "c": []})),
            ],
        ),
        _ => (
            "addons",
            vec![
                Some(json!({"wams": {"masterkey": "S3CR3T", "x": 1}})),
                Some(json!({"samlp": {"audience": "urn:a"}})),
                None,
            ],
        ),
    };
    (field, values[usize::from(number) % values.len()].clone())
}

fn command() -> impl Strategy<Value = Command> {
    let pull = |discard_local, prune| Command::Pull {
        discard_local,
        prune,
    };
    prop_oneof![
        6 => Just(pull(false, false)),
        1 => Just(pull(true, false)),
        2 => Just(pull(false, true)),
        2 => Just(Command::Diff),
        6 => Just(Command::Push { overwrite_drift: false }),
        1 => Just(Command::Push { overwrite_drift: true }),
        5 => Just(Command::Apply),
    ]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    // What tenantry gives up at, at once.
    let fatal = select(vec![
        (Fault::InvalidJson, 1),
        (Fault::StatusBefore(403), 1),
        (Fault::StatusAfter(403), 1),
        (Fault::StatusAfter(409), 1),
        (Fault::RevokeTokens, 4),
        (Fault::ShortPage, 200),
        (Fault::RepeatedEntry, 200),
    ]);
    // What it goes on after, at once.
    let passing = select(vec![
        (Fault::RevokeTokens, 1),
        (Fault::ShortPage, 1),
        (Fault::RepeatedEntry, 1),
    ]);
    // What it tries again after a while: these cost a test's time.
    let slow = select(vec![
        (Fault::StatusBefore(500), 1),
        (Fault::StatusAfter(503), 1),
        (Fault::CloseBefore, 1),
        (Fault::CloseAfter, 1),
        (Fault::CutBody, 1),
        (Fault::ProxyPage, 1),
        (
            Fault::TooManyRequests {
                retry_after: Some(0),
            },
            1,
        ),
        (Fault::TooManyRequests { retry_after: None }, 2),
    ]);
    let fault = prop_oneof![12 => fatal, 4 => passing, 1 => slow];
    (fault, 0..4_u8, any::<bool>(), any::<bool>()).prop_map(
        |((fault, times), nth, only_patches, again)| Trouble {
            fault,
            nth,
            times,
            only_patches,
            again,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let client = || 0..5_u8;
    let field = || 0..3_u8;
    let value = || 0..4_u8;
    let style = || 0..12_u8;
    let run = (
        command(),
        prop::option::weighted(0.2, client()),
        prop::option::weighted(0.25, trouble()),
    );
    prop_oneof![
        6 => (client(), field(), value(), style())
            .prop_map(|(client, field, value, style)| Step::Write { client, field, value, style }),
        1 => (client(), field()).prop_map(|(client, field)| Step::Leave { client, field }),
        1 => (client(), field(), style()).prop_map(|(client, field, style)| Step::Match { client, field, style }),
        1 => client().prop_map(|client| Step::Comment { client }),
        1 => client().prop_map(|client| Step::Rename { client }),
        1 => client().prop_map(|client| Step::Remove { client }),
        2 => (client(), any::<u8>(), value(), any::<bool>())
            .prop_map(|(client, fields, value, json)| Step::ByHand { client, fields, value, json }),
        1 => Just(Step::Commit),
        1 => Just(Step::Checkout),
        5 => (client(), field(), 0..5_u8).prop_map(|(client, field, value)| Step::Dashboard { client, field, value }),
        1 => (client(), field()).prop_map(|(client, field)| Step::Revert { client, field }),
        2 => (client(), 0..5_u8, value()).prop_map(|(client, field, value)| Step::Settings { client, field, value }),
        1 => value().prop_map(|name| Step::Create { name }),
        2 => client().prop_map(|client| Step::Delete { client }),
        4 => Just(Step::Save),
        16 => run.prop_map(|(command, only, fault)| Step::Run { command, only, fault }),
        2 => (command(), 0..4_u8).prop_map(|(command, written)| Step::Killed { command, written }),
    ]
}

/// A story: how many clients there are first, whether new files are JSON, and what happens.
pub fn story(longest: usize) -> impl Strategy<Value = (u8, bool, Vec<Step>)> {
    (
        1..4_u8,
        prop::bool::weighted(0.3),
        prop::collection::vec(step(), 1..=longest),
    )
}
