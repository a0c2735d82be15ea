//! Sending a plan: the only code that writes to a tenant. Each resource's outcome is reported as soon as it is known, so that the
//! caller can remember it before the next one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::api::{ApiError, Unfinished, Writer};
use crate::create::{Answered, New};
use crate::kinds::{Field, Kind};
use crate::plan::{FieldPlan, PlanField};
use crate::push_plan::Update;
use crate::resource::{Resource, ResourceId};
use futures_util::stream::{self, StreamExt};

/// How many resources are updated at once when the tenant's limit allows for it.
const SIDE_BY_SIDE: usize = 16;

/// A tenant that fails so many updates one after the other, after all retries, is down.
const DOWN: usize = 3;

/// An update and what became of it. Where a part of it went through, that part and the rest are two.
#[derive(Debug)]
pub struct Outcome {
    /// The update.
    pub update: Update,
    /// What became of it.
    pub result: UpdateResult,
}

/// What became of an update.
#[derive(Debug)]
pub enum UpdateResult {
    /// The tenant answered with the updated resource. `differing` lists the fields in which it is not what was sent.
    Updated {
        /// The resource as the tenant has it now.
        resource: Resource,
        /// Fields whose answered value is not the one that was sent.
        differing: Vec<PlanField>,
    },
    /// The tenant refused, or no answer came.
    Failed(ApiError),
    /// It was not sent, since an earlier failure would have met it too, or somebody asked for a stop.
    NotAttempted,
}

/// A resource that was to be made, and what became of it.
#[derive(Debug)]
pub struct Created {
    /// What was to be made.
    pub new: New,
    /// What became of it.
    pub result: CreateResult,
}

/// What became of a resource that was to be made.
#[derive(Debug)]
pub enum CreateResult {
    /// The tenant has it.
    Made {
        /// The resource as the tenant has it now.
        resource: Resource,
        /// How it differs from what was sent.
        answered: Answered,
    },
    /// The tenant refused, or no answer came.
    Failed(ApiError),
    /// The answer was lost, and the tenant has several resources that say what was sent.
    Several(Vec<ResourceId>),
    /// It was not sent, since an earlier failure would have met it too, it needs something that was not made, or somebody asked for
    /// a stop.
    NotAttempted,
}

/// Sends updates side by side, what others refer to first; calls `report` with each outcome as soon as it is known, and returns them
/// by kind and file. After a failure that every other update would meet too (no network, a tenant that is down), or when `report`
/// answers false, the rest is not attempted; after one that every other update of the kind would meet (no permission), the rest of
/// that kind.
pub async fn apply(
    writer: &Writer,
    updates: Vec<Update>,
    mut report: impl FnMut(&Outcome) -> bool,
) -> Vec<Outcome> {
    let run = Run::default();
    let mut outcomes = Vec::with_capacity(updates.len());
    let mut turns: BTreeMap<u8, Vec<Update>> = BTreeMap::new();
    for update in updates {
        turns.entry(update.id.kind().turn).or_default().push(update);
    }
    for updates in turns.into_values() {
        outcomes.extend(run.updates(writer, updates, &mut report).await);
    }
    sort(&mut outcomes);
    outcomes
}

/// By kind and file.
pub fn sort(outcomes: &mut [Outcome]) {
    let place = |outcome: &Outcome| {
        let Update { id, file, .. } = &outcome.update;
        (id.kind(), file.clone(), id.clone())
    };
    outcomes.sort_by_cached_key(place);
}

/// One run of writes, and what its failures say of those that are still to come.
#[derive(Default)]
pub struct Run(Stop);

impl Run {
    /// Sends updates side by side, whatever they refer to. See [`apply`].
    pub async fn updates(
        &self,
        writer: &Writer,
        updates: Vec<Update>,
        mut report: impl FnMut(&Outcome) -> bool,
    ) -> Vec<Outcome> {
        let stop = &self.0;
        let mut outcomes = Vec::with_capacity(updates.len());
        let mut under_way = std::pin::pin!(
            stream::iter(updates)
                .map(|update| async {
                    let sent = match stop.stops(update.id.kind()) {
                        true => vec![Outcome {
                            update,
                            result: UpdateResult::NotAttempted,
                        }],
                        false => send(writer, update).await,
                    };
                    if let Some(Outcome { update, result }) = sent.last() {
                        stop.heed(update, result);
                    }
                    sent
                })
                .buffer_unordered(SIDE_BY_SIDE)
        );
        while let Some(sent) = under_way.next().await {
            for outcome in sent {
                if !report(&outcome) {
                    stop.everything.set(true);
                }
                outcomes.push(outcome);
            }
        }
        outcomes
    }

    /// Whether a resource of this kind is not to be made any more.
    pub fn stops(&self, kind: &Kind) -> bool {
        self.0.stops(kind)
    }

    /// Learns from a resource that was not made.
    pub fn failed(&self, kind: &'static Kind, error: &ApiError) {
        self.0.failed(kind, error);
    }

    /// Nothing more is to be sent.
    pub fn stop(&self) {
        self.0.everything.set(true);
    }
}

/// What is not attempted any more.
#[derive(Default)]
struct Stop {
    everything: Cell<bool>,
    kinds: RefCell<BTreeSet<&'static Kind>>,
    /// Failures in a row.
    failures: Cell<usize>,
}

impl Stop {
    fn stops(&self, kind: &Kind) -> bool {
        self.everything.get() || self.kinds.borrow().contains(kind)
    }

    /// Learns from what became of an update.
    fn heed(&self, update: &Update, result: &UpdateResult) {
        match result {
            UpdateResult::Failed(error) => self.failed(update.id.kind(), error),
            UpdateResult::Updated { .. } => self.failures.set(0),
            UpdateResult::NotAttempted => {}
        }
    }

