//! `scopes`: the API scopes that the managed kinds need.

use std::collections::BTreeSet;

use anyhow::Result;

use super::invocation::Invocation;
use super::{Ending, Terminal};
use crate::cli::Scopes;

pub(super) fn run(
    invocation: &Invocation<'_>,
    options: &Scopes,
    terminal: &Terminal,
) -> Result<Ending> {
    let managed = invocation.project_of_all()?.managed();
    let mut scopes = BTreeSet::new();
    for kind in managed.kinds() {
        let [read, update, create] = kind.scopes();
        scopes.insert(read);
        if options.create && kind.only().is_none() {
            scopes.insert(create);
        }
        if options.write {
            scopes.insert(update);
            scopes.extend(
                managed
                    .fields(kind)
                    .filter_map(|field| field.row().scope)
                    .map(str::to_owned),
            );
        }
    }
    let lines: String = scopes.iter().map(|scope| format!("{scope}\n")).collect();
    terminal.result(&lines)?;
    Ok(Ending::Clean)
}
