//! `schema`: prints the JSON Schema of a kind's files, or that of the project's settings.

use anyhow::Result;

use super::{Ending, Terminal};
use crate::cli::Schema;
use crate::files::Project;

pub(super) fn run(options: &Schema, terminal: &Terminal) -> Result<Ending> {
    match options.kind {
        Some(kind) => terminal.result(kind.schema.text()),
        None => terminal.result(&Project::schema()),
    }?;
    Ok(Ending::Clean)
}
