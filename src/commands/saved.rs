//! `push --plan`: a saved plan in place of a new one, for as long as the tenant is as the plan has it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::Map;

use super::picking::{Target, names_of_new, split};
use super::planned::Planned;
use super::session::LiveResources;
use super::workspace::{Read, Workspace};
use super::{Terminal, Usage};
use crate::cli::{Push, ResultForm};
use crate::create::{New, new_resources};
use crate::files::{Contents, read_file};
use crate::merge::differing;
use crate::plan::{Change, FieldPlan, Plan, ResourcePlan, State};
use crate::push_plan::{HeldBack, NotMade, PushPlan, Reason};
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
    let named = named.map(|resource| (names(resource), Target::Resource(resource)));
    let new = saved.new.iter();
    let new = new.map(|new| (names_of_new(new), Target::New(new)));
    let (resources, new) = split(workspace.selection.pick(named.chain(new))?);
    let ids: Vec<_> = resources.iter().map(|resource| &resource.id).collect();
    // What is there already can be told from a whole list only.
    let is_making = options.create && !new.is_empty();
    let whole = match is_making {
        true => Read::Whole,
        false => Read::Managed,
    };
    let live = match is_making {
        true => {
            workspace
                .session
                .all(workspace.managed(), &workspace.contents)
                .await?
        }
        false => {
            let fields = Read::Managed.fields(workspace.managed());
            let known = (&workspace.contents, &workspace.bases);
            workspace.session.these(&ids, known, fields).await?
        }
    };

    let mut left = Vec::new();
    let mut held_back = Vec::new();
    let described = new_resources(&workspace.contents, is_making.then_some(&*live));
    if is_making {
        left.extend(waiting(&new, workspace, &live));
    }
    let (new, not_made) = new_left_of(new, &described, &workspace.contents, &live);
    for resource in resources {
        let id = &resource.id;
        if !live.has_read(id.kind()) {
            held_back.extend(workspace.held_back_unread(&[id], &live));
            continue;
        }
        let file = workspace.contents.resources.get(id);
        let base = workspace.bases.of(id);
        let resource = &with_ids(resource, &workspace.contents);
        match left_of(workspace.managed(), resource, file, base, live.get(id)) {
            Ok(resource) => left.push(resource),
            Err(held) => held_back.push(*held),
        }
    }
    left.retain(|resource| resource.state == State::FileOnly || !resource.fields.is_empty());
    let plan = |resources, new| Plan {
        tenant: tenant.clone(),
        base: workspace.bases.from(),
        resources,
        new,
    };
    if held_back.is_empty() && not_made.is_empty() {
        return Ok(Some(Planned {
            plan: plan(left, new),
            live,
            whole,
            held_back,
            not_made,
        }));
    }
    let held = held_back.iter();
    let held =
        held.map(|held: &HeldBack| format!("{}: {}", held.resource.label(), render::reason(held)));
    let unmade = not_made.iter();
    let unmade =
        unmade.map(|unmade| format!("{}: {}", unmade.new.file, render::why_not_made(unmade)));
    let reasons: Vec<String> = held.chain(unmade).collect();
    if options.output.form == ResultForm::Json {
        let rest = left.into_iter().map(|resource| HeldBack {
            resource,
            reason: Reason::RestOfPlan,
        });
        held_back.extend(rest);
        let rest = new.into_iter().map(|new| NotMade {
            new,
            reason: Reason::RestOfPlan,
        });
        let nothing = PushPlan {
            held_back,
            not_made: not_made.into_iter().chain(rest).collect(),
            ..PushPlan::nothing(plan(Vec::new(), Vec::new()))
        };
        terminal.result(&render::json::push(&nothing, &[], &[]))?;
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

/// What is still to be sent of a saved plan's new resources that an earlier run made: what had to wait for an id.
fn waiting(saved: &[&New], workspace: &Workspace, live: &LiveResources) -> Vec<ResourcePlan> {
    let contents = &workspace.contents;
    let saved: BTreeMap<&str, &New> = saved.iter().map(|new| (&*new.file, *new)).collect();
    let files = contents.resources.iter();
    let made = files.filter(|(_, file)| saved.contains_key(&*file.file));
    let made = workspace.plan(made.map(|(id, _)| id), live, Read::Whole);
    let made = made.resources.into_iter().filter_map(|mut resource| {
        let saved = saved.get(resource.file.as_deref()?)?;
        let saved = contents.with_ids(saved.kind, &saved.fields);
        let is_due = |edit: &FieldPlan| {
            edit.change == Change::Edit && edit.local.as_ref() == saved.get(edit.field.name())
        };
        resource.fields.retain(is_due);
        (!resource.fields.is_empty()).then_some(resource)
    });
    made.collect()
}

/// A resource of a saved plan, with ids in the place of files that have got one since.
fn with_ids(saved: &ResourcePlan, contents: &Contents) -> ResourcePlan {
    let mut saved = saved.clone();
    let kind = saved.id.kind();
    for edit in &mut saved.fields {
        let name = edit.field.name().to_owned();
        if let (None, Some(local)) = (
            edit.field.key().and_then(|key| key.key.as_ref()),
            &edit.local,
        ) {
            let fields = Map::from_iter([(name.clone(), local.clone())]);
            edit.local = contents.with_ids(kind, &fields).remove(&name);
        }
    }
    saved
}

/// What of a saved plan's new resources is left to make, and what can't be made as the plan has it.
fn new_left_of(
    saved: Vec<&New>,
    now: &[New],
    contents: &Contents,
    live: &LiveResources,
) -> (Vec<New>, Vec<NotMade>) {
    let (mut left, mut not_made) = (Vec::new(), Vec::new());
    for saved in saved {
        let now = now
            .iter()
            .find(|now| (now.kind, &now.file) == (saved.kind, &saved.file));
        let is_made = contents
            .resources
            .iter()
            .any(|(id, file)| id.kind() == saved.kind && file.file == saved.file);
        let reason = match now {
            None if is_made => continue,
            None => Reason::NoFile,
            Some(_) if !live.has_read(saved.kind) => Reason::Unread,
            Some(now) => {
                let saved = contents.with_ids(saved.kind, &saved.fields);
                match &now.refusal {
                    _ if now.fields != saved => Reason::FileChanged(differing(&saved, &now.fields)),
                    Some(refusal) => Reason::CannotMake(refusal.clone()),
                    None => {
                        left.push(now.clone());
                        continue;
                    }
                }
            }
        };
        let new = saved.clone();
        not_made.push(NotMade { new, reason });
    }
    (left, not_made)
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
