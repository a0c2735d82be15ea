//! Sending a plan: the only code that writes to a tenant. Each client's outcome is told as soon as it is known, so that the
//! caller can remember it before the next one.

use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use crate::api::{ApiError, Writer};
use crate::client::{Client, ClientId, Field, Patch};

/// How many clients are updated at once when the tenant's limit allows for it.
const SIDE_BY_SIDE: usize = 16;

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
/// every other update would meet too (no network, no permission), or when `told` answers false, the rest is not attempted.
pub async fn apply(
    writer: &Writer,
    updates: Vec<Update>,
    mut told: impl FnMut(&Outcome) -> bool,
) -> Vec<Outcome> {
    let stopped = std::cell::Cell::new(false);
    let mut outcomes = Vec::with_capacity(updates.len());
    let mut under_way = std::pin::pin!(
        stream::iter(updates)
            .map(|update| async {
                let result = if stopped.get() {
                    UpdateResult::NotAttempted
                } else {
                    send(writer, &update).await
                };
                if let UpdateResult::Failed(error) = &result {
                    stopped.set(stopped.get() || error.concerns_every_request());
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
