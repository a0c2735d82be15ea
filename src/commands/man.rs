//! `man`: prints the manual page.

use anyhow::Result;

use super::{Ending, Terminal};
use crate::manual;

pub(super) fn run(terminal: &Terminal) -> Result<Ending> {
    terminal.result(&manual::page()?)?;
    Ok(Ending::Clean)
}
