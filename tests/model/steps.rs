//! The steps of a story: what a person does to the files, and with git, what another does on the dashboard, what tenantry is told,
//! and what goes wrong. All of them are small numbers that are read modulo what there is, so that any sequence is a story and shrinks
//! to a shorter one.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tenantry::testing::{Fault, FaultRule};

use crate::promise::Command;
use crate::repository::Settle;

/// How a story begins: how many clients there are, whether new files are JSON, and whether git is there.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub clients: u8,
    pub json: bool,
    pub git: bool,
}

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
    /// Files and lock are committed.
    Commit,
    /// A commit is reverted that is so many before HEAD; or all since then. Here and below, what is there may be committed first.
    Revert { back: u8, range: bool, commit: bool },
    /// A branch begins, so many commits before HEAD.
    Branch { back: u8, commit: bool },
    /// Another branch is switched to.
    Switch { branch: u8, commit: bool },
    /// Another branch is merged.
    Merge {
        branch: u8,
        settle: Settle,
        commit: bool,
    },
    /// What is not committed is put aside.
    Stash,
    /// It is taken back, in a conflict with the values that were put aside or without.
    Pop { theirs: bool, commit: bool },
    /// The story goes on in a new clone.
    Clone { commit: bool },
    /// The branch is moved back so many commits, and all else is lost.
    Reset { back: u8, commit: bool },
    /// Files and lock are taken from so many commits before HEAD, over HEAD.
    Over { back: u8, commit: bool },
    /// Somebody changes a managed field on the dashboard; a value past the last one removes it.
    Dashboard { client: u8, field: u8, value: u8 },
    /// Somebody changes it to what the lock has.
    Back { client: u8, field: u8 },
    /// Somebody changes another field there.
    Settings { client: u8, field: u8, value: u8 },
    /// Somebody creates a client there.
    Create { name: u8 },
    /// Somebody deletes a client there.
    Delete { client: u8 },
    /// A plan of everything is saved, in place of an earlier one.
    Save { base: Option<u8> },
    /// tenantry is told something, about one client or all, perhaps with the commit as base that is so many before HEAD, and
    /// something may go wrong.
    Run {
        command: Command,
        only: Option<u8>,
        base: Option<u8>,
        fault: Option<Trouble>,
    },
    /// A push, whose record is then undone, and undone again.
    Undo,
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

