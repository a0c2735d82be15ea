//! `sandbox`: the embedded tenant as a server of its own, and its reset.

use std::time::Duration;

use anyhow::Result;

use super::invocation::Invocation;
use super::{Ending, Terminal, Usage};
use crate::cli;
use crate::sandbox::Sandbox;

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &cli::Sandbox,
    terminal: &Terminal,
) -> Result<Ending> {
    match &options.command {
        cli::SandboxCommand::Serve(serve) => run_server(invocation, serve, terminal).await,
        cli::SandboxCommand::Reset => reset(invocation, terminal),
    }
}

async fn run_server(
    invocation: &Invocation<'_>,
    options: &cli::Serve,
    terminal: &Terminal,
) -> Result<Ending> {
    let mut sandbox = Sandbox::builder()
        .port(options.port)
        .latency(Duration::from_millis(options.latency))
        .fail_percent(options.fail, 0);
    if let (Some(rate), Some(burst)) = (options.rate, options.burst) {
        sandbox = sandbox.rate(rate, burst);
    }
    if !options.scopes.is_empty() {
        let scopes = options
            .scopes
            .iter()
            .flat_map(|scopes| scopes.split([' ', ',']));
        let scopes: Vec<&str> = scopes.filter(|scope| !scope.is_empty()).collect();
        sandbox = sandbox.scopes(&scopes);
    }
    let mut held = None;
    sandbox = match options.clients {
        Some(count) => sandbox.generated(count),
        None => {
            let name = name(invocation)?;
            held = Some(invocation.hold_sandbox(name, terminal)?);
            sandbox
                .seed(name)
                .state_file(invocation.sandbox_state(name)?)
        }
    };
    let sandbox = sandbox.start()?;
    terminal.result(&format!(
        "AUTH0_DOMAIN={}\nAUTH0_CLIENT_ID={}\nAUTH0_CLIENT_SECRET={}\n",
        sandbox.url(),
        sandbox.client_id(),
        sandbox.client_secret()
    ))?;
    terminal.note("serving until Ctrl-C");
    sandbox.wait().await;
    drop(held);
    Ok(Ending::Clean)
}

fn reset(invocation: &Invocation<'_>, terminal: &Terminal) -> Result<Ending> {
    let name = name(invocation)?;
    // The folder stays, since it has the file by which a running sandbox locks its state.
    let state = invocation.sandbox_folder(name)?.join("state.json");
    let _held = match state.symlink_metadata() {
        Ok(_) => Some(invocation.hold_unused_sandbox(name)?),
        Err(_) => None,
    };
    match std::fs::remove_file(&state) {
        Ok(()) => terminal.note(&format!("{name} starts anew; its files are as they were")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            terminal.note(&format!("{name} is as it was first"));
        }
        Err(error) => {
            return Err(Usage::error(
                format!("can't remove {}: {error}", state.display()),
                "remove it by hand",
            ));
        }
    }
    Ok(Ending::Clean)
}

/// The sandbox that is meant: `sandbox` unless `--tenant` names another one.
fn name<'a>(invocation: &Invocation<'a>) -> Result<&'a str> {
    match (invocation.sandbox_name(), invocation.tenant()) {
        (Some(name), _) => Ok(name),
        (None, None) => Ok("sandbox"),
        (None, Some(tenant)) => Err(Usage::error(
            format!("{tenant} is no sandbox"),
            "a sandbox's name is `sandbox`, or begins with `sandbox-` and has no .env file",
        )),
    }
}
