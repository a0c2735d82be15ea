//! Sending a plan: the only code that writes to a tenant. Each client's outcome is told as soon as it is known, so that the
//! caller can remember it before the next one.

use std::cell::Cell;

use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use crate::api::{ApiError, Writer};
use crate::client::{Client, ClientId, Field, Patch};

/// How many clients are updated at once when the tenant's limit allows for it.
const SIDE_BY_SIDE: usize = 16;

/// A tenant that fails so many updates one after the other, after all retries, is down.
const DOWN: usize = 3;

/// One client's update, due.
#[derive(Debug, Clone)]
pub struct Update {
    /// The client.
    pub id: ClientId,
    /// Its name, for the report.
    pub name: String,
    /// Its file, for the report.
    pub file: Option<String>,
    /// What to send.
    pub patch: Patch,
}

/// An update and what became of it.
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
    /// The tenant answered with the updated client. `differing` lists the fields in which it is not what was sent.
    Updated {
        /// The client as the tenant has it now.
        client: Client,
        /// Fields whose answered value is not the one that was sent.
        differing: Vec<Field>,
    },
    /// The tenant refused, or no answer came.
    Failed(ApiError),
    /// An earlier failure would have met this one too, or somebody wished to stop.
    NotAttempted,
}

/// Sends updates side by side, calls `told` with each outcome as soon as it is known, and returns them by file. After a failure that
/// every other update would meet too (no network, no permission, a tenant that is down), or when `told` answers false, the rest is
/// not attempted.
pub async fn apply(
    writer: &Writer,
    updates: Vec<Update>,
    mut told: impl FnMut(&Outcome) -> bool,
) -> Vec<Outcome> {
    let stopped = Cell::new(false);
    let failures = Cell::new(0);
    let mut outcomes = Vec::with_capacity(updates.len());
    let mut under_way = std::pin::pin!(
        stream::iter(updates)
            .map(|update| async {
                let result = if stopped.get() {
                    UpdateResult::NotAttempted
                } else {
                    send(writer, &update).await
                };
                match &result {
                    UpdateResult::Failed(error) => {
                        failures.set(failures.get() + usize::from(error.is_the_servers()));
                        let is_down = failures.get() >= DOWN;
                        stopped.set(stopped.get() || is_down || error.concerns_every_request());
                    }
                    UpdateResult::Updated { .. } => failures.set(0),
                    UpdateResult::NotAttempted => {}
                }
                Outcome { update, result }
            })
            .buffer_unordered(SIDE_BY_SIDE)
    );
    while let Some(outcome) = under_way.next().await {
        if !told(&outcome) {
            stopped.set(true);
        }
        outcomes.push(outcome);
    }
    outcomes.sort_by(|a, b| (&a.update.file, &a.update.id).cmp(&(&b.update.file, &b.update.id)));
    outcomes
}

async fn send(writer: &Writer, update: &Update) -> UpdateResult {
    match writer.update(&update.id, &update.patch).await {
        Ok(client) => {
            let kept = |field: Field, sent: &Value| client.fields().get(field.name()) == Some(sent);
            let differing = update.patch.iter();
            let differing = differing.filter(|(field, sent)| !kept(*field, sent));
            UpdateResult::Updated {
                differing: differing.map(|(field, _)| field).collect(),
                client,
            }
        }
        Err(ApiError::Stopped { .. }) => UpdateResult::NotAttempted,
        Err(error) => UpdateResult::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Options, Reader};
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
        let updates = (0..60).map(|number| Update {
            id: ClientId::from(format!("c{number:02}")),
            name: "A".to_owned(),
            file: None,
            patch: Patch::set(Field::Name, "B").unwrap(),
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
