//! `promote`: one tenant's values into another's files. It asks no tenant anything; `diff` and `push` take it from there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::Map;

use super::invocation::Invocation;
use super::session::LiveResources;
use super::workspace::{check_fields, names, warn_of, warn_rewritten};
use super::{Ending, Terminal, Usage, problems};
use crate::base::BaseFrom;
use crate::cli::{PlanForm, Promote};
use crate::files::{self, Access, Contents, FilesError, ResourceFile, TenantDirectory};
use crate::kinds::Field;
use crate::names::names_in;
use crate::plan::{Change, FieldPlan, Plan, PlanField, ResourcePlan, State, Tenant};
use crate::promote::{Counterpart, Gone, Member, Promoted, Side, Stems, promote};
use crate::render::{self, promotion as render_promotion};
use crate::resource::ResourceId;
use crate::three_way::Base;

pub(super) fn run(
    invocation: &Invocation<'_>,
    options: &Promote,
    terminal: &Terminal,
) -> Result<Ending> {
    if invocation.names_tenant() {
        return Err(Usage::error(
            "a promotion has two tenants, and --tenant names one",
            "leave it out: --from and --to name them",
        ));
    }
    if options.from == options.to {
        return Err(Usage::error(
            format!("{} can't be promoted to itself", options.from),
            "name two tenants: --from dev --to prod",
        ));
    }
    let from_directory = invocation.open_tenant(&options.from, Access::Read, terminal)?;
    let from = from_directory.read()?;
    let directory = invocation.open_tenant(&options.to, Access::Write, terminal)?;
    for (tenant, directory) in [(&options.from, &from_directory), (&options.to, &directory)] {
        check_fields(
            &options.fields,
            directory.managed(),
            &format!("in {tenant}"),
        )?;
    }
    let to = directory.read()?;
    warn_of(&from, terminal);
    warn_of(&to, terminal);
    let overrides = directory.read_overrides(&to)?;

    let files = from.resources.iter();
    let files = files.map(|(id, file)| (names(id, Some(file)), (id.kind(), file.stem.as_str())));
    let selection = invocation.selection(&options.selectors, from_directory.path());
    let selected: BTreeSet<Counterpart<'_>> = selection.pick(files)?.into_iter().collect();
    let is_asked = |field: Field| {
        options.fields.is_empty() || options.fields.iter().any(|name| name == field.name())
    };
    let promotion = promote(
        Side {
            files: &stems(&from)?,
            managed: from_directory.managed(),
            domain: domain(&from),
        },
        &gone(&from),
        Side {
            files: &stems(&to)?,
            managed: directory.managed(),
            domain: domain(&to),
        },
        &overrides,
        &is_asked,
        &selected,
    );

    if !promotion.missing.is_empty() {
        let (from, to) = (&options.from, &options.to);
        let (message, hint) = render_promotion::missing(&promotion.missing, from, to);
        if options.output.form == PlanForm::Json {
            terminal.result(&render::json::error(&message, Some(&hint)))?;
        }
        terminal.error(&message, Some(&hint));
        return Ok(Ending::Differences);
    }
    let by_stem: ByStem<'_> = to
        .resources
        .iter()
        .map(|(id, file)| ((id.kind(), file.stem.as_str()), (id, file)))
        .collect();
    for Promoted {
        kind,
        stem,
        field,
        new,
        ..
    } in &promotion.changes
    {
        field.validate(new).map_err(|invalid| {
            Usage::error(
                format!("{}: {invalid}", render_promotion::file(kind, stem)),
                invalid.hint,
            )
        })?;
    }
    let (written, failure) = match options.dry_run {
        true => (&promotion.changes[..], None),
        false => write(&directory, &by_stem, &promotion.changes, terminal),
    };
    let plan = plan(options, &to, &by_stem, written);
    let nobody = LiveResources::default();
    let names = names_in(&nobody, &to.resources);
    let summary = render_promotion::summary(&plan, options.dry_run);
    let remarks = render_promotion::remarks(&promotion, &options.from, &options.to);
    match options.output.form {
        PlanForm::Text => terminal.text(&render_promotion::text(&plan, &summary, &remarks, &names)),
        PlanForm::Json => {
            remarks.iter().for_each(|remark| terminal.note(remark));
            let alone = from.resources.iter().filter(|(id, file)| {
                promotion
                    .alone
                    .iter()
                    .any(|(kind, stem)| *kind == id.kind() && *stem == file.stem)
            });
            let alone: Vec<_> = alone
                .map(|(id, file)| (id.kind(), file.file.as_str()))
                .collect();
            terminal.result(&render::json::promotion(
                &plan,
                &options.from,
                &options.to,
                &alone,
            ))
        }
        PlanForm::Markdown => terminal.result(&render::markdown::promotion(
            &plan, &summary, &remarks, &names,
        )),
    }?;
    if let Some(failure) = failure {
        for problem in problems(&failure.into()) {
            terminal.problem(&problem);
        }
        return Ok(Ending::Failure);
    }
    let would_write = options.dry_run && !promotion.changes.is_empty();
    Ok(Ending::differences(
        would_write || !promotion.alone.is_empty(),
    ))
}

