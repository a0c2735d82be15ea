//! Plans and results → text, JSON, markdown. Every function takes plain values and returns text; none prints. What a tenant or
//! a file says is escaped, so that it can't move the cursor, change colours or run as HTML.

mod change;
pub mod excerpt;
pub mod findings;
mod fit;
pub mod json;
pub mod markdown;
pub mod text;
mod value;

use crate::plan::{Change, Plan, State};
pub use change::ClientNames;
pub use fit::fit;

pub(crate) use crate::printable::printable;

/// `2 edits, 1 drift in 3 clients, 1 client only on the tenant`; None where there is nothing to say.
pub fn summary(plan: &Plan) -> Option<String> {
    let fields: Vec<String> = [
        (plan.count(Change::Edit), "edit", "edits"),
        (plan.count(Change::Drift), "drifted field", "drifted fields"),
        (plan.count(Change::Conflict), "conflict", "conflicts"),
        (
            plan.count(Change::Unmanaged),
            "unmanaged difference",
            "unmanaged differences",
        ),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| counted(count, one, many))
    .collect();
    let mut parts = Vec::new();
    if !fields.is_empty() {
        let clients = counted(plan.count_clients(State::Changed), "client", "clients");
        parts.push(format!("{} in {clients}", fields.join(", ")));
    }
    for (state, words) in [
        (State::LiveOnly, "only on the tenant"),
        (State::FileOnly, "only in a file"),
    ] {
        let count = plan.count_clients(state);
        if count > 0 {
            parts.push(format!("{} {words}", counted(count, "client", "clients")));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `1 client`, `2 clients`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