/// A value of a managed field. There are few, so that two sides often say the same.
pub fn value(field: &str, number: u8) -> Value {
    let values = match field {
        "name" => vec![json!("A"), json!("A!"), json!("no"), json!("0123")],
        "description" => vec![json!("x"), json!(""), json!("# y: z"), json!("one\n two\n")],
        "client_metadata" => vec![
            json!({"a": "1", "k": "0"}),
            json!({"a": "2", "k": "0"}),
            json!({"a": "1", "b": "no", "k": "0"}),
            json!({"b": "# x", "k": "0"}),
        ],
        "native_social_login" => vec![
            json!({"apple": {"enabled": true}, "google": {"enabled": false}}),
            json!({"apple": {"enabled": false}, "google": {"enabled": false}}),
            json!({"apple": {"enabled": true}, "google": {"enabled": true}}),
            Value::Null,
        ],
        "organization_usage" => vec![json!("deny"), json!("allow"), Value::Null, json!("require")],
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

fn settle() -> impl Strategy<Value = Settle> {
    prop_oneof![
        Just(Settle::HunksOurs),
        Just(Settle::HunksTheirs),
        any::<u8>().prop_map(Settle::Files),
        any::<bool>().prop_map(|our_lock| Settle::Union { our_lock }),
        Just(Settle::Abort),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let client = || 0..5_u8;
    let field = || 0..7_u8;
    let value = || 0..4_u8;
    let style = || 0..12_u8;
    let back = || prop_oneof![4 => Just(0), 3 => Just(1), 3 => 2..6_u8];
    let commit = || prop::bool::weighted(0.7);
    let run = (
        command(),
        prop::option::weighted(0.2, client()),
        prop::option::weighted(0.12, back()),
        prop::option::weighted(0.2, trouble()),
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
        7 => Just(Step::Commit),
        3 => (back(), any::<bool>(), commit()).prop_map(|(back, range, commit)| Step::Revert { back, range, commit }),
        1 => (back(), commit()).prop_map(|(back, commit)| Step::Branch { back, commit }),
        3 => (client(), commit()).prop_map(|(branch, commit)| Step::Switch { branch, commit }),
        3 => (client(), settle(), commit()).prop_map(|(branch, settle, commit)| Step::Merge { branch, settle, commit }),
        1 => Just(Step::Stash),
        1 => (any::<bool>(), commit()).prop_map(|(theirs, commit)| Step::Pop { theirs, commit }),
        1 => commit().prop_map(|commit| Step::Clone { commit }),
        1 => (back(), commit()).prop_map(|(back, commit)| Step::Reset { back, commit }),
        2 => (back(), commit()).prop_map(|(back, commit)| Step::Over { back, commit }),
        5 => (client(), field(), 0..5_u8).prop_map(|(client, field, value)| Step::Dashboard { client, field, value }),
        1 => (client(), field()).prop_map(|(client, field)| Step::Back { client, field }),
        2 => (client(), 0..5_u8, value()).prop_map(|(client, field, value)| Step::Settings { client, field, value }),
        1 => value().prop_map(|name| Step::Create { name }),
        2 => client().prop_map(|client| Step::Delete { client }),
        4 => prop::option::weighted(0.12, back()).prop_map(|base| Step::Save { base }),
        3 => Just(Step::Undo),
        20 => run.prop_map(|(command, only, base, fault)| Step::Run { command, only, base, fault }),
        2 => (command(), 0..4_u8).prop_map(|(command, written)| Step::Killed { command, written }),
    ]
}

/// A chapter of a story that is about git: few fields and few values, and nothing that goes wrong.
fn chapter() -> impl Strategy<Value = Vec<Step>> {
    let client = || prop_oneof![5 => Just(0), 1 => Just(1)];
    let field = || prop_oneof![5 => Just(1), 1 => Just(0), 4 => Just(6)];
    let back = || prop_oneof![4 => Just(0), 3 => Just(1), 3 => 2..6_u8];
    let commit = || prop::bool::weighted(0.9);
    let write = move || {
        (client(), field(), 0..3_u8).prop_map(|(client, field, value)| Step::Write {
            client,
            field,
            value,
            style: 0,
        })
    };
    let dashboard =
        (client(), field(), 0..4_u8).prop_map(|(client, field, value)| Step::Dashboard {
            client,
            field,
            value: if value == 3 { 4 } else { value },
        });
    let run = |command, base| Step::Run {
        command,
        only: None,
        base,
        fault: None,
    };
    let push = move |overwrite_drift| run(Command::Push { overwrite_drift }, None);
    let pull = move |discard_local| {
        let prune = false;
        run(
            Command::Pull {
                discard_local,
                prune,
            },
            None,
        )
    };
    let switch = |branch| Step::Switch {
        branch,
        commit: true,
    };
    let merge = |branch, settle| Step::Merge {
        branch,
        settle,
        commit: true,
    };
    let one = |step| vec![step];
    // An edit is pushed and committed; or the tenant is what is there now, and that is committed.
    let shipped = move |write| vec![write, push(false), Step::Commit];
    // Two branches push, the second over the first if need be, and are merged.
    let contest = (back(), write(), write(), any::<bool>(), settle()).prop_map(
        move |(back, theirs, ours, over, settle)| {
            let commit = true;
            let branch = Step::Branch { back, commit };
            let fork = [vec![branch], shipped(theirs), vec![switch(0)]].concat();
            let join = vec![ours, push(over), Step::Commit, merge(1, settle)];
            [fork, join].concat()
        },
    );
    prop_oneof![
        3 => write().prop_map(one),
        1 => (client(), field()).prop_map(|(client, field)| Step::Leave { client, field }).prop_map(one),
        1 => client().prop_map(|client| Step::Rename { client }).prop_map(one),
        4 => dashboard.prop_map(one),
        1 => (client(), field()).prop_map(|(client, field)| Step::Back { client, field }).prop_map(one),
        2 => Just(vec![Step::Commit]),
        6 => write().prop_map(shipped),
        2 => any::<bool>().prop_map(move |discard_local| vec![pull(discard_local), Step::Commit]),
        6 => (back(), any::<bool>(), commit())
            .prop_map(|(back, range, commit)| Step::Revert { back, range, commit }).prop_map(one),
        1 => (back(), commit()).prop_map(|(back, commit)| Step::Branch { back, commit }).prop_map(one),
        2 => client().prop_map(switch).prop_map(one),
        2 => (client(), settle()).prop_map(move |(branch, settle)| merge(branch, settle)).prop_map(one),
        3 => contest,
        1 => Just(vec![Step::Stash]),
        1 => (any::<bool>(), commit()).prop_map(|(theirs, commit)| Step::Pop { theirs, commit }).prop_map(one),
        1 => commit().prop_map(|commit| Step::Clone { commit }).prop_map(one),
        1 => (back(), commit()).prop_map(|(back, commit)| Step::Reset { back, commit }).prop_map(one),
        3 => (back(), commit()).prop_map(|(back, commit)| Step::Over { back, commit }).prop_map(one),
        5 => Just(vec![push(false)]),
        2 => Just(vec![Step::Undo]),
        1 => Just(vec![push(true)]),
        3 => Just(vec![pull(false)]),
        1 => Just(vec![run(Command::Diff, None)]),
        1 => back().prop_map(move |back| vec![run(Command::Push { overwrite_drift: false }, Some(back))]),
        1 => back().prop_map(move |back| vec![run(Command::Diff, Some(back))]),
    ]
}

/// A story: how it begins, and what happens.
pub fn story(longest: usize) -> impl Strategy<Value = (Start, Vec<Step>)> {
    let start = (
        1..4_u8,
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.6),
    );
    let start = start.prop_map(|(clients, json, git)| Start { clients, json, git });
    (start, prop::collection::vec(step(), 1..=longest))
}

/// A story that is about git.
pub fn git_story(longest: usize) -> impl Strategy<Value = (Start, Vec<Step>)> {
    let start = (1..3_u8, prop::bool::weighted(0.2));
    let start = start.prop_map(|(clients, json)| Start {
        clients,
        json,
        git: true,
    });
    let chapters = prop::collection::vec(chapter(), 3..=longest);
    (start, chapters.prop_map(|chapters| chapters.concat()))
}
