//! `--all-tenants`: a command on every tenant that has a folder, one after the other.

use anyhow::Result;

use super::invocation::Invocation;
use super::{Ending, Terminal, Usage, diff, is_interruption, problems};
use crate::cli::{Diff, Global, PlanForm};
use crate::files::tenants;
use crate::render;
use crate::settings::Environment;

/// The options of a run on each of the tenants. Where no tenant has a folder, there is one run, without a tenant's name.
///
/// # Errors
/// The command line names one of them.
pub(super) fn each(invocation: &Invocation<'_>, global: &Global) -> Result<Vec<Global>> {
    if invocation.names_tenant() {
        return Err(Usage::error(
            "--tenant names one tenant, and --all-tenants means every one",
            "leave one of the two out",
        ));
    }
    let names = tenants(invocation.root()).into_iter().map(Some);
    let mut names: Vec<Option<String>> = names.collect();
    if names.is_empty() {
        names.push(None);
    }
    let of_tenant = |tenant| Global {
        tenant,
        ..global.clone()
    };
    Ok(names.into_iter().map(of_tenant).collect())
}

/// `diff` of each tenant. Where one can't be compared, the error is shown, and the others go on.
pub(super) async fn diff(
    invocation: &Invocation<'_>,
    (global, environment): (&Global, &Environment),
    options: &Diff,
    terminal: &Terminal,
) -> Result<Ending> {
    if options.output.form == PlanForm::Json {
        return Err(Usage::error(
            "a JSON plan is that of one tenant, and --all-tenants has several",
            "ask for one after the other: `tenantry diff --tenant NAME -o json`",
        ));
    }
    let mut worst = Ending::Clean;
    for (index, global) in each(invocation, global)?.into_iter().enumerate() {
        let gap = if index > 0 { "\n" } else { "" };
        match (&global.tenant, options.output.form) {
            (Some(name), PlanForm::Text) => {
                terminal.text(&format!("{gap}{}", render::text::heading(name)))
            }
            _ => terminal.result(gap),
        }?;
        let ending = match Invocation::new(&global, environment) {
            Ok(invocation) => diff::run(&invocation, options, terminal).await,
            Err(error) => Err(error),
        };
        match ending {
            Ok(ending) => worst = worst.and(ending),
            Err(error) if is_interruption(&error) => return Err(error),
            Err(error) => {
                worst = worst.and(Ending::Failure);
                for problem in problems(&error) {
                    terminal.problem(&problem);
                }
            }
        }
    }
    Ok(worst)
}