fn domain(contents: &Contents) -> &str {
    contents
        .lock
        .as_ref()
        .map_or("", |lock| lock.domain.as_str())
}

/// The files of the other tenant.
type ByStem<'a> = BTreeMap<Counterpart<'a>, (&'a ResourceId, &'a ResourceFile)>;

/// The resources that the lock knows and that have no file any more.
fn gone(contents: &Contents) -> Gone<'_> {
    let locked = contents.lock.iter().flat_map(|lock| &lock.resources);
    let gone = locked.filter(|(id, _)| !contents.resources.contains_key(*id));
    let stem = |file| Path::new(file).file_stem()?.to_str();
    gone.filter_map(|(id, locked)| Some((id, stem(&locked.file)?)))
        .collect()
}

/// A tenant's files by kind and stem.
fn stems(contents: &Contents) -> Result<Stems<'_>> {
    let mut stems = Stems::new();
    for (id, file) in &contents.resources {
        let member = Member {
            id,
            fields: &file.fields,
        };
        if stems.insert((id.kind(), &file.stem), member).is_some() {
            return Err(Usage::error(
                format!(
                    "two files are named {}, in different formats",
                    render_promotion::file(id.kind(), &file.stem)
                ),
                format!(
                    "rename one: the name ties a {} to its counterpart in other tenants",
                    id.kind().singular
                ),
            ));
        }
    }
    Ok(stems)
}

/// Writes file by file. Answers the changes that were written, and the error that kept the next file from being written.
fn write<'a>(
    directory: &TenantDirectory,
    files: &ByStem<'_>,
    changes: &'a [Promoted],
    terminal: &Terminal,
) -> (&'a [Promoted], Option<FilesError>) {
    let mut written = 0;
    for ((id, file), of_file) in by_file(files, changes) {
        let mut fields = Map::clone(&file.fields);
        for change in of_file {
            fields.insert(change.field.name().to_owned(), change.new.clone());
        }
        let leading = directory.managed().leading(id.kind());
        let rewritten = files::rewrite(&file.text, &fields, &leading, file.format);
        if rewritten.comments_lost {
            warn_rewritten(&file.file, terminal);
        }
        if let Err(failure) = directory.rewrite_file(file, &rewritten.text) {
            return (&changes[..written], Some(failure));
        }
        written += of_file.len();
    }
    (changes, None)
}

/// Each file that changes, with its changes, which are in the order of files.
fn by_file<'a>(
    files: &'a ByStem<'a>,
    changes: &'a [Promoted],
) -> impl Iterator<Item = ((&'a ResourceId, &'a ResourceFile), &'a [Promoted])> {
    let is_same =
        |one: &Promoted, next: &Promoted| (one.kind, &one.stem) == (next.kind, &next.stem);
    let changes = changes.chunk_by(is_same);
    changes.filter_map(|changes| {
        let first = changes.first()?;
        Some((*files.get(&(first.kind, first.stem.as_str()))?, changes))
    })
}

/// The changes as a plan, to be shown like any other: what the file said is on the side of the tenant.
fn plan(options: &Promote, to: &Contents, files: &ByStem<'_>, changes: &[Promoted]) -> Plan {
    let resources = by_file(files, changes).map(|((id, file), changes)| {
        let base = to.lock.as_ref().and_then(|lock| lock.base(id));
        let fields = changes.iter().map(|change| FieldPlan {
            field: PlanField::Updatable(change.field.into()),
            change: Change::Edit,
            base: base
                .map_or(Base::NoBase, |base| base.get(&change.field.into()))
                .cloned(),
            local: Some(change.new.clone()),
            live: change.old.clone(),
            is_unsent_edit: false,
        });
        let name = id.kind().label_in(&file.fields);
        ResourcePlan {
            id: id.clone(),
            name: name.unwrap_or(&file.stem).to_owned(),
            file: Some(file.file.clone()),
            state: State::Changed,
            fields: fields.collect(),
        }
    });
    let domain = to.lock.as_ref().map(|lock| lock.domain.clone());
    Plan {
        base: BaseFrom::Lock,
        resources: resources.collect(),
        tenant: Tenant {
            name: Some(options.to.clone()),
            domain: domain.unwrap_or_default(),
        },
    }
}
