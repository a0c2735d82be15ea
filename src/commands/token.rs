//! `token`: prints an access token, the one result of this tool that is a secret.

use anyhow::Result;

use super::session::Scene;
use super::{Ending, Terminal};

pub(super) async fn run(scene: &Scene<'_>, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    let session = scene.connect(settings, terminal)?;
    let token = session.reader.access_token().await?;
    terminal.token(&token)?;
    Ok(Ending::Clean)
}
