//! `token`: prints an access token, the one result of this tool that is a secret.

use anyhow::Result;

use super::invocation::Invocation;
use super::{Ending, Terminal};

pub(super) async fn run(invocation: &Invocation<'_>, terminal: &Terminal) -> Result<Ending> {
    let settings = invocation.settings()?;
    let session = invocation.connect(settings, terminal)?;
    let token = session.reader.access_token().await?;
    terminal.token(&token)?;
    Ok(Ending::Clean)
}
