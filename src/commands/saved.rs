//! `push --plan`: a saved plan in place of a new one, for as long as the tenant is as the plan has it.

use std::path::Path;

use anyhow::Result;

use super::push::Planned;
use super::workspace::{Read, Workspace};
use super::{Terminal, Usage};
use crate::cli::{Push, ResultForm};
use crate::files::read_file;
use crate::plan::{Plan, ResourcePlan, State};
use crate::push_plan::{HeldBack, PushPlan, Reason};
use crate::render;
use crate::saved_plan::{self, left_of};
use crate::select::Names;

/// A saved plan and the live resources that it is about. Where live is not what it was, this says so and answers None.
pub(super) async fn planned(
    file: &Path,
    options: &Push,
    workspace: &Workspace,
    terminal: &Terminal,
) -> Result<Option<Planned>> {
    // An error about one of our own files would quote the line. This may be any file, even one with a secret.
    let mut saved = saved_plan::parse(&read_file(file)?).map_err(|error| {
        Usage::error(
            format!("{}:{}: {}", file.display(), error.position, error.message),
            error.hint.unwrap_or_default(),
        )
    })?;
    let tenant = &workspace.session.tenant;
    if saved.tenant.domain != tenant.domain {
        return Err(Usage::error(
            format!(
                "{} is a plan for {}, and the settings name {}",
                file.display(),
                saved.tenant.domain,
                tenant.domain
            ),
            "a plan is for one tenant: make one for this tenant with `tenantry diff -o json`",
        ));
    }
    if !options.fields.is_empty() {
        saved = saved.narrowed(&options.fields);
    }
    let named = saved
        .resources
        .iter()
        .filter(|resource| resource.state != State::LiveOnly);
    let named = named.map(|resource| (names(resource), resource));
    let resources = workspace.selection.pick(named)?;
    let ids: Vec<_> = resources.iter().map(|resource| &resource.id).collect();
    let fields = Read::Managed.fields(workspace.managed());
    let live = workspace
        .session
        .these(&ids, (&workspace.contents, &workspace.bases), fields)
        .await?;

    let mut left = Vec::new();
    let mut held_back = Vec::new();
    for resource in resources {
        let id = &resource.id;
        if !live.has_read(id.kind()) {
            held_back.extend(workspace.held_back_unread(&[id], &live));
            continue;
        }
        let file = workspace.contents.resources.get(id);
        let base = workspace.bases.of(id);
        match left_of(workspace.managed(), resource, file, base, live.get(id)) {
            Ok(resource) => left.push(resource),
            Err(held) => held_back.push(*held),
        }
    }
    left.retain(|resource| resource.state == State::FileOnly || !resource.fields.is_empty());
    let plan = |resources| Plan {
        tenant: tenant.clone(),
        base: workspace.bases.from(),
        resources,
    };
    if held_back.is_empty() {
        return Ok(Some(Planned {
            plan: plan(left),
            live,
            whole: Read::Managed,
            held_back,
        }));
    }
    let reasons: Vec<String> = held_back
        .iter()
        .map(|held: &HeldBack| format!("{}: {}", held.resource.label(), render::reason(held)))
        .collect();
    if options.output.form == ResultForm::Json {
        let rest = left.into_iter().map(|resource| HeldBack {
            resource,
            reason: Reason::RestOfPlan,
        });
        held_back.extend(rest);
        let nothing = PushPlan {
            plan: plan(Vec::new()),
            updates: Vec::new(),
            held_back,
        };
        terminal.result(&render::json::push(&nothing, &[]))?;
    }
    terminal.error(
        &format!(
            "nothing was sent: files and tenant are not as {} has them\n{}",
            file.display(),
            reasons.join("\n")
        ),
        Some("make a new plan with `tenantry diff -o json`, and look at it"),
    );
    Ok(None)
}

fn names(resource: &ResourcePlan) -> Names<'_> {
    let stem = resource
        .file
        .as_deref()
        .and_then(|file| Path::new(file).file_stem()?.to_str());
    Names {
        kind: Some(resource.id.kind()),
        id: resource.id.as_str(),
        file: resource.file.as_deref(),
        stem,
        live_name: Some(&resource.name),
        ..Names::default()
    }
}