    fn failed(&self, kind: &'static Kind, error: &ApiError) {
        if error.is_about_permission() {
            self.kinds.borrow_mut().insert(kind);
            return;
        }
        let failures = self.failures.get() + usize::from(error.is_the_servers());
        self.failures.set(failures);
        if failures >= DOWN || error.concerns_every_request() {
            self.everything.set(true);
        }
    }
}

async fn send(writer: &Writer, update: Update) -> Vec<Outcome> {
    let unfinished = match writer.update(&update.id, &update.patch).await {
        Ok(resource) => {
            let is_kept = |field: &PlanField, sent| {
                let key = field.key();
                key.is_none_or(|key| key.same(sent, key.of(resource.fields())))
            };
            let sent = update
                .fields
                .iter()
                .map(|edit| (&edit.field, edit.local.as_ref()));
            let differing = sent.filter(|(field, sent)| !is_kept(field, *sent));
            let result = UpdateResult::Updated {
                differing: differing.map(|(field, _)| field.clone()).collect(),
                resource,
            };
            return vec![Outcome { update, result }];
        }
        Err(unfinished) => unfinished,
    };
    let Unfinished { error, sent, since } = unfinished;
    let result = match error {
        ApiError::Stopped { .. } => UpdateResult::NotAttempted,
        error => UpdateResult::Failed(error),
    };
    match since {
        None => vec![Outcome { update, result }],
        Some(since) => in_two(update, &sent, since, result),
    }
}

/// The outcome of an update of which a part went through: of that part, and of the rest. `since` is the resource as it is now.
fn in_two(update: Update, sent: &[Field], since: Resource, result: UpdateResult) -> Vec<Outcome> {
    let is_sent = |field: &FieldPlan| {
        let key = field.field.key();
        key.is_some_and(|key| sent.contains(&key.field))
    };
    let (mut done, mut rest): (Vec<_>, Vec<_>) = update.fields.iter().cloned().partition(is_sent);
    // Of a list, some entries may have been added or removed.
    for field in &mut rest {
        let key = field.field.key();
        let now = key.and_then(|key| key.of(since.fields())).cloned();
        if now.is_some() && now != field.live {
            let part = FieldPlan {
                local: now.clone(),
                ..field.clone()
            };
            done.push(part);
            field.live = now;
        }
    }
    let of = |fields: Vec<FieldPlan>, result: UpdateResult| Outcome {
        update: Update {
            fields,
            ..update.clone()
        },
        result,
    };
    let mut outcomes = Vec::new();
    if !done.is_empty() {
        let differing = Vec::new();
        let resource = since;
        outcomes.push(of(
            done,
            UpdateResult::Updated {
                resource,
                differing,
            },
        ));
    }
    if !rest.is_empty() || !matches!(result, UpdateResult::NotAttempted) {
        outcomes.push(of(rest, result));
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Options, Reader};
    use crate::kinds::clients::KIND;
    use crate::resource::{Patch, ResourceId};
    use crate::sandbox::Sandbox;
    use crate::sandbox::faults::{Fault, FaultRule};
    use crate::settings::Connection;
    use serde_json::json;

    /// What became of updates of 60 clients under these faults, and how many requests that took.
    fn applied(faults: impl IntoIterator<Item = FaultRule>) -> (Vec<Outcome>, usize) {
        let clients =
            (0..60).map(|number| json!({"client_id": format!("c{number:02}"), "name": "A"}));
        let sandbox = Sandbox::builder().clients(clients).start().unwrap();
        sandbox.set_faults(faults);
        let (id, secret) = (sandbox.client_id(), sandbox.client_secret());
        let tenant = Connection::client_secret(&sandbox.url(), id, secret).unwrap();
        let options = Options {
            retries: 0,
            ..Options::default()
        };
        let name = KIND.field("name").unwrap();
        let updates = (0..60).map(|number| Update {
            id: ResourceId::new(&KIND, format!("c{number:02}")),
            name: "A".to_owned(),
            file: None,
            fields: Vec::new(),
            patch: Patch::set(name, "B").unwrap(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcomes = runtime.unwrap().block_on(apply(
            &Reader::new(tenant, options).writer(),
            updates.collect(),
            |_| true,
        ));
        (outcomes, sandbox.requests().len())
    }

    fn count(outcomes: &[Outcome], wanted: fn(&UpdateResult) -> bool) -> usize {
        let outcomes = outcomes.iter();
        outcomes.filter(|outcome| wanted(&outcome.result)).count()
    }

    #[test]
    fn a_tenant_that_is_down_is_left_alone() {
        let (outcomes, requests) = applied([FaultRule::new(Fault::StatusBefore(503))
            .method("PATCH")
            .always()]);
        assert_eq!(outcomes.len(), 60);
        assert!(requests <= 1 + DOWN + SIDE_BY_SIDE, "{requests}");
        assert!(
            count(&outcomes, |result| matches!(
                result,
                UpdateResult::NotAttempted
            )) >= 60 - DOWN - SIDE_BY_SIDE
        );
    }

    #[test]
    fn one_client_that_can_t_be_updated_keeps_no_other_back() {
        let faults = ["c01", "c20", "c40", "c59"]
            .map(|id| FaultRule::new(Fault::StatusBefore(500)).path(id));
        let (outcomes, _) = applied(faults);
        assert_eq!(
            count(&outcomes, |result| matches!(
                result,
                UpdateResult::Updated { .. }
            )),
            56
        );
        assert_eq!(
            count(&outcomes, |result| matches!(
                result,
                UpdateResult::Failed(_)
            )),
            4
        );
    }
}
